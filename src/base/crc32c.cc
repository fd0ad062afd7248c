// SPDX-License-Identifier: Apache-2.0
// The crc32 instruction has a latency of three cycles and a throughput of one, so three independent streams run side by side
// and are joined by multiplying two of them by x^(8 * length) modulo the polynomial. The factor of a fixed block length is a
// constant, and the product of two polynomials modulo P needs one carry-less multiplication and one crc32 of the result.
#include "base/crc32c.h"

#include <immintrin.h>

#include <array>

#include "base/endian.h"

namespace firn::base {

namespace {

constexpr size_t kBlock = 1360;  // bytes a stream; a multiple of 8, large enough that joining is lost in the noise
constexpr uint32_t kPolynomial = 0x82f63b78;  // reversed

// The state after `count` zero bits more, starting from the reversed polynomial x^31 .. x^0 in `value`.
constexpr uint32_t ShiftBits(uint32_t value, size_t count) {
  for (size_t i = 0; i < count; ++i) value = (value >> 1) ^ ((value & 1) ? kPolynomial : 0);
  return value;
}

// The factor for _mm_clmulepi64 that moves a CRC over `bytes` bytes: x^(8 * bytes - 33) mod P, reversed. The 33 is what the
// reduction by the crc32 instruction and the one-bit shift of reversed products add.
constexpr uint32_t ShiftFactor(size_t bytes) { return ShiftBits(0x80000000u, 8 * bytes - 33); }

uint32_t ShiftCrc(uint32_t crc, uint32_t factor) {
  __m128i product = _mm_clmulepi64_si128(_mm_cvtsi32_si128(static_cast<int>(crc)),
                                         _mm_cvtsi32_si128(static_cast<int>(factor)), 0);
  return static_cast<uint32_t>(_mm_crc32_u64(0, static_cast<uint64_t>(_mm_cvtsi128_si64(product))));
}

constexpr uint32_t kShiftOne = ShiftFactor(kBlock);
constexpr uint32_t kShiftTwo = ShiftFactor(2 * kBlock);

// The product of two polynomials modulo P, all reversed.
constexpr uint32_t Multiply(uint32_t left, uint32_t right) {
  uint32_t product = 0;
  for (uint32_t bit = 0x80000000u; bit != 0; bit >>= 1) {
    if (left & bit) product ^= right;
    right = ShiftBits(right, 1);
  }
  return product;
}

constexpr size_t kSmallestPower = 3;  // fewer bytes than eight have no factor for _mm_clmulepi64: x^(8 * bytes - 33) is none

// Factors for 2^3, 2^4, ... bytes: each is the square of the one before, times the x^33 that both lack and one should.
constexpr auto kShiftPowers = [] {
  std::array<uint32_t, 64 - kSmallestPower> factors{};
  factors[0] = ShiftFactor(size_t{1} << kSmallestPower);
  for (size_t i = 1; i < factors.size(); ++i) factors[i] = Multiply(Multiply(factors[i - 1], factors[i - 1]), ShiftBits(0x80000000u, 33));
  return factors;
}();

}  // namespace

uint32_t Crc32c(std::string_view bytes, uint32_t crc) {
  const char* at = bytes.data();
  size_t left = bytes.size();
  uint64_t state = static_cast<uint32_t>(~crc);
  while (left >= 3 * kBlock) {
    uint64_t second = 0;
    uint64_t third = 0;
    for (size_t i = 0; i < kBlock; i += 8) {
      state = _mm_crc32_u64(state, LoadLittle<uint64_t>(at + i));
      second = _mm_crc32_u64(second, LoadLittle<uint64_t>(at + kBlock + i));
      third = _mm_crc32_u64(third, LoadLittle<uint64_t>(at + 2 * kBlock + i));
    }
    state = ShiftCrc(static_cast<uint32_t>(state), kShiftTwo) ^ ShiftCrc(static_cast<uint32_t>(second), kShiftOne) ^ third;
    at += 3 * kBlock;
    left -= 3 * kBlock;
  }
  for (; left >= 8; at += 8, left -= 8) state = _mm_crc32_u64(state, LoadLittle<uint64_t>(at));
  for (; left > 0; ++at, --left) {
    state = _mm_crc32_u8(static_cast<uint32_t>(state), static_cast<uint8_t>(*at));
  }
  return ~static_cast<uint32_t>(state);
}

// What precedes and what follows the division (both complement the checksum) cancels out: only the first checksum moves.
uint32_t CombineCrc32c(uint32_t first, uint32_t second, uint64_t second_bytes) {
  for (uint64_t i = 0; i < second_bytes % (1u << kSmallestPower); ++i) first = _mm_crc32_u8(first, 0);
  second_bytes >>= kSmallestPower;
  for (size_t power = 0; second_bytes != 0; ++power, second_bytes >>= 1) {
    if (second_bytes & 1) first = ShiftCrc(first, kShiftPowers[power]);
  }
  return first ^ second;
}

}  // namespace firn::base
