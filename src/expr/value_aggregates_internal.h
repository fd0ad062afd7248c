// SPDX-License-Identifier: Apache-2.0
// What MIN, MAX, FIRST_VALUE, LAST_VALUE and SINGLE_VALUE share: over input that only comes, and over input that may be taken back.
#pragma once

#include <memory>

#include "expr/aggregate_groups_internal.h"

namespace firn::expr {

// Which of a group's values is the result.
enum class Keep { kMin, kMax, kFirst, kLast, kSingle };

// SINGLE_VALUE counts rows, so for it NULL is a value too.
constexpr bool KeepsNulls(Keep keep) { return keep == Keep::kSingle; }

// SINGLE_VALUE met a second row.
Error TooManyRows();

// All values of each group, of any type, by value (MIN, MAX) or by arrival; state: LIST of the values' bytes, LIST of their counts.
Result<std::unique_ptr<GroupedAccumulator>> MakeRetractableValues(Keep keep, const Signature& signature);

}  // namespace firn::expr
