// SPDX-License-Identifier: Apache-2.0
// Time, as the environment tells it. Nothing else in firn asks the operating system for it.
#pragma once

#include <cstdint>

namespace firn::io {

/// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  /// Milliseconds since 1970-01-01T00:00:00Z; may jump. For timestamps that users see.
  virtual int64_t WallTimeMs() const = 0;
  /// Microseconds since some fixed point; never goes back. For durations and deadlines.
  virtual int64_t MonotonicUs() const = 0;
};

}  // namespace firn::io
