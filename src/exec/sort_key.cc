// SPDX-License-Identifier: Apache-2.0
#include "exec/sort_key.h"

#include <arrow/array.h>
#include <arrow/util/decimal.h>
#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string_view>
#include <type_traits>

#include "base/assert.h"

namespace firn::exec {

namespace {

using types::DataType;
using types::TypeKind;

template <typename Unsigned>
void AppendBigEndian(Unsigned value, std::string* out) {
  for (int shift = static_cast<int>(sizeof(value)) * 8 - 8; shift >= 0; shift -= 8) out->push_back(static_cast<char>(value >> shift));
}

template <typename Signed>
void AppendInteger(Signed value, std::string* out) {
  using Unsigned = std::make_unsigned_t<Signed>;
  AppendBigEndian(static_cast<Unsigned>(static_cast<Unsigned>(value) ^ (Unsigned{1} << (sizeof(value) * 8 - 1))), out);
}

template <typename Bits, typename Float>
void AppendFloat(Float value, std::string* out) {
  if (std::isnan(value)) value = std::numeric_limits<Float>::quiet_NaN();
  if (value == 0) value = 0;  // not -0.0
  const Bits bits = std::bit_cast<Bits>(value);
  const Bits sign = Bits{1} << (sizeof(bits) * 8 - 1);
  AppendBigEndian(static_cast<Bits>((bits & sign) != 0 ? ~bits : bits | sign), out);
}

void AppendText(std::string_view text, std::string* out) {
  for (char byte : text) {
    out->push_back(byte);
    if (byte == 0) out->push_back(static_cast<char>(0xff));
  }
  out->append(2, '\0');
}

template <typename T>
T ValueAt(const arrow::Array& array, int64_t row) {
  return array.data()->GetValues<T>(1)[row];
}

void AppendDecimal(const arrow::Array& array, int64_t row, std::string* out) {
  const arrow::Decimal128 value(static_cast<const arrow::Decimal128Array&>(array).GetValue(row));
  AppendInteger(value.high_bits(), out);
  AppendBigEndian(value.low_bits(), out);
}

void AppendOrdered(const arrow::Array& array, const DataType& type, int64_t row, std::string* out) {
  switch (type.kind()) {
    case TypeKind::kBoolean: out->push_back(static_cast<const arrow::BooleanArray&>(array).Value(row) ? 1 : 0); return;
    case TypeKind::kTinyInt: AppendInteger(ValueAt<int8_t>(array, row), out); return;
    case TypeKind::kSmallInt: AppendInteger(ValueAt<int16_t>(array, row), out); return;
    case TypeKind::kInt:
    case TypeKind::kDate:
    case TypeKind::kTime:
    case TypeKind::kIntervalYearMonth: AppendInteger(ValueAt<int32_t>(array, row), out); return;
    case TypeKind::kBigInt:
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampLtz:
    case TypeKind::kIntervalDayTime: AppendInteger(ValueAt<int64_t>(array, row), out); return;
    case TypeKind::kFloat: AppendFloat<uint32_t>(ValueAt<float>(array, row), out); return;
    case TypeKind::kDouble: AppendFloat<uint64_t>(ValueAt<double>(array, row), out); return;
    case TypeKind::kDecimal: AppendDecimal(array, row, out); return;
    default: AppendText(static_cast<const arrow::BinaryArray&>(array).GetView(row), out);
  }
}

}  // namespace

Result<SortKeyEncoder> SortKeyEncoder::Make(const types::Schema& schema, std::vector<plan::SortKey> keys) {
  std::vector<DataType> types;
  for (const plan::SortKey& key : keys) {
    const types::Field& field = schema.field(static_cast<size_t>(key.column));
    if (field.type.IsNested() || field.type.kind() == TypeKind::kNull) {
      return Error(ErrorCode::kNotSupported, fmt::format("ORDER BY `{}`: values of {} have no order", field.name, field.type.ToString()))
          .Hint("order by one of its parts");
    }
    types.push_back(field.type);
  }
  return SortKeyEncoder(std::move(keys), std::move(types));
}

void SortKeyEncoder::Encode(const types::Batch& batch, std::vector<std::string>* keys) const {
  FIRN_ASSERT(keys_.size() == types_.size(), "{} sort keys have {} types", keys_.size(), types_.size());
  keys->resize(static_cast<size_t>(batch.row_count));
  for (std::string& key : *keys) key.clear();
  for (size_t i = 0; i < keys_.size(); ++i) {
    const arrow::Array& array = *batch.columns[static_cast<size_t>(keys_[i].column)];
    for (int64_t row = 0; row < batch.row_count; ++row) {
      std::string& key = (*keys)[static_cast<size_t>(row)];
      if (array.IsNull(row)) {
        key.push_back(keys_[i].nulls_first ? 0 : 2);
        continue;
      }
      key.push_back(1);
      const size_t begin = key.size();
      AppendOrdered(array, types_[i], row, &key);
      if (!keys_[i].descending) continue;
      for (size_t at = begin; at < key.size(); ++at) key[at] = static_cast<char>(~key[at]);
    }
  }
}

void AppendSequence(uint64_t sequence, std::string* key) { AppendBigEndian(sequence, key); }

uint64_t ReadSequence(std::string_view bytes) {
  FIRN_ASSERT(bytes.size() == sizeof(uint64_t), "a sequence number of {} bytes", bytes.size());
  uint64_t sequence = 0;
  for (char byte : bytes) sequence = sequence << 8 | static_cast<uint8_t>(byte);
  return sequence;
}

}  // namespace firn::exec
