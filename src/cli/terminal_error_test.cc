// SPDX-License-Identifier: Apache-2.0
#include "cli/terminal_error.h"

#include <gtest/gtest.h>

namespace firn::cli {
namespace {

TEST(ColourError, TheCodeTheCaretsAndTheNotes) {
  EXPECT_EQ(ColourError("error[E2102]: column not found: `prise`\n  --> query:1:8\n   |\n 1 | SELECT prise ^ 2\n   |        ^^^^^ no such column\n   = near: `price`\n"),
            "\x1b[1;31merror[E2102]\x1b[0m\x1b[1m: column not found: `prise`\x1b[0m\n  --> query:1:8\n   |\n 1 | SELECT prise ^ 2\n"
            "   |        \x1b[31m^^^^^ no such column\x1b[0m\n   = \x1b[36mnear\x1b[0m: `price`\n");
}

TEST(ColourError, AWholeWordBeforeANote) {
  EXPECT_EQ(ColourError("error[E1]: x\n   = while: in Collect: y\n"), "\x1b[1;31merror[E1]\x1b[0m\x1b[1m: x\x1b[0m\n   = \x1b[36mwhile\x1b[0m: in Collect: y\n");
}

TEST(ColourError, AWiderGutterOfALaterLine) {
  EXPECT_EQ(ColourError("error[E1]: x\n  --> query:12:1\n    |\n 12 | a\n    | ^ y\n    = near: `b`\n"),
            "\x1b[1;31merror[E1]\x1b[0m\x1b[1m: x\x1b[0m\n  --> query:12:1\n    |\n 12 | a\n    | \x1b[31m^ y\x1b[0m\n    = \x1b[36mnear\x1b[0m: `b`\n");
}

TEST(PlaceInScript, LinesAndTheFirstLinesColumnsCountFromTheScriptsBeginning) {
  const std::string first = "error[E1]: x\n  --> query:1:8\n   |\n 1 | SELECT a | b\n   |        ^ y\n   = near: `b`\n   = more: firn explain E1\n";
  EXPECT_EQ(PlaceInScript(first, {"a.sql", 1, 1}), "error[E1]: x\n  --> a.sql:1:8\n   |\n 1 | SELECT a | b\n   |        ^ y\n   = near: `b`\n   = more: firn explain E1\n");
  EXPECT_EQ(PlaceInScript(first, {"a.sql", 9, 11}), "error[E1]: x\n  --> a.sql:9:18\n   |\n 9 | SELECT a | b\n   |        ^ y\n   = near: `b`\n   = more: firn explain E1\n");
  EXPECT_EQ(PlaceInScript(first, {"a.sql", 100, 1}), "error[E1]: x\n    --> a.sql:100:8\n     |\n 100 | SELECT a | b\n     |        ^ y\n     = near: `b`\n     = more: firn explain E1\n");
  EXPECT_EQ(PlaceInScript("error[E1]: x\n  --> query:12:3\n    |\n 12 | ab\n    | ^ y\n", {"a.sql", 88, 7}), "error[E1]: x\n   --> a.sql:99:3\n    |\n 99 | ab\n    | ^ y\n");
}

TEST(PlaceInScript, AnErrorWithoutAPlaceHasNone) {
  for (const char* text : {"", "error[E1]: x", "error[E1]: x\n", "error[E1]: x\n   = more: firn explain E1\n", "error[E1]: x\n  --> query:1\n", "error[E1]: x\n  --> query:a:b\n",
                           "error[E1]: x\n  --> query:1:\n", "error[E1]: x\n  --> query:0:1\n", "error[E1]: x\n  --> query:1:4294967296\n", "error[E1]: x\n  --> query:18446744073709551615:1\n", "error[E1]: x\n  --> other:1:1\n"}) {
    EXPECT_EQ(PlaceInScript(text, {"a.sql", 3, 3}), std::nullopt) << text;
  }
}

TEST(WrapError, NotesStandUnderTheirOwnBeginning) {
  EXPECT_EQ(WrapError("error[E2112]: the connector has no such option at all\n  --> query:1:15\n 1 | SELECT * FROM a_table_with_a_long_name\n   = help: it takes: topic, properties, format and more\n", 36),
            "error[E2112]: the connector has no\n  such option at all\n  --> query:1:15\n 1 | SELECT * FROM a_table_with_a_long_name\n"
            "   = help: it takes: topic,\n           properties, format and\n           more\n");
}

TEST(WrapError, WhatFitsOrCannotBeBrokenStays) {
  const std::string fits = "error[E1]: short\n   = more: firn explain E1\n";
  EXPECT_EQ(WrapError(fits, 80), fits);
  EXPECT_EQ(WrapError(fits, 0), fits);
  EXPECT_EQ(WrapError("error[E1]: short\n   = more: firn explain E1\n", 12), fits);
  EXPECT_EQ(WrapError("error[E1]: " + std::string(60, 'x') + " y\n", 40), "error[E1]:\n  " + std::string(60, 'x') + "\n  y\n");
  EXPECT_EQ(WrapError("", 80), "");
}

TEST(ColourError, WhatIsNotAsExpectedStaysAsItIs) {
  EXPECT_EQ(ColourError(""), "");
  EXPECT_EQ(ColourError("error["), "\x1b[1;31merror[\x1b[0m\x1b[1m\x1b[0m\n");
  EXPECT_EQ(ColourError("plain\n   = \n"), "plain\n   = \x1b[36m\x1b[0m\n");
}

}  // namespace
}  // namespace firn::cli
