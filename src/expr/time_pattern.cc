// SPDX-License-Identifier: Apache-2.0
#include "expr/time_pattern.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "base/ascii.h"
#include "types/temporal.h"

namespace firn::expr {

namespace {

using types::FloorDivide;
using types::FloorModulo;

constexpr std::array<std::string_view, 12> kMonths = {"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"};
constexpr std::array<std::string_view, 7> kWeekdays = {"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"};
constexpr std::string_view kLetters = "yuMLdDEeQaHkKhmsSnzVxXZO";

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
int Weekday(int64_t days) { return static_cast<int>(FloorModulo(days + 3, 7)); }  // Monday is 0

template <size_t kCount>
void AppendName(const std::array<std::string_view, kCount>& names, int at, int letters, std::string* out) {
  const std::string_view name = names[static_cast<size_t>(at)];
  out->append(letters == 4 ? name : name.substr(0, letters == 5 ? 1 : 3));
}

// The number of the name at the front of `rest`, which it is taken off; -1 for none.
template <size_t kCount>
int TakeName(const std::array<std::string_view, kCount>& names, bool is_full, std::string_view* rest) {
  for (size_t i = 0; i < kCount; ++i) {
    const std::string_view name = is_full ? names[i] : names[i].substr(0, 3);
    if (!rest->starts_with(name)) continue;
    rest->remove_prefix(name.size());
    return static_cast<int>(i);
  }
  return -1;
}

// `least` to `most` digits; nothing for fewer.
std::optional<int64_t> TakeNumber(std::string_view* rest, int least, int most) {
  int64_t value = 0;
  int count = 0;
  while (count < most && static_cast<size_t>(count) < rest->size() && base::IsDigit((*rest)[static_cast<size_t>(count)])) value = value * 10 + ((*rest)[static_cast<size_t>(count++)] - '0');
  if (count < least) return std::nullopt;
  rest->remove_prefix(static_cast<size_t>(count));
  return value;
}

bool IsNumeric(char letter, int count) { return std::string_view("yudDHkKhmsSn").find(letter) != std::string_view::npos || ((letter == 'M' || letter == 'L') && count <= 2); }

}  // namespace

struct TimePattern::Parsed {
  int64_t year = 1970;
  int64_t month = 1;
  int64_t day = 1;
  int64_t day_of_year = 0;  // 0: not given
  int64_t hour = 0;
  int64_t half_hour = -1;   // of 12
  int64_t minute = 0;
  int64_t second = 0;
  int64_t nanos = 0;
  int is_afternoon = -1;    // not given
};

Result<TimePattern> TimePattern::Parse(std::string_view text) {
  TimePattern pattern;
  auto add_text = [&](char c) {
    if (pattern.fields_.empty() || pattern.fields_.back().letter != 0) pattern.fields_.emplace_back();
    pattern.fields_.back().text.push_back(c);
  };
  for (size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c == '\'') {
      const size_t end = text.find('\'', at + 1);
      if (end == std::string_view::npos) return Error(ErrorCode::kInvalidArgument, fmt::format("the quote in the time pattern '{}' is not closed", text));
      if (end == at + 1) add_text('\'');
      for (size_t i = at + 1; i < end; ++i) add_text(text[i]);
      at = end + 1;
    } else if (IsLetter(c)) {
      size_t end = at;
      while (end < text.size() && text[end] == c) ++end;
      if (kLetters.find(c) == std::string_view::npos) {
        return Error(ErrorCode::kInvalidArgument, fmt::format("'{}' in the time pattern '{}' is no field", c, text)).Hint("for example yyyy-MM-dd HH:mm:ss.SSS; text is put in single quotes");
      }
      pattern.fields_.push_back({c, static_cast<int>(end - at), ""});
      at = end;
    } else if (c == '[' || c == ']' || c == '{' || c == '}' || c == '#') {
      return Error(ErrorCode::kInvalidArgument, fmt::format("'{}' in the time pattern '{}' is not supported", c, text)).Hint("put it in single quotes if it is text");
    } else {
      add_text(c);
      ++at;
    }
  }
  return pattern;
}

void TimePattern::Format(int64_t local_us, int64_t nanos, std::string* out) const {
  const int64_t days = FloorDivide(local_us, types::kMicrosPerDay);
  const int64_t of_day = FloorModulo(local_us, types::kMicrosPerDay);
  const types::CivilDate date = types::DateOfDays(days);
  const int64_t hour = of_day / 3'600'000'000;
  const auto number = [&](int64_t value, int width) { fmt::format_to(std::back_inserter(*out), "{:0{}}", value, width); };
  for (const Field& field : fields_) {
    switch (field.letter) {
      case 0: out->append(field.text); break;
      case 'y':
      case 'u': field.count == 2 ? number(FloorModulo(date.year, 100), 2) : number(date.year, field.count); break;
      case 'M':
      case 'L': field.count <= 2 ? number(date.month, field.count) : AppendName(kMonths, date.month - 1, field.count, out); break;
      case 'd': number(date.day, field.count); break;
      case 'D': number(days - types::DaysOfDate({date.year, 1, 1}) + 1, field.count); break;
      case 'Q': number((date.month + 2) / 3, field.count); break;
      case 'E': AppendName(kWeekdays, Weekday(days), field.count < 4 ? 3 : field.count, out); break;
      case 'e': field.count <= 2 ? number((Weekday(days) + 1) % 7 + 1, field.count) : AppendName(kWeekdays, Weekday(days), field.count, out); break;
      case 'a': out->append(hour < 12 ? "AM" : "PM"); break;
      case 'H': number(hour, field.count); break;
      case 'k': number(hour == 0 ? 24 : hour, field.count); break;
      case 'K': number(hour % 12, field.count); break;
      case 'h': number(hour % 12 == 0 ? 12 : hour % 12, field.count); break;
      case 'm': number(of_day / 60'000'000 % 60, field.count); break;
      case 's': number(of_day / 1'000'000 % 60, field.count); break;
      case 'n': number(of_day % 1'000'000 * 1000 + nanos, field.count); break;
      case 'S': {
        const std::string fraction = fmt::format("{:09}", of_day % 1'000'000 * 1000 + nanos);
        out->append(fraction.substr(0, static_cast<size_t>(std::min(field.count, 9))));
        break;
      }
      default: out->append(field.letter == 'z' || field.letter == 'V' ? "UTC" : "Z");
    }
  }
}

bool TimePattern::ParseField(const Field& field, bool is_followed_by_digits, std::string_view* rest, Parsed* parsed) const {
  if (field.letter == 0) {
    if (!rest->starts_with(field.text)) return false;
    rest->remove_prefix(field.text.size());
    return true;
  }
  const int count = field.count;
  const auto take = [&](int64_t* into, int most) {
    const auto value = TakeNumber(rest, count, is_followed_by_digits || count >= 2 ? std::max(count, count >= 2 ? count : 1) : most);
    if (value) *into = *value;
    return value.has_value();
  };
  switch (field.letter) {
    case 'y':
    case 'u': {
      const auto value = TakeNumber(rest, count == 2 ? 2 : count, count == 2 ? 2 : is_followed_by_digits ? count : 9);
      if (value) parsed->year = count == 2 ? 2000 + *value : *value;
      return value.has_value();
    }
    case 'M':
    case 'L':
      if (count <= 2) return take(&parsed->month, 2);
      parsed->month = TakeName(kMonths, count == 4, rest) + 1;
      return parsed->month > 0;
    case 'd': return take(&parsed->day, 2);
    case 'D': return take(&parsed->day_of_year, 3);
    case 'E': return TakeName(kWeekdays, count == 4, rest) >= 0;
    case 'a':
      parsed->is_afternoon = rest->starts_with("PM") ? 1 : rest->starts_with("AM") ? 0 : -1;
      rest->remove_prefix(std::min<size_t>(2, rest->size()));
      return parsed->is_afternoon >= 0;
    case 'H': return take(&parsed->hour, 2) && parsed->hour < 24;
    case 'k': {
      const bool is_hour = take(&parsed->hour, 2) && parsed->hour >= 1 && parsed->hour <= 24;
      parsed->hour %= 24;
      return is_hour;
    }
    case 'K': return take(&parsed->half_hour, 2) && parsed->half_hour < 12;
    case 'h': {
      const bool is_hour = take(&parsed->half_hour, 2) && parsed->half_hour >= 1 && parsed->half_hour <= 12;
      parsed->half_hour %= 12;
      return is_hour;
    }
    case 'm': return take(&parsed->minute, 2) && parsed->minute < 60;
    case 's': return take(&parsed->second, 2) && parsed->second < 60;
    case 'S': {
      const auto value = TakeNumber(rest, count, std::min(count, 9));
      if (!value) return false;
      parsed->nanos = *value;
      for (int i = count; i < 9; ++i) parsed->nanos *= 10;
      return true;
    }
    case 'n': return take(&parsed->nanos, 9);
    default: return false;  // zones and quarters are written, not read
  }
}

std::optional<int64_t> TimePattern::ParseText(std::string_view text, bool lenient) const {
  Parsed parsed;
  for (size_t i = 0; i < fields_.size(); ++i) {
    const bool is_followed = i + 1 < fields_.size() && IsNumeric(fields_[i + 1].letter, fields_[i + 1].count);
    if (!ParseField(fields_[i], is_followed, &text, &parsed)) return std::nullopt;
  }
  if (!text.empty()) return std::nullopt;
  if (parsed.half_hour >= 0) parsed.hour = parsed.half_hour + (parsed.is_afternoon == 1 ? 12 : 0);
  if (parsed.year < 1 || parsed.year > 9999 || parsed.month < 1 || parsed.month > 12 || parsed.day < 1 || parsed.day > 31) return std::nullopt;
  const int last = types::DaysInMonth(parsed.year, static_cast<int>(parsed.month));
  if (parsed.day > last) {
    if (!lenient) return std::nullopt;
    parsed.day = last;
  }
  int64_t days = types::DaysOfDate({static_cast<int>(parsed.year), static_cast<int>(parsed.month), static_cast<int>(parsed.day)});
  if (parsed.day_of_year > 0) days = types::DaysOfDate({static_cast<int>(parsed.year), 1, 1}) + parsed.day_of_year - 1;
  return days * types::kMicrosPerDay + ((parsed.hour * 60 + parsed.minute) * 60 + parsed.second) * 1'000'000 + parsed.nanos / 1000;
}

}  // namespace firn::expr
