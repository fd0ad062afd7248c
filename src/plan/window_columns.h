// SPDX-License-Identifier: Apache-2.0
// Follows the bounds of assigned windows through the logical plan. They decide whether a GROUP BY is a window aggregate and whether a join
// is a window join.
#pragma once

#include <optional>

#include "plan/logical_plan.h"

namespace firn::plan {

/// Derives LogicalNode::window from the inputs'.
std::optional<WindowColumns> WindowColumnsOf(const LogicalNode& node);

/// Whether the aggregate is by a window: a legacy one, or both bounds among its keys.
bool IsWindowAggregate(const LogicalAggregate& aggregate, const LogicalNode& input);

/// Whether both sides carry a window and the condition equates both bounds.
bool IsWindowJoin(const LogicalJoin& join, const LogicalNode& left, const LogicalNode& right);

}  // namespace firn::plan
