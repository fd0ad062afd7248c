// SPDX-License-Identifier: Apache-2.0
#include "exec/settings.h"

#include <fmt/format.h>

#include <charconv>
#include <utility>

namespace firn::exec {

namespace {

std::string Lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

Error BadValue(const std::string& key, const std::string& value, const char* expected) {
  return Error(ErrorCode::kInvalidOption, fmt::format("'{}' is '{}'; it takes {}", key, value, expected));
}

// Milliseconds of a unit, 0 if there is none of that name.
int64_t UnitMs(const std::string& unit) {
  static constexpr std::pair<const char*, int64_t> kUnits[] = {
      {"", 1}, {"ms", 1}, {"milli", 1}, {"millis", 1}, {"millisecond", 1}, {"milliseconds", 1},
      {"s", 1000}, {"sec", 1000}, {"secs", 1000}, {"second", 1000}, {"seconds", 1000},
      {"m", 60'000}, {"min", 60'000}, {"minute", 60'000}, {"minutes", 60'000},
      {"h", 3'600'000}, {"hour", 3'600'000}, {"hours", 3'600'000},
      {"d", 86'400'000}, {"day", 86'400'000}, {"days", 86'400'000}};
  for (const auto& [name, ms] : kUnits) {
    if (unit == name) return ms;
  }
  return 0;
}

}  // namespace

Result<int64_t> DurationSettingMs(const Settings& settings, const std::string& key, int64_t otherwise) {
  auto found = settings.find(key);
  if (found == settings.end()) return otherwise;
  const std::string& text = found->second;
  const char* const end = text.data() + text.size();
  const char* from = text.data();
  while (from < end && *from == ' ') ++from;
  int64_t number = 0;
  auto [rest, status] = std::from_chars(from, end, number);
  if (status != std::errc() || number < 0) return BadValue(key, text, "a duration such as '200 ms', '5 s' or '10 min'");
  while (rest < end && *rest == ' ') ++rest;
  const char* last = end;
  while (last > rest && last[-1] == ' ') --last;
  const int64_t unit = UnitMs(Lower(std::string(rest, last)));
  if (unit == 0 || number > INT64_MAX / 1000 / unit) return BadValue(key, text, "a duration such as '200 ms', '5 s' or '10 min'");
  return number * unit;
}

Result<int64_t> IntegerSetting(const Settings& settings, const std::string& key, int64_t otherwise) {
  auto found = settings.find(key);
  if (found == settings.end()) return otherwise;
  const std::string& text = found->second;
  int64_t number = 0;
  auto [rest, status] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (status != std::errc() || rest != text.data() + text.size()) return BadValue(key, text, "a whole number");
  return number;
}

Result<double> NumberSetting(const Settings& settings, const std::string& key, double otherwise) {
  auto found = settings.find(key);
  if (found == settings.end()) return otherwise;
  const std::string& text = found->second;
  double number = 0;
  auto [rest, status] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (status != std::errc() || rest != text.data() + text.size()) return BadValue(key, text, "a number");
  return number;
}

Result<bool> BooleanSetting(const Settings& settings, const std::string& key, bool otherwise) {
  auto found = settings.find(key);
  if (found == settings.end()) return otherwise;
  const std::string text = Lower(found->second);
  if (text != "true" && text != "false") return BadValue(key, found->second, "'true' or 'false'");
  return text == "true";
}

std::string TextSetting(const Settings& settings, const std::string& key, const std::string& otherwise) {
  auto found = settings.find(key);
  return found == settings.end() ? otherwise : found->second;
}

}  // namespace firn::exec
