// SPDX-License-Identifier: Apache-2.0
// How much a function may make. Lengths and counts come from data (REPEAT, LPAD, REPLACE, SPLIT), so that a short statement could ask for any amount of memory:
// a text, all texts of a column of one batch, and all elements of its arrays have a limit each. What goes beyond fails the call.
// They come with the context of an evaluation and the options of an aggregate: to see those of production hold, a test would have to make gigabytes.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace firn::expr {

struct Limits {
  int64_t text_bytes = int64_t{64} << 20;
  int64_t column_bytes = int64_t{1} << 30;      // an eighth of a megabyte for each of 8,192 rows
  int64_t column_elements = int64_t{64} << 20;  // 8,192 a row; each is an eight-byte number while the column is made
};

/// "REPEAT would make a text of over 67108864 bytes, the limit".
Error TextTooLong(std::string_view function, const Limits& limits);
/// Of the texts of a column.
Error ColumnTooLarge(int64_t bytes_max);
/// Of the elements of its arrays.
Error TooManyElements(int64_t elements_max);

}  // namespace firn::expr
