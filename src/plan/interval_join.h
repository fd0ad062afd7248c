// SPDX-License-Identifier: Apache-2.0
// Interval joins: the row times of both sides within a range of each other. They need an operator of their own, which forgets rows as the watermark
// passes; run as ordinary joins they would keep all rows for ever, so they are refused wherever the range is written, in ON or in WHERE.
#pragma once

#include "base/result.h"
#include "plan/logical_plan.h"

namespace firn::plan {

/// kNotSupported at the first bound of an interval join in the tree, whose filters have been pushed down.
Status RefuseIntervalJoins(const LogicalNode& root);

}  // namespace firn::plan
