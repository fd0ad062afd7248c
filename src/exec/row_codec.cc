// SPDX-License-Identifier: Apache-2.0
#include "exec/row_codec.h"

#include <fmt/format.h>
#include <arrow/array.h>
#include <arrow/array/util.h>
#include <arrow/buffer.h>
#include <arrow/builder.h>
#include <arrow/util/bit_util.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "base/varint.h"
#include "types/arrow_result.h"

namespace firn::exec {

namespace {

using types::ArrayPtr;
using types::DataType;
using types::TypeKind;

bool IsText(const DataType& type) { return type.IsCharacter() || type.IsBytes(); }

const uint8_t* FixedValues(const arrow::Array& array, int width) {
  return array.data()->GetValues<uint8_t>(1, 0) + array.offset() * width;
}

// NaN has many bit patterns and one meaning.
template <typename Float>
Float Canonical(Float value) {
  return std::isnan(value) ? std::numeric_limits<Float>::quiet_NaN() : value;
}

// ---- one value, for what lies inside nested types ----

void AppendValue(const arrow::Array& array, const DataType& type, int64_t row, std::string* out);

void AppendNullable(const arrow::Array& array, const DataType& type, int64_t row, std::string* out) {
  const bool is_null = type.kind() == TypeKind::kNull || array.IsNull(row);
  out->push_back(is_null ? 0 : 1);
  if (!is_null) AppendValue(array, type, row, out);
}

void AppendFixed(const arrow::Array& array, const DataType& type, int64_t row, std::string* out) {
  if (type.kind() == TypeKind::kDouble) {
    const double value = Canonical(static_cast<const arrow::DoubleArray&>(array).Value(row));
    out->append(reinterpret_cast<const char*>(&value), sizeof(value));
  } else if (type.kind() == TypeKind::kFloat) {
    const float value = Canonical(static_cast<const arrow::FloatArray&>(array).Value(row));
    out->append(reinterpret_cast<const char*>(&value), sizeof(value));
  } else {
    const int width = FixedWidth(type);
    out->append(reinterpret_cast<const char*>(FixedValues(array, width) + row * width), static_cast<size_t>(width));
  }
}

void AppendValue(const arrow::Array& array, const DataType& type, int64_t row, std::string* out) {
  switch (type.kind()) {
    case TypeKind::kBoolean: out->push_back(static_cast<const arrow::BooleanArray&>(array).Value(row) ? 1 : 0); return;
    case TypeKind::kArray:
    case TypeKind::kMap: {
      const auto& list = static_cast<const arrow::ListArray&>(array);  // a MapArray is one
      base::AppendUnsignedVarint(out, static_cast<uint64_t>(list.value_length(row)));
      for (int64_t i = list.value_offset(row); i < list.value_offset(row) + list.value_length(row); ++i) {
        if (type.kind() == TypeKind::kArray) {
          AppendNullable(*list.values(), type.element(), i, out);
        } else {
          const auto& entries = static_cast<const arrow::StructArray&>(*list.values());
          AppendNullable(*entries.field(0), type.key(), i, out);
          AppendNullable(*entries.field(1), type.value(), i, out);
        }
      }
      return;
    }
    case TypeKind::kRow: {
      const auto& fields = static_cast<const arrow::StructArray&>(array);
      for (size_t i = 0; i < type.fields().size(); ++i) AppendNullable(*fields.field(static_cast<int>(i)), type.fields()[i].type, row, out);
      return;
    }
    default:
      if (IsText(type)) {
        const std::string_view text = static_cast<const arrow::BinaryArray&>(array).GetView(row);
        base::AppendUnsignedVarint(out, text.size());
        out->append(text);
        return;
      }
      AppendFixed(array, type, row, out);
  }
}

// Reads one value back into a builder.
arrow::Status ReadValue(arrow::ArrayBuilder* builder, const DataType& type, std::string_view* in);

uint64_t TakeVarint(std::string_view* in) {
  uint64_t value = 0;
  FIRN_ASSERT(base::ReadUnsignedVarint(in, &value), "an encoded row ends early");
  return value;
}
std::string_view TakeBytes(std::string_view* in, size_t size) {
  FIRN_ASSERT(size <= in->size(), "an encoded row ends early: {} of {} bytes", in->size(), size);
  std::string_view taken = in->substr(0, size);
  in->remove_prefix(size);
  return taken;
}

arrow::Status ReadNullable(arrow::ArrayBuilder* builder, const DataType& type, std::string_view* in) {
  if (TakeBytes(in, 1)[0] == 0) return builder->AppendNull();
  return ReadValue(builder, type, in);
}

template <typename Builder>
arrow::Status ReadFixedInto(arrow::ArrayBuilder* builder, std::string_view* in) {
  typename Builder::value_type value;
  std::memcpy(&value, TakeBytes(in, sizeof(value)).data(), sizeof(value));
  return static_cast<Builder*>(builder)->Append(value);
}

arrow::Status ReadFixed(arrow::ArrayBuilder* builder, const DataType& type, std::string_view* in) {
  switch (type.kind()) {
    case TypeKind::kTinyInt: return ReadFixedInto<arrow::Int8Builder>(builder, in);
    case TypeKind::kSmallInt: return ReadFixedInto<arrow::Int16Builder>(builder, in);
    case TypeKind::kInt:
    case TypeKind::kIntervalYearMonth: return ReadFixedInto<arrow::Int32Builder>(builder, in);
    case TypeKind::kBigInt:
    case TypeKind::kIntervalDayTime: return ReadFixedInto<arrow::Int64Builder>(builder, in);
    case TypeKind::kFloat: return ReadFixedInto<arrow::FloatBuilder>(builder, in);
    case TypeKind::kDouble: return ReadFixedInto<arrow::DoubleBuilder>(builder, in);
    case TypeKind::kDate: return ReadFixedInto<arrow::Date32Builder>(builder, in);
    case TypeKind::kTime: return ReadFixedInto<arrow::Time32Builder>(builder, in);
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampLtz: return ReadFixedInto<arrow::TimestampBuilder>(builder, in);
    case TypeKind::kDecimal:
      return static_cast<arrow::Decimal128Builder*>(builder)->Append(
          arrow::Decimal128(reinterpret_cast<const uint8_t*>(TakeBytes(in, 16).data())));
    default: FIRN_UNREACHABLE("type {} has no fixed width", type.ToString());
  }
}

arrow::Status ReadValue(arrow::ArrayBuilder* builder, const DataType& type, std::string_view* in) {
  switch (type.kind()) {
    case TypeKind::kBoolean: return static_cast<arrow::BooleanBuilder*>(builder)->Append(TakeBytes(in, 1)[0] != 0);
    case TypeKind::kArray: {
      auto* list = static_cast<arrow::ListBuilder*>(builder);
      ARROW_RETURN_NOT_OK(list->Append());
      for (uint64_t count = TakeVarint(in); count > 0; --count) ARROW_RETURN_NOT_OK(ReadNullable(list->value_builder(), type.element(), in));
      return arrow::Status::OK();
    }
    case TypeKind::kMap: {
      auto* map = static_cast<arrow::MapBuilder*>(builder);
      ARROW_RETURN_NOT_OK(map->Append());
      for (uint64_t count = TakeVarint(in); count > 0; --count) {
        ARROW_RETURN_NOT_OK(ReadNullable(map->key_builder(), type.key(), in));
        ARROW_RETURN_NOT_OK(ReadNullable(map->item_builder(), type.value(), in));
      }
      return arrow::Status::OK();
    }
    case TypeKind::kRow: {
      auto* fields = static_cast<arrow::StructBuilder*>(builder);
      ARROW_RETURN_NOT_OK(fields->Append());
      for (size_t i = 0; i < type.fields().size(); ++i) {
        ARROW_RETURN_NOT_OK(ReadNullable(fields->field_builder(static_cast<int>(i)), type.fields()[i].type, in));
      }
      return arrow::Status::OK();
    }
    default:
      if (IsText(type)) {
        const size_t size = TakeVarint(in);
        return static_cast<arrow::BinaryBuilder*>(builder)->Append(TakeBytes(in, size));
      }
      return ReadFixed(builder, type, in);
  }
}

// ---- a column at a time ----

// What a column adds to the size of each row.
void AddSizes(const arrow::Array& array, const DataType& type, int64_t row_count, std::vector<std::string>* nested, size_t* sizes) {
  const bool has_nulls = array.null_count() > 0;
  if (type.kind() == TypeKind::kNull) return;
  if (IsText(type)) {
    const auto& text = static_cast<const arrow::BinaryArray&>(array);
    for (int64_t row = 0; row < row_count; ++row) {
      if (has_nulls && text.IsNull(row)) continue;
      const auto length = static_cast<size_t>(text.value_length(row));
      sizes[row] += base::UnsignedVarintSize(length) + length;
    }
    return;
  }
  if (type.IsNested()) {
    nested->resize(static_cast<size_t>(row_count));
    for (int64_t row = 0; row < row_count; ++row) {
      if (array.IsNull(row)) continue;
      AppendValue(array, type, row, &(*nested)[row]);
      sizes[row] += (*nested)[row].size();
    }
    return;
  }
  const size_t width = type.kind() == TypeKind::kBoolean ? 1 : static_cast<size_t>(FixedWidth(type));
  for (int64_t row = 0; row < row_count; ++row) sizes[row] += has_nulls && array.IsNull(row) ? 0 : width;
}

template <size_t kWidth>
void WriteFixed(const arrow::Array& array, int64_t row_count, char** cursors) {
  const uint8_t* values = FixedValues(array, kWidth);
  const bool has_nulls = array.null_count() > 0;
  for (int64_t row = 0; row < row_count; ++row) {
    if (has_nulls && array.IsNull(row)) continue;
    std::memcpy(cursors[row], values + row * static_cast<int64_t>(kWidth), kWidth);
    cursors[row] += kWidth;
  }
}

template <typename ArrayType>
void WriteFloats(const arrow::Array& array, int64_t row_count, char** cursors) {
  const auto& values = static_cast<const ArrayType&>(array);
  for (int64_t row = 0; row < row_count; ++row) {
    if (values.IsNull(row)) continue;
    const auto value = Canonical(values.Value(row));
    std::memcpy(cursors[row], &value, sizeof(value));
    cursors[row] += sizeof(value);
  }
}

void WriteTexts(const arrow::Array& array, int64_t row_count, char** cursors) {
  const auto& text = static_cast<const arrow::BinaryArray&>(array);
  for (int64_t row = 0; row < row_count; ++row) {
    if (text.IsNull(row)) continue;
    const std::string_view value = text.GetView(row);
    char* out = cursors[row];
    size_t rest = value.size();
    for (; rest >= 0x80; rest >>= 7) *out++ = static_cast<char>(rest | 0x80);
    *out++ = static_cast<char>(rest);
    std::memcpy(out, value.data(), value.size());
    cursors[row] = out + value.size();
  }
}

void WriteColumn(const arrow::Array& array, const DataType& type, int64_t row_count, const std::vector<std::string>& nested, char** cursors) {
  if (type.kind() == TypeKind::kNull) return;
  if (IsText(type)) return WriteTexts(array, row_count, cursors);
  if (type.kind() == TypeKind::kDouble) return WriteFloats<arrow::DoubleArray>(array, row_count, cursors);
  if (type.kind() == TypeKind::kFloat) return WriteFloats<arrow::FloatArray>(array, row_count, cursors);
  if (type.kind() == TypeKind::kBoolean) {
    const auto& flags = static_cast<const arrow::BooleanArray&>(array);
    for (int64_t row = 0; row < row_count; ++row) {
      if (!flags.IsNull(row)) *cursors[row]++ = flags.Value(row) ? 1 : 0;
    }
    return;
  }
  if (type.IsNested()) {
    for (int64_t row = 0; row < row_count; ++row) {
      std::memcpy(cursors[row], nested[row].data(), nested[row].size());
      cursors[row] += nested[row].size();
    }
    return;
  }
  switch (FixedWidth(type)) {
    case 1: return WriteFixed<1>(array, row_count, cursors);
    case 2: return WriteFixed<2>(array, row_count, cursors);
    case 4: return WriteFixed<4>(array, row_count, cursors);
    case 8: return WriteFixed<8>(array, row_count, cursors);
    case 16: return WriteFixed<16>(array, row_count, cursors);
    default: FIRN_UNREACHABLE("width of {}", type.ToString());
  }
}

// Where decoding stands in each row, and whether the column at hand is NULL there.
struct DecodeCursor {
  std::span<const std::string_view> rows;
  std::vector<const char*> cursors;
  std::vector<uint8_t> is_valid;
  int64_t null_count = 0;

  void StartColumn(size_t column) {
    null_count = 0;
    for (size_t row = 0; row < rows.size(); ++row) {
      const char* data = rows[row].data();
      is_valid[row] = data != nullptr && (static_cast<uint8_t>(data[column / 8]) >> (column % 8) & 1) == 0;
      null_count += is_valid[row] ? 0 : 1;
    }
  }
  Result<std::shared_ptr<arrow::Buffer>> Validity() const {
    if (null_count == 0) return std::shared_ptr<arrow::Buffer>();
    FIRN_TRY(auto bits, types::FromArrowResult(arrow::AllocateEmptyBitmap(static_cast<int64_t>(rows.size()))));
    for (size_t row = 0; row < rows.size(); ++row) {
      if (is_valid[row]) arrow::bit_util::SetBit(bits->mutable_data(), static_cast<int64_t>(row));
    }
    return std::shared_ptr<arrow::Buffer>(std::move(bits));
  }
};

Result<ArrayPtr> MakeFixedArray(const DataType& type, DecodeCursor* cursor, std::shared_ptr<arrow::Buffer> values) {
  FIRN_TRY(auto validity, cursor->Validity());
  return arrow::MakeArray(arrow::ArrayData::Make(type.ToArrow(), static_cast<int64_t>(cursor->rows.size()),
                                                 {std::move(validity), std::move(values)}, cursor->null_count));
}

template <size_t kWidth>
Result<ArrayPtr> ReadFixedColumn(const DataType& type, DecodeCursor* cursor) {
  const size_t count = cursor->rows.size();
  FIRN_TRY(auto values, types::FromArrowResult(arrow::AllocateBuffer(static_cast<int64_t>(count * kWidth))));
  uint8_t* out = values->mutable_data();
  for (size_t row = 0; row < count; ++row, out += kWidth) {
    if (!cursor->is_valid[row]) {
      std::memset(out, 0, kWidth);
      continue;
    }
    std::memcpy(out, cursor->cursors[row], kWidth);
    cursor->cursors[row] += kWidth;
  }
  return MakeFixedArray(type, cursor, std::move(values));
}

Result<ArrayPtr> ReadBooleanColumn(const DataType& type, DecodeCursor* cursor) {
  const size_t count = cursor->rows.size();
  FIRN_TRY(auto values, types::FromArrowResult(arrow::AllocateEmptyBitmap(static_cast<int64_t>(count))));
  for (size_t row = 0; row < count; ++row) {
    if (cursor->is_valid[row] && *cursor->cursors[row]++ != 0) arrow::bit_util::SetBit(values->mutable_data(), static_cast<int64_t>(row));
  }
  return MakeFixedArray(type, cursor, std::move(values));
}

Result<ArrayPtr> ReadTextColumn(const DataType& type, DecodeCursor* cursor) {
  const size_t count = cursor->rows.size();
  std::vector<std::string_view> texts(count);
  size_t total = 0;
  for (size_t row = 0; row < count; ++row) {
    if (!cursor->is_valid[row]) continue;
    std::string_view in(cursor->cursors[row], static_cast<size_t>(cursor->rows[row].data() + cursor->rows[row].size() - cursor->cursors[row]));
    const size_t size = TakeVarint(&in);
    texts[row] = TakeBytes(&in, size);
    cursor->cursors[row] = in.data();
    total += size;
  }
  if (total > static_cast<size_t>(std::numeric_limits<int32_t>::max())) {
    return Error(ErrorCode::kLimitExceeded, fmt::format("{} rows hold {} bytes of text in one column; a batch takes 2 GiB", count, total));
  }
  FIRN_TRY(auto offsets, types::FromArrowResult(arrow::AllocateBuffer(static_cast<int64_t>((count + 1) * sizeof(int32_t)))));
  FIRN_TRY(auto values, types::FromArrowResult(arrow::AllocateBuffer(static_cast<int64_t>(total))));
  auto* offset = reinterpret_cast<int32_t*>(offsets->mutable_data());
  char* out = reinterpret_cast<char*>(values->mutable_data());
  *offset = 0;
  for (size_t row = 0; row < count; ++row) {
    if (!texts[row].empty()) std::memcpy(out, texts[row].data(), texts[row].size());
    out += texts[row].size();
    offset[row + 1] = offset[row] + static_cast<int32_t>(texts[row].size());
  }
  FIRN_TRY(auto validity, cursor->Validity());
  return arrow::MakeArray(arrow::ArrayData::Make(type.ToArrow(), static_cast<int64_t>(count),
                                                 {std::move(validity), std::move(offsets), std::move(values)}, cursor->null_count));
}

Result<ArrayPtr> ReadNestedColumn(const DataType& type, DecodeCursor* cursor) {
  FIRN_TRY(auto builder, types::FromArrowResult(arrow::MakeBuilder(type.ToArrow())));
  for (size_t row = 0; row < cursor->rows.size(); ++row) {
    if (!cursor->is_valid[row]) {
      FIRN_RETURN_IF_ERROR(types::FromArrowStatus(builder->AppendNull()));
      continue;
    }
    std::string_view in(cursor->cursors[row], static_cast<size_t>(cursor->rows[row].data() + cursor->rows[row].size() - cursor->cursors[row]));
    FIRN_RETURN_IF_ERROR(types::FromArrowStatus(ReadValue(builder.get(), type, &in)));
    cursor->cursors[row] = in.data();
  }
  return types::FromArrowResult(builder->Finish());
}

Result<ArrayPtr> ReadColumn(const DataType& type, DecodeCursor* cursor) {
  if (type.kind() == TypeKind::kNull) {
    return types::FromArrowResult(arrow::MakeArrayOfNull(type.ToArrow(), static_cast<int64_t>(cursor->rows.size())));
  }
  if (IsText(type)) return ReadTextColumn(type, cursor);
  if (type.kind() == TypeKind::kBoolean) return ReadBooleanColumn(type, cursor);
  if (type.IsNested()) return ReadNestedColumn(type, cursor);
  switch (FixedWidth(type)) {
    case 1: return ReadFixedColumn<1>(type, cursor);
    case 2: return ReadFixedColumn<2>(type, cursor);
    case 4: return ReadFixedColumn<4>(type, cursor);
    case 8: return ReadFixedColumn<8>(type, cursor);
    case 16: return ReadFixedColumn<16>(type, cursor);
    default: FIRN_UNREACHABLE("width of {}", type.ToString());
  }
}

}  // namespace

int FixedWidth(const DataType& type) {
  switch (type.kind()) {
    case TypeKind::kTinyInt: return 1;
    case TypeKind::kSmallInt: return 2;
    case TypeKind::kInt:
    case TypeKind::kFloat:
    case TypeKind::kDate:
    case TypeKind::kTime:
    case TypeKind::kIntervalYearMonth: return 4;
    case TypeKind::kBigInt:
    case TypeKind::kDouble:
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampLtz:
    case TypeKind::kIntervalDayTime: return 8;
    case TypeKind::kDecimal: return 16;
    default: return 0;
  }
}

void RowCodec::Encode(std::span<const ArrayPtr> columns, int64_t row_count, EncodedRows* rows) const {
  FIRN_ASSERT(columns.size() == types_.size(), "{} columns for {} types", columns.size(), types_.size());
  const auto count = static_cast<size_t>(row_count);
  std::vector<size_t> sizes(count, bitmap_bytes());
  std::vector<std::vector<std::string>> nested(types_.size());
  for (size_t i = 0; i < types_.size(); ++i) AddSizes(*columns[i], types_[i], row_count, &nested[i], sizes.data());

  rows->offsets_.resize(count + 1);
  size_t total = 0;
  for (size_t row = 0; row < count; ++row) {
    rows->offsets_[row] = total;
    total += sizes[row];
  }
  rows->offsets_[count] = total;
  rows->bytes_.resize(total);
  std::vector<char*> cursors(count);
  for (size_t row = 0; row < count; ++row) {
    char* start = rows->bytes_.data() + rows->offsets_[row];
    std::memset(start, 0, bitmap_bytes());
    cursors[row] = start + bitmap_bytes();
  }
  for (size_t i = 0; i < types_.size(); ++i) {
    const arrow::Array& column = *columns[i];
    if (column.null_count() > 0) {
      for (size_t row = 0; row < count; ++row) {
        if (column.IsNull(static_cast<int64_t>(row))) rows->bytes_[rows->offsets_[row] + i / 8] |= static_cast<char>(1 << (i % 8));
      }
    }
    WriteColumn(column, types_[i], row_count, nested[i], cursors.data());
  }
}

Result<std::vector<ArrayPtr>> RowCodec::Decode(std::span<const std::string_view> rows) const {
  DecodeCursor cursor{rows, std::vector<const char*>(rows.size()), std::vector<uint8_t>(rows.size()), 0};
  for (size_t row = 0; row < rows.size(); ++row) cursor.cursors[row] = rows[row].data() ? rows[row].data() + bitmap_bytes() : nullptr;
  std::vector<ArrayPtr> columns;
  columns.reserve(types_.size());
  for (size_t i = 0; i < types_.size(); ++i) {
    cursor.StartColumn(i);
    FIRN_TRY(ArrayPtr column, ReadColumn(types_[i], &cursor));
    columns.push_back(std::move(column));
  }
  return columns;
}

std::vector<types::Field> StoredFields(const types::Schema& schema) {
  std::vector<types::Field> fields;
  for (size_t i = 0; i < schema.size(); ++i) fields.push_back({fmt::format("c{}", i), schema.field(i).type});
  return fields;
}

}  // namespace firn::exec
