// SPDX-License-Identifier: Apache-2.0
#include "types/temporal.h"

#include <gtest/gtest.h>

#include <random>

namespace firn::types {
namespace {

std::string Date(int64_t days) {
  std::string text;
  AppendDate(&text, days);
  return text;
}
std::string Timestamp(int64_t value, int precision) {
  std::string text;
  AppendTimestamp(&text, value, precision);
  return text;
}

// Every day of the years 0 to 9999, counted up one by one by the rule of leap years.
TEST(Temporal, EveryDayIsItsFieldsItsTextAndItself) {
  int64_t day_number = -719'528;  // 0000-01-01
  for (int year = 0; year <= 9999; ++year) {
    for (int month = 1; month <= 12; ++month) {
      for (int day = 1; day <= DaysInMonth(year, month); ++day, ++day_number) {
        const CivilDate date = DateOfDays(day_number);
        ASSERT_TRUE(date.year == year && date.month == month && date.day == day) << day_number;
        ASSERT_EQ(DaysOfDate(date), day_number);
        ASSERT_EQ(ParseDate(Date(day_number)), day_number);
      }
      EXPECT_FALSE(IsRealDate(year, month, DaysInMonth(year, month) + 1));
    }
  }
  EXPECT_EQ(day_number, 2'932'897);  // 10000-01-01
  EXPECT_EQ(DaysInMonth(1900, 2), 28);
  EXPECT_EQ(DaysInMonth(2000, 2), 29);
}

TEST(Temporal, TextsOfDatesAndTimes) {
  EXPECT_EQ(Date(*ParseDate(" 2024-1-5 ")), "2024-01-05");
  EXPECT_EQ(Date(*ParseDate("2024")), "2024-01-01");
  EXPECT_EQ(ParseTime("10:11:12.345"), ((10 * 60 + 11) * 60 + 12) * 1000 + 345);
  EXPECT_EQ(ParseTime("23:59:59.999999999"), 86'399'999);
  for (const char* wrong : {"", "24-01-05", "2024-02-30", "2023-02-29", "2024-13-01", "2024-00-01", "2024-01-00", "20240-01-01", "2024-01-05x", "-2024-01-05", "2024-"}) {
    EXPECT_EQ(ParseDate(wrong), std::nullopt) << wrong;
  }
  for (const char* wrong : {"", ":", "24:00:00", "10:60", "10:11:60", "10:11:12.", "10:11:12.1234567890", "-1:00", "10:"}) EXPECT_EQ(ParseTime(wrong), std::nullopt) << wrong;
}

// What is printed is read back as what it was, at every precision, also before 1970.
TEST(Temporal, TimestampsSurviveTheirText) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 20'000; ++i) {
    const int precision = static_cast<int>(random() % 10);
    const int64_t units = precision <= 6 ? kMicrosPerSecond : 1'000'000'000;
    int64_t step = units;  // of that precision
    for (int digit = 0; digit < precision; ++digit) step /= 10;
    const int64_t seconds = static_cast<int64_t>(random() % 18'000'000'000) - 9'000'000'000;
    const int64_t value = FloorDivide(seconds * units + static_cast<int64_t>(random() % static_cast<uint64_t>(units)), step) * step;
    const auto parsed = ParseTimestamp(Timestamp(value, precision));
    ASSERT_TRUE(parsed) << value;
    ASSERT_EQ(parsed->seconds * units + parsed->nanos / (1'000'000'000 / units), value) << Timestamp(value, precision);
  }
  EXPECT_EQ(Timestamp(-1, 6), "1969-12-31 23:59:59.999999");
  EXPECT_EQ(Timestamp(-1, 0), "1969-12-31 23:59:59");
  EXPECT_EQ(Timestamp(-1, 9), "1969-12-31 23:59:59.999999999");
}

TEST(Temporal, MonthsAreCutToTheirLastDay) {
  const auto added = [](const char* date, int64_t months) { return Date(AddMonths(*ParseDate(date), months)); };
  EXPECT_EQ(added("2024-01-31", 1), "2024-02-29");
  EXPECT_EQ(added("2023-01-31", 1), "2023-02-28");
  EXPECT_EQ(added("2024-03-31", -1), "2024-02-29");
  EXPECT_EQ(added("2024-01-15", -13), "2022-12-15");
  EXPECT_EQ(added("2024-12-31", 12'000), "3024-12-31");
}

// 146,097 days are 400 years, wherever they begin; years do not end at 32,767.
TEST(Temporal, YearsFarOutAreCountedOn) {
  for (int64_t cycles : {-700, -90, -80, 0, 57, 75, 82, 700}) {
    for (int64_t day : {-719'528, -1, 0, 59, 19'782, 2'932'896}) {
      const CivilDate near = DateOfDays(day), far = DateOfDays(day + cycles * 146'097);
      EXPECT_TRUE(far.year == near.year + cycles * 400 && far.month == near.month && far.day == near.day) << cycles << " " << day << " " << far.year;
      EXPECT_EQ(DaysOfDate(far), day + cycles * 146'097);
    }
  }
  EXPECT_EQ(Date(AddMonths(*ParseDate("9999-12-31"), 30'000 * 12)), "39999-12-31");
}

TEST(TimeZone, GapsAndOverlapsAreJavas) {
  const TimeZone* berlin = *TimeZone::Find("Europe/Berlin");
  const auto micros = [](const char* text) { return ParseTimestamp(text)->seconds * kMicrosPerSecond; };
  EXPECT_EQ(Timestamp(berlin->ToLocal(micros("2024-07-01 00:00:00")), 0), "2024-07-01 02:00:00");
  EXPECT_EQ(Timestamp(berlin->ToInstant(micros("2024-03-31 02:30:00")), 0), "2024-03-31 01:30:00");  // not there: 03:30 summer time
  EXPECT_EQ(Timestamp(berlin->ToInstant(micros("2024-10-27 02:30:00")), 0), "2024-10-27 00:30:00");  // twice there: the earlier one
  std::mt19937_64 random(11);
  for (const char* name : {"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "GMT+02:00", "-08:30", "UTC+1"}) {
    const TimeZone* zone = *TimeZone::Find(name);
    for (int i = 0; i < 2'000; ++i) {
      const int64_t local = zone->ToLocal(static_cast<int64_t>(random() % 4'000'000'000) * kMicrosPerSecond - 2'000'000'000 * kMicrosPerSecond - 1);
      ASSERT_EQ(zone->ToLocal(zone->ToInstant(local)), local) << name << " " << Timestamp(local, 6);  // a local time that happens
    }
  }
  for (const char* wrong : {"", "Mars/Base", "+", "+19:00", "+18:01", "-18:59", "+01:60", "+1:", "GMT+", "UTC+01:00x", "../UTC"}) EXPECT_FALSE(TimeZone::Find(wrong).ok()) << wrong;
}

}  // namespace
}  // namespace firn::types
