// SPDX-License-Identifier: Apache-2.0
#include "exec/window_clock.h"

#include <gtest/gtest.h>

namespace firn::exec {
namespace {

constexpr int64_t kMinute = 60'000;
constexpr int64_t kHour = 60 * kMinute;

WindowClock ClockIn(const char* zone, OperatorContext* context) {
  static const plan::WindowSpec window{.is_local_time = true};
  context->evaluation.time_zone = zone;
  WindowClock clock;
  EXPECT_TRUE(clock.Open(window, *context).ok());
  return clock;
}

TEST(WindowClock, TheLastInstantOfAWindowIsThatOfItsLastMillisecond) {
  OperatorContext context;
  EXPECT_EQ(ClockIn("UTC", &context).LastInstantOf(10 * kHour), 10 * kHour - 1);
  OperatorContext ahead;
  EXPECT_EQ(ClockIn("+02:00", &ahead).LastInstantOf(10 * kHour), 8 * kHour - 1);
}

// In Berlin the hour from 02:00 comes twice on 2024-10-27: at 00:00 and at 01:00 UTC. Rows of both are in its windows.
TEST(WindowClock, AnHourThatComesTwiceIsOverWhenItHasComeTwice) {
  OperatorContext context;
  const WindowClock clock = ClockIn("Europe/Berlin", &context);
  const int64_t midnight = 1'729'987'200'000;  // as a local time, and as an instant two hours later
  EXPECT_EQ(clock.LastInstantOf(midnight + 2 * kHour), midnight - 1);                               // [01:00, 02:00)
  EXPECT_EQ(clock.LastInstantOf(midnight + 2 * kHour + 10 * kMinute), midnight + kHour + 10 * kMinute - 1);  // [02:00, 02:10): the second of two
  EXPECT_EQ(clock.LastInstantOf(midnight + 3 * kHour), midnight + 2 * kHour - 1);
  EXPECT_EQ(clock.LastInstantOf(midnight + 4 * kHour), midnight + 3 * kHour - 1);
}

// And that from 02:00 does not come on 2024-03-31: 03:00 follows at 01:00 UTC.
TEST(WindowClock, AnHourThatIsLeftOutIsOverAtOnce) {
  OperatorContext context;
  const WindowClock clock = ClockIn("Europe/Berlin", &context);
  const int64_t midnight = 1'711'843'200'000;
  EXPECT_EQ(clock.LastInstantOf(midnight + 2 * kHour), midnight + kHour - 1);
  EXPECT_EQ(clock.LastInstantOf(midnight + 2 * kHour + 30 * kMinute), midnight + kHour);
  EXPECT_EQ(clock.LastInstantOf(midnight + 3 * kHour + 30 * kMinute), midnight + kHour + 30 * kMinute - 1);
}

}  // namespace
}  // namespace firn::exec
