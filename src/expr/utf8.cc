// SPDX-License-Identifier: Apache-2.0
#include "expr/utf8_internal.h"

namespace firn::expr {

namespace {

struct Sequence {
  size_t size = 1;        // bytes; of a broken one those that could have begun a code point
  bool is_valid = false;
};

/// Whether `second` may follow `first`: overlong forms and what lies beyond U+10FFFF are told by the second byte.
bool MayFollow(unsigned char first, unsigned char second) {
  if (first == 0xE0) return second >= 0xA0;
  if (first == 0xF0) return second >= 0x90;
  return first != 0xF4 || second < 0x90;
}

/// The sequence at the front of what is not empty.
Sequence FirstSequence(std::string_view bytes) {
  const auto first = static_cast<unsigned char>(bytes[0]);
  if (first < 0x80) return {1, true};
  const size_t size = first >= 0xC2 && first < 0xE0 ? 2 : first >= 0xE0 && first < 0xF0 ? 3 : first >= 0xF0 && first < 0xF5 ? 4 : 0;
  size_t there = 1;
  while (there < size && there < bytes.size() && !StartsCodePoint(bytes[there])) {
    if (there == 1 && !MayFollow(first, static_cast<unsigned char>(bytes[1]))) break;
    ++there;
  }
  const bool is_surrogate = first == 0xED && there > 1 && static_cast<unsigned char>(bytes[1]) >= 0xA0;
  return {there, there == size && !is_surrogate};
}

}  // namespace

bool IsValidUtf8(std::string_view bytes) {
  while (!bytes.empty()) {
    const Sequence next = FirstSequence(bytes);
    if (!next.is_valid) return false;
    bytes.remove_prefix(next.size);
  }
  return true;
}

std::string ValidUtf8(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  while (!bytes.empty()) {
    const Sequence next = FirstSequence(bytes);
    if (next.is_valid) {
      out.append(bytes.substr(0, next.size));
    } else {
      AppendUtf8(0xFFFD, &out);
    }
    bytes.remove_prefix(next.size);
  }
  return out;
}

}  // namespace firn::expr
