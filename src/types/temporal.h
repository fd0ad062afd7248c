// SPDX-License-Identifier: Apache-2.0
// Civil time: days and seconds to fields and back, SQL's text forms of DATE, TIME and TIMESTAMP, and time zones. Times count from
// 1970-01-01T00:00:00 in the proleptic Gregorian calendar.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace firn::types {

inline constexpr int64_t kMicrosPerSecond = 1'000'000;
inline constexpr int64_t kMicrosPerDay = 86'400 * kMicrosPerSecond;
inline constexpr int64_t kMillisPerDay = 86'400'000;
inline constexpr int64_t kUnixSecondsMin = -62'135'596'800;  // the beginning of the year 1
inline constexpr int64_t kUnixSecondsMax = 253'402'300'799;  // the end of the year 9999

/// Rounds down, also below zero. `divisor` > 0.
constexpr int64_t FloorDivide(int64_t value, int64_t divisor) {
  const int64_t quotient = value / divisor;
  return quotient - (value % divisor < 0 ? 1 : 0);
}
constexpr int64_t FloorModulo(int64_t value, int64_t divisor) { return value - FloorDivide(value, divisor) * divisor; }

struct CivilDate {
  int year = 1970;
  int month = 1;
  int day = 1;
};
CivilDate DateOfDays(int64_t days);
/// The fields must be a real date.
int64_t DaysOfDate(const CivilDate& date);
bool IsRealDate(int64_t year, int64_t month, int64_t day);
int DaysInMonth(int64_t year, int month);
/// Months added; the day is cut to the new month's last.
int64_t AddMonths(int64_t days, int64_t months);

/// "2024-01-05", "2024-1-5", "2024-01", "2024": SQL's CAST. nullopt otherwise.
std::optional<int32_t> ParseDate(std::string_view text);
/// "10:11:12.345", "10:11", "10": milliseconds of the day.
std::optional<int32_t> ParseTime(std::string_view text);
/// "2024-01-05 10:11:12[.f]" or a date alone: nanoseconds beside whole seconds. As Flink reads it, 24:00:00 is the next day and the 30th of February the last day of
/// the month; blanks around it are not taken.
struct ParsedTimestamp {
  int64_t seconds = 0;
  int32_t nanos = 0;
};
std::optional<ParsedTimestamp> ParseTimestamp(std::string_view text);

void AppendDate(std::string* out, int64_t days);
/// `precision` fraction digits (0: none).
void AppendTime(std::string* out, int64_t millis_of_day, int precision);
/// `value` in microseconds, or in nanoseconds for precision 7..9.
void AppendTimestamp(std::string* out, int64_t value, int precision);

/// A time zone of the machine's tz database. Immutable, thread-safe.
class TimeZone {
 public:
  /// "UTC", "Europe/Berlin", "GMT+02:00", "+02:00". kInvalidArgument if there is none.
  static Result<const TimeZone*> Find(std::string_view name);
  virtual ~TimeZone() = default;
  virtual bool is_utc() const = 0;
  /// Microseconds of local time at an instant.
  virtual int64_t ToLocal(int64_t instant_us) const = 0;
  /// The instant of a local time: the earlier one where it happens twice, moved forward by the gap where it does not happen.
  virtual int64_t ToInstant(int64_t local_us) const = 0;
};

}  // namespace firn::types
