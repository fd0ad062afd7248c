// SPDX-License-Identifier: Apache-2.0
// UTF-8 as RFC 3629 defines it: what text from outside may not be taken for granted to be.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace firn::base {

/// Bytes of the character that `text` begins with; 0 if it begins with none: cut off, overlong, a surrogate, beyond U+10FFFF, or `text` is empty.
inline size_t Utf8CharacterBytes(std::string_view text) {
  const auto byte = [&text](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto follows = [&byte](size_t i, unsigned low = 0x80, unsigned high = 0xbf) { return byte(i) >= low && byte(i) <= high; };
  if (text.empty()) return 0;
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return follows(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) return follows(1, first == 0xe0 ? 0xa0 : 0x80, first == 0xed ? 0x9f : 0xbf) && follows(2) ? 3 : 0;
  if (first >= 0xf0 && first <= 0xf4) return follows(1, first == 0xf0 ? 0x90 : 0x80, first == 0xf4 ? 0x8f : 0xbf) && follows(2) && follows(3) ? 4 : 0;
  return 0;
}

/// How many characters UTF-8 text has; a byte that begins none counts as one where it is no continuation.
inline size_t CountCodePoints(std::string_view text) {
  size_t count = 0;
  for (const char byte : text) count += (byte & 0xc0) != 0x80;
  return count;
}

/// Where the first byte stands that is no UTF-8; nullopt if all of it is.
inline std::optional<size_t> FindInvalidUtf8(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    uint64_t eight = ~uint64_t{0};
    if (text.size() - at >= sizeof(eight)) std::memcpy(&eight, text.data() + at, sizeof(eight));
    if ((eight & 0x8080808080808080) == 0) {  // ASCII only
      at += sizeof(eight);
      continue;
    }
    const size_t bytes = Utf8CharacterBytes(text.substr(at));
    if (bytes == 0) return at;
    at += bytes;
  }
  return std::nullopt;
}

/// Sequences that are no UTF-8 become U+FFFD, each once however many of its bytes could have begun a character (as Java's decoder has it).
std::string ValidUtf8(std::string_view bytes);

/// The text for a message: whole if it has at most `bytes_max` bytes, else its first whole characters and "...".
std::string Excerpt(std::string_view text, size_t bytes_max = 60);

}  // namespace firn::base
