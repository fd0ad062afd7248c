// SPDX-License-Identifier: Apache-2.0
#include "cli/command_line.h"

#include <gtest/gtest.h>

namespace firn::cli {
namespace {

TEST(ColourError, TheCodeTheCaretsAndTheNotes) {
  EXPECT_EQ(ColourError("error[E2102]: column not found: `prise`\n  --> query:1:8\n   |\n 1 | SELECT prise ^ 2\n   |        ^^^^^ no such column\n   = near: `price`\n"),
            "\x1b[1;31merror[E2102]\x1b[0m\x1b[1m: column not found: `prise`\x1b[0m\n  --> query:1:8\n   |\n 1 | SELECT prise ^ 2\n"
            "   |        \x1b[31m^^^^^ no such column\x1b[0m\n   = \x1b[36mnear\x1b[0m: `price`\n");
}

TEST(ColourError, WhatIsNotAsExpectedStaysAsItIs) {
  EXPECT_EQ(ColourError(""), "");
  EXPECT_EQ(ColourError("error["), "\x1b[1;31merror[\x1b[0m\x1b[1m\x1b[0m\n");
  EXPECT_EQ(ColourError("plain\n   = \n"), "plain\n   = \x1b[36m\x1b[0m\n");
}

}  // namespace
}  // namespace firn::cli
