// SPDX-License-Identifier: Apache-2.0
// Letters and digits of ASCII, whatever the locale: what SQL's keywords and functions are compared by.
#pragma once

#include <string>
#include <string_view>

namespace firn::base {

inline bool IsDigit(char c) { return static_cast<unsigned char>(c - '0') < 10; }
/// 10 of 'a' and of 'A'; -1 of what is no hexadecimal digit.
inline int HexDigit(char c) {
  if (IsDigit(c)) return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// "Coalesce" as "COALESCE"; other bytes stay.
inline std::string AsciiUpper(std::string_view text) {
  std::string upper(text);
  for (char& c : upper) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return upper;
}

}  // namespace firn::base
