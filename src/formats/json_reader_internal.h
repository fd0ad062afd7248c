// SPDX-License-Identifier: Apache-2.0
// Readers of JSON values, one class a SQL type, each owning the column that it fills. A column can be cut back to any row, so that a record
// that turns out to be broken leaves nothing behind and a repeated field name lets the last value win.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "formats/iso_time.h"
#include "types/batch.h"
#include "types/data_type.h"

namespace firn::formats {

struct JsonReadOptions {
  TimestampStyle timestamps = TimestampStyle::kSql;
  bool fail_on_missing_field = false;
  bool ignore_parse_errors = false;
  bool skips_no_value = false;  // a record of nothing but blanks, or of null, gives no row, as with Flink's 'decode.json-parser.enabled' = 'false'; else it is broken
};

enum class ReadOutcome {
  kOk,
  kBadValue,   // the value does not fit the type; nothing was appended
  kBadJson,    // the text itself is broken: the whole record is
};

/// Thread-compatible.
class JsonReader {
 public:
  virtual ~JsonReader() = default;
  /// Appends the value (JSON null gives NULL).
  virtual ReadOutcome Read(simdjson::ondemand::value value) = 0;
  /// Appends the value that begins at `at` if it is of the plainest form for the type, and gives back where it ends; nullptr: it is not, nothing was
  /// appended, and Read must have a look at it. At least kRecordPadding bytes behind `at` may be read. What follows the value is up to the caller, who cuts it
  /// off again if that is not JSON.
  virtual const char* ReadPlain(const char* /*at*/) { return nullptr; }
  virtual void AppendNull() = 0;
  virtual int64_t row_count() const = 0;
  virtual void CutTo(int64_t row_count) = 0;
  /// The rows so far as an array; the reader is empty afterwards.
  virtual Result<types::ArrayPtr> Finish() = 0;
  virtual void Reserve(int64_t rows) = 0;
};

/// kNotSupported for types that JSON records cannot hold (intervals).
Result<std::unique_ptr<JsonReader>> MakeJsonReader(const types::DataType& type, const JsonReadOptions& options);

/// Checks a value that nobody wants for being JSON at all, without decoding containers.
bool SkipValue(simdjson::ondemand::value value);

}  // namespace firn::formats
