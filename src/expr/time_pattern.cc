// SPDX-License-Identifier: Apache-2.0
#include "expr/time_pattern.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "base/ascii.h"
#include "base/assert.h"
#include "base/utf8.h"
#include "types/temporal.h"

namespace firn::expr {

namespace {

using types::FloorDivide;
using types::FloorModulo;

constexpr std::array<std::string_view, 12> kMonths = {"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"};
constexpr std::array<std::string_view, 7> kWeekdays = {"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"};

// How many of a letter may stand in a row; 0: it is no field.
int MostOf(char letter) {
  switch (letter) {
    case 'y': case 'u': case 'Y': case 'n': case 'N': case 'A': return 19;
    case 'S': return 9;
    case 'G': case 'M': case 'L': case 'E': case 'e': case 'c': case 'Q': case 'q': case 'x': case 'X': case 'Z': return 5;
    case 'z': case 'O': return 4;
    case 'D': return 3;
    case 'd': case 'H': case 'k': case 'K': case 'h': case 'm': case 's': case 'w': case 'V': return 2;
    case 'a': case 'F': case 'W': return 1;
    default: return 0;
  }
}

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
      const bool is_doubled = text.substr(at).starts_with("''");
      if (is_doubled) add_text('\'');
      at += is_doubled ? 2 : 1;
      if (is_doubled) continue;
      for (;; ++at) {  // a quote in quotes is doubled
        if (at >= text.size()) return Error(ErrorCode::kInvalidArgument, fmt::format("the quote in the time pattern '{}' is not closed", base::Excerpt(text))).Hint("text stands between two single quotes; two in a row are one of them");
        if (text[at] == '\'' && !text.substr(at).starts_with("''")) break;
        if (text[at] == '\'') ++at;
        add_text(text[at]);
      }
      ++at;
    } else if (IsLetter(c)) {
      size_t end = at;
      while (end < text.size() && text[end] == c) ++end;
      const int most = MostOf(c);
      if (most == 0) {
        return Error(ErrorCode::kInvalidArgument, fmt::format("'{}' in the time pattern '{}' is no field", c, base::Excerpt(text))).Hint("for example yyyy-MM-dd HH:mm:ss.SSS; text is put in single quotes");
      }
      if (end - at > static_cast<size_t>(most)) {
        return Error(ErrorCode::kInvalidArgument, fmt::format("'{}' stands {} times in a row in the time pattern '{}'; it may {}", c, end - at, base::Excerpt(text), most)).Hint("text is put in single quotes");
      }
      pattern.fields_.push_back({c, static_cast<int>(end - at), ""});
      at = end;
    } else if (c == '[' || c == ']') {
      pattern.fields_.push_back({c, 1, ""});
      ++at;
    } else if (c == '{' || c == '}' || c == '#') {
      return Error(ErrorCode::kInvalidArgument, fmt::format("'{}' in the time pattern '{}' is not supported", c, base::Excerpt(text))).Hint("put it in single quotes if it is text");
    } else {
      add_text(c);
      ++at;
    }
  }
  return pattern;
}

namespace {

// Weeks begin on Sundays, as in the United States; the first one has the first of January. The year of a week is that of its Saturday.
struct Week {
  int64_t year;
  int64_t number;
};
int64_t SundayOf(int64_t days) { return days - (Weekday(days) + 1) % 7; }
Week WeekOf(int64_t days) {
  const int year = types::DateOfDays(SundayOf(days) + 6).year;
  return {year, (SundayOf(days) - SundayOf(types::DaysOfDate({year, 1, 1}))) / 7 + 1};
}
int64_t WeekOfMonth(int64_t days, const types::CivilDate& date) {
  return (SundayOf(days) - SundayOf(types::DaysOfDate({date.year, date.month, 1}))) / 7 + 1;
}

// A year of more digits than letters, of which there are at least four, has a sign.
void AppendYear(int64_t year, int letters, std::string* out) {
  if (letters == 2) {
    fmt::format_to(std::back_inserter(*out), "{:02}", FloorModulo(year, 100));
    return;
  }
  const std::string digits = fmt::format("{:0{}}", std::abs(year), letters);
  if (year < 0) out->push_back('-');
  if (year >= 0 && letters >= 4 && digits.size() > static_cast<size_t>(letters)) out->push_back('+');
  out->append(digits);
}

void AppendQuarter(int quarter, int letters, std::string* out) {
  constexpr std::array<std::string_view, 4> kOrdinals = {"1st", "2nd", "3rd", "4th"};
  if (letters == 3) out->push_back('Q');
  if (letters == 4) {
    out->append(kOrdinals[static_cast<size_t>(quarter - 1)]).append(" quarter");
  } else {
    fmt::format_to(std::back_inserter(*out), "{:0{}}", quarter, letters == 2 ? 2 : 1);
  }
}

}  // namespace

void TimePattern::Format(int64_t local_us, int64_t nanos, std::string* out) const {
  const int64_t days = FloorDivide(local_us, types::kMicrosPerDay);
  const int64_t of_day = FloorModulo(local_us, types::kMicrosPerDay);
  const types::CivilDate date = types::DateOfDays(days);
  const int64_t hour = of_day / 3'600'000'000;
  FIRN_ASSERT(hour >= 0 && hour < 24 && date.month >= 1 && date.month <= 12 && nanos >= 0 && nanos < 1000, "hour {} of month {}, {} ns", hour, date.month, nanos);
  const auto number = [&](int64_t value, int width) { fmt::format_to(std::back_inserter(*out), "{:0{}}", value, width); };
  for (const Field& field : fields_) {
    switch (field.letter) {
      case 0: out->append(field.text); break;
      case 'y': AppendYear(date.year > 0 ? date.year : 1 - int64_t{date.year}, field.count, out); break;  // of its era
      case 'u': AppendYear(date.year, field.count, out); break;
      case 'Y': AppendYear(WeekOf(days).year, field.count, out); break;
      case 'w': number(WeekOf(days).number, field.count); break;
      case 'W': number(WeekOfMonth(days, date), 1); break;
      case 'F': number((date.day - 1) % 7 + 1, 1); break;
      case 'G': out->append(field.count < 4 ? (date.year > 0 ? "AD" : "BC") : field.count == 4 ? (date.year > 0 ? "Anno Domini" : "Before Christ") : (date.year > 0 ? "A" : "B")); break;
      case 'N': number(of_day * 1000 + nanos, field.count); break;
      case 'A': number(of_day / 1000, field.count); break;
      case '[':
      case ']': break;
      case 'M':
      case 'L': field.count <= 2 ? number(date.month, field.count) : AppendName(kMonths, date.month - 1, field.count, out); break;
      case 'd': number(date.day, field.count); break;
      case 'D': number(days - types::DaysOfDate({date.year, 1, 1}) + 1, field.count); break;
      case 'Q':
      case 'q': AppendQuarter((date.month + 2) / 3, field.count, out); break;
      case 'E': AppendName(kWeekdays, Weekday(days), field.count < 4 ? 3 : field.count, out); break;
      case 'e':
      case 'c': field.count <= 2 ? number((Weekday(days) + 1) % 7 + 1, field.count) : AppendName(kWeekdays, Weekday(days), field.count, out); break;
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

bool TimePattern::ParseField(size_t index, std::string_view* rest, Parsed* parsed) const {
  const Field& field = fields_[index];
  const auto is_numeric = [&](size_t at) { return at < fields_.size() && IsNumeric(fields_[at].letter, fields_[at].count); };
  const bool is_followed_by_digits = is_numeric(index + 1);
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
    case 'H': return take(&parsed->hour, 2) && parsed->hour <= 24;  // see ParseText
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
      const size_t before = rest->size();
      const bool is_alone = !is_followed_by_digits && (index == 0 || !is_numeric(index - 1));
      const auto value = is_alone ? TakeNumber(rest, 1, 9) : TakeNumber(rest, count, count);  // alone as many as there are, as Flink reads it
      if (!value) return false;
      parsed->nanos = *value;
      for (size_t i = before - rest->size(); i < 9; ++i) parsed->nanos *= 10;
      return true;
    }
    case 'n': return take(&parsed->nanos, 9);
    default: return false;  // zones and quarters are written, not read
  }
}

// A field as SimpleDateFormat reads it.
bool TimePattern::RollField(size_t index, std::string_view* rest, Parsed* parsed) const {
  const Field& field = fields_[index];
  const bool is_number = IsNumeric(field.letter, field.count) && field.letter != 'n';
  if (!is_number) return ParseField(index, rest, parsed);
  while (rest->starts_with(' ') || rest->starts_with('\t')) rest->remove_prefix(1);
  const bool is_followed_by_digits = index + 1 < fields_.size() && IsNumeric(fields_[index + 1].letter, fields_[index + 1].count);
  const bool is_negative = !is_followed_by_digits && rest->starts_with('-');
  if (is_negative) rest->remove_prefix(1);
  const size_t before = rest->size();
  auto value = TakeNumber(rest, 1, is_followed_by_digits ? field.count : 9);
  if (!value) return false;
  if (field.count == 2 && field.letter == 'y' && before - rest->size() == 2) *value += 2000;
  if (is_negative) value = -*value;
  switch (field.letter) {
    case 'y': case 'u': parsed->year = *value; break;
    case 'M': case 'L': parsed->month = *value; break;
    case 'd': parsed->day = *value; break;
    case 'D': parsed->day_of_year = *value; break;
    case 'H': case 'k': parsed->hour = field.letter == 'k' && *value == 24 ? 0 : *value; break;
    case 'K': case 'h': parsed->half_hour = field.letter == 'h' && *value == 12 ? 0 : *value; break;
    case 'm': parsed->minute = *value; break;
    case 's': parsed->second = *value; break;
    case 'S': parsed->nanos = *value * 1'000'000; break;
    default: return false;
  }
  return true;
}

std::optional<int64_t> TimePattern::ParseText(std::string_view text, Reading reading) const {
  const bool rolls = reading == Reading::kRolling;
  Parsed parsed;
  for (size_t i = 0; i < fields_.size(); ++i) {
    if (!(rolls ? RollField(i, &text, &parsed) : ParseField(i, &text, &parsed))) return std::nullopt;
  }
  if (!rolls && !text.empty()) return std::nullopt;
  if (parsed.half_hour >= 0) parsed.hour = parsed.half_hour + (parsed.is_afternoon == 1 ? 12 : 0);
  if (rolls) {
    parsed.year += FloorDivide(parsed.month - 1, 12);
    parsed.month = FloorModulo(parsed.month - 1, 12) + 1;
  }
  const auto is_date = [](const Field& field) { return std::string_view("yuMLdD").find(field.letter) != std::string_view::npos && field.letter != 0; };
  if (!rolls && parsed.hour == 24 && std::none_of(fields_.begin(), fields_.end(), is_date)) parsed.hour = 0;  // no date that could be the next one
  if (parsed.year < 1 || parsed.year > 9999 || parsed.month < 1 || parsed.month > 12) return std::nullopt;
  if (!rolls) {
    if (parsed.day < 1 || parsed.day > 31 || (parsed.hour == 24 && parsed.minute + parsed.second + parsed.nanos > 0)) return std::nullopt;
    parsed.day = std::min<int64_t>(parsed.day, types::DaysInMonth(parsed.year, static_cast<int>(parsed.month)));
    if (parsed.day_of_year > 365 + (types::DaysInMonth(parsed.year, 2) == 29 ? 1 : 0)) return std::nullopt;
  }
  int64_t days = types::DaysOfDate({static_cast<int>(parsed.year), static_cast<int>(parsed.month), 1}) + parsed.day - 1;
  if (parsed.day_of_year != 0) days = types::DaysOfDate({static_cast<int>(parsed.year), 1, 1}) + parsed.day_of_year - 1;
  const int64_t seconds = days * 86'400 + (parsed.hour * 60 + parsed.minute) * 60 + parsed.second;
  if (seconds < types::kUnixSecondsMin || seconds > types::kUnixSecondsMax) return std::nullopt;
  return seconds * types::kMicrosPerSecond + FloorDivide(parsed.nanos, 1000);
}

}  // namespace firn::expr
