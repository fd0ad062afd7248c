// SPDX-License-Identifier: Apache-2.0
#include "iceberg/type_promotion.h"

namespace firn::iceberg {

bool CanPromote(const Type& from, const Type& to) {
  if (from == to) return true;
  if (from.id == TypeId::kInt) return to.id == TypeId::kLong;
  if (from.id == TypeId::kFloat) return to.id == TypeId::kDouble;
  return from.id == TypeId::kDecimal && to.id == TypeId::kDecimal && from.scale == to.scale && to.precision > from.precision;
}

}  // namespace firn::iceberg
