// SPDX-License-Identifier: Apache-2.0
#include "connect/iceberg_predicate.h"

#include <arrow/array.h>
#include <arrow/util/decimal.h>

#include <limits>
#include <optional>
#include <string>

#include "expr/scalar_function.h"

namespace firn::connect {

using expr::Expression;
using expr::ExpressionKind;
using iceberg::Literal;
using iceberg::NestedField;
using iceberg::PredicateOp;
using iceberg::ScanPredicate;
using iceberg::TypeId;
using types::TypeKind;

namespace {

std::optional<int64_t> WholeNumber(const Expression& literal) {
  const arrow::Array& array = *literal.literal;
  switch (literal.type.kind()) {
    case TypeKind::kTinyInt: return static_cast<const arrow::Int8Array&>(array).Value(0);
    case TypeKind::kSmallInt: return static_cast<const arrow::Int16Array&>(array).Value(0);
    case TypeKind::kInt: return static_cast<const arrow::Int32Array&>(array).Value(0);
    case TypeKind::kBigInt: return static_cast<const arrow::Int64Array&>(array).Value(0);
    default: return std::nullopt;
  }
}

std::optional<double> Approximate(const Expression& literal) {
  const arrow::Array& array = *literal.literal;
  if (literal.type.kind() == TypeKind::kFloat) return static_cast<double>(static_cast<const arrow::FloatArray&>(array).Value(0));
  if (literal.type.kind() == TypeKind::kDouble) return static_cast<const arrow::DoubleArray&>(array).Value(0);
  return std::nullopt;
}

// In the units of the column. A literal finer than the column's microseconds has no such form.
std::optional<int64_t> PointInTime(const Expression& literal, bool is_nanoseconds) {
  const int64_t value = static_cast<const arrow::TimestampArray&>(*literal.literal).Value(0);
  const bool has_nanoseconds = literal.type.precision() > 6;
  if (has_nanoseconds == is_nanoseconds) return value;
  if (is_nanoseconds) {
    int64_t scaled = 0;
    return __builtin_mul_overflow(value, int64_t{1000}, &scaled) ? std::nullopt : std::optional<int64_t>(scaled);
  }
  return value % 1000 == 0 ? std::optional<int64_t>(value / 1000) : std::nullopt;
}

std::optional<Literal> DecimalOf(const Expression& literal, int scale) {
  if (literal.type.kind() != TypeKind::kDecimal || literal.type.scale() != scale) return std::nullopt;
  const auto value = arrow::Decimal128(static_cast<const arrow::Decimal128Array&>(*literal.literal).GetValue(0));
  return Literal((static_cast<iceberg::Int128>(value.high_bits()) << 64) | static_cast<iceberg::Int128>(value.low_bits()));
}

std::optional<Literal> TextOf(const Expression& literal) {
  if (!literal.type.IsCharacter() && !literal.type.IsBytes()) return std::nullopt;
  const arrow::Array& array = *literal.literal;
  if (array.type_id() == arrow::Type::FIXED_SIZE_BINARY) return std::nullopt;
  return Literal(static_cast<const arrow::BinaryArray&>(array).GetString(0));
}

std::optional<Literal> NumberOf(const Expression& literal, TypeId column) {
  if (column == TypeId::kFloat || column == TypeId::kDouble) {
    const auto value = Approximate(literal);
    if (!value || *value != *value) return std::nullopt;  // NaN compares by no rule that bounds know
    if (column == TypeId::kDouble) return Literal(*value);
    const auto narrow = static_cast<float>(*value);
    return static_cast<double>(narrow) == *value ? std::optional<Literal>(Literal(narrow)) : std::nullopt;
  }
  const auto value = WholeNumber(literal);
  if (!value) return std::nullopt;
  if (column == TypeId::kLong) return Literal(*value);
  const bool fits = *value >= std::numeric_limits<int32_t>::min() && *value <= std::numeric_limits<int32_t>::max();
  return fits ? std::optional<Literal>(Literal(static_cast<int32_t>(*value))) : std::nullopt;
}

// The constant in the form that the column has; nothing if it has none there.
std::optional<Literal> LiteralFor(const iceberg::Type& column, const Expression& literal) {
  if (literal.kind != ExpressionKind::kLiteral || literal.literal->IsNull(0)) return std::nullopt;
  const TypeKind kind = literal.type.kind();
  switch (column.id) {
    case TypeId::kBoolean:
      if (kind != TypeKind::kBoolean) return std::nullopt;
      return Literal(static_cast<const arrow::BooleanArray&>(*literal.literal).Value(0));
    case TypeId::kInt:
    case TypeId::kLong:
    case TypeId::kFloat:
    case TypeId::kDouble: return NumberOf(literal, column.id);
    case TypeId::kDecimal: return DecimalOf(literal, column.scale);
    case TypeId::kDate:
      if (kind != TypeKind::kDate) return std::nullopt;
      return Literal(static_cast<const arrow::Date32Array&>(*literal.literal).Value(0));
    case TypeId::kTimestamp:
    case TypeId::kTimestampNs:
    case TypeId::kTimestampTz:
    case TypeId::kTimestampTzNs: {
      const bool is_local = column.id == TypeId::kTimestampTz || column.id == TypeId::kTimestampTzNs;
      if (kind != (is_local ? TypeKind::kTimestampLtz : TypeKind::kTimestamp)) return std::nullopt;
      const auto value = PointInTime(literal, column.id == TypeId::kTimestampNs || column.id == TypeId::kTimestampTzNs);
      return value ? std::optional<Literal>(Literal(*value)) : std::nullopt;
    }
    case TypeId::kString:
      return literal.type.IsCharacter() ? TextOf(literal) : std::nullopt;
    case TypeId::kBinary:
      return literal.type.IsBytes() ? TextOf(literal) : std::nullopt;
    default: return std::nullopt;
  }
}

class Translator {
 public:
  explicit Translator(const std::vector<const NestedField*>& fields) : fields_(fields) {}

  ScanPredicate Translate(const Expression& expression) const {
    if (expression.kind == ExpressionKind::kLiteral) return OfConstant(expression);
    if (expression.kind == ExpressionKind::kColumn) {
      const NestedField* column = ColumnOf(expression);
      const bool is_truth = column != nullptr && column->type.id == TypeId::kBoolean;
      return is_truth ? ScanPredicate::Compare(PredicateOp::kEqual, column->id, Literal(true)) : ScanPredicate::True();
    }
    const std::string_view name = expression.function->names.front();
    if (name == "AND" || name == "OR") {
      std::vector<ScanPredicate> children;
      for (const expr::ExpressionPtr& argument : expression.arguments) children.push_back(Translate(*argument));
      return name == "AND" ? ScanPredicate::And(std::move(children)) : ScanPredicate::Or(std::move(children));
    }
    if (name == "NOT") return ScanPredicate::Not(Translate(*expression.arguments[0]));
    if (name == "IS NULL" || name == "IS NOT NULL") {
      const NestedField* column = ColumnOf(*expression.arguments[0]);
      if (column == nullptr) return ScanPredicate::True();
      return name == "IS NULL" ? ScanPredicate::IsNull(column->id) : ScanPredicate::IsNotNull(column->id);
    }
    if (name == "STARTSWITH") return Compare(PredicateOp::kStartsWith, expression);
    if (name == "LIKE" && expression.arguments.size() == 2) return Like(expression);  // with an escape character a % may stand for itself
    if (const auto op = ComparisonOf(name)) return Compare(*op, expression);
    return ScanPredicate::True();
  }

 private:
  static ScanPredicate OfConstant(const Expression& literal) {
    const bool is_true = literal.type.kind() != TypeKind::kBoolean || (!literal.literal->IsNull(0) && static_cast<const arrow::BooleanArray&>(*literal.literal).Value(0));
    return is_true ? ScanPredicate::True() : ScanPredicate{PredicateOp::kFalse, 0, {}, {}};
  }

  static std::optional<PredicateOp> ComparisonOf(std::string_view name) {
    if (name == "=") return PredicateOp::kEqual;
    if (name == "<>") return PredicateOp::kNotEqual;
    if (name == "<") return PredicateOp::kLess;
    if (name == "<=") return PredicateOp::kLessOrEqual;
    if (name == ">") return PredicateOp::kGreater;
    if (name == ">=") return PredicateOp::kGreaterOrEqual;
    return std::nullopt;
  }

  static PredicateOp Mirrored(PredicateOp op) {
    switch (op) {
      case PredicateOp::kLess: return PredicateOp::kGreater;
      case PredicateOp::kLessOrEqual: return PredicateOp::kGreaterOrEqual;
      case PredicateOp::kGreater: return PredicateOp::kLess;
      case PredicateOp::kGreaterOrEqual: return PredicateOp::kLessOrEqual;
      default: return op;
    }
  }

  // The column, also beneath casts that keep every value and their order.
  const NestedField* ColumnOf(const Expression& expression) const {
    if (expression.kind == ExpressionKind::kColumn) return fields_[static_cast<size_t>(expression.index)];
    if (expression.kind != ExpressionKind::kCall || expression.function->names.front() != "CAST") return nullptr;
    const types::DataType& from = expression.arguments[0]->type;
    const types::DataType& to = expression.type;
    const bool widens = (from.IsInteger() && to.IsInteger() && to.kind() >= from.kind()) || (from.kind() == TypeKind::kFloat && to.kind() == TypeKind::kDouble) ||
                        (from.kind() == to.kind() && from.IsTimestamp() && to.precision() >= from.precision()) ||
                        (from.IsCharacter() && to.kind() == TypeKind::kVarchar && to.length() >= from.length());
    return widens ? ColumnOf(*expression.arguments[0]) : nullptr;
  }

  // SQL's zeros are equal; in bounds the negative one is less.
  template <typename T>
  static ScanPredicate CompareZero(PredicateOp op, int32_t column, T zero) {
    switch (op) {
      case PredicateOp::kLess:
      case PredicateOp::kGreaterOrEqual: return ScanPredicate::Compare(op, column, Literal(-zero));
      case PredicateOp::kLessOrEqual:
      case PredicateOp::kGreater: return ScanPredicate::Compare(op, column, Literal(zero));
      case PredicateOp::kEqual:
        return ScanPredicate::And({ScanPredicate::Compare(PredicateOp::kGreaterOrEqual, column, Literal(-zero)), ScanPredicate::Compare(PredicateOp::kLessOrEqual, column, Literal(zero))});
      default: return ScanPredicate::True();
    }
  }

  ScanPredicate Compare(PredicateOp op, const Expression& call) const {
    const Expression* value = call.arguments[1].get();
    const NestedField* column = ColumnOf(*call.arguments[0]);
    if (column == nullptr && op != PredicateOp::kStartsWith) {
      column = ColumnOf(*call.arguments[1]);
      value = call.arguments[0].get();
      op = Mirrored(op);
    }
    if (column == nullptr) return ScanPredicate::True();
    auto literal = LiteralFor(column->type, *value);
    if (!literal) return ScanPredicate::True();
    if (const auto* number = literal->get_if<double>(); number != nullptr && *number == 0) return CompareZero(op, column->id, 0.0);
    if (const auto* number = literal->get_if<float>(); number != nullptr && *number == 0) return CompareZero(op, column->id, 0.0f);
    return ScanPredicate::Compare(op, column->id, std::move(*literal));
  }

  // What stands before the first % or _ begins every text that is like the pattern.
  ScanPredicate Like(const Expression& call) const {
    const NestedField* column = ColumnOf(*call.arguments[0]);
    if (column == nullptr || column->type.id != TypeId::kString) return ScanPredicate::True();
    const auto pattern = LiteralFor(column->type, *call.arguments[1]);
    if (!pattern) return ScanPredicate::True();
    const std::string& text = *pattern->get_if<std::string>();
    std::string prefix = text.substr(0, text.find_first_of("%_"));
    return prefix.empty() ? ScanPredicate::True() : ScanPredicate::Compare(PredicateOp::kStartsWith, column->id, Literal(std::move(prefix)));
  }

  const std::vector<const NestedField*>& fields_;
};

}  // namespace

ScanPredicate ScanPredicateOf(const std::vector<expr::ExpressionPtr>& conjuncts, const std::vector<const NestedField*>& fields) {
  const Translator translator(fields);
  std::vector<ScanPredicate> children;
  for (const expr::ExpressionPtr& conjunct : conjuncts) children.push_back(translator.Translate(*conjunct));
  if (children.empty()) return ScanPredicate::True();
  return ScanPredicate::And(std::move(children));
}

}  // namespace firn::connect
