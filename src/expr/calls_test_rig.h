// SPDX-License-Identifier: Apache-2.0
// Calls over literals, for tests.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "expr/evaluator.h"
#include "types/value_text.h"

namespace firn::expr {

/// A streaming query in UTC.
inline const EvaluationContext kStreaming;

inline ExpressionPtr S(std::string_view text) { return MakeStringLiteral(text); }
inline ExpressionPtr N(int32_t value) { return MakeIntLiteral(value); }

/// A call that must be accepted.
inline ExpressionPtr Call(std::string_view name, std::vector<ExpressionPtr> arguments) {
  auto bound = BindCall(name, std::move(arguments), {}, kStreaming);
  EXPECT_TRUE(bound.ok()) << name << ": " << bound.error().ToString();
  return *bound;
}

/// Its value as Flink prints it, or the message of its error.
inline std::string Show(const ExpressionPtr& expression) {
  auto value = EvaluateConstant(*expression, kStreaming);
  if (!value.ok()) return value.error().message();
  return *types::FormatCell(**value, 0, expression->type, "UTC");
}

}  // namespace firn::expr
