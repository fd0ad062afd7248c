// SPDX-License-Identifier: Apache-2.0
// + - * / % over numbers, dates, times and intervals. Integers wrap, as in Java; a DECIMAL or TIMESTAMP that overflows is NULL.
#include <arrow/util/decimal.h>
#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "expr/function_groups_internal.h"
#include "expr/kernel_internal.h"
#include "expr/type_rules_internal.h"
#include "types/temporal.h"

namespace firn::expr {

namespace {

using arrow::Decimal128;
using arrow::Decimal256;
using types::DataType;
using types::TypeKind;

Error DivisionByZero() { return Error(ErrorCode::kEvaluationError, "division by zero").Hint("NULLIF(divisor, 0) makes the result NULL instead"); }

// --- machine numbers ---

template <typename T>
T WrapAdd(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) return a + b;
  else return static_cast<T>(static_cast<std::make_unsigned_t<T>>(a) + static_cast<std::make_unsigned_t<T>>(b));
}
template <typename T>
T WrapSubtract(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) return a - b;
  else return static_cast<T>(static_cast<std::make_unsigned_t<T>>(a) - static_cast<std::make_unsigned_t<T>>(b));
}
template <typename T>
T WrapMultiply(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) return a * b;
  else return static_cast<T>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
}

// Of wide numbers, in the type of the divisor.
Result<Column> WideRemainder(const KernelInput& input) {
  return VisitNumber(input.result_type, [&]<typename T>() -> Result<Column> {
    return Map<T, int64_t, int64_t>(input, [](int64_t a, int64_t b) -> Result<T> {
      if (b == 0) return DivisionByZero();
      return b == -1 ? T{0} : static_cast<T>(a % b);
    });
  });
}

template <ArithmeticOperator kOperator>
Result<Column> NumberKernel(const KernelInput& input) {
  FIRN_ASSERT(input.argument_types[0].kind() == input.argument_types[1].kind(), "{} with {} gives {}", input.argument_types[0].ToString(), input.argument_types[1].ToString(), input.result_type.ToString());
  if (kOperator == ArithmeticOperator::kModulo && input.argument_types[0].kind() != input.result_type.kind()) return WideRemainder(input);
  return VisitNumber(input.result_type, [&]<typename T>() -> Result<Column> {
    if constexpr (kOperator == ArithmeticOperator::kAdd) return Map<T, T, T>(input, WrapAdd<T>);
    if constexpr (kOperator == ArithmeticOperator::kSubtract) return Map<T, T, T>(input, WrapSubtract<T>);
    if constexpr (kOperator == ArithmeticOperator::kMultiply) return Map<T, T, T>(input, WrapMultiply<T>);
    if constexpr (std::is_floating_point_v<T>) {
      if constexpr (kOperator == ArithmeticOperator::kDivide) return Map<T, T, T>(input, [](T a, T b) { return a / b; });
      return Map<T, T, T>(input, [](T a, T b) { return std::fmod(a, b); });
    } else {
      return Map<T, T, T>(input, [](T a, T b) -> Result<T> {
        if (b == 0) return DivisionByZero();
        if (b == -1) return kOperator == ArithmeticOperator::kDivide ? WrapSubtract<T>(0, a) : T{0};
        return static_cast<T>(kOperator == ArithmeticOperator::kDivide ? a / b : a % b);
      });
    }
  });
}

// --- DECIMAL ---

// Half away from zero.
Decimal256 RoundedDivide(const Decimal256& dividend, const Decimal256& divisor) {
  auto parts = dividend.Divide(divisor).ValueOrDie();
  const Decimal256 twice = Decimal256::Abs(parts.second) * Decimal256(2);
  if (twice >= Decimal256::Abs(divisor)) {
    const bool is_negative = dividend.IsNegative() != divisor.IsNegative();
    parts.first += Decimal256(is_negative ? -1 : 1);
  }
  return parts.first;
}

// A value of scale `from` in scale `to`, rounded.
Decimal256 Rescaled(const Decimal256& value, int from, int to) {
  if (to >= from) return value.IncreaseScaleBy(to - from);
  return RoundedDivide(value, Decimal256(1).IncreaseScaleBy(from - to));
}

// The value with so many zeros behind it; nothing if 76 digits do not hold that, of which all go into 256 bits.
std::optional<Decimal256> Extended(const Decimal256& value, int zeros) {
  constexpr int kDigits = Decimal256::kMaxPrecision;
  FIRN_ASSERT(zeros >= 0 && zeros <= kDigits, "{} zeros", zeros);
  if (value == Decimal256(0)) return value;
  if (zeros == kDigits || !value.FitsInPrecision(kDigits - zeros)) return std::nullopt;
  return Decimal256(value.IncreaseScaleBy(zeros));
}

std::optional<Decimal128> Fitted(const Decimal256& value, int precision) {
  if (!value.FitsInPrecision(precision)) return std::nullopt;
  return Decimal128(static_cast<int64_t>(value.native_endian_array()[1]), value.native_endian_array()[0]);
}

template <ArithmeticOperator kOperator>
Result<Column> DecimalKernel(const KernelInput& input) {
  const int s1 = input.argument_types[0].scale();
  const int s2 = input.argument_types[1].scale();
  const int scale = input.result_type.scale();
  const int precision = input.result_type.precision();
  FIRN_ASSERT(kOperator != ArithmeticOperator::kMultiply || scale <= s1 + s2, "a product of scales {} and {} has scale {}", s1, s2, scale);
  return Map<Decimal128, Decimal128, Decimal128>(input, [=](const Decimal128& left, const Decimal128& right) -> Result<std::optional<Decimal128>> {
    const Decimal256 a(left);
    const Decimal256 b(right);
    if constexpr (kOperator == ArithmeticOperator::kMultiply) return Fitted(Rescaled(a * b, s1 + s2, scale), precision);
    if constexpr (kOperator == ArithmeticOperator::kDivide) {
      if (b == Decimal256(0)) return DivisionByZero();
      const auto dividend = Extended(a, scale + s2 - s1);
      if (!dividend) return std::optional<Decimal128>();  // 77 digits by at most 38 are more than 38
      return Fitted(RoundedDivide(*dividend, b), precision);
    }
    const int common = std::max(s1, s2);
    const Decimal256 x = Rescaled(a, s1, common);
    const Decimal256 y = Rescaled(b, s2, common);
    if constexpr (kOperator == ArithmeticOperator::kAdd) return Fitted(Rescaled(x + y, common, scale), precision);
    if constexpr (kOperator == ArithmeticOperator::kSubtract) return Fitted(Rescaled(x + Decimal256(-y), common, scale), precision);
    if (y == Decimal256(0)) return DivisionByZero();
    return Fitted(Rescaled(x.Divide(y).ValueOrDie().second, common, scale), precision);
  });
}

// --- dates, times, intervals ---

// Timestamps count microseconds or, for precision above 6, nanoseconds.
int64_t UnitsPerMilli(const DataType& type) { return type.precision() <= 6 ? 1000 : 1'000'000; }

// Nothing: the sum is no TIMESTAMP.
std::optional<int64_t> AddMonthsToTimestamp(int64_t value, int64_t months, int64_t units_per_milli) {
  const int64_t day = types::kMillisPerDay * units_per_milli;
  int64_t sum = 0;
  if (__builtin_mul_overflow(types::AddMonths(types::FloorDivide(value, day), months), day, &sum) || __builtin_add_overflow(sum, types::FloorModulo(value, day), &sum)) return std::nullopt;
  return sum;
}
std::optional<int64_t> AddMillisToTimestamp(int64_t value, int64_t millis, int64_t units_per_milli) {
  int64_t sum = 0;
  if (__builtin_mul_overflow(millis, units_per_milli, &sum) || __builtin_add_overflow(sum, value, &sum)) return std::nullopt;
  return sum;
}

// Of microseconds: NULL, some 290,000 years away. Of nanoseconds: an error, since such years are in use.
Result<std::optional<int64_t>> BeyondTimestamps(int64_t value, const DataType& type) {
  if (type.precision() <= 6) return std::optional<int64_t>();
  std::string text;
  types::AppendTimestamp(&text, value, type.precision());
  return Error(ErrorCode::kEvaluationError, fmt::format("{} and the interval make no {}: nanoseconds are counted from 1677-09-21 to 2262-04-11", text, type.WithNullable(true).ToString()))
      .Hint("CAST(... AS TIMESTAMP(6)) takes the years 1 to 9999");
}

// An instant is moved as the time that it has in UTC, as in Flink: a day is 24 hours of it, also where clocks are put forward meanwhile.
Result<Column> AddToTimestamp(const KernelInput& input, int sign) {
  const DataType& type = input.result_type;
  const int64_t units = UnitsPerMilli(type);
  FIRN_ASSERT(UnitsPerMilli(input.argument_types[0]) == units && (sign == 1 || sign == -1), "{} and {} intervals make a {}", input.argument_types[0].ToString(), sign, type.ToString());
  if (input.argument_types[1].kind() == TypeKind::kIntervalYearMonth) {
    return Map<int64_t, int64_t, int32_t>(input, [=, &type](int64_t value, int32_t months) -> Result<std::optional<int64_t>> {
      const auto sum = AddMonthsToTimestamp(value, int64_t{sign} * months, units);
      return sum ? sum : BeyondTimestamps(value, type);
    });
  }
  return Map<int64_t, int64_t, int64_t>(input, [=, &type](int64_t value, int64_t millis) -> Result<std::optional<int64_t>> {
    const auto sum = AddMillisToTimestamp(value, WrapMultiply<int64_t>(sign, millis), units);
    return sum ? sum : BeyondTimestamps(value, type);
  });
}

Result<Column> AddInterval(const KernelInput& input, int sign) {
  const DataType& type = input.argument_types[0];
  const bool is_months = input.argument_types[1].kind() == TypeKind::kIntervalYearMonth;
  FIRN_ASSERT(input.argument_types[1].IsInterval() && type.kind() == input.result_type.kind(), "{} and {} make a {}", type.ToString(), input.argument_types[1].ToString(), input.result_type.ToString());
  if (type.IsTimestamp()) return AddToTimestamp(input, sign);
  if (type.kind() == TypeKind::kDate) {
    if (is_months) return Map<int32_t, int32_t, int32_t>(input, [=](int32_t days, int32_t months) { return static_cast<int32_t>(types::AddMonths(days, int64_t{sign} * months)); });
    return Map<int32_t, int32_t, int64_t>(input, [=](int32_t days, int64_t millis) { return static_cast<int32_t>(days + WrapMultiply<int64_t>(sign, millis) / types::kMillisPerDay); });
  }
  if (type.kind() == TypeKind::kTime) {
    if (is_months) return Map<int32_t, int32_t, int32_t>(input, [](int32_t time, int32_t) { return time; });
    return Map<int32_t, int32_t, int64_t>(input, [=](int32_t time, int64_t millis) { return static_cast<int32_t>(types::FloorModulo(time + WrapMultiply<int64_t>(sign, millis) % types::kMillisPerDay, types::kMillisPerDay)); });
  }
  if (is_months) return Map<int32_t, int32_t, int32_t>(input, [=](int32_t a, int32_t b) { return WrapAdd(a, WrapMultiply<int32_t>(sign, b)); });
  return Map<int64_t, int64_t, int64_t>(input, [=](int64_t a, int64_t b) { return WrapAdd(a, WrapMultiply<int64_t>(sign, b)); });
}

template <ArithmeticOperator kOperator>
Result<Column> ArithmeticKernel(const KernelInput& input) {
  const DataType& left = input.argument_types[0];
  const DataType& right = input.argument_types[1];
  if (right.IsInterval()) {
    if constexpr (kOperator == ArithmeticOperator::kAdd) return AddInterval(input, 1);
    if constexpr (kOperator == ArithmeticOperator::kSubtract) return AddInterval(input, -1);
  }
  if (left.IsInterval()) {  // times or divided by a number
    const auto apply = [](int64_t a, int64_t b) -> Result<int64_t> {
      if (kOperator == ArithmeticOperator::kMultiply) return WrapMultiply(a, b);
      if (b == 0) return DivisionByZero();
      return b == -1 ? WrapSubtract<int64_t>(0, a) : a / b;  // the processor stops at the smallest number by -1
    };
    if (left.kind() == TypeKind::kIntervalDayTime) return Map<int64_t, int64_t, int64_t>(input, apply);
    return Map<int32_t, int32_t, int64_t>(input, [&](int32_t a, int64_t b) -> Result<int32_t> {
      FIRN_TRY(int64_t value, apply(a, b));
      return static_cast<int32_t>(value);
    });
  }
  if (input.result_type.kind() == TypeKind::kDecimal) return DecimalKernel<kOperator>(input);
  return NumberKernel<kOperator>(input);
}

// Interval + timestamp: the interval goes second.
Result<Column> AddKernel(const KernelInput& input) {
  if (input.argument_types[0].IsInterval() && !input.argument_types[1].IsInterval()) {
    const std::vector<Column> arguments = {input.arguments[1], input.arguments[0]};
    const std::vector<DataType> types = {input.argument_types[1], input.argument_types[0]};
    return ArithmeticKernel<ArithmeticOperator::kAdd>({input.context, arguments, types, input.result_type, input.row_count});
  }
  return ArithmeticKernel<ArithmeticOperator::kAdd>(input);
}

bool TakesInterval(const DataType& type) { return type.IsTimestamp() || type.kind() == TypeKind::kDate || type.kind() == TypeKind::kTime; }

// The result of a moment or interval with an interval; nothing if that is not meant.
std::optional<Signature> BindIntervals(ArithmeticOperator op, const CallSite& call) {
  const DataType& left = call.types[0];
  const DataType& right = call.types[1];
  const bool is_sum = op == ArithmeticOperator::kAdd || op == ArithmeticOperator::kSubtract;
  if (is_sum && TakesInterval(left) && right.IsInterval()) return Signature{call.types, Strict(left.WithTimeAttribute(types::TimeAttribute::kNone), call)};
  if (op == ArithmeticOperator::kAdd && left.IsInterval() && TakesInterval(right)) return Signature{call.types, Strict(right.WithTimeAttribute(types::TimeAttribute::kNone), call)};
  if (is_sum && left.IsInterval() && left.kind() == right.kind()) return Signature{call.types, Strict(left, call)};
  const bool scales = op == ArithmeticOperator::kMultiply || op == ArithmeticOperator::kDivide;
  if (scales && left.IsInterval() && right.IsInteger()) return Signature{{left, DataType::BigInt()}, Strict(left, call)};
  return std::nullopt;
}

template <ArithmeticOperator kOperator>
Result<Signature> BindArithmetic(const CallSite& call) {
  if (call.types.size() != 2) return ArgumentError(call, "two operands");
  if (auto signature = BindIntervals(kOperator, call)) return *signature;
  DataType left = call.types[0];
  DataType right = call.types[1];
  if (left.kind() == TypeKind::kNull && right.IsNumeric()) left = right.WithNullable(true);
  if (right.kind() == TypeKind::kNull && left.IsNumeric()) right = left.WithNullable(true);
  if (!left.IsNumeric() || !right.IsNumeric()) return ArgumentError(call, "two numbers, or a date, time or interval with an interval");
  if (kOperator == ArithmeticOperator::kModulo && (left.IsApproximate() || right.IsApproximate())) {
    return ArgumentError(call, "exact numbers (TINYINT to BIGINT, DECIMAL)");
  }
  const DataType result = ArithmeticType(kOperator, left, right);
  Signature signature;
  signature.result = result.WithNullable(left.nullable() || right.nullable());
  if (result.kind() == TypeKind::kDecimal) {
    signature.arguments = {AsDecimal(left), AsDecimal(right)};
  } else if (kOperator == ArithmeticOperator::kModulo && left.kind() > right.kind()) {
    signature.arguments = {DataType::BigInt(), DataType::BigInt()};
  } else {
    signature.arguments = {result, result};
  }
  return signature;
}

Result<Signature> BindNegate(const CallSite& call) {
  if (call.types.size() != 1 || !(call.types[0].IsNumeric() || call.types[0].IsInterval())) return ArgumentError(call, "a number or an interval");
  return Signature{call.types, call.types[0]};
}

Result<Column> Negate(const KernelInput& input) {
  FIRN_ASSERT(input.argument_types[0].EqualsIgnoringNullability(input.result_type), "the opposite of a {} is a {}", input.argument_types[0].ToString(), input.result_type.ToString());
  switch (input.result_type.kind()) {
    case TypeKind::kDecimal: return Map<Decimal128, Decimal128>(input, [](const Decimal128& value) { return Decimal128(-value); });
    case TypeKind::kIntervalYearMonth: return Map<int32_t, int32_t>(input, [](int32_t value) { return WrapSubtract<int32_t>(0, value); });
    case TypeKind::kIntervalDayTime: return Map<int64_t, int64_t>(input, [](int64_t value) { return WrapSubtract<int64_t>(0, value); });
    default: return VisitNumber(input.result_type, [&]<typename T>() {
      return Map<T, T>(input, [](T value) {
        if constexpr (std::is_floating_point_v<T>) return -value;
        else return WrapSubtract<T>(0, value);
      });
    });
  }
}

}  // namespace

std::vector<ScalarFunction> ArithmeticFunctions() {
  using Op = ArithmeticOperator;
  std::vector<ScalarFunction> functions = {
      {{"+"}, "arithmetic", "number + number, time + interval", "The sum.", {{"1 + 1.5", "2.5"}}, BindArithmetic<Op::kAdd>, AddKernel},
      {{"-"}, "arithmetic", "number - number, time - interval", "The difference.", {{"3 - 5", "-2"}}, BindArithmetic<Op::kSubtract>, ArithmeticKernel<Op::kSubtract>},
      {{"*"}, "arithmetic", "number * number", "The product.", {{"1.1 * 1.1", "1.21"}}, BindArithmetic<Op::kMultiply>, ArithmeticKernel<Op::kMultiply>},
      {{"/"}, "arithmetic", "number / number", "The quotient; integers are cut towards zero.", {{"7 / 2", "3"}}, BindArithmetic<Op::kDivide>, ArithmeticKernel<Op::kDivide>},
      {{"%", "MOD"}, "arithmetic", "number % number", "The remainder, with the sign of the dividend.", {{"MOD(-5, 3)", "-2"}}, BindArithmetic<Op::kModulo>, ArithmeticKernel<Op::kModulo>},
      {{"UNARY -"}, "arithmetic", "-number", "The opposite.", {{"- 5", "-5"}}, BindNegate, Negate},
      {{"UNARY +"}, "arithmetic", "+number", "The number itself.", {{"+5", "5"}}, BindNegate, [](const KernelInput& input) -> Result<Column> { return input.arguments[0]; }},
  };
  functions[0].can_fail = functions[1].can_fail = true;  // of nanoseconds: see Program
  functions[3].can_fail = functions[4].can_fail = true;
  return functions;
}

}  // namespace firn::expr
