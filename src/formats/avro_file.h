// SPDX-License-Identifier: Apache-2.0
// Avro object container files: header with schema and metadata, then blocks of records, each with a count, a size and a sync marker.
//
//   'O' 'b' 'j' 1 | metadata map | sync[16] | { count | size | compressed records | sync[16] }*
//
// A file is held in memory whole: Iceberg's manifests are some megabytes.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "formats/avro_value.h"

namespace firn::formats {

/// Bytes of one block after decompression; a larger one is refused.
inline constexpr size_t kMaxAvroBlockBytes = 256u << 20;
inline constexpr size_t kAvroSyncBytes = 16;

enum class AvroCodec { kNull, kDeflate, kSnappy, kZstandard };

/// Thread-compatible.
class AvroFileReader {
 public:
  /// Reads the header. `bytes` must outlive the reader. kCorruption or kDecodeError names what is wrong.
  static Result<AvroFileReader> Open(std::string_view bytes);

  const AvroSchemaPtr& schema() const { return schema_; }
  /// Without the avro.* keys.
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

  /// How records are to be read from now on; by default as written.
  Status ReadAs(const AvroSchemaPtr& reader_schema);
  /// The next record; nothing at the end of the file.
  Result<std::optional<AvroValue>> Next();

 private:
  Status ReadHeader();
  Status ReadBlock();

  std::string_view rest_;
  AvroSchemaPtr schema_;
  AvroCodec codec_ = AvroCodec::kNull;
  std::map<std::string, std::string> metadata_;
  std::string sync_;
  std::optional<AvroResolution> resolution_;
  std::string block_;            // decompressed
  std::string_view block_rest_;
  int64_t block_records_ = 0;
};

struct AvroWriterOptions {
  std::map<std::string, std::string> metadata;
  AvroCodec codec = AvroCodec::kDeflate;
  std::string sync_marker;       // kAvroSyncBytes random bytes
  size_t block_bytes = 64 << 10; // a block is closed when it has grown to this
};

/// Collects a file in memory. Thread-compatible.
class AvroFileWriter {
 public:
  AvroFileWriter(AvroSchemaPtr schema, AvroWriterOptions options);
  Status Append(const AvroValue& record);
  /// The size that the file would have by now, about.
  size_t size_bytes() const { return file_.size() + block_.size(); }
  /// The whole file. Call it once, last.
  Result<std::string> Finish();

 private:
  Status FlushBlock();

  AvroSchemaPtr schema_;
  AvroWriterOptions options_;
  std::string file_;
  std::string block_;
  int64_t block_records_ = 0;
};

}  // namespace firn::formats
