// SPDX-License-Identifier: Apache-2.0
// The examples in the documentation of every function give what they say.
#include <arrow/compute/initialize.h>
#include <gtest/gtest.h>

#include "expr/evaluator.h"
#include "expr/scalar_function.h"
#include "plan/test_catalog_internal.h"
#include "types/value_text.h"

namespace firn::plan {
namespace {

// The one expression of SELECT ... without FROM.
expr::ExpressionPtr ExpressionOf(const JobPlan& plan) {
  for (const PhysicalNodePtr& node : NodesOf(plan)) {
    if (const auto* calc = std::get_if<CalcNode>(&node->spec)) return calc->outputs[0];
  }
  return nullptr;
}

std::string Evaluate(const std::string& text) {
  TestSession session;
  auto outcome = session.Run("SELECT " + text + ";");
  if (!outcome.ok()) return outcome.error().ToString();
  const expr::ExpressionPtr expression = ExpressionOf(outcome->plan);
  if (expression == nullptr) return "no expression";
  auto value = expr::EvaluateConstant(*expression, {});
  if (!value.ok()) return value.error().ToString();
  return *types::FormatCell(**value, 0, expression->type, "UTC");
}

TEST(FunctionExamples, GiveWhatTheySay) {
  ASSERT_TRUE(arrow::compute::Initialize().ok());
  int examples = 0;
  for (const expr::ScalarFunction* function : expr::FunctionRegistry::BuiltIn().all()) {
    EXPECT_FALSE(function->doc.empty()) << function->names[0];
    for (const expr::FunctionExample& example : function->examples) {
      EXPECT_EQ(Evaluate(std::string(example.expression)), example.result) << example.expression;
      ++examples;
    }
  }
  EXPECT_GT(examples, 80);
}

}  // namespace
}  // namespace firn::plan
