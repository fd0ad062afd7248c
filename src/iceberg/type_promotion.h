// SPDX-License-Identifier: Apache-2.0
// Which column types may become which others without rewriting files (specification, "Schema Evolution").
#pragma once

#include "iceberg/schema.h"

namespace firn::iceberg {

/// int to long, float to double, decimal(p,s) to a higher precision; and no change at all.
bool CanPromote(const Type& from, const Type& to);

}  // namespace firn::iceberg
