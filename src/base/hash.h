// SPDX-License-Identifier: Apache-2.0
// Fast, seedless, stable hashing (XXH3). Key groups and state files depend on it: the function must never change.
#pragma once

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstdint>
#include <string_view>

namespace firn::base {

inline uint64_t HashBytes(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }
inline uint64_t HashInteger(uint64_t value) {
  value ^= value >> 32;
  value *= 0xd6e8feb86659fd93ULL;
  value ^= value >> 32;
  value *= 0xd6e8feb86659fd93ULL;
  return value ^ (value >> 32);
}
inline uint64_t CombineHashes(uint64_t left, uint64_t right) { return HashInteger(left * 31 + right); }

}  // namespace firn::base
