// SPDX-License-Identifier: Apache-2.0
#include "cli/demo_screen.h"

#include <gtest/gtest.h>

#include "cli/result_printer.h"

namespace firn::cli {
namespace {

const ClosedWindow kEth = {"11:34", "ETH", "3500.05", "3528.41", "3499.96", "3521.2", "1223.37", "995"};
const ClosedWindow kBtc = {"11:34", "BTC", "67986.5", "68257.0", "67763.0", "68257.0", "1302.60", "1010"};

std::string Show(const ScreenOptions& options, const std::vector<ClosedWindow>& windows) {
  std::string out;
  DemoScreen screen(options, [&](std::string_view text) { out += text; });
  screen.Add(windows);
  screen.Finish();
  return out;
}

TEST(DemoScreen, SortsASetOfWindowsAndNamesTheirMinuteOnce) {
  EXPECT_EQ(Show({.columns = 0}, {kEth, kBtc}),
            "  window  symbol       open       high        low      close     volume  trades\n"
            "  ──────  ──────  ─────────  ─────────  ─────────  ─────────  ─────────  ──────\n"
            "  11:34   BTC       67986.5    68257.0    67763.0    68257.0    1302.60    1010\n"
            "          ETH       3500.05    3528.41    3499.96     3521.2    1223.37     995\n");
}

TEST(DemoScreen, EveryLineFitsTheTerminal) {
  for (int columns = 20; columns < 120; ++columns) {
    const std::string out = Show({.columns = columns}, {kEth, kBtc});
    for (size_t begin = 0; begin < out.size(); begin = out.find('\n', begin) + 1) {
      EXPECT_LE(DisplayWidth(std::string_view(out).substr(begin, out.find('\n', begin) - begin)), columns);
    }
  }
}

TEST(DemoScreen, LeavesOutTheLeastTellingColumnsFirst) {
  EXPECT_EQ(Show({.columns = 40}, {kBtc}),
            "  window  symbol      close  trades\n"
            "  ──────  ──────  ─────────  ──────\n"
            "  11:34   BTC       68257.0    1010\n");
}

TEST(DemoScreen, TheStatusLineStaysBeneathTheTable) {
  std::string out;
  DemoScreen screen({.columns = 30, .has_status_line = true}, [&](std::string_view text) { out += text; });
  screen.SetStatus({.elapsed_ms = 3400, .trades_per_second = 4000});
  EXPECT_EQ(out, "\r\x1b[K\x1b[2m   3 s │ 4,000 trades/s\x1b[0m");
  out.clear();
  screen.Add({kBtc});
  EXPECT_TRUE(out.starts_with("\r\x1b[K")) << out;
  EXPECT_TRUE(out.ends_with("\n\x1b[2m   3 s │ 4,000 trades/s\x1b[0m")) << out;
}

TEST(DemoScreen, StatusHoldsAsManyPartsAsFit) {
  const DemoStatus status{.elapsed_ms = 18'000, .trades_per_second = 3996, .watermark = "11:51:59", .rows_stored = 72354, .checkpoints = 19, .checkpoint_ms = 62};
  EXPECT_EQ(StatusText(status, 0), "  18 s │ 3,996 trades/s │ watermark 11:51:59 │ 19 commits │ 72,354 rows stored │ checkpoint 62 ms");
  EXPECT_EQ(StatusText(status, 60), "  18 s │ 3,996 trades/s │ watermark 11:51:59 │ 19 commits");
}

TEST(PriceText, HasSixDigitsThatCount) {
  EXPECT_EQ(PriceText("67996.7"), "67996.7");
  EXPECT_EQ(PriceText("3521.2"), "3521.20");
  EXPECT_EQ(PriceText("0.617"), "0.617000");
}

TEST(GroupDigits, ByThousands) {
  EXPECT_EQ(GroupDigits(0), "0");
  EXPECT_EQ(GroupDigits(999), "999");
  EXPECT_EQ(GroupDigits(1000), "1,000");
  EXPECT_EQ(GroupDigits(-123456), "-123,456");
}

}  // namespace
}  // namespace firn::cli
