// SPDX-License-Identifier: Apache-2.0
#include "types/data_type.h"

#include <arrow/type.h>
#include <fmt/format.h>

#include <algorithm>

namespace firn::types {

DataType DataType::Decimal(int precision, int scale) {
  FIRN_ASSERT(precision >= 1 && precision <= kMaxDecimalPrecision && scale >= 0 && scale <= precision,
              "DECIMAL({}, {})", precision, scale);
  DataType type(TypeKind::kDecimal);
  type.precision_ = static_cast<int8_t>(precision);
  type.scale_ = static_cast<int8_t>(scale);
  return type;
}

namespace {
int8_t CheckedPrecision(int precision) {
  FIRN_ASSERT(precision >= 0 && precision <= 9, "time precision {}", precision);
  return static_cast<int8_t>(precision);
}
}  // namespace

DataType DataType::Char(int32_t length) {
  DataType type(TypeKind::kChar);
  type.length_ = length;
  return type;
}
DataType DataType::Varchar(int32_t length) {
  DataType type(TypeKind::kVarchar);
  type.length_ = length;
  return type;
}
DataType DataType::Binary(int32_t length) {
  DataType type(TypeKind::kBinary);
  type.length_ = length;
  return type;
}
DataType DataType::Varbinary(int32_t length) {
  DataType type(TypeKind::kVarbinary);
  type.length_ = length;
  return type;
}
DataType DataType::Time(int precision) {
  DataType type(TypeKind::kTime);
  type.precision_ = CheckedPrecision(precision);
  return type;
}
DataType DataType::Timestamp(int precision) {
  DataType type(TypeKind::kTimestamp);
  type.precision_ = CheckedPrecision(precision);
  return type;
}
DataType DataType::TimestampLtz(int precision) {
  DataType type(TypeKind::kTimestampLtz);
  type.precision_ = CheckedPrecision(precision);
  return type;
}
DataType DataType::Array(DataType element) {
  DataType type(TypeKind::kArray);
  type.fields_ = std::make_shared<const std::vector<Field>>(std::vector<Field>{{"element", std::move(element)}});
  return type;
}
DataType DataType::Map(DataType key, DataType value) {
  DataType type(TypeKind::kMap);
  type.fields_ = std::make_shared<const std::vector<Field>>(
      std::vector<Field>{{"key", std::move(key)}, {"value", std::move(value)}});
  return type;
}
DataType DataType::Row(std::vector<Field> fields) {
  DataType type(TypeKind::kRow);
  type.fields_ = std::make_shared<const std::vector<Field>>(std::move(fields));
  return type;
}

const std::vector<Field>& DataType::fields() const {
  static const std::vector<Field>* const none = new std::vector<Field>();
  return fields_ ? *fields_ : *none;
}
const DataType& DataType::element() const {
  FIRN_ASSERT(kind_ == TypeKind::kArray, "{} has no element type", ToString());
  return (*fields_)[0].type;
}
const DataType& DataType::key() const {
  FIRN_ASSERT(kind_ == TypeKind::kMap, "{} has no key type", ToString());
  return (*fields_)[0].type;
}
const DataType& DataType::value() const {
  FIRN_ASSERT(kind_ == TypeKind::kMap, "{} has no value type", ToString());
  return (*fields_)[1].type;
}

DataType DataType::WithNullable(bool nullable) const {
  DataType copy = *this;
  copy.nullable_ = nullable;
  return copy;
}
DataType DataType::WithTimeAttribute(TimeAttribute attribute) const {
  DataType copy = *this;
  copy.time_attribute_ = attribute;
  return copy;
}

namespace {

std::string SizedText(std::string_view name, std::string_view unlimited, int32_t length) {
  return length == kMaxLength ? std::string(unlimited) : fmt::format("{}({})", name, length);
}

std::string RowText(const std::vector<Field>& fields) {
  std::string text = "ROW<";
  for (size_t i = 0; i < fields.size(); ++i) {
    text += fmt::format("{}`{}` {}", i == 0 ? "" : ", ", fields[i].name, fields[i].type.ToString());
  }
  return text + ">";
}

std::string BareText(const DataType& type) {
  switch (type.kind()) {
    case TypeKind::kNull: return "NULL";
    case TypeKind::kBoolean: return "BOOLEAN";
    case TypeKind::kTinyInt: return "TINYINT";
    case TypeKind::kSmallInt: return "SMALLINT";
    case TypeKind::kInt: return "INT";
    case TypeKind::kBigInt: return "BIGINT";
    case TypeKind::kFloat: return "FLOAT";
    case TypeKind::kDouble: return "DOUBLE";
    case TypeKind::kDecimal: return fmt::format("DECIMAL({}, {})", type.precision(), type.scale());
    case TypeKind::kChar: return fmt::format("CHAR({})", type.length());
    case TypeKind::kVarchar: return SizedText("VARCHAR", "STRING", type.length());
    case TypeKind::kBinary: return fmt::format("BINARY({})", type.length());
    case TypeKind::kVarbinary: return SizedText("VARBINARY", "BYTES", type.length());
    case TypeKind::kDate: return "DATE";
    case TypeKind::kTime: return fmt::format("TIME({})", type.precision());
    case TypeKind::kTimestamp: return fmt::format("TIMESTAMP({})", type.precision());
    case TypeKind::kTimestampLtz: return fmt::format("TIMESTAMP_LTZ({})", type.precision());
    case TypeKind::kIntervalYearMonth: return "INTERVAL YEAR TO MONTH";
    case TypeKind::kIntervalDayTime: return "INTERVAL DAY TO SECOND";
    case TypeKind::kArray: return fmt::format("ARRAY<{}>", type.element().ToString());
    case TypeKind::kMap: return fmt::format("MAP<{}, {}>", type.key().ToString(), type.value().ToString());
    case TypeKind::kRow: return RowText(type.fields());
  }
  FIRN_UNREACHABLE("type kind {}", static_cast<int>(type.kind()));
}

}  // namespace

std::string DataType::ToString() const {
  return BareText(*this) + (nullable_ || kind_ == TypeKind::kNull ? "" : " NOT NULL");
}

std::string DataType::ToStringWithAttribute() const {
  const char* attribute = time_attribute_ == TimeAttribute::kRowtime    ? " *ROWTIME*"
                          : time_attribute_ == TimeAttribute::kProctime ? " *PROCTIME*"
                                                                        : "";
  return BareText(*this) + attribute + (nullable_ || kind_ == TypeKind::kNull ? "" : " NOT NULL");
}

bool DataType::operator==(const DataType& other) const {
  return kind_ == other.kind_ && nullable_ == other.nullable_ && length_ == other.length_ &&
         precision_ == other.precision_ && scale_ == other.scale_ && fields() == other.fields();
}

bool DataType::EqualsIgnoringNullability(const DataType& other) const {
  if (kind_ != other.kind_ || length_ != other.length_ || precision_ != other.precision_ || scale_ != other.scale_) {
    return false;
  }
  return std::equal(fields().begin(), fields().end(), other.fields().begin(), other.fields().end(),
                    [](const Field& left, const Field& right) {
                      return left.name == right.name && left.type.EqualsIgnoringNullability(right.type);
                    });
}

std::shared_ptr<arrow::DataType> DataType::ToArrow() const {
  const auto unit = precision_ <= 6 ? arrow::TimeUnit::MICRO : arrow::TimeUnit::NANO;
  switch (kind_) {
    case TypeKind::kNull: return arrow::null();
    case TypeKind::kBoolean: return arrow::boolean();
    case TypeKind::kTinyInt: return arrow::int8();
    case TypeKind::kSmallInt: return arrow::int16();
    case TypeKind::kInt: return arrow::int32();
    case TypeKind::kBigInt: return arrow::int64();
    case TypeKind::kFloat: return arrow::float32();
    case TypeKind::kDouble: return arrow::float64();
    case TypeKind::kDecimal: return arrow::decimal128(precision_, scale_);
    case TypeKind::kChar:
    case TypeKind::kVarchar: return arrow::utf8();
    case TypeKind::kBinary:
    case TypeKind::kVarbinary: return arrow::binary();
    case TypeKind::kDate: return arrow::date32();
    case TypeKind::kTime: return arrow::time32(arrow::TimeUnit::MILLI);
    case TypeKind::kTimestamp: return arrow::timestamp(unit);
    case TypeKind::kTimestampLtz: return arrow::timestamp(unit, "UTC");
    case TypeKind::kIntervalYearMonth: return arrow::int32();
    case TypeKind::kIntervalDayTime: return arrow::int64();
    case TypeKind::kArray: return arrow::list(element().ToArrow());
    case TypeKind::kMap: return arrow::map(key().ToArrow(), value().ToArrow());
    case TypeKind::kRow: {
      arrow::FieldVector children;
      for (const Field& child : fields()) children.push_back(arrow::field(child.name, child.type.ToArrow()));
      return arrow::struct_(std::move(children));
    }
  }
  FIRN_UNREACHABLE("type kind {}", static_cast<int>(kind_));
}

int Schema::FindColumn(std::string_view name) const {
  for (size_t i = 0; i < fields_.size(); ++i) {
    if (fields_[i].name == name) return static_cast<int>(i);
  }
  return -1;
}

std::vector<std::string> Schema::names() const {
  std::vector<std::string> names;
  for (const Field& field : fields_) names.push_back(field.name);
  return names;
}

std::shared_ptr<arrow::Schema> Schema::ToArrow() const {
  arrow::FieldVector children;
  for (const Field& field : fields_) {
    children.push_back(arrow::field(field.name, field.type.ToArrow(), field.type.nullable()));
  }
  return arrow::schema(std::move(children));
}

namespace {

Result<DataType> FromArrowTimestamp(const arrow::TimestampType& type) {
  const int precision = type.unit() == arrow::TimeUnit::NANO    ? 9
                        : type.unit() == arrow::TimeUnit::MICRO ? 6
                        : type.unit() == arrow::TimeUnit::MILLI ? 3
                                                                : 0;
  return type.timezone().empty() ? DataType::Timestamp(precision) : DataType::TimestampLtz(precision);
}

Result<DataType> FromArrowNested(const arrow::DataType& type) {
  if (type.id() == arrow::Type::STRUCT) {
    std::vector<Field> fields;
    for (const auto& child : type.fields()) {
      FIRN_TRY(DataType child_type, FromArrow(*child->type()));
      fields.push_back({child->name(), child_type.WithNullable(child->nullable())});
    }
    return DataType::Row(std::move(fields));
  }
  if (type.id() == arrow::Type::MAP) {
    const auto& map = static_cast<const arrow::MapType&>(type);
    FIRN_TRY(DataType key, FromArrow(*map.key_type()));
    FIRN_TRY(DataType value, FromArrow(*map.item_type()));
    return DataType::Map(key.NotNull(), value.WithNullable(map.item_field()->nullable()));
  }
  const auto& list = static_cast<const arrow::BaseListType&>(type);
  FIRN_TRY(DataType element, FromArrow(*list.value_type()));
  return DataType::Array(element.WithNullable(list.value_field()->nullable()));
}

}  // namespace

Result<DataType> FromArrow(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::NA: return DataType::Null();
    case arrow::Type::BOOL: return DataType::Boolean();
    case arrow::Type::INT8: return DataType::TinyInt();
    case arrow::Type::INT16:
    case arrow::Type::UINT8: return DataType::SmallInt();
    case arrow::Type::INT32:
    case arrow::Type::UINT16: return DataType::Int();
    case arrow::Type::INT64:
    case arrow::Type::UINT32: return DataType::BigInt();
    case arrow::Type::FLOAT: return DataType::Float();
    case arrow::Type::DOUBLE: return DataType::Double();
    case arrow::Type::DECIMAL128: {
      const auto& decimal = static_cast<const arrow::Decimal128Type&>(type);
      if (decimal.scale() < 0 || decimal.scale() > decimal.precision()) break;
      return DataType::Decimal(decimal.precision(), decimal.scale());
    }
    case arrow::Type::STRING:
    case arrow::Type::LARGE_STRING: return DataType::String();
    case arrow::Type::BINARY:
    case arrow::Type::LARGE_BINARY: return DataType::Bytes();
    case arrow::Type::FIXED_SIZE_BINARY:
      return DataType::Binary(static_cast<const arrow::FixedSizeBinaryType&>(type).byte_width());
    case arrow::Type::DATE32: return DataType::Date();
    case arrow::Type::TIME32:
    case arrow::Type::TIME64: return DataType::Time(3);
    case arrow::Type::TIMESTAMP: return FromArrowTimestamp(static_cast<const arrow::TimestampType&>(type));
    case arrow::Type::LIST:
    case arrow::Type::LARGE_LIST:
    case arrow::Type::FIXED_SIZE_LIST:
    case arrow::Type::MAP:
    case arrow::Type::STRUCT: return FromArrowNested(type);
    case arrow::Type::DICTIONARY: return FromArrow(*static_cast<const arrow::DictionaryType&>(type).value_type());
    default: break;
  }
  return Error(ErrorCode::kNotSupported, fmt::format("no SQL type for the Arrow type {}", type.ToString()));
}

}  // namespace firn::types
