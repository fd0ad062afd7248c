// SPDX-License-Identifier: Apache-2.0
// Flink's raw format: the whole record is one column's value, a text, bytes or a number of fixed width.
#include <arrow/array.h>
#include <arrow/builder.h>
#include <fmt/format.h>

#include <bit>
#include <cstring>

#include "base/assert.h"
#include "base/utf8.h"
#include "formats/record_formats_internal.h"
#include "types/arrow_result.h"

namespace firn::formats {

using types::DataType;
using types::TypeKind;

namespace {

// 0: of any length; -1: the format has no such values.
int WidthOf(const DataType& type) {
  switch (type.kind()) {
    case TypeKind::kChar:
    case TypeKind::kVarchar:
    case TypeKind::kBinary:
    case TypeKind::kVarbinary: return 0;
    case TypeKind::kBoolean:
    case TypeKind::kTinyInt: return 1;
    case TypeKind::kSmallInt: return 2;
    case TypeKind::kInt:
    case TypeKind::kFloat: return 4;
    case TypeKind::kBigInt:
    case TypeKind::kDouble: return 8;
    default: return -1;
  }
}

Status CheckColumns(const std::vector<types::Field>& columns) {
  if (columns.size() != 1) {
    std::string names;
    for (const types::Field& column : columns) names += (names.empty() ? "`" : ", `") + column.name + "`";
    return Error(ErrorCode::kSchemaMismatch, fmt::format("the raw format takes a table of one physical column, this one has {}: {}", columns.size(), names)).Hint("use 'format'='json' or 'csv'");
  }
  if (WidthOf(columns[0].type) >= 0) return Ok();
  return Error(ErrorCode::kNotSupported, fmt::format("the raw format has no values of type {} (column `{}`)", columns[0].type.ToString(), columns[0].name)).Hint("declare it STRING or BYTES");
}

template <typename T>
T Swapped(T value) {
  if constexpr (sizeof(T) == 1) return value;
  else if constexpr (sizeof(T) == 2) return std::bit_cast<T>(__builtin_bswap16(std::bit_cast<uint16_t>(value)));
  else if constexpr (sizeof(T) == 4) return std::bit_cast<T>(__builtin_bswap32(std::bit_cast<uint32_t>(value)));
  else return std::bit_cast<T>(__builtin_bswap64(std::bit_cast<uint64_t>(value)));
}

template <typename Builder, typename T>
Status AppendNumber(arrow::ArrayBuilder& builder, std::string_view bytes, bool is_big_endian) {
  T value{};
  std::memcpy(&value, bytes.data(), sizeof(T));
  return types::FromArrowStatus(static_cast<Builder&>(builder).Append(is_big_endian ? Swapped(value) : value));
}

class RawDecoder final : public RecordDecoder {
 public:
  RawDecoder(types::SchemaPtr schema, bool is_big_endian) : schema_(std::move(schema)), is_big_endian_(is_big_endian) {}

  Result<DecodedRecords> Decode(std::span<const RawRecord> records) override {
    DecodedRecords decoded;
    decoded.rows = types::Batch{schema_, {}, static_cast<int64_t>(records.size()), nullptr, nullptr};
    if (schema_->size() == 0) return decoded;
    const types::Field& column = schema_->field(0);
    std::unique_ptr<arrow::ArrayBuilder> builder;
    FIRN_RETURN_IF_ERROR(types::FromArrowStatus(arrow::MakeBuilder(arrow::default_memory_pool(), column.type.ToArrow(), &builder)));
    const int width = WidthOf(column.type);
    for (size_t i = 0; i < records.size(); ++i) {
      if (records[i].is_null) {
        FIRN_RETURN_IF_ERROR(types::FromArrowStatus(builder->AppendNull()));
        continue;
      }
      if (width > 0 && records[i].bytes.size() != static_cast<size_t>(width)) {
        failed_record_ = i;
        return Error(ErrorCode::kDecodeError, fmt::format("{} bytes for column `{}` of type {}, which takes {}", records[i].bytes.size(), column.name, column.type.ToString(), width)).Hint("declare it BYTES or STRING, which take any number");
      }
      FIRN_RETURN_IF_ERROR(Append(*builder, column.type.kind(), records[i].bytes));
    }
    FIRN_ASSERT(builder->length() == decoded.rows.row_count, "{} values of {} records", builder->length(), decoded.rows.row_count);
    FIRN_TRY(types::ArrayPtr values, types::FromArrowResult(builder->Finish()));
    decoded.rows.columns.push_back(std::move(values));
    return decoded;
  }

 private:
  Status Append(arrow::ArrayBuilder& builder, TypeKind kind, std::string_view bytes) const {
    switch (kind) {
      case TypeKind::kBoolean: return types::FromArrowStatus(static_cast<arrow::BooleanBuilder&>(builder).Append(bytes[0] != 0));
      case TypeKind::kTinyInt: return AppendNumber<arrow::Int8Builder, int8_t>(builder, bytes, is_big_endian_);
      case TypeKind::kSmallInt: return AppendNumber<arrow::Int16Builder, int16_t>(builder, bytes, is_big_endian_);
      case TypeKind::kInt: return AppendNumber<arrow::Int32Builder, int32_t>(builder, bytes, is_big_endian_);
      case TypeKind::kBigInt: return AppendNumber<arrow::Int64Builder, int64_t>(builder, bytes, is_big_endian_);
      case TypeKind::kFloat: return AppendNumber<arrow::FloatBuilder, float>(builder, bytes, is_big_endian_);
      case TypeKind::kDouble: return AppendNumber<arrow::DoubleBuilder, double>(builder, bytes, is_big_endian_);
      case TypeKind::kChar:
      case TypeKind::kVarchar:
        if (base::FindInvalidUtf8(bytes)) return types::FromArrowStatus(static_cast<arrow::BinaryBuilder&>(builder).Append(base::ValidUtf8(bytes)));  // as Flink's decoder
        [[fallthrough]];
      default: return types::FromArrowStatus(static_cast<arrow::BinaryBuilder&>(builder).Append(bytes));
    }
  }

  const types::SchemaPtr schema_;
  const bool is_big_endian_;
};

class RawEncoder final : public RecordEncoder {
 public:
  RawEncoder(DataType type, bool is_big_endian) : type_(std::move(type)), is_big_endian_(is_big_endian) {}

  Result<EncodedRecords> Encode(const types::Batch& batch) override {
    FIRN_ASSERT(batch.columns.size() == 1, "{} columns where raw has one", batch.columns.size());
    EncodedRecords encoded;
    const arrow::Array& column = *batch.columns[0];
    if (column.null_count() > 0) encoded.nulls.resize(static_cast<size_t>(batch.row_count), 0);
    for (int64_t row = 0; row < batch.row_count; ++row) {
      const bool is_null = column.IsNull(row);
      if (is_null) encoded.nulls[static_cast<size_t>(row)] = 1;
      if (!is_null) Append(&encoded.bytes, column, row);
      if (encoded.bytes.size() > UINT32_MAX) return Error(ErrorCode::kLimitExceeded, fmt::format("a batch of {} rows is larger than 4 GiB", batch.row_count)).Hint("write shorter texts");
      encoded.ends.push_back(static_cast<uint32_t>(encoded.bytes.size()));
    }
    return encoded;
  }

 private:
  template <typename Array>
  void AppendNumberOf(std::string* out, const arrow::Array& column, int64_t row) const {
    auto value = static_cast<const Array&>(column).Value(row);
    if (is_big_endian_) value = Swapped(value);
    out->append(reinterpret_cast<const char*>(&value), sizeof(value));
  }

  void Append(std::string* out, const arrow::Array& column, int64_t row) const {
    switch (type_.kind()) {
      case TypeKind::kBoolean: out->push_back(static_cast<const arrow::BooleanArray&>(column).Value(row) ? '\1' : '\0'); return;
      case TypeKind::kTinyInt: return AppendNumberOf<arrow::Int8Array>(out, column, row);
      case TypeKind::kSmallInt: return AppendNumberOf<arrow::Int16Array>(out, column, row);
      case TypeKind::kInt: return AppendNumberOf<arrow::Int32Array>(out, column, row);
      case TypeKind::kBigInt: return AppendNumberOf<arrow::Int64Array>(out, column, row);
      case TypeKind::kFloat: return AppendNumberOf<arrow::FloatArray>(out, column, row);
      case TypeKind::kDouble: return AppendNumberOf<arrow::DoubleArray>(out, column, row);
      default: out->append(static_cast<const arrow::BinaryArray&>(column).GetView(row)); return;
    }
  }

  const DataType type_;
  const bool is_big_endian_;
};

bool IsBigEndian(const FormatSpec& spec) { return OptionOr(spec, "endianness", "big-endian") == "big-endian"; }

}  // namespace

Result<std::unique_ptr<RecordDecoder>> MakeRawDecoder(const FormatSpec& spec, types::SchemaPtr schema) {
  FIRN_RETURN_IF_ERROR(CheckColumns(spec.columns.empty() ? schema->fields() : spec.columns));
  return std::unique_ptr<RecordDecoder>(std::make_unique<RawDecoder>(std::move(schema), IsBigEndian(spec)));
}

Result<std::unique_ptr<RecordEncoder>> MakeRawEncoder(const FormatSpec& spec, types::SchemaPtr schema) {
  FIRN_RETURN_IF_ERROR(CheckColumns(schema->fields()));
  return std::unique_ptr<RecordEncoder>(std::make_unique<RawEncoder>(schema->field(0).type, IsBigEndian(spec)));
}

}  // namespace firn::formats
