// SPDX-License-Identifier: Apache-2.0
// test/plan/NAME.sql: a script whose last statement is planned. NAME.golden: its EXPLAIN with changelog modes, or the refusal as people read it.
// FIRN_UPDATE_GOLDENS=1 writes the goldens anew; read the difference before it is committed.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "base/error_render.h"
#include "plan/plan_check_internal.h"
#include "plan/test_catalog_internal.h"

namespace firn::plan {
namespace {

namespace fs = std::filesystem;

std::string ReadText(const fs::path& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

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

std::vector<std::string> ScriptNames() {
  std::set<std::string> names;
  std::error_code missing;  // run from elsewhere: no scripts
  for (const auto& entry : fs::directory_iterator("test/plan", missing)) {
    if (entry.path().extension() == ".sql") names.insert(entry.path().stem().string());
  }
  return {names.begin(), names.end()};
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(PlanGolden);
INSTANTIATE_TEST_SUITE_P(Scripts, PlanGolden, testing::ValuesIn(ScriptNames()), [](const auto& test) { return test.param; });

}  // namespace
}  // namespace firn::plan
