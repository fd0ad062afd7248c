// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "expr/scalar_function.h"
#include "expr/type_rules_internal.h"

namespace firn::expr {

using types::DataType;
using types::TypeKind;

DataType AsDecimal(const DataType& type) {
  switch (type.kind()) {
    case TypeKind::kTinyInt: return DataType::Decimal(3, 0);
    case TypeKind::kSmallInt: return DataType::Decimal(5, 0);
    case TypeKind::kInt: return DataType::Decimal(10, 0);
    case TypeKind::kBigInt: return DataType::Decimal(19, 0);
    case TypeKind::kDecimal: return DataType::Decimal(type.precision(), type.scale());
    default: FIRN_UNREACHABLE("{} is no exact number", type.ToString());
  }
}

DataType CapDecimal(int precision, int scale) {
  if (precision <= types::kMaxDecimalPrecision) return DataType::Decimal(std::max(precision, 1), scale);
  const int whole = precision - scale;
  const int kept = std::max(types::kMaxDecimalPrecision - whole, std::min(scale, 6));
  FIRN_ASSERT(scale >= 0 && kept <= scale && kept <= types::kMaxDecimalPrecision, "of DECIMAL({}, {}) {} digits behind the point are kept", precision, scale, kept);
  return DataType::Decimal(types::kMaxDecimalPrecision, kept);
}

DataType ArithmeticType(ArithmeticOperator op, const DataType& left, const DataType& right) {
  const bool has_decimal = left.kind() == TypeKind::kDecimal || right.kind() == TypeKind::kDecimal;
  if (left.IsApproximate() && right.IsApproximate()) return DataType(left).WithNullable(true);  // Flink's rule: FLOAT * DOUBLE is a FLOAT, DOUBLE * FLOAT a DOUBLE
  if (left.IsApproximate() || right.IsApproximate()) {
    const bool has_float = left.kind() == TypeKind::kFloat || right.kind() == TypeKind::kFloat;
    return has_float && !has_decimal ? DataType::Float() : DataType::Double();
  }
  if (!has_decimal) return DataType(left.kind() >= right.kind() && op != ArithmeticOperator::kModulo ? left : right).WithNullable(true);  // a rest is smaller than its divisor
  const DataType a = AsDecimal(left);
  const DataType b = AsDecimal(right);
  const int p1 = a.precision(), s1 = a.scale(), p2 = b.precision(), s2 = b.scale();
  FIRN_ASSERT(s1 >= 0 && s1 <= p1 && s2 >= 0 && s2 <= p2, "{} and {} are no decimals", a.ToString(), b.ToString());
  switch (op) {
    case ArithmeticOperator::kAdd:
    case ArithmeticOperator::kSubtract: {
      const int scale = std::max(s1, s2);
      return CapDecimal(std::max(p1 - s1, p2 - s2) + scale + 1, scale);
    }
    case ArithmeticOperator::kMultiply: return CapDecimal(p1 + p2 + 1, s1 + s2);
    case ArithmeticOperator::kDivide: {
      const int scale = std::max(6, s1 + p2 + 1);
      return CapDecimal(p1 - s1 + s2 + scale, scale);
    }
    case ArithmeticOperator::kModulo: {
      const int scale = std::max(s1, s2);
      return CapDecimal(std::min(p1 - s1, p2 - s2) + scale, scale);
    }
  }
  FIRN_UNREACHABLE("operator");
}

DataType CommonNumericType(const DataType& left, const DataType& right) {
  if (left.IsApproximate() || right.IsApproximate()) {
    const auto is_narrow = [](const DataType& type) { return type.kind() == TypeKind::kFloat || type.IsInteger(); };
    return is_narrow(left) && is_narrow(right) ? DataType::Float() : DataType::Double();  // as in Java
  }
  if (left.kind() != TypeKind::kDecimal && right.kind() != TypeKind::kDecimal) return DataType(left.kind() >= right.kind() ? left : right).WithNullable(true);
  const DataType a = AsDecimal(left);
  const DataType b = AsDecimal(right);
  const int whole = std::max(a.precision() - a.scale(), b.precision() - b.scale());
  const int scale = std::min(std::max(a.scale(), b.scale()), types::kMaxDecimalPrecision - whole);  // digits in front of the point go first
  FIRN_ASSERT(whole >= 0 && scale >= 0, "{} and {} have {} digits in front of the point and {} behind it", left.ToString(), right.ToString(), whole, scale);
  return DataType::Decimal(whole + scale, scale);
}

namespace {

// nullopt: there is no common type.
std::optional<DataType> Join(const DataType& left, const DataType& right);

std::optional<DataType> JoinText(const DataType& left, const DataType& right) {
  const bool is_bytes = left.IsBytes();
  const int32_t length = std::max(left.length(), right.length());
  const bool is_fixed = left.kind() == right.kind() && (left.kind() == TypeKind::kChar || left.kind() == TypeKind::kBinary) && left.length() == right.length();
  if (is_fixed) return is_bytes ? DataType::Binary(length) : DataType::Char(length);
  return is_bytes ? DataType::Varbinary(length) : DataType::Varchar(length);
}

std::optional<DataType> JoinNested(const DataType& left, const DataType& right) {
  if (left.fields().size() != right.fields().size()) return std::nullopt;
  std::vector<types::Field> fields;
  for (size_t i = 0; i < left.fields().size(); ++i) {
    auto joined = Join(left.fields()[i].type, right.fields()[i].type);
    if (!joined) return std::nullopt;
    fields.push_back({left.fields()[i].name, std::move(*joined)});
  }
  if (left.kind() == TypeKind::kArray) return DataType::Array(fields[0].type);
  if (left.kind() == TypeKind::kMap) return DataType::Map(fields[0].type, fields[1].type);
  return DataType::Row(std::move(fields));
}

std::optional<DataType> JoinKinds(const DataType& left, const DataType& right) {
  if (left.kind() == TypeKind::kNull) return right;
  if (right.kind() == TypeKind::kNull) return left;
  if (left.IsNumeric() && right.IsNumeric()) return CommonNumericType(left, right);
  if (left.IsCharacter() && right.IsCharacter()) return JoinText(left, right);
  if (left.IsBytes() && right.IsBytes()) return JoinText(left, right);
  if (left.IsTimestamp() && right.IsTimestamp()) {
    const int precision = std::max(left.precision(), right.precision());
    return left.kind() == right.kind() && left.kind() == TypeKind::kTimestamp ? DataType::Timestamp(precision) : DataType::TimestampLtz(precision);
  }
  if (left.kind() == TypeKind::kDate && right.IsTimestamp()) return right;
  if (right.kind() == TypeKind::kDate && left.IsTimestamp()) return left;
  if (left.kind() != right.kind()) return std::nullopt;
  if (left.kind() == TypeKind::kTime) return DataType::Time(std::max(left.precision(), right.precision()));
  if (left.IsNested()) return JoinNested(left, right);
  return left;
}

std::optional<DataType> Join(const DataType& left, const DataType& right) {
  auto joined = JoinKinds(left, right);
  if (!joined) return std::nullopt;
  const bool nullable = left.nullable() || right.nullable() || left.kind() == TypeKind::kNull || right.kind() == TypeKind::kNull;
  if (left.time_attribute() != right.time_attribute()) joined = joined->WithTimeAttribute(types::TimeAttribute::kNone);
  return joined->WithNullable(nullable);
}

}  // namespace

Result<DataType> CommonType(std::span<const DataType> types) {
  FIRN_ASSERT(!types.empty(), "no types to join");
  DataType common = types[0];
  for (const DataType& type : types.subspan(1)) {
    auto joined = Join(common, type);
    if (!joined) {
      return Error(ErrorCode::kTypeMismatch, fmt::format("{} and {} have no common type", common.ToString(), type.ToString())).Hint("an explicit CAST makes them one");
    }
    common = std::move(*joined);
  }
  return common;
}

}  // namespace firn::expr
