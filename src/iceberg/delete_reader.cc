// SPDX-License-Identifier: Apache-2.0
#include "iceberg/delete_reader.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type_traits.h>
#include <arrow/util/decimal.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/varint.h"
#include "formats/parquet_reader.h"
#include "iceberg/object_sink_internal.h"
#include "iceberg/projection.h"

namespace firn::iceberg {

using types::ArrayPtr;

namespace {

constexpr int64_t kReadRows = 1 << 16;
constexpr int64_t kMaxVectorBytes = 1 << 30;

std::vector<int> AllRowGroups(const formats::ParquetReader& reader) {
  std::vector<int> groups(reader.row_groups().size());
  std::iota(groups.begin(), groups.end(), 0);
  return groups;
}

// Calls `visit` with the wanted columns of each batch of a Parquet file.
template <typename Visit>
Status ReadColumns(objectstore::ObjectStore& store, const DataFile& file, const std::vector<NestedField>& fields, Visit visit) {
  if (file.file_format != "PARQUET") {
    return Error(ErrorCode::kNotSupported, fmt::format("the delete file {} is of format {}", file.file_path, file.file_format)).Hint("Parquet is read.");
  }
  FIRN_TRY(std::unique_ptr<objectstore::ObjectReader> object, store.Open(file.file_path));
  FIRN_TRY(std::unique_ptr<formats::ParquetReader> reader, formats::ParquetReader::Open(std::make_shared<ObjectSource>(std::move(object))));
  Schema schema;
  schema.fields = fields;
  FIRN_TRY(FileProjection projection, FileProjection::Make(*reader->schema(), fields, {}, NameMappingOf(schema)));
  FIRN_TRY(std::unique_ptr<formats::ParquetRows> rows, reader->Read(AllRowGroups(*reader), projection.leaves(), kReadRows));
  while (true) {
    FIRN_TRY(std::shared_ptr<arrow::RecordBatch> batch, rows->Next());
    if (batch == nullptr) return Ok();
    FIRN_TRY(std::vector<ArrayPtr> columns, projection.Convert(*batch));
    FIRN_RETURN_IF_ERROR(visit(columns, batch->num_rows()));
  }
}

// One byte for NULL or not, and behind it what `append` (void(row, key)) makes of a value.
template <typename Append>
void AppendValues(const arrow::Array& array, std::vector<std::string>* keys, Append append) {
  for (int64_t row = 0; row < array.length(); ++row) {
    std::string& key = (*keys)[static_cast<size_t>(row)];
    key.push_back(array.IsNull(row) ? '\0' : '\1');
    if (!array.IsNull(row)) append(row, &key);
  }
}

template <typename ArrayType>
void AppendNumbers(const arrow::Array& array, std::vector<std::string>* keys) {
  const auto& numbers = static_cast<const ArrayType&>(array);
  AppendValues(array, keys, [&](int64_t row, std::string* key) {
    // As wide as a column of the kind can become: a snapshot's INT meets delete files that are read as today's BIGINT.
    using Wide = std::conditional_t<std::is_floating_point_v<decltype(numbers.Value(row))>, double, int64_t>;
    Wide value = static_cast<Wide>(numbers.Value(row));
    if constexpr (std::is_floating_point_v<Wide>) {
      if (std::isnan(value)) value = std::numeric_limits<Wide>::quiet_NaN();  // 0.0 and -0.0 are two keys, as in Iceberg's order of doubles
    }
    key->append(reinterpret_cast<const char*>(&value), sizeof(value));
  });
}

template <typename ArrayType>
void AppendBytes(const arrow::Array& array, std::vector<std::string>* keys) {
  const auto& bytes = static_cast<const ArrayType&>(array);
  AppendValues(array, keys, [&](int64_t row, std::string* key) {
    base::AppendUnsignedVarint(key, bytes.GetView(row).size());
    key->append(bytes.GetView(row));
  });
}

}  // namespace

std::vector<std::string> EncodeRowKeys(const std::vector<ArrayPtr>& columns, int64_t row_count) {
  std::vector<std::string> keys(static_cast<size_t>(row_count));
  for (const ArrayPtr& column : columns) {
    FIRN_ASSERT(column->length() == row_count, "{} values of {} rows in a key", column->length(), row_count);
    switch (column->type_id()) {
      case arrow::Type::BOOL: AppendNumbers<arrow::BooleanArray>(*column, &keys); break;
      case arrow::Type::INT32: AppendNumbers<arrow::Int32Array>(*column, &keys); break;
      case arrow::Type::DATE32: AppendNumbers<arrow::Date32Array>(*column, &keys); break;
      case arrow::Type::TIME32: AppendNumbers<arrow::Time32Array>(*column, &keys); break;
      case arrow::Type::INT64: AppendNumbers<arrow::Int64Array>(*column, &keys); break;
      case arrow::Type::TIMESTAMP: AppendNumbers<arrow::TimestampArray>(*column, &keys); break;
      case arrow::Type::FLOAT: AppendNumbers<arrow::FloatArray>(*column, &keys); break;
      case arrow::Type::DOUBLE: AppendNumbers<arrow::DoubleArray>(*column, &keys); break;
      case arrow::Type::DECIMAL128: AppendBytes<arrow::FixedSizeBinaryArray>(*column, &keys); break;
      case arrow::Type::STRING:
      case arrow::Type::BINARY: AppendBytes<arrow::BinaryArray>(*column, &keys); break;
      default: FIRN_UNREACHABLE("equality column of type {}", column->type()->ToString());
    }
  }
  return keys;
}

Result<PositionSet> DeleteReader::ReadVector(const DeleteFile& deletes) {
  const int64_t offset = *deletes.file.content_offset;
  const int64_t size = deletes.file.content_size_in_bytes.value_or(0);
  if (offset < 0 || size <= 0 || size > kMaxVectorBytes) {
    return Error(ErrorCode::kInvalidMetadata, fmt::format("the deletion vector in {} is said to lie at {} with {} bytes", deletes.file.file_path, offset, size));
  }
  FIRN_TRY(std::string blob, store_.GetRange(deletes.file.file_path, static_cast<uint64_t>(offset), static_cast<size_t>(size)));
  Result<PositionSet> set = PositionSet::FromBlob(blob);
  if (!set.ok()) return std::move(set).error().Context("reading " + deletes.file.file_path);
  return set;
}

Status DeleteReader::ReadPositions(const DataFile& file, PositionsByPath* positions) {
  const std::vector<NestedField> fields = {{kDeleteFilePathId, "file_path", Type::Of(TypeId::kString), true},
                                           {kDeleteFilePositionId, "pos", Type::Of(TypeId::kLong), true}};
  return ReadColumns(store_, file, fields, [&](const std::vector<ArrayPtr>& columns, int64_t rows) -> Status {
    const auto& paths = static_cast<const arrow::StringArray&>(*columns[0]);
    const auto& numbers = static_cast<const arrow::Int64Array&>(*columns[1]);
    PositionSet* set = nullptr;
    std::string_view path;
    for (int64_t row = 0; row < rows; ++row) {
      if (paths.IsNull(row) || numbers.IsNull(row) || numbers.Value(row) < 0) return Error(ErrorCode::kCorruption, "a position delete without path or position");
      if (set == nullptr || paths.GetView(row) != path) {
        path = paths.GetView(row);
        set = &(*positions)[std::string(path)];
      }
      set->Add(numbers.Value(row));
    }
    return Ok();
  });
}

Result<PositionSet> DeleteReader::PositionsOf(const std::string& data_path, const std::vector<DeleteFilePtr>& deletes) {
  PositionSet result;
  for (const DeleteFilePtr& one : deletes) {
    if (one->file.content != FileContent::kPositionDeletes) continue;
    if (one->file.IsDeletionVector()) {
      FIRN_TRY(PositionSet vector, ReadVector(*one));
      result.AddAll(vector);
      continue;
    }
    FIRN_TRY(auto positions, positions_.Get(one->file, [&](PositionsByPath* read) { return ReadPositions(one->file, read); }));
    auto found = positions->find(data_path);
    if (found != positions->end()) result.AddAll(found->second);
  }
  return result;
}

Result<std::shared_ptr<const EqualityKeys>> DeleteReader::KeysOf(const DeleteFile& deletes) {
  return keys_.Get(deletes.file, [&](EqualityKeys* keys) { return ReadKeys(deletes.file, keys); });
}

Status DeleteReader::ReadKeys(const DataFile& file, EqualityKeys* keys) {
  if (file.equality_ids.empty()) return Error(ErrorCode::kInvalidMetadata, fmt::format("{} deletes by equality, and does not say of which columns", file.file_path));
  for (int32_t id : file.equality_ids) {
    // The column may have been dropped since.
    const Schema* schema = &metadata_.schema();
    for (auto at = metadata_.schemas.rbegin(); schema->FindById(id) == nullptr && at != metadata_.schemas.rend(); ++at) schema = &*at;
    const NestedField* field = schema->FindById(id);
    if (field == nullptr || !field->type.IsPrimitive() || field->type.id == TypeId::kUnknown) {
      return Error(ErrorCode::kInvalidMetadata, fmt::format("{} deletes by the column {}, which the table never had", file.file_path, id));
    }
    if (std::none_of(schema->fields.begin(), schema->fields.end(), [&](const NestedField& column) { return column.id == id; })) {
      return Error(ErrorCode::kNotSupported, fmt::format("{} deletes by `{}`, a part of a column", file.file_path, schema->NameOf(id))).Hint("Equality deletes by whole columns are read.");
    }
    keys->fields.push_back(*field);
    keys->fields.back().required = false;
  }
  std::vector<NestedField> stored = keys->fields;
  for (NestedField& field : stored) {  // NULL is a key; a file that lacks the column has none
    field.required = true;
    field.initial_default.clear();
  }
  return ReadColumns(store_, file, stored, [&](const std::vector<ArrayPtr>& columns, int64_t rows) -> Status {
    for (std::string& key : EncodeRowKeys(columns, rows)) keys->keys.insert(std::move(key));
    return Ok();
  });
}

}  // namespace firn::iceberg
