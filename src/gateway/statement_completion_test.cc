// SPDX-License-Identifier: Apache-2.0
#include "gateway/statement_completion.h"

#include <gmock/gmock.h>

namespace firn::gateway {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;
using Words = std::vector<std::string>;

NameSource Names() {
  return {.catalog = "default_catalog", .database = "default_database",
          .catalogs = [] { return Words{"default_catalog", "lake"}; },
          .databases = [](const std::string& catalog) { return catalog == "lake" ? Words{"db"} : catalog == "default_catalog" ? Words{"default_database", "other"} : Words{}; },
          .tables = [](const std::string& catalog, const std::string& database) {
            if (catalog == "lake" && database == "db") return Words{"agg_1m", "raw_trades"};
            return database == "default_database" ? Words{"trades"} : Words{};
          },
          .columns = [](const std::vector<std::string>& path) {
            if (path == Words{"trades"}) return Words{"price", "symbol"};
            return path == Words{"lake", "db", "agg_1m"} ? Words{"symbol", "volume"} : Words{};
          },
          .functions = [] { return Words{"SUM", "SUBSTRING", "PROCTIME"}; }};
}

// The cursor is at the '|'.
Words Complete(std::string text) {
  const size_t position = text.find('|');
  text.erase(position, 1);
  return CompleteStatement(text, position, Names());
}

TEST(CompleteStatement, BeginsStatements) {
  EXPECT_THAT(Complete("SE|"), ElementsAre("SELECT", "SET"));
  EXPECT_THAT(Complete("SET 'a'='b'; ins|"), ElementsAre("insert into"));
}

TEST(CompleteStatement, TablesBehindFrom) {
  EXPECT_THAT(Complete("SELECT * FROM |"), ElementsAre("trades", "default_database", "other", "default_catalog", "lake"));
  EXPECT_THAT(Complete("SELECT * FROM la|"), ElementsAre("lake"));
  EXPECT_THAT(Complete("SELECT * FROM lake.|"), ElementsAre("db"));
  EXPECT_THAT(Complete("SELECT * FROM lake.db.AG|"), ElementsAre("agg_1m"));
  EXPECT_THAT(Complete("INSERT INTO tr|"), ElementsAre("trades"));
}

TEST(CompleteStatement, ColumnsOfTheTablesThatAreNamed) {
  EXPECT_THAT(Complete("SELECT p| FROM trades"), ElementsAre("price", "proctime(", "partitioned", "primary"));
  EXPECT_THAT(Complete("SELECT sy| FROM lake.db.agg_1m"), ElementsAre("symbol"));
  EXPECT_THAT(Complete("SELECT a.| FROM trades t JOIN lake.db.agg_1m AS a ON t.symbol = a.symbol"), ElementsAre("symbol", "volume"));
  EXPECT_THAT(Complete("SELECT * FROM TABLE(TUMBLE(TABLE trades, DESCRIPTOR(pri|"), Contains("price"));
}

TEST(CompleteStatement, FunctionsAndKeywordsFollowTheCase) {
  EXPECT_THAT(Complete("SELECT SU|"), ElementsAre("SUBSTRING(", "SUM("));
  EXPECT_THAT(Complete("SELECT su|"), ElementsAre("substring(", "sum("));
  EXPECT_THAT(Complete("SELECT 1 fr|"), ElementsAre("from"));
}

TEST(CompleteStatement, UseAndShow) {
  EXPECT_THAT(Complete("USE CATALOG l|"), ElementsAre("lake"));
  EXPECT_THAT(Complete("USE o|"), ElementsAre("other"));
  EXPECT_THAT(Complete("USE lake.|"), ElementsAre("db"));
  EXPECT_THAT(Complete("SHOW J|"), ElementsAre("JOBS"));
}

TEST(CompleteStatement, NothingInsideOfStringsAndPastTheEnd) {
  EXPECT_THAT(Complete("SELECT 'SE|"), IsEmpty());
  EXPECT_THAT(CompleteStatement("SE", 99, Names()), ElementsAre("SELECT", "SET"));
  EXPECT_THAT(CompleteStatement("", 0, Names()), Contains("SELECT"));
  EXPECT_THAT(Complete("SELECT ..|"), Not(Contains("trades")));
}

}  // namespace
}  // namespace firn::gateway
