// SPDX-License-Identifier: Apache-2.0
// The crc32 instruction has a latency of three cycles and a throughput of one, so three independent streams run side by side
// and are joined by multiplying two of them by x^(8 * length) modulo the polynomial. The factor of a fixed block length is a
// constant, and the product of two polynomials modulo P needs one carry-less multiplication and one crc32 of the result.
#include "base/crc32c.h"

#include <immintrin.h>

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

}  // namespace firn::base
