// SPDX-License-Identifier: Apache-2.0
// How much a function may make. Lengths and counts come from data (REPEAT, LPAD, REPLACE, SPLIT), so that a short statement could ask for any amount of memory:
// a text, all texts of a column of one batch, and all elements of its arrays have a limit each. What goes beyond fails the call.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace firn::expr {

inline constexpr int64_t kMaxTextBytes = int64_t{64} << 20;
inline constexpr int64_t kMaxColumnBytes = int64_t{1} << 30;     // an eighth of a megabyte for each of 8,192 rows
inline constexpr int64_t kMaxColumnElements = int64_t{64} << 20;  // 8,192 a row; each is an eight-byte number while the column is made

/// "REPEAT would make a text of over 67108864 bytes, the limit".
Error TextTooLong(std::string_view function);
/// Of the texts of a column.
Error ColumnTooLarge();
/// Of the elements of its arrays.
Error TooManyElements();

}  // namespace firn::expr
