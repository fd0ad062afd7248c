// SPDX-License-Identifier: Apache-2.0
#include "exec/group_keys.h"

#include <arrow/array.h>
#include <arrow/builder.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "base/assert.h"
#include "base/hash.h"
#include "types/arrow_result.h"

namespace firn::exec {

namespace {

using types::ArrayPtr;
using types::DataType;
using types::TypeKind;

KeyShape ShapeOf(const std::vector<DataType>& types) {
  if (types.empty()) return KeyShape::kNone;
  if (types.size() > 1) return KeyShape::kBytes;
  const int width = FixedWidth(types[0]);
  return (width > 0 && width <= 8) || types[0].kind() == TypeKind::kBoolean ? KeyShape::kFixed : KeyShape::kBytes;
}

bool IsSingleText(const std::vector<DataType>& types) { return types.size() == 1 && (types[0].IsCharacter() || types[0].IsBytes()); }

template <typename Value>
void LoadFixed(const arrow::Array& array, int64_t row_count, uint64_t* out) {
  const Value* values = array.data()->GetValues<Value>(1);
  for (int64_t row = 0; row < row_count; ++row) {
    if constexpr (std::is_floating_point_v<Value>) {
      const Value value = std::isnan(values[row]) ? std::numeric_limits<Value>::quiet_NaN() : values[row];
      out[row] = 0;
      std::memcpy(&out[row], &value, sizeof(value));
    } else {
      out[row] = static_cast<uint64_t>(static_cast<int64_t>(values[row]));
    }
  }
}

void LoadFixedColumn(const arrow::Array& array, const DataType& type, int64_t row_count, uint64_t* out) {
  if (type.kind() == TypeKind::kBoolean) {
    for (int64_t row = 0; row < row_count; ++row) out[row] = static_cast<const arrow::BooleanArray&>(array).Value(row) ? 1 : 0;
    return;
  }
  if (type.kind() == TypeKind::kFloat) return LoadFixed<float>(array, row_count, out);
  if (type.kind() == TypeKind::kDouble) return LoadFixed<double>(array, row_count, out);
  switch (FixedWidth(type)) {
    case 1: return LoadFixed<int8_t>(array, row_count, out);
    case 2: return LoadFixed<int16_t>(array, row_count, out);
    case 4: return LoadFixed<int32_t>(array, row_count, out);
    case 8: return LoadFixed<int64_t>(array, row_count, out);
    default: FIRN_UNREACHABLE("width of {}", type.ToString());
  }
}

void MarkNulls(const arrow::Array& array, int64_t row_count, std::vector<uint8_t>* nulls) {
  nulls->clear();
  if (array.null_count() == 0) return;
  nulls->resize(static_cast<size_t>(row_count));
  for (int64_t row = 0; row < row_count; ++row) (*nulls)[row] = array.IsNull(row) ? 1 : 0;
}

template <typename Stored>
Result<ArrayPtr> MakeFixedKeys(const DataType& type, std::span<const uint64_t> keys, std::span<const uint8_t> nulls) {
  // Low bytes first: the stored 64 bits begin with the value itself.
  arrow::TypedBufferBuilder<Stored> values;
  FIRN_RETURN_IF_ERROR(types::FromArrowStatus(values.Reserve(static_cast<int64_t>(keys.size()))));
  arrow::TypedBufferBuilder<bool> validity;
  FIRN_RETURN_IF_ERROR(types::FromArrowStatus(validity.Reserve(static_cast<int64_t>(keys.size()))));
  for (size_t i = 0; i < keys.size(); ++i) {
    values.UnsafeAppend(static_cast<Stored>(keys[i]));
    validity.UnsafeAppend(nulls.empty() || nulls[i] == 0);
  }
  const int64_t null_count = validity.false_count();
  FIRN_TRY(auto bits, types::FromArrowResult(validity.Finish()));
  FIRN_TRY(auto bytes, types::FromArrowResult(values.Finish()));
  return arrow::MakeArray(arrow::ArrayData::Make(type.ToArrow(), static_cast<int64_t>(keys.size()),
                                                 {null_count > 0 ? bits : nullptr, bytes}, null_count));
}

}  // namespace

KeyEncoder::KeyEncoder(std::vector<DataType> types) : codec_(std::move(types)), shape_(ShapeOf(codec_.types())) {}

void KeyEncoder::Encode(std::span<const ArrayPtr> columns, int64_t row_count, BatchKeys* keys) const {
  FIRN_ASSERT(columns.size() == types().size(), "{} columns for {} key types", columns.size(), types().size());
  for (const ArrayPtr& column : columns) FIRN_ASSERT(column->length() == row_count, "a key column has {} rows of {}", column->length(), row_count);
  const auto count = static_cast<size_t>(row_count);
  keys->shape = shape_;
  keys->count = row_count;
  keys->hashes.resize(count);
  keys->single_nulls.clear();
  if (shape_ == KeyShape::kNone) {
    std::fill(keys->hashes.begin(), keys->hashes.end(), 0);
    return;
  }
  if (shape_ == KeyShape::kFixed) {
    keys->fixed.resize(count);
    LoadFixedColumn(*columns[0], types()[0], row_count, keys->fixed.data());
    for (size_t row = 0; row < count; ++row) keys->hashes[row] = base::HashInteger(keys->fixed[row]);
    MarkNulls(*columns[0], row_count, &keys->single_nulls);
  } else {
    keys->bytes.resize(count);
    if (IsSingleText(types())) {
      const auto& text = static_cast<const arrow::BinaryArray&>(*columns[0]);
      for (size_t row = 0; row < count; ++row) keys->bytes[row] = text.GetView(static_cast<int64_t>(row));
      MarkNulls(text, row_count, &keys->single_nulls);
    } else {
      codec_.Encode(columns, row_count, &keys->rows);
      for (size_t row = 0; row < count; ++row) keys->bytes[row] = keys->rows[static_cast<int64_t>(row)];
    }
    for (size_t row = 0; row < count; ++row) keys->hashes[row] = base::HashBytes(keys->bytes[row]);
  }
  for (size_t row = 0; row < keys->single_nulls.size(); ++row) {
    if (keys->single_nulls[row]) keys->hashes[row] = kNullKeyHash;
  }
}

Result<std::vector<ArrayPtr>> KeyEncoder::DecodeFixed(std::span<const uint64_t> keys, std::span<const uint8_t> nulls) const {
  FIRN_ASSERT(shape_ == KeyShape::kFixed, "keys are no integers");
  const DataType& type = types()[0];
  if (type.kind() == TypeKind::kBoolean) {
    arrow::BooleanBuilder builder;
    for (size_t i = 0; i < keys.size(); ++i) {
      const bool is_null = !nulls.empty() && nulls[i] != 0;
      FIRN_RETURN_IF_ERROR(types::FromArrowStatus(is_null ? builder.AppendNull() : builder.Append(keys[i] != 0)));
    }
    FIRN_TRY(ArrayPtr array, types::FromArrowResult(builder.Finish()));
    return std::vector<ArrayPtr>{std::move(array)};
  }
  ArrayPtr array;
  switch (FixedWidth(type)) {
    case 1: { FIRN_TRY(array, MakeFixedKeys<uint8_t>(type, keys, nulls)); break; }
    case 2: { FIRN_TRY(array, MakeFixedKeys<uint16_t>(type, keys, nulls)); break; }
    case 4: { FIRN_TRY(array, MakeFixedKeys<uint32_t>(type, keys, nulls)); break; }
    default: { FIRN_TRY(array, MakeFixedKeys<uint64_t>(type, keys, nulls)); break; }
  }
  return std::vector<ArrayPtr>{std::move(array)};
}

Result<std::vector<ArrayPtr>> KeyEncoder::DecodeBytes(std::span<const std::string_view> keys) const {
  FIRN_ASSERT(shape_ == KeyShape::kBytes, "keys are no bytes");
  if (!IsSingleText(types())) return codec_.Decode(keys);
  arrow::BinaryBuilder builder;
  for (std::string_view key : keys) {
    FIRN_RETURN_IF_ERROR(types::FromArrowStatus(key.data() == nullptr ? builder.AppendNull() : builder.Append(key)));
  }
  FIRN_TRY(ArrayPtr array, types::FromArrowResult(builder.Finish()));
  FIRN_TRY(array, types::FromArrowResult(array->View(types()[0].ToArrow())));
  return std::vector<ArrayPtr>{std::move(array)};
}

std::vector<DataType> TypesOf(const types::Schema& schema, const std::vector<int>& columns) {
  std::vector<DataType> result;
  for (int column : columns) result.push_back(schema.field(static_cast<size_t>(column)).type);
  return result;
}

std::vector<types::DataType> AllTypesOf(const types::Schema& schema) {
  std::vector<types::DataType> types;
  for (const types::Field& field : schema.fields()) types.push_back(field.type);
  return types;
}

std::vector<ArrayPtr> ColumnsOf(const types::Batch& batch, const std::vector<int>& columns) {
  std::vector<ArrayPtr> result;
  for (int column : columns) result.push_back(batch.columns[static_cast<size_t>(column)]);
  return result;
}

}  // namespace firn::exec
