// SPDX-License-Identifier: Apache-2.0
#include "iceberg/manifest_avro.h"

#include <fmt/format.h>

#include <algorithm>

#include "formats/avro_file.h"
#include "iceberg/literal_avro.h"
#include "iceberg/schema_json.h"
#include "iceberg/table_metadata.h"
#include "iceberg/table_metadata_json.h"

namespace firn::iceberg {

using formats::AvroField;
using formats::AvroKind;
using formats::AvroSchemaPtr;
using formats::AvroValue;
using formats::MakeAvroArray;
using formats::MakeAvroOptional;
using formats::MakeAvroPrimitive;
using formats::MakeAvroRecord;

namespace {

// Field ids of the specification.
enum EntryField : int32_t { kStatus = 0, kSnapshotId = 1, kDataFile = 2, kSequenceNumber = 3, kFileSequenceNumber = 4 };
enum FileField : int32_t {
  kContent = 134,
  kFilePath = 100,
  kFileFormat = 101,
  kPartition = 102,
  kRecordCount = 103,
  kFileSize = 104,
  kBlockSize = 105,  // v1 only
  kColumnSizes = 108,
  kValueCounts = 109,
  kNullCounts = 110,
  kNanCounts = 137,
  kLowerBounds = 125,
  kUpperBounds = 128,
  kKeyMetadata = 131,
  kSplitOffsets = 132,
  kEqualityIds = 135,
  kSortOrderId = 140,
  kFirstRowId = 142,
  kReferencedFile = 143,
  kContentOffset = 144,
  kContentSize = 145,
};
enum ListField : int32_t {
  kManifestPath = 500,
  kManifestLength = 501,
  kSpecId = 502,
  kAddedSnapshotId = 503,
  kAddedFiles = 504,
  kExistingFiles = 505,
  kDeletedFiles = 506,
  kPartitions = 507,
  kAddedRows = 512,
  kExistingRows = 513,
  kDeletedRows = 514,
  kListSequenceNumber = 515,
  kMinSequenceNumber = 516,
  kListContent = 517,
  kListKeyMetadata = 519,
  kListFirstRowId = 520,
};
constexpr int64_t kDefaultBlockSize = 64 << 20;
constexpr int64_t kNumberMax = int64_t{1} << 48;  // of rows or bytes in a file: sums of thousands of them are numbers still

// What a file is written as, or how it is read: the reader takes every field of every version and requires the fewest.
enum class Shape { kWriteV1, kWriteV2, kRead };

AvroField Required(int32_t id, std::string name, AvroSchemaPtr schema) { return {std::move(name), std::move(schema), id}; }
AvroField Optional(int32_t id, std::string name, AvroSchemaPtr schema) {
  return {std::move(name), MakeAvroOptional(std::move(schema)), id, "", true};
}
// Required in what is written from v2 on.
AvroField RequiredFromV2(Shape shape, int32_t id, std::string name, AvroSchemaPtr schema) {
  return shape == Shape::kWriteV2 ? Required(id, std::move(name), std::move(schema)) : Optional(id, std::move(name), std::move(schema));
}

AvroField ColumnMapField(int32_t id, std::string name, int32_t key_id, int32_t value_id, AvroKind value_kind) {
  AvroSchemaPtr entry = MakeAvroRecord(fmt::format("k{}_v{}", key_id, value_id), {Required(key_id, "key", MakeAvroPrimitive(AvroKind::kInt)),
                                                                                   Required(value_id, "value", MakeAvroPrimitive(value_kind))});
  return Optional(id, std::move(name), MakeAvroArray(std::move(entry), formats::kNoFieldId, "map"));
}

AvroSchemaPtr PartitionSchema(const Type& partition) {
  std::vector<AvroField> fields;
  for (const NestedField& field : partition.fields) {
    AvroSchemaPtr type = AvroSchemaOf(field.type, fmt::format("r102_{}", field.id));
    if (type->kind == AvroKind::kNull) fields.push_back({AvroName(field.name), MakeAvroOptional(MakeAvroPrimitive(AvroKind::kNull)), field.id, "", true});
    else fields.push_back(Optional(field.id, AvroName(field.name), std::move(type)));
  }
  return MakeAvroRecord("r102", std::move(fields));
}

AvroSchemaPtr FileSchema(Shape shape, const Type& partition) {
  const AvroSchemaPtr integer = MakeAvroPrimitive(AvroKind::kInt);
  const AvroSchemaPtr number = MakeAvroPrimitive(AvroKind::kLong);
  const AvroSchemaPtr text = MakeAvroPrimitive(AvroKind::kString);
  std::vector<AvroField> fields;
  if (shape == Shape::kWriteV2) fields.push_back(Required(kContent, "content", integer));
  if (shape == Shape::kRead) fields.push_back(Optional(kContent, "content", integer));
  fields.push_back(Required(kFilePath, "file_path", text));
  fields.push_back(Required(kFileFormat, "file_format", text));
  fields.push_back(Required(kPartition, "partition", PartitionSchema(partition)));
  fields.push_back(Required(kRecordCount, "record_count", number));
  fields.push_back(Required(kFileSize, "file_size_in_bytes", number));
  if (shape == Shape::kWriteV1) fields.push_back(Required(kBlockSize, "block_size_in_bytes", number));
  fields.push_back(ColumnMapField(kColumnSizes, "column_sizes", 117, 118, AvroKind::kLong));
  fields.push_back(ColumnMapField(kValueCounts, "value_counts", 119, 120, AvroKind::kLong));
  fields.push_back(ColumnMapField(kNullCounts, "null_value_counts", 121, 122, AvroKind::kLong));
  fields.push_back(ColumnMapField(kNanCounts, "nan_value_counts", 138, 139, AvroKind::kLong));
  fields.push_back(ColumnMapField(kLowerBounds, "lower_bounds", 126, 127, AvroKind::kBytes));
  fields.push_back(ColumnMapField(kUpperBounds, "upper_bounds", 129, 130, AvroKind::kBytes));
  fields.push_back(Optional(kKeyMetadata, "key_metadata", MakeAvroPrimitive(AvroKind::kBytes)));
  fields.push_back(Optional(kSplitOffsets, "split_offsets", MakeAvroArray(number, 133)));
  if (shape != Shape::kWriteV1) fields.push_back(Optional(kEqualityIds, "equality_ids", MakeAvroArray(integer, 136)));
  fields.push_back(Optional(kSortOrderId, "sort_order_id", integer));
  if (shape != Shape::kWriteV1) fields.push_back(Optional(kReferencedFile, "referenced_data_file", text));
  if (shape == Shape::kRead) {
    fields.push_back(Optional(kFirstRowId, "first_row_id", number));
    fields.push_back(Optional(kContentOffset, "content_offset", number));
    fields.push_back(Optional(kContentSize, "content_size_in_bytes", number));
  }
  return MakeAvroRecord("r2", std::move(fields));
}

AvroSchemaPtr EntrySchema(Shape shape, const Type& partition) {
  const AvroSchemaPtr number = MakeAvroPrimitive(AvroKind::kLong);
  std::vector<AvroField> fields = {Required(kStatus, "status", MakeAvroPrimitive(AvroKind::kInt))};
  if (shape == Shape::kWriteV1) fields.push_back(Required(kSnapshotId, "snapshot_id", number));
  else fields.push_back(Optional(kSnapshotId, "snapshot_id", number));
  if (shape != Shape::kWriteV1) {
    fields.push_back(Optional(kSequenceNumber, "sequence_number", number));
    fields.push_back(Optional(kFileSequenceNumber, "file_sequence_number", number));
  }
  fields.push_back(Required(kDataFile, "data_file", FileSchema(shape, partition)));
  return MakeAvroRecord("manifest_entry", std::move(fields));
}

AvroSchemaPtr ListSchema(Shape shape) {
  const AvroSchemaPtr integer = MakeAvroPrimitive(AvroKind::kInt);
  const AvroSchemaPtr number = MakeAvroPrimitive(AvroKind::kLong);
  const AvroSchemaPtr bytes = MakeAvroPrimitive(AvroKind::kBytes);
  AvroSchemaPtr summary = MakeAvroRecord("r508", {Required(509, "contains_null", MakeAvroPrimitive(AvroKind::kBoolean)),
                                                  Optional(518, "contains_nan", MakeAvroPrimitive(AvroKind::kBoolean)),
                                                  Optional(510, "lower_bound", bytes), Optional(511, "upper_bound", bytes)});
  std::vector<AvroField> fields = {Required(kManifestPath, "manifest_path", MakeAvroPrimitive(AvroKind::kString)),
                                   Required(kManifestLength, "manifest_length", number), Required(kSpecId, "partition_spec_id", integer)};
  if (shape != Shape::kWriteV1) {
    fields.push_back(RequiredFromV2(shape, kListContent, "content", integer));
    fields.push_back(RequiredFromV2(shape, kListSequenceNumber, "sequence_number", number));
    fields.push_back(RequiredFromV2(shape, kMinSequenceNumber, "min_sequence_number", number));
  }
  fields.push_back(shape == Shape::kRead ? Optional(kAddedSnapshotId, "added_snapshot_id", number)
                                         : Required(kAddedSnapshotId, "added_snapshot_id", number));
  fields.push_back(RequiredFromV2(shape, kAddedFiles, "added_files_count", integer));
  fields.push_back(RequiredFromV2(shape, kExistingFiles, "existing_files_count", integer));
  fields.push_back(RequiredFromV2(shape, kDeletedFiles, "deleted_files_count", integer));
  fields.push_back(RequiredFromV2(shape, kAddedRows, "added_rows_count", number));
  fields.push_back(RequiredFromV2(shape, kExistingRows, "existing_rows_count", number));
  fields.push_back(RequiredFromV2(shape, kDeletedRows, "deleted_rows_count", number));
  fields.push_back(Optional(kPartitions, "partitions", MakeAvroArray(std::move(summary), 508)));
  if (shape != Shape::kWriteV1) fields.push_back(Optional(kListKeyMetadata, "key_metadata", bytes));
  if (shape == Shape::kRead) fields.push_back(Optional(kListFirstRowId, "first_row_id", number));
  return MakeAvroRecord("manifest_file", std::move(fields));
}

Shape WriteShape(int format_version) {
  FIRN_ASSERT(format_version == 1 || format_version == 2, "format version {} is not written", format_version);
  return format_version == 1 ? Shape::kWriteV1 : Shape::kWriteV2;
}

// --- structs to Avro ---

template <typename T>
AvroValue FromOptional(const std::optional<T>& value) {
  return value ? AvroValue(*value) : AvroValue();
}

template <typename T>
AvroValue FromColumnMap(const ColumnMap<T>& map) {
  if (map.empty()) return AvroValue();
  AvroValue::Items entries;
  for (const auto& [id, value] : map.entries()) entries.push_back(AvroValue(AvroValue::Items{AvroValue(id), AvroValue(value)}));
  return AvroValue(std::move(entries));
}

template <typename T>
AvroValue FromVector(const std::vector<T>& values) {
  if (values.empty()) return AvroValue();
  return AvroValue(AvroValue::Items(values.begin(), values.end()));
}

AvroValue FromPartition(const Type& type, const PartitionValues& values) {
  AvroValue::Items fields;
  for (size_t i = 0; i < type.fields.size(); ++i) fields.push_back(LiteralToAvro(type.fields[i].type, values[i]));
  return AvroValue(std::move(fields));
}

AvroValue FileValue(const DataFile& file, int32_t id, const Type& partition) {
  switch (id) {
    case kContent: return AvroValue(static_cast<int32_t>(file.content));
    case kFilePath: return AvroValue(file.file_path);
    case kFileFormat: return AvroValue(file.file_format);
    case kPartition: return FromPartition(partition, file.partition);
    case kRecordCount: return AvroValue(file.record_count);
    case kFileSize: return AvroValue(file.file_size_in_bytes);
    case kBlockSize: return AvroValue(kDefaultBlockSize);
    case kColumnSizes: return FromColumnMap(file.column_sizes);
    case kValueCounts: return FromColumnMap(file.value_counts);
    case kNullCounts: return FromColumnMap(file.null_value_counts);
    case kNanCounts: return FromColumnMap(file.nan_value_counts);
    case kLowerBounds: return FromColumnMap(file.lower_bounds);
    case kUpperBounds: return FromColumnMap(file.upper_bounds);
    case kKeyMetadata: return FromOptional(file.key_metadata);
    case kSplitOffsets: return FromVector(file.split_offsets);
    case kEqualityIds: return FromVector(file.equality_ids);
    case kSortOrderId: return FromOptional(file.sort_order_id);
    case kReferencedFile: return FromOptional(file.referenced_data_file);
    default: FIRN_UNREACHABLE("data_file field {}", id);
  }
}

AvroValue EntryValue(const ManifestEntry& entry, const formats::AvroSchema& schema, int64_t snapshot_id, const Type& partition) {
  AvroValue::Items fields;
  for (const AvroField& field : schema.fields) {
    switch (field.field_id) {
      case kStatus: fields.push_back(AvroValue(static_cast<int32_t>(entry.status))); break;
      case kSnapshotId: fields.push_back(AvroValue(entry.snapshot_id.value_or(snapshot_id))); break;
      case kSequenceNumber: fields.push_back(FromOptional(entry.sequence_number)); break;
      case kFileSequenceNumber: fields.push_back(FromOptional(entry.file_sequence_number)); break;
      default: {
        AvroValue::Items file;
        for (const AvroField& member : field.schema->fields) file.push_back(FileValue(entry.file, member.field_id, partition));
        fields.push_back(AvroValue(std::move(file)));
      }
    }
  }
  return AvroValue(std::move(fields));
}

AvroValue SummariesValue(const std::vector<PartitionFieldSummary>& summaries) {
  AvroValue::Items items;
  for (const PartitionFieldSummary& summary : summaries) {
    items.push_back(AvroValue(AvroValue::Items{AvroValue(summary.contains_null), FromOptional(summary.contains_nan),
                                               FromOptional(summary.lower_bound), FromOptional(summary.upper_bound)}));
  }
  return AvroValue(std::move(items));
}

AvroValue KnownCount(int64_t count) { return count < 0 ? AvroValue() : AvroValue(count); }

AvroValue ListValue(const ManifestFile& manifest, int32_t id) {
  switch (id) {
    case kManifestPath: return AvroValue(manifest.manifest_path);
    case kManifestLength: return AvroValue(manifest.manifest_length);
    case kSpecId: return AvroValue(manifest.partition_spec_id);
    case kListContent: return AvroValue(static_cast<int32_t>(manifest.content));
    case kListSequenceNumber: return AvroValue(manifest.sequence_number);
    case kMinSequenceNumber: return AvroValue(manifest.min_sequence_number);
    case kAddedSnapshotId: return AvroValue(manifest.added_snapshot_id);
    case kAddedFiles: return KnownCount(manifest.added_files_count);
    case kExistingFiles: return KnownCount(manifest.existing_files_count);
    case kDeletedFiles: return KnownCount(manifest.deleted_files_count);
    case kAddedRows: return KnownCount(manifest.added_rows_count);
    case kExistingRows: return KnownCount(manifest.existing_rows_count);
    case kDeletedRows: return KnownCount(manifest.deleted_rows_count);
    case kPartitions: return SummariesValue(manifest.partitions);
    case kListKeyMetadata: return FromOptional(manifest.key_metadata);
    default: FIRN_UNREACHABLE("manifest_file field {}", id);
  }
}

// --- Avro to structs ---

void ToOptional(const AvroValue& value, std::optional<std::string>* out) {
  if (const std::string* bytes = value.if_bytes()) *out = *bytes;
}
template <typename T>
void ToOptional(const AvroValue& value, std::optional<T>* out) {
  if (const int64_t* integer = value.if_integer()) *out = static_cast<T>(*integer);
}
int64_t IntegerOr(const AvroValue& value, int64_t otherwise) { return value.if_integer() != nullptr ? *value.if_integer() : otherwise; }

template <typename T>
void ToColumnMap(const AvroValue& value, ColumnMap<T>* out) {
  if (value.if_items() == nullptr) return;
  std::vector<typename ColumnMap<T>::Entry> entries;
  for (const AvroValue& entry : *value.if_items()) {
    const AvroValue::Items& pair = *entry.if_items();
    const auto id = static_cast<int32_t>(*pair[0].if_integer());
    if constexpr (std::is_same_v<T, std::string>) {
      if (pair[1].if_bytes() != nullptr) entries.emplace_back(id, *pair[1].if_bytes());
    } else {
      if (pair[1].if_integer() != nullptr) entries.emplace_back(id, *pair[1].if_integer());
    }
  }
  out->Assign(std::move(entries));
}

template <typename T>
void ToVector(const AvroValue& value, std::vector<T>* out) {
  if (value.if_items() == nullptr) return;
  for (const AvroValue& item : *value.if_items()) out->push_back(static_cast<T>(IntegerOr(item, 0)));
}

Status ToPartition(const AvroValue& value, const Type& type, PartitionValues* out) {
  const AvroValue::Items& fields = *value.if_items();
  for (size_t i = 0; i < type.fields.size(); ++i) {
    FIRN_TRY(Literal literal, LiteralFromAvro(type.fields[i].type, fields[i]));
    out->push_back(std::move(literal));
  }
  return Ok();
}

Status SetFileField(int32_t id, const AvroValue& value, const Type& partition, DataFile* file) {
  switch (id) {
    case kContent: {
      const int64_t content = IntegerOr(value, 0);
      if (content < 0 || content > 2) return Error(ErrorCode::kInvalidMetadata, fmt::format("a manifest entry has the content {}", content));
      file->content = static_cast<FileContent>(content);
      break;
    }
    case kFilePath: file->file_path = *value.if_bytes(); break;
    case kFileFormat:
      file->file_format = *value.if_bytes();
      std::transform(file->file_format.begin(), file->file_format.end(), file->file_format.begin(),
                     [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
      break;
    case kPartition: return ToPartition(value, partition, &file->partition);
    case kRecordCount: file->record_count = IntegerOr(value, 0); break;
    case kFileSize: file->file_size_in_bytes = IntegerOr(value, 0); break;
    case kColumnSizes: ToColumnMap(value, &file->column_sizes); break;
    case kValueCounts: ToColumnMap(value, &file->value_counts); break;
    case kNullCounts: ToColumnMap(value, &file->null_value_counts); break;
    case kNanCounts: ToColumnMap(value, &file->nan_value_counts); break;
    case kLowerBounds: ToColumnMap(value, &file->lower_bounds); break;
    case kUpperBounds: ToColumnMap(value, &file->upper_bounds); break;
    case kKeyMetadata: ToOptional(value, &file->key_metadata); break;
    case kSplitOffsets: ToVector(value, &file->split_offsets); break;
    case kEqualityIds: ToVector(value, &file->equality_ids); break;
    case kSortOrderId: ToOptional(value, &file->sort_order_id); break;
    case kFirstRowId: ToOptional(value, &file->first_row_id); break;
    case kReferencedFile: ToOptional(value, &file->referenced_data_file); break;
    case kContentOffset: ToOptional(value, &file->content_offset); break;
    case kContentSize: ToOptional(value, &file->content_size_in_bytes); break;
    default: FIRN_UNREACHABLE("data_file field {}", id);
  }
  return Ok();
}

Result<ManifestEntry> ToEntry(const AvroValue& record, const formats::AvroSchema& schema, const Type& partition) {
  ManifestEntry entry;
  const AvroValue::Items& fields = *record.if_items();
  for (size_t i = 0; i < fields.size(); ++i) {
    switch (schema.fields[i].field_id) {
      case kStatus: {
        const int64_t status = IntegerOr(fields[i], 0);
        if (status < 0 || status > 2) return Error(ErrorCode::kInvalidMetadata, fmt::format("a manifest entry has the status {}", status));
        entry.status = static_cast<EntryStatus>(status);
        break;
      }
      case kSnapshotId: ToOptional(fields[i], &entry.snapshot_id); break;
      case kSequenceNumber: ToOptional(fields[i], &entry.sequence_number); break;
      case kFileSequenceNumber: ToOptional(fields[i], &entry.file_sequence_number); break;
      default: {
        const AvroValue::Items& members = *fields[i].if_items();
        const std::vector<AvroField>& member_fields = schema.fields[i].schema->fields;
        for (size_t m = 0; m < members.size(); ++m) {
          FIRN_RETURN_IF_ERROR(SetFileField(member_fields[m].field_id, members[m], partition, &entry.file));
        }
      }
    }
  }
  return entry;
}

// What one file is said to be. Sequence numbers may be open.
Status CheckEntry(const ManifestFile& manifest, const ManifestEntry& entry) {
  const DataFile& file = entry.file;
  const auto wrong = [&](std::string what) { return Error(ErrorCode::kInvalidMetadata, std::move(what)); };
  if (file.file_path.empty()) return wrong("a manifest lists a file without a path");
  if ((file.content == FileContent::kData) != (manifest.content == ManifestContent::kData)) {
    return wrong(fmt::format("{} is listed among {}, and is of the other kind", file.file_path, manifest.content == ManifestContent::kData ? "data files" : "deletes"));
  }
  if (file.record_count < 0 || file.record_count > kNumberMax) return wrong(fmt::format("{} is said to have {} rows", file.file_path, file.record_count));
  if (file.file_size_in_bytes < 0 || file.file_size_in_bytes > kNumberMax) return wrong(fmt::format("{} is said to have {} bytes", file.file_path, file.file_size_in_bytes));
  for (const std::optional<int64_t>& number : {entry.sequence_number, entry.file_sequence_number}) {
    if (number && (*number < 0 || *number > kSequenceNumberMax)) return wrong(fmt::format("{} has the sequence number {}", file.file_path, *number));
  }
  if (file.first_row_id && (*file.first_row_id < 0 || *file.first_row_id > kSequenceNumberMax)) return wrong(fmt::format("{} begins with the row id {}", file.file_path, *file.first_row_id));
  return Ok();
}

// Specification, "Sequence Number Inheritance" and "First Row ID Inheritance".
void Inherit(const ManifestFile& manifest, int64_t* next_row_id, ManifestEntry* entry) {
  if (!entry->snapshot_id) entry->snapshot_id = manifest.added_snapshot_id;
  FIRN_ASSERT(next_row_id != nullptr && *next_row_id >= 0, "row ids of {} have gone round", manifest.manifest_path);
  const bool inherits = entry->status == EntryStatus::kAdded || manifest.sequence_number == 0;
  if (!entry->sequence_number && inherits) entry->sequence_number = manifest.sequence_number;
  if (!entry->file_sequence_number && inherits) entry->file_sequence_number = manifest.sequence_number;
  entry->file.spec_id = manifest.partition_spec_id;
  if (!manifest.first_row_id || entry->file.content != FileContent::kData || entry->status == EntryStatus::kDeleted) return;
  if (entry->file.first_row_id) return;
  entry->file.first_row_id = *next_row_id;
  *next_row_id += entry->file.record_count;
}

ManifestFile ToManifestFile(const AvroValue::Items& fields, const formats::AvroSchema& schema) {
  ManifestFile manifest;
  for (size_t i = 0; i < fields.size(); ++i) {
    const AvroValue& value = fields[i];
    switch (schema.fields[i].field_id) {
      case kManifestPath: manifest.manifest_path = *value.if_bytes(); break;
      case kManifestLength: manifest.manifest_length = IntegerOr(value, 0); break;
      case kSpecId: manifest.partition_spec_id = static_cast<int32_t>(IntegerOr(value, 0)); break;
      case kListContent: manifest.content = IntegerOr(value, 0) == 1 ? ManifestContent::kDeletes : ManifestContent::kData; break;
      case kListSequenceNumber: manifest.sequence_number = IntegerOr(value, 0); break;
      case kMinSequenceNumber: manifest.min_sequence_number = IntegerOr(value, 0); break;
      case kAddedSnapshotId: manifest.added_snapshot_id = IntegerOr(value, 0); break;
      case kAddedFiles: manifest.added_files_count = IntegerOr(value, -1); break;
      case kExistingFiles: manifest.existing_files_count = IntegerOr(value, -1); break;
      case kDeletedFiles: manifest.deleted_files_count = IntegerOr(value, -1); break;
      case kAddedRows: manifest.added_rows_count = IntegerOr(value, -1); break;
      case kExistingRows: manifest.existing_rows_count = IntegerOr(value, -1); break;
      case kDeletedRows: manifest.deleted_rows_count = IntegerOr(value, -1); break;
      case kListKeyMetadata: ToOptional(value, &manifest.key_metadata); break;
      case kListFirstRowId: ToOptional(value, &manifest.first_row_id); break;
      case kPartitions:
        if (value.if_items() == nullptr) break;
        for (const AvroValue& item : *value.if_items()) {
          const AvroValue::Items& summary = *item.if_items();
          PartitionFieldSummary parsed;
          parsed.contains_null = *summary[0].if_boolean();
          if (summary[1].if_boolean() != nullptr) parsed.contains_nan = *summary[1].if_boolean();
          ToOptional(summary[2], &parsed.lower_bound);
          ToOptional(summary[3], &parsed.upper_bound);
          manifest.partitions.push_back(std::move(parsed));
        }
        break;
      default: FIRN_UNREACHABLE("manifest_file field {}", schema.fields[i].field_id);
    }
  }
  return manifest;
}

std::map<std::string, std::string> ManifestHeader(const ManifestEncoding& encoding) {
  std::map<std::string, std::string> header = {{"schema", SchemaText(encoding.schema)},
                                               {"schema-id", std::to_string(encoding.schema.schema_id)},
                                               {"partition-spec", PartitionFieldsJson(encoding.spec)},
                                               {"partition-spec-id", std::to_string(encoding.spec.spec_id)},
                                               {"format-version", std::to_string(encoding.format_version)}};
  if (encoding.format_version > 1) header["content"] = encoding.content == ManifestContent::kData ? "data" : "deletes";
  return header;
}

// Folds one value into a field's summary; bounds stay literals until the end.
struct SummaryFold {
  PartitionFieldSummary summary;
  Literal lower;
  Literal upper;

  void Add(const Literal& value) {
    if (value.is_null()) {
      summary.contains_null = true;
    } else if (IsNan(value)) {
      summary.contains_nan = true;
    } else {
      if (lower.is_null() || CompareLiterals(value, lower) < 0) lower = value;
      if (upper.is_null() || CompareLiterals(value, upper) > 0) upper = value;
    }
  }
  PartitionFieldSummary Finish(const Type& type) {
    if (!lower.is_null()) summary.lower_bound = EncodeBound(type, lower);
    if (!upper.is_null()) summary.upper_bound = EncodeBound(type, upper);
    return summary;
  }
};

}  // namespace

Result<std::string> EncodeManifest(const ManifestEncoding& encoding, const std::vector<ManifestEntry>& entries) {
  FIRN_TRY(Type partition, PartitionType(encoding.spec, encoding.schema));
  const AvroSchemaPtr schema = EntrySchema(WriteShape(encoding.format_version), partition);
  formats::AvroFileWriter writer(schema, {.metadata = ManifestHeader(encoding), .sync_marker = encoding.sync_marker});
  for (const ManifestEntry& entry : entries) {
    if (entry.status != EntryStatus::kAdded && encoding.format_version > 1 && !entry.sequence_number) {  // so its writer left it
      return Error(ErrorCode::kInvalidMetadata, fmt::format("{} is listed as a file that was there before, without the sequence number that it came with", entry.file.file_path));
    }
    FIRN_ASSERT(entry.file.partition.size() == partition.fields.size(), "{} partition values for {} fields",
                entry.file.partition.size(), partition.fields.size());
    FIRN_RETURN_IF_ERROR(writer.Append(EntryValue(entry, *schema, encoding.snapshot_id, partition)));
  }
  return writer.Finish();
}

Result<ManifestFile> SummarizeManifest(const ManifestEncoding& encoding, const std::vector<ManifestEntry>& entries) {
  FIRN_TRY(Type partition, PartitionType(encoding.spec, encoding.schema));
  ManifestFile manifest;
  manifest.partition_spec_id = encoding.spec.spec_id;
  manifest.content = encoding.content;
  manifest.sequence_number = kUnassignedSequenceNumber;
  manifest.min_sequence_number = kUnassignedSequenceNumber;
  manifest.added_snapshot_id = encoding.snapshot_id;
  manifest.added_files_count = manifest.existing_files_count = manifest.deleted_files_count = 0;
  manifest.added_rows_count = manifest.existing_rows_count = manifest.deleted_rows_count = 0;
  std::vector<SummaryFold> folds(partition.fields.size());
  int64_t min_sequence = kUnassignedSequenceNumber;
  for (const ManifestEntry& entry : entries) {
    const bool is_added = entry.status == EntryStatus::kAdded;
    const bool is_existing = entry.status == EntryStatus::kExisting;
    (is_added ? manifest.added_files_count : is_existing ? manifest.existing_files_count : manifest.deleted_files_count) += 1;
    (is_added ? manifest.added_rows_count : is_existing ? manifest.existing_rows_count : manifest.deleted_rows_count) += entry.file.record_count;
    for (size_t i = 0; i < folds.size(); ++i) folds[i].Add(entry.file.partition[i]);
    if (entry.status != EntryStatus::kDeleted && entry.sequence_number &&
        (min_sequence == kUnassignedSequenceNumber || *entry.sequence_number < min_sequence)) {
      min_sequence = *entry.sequence_number;
    }
  }
  // New files get the snapshot's number, which is higher than all that exist.
  manifest.min_sequence_number = min_sequence;
  FIRN_ASSERT(manifest.added_rows_count >= 0 && manifest.existing_rows_count >= 0 && manifest.deleted_rows_count >= 0, "{} added, {} existing and {} deleted rows",
              manifest.added_rows_count, manifest.existing_rows_count, manifest.deleted_rows_count);
  for (size_t i = 0; i < folds.size(); ++i) {
    const TypeId id = partition.fields[i].type.id;
    if (!folds[i].summary.contains_nan && (id == TypeId::kFloat || id == TypeId::kDouble)) folds[i].summary.contains_nan = false;
    manifest.partitions.push_back(folds[i].Finish(partition.fields[i].type));
  }
  return manifest;
}

Result<std::vector<ManifestEntry>> DecodeManifest(std::string_view bytes, const ManifestFile& manifest, const PartitionSpec& spec,
                                                  const Schema& schema) {
  FIRN_TRY(Type partition, PartitionType(spec, schema));
  FIRN_TRY(formats::AvroFileReader reader, formats::AvroFileReader::Open(bytes));
  const AvroSchemaPtr entry_schema = EntrySchema(Shape::kRead, partition);
  FIRN_RETURN_IF_ERROR(reader.ReadAs(entry_schema));
  std::vector<ManifestEntry> entries;
  int64_t next_row_id = manifest.first_row_id.value_or(0);
  while (true) {
    FIRN_TRY(std::optional<AvroValue> record, reader.Next());
    if (!record) return entries;
    if (record->if_items() == nullptr) return Error(ErrorCode::kInvalidMetadata, "a manifest's records are no manifest entries");
    FIRN_TRY(ManifestEntry entry, ToEntry(*record, *entry_schema, partition));
    FIRN_RETURN_IF_ERROR(CheckEntry(manifest, entry));
    FIRN_ASSERT(entry.file.partition.size() == spec.fields.size(), "{} partition values of {} fields", entry.file.partition.size(), spec.fields.size());
    Inherit(manifest, &next_row_id, &entry);
    entries.push_back(std::move(entry));
  }
}

Result<std::string> EncodeManifestList(const ManifestListEncoding& encoding, const std::vector<ManifestFile>& manifests) {
  const AvroSchemaPtr schema = ListSchema(WriteShape(encoding.format_version));
  std::map<std::string, std::string> header = {
      {"snapshot-id", std::to_string(encoding.snapshot_id)},
      {"parent-snapshot-id", encoding.parent_snapshot_id ? std::to_string(*encoding.parent_snapshot_id) : "null"},
      {"format-version", std::to_string(encoding.format_version)}};
  if (encoding.format_version > 1) header["sequence-number"] = std::to_string(encoding.sequence_number);
  formats::AvroFileWriter writer(schema, {.metadata = std::move(header), .sync_marker = encoding.sync_marker});
  for (ManifestFile manifest : manifests) {
    if (manifest.sequence_number == kUnassignedSequenceNumber) manifest.sequence_number = encoding.sequence_number;
    if (manifest.min_sequence_number == kUnassignedSequenceNumber) manifest.min_sequence_number = encoding.sequence_number;
    AvroValue::Items fields;
    for (const AvroField& field : schema->fields) fields.push_back(ListValue(manifest, field.field_id));
    FIRN_RETURN_IF_ERROR(writer.Append(AvroValue(std::move(fields))));
  }
  return writer.Finish();
}

Result<std::vector<ManifestFile>> DecodeManifestList(std::string_view bytes) {
  FIRN_TRY(formats::AvroFileReader reader, formats::AvroFileReader::Open(bytes));
  const AvroSchemaPtr schema = ListSchema(Shape::kRead);
  FIRN_RETURN_IF_ERROR(reader.ReadAs(schema));
  std::vector<ManifestFile> manifests;
  while (true) {
    FIRN_TRY(std::optional<AvroValue> record, reader.Next());
    if (!record) return manifests;
    if (record->if_items() == nullptr) return Error(ErrorCode::kInvalidMetadata, "a manifest list's records are no manifests");
    manifests.push_back(ToManifestFile(*record->if_items(), *schema));
  }
}

Status CheckManifestFile(const ManifestFile& manifest) {
  const auto wrong = [&](std::string what) { return Error(ErrorCode::kInvalidMetadata, fmt::format("{} {}", manifest.manifest_path, what)); };
  if (manifest.manifest_path.empty()) return Error(ErrorCode::kInvalidMetadata, "a manifest list names a manifest without a path");
  if (manifest.manifest_length < 0 || manifest.manifest_length > kNumberMax) return wrong(fmt::format("is said to have {} bytes", manifest.manifest_length));
  for (int64_t count : {manifest.added_files_count, manifest.existing_files_count, manifest.deleted_files_count, manifest.added_rows_count, manifest.existing_rows_count, manifest.deleted_rows_count}) {
    if (count < -1 || count > kSequenceNumberMax) return wrong(fmt::format("is said to list {} files or rows", count));
  }
  for (int64_t number : {manifest.sequence_number, manifest.min_sequence_number}) {
    if (number < 0 || number > kSequenceNumberMax) return wrong(fmt::format("has the sequence number {}", number));
  }
  if (manifest.first_row_id && (*manifest.first_row_id < 0 || *manifest.first_row_id > kSequenceNumberMax)) return wrong(fmt::format("begins with the row id {}", *manifest.first_row_id));
  return Ok();
}

}  // namespace firn::iceberg
