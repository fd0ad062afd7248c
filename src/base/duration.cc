// SPDX-License-Identifier: Apache-2.0
#include "base/duration.h"

#include <charconv>
#include <limits>
#include <string>

#include "base/assert.h"

namespace firn::base {

namespace {

// Milliseconds of a unit, 0 if there is none of that name.
int64_t UnitMs(std::string_view unit) {
  struct Unit {
    std::string_view name;
    int64_t ms;
  };
  static constexpr Unit kUnits[] = {
      {"", 1}, {"ms", 1}, {"milli", 1}, {"millis", 1}, {"millisecond", 1}, {"milliseconds", 1},
      {"s", 1000}, {"sec", 1000}, {"secs", 1000}, {"second", 1000}, {"seconds", 1000},
      {"m", 60'000}, {"min", 60'000}, {"minute", 60'000}, {"minutes", 60'000},
      {"h", 3'600'000}, {"hour", 3'600'000}, {"hours", 3'600'000},
      {"d", 86'400'000}, {"day", 86'400'000}, {"days", 86'400'000}};
  for (const Unit& known : kUnits) {
    if (unit == known.name) return known.ms;
  }
  return 0;
}

}  // namespace

std::optional<int64_t> ParseDurationMs(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  int64_t number = 0;
  const char* const end = text.data() + text.size();
  auto [rest, status] = std::from_chars(text.data(), end, number);
  if (status != std::errc() || number < 0) return std::nullopt;
  while (rest < end && *rest == ' ') ++rest;
  std::string unit(rest, end);
  for (char& c : unit) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  const int64_t unit_ms = UnitMs(unit);
  if (unit_ms == 0 || number > std::numeric_limits<int64_t>::max() / 1000 / unit_ms) return std::nullopt;
  const int64_t duration_ms = number * unit_ms;
  FIRN_ASSERT(duration_ms >= number, "{} of {} ms are {}", number, unit_ms, duration_ms);
  return duration_ms;
}

}  // namespace firn::base
