// SPDX-License-Identifier: Apache-2.0
// Flink's durations, in options, hints and settings: "500 ms", "10 s", "5 min", "1 h", "2 days"; a bare number is milliseconds. Case does not count.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace firn::base {

/// For errors: what is taken.
inline constexpr const char* kDurationForms = "a number and a unit: ms, s, min, h, d";

/// Milliseconds. Nothing for a negative number, an unknown unit, or more than 2^63 / 1000 milliseconds (so that microseconds fit too).
std::optional<int64_t> ParseDurationMs(std::string_view text);

}  // namespace firn::base
