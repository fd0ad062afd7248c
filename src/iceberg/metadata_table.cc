// SPDX-License-Identifier: Apache-2.0
#include "iceberg/metadata_table.h"

#include <algorithm>
#include <map>
#include <set>

#include "iceberg/cell_column_internal.h"
#include "iceberg/manifest_files.h"
#include "iceberg/metadata_table_internal.h"
#include "objectstore/object_store.h"

namespace firn::iceberg {

namespace {

using Row = std::vector<Cell>;

Cell TimeCell(int64_t ms) { return Cell(ms * 1000); }

std::vector<Row> SnapshotRows(const TableMetadata& metadata) {
  std::vector<Row> rows;
  for (const Snapshot& snapshot : metadata.snapshots) {
    std::vector<Cell> summary;
    for (const auto& [key, value] : snapshot.summary) {
      if (key != "operation") summary.push_back(Cell::Nested({Cell(key), Cell(value)}));
    }
    const std::string operation = snapshot.operation();
    rows.push_back({TimeCell(snapshot.timestamp_ms), Cell(snapshot.snapshot_id), Cell(snapshot.parent_snapshot_id), operation.empty() ? Cell() : Cell(operation),
                    snapshot.manifest_list.empty() ? Cell() : Cell(snapshot.manifest_list), snapshot.summary.empty() ? Cell() : Cell::Nested(std::move(summary))});
  }
  return rows;
}

std::vector<Row> HistoryRows(const TableMetadata& metadata) {
  std::set<int64_t> ancestors;
  for (const Snapshot* snapshot : AncestorsOf(metadata, metadata.current_snapshot())) ancestors.insert(snapshot->snapshot_id);
  std::vector<Row> rows;
  for (const SnapshotLogEntry& entry : metadata.snapshot_log) {
    const Snapshot* snapshot = metadata.FindSnapshot(entry.snapshot_id);
    rows.push_back({TimeCell(entry.timestamp_ms), Cell(entry.snapshot_id), snapshot == nullptr ? Cell() : Cell(snapshot->parent_snapshot_id),
                    Cell(ancestors.contains(entry.snapshot_id))});
  }
  return rows;
}

std::vector<Row> RefRows(const TableMetadata& metadata) {
  std::vector<Row> rows;
  for (const auto& [name, ref] : metadata.refs) {
    rows.push_back({Cell(name), Cell(std::string(ref.type == RefType::kTag ? "TAG" : "BRANCH")), Cell(ref.snapshot_id), Cell(ref.max_ref_age_ms),
                    Cell(ref.min_snapshots_to_keep), Cell(ref.max_snapshot_age_ms)});
  }
  return rows;
}

std::vector<Row> MetadataLogRows(const Table& table) {
  const TableMetadata& metadata = *table.metadata;
  std::vector<MetadataLogEntry> entries = metadata.metadata_log;
  entries.push_back({metadata.last_updated_ms, table.metadata_location});
  std::vector<Row> rows;
  for (const MetadataLogEntry& entry : entries) {
    Result<const Snapshot*> snapshot = SnapshotAsOf(metadata, entry.timestamp_ms);
    if (!snapshot.ok()) {
      rows.push_back({TimeCell(entry.timestamp_ms), Cell(entry.metadata_file), Cell(), Cell(), Cell()});
      continue;
    }
    rows.push_back({TimeCell(entry.timestamp_ms), Cell(entry.metadata_file), Cell((*snapshot)->snapshot_id), Cell((*snapshot)->schema_id),
                    Cell((*snapshot)->sequence_number)});
  }
  return rows;
}

Cell PartitionSummaries(const TableMetadata& metadata, const ManifestFile& manifest) {
  std::vector<Cell> summaries;
  const PartitionSpec* spec = metadata.FindSpec(manifest.partition_spec_id);
  for (size_t i = 0; spec != nullptr && i < manifest.partitions.size() && i < spec->fields.size(); ++i) {
    const PartitionFieldSummary& summary = manifest.partitions[i];
    const NestedField* source = metadata.SchemaForSpec(*spec).FindById(spec->fields[i].source_id());
    auto text = [&](const std::optional<std::string>& bytes) -> Cell {
      if (!bytes || source == nullptr) return Cell();
      Result<Type> type = TransformResultType(spec->fields[i].transform, source->type);
      Result<Literal> value = type.ok() ? DecodeBound(*type, *bytes) : Result<Literal>(Literal());
      return value.ok() && !value->is_null() ? Cell(TransformValueText(spec->fields[i].transform, source->type, *value)) : Cell();
    };
    summaries.push_back(Cell::Nested({Cell(summary.contains_null), Cell(summary.contains_nan), text(summary.lower_bound), text(summary.upper_bound)}));
  }
  return Cell::Nested(std::move(summaries));
}

std::vector<Row> ManifestRows(const TableMetadata& metadata, const std::vector<ManifestFile>& manifests) {
  std::vector<Row> rows;
  for (const ManifestFile& manifest : manifests) {
    const bool is_data = manifest.content == ManifestContent::kData;
    auto count = [](bool counts, int64_t value) { return Cell(counts ? static_cast<int32_t>(std::max<int64_t>(value, 0)) : int32_t{0}); };
    rows.push_back({Cell(static_cast<int32_t>(manifest.content)), Cell(manifest.manifest_path), Cell(manifest.manifest_length), Cell(manifest.partition_spec_id),
                    Cell(manifest.added_snapshot_id), count(is_data, manifest.added_files_count), count(is_data, manifest.existing_files_count),
                    count(is_data, manifest.deleted_files_count), count(!is_data, manifest.added_files_count), count(!is_data, manifest.existing_files_count),
                    count(!is_data, manifest.deleted_files_count), PartitionSummaries(metadata, manifest)});
  }
  return rows;
}

template <typename T>
Cell MapCell(const ColumnMap<T>& map) {
  if (map.empty()) return Cell();
  std::vector<Cell> entries;
  for (const auto& [id, value] : map.entries()) entries.push_back(Cell::Nested({Cell(id), Cell(value)}));
  return Cell::Nested(std::move(entries));
}

template <typename T>
Cell ListCell(const std::vector<T>& values) {
  if (values.empty()) return Cell();
  return Cell::Nested(std::vector<Cell>(values.begin(), values.end()));
}

// The file's partition values at the places of the unified struct.
Cell PartitionCell(const TableMetadata& metadata, const DataFile& file, const std::vector<NestedField>& unified) {
  std::vector<Cell> members;
  const PartitionSpec* spec = metadata.FindSpec(file.spec_id);
  for (const NestedField& field : unified) {
    Cell cell;
    for (size_t i = 0; spec != nullptr && i < spec->fields.size() && i < file.partition.size(); ++i) {
      const bool is_it = spec->fields[i].field_id == field.id && LiteralFits(field.type, file.partition[i]);
      if (is_it) cell = Cell(file.partition[i]);
    }
    members.push_back(std::move(cell));
  }
  return Cell::Nested(std::move(members));
}

Cell MetricsCell(const DataFile& file, const std::vector<std::pair<NestedField, std::string>>& columns) {
  std::vector<Cell> members;
  for (const auto& [field, name] : columns) {
    const int32_t id = field.id;
    const Type& type = field.type;
    auto number = [&](const ColumnMap<int64_t>& map) { return map.Find(id) == nullptr ? Cell() : Cell(*map.Find(id)); };
    auto bound = [&](const ColumnMap<std::string>& map) {
      if (map.Find(id) == nullptr) return Cell();
      Result<Literal> value = DecodeBound(type, *map.Find(id));
      return value.ok() && LiteralFits(type, *value) ? Cell(*value) : Cell();
    };
    members.push_back(Cell::Nested({number(file.column_sizes), number(file.value_counts), number(file.null_value_counts), number(file.nan_value_counts),
                                    bound(file.lower_bounds), bound(file.upper_bounds)}));
  }
  return Cell::Nested(std::move(members));
}

// All live entries of the manifests that `wants` takes.
template <typename Visit>
Status VisitLiveFiles(objectstore::ObjectStore& store, const TableMetadata& metadata, const std::vector<ManifestFile>& manifests, Visit visit) {
  for (const ManifestFile& manifest : manifests) {
    if (!manifest.MayHaveLiveFiles()) continue;
    FIRN_TRY(std::vector<ManifestEntry> entries, ReadManifest(store, metadata, manifest));
    for (const ManifestEntry& entry : entries) {
      if (entry.status != EntryStatus::kDeleted) visit(entry);
    }
  }
  return Ok();
}

Result<std::vector<Row>> FileRows(objectstore::ObjectStore& store, const TableMetadata& metadata, const std::vector<ManifestFile>& manifests, MetadataTable which) {
  FIRN_TRY(std::vector<NestedField> unified, UnifiedPartitionFields(metadata));
  const auto metric_columns = MetricColumns(metadata.schema());
  std::vector<Row> rows;
  FIRN_RETURN_IF_ERROR(VisitLiveFiles(store, metadata, manifests, [&](const ManifestEntry& entry) {
    const DataFile& file = entry.file;
    const bool is_data = file.content == FileContent::kData;
    if ((which == MetadataTable::kDataFiles && !is_data) || (which == MetadataTable::kDeleteFiles && is_data)) return;
    Row row = {Cell(static_cast<int32_t>(file.content)), Cell(file.file_path), Cell(file.file_format), Cell(file.spec_id)};
    if (!unified.empty()) row.push_back(PartitionCell(metadata, file, unified));
    for (Cell& cell : Row{Cell(file.record_count), Cell(file.file_size_in_bytes), MapCell(file.column_sizes), MapCell(file.value_counts), MapCell(file.null_value_counts),
                          MapCell(file.nan_value_counts), MapCell(file.lower_bounds), MapCell(file.upper_bounds), Cell(file.key_metadata), ListCell(file.split_offsets),
                          ListCell(file.equality_ids), Cell(file.sort_order_id), Cell(file.first_row_id), Cell(file.referenced_data_file), Cell(file.content_offset),
                          Cell(file.content_size_in_bytes), MetricsCell(file, metric_columns)}) {
      row.push_back(std::move(cell));
    }
    rows.push_back(std::move(row));
  }));
  return rows;
}

struct PartitionTotals {
  Cell partition;
  int32_t spec_id = 0;
  int64_t record_count = 0;
  int32_t file_count = 0;
  int64_t data_bytes = 0;
  int64_t delete_records[2] = {0, 0};  // position, equality
  int32_t delete_files[2] = {0, 0};
  const Snapshot* last_updated = nullptr;
};

Result<std::vector<Row>> PartitionRows(objectstore::ObjectStore& store, const TableMetadata& metadata, const std::vector<ManifestFile>& manifests) {
  FIRN_TRY(std::vector<NestedField> unified, UnifiedPartitionFields(metadata));
  std::map<int64_t, const Snapshot*> snapshots;
  for (const Snapshot& snapshot : metadata.snapshots) snapshots[snapshot.snapshot_id] = &snapshot;
  std::map<std::pair<int32_t, std::string>, PartitionTotals> partitions;
  FIRN_RETURN_IF_ERROR(VisitLiveFiles(store, metadata, manifests, [&](const ManifestEntry& entry) {
    const DataFile& file = entry.file;
    PartitionTotals& totals = partitions[{file.spec_id, EncodePartitionKey(file.partition)}];
    totals.partition = PartitionCell(metadata, file, unified);
    totals.spec_id = file.spec_id;
    if (file.content == FileContent::kData) {
      totals.record_count += file.record_count;
      totals.file_count += 1;
      totals.data_bytes += file.file_size_in_bytes;
    } else {
      const int kind = file.content == FileContent::kPositionDeletes ? 0 : 1;
      totals.delete_records[kind] += file.record_count;
      totals.delete_files[kind] += 1;
    }
    auto snapshot = snapshots.find(entry.snapshot_id.value_or(0));
    if (snapshot == snapshots.end()) return;
    if (totals.last_updated == nullptr || snapshot->second->timestamp_ms > totals.last_updated->timestamp_ms) totals.last_updated = snapshot->second;
  }));
  std::vector<Row> rows;
  for (auto& [key, totals] : partitions) {
    Row row;
    if (!unified.empty()) row = {std::move(totals.partition), Cell(totals.spec_id)};
    for (Cell& cell : Row{Cell(totals.record_count), Cell(totals.file_count), Cell(totals.data_bytes), Cell(totals.delete_records[0]), Cell(totals.delete_files[0]),
                          Cell(totals.delete_records[1]), Cell(totals.delete_files[1]),
                          totals.last_updated == nullptr ? Cell() : TimeCell(totals.last_updated->timestamp_ms),
                          totals.last_updated == nullptr ? Cell() : Cell(totals.last_updated->snapshot_id)}) {
      row.push_back(std::move(cell));
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

Result<std::vector<Row>> RowsOf(objectstore::ObjectStore& store, const Table& table, MetadataTable which, const SnapshotChoice& choice) {
  const TableMetadata& metadata = *table.metadata;
  switch (which) {
    case MetadataTable::kSnapshots: return SnapshotRows(metadata);
    case MetadataTable::kHistory: return HistoryRows(metadata);
    case MetadataTable::kRefs: return RefRows(metadata);
    case MetadataTable::kMetadataLogEntries: return MetadataLogRows(table);
    default: break;
  }
  FIRN_TRY(ChosenSnapshot chosen, ChooseSnapshot(metadata, choice));
  if (chosen.snapshot == nullptr) return std::vector<Row>();
  FIRN_TRY(std::vector<ManifestFile> manifests, ReadManifestList(store, *chosen.snapshot));
  if (which == MetadataTable::kManifests) return ManifestRows(metadata, manifests);
  if (which == MetadataTable::kPartitions) return PartitionRows(store, metadata, manifests);
  return FileRows(store, metadata, manifests, which);
}

}  // namespace

Result<types::Batch> ReadMetadataTable(objectstore::ObjectStore& store, const Table& table, MetadataTable metadata_table, const SnapshotChoice& choice) {
  FIRN_TRY(types::SchemaPtr schema, MetadataTableSchema(metadata_table, *table.metadata));
  FIRN_TRY(std::vector<Row> rows, RowsOf(store, table, metadata_table, choice));
  return BuildBatch(schema, rows);
}

}  // namespace firn::iceberg
