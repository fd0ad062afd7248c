// SPDX-License-Identifier: Apache-2.0
// Reading a table: which snapshot, which files, which row groups, which rows.
//
//   TableScan::Make        snapshot by id, ref or time; columns; predicate
//   scan.Plan()            manifests -> files that may match, each with the deletes that apply: one task a file
//   scan.Open(task)        rows of one file as batches; tasks may be read at the same time from several threads
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "iceberg/catalog.h"
#include "iceberg/delete_index.h"
#include "iceberg/delete_reader.h"
#include "iceberg/name_mapping.h"
#include "iceberg/pruning.h"
#include "iceberg/scan_predicate.h"
#include "iceberg/table_version.h"
#include "types/batch.h"

namespace firn::iceberg {

/// At most one of the three; none: the current state.
struct SnapshotChoice {
  std::optional<int64_t> snapshot_id;
  std::optional<std::string> ref;           // branch or tag
  std::optional<int64_t> as_of_ms;          // by the snapshot log
};

struct ChosenSnapshot {
  const Snapshot* snapshot = nullptr;       // nullptr: the table is empty
  const Schema* schema = nullptr;           // a snapshot's or tag's own; a branch's is the table's
};
/// Pointers are into `metadata`. kSnapshotNotFound (with near names of refs), kInvalidArgument for more than one choice.
Result<ChosenSnapshot> ChooseSnapshot(const TableMetadata& metadata, const SnapshotChoice& choice);

struct ScanOptions {
  SnapshotChoice snapshot;
  std::optional<int64_t> pinned_snapshot_id = {};  // read in place of the chosen one, in the chosen schema: by a scan that goes on where it was
  std::optional<std::vector<int32_t>> column_ids;  // top-level columns of the chosen schema, in the wanted order; absent: all
  ScanPredicate predicate;                         // ids and types of the chosen schema
  int64_t batch_rows = types::kPreferredBatchRows;
  bool with_positions = false;                     // ScanReader::positions() is kept
  DataFileRange files;                             // only these
};

/// For EXPLAIN and metrics.
struct ScanCounters {
  int64_t manifests = 0;
  int64_t manifests_skipped = 0;
  int64_t files = 0;              // data files in manifests that were read
  int64_t files_skipped = 0;
  int64_t delete_files = 0;
  int64_t row_groups = 0;         // of files that were opened
  int64_t row_groups_skipped = 0;
  int64_t rows_in_files = 0;      // of planned files, before deletes
  int64_t rows_read = 0;
  int64_t rows_deleted = 0;       // read and taken out by deletes
  int64_t bytes_in_files = 0;
  void Add(const ScanCounters& other);
  std::string ToString() const;
};

struct FileScanTask {
  DataFile file;
  int64_t sequence_number = 0;
  std::vector<DeleteFilePtr> deletes;
};

/// One file's rows. Thread-compatible.
class ScanReader {
 public:
  virtual ~ScanReader() = default;
  /// Nothing at the end. Batches are never empty.
  virtual Result<std::optional<types::Batch>> Next() = 0;
  /// int64 a row of the last batch: its position in the file. Only with ScanOptions::with_positions.
  virtual const types::ArrayPtr& positions() const = 0;
  /// Row groups and rows of this file so far.
  virtual const ScanCounters& counters() const = 0;
};

/// Holds the metadata; const calls and Open are thread-safe.
class TableScan {
 public:
  /// `store` must outlive the scan. kColumnNotFound for an unknown column id; kNotSupported for columns that SQL has no type for.
  static Result<std::unique_ptr<TableScan>> Make(objectstore::ObjectStore& store, TableMetadataPtr metadata, ScanOptions options);

  const types::SchemaPtr& schema() const { return sql_schema_; }
  const Snapshot* snapshot() const { return snapshot_; }

  /// Reads manifests. Tasks in a fixed order: of manifests, then entries.
  Result<std::vector<FileScanTask>> Plan();
  /// What Plan counted.
  const ScanCounters& planned() const { return counters_; }

  Result<std::unique_ptr<ScanReader>> Open(const FileScanTask& task);

 private:
  TableScan(objectstore::ObjectStore& store, TableMetadataPtr metadata, ScanOptions options)
      : store_(store), metadata_(std::move(metadata)), options_(std::move(options)), deletes_(store, *metadata_) {}

  Status PlanFiles(const ManifestFile& manifest, std::vector<FileScanTask>* tasks);
  Status PlanDeletes(const std::vector<const ManifestFile*>& manifests, std::vector<FileScanTask>* tasks);

  objectstore::ObjectStore& store_;
  const TableMetadataPtr metadata_;
  const ScanOptions options_;
  const Snapshot* snapshot_ = nullptr;
  const Schema* snapshot_schema_ = nullptr;
  std::vector<NestedField> columns_;
  types::SchemaPtr sql_schema_;
  NameMapping names_;
  std::unique_ptr<Pruner> pruner_;
  DeleteReader deletes_;
  ScanCounters counters_;
};

/// Visits the live rows of a table's current state, or of those of its files, for an upsert sink's key index: the key columns, the data file and each row's
/// position in it. `key_ids` are top-level columns; they come in that order.
Status ScanKeys(objectstore::ObjectStore& store, const TableMetadataPtr& metadata, const std::vector<int32_t>& key_ids, const DataFileRange& files,
                const std::function<Status(const types::Batch& keys, const DataFile& file, const types::ArrayPtr& positions)>& visit);

}  // namespace firn::iceberg
