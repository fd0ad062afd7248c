// SPDX-License-Identifier: Apache-2.0
// Rows into data files of one table: converted to storage columns, split by partition, one open Parquet file a partition, rolled at the target size.
// A file is durable and described when Finish returns it; nothing refers to it until a snapshot does.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "formats/parquet_writer.h"
#include "iceberg/column_statistics.h"
#include "iceberg/manifest.h"
#include "iceberg/table_metadata.h"
#include "types/batch.h"

namespace firn::io {
class Random;
}
namespace firn::objectstore {
class ObjectStore;
}

namespace firn::iceberg {

struct TableWriterOptions {
  std::string file_prefix = "00000";                   // first part of file names: which lane, and whose file it is
  size_t open_files_max = 64;                          // beyond it the file least recently written to is closed
  int64_t buffered_bytes_max = 256 << 20;              // Arrow bytes in open row groups; beyond it the fullest file is closed
};

/// A data file as key indexes and delete files refer to it.
struct FileReference {
  std::string path;
  int32_t spec_id = 0;
  PartitionValues partition;
};

/// Where a row was written: which of the writer's files (FileOf), and the row's position in it, from 0.
struct RowLocation {
  uint32_t file = 0;
  int64_t position = 0;
};

/// Thread-compatible. Uses the schema, partition spec and properties of the metadata it was made with. After an error only destruction is allowed,
/// which removes files that were not finished.
class TableWriter {
 public:
  /// `store` and `random` must outlive the writer. kInvalidOption for table properties that cannot be; kNotSupported for an unknown transform, for
  /// another file format than Parquet, and for format version 3.
  static Result<std::unique_ptr<TableWriter>> Make(objectstore::ObjectStore& store, io::Random& random, TableMetadataPtr metadata,
                                                   TableWriterOptions options = {});
  ~TableWriter();

  /// Columns in the order of the table's schema, in the SQL types that map to it; row kinds are not looked at. `locations` (may be nullptr) gets
  /// one entry a row. kNotNullViolation, kSchemaMismatch, kDiskFull.
  Status Write(const types::Batch& rows, std::vector<RowLocation>* locations = nullptr);

  /// Finishes all open files. The files of all rows written since the last Finish, durable; none if there were no rows.
  Result<std::vector<DataFile>> Finish();

  /// Of files that are begun from now on.
  void SetFilePrefix(std::string prefix) { options_.file_prefix = std::move(prefix); }
  /// Numbers stay valid for the writer's life, over Finish.
  const FileReference& FileOf(uint32_t file) const { return files_[file]; }
  int64_t buffered_bytes() const;
  const TableMetadataPtr& metadata() const { return metadata_; }

 private:
  struct OpenFile;
  TableWriter(objectstore::ObjectStore& store, io::Random& random, TableMetadataPtr metadata, TableWriterOptions options);
  Status ReadProperties();
  Status WriteGroup(const PartitionValues& values, const std::vector<types::ArrayPtr>& columns, int64_t row_count, RowLocation* first);
  Result<OpenFile*> FileFor(const PartitionValues& values);
  Status CloseFile(const std::string& key);
  Status StayWithinLimits();

  objectstore::ObjectStore& store_;
  io::Random& random_;
  const TableMetadataPtr metadata_;
  TableWriterOptions options_;
  formats::ParquetWriterOptions parquet_options_;
  int64_t target_bytes_ = 0;
  std::map<int32_t, MetricsMode> metrics_modes_;
  std::shared_ptr<arrow::Schema> storage_schema_;
  std::string data_location_;
  std::map<std::string, std::unique_ptr<OpenFile>> open_files_;  // by EncodePartitionKey
  uint64_t use_count_ = 0;
  std::vector<FileReference> files_;
  std::vector<DataFile> finished_;
};

/// Where data files go: `write.data.path`, or "data" below the table.
std::string DataLocation(const TableMetadata& metadata);
/// Where metadata files go: `write.metadata.path`, or "metadata" below the table.
std::string MetadataLocation(const TableMetadata& metadata);
/// Whether a file lies in one of the table's folders, and may be deleted with what named it. Others were lent to the table (by another one, by Hive), or are named by
/// metadata that should not.
bool IsInFoldersOf(const TableMetadata& metadata, const std::string& location);
/// Codec, level and sizes from the table's properties (write.parquet.*).
Result<formats::ParquetWriterOptions> ParquetOptions(const TableMetadata& metadata);

}  // namespace firn::iceberg
