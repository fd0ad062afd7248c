// SPDX-License-Identifier: Apache-2.0
// Formats of single records: what a Kafka message's value or a line of a file is decoded from and encoded to. One decode, straight into
// columns. File formats that hold many records in a structure of their own (Parquet, Avro containers) are in files of their own.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "base/result.h"
#include "types/batch.h"
#include "types/data_type.h"

namespace firn::formats {

/// How many bytes behind a record a decoder may read (never interpret).
inline constexpr size_t kRecordPadding = 64;

struct RawRecord {
  std::string_view bytes;
  bool is_null = false;      // a Kafka tombstone: gives no row (raw: NULL)
  /// Whether kRecordPadding bytes behind `bytes` may be read; if not, the decoder copies the record first.
  bool is_padded = false;
};

struct DecodedRecords {
  types::Batch rows;                   // with kinds if the format has changes
  std::vector<int32_t> record_of_row;  // which record each row came from, ascending (an update gives two); empty: row i came from record i
  int64_t errors = 0;                  // records dropped or fields made NULL under ignore-parse-errors
  std::string first_error;             // what the first of them was
};

/// Thread-compatible; keeps its buffers between calls.
class RecordDecoder {
 public:
  virtual ~RecordDecoder() = default;
  /// Without ignore-parse-errors the first bad record fails the call with kDecodeError naming field and reason.
  virtual Result<DecodedRecords> Decode(std::span<const RawRecord> records) = 0;
  /// Which record the last call failed at: the caller knows where that stands.
  size_t failed_record() const { return failed_record_; }

 protected:
  size_t failed_record_ = 0;
};

/// Records one behind the other; record i ends at ends[i].
struct EncodedRecords {
  std::string bytes;
  std::vector<uint32_t> ends;
  std::vector<uint8_t> nulls;  // record i is none at all, a Kafka tombstone: raw's NULL; empty: there is none
  bool is_null(size_t index) const { return !nulls.empty() && nulls[index] != 0; }
  std::string_view record(size_t index) const {
    FIRN_ASSERT(index < ends.size() && ends[index] <= bytes.size(), "record {} of {}", index, ends.size());
    const uint32_t begin = index == 0 ? 0 : ends[index - 1];
    return std::string_view(bytes).substr(begin, ends[index] - begin);
  }
};

/// Thread-compatible.
class RecordEncoder {
 public:
  virtual ~RecordEncoder() = default;
  virtual Result<EncodedRecords> Encode(const types::Batch& batch) = 0;
};

/// A format with its options (without the "json." prefix): {"ignore-parse-errors": "true"}.
struct FormatSpec {
  std::string name;  // "json", "csv", "raw", "debezium-json"
  std::map<std::string, std::string> options;
  std::string time_zone = "UTC";
  /// All columns that a record holds, in their order: formats without names (csv, raw) go by it. Empty: they are the schema's.
  std::vector<types::Field> columns;
  /// Records are the lines of a file, of which Flink's csv reader asks less than of messages: an empty one has a field, and none needs more fields than are wanted.
  bool is_of_lines = false;
};

/// Whether records of the format are changes (rows come with kinds), not only additions.
bool HasChanges(const FormatSpec& spec);

/// Options of `format` out of a table's WITH options: those that start with "<prefix><format>.", prefix removed.
std::map<std::string, std::string> FormatOptions(const std::map<std::string, std::string>& table_options, std::string_view format,
                                                 std::string_view prefix = "");

/// kUnknownFormat with near names, kInvalidOption for an unknown key or value. `others`: what the caller takes beside the formats of records.
Status CheckFormat(const FormatSpec& spec, const std::vector<std::string>& others = {});
/// `schema`: the columns wanted, by name; further fields of the records are skipped.
Result<std::unique_ptr<RecordDecoder>> MakeDecoder(const FormatSpec& spec, types::SchemaPtr schema);
Result<std::unique_ptr<RecordEncoder>> MakeEncoder(const FormatSpec& spec, types::SchemaPtr schema);

}  // namespace firn::formats
