// SPDX-License-Identifier: Apache-2.0
// SQL/JSON. The clauses of the query functions come as further literal arguments (plan binds them so):
//
//   JSON_VALUE(json, path[, returning, on empty, default, on error, default])    returning: a NULL of the type
//   JSON_QUERY(json, path[, wrapper, on empty, on error[, returning]])             returning: a NULL of an ARRAY<STRING>
//   JSON_EXISTS(json, path[, on error])
//   JSON_OBJECT(nulls, raw, key, value, ...), JSON_ARRAY(nulls, raw, value, ...)  raw: '1' for each value that is JSON already
//
// A path is strict unless it says lax, as in Flink: what it does not find is an error, which ON ERROR turns into a value.
#include <arrow/array.h>
#include <fmt/format.h>

#include <charconv>

#include "base/utf8.h"
#include "expr/function_groups_internal.h"
#include "expr/json_tree.h"
#include "expr/list_view_internal.h"
#include "expr/signatures_internal.h"
#include "expr/utf8_internal.h"
#include "types/value_text.h"

namespace firn::expr {

namespace {

using types::DataType;
using types::TypeKind;

// --- queries ---

// Parses texts and paths; remembers the last path.
class JsonQuery {
 public:
  struct Found {
    bool is_error = false;      // a strict path over what is no JSON, or that leads nowhere
    bool is_lax = false;
    std::optional<Json> value;
  };
  Result<Found> Find(std::string_view text, std::string_view path) {
    if (!path_ || path != path_text_) {
      FIRN_TRY(JsonPath parsed, JsonPath::Parse(path));
      path_ = std::move(parsed);
      path_text_ = path;
    }
    Found found;
    found.is_lax = path_->is_lax();
    const auto json = parser_.Parse(text);
    if (json) found.value = path_->Find(*json);
    found.is_error = !found.value && !found.is_lax;
    if (found.value && found.value->kind == Json::Kind::kNull) found.value.reset();
    return found;
  }

 private:
  JsonParser parser_;
  std::optional<JsonPath> path_;
  std::string path_text_;
};

std::string_view Clause(const KernelInput& input, size_t index, std::string_view otherwise) {
  return input.arguments.size() > index ? StringView(input.arguments[index])[0] : otherwise;
}

Error QueryFailed(const char* function, std::string_view text, std::string_view path) {
  return Error(ErrorCode::kEvaluationError, fmt::format("{} finds nothing at '{}' in '{}'", function, base::Excerpt(path), base::Excerpt(text))).Hint("NULL ON EMPTY or NULL ON ERROR gives NULL instead");
}

// JSON_VALUE's result as text; RETURNING decides what that must be.
Status CheckReturning(const Json& value, const DataType& type) {
  bool fits = type.IsCharacter();
  if (type.kind() == TypeKind::kBoolean) fits = value.kind == Json::Kind::kBoolean;
  if (type.kind() == TypeKind::kDouble) fits = value.kind == Json::Kind::kNumber;
  if (type.kind() == TypeKind::kInt) {
    int32_t parsed = 0;
    const auto [end, status] = std::from_chars(value.text.data(), value.text.data() + value.text.size(), parsed);
    fits = value.kind == Json::Kind::kNumber && status == std::errc() && end == value.text.data() + value.text.size();
  }
  if (fits) return Ok();
  std::string shown;
  AppendJson(value, false, &shown);
  return Error(ErrorCode::kEvaluationError, fmt::format("JSON_VALUE found {}, which is no {}", base::Excerpt(shown), type.WithNullable(true).ToString())).Hint("without RETURNING it is a STRING, which TRY_CAST converts");
}

// Whether an argument is a clause: a literal text. Written as a call of its own, a function may get anything.
bool IsClause(const CallSite& call, size_t index) {
  return call.literals[index] != nullptr && call.types[index].IsCharacter() && !call.literals[index]->IsNull(0);
}

Result<Signature> BindJsonValue(const CallSite& call) {
  bool fits = (call.types.size() == 2 || call.types.size() == 7) && call.types[0].IsCharacter() && call.types[1].IsCharacter();
  if (fits && call.types.size() == 7) fits = IsClause(call, 3) && IsClause(call, 5);
  if (!fits) return ArgumentError(call, "a JSON text and a path");
  Signature signature{call.types, DataType::String()};
  if (call.types.size() == 2) return signature;
  const DataType returning = call.types[2].WithNullable(true);
  const bool is_known = returning.IsCharacter() || returning.kind() == TypeKind::kBoolean || returning.kind() == TypeKind::kInt || returning.kind() == TypeKind::kDouble;
  if (!is_known) return Error(ErrorCode::kNotSupported, fmt::format("JSON_VALUE cannot return {}", returning.ToString())).At(call.span).Hint("RETURNING STRING, BOOLEAN, INT or DOUBLE; CAST makes other types of a STRING");
  signature.arguments[4] = signature.arguments[6] = signature.result = returning;
  return signature;
}

// Stores what was found in a column of the returned type.
class ValueMaker {
 public:
  explicit ValueMaker(const KernelInput& input)
      : type_(input.result_type), texts_(type_, type_.IsCharacter() ? input.row_count : 0, input.context.limits), truths_(type_, type_.kind() == TypeKind::kBoolean ? input.row_count : 0),
        numbers_(type_, type_.kind() == TypeKind::kInt ? input.row_count : 0), doubles_(type_, type_.kind() == TypeKind::kDouble ? input.row_count : 0) {}
  void Set(int64_t row, const Json& value) {
    if (type_.IsCharacter()) return texts_.Set(row, value.kind == Json::Kind::kBoolean ? std::string(value.truth ? "true" : "false") : value.text);
    if (type_.kind() == TypeKind::kBoolean) return truths_.Set(row, value.truth);
    if (type_.kind() == TypeKind::kDouble) return doubles_.Set(row, std::strtod(value.text.c_str(), nullptr));
    int32_t number = 0;
    std::from_chars(value.text.data(), value.text.data() + value.text.size(), number);
    numbers_.Set(row, number);
  }
  // The value of a DEFAULT clause.
  void SetFrom(int64_t row, const Column& column) {
    const int64_t at = column.is_constant ? 0 : row;
    if (column.array->type_id() == arrow::Type::NA || column.array->IsNull(at)) return SetNull(row);
    if (type_.IsCharacter()) return texts_.Set(row, StringView(column)[row]);
    if (type_.kind() == TypeKind::kBoolean) return truths_.Set(row, BooleanView(column)[row]);
    if (type_.kind() == TypeKind::kDouble) return doubles_.Set(row, FixedView<double>(column)[row]);
    numbers_.Set(row, FixedView<int32_t>(column)[row]);
  }
  void SetNull(int64_t row) {
    if (type_.IsCharacter()) return texts_.SetNull(row);
    if (type_.kind() == TypeKind::kBoolean) return truths_.SetNull(row);
    type_.kind() == TypeKind::kDouble ? doubles_.SetNull(row) : numbers_.SetNull(row);
  }
  Result<Column> Finish() {
    if (type_.IsCharacter()) return texts_.Finish(false);
    if (type_.kind() == TypeKind::kBoolean) return truths_.Finish(false);
    return type_.kind() == TypeKind::kDouble ? doubles_.Finish(false) : numbers_.Finish(false);
  }

 private:
  const DataType& type_;
  ColumnMaker<std::string> texts_;
  ColumnMaker<bool> truths_;
  ColumnMaker<int32_t> numbers_;
  ColumnMaker<double> doubles_;
};

Result<Column> JsonValue(const KernelInput& input) {
  const StringView texts(input.arguments[0]);
  const StringView paths(input.arguments[1]);
  const std::string_view on_empty = Clause(input, 3, "NULL");
  const std::string_view on_error = Clause(input, 5, "NULL");
  JsonQuery query;
  ValueMaker maker(input);
  FIRN_ASSERT(input.arguments.size() == 2 || input.arguments.size() == 7, "JSON_VALUE of {} arguments", input.arguments.size());
  for (int64_t row = 0; row < input.row_count; ++row) {
    if (!texts.IsValid(row) || !paths.IsValid(row)) {
      maker.SetNull(row);
      continue;
    }
    FIRN_TRY(JsonQuery::Found found, query.Find(texts[row], paths[row]));
    const bool is_scalar = found.value && found.value->IsScalar();
    if (!found.is_error && is_scalar) {
      FIRN_RETURN_IF_ERROR(CheckReturning(*found.value, input.result_type));
      maker.Set(row, *found.value);
      continue;
    }
    const bool is_empty = !found.is_error && (found.is_lax || !found.value);
    const std::string_view behavior = is_empty ? on_empty : on_error;
    if (behavior == "ERROR") return QueryFailed("JSON_VALUE", texts[row], paths[row]);
    if (behavior == "DEFAULT") {
      maker.SetFrom(row, input.arguments[is_empty ? 4 : 6]);
    } else {
      maker.SetNull(row);
    }
  }
  return maker.Finish();
}

Result<Signature> BindJsonQuery(const CallSite& call) {
  for (size_t i = 2; i < std::min<size_t>(call.types.size(), 5); ++i) {
    if (!IsClause(call, i)) return ArgumentError(call, "a JSON text and a path");
  }
  if (call.types.size() == 6) {
    const bool is_list = call.types[5].kind() == TypeKind::kArray && call.types[5].element().IsCharacter();
    if (!call.types[0].IsCharacter() || !call.types[1].IsCharacter() || !is_list) return ArgumentError(call, "a JSON text and a path");
    return Signature{call.types, call.types[5].WithNullable(true)};
  }
  FIRN_TRY(std::vector<DataType> types, CheckArguments(call, {Want::kText, Want::kText, Want::kText, Want::kText, Want::kText}, 2, "a JSON text and a path"));
  return Signature{std::move(types), DataType::String()};
}

// JSON_QUERY's answer for a row: an object or array, where `wants_array` an array only.
class StructureQuery {
 public:
  StructureQuery(const KernelInput& input, bool wants_array)
      : wrapper_(Clause(input, 2, "WITHOUT")), on_empty_(Clause(input, 3, "NULL")), on_error_(Clause(input, 4, "NULL")), wants_array_(wants_array) {}
  Result<std::optional<Json>> Find(std::string_view text, std::string_view path) {
    FIRN_TRY(JsonQuery::Found found, query_.Find(text, path));
    if (found.value && (wrapper_ == "UNCONDITIONAL" || (wrapper_ == "CONDITIONAL" && found.value->IsScalar()))) {
      Json wrapped = Empty(Json::Kind::kArray);
      wrapped.items.push_back(std::move(*found.value));
      found.value = std::move(wrapped);
    }
    const bool fits = found.value && (wants_array_ ? found.value->kind == Json::Kind::kArray : !found.value->IsScalar());
    if (!found.is_error && fits) return std::move(found.value);
    const bool is_empty = !found.is_error && (!found.value || (found.is_lax && !wants_array_));
    const std::string_view behavior = is_empty ? on_empty_ : on_error_;
    if (behavior == "ERROR") return QueryFailed("JSON_QUERY", text, path);
    if (behavior == "EMPTY ARRAY") return std::optional(Empty(Json::Kind::kArray));
    if (behavior == "EMPTY OBJECT") return std::optional(Empty(Json::Kind::kObject));
    return std::optional<Json>();
  }

 private:
  static Json Empty(Json::Kind kind) {
    Json json;
    json.kind = kind;
    return json;
  }

  const std::string_view wrapper_;
  const std::string_view on_empty_;
  const std::string_view on_error_;
  const bool wants_array_;
  JsonQuery query_;
};

// RETURNING ARRAY<STRING>: strings as they are, NULL for null, other elements as JSON.
Result<Column> JsonQueryArray(const KernelInput& input) {
  const StringView texts(input.arguments[0]);
  const StringView paths(input.arguments[1]);
  StructureQuery query(input, true);
  ListMaker lists(input.context.limits);
  TextElements elements(input.context.limits);
  std::string text;
  for (int64_t row = 0; row < input.row_count && !elements.is_full(); ++row) {
    std::optional<Json> found;
    if (texts.IsValid(row) && paths.IsValid(row)) {
      FIRN_TRY(found, query.Find(texts[row], paths[row]));
    }
    if (!found) {
      lists.EndNull();
      continue;
    }
    for (const Json& item : found->items) {
      lists.Add(elements.count());
      if (item.kind == Json::Kind::kNull) {
        elements.AppendNull();
      } else if (item.kind == Json::Kind::kString) {
        elements.Append(item.text);
      } else {
        text.clear();
        AppendJson(item, true, &text);
        elements.Append(text);
      }
    }
    lists.EndRow();
  }
  FIRN_TRY(const types::ArrayPtr values, elements.Finish());
  return lists.FinishList(input.result_type, values);
}

Result<Column> JsonQueryKernel(const KernelInput& input) {
  if (input.result_type.kind() == TypeKind::kArray) return JsonQueryArray(input);
  StructureQuery query(input, false);
  const KernelInput two{input.context, input.arguments.first(2), input.argument_types.first(2), input.result_type, input.row_count};
  return Map<std::string, std::string_view, std::string_view>(two, [&](std::string_view text, std::string_view path) -> Result<std::optional<std::string>> {
    FIRN_TRY(const std::optional<Json> found, query.Find(text, path));
    std::optional<std::string> result;
    if (found) AppendJson(*found, true, &result.emplace());
    return result;
  });
}

Result<Signature> BindJsonExists(const CallSite& call) {
  if (call.types.size() == 3 && !IsClause(call, 2)) return ArgumentError(call, "a JSON text and a path");
  FIRN_TRY(std::vector<DataType> types, CheckArguments(call, {Want::kText, Want::kText, Want::kText}, 2, "a JSON text and a path"));
  return Signature{std::move(types), DataType::Boolean()};
}

Result<Column> JsonExists(const KernelInput& input) {
  const std::string_view on_error = Clause(input, 2, "FALSE");
  JsonQuery query;
  const KernelInput two{input.context, input.arguments.first(2), input.argument_types.first(2), input.result_type, input.row_count};
  return Map<bool, std::string_view, std::string_view>(two, [&](std::string_view text, std::string_view path) -> Result<std::optional<bool>> {
    FIRN_TRY(const JsonQuery::Found found, query.Find(text, path));
    if (!found.is_error) return std::optional<bool>(found.value.has_value());
    if (on_error == "ERROR") return QueryFailed("JSON_EXISTS", text, path);
    if (on_error == "UNKNOWN") return std::optional<bool>();
    return std::optional<bool>(on_error == "TRUE");
  });
}

// --- IS JSON ---

Result<Signature> BindIsJson(const CallSite& call) {
  if (call.types.size() != 1 || !call.types[0].IsCharacter()) return ArgumentError(call, "a string");
  return Signature{call.types, DataType::Boolean().NotNull()};
}

enum class Shape { kAny, kScalar, kArray, kObject };

template <Shape kShape, bool kNegated>
Result<Column> IsJson(const KernelInput& input) {
  const StringView texts(input.arguments[0]);
  JsonParser parser;
  ColumnMaker<bool> maker(input.result_type, input.row_count);
  for (int64_t row = 0; row < input.row_count; ++row) {
    const auto json = texts.IsValid(row) ? parser.Parse(texts[row]) : std::nullopt;
    bool is_json = json.has_value();
    if (kShape == Shape::kScalar) is_json = is_json && json->IsScalar();
    if (kShape == Shape::kArray) is_json = is_json && json->kind == Json::Kind::kArray;
    if (kShape == Shape::kObject) is_json = is_json && json->kind == Json::Kind::kObject;
    maker.Set(row, is_json != kNegated);
  }
  return maker.Finish(false);
}

// --- constructors ---

bool IsJsonType(const DataType& type) {
  switch (type.kind()) {
    case TypeKind::kNull:
    case TypeKind::kBoolean:
    case TypeKind::kChar:
    case TypeKind::kVarchar:
    case TypeKind::kBinary:
    case TypeKind::kVarbinary:
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampLtz: return true;
    case TypeKind::kArray: return IsJsonType(type.element());
    case TypeKind::kMap: return type.key().IsCharacter() && IsJsonType(type.value());
    case TypeKind::kRow: return std::all_of(type.fields().begin(), type.fields().end(), [](const types::Field& field) { return IsJsonType(field.type); });
    default: return type.IsNumeric();
  }
}

Error NoJson(const CallSite& call, const DataType& type) {
  return Error(ErrorCode::kTypeMismatch, fmt::format("a {} has no form in JSON", type.ToString())).At(call.span).Hint("CAST(... AS STRING) makes a string of it");
}

// A number as java.math.BigDecimal writes it, for text is Java's: 1.0E7 is 1.0E+7, 1.0E-5 is 0.000010, and a zero of 18 digits behind the point 0E-18.
void AppendNumber(std::string_view text, std::string* out) {
  if (text.starts_with('-')) {
    out->push_back('-');
    text.remove_prefix(1);
  }
  int exponent = 0;
  if (const size_t e = text.find('E'); e != std::string_view::npos) {
    std::from_chars(text.data() + e + 1, text.data() + text.size(), exponent);
    text = text.substr(0, e);
  }
  std::string digits;
  const size_t point = text.find('.');
  const int scale = (point == std::string_view::npos ? 0 : static_cast<int>(text.size() - point - 1)) - exponent;
  for (const char c : text) {
    if (c != '.' && !(c == '0' && digits.empty())) digits.push_back(c);
  }
  if (digits.empty()) digits = "0";
  FIRN_ASSERT(digits.find_first_not_of("0123456789") == std::string::npos, "'{}' is no number", text);
  const int count = static_cast<int>(digits.size()), adjusted = count - 1 - scale;
  if (scale >= 0 && adjusted >= -6) {
    if (scale >= count) digits.insert(0, static_cast<size_t>(scale - count + 1), '0');
    if (scale > 0) digits.insert(digits.size() - static_cast<size_t>(scale), 1, '.');
    out->append(digits);
    return;
  }
  if (count > 1) digits.insert(1, 1, '.');
  out->append(digits).append(fmt::format("E{}{}", adjusted < 0 ? "" : "+", adjusted));
}

// "2024-02-29T12:34:56.5", with a Z for an instant.
void AppendTimestamp(std::string text, bool is_instant, std::string* out) {
  text[text.find(' ')] = 'T';
  if (text.find('.') != std::string::npos) {
    while (text.ends_with('0')) text.pop_back();
    if (text.ends_with('.')) text.pop_back();
  }
  if (is_instant) text.push_back('Z');
  AppendJsonString(text, out);
}

// A value of a column as JSON.
Status AppendValue(const arrow::Array& array, int64_t row, const DataType& type, std::string* out) {
  if (type.kind() == TypeKind::kNull || array.IsNull(row)) {
    out->append("null");
    return Ok();
  }
  if (type.IsCharacter()) {
    AppendJsonString(static_cast<const arrow::BinaryArray&>(array).GetView(row), out);
    return Ok();
  }
  if (type.kind() == TypeKind::kBoolean) {
    out->append(static_cast<const arrow::BooleanArray&>(array).Value(row) ? "true" : "false");
    return Ok();
  }
  if (type.kind() == TypeKind::kArray || type.kind() == TypeKind::kMap) {
    const auto& list = static_cast<const arrow::ListArray&>(array);  // a map is a list of entries
    const bool is_map = type.kind() == TypeKind::kMap;
    out->push_back(is_map ? '{' : '[');
    for (int64_t at = list.value_offset(row); at < list.value_offset(row + 1); ++at) {
      if (at > list.value_offset(row)) out->push_back(',');
      if (is_map) {
        const auto& entries = static_cast<const arrow::StructArray&>(*list.values());
        FIRN_RETURN_IF_ERROR(AppendValue(*entries.field(0), at, type.key(), out));
        out->push_back(':');
        FIRN_RETURN_IF_ERROR(AppendValue(*entries.field(1), at, type.value(), out));
      } else {
        FIRN_RETURN_IF_ERROR(AppendValue(*list.values(), at, type.element(), out));
      }
    }
    out->push_back(is_map ? '}' : ']');
    return Ok();
  }
  if (type.kind() == TypeKind::kRow) {
    const auto& rows = static_cast<const arrow::StructArray&>(array);
    for (size_t i = 0; i < type.fields().size(); ++i) {
      out->push_back(i == 0 ? '{' : ',');
      AppendJsonString(type.fields()[i].name, out);
      out->push_back(':');
      FIRN_RETURN_IF_ERROR(AppendValue(*rows.field(static_cast<int>(i)), row, type.fields()[i].type, out));
    }
    out->push_back('}');
    return Ok();
  }
  FIRN_TRY(std::string text, types::FormatCell(array, row, type, "UTC"));
  if (type.kind() == TypeKind::kFloat) text = types::DoubleText(static_cast<double>(static_cast<const arrow::FloatArray&>(array).Value(row)));
  if (type.IsTimestamp()) {
    AppendTimestamp(std::move(text), type.kind() == TypeKind::kTimestampLtz, out);
  } else if (type.IsInteger()) {
    out->append(text);
  } else if (type.IsNumeric() && text != "NaN" && text.find("Infinity") == std::string::npos) {
    AppendNumber(text, out);
  } else {
    AppendJsonString(text, out);
  }
  return Ok();
}

template <size_t kStep>
Result<Signature> BindConstructor(const CallSite& call) {
  const bool is_pairs = kStep == 2;
  const bool has_clauses = call.types.size() >= 2 && IsClause(call, 0) && IsClause(call, 1);
  const int64_t values = has_clauses ? static_cast<int64_t>(call.types.size() - 2) / static_cast<int64_t>(kStep) : 0;
  if (!has_clauses || (call.types.size() - 2) % kStep != 0 || static_cast<const arrow::BinaryArray&>(*call.literals[1]).value_length(0) < values) return ArgumentError(call, is_pairs ? "pairs of a key and a value" : "values");
  for (size_t i = 2; i < call.types.size(); ++i) {
    const bool is_key = is_pairs && i % 2 == 0;
    if (is_key && (!call.types[i].IsCharacter() || call.types[i].nullable())) return ArgumentError(call, "keys that are strings and not NULL");
    if (!IsJsonType(call.types[i])) return NoJson(call, call.types[i]);
  }
  return Signature{call.types, DataType::String().NotNull()};
}

template <size_t kStep>
Result<Column> Construct(const KernelInput& input) {
  const bool is_object = kStep == 2;
  const bool skips_nulls = StringView(input.arguments[0])[0] == "ABSENT";
  const std::string_view raw = StringView(input.arguments[1])[0];
  const size_t values = (input.arguments.size() - 2) / kStep;
  FIRN_ASSERT(input.arguments.size() == 2 + values * kStep && raw.size() >= values, "{} arguments of JSON_{}, of which {} are known to be JSON or not", input.arguments.size(), is_object ? "OBJECT" : "ARRAY", raw.size());
  auto maker = MakerOf<std::string>(input);
  std::string out;
  for (int64_t row = 0; row < input.row_count && !maker.is_full(); ++row) {
    out.assign(1, is_object ? '{' : '[');
    for (size_t i = 2; i < input.arguments.size(); i += kStep) {
      const size_t value_at = i + kStep - 1;
      const Column& value = input.arguments[value_at];
      const int64_t at = value.is_constant ? 0 : row;
      const bool is_null = value.array->type_id() == arrow::Type::NA || value.array->IsNull(at);
      if (is_null && skips_nulls) continue;
      if (out.size() > 1) out.push_back(',');
      if (is_object) {
        AppendJsonString(StringView(input.arguments[i])[row], &out);
        out.push_back(':');
      }
      if (!is_null && raw[(i - 2) / kStep] == '1') {
        out.append(StringView(value)[row]);
      } else {
        FIRN_RETURN_IF_ERROR(AppendValue(*value.array, at, input.argument_types[value_at], &out));
      }
      if (static_cast<int64_t>(out.size()) > input.context.limits.text_bytes) return TextTooLong(is_object ? "JSON_OBJECT" : "JSON_ARRAY", input.context.limits);
    }
    out.push_back(is_object ? '}' : ']');
    maker.Set(row, out);
  }
  return maker.Finish(false);
}

Result<Signature> BindJsonString(const CallSite& call) {
  if (call.types.size() != 1) return ArgumentError(call, "a value");
  if (!IsJsonType(call.types[0])) return NoJson(call, call.types[0]);
  return Signature{call.types, Strict(DataType::String(), call)};
}

Result<Column> JsonString(const KernelInput& input) {
  const Column& value = input.arguments[0];
  auto maker = MakerOf<std::string>(input);
  std::string out;
  for (int64_t row = 0; row < input.row_count && !maker.is_full(); ++row) {
    const int64_t at = value.is_constant ? 0 : row;
    if (value.array->IsNull(at)) {
      maker.SetNull(row);
      continue;
    }
    out.clear();
    FIRN_RETURN_IF_ERROR(AppendValue(*value.array, at, input.argument_types[0], &out));
    if (static_cast<int64_t>(out.size()) > input.context.limits.text_bytes) return TextTooLong("JSON_STRING", input.context.limits);
    maker.Set(row, out);
  }
  return maker.Finish(false);
}

// What is not ASCII is escaped, as UTF-16.
Result<Column> Quote(const KernelInput& input) {
  return Map<std::string, std::string_view>(input, [](std::string_view text) {
    std::string quoted, out;
    AppendJsonString(text, &quoted);
    const auto append = [&](uint32_t unit) { fmt::format_to(std::back_inserter(out), "\\u{:04x}", unit); };
    for (size_t at = 0; at < quoted.size();) {
      if ((quoted[at] & 0x80) == 0) {
        out.push_back(quoted[at++]);
        continue;
      }
      std::string_view rest = std::string_view(quoted).substr(at);
      const uint32_t code = TakeCodePoint(&rest);
      at = quoted.size() - rest.size();
      if (code < 0x10000) {
        append(code);
      } else {
        append(0xD800 + ((code - 0x10000) >> 10));
        append(0xDC00 + ((code - 0x10000) & 0x3FF));
      }
    }
    return out;
  });
}

// What is no JSON string stays as it is.
Result<Column> Unquote(const KernelInput& input) {
  JsonParser parser;
  return Map<std::string, std::string_view>(input, [&](std::string_view text) {
    if (text.size() < 2 || text.front() != '"' || text.back() != '"') return std::string(text);
    auto json = parser.Parse(text);
    return json && json->kind == Json::Kind::kString ? json->text : std::string(text);
  });
}

}  // namespace

std::vector<ScalarFunction> JsonFunctions() {
  using S = Shape;
  std::vector<ScalarFunction> functions = {
      {{"JSON_VALUE"}, "json", "JSON_VALUE(json, path [RETURNING type] [... ON EMPTY] [... ON ERROR])", "The scalar at a path.", {{"JSON_VALUE('{\"a\": 1}', '$.a')", "1"}, {"JSON_VALUE('{}', 'lax $.a' RETURNING INT DEFAULT 7 ON EMPTY)", "7"}}, BindJsonValue, JsonValue, true, false},
      {{"JSON_QUERY"}, "json", "JSON_QUERY(json, path [RETURNING type] [... WRAPPER] [... ON EMPTY] [... ON ERROR])", "The array or object at a path.", {{"JSON_QUERY('{\"a\": [1, 2]}', '$.a')", "[1,2]"}, {"JSON_QUERY('[\"x\", null, {\"b\": 1}, 2]', '$' RETURNING ARRAY<STRING>)", "[x, NULL, {\"b\":1}, 2]"}, {"JSON_QUERY('{}', 'lax $.a' RETURNING ARRAY<STRING> EMPTY ARRAY ON EMPTY)", "[]"}, {"JSON_QUERY('{}', '$' RETURNING ARRAY<STRING>)", "NULL"}}, BindJsonQuery, JsonQueryKernel, true, false},
      {{"JSON_EXISTS"}, "json", "JSON_EXISTS(json, path [... ON ERROR])", "Whether there is a value at a path.", {{"JSON_EXISTS('{\"a\": 1}', '$.a')", "TRUE"}}, BindJsonExists, JsonExists},
      {{"JSON_OBJECT"}, "json", "JSON_OBJECT(key VALUE value, ... [NULL|ABSENT ON NULL])", "A JSON object.", {{"JSON_OBJECT('a' VALUE 1)", "{\"a\":1}"}}, BindConstructor<2>, Construct<2>, true, false},
      {{"JSON_ARRAY"}, "json", "JSON_ARRAY(value, ... [NULL|ABSENT ON NULL])", "A JSON array.", {{"JSON_ARRAY(1, 'a')", "[1,\"a\"]"}}, BindConstructor<1>, Construct<1>, true, false},
      {{"JSON_STRING"}, "json", "JSON_STRING(value)", "The value as JSON.", {{"JSON_STRING(ARRAY[1, 2])", "[1,2]"}}, BindJsonString, JsonString},
      {{"JSON_QUOTE"}, "string", "JSON_QUOTE(string)", "The text as a JSON string.", {{"JSON_QUOTE('a')", "\"a\""}}, BindTo<StringType, 1, Want::kText>, Quote},
      {{"JSON_UNQUOTE"}, "string", "JSON_UNQUOTE(string)", "The text of a JSON string.", {{"JSON_UNQUOTE('\"a\"')", "a"}}, BindTo<StringType, 1, Want::kText>, Unquote},
      {{"IS JSON", "IS JSON VALUE"}, "json", "string IS JSON [VALUE|SCALAR|ARRAY|OBJECT]", "Whether the text is JSON.", {{"'[]' IS JSON ARRAY", "TRUE"}}, BindIsJson, IsJson<S::kAny, false>, true, false},
      {{"IS NOT JSON", "IS NOT JSON VALUE"}, "json", "string IS NOT JSON", "Whether the text is no JSON.", {}, BindIsJson, IsJson<S::kAny, true>, true, false},
      {{"IS JSON SCALAR"}, "json", "string IS JSON SCALAR", "Whether the text is a JSON scalar.", {}, BindIsJson, IsJson<S::kScalar, false>, true, false},
      {{"IS NOT JSON SCALAR"}, "json", "string IS NOT JSON SCALAR", "Whether the text is no JSON scalar.", {}, BindIsJson, IsJson<S::kScalar, true>, true, false},
      {{"IS JSON ARRAY"}, "json", "string IS JSON ARRAY", "Whether the text is a JSON array.", {}, BindIsJson, IsJson<S::kArray, false>, true, false},
      {{"IS NOT JSON ARRAY"}, "json", "string IS NOT JSON ARRAY", "Whether the text is no JSON array.", {}, BindIsJson, IsJson<S::kArray, true>, true, false},
      {{"IS JSON OBJECT"}, "json", "string IS JSON OBJECT", "Whether the text is a JSON object.", {}, BindIsJson, IsJson<S::kObject, false>, true, false},
      {{"IS NOT JSON OBJECT"}, "json", "string IS NOT JSON OBJECT", "Whether the text is no JSON object.", {}, BindIsJson, IsJson<S::kObject, true>, true, false},
  };
  for (size_t i = 0; i < 3; ++i) functions[i].can_fail = true;
  return functions;
}

}  // namespace firn::expr
