// SPDX-License-Identifier: Apache-2.0
// Calls, and the special forms that SQL gives some functions: EXTRACT(YEAR FROM t), TRIM(BOTH x FROM s), JSON_VALUE(... RETURNING INT).
// They become calls with the unit or mode as a string literal first (see expr/scalar_function.h).
#include <fmt/format.h>

#include "base/assert.h"
#include "sql/operators_internal.h"
#include "sql/parser_internal.h"

namespace firn::sql {

ExpressionPtr Parser::MakeCall(std::string name, uint32_t begin, std::vector<ExpressionPtr> arguments) const {
  FIRN_ASSERT(std::none_of(arguments.begin(), arguments.end(), [](const ExpressionPtr& argument) { return argument == nullptr; }), "{} has an argument that is none", name);
  auto call = std::make_unique<Expression>();
  call->kind = ExpressionKind::kCall;
  call->text = std::move(name);
  call->span = SpanFrom(begin);
  call->argument_names.resize(arguments.size());
  call->arguments = std::move(arguments);
  return call;
}

ExpressionPtr Parser::MakeText(std::string text, SourceSpan span) const {
  auto literal = std::make_unique<Expression>();
  literal->kind = ExpressionKind::kLiteral;
  literal->literal = LiteralKind::kString;
  literal->text = std::move(text);
  literal->span = span;
  return literal;
}

// At NAME (.
Result<ExpressionPtr> Parser::ParseCall() {
  const Token name = Current();
  const uint32_t begin = name.span.begin;
  std::string upper = name.upper;
  if (name.kind == TokenKind::kQuotedIdentifier) {
    for (char c : name.text) upper.push_back(c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c);
  } else {
    bool is_special = false;
    FIRN_TRY(ExpressionPtr special, ParseSpecialCall(upper, &is_special));
    if (is_special) return special;
  }
  OpenCall();
  auto call = MakeCall(upper, begin, {});
  FIRN_RETURN_IF_ERROR(ParseArguments(call.get()));
  FIRN_ASSERT(call->argument_names.size() == call->arguments.size(), "{} names of {} arguments of {}", call->argument_names.size(), call->arguments.size(), call->text);
  FIRN_RETURN_IF_ERROR(ParseCallTail(call.get()));
  call->span = SpanFrom(begin);
  return call;
}

Result<ExpressionPtr> Parser::ParseSpecialCall(const std::string& name, bool* is_special) {
  const uint32_t begin = Current().span.begin;
  *is_special = true;
  if (name == "EXTRACT") return ParseExtract(begin);
  if (name == "FLOOR" || name == "CEIL" || name == "CEILING") return ParseRounding(name, begin);
  if (name == "TRIM") return ParseTrim(begin);
  if (name == "SUBSTRING") return ParseSubstring(name, begin);
  if (name == "OVERLAY") return ParseOverlay(begin);
  if (name == "POSITION") return ParsePosition(begin);
  if (name == "TIMESTAMPADD" || name == "TIMESTAMPDIFF") return ParseTimestampArithmetic(name, begin);
  if (name == "JSON_VALUE" || name == "JSON_QUERY" || name == "JSON_EXISTS" || name == "JSON_OBJECT" || name == "JSON_ARRAY") {
    return ParseJsonCall(name, begin);
  }
  if (name == "JSON_OBJECTAGG") return Unsupported(Current().span, "JSON_OBJECTAGG is not supported", "'{' || LISTAGG(JSON_QUOTE(key) || ':' || JSON_STRING(value)) || '}'");
  *is_special = false;
  return ExpressionPtr();
}

// NAME ( of a special form.
void Parser::OpenCall() {
  FIRN_ASSERT(AtSymbol("(", 1), "a call without a parenthesis");
  Advance();
  Advance();
}

Status Parser::ParseValueInto(std::vector<ExpressionPtr>* arguments) {
  FIRN_TRY(ExpressionPtr value, ParseValue());
  arguments->push_back(std::move(value));
  return Ok();
}

// YEAR, HOUR, ...: a text.
Status Parser::ParseTimeUnitInto(std::vector<ExpressionPtr>* arguments) {
  if (Current().kind != TokenKind::kWord) return Unexpected("a unit of time");
  arguments->push_back(MakeText(Current().upper, Current().span));
  Advance();
  return Ok();
}

Result<ExpressionPtr> Parser::CloseCall(std::string name, uint32_t begin, std::vector<ExpressionPtr> arguments) {
  FIRN_RETURN_IF_ERROR(ExpectSymbol(")"));
  return MakeCall(std::move(name), begin, std::move(arguments));
}

Result<ExpressionPtr> Parser::ParseExtract(uint32_t begin) {
  OpenCall();
  std::vector<ExpressionPtr> arguments;
  FIRN_RETURN_IF_ERROR(ParseTimeUnitInto(&arguments));
  FIRN_RETURN_IF_ERROR(ExpectWord("FROM"));
  FIRN_RETURN_IF_ERROR(ParseValueInto(&arguments));
  return CloseCall("EXTRACT", begin, std::move(arguments));
}

// FLOOR(x), FLOOR(t TO HOUR)
Result<ExpressionPtr> Parser::ParseRounding(const std::string& name, uint32_t begin) {
  OpenCall();
  std::vector<ExpressionPtr> arguments;
  FIRN_RETURN_IF_ERROR(ParseValueInto(&arguments));
  if (TakeWord("TO")) FIRN_RETURN_IF_ERROR(ParseTimeUnitInto(&arguments));
  return CloseCall(name == "FLOOR" ? "FLOOR" : "CEIL", begin, std::move(arguments));
}

// TRIM(s), TRIM([BOTH|LEADING|TRAILING] [x] FROM s)
Result<ExpressionPtr> Parser::ParseTrim(uint32_t begin) {
  OpenCall();
  const SourceSpan mode_span = Current().span;
  const char* mode = nullptr;
  for (const char* word : {"BOTH", "LEADING", "TRAILING"}) {
    if (mode == nullptr && TakeWord(word)) mode = word;
  }
  std::vector<ExpressionPtr> arguments;
  arguments.push_back(MakeText(mode == nullptr ? "BOTH" : mode, mode_span));
  ExpressionPtr characters = MakeText(" ", mode_span);
  if (mode == nullptr || !TakeWord("FROM")) {
    FIRN_TRY(ExpressionPtr value, ParseValue());
    if (!TakeWord("FROM")) {
      if (mode != nullptr) return Unexpected("FROM");
      arguments.push_back(std::move(characters));
      arguments.push_back(std::move(value));
      return CloseCall("TRIM", begin, std::move(arguments));
    }
    characters = std::move(value);
  }
  arguments.push_back(std::move(characters));
  FIRN_RETURN_IF_ERROR(ParseValueInto(&arguments));
  return CloseCall("TRIM", begin, std::move(arguments));
}

// SUBSTRING(s FROM a [FOR n]), SUBSTRING(s, a[, n])
Result<ExpressionPtr> Parser::ParseSubstring(const std::string& name, uint32_t begin) {
  OpenCall();
  std::vector<ExpressionPtr> arguments;
  FIRN_RETURN_IF_ERROR(ParseValueInto(&arguments));
  for (const char* word : {"FROM", "FOR"}) {
    if (!TakeWord(word) && !TakeSymbol(",")) {
      if (arguments.size() == 1) return Unexpected("FROM");
      break;
    }
    FIRN_RETURN_IF_ERROR(ParseValueInto(&arguments));
  }
  return CloseCall(name, begin, std::move(arguments));
}

// OVERLAY(s PLACING t FROM a [FOR n])
Result<ExpressionPtr> Parser::ParseOverlay(uint32_t begin) {
  OpenCall();
  std::vector<ExpressionPtr> arguments;
  FIRN_RETURN_IF_ERROR(ParseValueInto(&arguments));
  for (const char* word : {"PLACING", "FROM", "FOR"}) {
    if (!TakeWord(word) && !TakeSymbol(",")) {
      if (std::string_view(word) == "FOR") break;
      return Unexpected(word);
    }
    FIRN_RETURN_IF_ERROR(ParseValueInto(&arguments));
  }
  return CloseCall("OVERLAY", begin, std::move(arguments));
}

// POSITION(a IN b): the operands stop before IN.
Result<ExpressionPtr> Parser::ParsePosition(uint32_t begin) {
  OpenCall();
  std::vector<ExpressionPtr> arguments;
  FIRN_TRY(ExpressionPtr part, ParseBinary(kRange + 1));
  arguments.push_back(std::move(part));
  FIRN_RETURN_IF_ERROR(ExpectWord("IN"));
  FIRN_RETURN_IF_ERROR(ParseValueInto(&arguments));
  return CloseCall("POSITION", begin, std::move(arguments));
}

Result<ExpressionPtr> Parser::ParseTimestampArithmetic(const std::string& name, uint32_t begin) {
  OpenCall();
  std::vector<ExpressionPtr> arguments;
  FIRN_RETURN_IF_ERROR(ParseTimeUnitInto(&arguments));
  while (TakeSymbol(",")) FIRN_RETURN_IF_ERROR(ParseValueInto(&arguments));
  return CloseCall(name, begin, std::move(arguments));
}

Result<ExpressionPtr> Parser::ParseJsonCall(const std::string& name, uint32_t begin) {
  OpenCall();
  ExpressionPtr call = MakeCall(name, begin, {});
  call->json = std::make_unique<JsonClauses>();
  if (name == "JSON_OBJECT" || name == "JSON_ARRAY") {
    FIRN_RETURN_IF_ERROR(ParseJsonConstructorArguments(call.get()));
  } else {
    do {
      FIRN_RETURN_IF_ERROR(ParseValueInto(&call->arguments));
    } while (TakeSymbol(","));
    FIRN_RETURN_IF_ERROR(ParseJsonClauses(call.get()));
  }
  FIRN_RETURN_IF_ERROR(ExpectSymbol(")"));
  call->argument_names.resize(call->arguments.size());
  call->span = SpanFrom(begin);
  return call;
}

// JSON_OBJECT([KEY] k VALUE v | k : v, ... [NULL|ABSENT ON NULL]), JSON_ARRAY(v, ... [NULL|ABSENT ON NULL])
Status Parser::ParseJsonConstructorArguments(Expression* call) {
  auto at_nulls = [&] { return AtWords({"NULL", "ON", "NULL"}) || AtWords({"ABSENT", "ON", "NULL"}); };
  while (!AtSymbol(")") && !at_nulls()) {
    if (call->text == "JSON_OBJECT") {
      if (AtWord("KEY") && !AtSymbol(",", 1) && !AtSymbol(")", 1)) Advance();
      FIRN_RETURN_IF_ERROR(ParseValueInto(&call->arguments));
      if (!TakeWord("VALUE") && !TakeSymbol(":") && !TakeSymbol(",")) return Unexpected("VALUE");
      FIRN_ASSERT(call->arguments.size() % 2 == 1, "{} keys and values before a value", call->arguments.size());
    }
    FIRN_RETURN_IF_ERROR(ParseValueInto(&call->arguments));
    if (!TakeSymbol(",")) break;
  }
  if (at_nulls()) {
    call->json->nulls = AtWord("NULL") ? JsonNulls::kNullOnNull : JsonNulls::kAbsentOnNull;
    Advance();
    Advance();
    Advance();
  }
  return Ok();
}

Status Parser::ParseJsonClauses(Expression* call) {
  JsonClauses& json = *call->json;
  if (TakeWord("RETURNING")) {
    FIRN_TRY(types::DataType type, ParseDataType());
    json.returning = std::move(type);
  }
  if (TakeWord("WITHOUT")) {
    TakeWord("ARRAY");
    FIRN_RETURN_IF_ERROR(ExpectWord("WRAPPER"));
    json.wrapper = JsonWrapper::kWithout;
  } else if (TakeWord("WITH")) {
    json.wrapper = TakeWord("CONDITIONAL") ? JsonWrapper::kConditional : JsonWrapper::kUnconditional;
    TakeWord("UNCONDITIONAL");
    TakeWord("ARRAY");
    FIRN_RETURN_IF_ERROR(ExpectWord("WRAPPER"));
  }
  while (!AtSymbol(")")) {
    ExpressionPtr value;
    FIRN_TRY(JsonBehavior behavior, ParseJsonBehavior(&value));
    FIRN_RETURN_IF_ERROR(ExpectWord("ON"));
    if (TakeWord("EMPTY")) {
      json.on_empty = behavior;
      json.on_empty_default = std::move(value);
    } else {
      FIRN_RETURN_IF_ERROR(ExpectWord("ERROR"));
      json.on_error = behavior;
      json.on_error_default = std::move(value);
    }
  }
  return Ok();
}

Result<JsonBehavior> Parser::ParseJsonBehavior(ExpressionPtr* value) {
  if (TakeWord("NULL")) return JsonBehavior::kNull;
  if (TakeWord("ERROR")) return JsonBehavior::kError;
  if (TakeWord("TRUE")) return JsonBehavior::kTrue;
  if (TakeWord("FALSE")) return JsonBehavior::kFalse;
  if (TakeWord("UNKNOWN")) return JsonBehavior::kUnknown;
  if (TakeWords({"EMPTY", "ARRAY"})) return JsonBehavior::kEmptyArray;
  if (TakeWords({"EMPTY", "OBJECT"})) return JsonBehavior::kEmptyObject;
  if (TakeWord("DEFAULT")) {
    FIRN_TRY(*value, ParseValue());
    return JsonBehavior::kDefaultValue;
  }
  return Unexpected("NULL, ERROR, EMPTY ARRAY, EMPTY OBJECT or DEFAULT");
}

// Behind the opening parenthesis; takes the closing one.
Status Parser::ParseArguments(Expression* call) {
  if (TakeWord("DISTINCT")) {
    call->is_distinct = true;
  } else if (AtWord("ALL") && !AtSymbol(")", 1) && !AtSymbol(",", 1)) {
    Advance();
  }
  if (!AtSymbol(")")) {
    do {
      FIRN_RETURN_IF_ERROR(ParseArgument(call));
    } while (TakeSymbol(","));
    if (TakeWords({"ORDER", "BY"})) {
      FIRN_TRY(call->within_group, ParseSortItems());
    }
    if (TakeWords({"IGNORE", "NULLS"})) call->ignore_nulls = true;
    if (TakeWords({"RESPECT", "NULLS"})) call->ignore_nulls = false;
  }
  return ExpectSymbol(")");
}

Status Parser::ParseArgument(Expression* call) {
  std::string name;
  if (AtIdentifier() && AtSymbol("=>", 1)) {
    name = Current().text;
    Advance();
    Advance();
  }
  ExpressionPtr argument;
  if (AtWord("TABLE")) {
    FIRN_TRY(argument, ParseTableArgument());
  } else if (AtWord("DESCRIPTOR") && AtSymbol("(", 1)) {
    const uint32_t begin = Current().span.begin;
    Advance();
    argument = std::make_unique<Expression>();
    argument->kind = ExpressionKind::kDescriptor;
    FIRN_TRY(argument->columns, ParseIdentifierList("a column"));
    argument->span = SpanFrom(begin);
  } else {
    FIRN_TRY(argument, ParseValue());
  }
  call->arguments.push_back(std::move(argument));
  call->argument_names.push_back(std::move(name));
  return Ok();
}

// TABLE t or TABLE (query), with PARTITION BY (...) behind it.
Result<ExpressionPtr> Parser::ParseTableArgument() {
  const uint32_t begin = Current().span.begin;
  auto argument = std::make_unique<Expression>();
  argument->kind = ExpressionKind::kTableArgument;
  FIRN_RETURN_IF_ERROR(ExpectWord("TABLE"));
  if (TakeSymbol("(")) {
    FIRN_TRY(argument->query, ParseQueryExpression());
    FIRN_RETURN_IF_ERROR(ExpectSymbol(")"));
  } else {
    FIRN_TRY(argument->name, ParseObjectName("a table", kAnyNameParts));
    FIRN_TRY(argument->hints, ParseHints());
  }
  if (TakeWords({"PARTITION", "BY"})) {
    if (AtSymbol("(")) {
      FIRN_TRY(argument->columns, ParseIdentifierList("a column"));
    } else {
      FIRN_TRY(Identifier column, ParseIdentifier("a column"));
      argument->columns.push_back(std::move(column));
    }
  }
  if (AtWord("ORDER")) return Unsupported(Current().span, "ORDER BY on a table argument is not supported", "windows order rows by their time column");
  argument->span = SpanFrom(begin);
  return argument;
}

// WITHIN GROUP (ORDER BY ...), FILTER (WHERE ...), IGNORE NULLS, OVER ...
Status Parser::ParseCallTail(Expression* call) {
  if (TakeWords({"WITHIN", "GROUP"})) {
    FIRN_RETURN_IF_ERROR(ExpectSymbol("("));
    FIRN_RETURN_IF_ERROR(ExpectWord("ORDER"));
    FIRN_RETURN_IF_ERROR(ExpectWord("BY"));
    FIRN_TRY(call->within_group, ParseSortItems());
    FIRN_RETURN_IF_ERROR(ExpectSymbol(")"));
  }
  if (AtWord("FILTER") && AtSymbol("(", 1)) {
    Advance();
    Advance();
    FIRN_RETURN_IF_ERROR(ExpectWord("WHERE"));
    FIRN_TRY(call->filter, ParseValue());
    FIRN_RETURN_IF_ERROR(ExpectSymbol(")"));
  }
  if (TakeWords({"IGNORE", "NULLS"})) call->ignore_nulls = true;
  if (TakeWords({"RESPECT", "NULLS"})) call->ignore_nulls = false;
  if (TakeWord("OVER")) {
    if (AtSymbol("(")) {
      FIRN_TRY(call->over, ParseWindowSpecification());
    } else {
      FIRN_TRY(Identifier name, ParseIdentifier("a window"));
      call->over = std::make_unique<WindowSpecification>();
      call->over->base_window = name.text;
      call->over->span = name.span;
    }
  }
  return Ok();
}

Result<std::unique_ptr<WindowSpecification>> Parser::ParseWindowSpecification() {
  auto window = std::make_unique<WindowSpecification>();
  const uint32_t begin = Current().span.begin;
  FIRN_RETURN_IF_ERROR(ExpectSymbol("("));
  if (AtIdentifier() && !AtWord("RANGE")) {
    FIRN_TRY(Identifier base, ParseIdentifier("a window"));
    window->base_window = base.text;
  }
  if (TakeWords({"PARTITION", "BY"})) {
    do {
      FIRN_TRY(ExpressionPtr key, ParseValue());
      window->partition_by.push_back(std::move(key));
    } while (TakeSymbol(","));
  }
  if (TakeWords({"ORDER", "BY"})) {
    FIRN_TRY(window->order_by, ParseSortItems());
  }
  if (AtWord("ROWS") || AtWord("RANGE")) {
    FIRN_TRY(WindowFrame frame, ParseWindowFrame());
    window->frame = std::move(frame);
  }
  FIRN_RETURN_IF_ERROR(ExpectSymbol(")"));
  window->span = SpanFrom(begin);
  return window;
}

// ROWS|RANGE bound, ROWS|RANGE BETWEEN bound AND bound
Result<WindowFrame> Parser::ParseWindowFrame() {
  WindowFrame frame;
  frame.is_rows = AtWord("ROWS");
  Advance();
  if (!TakeWord("BETWEEN")) {
    FIRN_TRY(frame.start, ParseFrameBound());
    return frame;
  }
  FIRN_TRY(frame.start, ParseFrameBound());
  FIRN_RETURN_IF_ERROR(ExpectWord("AND"));
  FIRN_TRY(frame.end, ParseFrameBound());
  return frame;
}

Result<FrameBound> Parser::ParseFrameBound() {
  FrameBound bound;
  if (TakeWords({"CURRENT", "ROW"})) return bound;
  const bool is_unbounded = TakeWord("UNBOUNDED");
  if (!is_unbounded) {
    FIRN_TRY(bound.offset, ParseBinary(kRange + 1));  // an AND belongs to BETWEEN
  }
  if (TakeWord("PRECEDING")) {
    bound.kind = is_unbounded ? FrameBoundKind::kUnboundedPreceding : FrameBoundKind::kPreceding;
  } else if (TakeWord("FOLLOWING")) {
    bound.kind = is_unbounded ? FrameBoundKind::kUnboundedFollowing : FrameBoundKind::kFollowing;
  } else {
    return Unexpected("PRECEDING or FOLLOWING");
  }
  return bound;
}

Result<std::vector<SortItem>> Parser::ParseSortItems() {
  std::vector<SortItem> items;
  do {
    SortItem item;
    FIRN_TRY(item.expression, ParseValue());
    if (TakeWord("DESC")) {
      item.descending = true;
    } else {
      TakeWord("ASC");
    }
    if (TakeWords({"NULLS", "FIRST"})) item.nulls = NullsOrder::kFirst;
    if (TakeWords({"NULLS", "LAST"})) item.nulls = NullsOrder::kLast;
    items.push_back(std::move(item));
  } while (TakeSymbol(","));
  return items;
}

}  // namespace firn::sql
