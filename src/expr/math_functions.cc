// SPDX-License-Identifier: Apache-2.0
// Functions of real numbers, and ABS and SIGN of any. Arguments outside a function's domain give NaN or an infinity, as in Java.
#include <cmath>
#include <numbers>

#include "expr/function_groups_internal.h"
#include "expr/signatures_internal.h"

namespace firn::expr {

namespace {

using arrow::Decimal128;
using types::DataType;
using types::TypeKind;

template <double (*kFunction)(double)>
Result<Column> Real(const KernelInput& input) {
  return Map<double, double>(input, kFunction);
}
template <double (*kFunction)(double, double)>
Result<Column> RealOfTwo(const KernelInput& input) {
  return Map<double, double, double>(input, kFunction);
}

double Cotangent(double x) { return 1.0 / std::tan(x); }
double Degrees(double x) { return x * (180.0 / std::numbers::pi); }
double Radians(double x) { return x / 180.0 * std::numbers::pi; }

// LOG(x) is natural, LOG(base, x) to a base.
Result<Column> Logarithm(const KernelInput& input) {
  if (input.arguments.size() == 1) return Real<std::log>(input);
  return Map<double, double, double>(input, [](double base, double x) { return std::log(x) / std::log(base); });
}

template <double (*kValue)()>
Result<Column> Constant(const KernelInput& input) {
  ColumnMaker<double> maker(input.result_type, 1);
  maker.Set(0, kValue());
  return maker.Finish(true);
}
double Pi() { return std::numbers::pi; }
double Euler() { return std::numbers::e; }

Result<Signature> BindConstant(const CallSite& call) {
  if (!call.types.empty()) return ArgumentError(call, "no arguments");
  return Signature{{}, DataType::Double().NotNull()};
}

Result<Column> Absolute(const KernelInput& input) {
  if (input.result_type.kind() == TypeKind::kDecimal) return Map<Decimal128, Decimal128>(input, [](const Decimal128& value) { return Decimal128::Abs(value); });
  return VisitNumber(input.result_type, [&]<typename T>() {
    return Map<T, T>(input, [](T value) {
      if constexpr (std::is_floating_point_v<T>) return std::abs(value);
      else return value < 0 ? static_cast<T>(0 - static_cast<std::make_unsigned_t<T>>(value)) : value;  // the smallest stays, as in Java
    });
  });
}

Result<Column> Sign(const KernelInput& input) {
  if (input.result_type.kind() == TypeKind::kDecimal) {
    const Decimal128 one = Decimal128(Decimal128(1).IncreaseScaleBy(input.result_type.scale()));
    return Map<Decimal128, Decimal128>(input, [&](const Decimal128& value) { return value == Decimal128(0) ? Decimal128(0) : value.IsNegative() ? Decimal128(-one) : one; });
  }
  return VisitNumber(input.result_type, [&]<typename T>() {
    return Map<T, T>(input, [](T value) {
      if constexpr (std::is_floating_point_v<T>) return std::isnan(value) || value == 0 ? value : std::copysign(T{1}, value);
      else return static_cast<T>((value > 0) - (value < 0));
    });
  });
}

// The sign of DECIMAL(p, s) needs one digit before the point.
Result<Signature> BindSign(const CallSite& call) {
  FIRN_TRY(Signature signature, (BindSame<1, Want::kNumeric>(call)));
  const DataType& type = signature.result;
  if (type.kind() == TypeKind::kDecimal && type.precision() == type.scale()) signature.result = Strict(DataType::Decimal(std::min(38, type.precision() + 1), std::min(37, type.scale())), call);
  if (type.kind() == TypeKind::kDecimal) signature.arguments = {signature.result};
  return signature;
}

}  // namespace

std::vector<ScalarFunction> MathFunctions() {
  constexpr auto kOne = BindTo<DoubleType, 1, Want::kDouble>;
  constexpr auto kTwo = BindTo<DoubleType, 2, Want::kDouble, Want::kDouble>;
  return {
      {{"ABS"}, "arithmetic", "ABS(number)", "Without its sign.", {{"ABS(-3)", "3"}}, BindSame<1, Want::kNumeric>, Absolute},
      {{"SIGN"}, "arithmetic", "SIGN(number)", "-1, 0 or 1.", {{"SIGN(-3)", "-1"}}, BindSign, Sign},
      {{"POWER"}, "arithmetic", "POWER(base, exponent)", "The base raised to the exponent.", {{"POWER(2, 10)", "1024.0"}}, kTwo, RealOfTwo<std::pow>},
      {{"SQRT"}, "arithmetic", "SQRT(number)", "The square root.", {{"SQRT(4)", "2.0"}}, kOne, Real<std::sqrt>},
      {{"EXP"}, "arithmetic", "EXP(number)", "e raised to it.", {{"EXP(0)", "1.0"}}, kOne, Real<std::exp>},
      {{"LN"}, "arithmetic", "LN(number)", "The natural logarithm.", {{"LN(1)", "0.0"}}, kOne, Real<std::log>},
      {{"LOG10"}, "arithmetic", "LOG10(number)", "The logarithm to base 10.", {{"LOG10(1000)", "3.0"}}, kOne, Real<std::log10>},
      {{"LOG2"}, "arithmetic", "LOG2(number)", "The logarithm to base 2.", {{"LOG2(8)", "3.0"}}, kOne, Real<std::log2>},
      {{"LOG"}, "arithmetic", "LOG([base, ]number)", "The logarithm, natural or to a base.", {{"LOG(2, 8)", "3.0"}}, BindTo<DoubleType, 1, Want::kDouble, Want::kDouble>, Logarithm},
      {{"SIN"}, "arithmetic", "SIN(radians)", "The sine.", {{"SIN(0)", "0.0"}}, kOne, Real<std::sin>},
      {{"COS"}, "arithmetic", "COS(radians)", "The cosine.", {{"COS(0)", "1.0"}}, kOne, Real<std::cos>},
      {{"TAN"}, "arithmetic", "TAN(radians)", "The tangent.", {{"TAN(0)", "0.0"}}, kOne, Real<std::tan>},
      {{"COT"}, "arithmetic", "COT(radians)", "The cotangent.", {{"COT(1)", "0.6420926159343306"}}, kOne, Real<Cotangent>},
      {{"ASIN"}, "arithmetic", "ASIN(number)", "The arc sine.", {{"ASIN(0)", "0.0"}}, kOne, Real<std::asin>},
      {{"ACOS"}, "arithmetic", "ACOS(number)", "The arc cosine.", {{"ACOS(1)", "0.0"}}, kOne, Real<std::acos>},
      {{"ATAN"}, "arithmetic", "ATAN(number)", "The arc tangent.", {{"ATAN(0)", "0.0"}}, kOne, Real<std::atan>},
      {{"ATAN2"}, "arithmetic", "ATAN2(y, x)", "The angle of a point.", {{"ATAN2(0, 1)", "0.0"}}, kTwo, RealOfTwo<std::atan2>},
      {{"SINH"}, "arithmetic", "SINH(number)", "The hyperbolic sine.", {{"SINH(0)", "0.0"}}, kOne, Real<std::sinh>},
      {{"COSH"}, "arithmetic", "COSH(number)", "The hyperbolic cosine.", {{"COSH(0)", "1.0"}}, kOne, Real<std::cosh>},
      {{"TANH"}, "arithmetic", "TANH(number)", "The hyperbolic tangent.", {{"TANH(0)", "0.0"}}, kOne, Real<std::tanh>},
      {{"DEGREES"}, "arithmetic", "DEGREES(radians)", "Radians as degrees.", {{"DEGREES(PI())", "180.0"}}, kOne, Real<Degrees>},
      {{"RADIANS"}, "arithmetic", "RADIANS(degrees)", "Degrees as radians.", {{"RADIANS(180)", "3.141592653589793"}}, kOne, Real<Radians>},
      {{"PI"}, "arithmetic", "PI()", "The ratio of a circle's circumference to its diameter.", {{"PI()", "3.141592653589793"}}, BindConstant, Constant<Pi>},
      {{"E"}, "arithmetic", "E()", "The base of natural logarithms.", {{"E()", "2.718281828459045"}}, BindConstant, Constant<Euler>},
  };
}

}  // namespace firn::expr
