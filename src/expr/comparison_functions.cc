// SPDX-License-Identifier: Apache-2.0
#include <arrow/compare.h>
#include <arrow/util/decimal.h>

#include <algorithm>
#include <cmath>

#include "expr/function_groups_internal.h"
#include "expr/kernel_internal.h"
#include "expr/type_rules_internal.h"

namespace firn::expr {

namespace {

using types::DataType;
using types::TypeKind;

// As Flink's generated code compares: NaN equals itself and is neither smaller nor larger.
struct Equals {
  template <typename T>
  bool operator()(const T& left, const T& right) const {
    if constexpr (std::is_floating_point_v<T>) return left == right || (std::isnan(left) && std::isnan(right));
    return left == right;
  }
};
struct Differs {
  template <typename T>
  bool operator()(const T& left, const T& right) const {
    return !Equals()(left, right);
  }
};
struct Less {
  template <typename T>
  bool operator()(const T& left, const T& right) const {
    return left < right;
  }
};
struct LessOrEqual {
  template <typename T>
  bool operator()(const T& left, const T& right) const {
    return left <= right;
  }
};

/// Flink compares a text and a BOOLEAN as objects of two classes: they are never equal, 'TRUE' = TRUE included.
bool MixesTextAndBoolean(const std::vector<DataType>& types) {
  return types.size() == 2 && ((types[0].IsCharacter() && types[1].kind() == TypeKind::kBoolean) || (types[1].IsCharacter() && types[0].kind() == TypeKind::kBoolean));
}

template <typename Compare>
Result<Column> CompareUnlike(const KernelInput& input) {
  constexpr bool kAnswer = std::is_same_v<Compare, Differs>;
  const bool is_text_first = input.argument_types[0].IsCharacter();
  if (is_text_first) return Map<bool, std::string_view, bool>(input, [](std::string_view, bool) { return kAnswer; });
  return Map<bool, bool, std::string_view>(input, [](bool, std::string_view) { return kAnswer; });
}

/// What no type holds both of: a timestamp of nanoseconds beside one of microseconds, whose range is larger, and decimals that together have more than 38 digits.
/// They are compared as they are.
bool HaveNoCommonForm(const DataType& left, const DataType& right) {
  if (left.IsTimestamp() && left.kind() == right.kind()) return (left.precision() > 6) != (right.precision() > 6);
  if (left.kind() != TypeKind::kDecimal || right.kind() != TypeKind::kDecimal) return false;
  return std::max(left.precision() - left.scale(), right.precision() - right.scale()) + std::max(left.scale(), right.scale()) > types::kMaxDecimalPrecision;
}

template <typename Compare>
Result<Column> CompareMixed(const KernelInput& input) {
  const DataType& left = input.argument_types[0];
  const DataType& right = input.argument_types[1];
  if (left.IsTimestamp()) {
    FIRN_ASSERT(left.kind() == right.kind(), "{} is compared with {}", left.ToString(), right.ToString());
    const __int128 left_units = left.precision() > 6 ? 1 : 1000, right_units = right.precision() > 6 ? 1 : 1000;  // nanoseconds
    return Map<bool, int64_t, int64_t>(input, [=](int64_t l, int64_t r) { return Compare()(l * left_units, r * right_units); });
  }
  FIRN_ASSERT(left.kind() == TypeKind::kDecimal && right.kind() == TypeKind::kDecimal, "{} and {} are compared as decimals", left.ToString(), right.ToString());
  const int scale = std::max(left.scale(), right.scale());  // 76 digits at most, which 256 bits hold
  return Map<bool, arrow::Decimal128, arrow::Decimal128>(input, [=](const arrow::Decimal128& l, const arrow::Decimal128& r) {
    return Compare()(arrow::Decimal256(l).IncreaseScaleBy(scale - left.scale()), arrow::Decimal256(r).IncreaseScaleBy(scale - right.scale()));
  });
}

// Both sides have one type, but for MixesTextAndBoolean and HaveNoCommonForm.
template <typename Compare>
Result<Column> CompareColumns(const KernelInput& input) {
  const Compare compare;
  const DataType& type = input.argument_types[0];
  if (HaveNoCommonForm(type, input.argument_types[1])) return CompareMixed<Compare>(input);
  if (type.IsCharacter() != input.argument_types[1].IsCharacter()) return CompareUnlike<Compare>(input);
  FIRN_ASSERT(HaveOneForm(*type.ToArrow(), *input.argument_types[1].ToArrow()) || type.IsCharacter() || type.IsBytes(), "{} is compared with {}", type.ToString(), input.argument_types[1].ToString());
  switch (type.kind()) {
    case TypeKind::kNull: return NullColumn(input.result_type);
    case TypeKind::kBoolean: return Map<bool, bool, bool>(input, compare);
    case TypeKind::kDecimal: return Map<bool, arrow::Decimal128, arrow::Decimal128>(input, compare);
    case TypeKind::kChar:
    case TypeKind::kVarchar:
    case TypeKind::kBinary:
    case TypeKind::kVarbinary: return Map<bool, std::string_view, std::string_view>(input, compare);
    case TypeKind::kDate:
    case TypeKind::kTime:
    case TypeKind::kIntervalYearMonth: return Map<bool, int32_t, int32_t>(input, compare);
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampLtz:
    case TypeKind::kIntervalDayTime: return Map<bool, int64_t, int64_t>(input, compare);
    case TypeKind::kArray:
    case TypeKind::kMap:
    case TypeKind::kRow: break;
    default: return VisitNumber(type, [&]<typename T>() { return Map<bool, T, T>(input, compare); });
  }
  // Containers only come with = and <> (BindComparison).
  ColumnMaker<bool> maker(input.result_type, input.row_count);
  const Column& left = input.arguments[0];
  const Column& right = input.arguments[1];
  CheckLength(left, input.row_count);
  CheckLength(right, input.row_count);
  for (int64_t row = 0; row < input.row_count; ++row) {
    const int64_t l = left.is_constant ? 0 : row;
    const int64_t r = right.is_constant ? 0 : row;
    if (left.array->IsNull(l) || right.array->IsNull(r)) {
      maker.SetNull(row);
    } else {
      const bool equal = left.array->RangeEquals(*right.array, l, l + 1, r, arrow::EqualOptions::Defaults().nans_equal(true));
      maker.Set(row, std::is_same_v<Compare, Equals> == equal);
    }
  }
  return maker.Finish(false);
}

template <typename Compare>
Result<Column> CompareReversed(const KernelInput& input) {
  const std::vector<Column> arguments = {input.arguments[1], input.arguments[0]};
  const std::vector<DataType> types = {input.argument_types[1], input.argument_types[0]};
  return CompareColumns<Compare>({input.context, arguments, types, input.result_type, input.row_count});
}

// The type that both sides of a comparison are cast to.
Result<DataType> ComparisonType(const CallSite& call) {
  const DataType& left = call.types[0];
  const DataType& right = call.types[1];
  if (left.IsNumeric() && right.IsNumeric()) return CommonNumericType(left, right);
  const bool mixes_date = (left.kind() == TypeKind::kDate) != (right.kind() == TypeKind::kDate) && (left.IsTimestamp() || right.IsTimestamp());
  if (!mixes_date) {
    auto common = CommonType(call.types);
    if (common.ok()) return common;
  }
  return ArgumentError(call, "two values of comparable types; an explicit CAST makes them so");
}

Result<Signature> BindComparison(const CallSite& call) {
  if (call.types.size() != 2) return ArgumentError(call, "two operands");
  const bool is_equality = call.name == "=" || call.name == "<>" || call.name.starts_with("IS ");
  if (is_equality && MixesTextAndBoolean(call.types)) {
    return Signature{{call.types[0].WithNullable(true), call.types[1].WithNullable(true)}, Strict(DataType::Boolean(), call)};
  }
  const auto exact = [](const DataType& type) { return type.IsInteger() ? AsDecimal(type) : type; };
  const bool has_decimal = call.types[0].kind() == TypeKind::kDecimal || call.types[1].kind() == TypeKind::kDecimal;
  const DataType as_left = has_decimal ? exact(call.types[0]) : call.types[0], as_right = has_decimal ? exact(call.types[1]) : call.types[1];
  if (HaveNoCommonForm(as_left, as_right)) return Signature{{as_left.WithNullable(true), as_right.WithNullable(true)}, Strict(DataType::Boolean(), call)};
  FIRN_TRY(DataType common, ComparisonType(call));
  if (common.IsNested() && !is_equality) return ArgumentError(call, "values that have an order");
  const DataType left = common.WithNullable(true);
  return Signature{{left, left}, Strict(DataType::Boolean(), call).WithNullable(AnyNullable(call.types) || HasUntypedNull(call))};
}

template <bool kNegated>
Result<Column> IsDistinct(const KernelInput& input) {
  FIRN_TRY(Column equal, CompareColumns<Equals>(input));
  const Column& left = input.arguments[0];
  const Column& right = input.arguments[1];
  const BooleanView view(equal);
  ColumnMaker<bool> maker(input.result_type, input.row_count);
  for (int64_t row = 0; row < input.row_count; ++row) {
    const bool left_null = left.array->IsNull(left.is_constant ? 0 : row);
    const bool right_null = right.array->IsNull(right.is_constant ? 0 : row);
    const bool same = left_null || right_null ? left_null && right_null : view[row];
    maker.Set(row, same == kNegated);
  }
  return maker.Finish(false);
}

Result<Signature> BindDistinct(const CallSite& call) {
  FIRN_TRY(Signature signature, BindComparison(call));
  signature.result = DataType::Boolean().NotNull();
  return signature;
}

}  // namespace

std::vector<ScalarFunction> ComparisonFunctions() {
  return {
      {{"="}, "comparison", "value = value", "Whether both are equal.", {{"1 = 1.0", "TRUE"}}, BindComparison, CompareColumns<Equals>},
      {{"<>"}, "comparison", "value <> value", "Whether they differ.", {{"1 <> 2", "TRUE"}}, BindComparison, CompareColumns<Differs>},
      {{"<"}, "comparison", "value < value", "Whether the first is smaller.", {{"1 < 2", "TRUE"}}, BindComparison, CompareColumns<Less>},
      {{"<="}, "comparison", "value <= value", "Whether the first is not larger.", {{"2 <= 2", "TRUE"}}, BindComparison, CompareColumns<LessOrEqual>},
      {{">"}, "comparison", "value > value", "Whether the first is larger.", {{"1 > 2", "FALSE"}}, BindComparison, CompareReversed<Less>},
      {{">="}, "comparison", "value >= value", "Whether the first is not smaller.", {{"1 >= 2", "FALSE"}}, BindComparison, CompareReversed<LessOrEqual>},
      {{"IS DISTINCT FROM"}, "comparison", "value IS DISTINCT FROM value", "Whether they differ; NULL equals NULL.", {{"1 IS DISTINCT FROM 1", "FALSE"}},
       BindDistinct, IsDistinct<false>, true, false},
      {{"IS NOT DISTINCT FROM"}, "comparison", "value IS NOT DISTINCT FROM value", "Whether they are equal; NULL equals NULL.", {{"1 IS NOT DISTINCT FROM 1", "TRUE"}},
       BindDistinct, IsDistinct<true>, true, false},
  };
}

}  // namespace firn::expr
