// SPDX-License-Identifier: Apache-2.0
// From the rewritten logical plan to the physical one: operators are chosen (a window aggregate or an updating one, a window join or a regular
// one), -U is emitted only where a consumer needs it, exchanges and lanes are laid out, and nodes get their names and uids.
#pragma once

#include <vector>

#include "base/result.h"
#include "plan/logical_plan.h"
#include "plan/session_config.h"

namespace firn::plan {

/// `roots`: LogicalSink or CollectNode each. kChangelogMismatch, kNotSupported with the place of the operator that cannot run.
Result<JobPlan> MakePhysicalPlan(const std::vector<LogicalNodePtr>& roots, const SessionConfig& config,
                                 const std::map<std::string, std::string>& settings);

}  // namespace firn::plan
