// SPDX-License-Identifier: Apache-2.0
#include "base/utf8.h"

#include "base/assert.h"

namespace firn::base {

namespace {

// Of a broken sequence at the front of what is not empty: the bytes that could have begun a character.
size_t BrokenBytes(std::string_view bytes) {
  const auto byte = [&bytes](size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const unsigned char first = byte(0);
  const size_t size = first >= 0xC2 && first < 0xE0 ? 2 : first >= 0xE0 && first < 0xF0 ? 3 : first >= 0xF0 && first < 0xF5 ? 4 : 0;
  size_t there = 1;
  while (there < size && there < bytes.size() && (byte(there) & 0xC0) == 0x80) {
    // Overlong forms and what lies beyond U+10FFFF are told by the second byte; a surrogate is a character's length of bytes.
    if (there == 1 && ((first == 0xE0 && byte(1) < 0xA0) || (first == 0xF0 && byte(1) < 0x90) || (first == 0xF4 && byte(1) >= 0x90))) break;
    ++there;
  }
  FIRN_ASSERT(there <= bytes.size() && Utf8CharacterBytes(bytes) == 0, "{} of {} bytes are no character", there, bytes.size());
  return there;
}

}  // namespace

std::string ValidUtf8(std::string_view bytes) {
  std::string valid;
  valid.reserve(bytes.size());
  while (const std::optional<size_t> at = FindInvalidUtf8(bytes)) {
    valid.append(bytes.substr(0, *at)).append("\xEF\xBF\xBD");  // U+FFFD
    bytes.remove_prefix(*at);
    bytes.remove_prefix(BrokenBytes(bytes));
  }
  return valid.append(bytes);
}

std::string Excerpt(std::string_view text, size_t bytes_max) {
  if (text.size() <= bytes_max) return std::string(text);
  size_t end = bytes_max;
  while (end > 0 && bytes_max - end < 3 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return std::string(text.substr(0, end)) + "...";
}

}  // namespace firn::base
