// SPDX-License-Identifier: Apache-2.0
#include "types/value_text.h"

#include <arrow/array.h>
#include <arrow/util/decimal.h>
#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "types/temporal.h"

namespace firn::types {

namespace {

// From the shortest digits that read back as the value ("d.ddde+XX") to Java's layout.
std::string JavaLayout(const std::string& scientific) {
  std::string_view text = scientific;
  std::string out;
  if (text.starts_with('-')) {
    out = "-";
    text.remove_prefix(1);
  }
  const size_t e = text.find('e');
  std::string digits;
  for (char c : text.substr(0, e)) {
    if (c != '.') digits.push_back(c);
  }
  const int exponent = std::stoi(std::string(text.substr(e + 1)));
  if (exponent >= -3 && exponent < 7) {
    if (exponent >= 0) {
      const auto whole = static_cast<size_t>(exponent) + 1;
      if (digits.size() < whole + 1) digits.resize(whole + 1, '0');
      return out + digits.substr(0, whole) + "." + digits.substr(whole);
    }
    return out + "0." + std::string(static_cast<size_t>(-exponent) - 1, '0') + digits;
  }
  if (digits.size() < 2) digits += '0';
  return fmt::format("{}{}.{}E{}", out, digits.substr(0, 1), digits.substr(1), exponent);
}

template <typename T>
std::string FloatingText(T value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  if (value == 0) return std::signbit(value) ? "-0.0" : "0.0";
  // fmt prints the shortest digits; its own exponent form is asked for by a format with all of them.
  char buffer[64];
  auto [end, status] = std::to_chars(buffer, buffer + sizeof(buffer), value, std::chars_format::scientific);
  FIRN_ASSERT(status == std::errc());
  if (std::find(buffer, end, '.') == end) {  // one digit tells it: Java takes the nearest number of two, 4.9E-324 and not 5.0E-324
    end = std::to_chars(buffer, buffer + sizeof(buffer), value, std::chars_format::scientific, 1).ptr;
    if (std::string_view(buffer, static_cast<size_t>(end - buffer)).find(".0e") != std::string_view::npos) end = std::to_chars(buffer, buffer + sizeof(buffer), value, std::chars_format::scientific).ptr;
  }
  return JavaLayout(std::string(buffer, end));
}

Result<std::string> FormatNested(const arrow::Array& array, int64_t row, const DataType& type, const std::string& time_zone) {
  std::string out;
  if (type.kind() == TypeKind::kRow) {
    const auto& rows = static_cast<const arrow::StructArray&>(array);
    for (int i = 0; i < rows.num_fields(); ++i) {
      FIRN_TRY(std::string cell, FormatCell(*rows.field(i), row, type.fields()[static_cast<size_t>(i)].type, time_zone));
      out += (i > 0 ? ", " : "") + cell;
    }
    return "(" + out + ")";
  }
  const auto& list = static_cast<const arrow::ListArray&>(array);  // a map is a list of entries
  const int64_t begin = list.value_offset(row);
  const int64_t end = list.value_offset(row + 1);
  for (int64_t i = begin; i < end; ++i) {
    if (i > begin) out += ", ";
    if (type.kind() == TypeKind::kMap) {
      const auto& entries = static_cast<const arrow::StructArray&>(*list.values());
      FIRN_TRY(std::string key, FormatCell(*entries.field(0), i, type.key(), time_zone));
      FIRN_TRY(std::string value, FormatCell(*entries.field(1), i, type.value(), time_zone));
      out += key + "=" + value;
    } else {
      FIRN_TRY(std::string cell, FormatCell(*list.values(), i, type.element(), time_zone));
      out += cell;
    }
  }
  return type.kind() == TypeKind::kMap ? "{" + out + "}" : "[" + out + "]";
}

std::string BytesText(std::string_view bytes) {
  std::string out = "x'";
  for (char c : bytes) out += fmt::format("{:02x}", static_cast<unsigned>(static_cast<uint8_t>(c)));
  return out + "'";
}

Result<std::string> TimestampText(int64_t value, const DataType& type, const std::string& time_zone) {
  if (type.kind() == TypeKind::kTimestampLtz) {
    FIRN_TRY(const TimeZone* zone, TimeZone::Find(time_zone));
    if (!zone->is_utc()) {
      const int64_t micros = type.precision() <= 6 ? value : FloorDivide(value, 1000);
      const int64_t shift = zone->ToLocal(micros) - micros;
      value += type.precision() <= 6 ? shift : shift * 1000;
    }
  }
  std::string out;
  AppendTimestamp(&out, value, type.precision());
  return out;
}

}  // namespace

std::string DoubleText(double value) { return FloatingText(value); }
std::string FloatText(float value) { return FloatingText(value); }

std::string DecimalText(std::string integer, int scale) {
  if (scale == 0) return integer;
  const bool is_negative = integer.starts_with('-');
  if (is_negative) integer.erase(0, 1);
  const auto digits = static_cast<size_t>(scale);
  if (integer.size() <= digits) integer.insert(0, digits + 1 - integer.size(), '0');
  integer.insert(integer.size() - digits, ".");
  return is_negative ? "-" + integer : integer;
}

std::string DayTimeIntervalText(int64_t millis) {
  const char sign = millis < 0 ? '-' : '+';
  const uint64_t rest = millis < 0 ? -static_cast<uint64_t>(millis) : static_cast<uint64_t>(millis);
  return fmt::format("{}{} {:02}:{:02}:{:02}.{:03}", sign, rest / kMillisPerDay, rest / 3'600'000 % 24, rest / 60'000 % 60, rest / 1000 % 60, rest % 1000);
}

std::string YearMonthIntervalText(int32_t months) {
  const int64_t rest = std::abs(int64_t{months});
  return fmt::format("{}{}-{:02}", months < 0 ? '-' : '+', rest / 12, rest % 12);
}

Result<std::string> FormatCell(const arrow::Array& array, int64_t row, const DataType& type, const std::string& time_zone) {
  if (array.IsNull(row)) return std::string("NULL");
  std::string out;
  switch (type.kind()) {
    case TypeKind::kNull: return std::string("NULL");
    case TypeKind::kBoolean: return std::string(static_cast<const arrow::BooleanArray&>(array).Value(row) ? "TRUE" : "FALSE");
    case TypeKind::kTinyInt: return std::to_string(static_cast<const arrow::Int8Array&>(array).Value(row));
    case TypeKind::kSmallInt: return std::to_string(static_cast<const arrow::Int16Array&>(array).Value(row));
    case TypeKind::kInt: return std::to_string(static_cast<const arrow::Int32Array&>(array).Value(row));
    case TypeKind::kBigInt: return std::to_string(static_cast<const arrow::Int64Array&>(array).Value(row));
    case TypeKind::kFloat: return FloatText(static_cast<const arrow::FloatArray&>(array).Value(row));
    case TypeKind::kDouble: return DoubleText(static_cast<const arrow::DoubleArray&>(array).Value(row));
    case TypeKind::kDecimal: 
      return DecimalText(arrow::Decimal128(static_cast<const arrow::Decimal128Array&>(array).GetValue(row)).ToIntegerString(), type.scale());
    case TypeKind::kChar:
    case TypeKind::kVarchar: return static_cast<const arrow::StringArray&>(array).GetString(row);
    case TypeKind::kBinary:
    case TypeKind::kVarbinary: return BytesText(static_cast<const arrow::BinaryArray&>(array).GetView(row));
    case TypeKind::kDate: AppendDate(&out, static_cast<const arrow::Date32Array&>(array).Value(row)); return out;
    case TypeKind::kTime: AppendTime(&out, static_cast<const arrow::Time32Array&>(array).Value(row), type.precision()); return out;
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampLtz: return TimestampText(static_cast<const arrow::TimestampArray&>(array).Value(row), type, time_zone);
    case TypeKind::kIntervalYearMonth: return YearMonthIntervalText(static_cast<const arrow::Int32Array&>(array).Value(row));
    case TypeKind::kIntervalDayTime: return DayTimeIntervalText(static_cast<const arrow::Int64Array&>(array).Value(row));
    case TypeKind::kArray:
    case TypeKind::kMap:
    case TypeKind::kRow: return FormatNested(array, row, type, time_zone);
  }
  FIRN_UNREACHABLE("type kind {}", static_cast<int>(type.kind()));
}

}  // namespace firn::types
