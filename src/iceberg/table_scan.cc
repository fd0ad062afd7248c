// SPDX-License-Identifier: Apache-2.0
#include "iceberg/table_scan.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/assert.h"
#include "iceberg/manifest_files.h"
#include "iceberg/name_mapping.h"
#include "iceberg/scan_reader_internal.h"
#include "iceberg/sql_types.h"
#include "objectstore/object_store.h"

namespace firn::iceberg {

namespace {

Error NoRef(const TableMetadata& metadata, const std::string& name) {
  std::vector<std::string> known;
  for (const auto& [ref, value] : metadata.refs) known.push_back(ref);
  return Error(ErrorCode::kSnapshotNotFound, fmt::format("the table has no branch or tag `{}`", name)).Candidates(base::NearNames(name, known));
}

}  // namespace

Result<ChosenSnapshot> ChooseSnapshot(const TableMetadata& metadata, const SnapshotChoice& choice) {
  const int choices = choice.snapshot_id.has_value() + choice.ref.has_value() + choice.as_of_ms.has_value();
  if (choices > 1) return Error(ErrorCode::kInvalidArgument, "more than one of snapshot id, branch or tag, and time is given").Hint("Give one.");
  ChosenSnapshot chosen{metadata.current_snapshot(), &metadata.schema()};
  if (choice.snapshot_id) {
    chosen.snapshot = metadata.FindSnapshot(*choice.snapshot_id);
    if (chosen.snapshot == nullptr) {
      return Error(ErrorCode::kSnapshotNotFound, fmt::format("the table has no snapshot {}", *choice.snapshot_id)).Hint("SELECT * FROM `t$snapshots` lists them.");
    }
    chosen.schema = &metadata.SchemaOf(*chosen.snapshot);
  } else if (choice.as_of_ms) {
    FIRN_TRY(chosen.snapshot, SnapshotAsOf(metadata, *choice.as_of_ms));
    chosen.schema = &metadata.SchemaOf(*chosen.snapshot);
  } else if (choice.ref) {
    auto ref = metadata.refs.find(*choice.ref);
    if (ref == metadata.refs.end() && *choice.ref != kMainBranch) return NoRef(metadata, *choice.ref);
    chosen.snapshot = metadata.FindRef(*choice.ref);
    FIRN_ASSERT(chosen.snapshot != nullptr || ref == metadata.refs.end(), "`{}` names no snapshot", *choice.ref);
    if (ref != metadata.refs.end() && ref->second.type == RefType::kTag) chosen.schema = &metadata.SchemaOf(*chosen.snapshot);
  }
  return chosen;
}

void ScanCounters::Add(const ScanCounters& other) {
  manifests += other.manifests;
  manifests_skipped += other.manifests_skipped;
  files += other.files;
  files_skipped += other.files_skipped;
  delete_files += other.delete_files;
  row_groups += other.row_groups;
  row_groups_skipped += other.row_groups_skipped;
  rows_in_files += other.rows_in_files;
  rows_read += other.rows_read;
  rows_deleted += other.rows_deleted;
  bytes_in_files += other.bytes_in_files;
}

std::string ScanCounters::ToString() const {
  return fmt::format("manifests {} ({} skipped), files {} ({} skipped), delete files {}, row groups {} ({} skipped), rows in files {}, read {}, deleted {}",
                     manifests, manifests_skipped, files, files_skipped, delete_files, row_groups, row_groups_skipped, rows_in_files, rows_read, rows_deleted);
}

Result<std::unique_ptr<TableScan>> TableScan::Make(objectstore::ObjectStore& store, TableMetadataPtr metadata, ScanOptions options) {
  FIRN_ASSERT(options.batch_rows > 0, "batches of {} rows", options.batch_rows);
  std::unique_ptr<TableScan> scan(new TableScan(store, std::move(metadata), std::move(options)));
  FIRN_TRY(ChosenSnapshot chosen, ChooseSnapshot(*scan->metadata_, scan->options_.snapshot));
  scan->snapshot_ = chosen.snapshot;
  scan->snapshot_schema_ = chosen.schema;
  if (const std::optional<int64_t> pinned = scan->options_.pinned_snapshot_id) {
    scan->snapshot_ = scan->metadata_->FindSnapshot(*pinned);
    if (scan->snapshot_ == nullptr) return Error(ErrorCode::kSnapshotNotFound, fmt::format("snapshot {}, of which some has been read, has been expired", *pinned));
  }
  if (!scan->options_.column_ids) {
    scan->columns_ = chosen.schema->fields;
  } else {
    for (int32_t id : *scan->options_.column_ids) {
      const NestedField* found = nullptr;
      for (const NestedField& field : chosen.schema->fields) {
        if (field.id == id) found = &field;
      }
      if (found == nullptr) return Error(ErrorCode::kColumnNotFound, fmt::format("the snapshot's schema has no column with id {}", id));
      scan->columns_.push_back(*found);
    }
  }
  FIRN_TRY(scan->sql_schema_, SqlSchemaOf(scan->columns_));
  const std::string mapping = scan->metadata_->Property("schema.name-mapping.default", "");
  FIRN_TRY(scan->names_, mapping.empty() ? Result<NameMapping>(NameMappingOf(scan->metadata_->schema())) : ParseNameMapping(mapping));
  scan->pruner_ = std::make_unique<Pruner>(*scan->snapshot_schema_, scan->options_.predicate);
  return scan;
}

Result<std::vector<FileScanTask>> TableScan::Plan() {
  std::vector<FileScanTask> tasks;
  counters_ = {};
  if (snapshot_ == nullptr) return tasks;
  FIRN_TRY(std::vector<ManifestFile> manifests, ReadManifestList(store_, *snapshot_));
  std::vector<const ManifestFile*> delete_manifests;
  for (const ManifestFile& manifest : manifests) {
    if (!manifest.MayHaveLiveFiles()) continue;
    ++counters_.manifests;
    const PartitionSpec* spec = metadata_->FindSpec(manifest.partition_spec_id);
    const bool is_data = manifest.content == ManifestContent::kData;
    // Equality deletes of an unpartitioned spec reach everywhere, and such a manifest has no ranges to be skipped by.
    const bool may_match = spec == nullptr || pruner_->MayMatchManifest(manifest, *spec);
    if (!may_match || (is_data && manifest.sequence_number <= options_.files.after_sequence_number)) {
      ++counters_.manifests_skipped;
    } else if (is_data) {
      FIRN_RETURN_IF_ERROR(PlanFiles(manifest, &tasks));
    } else {
      delete_manifests.push_back(&manifest);
    }
  }
  FIRN_RETURN_IF_ERROR(PlanDeletes(delete_manifests, &tasks));
  FIRN_ASSERT(counters_.files == counters_.files_skipped + static_cast<int64_t>(tasks.size()), "{} files, {} skipped, {} tasks", counters_.files,
              counters_.files_skipped, tasks.size());
  return tasks;
}

Status TableScan::PlanFiles(const ManifestFile& manifest, std::vector<FileScanTask>* tasks) {
  FIRN_TRY(std::vector<ManifestEntry> entries, ReadManifest(store_, *metadata_, manifest));
  const PartitionSpec& spec = *metadata_->FindSpec(manifest.partition_spec_id);
  for (ManifestEntry& entry : entries) {
    if (entry.status == EntryStatus::kDeleted) continue;
    ++counters_.files;
    const bool is_wanted = entry.file_sequence_number.value_or(manifest.sequence_number) > options_.files.after_sequence_number &&
                           !(entry.snapshot_id && options_.files.without_snapshots.contains(*entry.snapshot_id));
    if (!is_wanted || !pruner_->MayMatchFile(entry.file, spec)) {
      ++counters_.files_skipped;
      continue;
    }
    counters_.rows_in_files += entry.file.record_count;
    counters_.bytes_in_files += entry.file.file_size_in_bytes;
    tasks->push_back({std::move(entry.file), entry.sequence_number.value_or(0), {}});
  }
  return Ok();
}

// Of manifests of deletes, those that are older than all the files have nothing for them.
Status TableScan::PlanDeletes(const std::vector<const ManifestFile*>& manifests, std::vector<FileScanTask>* tasks) {
  int64_t oldest = std::numeric_limits<int64_t>::max();
  for (const FileScanTask& task : *tasks) oldest = std::min(oldest, task.sequence_number);
  DeleteIndex deletes(*metadata_);
  for (const ManifestFile* manifest : manifests) {
    if (manifest->sequence_number < oldest) {
      ++counters_.manifests_skipped;
      continue;
    }
    FIRN_TRY(std::vector<ManifestEntry> entries, ReadManifest(store_, *metadata_, *manifest));
    for (const ManifestEntry& entry : entries) {
      if (entry.status != EntryStatus::kDeleted) deletes.Add(entry);
    }
  }
  counters_.delete_files = deletes.count();
  for (FileScanTask& task : *tasks) task.deletes = deletes.For(task.file, task.sequence_number);
  return Ok();
}

Result<std::unique_ptr<ScanReader>> TableScan::Open(const FileScanTask& task) {
  const ScanReaderInput input{store_, *metadata_, columns_, sql_schema_, names_, *pruner_, deletes_, options_.batch_rows, options_.with_positions};
  Result<std::unique_ptr<ScanReader>> reader = OpenScanReader(input, task);
  if (!reader.ok()) return std::move(reader).error().Context("reading " + task.file.file_path);
  return reader;
}

Status ScanKeys(objectstore::ObjectStore& store, const TableMetadataPtr& metadata, const std::vector<int32_t>& key_ids, const DataFileRange& files,
                const std::function<Status(const types::Batch& keys, const DataFile& file, const types::ArrayPtr& positions)>& visit) {
  FIRN_TRY(std::unique_ptr<TableScan> scan, TableScan::Make(store, metadata, {.column_ids = key_ids, .with_positions = true, .files = files}));
  FIRN_TRY(std::vector<FileScanTask> tasks, scan->Plan());
  for (const FileScanTask& task : tasks) {
    FIRN_TRY(std::unique_ptr<ScanReader> reader, scan->Open(task));
    while (true) {
      FIRN_TRY(std::optional<types::Batch> batch, reader->Next());
      if (!batch) break;
      FIRN_RETURN_IF_ERROR(visit(*batch, task.file, reader->positions()));
    }
  }
  return Ok();
}

}  // namespace firn::iceberg
