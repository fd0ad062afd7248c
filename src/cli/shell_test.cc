// SPDX-License-Identifier: Apache-2.0
#include "cli/shell.h"

#include <gmock/gmock.h>

namespace firn::cli {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(StatementBuffer, AStatementTakesLinesUpToItsSemicolon) {
  StatementBuffer buffer;
  EXPECT_THAT(buffer.AddLine("SELECT 1,"), IsEmpty());
  EXPECT_FALSE(buffer.empty());
  EXPECT_THAT(buffer.AddLine("  2;"), ElementsAre("SELECT 1,\n  2"));
  EXPECT_TRUE(buffer.empty());
}

TEST(StatementBuffer, SeveralStatementsOnALine) {
  StatementBuffer buffer;
  EXPECT_THAT(buffer.AddLine("SELECT 1; SELECT ';'; SEL"), ElementsAre("SELECT 1", "SELECT ';'"));
  EXPECT_THAT(buffer.AddLine("ECT 3;"), ElementsAre("SEL\nECT 3"));
}

TEST(StatementBuffer, SemicolonsInStringsCommentsAndStatementSetsDoNotEndIt) {
  StatementBuffer buffer;
  EXPECT_THAT(buffer.AddLine("SELECT 'a;"), IsEmpty());
  EXPECT_THAT(buffer.AddLine("b' -- ; no end"), IsEmpty());
  EXPECT_THAT(buffer.AddLine(";"), ElementsAre("SELECT 'a;\nb'"));
  EXPECT_THAT(buffer.AddLine("EXECUTE STATEMENT SET BEGIN"), IsEmpty());
  EXPECT_THAT(buffer.AddLine("INSERT INTO a SELECT 1;"), IsEmpty());
  EXPECT_EQ(buffer.AddLine("END;").size(), 1u);
}

TEST(StatementBuffer, ACommentAloneIsNothingToWaitFor) {
  StatementBuffer buffer;
  EXPECT_THAT(buffer.AddLine("-- nothing"), IsEmpty());
  EXPECT_TRUE(buffer.empty());
}

TEST(StatementBuffer, ACommentMayTakeLines) {
  StatementBuffer buffer;
  EXPECT_THAT(buffer.AddLine("/* what"), IsEmpty());
  EXPECT_FALSE(buffer.empty());
  EXPECT_THAT(buffer.AddLine("follows; */ SELECT 1;"), ElementsAre("SELECT 1"));
}

TEST(StatementBuffer, ClearForgets) {
  StatementBuffer buffer;
  EXPECT_THAT(buffer.AddLine("SELECT"), IsEmpty());
  buffer.Clear();
  EXPECT_THAT(buffer.AddLine("SHOW JOBS;"), ElementsAre("SHOW JOBS"));
}

}  // namespace
}  // namespace firn::cli
