// SPDX-License-Identifier: Apache-2.0
// Loads and stores of fixed-width integers at unaligned places. Big-endian for Kafka, little-endian for our own files.
#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>

namespace firn::base {

static_assert(std::endian::native == std::endian::little, "firn is built for little-endian machines");

template <std::integral T>
constexpr T SwapBytes(T value) {
  if constexpr (sizeof(T) == 1) return value;
  if constexpr (sizeof(T) == 2) return static_cast<T>(__builtin_bswap16(static_cast<uint16_t>(value)));
  if constexpr (sizeof(T) == 4) return static_cast<T>(__builtin_bswap32(static_cast<uint32_t>(value)));
  if constexpr (sizeof(T) == 8) return static_cast<T>(__builtin_bswap64(static_cast<uint64_t>(value)));
}

template <std::integral T>
T LoadLittle(const void* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}
template <std::integral T>
T LoadBig(const void* from) {
  return SwapBytes(LoadLittle<T>(from));
}
template <std::integral T>
void StoreLittle(void* to, T value) {
  std::memcpy(to, &value, sizeof(T));
}
template <std::integral T>
void StoreBig(void* to, T value) {
  StoreLittle(to, SwapBytes(value));
}

}  // namespace firn::base
