// SPDX-License-Identifier: Apache-2.0
// Variable-length integers, seven bits a byte, lowest first: unsigned (Kafka's UNSIGNED_VARINT, our files) and zig-zag signed
// (Kafka records, Avro). Source: Kafka protocol guide, "Protocol Primitive Types"; Avro specification, "Binary Encoding".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace firn::base {

inline constexpr size_t kMaxVarintBytes = 10;

inline constexpr uint64_t ZigZag(int64_t value) {
  return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
}
inline constexpr int64_t UnZigZag(uint64_t value) { return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1); }

inline void AppendUnsignedVarint(std::string* out, uint64_t value) {
  while (value >= 0x80) {
    out->push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out->push_back(static_cast<char>(value));
}
inline void AppendVarint(std::string* out, int64_t value) { AppendUnsignedVarint(out, ZigZag(value)); }

inline size_t UnsignedVarintSize(uint64_t value) {
  size_t size = 1;
  while (value >= 0x80) {
    value >>= 7;
    ++size;
  }
  return size;
}

/// Takes one integer off the front of `*in`. False, with `*in` unchanged, if it ends early or has more than ten bytes.
inline bool ReadUnsignedVarint(std::string_view* in, uint64_t* value) {
  uint64_t result = 0;
  for (size_t i = 0; i < in->size() && i < kMaxVarintBytes; ++i) {
    auto byte = static_cast<uint8_t>((*in)[i]);
    result |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      *value = result;
      in->remove_prefix(i + 1);
      return true;
    }
  }
  return false;
}
inline bool ReadVarint(std::string_view* in, int64_t* value) {
  uint64_t raw = 0;
  if (!ReadUnsignedVarint(in, &raw)) return false;
  *value = UnZigZag(raw);
  return true;
}

}  // namespace firn::base
