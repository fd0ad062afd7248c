// SPDX-License-Identifier: Apache-2.0
#include "types/temporal.h"

#include <date/tz.h>
#include <fmt/format.h>

#include <chrono>
#include <iterator>
#include <map>
#include <memory>

#include "base/mutex.h"

namespace firn::types {

namespace {

// std::chrono's years end at 32,767. Further out the calendar is that of a day a multiple of 400 years nearer, as it repeats itself every 400 years.
constexpr int64_t kDaysPerCycle = 146'097;
constexpr int64_t kYearsPerCycle = 400;
constexpr int64_t kNearYears = 32'000;
constexpr int64_t kNearDays = kNearYears * 365;

}  // namespace

CivilDate DateOfDays(int64_t days) {
  const int64_t cycles = days > -kNearDays && days < kNearDays - 1970 * 366 ? 0 : FloorDivide(days, kDaysPerCycle);
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(days - cycles * kDaysPerCycle))};
  return {static_cast<int>(static_cast<int>(date.year()) + cycles * kYearsPerCycle), static_cast<int>(static_cast<unsigned>(date.month())),
          static_cast<int>(static_cast<unsigned>(date.day()))};
}

int64_t DaysOfDate(const CivilDate& date) {
  const int64_t cycles = date.year > -kNearYears && date.year < kNearYears ? 0 : FloorDivide(date.year, kYearsPerCycle);
  const std::chrono::year near_year(static_cast<int>(date.year - cycles * kYearsPerCycle));
  return std::chrono::sys_days(near_year / date.month / date.day).time_since_epoch().count() + cycles * kDaysPerCycle;
}

int DaysInMonth(int64_t year, int month) {
  static constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return month == 2 && is_leap ? 29 : kDays[month - 1];
}

bool IsRealDate(int64_t year, int64_t month, int64_t day) {
  return year >= 0 && year <= 9999 && month >= 1 && month <= 12 && day >= 1 && day <= DaysInMonth(year, static_cast<int>(month));
}

int64_t AddMonths(int64_t days, int64_t months) {
  CivilDate date = DateOfDays(days);
  const int64_t total = int64_t{date.year} * 12 + date.month - 1 + months;
  date.year = static_cast<int>(FloorDivide(total, 12));
  date.month = static_cast<int>(FloorModulo(total, 12)) + 1;
  date.day = std::min(date.day, DaysInMonth(date.year, date.month));
  return DaysOfDate(date);
}

namespace {

// Takes 1 to `max_digits` digits off the front; -1 if there are none.
int64_t TakeNumber(std::string_view* text, size_t max_digits) {
  int64_t value = 0;
  size_t count = 0;
  while (count < text->size() && count < max_digits && (*text)[count] >= '0' && (*text)[count] <= '9') value = value * 10 + ((*text)[count++] - '0');
  text->remove_prefix(count);
  return count == 0 ? -1 : value;
}

bool TakeChar(std::string_view* text, char c) {
  if (!text->starts_with(c)) return false;
  text->remove_prefix(1);
  return true;
}

std::string_view TrimBlanks(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

// A fraction of up to nine digits as nanoseconds; -1 if there is none.
int64_t TakeFraction(std::string_view* text) {
  const size_t before = text->size();
  int64_t nanos = TakeNumber(text, 9);
  if (nanos < 0) return -1;
  for (size_t digits = before - text->size(); digits < 9; ++digits) nanos *= 10;
  return nanos;
}

// nanoseconds of the day; `lenient`: minutes and seconds may be missing.
std::optional<int64_t> ParseTimeNanos(std::string_view text, bool lenient) {
  const int64_t hour = TakeNumber(&text, 2);
  int64_t minute = 0, second = 0, nanos = 0;
  if (TakeChar(&text, ':')) {
    minute = TakeNumber(&text, 2);
    if (TakeChar(&text, ':')) {
      second = TakeNumber(&text, 2);
      if (TakeChar(&text, '.')) nanos = TakeFraction(&text);
    } else if (!lenient) {
      return std::nullopt;
    }
  } else if (!lenient) {
    return std::nullopt;
  }
  if (!text.empty() || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59 || nanos < 0) return std::nullopt;
  return ((hour * 60 + minute) * 60 + second) * 1'000'000'000 + nanos;
}

}  // namespace

namespace {

/// What a day is that its month does not have, up to the 31st.
enum class BeyondMonth { kNoDate, kLastDay };

std::optional<int32_t> ParseDateFields(std::string_view text, BeyondMonth beyond) {
  const size_t length = text.size();
  const int64_t year = TakeNumber(&text, 5);
  int64_t month = 1, day = 1;
  if (length - text.size() != 4) return std::nullopt;
  if (TakeChar(&text, '-')) {
    month = TakeNumber(&text, 2);
    if (TakeChar(&text, '-')) day = TakeNumber(&text, 2);
  }
  if (beyond == BeyondMonth::kLastDay && day > 28 && day <= 31 && IsRealDate(year, month, 1)) day = std::min<int64_t>(day, DaysInMonth(year, static_cast<int>(month)));
  if (!text.empty() || !IsRealDate(year, month, day)) return std::nullopt;
  return static_cast<int32_t>(DaysOfDate({static_cast<int>(year), static_cast<int>(month), static_cast<int>(day)}));
}

}  // namespace

std::optional<int32_t> ParseDate(std::string_view text) {
  text = TrimBlanks(text);
  return ParseDateFields(text.substr(0, text.find(' ')), BeyondMonth::kNoDate);  // what follows a blank is a time and does not count
}

std::optional<int32_t> ParseTime(std::string_view text) {
  const auto nanos = ParseTimeNanos(TrimBlanks(text), true);
  if (!nanos) return std::nullopt;
  return static_cast<int32_t>(*nanos / 1'000'000);
}

// As Flink reads it: 24:00:00 is the next day, the 30th of February the last day of the month, and blanks around it are not taken.
std::optional<ParsedTimestamp> ParseTimestamp(std::string_view text) {
  if (text != TrimBlanks(text)) return std::nullopt;
  const size_t blank = text.find(' ');
  std::optional<int32_t> days = ParseDateFields(text.substr(0, blank), BeyondMonth::kLastDay);
  if (!days) return std::nullopt;
  int64_t nanos = 0;
  if (blank != std::string_view::npos) {
    std::string_view clock = text.substr(blank + 1);
    const bool is_end_of_day = clock.starts_with("24:");  // as java.time has it, if nothing but zeros follows
    if (is_end_of_day && clock.find_first_not_of("0:.", 2) != std::string_view::npos) return std::nullopt;
    std::string midnight;
    if (is_end_of_day) clock = midnight = "00" + std::string(clock.substr(2));
    const auto time = ParseTimeNanos(clock, false);
    if (!time) return std::nullopt;
    nanos = *time;
    if (is_end_of_day) ++*days;
  }
  return ParsedTimestamp{*days * int64_t{86'400} + nanos / 1'000'000'000, static_cast<int32_t>(nanos % 1'000'000'000)};
}

void AppendDate(std::string* out, int64_t days) {
  const CivilDate date = DateOfDays(days);
  fmt::format_to(std::back_inserter(*out), "{:04}-{:02}-{:02}", date.year, date.month, date.day);
}

void AppendTime(std::string* out, int64_t millis_of_day, int precision) {
  const int64_t seconds = millis_of_day / 1000;
  fmt::format_to(std::back_inserter(*out), "{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
  if (precision > 0) *out += fmt::format(".{:03}000000", millis_of_day % 1000).substr(0, static_cast<size_t>(precision) + 1);
}

void AppendTimestamp(std::string* out, int64_t value, int precision) {
  const int64_t units = precision <= 6 ? 1'000'000 : 1'000'000'000;
  const int64_t seconds = FloorDivide(value, units);
  const int64_t fraction = FloorModulo(value, units) * (1'000'000'000 / units);
  AppendDate(out, FloorDivide(seconds, 86'400));
  out->push_back(' ');
  AppendTime(out, FloorModulo(seconds, 86'400) * 1000, 0);
  if (precision > 0) *out += fmt::format(".{:09}", fraction).substr(0, static_cast<size_t>(precision) + 1);
}

namespace {

class FixedZone final : public TimeZone {
 public:
  explicit FixedZone(int64_t offset_us) : offset_us_(offset_us) {}
  bool is_utc() const override { return offset_us_ == 0; }
  int64_t ToLocal(int64_t instant_us) const override { return instant_us + offset_us_; }
  int64_t ToInstant(int64_t local_us) const override { return local_us - offset_us_; }

 private:
  int64_t offset_us_;
};

class DatabaseZone final : public TimeZone {
 public:
  explicit DatabaseZone(const date::time_zone* zone) : zone_(zone) {}
  bool is_utc() const override { return false; }
  int64_t ToLocal(int64_t instant_us) const override {
    const auto info = zone_->get_info(date::sys_seconds(std::chrono::seconds(FloorDivide(instant_us, kMicrosPerSecond))));
    return instant_us + info.offset.count() * kMicrosPerSecond;
  }
  int64_t ToInstant(int64_t local_us) const override {
    const auto info = zone_->get_info(date::local_seconds(std::chrono::seconds(FloorDivide(local_us, kMicrosPerSecond))));
    return local_us - info.first.offset.count() * kMicrosPerSecond;
  }

 private:
  const date::time_zone* zone_;
};

constexpr int64_t kMaxOffsetMinutes = 18 * 60;  // as in Java

// "+02:00", "-8", "GMT+02:00", "UTC+1"
std::optional<int64_t> ParseOffset(std::string_view name) {
  if (name.starts_with("GMT") || name.starts_with("UTC")) name.remove_prefix(3);
  if (name.size() < 2 || (name[0] != '+' && name[0] != '-')) return std::nullopt;
  const int64_t sign = name[0] == '-' ? -1 : 1;
  name.remove_prefix(1);
  const int64_t hours = TakeNumber(&name, 2);
  const int64_t minutes = name.empty() ? 0 : (TakeChar(&name, ':'), TakeNumber(&name, 2));
  if (!name.empty() || hours < 0 || minutes < 0 || minutes > 59 || hours * 60 + minutes > kMaxOffsetMinutes) return std::nullopt;
  return sign * (hours * 60 + minutes) * 60 * kMicrosPerSecond;
}

struct KnownZones {
  base::Mutex mutex;
  std::map<std::string, std::unique_ptr<TimeZone>, std::less<>> zones FIRN_GUARDED_BY(mutex);
};

}  // namespace

Result<const TimeZone*> TimeZone::Find(std::string_view name) {
  static auto* const known = new KnownZones;
  base::MutexLock lock(known->mutex);
  auto found = known->zones.find(name);
  if (found != known->zones.end()) return found->second.get();
  std::unique_ptr<TimeZone> zone;
  if (name == "UTC" || name == "GMT" || name == "Z" || name == "Etc/UTC") {
    zone = std::make_unique<FixedZone>(0);
  } else if (const auto offset = ParseOffset(name)) {
    zone = std::make_unique<FixedZone>(*offset);
  } else {
    try {
      zone = std::make_unique<DatabaseZone>(date::locate_zone(std::string(name)));
    } catch (const std::exception&) {  // the library's way to say that there is none
      return Error(ErrorCode::kInvalidArgument, fmt::format("there is no time zone '{}'", name)).Hint("names are those of the tz database: 'UTC', 'Europe/Berlin'");
    }
  }
  return known->zones.emplace(std::string(name), std::move(zone)).first->second.get();
}

}  // namespace firn::types
