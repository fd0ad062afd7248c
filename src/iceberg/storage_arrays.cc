// SPDX-License-Identifier: Apache-2.0
#include "iceberg/storage_arrays.h"

#include <arrow/array.h>
#include <arrow/array/concatenate.h>
#include <arrow/array/util.h>
#include <arrow/compute/cast.h>
#include <arrow/datum.h>
#include <arrow/extension/uuid.h>
#include <arrow/scalar.h>
#include <arrow/type.h>
#include <arrow/util/decimal.h>
#include <arrow/util/key_value_metadata.h>
#include <fmt/format.h>

#include "base/assert.h"
#include "formats/iso_time.h"
#include "iceberg/sql_types.h"
#include "types/arrow_result.h"

namespace firn::iceberg {

using types::ArrayPtr;

namespace {

std::shared_ptr<arrow::Field> StorageField(const NestedField& field) {
  return arrow::field(field.name, StorageType(field.type), !field.required,
                      arrow::key_value_metadata({kFieldIdKey}, {std::to_string(field.id)}));
}

// Nested arrays are rebuilt from their buffers, which is simple only without an offset.
Result<ArrayPtr> WithoutOffset(const ArrayPtr& array) {
  if (array->offset() == 0) return array;
  return types::FromArrowResult(arrow::Concatenate({array}));
}

Result<ArrayPtr> Store(const ArrayPtr& column, const NestedField& field);

Error NullIn(const NestedField& field) {
  return Error(ErrorCode::kNotNullViolation, fmt::format("NULL in the column `{}`, which is NOT NULL", field.name)).Hint("Filter such rows out, or declare the column nullable.");
}

// Of a part that is NOT NULL: what lacks lacks with its row, or no list holds it. Parquet's writer takes no mark of it.
ArrayPtr WithoutMarks(const ArrayPtr& array) {
  if (array->null_count() == 0) return array;
  std::shared_ptr<arrow::ArrayData> data = array->data()->Copy();
  data->buffers[0] = nullptr;
  data->null_count = 0;
  return arrow::MakeArray(data);
}

// Parts of a row that is NULL are NULL, also those that are NOT NULL where there is a row.
Result<ArrayPtr> StoreStruct(const ArrayPtr& column, const NestedField& field, const std::shared_ptr<arrow::DataType>& type) {
  const auto& array = static_cast<const arrow::StructArray&>(*column);
  arrow::ArrayVector parts = array.fields();
  if (array.null_count() > 0) {
    FIRN_TRY(parts, types::FromArrowResult(array.Flatten()));
  }
  arrow::ArrayVector children;
  for (size_t i = 0; i < field.type.fields.size(); ++i) {
    const NestedField& child = field.type.fields[i];
    if (child.required && parts[i]->null_count() > array.null_count()) return NullIn(child);
    FIRN_TRY(ArrayPtr stored, Store(parts[i], child));
    children.push_back(child.required ? WithoutMarks(stored) : std::move(stored));
  }
  return ArrayPtr(std::make_shared<arrow::StructArray>(type, array.length(), std::move(children), array.null_bitmap(), array.null_count()));
}

Result<ArrayPtr> StoreList(const ArrayPtr& column, const NestedField& field, const std::shared_ptr<arrow::DataType>& type) {
  const auto& array = static_cast<const arrow::ListArray&>(*column);
  if (field.type.fields[0].required && array.values()->null_count() > 0) {  // not of those that no list holds
    FIRN_TRY(ArrayPtr held, types::FromArrowResult(array.Flatten()));
    if (held->null_count() > 0) return NullIn(field.type.fields[0]);
  }
  FIRN_TRY(ArrayPtr values, Store(array.values(), field.type.fields[0]));
  if (field.type.fields[0].required) values = WithoutMarks(values);
  return ArrayPtr(std::make_shared<arrow::ListArray>(type, array.length(), array.value_offsets(), std::move(values), array.null_bitmap(),
                                                     array.null_count()));
}

Result<ArrayPtr> StoreMap(const ArrayPtr& column, const NestedField& field, const std::shared_ptr<arrow::DataType>& type) {
  const auto& array = static_cast<const arrow::MapArray&>(*column);
  if (field.type.fields[1].required && array.items()->null_count() > 0) {
    FIRN_TRY(ArrayPtr held, types::FromArrowResult(array.Flatten()));
    if (static_cast<const arrow::StructArray&>(*held).field(1)->null_count() > 0) return NullIn(field.type.fields[1]);
  }
  FIRN_TRY(ArrayPtr keys, Store(array.keys(), field.type.fields[0]));
  FIRN_TRY(ArrayPtr items, Store(array.items(), field.type.fields[1]));
  if (field.type.fields[1].required) items = WithoutMarks(items);
  return ArrayPtr(std::make_shared<arrow::MapArray>(type, array.length(), array.value_offsets(), std::move(keys), std::move(items),
                                                    array.null_bitmap(), array.null_count()));
}

Result<ArrayPtr> StorePrimitive(const ArrayPtr& column, const NestedField& field, const std::shared_ptr<arrow::DataType>& type) {
  const bool is_uuid = field.type.id == TypeId::kUuid;
  const std::shared_ptr<arrow::DataType> plain = is_uuid ? arrow::fixed_size_binary(16) : type;
  ArrayPtr result = column;
  if (!column->type()->Equals(*plain)) {
    Result<arrow::Datum> cast = types::FromArrowResult(arrow::compute::Cast(column, arrow::compute::CastOptions::Safe(plain)));
    if (!cast.ok()) {
      return Error(ErrorCode::kInvalidArgument, fmt::format("a value does not fit the column `{}` of type {}: {}", field.name,
                                                            field.type.ToString(), cast.error().message()));
    }
    result = cast->make_array();
  }
  return is_uuid ? arrow::ExtensionType::WrapArray(type, result) : result;
}

// NULLs that must not be have been looked for.
Result<ArrayPtr> Store(const ArrayPtr& column, const NestedField& field) {
  const std::shared_ptr<arrow::DataType> type = StorageType(field.type);
  if (field.type.IsPrimitive()) return StorePrimitive(column, field, type);
  FIRN_TRY(ArrayPtr plain, WithoutOffset(column));
  switch (field.type.id) {
    case TypeId::kStruct:
      if (plain->type_id() != arrow::Type::STRUCT || plain->type()->num_fields() != static_cast<int>(field.type.fields.size())) break;
      return StoreStruct(plain, field, type);
    case TypeId::kList:
      if (plain->type_id() != arrow::Type::LIST) break;
      return StoreList(plain, field, type);
    default:
      if (plain->type_id() != arrow::Type::MAP) break;
      return StoreMap(plain, field, type);
  }
  return Error(ErrorCode::kSchemaMismatch, fmt::format("the column `{}` is {} where the table has {}", field.name, plain->type()->ToString(),
                                                       field.type.ToString()));
}

std::string BytesAt(const arrow::Array& array, int64_t row) {
  if (array.type_id() == arrow::Type::FIXED_SIZE_BINARY) return std::string(static_cast<const arrow::FixedSizeBinaryArray&>(array).GetView(row));
  if (array.type_id() == arrow::Type::STRING) return std::string(static_cast<const arrow::StringArray&>(array).GetView(row));
  return std::string(static_cast<const arrow::BinaryArray&>(array).GetView(row));
}

// What stands in the array's buffer. Dates and timestamps are numbers there, but their arrays are no Int32Array or Int64Array: a cast to one is undefined behaviour.
template <typename Number>
Number NumberAt(const arrow::Array& array, int64_t row) {
  return array.data()->GetValues<Number>(1)[row];
}

int64_t TimeAt(const arrow::Array& array, int64_t row) {
  if (array.type_id() == arrow::Type::TIME32) return int64_t{static_cast<const arrow::Time32Array&>(array).Value(row)} * 1000;
  return NumberAt<int64_t>(array, row);
}

Int128 DecimalAt(const arrow::Array& array, int64_t row) {
  const arrow::Decimal128 value(static_cast<const arrow::Decimal128Array&>(array).GetValue(row));
  return static_cast<Int128>((static_cast<unsigned __int128>(static_cast<uint64_t>(value.high_bits())) << 64) | value.low_bits());
}

// The form that LiteralAt reads: SQL's own arrays are int8 or int16 for small integers.
int32_t IntAt(const arrow::Array& array, int64_t row) {
  if (array.type_id() == arrow::Type::INT8) return static_cast<const arrow::Int8Array&>(array).Value(row);
  if (array.type_id() == arrow::Type::INT16) return static_cast<const arrow::Int16Array&>(array).Value(row);
  return NumberAt<int32_t>(array, row);
}

arrow::Result<std::shared_ptr<arrow::Scalar>> ScalarOf(const std::shared_ptr<arrow::DataType>& type, const Literal& value) {
  return std::visit(
      [&](const auto& content) -> arrow::Result<std::shared_ptr<arrow::Scalar>> {
        using T = std::decay_t<decltype(content)>;
        if constexpr (std::is_same_v<T, std::monostate>) {
          return arrow::MakeNullScalar(type);
        } else if constexpr (std::is_same_v<T, std::string>) {
          return arrow::MakeScalar(type, arrow::Buffer::FromString(content));
        } else if constexpr (std::is_same_v<T, Int128>) {
          return arrow::MakeScalar(type, arrow::Decimal128(static_cast<int64_t>(content >> 64), static_cast<uint64_t>(content)));
        } else {
          if (type->id() == arrow::Type::TIME32) return arrow::MakeScalar(type, static_cast<int32_t>(static_cast<int64_t>(content) / 1000));
          return arrow::MakeScalar(type, content);
        }
      },
      value.content);
}

}  // namespace

std::shared_ptr<arrow::DataType> StorageType(const Type& type) {
  switch (type.id) {
    case TypeId::kBoolean: return arrow::boolean();
    case TypeId::kInt: return arrow::int32();
    case TypeId::kLong: return arrow::int64();
    case TypeId::kFloat: return arrow::float32();
    case TypeId::kDouble: return arrow::float64();
    case TypeId::kDecimal: return arrow::decimal128(type.precision, type.scale);
    case TypeId::kDate: return arrow::date32();
    case TypeId::kTime: return arrow::time64(arrow::TimeUnit::MICRO);
    case TypeId::kTimestamp: return arrow::timestamp(arrow::TimeUnit::MICRO);
    case TypeId::kTimestampTz: return arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
    case TypeId::kTimestampNs: return arrow::timestamp(arrow::TimeUnit::NANO);
    case TypeId::kTimestampTzNs: return arrow::timestamp(arrow::TimeUnit::NANO, "UTC");
    case TypeId::kString: return arrow::utf8();
    case TypeId::kUuid: return arrow::extension::uuid();
    case TypeId::kFixed: return arrow::fixed_size_binary(static_cast<int32_t>(type.length));
    case TypeId::kBinary: return arrow::binary();
    case TypeId::kStruct: {
      arrow::FieldVector fields;
      for (const NestedField& field : type.fields) fields.push_back(StorageField(field));
      return arrow::struct_(std::move(fields));
    }
    case TypeId::kList: return arrow::list(StorageField(type.fields[0]));
    case TypeId::kMap: return std::make_shared<arrow::MapType>(StorageField(type.fields[0]), StorageField(type.fields[1]));
    default: return arrow::null();
  }
}

std::shared_ptr<arrow::Schema> StorageSchema(const std::vector<NestedField>& fields) {
  arrow::FieldVector result;
  for (const NestedField& field : fields) result.push_back(StorageField(field));
  return arrow::schema(std::move(result));
}

Result<ArrayPtr> ToStorage(const ArrayPtr& column, const NestedField& field) {
  if (field.required && column->null_count() > 0) return NullIn(field);
  FIRN_TRY(ArrayPtr stored, Store(column, field));
  FIRN_ASSERT(stored->length() == column->length(), "{} values of `{}` are stored as {}", column->length(), field.name, stored->length());
  return stored;
}

Literal LiteralAt(const arrow::Array& array, int64_t row, const Type& type) {
  if (array.IsNull(row)) return Literal();
  if (array.type_id() == arrow::Type::EXTENSION) return LiteralAt(*static_cast<const arrow::ExtensionArray&>(array).storage(), row, type);
  switch (type.id) {
    case TypeId::kBoolean: return Literal(static_cast<const arrow::BooleanArray&>(array).Value(row));
    case TypeId::kInt:
    case TypeId::kDate: return Literal(IntAt(array, row));
    case TypeId::kTime: return Literal(TimeAt(array, row));
    case TypeId::kLong:
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz:
    case TypeId::kTimestampNs:
    case TypeId::kTimestampTzNs: return Literal(NumberAt<int64_t>(array, row));
    case TypeId::kFloat: return Literal(static_cast<const arrow::FloatArray&>(array).Value(row));
    case TypeId::kDouble: return Literal(static_cast<const arrow::DoubleArray&>(array).Value(row));
    case TypeId::kDecimal: return Literal(DecimalAt(array, row));
    case TypeId::kString:
    case TypeId::kUuid:
    case TypeId::kFixed:
    case TypeId::kBinary: return Literal(BytesAt(array, row));
    default: return Literal();
  }
}

Error FinerThanSqlsTime(int64_t nanos) {
  std::string text;
  formats::AppendIsoTime(&text, nanos);
  return Error(ErrorCode::kNotSupported, fmt::format("the time {} is finer than the milliseconds of SQL's TIME", text)).Hint("Name the other columns in the query.");
}

Result<ArrayPtr> ConstantArray(const Type& type, const Literal& value, int64_t count) {
  FIRN_TRY(types::DataType sql, SqlTypeOf(type));
  const std::shared_ptr<arrow::DataType> arrow_type = sql.ToArrow();
  if (value.is_null()) return types::FromArrowResult(arrow::MakeArrayOfNull(arrow_type, count));
  if (const int64_t* micros = value.get_if<int64_t>(); micros != nullptr && type.id == TypeId::kTime && *micros % 1000 != 0) return FinerThanSqlsTime(*micros * 1000);
  FIRN_TRY(std::shared_ptr<arrow::Scalar> scalar, types::FromArrowResult(ScalarOf(arrow_type, value)));
  return types::FromArrowResult(arrow::MakeArrayFromScalar(*scalar, count));
}

}  // namespace firn::iceberg
