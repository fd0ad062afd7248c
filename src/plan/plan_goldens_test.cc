// SPDX-License-Identifier: Apache-2.0
// test/plan/NAME.sql: a script whose last statement is planned. NAME.golden: its EXPLAIN with changelog modes, or the refusal as people read it.
// FIRN_UPDATE_GOLDENS=1 writes the goldens anew; read the difference before it is committed.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "base/error_render.h"
#include "plan/plan_check_internal.h"
#include "plan/script_files_test.h"
#include "plan/test_catalog_internal.h"

namespace firn::plan {
namespace {

std::string Planned(const std::string& script) {
  TestSession session;
  const auto outcome = session.Run(script);
  if (!outcome.ok()) return base::RenderError(outcome.error(), {.source = session.statement()});
  EXPECT_EQ(PlanChecker().Check(outcome->plan), "");
  return ExplainPlan(outcome->plan, ExplainDetail::kChangelogMode);
}

class PlanGolden : public testing::TestWithParam<std::string> {};

TEST_P(PlanGolden, Matches) {
  const std::string base = "test/plan/" + GetParam();
  const std::string planned = Planned(ReadText(base + ".sql"));
  if (std::getenv("FIRN_UPDATE_GOLDENS") != nullptr) std::ofstream(base + ".golden") << planned;
  EXPECT_EQ(planned, ReadText(base + ".golden"));
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(PlanGolden);
INSTANTIATE_TEST_SUITE_P(Scripts, PlanGolden, testing::ValuesIn(ScriptNames("test/plan")), [](const auto& test) { return test.param; });

}  // namespace
}  // namespace firn::plan
