// SPDX-License-Identifier: Apache-2.0
// Texts are UTF-8; SQL counts code points.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "base/utf8.h"

namespace firn::expr {

inline bool IsAscii(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0x80) != 0; });
}
inline bool StartsCodePoint(char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }
inline int64_t CodePointCount(std::string_view text) { return std::count_if(text.begin(), text.end(), StartsCodePoint); }

// The byte at which code point `index` (from 0) starts; text.size() beyond the end.
inline size_t ByteOf(std::string_view text, int64_t index) {
  size_t at = 0;
  for (; at < text.size(); ++at) {
    if (StartsCodePoint(text[at]) && index-- == 0) return at;
  }
  return at;
}

inline std::string_view CodePoints(std::string_view text, int64_t begin, int64_t count) {
  const size_t from = ByteOf(text, begin);
  const std::string_view rest = text.substr(from);
  return rest.substr(0, ByteOf(rest, count));
}
/// The first code point of a text that is not empty, which it is taken off.
inline uint32_t TakeCodePoint(std::string_view* text) {
  const std::string_view c = CodePoints(text->substr(0, 4), 0, 1);
  text->remove_prefix(std::max<size_t>(c.size(), 1));
  const auto first = static_cast<unsigned char>(c[0]);
  uint32_t code = c.size() == 1 ? first : first & (0xFF >> (c.size() + 1));
  for (size_t i = 1; i < c.size(); ++i) code = code << 6 | (static_cast<unsigned char>(c[i]) & 0x3F);
  return code;
}

/// Appends a code point, which no half of a pair of UTF-16 is.
inline void AppendUtf8(uint32_t code, std::string* out) {
  FIRN_ASSERT(code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF), "{:x} is no code point", code);
  if (code < 0x80) {
    out->push_back(static_cast<char>(code));
  } else if (code < 0x800) {
    out->push_back(static_cast<char>(0xC0 | (code >> 6)));
    out->push_back(static_cast<char>(0x80 | (code & 0x3F)));
  } else if (code < 0x10000) {
    out->push_back(static_cast<char>(0xE0 | (code >> 12)));
    out->push_back(static_cast<char>(0x80 | ((code >> 6) & 0x3F)));
    out->push_back(static_cast<char>(0x80 | (code & 0x3F)));
  } else {
    out->push_back(static_cast<char>(0xF0 | (code >> 18)));
    out->push_back(static_cast<char>(0x80 | ((code >> 12) & 0x3F)));
    out->push_back(static_cast<char>(0x80 | ((code >> 6) & 0x3F)));
    out->push_back(static_cast<char>(0x80 | (code & 0x3F)));
  }
}

using base::ValidUtf8;
inline bool IsValidUtf8(std::string_view bytes) { return !base::FindInvalidUtf8(bytes); }

}  // namespace firn::expr
