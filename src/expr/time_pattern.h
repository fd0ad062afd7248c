// SPDX-License-Identifier: Apache-2.0
// Patterns of java.time's DateTimeFormatter, compiled once: "yyyy-MM-dd HH:mm:ss.SSS", "EEE, d MMM yyyy".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace firn::expr {

/// Letters: y u (year), G (era), M L (month), d, D (day of year), F, E e c (weekday), Y w W (weeks from Sunday on, the first with the first day of the year or month), Q q
/// (quarter), a, H k K h, m, s, S (fraction), n N (nanosecond, of the day), A (millisecond of the day), z V x X Z O (zone: UTC); quoted and other text stands for
/// itself, brackets for nothing. Names are English.
class TimePattern {
 public:
  /// kInvalidArgument for unknown letters, more of a letter than Java takes, and open quotes.
  static Result<TimePattern> Parse(std::string_view pattern);
  /// A local time in nanoseconds beside whole microseconds: `nanos` is 0..999 below the microsecond.
  void Format(int64_t local_us, int64_t nanos, std::string* out) const;
  /// How text is read. kSmart, as java.time: fields have their ranges, but that a day beyond the end of its month is the month's last, and 24:00:00 the next day.
  /// kRolling, as SimpleDateFormat: any number, 13 months are a year and one; what follows the last field does not count.
  enum class Reading { kSmart, kRolling };
  /// The local time in microseconds; what the pattern lacks is midnight of the first day.
  std::optional<int64_t> ParseText(std::string_view text, Reading reading) const;

 private:
  struct Field {
    char letter = 0;  // 0: text
    int count = 0;
    std::string text;
  };
  struct Parsed;
  bool ParseField(size_t index, std::string_view* rest, Parsed* parsed) const;
  bool RollField(size_t index, std::string_view* rest, Parsed* parsed) const;

  std::vector<Field> fields_;
};

}  // namespace firn::expr
