// SPDX-License-Identifier: Apache-2.0
// Dates and times in records: the strict forms of Flink's JSON and CSV formats (java.time's ISO_LOCAL_DATE and friends). SQL's own,
// more lenient text forms are in types/temporal.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace firn::formats {

/// 'json.timestamp-format.standard': "2024-01-01 10:00:00.123" or "2024-01-01T10:00:00.123".
enum class TimestampStyle { kSql, kIso8601 };

/// "2024-02-29": days since the epoch. Four-digit years, real dates only.
std::optional<int32_t> ParseIsoDate(std::string_view text);
/// "10:11:12" with up to nine fraction digits: nanoseconds of the day.
std::optional<int64_t> ParseIsoTime(std::string_view text);
/// Date and time: nanoseconds are split off as the fraction of a second that `nanos` gets. `zoned`: a 'Z' must follow.
struct IsoTimestamp {
  int64_t seconds = 0;  // since the epoch
  int32_t nanos = 0;
};
std::optional<IsoTimestamp> ParseIsoTimestamp(std::string_view text, TimestampStyle style, bool zoned);

void AppendIsoDate(std::string* out, int32_t days);
/// As Flink's encoders print: fraction only if not zero, without trailing zeros; seconds always.
void AppendIsoTime(std::string* out, int64_t nanos_of_day);
void AppendIsoTimestamp(std::string* out, int64_t seconds, int32_t nanos, TimestampStyle style, bool zoned);

}  // namespace firn::formats
