// SPDX-License-Identifier: Apache-2.0
// Aggregates that no query names: those by which set operations, sub-queries and sessions are planned.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "expr/aggregate_function.h"

namespace firn::plan {

/// A call of a built-in aggregate over arguments of these types; which columns they are is left to fill in.
Result<expr::AggregateCall> BuiltInAggregate(std::string_view name, std::vector<types::DataType> types, base::SourceSpan span, const expr::EvaluationContext& evaluation);

}  // namespace firn::plan
