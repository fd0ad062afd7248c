// SPDX-License-Identifier: Apache-2.0
// Changelog inference over the logical plan: which row kinds a relation carries, which of its columns identify a row, and where an operator
// cannot do without -U (Flink's modify-kind and update-kind traits, with two values each).
#pragma once

#include <vector>

#include "plan/logical_plan.h"

namespace firn::plan {

/// The row kinds that `node` emits if its consumer asks for -U. Everything is insert-only when `is_batch`.
ChangelogMode ChangelogOf(const LogicalNode& node, bool is_batch);

/// Columns that identify a row of the result: ascending, empty if none are known. An aggregate without keys has one row and gives none.
std::vector<int> UpsertKeyOf(const LogicalNode& node);

/// At most one row at any time: an aggregate without keys, LIMIT 1, one row of VALUES.
bool HasAtMostOneRow(const LogicalNode& node);

/// Whether a filter needs -U of its input: it does unless it looks at nothing but the columns that identify a row, since else an update may
/// leave the filtered relation and only -U takes the old row out.
bool FilterNeedsUpdateBefore(const expr::Expression& condition, const LogicalNode& input);

/// "[I]", "[I,UA,D]", "[I,UB,UA,D]": as Flink's EXPLAIN CHANGELOG_MODE prints it.
std::string ToString(const ChangelogMode& mode);

}  // namespace firn::plan
