// SPDX-License-Identifier: Apache-2.0
// Letters of ASCII, whatever the locale: what SQL's keywords and functions are compared by.
#pragma once

#include <string>
#include <string_view>

namespace firn::base {

/// "Coalesce" as "COALESCE"; other bytes stay.
inline std::string AsciiUpper(std::string_view text) {
  std::string upper(text);
  for (char& c : upper) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return upper;
}

}  // namespace firn::base
