// SPDX-License-Identifier: Apache-2.0
// Scalars in record texts: what Flink's json and csv formats take for a number, a decimal, a point in time.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "formats/iso_time.h"
#include "types/data_type.h"

namespace arrow {
class Decimal128;
}

namespace firn::formats {

/// Without the blanks at both ends that Java's trim takes away.
std::string_view TrimBlanks(std::string_view text);

/// Java's parseInt and its like over trimmed text.
template <typename T>
bool ParseIntegerText(std::string_view text, T* out) {
  text = TrimBlanks(text);
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), *out);
  return status == std::errc() && end == text.data() + text.size() && !text.empty();
}

/// Also "NaN" and "Infinity"; beyond the range it is infinite or zero.
bool ParseDoubleText(std::string_view text, double* out);

/// Rounded half up to the type's scale; false beyond its precision.
bool ParseDecimalText(std::string_view text, const types::DataType& type, arrow::Decimal128* out);

/// In the type's units, cut to its precision; nothing if it is none or out of range.
std::optional<int64_t> ParseTimestampText(std::string_view text, const types::DataType& type, TimestampStyle style);
/// Of a value in the type's units.
void AppendTimestampText(std::string* out, int64_t value, const types::DataType& type, TimestampStyle style);

}  // namespace firn::formats
