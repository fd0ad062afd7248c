// SPDX-License-Identifier: Apache-2.0
// Randomness, as the environment gives it: from the operating system, or from a seed under simulation.
#pragma once

#include <cstdint>
#include <string>

namespace firn::io {

/// Thread-safe.
class Random {
 public:
  virtual ~Random() = default;
  virtual uint64_t Next() = 0;

  /// Uniform in [0, bound). `bound` > 0.
  uint64_t Below(uint64_t bound);
  /// A version 4 UUID as 16 bytes.
  std::string UuidBytes();
  /// A version 4 UUID as 8-4-4-4-12 hexadecimal digits.
  std::string UuidText();
};

/// "f79c3e09-677c-4bbd-a479-3f349cb785e7" from 16 bytes.
std::string FormatUuid(const std::string& bytes);

}  // namespace firn::io
