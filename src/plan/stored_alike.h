// SPDX-License-Identifier: Apache-2.0
// Whether values of two types are alike in memory: text of any length is one type there, fields have no names, and whether NULL can be says nothing. An implicit
// cast between such types is none.
#pragma once

#include <algorithm>

#include "types/data_type.h"

namespace firn::plan {

inline bool IsStoredAlike(const types::DataType& left, const types::DataType& right) {
  if ((left.IsCharacter() && right.IsCharacter()) || (left.IsBytes() && right.IsBytes())) return true;
  if (!left.IsNested() || left.kind() != right.kind()) return left.EqualsIgnoringNullability(right);
  return std::equal(left.fields().begin(), left.fields().end(), right.fields().begin(), right.fields().end(),
                    [](const types::Field& a, const types::Field& b) { return IsStoredAlike(a.type, b.type); });
}

}  // namespace firn::plan
