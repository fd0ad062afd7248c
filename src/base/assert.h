// SPDX-License-Identifier: Apache-2.0
// Assertions for programmer errors. They stay on in release builds: a node that goes on with a broken invariant can lose
// acknowledged data, one that stops cannot. The user's or the environment's fault is a Result (result.h), never an assert.
#pragma once

#include <fmt/format.h>

#include <string_view>

namespace firn::base {

/// Prints the place, the condition and the message to stderr, then aborts. Thread-safe.
[[noreturn]] void FailAssertion(const char* file, int line, const char* condition, std::string_view message);

}  // namespace firn::base

/// FIRN_ASSERT(offset <= end, "offset {} end {}", offset, end): the values are printed when the condition is false.
#define FIRN_ASSERT(condition, ...)                                                                         \
  do {                                                                                                      \
    if (!(condition)) [[unlikely]] {                                                                        \
      ::firn::base::FailAssertion(__FILE__, __LINE__, #condition, ::fmt::format("" __VA_ARGS__));           \
    }                                                                                                       \
  } while (false)

/// Marks a place that no input can reach.
#define FIRN_UNREACHABLE(...) \
  ::firn::base::FailAssertion(__FILE__, __LINE__, "unreachable", ::fmt::format("" __VA_ARGS__))
