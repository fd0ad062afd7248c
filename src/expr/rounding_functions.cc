// SPDX-License-Identifier: Apache-2.0
// FLOOR and CEIL of numbers, and of times to a unit; ROUND (half away from zero) and TRUNCATE.
#include <arrow/util/decimal.h>

#include <charconv>
#include <cmath>

#include "expr/calendar_internal.h"
#include "expr/function_groups_internal.h"
#include "expr/signatures_internal.h"

namespace firn::expr {

namespace {

using arrow::Decimal128;
using types::DataType;
using types::TypeKind;

Decimal128 DecimalPowerOfTen(int exponent) { return Decimal128(Decimal128(1).IncreaseScaleBy(exponent)); }

// --- FLOOR, CEIL ---

Result<Signature> BindFloor(const CallSite& call) {
  if (call.types.size() == 2) return BindRoundTime(call);
  if (call.types.size() != 1 || !call.types[0].IsNumeric()) return ArgumentError(call, "a number, or a time TO a unit");
  DataType result = call.types[0];
  if (result.kind() == TypeKind::kDecimal) result = DataType::Decimal(result.precision(), 0);
  return Signature{call.types, Strict(std::move(result), call)};
}

template <bool kUp>
Result<Column> Floor(const KernelInput& input) {
  if (input.arguments.size() == 2) return RoundTime(input, kUp);
  const DataType& type = input.argument_types[0];
  if (type.kind() == TypeKind::kDecimal) {
    FIRN_ASSERT(input.result_type.scale() == 0, "a whole number of {} is a {}", type.ToString(), input.result_type.ToString());
    if (type.scale() == 0) return input.arguments[0];
    const Decimal128 one = DecimalPowerOfTen(type.scale());
    return Map<Decimal128, Decimal128>(input, [&](const Decimal128& value) {
      const auto parts = value.Divide(one).ValueOrDie();
      if (parts.second == Decimal128(0) || value.IsNegative() == kUp) return parts.first;
      return Decimal128(parts.first + Decimal128(kUp ? 1 : -1));
    });
  }
  if (!type.IsApproximate()) return input.arguments[0];
  return VisitNumber(type, [&]<typename T>() { return Map<T, T>(input, [](T value) { return kUp ? std::ceil(value) : std::floor(value); }); });
}

// --- ROUND, TRUNCATE ---

// The digits of `value` as its shortest text has them, cut or rounded at `digits` behind the point: 1.005 to 2 is 1.01.
// A zero has no sign, as java.math.BigDecimal has none.
double RoundDouble(double value, int64_t digits, bool cuts) {
  if (value == 0) return 0;
  if (!std::isfinite(value) || digits > 340) return value;
  char text[40];
  const auto [end, status] = std::to_chars(text, text + sizeof(text), std::abs(value), std::chars_format::scientific);
  FIRN_ASSERT(status == std::errc(), "a double has no text");
  const char* e = std::find(text, end, 'e');
  int exponent = 0;
  std::from_chars(e[1] == '+' ? e + 2 : e + 1, end, exponent);
  std::string mantissa;  // value = 0.mantissa * 10^(exponent + 1)
  for (const char* c = text; c != e; ++c) {
    if (*c != '.') mantissa.push_back(*c);
  }
  const int64_t kept = exponent + 1 + digits;
  if (kept >= static_cast<int64_t>(mantissa.size())) return value;
  if (kept < 0) return 0;
  const bool rounds_up = !cuts && mantissa[static_cast<size_t>(kept)] >= '5';
  std::string rounded = "0" + mantissa.substr(0, static_cast<size_t>(kept));
  for (size_t at = rounded.size(); rounds_up && at-- > 0;) {
    if (rounded[at] != '9') {
      ++rounded[at];
      break;
    }
    rounded[at] = '0';
  }
  rounded += "e" + std::to_string(exponent + 1 - kept);
  double result = 0;
  std::from_chars(rounded.data(), rounded.data() + rounded.size(), result);
  return result == 0 ? 0 : std::copysign(result, value);
}

// To a multiple of 10^-digits, for digits < 0.
int64_t RoundInteger(int64_t value, int64_t digits, bool cuts) {
  if (digits >= 0) return value;
  constexpr int64_t kHalfOfTen19 = 5'000'000'000'000'000'000;
  if (digits == -19 && !cuts && (value >= kHalfOfTen19 || value <= -kHalfOfTen19)) return static_cast<int64_t>(value < 0 ? uint64_t{0} - 10'000'000'000'000'000'000u : 10'000'000'000'000'000'000u);  // its low bits
  if (digits < -18) return 0;
  int64_t unit = 1;
  for (int64_t i = digits; i < 0; ++i) unit *= 10;
  const int64_t rest = value % unit;
  int64_t result = value - rest;
  if (!cuts && std::abs(rest) >= unit - std::abs(rest)) result = static_cast<int64_t>(static_cast<uint64_t>(result) + static_cast<uint64_t>(value < 0 ? -unit : unit));
  return result;
}

std::optional<Decimal128> RoundDecimal(const Decimal128& value, int scale, int64_t digits, bool cuts, const DataType& target) {
  if (digits >= scale) return Decimal128(value.IncreaseScaleBy(target.scale() - scale));
  const int64_t dropped = scale - digits;
  if (dropped > 38) return Decimal128(0);
  Decimal128 rounded = Decimal128(value.ReduceScaleBy(static_cast<int32_t>(dropped), !cuts));  // of scale `digits`
  if (target.scale() >= digits) rounded = Decimal128(rounded.IncreaseScaleBy(static_cast<int32_t>(target.scale() - digits)));
  if (!rounded.FitsInPrecision(target.precision())) return std::nullopt;
  return rounded;
}

// DECIMAL(p, s) rounded to a literal number of digits has only these, and room for a carry.
Result<Signature> BindRound(const CallSite& call) {
  FIRN_TRY(std::vector<DataType> types, CheckArguments(call, {Want::kNumeric, Want::kBigInt}, 1, "a number and how many digits to keep"));
  DataType result = types[0];
  if (result.kind() == TypeKind::kDecimal) {
    std::optional<int64_t> digits = types.size() == 1 ? std::optional<int64_t>(0) : std::nullopt;
    if (types.size() == 2 && call.literals[1] != nullptr && call.types[1].kind() == TypeKind::kInt) digits = static_cast<const arrow::Int32Array&>(*call.literals[1]).Value(0);
    if (digits && *digits < result.scale()) {
      const int kept = static_cast<int>(std::max<int64_t>(*digits, 0));
      result = DataType::Decimal(std::min(38, 1 + result.precision() - result.scale() + kept), kept);
    }
  }
  return Signature{std::move(types), Strict(std::move(result), call)};
}

template <bool kCuts>
Result<Column> Round(const KernelInput& input) {
  if (input.arguments.size() == 1) {
    const std::vector<DataType> types = {input.argument_types[0], DataType::BigInt()};
    ColumnMaker<int64_t> maker(types[1], 1);
    maker.Set(0, 0);
    FIRN_TRY(Column zero, maker.Finish(true));
    const std::vector<Column> arguments = {input.arguments[0], zero};
    return Round<kCuts>({input.context, arguments, types, input.result_type, input.row_count});
  }
  const DataType& type = input.argument_types[0];
  FIRN_ASSERT(type.kind() == input.result_type.kind(), "a {} is rounded to {}", type.ToString(), input.result_type.ToString());
  if (type.kind() == TypeKind::kDecimal) {
    FIRN_ASSERT(input.result_type.scale() <= type.scale(), "a {} is rounded to {}", type.ToString(), input.result_type.ToString());
    return Map<Decimal128, Decimal128, int64_t>(input, [&](const Decimal128& value, int64_t digits) { return RoundDecimal(value, type.scale(), digits, kCuts, input.result_type); });
  }
  return VisitNumber(type, [&]<typename T>() {
    return Map<T, T, int64_t>(input, [](T value, int64_t digits) {
      if constexpr (std::is_floating_point_v<T>) return static_cast<T>(RoundDouble(value, digits, kCuts));
      else return static_cast<T>(RoundInteger(value, digits, kCuts));
    });
  });
}

}  // namespace

std::vector<ScalarFunction> RoundingFunctions() {
  return {
      {{"FLOOR"}, "arithmetic", "FLOOR(number), FLOOR(time TO unit)", "The largest whole number below; the beginning of the unit.", {{"FLOOR(1.7)", "1"}, {"FLOOR(TIMESTAMP '2024-02-29 10:31:42' TO HOUR)", "2024-02-29 10:00:00"}}, BindFloor, Floor<false>},
      {{"CEIL", "CEILING"}, "arithmetic", "CEIL(number), CEIL(time TO unit)", "The smallest whole number above; the end of the unit.", {{"CEIL(1.2)", "2"}, {"CEIL(DATE '2024-02-29' TO MONTH)", "2024-03-01"}}, BindFloor, Floor<true>},
      {{"ROUND"}, "arithmetic", "ROUND(number[, digits])", "Rounded half away from zero, to digits behind the point.", {{"ROUND(2.345, 2)", "2.35"}, {"ROUND(1250, -2)", "1300"}}, BindRound, Round<false>},
      {{"TRUNCATE"}, "arithmetic", "TRUNCATE(number[, digits])", "Cut to digits behind the point.", {{"TRUNCATE(42.345, 2)", "42.34"}}, BindRound, Round<true>},
  };
}

}  // namespace firn::expr
