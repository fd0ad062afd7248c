// SPDX-License-Identifier: Apache-2.0
// Times by the units of the calendar. Instants (TIMESTAMP_LTZ) are taken apart in the session's time zone. Before 1970 fields are those of the
// calendar, where Flink gives negative ones.
#include "expr/calendar_internal.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "expr/function_groups_internal.h"
#include "expr/signatures_internal.h"
#include "types/temporal.h"

namespace firn::expr {

namespace {

using types::CivilDate;
using types::DataType;
using types::FloorDivide;
using types::FloorModulo;
using types::kMicrosPerDay;
using types::TypeKind;

constexpr int64_t kMicrosPerSecond = types::kMicrosPerSecond;

constexpr std::array<std::pair<std::string_view, TimeUnit>, 22> kUnits = {{
    {"MICROSECOND", TimeUnit::kMicrosecond}, {"MILLISECOND", TimeUnit::kMillisecond}, {"SECOND", TimeUnit::kSecond}, {"MINUTE", TimeUnit::kMinute},
    {"HOUR", TimeUnit::kHour}, {"DAY", TimeUnit::kDay}, {"WEEK", TimeUnit::kWeek}, {"MONTH", TimeUnit::kMonth}, {"QUARTER", TimeUnit::kQuarter},
    {"YEAR", TimeUnit::kYear}, {"DECADE", TimeUnit::kDecade}, {"CENTURY", TimeUnit::kCentury}, {"MILLENNIUM", TimeUnit::kMillennium},
    {"NANOSECOND", TimeUnit::kNanosecond}, {"EPOCH", TimeUnit::kEpoch}, {"DOW", TimeUnit::kDayOfWeek}, {"ISODOW", TimeUnit::kIsoDayOfWeek},
    {"DOY", TimeUnit::kDayOfYear}, {"ISOYEAR", TimeUnit::kIsoYear}, {"DAYOFWEEK", TimeUnit::kDayOfWeek}, {"DAYOFYEAR", TimeUnit::kDayOfYear},
    {"DAYOFMONTH", TimeUnit::kDay},
}};

// Microseconds of a unit of fixed length; 0 for those of the calendar.
int64_t MicrosOf(TimeUnit unit) {
  switch (unit) {
    case TimeUnit::kMicrosecond: return 1;
    case TimeUnit::kMillisecond: return 1000;
    case TimeUnit::kSecond: return kMicrosPerSecond;
    case TimeUnit::kMinute: return 60 * kMicrosPerSecond;
    case TimeUnit::kHour: return 3600 * kMicrosPerSecond;
    case TimeUnit::kDay: return kMicrosPerDay;
    case TimeUnit::kWeek: return 7 * kMicrosPerDay;
    default: return 0;
  }
}

int MonthsOf(TimeUnit unit) {
  switch (unit) {
    case TimeUnit::kMonth: return 1;
    case TimeUnit::kQuarter: return 3;
    case TimeUnit::kYear: return 12;
    case TimeUnit::kDecade: return 120;
    case TimeUnit::kCentury: return 1200;
    case TimeUnit::kMillennium: return 12000;
    default: return 0;
  }
}

// Monday is 1.
int IsoDayOfWeek(int64_t days) { return static_cast<int>(FloorModulo(days + 3, 7)) + 1; }

// The Thursday of a week is in the year that the week belongs to.
int64_t IsoThursday(int64_t days) { return days + 4 - IsoDayOfWeek(days); }

int64_t FirstOfYear(int year) { return types::DaysOfDate({year, 1, 1}); }

// A field of a local time in microseconds.
int64_t FieldOf(TimeUnit unit, int64_t micros) {
  const int64_t days = FloorDivide(micros, kMicrosPerDay);
  const int64_t of_day = FloorModulo(micros, kMicrosPerDay);
  const auto date = [&] { return types::DateOfDays(days); };
  switch (unit) {
    case TimeUnit::kNanosecond: return of_day % kMicrosPerSecond * 1000;
    case TimeUnit::kMicrosecond: return of_day % kMicrosPerSecond;
    case TimeUnit::kMillisecond: return of_day % kMicrosPerSecond / 1000;
    case TimeUnit::kSecond: return of_day / kMicrosPerSecond % 60;
    case TimeUnit::kMinute: return of_day / (60 * kMicrosPerSecond) % 60;
    case TimeUnit::kHour: return of_day / (3600 * kMicrosPerSecond);
    case TimeUnit::kDay: return date().day;
    case TimeUnit::kMonth: return date().month;
    case TimeUnit::kQuarter: return (date().month + 2) / 3;
    case TimeUnit::kYear: return date().year;
    case TimeUnit::kDecade: return FloorDivide(date().year, 10);
    case TimeUnit::kCentury: return FloorDivide(date().year + 99, 100);
    case TimeUnit::kMillennium: return FloorDivide(date().year + 999, 1000);
    case TimeUnit::kEpoch: return FloorDivide(micros, kMicrosPerSecond);
    case TimeUnit::kDayOfWeek: return IsoDayOfWeek(days) % 7 + 1;
    case TimeUnit::kIsoDayOfWeek: return IsoDayOfWeek(days);
    case TimeUnit::kDayOfYear: return days - FirstOfYear(date().year) + 1;
    case TimeUnit::kIsoYear: return types::DateOfDays(IsoThursday(days)).year;
    case TimeUnit::kWeek: {
      const int64_t thursday = IsoThursday(days);
      return (thursday - FirstOfYear(types::DateOfDays(thursday).year)) / 7 + 1;
    }
  }
  FIRN_UNREACHABLE("unit of time");
}

// Of an interval: what is left of it by larger units.
int64_t IntervalField(TimeUnit unit, int64_t millis) {
  switch (unit) {
    case TimeUnit::kDay: return millis / types::kMillisPerDay;
    case TimeUnit::kHour: return millis % types::kMillisPerDay / 3'600'000;
    case TimeUnit::kMinute: return millis % 3'600'000 / 60'000;
    case TimeUnit::kSecond: return millis % 60'000 / 1000;
    case TimeUnit::kMillisecond: return millis % 1000;
    default: return millis / 1000;  // EPOCH
  }
}

// Converts between the values of a column and local microseconds.
class LocalTime {
 public:
  static Result<LocalTime> Make(const DataType& type, const EvaluationContext& context) {
    LocalTime local;
    local.type_ = type;
    if (type.kind() == TypeKind::kTimestampLtz) {
      FIRN_TRY(const types::TimeZone* zone, types::TimeZone::Find(context.time_zone));
      if (!zone->is_utc()) local.zone_ = zone;
    }
    return local;
  }
  // `up`: of nanoseconds the microsecond behind them, else the one before.
  int64_t Micros(int64_t value, bool up = false) const {
    if (type_.kind() == TypeKind::kDate) return value * kMicrosPerDay;
    if (type_.kind() == TypeKind::kTime) return value * 1000;
    const int64_t micros = type_.precision() > 6 ? FloorDivide(value, 1000) + (up && FloorModulo(value, 1000) > 0 ? 1 : 0) : value;
    return zone_ == nullptr ? micros : zone_->ToLocal(micros);
  }
  // Nothing: the type has no such value. Times of day go around.
  std::optional<int64_t> Value(int64_t micros) const {
    if (type_.kind() == TypeKind::kDate) return FloorDivide(micros, kMicrosPerDay);
    if (type_.kind() == TypeKind::kTime) return FloorModulo(micros, kMicrosPerDay) / 1000;
    if (zone_ != nullptr) micros = zone_->ToInstant(micros);
    int64_t value = 0;
    if (__builtin_mul_overflow(micros, type_.precision() > 6 ? 1000 : 1, &value)) return std::nullopt;
    return value;
  }

 private:
  DataType type_;
  const types::TimeZone* zone_ = nullptr;
};

bool IsNarrow(const DataType& type) { return type.kind() == TypeKind::kDate || type.kind() == TypeKind::kTime || type.kind() == TypeKind::kIntervalYearMonth; }

// --- EXTRACT ---

// `units` of a type that has no date, or no time, or is a length of time.
bool HasField(const DataType& type, TimeUnit unit) {
  const bool is_clock = unit <= TimeUnit::kHour || unit == TimeUnit::kNanosecond;
  if (type.kind() == TypeKind::kIntervalYearMonth) return unit == TimeUnit::kYear || unit == TimeUnit::kMonth || unit == TimeUnit::kQuarter;
  if (type.kind() == TypeKind::kIntervalDayTime) return (is_clock && unit != TimeUnit::kNanosecond && unit != TimeUnit::kMicrosecond) || unit == TimeUnit::kDay || unit == TimeUnit::kEpoch;
  if (type.kind() == TypeKind::kTime) return is_clock || unit == TimeUnit::kEpoch;
  return true;
}

Result<Signature> BindExtract(const CallSite& call) {
  const bool is_time = call.types.size() == 2 && (call.types[1].IsTimestamp() || call.types[1].IsInterval() || call.types[1].kind() == TypeKind::kDate || call.types[1].kind() == TypeKind::kTime);
  if (!is_time) return ArgumentError(call, "EXTRACT(unit FROM date, time, timestamp or interval)");
  FIRN_TRY(TimeUnit unit, UnitArgument(call, 0));
  if (!HasField(call.types[1], unit)) {
    return Error(ErrorCode::kTypeMismatch, fmt::format("{} has no field {}", call.types[1].ToString(), StringView(Column{call.literals[0], true})[0])).At(call.span).Hint("a DATE or TIMESTAMP has all fields, a TIME those of the clock");
  }
  return Signature{call.types, Strict(DataType::BigInt(), call)};
}

Result<Column> Extract(const KernelInput& input) {
  const TimeUnit unit = *ParseTimeUnit(StringView(input.arguments[0])[0]);
  const DataType& type = input.argument_types[1];
  const KernelInput second{input.context, input.arguments.subspan(1), input.argument_types.subspan(1), input.result_type, input.row_count};
  if (type.kind() == TypeKind::kIntervalDayTime) return Map<int64_t, int64_t>(second, [=](int64_t millis) { return IntervalField(unit, millis); });
  if (type.kind() == TypeKind::kIntervalYearMonth) {
    return Map<int64_t, int32_t>(second, [=](int32_t months) { return int64_t{unit == TimeUnit::kYear ? months / 12 : unit == TimeUnit::kMonth ? months % 12 : months % 12 / 3 + 1}; });
  }
  FIRN_TRY(const LocalTime local, LocalTime::Make(type, input.context));
  if (IsNarrow(type)) return Map<int64_t, int32_t>(second, [&](int32_t value) { return FieldOf(unit, local.Micros(value)); });
  if (type.precision() > 6 && unit == TimeUnit::kNanosecond) return Map<int64_t, int64_t>(second, [](int64_t value) { return FloorModulo(value, 1'000'000'000); });
  return Map<int64_t, int64_t>(second, [&](int64_t value) { return FieldOf(unit, local.Micros(value)); });
}

// --- FLOOR, CEIL ---

// Weeks begin on Sundays.
int64_t FloorMicros(TimeUnit unit, int64_t micros) {
  if (unit == TimeUnit::kWeek) {
    const int64_t days = FloorDivide(micros, kMicrosPerDay);
    return (days - IsoDayOfWeek(days) % 7) * kMicrosPerDay;
  }
  if (const int64_t length = MicrosOf(unit); length > 0) return FloorDivide(micros, length) * length;
  const CivilDate date = types::DateOfDays(FloorDivide(micros, kMicrosPerDay));
  const int64_t first = unit == TimeUnit::kCentury || unit == TimeUnit::kMillennium ? 12 : 0;  // these begin with the years 1, 101, 1001
  FIRN_ASSERT(MonthsOf(unit) > 0, "no time is cut to unit {}", static_cast<int>(unit));
  const int64_t months = FloorDivide(int64_t{date.year} * 12 + date.month - 1 - first, MonthsOf(unit)) * MonthsOf(unit) + first;
  return types::DaysOfDate({static_cast<int>(FloorDivide(months, 12)), static_cast<int>(FloorModulo(months, 12)) + 1, 1}) * kMicrosPerDay;
}

int64_t CeilMicros(TimeUnit unit, int64_t micros) {
  const int64_t floor = FloorMicros(unit, micros);
  if (floor == micros) return micros;
  if (const int64_t length = MicrosOf(unit); length > 0) return floor + length;
  return types::AddMonths(floor / kMicrosPerDay, MonthsOf(unit)) * kMicrosPerDay;
}

// --- TIMESTAMPDIFF ---

Result<Signature> BindDifference(const CallSite& call) {
  const auto is_moment = [](const DataType& type) { return type.IsTimestamp() || type.kind() == TypeKind::kDate; };
  if (call.types.size() != 3 || !is_moment(call.types[1]) || !is_moment(call.types[2])) return ArgumentError(call, "TIMESTAMPDIFF(unit, from, to) of dates or timestamps");
  FIRN_TRY(TimeUnit unit, UnitArgument(call, 0));
  if (MicrosOf(unit) == 0 && MonthsOf(unit) == 0) return ArgumentError(call, "a unit from MICROSECOND to MILLENNIUM");
  if (call.types[1].kind() == TypeKind::kDate && call.types[2].kind() == TypeKind::kDate) return Signature{call.types, Strict(DataType::Int(), call)};
  const bool has_instant = call.types[1].kind() == TypeKind::kTimestampLtz || call.types[2].kind() == TypeKind::kTimestampLtz;
  const DataType common = has_instant ? DataType::TimestampLtz(6) : DataType::Timestamp(6);
  return Signature{{call.types[0], common.WithNullable(call.types[1].nullable()), common.WithNullable(call.types[2].nullable())}, Strict(DataType::Int(), call)};
}

// Whole units from `from` to `to`, cut towards zero.
int64_t Difference(TimeUnit unit, int64_t from, int64_t to) {
  if (const int64_t length = MicrosOf(unit); length > 0) return (to - from) / length;
  const auto months = [](int64_t micros) {
    const CivilDate date = types::DateOfDays(FloorDivide(micros, kMicrosPerDay));
    return int64_t{date.year} * 12 + date.month - 1;
  };
  const auto rest = [](int64_t micros) {
    return types::DateOfDays(FloorDivide(micros, kMicrosPerDay)).day * kMicrosPerDay + FloorModulo(micros, kMicrosPerDay);
  };
  int64_t difference = months(to) - months(from);
  if (difference > 0 && rest(to) < rest(from)) --difference;
  if (difference < 0 && rest(to) > rest(from)) ++difference;
  return difference / MonthsOf(unit);
}

Result<Column> DifferenceKernel(const KernelInput& input) {
  const TimeUnit unit = *ParseTimeUnit(StringView(input.arguments[0])[0]);
  const KernelInput both{input.context, input.arguments.subspan(1), input.argument_types.subspan(1), input.result_type, input.row_count};
  FIRN_ASSERT(HaveOneForm(*input.argument_types[1].ToArrow(), *input.argument_types[2].ToArrow()), "from {} to {}", input.argument_types[1].ToString(), input.argument_types[2].ToString());
  // Between instants it is the time that has passed, in UTC as in Flink, not what clocks show that were put forward meanwhile.
  const DataType& type = input.argument_types[1];
  FIRN_TRY(const LocalTime local, LocalTime::Make(type.kind() == TypeKind::kTimestampLtz ? DataType::Timestamp(type.precision()) : type, input.context));
  const auto difference = [&](int64_t from, int64_t to) { return static_cast<int32_t>(Difference(unit, local.Micros(from), local.Micros(to))); };
  if (IsNarrow(type)) return Map<int32_t, int32_t, int32_t>(both, difference);
  return Map<int32_t, int64_t, int64_t>(both, difference);
}

}  // namespace

std::optional<TimeUnit> ParseTimeUnit(std::string_view name) {
  if (name.starts_with("SQL_TSI_")) name.remove_prefix(8);
  for (const auto& [text, unit] : kUnits) {
    if (text == name) return unit;
  }
  return std::nullopt;
}

Result<TimeUnit> UnitArgument(const CallSite& call, size_t index) {
  if (call.literals[index] == nullptr || !call.types[index].IsCharacter()) return ArgumentError(call, "a unit of time, such as HOUR");
  const std::string name(static_cast<const arrow::BinaryArray&>(*call.literals[index]).GetView(0));
  if (auto unit = ParseTimeUnit(name)) return *unit;
  return Error(ErrorCode::kInvalidArgument, fmt::format("{} is no unit of time", name)).At(call.span).Hint("MILLISECOND, SECOND, MINUTE, HOUR, DAY, WEEK, MONTH, QUARTER or YEAR");
}

Result<Signature> BindRoundTime(const CallSite& call) {
  const DataType& type = call.types[0];
  const bool is_time = type.IsTimestamp() || type.kind() == TypeKind::kDate || type.kind() == TypeKind::kTime;
  FIRN_TRY(TimeUnit unit, UnitArgument(call, 1));
  if (!is_time || (MicrosOf(unit) == 0 && MonthsOf(unit) == 0)) return ArgumentError(call, "a date, time or timestamp TO a unit from MILLISECOND to MILLENNIUM");
  if (type.kind() == TypeKind::kTime && (MicrosOf(unit) == 0 || MicrosOf(unit) >= kMicrosPerDay)) return ArgumentError(call, "a TIME TO HOUR, MINUTE, SECOND or MILLISECOND");
  return Signature{call.types, Strict(type.WithTimeAttribute(types::TimeAttribute::kNone), call)};
}

Result<Column> RoundTime(const KernelInput& input, bool up) {
  const TimeUnit unit = *ParseTimeUnit(StringView(input.arguments[1])[0]);
  const KernelInput first{input.context, input.arguments.first(1), input.argument_types.first(1), input.result_type, input.row_count};
  FIRN_ASSERT(HaveOneForm(*input.argument_types[0].ToArrow(), *input.result_type.ToArrow()), "a {} is cut to a unit as {}", input.argument_types[0].ToString(), input.result_type.ToString());
  FIRN_TRY(const LocalTime local, LocalTime::Make(input.argument_types[0], input.context));
  const auto round = [&](int64_t value) { return local.Value(up ? CeilMicros(unit, local.Micros(value, true)) : FloorMicros(unit, local.Micros(value))); };
  if (IsNarrow(input.argument_types[0])) {
    return Map<int32_t, int32_t>(first, [&](int32_t value) {
      const std::optional<int64_t> rounded = round(value);
      return rounded ? std::optional(static_cast<int32_t>(*rounded)) : std::nullopt;
    });
  }
  return Map<int64_t, int64_t>(first, round);
}

std::optional<UnitInterval> IntervalOf(TimeUnit unit) {
  if (const int months = MonthsOf(unit); months > 0) return UnitInterval{true, months};
  if (const int64_t micros = MicrosOf(unit); micros >= 1000) return UnitInterval{false, micros / 1000};
  return std::nullopt;
}

std::vector<ScalarFunction> CalendarFunctions() {
  return {
      {{"EXTRACT"}, "temporal", "EXTRACT(unit FROM time)", "A field of a time.", {{"EXTRACT(DAY FROM DATE '2024-02-29')", "29"}}, BindExtract, Extract},
      {{"TIMESTAMPDIFF"}, "temporal", "TIMESTAMPDIFF(unit, from, to)", "The whole units between two times.", {{"TIMESTAMPDIFF(DAY, DATE '2024-01-01', DATE '2024-03-01')", "60"}}, BindDifference, DifferenceKernel},
  };
}

}  // namespace firn::expr
