// SPDX-License-Identifier: Apache-2.0
#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include "expr/function_groups_internal.h"
#include "expr/kernel_internal.h"

namespace firn::expr {

namespace {

using types::DataType;
using types::TypeKind;

// when, then, when, then, ..., else
Result<Signature> BindCase(const CallSite& call) {
  if (call.types.size() < 3 || call.types.size() % 2 == 0) return ArgumentError(call, "WHEN condition THEN value ... ELSE value");
  std::vector<DataType> values;
  for (size_t i = 0; i < call.types.size(); ++i) {
    const bool is_condition = i % 2 == 0 && i + 1 < call.types.size();
    if (!is_condition) {
      values.push_back(call.types[i]);
    } else if (call.types[i].kind() != TypeKind::kBoolean) {
      return ArgumentError(call, "BOOLEAN conditions");
    }
  }
  FIRN_TRY(DataType common, CommonType(values));
  if (common.kind() == TypeKind::kNull) return ArgumentError(call, "at least one value with a type");
  Signature signature;
  for (size_t i = 0; i < call.types.size(); ++i) {
    const bool is_condition = i % 2 == 0 && i + 1 < call.types.size();
    signature.arguments.push_back(is_condition ? call.types[i] : common);
  }
  signature.result = common;
  return signature;
}

Result<Signature> BindCoalesce(const CallSite& call) {
  if (call.types.empty()) return ArgumentError(call, "values");
  FIRN_TRY(DataType common, CommonType(call.types));
  if (common.kind() == TypeKind::kNull) return ArgumentError(call, "at least one value with a type");
  bool nullable = true;
  for (const DataType& type : call.types) nullable &= type.nullable() || type.kind() == TypeKind::kNull;
  return Signature{std::vector<DataType>(call.types.size(), common), common.WithNullable(nullable)};
}

Result<Signature> BindExtreme(const CallSite& call) {
  if (call.types.empty() || HasUntypedNull(call)) return ArgumentError(call, "values of one type");
  FIRN_TRY(DataType common, CommonType(call.types));
  if (common.IsNested()) return ArgumentError(call, "values that have an order");
  return Signature{std::vector<DataType>(call.types.size(), common), Strict(common, call)};
}

// The row's largest or smallest argument; NULL if any is.
template <typename T, bool kGreatest>
Result<Column> ExtremeOf(const KernelInput& input) {
  std::vector<ViewOf<T>> views;
  for (size_t i = 0; i < input.arguments.size(); ++i) {
    FIRN_ASSERT(HaveOneForm(*input.arguments[i].array->type(), *input.result_type.ToArrow()), "a {} is the largest or smallest {}", input.argument_types[i].ToString(), input.result_type.ToString());
    CheckLength(input.arguments[i], input.row_count);
    views.emplace_back(input.arguments[i]);
  }
  using Out = std::conditional_t<std::is_same_v<T, std::string_view>, std::string, T>;
  auto maker = MakerOf<Out>(input);
  for (int64_t row = 0; row < input.row_count; ++row) {
    bool is_null = false;
    for (const auto& view : views) is_null |= !view.IsValid(row);
    if (is_null) {
      maker.SetNull(row);
      continue;
    }
    T best = views[0][row];
    for (const auto& view : views) {
      const T value = view[row];
      if (kGreatest ? best < value : value < best) best = value;
    }
    maker.Set(row, Out(best));
  }
  return maker.Finish(false);
}

template <bool kGreatest>
Result<Column> Extreme(const KernelInput& input) {
  const DataType& type = input.result_type;
  switch (type.kind()) {
    case TypeKind::kBoolean: return ExtremeOf<bool, kGreatest>(input);
    case TypeKind::kDecimal: return ExtremeOf<arrow::Decimal128, kGreatest>(input);
    case TypeKind::kChar:
    case TypeKind::kVarchar:
    case TypeKind::kBinary:
    case TypeKind::kVarbinary: return ExtremeOf<std::string_view, kGreatest>(input);
    case TypeKind::kDate:
    case TypeKind::kTime:
    case TypeKind::kIntervalYearMonth: return ExtremeOf<int32_t, kGreatest>(input);
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampLtz:
    case TypeKind::kIntervalDayTime: return ExtremeOf<int64_t, kGreatest>(input);
    default: return VisitNumber(type, [&]<typename T>() { return ExtremeOf<T, kGreatest>(input); });
  }
}

template <typename Test>
Result<Column> TestText(const KernelInput& input) {
  const StringView view(input.arguments[0]);
  ColumnMaker<bool> maker(input.result_type, input.row_count);
  for (int64_t row = 0; row < input.row_count; ++row) {
    maker.Set(row, view.IsValid(row) && Test()(view[row]));
  }
  return maker.Finish(false);
}

struct AllDigits {
  bool operator()(std::string_view text) const { return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos; }
};
struct AllLetters {
  bool operator()(std::string_view text) const {
    int32_t at = 0;
    const auto size = static_cast<int32_t>(text.size());
    while (at < size) {
      UChar32 code = 0;
      U8_NEXT(text.data(), at, size, code);
      if (code < 0 || !u_isalpha(code)) return false;
    }
    return size > 0;
  }
};
struct IsNumberText {
  bool operator()(std::string_view text) const {
    while (text.starts_with(' ')) text.remove_prefix(1);
    while (text.ends_with(' ')) text.remove_suffix(1);
    if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
    if (text == "NaN" || text == "Infinity") return true;
    if (const size_t e = text.find_first_of("eE"); e != std::string_view::npos) {
      std::string_view exponent = text.substr(e + 1);
      if (exponent.starts_with('-') || exponent.starts_with('+')) exponent.remove_prefix(1);
      if (exponent.empty() || exponent.find_first_not_of("0123456789") != std::string_view::npos) return false;
      text = text.substr(0, e);
    }
    const size_t dot = text.find('.');
    const std::string_view whole = text.substr(0, dot);
    const std::string_view fraction = dot == std::string_view::npos ? std::string_view() : text.substr(dot + 1);
    auto digits = [](std::string_view part) { return part.find_first_not_of("0123456789") == std::string_view::npos; };
    return digits(whole) && digits(fraction) && whole.size() + fraction.size() > 0;
  }
};

// What a correlated sub-query is worth: a count of its rows, and the first one's value.
Result<Signature> BindSingle(const CallSite& call) {
  if (call.types.size() != 2 || call.types[0].kind() != TypeKind::kBigInt) return ArgumentError(call, "a BIGINT and a value");
  return Signature{call.types, call.types[1].WithNullable(true)};
}

Result<Column> Single(const KernelInput& input) {
  const FixedView<int64_t> counts(input.arguments[0]);
  for (int64_t row = 0; row < input.row_count; ++row) {
    if (!counts.IsValid(row) || counts[row] <= 1) continue;
    return Error(ErrorCode::kEvaluationError, "a scalar sub-query gave more than one row").Hint("an aggregate makes it one");
  }
  return input.arguments[1];
}

Result<Signature> BindTest(const CallSite& call) {
  FIRN_TRY(std::vector<DataType> types, CheckArguments(call, {Want::kText}, 1, "a string"));
  return Signature{std::move(types), DataType::Boolean().NotNull()};
}

}  // namespace

std::vector<ScalarFunction> ConditionalFunctions() {
  std::vector<ScalarFunction> functions = {
      {{"CASE"}, "conditional", "CASE WHEN condition THEN value ... ELSE value END", "The value of the first condition that is TRUE.", {{"CASE WHEN 1 > 2 THEN 'a' ELSE 'b' END", "b"}}, BindCase},
      {{"COALESCE"}, "conditional", "COALESCE(value, ...)", "The first value that is not NULL.", {{"COALESCE(CAST(NULL AS INT), 5)", "5"}}, BindCoalesce},
      {{"GREATEST"}, "conditional", "GREATEST(value, ...)", "The largest value; NULL if one is.", {{"GREATEST(1, 3, 2)", "3"}}, BindExtreme, Extreme<true>},
      {{"LEAST"}, "conditional", "LEAST(value, ...)", "The smallest value; NULL if one is.", {{"LEAST(1, 3, 2)", "1"}}, BindExtreme, Extreme<false>},
      {{"IS_DIGIT"}, "conditional", "IS_DIGIT(string)", "Whether all characters are digits.", {{"IS_DIGIT('15')", "TRUE"}}, BindTest, TestText<AllDigits>},
      {{"IS_ALPHA"}, "conditional", "IS_ALPHA(string)", "Whether all characters are letters.", {{"IS_ALPHA('ab1')", "FALSE"}}, BindTest, TestText<AllLetters>},
      {{"IS_DECIMAL"}, "conditional", "IS_DECIMAL(string)", "Whether the text is a decimal number.", {{"IS_DECIMAL('1.5')", "TRUE"}}, BindTest, TestText<IsNumberText>},
  };
  functions.push_back({{"$SINGLE"}, "conditional", "$SINGLE(count, value)", "The value, if it is that of one row.", {}, BindSingle, Single});
  functions.back().can_fail = true;
  functions[0].is_lazy = functions[1].is_lazy = true;
  for (ScalarFunction& function : functions) function.is_strict = false;
  return functions;
}

}  // namespace firn::expr
