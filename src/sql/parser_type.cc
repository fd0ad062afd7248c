// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <charconv>

#include "base/assert.h"
#include "sql/parser_internal.h"

namespace firn::sql {

namespace {

using types::DataType;

// "(10)" or "(10, 2)": the numbers given.
struct Parameters {
  std::vector<int64_t> numbers;
  SourceSpan span;
};

Error BadParameter(const Parameters& parameters, std::string text) {
  FIRN_ASSERT(!parameters.numbers.empty(), "no number is a bad one: {}", text);
  return Error(ErrorCode::kInvalidLiteral, std::move(text)).At(parameters.span);
}

Result<int> Precision(const Parameters& parameters, std::string_view type, int otherwise) {
  if (parameters.numbers.empty()) return otherwise;
  if (parameters.numbers.size() > 1 || parameters.numbers[0] > 9) return BadParameter(parameters, fmt::format("the precision of {} is a number from 0 to 9", type));
  return static_cast<int>(parameters.numbers[0]);
}

Result<int32_t> Length(const Parameters& parameters, std::string_view type, int32_t otherwise) {
  if (parameters.numbers.empty()) return otherwise;
  if (parameters.numbers.size() > 1 || parameters.numbers[0] < 1 || parameters.numbers[0] > types::kMaxLength) {
    return BadParameter(parameters, fmt::format("the length of {} is a number from 1 to {}", type, types::kMaxLength));
  }
  return static_cast<int32_t>(parameters.numbers[0]);
}

Result<DataType> MakeDecimal(const Parameters& parameters) {
  const int64_t precision = parameters.numbers.empty() ? 10 : parameters.numbers[0];
  const int64_t scale = parameters.numbers.size() < 2 ? 0 : parameters.numbers[1];
  if (parameters.numbers.size() > 2 || precision < 1 || precision > types::kMaxDecimalPrecision || scale > precision) {
    return BadParameter(parameters, fmt::format("DECIMAL(p, s) takes a precision from 1 to {} and a scale from 0 to the precision", types::kMaxDecimalPrecision));
  }
  return DataType::Decimal(static_cast<int>(precision), static_cast<int>(scale));
}

// Types that are one word and maybe numbers. nullopt: no such type.
Result<std::optional<DataType>> MakeSimpleType(const std::string& name, const Parameters& parameters) {
  auto some = [](DataType type) { return std::optional<DataType>(std::move(type)); };
  if (name == "BOOLEAN") return some(DataType::Boolean());
  if (name == "TINYINT") return some(DataType::TinyInt());
  if (name == "SMALLINT") return some(DataType::SmallInt());
  if (name == "INT" || name == "INTEGER") return some(DataType::Int());
  if (name == "BIGINT") return some(DataType::BigInt());
  if (name == "FLOAT" || name == "REAL") return some(DataType::Float());
  if (name == "DOUBLE") return some(DataType::Double());
  if (name == "STRING") return some(DataType::String());
  if (name == "BYTES") return some(DataType::Bytes());
  if (name == "DATE") return some(DataType::Date());
  if (name == "DECIMAL" || name == "DEC" || name == "NUMERIC") {
    FIRN_TRY(DataType type, MakeDecimal(parameters));
    return some(std::move(type));
  }
  if (name == "CHAR" || name == "CHARACTER" || name == "BINARY") {
    FIRN_TRY(int32_t length, Length(parameters, name, 1));
    return some(name == "BINARY" ? DataType::Binary(length) : DataType::Char(length));
  }
  if (name == "VARCHAR" || name == "VARBINARY") {
    FIRN_TRY(int32_t length, Length(parameters, name, types::kMaxLength));
    return some(name == "VARCHAR" ? DataType::Varchar(length) : DataType::Varbinary(length));
  }
  if (name == "TIME" || name == "TIMESTAMP" || name == "TIMESTAMP_LTZ") {
    FIRN_TRY(int precision, Precision(parameters, name, name == "TIME" ? 0 : 6));
    return some(name == "TIME" ? DataType::Time(precision) : name == "TIMESTAMP" ? DataType::Timestamp(precision) : DataType::TimestampLtz(precision));
  }
  return std::optional<DataType>();
}

}  // namespace

// Behind the word ARRAY, MAP or ROW.
Result<types::DataType> Parser::ParseNestedType(const std::string& name) {
  if (name != "ROW") {
    FIRN_RETURN_IF_ERROR(ExpectSymbol("<"));
    FIRN_TRY(types::DataType first, ParseDataType());
    std::optional<types::DataType> second;
    if (name == "MAP") {
      FIRN_RETURN_IF_ERROR(ExpectSymbol(","));
      FIRN_TRY(second, ParseDataType());
    }
    FIRN_RETURN_IF_ERROR(ExpectSymbol(">"));
    return second ? types::DataType::Map(std::move(first), std::move(*second)) : types::DataType::Array(std::move(first));
  }
  std::vector<types::Field> fields;
  if (TakeSymbol("<>")) return types::DataType::Row(std::move(fields));
  const bool is_angled = TakeSymbol("<");
  if (!is_angled) FIRN_RETURN_IF_ERROR(ExpectSymbol("("));
  do {
    FIRN_TRY(Identifier field, ParseAnyName("a field's name"));
    FIRN_TRY(types::DataType field_type, ParseDataType());
    if (Current().kind == TokenKind::kString) Advance();  // a comment
    fields.push_back({std::move(field.text), std::move(field_type)});
  } while (TakeSymbol(","));
  FIRN_RETURN_IF_ERROR(ExpectSymbol(is_angled ? ">" : ")"));
  return types::DataType::Row(std::move(fields));
}

// Behind a type that is one word and maybe numbers.
Result<types::DataType> Parser::ParseSimpleType(const Token& start) {
  const std::string& name = start.upper;
  Parameters parameters;
  if (TakeSymbol("(")) {
    const uint32_t begin = tokens_[at_ - 1].span.begin;
    do {
      if (Current().kind != TokenKind::kInteger) return Unexpected("a number");
      int64_t number = 0;
      auto [end, status] = std::from_chars(Current().text.data(), Current().text.data() + Current().text.size(), number);
      parameters.numbers.push_back(status == std::errc() ? number : INT64_MAX);
      Advance();
    } while (TakeSymbol(","));
    FIRN_RETURN_IF_ERROR(ExpectSymbol(")"));
    parameters.span = SpanFrom(begin);
  }
  FIRN_TRY(std::optional<types::DataType> type, MakeSimpleType(name, parameters));
  if (!type) {
    static const std::vector<std::string> kNames = {"BOOLEAN", "TINYINT", "SMALLINT", "INT", "BIGINT", "FLOAT", "DOUBLE", "DECIMAL", "CHAR", "VARCHAR", "STRING",
                                                    "BINARY", "VARBINARY", "BYTES", "DATE", "TIME", "TIMESTAMP", "TIMESTAMP_LTZ", "INTERVAL", "ARRAY", "MAP", "ROW"};
    return Error(ErrorCode::kSyntaxError, fmt::format("there is no type {}", start.text)).At(start.span).Candidates(base::NearNames(start.text, kNames));
  }
  if (name == "DOUBLE") TakeWord("PRECISION");
  if (name == "TIMESTAMP" || name == "TIME") {
    if (TakeWords({"WITH", "LOCAL", "TIME", "ZONE"})) type = types::DataType::TimestampLtz(type->precision());
    if (AtWords({"WITH", "TIME", "ZONE"})) return Unsupported(start.span, "TIMESTAMP WITH TIME ZONE is not supported", "use TIMESTAMP_LTZ");
    TakeWords({"WITHOUT", "TIME", "ZONE"});
  }
  return *type;
}

Result<types::DataType> Parser::ParseBareType(const Token& start) {
  const std::string& name = start.upper;
  if (name == "ARRAY" || name == "MAP" || name == "ROW") return ParseNestedType(name);
  if (name == "INTERVAL") {
    FIRN_TRY(const IntervalUnit unit, ParseIntervalUnit());
    FIRN_RETURN_IF_ERROR(ParseIntervalEnd(unit));
    const bool is_months = unit == IntervalUnit::kYear || unit == IntervalUnit::kMonth || unit == IntervalUnit::kQuarter;
    return is_months ? types::DataType::IntervalYearMonth() : types::DataType::IntervalDayTime();
  }
  if (name == "MULTISET" || name == "RAW" || name == "VARIANT" || name == "BITMAP" || name == "STRUCTURED") {
    return Unsupported(start.span, fmt::format("the type {} is not supported", name), name == "MULTISET" ? "ARRAY<t> or MAP<t, INT> hold the same values" : "STRING holds JSON, BYTES anything, ROW<...> fields of types of their own");
  }
  return ParseSimpleType(start);
}

Result<types::DataType> Parser::ParseDataType() {
  const Nesting nesting(&depth_);
  FIRN_RETURN_IF_ERROR(CheckNesting());
  const Token start = Current();
  if (start.kind != TokenKind::kWord) return Unexpected("a type");
  Advance();
  FIRN_TRY(types::DataType type, ParseBareType(start));
  for (int suffixes = depth_; AtWord("ARRAY") || AtWord("MULTISET"); ++suffixes) {
    if (suffixes > kMaxNesting) return Error(ErrorCode::kLimitExceeded, fmt::format("the type is nested more than {} levels deep", kMaxNesting)).At(Current().span);
    if (AtWord("MULTISET")) return Unsupported(Current().span, "the type MULTISET is not supported", "ARRAY<t> holds the same values");
    Advance();
    type = types::DataType::Array(type);
  }
  if (TakeWords({"NOT", "NULL"})) return type.NotNull();
  if (!AtWords({"NULL", "ON"})) TakeWord("NULL");  // RETURNING INT NULL ON EMPTY: the NULL is the clause's
  return type;
}

}  // namespace firn::sql
