// SPDX-License-Identifier: Apache-2.0
// Grouping: each partition field's values become small codes (Arrow's dictionary encoding), codes of several fields are combined into one and made
// dense again after each field, so the number of groups never exceeds the number of rows.
#include "iceberg/transform_column.h"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/compute/api_vector.h>
#include <arrow/datum.h>
#include <fmt/format.h>

#include <unordered_map>

#include "iceberg/storage_arrays.h"
#include "types/arrow_result.h"

namespace firn::iceberg {

using types::ArrayPtr;

namespace {

// Builder of `Builder`'s type with function(row) for every valid row.
template <typename Builder, typename Function>
Result<ArrayPtr> MapRows(const arrow::Array& array, Builder& builder, Function function) {
  FIRN_RETURN_IF_ERROR(types::FromArrowStatus(builder.Reserve(array.length())));
  for (int64_t row = 0; row < array.length(); ++row) {
    if (array.IsNull(row)) builder.UnsafeAppendNull();
    else builder.UnsafeAppend(function(row));
  }
  ArrayPtr result;
  FIRN_RETURN_IF_ERROR(types::FromArrowStatus(builder.Finish(&result)));
  return result;
}

Result<ArrayPtr> ByLiteral(const Transform& transform, const Type& source, const arrow::Array& array) {
  const auto apply = [&](int64_t row) { return *ApplyTransform(transform, source, LiteralAt(array, row, source)).template get_if<int32_t>(); };
  if (transform.kind == TransformKind::kDay) {
    arrow::Date32Builder builder;
    return MapRows(array, builder, apply);
  }
  arrow::Int32Builder builder;
  return MapRows(array, builder, apply);
}

// Bytes are hashed where they lie: the common bucket columns pay no allocation.
Result<ArrayPtr> BucketBytes(int32_t count, const arrow::Array& array) {
  arrow::Int32Builder builder;
  auto bucket = [&](std::string_view bytes) { return (Murmur3(bytes) & 0x7fffffff) % count; };
  if (array.type_id() == arrow::Type::FIXED_SIZE_BINARY) {
    const auto& bytes = static_cast<const arrow::FixedSizeBinaryArray&>(array);
    return MapRows(array, builder, [&](int64_t row) { return bucket(bytes.GetView(row)); });
  }
  const auto& bytes = static_cast<const arrow::BinaryArray&>(array);
  return MapRows(array, builder, [&](int64_t row) { return bucket(bytes.GetView(row)); });
}

template <typename BytesBuilder>
Result<ArrayPtr> TruncateBytes(const Transform& transform, const Type& source, const arrow::BinaryArray& array) {
  BytesBuilder builder;
  FIRN_RETURN_IF_ERROR(types::FromArrowStatus(builder.Reserve(array.length())));
  FIRN_RETURN_IF_ERROR(types::FromArrowStatus(builder.ReserveData(array.total_values_length())));
  for (int64_t row = 0; row < array.length(); ++row) {
    if (array.IsNull(row)) {
      builder.UnsafeAppendNull();
      continue;
    }
    const std::string_view value = array.GetView(row);
    builder.UnsafeAppend(source.id == TypeId::kString ? TruncateText(value, transform.parameter)
                                                      : value.substr(0, static_cast<size_t>(transform.parameter)));
  }
  ArrayPtr result;
  FIRN_RETURN_IF_ERROR(types::FromArrowStatus(builder.Finish(&result)));
  return result;
}

Result<ArrayPtr> TruncateColumn(const Transform& transform, const Type& source, const arrow::Array& array) {
  switch (source.id) {
    case TypeId::kString: return TruncateBytes<arrow::StringBuilder>(transform, source, static_cast<const arrow::BinaryArray&>(array));
    case TypeId::kBinary: return TruncateBytes<arrow::BinaryBuilder>(transform, source, static_cast<const arrow::BinaryArray&>(array));
    case TypeId::kInt: {
      arrow::Int32Builder builder;
      return MapRows(array, builder, [&](int64_t row) {
        return static_cast<int32_t>(TruncateInteger(static_cast<const arrow::Int32Array&>(array).Value(row), transform.parameter));
      });
    }
    case TypeId::kLong: {
      arrow::Int64Builder builder;
      return MapRows(array, builder,
                     [&](int64_t row) { return TruncateInteger(static_cast<const arrow::Int64Array&>(array).Value(row), transform.parameter); });
    }
    default: {
      arrow::Decimal128Builder builder(StorageType(source));
      return MapRows(array, builder, [&](int64_t row) {
        const Literal cut = ApplyTransform(transform, source, LiteralAt(array, row, source));
        const Int128 value = *cut.get_if<Int128>();
        return arrow::Decimal128(static_cast<int64_t>(value >> 64), static_cast<uint64_t>(value));
      });
    }
  }
}

// The column that a partition field is made of: top-level, or found down the structs.
Result<ArrayPtr> SourceColumn(const std::vector<NestedField>& fields, const std::vector<ArrayPtr>& columns, int32_t id) {
  for (size_t i = 0; i < fields.size(); ++i) {
    if (fields[i].id == id) return columns[i];
    if (fields[i].type.id != TypeId::kStruct) continue;
    FIRN_TRY(arrow::ArrayVector children, types::FromArrowResult(static_cast<const arrow::StructArray&>(*columns[i]).Flatten()));
    FIRN_TRY(ArrayPtr found, SourceColumn(fields[i].type.fields, children, id));
    if (found != nullptr) return found;
  }
  return ArrayPtr();
}

// Folds one column into the rows' group codes.
class GroupCodes {
 public:
  explicit GroupCodes(int64_t rows) : codes_(static_cast<size_t>(rows), 0) {}

  Status Add(const ArrayPtr& column) {
    FIRN_TRY(arrow::Datum encoded, types::FromArrowResult(arrow::compute::DictionaryEncode(column)));
    const ArrayPtr dictionary_array = encoded.make_array();
    const auto& values = static_cast<const arrow::DictionaryArray&>(*dictionary_array);
    const int64_t null_code = values.dictionary()->length();
    const uint64_t width = static_cast<uint64_t>(null_code) + 1;
    if (null_code + (values.null_count() > 0 ? 1 : 0) <= 1) return Ok();
    const auto& indices = static_cast<const arrow::Int32Array&>(*values.indices());
    std::unordered_map<uint64_t, uint32_t> dense;
    for (size_t row = 0; row < codes_.size(); ++row) {
      const auto at = static_cast<int64_t>(row);
      const auto value = static_cast<uint64_t>(indices.IsNull(at) ? null_code : indices.Value(at));
      codes_[row] = dense.try_emplace(codes_[row] * width + value, static_cast<uint32_t>(dense.size())).first->second;
    }
    count_ = dense.size();
    return Ok();
  }

  size_t count() const { return count_; }
  const std::vector<uint32_t>& codes() const { return codes_; }

 private:
  std::vector<uint32_t> codes_;
  size_t count_ = 1;
};

}  // namespace

Result<ArrayPtr> TransformColumn(const Transform& transform, const Type& source, const ArrayPtr& column) {
  const ArrayPtr plain = column->type_id() == arrow::Type::EXTENSION ? static_cast<const arrow::ExtensionArray&>(*column).storage() : column;
  const bool is_bytes = source.id >= TypeId::kString && source.id <= TypeId::kBinary;
  switch (transform.kind) {
    case TransformKind::kIdentity: return plain;
    case TransformKind::kVoid: return ArrayPtr();
    case TransformKind::kTruncate: return TruncateColumn(transform, source, *plain);
    case TransformKind::kBucket:
      if (is_bytes) return BucketBytes(transform.parameter, *plain);
      return ByLiteral(transform, source, *plain);
    case TransformKind::kUnknown:
      return Error(ErrorCode::kNotSupported, fmt::format("writing to a table partitioned by the unknown transform `{}`", transform.text));
    default: return ByLiteral(transform, source, *plain);
  }
}

Result<std::vector<PartitionGroup>> GroupByPartition(const PartitionSpec& spec, const Schema& schema, const std::vector<ArrayPtr>& columns,
                                                     int64_t row_count) {
  std::vector<ArrayPtr> values;
  std::vector<Type> value_types;
  GroupCodes codes(row_count);
  for (const PartitionField& field : spec.fields) {
    const NestedField* source = schema.FindById(field.source_id());
    FIRN_TRY(ArrayPtr column, source == nullptr ? Result<ArrayPtr>(ArrayPtr()) : SourceColumn(schema.fields, columns, source->id));
    if (column == nullptr && field.transform.kind != TransformKind::kVoid) {
      return Error(ErrorCode::kInvalidMetadata, fmt::format("the partition field `{}` has no column {} to be made of", field.name, field.source_id()));
    }
    FIRN_TRY(ArrayPtr transformed, column == nullptr ? Result<ArrayPtr>(ArrayPtr()) : TransformColumn(field.transform, source->type, column));
    FIRN_TRY(Type type, source == nullptr ? Result<Type>(Type()) : TransformResultType(field.transform, source->type));
    FIRN_ASSERT(transformed == nullptr || transformed->length() == row_count, "{} values of `{}` in {} rows", transformed->length(), field.name, row_count);
    if (transformed != nullptr) FIRN_RETURN_IF_ERROR(codes.Add(transformed));
    values.push_back(std::move(transformed));
    value_types.push_back(std::move(type));
  }
  std::vector<PartitionGroup> groups(codes.count());
  std::vector<int64_t> first_rows(codes.count(), 0);
  if (codes.count() > 1) {
    for (int64_t row = 0; row < row_count; ++row) groups[codes.codes()[static_cast<size_t>(row)]].rows.push_back(row);
    for (size_t g = 0; g < groups.size(); ++g) {
      FIRN_ASSERT(!groups[g].rows.empty(), "partition {} of {} has no row", g, groups.size());
      first_rows[g] = groups[g].rows[0];
    }
  }
  for (size_t g = 0; g < groups.size(); ++g) {
    for (size_t i = 0; i < values.size(); ++i) {
      groups[g].values.push_back(values[i] == nullptr ? Literal() : LiteralAt(*values[i], first_rows[g], value_types[i]));
    }
  }
  return groups;
}

}  // namespace firn::iceberg
