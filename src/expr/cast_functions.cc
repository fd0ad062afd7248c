// SPDX-License-Identifier: Apache-2.0
// CAST and TRY_CAST. A value that cannot be converted fails the query, or is NULL under TRY_CAST; what a conversion loses silently (digits, time
// of day, high bits of an integer) is as in Flink.
#include <arrow/array.h>
#include <arrow/array/util.h>
#include <arrow/util/decimal.h>
#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <limits>
#include <numeric>

#include "expr/function_groups_internal.h"
#include "expr/kernel_internal.h"
#include "expr/list_view_internal.h"
#include "expr/narrow_number_internal.h"
#include "expr/type_rules_internal.h"
#include "expr/utf8_internal.h"
#include "types/decimal_text.h"
#include "types/temporal.h"
#include "types/value_text.h"

namespace firn::expr {

namespace {

using arrow::Decimal128;
using types::DataType;
using types::TypeKind;

// What a failed conversion of one value means: an error for CAST, NULL for TRY_CAST.
template <bool kTry, typename T>
Result<std::optional<T>> Failed(std::string_view text, const DataType& target) {
  if constexpr (kTry) return std::optional<T>();
  constexpr size_t kMaxShown = 60;
  const std::string shown = text.size() <= kMaxShown ? std::string(text) : std::string(text.substr(0, kMaxShown)) + "...";
  return Error(ErrorCode::kEvaluationError, fmt::format("'{}' is no {}", shown, target.WithNullable(true).ToString())).Hint("TRY_CAST gives NULL instead");
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && static_cast<unsigned char>(text.front()) <= ' ') text.remove_prefix(1);
  while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.remove_suffix(1);
  return text;
}

// --- to numbers ---

// Digits with a sign; a fraction is cut off ("12.9" is 12).
template <typename T>
std::optional<T> ParseInteger(std::string_view text) {
  text = Trim(text);
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  const size_t dot = text.find('.');
  if (dot != std::string_view::npos) {
    if (text.substr(dot + 1).find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
    text = text.substr(0, dot);
    if (text.empty() || text == "-") return T{0};  // ".5"
  }
  T value = 0;
  auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (status != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<double> ParseDouble(std::string_view text) {
  text = Trim(text);
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  if (text.size() > 1 && std::string_view("dDfF").find(text.back()) != std::string_view::npos) text.remove_suffix(1);  // as Java's literals may end
  if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (text == "Infinity") return std::numeric_limits<double>::infinity();
  if (text == "-Infinity") return -std::numeric_limits<double>::infinity();
  if (text.empty() || text.find_first_not_of("0123456789+-.eE") != std::string_view::npos) return std::nullopt;
  double value = 0;
  auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end != text.data() + text.size()) return std::nullopt;
  if (status == std::errc::result_out_of_range) return std::strtod(std::string(text).c_str(), nullptr);
  if (status != std::errc()) return std::nullopt;
  return value;
}

// Half up to the target's scale; nothing if it does not fit.
std::optional<Decimal128> FitDecimal(Decimal128 value, int scale, const DataType& target) {
  if (scale > target.scale()) {
    value = scale - target.scale() > 38 ? Decimal128(0) : Decimal128(value.ReduceScaleBy(scale - target.scale(), true));
  } else if (scale < target.scale()) {
    auto scaled = value.Rescale(scale, target.scale());
    if (!scaled.ok()) return std::nullopt;
    value = *scaled;
  }
  if (!value.FitsInPrecision(target.precision())) return std::nullopt;
  return value;
}

template <bool kTry, typename T>
Result<Column> TextToNumber(const KernelInput& input) {
  const DataType& target = input.result_type;
  return Map<T, std::string_view>(input, [&](std::string_view text) -> Result<std::optional<T>> {
    std::optional<T> value;
    if constexpr (std::is_floating_point_v<T>) {
      if (auto parsed = ParseDouble(text)) value = static_cast<T>(*parsed);
    } else {
      value = ParseInteger<T>(text);
    }
    if (!value) return Failed<kTry, T>(text, target);
    return value;
  });
}

template <bool kTry>
Result<Column> ToMachineNumber(const KernelInput& input) {
  const DataType& from = input.argument_types[0];
  return VisitNumber(input.result_type, [&]<typename T>() -> Result<Column> {
    if (from.IsCharacter()) return TextToNumber<kTry, T>(input);
    if (from.kind() == TypeKind::kBoolean) return Map<T, bool>(input, [](bool value) { return static_cast<T>(value ? 1 : 0); });
    if (from.kind() == TypeKind::kDecimal) {
      const int scale = from.scale();
      return Map<T, Decimal128>(input, [=](const Decimal128& value) -> T {
        if constexpr (std::is_floating_point_v<T>) return static_cast<T>(value.ToDouble(scale));
        const Decimal128 whole = scale == 0 ? value : Decimal128(value.ReduceScaleBy(scale, false));
        return static_cast<T>(static_cast<int64_t>(whole.low_bits()));
      });
    }
    return VisitNumber(from, [&]<typename F>() { return Map<T, F>(input, NarrowNumber<T, F>); });
  });
}

template <bool kTry>
Result<Column> ToDecimal(const KernelInput& input) {
  const DataType& from = input.argument_types[0];
  const DataType& target = input.result_type;
  if (from.IsCharacter()) {
    return Map<Decimal128, std::string_view>(input, [&](std::string_view text) -> Result<std::optional<Decimal128>> {
      auto value = types::ParseDecimal(Trim(text), target.precision(), target.scale());
      if (!value) return Failed<kTry, Decimal128>(text, target);
      return value;
    });
  }
  if (from.kind() == TypeKind::kDecimal) return Map<Decimal128, Decimal128>(input, [&](const Decimal128& value) { return FitDecimal(value, from.scale(), target); });
  if (from.kind() == TypeKind::kBoolean) return Map<Decimal128, bool>(input, [&](bool value) { return FitDecimal(Decimal128(value ? 1 : 0), 0, target); });
  if (from.IsApproximate()) {
    return VisitNumber(from, [&]<typename F>() {
      return Map<Decimal128, F>(input, [&](F value) -> std::optional<Decimal128> {
        if (!std::isfinite(value)) return std::nullopt;
        return types::ParseDecimal(types::DoubleText(static_cast<double>(value)), target.precision(), target.scale());  // by its shortest digits as a double, as BigDecimal.valueOf does
      });
    });
  }
  return VisitNumber(from, [&]<typename F>() { return Map<Decimal128, F>(input, [&](F value) { return FitDecimal(Decimal128(static_cast<int64_t>(value)), 0, target); }); });
}

template <bool kTry>
Result<Column> ToBoolean(const KernelInput& input) {
  const DataType& from = input.argument_types[0];
  if (from.IsCharacter()) {
    return Map<bool, std::string_view>(input, [&](std::string_view text) -> Result<std::optional<bool>> {
      std::string lower(text);
      for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      for (const char* word : {"t", "true", "y", "yes", "1"}) {
        if (lower == word) return std::optional<bool>(true);
      }
      for (const char* word : {"f", "false", "n", "no", "0"}) {
        if (lower == word) return std::optional<bool>(false);
      }
      return Failed<kTry, bool>(text, input.result_type);
    });
  }
  if (from.kind() == TypeKind::kDecimal) return Map<bool, Decimal128>(input, [](const Decimal128& value) { return value != Decimal128(0); });
  return VisitNumber(from, [&]<typename F>() { return Map<bool, F>(input, [](F value) { return value != 0; }); });
}

// --- to text and bytes ---

// Cuts to VARCHAR(n) and CHAR(n) by code points, pads CHAR(n).
std::string FitText(std::string text, const DataType& target) {
  if (target.length() == types::kMaxLength) return text;
  int32_t points = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if ((text[i] & 0xc0) == 0x80) continue;
    if (points == target.length()) {
      text.resize(i);
      return text;
    }
    ++points;
  }
  if (target.kind() == TypeKind::kChar) text.append(static_cast<size_t>(target.length() - points), ' ');
  return text;
}

Result<Column> ToText(const KernelInput& input) {
  const DataType& from = input.argument_types[0];
  const DataType& target = input.result_type;
  if (target.kind() == TypeKind::kChar && target.length() > input.context.limits.text_bytes) return TextTooLong("CAST", input.context.limits);
  if (from.IsBytes()) return Map<std::string, std::string_view>(input, [&](std::string_view bytes) { return FitText(ValidUtf8(bytes), target); });
  if (from.IsCharacter()) return Map<std::string, std::string_view>(input, [&](std::string_view text) { return FitText(std::string(text), target); });
  auto maker = MakerOf<std::string>(input);
  const arrow::Array& array = *input.arguments[0].array;
  for (int64_t row = 0; row < input.row_count && !maker.is_full(); ++row) {
    const int64_t at = input.arguments[0].is_constant ? 0 : row;
    if (array.IsNull(at)) {
      maker.SetNull(row);
    } else {
      FIRN_TRY(std::string text, types::FormatCell(array, at, from, input.context.time_zone));
      maker.Set(row, FitText(std::move(text), target));
    }
  }
  return maker.Finish(false);
}

Result<Column> ToBytes(const KernelInput& input) {
  const DataType& target = input.result_type;
  if (target.kind() == TypeKind::kBinary && target.length() > input.context.limits.text_bytes) return TextTooLong("CAST", input.context.limits);
  return Map<std::string, std::string_view>(input, [&](std::string_view bytes) {
    std::string fitted(bytes.substr(0, static_cast<size_t>(target.length())));
    if (target.kind() == TypeKind::kBinary) fitted.resize(static_cast<size_t>(target.length()), '\0');
    return fitted;
  });
}

// --- to dates and times ---

int64_t PowerOfTen(int exponent) {
  int64_t value = 1;
  while (exponent-- > 0) value *= 10;
  return value;
}

// A moment in the target's units, its digits beyond the precision cut off; nothing if nanoseconds overflow.
std::optional<int64_t> MakeTimestamp(int64_t seconds, int64_t nanos, const DataType& target) {
  FIRN_ASSERT(nanos >= 0 && nanos < 1'000'000'000 && target.precision() <= 9, "{} nanoseconds in a {}", nanos, target.ToString());
  const int64_t step = PowerOfTen(9 - target.precision());
  nanos = nanos / step * step;
  if (target.precision() <= 6) return seconds * 1'000'000 + nanos / 1000;
  if (seconds <= -9'223'372'036 || seconds >= 9'223'372'036) return std::nullopt;
  return seconds * 1'000'000'000 + nanos;
}

// A moment that a 64-bit count of nanoseconds does not reach.
template <bool kTry>
Result<std::optional<int64_t>> BeyondNanoseconds(std::string_view moment, const DataType& target) {
  if constexpr (kTry) return std::optional<int64_t>();
  return Error(ErrorCode::kEvaluationError, fmt::format("{} is no {}: nanoseconds are counted from 1677-09-21 to 2262-04-11", moment, target.WithNullable(true).ToString()))
      .Hint("TIMESTAMP(6) takes the years 1 to 9999; TRY_CAST gives NULL instead");
}

struct Moment {
  int64_t seconds;
  int64_t nanos;
};
Moment SplitTimestamp(int64_t value, const DataType& type) {
  const int64_t units = type.precision() <= 6 ? 1'000'000 : 1'000'000'000;
  return {types::FloorDivide(value, units), types::FloorModulo(value, units) * (1'000'000'000 / units)};
}

// Local seconds become an instant's and back.
int64_t ShiftToInstant(int64_t seconds, const types::TimeZone& zone) { return zone.ToInstant(seconds * 1'000'000) / 1'000'000; }
int64_t ShiftToLocal(int64_t seconds, const types::TimeZone& zone) { return zone.ToLocal(seconds * 1'000'000) / 1'000'000; }

template <bool kTry>
Result<Column> ToTimestamp(const KernelInput& input) {
  const DataType& from = input.argument_types[0];
  const DataType& target = input.result_type;
  FIRN_TRY(const types::TimeZone* zone, types::TimeZone::Find(input.context.time_zone));
  const bool to_instant = target.kind() == TypeKind::kTimestampLtz && from.kind() != TypeKind::kTimestampLtz && !zone->is_utc();
  const bool to_local = target.kind() == TypeKind::kTimestamp && from.kind() == TypeKind::kTimestampLtz && !zone->is_utc();
  auto make = [&](int64_t seconds, int64_t nanos) {
    if (to_instant) seconds = ShiftToInstant(seconds, *zone);
    if (to_local) seconds = ShiftToLocal(seconds, *zone);
    return MakeTimestamp(seconds, nanos, target);
  };
  if (from.IsCharacter()) {
    return Map<int64_t, std::string_view>(input, [&](std::string_view text) -> Result<std::optional<int64_t>> {
      const auto parsed = types::ParseTimestamp(text);
      if (!parsed) return Failed<kTry, int64_t>(text, target);
      const auto value = make(parsed->seconds, parsed->nanos);
      return value ? Result<std::optional<int64_t>>(value) : BeyondNanoseconds<kTry>(fmt::format("'{}'", text), target);
    });
  }
  if (from.kind() == TypeKind::kDate) {
    return Map<int64_t, int32_t>(input, [&](int32_t days) -> Result<std::optional<int64_t>> {
      const auto value = make(days * int64_t{86'400}, 0);
      if (value) return value;
      std::string text;
      types::AppendDate(&text, days);
      return BeyondNanoseconds<kTry>(text, target);
    });
  }
  if (from.kind() == TypeKind::kTime) {  // on the first day
    return Map<int64_t, int32_t>(input, [&](int32_t millis) { return make(millis / 1000, millis % 1000 * int64_t{1'000'000}); });
  }
  return Map<int64_t, int64_t>(input, [&](int64_t value) -> Result<std::optional<int64_t>> {
    const Moment moment = SplitTimestamp(value, from);
    const auto made = make(moment.seconds, moment.nanos);
    if (made) return made;
    std::string text;
    types::AppendTimestamp(&text, value, from.precision());
    return BeyondNanoseconds<kTry>(text, target);
  });
}

template <bool kTry>
Result<Column> ToDateOrTime(const KernelInput& input) {
  const DataType& from = input.argument_types[0];
  const DataType& target = input.result_type;
  const bool is_date = target.kind() == TypeKind::kDate;
  if (from.IsCharacter()) {
    return Map<int32_t, std::string_view>(input, [&](std::string_view text) -> Result<std::optional<int32_t>> {
      auto value = is_date ? types::ParseDate(text) : types::ParseTime(text);
      if (!value) return Failed<kTry, int32_t>(text, target);
      return value;
    });
  }
  if (!from.IsTimestamp()) return input.arguments[0];
  FIRN_TRY(const types::TimeZone* zone, types::TimeZone::Find(input.context.time_zone));
  const bool to_local = from.kind() == TypeKind::kTimestampLtz && !zone->is_utc();
  const int64_t step = PowerOfTen(std::max(0, 3 - target.precision()));
  return Map<int32_t, int64_t>(input, [&](int64_t value) {
    Moment moment = SplitTimestamp(value, from);
    if (to_local) moment.seconds = ShiftToLocal(moment.seconds, *zone);
    if (is_date) return static_cast<int32_t>(types::FloorDivide(moment.seconds, 86'400));
    const int64_t millis = types::FloorModulo(moment.seconds, 86'400) * 1000 + moment.nanos / 1'000'000;
    return static_cast<int32_t>(millis / step * step);
  });
}

// --- containers ---

template <bool kTry>
Result<Column> CastKernel(const KernelInput& input);

// The same rows over children that hold nothing else: what lies outside of a slice, or below a NULL, is not to be converted.
Result<types::ArrayPtr> Compact(const types::ArrayPtr& array, const Limits& limits) {
  bool is_compact = array->offset() == 0 && array->null_count() == 0;
  if (is_compact && array->type_id() != arrow::Type::STRUCT) {
    const auto& lists = static_cast<const arrow::ListArray&>(*array);  // a map is a list of entries
    is_compact = lists.length() > 0 && lists.value_offset(0) == 0 && lists.value_offset(lists.length()) == lists.values()->length() && lists.values()->offset() == 0;
  }
  if (is_compact) return array;
  std::vector<int64_t> rows(static_cast<size_t>(array->length()));
  std::iota(rows.begin(), rows.end(), 0);
  FIRN_TRY(const ElementPool pool, ElementPool::Make({array}, limits));
  return pool.Take(rows);
}

// A map of the converted keys and items. Where TRY_CAST has made NULL of a key there is no map.
Result<Column> MapOfConverted(const KernelInput& input, const types::ArrayPtr& array, const std::shared_ptr<arrow::ArrayData>& key_data, const std::shared_ptr<arrow::ArrayData>& item_data) {
  const std::vector<Column> all = {Column{array, false}};
  const MapView maps(all[0]);
  const types::ArrayPtr keys = arrow::MakeArray(key_data), items = arrow::MakeArray(item_data);
  ListMaker maker(input.context.limits);
  for (int64_t row = 0; row < array->length(); ++row) {
    bool is_valid = maps.IsValid(row);
    for (int64_t at = maps.begin(row); is_valid && at < maps.end(row); ++at) is_valid = !keys->IsNull(at);
    if (!is_valid) {
      maker.EndNull();
      continue;
    }
    for (int64_t at = maps.begin(row); at < maps.end(row); ++at) maker.Add(at);
    maker.EndRow();
  }
  FIRN_TRY(const ElementPool key_pool, ElementPool::Make({keys}, input.context.limits));
  FIRN_TRY(const ElementPool item_pool, ElementPool::Make({items}, input.context.limits));
  FIRN_TRY(const types::ArrayPtr kept_keys, key_pool.Take(maker.elements()));
  FIRN_TRY(const types::ArrayPtr kept_items, item_pool.Take(maker.elements()));
  FIRN_TRY(Column column, maker.FinishMap(input.result_type, kept_keys, kept_items));
  column.is_constant = input.arguments[0].is_constant;
  return column;
}

// The children converted under the same offsets and validity.
template <bool kTry>
Result<Column> CastNested(const KernelInput& input) {
  const DataType& from = input.argument_types[0];
  const DataType& target = input.result_type;
  FIRN_TRY(const types::ArrayPtr array, Compact(input.arguments[0].array, input.context.limits));
  const auto& source = *array->data();
  auto convert = [&](const std::shared_ptr<arrow::ArrayData>& child, const DataType& child_from, const DataType& child_to) -> Result<std::shared_ptr<arrow::ArrayData>> {
    if (child_from.EqualsIgnoringNullability(child_to) || child->length == 0) {
      if (child_from.EqualsIgnoringNullability(child_to)) return child;
      FIRN_TRY(types::ArrayPtr empty, types::FromArrowResult(arrow::MakeEmptyArray(child_to.ToArrow())));
      return empty->data();
    }
    const std::vector<Column> arguments = {Column{arrow::MakeArray(child), false}};
    const std::vector<DataType> types = {child_from};
    FIRN_TRY(Column column, CastKernel<kTry>({input.context, arguments, types, child_to, child->length}));
    FIRN_ASSERT(column.array->length() == (column.is_constant ? 1 : child->length) && (!column.is_constant || child->length == 1), "{} parts of {} become {}", child->length, child_from.ToString(),
                column.array->length());
    return column.array->data();
  };
  auto copy = source.Copy();
  copy->type = target.ToArrow();
  copy->child_data.clear();
  if (from.kind() == TypeKind::kMap) {
    auto entries = source.child_data[0]->Copy();
    entries->type = static_cast<const arrow::MapType&>(*copy->type).value_type();
    FIRN_TRY(entries->child_data[0], convert(entries->child_data[0], from.key(), target.key()));
    FIRN_TRY(entries->child_data[1], convert(entries->child_data[1], from.value(), target.value()));
    if (kTry && arrow::MakeArray(entries->child_data[0])->null_count() > 0) return MapOfConverted(input, array, entries->child_data[0], entries->child_data[1]);
    copy->child_data.push_back(std::move(entries));
  } else {
    std::vector<std::shared_ptr<arrow::ArrayData>> children = source.child_data;
    if (from.kind() == TypeKind::kRow) {  // fields of a row that is NULL are NULL
      FIRN_TRY(const arrow::ArrayVector fields, types::FromArrowResult(static_cast<const arrow::StructArray&>(*array).Flatten()));
      for (size_t i = 0; i < fields.size(); ++i) children[i] = fields[i]->data();
    }
    FIRN_ASSERT(children.size() == from.fields().size() && children.size() == target.fields().size(), "{} with {} parts becomes {}", from.ToString(), children.size(), target.ToString());
    for (size_t i = 0; i < children.size(); ++i) {
      FIRN_TRY(auto child, convert(children[i], from.fields()[i].type, target.fields()[i].type));
      copy->child_data.push_back(std::move(child));
    }
  }
  return Column{arrow::MakeArray(std::move(copy)), input.arguments[0].is_constant};
}

template <bool kTry>
Result<Column> CastKernel(const KernelInput& input) {
  const DataType& from = input.argument_types[0];
  const DataType& target = input.result_type;
  FIRN_ASSERT(HaveOneForm(*input.arguments[0].array->type(), *from.ToArrow()), "{} are cast as {} to {}", input.arguments[0].array->type()->ToString(), from.ToString(), target.ToString());
  if (from.kind() == TypeKind::kNull) return NullColumn(target);
  switch (target.kind()) {
    case TypeKind::kBoolean: return from.kind() == target.kind() ? Result<Column>(input.arguments[0]) : ToBoolean<kTry>(input);
    case TypeKind::kDecimal: return ToDecimal<kTry>(input);
    case TypeKind::kChar:
    case TypeKind::kVarchar: return ToText(input);
    case TypeKind::kBinary:
    case TypeKind::kVarbinary: return ToBytes(input);
    case TypeKind::kDate:
    case TypeKind::kTime: return ToDateOrTime<kTry>(input);
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampLtz: return ToTimestamp<kTry>(input);
    case TypeKind::kArray:
    case TypeKind::kMap:
    case TypeKind::kRow: return CastNested<kTry>(input);
    case TypeKind::kIntervalYearMonth:
    case TypeKind::kIntervalDayTime:
    case TypeKind::kNull: return input.arguments[0];
    default: return ToMachineNumber<kTry>(input);
  }
}

// The cast matrix.
bool CanCast(const DataType& from, const DataType& to) {
  if (from.kind() == TypeKind::kNull) return true;
  if (to.IsCharacter()) return true;
  if (to.IsNumeric()) return from.IsNumeric() || from.IsCharacter() || from.kind() == TypeKind::kBoolean;
  if (to.kind() == TypeKind::kBoolean) return from.IsNumeric() || from.IsCharacter() || from.kind() == TypeKind::kBoolean;
  if (to.IsBytes()) return from.IsBytes() || from.IsCharacter();
  if (to.kind() == TypeKind::kDate) return from.IsCharacter() || from.IsTimestamp() || from.kind() == TypeKind::kDate;
  if (to.kind() == TypeKind::kTime) return from.IsCharacter() || from.IsTimestamp() || from.kind() == TypeKind::kTime;
  if (to.IsTimestamp()) return from.IsCharacter() || from.IsTimestamp() || from.kind() == TypeKind::kDate || from.kind() == TypeKind::kTime;
  if (from.kind() != to.kind() || from.fields().size() != to.fields().size()) return false;
  for (size_t i = 0; i < from.fields().size(); ++i) {
    if (!CanCast(from.fields()[i].type, to.fields()[i].type)) return false;
  }
  return true;
}

// types: {value, target}; see BindCast.
template <bool kTry>
Result<Signature> BindCastCall(const CallSite& call) {
  FIRN_ASSERT(call.types.size() == 2, "a cast of {} types", call.types.size());
  const DataType& from = call.types[0];
  const DataType& target = call.types[1];
  if (!CanCast(from, target)) {
    return Error(ErrorCode::kTypeMismatch, fmt::format("a {} cannot be cast to {}", from.ToString(), target.WithNullable(true).ToString()))
        .At(call.span)
        .Hint(from.IsNumeric() && target.IsTimestamp() ? "TO_TIMESTAMP_LTZ(number, 3) makes an instant of milliseconds" : "any value can be cast to STRING, and a STRING to numbers, BOOLEAN, dates and times");
  }
  const bool is_legacy = call.context != nullptr && call.context->legacy_cast;
  const bool nullable = kTry || is_legacy || from.nullable();
  return Signature{{from}, target.WithNullable(nullable)};
}

// 'table.exec.legacy-cast-behaviour': what has no value is NULL.
Result<Column> CastOrTryCast(const KernelInput& input) { return input.context.legacy_cast ? CastKernel<true>(input) : CastKernel<false>(input); }

Result<Signature> BindTypeOf(const CallSite& call) {
  if (call.types.size() != 1) return ArgumentError(call, "one value");
  return Signature{call.types, DataType::String()};
}

Result<Column> TypeOf(const KernelInput& input) {
  ColumnMaker<std::string> maker(input.result_type, 1);
  maker.Set(0, input.argument_types[0].ToString());
  return maker.Finish(true);
}

}  // namespace

std::vector<ScalarFunction> CastFunctions() {
  std::vector<ScalarFunction> functions = {
      {{"CAST"}, "conversion", "CAST(value AS type)", "The value as another type; fails if it has none.", {{"CAST('12.9' AS INT)", "12"}}, BindCastCall<false>, CastOrTryCast},
      {{"TRY_CAST"}, "conversion", "TRY_CAST(value AS type)", "The value as another type; NULL if it has none.", {{"TRY_CAST('abc' AS INT)", "NULL"}}, BindCastCall<true>, CastKernel<true>},
      {{"TYPEOF"}, "conversion", "TYPEOF(value)", "The value's type.", {{"TYPEOF(1)", "INT NOT NULL"}}, BindTypeOf, TypeOf, true, false},
  };
  functions[0].can_fail = true;
  return functions;
}

}  // namespace firn::expr
