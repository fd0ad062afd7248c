// SPDX-License-Identifier: Apache-2.0
// The clock, and times made of numbers.
#include <fmt/format.h>

#include <cmath>
#include <optional>

#include "expr/function_groups_internal.h"
#include "expr/signatures_internal.h"
#include "types/temporal.h"

namespace firn::expr {

namespace {

using types::DataType;
using types::TypeKind;

// --- the clock ---

template <int64_t (*kNow)(const EvaluationContext&)>
Result<Column> ClockKernel(const KernelInput& input) {
  int64_t now_us = kNow(input.context);
  const DataType& type = input.result_type;
  if (type.kind() != TypeKind::kTimestampLtz) {
    FIRN_TRY(const types::TimeZone* zone, types::TimeZone::Find(input.context.time_zone));
    now_us = zone->ToLocal(now_us);
  }
  if (type.kind() == TypeKind::kDate || type.kind() == TypeKind::kTime) {
    const int64_t value = type.kind() == TypeKind::kDate ? types::FloorDivide(now_us, types::kMicrosPerDay) : types::FloorModulo(now_us, types::kMicrosPerDay) / 1'000'000 * 1000;
    ColumnMaker<int32_t> maker(type, 1);
    maker.Set(0, static_cast<int32_t>(value));
    return maker.Finish(true);
  }
  ColumnMaker<int64_t> maker(type, 1);
  maker.Set(0, now_us / 1000 * 1000);
  return maker.Finish(true);
}

int64_t QueryTime(const EvaluationContext& context) { return context.is_batch ? context.query_start_us : context.row_time_us; }
int64_t RowTime(const EvaluationContext& context) { return context.row_time_us; }

template <DataType (*kType)()>
Result<Signature> BindClock(const CallSite& call) {
  if (!call.types.empty()) return ArgumentError(call, "no arguments");
  return Signature{{}, kType()};
}
DataType LtzType() { return DataType::TimestampLtz(3).NotNull(); }
DataType LocalType() { return DataType::Timestamp(3).NotNull(); }
DataType TodayType() { return DataType::Date().NotNull(); }
DataType InstantType() { return DataType::TimestampLtz(3); }
DataType TimeType() { return DataType::Time(0).NotNull(); }
DataType ProctimeType() { return DataType::TimestampLtz(3).NotNull().WithTimeAttribute(types::TimeAttribute::kProctime); }

// --- TO_TIMESTAMP_LTZ(number[, precision]) ---

// Nothing: NULL.
std::optional<int32_t> PrecisionOf(const types::ArrayPtr& literal) {
  FIRN_ASSERT(literal->type_id() == arrow::Type::INT32 && literal->length() > 0, "a precision of {} values of {}", literal->length(), literal->type()->ToString());
  if (literal->IsNull(0)) return std::nullopt;
  return static_cast<const arrow::Int32Array&>(*literal).Value(0);
}

Result<Signature> BindToTimestampLtz(const CallSite& call) {
  if (!call.types.empty() && call.types[0].IsCharacter()) return BindNullable<InstantType, 1, Want::kText, Want::kText, Want::kText>(call);
  if (call.types.empty() || call.types.size() > 2 || !call.types[0].IsNumeric()) return ArgumentError(call, "TO_TIMESTAMP_LTZ(number[, precision])");
  int precision = 3;
  if (call.types.size() == 2) {
    if (call.types[1].kind() != TypeKind::kInt || call.literals[1] == nullptr) return ArgumentError(call, "a literal precision of type INT: 0 (seconds), 3 (milliseconds), 6 or 9");
    if (const auto value = PrecisionOf(call.literals[1])) {  // of NULL all is NULL
      if (*value < 0 || *value > 9) return Error(ErrorCode::kInvalidArgument, fmt::format("the precision of TO_TIMESTAMP_LTZ is {}; it takes 0 to 9", *value)).Hint("0 for seconds, 3 for milliseconds, 6 for microseconds, 9 for nanoseconds");
      precision = std::max(3, *value);
    }
  }
  std::vector<DataType> types = call.types;
  types[0] = (types[0].IsApproximate() ? DataType::Double() : DataType::BigInt()).WithNullable(types[0].nullable());  // the fraction of a DECIMAL is cut off
  return Signature{std::move(types), DataType::TimestampLtz(precision)};
}

Result<Column> ToTimestampLtz(const KernelInput& input) {
  if (input.argument_types[0].IsCharacter()) return TextToInstant(input);
  int precision = 3;
  if (input.arguments.size() == 2) {
    const auto given = PrecisionOf(input.arguments[1].array);
    if (!given) return NullColumn(input.result_type);
    precision = *given;
  }
  int64_t per_second = 1;
  for (int i = 0; i < precision; ++i) per_second *= 10;
  const bool has_nanos = input.result_type.precision() > 6;
  const auto make = [=](int64_t seconds, int64_t nanos) -> std::optional<int64_t> {
    if (seconds < types::kUnixSecondsMin || seconds > types::kUnixSecondsMax) return std::nullopt;
    if (!has_nanos) return seconds * 1'000'000 + nanos / 1000;
    if (seconds <= -9'223'372'036 || seconds >= 9'223'372'036) return std::nullopt;
    return seconds * 1'000'000'000 + nanos;
  };
  const KernelInput first{input.context, input.arguments.first(1), input.argument_types.first(1), input.result_type, input.row_count};
  if (input.argument_types[0].kind() == TypeKind::kDouble) {
    int64_t units = 1000;  // of a second, that the type tells apart
    for (int i = 3; i < input.result_type.precision(); ++i) units *= 10;
    return Map<int64_t, double>(first, [=](double value) -> std::optional<int64_t> {
      const double scaled = std::floor(value * static_cast<double>(units / per_second));
      if (!(std::abs(scaled) < 9e18)) return std::nullopt;
      const auto count = static_cast<int64_t>(scaled);
      return make(types::FloorDivide(count, units), types::FloorModulo(count, units) * (1'000'000'000 / units));
    });
  }
  return Map<int64_t, int64_t>(first, [=](int64_t value) {
    return make(types::FloorDivide(value, per_second), types::FloorModulo(value, per_second) * (1'000'000'000 / per_second));
  });
}

// --- CURRENT_WATERMARK ---

Result<Signature> BindCurrentWatermark(const CallSite& call) {
  if (call.types.size() != 1 || call.types[0].time_attribute() != types::TimeAttribute::kRowtime) return ArgumentError(call, "CURRENT_WATERMARK(rowtime column)");
  return Signature{call.types, (call.types[0].kind() == TypeKind::kTimestampLtz ? DataType::TimestampLtz(3) : DataType::Timestamp(3))};
}

Result<Column> CurrentWatermark(const KernelInput& input) {
  FIRN_ASSERT(input.context.batch == nullptr || input.context.batch->row_count >= input.row_count, "the watermarks of {} rows for {}", input.context.batch->row_count, input.row_count);
  ColumnMaker<int64_t> maker(input.result_type, input.row_count);
  for (int64_t row = 0; row < input.row_count; ++row) {
    const int64_t watermark = input.context.batch == nullptr ? types::kNoWatermark : input.context.batch->watermark_before(row);
    if (watermark == types::kNoWatermark) {
      maker.SetNull(row);
    } else {
      maker.Set(row, watermark * 1000);
    }
  }
  return maker.Finish(false);
}

}  // namespace

std::vector<ScalarFunction> TemporalFunctions() {
  std::vector<ScalarFunction> functions = {
      {{"CURRENT_TIMESTAMP"}, "temporal", "CURRENT_TIMESTAMP", "Now, as an instant.", {}, BindClock<LtzType>, ClockKernel<QueryTime>, false},
      {{"NOW"}, "temporal", "NOW()", "Now, as an instant.", {}, BindClock<LtzType>, ClockKernel<QueryTime>, false},
      {{"CURRENT_ROW_TIMESTAMP"}, "temporal", "CURRENT_ROW_TIMESTAMP()", "The time at which the row is processed.", {}, BindClock<LtzType>, ClockKernel<RowTime>, false},
      {{"LOCALTIMESTAMP"}, "temporal", "LOCALTIMESTAMP", "Now, in the session's time zone.", {}, BindClock<LocalType>, ClockKernel<QueryTime>, false},
      {{"CURRENT_DATE"}, "temporal", "CURRENT_DATE", "Today, in the session's time zone.", {}, BindClock<TodayType>, ClockKernel<QueryTime>, false},
      {{"CURRENT_TIME", "LOCALTIME"}, "temporal", "CURRENT_TIME", "The time of day, in the session's time zone.", {}, BindClock<TimeType>, ClockKernel<QueryTime>, false},
      {{"PROCTIME"}, "temporal", "PROCTIME()", "The processing time, as a time attribute.", {}, BindClock<ProctimeType>, ClockKernel<RowTime>, false},
      {{"TO_TIMESTAMP_LTZ"}, "temporal", "TO_TIMESTAMP_LTZ(number[, precision]), TO_TIMESTAMP_LTZ(string[, pattern[, zone]])", "An instant from seconds (0), milliseconds (3) or finer units since 1970.", {{"TO_TIMESTAMP_LTZ(0, 3)", "1970-01-01 00:00:00.000"}}, BindToTimestampLtz, ToTimestampLtz},
      {{"CURRENT_WATERMARK"}, "temporal", "CURRENT_WATERMARK(rowtime)", "The watermark when the row came; NULL before there is one.", {}, BindCurrentWatermark, CurrentWatermark, false, false},
  };
  return functions;
}

}  // namespace firn::expr
