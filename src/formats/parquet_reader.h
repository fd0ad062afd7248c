// SPDX-License-Identifier: Apache-2.0
// Reads Parquet files into Arrow record batches: chosen leaf columns of chosen row groups. Threads: none of its own.
#pragma once

#include <cstdint>
#include <memory>
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

/// Bytes of a footer; a larger one is refused.
inline constexpr int64_t kMaxParquetFooterBytes = 256 << 20;

/// Rows of the chosen row groups, in the file's order. Thread-compatible.
class ParquetRows {
 public:
  virtual ~ParquetRows() = default;
  /// nullptr at the end.
  virtual Result<std::shared_ptr<arrow::RecordBatch>> Next() = 0;
};

class ParquetReader {
 public:
  /// Reads the footer. kDecodeError or kCorruption if the bytes are no Parquet file.
  static Result<std::unique_ptr<ParquetReader>> Open(std::shared_ptr<const RandomReader> bytes);
  virtual ~ParquetReader() = default;

  /// Fields carry "PARQUET:field_id" in their metadata, at any depth, where the file has ids.
  virtual const std::shared_ptr<arrow::Schema>& schema() const = 0;
  virtual const std::vector<ParquetRowGroupSummary>& row_groups() const = 0;
  virtual int64_t row_count() const = 0;
  /// `leaves` are positions in ParquetRowGroupSummary::columns, ascending; `row_groups` positions in row_groups(). Batches have at most `batch_rows` rows.
  /// With no leaves, batches without columns but with their number of rows.
  virtual Result<std::unique_ptr<ParquetRows>> Read(const std::vector<int>& row_groups, const std::vector<int>& leaves, int64_t batch_rows) = 0;
};

}  // namespace firn::formats
