// SPDX-License-Identifier: Apache-2.0
#include "plan/literal.h"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/scalar.h>
#include <arrow/util/decimal.h>
#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <optional>

#include "base/assert.h"
#include "base/utf8.h"
#include "types/arrow_result.h"

namespace firn::plan {

namespace {

using types::DataType;

constexpr int64_t kMsPerSecond = 1000;
constexpr int64_t kMsPerMinute = 60 * kMsPerSecond;
constexpr int64_t kMsPerHour = 60 * kMsPerMinute;
constexpr int64_t kMsPerDay = 24 * kMsPerHour;

Result<expr::ExpressionPtr> FromScalar(const arrow::Scalar& scalar, DataType type, base::SourceSpan span) {
  FIRN_TRY(auto array, types::FromArrowResult(arrow::MakeArrayFromScalar(scalar, 1)));
  return expr::MakeLiteral(std::move(array), type.NotNull(), span);
}

Error BadLiteral(const sql::Expression& literal, std::string_view kind, std::string_view form, base::SourceSpan span) {
  return Error(ErrorCode::kInvalidLiteral, fmt::format("'{}' is not a {}", literal.text, kind)).At(span).Hint(fmt::format("written as {}", form));
}

Result<expr::ExpressionPtr> Decimal(std::string_view digits, int precision, int scale, base::SourceSpan span) {
  if (precision > types::kMaxDecimalPrecision) {
    return Error(ErrorCode::kInvalidLiteral, fmt::format("{} has {} digits", digits, precision))
        .At(span)
        .Hint(fmt::format("a DECIMAL has at most {} digits; write it with an exponent for DOUBLE", types::kMaxDecimalPrecision));
  }
  arrow::Decimal128 value;
  int32_t parsed_precision = 0;
  int32_t parsed_scale = 0;
  FIRN_RETURN_IF_ERROR(types::FromArrowStatus(arrow::Decimal128::FromString(digits, &value, &parsed_precision, &parsed_scale)));
  const DataType type = DataType::Decimal(std::max(precision, 1), scale);
  return FromScalar(arrow::Decimal128Scalar(value, type.ToArrow()), type, span);
}

Result<expr::ExpressionPtr> Integer(const sql::Expression& literal, base::SourceSpan span) {
  int64_t value = 0;
  const char* end = literal.text.data() + literal.text.size();
  const auto [stop, code] = std::from_chars(literal.text.data(), end, value);
  if (code == std::errc() && stop == end) {
    if (value >= std::numeric_limits<int32_t>::min() && value <= std::numeric_limits<int32_t>::max()) return FromScalar(arrow::Int32Scalar(static_cast<int32_t>(value)), DataType::Int(), span);
    return FromScalar(arrow::Int64Scalar(value), DataType::BigInt(), span);
  }
  return Decimal(literal.text, static_cast<int>(literal.text.size()), 0, span);
}

Result<expr::ExpressionPtr> PointDecimal(const sql::Expression& literal, base::SourceSpan span) {
  const size_t point = literal.text.find('.');
  FIRN_ASSERT(point != std::string::npos, "decimal literal '{}'", literal.text);
  int digits = static_cast<int>(literal.text.size()) - 1;
  if (digits > types::kMaxDecimalPrecision && literal.text.starts_with("0.")) --digits;  // the only one that a fraction does without
  const int scale = digits - static_cast<int>(point);
  if (scale == 0) return Decimal(std::string_view(literal.text).substr(0, point), digits, 0, span);
  return Decimal(literal.text, digits, scale, span);
}

Result<expr::ExpressionPtr> Approximate(const sql::Expression& literal, base::SourceSpan span) {
  double value = 0;
  const char* end = literal.text.data() + literal.text.size();
  const auto [stop, code] = std::from_chars(literal.text.data(), end, value);
  if (code == std::errc::result_out_of_range || stop != end) return BadLiteral(literal, "DOUBLE", "1.5e0, between 4.9e-324 and 1.8e308", span);
  return FromScalar(arrow::DoubleScalar(value), DataType::Double(), span);
}

/// Reads fixed forms such as dddd-dd-dd. Every Take consumes or fails for good.
class Digits {
 public:
  explicit Digits(std::string_view text) : text_(text) {}
  int64_t Take(size_t count) {
    int64_t value = 0;
    if (text_.size() < count) ok_ = false;
    for (size_t i = 0; ok_ && i < count; ++i) {
      if (text_[i] < '0' || text_[i] > '9') {
        ok_ = false;
        break;
      }
      value = value * 10 + (text_[i] - '0');
    }
    if (ok_) text_.remove_prefix(count);
    return value;
  }
  /// One to `most` digits.
  int64_t TakeUpTo(size_t most) {
    size_t count = 0;
    while (count < most && count < text_.size() && text_[count] >= '0' && text_[count] <= '9') ++count;
    if (count == 0) ok_ = false;
    return Take(count);
  }
  void Skip(char c) {
    if (text_.empty() || text_[0] != c) {
      ok_ = false;
      return;
    }
    text_.remove_prefix(1);
  }
  bool Next(char c) const { return !text_.empty() && text_[0] == c; }
  size_t left() const { return text_.size(); }
  bool ok() const { return ok_; }
  bool done() const { return ok_ && text_.empty(); }

 private:
  std::string_view text_;
  bool ok_ = true;
};

std::optional<int64_t> TakeDate(Digits& digits) {
  const int64_t year = digits.Take(4);
  digits.Skip('-');
  const int64_t month = digits.Take(2);
  digits.Skip('-');
  const int64_t day = digits.Take(2);
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(year)), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!digits.ok() || !date.ok()) return std::nullopt;
  return std::chrono::sys_days(date).time_since_epoch().count();
}

struct TimeOfDay {
  int64_t nanoseconds = 0;
  int precision = 0;
};

std::optional<TimeOfDay> TakeTime(Digits& digits) {
  const int64_t hour = digits.TakeUpTo(2);
  digits.Skip(':');
  const int64_t minute = digits.Take(2);
  digits.Skip(':');
  const int64_t second = digits.Take(2);
  if (!digits.ok() || hour > 23 || minute > 59 || second > 59) return std::nullopt;
  TimeOfDay time{((hour * 60 + minute) * 60 + second) * 1000000000LL, 0};
  if (!digits.Next('.')) return time;
  digits.Skip('.');
  const size_t before = digits.left();
  int64_t fraction = digits.TakeUpTo(9);
  time.precision = static_cast<int>(before - digits.left());
  for (int i = time.precision; i < 9; ++i) fraction *= 10;
  time.nanoseconds += fraction;
  if (!digits.ok()) return std::nullopt;
  return time;
}

Result<expr::ExpressionPtr> Date(const sql::Expression& literal, base::SourceSpan span) {
  Digits digits(literal.text);
  const auto days = TakeDate(digits);
  if (!days || !digits.done()) return BadLiteral(literal, "DATE", "DATE '2024-12-31'", span);
  return FromScalar(arrow::Date32Scalar(static_cast<int32_t>(*days)), DataType::Date(), span);
}

Result<expr::ExpressionPtr> Time(const sql::Expression& literal, base::SourceSpan span) {
  Digits digits(literal.text);
  const auto time = TakeTime(digits);
  if (!time || !digits.done()) return BadLiteral(literal, "TIME", "TIME '23:59:59'", span);
  const DataType type = DataType::Time(time->precision);
  return FromScalar(arrow::Time32Scalar(static_cast<int32_t>(time->nanoseconds / 1000000), type.ToArrow()), type, span);
}

Result<expr::ExpressionPtr> Timestamp(const sql::Expression& literal, base::SourceSpan span) {
  Digits digits(literal.text);
  const auto days = TakeDate(digits);
  digits.Skip(' ');
  const auto time = TakeTime(digits);
  if (!days || !time || !digits.done()) return BadLiteral(literal, "TIMESTAMP", "TIMESTAMP '2024-12-31 23:59:59.999'", span);
  const DataType type = DataType::Timestamp(time->precision);
  const int64_t unit = time->precision > 6 ? 1 : 1000;
  int64_t value = 0;
  const bool is_beyond = __builtin_mul_overflow(*days, 86400000000000LL / unit, &value) || __builtin_add_overflow(value, time->nanoseconds / unit, &value);
  if (is_beyond) return BadLiteral(literal, type.ToString(), "a moment from 1677-09-22 to 2262-04-11 with 7 to 9 fraction digits, or any with fewer", span);
  return FromScalar(arrow::TimestampScalar(value, type.ToArrow()), type, span);
}

int UnitRank(sql::IntervalUnit unit) {
  switch (unit) {
    case sql::IntervalUnit::kYear: return 0;
    case sql::IntervalUnit::kQuarter: return 1;
    case sql::IntervalUnit::kMonth: return 2;
    case sql::IntervalUnit::kWeek: return 3;
    case sql::IntervalUnit::kDay: return 4;
    case sql::IntervalUnit::kHour: return 5;
    case sql::IntervalUnit::kMinute: return 6;
    case sql::IntervalUnit::kSecond: return 7;
    default: return 8;
  }
}

int64_t UnitFactor(sql::IntervalUnit unit) {
  switch (unit) {
    case sql::IntervalUnit::kYear: return 12;
    case sql::IntervalUnit::kQuarter: return 3;
    case sql::IntervalUnit::kMonth: return 1;
    case sql::IntervalUnit::kWeek: return 7 * kMsPerDay;
    case sql::IntervalUnit::kDay: return kMsPerDay;
    case sql::IntervalUnit::kHour: return kMsPerHour;
    case sql::IntervalUnit::kMinute: return kMsPerMinute;
    case sql::IntervalUnit::kSecond: return kMsPerSecond;
    default: return 1;
  }
}

/// Digits of one field of at most nine digits; a fraction only after seconds.
int64_t TakeField(Digits& digits, sql::IntervalUnit unit) {
  int64_t value = digits.TakeUpTo(9) * UnitFactor(unit);
  if (unit != sql::IntervalUnit::kSecond || !digits.Next('.')) return value;
  digits.Skip('.');
  const size_t before = digits.left();
  int64_t fraction = digits.TakeUpTo(9);
  for (size_t i = before - digits.left(); i < 9; ++i) fraction *= 10;
  return value + fraction / 1000000;
}

/// '1 02:03:04' from DAY to SECOND: the fields in between in order, separated as the form wants.
int64_t TakeRange(Digits& digits, sql::IntervalUnit from, sql::IntervalUnit to) {
  static constexpr sql::IntervalUnit kFields[] = {sql::IntervalUnit::kDay, sql::IntervalUnit::kHour, sql::IntervalUnit::kMinute,
                                                  sql::IntervalUnit::kSecond};
  int64_t total = TakeField(digits, from);
  for (sql::IntervalUnit field : kFields) {
    if (UnitRank(field) <= UnitRank(from) || UnitRank(field) > UnitRank(to)) continue;
    digits.Skip(field == sql::IntervalUnit::kHour ? ' ' : ':');
    total += TakeField(digits, field);
  }
  return total;
}

Result<expr::ExpressionPtr> Interval(const sql::Expression& literal, base::SourceSpan span) {
  for (const sql::IntervalUnit unit : {literal.interval_from, literal.interval_to.value_or(literal.interval_from)}) {
    if (unit != sql::IntervalUnit::kMicrosecond && unit != sql::IntervalUnit::kNanosecond) continue;
    return Error(ErrorCode::kNotSupported, "an INTERVAL in microseconds or nanoseconds is not supported").At(span).Hint("intervals are exact to the millisecond: INTERVAL '0.001' SECOND");
  }
  std::string_view text = literal.text;
  bool is_negative = literal.is_negative_interval;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    is_negative ^= text[0] == '-';
    text.remove_prefix(1);
  }
  Digits digits(text);
  const sql::IntervalUnit from = literal.interval_from;
  const bool is_months = UnitRank(from) <= UnitRank(sql::IntervalUnit::kMonth);
  int64_t value = 0;
  if (!literal.interval_to) {
    value = TakeField(digits, from);
  } else if (is_months) {
    value = TakeField(digits, from);
    digits.Skip('-');
    value += digits.TakeUpTo(9);
  } else {
    value = TakeRange(digits, from, *literal.interval_to);
  }
  if (!digits.done()) return BadLiteral(literal, "value of this INTERVAL", "INTERVAL '10' SECOND, INTERVAL '1 02:03:04' DAY TO SECOND or INTERVAL '1-2' YEAR TO MONTH", span);
  if (is_negative) value = -value;
  if (!is_months) return FromScalar(arrow::Int64Scalar(value), DataType::IntervalDayTime(), span);
  if (value > std::numeric_limits<int32_t>::max() || value < std::numeric_limits<int32_t>::min()) {
    return BadLiteral(literal, "number of months in range", "INTERVAL '1-2' YEAR TO MONTH", span);
  }
  return FromScalar(arrow::Int32Scalar(static_cast<int32_t>(value)), DataType::IntervalYearMonth(), span);
}

}  // namespace

Result<expr::ExpressionPtr> BindLiteral(const sql::Expression& literal, base::SourceSpan span) {
  switch (literal.literal) {
    case sql::LiteralKind::kNull: {
      FIRN_TRY(auto null, types::FromArrowResult(arrow::MakeArrayOfNull(DataType::Null().ToArrow(), 1)));
      return expr::MakeLiteral(std::move(null), DataType::Null(), span);
    }
    case sql::LiteralKind::kBoolean:
      return FromScalar(arrow::BooleanScalar(literal.text == "TRUE"), DataType::Boolean(), span);
    case sql::LiteralKind::kInteger:
      return Integer(literal, span);
    case sql::LiteralKind::kDecimal:
      return PointDecimal(literal, span);
    case sql::LiteralKind::kDouble:
      return Approximate(literal, span);
    case sql::LiteralKind::kString:
      return FromScalar(arrow::StringScalar(literal.text), DataType::Char(static_cast<int32_t>(base::CountCodePoints(literal.text))), span);
    case sql::LiteralKind::kBinary:
      return FromScalar(arrow::BinaryScalar(literal.text), DataType::Binary(static_cast<int32_t>(literal.text.size())), span);
    case sql::LiteralKind::kDate:
      return Date(literal, span);
    case sql::LiteralKind::kTime:
      return Time(literal, span);
    case sql::LiteralKind::kTimestamp:
      return Timestamp(literal, span);
    case sql::LiteralKind::kInterval:
      return Interval(literal, span);
  }
  FIRN_UNREACHABLE("literal kind {}", static_cast<int>(literal.literal));
}

std::optional<int64_t> IntervalMilliseconds(const expr::Expression& expression) {
  if (expression.kind != expr::ExpressionKind::kLiteral || expression.type.kind() != types::TypeKind::kIntervalDayTime) return std::nullopt;
  if (expression.literal->IsNull(0)) return std::nullopt;
  return static_cast<const arrow::Int64Array&>(*expression.literal).Value(0);
}

std::optional<int64_t> IntegerValue(const expr::Expression& expression) {
  if (expression.kind != expr::ExpressionKind::kLiteral || expression.literal->IsNull(0)) return std::nullopt;
  switch (expression.type.kind()) {
    case types::TypeKind::kTinyInt: return static_cast<const arrow::Int8Array&>(*expression.literal).Value(0);
    case types::TypeKind::kSmallInt: return static_cast<const arrow::Int16Array&>(*expression.literal).Value(0);
    case types::TypeKind::kInt: return static_cast<const arrow::Int32Array&>(*expression.literal).Value(0);
    case types::TypeKind::kBigInt: return static_cast<const arrow::Int64Array&>(*expression.literal).Value(0);
    default: return std::nullopt;
  }
}

std::optional<std::string> StringValue(const expr::Expression& expression) {
  if (expression.kind != expr::ExpressionKind::kLiteral || !expression.type.IsCharacter() || expression.literal->IsNull(0)) return std::nullopt;
  return static_cast<const arrow::StringArray&>(*expression.literal).GetString(0);
}

}  // namespace firn::plan
