// SPDX-License-Identifier: Apache-2.0
// From a plan node to its operator.
#pragma once

#include <memory>

#include "base/result.h"
#include "exec/operator.h"
#include "exec/operators_internal.h"

namespace firn::exec {

/// Not for scans, values, exchanges, sinks and collects: those are made by the job graph. kNotSupported names what is missing.
Result<std::unique_ptr<Operator>> MakeOperator(const plan::PhysicalNode& node, const OperatorOptions& options);

}  // namespace firn::exec
