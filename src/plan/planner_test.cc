// SPDX-License-Identifier: Apache-2.0
// What plans promise to who runs them, beyond their text: column numbers, keys, lanes, uids, limits.
#include "plan/planner.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <string>

#include "plan/describe.h"
#include "plan/plan_check_internal.h"
#include "plan/test_catalog_internal.h"

namespace firn::plan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kTables =
    "CREATE TABLE l (id INT, k STRING, x INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector'='kafka', 'topic'='l', 'format'='json');"
    "CREATE TABLE r (rid INT, k STRING, y BIGINT) WITH ('connector'='kafka', 'topic'='r', 'format'='json');"
    "CREATE TABLE dim (k STRING, name STRING, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector'='upsert-kafka', 'topic'='d', 'format'='json');"
    "CREATE TABLE out_r (k STRING, c BIGINT) WITH ('connector'='print');"
    "CREATE TABLE lake.db.s (k STRING, c BIGINT, PRIMARY KEY (k) NOT ENFORCED) WITH ('write.upsert.enabled'='true');";

class Planner : public testing::Test {
 protected:
  JobPlan Plan(const std::string& statement) {
    TestSession session;
    auto outcome = session.Run(kTables + statement);
    EXPECT_TRUE(outcome.ok()) << outcome.error().ToString();
    if (!outcome.ok()) return JobPlan{};
    EXPECT_EQ(PlanChecker().Check(outcome->plan), "");
    return outcome->plan;
  }
  Error Refusal(const std::string& statement) {
    TestSession session;
    auto outcome = session.Run(kTables + statement);
    EXPECT_FALSE(outcome.ok()) << ExplainPlan(outcome->plan, ExplainDetail::kPlain);
    return outcome.ok() ? Error(ErrorCode::kNotFound, "accepted") : outcome.error();
  }
  static std::vector<std::string> Columns(const JobPlan& plan) { return plan.roots[0]->schema->names(); }

  template <typename Spec>
  static std::vector<PhysicalNodePtr> Find(const JobPlan& plan) {
    std::vector<PhysicalNodePtr> found;
    for (const PhysicalNodePtr& node : NodesOf(plan)) {
      if (std::holds_alternative<Spec>(node->spec)) found.push_back(node);
    }
    return found;
  }
};

TEST_F(Planner, NumbersNodesDenselyBehindTheirInputs) {
  const JobPlan plan = Plan("SET 'parallelism.default'='3'; SELECT l.k, COUNT(*), SUM(y) FROM l JOIN r ON l.k = r.k WHERE x > 1 GROUP BY l.k;");
  int next = 0;
  std::set<std::string> uids;
  for (const PhysicalNodePtr& node : NodesOf(plan)) {
    EXPECT_EQ(node->id, next++);
    EXPECT_TRUE(uids.insert(node->uid).second) << node->uid;
    for (const PhysicalNodePtr& input : node->inputs) EXPECT_LT(input->id, node->id);
  }
}

TEST_F(Planner, UidsDoNotDependOnParallelism) {
  const std::string query = "SELECT k, COUNT(*) FROM (SELECT l.k, y FROM l LEFT JOIN r ON l.k = r.k) GROUP BY k;";
  const auto uids = [&](const std::string& lanes) {
    std::set<std::string> found;
    for (const PhysicalNodePtr& node : NodesOf(Plan("SET 'parallelism.default'='" + lanes + "';" + query))) {
      if (!std::holds_alternative<ExchangeNode>(node->spec)) found.insert(node->uid);
    }
    return found;
  };
  EXPECT_EQ(uids("1"), uids("4"));
}

// No type holds all digits of both, so that they have no key of one column: without one every row would be compared with every other.
TEST_F(Planner, DecimalsWithoutACommonTypeAreJoinedByTwoKeys) {
  const std::string tables =
      "CREATE TABLE a (id INT, d DECIMAL(38, 0)) WITH ('connector'='kafka', 'topic'='a', 'format'='json');"
      "CREATE TABLE b (id INT, d DECIMAL(38, 18)) WITH ('connector'='kafka', 'topic'='b', 'format'='json');";
  for (const char* query : {"SELECT a.id, b.id FROM a JOIN b ON b.d = a.d;", "SELECT a.id, b.id FROM a LEFT JOIN b ON a.d IS NOT DISTINCT FROM b.d;"}) {
    const JobPlan plan = Plan(tables + query);
    const auto joins = Find<JoinNode>(plan);
    ASSERT_EQ(joins.size(), 1u) << query;
    const auto& join = std::get<JoinNode>(joins[0]->spec);
    EXPECT_EQ(join.left_keys.size(), 2u) << query;
    EXPECT_EQ(join.condition, nullptr) << query;
  }
}

TEST_F(Planner, ComputedJoinKeysAreColumnsOfTheInputs) {
  const JobPlan plan = Plan("SELECT l.id, r.rid FROM l JOIN r ON l.x + 1 = r.y AND l.id < r.rid;");
  const auto joins = Find<JoinNode>(plan);
  ASSERT_EQ(joins.size(), 1u);
  const auto& join = std::get<JoinNode>(joins[0]->spec);
  ASSERT_THAT(join.left_keys, testing::SizeIs(1));
  const auto type_of = [&](int input, int column) { return joins[0]->inputs[input]->schema->field(column).type.WithNullable(true).ToString(); };
  EXPECT_EQ(type_of(0, join.left_keys[0]), "BIGINT");
  EXPECT_EQ(type_of(1, join.right_keys[0]), "BIGINT");
  ASSERT_NE(join.condition, nullptr);
  const size_t left_columns = joins[0]->inputs[0]->schema->size();
  EXPECT_EQ(joins[0]->schema->size(), left_columns + joins[0]->inputs[1]->schema->size());
  // The residual condition counts the left side's added key column.
  EXPECT_THAT(expr::ColumnsOf(*join.condition), ElementsAre(0, static_cast<int>(left_columns)));
  EXPECT_THAT(Columns(plan), ElementsAre("id", "rid"));
}

TEST_F(Planner, OuterConditionsStayWhereTheyDecide) {
  const JobPlan plan = Plan("SELECT l.id, r.rid FROM l LEFT JOIN r ON l.k = r.k AND l.x > 5 AND r.y > 7 WHERE l.id > 9;");
  const auto& join = std::get<JoinNode>(Find<JoinNode>(plan)[0]->spec);
  ASSERT_NE(join.condition, nullptr);
  EXPECT_THAT(expr::ToString(*join.condition), HasSubstr("x > 5"));
  const std::string text = ExplainPlan(plan, ExplainDetail::kPlain);
  EXPECT_THAT(text, HasSubstr("where=[(y > 7)]"));
  EXPECT_THAT(text, HasSubstr("where=[(id > 9)]"));
}

TEST_F(Planner, SinkDecidesAboutUpdateBefore) {
  const JobPlan retract = Plan("INSERT INTO out_r SELECT k, COUNT(*) FROM r GROUP BY k;");
  EXPECT_TRUE(std::get<GroupAggregateNode>(Find<GroupAggregateNode>(retract)[0]->spec).emits_update_before);
  const JobPlan upsert = Plan("INSERT INTO lake.db.s SELECT k, COUNT(*) FROM r GROUP BY k;");
  EXPECT_FALSE(std::get<GroupAggregateNode>(Find<GroupAggregateNode>(upsert)[0]->spec).emits_update_before);
  EXPECT_FALSE(upsert.roots[0]->changelog.has_update_before);
  // A filter over the count tells by -U alone that a row has left.
  const JobPlan filtered = Plan("INSERT INTO lake.db.s SELECT k, COUNT(*) FROM r GROUP BY k HAVING COUNT(*) < 3;");
  EXPECT_TRUE(std::get<GroupAggregateNode>(Find<GroupAggregateNode>(filtered)[0]->spec).emits_update_before);
  ASSERT_EQ(Find<NormalizeNode>(filtered).size(), 1u);
}

TEST_F(Planner, AnUpdateThatMovesARowToAnotherKeyOfTheSinkTakesItFromTheOld) {
  const JobPlan plan = Plan("CREATE TABLE counts (k STRING, c BIGINT, PRIMARY KEY (k, c) NOT ENFORCED) WITH ('connector'='upsert-kafka', 'topic'='c', 'format'='json');"
                            "INSERT INTO counts SELECT k, COUNT(*) FROM r GROUP BY k;");
  EXPECT_TRUE(std::get<GroupAggregateNode>(Find<GroupAggregateNode>(plan)[0]->spec).emits_update_before);
  EXPECT_EQ(Find<NormalizeNode>(plan).size(), 1u);
}

TEST_F(Planner, ARowThatGoesLeavesTheOthersOfItsKey) {
  // Matches of a row of `l` come and go; the table's key is told apart by none of the join's.
  EXPECT_EQ(Find<NormalizeNode>(Plan("INSERT INTO lake.db.s SELECT l.k, r.y FROM l LEFT JOIN r ON l.k = r.k;")).size(), 1u);
  EXPECT_THAT(Find<NormalizeNode>(Plan("INSERT INTO lake.db.s SELECT l.k, r.y FROM l JOIN r ON l.k = r.k;")), IsEmpty());
  EXPECT_THAT(Find<NormalizeNode>(Plan("INSERT INTO out_r SELECT l.k, r.y FROM l LEFT JOIN r ON l.k = r.k;")), IsEmpty());
}

TEST_F(Planner, AggregatesOverChangesRetract) {
  const JobPlan plan = Plan("SELECT name, COUNT(*) FROM dim GROUP BY name;");
  const auto& aggregate = std::get<GroupAggregateNode>(Find<GroupAggregateNode>(plan)[0]->spec);
  EXPECT_TRUE(aggregate.input_has_retractions);
  EXPECT_TRUE(aggregate.aggregates[0].options.is_retractable);
  EXPECT_EQ(Find<NormalizeNode>(plan).size(), 1u);
}

TEST_F(Planner, LanesAreLaidByKeys) {
  const JobPlan plan = Plan("SET 'parallelism.default'='4'; SELECT k, SUM(c) FROM (SELECT k, x, COUNT(*) AS c FROM l GROUP BY k, x) GROUP BY k;");
  std::vector<std::vector<int>> hashed;
  for (const PhysicalNodePtr& node : Find<ExchangeNode>(plan)) {
    const auto& exchange = std::get<ExchangeNode>(node->spec);
    if (exchange.distribution == Distribution::kHash) hashed.push_back(exchange.keys);
  }
  EXPECT_EQ(hashed.size(), 2u);
  for (const PhysicalNodePtr& node : Find<GroupAggregateNode>(plan)) EXPECT_EQ(node->parallelism, 4);
  EXPECT_EQ(plan.roots[0]->parallelism, 1);
  EXPECT_EQ(Find<ScanNode>(plan)[0]->parallelism, 1);
  // The same keys again need no second exchange.
  const JobPlan again = Plan("SET 'parallelism.default'='4'; SELECT DISTINCT k FROM (SELECT k, COUNT(*) AS c FROM l GROUP BY k);");
  EXPECT_EQ(Find<ExchangeNode>(again).size(), 2u);  // before the first aggregate, and to the collector
}

TEST_F(Planner, RowtimeIsReadForTheWatermarkOnly) {
  const JobPlan plan = Plan("SELECT k FROM l;");
  const PhysicalNodePtr scan_node = Find<ScanNode>(plan)[0];
  const auto& scan = std::get<ScanNode>(scan_node->spec);
  EXPECT_EQ(scan_node->rowtime, scan.rowtime);
  ASSERT_GE(scan.rowtime, 0);
  EXPECT_EQ(scan_node->schema->field(scan.rowtime).name, "ts");
  EXPECT_EQ(plan.roots[0]->rowtime, -1);
  TestSession batch;
  auto outcome = batch.Run("CREATE TABLE b (k STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector'='filesystem', 'format'='json');"
                           "SET 'execution.runtime-mode'='batch'; SELECT k FROM b;");
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(std::get<ScanNode>(Find<ScanNode>(outcome->plan)[0]->spec).read_columns.size(), 1u);
}

TEST_F(Planner, NamesOfResultsAreUnique) {
  EXPECT_THAT(Columns(Plan("SELECT l.k, r.k, x + 1, r.k FROM l, r WHERE l.k = r.k;")), ElementsAre("k", "k0", "EXPR$2", "k1"));
}

TEST_F(Planner, RefusesUsingWhatOneSideLacks) {
  const Error error = Refusal("SELECT l.k FROM l JOIN r USING (k, rid);");
  EXPECT_EQ(error.message(), "USING column `rid` is not on the left");
  EXPECT_EQ(error.span()->begin, 35u);
  // A correlated name that the enclosing query's table lacks: its columns are the near ones.
  EXPECT_EQ(Refusal("SELECT k FROM l WHERE EXISTS (SELECT 1 FROM r WHERE r.k = l.kk);").message(), "column not found: `kk`");
}

TEST_F(Planner, RelationsOfOneFromHaveNamesOfTheirOwn) {
  for (const char* from : {"(VALUES (1)) AS e(x), (VALUES (2)) AS e(y)", "l AS a JOIN r ON a.k = r.k JOIN dim AS a ON a.k = r.k", "l CROSS JOIN l", "l JOIN r AS l USING (k)"}) {
    EXPECT_THAT(Refusal(fmt::format("SELECT 1 FROM {};", from)).message(), testing::StartsWith("two relations of this FROM are called `")) << from;
  }
  Plan("SELECT l.x FROM l JOIN l AS again ON l.k = again.k WHERE l.x IN (SELECT x FROM l);");
}

TEST_F(Planner, UsingMergesColumns) {
  EXPECT_THAT(Columns(Plan("SELECT * FROM l JOIN r USING (k);")), ElementsAre("k", "id", "x", "ts", "rid", "y"));
  EXPECT_THAT(Columns(Plan("SELECT r.*, l.k FROM l NATURAL RIGHT JOIN r;")), ElementsAre("rid", "k", "y", "k0"));
  const JobPlan full = Plan("SELECT k FROM l FULL JOIN r USING (k);");
  EXPECT_THAT(ExplainPlan(full, ExplainDetail::kPlain), HasSubstr("COALESCE(k, k)"));
}

TEST_F(Planner, CommonTablesHideTablesAndSeeThoseBefore) {
  EXPECT_THAT(Columns(Plan("WITH l AS (SELECT rid AS a FROM r), m (b) AS (SELECT a FROM l) SELECT * FROM m JOIN l ON a = b;")), ElementsAre("b", "a"));
  EXPECT_EQ(Refusal("WITH m AS (SELECT * FROM n), n AS (SELECT * FROM l) SELECT * FROM m;").code(), ErrorCode::kTableNotFound);
}

TEST_F(Planner, DoublingCommonTablesAreLimited) {
  std::string query = "WITH t0 AS (SELECT k FROM l)";
  for (int i = 1; i < 40; ++i) {
    const std::string before = "t" + std::to_string(i - 1);
    query += ", t" + std::to_string(i) + " AS (SELECT a.k FROM " + before + " a, " + before + " b)";
  }
  EXPECT_EQ(Refusal(query + " SELECT * FROM t39;").code(), ErrorCode::kLimitExceeded);
}

std::string Repeated(const std::string& part, int times, const std::string& between) {
  std::string text;
  for (int i = 0; i < times; ++i) text += (i == 0 ? "" : between) + part;
  return text;
}

/// A query over a query over ... of `levels` levels, each made by `form` of the one beneath.
std::string Nested(int levels, const std::function<std::string(const std::string&)>& form) {
  std::string query = "l";
  for (int i = 0; i < levels; ++i) query = "(" + form(query) + ")";
  return "SELECT * FROM " + query + ";";
}

int HeightOf(const expr::ExpressionPtr& expression) {
  if (expression == nullptr) return 0;
  int height = 0;
  for (const expr::ExpressionPtr& argument : expression->arguments) height = std::max(height, HeightOf(argument));
  return height + 1;
}

int TallestIn(const std::vector<PhysicalNodePtr>& calcs) {
  int tallest = 0;
  for (const PhysicalNodePtr& calc : calcs) {
    const auto& spec = std::get<CalcNode>(calc->spec);
    tallest = std::max(tallest, HeightOf(spec.condition));
    for (const expr::ExpressionPtr& output : spec.outputs) tallest = std::max(tallest, HeightOf(output));
  }
  return tallest;
}

// What comes together of all levels would be 3,600 high, and whoever walks down it as deep.
TEST_F(Planner, TallQueriesAreKeptLow) {
  const std::string conditions = Repeated("x > 0", 300, " AND ");
  const JobPlan filtered = Plan(Nested(12, [&](const std::string& query) { return "SELECT x FROM " + query + " WHERE " + conditions; }));
  EXPECT_GT(TallestIn(Find<CalcNode>(filtered)), 0);
  EXPECT_LT(TallestIn(Find<CalcNode>(filtered)), 400);
  const std::string sum = "x" + Repeated(" + 1", 300, "");
  const JobPlan projected = Plan(Nested(12, [&](const std::string& query) { return "SELECT " + sum + " AS x FROM " + query; }));
  EXPECT_GT(TallestIn(Find<CalcNode>(projected)), 100);
  EXPECT_LT(TallestIn(Find<CalcNode>(projected)), 1200);
}

TEST_F(Planner, WhatDoublesWithEachLevelIsNotWrittenOut) {
  Plan(Nested(60, [](const std::string& query) { return "SELECT x + x AS x FROM " + query + " WHERE x > 3"; }));
  std::string between = "x";
  std::string choice = "x";
  for (int i = 0; i < 60; ++i) {
    between = "CASE WHEN " + between + " BETWEEN 1 AND 2 THEN 1 ELSE 2 END";
    choice = "CASE " + choice + " WHEN 1 THEN 2 WHEN 2 THEN 1 END";
  }
  EXPECT_EQ(Refusal("SELECT " + between + " FROM l;").code(), ErrorCode::kLimitExceeded);
  EXPECT_EQ(Refusal("SELECT " + choice + " FROM l;").code(), ErrorCode::kLimitExceeded);
}

// Values of any two types in places that compare: planned, or refused with words.
TEST_F(Planner, AnyTwoTypesAreComparedOrRefused) {
  const char* const values[] = {"'2024-01-02'", "DATE '2024-01-02'", "TIMESTAMP '2024-01-02 00:00:00'", "CAST('2024-01-02 00:00:00' AS TIMESTAMP(9))", "TO_TIMESTAMP_LTZ(0, 3)", "TIME '10:00:00'", "1",
                                "CAST(1 AS DECIMAL(38, 18))", "CAST(1 AS DECIMAL(38, 0))", "1e0", "TRUE", "ARRAY[1]", "MAP['a', 1]", "ROW(1, 'a')", "x'0a'", "INTERVAL '1' DAY", "INTERVAL '1' YEAR"};
  const char* const forms[] = {"SELECT 1 FROM l WHERE {0} NOT IN (SELECT CASE WHEN y > 1 THEN {1} END FROM r)", "SELECT 1 FROM (SELECT CASE WHEN x > 1 THEN {0} END AS v FROM l) WHERE v NOT IN (SELECT {1} FROM r)",
                               "SELECT 1 FROM (SELECT CASE WHEN x > 1 THEN {0} END AS v FROM l) WHERE v IN (SELECT {1} FROM r)",
                               "SELECT 1 FROM (SELECT CASE WHEN x > 1 THEN {0} END AS v FROM l) JOIN (SELECT CASE WHEN y > 1 THEN {1} END AS w FROM r) ON v = w"};
  int planned = 0;
  for (const char* left : values) {
    for (const char* right : values) {
      for (const char* form : forms) {
        TestSession session;
        const std::string statement = fmt::format(fmt::runtime(form), left, right);
        auto outcome = session.Run(kTables + statement + ";");
        planned += outcome.ok() ? 1 : 0;
        const std::string problem = outcome.ok() ? PlanChecker().Check(outcome->plan) : outcome.error().hint().empty() ? "no next step" : "";
        EXPECT_EQ(problem, "") << statement;
      }
    }
  }
  EXPECT_GT(planned, 100);
}

TEST_F(Planner, SubqueriesOfAggregatesAreBoundOnce) {
  std::string query = "SELECT id FROM l";
  for (int i = 0; i < 30; ++i) query = "SELECT MAX(id) FROM l WHERE id IN (" + query + ")";
  Plan(query + ";");
}

TEST_F(Planner, ChainsOfCommonTablesAreLimited) {
  std::string query = "WITH c0 AS (SELECT k FROM l)";
  for (int i = 1; i < 4000; ++i) query += fmt::format(", c{} AS (SELECT k FROM c{})", i, i - 1);
  EXPECT_EQ(Refusal(query + " SELECT * FROM c3999;").code(), ErrorCode::kLimitExceeded);
  Plan(query + " SELECT * FROM c150;");
  query = "WITH c0 AS (SELECT k FROM l)";
  const std::string without = Repeated(" EXCEPT SELECT 'a'", 300, "");
  for (int i = 1; i < 40; ++i) query += fmt::format(", c{} AS (SELECT k FROM c{}{})", i, i - 1, without);
  EXPECT_EQ(Refusal(query + " SELECT * FROM c39;").code(), ErrorCode::kLimitExceeded);
  Plan(query + " SELECT * FROM c1;");
}

TEST_F(Planner, AQueryWithinAQueryHasNoOrder) {
  EXPECT_THAT(Find<SortNode>(Plan("CREATE VIEW v AS SELECT x, k FROM l ORDER BY id; SELECT x FROM v UNION ALL (SELECT x FROM (SELECT x FROM l ORDER BY x DESC) ORDER BY x);")), IsEmpty());
  EXPECT_EQ(Find<SortNode>(Plan("SELECT x FROM (SELECT x FROM l ORDER BY id LIMIT 3) WHERE x > 1;")).size(), 1u);
}

TEST_F(Planner, WhatIsSaidOfATableIsNotSaidOfAQuery) {
  EXPECT_EQ(Refusal("WITH m AS (SELECT k FROM l) SELECT k FROM m FOR SYSTEM_TIME AS OF TIMESTAMP '2024-01-01 00:00:00';").code(), ErrorCode::kNotSupported);
  EXPECT_EQ(Refusal("WITH m AS (SELECT k FROM l) SELECT k FROM m /*+ OPTIONS('topic'='x') */;").code(), ErrorCode::kNotSupported);
  EXPECT_EQ(Refusal("CREATE VIEW v AS SELECT k FROM l; SELECT k FROM v /*+ OPTIONS('topic'='x') */;").code(), ErrorCode::kNotSupported);
}

TEST_F(Planner, AViewKeepsTheColumnsThatItWasMadeWith) {
  const std::string view = "CREATE VIEW v AS SELECT * FROM l JOIN dim ON l.k = dim.k;";
  EXPECT_THAT(Columns(Plan(view + "SELECT k0, k, name FROM v;")), ElementsAre("k0", "k", "name"));
  EXPECT_THAT(Columns(Plan(view + "ALTER TABLE l ADD late INT FIRST; SELECT * FROM v;")), ElementsAre("id", "k", "x", "ts", "k0", "name"));
  EXPECT_THAT(Refusal(view + "ALTER TABLE l DROP x; SELECT id FROM v;").message(), HasSubstr("not found: `x`"));
  EXPECT_THAT(Columns(Plan("CREATE VIEW w (a, b, c, d) AS SELECT * FROM l; ALTER TABLE l ADD late INT; SELECT * FROM w;")), ElementsAre("a", "b", "c", "d"));
  const std::string whole = "CREATE VIEW w AS TABLE l;";  // nothing here is a *
  EXPECT_THAT(Columns(Plan(whole + "ALTER TABLE l ADD late INT FIRST; SELECT * FROM w;")), ElementsAre("id", "k", "x", "ts"));
  EXPECT_THAT(Refusal(whole + "ALTER TABLE l DROP x; SELECT id FROM w;").message(), HasSubstr("no column `x` any more"));
}

TEST_F(Planner, ComputedColumnsAreOverMetadataAsDeclared) {
  const JobPlan plan = Plan("CREATE TABLE m (a INT, t TIMESTAMP(3) METADATA FROM 'timestamp', u AS t) WITH ('connector'='kafka', 'topic'='m', 'format'='json'); SELECT u FROM m;");
  EXPECT_EQ(plan.roots[0]->schema->field(0).type.kind(), types::TypeKind::kTimestamp);
}

TEST_F(Planner, GroupingSetsExpand) {
  const JobPlan plan = Plan("SELECT k, x, GROUPING_ID(k, x) AS g, SUM(id) FROM l GROUP BY CUBE (k, x);");
  const auto expands = Find<ExpandNode>(plan);
  ASSERT_EQ(expands.size(), 1u);
  EXPECT_EQ(std::get<ExpandNode>(expands[0]->spec).outputs.size(), 4u);
  EXPECT_EQ(plan.roots[0]->schema->field(2).type.ToString(), "BIGINT NOT NULL");
  EXPECT_EQ(Refusal("SELECT k FROM l GROUP BY CUBE (k, x, id, ts, k || 'a', k || 'b', k || 'c', k || 'd', k || 'e', k || 'f', k || 'g');").code(),
            ErrorCode::kLimitExceeded);
}

TEST_F(Planner, SortKeysMayBeHidden) {
  const JobPlan plan = Plan("SET 'execution.runtime-mode'='batch'; SELECT a FROM (VALUES (1, 2), (3, 4)) AS t(a, b) ORDER BY b + 1 DESC, 1;");
  const auto& sort = std::get<SortNode>(Find<SortNode>(plan)[0]->spec);
  ASSERT_EQ(sort.keys.size(), 2u);
  EXPECT_FALSE(sort.keys[0].nulls_first);  // NULL is lowest
  EXPECT_TRUE(sort.keys[1].nulls_first);
  EXPECT_THAT(Columns(plan), ElementsAre("a"));
}

TEST_F(Planner, WindowsAreTakenByNameAndPosition) {
  const JobPlan plan = Plan("SELECT window_start, COUNT(*) FROM TABLE(HOP(DATA => TABLE l, TIMECOL => DESCRIPTOR(ts), SIZE => INTERVAL '10' SECOND, "
                            "SLIDE => INTERVAL '5' SECOND, `OFFSET` => INTERVAL '-1' SECOND)) GROUP BY window_start, window_end;");
  const auto& window = std::get<WindowAggregateNode>(Find<WindowAggregateNode>(plan)[0]->spec).window;
  EXPECT_EQ(window.kind, WindowKind::kHop);
  EXPECT_EQ(window.size_ms, 10000);
  EXPECT_EQ(window.slide_ms, 5000);
  EXPECT_EQ(window.offset_ms, -1000);
}

TEST_F(Planner, SessionsByOtherKeysThanTheGroupsAreAssignedFirst) {
  const JobPlan plan = Plan("SELECT COUNT(*) FROM TABLE(SESSION(TABLE l PARTITION BY k, DESCRIPTOR(ts), INTERVAL '5' SECOND)) GROUP BY window_start, window_end;");
  // Sessions by k are gathered whole, taken apart into rows again, and these aggregated by the bounds they carry.
  const auto aggregates = Find<WindowAggregateNode>(plan);
  ASSERT_EQ(aggregates.size(), 2u);
  EXPECT_EQ(std::get<WindowAggregateNode>(aggregates[0]->spec).window.kind, WindowKind::kSession);
  EXPECT_EQ(Find<UnnestNode>(plan).size(), 1u);
  EXPECT_GE(std::get<WindowAggregateNode>(aggregates[1]->spec).attached_end, 0);
}

TEST_F(Planner, GroupingByOneBoundIsNoWindow) {
  const JobPlan plan = Plan("SELECT window_start, COUNT(*) FROM TABLE(TUMBLE(TABLE l, DESCRIPTOR(ts), INTERVAL '5' SECOND)) GROUP BY window_start;");
  EXPECT_THAT(Find<WindowAggregateNode>(plan), IsEmpty());
  EXPECT_TRUE(plan.roots[0]->changelog.has_updates);
}

TEST_F(Planner, StatementSetsReadOnce) {
  const JobPlan plan = Plan("EXECUTE STATEMENT SET BEGIN INSERT INTO out_r SELECT k, x FROM l; INSERT INTO out_r SELECT k, id FROM l WHERE x > 3; END;");
  EXPECT_EQ(plan.roots.size(), 2u);
  EXPECT_EQ(Find<ScanNode>(plan).size(), 1u);
  EXPECT_EQ(Find<ScanNode>(plan)[0]->schema->size(), 4u);
}

TEST_F(Planner, RefusesSubqueriesThatCannotBe) {
  EXPECT_EQ(Refusal("SELECT k FROM l WHERE x > 1 OR k IN (SELECT k FROM r);").code(), ErrorCode::kNotSupported);
  EXPECT_EQ(Refusal("SELECT k FROM l WHERE k IN (SELECT k, rid FROM r);").code(), ErrorCode::kTypeMismatch);
  EXPECT_EQ(Refusal("SELECT (SELECT k, rid FROM r) FROM l;").code(), ErrorCode::kTypeMismatch);
  EXPECT_EQ(Refusal("SELECT k FROM l WHERE (k, x) NOT IN (SELECT k, rid FROM r);").code(), ErrorCode::kNotSupported);
}

// As in Flink: test/flink/cases/463_scalar_count_streaming.
TEST_F(Planner, ACountOfNoRowsIsNullInAStream) {
  const std::string query = "SELECT (SELECT COUNT(*) + 1 FROM b WHERE v > 3), (SELECT MAX(v) FROM b) FROM (VALUES (1)) AS t (x);";
  const std::string table = "CREATE TABLE b (v INT) WITH ('connector'='filesystem', 'format'='json');";
  EXPECT_THAT(ExplainPlan(Plan(table + query), ExplainDetail::kPlain), testing::Not(HasSubstr("COALESCE")));
  EXPECT_TRUE(Plan(table + query).roots[0]->schema->field(0).type.nullable());
  EXPECT_THAT(ExplainPlan(Plan("SET 'execution.runtime-mode'='batch';" + table + query), ExplainDetail::kPlain), testing::Not(HasSubstr("COALESCE")));
}

TEST_F(Planner, CorrelatedExistsBecomesASemiJoin) {
  const JobPlan plan = Plan("SELECT id FROM l WHERE NOT EXISTS (SELECT 1 FROM r WHERE r.k = l.k AND r.y > l.x AND r.rid > 3);");
  const auto joins = Find<JoinNode>(plan);
  ASSERT_EQ(joins.size(), 1u);
  const auto& join = std::get<JoinNode>(joins[0]->spec);
  EXPECT_EQ(join.kind, JoinKind::kAnti);
  EXPECT_FALSE(join.is_null_aware_anti);
  EXPECT_EQ(join.left_keys.size(), 1u);
  EXPECT_NE(join.condition, nullptr);
}

}  // namespace
}  // namespace firn::plan
