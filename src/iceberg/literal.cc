// SPDX-License-Identifier: Apache-2.0
#include "iceberg/literal.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "base/base64.h"
#include "base/endian.h"
#include "formats/iso_time.h"
#include "iceberg/json_object_internal.h"
#include "types/temporal.h"

namespace firn::iceberg {

namespace {

constexpr int64_t kMicrosPerDay = 86'400'000'000;
constexpr int64_t kMicrosPerSecond = 1'000'000;
constexpr int64_t kNanosPerSecond = 1'000'000'000;

template <typename T>
std::string LittleBytes(T value) {
  std::string bytes(sizeof(T), '\0');
  base::StoreLittle(bytes.data(), value);
  return bytes;
}

template <typename T>
int CompareValues(T left, T right) {
  return left < right ? -1 : left > right ? 1 : 0;
}

// Maps IEEE 754 bits to integers in total order.
template <typename Bits, typename T>
Bits OrderedBits(T value) {
  const Bits bits = std::bit_cast<Bits>(std::isnan(value) ? std::numeric_limits<T>::quiet_NaN() : value);
  return bits < 0 ? static_cast<Bits>(bits ^ std::numeric_limits<Bits>::max()) : bits;
}

Error BadBound(const Type& type, std::string_view bytes) {
  return Error(ErrorCode::kCorruption, fmt::format("a bound of {} bytes for the type {}", bytes.size(), type.ToString()));
}


std::string UuidText(const std::string& bytes) {
  std::string text;
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += fmt::format("{:02x}", static_cast<uint8_t>(bytes[i]));
  }
  return text;
}

Result<std::string> HexBytes(std::string_view text) {
  std::string bytes;
  int high = -1;
  for (char c : text) {
    if (c == '-') continue;
    const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
    if (digit < 0) return Error(ErrorCode::kInvalidMetadata, fmt::format("`{}` is not hexadecimal", text));
    if (high < 0) {
      high = digit;
    } else {
      bytes.push_back(static_cast<char>(high * 16 + digit));
      high = -1;
    }
  }
  if (high >= 0) return Error(ErrorCode::kInvalidMetadata, fmt::format("`{}` has an odd number of digits", text));
  return bytes;
}

int64_t UnitsPerSecond(const Type& type) {
  return type.id == TypeId::kTimestampNs || type.id == TypeId::kTimestampTzNs ? kNanosPerSecond : kMicrosPerSecond;
}

std::string TimestampText(const Type& type, int64_t value) {
  const int64_t per_second = UnitsPerSecond(type);
  const int64_t seconds = types::FloorDivide(value, per_second);
  const auto nanos = static_cast<int32_t>((value - seconds * per_second) * (kNanosPerSecond / per_second));
  std::string text;
  formats::AppendIsoTimestamp(&text, seconds, nanos, formats::TimestampStyle::kIso8601, false);
  if (type.id == TypeId::kTimestampTz || type.id == TypeId::kTimestampTzNs) text += "+00:00";
  return text;
}

Error BadJson(const Type& type, std::string_view json) {
  return Error(ErrorCode::kInvalidMetadata, fmt::format("`{}` is no value of the type {}", json, type.ToString()));
}

Result<Literal> ParseTimestampJson(const Type& type, std::string text, std::string_view json) {
  for (std::string_view zone : {"+00:00", "Z"}) {
    if (text.ends_with(zone)) text.resize(text.size() - zone.size());
  }
  const auto parsed = formats::ParseIsoTimestamp(text, formats::TimestampStyle::kIso8601, false);
  if (!parsed) return BadJson(type, json);
  const int64_t per_second = UnitsPerSecond(type);
  int64_t value = 0;
  const bool is_beyond = __builtin_mul_overflow(parsed->seconds, per_second, &value) || __builtin_add_overflow(value, parsed->nanos / (kNanosPerSecond / per_second), &value);
  if (is_beyond) return BadJson(type, json);
  return Literal(value);
}

Result<Literal> ParseTextJson(const Type& type, const std::string& text, std::string_view json) {
  switch (type.id) {
    case TypeId::kString: return Literal(text);
    case TypeId::kDate: {
      const auto days = formats::ParseIsoDate(text);
      if (!days) return BadJson(type, json);
      return Literal(*days);
    }
    case TypeId::kTime: {
      const auto nanos = formats::ParseIsoTime(text);
      if (!nanos) return BadJson(type, json);
      return Literal(*nanos / 1000);
    }
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz:
    case TypeId::kTimestampNs:
    case TypeId::kTimestampTzNs: return ParseTimestampJson(type, text, json);
    case TypeId::kDecimal: {
      FIRN_TRY(Int128 value, ParseDecimal(text, type.scale));
      return Literal(value);
    }
    case TypeId::kUuid:
    case TypeId::kFixed:
    case TypeId::kBinary: {
      FIRN_TRY(std::string bytes, HexBytes(text));
      return Literal(std::move(bytes));
    }
    default: return BadJson(type, json);
  }
}

Result<Literal> ParseNumberJson(const Type& type, const boost::json::value& value, std::string_view json) {
  if (type.id == TypeId::kFloat || type.id == TypeId::kDouble) {
    const double number = value.is_double() ? value.get_double() : value.is_int64() ? static_cast<double>(value.get_int64())
                                                                                    : static_cast<double>(value.get_uint64());
    if (type.id == TypeId::kFloat) return Literal(static_cast<float>(number));
    return Literal(number);
  }
  if (!value.is_int64()) return BadJson(type, json);
  const int64_t number = value.get_int64();
  if (type.id == TypeId::kLong) return Literal(number);
  if (type.id != TypeId::kInt || number != static_cast<int32_t>(number)) return BadJson(type, json);
  return Literal(static_cast<int32_t>(number));
}

}  // namespace

bool LiteralFits(const Type& type, const Literal& value) {
  switch (type.id) {
    case TypeId::kBoolean: return value.get_if<bool>() != nullptr;
    case TypeId::kInt:
    case TypeId::kDate: return value.get_if<int32_t>() != nullptr;
    case TypeId::kLong:
    case TypeId::kTime:
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz:
    case TypeId::kTimestampNs:
    case TypeId::kTimestampTzNs: return value.get_if<int64_t>() != nullptr;
    case TypeId::kFloat: return value.get_if<float>() != nullptr;
    case TypeId::kDouble: return value.get_if<double>() != nullptr;
    case TypeId::kDecimal: return value.get_if<Int128>() != nullptr;
    case TypeId::kString:
    case TypeId::kUuid:
    case TypeId::kFixed:
    case TypeId::kBinary: return value.get_if<std::string>() != nullptr;
    default: return false;
  }
}

int CompareLiterals(const Literal& left, const Literal& right) {
  FIRN_ASSERT(left.content.index() == right.content.index() && !left.is_null(), "forms {} and {}", left.content.index(),
              right.content.index());
  return std::visit(
      [&](const auto& value) -> int {
        using T = std::decay_t<decltype(value)>;
        const T& other = std::get<T>(right.content);
        if constexpr (std::is_same_v<T, std::monostate>) return 0;
        else if constexpr (std::is_same_v<T, float>) return CompareValues(OrderedBits<int32_t>(value), OrderedBits<int32_t>(other));
        else if constexpr (std::is_same_v<T, double>) return CompareValues(OrderedBits<int64_t>(value), OrderedBits<int64_t>(other));
        else if constexpr (std::is_same_v<T, std::string>) return CompareValues(value.compare(other), 0);
        else return CompareValues(value, other);
      },
      left.content);
}

bool IsNan(const Literal& value) {
  if (const float* number = value.get_if<float>()) return std::isnan(*number);
  if (const double* number = value.get_if<double>()) return std::isnan(*number);
  return false;
}

std::string EncodeBound(const Type& type, const Literal& value) {
  FIRN_ASSERT(LiteralFits(type, value), "a value of form {} for {}", value.content.index(), type.ToString());
  return std::visit(
      [](const auto& content) -> std::string {
        using T = std::decay_t<decltype(content)>;
        if constexpr (std::is_same_v<T, bool>) return std::string(1, content ? '\1' : '\0');
        else if constexpr (std::is_same_v<T, int32_t> || std::is_same_v<T, int64_t>) return LittleBytes(content);
        else if constexpr (std::is_same_v<T, float>) return LittleBytes(std::bit_cast<int32_t>(content));
        else if constexpr (std::is_same_v<T, double>) return LittleBytes(std::bit_cast<int64_t>(content));
        else if constexpr (std::is_same_v<T, Int128>) return EncodeDecimal(content);
        else if constexpr (std::is_same_v<T, std::string>) return content;
        else return std::string();
      },
      value.content);
}

Result<Literal> DecodeBound(const Type& type, std::string_view bytes) {
  switch (type.id) {
    case TypeId::kBoolean:
      if (bytes.size() != 1) return BadBound(type, bytes);
      return Literal(bytes[0] != 0);
    case TypeId::kInt:
    case TypeId::kDate:
      if (bytes.size() != 4) return BadBound(type, bytes);
      return Literal(base::LoadLittle<int32_t>(bytes.data()));
    case TypeId::kLong:
      if (bytes.size() == 4) return Literal(int64_t{base::LoadLittle<int32_t>(bytes.data())});
      if (bytes.size() != 8) return BadBound(type, bytes);
      return Literal(base::LoadLittle<int64_t>(bytes.data()));
    case TypeId::kTimestamp:
    case TypeId::kTimestampNs:
      // Four bytes: written as a date (v3 promotion).
      if (bytes.size() == 4) {
        int64_t value = 0;  // a day that nanoseconds do not reach bounds nothing
        return __builtin_mul_overflow(int64_t{base::LoadLittle<int32_t>(bytes.data())}, 86400 * UnitsPerSecond(type), &value) ? Literal() : Literal(value);
      }
      [[fallthrough]];
    case TypeId::kTime:
    case TypeId::kTimestampTz:
    case TypeId::kTimestampTzNs:
      if (bytes.size() != 8) return BadBound(type, bytes);
      return Literal(base::LoadLittle<int64_t>(bytes.data()));
    case TypeId::kFloat:
      if (bytes.size() != 4) return BadBound(type, bytes);
      return Literal(std::bit_cast<float>(base::LoadLittle<uint32_t>(bytes.data())));
    case TypeId::kDouble:
      if (bytes.size() == 4) return Literal(double{std::bit_cast<float>(base::LoadLittle<uint32_t>(bytes.data()))});
      if (bytes.size() != 8) return BadBound(type, bytes);
      return Literal(std::bit_cast<double>(base::LoadLittle<uint64_t>(bytes.data())));
    case TypeId::kDecimal: {
      FIRN_TRY(Int128 value, DecodeDecimal(bytes));
      return Literal(value);
    }
    case TypeId::kString:
    case TypeId::kUuid:
    case TypeId::kFixed:
    case TypeId::kBinary: return Literal(std::string(bytes));
    default: return Literal();
  }
}

std::string EncodeDecimal(Int128 value) {
  std::string bytes;
  for (int shift = 120; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(static_cast<uint8_t>(value >> shift)));
  const char fill = value < 0 ? '\xff' : '\0';
  size_t skip = 0;
  while (skip < 15 && bytes[skip] == fill && (bytes[skip + 1] & 0x80) == (fill & 0x80)) ++skip;
  return bytes.substr(skip);
}

Result<Int128> DecodeDecimal(std::string_view bytes) {
  if (bytes.empty() || bytes.size() > 16) return Error(ErrorCode::kCorruption, fmt::format("a decimal of {} bytes", bytes.size()));
  auto value = static_cast<unsigned __int128>(static_cast<Int128>(static_cast<signed char>(bytes[0])));
  for (size_t i = 1; i < bytes.size(); ++i) value = (value << 8) | static_cast<uint8_t>(bytes[i]);
  return static_cast<Int128>(value);
}

std::string DecimalText(Int128 unscaled, int scale) {
  const bool is_negative = unscaled < 0;
  auto magnitude = is_negative ? ~static_cast<unsigned __int128>(unscaled) + 1 : static_cast<unsigned __int128>(unscaled);
  std::string digits;
  do {
    digits.push_back(static_cast<char>('0' + static_cast<int>(magnitude % 10)));
    magnitude /= 10;
  } while (magnitude != 0);
  while (static_cast<int>(digits.size()) <= scale) digits.push_back('0');
  std::reverse(digits.begin(), digits.end());
  if (scale > 0) digits.insert(digits.size() - static_cast<size_t>(scale), ".");
  return is_negative ? "-" + digits : digits;
}

Result<Int128> ParseDecimal(std::string_view text, int scale) {
  auto bad = [&] { return Error(ErrorCode::kInvalidArgument, fmt::format("`{}` is no decimal of scale {}", text, scale)); };
  std::string_view rest = text;
  const bool is_negative = rest.starts_with('-');
  if (is_negative) rest.remove_prefix(1);
  if (rest.empty() || rest.size() > 40) return bad();
  unsigned __int128 value = 0;
  int fraction = -1;
  int digits = 0;
  for (char c : rest) {
    if (c == '.' && fraction < 0) {
      fraction = 0;
      continue;
    }
    if (c < '0' || c > '9' || ++digits > 38) return bad();
    value = value * 10 + static_cast<unsigned>(c - '0');
    if (fraction >= 0) ++fraction;
  }
  if (digits == 0 || std::max(fraction, 0) > scale || digits + scale - std::max(fraction, 0) > 38) return bad();
  for (int i = std::max(fraction, 0); i < scale; ++i) value *= 10;
  return static_cast<Int128>(is_negative ? ~value + 1 : value);
}

std::string LiteralText(const Type& type, const Literal& value) {
  if (value.is_null()) return "null";
  FIRN_ASSERT(LiteralFits(type, value), "a value of form {} for {}", value.content.index(), type.ToString());
  std::string text;
  switch (type.id) {
    case TypeId::kBoolean: return *value.get_if<bool>() ? "true" : "false";
    case TypeId::kInt: return fmt::format("{}", *value.get_if<int32_t>());
    case TypeId::kDate: formats::AppendIsoDate(&text, *value.get_if<int32_t>()); return text;
    case TypeId::kLong: return fmt::format("{}", *value.get_if<int64_t>());
    case TypeId::kTime: formats::AppendIsoTime(&text, *value.get_if<int64_t>() % kMicrosPerDay * 1000); return text;
    case TypeId::kFloat: return fmt::format("{}", *value.get_if<float>());
    case TypeId::kDouble: return fmt::format("{}", *value.get_if<double>());
    case TypeId::kDecimal: return DecimalText(*value.get_if<Int128>(), type.scale);
    case TypeId::kString: return *value.get_if<std::string>();
    case TypeId::kUuid: return UuidText(*value.get_if<std::string>());
    case TypeId::kFixed:
    case TypeId::kBinary: return base::EncodeBase64(*value.get_if<std::string>());
    default: return TimestampText(type, *value.get_if<int64_t>());
  }
}

std::string LiteralJson(const Type& type, const Literal& value) {
  if (value.is_null()) return "null";
  switch (type.id) {
    case TypeId::kBoolean:
    case TypeId::kInt:
    case TypeId::kLong: return LiteralText(type, value);
    case TypeId::kFloat: return boost::json::serialize(boost::json::value(double{*value.get_if<float>()}));
    case TypeId::kDouble: return boost::json::serialize(boost::json::value(*value.get_if<double>()));
    case TypeId::kFixed:
    case TypeId::kBinary: {
      std::string hex;
      for (char c : *value.get_if<std::string>()) hex += fmt::format("{:02X}", static_cast<uint8_t>(c));
      return "\"" + hex + "\"";
    }
    default: return boost::json::serialize(boost::json::value(boost::json::string(LiteralText(type, value))));
  }
}

Result<Literal> ParseLiteralJson(const Type& type, std::string_view json) {
  FIRN_TRY(boost::json::value value, ParseJson(json, "a single value"));
  if (value.is_null()) return Literal();
  if (value.is_bool() && type.id == TypeId::kBoolean) return Literal(value.get_bool());
  if (value.is_string()) return ParseTextJson(type, std::string(value.get_string()), json);
  if (value.is_number()) return ParseNumberJson(type, value, json);
  return BadJson(type, json);
}

std::string EncodePartitionKey(const PartitionValues& values) {
  std::string key;
  for (const Literal& value : values) {
    key.push_back(static_cast<char>(value.content.index()));
    std::visit(
        [&](const auto& content) {
          using T = std::decay_t<decltype(content)>;
          if constexpr (std::is_same_v<T, std::string>) {
            key += LittleBytes(static_cast<uint64_t>(content.size()));
            key += content;
          } else if constexpr (!std::is_same_v<T, std::monostate>) {
            key.append(reinterpret_cast<const char*>(&content), sizeof(T));
          }
        },
        value.content);
  }
  return key;
}

int64_t DaysFromCivil(int64_t year, int month, int day) {
  year -= month <= 2 ? 1 : 0;
  const int64_t era = types::FloorDivide(year, 400);
  const int64_t year_of_era = year - era * 400;
  const int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

CivilDate CivilFromDays(int64_t days) {
  days += 719468;
  const int64_t era = types::FloorDivide(days, 146097);
  const int64_t day_of_era = days - era * 146097;
  const int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t shifted_month = (5 * day_of_year + 2) / 153;
  const int month = static_cast<int>(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
  return {year_of_era + era * 400 + (month <= 2 ? 1 : 0), month, static_cast<int>(day_of_year - (153 * shifted_month + 2) / 5 + 1)};
}

}  // namespace firn::iceberg
