// SPDX-License-Identifier: Apache-2.0
// The cases of test/flink as far as planning decides them: names and types of result columns, and refusals of users' errors.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>

#include "base/error_render.h"
#include "plan/plan_check_internal.h"
#include "plan/script_files_test.h"
#include "plan/test_catalog_internal.h"
#include "sql/unparser.h"

namespace firn::plan {
namespace {

namespace fs = std::filesystem;

/// The value of a "#key<TAB or space>value" line, or a "key<TAB>value" line of a refusal.
std::string HeaderOf(const std::string& text, const std::string& key) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(key)) return line.substr(key.size() + 1);
  }
  return "";
}

std::string ColumnsOf(const types::Schema& schema) {
  std::string text;
  for (const types::Field& field : schema.fields()) text += (text.empty() ? "" : "\t") + field.name + " " + field.type.ToString();
  return text;
}

class FlinkCase : public testing::TestWithParam<std::string> {};

TEST_P(FlinkCase, PlansAsFlink) {
  const fs::path base = fs::path("test/flink/cases") / GetParam();
  const std::string script = ReadText(base.string() + ".sql");
  TestSession session;
  const auto outcome = session.Run(script);
  const bool is_refused = fs::exists(base.string() + ".refused");
  const std::string rendered = outcome.ok() ? "" : base::RenderError(outcome.error(), {.source = session.statement()});
  if (is_refused) {
    const std::string refusal = ReadText(base.string() + ".refused");
    const bool is_compile = HeaderOf(refusal, "phase") == "compile";
    if (HeaderOf(refusal, "class") == "error" && is_compile) {
      EXPECT_FALSE(outcome.ok()) << "Flink: " << HeaderOf(refusal, "message");
    }
    if (!outcome.ok()) std::cout << rendered;
    return;
  }
  if (!outcome.ok()) {
    const ErrorCode code = outcome.error().code();  // what is not there yet is refused by name, never answered wrongly
    if (code == ErrorCode::kNotSupported || code == ErrorCode::kFunctionNotFound) GTEST_SKIP() << rendered;
    FAIL() << rendered;
  }
  EXPECT_EQ(PlanChecker().Check(outcome->plan), "");
  if (!outcome->is_query || session.statement().starts_with("EXPLAIN")) return;
  EXPECT_EQ(ColumnsOf(*outcome->plan.roots[0]->schema), HeaderOf(ReadText(base.string() + ".expect"), "#columns"))
      << ExplainPlan(outcome->plan, ExplainDetail::kChangelogMode);
}

// What the unparser writes is planned as what it was written from.
TEST_P(FlinkCase, PlansTheSameWrittenAnew) {
  std::string anew;
  for (const sql::StatementText& part : sql::SplitStatements(ReadText((fs::path("test/flink/cases") / GetParam()).string() + ".sql"))) {
    const auto parsed = sql::ParseStatement(part.text);
    if (!parsed.ok()) GTEST_SKIP() << part.text;
    anew += sql::Unparse(*parsed) + ";\n";
  }
  const auto plan_of = [](const std::string& script) {
    TestSession session;
    const auto outcome = session.Run(script);
    if (!outcome.ok()) return outcome.error().ToString();
    if (outcome->plan.roots.empty()) return std::string("no plan");
    return ColumnsOf(*outcome->plan.roots[0]->schema) + "\n" + ExplainPlan(outcome->plan, ExplainDetail::kChangelogMode);
  };
  EXPECT_EQ(plan_of(anew), plan_of(ReadText((fs::path("test/flink/cases") / GetParam()).string() + ".sql"))) << anew;
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(FlinkCase);
INSTANTIATE_TEST_SUITE_P(Cases, FlinkCase, testing::ValuesIn(ScriptNames("test/flink/cases")), [](const auto& test) { return test.param; });

}  // namespace
}  // namespace firn::plan
