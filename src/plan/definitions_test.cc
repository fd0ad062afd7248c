// SPDX-License-Identifier: Apache-2.0
#include "plan/definitions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan/test_catalog_internal.h"

namespace firn::plan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kEvents =
    "CREATE TABLE ev (id INT, k STRING, v INT, ts TIMESTAMP(3), w AS v + 1, off BIGINT METADATA FROM 'offset' VIRTUAL, "
    "WATERMARK FOR ts AS ts - INTERVAL '5' SECOND, PRIMARY KEY (id) NOT ENFORCED) "
    "WITH ('connector'='kafka', 'format'='json');";

class Definitions : public testing::Test {
 protected:
  TableDefinition Define(const std::string& script, const std::string& name) {
    const auto outcome = session_.Run(script);
    EXPECT_TRUE(outcome.ok()) << outcome.error().ToString();
    auto table = session_.Context().catalog.FindTable({"default_catalog", "default_database", name});
    EXPECT_TRUE(table.ok());
    return **table;
  }
  std::string Refusal(const std::string& script) {
    const auto outcome = session_.Run(script);
    return outcome.ok() ? "accepted" : outcome.error().ToString();
  }
  static std::vector<std::string> NamesOf(const TableDefinition& table) {
    std::vector<std::string> names;
    for (const TableColumn& column : table.columns) names.push_back(column.name);
    return names;
  }

  TestSession session_;
};

TEST_F(Definitions, DescribesAsFlinkDoes) {
  const auto rows = DescribeTable(Define(kEvents, "ev"));
  ASSERT_EQ(rows.size(), 6u);
  EXPECT_EQ(rows[0].type, "INT");
  EXPECT_FALSE(rows[0].is_nullable);  // the primary key
  EXPECT_EQ(rows[0].key, "PRI(id)");
  EXPECT_EQ(rows[3].type, "TIMESTAMP(3) *ROWTIME*");
  EXPECT_EQ(rows[3].watermark, "`ts` - INTERVAL '5' SECOND");
  EXPECT_EQ(rows[4].extras, "AS `v` + 1");
  EXPECT_EQ(rows[4].type, "INT");
  EXPECT_EQ(rows[5].extras, "METADATA FROM 'offset' VIRTUAL");
}

TEST_F(Definitions, ShownTextMakesTheSameTable) {
  const TableDefinition table = Define(kEvents, "ev");
  TestSession other;
  ASSERT_TRUE(other.Run(ShowCreate(table)).ok()) << ShowCreate(table);
  auto again = other.Context().catalog.FindTable(table.path);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(ShowCreate(**again), ShowCreate(table));
  EXPECT_EQ((*again)->columns[3].type, table.columns[3].type);
}

TEST_F(Definitions, LikeTakesAllButWhatIsExcluded) {
  const TableDefinition table = Define(std::string(kEvents) + "CREATE TABLE b (x INT) WITH ('topic'='b') LIKE ev (EXCLUDING WATERMARKS EXCLUDING METADATA);", "b");
  EXPECT_THAT(NamesOf(table), ElementsAre("id", "k", "v", "ts", "w", "x"));
  EXPECT_FALSE(table.watermark);
  EXPECT_THAT(table.primary_key, ElementsAre("id"));
  EXPECT_EQ(table.Option("connector"), "kafka");
  EXPECT_EQ(table.Option("topic"), "b");
  EXPECT_EQ(table.columns[3].type.time_attribute(), types::TimeAttribute::kNone);
}

TEST_F(Definitions, LikeRefusesColumnsThatAreThere) {
  EXPECT_THAT(Refusal(std::string(kEvents) + "CREATE TABLE b (k INT) LIKE ev;"), HasSubstr("E2113"));
}

TEST_F(Definitions, AsTakesNewColumnsFirstAndTheQuerysInItsOrder) {
  const TableDefinition table = Define(std::string(kEvents) + "CREATE TABLE c (v BIGINT, z AS v * 2) WITH ('connector'='blackhole') AS SELECT id, v, k FROM ev;", "c");
  EXPECT_THAT(NamesOf(table), ElementsAre("z", "id", "v", "k"));
  EXPECT_EQ(table.columns[1].type.ToString(), "INT NOT NULL");
  EXPECT_EQ(table.columns[2].type.ToString(), "BIGINT");
}

TEST_F(Definitions, AltersColumns) {
  const TableDefinition table = Define(std::string(kEvents) +
                                           "ALTER TABLE ev DROP w; ALTER TABLE ev ADD (n STRING AFTER k, f INT FIRST);"
                                           "ALTER TABLE ev RENAME n TO m; ALTER TABLE ev SET ('topic'='t'); ALTER TABLE ev MODIFY v BIGINT;",
                                       "ev");
  EXPECT_THAT(NamesOf(table), ElementsAre("f", "id", "k", "m", "v", "ts", "off"));
  EXPECT_EQ(table.columns[4].type.ToString(), "BIGINT");
  EXPECT_EQ(table.Option("topic"), "t");
}

TEST_F(Definitions, KeepsWhatOthersDependOn) {
  ASSERT_EQ(Refusal(kEvents), "accepted");
  EXPECT_THAT(Refusal("ALTER TABLE ev DROP v;"), HasSubstr("used by computed column `w`"));
  EXPECT_THAT(Refusal("ALTER TABLE ev DROP ts;"), HasSubstr("used by the watermark"));
  EXPECT_THAT(Refusal("ALTER TABLE ev DROP id;"), HasSubstr("used by the primary key"));
  EXPECT_THAT(Refusal("ALTER TABLE ev RENAME v TO k;"), HasSubstr("already"));
  EXPECT_THAT(Refusal("ALTER TABLE ev ADD WATERMARK FOR ts AS ts;"), HasSubstr("watermark already"));
  EXPECT_EQ(Refusal("ALTER TABLE ev DROP (v, w);"), "accepted");
  EXPECT_THAT(Refusal("ALTER TABLE ev MODIFY WATERMARK FOR ev.ts AS ts;"), HasSubstr("a watermark on a field"));
  EXPECT_THAT(Refusal("CREATE TABLE t (a INT); ALTER TABLE t ADD b INT PRIMARY KEY NOT ENFORCED;"), HasSubstr("PRIMARY KEY behind the column `b`"));
}

TEST_F(Definitions, RefusesWhatCannotWork) {
  EXPECT_THAT(Refusal("CREATE TABLE t (id INT PRIMARY KEY NOT ENFORCED, k INT PRIMARY KEY NOT ENFORCED);"), HasSubstr("two primary keys"));
  EXPECT_THAT(Refusal("CREATE TABLE t (id INT, c AS id + 1, PRIMARY KEY (c) NOT ENFORCED);"), HasSubstr("not a physical column"));
  EXPECT_THAT(Refusal("CREATE TABLE t (id INT) PARTITIONED BY (dt);"), HasSubstr("partition column `dt`"));
  EXPECT_THAT(Refusal("CREATE TABLE t (ts TIMESTAMP_LTZ(3), WATERMARK FOR ts AS CAST(ts AS TIMESTAMP(3)));"), HasSubstr("the watermark of `ts`"));
  EXPECT_THAT(Refusal("CREATE TABLE t (id INT, a AS id + 1, b AS a + 1);"), HasSubstr("column not found: `a`"));
  EXPECT_EQ(Refusal("CREATE TABLE t (id INT, ts TIMESTAMP(3), k STRING) PARTITIONED BY (days(ts), bucket(4, id), truncate(3, k), k, truncate(`k`, 5));"), "accepted");
}

TEST_F(Definitions, ViewsKeepTheirColumnsAndText) {
  const TableDefinition view = Define(std::string(kEvents) + "CREATE VIEW vw (a, b) AS SELECT v + 1, ts FROM ev;", "vw");
  EXPECT_THAT(NamesOf(view), ElementsAre("a", "b"));
  EXPECT_EQ(view.view_query, fmt::format("SELECT v + 1, ts FROM {}.{}.ev", view.path.catalog, view.path.database));
  EXPECT_EQ(DescribeTable(view)[1].type, "TIMESTAMP(3) *ROWTIME*");
  EXPECT_THAT(Refusal("CREATE VIEW bad (a) AS SELECT id, v FROM ev;"), HasSubstr("names 1 column, its query has 2"));
}

}  // namespace
}  // namespace firn::plan
