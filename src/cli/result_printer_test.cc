// SPDX-License-Identifier: Apache-2.0
#include "cli/result_printer.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace firn::cli {
namespace {

const std::vector<PrintedColumn> kColumns = {{"symbol", "STRING", false}, {"n", "BIGINT", true}};

std::string Print(const PrinterOptions& options, const std::vector<PrintedRow>& rows) {
  std::string out;
  auto printer = ResultPrinter::Make(options, kColumns, [&](std::string_view text) { out += text; });
  printer->Add(rows);
  printer->Finish();
  return out;
}

TEST(ResultPrinter, TableShowsTypesUnderNamesAndAlignsNumbers) {
  EXPECT_EQ(Print({}, {{"+I", {"日本", "7"}, {}}, {"+I", {std::nullopt, "1234567"}, {}}}),
            "┌────────┬─────────┐\n"
            "│ symbol │       n │\n"
            "│ STRING │  BIGINT │\n"
            "├────────┼─────────┤\n"
            "│ 日本   │       7 │\n"
            "│ NULL   │ 1234567 │\n"
            "└────────┴─────────┘\n"
            "2 rows\n");
}

TEST(ResultPrinter, ChangelogHasAnOpColumn) {
  EXPECT_EQ(Print({.is_changelog = true}, {{"-U", {"A", "1"}, {}}}),
            "┌────┬──────────────┬────────────┐\n"
            "│ op │ symbol       │          n │\n"
            "│    │ STRING       │     BIGINT │\n"
            "├────┼──────────────┼────────────┤\n"
            "│ -U │ A            │          1 │\n"
            "└────┴──────────────┴────────────┘\n"
            "1 row\n");
}

TEST(ResultPrinter, AStreamsWidthsAreSettledByItsFirstRowsAndNotBefore) {
  std::string out;
  auto printer = ResultPrinter::Make({.is_changelog = true}, {{"at", "TIMESTAMP(3)", false}}, [&](std::string_view text) { out += text; });
  printer->Flush();
  EXPECT_EQ(out, "");
  printer->Add({{"+I", {"2024-01-02 03:04:05.678"}, {}}});
  printer->Flush();
  EXPECT_NE(out.find("│ +I │ 2024-01-02 03:04:05.678 │\n"), std::string::npos) << out;
}

TEST(ResultPrinter, NothingIsCutWhereNoTerminalLimitsIt) {
  const std::string wide(200, 'x');
  EXPECT_NE(Print({}, {{"+I", {wide, "1"}, {}}}).find(wide), std::string::npos);
  EXPECT_NE(Print({.is_changelog = true}, {{"+I", {wide, "1"}, {}}}).find(wide), std::string::npos);
}

TEST(ResultPrinter, ATextOfSeveralLinesIsNoTable) {
  std::string out;
  auto printer = ResultPrinter::Make({.is_message = true}, {{"result", "STRING", false}}, [&](std::string_view text) { out += text; });
  printer->Add({{"+I", {"== Plan ==\nScan"}, {}}});
  printer->Finish();
  EXPECT_EQ(out, "== Plan ==\nScan\n");
}

TEST(ResultPrinter, OpsAreColouredAtATerminal) {
  EXPECT_NE(Print({.is_changelog = true, .has_colours = true}, {{"-D", {"A", "1"}, {}}}).find("│ \x1b[31m-D\x1b[0m │ A "), std::string::npos);
}

TEST(ResultPrinter, WideTablesAreCutToTheTerminal) {
  const std::string out = Print({.terminal_columns = 24}, {{"+I", {"a long text that does not fit", "1"}, {}}});
  EXPECT_NE(out.find("│ a long tex… │      1 │"), std::string::npos) << out;
}

// The first rows of a stream settle the widths, and longer numbers may follow.
TEST(ResultPrinter, ANumberOfALaterRowIsNotCut) {
  for (const int columns : {100, 43}) {
    std::string out;
    auto printer = ResultPrinter::Make({.is_changelog = true, .terminal_columns = columns}, kColumns, [&](std::string_view text) { out += text; });
    printer->Add({{"+I", {"a text", "1"}, {}}});
    printer->Flush();
    printer->Add({{"+I", {"another text", "-1234567890123456789"}, {}}, {"+I", {"a", "2"}, {}}});
    printer->Finish();
    EXPECT_NE(out.find("│ -1234567890123456789 │\n"), std::string::npos) << out;
    EXPECT_NE(out.find("│                    2 │\n"), std::string::npos) << out;
    EXPECT_EQ(out.find("another te…") == std::string::npos, columns == 100) << out;
  }
}

TEST(ResultPrinter, ColumnsInTheMiddleAreLeftOutRatherThanUnreadable) {
  std::string out;
  std::vector<PrintedColumn> columns;
  PrintedRow row{"+I", {}, {}};
  for (int i = 0; i < 8; ++i) {
    columns.push_back({fmt::format("column_{}", i), i == 7 ? "BIGINT" : "STRING", i == 7});
    row.texts.emplace_back(i == 7 ? "1234567890123456789" : "a text of some length");
  }
  auto printer = ResultPrinter::Make({.terminal_columns = 60}, columns, [&](std::string_view text) { out += text; });
  printer->Add({row});
  printer->Finish();
  EXPECT_EQ(out,
            "┌───────────────┬────────────────┬───┬─────────────────────┐\n"
            "│ column_0      │ column_1       │ … │            column_7 │\n"
            "│ STRING        │ STRING         │ … │              BIGINT │\n"
            "├───────────────┼────────────────┼───┼─────────────────────┤\n"
            "│ a text of so… │ a text of som… │ … │ 1234567890123456789 │\n"
            "└───────────────┴────────────────┴───┴─────────────────────┘\n"
            "1 row, 3 of 8 columns: a wider terminal or the format json shows all\n");
}

std::string PrintTexts(const PrinterOptions& options, const std::vector<std::string>& texts) {
  std::string out;
  auto printer = ResultPrinter::Make(options, {{"s", "STRING", false}}, [&](std::string_view text) { out += text; });
  for (const std::string& text : texts) printer->Add({{"+I", {text}, {}}});
  printer->Finish();
  return out;
}

TEST(ResultPrinter, RowsOfAQueryAreATableWhateverIsInThem) {
  EXPECT_EQ(PrintTexts({}, {"a\nb", "c", "\x1b[2J", "\xc2\x9b", "\xffü\xe6\x97"}),
            "┌───────────────┐\n"
            "│ s             │\n"
            "│ STRING        │\n"
            "├───────────────┤\n"
            "│ a\\nb          │\n"
            "│ c             │\n"
            "│ \\x1b[2J       │\n"
            "│ \\x9b          │\n"
            "│ \\xffü\\xe6\\x97 │\n"
            "└───────────────┘\n"
            "5 rows\n");
}

TEST(ResultPrinter, JsonLines) {
  EXPECT_EQ(Print({.format = OutputFormat::kJson}, {{"+I", {"A", "1"}, {"\"A\"", "1"}}}), "{\"symbol\":\"A\",\"n\":1}\n");
  EXPECT_EQ(Print({.format = OutputFormat::kJson, .is_changelog = true}, {{"-D", {"A", "1"}, {"\"A\"", "1"}}}),
            "{\"op\":\"-D\",\"row\":{\"symbol\":\"A\",\"n\":1}}\n");
}

TEST(ResultPrinter, CsvTellsNullFromEmpty) {
  EXPECT_EQ(Print({.format = OutputFormat::kCsv}, {{"+I", {"a,\"b\"", "1"}, {}}, {"+I", {"", std::nullopt}, {}}}),
            "symbol,n\n\"a,\"\"b\"\"\",1\n\"\",\n");
}

}  // namespace
}  // namespace firn::cli
