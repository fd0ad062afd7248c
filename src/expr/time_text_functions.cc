// SPDX-License-Identifier: Apache-2.0
// Times read from text and written as text, and seconds since 1970. A text that cannot be read gives NULL, as in Flink; so does a pattern,
// but in DATE_FORMAT, which it fails.
#include <memory>

#include "expr/function_groups_internal.h"
#include "expr/signatures_internal.h"
#include "expr/time_pattern.h"
#include "types/temporal.h"

namespace firn::expr {

namespace {

using types::DataType;
using types::TypeKind;

constexpr std::string_view kSeconds = "yyyy-MM-dd HH:mm:ss";

// The last row's pattern, compiled. A pattern that is none is remembered as such.
class PatternCache {
 public:
  const TimePattern* Find(std::string_view text) {
    if (!is_set_ || text != text_) {
      auto parsed = TimePattern::Parse(text);
      pattern_.reset();
      if (parsed.ok()) pattern_ = std::make_unique<TimePattern>(std::move(parsed).value());
      text_ = text;
      is_set_ = true;
    }
    return pattern_.get();
  }
  // As Find, where a pattern that is none fails the call.
  Result<const TimePattern*> Get(std::string_view text) {
    if (const TimePattern* found = Find(text)) return found;
    return TimePattern::Parse(text).error();
  }

 private:
  bool is_set_ = false;
  std::string text_;
  std::unique_ptr<TimePattern> pattern_;
};

// A local time in microseconds as SimpleDateFormat reads it, which UNIX_TIMESTAMP, DATE_FORMAT, CONVERT_TZ and TO_DATE use in Flink.
std::optional<int64_t> RollTime(std::string_view text, std::optional<std::string_view> pattern, PatternCache* patterns) {
  const TimePattern* compiled = patterns->Find(pattern.value_or(kSeconds));
  return compiled == nullptr ? std::nullopt : compiled->ParseText(text, TimePattern::Reading::kRolling);
}

// One to nine digits off the front.
std::optional<int64_t> TakeDigits(std::string_view* text, char behind) {
  const size_t end = std::min(text->find(behind), text->size());
  const std::string_view digits = text->substr(0, end);
  if (digits.empty() || digits.size() > 9 || digits.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
  int64_t value = 0;
  for (const char c : digits) value = value * 10 + (c - '0');
  text->remove_prefix(std::min(end + 1, text->size()));
  return value;
}

// 2024-2-30 25:61:61.5 as java.sql.Timestamp reads it, and a date alone as java.sql.Date does: what is too large rolls over.
std::optional<int64_t> ReadJdbcTime(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  const size_t blank = text.find(' ');
  std::string_view date = text.substr(0, blank);
  const size_t year_digits = date.find('-');
  const auto year = TakeDigits(&date, '-'), month = TakeDigits(&date, '-'), day = TakeDigits(&date, '\0');
  if (year_digits != 4 || !year || !month || !day || *year < 1 || *month < 1 || *month > 12 || *day < 1 || *day > 31) return std::nullopt;
  const int64_t days = types::DaysOfDate({static_cast<int>(*year), static_cast<int>(*month), 1}) + *day - 1;
  if (blank == std::string_view::npos) return days * types::kMicrosPerDay;
  std::string_view clock = text.substr(blank + 1);
  const size_t point = clock.find('.');
  const std::string fraction(point == std::string_view::npos ? "0" : clock.substr(point + 1));
  clock = clock.substr(0, point);
  const auto hour = TakeDigits(&clock, ':'), minute = TakeDigits(&clock, ':'), second = TakeDigits(&clock, '\0');
  std::string_view padded_digits;
  const std::string padded = fraction.substr(0, 10) + std::string(9 - std::min<size_t>(fraction.size(), 9), '0');
  padded_digits = padded;
  const auto nanos = TakeDigits(&padded_digits, '\0');
  if (!hour || !minute || !second || !nanos || fraction.empty()) return std::nullopt;
  const int64_t seconds = days * 86'400 + (*hour * 60 + *minute) * 60 + *second;
  if (seconds > types::kUnixSecondsMax) return std::nullopt;
  return seconds * types::kMicrosPerSecond + *nanos / 1000;
}

// A local time in microseconds, for TO_TIMESTAMP: without a pattern as CAST reads it, with one by it or as JDBC does.
std::optional<int64_t> ReadTime(std::string_view text, std::optional<std::string_view> pattern, PatternCache* patterns) {
  if (!pattern) {
    const auto parsed = types::ParseTimestamp(text);
    return parsed && parsed->seconds >= types::kUnixSecondsMin ? std::optional(parsed->seconds * types::kMicrosPerSecond + parsed->nanos / 1000) : std::nullopt;
  }
  const TimePattern* compiled = patterns->Find(*pattern);
  if (compiled == nullptr) return std::nullopt;
  const auto read = compiled->ParseText(text, TimePattern::Reading::kSmart);
  return read ? read : ReadJdbcTime(text);
}

int64_t ToMillis(int64_t micros) { return types::FloorDivide(micros, 1000) * 1000; }

// Calls `convert(text, pattern)` a row; without a second argument the pattern is missing.
template <typename Out, typename Convert>
Result<Column> MapPatterned(const KernelInput& input, const Convert& convert) {
  if (input.arguments.size() == 1) return Map<Out, std::string_view>(input, [&](std::string_view text) { return convert(text, std::nullopt); });
  return Map<Out, std::string_view, std::string_view>(input, [&](std::string_view text, std::string_view pattern) { return convert(text, std::optional(pattern)); });
}

Result<Column> ToDate(const KernelInput& input) {
  PatternCache patterns;
  return MapPatterned<int32_t>(input, [&](std::string_view text, std::optional<std::string_view> pattern) -> std::optional<int32_t> {
    if (!pattern) return types::ParseDate(text);
    const auto micros = RollTime(text, pattern, &patterns);
    if (!micros) return std::nullopt;
    return static_cast<int32_t>(types::FloorDivide(*micros, types::kMicrosPerDay));
  });
}

Result<Column> TimestampOfText(const KernelInput& input) {
  PatternCache patterns;
  return MapPatterned<int64_t>(input, [&](std::string_view text, std::optional<std::string_view> pattern) -> std::optional<int64_t> {
    const auto micros = ReadTime(text, pattern, &patterns);
    return micros ? std::optional(ToMillis(*micros)) : std::nullopt;
  });
}

// --- DATE_FORMAT(time or text, pattern) ---

Result<Signature> BindDateFormat(const CallSite& call) {
  const bool fits = call.types.size() == 2 && call.types[1].IsCharacter() && (call.types[0].IsTimestamp() || call.types[0].IsCharacter());
  if (!fits) return ArgumentError(call, "DATE_FORMAT(timestamp or string, pattern)");
  return Signature{call.types, DataType::String()};
}

Result<Column> DateFormat(const KernelInput& input) {
  const DataType& type = input.argument_types[0];
  PatternCache patterns;
  if (type.IsCharacter()) {
    PatternCache reading;
    return Map<std::string, std::string_view, std::string_view>(input, [&](std::string_view text, std::string_view pattern) -> Result<std::optional<std::string>> {
      const auto micros = RollTime(text, std::nullopt, &reading);
      FIRN_TRY(const TimePattern* compiled, patterns.Get(pattern));
      std::optional<std::string> out;
      if (micros) compiled->Format(*micros, 0, &out.emplace());
      return out;
    });
  }
  const types::TimeZone* zone = nullptr;
  if (type.kind() == TypeKind::kTimestampLtz) {
    FIRN_TRY(zone, types::TimeZone::Find(input.context.time_zone));
  }
  const int64_t per_micro = type.precision() > 6 ? 1000 : 1;
  std::string out;
  return Map<std::string, int64_t, std::string_view>(input, [&](int64_t value, std::string_view pattern) -> Result<std::string> {
    FIRN_TRY(const TimePattern* compiled, patterns.Get(pattern));
    const int64_t micros = types::FloorDivide(value, per_micro);
    out.clear();
    compiled->Format(zone == nullptr ? micros : zone->ToLocal(micros), types::FloorModulo(value, per_micro), &out);
    return out;
  });
}

// --- seconds since 1970 ---

Result<Signature> BindUnixTimestamp(const CallSite& call) {
  FIRN_TRY(std::vector<DataType> types, CheckArguments(call, {Want::kText, Want::kText}, 0, "UNIX_TIMESTAMP([string[, pattern]])"));
  return Signature{std::move(types), Strict(DataType::BigInt(), call)};
}

// What cannot be read is the smallest number: the type has no NULL, as in Flink.
Result<Column> UnixTimestamp(const KernelInput& input) {
  if (input.arguments.empty()) {
    ColumnMaker<int64_t> maker(input.result_type, 1);
    maker.Set(0, (input.context.is_batch ? input.context.query_start_us : input.context.row_time_us) / types::kMicrosPerSecond);
    return maker.Finish(true);
  }
  FIRN_TRY(const types::TimeZone* zone, types::TimeZone::Find(input.context.time_zone));
  PatternCache patterns;
  return MapPatterned<int64_t>(input, [&](std::string_view text, std::optional<std::string_view> pattern) {
    const auto micros = RollTime(text, pattern, &patterns);
    return micros ? types::FloorDivide(zone->ToInstant(*micros), types::kMicrosPerSecond) : std::numeric_limits<int64_t>::min();
  });
}

Result<Column> FromUnixTime(const KernelInput& input) {
  FIRN_TRY(const types::TimeZone* zone, types::TimeZone::Find(input.context.time_zone));
  PatternCache patterns;
  const auto format = [&](int64_t seconds, std::string_view pattern) -> std::optional<std::string> {
    const TimePattern* compiled = patterns.Find(pattern);
    if (compiled == nullptr || seconds < types::kUnixSecondsMin || seconds > types::kUnixSecondsMax) return std::nullopt;
    std::string out;
    compiled->Format(zone->ToLocal(seconds * types::kMicrosPerSecond), 0, &out);
    return out;
  };
  if (input.arguments.size() == 1) return Map<std::string, int64_t>(input, [&](int64_t seconds) { return format(seconds, kSeconds); });
  return Map<std::string, int64_t, std::string_view>(input, format);
}

// --- time zones ---

// An unknown zone is UTC, as in Flink.
const types::TimeZone* ZoneOrUtc(std::string_view name) {
  auto zone = types::TimeZone::Find(name);
  return zone.ok() ? *zone : types::TimeZone::Find("UTC").value();
}

Result<Column> ConvertTz(const KernelInput& input) {
  PatternCache patterns;
  return Map<std::string, std::string_view, std::string_view, std::string_view>(
      input, [&](std::string_view text, std::string_view from, std::string_view to) -> std::optional<std::string> {
        const auto micros = RollTime(text, std::nullopt, &patterns);
        if (!micros) return std::nullopt;
        std::string out;
        patterns.Find(kSeconds)->Format(ZoneOrUtc(to)->ToLocal(ZoneOrUtc(from)->ToInstant(*micros)), 0, &out);
        return out;
      });
}

}  // namespace

// TO_TIMESTAMP_LTZ(text[, pattern[, zone]]); of numbers: temporal_functions.cc.
Result<Column> TextToInstant(const KernelInput& input) {
  FIRN_TRY(const types::TimeZone* session_zone, types::TimeZone::Find(input.context.time_zone));
  PatternCache patterns;
  const auto convert = [&](std::string_view text, std::optional<std::string_view> pattern, const types::TimeZone* zone) -> std::optional<int64_t> {
    const auto micros = ReadTime(text, pattern, &patterns);
    return micros ? std::optional(ToMillis(zone->ToInstant(*micros))) : std::nullopt;
  };
  if (input.arguments.size() < 3) {
    return MapPatterned<int64_t>(input, [&](std::string_view text, std::optional<std::string_view> pattern) { return convert(text, pattern, session_zone); });
  }
  return Map<int64_t, std::string_view, std::string_view, std::string_view>(input, [&](std::string_view text, std::string_view pattern, std::string_view zone) -> Result<std::optional<int64_t>> {
    FIRN_TRY(const types::TimeZone* found, types::TimeZone::Find(zone));
    return convert(text, pattern, found);
  });
}

std::vector<ScalarFunction> TimeTextFunctions() {
  constexpr Want kText = Want::kText;
  std::vector<ScalarFunction> functions = {
      {{"TO_DATE"}, "temporal", "TO_DATE(string[, pattern])", "The date that the text gives; NULL if it gives none.", {{"TO_DATE('29/02/2024', 'dd/MM/yyyy')", "2024-02-29"}}, BindNullable<DateType, 1, kText, kText>, ToDate},
      {{"TO_TIMESTAMP"}, "temporal", "TO_TIMESTAMP(string[, pattern])", "The local time that the text gives; NULL if it gives none.", {{"TO_TIMESTAMP('29.02.2024 10:11', 'dd.MM.yyyy HH:mm')", "2024-02-29 10:11:00.000"}}, BindNullable<MillisTimestampType, 1, kText, kText>, TimestampOfText},
      {{"DATE_FORMAT"}, "temporal", "DATE_FORMAT(time, pattern)", "The time as text.", {{"DATE_FORMAT(TIMESTAMP '2024-02-29 22:11:12', 'hh:mm a')", "10:11 PM"}}, BindDateFormat, DateFormat},
      {{"UNIX_TIMESTAMP"}, "temporal", "UNIX_TIMESTAMP([string[, pattern]])", "Seconds since 1970 of a local time, or of now.", {{"UNIX_TIMESTAMP('1970-01-02', 'yyyy-MM-dd')", "86400"}}, BindUnixTimestamp, UnixTimestamp},
      {{"FROM_UNIXTIME"}, "temporal", "FROM_UNIXTIME(seconds[, pattern])", "Seconds since 1970 as text, in the session's time zone.", {{"FROM_UNIXTIME(0)", "1970-01-01 00:00:00"}}, BindNullable<StringType, 1, Want::kBigInt, kText>, FromUnixTime},
      {{"CONVERT_TZ"}, "temporal", "CONVERT_TZ(string, from, to)", "A local time of one zone in another.", {{"CONVERT_TZ('2024-07-01 00:00:00', 'UTC', 'Europe/Berlin')", "2024-07-01 02:00:00"}}, BindNullable<StringType, 3, kText, kText, kText>, ConvertTz},
  };
  for (ScalarFunction& function : functions) {
    if (function.names[0] == "DATE_FORMAT") function.can_fail = true;
    if (function.names[0] == "UNIX_TIMESTAMP") function.is_deterministic = false;  // without a text it is the clock
  }
  return functions;
}

}  // namespace firn::expr
