// SPDX-License-Identifier: Apache-2.0
// Literals as typed values, by Flink's rules: 1 is INT, 2147483648 BIGINT, 1.50 DECIMAL(3, 2), 1e0 DOUBLE, 'abc' CHAR(3); all NOT NULL.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "expr/expression.h"
#include "sql/ast_expression.h"

namespace firn::plan {

/// A kLiteral expression bound. kInvalidLiteral names the text and the form that is accepted.
Result<expr::ExpressionPtr> BindLiteral(const sql::Expression& literal, base::SourceSpan span);

/// The milliseconds of a bound day-to-second interval literal, or nullopt.
std::optional<int64_t> IntervalMilliseconds(const expr::Expression& expression);
/// The value of a bound integer literal (TINYINT to BIGINT), or nullopt.
std::optional<int64_t> IntegerValue(const expr::Expression& expression);
/// The value of a bound character literal, or nullopt.
std::optional<std::string> StringValue(const expr::Expression& expression);

}  // namespace firn::plan
