// SPDX-License-Identifier: Apache-2.0
#include "types/decimal_text.h"

#include <algorithm>
#include <charconv>

#include "base/assert.h"
#include "types/data_type.h"

namespace firn::types {

namespace {

constexpr int64_t kMaxExponent = 1 << 20;  // further out nothing fits, or nothing is left

size_t DigitCount(std::string_view text) { return std::min(text.find_first_not_of("0123456789"), text.size()); }

/// A number's digits without its sign; the value is 0.DIGITS times ten to the power of `point`.
struct Digits {
  std::string_view whole;
  std::string_view fraction;
  int64_t point = 0;

  size_t size() const { return whole.size() + fraction.size(); }
  int operator[](size_t index) const { return (index < whole.size() ? whole[index] : fraction[index - whole.size()]) - '0'; }
};

std::optional<int64_t> ParseExponent(std::string_view text) {
  if (text.empty()) return 0;
  if (text[0] != 'e' && text[0] != 'E') return std::nullopt;
  text.remove_prefix(1);
  const bool is_negative = text.starts_with('-');
  if (is_negative || text.starts_with('+')) text.remove_prefix(1);
  if (text.empty() || DigitCount(text) != text.size()) return std::nullopt;
  int64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code == std::errc::result_out_of_range) value = kMaxExponent;
  value = std::min(value, kMaxExponent);
  return is_negative ? -value : value;
}

std::optional<Digits> ParseDigits(std::string_view text) {
  Digits digits;
  digits.whole = text.substr(0, DigitCount(text));
  text.remove_prefix(digits.whole.size());
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    digits.fraction = text.substr(0, DigitCount(text));
    text.remove_prefix(digits.fraction.size());
  }
  const auto exponent = ParseExponent(text);
  if (digits.size() == 0 || !exponent) return std::nullopt;
  digits.point = static_cast<int64_t>(digits.whole.size()) + *exponent;
  return digits;
}

}  // namespace

std::optional<arrow::Decimal128> ParseDecimal(std::string_view text, int precision, int scale) {
  FIRN_ASSERT(precision > 0 && precision <= kMaxDecimalPrecision && scale >= 0 && scale <= precision, "DECIMAL({}, {})", precision, scale);
  const bool is_negative = text.starts_with('-');
  if (is_negative || text.starts_with('+')) text.remove_prefix(1);
  const auto digits = ParseDigits(text);
  if (!digits) return std::nullopt;
  size_t first = 0;
  while (first < digits->size() && (*digits)[first] == 0) ++first;
  const int64_t end = digits->point + scale;  // of the digits that are kept; the one behind them rounds
  if (first == digits->size() || end < static_cast<int64_t>(first)) return arrow::Decimal128(0);
  if (end - static_cast<int64_t>(first) > precision) return std::nullopt;
  unsigned __int128 value = 0;
  for (int64_t i = static_cast<int64_t>(first); i < end; ++i) value = value * 10 + (i < static_cast<int64_t>(digits->size()) ? (*digits)[static_cast<size_t>(i)] : 0);
  if (end < static_cast<int64_t>(digits->size()) && (*digits)[static_cast<size_t>(end)] >= 5) ++value;
  const arrow::Decimal128 magnitude(static_cast<int64_t>(value >> 64), static_cast<uint64_t>(value));
  if (!magnitude.FitsInPrecision(precision)) return std::nullopt;  // 9.99 has become 10.0
  return is_negative ? arrow::Decimal128(-magnitude) : magnitude;
}

}  // namespace firn::types
