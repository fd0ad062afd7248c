// SPDX-License-Identifier: Apache-2.0
// The SQL types, with Flink's names, defaults and text, and how each lies in memory as an Arrow array:
//
//   BOOLEAN bool | TINYINT int8 | SMALLINT int16 | INT int32 | BIGINT int64 | FLOAT float | DOUBLE double
//   DECIMAL(p,s) decimal128(p,s) | CHAR(n), VARCHAR(n), STRING utf8 | BINARY(n), VARBINARY(n), BYTES binary
//   DATE date32 | TIME(p) time32[ms] | INTERVAL YEAR TO MONTH int32 (months) | INTERVAL DAY TO SECOND int64 (milliseconds)
//   TIMESTAMP(p), TIMESTAMP_LTZ(p): timestamp[us] for p <= 6, timestamp[ns] for p in 7..9, LTZ with time zone "UTC"
//   ARRAY<t> list | MAP<k, v> map | ROW<...> struct | NULL null
//
// Arrow's nullability flags are not consulted: a DataType knows whether it is nullable.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace arrow {
class DataType;
class Schema;
}  // namespace arrow

namespace firn::types {

enum class TypeKind : uint8_t {
  kNull,
  kBoolean,
  kTinyInt,
  kSmallInt,
  kInt,
  kBigInt,
  kFloat,
  kDouble,
  kDecimal,
  kChar,
  kVarchar,  // STRING is VARCHAR(kMaxLength)
  kBinary,
  kVarbinary,  // BYTES is VARBINARY(kMaxLength)
  kDate,
  kTime,
  kTimestamp,
  kTimestampLtz,
  kIntervalYearMonth,
  kIntervalDayTime,
  kArray,
  kMap,
  kRow,
};

/// Whether a column carries the time that windows go by. Only column references keep it; every function result loses it.
enum class TimeAttribute : uint8_t { kNone, kRowtime, kProctime };

inline constexpr int32_t kMaxLength = 2147483647;
inline constexpr int kMaxDecimalPrecision = 38;

struct Field;

/// A value type; immutable but for the With* copies. Thread-safe.
class DataType {
 public:
  DataType() = default;  // NULL

  static DataType Null() { return DataType(); }
  static DataType Boolean() { return DataType(TypeKind::kBoolean); }
  static DataType TinyInt() { return DataType(TypeKind::kTinyInt); }
  static DataType SmallInt() { return DataType(TypeKind::kSmallInt); }
  static DataType Int() { return DataType(TypeKind::kInt); }
  static DataType BigInt() { return DataType(TypeKind::kBigInt); }
  static DataType Float() { return DataType(TypeKind::kFloat); }
  static DataType Double() { return DataType(TypeKind::kDouble); }
  static DataType Decimal(int precision, int scale);
  static DataType Char(int32_t length);
  static DataType Varchar(int32_t length);
  static DataType String() { return Varchar(kMaxLength); }
  static DataType Binary(int32_t length);
  static DataType Varbinary(int32_t length);
  static DataType Bytes() { return Varbinary(kMaxLength); }
  static DataType Date() { return DataType(TypeKind::kDate); }
  static DataType Time(int precision = 0);
  static DataType Timestamp(int precision = 6);
  static DataType TimestampLtz(int precision = 6);
  static DataType IntervalYearMonth() { return DataType(TypeKind::kIntervalYearMonth); }
  static DataType IntervalDayTime() { return DataType(TypeKind::kIntervalDayTime); }
  static DataType Array(DataType element);
  static DataType Map(DataType key, DataType value);
  static DataType Row(std::vector<Field> fields);

  TypeKind kind() const { return kind_; }
  bool nullable() const { return nullable_; }
  TimeAttribute time_attribute() const { return time_attribute_; }
  int32_t length() const { return length_; }     // CHAR, VARCHAR, BINARY, VARBINARY
  int precision() const { return precision_; }   // DECIMAL, TIME, TIMESTAMP, TIMESTAMP_LTZ
  int scale() const { return scale_; }           // DECIMAL
  /// ROW: its fields; ARRAY: one, "element"; MAP: two, "key" and "value".
  const std::vector<Field>& fields() const;
  const DataType& element() const;  // ARRAY
  const DataType& key() const;      // MAP
  const DataType& value() const;    // MAP

  DataType WithNullable(bool nullable) const;
  DataType NotNull() const { return WithNullable(false); }
  DataType WithTimeAttribute(TimeAttribute attribute) const;

  bool IsInteger() const { return kind_ >= TypeKind::kTinyInt && kind_ <= TypeKind::kBigInt; }
  bool IsApproximate() const { return kind_ == TypeKind::kFloat || kind_ == TypeKind::kDouble; }
  bool IsNumeric() const { return kind_ >= TypeKind::kTinyInt && kind_ <= TypeKind::kDecimal; }
  bool IsCharacter() const { return kind_ == TypeKind::kChar || kind_ == TypeKind::kVarchar; }
  bool IsBytes() const { return kind_ == TypeKind::kBinary || kind_ == TypeKind::kVarbinary; }
  bool IsTimestamp() const { return kind_ == TypeKind::kTimestamp || kind_ == TypeKind::kTimestampLtz; }
  bool IsInterval() const { return kind_ == TypeKind::kIntervalYearMonth || kind_ == TypeKind::kIntervalDayTime; }
  bool IsNested() const { return kind_ >= TypeKind::kArray; }

  /// As Flink prints it: "DECIMAL(10, 2) NOT NULL", "STRING", "ROW<`a` INT, `b` STRING>", "TIMESTAMP(3) *ROWTIME*" when
  /// `with_attribute` (DESCRIBE).
  std::string ToString() const;
  std::string ToStringWithAttribute() const;

  /// Equal in all but the time attribute.
  bool operator==(const DataType& other) const;
  /// Equal but for nullability at any depth and the time attribute.
  bool EqualsIgnoringNullability(const DataType& other) const;

  std::shared_ptr<arrow::DataType> ToArrow() const;

 private:
  explicit DataType(TypeKind kind) : kind_(kind) {}

  TypeKind kind_ = TypeKind::kNull;
  bool nullable_ = true;
  TimeAttribute time_attribute_ = TimeAttribute::kNone;
  int8_t precision_ = 0;
  int8_t scale_ = 0;
  int32_t length_ = 0;
  std::shared_ptr<const std::vector<Field>> fields_;
};

struct Field {
  std::string name;
  DataType type;
  bool operator==(const Field&) const = default;
};

/// The columns of a relation, in order. Names may repeat (a query's result); FindColumn returns the first.
class Schema {
 public:
  Schema() = default;
  explicit Schema(std::vector<Field> fields) : fields_(std::move(fields)) {}

  const std::vector<Field>& fields() const { return fields_; }
  const Field& field(size_t index) const { return fields_[index]; }
  size_t size() const { return fields_.size(); }
  /// -1 if there is none.
  int FindColumn(std::string_view name) const;
  std::vector<std::string> names() const;
  std::shared_ptr<arrow::Schema> ToArrow() const;
  bool operator==(const Schema&) const = default;

 private:
  std::vector<Field> fields_;
};

using SchemaPtr = std::shared_ptr<const Schema>;

inline SchemaPtr MakeSchema(std::vector<Field> fields) { return std::make_shared<const Schema>(std::move(fields)); }

/// The type that Arrow data of a file or of another program maps to; kNotSupported names the Arrow type.
Result<DataType> FromArrow(const arrow::DataType& type);

}  // namespace firn::types
