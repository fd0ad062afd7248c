// SPDX-License-Identifier: Apache-2.0
// Writes one Parquet file of Arrow columns. Field ids are taken from the Arrow fields' metadata ("PARQUET:field_id"). Threads: none; the
// caller's only.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "formats/byte_stream.h"
#include "formats/parquet_summary.h"

namespace arrow {
class RecordBatch;
class Schema;
}  // namespace arrow

namespace firn::formats {

struct ParquetWriterOptions {
  std::string codec = "zstd";           // zstd, snappy, gzip, lz4, brotli, none / uncompressed
  std::optional<int> codec_level;
  int64_t row_group_bytes = 128 << 20;  // of Arrow memory; a row group is closed when it has grown to this
  int64_t page_bytes = 1 << 20;
  int64_t page_rows = 20'000;
  int64_t dictionary_bytes = 2 << 20;   // a column whose dictionary grows beyond it goes on without
  std::map<std::string, std::string> metadata;
};

struct ParquetFileSummary {
  int64_t row_count = 0;
  std::vector<ParquetRowGroupSummary> row_groups;
};

/// Thread-compatible. After an error only destruction is allowed.
class ParquetWriter {
 public:
  /// `sink` must outlive the writer. kInvalidOption for an unknown codec.
  static Result<std::unique_ptr<ParquetWriter>> Make(std::shared_ptr<arrow::Schema> schema, const ParquetWriterOptions& options, ByteSink& sink);
  virtual ~ParquetWriter() = default;

  virtual Status Write(const arrow::RecordBatch& rows) = 0;
  virtual int64_t row_count() const = 0;
  /// What the file would have if it were finished now, about: bytes written and what the open row group is likely to become.
  virtual int64_t estimated_bytes() const = 0;
  /// Arrow memory of rows in the open row group.
  virtual int64_t buffered_bytes() const = 0;
  /// Writes the footer. Call it once, last.
  virtual Result<ParquetFileSummary> Finish() = 0;
};

}  // namespace firn::formats
