// SPDX-License-Identifier: Apache-2.0
// Values as text, as Flink prints them: numbers like Java, timestamps with all digits of their precision.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "types/batch.h"
#include "types/data_type.h"

namespace firn::types {

/// Java's Double.toString: "1.0E10", "0.001", "NaN", "Infinity".
std::string DoubleText(double value);
std::string FloatText(float value);
/// All digits of the scale, no exponent: "-0.0000001". `integer`: the unscaled value's decimal digits.
std::string DecimalText(std::string integer, int scale);
/// "+1 02:03:04.567"
std::string DayTimeIntervalText(int64_t millis);
/// "+1-02"
std::string YearMonthIntervalText(int32_t months);

/// The cell at `row`: NULL at the top is "NULL"; BYTES x'0a'; ARRAY [a, b]; ROW (a, b); MAP {k=v} with the entries in their order; TIMESTAMP_LTZ in
/// `time_zone` (kInvalidArgument if there is no such zone).
Result<std::string> FormatCell(const arrow::Array& array, int64_t row, const DataType& type, const std::string& time_zone);

}  // namespace firn::types
