// SPDX-License-Identifier: Apache-2.0
// Plan nodes in words: for EXPLAIN, operator names and the text that uids are made of.
#pragma once

#include <string>

#include "plan/logical_plan.h"
#include "plan/physical_plan.h"

namespace firn::plan {

/// "GroupAggregate(groupBy=[k], select=[COUNT(*) AS c])": columns by name.
std::string Describe(const PhysicalNode& node);
/// The same for a logical node.
std::string Describe(const LogicalNode& node);
/// Short: "Source: trades", "WindowAggregate(TUMBLE 1 min)".
std::string OperatorName(const PhysicalNode& node);
/// "TUMBLE(event_time, 1 min)"; `fields`: of the window's input.
std::string Describe(const WindowSpec& window, const std::vector<types::Field>& fields);
/// "1 min", "90 s", "1500 ms".
std::string DurationText(int64_t milliseconds);

}  // namespace firn::plan
