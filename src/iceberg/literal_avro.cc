// SPDX-License-Identifier: Apache-2.0
#include "iceberg/literal_avro.h"

#include <fmt/format.h>

#include <cctype>

namespace firn::iceberg {

using formats::AvroKind;
using formats::AvroSchemaPtr;
using formats::AvroValue;

namespace {

// The fewest bytes that hold every unscaled value of the precision.
int64_t DecimalBytes(int precision) {
  int64_t bytes = 1;
  Int128 limit = 1;
  for (int i = 0; i < precision; ++i) limit *= 10;
  while (bytes < 16 && (Int128{1} << (8 * bytes - 1)) < limit) ++bytes;
  return bytes;
}

AvroSchemaPtr TimestampSchema(TypeId id) {
  auto schema = std::make_shared<formats::AvroSchema>();
  const bool is_nanos = id == TypeId::kTimestampNs || id == TypeId::kTimestampTzNs;
  schema->kind = AvroKind::kLong;
  schema->logical_type = is_nanos ? "timestamp-nanos" : "timestamp-micros";
  schema->has_adjust_to_utc = true;
  schema->adjust_to_utc = id == TypeId::kTimestampTz || id == TypeId::kTimestampTzNs;
  return schema;
}

AvroSchemaPtr DecimalSchema(const Type& type, const std::string& name) {
  auto schema = std::make_shared<formats::AvroSchema>();
  schema->kind = AvroKind::kFixed;
  schema->name = name;
  schema->fixed_size = DecimalBytes(type.precision);
  schema->logical_type = "decimal";
  schema->precision = type.precision;
  schema->scale = type.scale;
  return schema;
}

Error BadValue(const Type& type) {
  return Error(ErrorCode::kInvalidMetadata, fmt::format("an Avro value is none of the type {}", type.ToString()));
}

}  // namespace

AvroSchemaPtr AvroSchemaOf(const Type& type, const std::string& name) {
  switch (type.id) {
    case TypeId::kBoolean: return MakeAvroPrimitive(AvroKind::kBoolean);
    case TypeId::kInt: return MakeAvroPrimitive(AvroKind::kInt);
    case TypeId::kDate: return MakeAvroPrimitive(AvroKind::kInt, "date");
    case TypeId::kLong: return MakeAvroPrimitive(AvroKind::kLong);
    case TypeId::kTime: return MakeAvroPrimitive(AvroKind::kLong, "time-micros");
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz:
    case TypeId::kTimestampNs:
    case TypeId::kTimestampTzNs: return TimestampSchema(type.id);
    case TypeId::kFloat: return MakeAvroPrimitive(AvroKind::kFloat);
    case TypeId::kDouble: return MakeAvroPrimitive(AvroKind::kDouble);
    case TypeId::kDecimal: return DecimalSchema(type, name);
    case TypeId::kString: return MakeAvroPrimitive(AvroKind::kString);
    case TypeId::kUuid: return formats::MakeAvroFixed(name, 16, "uuid");
    case TypeId::kFixed: return formats::MakeAvroFixed(name, type.length);
    case TypeId::kBinary: return MakeAvroPrimitive(AvroKind::kBytes);
    default: return MakeAvroPrimitive(AvroKind::kNull);
  }
}

AvroValue LiteralToAvro(const Type& type, const Literal& value) {
  if (value.is_null()) return AvroValue();
  return std::visit(
      [&](const auto& content) -> AvroValue {
        using T = std::decay_t<decltype(content)>;
        if constexpr (std::is_same_v<T, std::monostate>) return AvroValue();
        else if constexpr (std::is_same_v<T, float>) return AvroValue(static_cast<double>(content));
        else if constexpr (std::is_same_v<T, Int128>) {
          std::string bytes = EncodeDecimal(content);
          const auto size = static_cast<size_t>(DecimalBytes(type.precision));
          if (bytes.size() < size) bytes.insert(0, size - bytes.size(), content < 0 ? '\xff' : '\0');
          return AvroValue(std::move(bytes));
        } else return AvroValue(content);
      },
      value.content);
}

Result<Literal> LiteralFromAvro(const Type& type, const AvroValue& value) {
  if (value.is_null() || type.id == TypeId::kUnknown) return Literal();
  const int64_t* integer = value.if_integer();
  const std::string* bytes = value.if_bytes();
  switch (type.id) {
    case TypeId::kBoolean:
      if (value.if_boolean() == nullptr) return BadValue(type);
      return Literal(*value.if_boolean());
    case TypeId::kInt:
    case TypeId::kDate:
      if (integer == nullptr || *integer != static_cast<int32_t>(*integer)) return BadValue(type);
      return Literal(static_cast<int32_t>(*integer));
    case TypeId::kLong:
    case TypeId::kTime:
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz:
    case TypeId::kTimestampNs:
    case TypeId::kTimestampTzNs:
      if (integer == nullptr) return BadValue(type);
      return Literal(*integer);
    case TypeId::kFloat:
    case TypeId::kDouble:
      if (value.if_double() == nullptr) return BadValue(type);
      if (type.id == TypeId::kFloat) return Literal(static_cast<float>(*value.if_double()));
      return Literal(*value.if_double());
    case TypeId::kDecimal: {
      if (bytes == nullptr) return BadValue(type);
      FIRN_TRY(Int128 decimal, DecodeDecimal(*bytes));
      return Literal(decimal);
    }
    default: {
      const bool has_length = type.id == TypeId::kUuid || type.id == TypeId::kFixed;
      if (bytes == nullptr || (has_length && static_cast<int64_t>(bytes->size()) != (type.id == TypeId::kUuid ? 16 : type.length))) return BadValue(type);
      return Literal(*bytes);
    }
  }
}

std::string AvroName(std::string_view name) {
  std::string result;
  for (char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalpha(byte) != 0 || c == '_' || (std::isdigit(byte) != 0 && !result.empty())) result.push_back(c);
    else if (std::isdigit(byte) != 0) result += fmt::format("_{}", c);
    else result += fmt::format("_x{:X}", byte);
  }
  return result;
}

}  // namespace firn::iceberg
