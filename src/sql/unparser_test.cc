// SPDX-License-Identifier: Apache-2.0
// What is written parses again to what was parsed. That nothing was left out on the way is told in three ways: by the words of the text, here; by the plans
// of both texts, in plan/flink_cases_test.cc; and by forms written down below.
#include "sql/unparser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "base/error_render.h"
#include "sql/lexer.h"
#include "sql/parser.h"
#include "sql/corpus_test.h"

namespace firn::sql {
namespace {

std::string Rewritten(const std::string& text) {
  auto parsed = ParseStatement(text);
  return parsed.ok() ? Unparse(*parsed) : base::RenderError(parsed.error(), {.source = text});
}

std::string RewrittenExpression(const std::string& text) {
  auto parsed = ParseExpression(text);
  return parsed.ok() ? Unparse(**parsed) : base::RenderError(parsed.error(), {.source = text});
}

// How often each word, number and text is there, without words that say nothing or have a synonym.
std::map<std::string, int> WordsOf(const std::string& text) {
  static const std::map<std::string, std::string> kSynonyms = {{"INTEGER", "INT"}, {"DEC", "DECIMAL"}, {"NUMERIC", "DECIMAL"}, {"CHARACTER", "CHAR"}, {"REAL", "FLOAT"},
                                                               {"DESC", "DESCENDING"}, {"MINUS", "EXCEPT"}, {"CEILING", "CEIL"}, {"FETCH", "LIMIT"}, {"SOME", "ANY"}};
  static const std::set<std::string> kNoise = {"AS",    "ASC",    "ALL",      "OUTER",   "INNER",     "CROSS",    "JOIN",      "DISTINCT", "ROW",        "ROWS",      "FIRST",     "NEXT",   "ONLY",
                                               "KEY",   "VALUE",  "FROM",     "FOR",     "TO",        "TABLE",    "COLUMN",    "PLACING",  "ENFORCED",   "EXECUTE",   "BOTH",      "BETWEEN", "CURRENT",
                                               "AND",   "PLAN",   "RANGE",    "ARRAY",   "PRECISION", "WITHOUT",  "TIME",      "ZONE",     "ASYMMETRIC", "STATEMENT", "UNCONDITIONAL",
                                               "WITHIN", "GROUP", "FULL",     "DESCRIBE", "DESCENDING", "SYSTEM_VERSION", "NULL", "ORDER", "BY", "2147483647", "WITH", "LOCAL", "CONSTRAINT", " "};
  std::map<std::string, int> words;
  std::string joined;  // adjacent texts are one
  auto tokens = Tokenize(text);
  EXPECT_TRUE(tokens.ok()) << text;
  if (!tokens.ok()) return words;
  TokenKind before = TokenKind::kEnd;
  for (const Token& token : *tokens) {
    if (token.kind == TokenKind::kString && before == TokenKind::kString) {
      joined += token.text;
    } else {
      if (before == TokenKind::kString) ++words[joined];
      joined = token.text;
    }
    before = token.kind;
    if (token.kind == TokenKind::kString || token.kind == TokenKind::kSymbol || token.kind == TokenKind::kEnd) continue;
    std::string word;
    for (char c : token.text) word.push_back(c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c);
    if (auto synonym = kSynonyms.find(word); synonym != kSynonyms.end()) word = synonym->second;
    ++words[word];
  }
  for (const std::string& word : kNoise) words.erase(word);
  return words;
}

void ExpectSameWords(const std::string& text, const std::string& rewritten) {
  const auto given = WordsOf(text);
  auto found = WordsOf(rewritten);
  for (const auto& [word, count] : given) {
    // Types have default parameters, units their plurals, and true is TRUE: what is counted is what a text cannot do without.
    EXPECT_GE(found[word] + found[word.ends_with("S") ? word.substr(0, word.size() - 1) : word + " "], count) << "`" << word << "` of\n" << text << "\nin\n" << rewritten;
  }
}

TEST(Unparser, StatementsOfTheCorpusParseAgainToTheSame) {
  int count = 0;
  ForEachCorpusStatement([&](const std::string&, const std::string& text) {
    auto parsed = ParseStatement(text);
    if (!parsed.ok()) return;
    ++count;
    const std::string once = Unparse(*parsed);
    EXPECT_EQ(Rewritten(once), once) << text;
    ExpectSameWords(text, once);
  });
  EXPECT_GT(count, 400);
}

TEST(Unparser, ExpressionsOfTheCorpusParseAgainToTheSame) {
  int count = 0;
  ForEachCorpusExpression([&](const std::string& text, const std::string&) {
    auto parsed = ParseExpression(text);
    if (!parsed.ok()) return;
    ++count;
    const std::string once = Unparse(**parsed);
    EXPECT_EQ(RewrittenExpression(once), once) << text;
    ExpectSameWords(text, once);
  });
  EXPECT_GT(count, 400);
}

TEST(Unparser, ParenthesesStandWhereTheyMust) {
  const std::pair<const char*, const char*> cases[] = {
      {"(a + b) * c", "(a + b) * c"},
      {"a + (b * c)", "a + b * c"},
      {"a - (b - c)", "a - (b - c)"},
      {"(a - b) - c", "a - b - c"},
      {"NOT (a = 1 AND b)", "NOT (a = 1 AND b)"},
      {"(NOT a) = b", "(NOT a) = b"},
      {"NOT a = b", "NOT a = b"},
      {"(a OR b) AND c", "(a OR b) AND c"},
      {"- - a", "- -a"},
      {"-(a + 1)", "-(a + 1)"},
      {"(a IS NULL) = b", "(a IS NULL) = b"},
      {"a = (b IS NULL)", "a = (b IS NULL)"},
      {"(a = b) IS NULL", "a = b IS NULL"},
      {"a = (b IN (c))", "a = b IN (c)"},
      {"(a = b) IN (c)", "(a = b) IN (c)"},
      {"(a LIKE b) IN (c)", "(a LIKE b) IN (c)"},
      {"(a LIKE b) BETWEEN c AND d", "(a LIKE b) BETWEEN c AND d"},
      {"(a IN (b)) LIKE c", "a IN (b) LIKE c"},
      {"a LIKE (b LIKE c)", "a LIKE (b LIKE c)"},
      {"(a LIKE b) = c AND d LIKE e", "a LIKE b = c AND d LIKE e"},
      {"a = (NOT b)", "a = (NOT b)"},
      {"a BETWEEN (b AND c) AND d", "a BETWEEN (b AND c) AND d"},
      {"(a || b) LIKE c ESCAPE '!'", "a || b LIKE c ESCAPE '!'"},
      {"(a, b) IN ((1, 2), (3, 4))", "ROW(a, b) IN (ROW(1, 2), ROW(3, 4))"},
      {"(a + b)[1]", "(a + b)[1]"},
      {"f(a)[1].b.c", "f(a)[1].b.c"},
      {"CASE WHEN a THEN b END", "CASE WHEN a THEN b END"},
      {"POSITION((a = b) IN c)", "POSITION((a = b) IN c)"},
      {"'it''s'", "'it''s'"},
      {"x'0aff'", "X'0AFF'"},
      {"INTERVAL - '1' DAY", "INTERVAL -'1' DAY"},
      {"INTERVAL '1-2' YEAR TO MONTH", "INTERVAL '1-2' YEAR TO MONTH"},
      {"`select`.`a``b`", "`select`.`a``b`"},
      {"`trim`(a)", "`TRIM`(a)"},
      {"TRIM(a)", "TRIM(BOTH ' ' FROM a)"},
      {"JSON_VALUE(a, '$.x' RETURNING INT NULL ON EMPTY DEFAULT 1 ON ERROR)", "JSON_VALUE(a, '$.x' RETURNING INT NULL ON EMPTY DEFAULT 1 ON ERROR)"},
      {"JSON_OBJECT('a' : 1 ABSENT ON NULL)", "JSON_OBJECT(KEY 'a' VALUE 1 ABSENT ON NULL)"},
      {"JSON_ARRAY(NULL ON NULL)", "JSON_ARRAY(NULL ON NULL)"},
      {"LISTAGG(DISTINCT a, ',' ORDER BY b DESC NULLS LAST) FILTER (WHERE c)", "LISTAGG(DISTINCT a, ',') WITHIN GROUP (ORDER BY b DESC NULLS LAST) FILTER (WHERE c)"},
      {"SUM(a) OVER (PARTITION BY b ORDER BY c ROWS 3 PRECEDING)", "SUM(a) OVER (PARTITION BY b ORDER BY c ROWS BETWEEN 3 PRECEDING AND CURRENT ROW)"},
      {"CAST(a AS ROW<`x y` INT NOT NULL, z ARRAY<STRING>>)", "CAST(a AS ROW<`x y` INT NOT NULL, `z` ARRAY<STRING>>)"},
  };
  for (const auto& [text, wanted] : cases) {
    const std::string written = RewrittenExpression(text);
    std::string plain = written;  // a call's name comes in upper case
    EXPECT_TRUE(plain == wanted || plain == std::string(1, static_cast<char>(std::toupper(wanted[0]))) + (wanted + 1)) << text << "\n" << plain << "\n" << wanted;
    EXPECT_EQ(RewrittenExpression(written), written) << text;
  }
}

TEST(Unparser, EachStatementInItsForm) {
  const char* forms[] = {
      "WITH a AS (SELECT 1 AS x), b (y) AS (SELECT x FROM a) SELECT DISTINCT a.*, y AS z FROM a JOIN b ON a.x = b.y WHERE x > 1 GROUP BY x, (x, y), () HAVING COUNT(*) > 1 ORDER BY x DESC LIMIT 1 OFFSET 2",
      "SELECT * FROM a LEFT JOIN (b CROSS JOIN c) ON TRUE NATURAL JOIN d FULL JOIN e USING (x, y)",
      "SELECT * FROM (SELECT 1) AS t (x) CROSS JOIN UNNEST(t.x) WITH ORDINALITY AS u (y, n)",
      "SELECT * FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) AS w",
      "SELECT * FROM TABLE(SESSION(DATA => TABLE t PARTITION BY (a, b), TIMECOL => DESCRIPTOR(ts), GAP => INTERVAL '1' MINUTE))",
      "SELECT * FROM t /*+ OPTIONS('a' = 'b', 'c' = 'd') */ FOR SYSTEM_TIME AS OF TIMESTAMP '2024-01-01 00:00:00' AS x",
      "SELECT * FROM t FOR VERSION AS OF 12 JOIN u FOR TIMESTAMP AS OF 'x' ON TRUE",
      "SELECT a FROM t UNION ALL SELECT b FROM u INTERSECT SELECT c FROM v EXCEPT VALUES (1, 2), (3, 4)",
      "(SELECT 1 ORDER BY 1 LIMIT 2) UNION (SELECT 2) LIMIT 1",
      "(SELECT 1) ORDER BY 1",
      "SELECT GROUPING(a) FROM t GROUP BY GROUPING SETS ((a, b), a, ()), ROLLUP (a, (b, c)), CUBE (a)",
      "SELECT SUM(a) OVER w FROM t WINDOW w AS (PARTITION BY b ORDER BY c)",
      "TABLE a.b.c",
      "INSERT OVERWRITE t PARTITION (a = 1, b) (x, y) SELECT 1, 2",
      "EXECUTE STATEMENT SET BEGIN INSERT INTO a SELECT 1; INSERT INTO b VALUES (2); END",
      "BEGIN STATEMENT SET",
      "END",
      "EXPLAIN CHANGELOG_MODE, PLAN_ADVICE SELECT 1",
      "EXPLAIN EXECUTE STATEMENT SET BEGIN INSERT INTO a SELECT 1; END",
      "CREATE CATALOG IF NOT EXISTS c COMMENT 'it''s' WITH ('type' = 'iceberg')",
      "DROP CATALOG IF EXISTS c",
      "CREATE DATABASE IF NOT EXISTS c.d COMMENT 'x' WITH ('a' = 'b')",
      "DROP DATABASE IF EXISTS d CASCADE",
      "CREATE OR REPLACE TEMPORARY TABLE IF NOT EXISTS t (a INT NOT NULL PRIMARY KEY NOT ENFORCED COMMENT 'k', b AS a + 1, c TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL, WATERMARK FOR c AS c - INTERVAL '5' SECOND, "
      "PRIMARY KEY (a) NOT ENFORCED) COMMENT 'x' PARTITIONED BY (a, DAYS(c), BUCKET(16, a)) WITH ('a' = 'b') LIKE u (INCLUDING ALL OVERWRITING OPTIONS EXCLUDING WATERMARKS)",
      "CREATE TABLE t (a, b) WITH ('a' = 'b') AS SELECT 1, 2",
      "CREATE OR REPLACE TEMPORARY VIEW IF NOT EXISTS v (a, b) COMMENT 'x' AS SELECT 1, 2",
      "DROP TEMPORARY VIEW IF EXISTS v",
      "DROP TABLE t",
      "ALTER TABLE IF EXISTS t RENAME TO u",
      "ALTER TABLE t RENAME a TO b",
      "ALTER TABLE t SET ('a' = 'b')",
      "ALTER TABLE t RESET ('a', 'b')",
      "ALTER TABLE t ADD (a INT FIRST, b STRING COMMENT 'x' AFTER a, WATERMARK FOR c AS c, PRIMARY KEY (a) NOT ENFORCED)",
      "ALTER TABLE t MODIFY (a BIGINT)",
      "ALTER TABLE t DROP (a, b)",
      "ALTER TABLE t DROP WATERMARK",
      "ALTER TABLE t DROP PRIMARY KEY",
      "ALTER VIEW v AS SELECT 1",
      "ALTER VIEW v RENAME TO w",
      "USE CATALOG c",
      "USE c.d",
      "SET",
      "SET 'a' = 'b'",
      "RESET",
      "RESET 'a'",
      "SHOW TABLES FROM c.d NOT LIKE 'a%'",
      "SHOW USER FUNCTIONS",
      "SHOW DATABASES FROM c ILIKE 'x'",
      "SHOW CREATE TABLE c.d.t",
      "SHOW CREATE VIEW v",
      "SHOW CREATE CATALOG c",
      "SHOW PARTITIONS t",
      "SHOW COLUMNS FROM t LIKE 'a'",
      "SHOW CURRENT DATABASE",
      "SHOW JOBS",
      "SHOW MODULES",
      "DESCRIBE EXTENDED c.d.t",
      "DESCRIBE CATALOG c",
      "DESCRIBE JOB 'x'",
      "STOP JOB 'x' WITH SAVEPOINT WITH DRAIN",
  };
  for (const char* form : forms) EXPECT_EQ(Rewritten(form), form);
}

TEST(Unparser, TableNamesCanBeGivenAnotherForm) {
  const auto statement = ParseQuery("WITH a AS (SELECT * FROM b) SELECT * FROM a JOIN c.d ON TRUE WHERE x IN (SELECT a FROM TABLE(TUMBLE(TABLE e, DESCRIPTOR(t), INTERVAL '1' DAY)))");
  ASSERT_TRUE(statement.ok());
  EXPECT_EQ(Unparse(**statement, {.table_name = [](const ObjectName& name) { return "here." + name.ToString(); }}),
            "WITH a AS (SELECT * FROM here.b) SELECT * FROM a JOIN here.c.d ON TRUE WHERE x IN (SELECT a FROM TABLE(TUMBLE(TABLE here.e, DESCRIPTOR(t), INTERVAL '1' DAY)))");
  const auto after = ParseQuery("SELECT * FROM (WITH a AS (SELECT 1) SELECT * FROM a) AS x, a");
  ASSERT_TRUE(after.ok());
  EXPECT_EQ(Unparse(**after, {.table_name = [](const ObjectName&) { return "T"; }}), "SELECT * FROM (WITH a AS (SELECT 1) SELECT * FROM a) AS x CROSS JOIN T");
}

}  // namespace
}  // namespace firn::sql
