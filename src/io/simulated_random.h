// SPDX-License-Identifier: Apache-2.0
// Random numbers that a seed decides, the same on every machine.
#pragma once

#include <cstdint>

#include "io/random.h"

namespace firn::io {

/// SplitMix64. Thread-compatible: a simulation has one thread.
class SimulatedRandom final : public Random {
 public:
  explicit SimulatedRandom(uint64_t seed) : state_(seed) {}
  uint64_t Next() override {
    uint64_t word = state_ += 0x9e3779b97f4a7c15;
    word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9;
    word = (word ^ (word >> 27)) * 0x94d049bb133111eb;
    return word ^ (word >> 31);
  }
  /// True once in `count` times.
  bool OneIn(uint64_t count) { return Below(count) == 0; }

 private:
  uint64_t state_;
};

}  // namespace firn::io
