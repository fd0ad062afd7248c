// SPDX-License-Identifier: Apache-2.0
// One value of a column as JSON text: for records, for HTTP answers and for the shell.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "formats/iso_time.h"
#include "types/batch.h"
#include "types/data_type.h"

namespace firn::formats {

struct JsonWriteOptions {
  TimestampStyle timestamps = TimestampStyle::kSql;
  bool skip_nulls = false;  // leaves NULL fields of rows out
  bool hex_bytes = false;   // BYTES as the literal x'0102', as results show them; else base64, as records hold them
};

/// `text` in quotes, escaped. The bytes must be UTF-8.
void AppendJsonText(std::string* out, std::string_view text);
/// The value at `row`: numbers and booleans bare, BYTES and times as text, ARRAY, MAP and ROW as containers, NULL as null.
void AppendJsonValue(std::string* out, const arrow::Array& array, int64_t row, const types::DataType& type, const JsonWriteOptions& options);

}  // namespace firn::formats
