// SPDX-License-Identifier: Apache-2.0
// The conversions that writing into a column makes by itself (Flink's implicit casts of sinks): numbers into wider ones, text into text of
// another length (cut and padded), times among themselves. Nothing that loses the value: BIGINT does not go into INT.
#pragma once

#include "base/result.h"
#include "expr/expression.h"
#include "expr/scalar_function.h"

namespace firn::plan {

bool IsAssignable(const types::DataType& from, const types::DataType& to);
/// `value` as the type of the column; its nullability stays. The types must be assignable.
Result<expr::ExpressionPtr> Assigned(const expr::ExpressionPtr& value, const types::DataType& to, const expr::EvaluationContext& evaluation);

}  // namespace firn::plan
