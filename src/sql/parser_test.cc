// SPDX-License-Identifier: Apache-2.0
#include "sql/parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error_render.h"
#include "sql/corpus_test.h"
#include "sql/unparser.h"

namespace firn::sql {
namespace {

using ::testing::HasSubstr;

std::string Rendered(std::string_view text) {
  auto parsed = ParseStatement(text);
  return parsed.ok() ? "accepted" : base::RenderError(parsed.error(), {.source = text});
}

// Every statement of the Flink cases parses, but for those that Flink's own parser refuses.
TEST(Parser, TakesTheWholeCorpus) {
  int count = 0;
  ForEachCorpusStatement([&](const std::string& name, const std::string& text) {
    ++count;
    auto parsed = ParseStatement(text);
    const bool is_refused = name.starts_with("261_") || name.starts_with("292_");
    const bool is_match = text.find("MATCH_RECOGNIZE") != std::string::npos;
    if (is_refused) {
      EXPECT_FALSE(parsed.ok()) << name;
    } else if (is_match) {
      EXPECT_EQ(parsed.error().code(), ErrorCode::kNotSupported) << name;
    } else {
      EXPECT_TRUE(parsed.ok()) << name << ": " << base::RenderError(parsed.error(), {.source = text});
    }
  });
  EXPECT_GT(count, 400);
}

TEST(Parser, TakesEveryExpressionOfTheCorpus) {
  ForEachCorpusExpression([](const std::string& expression, const std::string& answer) {
    auto parsed = ParseExpression(expression);
    if (answer.find("\t!compile") == std::string::npos) {
      EXPECT_TRUE(parsed.ok()) << base::RenderError(parsed.error(), {.source = expression});
    }
  });
}

TEST(Parser, ErrorsPointAndHelp) {
  EXPECT_EQ(Rendered("SELEC 1"),
            "error[E2001]: found 'SELEC' where a statement (SELECT, INSERT, CREATE, SHOW, ...) is expected\n"
            "  --> query:1:1\n"
            "   |\n"
            " 1 | SELEC 1\n"
            "   | ^^^^^\n"
            "   = help: did you mean SELECT?\n"
            "   = more: firn explain E2001\n");
  EXPECT_THAT(Rendered("SELECT 1 AS value"), HasSubstr("VALUE is a reserved word; as a name write it in back-ticks: `value`"));
  EXPECT_THAT(Rendered("SELECT a != b FROM t"), HasSubstr("SQL's sign for \"not equal\" is <>"));
  EXPECT_THAT(Rendered("SELECT a FROM"), HasSubstr("error[E2002]"));
  EXPECT_THAT(Rendered("SELECT a FROM"), HasSubstr("Encountered \"<EOF>\""));
  EXPECT_THAT(Rendered("SELECT 'abc"), HasSubstr("the string that begins here is not closed"));
  EXPECT_THAT(Rendered("CREATE TABLE t (a INTT)"), HasSubstr("there is no type INTT"));
  EXPECT_THAT(Rendered("CREATE TABLE t (a AS 1 METADATA)"), HasSubstr("found 'METADATA'"));
  EXPECT_THAT(Rendered("SET execution.runtime-mode = batch"), HasSubstr("help: keys and values are texts: SET 'execution.runtime-mode' = 'batch'\n   = more"));
  EXPECT_THAT(Rendered("SELECT INTERVAL '1' SECOND TO DAY"), HasSubstr("                            ^^^\n   = help: YEAR TO MONTH; or DAY, HOUR or MINUTE to a smaller one"));
  EXPECT_THAT(Rendered("SELECT CAST(a AS INTERVAL YEAR TO DAY)"), HasSubstr("an interval does not go to this unit"));
  EXPECT_THAT(Rendered("SELECT INTERVAL '1 02:03' DAY TO MINUTE, CAST(a AS INTERVAL YEAR(2) TO MONTH)"), HasSubstr("accepted"));
  EXPECT_THAT(Rendered("ALTER TABLE t ADD (WATERMARK FOR a AS a, WATERMARK FOR b AS b)"), HasSubstr("at most one WATERMARK"));
  EXPECT_THAT(Rendered("ALTER TABLE t MODIFY (PRIMARY KEY (a) NOT ENFORCED, CONSTRAINT c PRIMARY KEY (b) NOT ENFORCED)"), HasSubstr("at most one PRIMARY KEY"));
  EXPECT_THAT(Rendered("USE CATALOG a.b"), HasSubstr("its name alone"));
  EXPECT_THAT(Rendered("DELETE FROM t"), HasSubstr("error[E2003]: DELETE is not supported"));
}

TEST(Parser, NestingIsBounded) {
  const std::string deep = "SELECT " + std::string(100'000, '(') + "1" + std::string(100'000, ')');
  EXPECT_THAT(Rendered(deep), HasSubstr("nested more than 200 levels"));
  const std::string chain = "SELECT " + [] {
    std::string text = "1";
    for (int i = 0; i < 20'000; ++i) text += " + 1";
    return text;
  }();
  EXPECT_THAT(Rendered(chain), HasSubstr("more than 1000 operators stand in one row"));
}

TEST(Parser, PrecedenceAndForms) {
  auto parsed = ParseExpression("NOT a = 1 OR b + 2 * c BETWEEN 1 AND 2 AND d IS NOT NULL");
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ((*parsed)->text, "OR");
  EXPECT_EQ((*parsed)->arguments[0]->text, "NOT");
  EXPECT_EQ((*parsed)->arguments[1]->text, "AND");
  EXPECT_EQ((*parsed)->arguments[1]->arguments[0]->kind, ExpressionKind::kBetween);
  auto extract = ParseExpression("EXTRACT(YEAR FROM ts)");
  ASSERT_TRUE(extract.ok());
  EXPECT_EQ((*extract)->arguments[0]->text, "YEAR");
  auto set = ParseStatement("SELECT 1 UNION SELECT 2 INTERSECT SELECT 3");
  ASSERT_TRUE(set.ok());
  const Query& query = *std::get<QueryStatement>(set->body).query;
  EXPECT_EQ(query.set_operator, SetOperator::kUnion);
  EXPECT_EQ(query.right->set_operator, SetOperator::kIntersect);
}

// What Flink makes of them: test/flink/exprs/07_precedence.tsv.
TEST(Parser, OperatorsBindAsInCalcite) {
  const std::pair<const char*, const char*> cases[] = {
      {"a = b IS NULL", "(a = b) IS NULL"},
      {"NOT a = b IS NULL", "NOT ((a = b) IS NULL)"},
      {"a IS NULL = b", "(a IS NULL) = b"},
      {"a = b IN (c)", "a = (b IN (c))"},
      {"a IN (b) = c", "(a IN (b)) = c"},
      {"a < b = c <> d", "((a < b) = c) <> d"},
      {"a = b LIKE c = d", "(a = (b LIKE c)) = d"},
      {"a LIKE b IN (c)", "a LIKE (b IN (c))"},
      {"a LIKE b LIKE c ESCAPE d", "a LIKE (b LIKE c ESCAPE d)"},
      {"a = b BETWEEN c AND d = e", "(a = (b BETWEEN c AND d)) = e"},
      {"a BETWEEN b = c AND d", "a BETWEEN (b = c) AND d"},
      {"a BETWEEN b AND c BETWEEN d AND e", "(a BETWEEN b AND c) BETWEEN d AND e"},
      {"a IS DISTINCT FROM b = c", "(a IS DISTINCT FROM b) = c"},
      {"a = NOT b AND c", "(a = (NOT b)) AND c"},
      {"a || b * c || d", "((a || b) * c) || d"},
      {"(a, b) OVERLAPS (c, d) = e", "((a, b) OVERLAPS (c, d)) = e"},
      {"a IN (b) IN (c)", "(a IN (b)) IN (c)"},
      {"(a).b.c + 1", "a.b.c + 1"},
  };
  for (const auto& [text, same] : cases) {
    auto parsed = ParseExpression(text);
    auto wanted = ParseExpression(same);
    ASSERT_TRUE(parsed.ok() && wanted.ok()) << text;
    EXPECT_EQ(Unparse(**parsed), Unparse(**wanted)) << text;
  }
}

TEST(Parser, ACommaBindsLooserThanJoin) {
  const auto from = [](const std::string& text) {
    auto parsed = ParseQuery("SELECT * FROM " + text);
    return parsed.ok() ? std::move((*parsed)->select->from) : nullptr;
  };
  const TableExpressionPtr joined = from("a, b RIGHT JOIN c ON TRUE, d");
  ASSERT_NE(joined, nullptr);
  EXPECT_EQ(joined->right->name.parts[0].text, "d");
  EXPECT_EQ(joined->left->join, JoinType::kCross);
  EXPECT_EQ(joined->left->right->join, JoinType::kRight);
  // UNNEST takes apart what stands before it.
  const TableExpressionPtr unnested = from("a, UNNEST(a.x) AS x JOIN c ON TRUE");
  ASSERT_NE(unnested, nullptr);
  EXPECT_EQ(unnested->join, JoinType::kInner);
  EXPECT_EQ(unnested->left->right->kind, TableKind::kUnnest);
}

TEST(SplitStatements, KnowsStringsCommentsAndStatementSets) {
  auto parts = SplitStatements(
      "SET 'a;b' = 'c'; -- x; y\nEXECUTE STATEMENT SET BEGIN INSERT INTO a SELECT 1; INSERT INTO b SELECT CASE WHEN x THEN 1 END FROM t; END;\n/* ; */ SELECT 1");
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(parts[0].text, "SET 'a;b' = 'c'");
  EXPECT_TRUE(parts[1].text.ends_with("END")) << parts[1].text;
  EXPECT_EQ(parts[2].text, "SELECT 1");
  EXPECT_TRUE(parts[1].is_complete);
  EXPECT_FALSE(parts[2].is_complete);
}

// What it has taken in was to be run: not left out, but refused by the parser.
TEST(SplitStatements, ACommentThatIsNotClosedIsNotLeftOut) {
  const auto parts = SplitStatements("SELECT 1; /* not closed\nSELECT 2;");
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(parts[1].text, "/* not closed\nSELECT 2;");
  EXPECT_FALSE(parts[1].is_complete);
  EXPECT_THAT(Rendered(parts[1].text), HasSubstr("the comment that begins here is not closed"));
}

}  // namespace
}  // namespace firn::sql
