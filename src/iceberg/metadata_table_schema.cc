// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cctype>

#include "iceberg/metadata_table.h"
#include "iceberg/metadata_table_internal.h"
#include "iceberg/sql_types.h"

namespace firn::iceberg {

using types::DataType;
using types::Field;

namespace {

constexpr std::pair<std::string_view, MetadataTable> kTableNames[] = {
    {"data_files", MetadataTable::kDataFiles}, {"delete_files", MetadataTable::kDeleteFiles}, {"files", MetadataTable::kFiles},
    {"history", MetadataTable::kHistory},      {"manifests", MetadataTable::kManifests},      {"metadata_log_entries", MetadataTable::kMetadataLogEntries},
    {"partitions", MetadataTable::kPartitions}, {"refs", MetadataTable::kRefs},               {"snapshots", MetadataTable::kSnapshots}};

const DataType kText = DataType::String().NotNull();
const DataType kNumber = DataType::BigInt().NotNull();
const DataType kCount = DataType::Int().NotNull();
const DataType kTime = DataType::TimestampLtz(6).NotNull();

DataType ById(DataType value) { return DataType::Map(DataType::Int().NotNull(), value.NotNull()); }

std::vector<Field> ManifestColumns() {
  const DataType summary = DataType::Row({{"contains_null", DataType::Boolean().NotNull()}, {"contains_nan", DataType::Boolean()},
                                          {"lower_bound", DataType::String()}, {"upper_bound", DataType::String()}});
  return {{"content", kCount}, {"path", kText}, {"length", kNumber}, {"partition_spec_id", kCount}, {"added_snapshot_id", kNumber},
          {"added_data_files_count", kCount}, {"existing_data_files_count", kCount}, {"deleted_data_files_count", kCount},
          {"added_delete_files_count", kCount}, {"existing_delete_files_count", kCount}, {"deleted_delete_files_count", kCount},
          {"partition_summaries", DataType::Array(summary.NotNull()).NotNull()}};
}

Result<std::vector<Field>> PartitionColumns(const TableMetadata& metadata) {
  std::vector<Field> columns;
  FIRN_TRY(std::vector<NestedField> partition, UnifiedPartitionFields(metadata));
  if (!partition.empty()) {
    FIRN_TRY(DataType type, SqlTypeOf(Type::Struct(partition), true));
    columns = {{"partition", type}, {"spec_id", kCount}};
  }
  for (const Field& field : std::initializer_list<Field>{{"record_count", kNumber}, {"file_count", kCount}, {"total_data_file_size_in_bytes", kNumber},
                                                         {"position_delete_record_count", kNumber}, {"position_delete_file_count", kCount},
                                                         {"equality_delete_record_count", kNumber}, {"equality_delete_file_count", kCount},
                                                         {"last_updated_at", DataType::TimestampLtz(6)}, {"last_updated_snapshot_id", DataType::BigInt()}}) {
    columns.push_back(field);
  }
  return columns;
}

Result<std::vector<Field>> FileColumns(const TableMetadata& metadata) {
  std::vector<Field> columns = {{"content", kCount}, {"file_path", kText}, {"file_format", kText}, {"spec_id", kCount}};
  FIRN_TRY(std::vector<NestedField> partition, UnifiedPartitionFields(metadata));
  if (!partition.empty()) {
    FIRN_TRY(DataType type, SqlTypeOf(Type::Struct(partition), true));
    columns.push_back({"partition", type});
  }
  const DataType counts = ById(DataType::BigInt());
  const DataType bounds = ById(DataType::Bytes());
  std::vector<Field> metrics;
  for (const auto& [field, name] : MetricColumns(metadata.schema())) {
    FIRN_TRY(DataType bound, SqlTypeOf(field.type));
    metrics.push_back({name, DataType::Row({{"column_size", DataType::BigInt()}, {"value_count", DataType::BigInt()}, {"null_value_count", DataType::BigInt()},
                                            {"nan_value_count", DataType::BigInt()}, {"lower_bound", bound}, {"upper_bound", bound}})});
  }
  for (const Field& field : std::initializer_list<Field>{{"record_count", kNumber}, {"file_size_in_bytes", kNumber}, {"column_sizes", counts}, {"value_counts", counts},
                                                         {"null_value_counts", counts}, {"nan_value_counts", counts}, {"lower_bounds", bounds}, {"upper_bounds", bounds},
                                                         {"key_metadata", DataType::Bytes()}, {"split_offsets", DataType::Array(kNumber)}, {"equality_ids", DataType::Array(kCount)},
                                                         {"sort_order_id", DataType::Int()}, {"first_row_id", DataType::BigInt()}, {"referenced_data_file", DataType::String()},
                                                         {"content_offset", DataType::BigInt()}, {"content_size_in_bytes", DataType::BigInt()},
                                                         {"readable_metrics", DataType::Row(std::move(metrics))}}) {
    columns.push_back(field);
  }
  return columns;
}

}  // namespace

std::optional<MetadataTable> FindMetadataTable(std::string_view name) {
  std::string lower(name);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const auto& [known, table] : kTableNames) {
    if (lower == known) return table;
  }
  return std::nullopt;
}

std::optional<MetadataTableName> SplitMetadataTableName(std::string_view name) {
  const size_t dollar = name.rfind('$');
  if (dollar == std::string_view::npos || dollar == 0) return std::nullopt;
  const std::optional<MetadataTable> kind = FindMetadataTable(name.substr(dollar + 1));
  if (!kind) return std::nullopt;
  return MetadataTableName{std::string(name.substr(0, dollar)), *kind};
}

std::vector<std::string> MetadataTableNames() {
  std::vector<std::string> names;
  for (const auto& [name, table] : kTableNames) names.emplace_back(name);
  return names;
}

Result<std::vector<NestedField>> UnifiedPartitionFields(const TableMetadata& metadata) {
  std::vector<NestedField> fields;
  for (auto spec = metadata.partition_specs.rbegin(); spec != metadata.partition_specs.rend(); ++spec) {
    FIRN_TRY(Type type, PartitionType(*spec, metadata.SchemaForSpec(*spec)));
    for (NestedField& field : type.fields) {
      const bool is_known = std::any_of(fields.begin(), fields.end(), [&](const NestedField& known) { return known.id == field.id; });
      if (!is_known) fields.push_back(std::move(field));
    }
  }
  std::sort(fields.begin(), fields.end(), [](const NestedField& a, const NestedField& b) { return a.id < b.id; });
  return fields;
}

std::vector<std::pair<NestedField, std::string>> MetricColumns(const Schema& schema) {
  std::vector<std::pair<NestedField, std::string>> columns;
  VisitFields(schema.fields, [&](const NestedField& field, const std::string& name) {
    if (field.type.IsPrimitive() && SqlTypeOf(field.type).ok()) columns.emplace_back(field, name);
  });
  std::sort(columns.begin(), columns.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return columns;
}

Result<types::SchemaPtr> MetadataTableSchema(MetadataTable table, const TableMetadata& metadata) {
  switch (table) {
    case MetadataTable::kSnapshots:
      return types::MakeSchema({{"committed_at", kTime}, {"snapshot_id", kNumber}, {"parent_id", DataType::BigInt()}, {"operation", DataType::String()},
                                {"manifest_list", DataType::String()}, {"summary", DataType::Map(kText, kText)}});
    case MetadataTable::kHistory:
      return types::MakeSchema({{"made_current_at", kTime}, {"snapshot_id", kNumber}, {"parent_id", DataType::BigInt()},
                                {"is_current_ancestor", DataType::Boolean().NotNull()}});
    case MetadataTable::kRefs:
      return types::MakeSchema({{"name", kText}, {"type", kText}, {"snapshot_id", kNumber}, {"max_reference_age_in_ms", DataType::BigInt()},
                                {"min_snapshots_to_keep", DataType::Int()}, {"max_snapshot_age_in_ms", DataType::BigInt()}});
    case MetadataTable::kMetadataLogEntries:
      return types::MakeSchema({{"timestamp", kTime}, {"file", kText}, {"latest_snapshot_id", DataType::BigInt()}, {"latest_schema_id", DataType::Int()},
                                {"latest_sequence_number", DataType::BigInt()}});
    case MetadataTable::kManifests: return types::MakeSchema(ManifestColumns());
    case MetadataTable::kPartitions: {
      FIRN_TRY(std::vector<Field> columns, PartitionColumns(metadata));
      return types::MakeSchema(std::move(columns));
    }
    default: {
      FIRN_TRY(std::vector<Field> columns, FileColumns(metadata));
      return types::MakeSchema(std::move(columns));
    }
  }
}

}  // namespace firn::iceberg
