// SPDX-License-Identifier: Apache-2.0
#include "formats/iso_time.h"

#include <fmt/format.h>

#include <chrono>
#include <iterator>

#include "base/assert.h"

namespace firn::formats {

namespace {

constexpr int64_t kSecondsPerDay = 86'400;
constexpr int64_t kNanosPerSecond = 1'000'000'000;

// Exactly `count` digits at `at`; -1 if they are not there.
int Digits(std::string_view text, size_t at, size_t count) {
  if (at + count > text.size()) return -1;
  int value = 0;
  for (size_t i = at; i < at + count; ++i) {
    if (text[i] < '0' || text[i] > '9') return -1;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

void AppendFraction(std::string* out, int32_t nanos) {
  if (nanos == 0) return;
  std::string digits = fmt::format(".{:09}", nanos);
  digits.erase(digits.find_last_not_of('0') + 1);
  *out += digits;
}

}  // namespace

std::optional<int32_t> ParseIsoDate(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  const int year = Digits(text, 0, 4);
  const int month = Digits(text, 5, 2);
  const int day = Digits(text, 8, 2);
  if (year < 0 || month < 0 || day < 0) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return std::nullopt;
  return static_cast<int32_t>(std::chrono::sys_days(date).time_since_epoch().count());
}

std::optional<int64_t> ParseIsoTime(std::string_view text) {
  if (text.size() < 8 || text[2] != ':' || text[5] != ':') return std::nullopt;
  const int hour = Digits(text, 0, 2);
  const int minute = Digits(text, 3, 2);
  const int second = Digits(text, 6, 2);
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) return std::nullopt;
  int64_t nanos = 0;
  if (text.size() > 8) {
    const size_t digits = text.size() - 9;
    if (text[8] != '.' || digits < 1 || digits > 9) return std::nullopt;
    nanos = Digits(text, 9, digits);
    if (nanos < 0) return std::nullopt;
    for (size_t i = digits; i < 9; ++i) nanos *= 10;
  }
  return ((hour * 60 + minute) * 60 + second) * kNanosPerSecond + nanos;
}

std::optional<IsoTimestamp> ParseIsoTimestamp(std::string_view text, TimestampStyle style, bool zoned) {
  if (zoned) {
    if (text.empty() || text.back() != 'Z') return std::nullopt;
    text.remove_suffix(1);
  }
  const char separator = style == TimestampStyle::kSql ? ' ' : 'T';
  if (text.size() < 19 || text[10] != separator) return std::nullopt;
  const auto days = ParseIsoDate(text.substr(0, 10));
  const auto nanos = ParseIsoTime(text.substr(11));
  if (!days || !nanos) return std::nullopt;
  return IsoTimestamp{*days * kSecondsPerDay + *nanos / kNanosPerSecond, static_cast<int32_t>(*nanos % kNanosPerSecond)};
}

void AppendIsoDate(std::string* out, int32_t days) {
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(days))};
  fmt::format_to(std::back_inserter(*out), "{:04}-{:02}-{:02}", static_cast<int>(date.year()),
                 static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
}

void AppendIsoTime(std::string* out, int64_t nanos_of_day) {
  const int64_t seconds = nanos_of_day / kNanosPerSecond;
  fmt::format_to(std::back_inserter(*out), "{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
  AppendFraction(out, static_cast<int32_t>(nanos_of_day % kNanosPerSecond));
}

void AppendIsoTimestamp(std::string* out, int64_t seconds, int32_t nanos, TimestampStyle style, bool zoned) {
  FIRN_ASSERT(nanos >= 0 && nanos < kNanosPerSecond, "{} nanoseconds are no part of a second", nanos);
  int64_t days = seconds / kSecondsPerDay;
  int64_t rest = seconds % kSecondsPerDay;
  if (rest < 0) {
    rest += kSecondsPerDay;
    --days;
  }
  AppendIsoDate(out, static_cast<int32_t>(days));
  out->push_back(style == TimestampStyle::kSql ? ' ' : 'T');
  AppendIsoTime(out, rest * kNanosPerSecond + nanos);
  if (zoned) out->push_back('Z');
}

}  // namespace firn::formats
