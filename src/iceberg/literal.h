// SPDX-License-Identifier: Apache-2.0
// One value of a primitive type: a partition value, a column bound, a default, a constant in a predicate. The type stands beside it, not in it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "iceberg/schema.h"

namespace firn::iceberg {

using Int128 = __int128;

/// NULL, or by type: boolean bool | int, date int32 | long, time, timestamps int64 (units of the type) | float | double | decimal Int128
/// (unscaled) | string, uuid (16 bytes), fixed, binary std::string.
struct Literal {
  std::variant<std::monostate, bool, int32_t, int64_t, float, double, Int128, std::string> content;

  Literal() = default;
  template <typename T>
    requires(!std::is_same_v<std::remove_cvref_t<T>, Literal>)
  explicit Literal(T value) : content(std::move(value)) {}

  bool is_null() const { return content.index() == 0; }
  template <typename T>
  const T* get_if() const { return std::get_if<T>(&content); }
  bool operator==(const Literal&) const = default;
};

/// Values of a partition spec's fields, in its order.
using PartitionValues = std::vector<Literal>;

/// Whether a not-null literal has the form that `type` wants.
bool LiteralFits(const Type& type, const Literal& value);
/// -1, 0, 1. Neither is NULL; both have the same form. NaN is greater than all, -0 less than 0 (IEEE total order), bytes are unsigned.
int CompareLiterals(const Literal& left, const Literal& right);
bool IsNan(const Literal& value);

/// The binary single-value form (specification, appendix D) of a value that is not NULL.
std::string EncodeBound(const Type& type, const Literal& value);
/// Reads it. A value written before the column's type was promoted is widened (its length tells). kCorruption if the length fits no type.
Result<Literal> DecodeBound(const Type& type, std::string_view bytes);

/// Two's complement, big-endian, in the fewest bytes.
std::string EncodeDecimal(Int128 value);
/// At most 16 bytes; more is kCorruption.
Result<Int128> DecodeDecimal(std::string_view bytes);
std::string DecimalText(Int128 unscaled, int scale);
/// "-12.50" with exactly the wanted scale or fewer digits; kInvalidArgument.
Result<Int128> ParseDecimal(std::string_view text, int scale);

/// For people, as Iceberg prints values: ISO dates and times, "true", hexadecimal bytes as base64, "null".
std::string LiteralText(const Type& type, const Literal& value);

/// The JSON single-value form (appendix D) of a primitive; `json` is a whole JSON text. NULL is "null".
std::string LiteralJson(const Type& type, const Literal& value);
Result<Literal> ParseLiteralJson(const Type& type, std::string_view json);

/// Unambiguous bytes of a tuple: equal exactly if the values are.
std::string EncodePartitionKey(const PartitionValues& values);

/// Days since 1970-01-01 of a civil date, and back.
int64_t DaysFromCivil(int64_t year, int month, int day);
struct CivilDate {
  int64_t year;
  int month;
  int day;
};
CivilDate CivilFromDays(int64_t days);

}  // namespace firn::iceberg
