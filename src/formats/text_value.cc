// SPDX-License-Identifier: Apache-2.0
#include "formats/text_value.h"

#include <arrow/util/decimal.h>

#include <cstdlib>
#include <limits>
#include <string>

#include "types/decimal_text.h"

namespace firn::formats {

std::string_view TrimBlanks(std::string_view text) {
  while (!text.empty() && static_cast<unsigned char>(text.front()) <= ' ') text.remove_prefix(1);
  while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.remove_suffix(1);
  return text;
}

bool ParseDoubleText(std::string_view text, double* out) {
  text = TrimBlanks(text);
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  if (text == "NaN") return *out = std::numeric_limits<double>::quiet_NaN(), true;
  if (text == "Infinity") return *out = std::numeric_limits<double>::infinity(), true;
  if (text == "-Infinity") return *out = -std::numeric_limits<double>::infinity(), true;
  if (text.empty() || text.find_first_not_of("0123456789+-.eE") != std::string_view::npos) return false;
  auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), *out);
  if (status == std::errc::result_out_of_range) {
    *out = std::strtod(std::string(text).c_str(), nullptr);  // overflow to infinity, underflow to zero, as Java does
    return true;
  }
  return status == std::errc() && end == text.data() + text.size();
}

bool ParseDecimalText(std::string_view text, const types::DataType& type, arrow::Decimal128* out) {
  const auto value = types::ParseDecimal(TrimBlanks(text), type.precision(), type.scale());
  if (value) *out = *value;
  return value.has_value();
}

std::optional<int64_t> ParseTimestampText(std::string_view text, const types::DataType& type, TimestampStyle style) {
  const auto parsed = ParseIsoTimestamp(text, style, type.kind() == types::TypeKind::kTimestampLtz);
  if (!parsed) return std::nullopt;
  int64_t step = 1;
  for (int i = type.precision(); i < 9; ++i) step *= 10;
  const int64_t nanos = parsed->nanos / step * step;
  if (type.precision() <= 6) return parsed->seconds * 1'000'000 + nanos / 1000;
  if (parsed->seconds <= -9'223'372'036 || parsed->seconds >= 9'223'372'036) return std::nullopt;
  return parsed->seconds * 1'000'000'000 + nanos;
}

void AppendTimestampText(std::string* out, int64_t value, const types::DataType& type, TimestampStyle style) {
  const int64_t units = type.precision() <= 6 ? 1'000'000 : 1'000'000'000;
  int64_t seconds = value / units;
  int64_t rest = value % units;
  if (rest < 0) {
    rest += units;
    --seconds;
  }
  AppendIsoTimestamp(out, seconds, static_cast<int32_t>(rest * (1'000'000'000 / units)), style, type.kind() == types::TypeKind::kTimestampLtz);
}

}  // namespace firn::formats
