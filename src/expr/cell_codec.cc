// SPDX-License-Identifier: Apache-2.0
#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/util/decimal.h>
#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/endian.h"
#include "expr/cell_codec_internal.h"
#include "types/arrow_result.h"

namespace firn::expr {

namespace {

// A NaN has many bit patterns (0.0 / 0.0 one with the sign bit) and one meaning.
template <typename T>
T CanonicalNaN(T value) {
  if constexpr (std::is_floating_point_v<T>) return std::isnan(value) ? std::numeric_limits<T>::quiet_NaN() : value;
  else return value;
}

// Big-endian with the sign bit turned: bytes sort as numbers, NaN behind all others. Doubles also turn all other bits when negative.
template <typename T, typename ArrayType, typename BuilderType>
class FixedCodec final : public CellCodec {
 public:
  void Encode(const arrow::Array& array, int64_t row, std::string* out) const override {
    auto bits = std::bit_cast<Bits>(CanonicalNaN(static_cast<T>(static_cast<const ArrayType&>(array).Value(row))));
    constexpr Bits kSign = Bits{1} << (sizeof(Bits) * 8 - 1);
    bits = std::is_floating_point_v<T> && (bits & kSign) != 0 ? static_cast<Bits>(~bits) : static_cast<Bits>(bits ^ kSign);
    const Bits swapped = base::SwapBytes(bits);
    out->append(reinterpret_cast<const char*>(&swapped), sizeof(swapped));
  }
  Status Decode(std::string_view bytes, arrow::ArrayBuilder* builder) const override {
    if (bytes.size() != sizeof(Bits)) return Error(ErrorCode::kCorruption, fmt::format("a stored value has {} bytes, not {}", bytes.size(), sizeof(Bits)));
    auto bits = base::LoadBig<Bits>(bytes.data());
    constexpr Bits kSign = Bits{1} << (sizeof(Bits) * 8 - 1);
    bits = std::is_floating_point_v<T> && (bits & kSign) == 0 ? static_cast<Bits>(~bits) : static_cast<Bits>(bits ^ kSign);
    return types::FromArrowStatus(static_cast<BuilderType*>(builder)->Append(std::bit_cast<T>(bits)));
  }

 private:
  using Bits = std::conditional_t<sizeof(T) == 8, uint64_t, std::conditional_t<sizeof(T) == 4, uint32_t, std::conditional_t<sizeof(T) == 2, uint16_t, uint8_t>>>;
  static_assert(sizeof(Bits) == sizeof(T));
};

class BooleanCodec final : public CellCodec {
 public:
  void Encode(const arrow::Array& array, int64_t row, std::string* out) const override {
    out->push_back(static_cast<const arrow::BooleanArray&>(array).Value(row) ? '\1' : '\0');
  }
  Status Decode(std::string_view bytes, arrow::ArrayBuilder* builder) const override {
    return types::FromArrowStatus(static_cast<arrow::BooleanBuilder*>(builder)->Append(bytes == "\1"));
  }
};

template <typename BuilderType>
class TextCodec final : public CellCodec {
 public:
  void Encode(const arrow::Array& array, int64_t row, std::string* out) const override { out->append(static_cast<const arrow::BinaryArray&>(array).GetView(row)); }
  Status Decode(std::string_view bytes, arrow::ArrayBuilder* builder) const override {
    return types::FromArrowStatus(static_cast<BuilderType*>(builder)->Append(bytes));
  }
};

class DecimalCodec final : public CellCodec {
 public:
  void Encode(const arrow::Array& array, int64_t row, std::string* out) const override {
    const arrow::Decimal128 value(static_cast<const arrow::Decimal128Array&>(array).GetValue(row));
    const uint64_t words[2] = {base::SwapBytes(static_cast<uint64_t>(value.high_bits()) ^ (uint64_t{1} << 63)), base::SwapBytes(value.low_bits())};
    out->append(reinterpret_cast<const char*>(words), sizeof(words));
  }
  Status Decode(std::string_view bytes, arrow::ArrayBuilder* builder) const override {
    if (bytes.size() != 16) return Error(ErrorCode::kCorruption, fmt::format("a stored DECIMAL has {} bytes, not 16", bytes.size()));
    const auto high = static_cast<int64_t>(base::LoadBig<uint64_t>(bytes.data()) ^ (uint64_t{1} << 63));
    return types::FromArrowStatus(static_cast<arrow::Decimal128Builder*>(builder)->Append(arrow::Decimal128(high, base::LoadBig<uint64_t>(bytes.data() + 8))));
  }
};

}  // namespace

Result<std::unique_ptr<CellCodec>> CellCodec::Make(const types::DataType& type) {
  using types::TypeKind;
  std::unique_ptr<CellCodec> codec;
  switch (type.kind()) {
    case TypeKind::kBoolean: codec = std::make_unique<BooleanCodec>(); break;
    case TypeKind::kTinyInt: codec = std::make_unique<FixedCodec<int8_t, arrow::Int8Array, arrow::Int8Builder>>(); break;
    case TypeKind::kSmallInt: codec = std::make_unique<FixedCodec<int16_t, arrow::Int16Array, arrow::Int16Builder>>(); break;
    case TypeKind::kInt:
    case TypeKind::kIntervalYearMonth: codec = std::make_unique<FixedCodec<int32_t, arrow::Int32Array, arrow::Int32Builder>>(); break;
    case TypeKind::kBigInt:
    case TypeKind::kIntervalDayTime: codec = std::make_unique<FixedCodec<int64_t, arrow::Int64Array, arrow::Int64Builder>>(); break;
    case TypeKind::kFloat: codec = std::make_unique<FixedCodec<float, arrow::FloatArray, arrow::FloatBuilder>>(); break;
    case TypeKind::kDouble: codec = std::make_unique<FixedCodec<double, arrow::DoubleArray, arrow::DoubleBuilder>>(); break;
    case TypeKind::kDecimal: codec = std::make_unique<DecimalCodec>(); break;
    case TypeKind::kChar:
    case TypeKind::kVarchar: codec = std::make_unique<TextCodec<arrow::StringBuilder>>(); break;
    case TypeKind::kBinary:
    case TypeKind::kVarbinary: codec = std::make_unique<TextCodec<arrow::BinaryBuilder>>(); break;
    case TypeKind::kDate: codec = std::make_unique<FixedCodec<int32_t, arrow::Date32Array, arrow::Date32Builder>>(); break;
    case TypeKind::kTime: codec = std::make_unique<FixedCodec<int32_t, arrow::Time32Array, arrow::Time32Builder>>(); break;
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampLtz: codec = std::make_unique<FixedCodec<int64_t, arrow::TimestampArray, arrow::TimestampBuilder>>(); break;
    case TypeKind::kArray:
    case TypeKind::kMap:
    case TypeKind::kRow: return MakeNested(type);
    case TypeKind::kNull: return Error(ErrorCode::kNotSupported, fmt::format("aggregates that keep values do not take a {}", type.ToString()));
  }
  return codec;
}

}  // namespace firn::expr
