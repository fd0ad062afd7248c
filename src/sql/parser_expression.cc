// SPDX-License-Identifier: Apache-2.0
// Precedence, loosest first, as Calcite has it: OR, AND, NOT, IS, comparisons (=, <, IS DISTINCT FROM), IN BETWEEN LIKE, + -, * / % ||, unary, postfix.
#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"
#include "sql/operators_internal.h"
#include "sql/parser_internal.h"

namespace firn::sql {

namespace {

ExpressionPtr MakeNode(ExpressionKind kind, SourceSpan span) {
  auto node = std::make_unique<Expression>();
  node->kind = kind;
  node->span = span;
  return node;
}

ExpressionPtr MakeBinary(std::string op, ExpressionPtr left, ExpressionPtr right) {
  FIRN_ASSERT(left->span.begin <= right->span.end, "{} stands from {} to {}", op, left->span.begin, right->span.end);
  auto node = MakeNode(ExpressionKind::kBinary, {left->span.begin, right->span.end});
  node->text = std::move(op);
  node->arguments.push_back(std::move(left));
  node->arguments.push_back(std::move(right));
  FIRN_ASSERT(LevelOfBinary(node->text) > 0, "{} is no operator of two sides", node->text);
  return node;
}

int BinaryPrecedence(const Token& token) {
  if (token.kind == TokenKind::kWord) return LevelOfBinary(token.upper);
  return token.kind == TokenKind::kSymbol ? LevelOfBinary(token.text) : 0;
}

}  // namespace

Result<ExpressionPtr> Parser::ParseValue() { return ParseBinary(kOr); }

Result<ExpressionPtr> Parser::ParseBinary(int min_precedence) {
  const Nesting nesting(&depth_);
  FIRN_RETURN_IF_ERROR(CheckNesting());
  const int outer_height = std::exchange(height_, 0);
  ExpressionPtr left;
  if (AtWord("NOT")) {  // also where only a tighter operator may stand: a = NOT b
    const uint32_t begin = Current().span.begin;
    Advance();
    FIRN_TRY(ExpressionPtr operand, ParseBinary(kNot));
    left = MakeNode(ExpressionKind::kUnary, SpanFrom(begin));
    left->text = "NOT";
    left->arguments.push_back(std::move(operand));
  } else {
    FIRN_TRY(left, ParseUnary());
  }
  while (true) {
    const int left_height = std::exchange(height_, 0);
    const size_t before = at_;
    FIRN_TRY(left, ParsePredicateTail(std::move(left), min_precedence));
    if (at_ != before) {
      FIRN_RETURN_IF_ERROR(Grow(left_height));
      continue;
    }
    const int precedence = BinaryPrecedence(Current());
    if (precedence == 0 || precedence < min_precedence) {
      height_ = std::max(outer_height, left_height);
      return left;
    }
    std::string op = Current().kind == TokenKind::kWord ? Current().upper : Current().text;
    Advance();
    if (AtWord("ANY") || AtWord("SOME") || AtWord("ALL")) {
      return Unsupported(Current().span, fmt::format("a comparison with {} is not supported", Current().upper), "x IN (SELECT ...), or compare with SELECT MIN or MAX");
    }
    FIRN_TRY(ExpressionPtr right, ParseBinary(precedence + 1));
    FIRN_RETURN_IF_ERROR(Grow(left_height));
    left = MakeBinary(std::move(op), std::move(left), std::move(right));
  }
}

// IS ..., [NOT] IN, [NOT] BETWEEN, [NOT] LIKE, OVERLAPS: nothing is taken if none is there, or if it binds less tightly than `min_precedence`.
Result<ExpressionPtr> Parser::ParsePredicateTail(ExpressionPtr left, int min_precedence) {
  if (AtWord("IS")) {
    const size_t ahead = AtWord("NOT", 1) ? 2 : 1;
    const bool compares = AtWord("DISTINCT", ahead) && AtWord("FROM", ahead + 1);
    return min_precedence <= (compares ? kComparison : kIsTest) ? ParseIsTail(std::move(left)) : std::move(left);
  }
  if (AtWord("OVERLAPS") && min_precedence <= kComparison) {
    const uint32_t begin = left->span.begin;
    Advance();
    FIRN_TRY(ExpressionPtr right, ParseBinary(kComparison + 1));
    std::vector<ExpressionPtr> sides;
    sides.push_back(std::move(left));
    sides.push_back(std::move(right));
    return MakeCall("OVERLAPS", begin, std::move(sides));
  }
  if (min_precedence > kRange) return left;
  const bool negated = AtWord("NOT") && (AtWord("IN", 1) || AtWord("BETWEEN", 1) || AtWord("LIKE", 1) || AtWord("SIMILAR", 1));
  if (negated) Advance();
  if (AtWord("IN")) return ParseInTail(std::move(left), negated);
  if (AtWord("BETWEEN")) return ParseBetweenTail(std::move(left), negated);
  if (AtWord("LIKE") || AtWords({"SIMILAR", "TO"})) return ParseLikeTail(std::move(left), negated);
  return left;
}

// The lower bound goes up to AND, the upper one up to what binds less tightly.
Result<ExpressionPtr> Parser::ParseBetweenTail(ExpressionPtr left, bool negated) {
  const uint32_t begin = left->span.begin;
  Advance();
  auto node = MakeNode(ExpressionKind::kBetween, {});
  node->negated = negated;
  node->symmetric = TakeWord("SYMMETRIC");
  if (!node->symmetric) TakeWord("ASYMMETRIC");
  FIRN_TRY(ExpressionPtr low, ParseBinary(kNot));
  FIRN_RETURN_IF_ERROR(ExpectWord("AND"));
  FIRN_TRY(ExpressionPtr high, ParseBinary(kRange + 1));
  node->arguments.push_back(std::move(left));
  node->arguments.push_back(std::move(low));
  node->arguments.push_back(std::move(high));
  node->span = SpanFrom(begin);
  return node;
}

// Binds to the right: a LIKE b LIKE c ESCAPE d is a LIKE (b LIKE c ESCAPE d).
Result<ExpressionPtr> Parser::ParseLikeTail(ExpressionPtr left, bool negated) {
  const uint32_t begin = left->span.begin;
  auto node = MakeNode(ExpressionKind::kLike, {});
  node->negated = negated;
  node->text = TakeWord("LIKE") ? "LIKE" : "SIMILAR TO";
  if (node->text != "LIKE") TakeWords({"SIMILAR", "TO"});
  FIRN_TRY(ExpressionPtr pattern, ParseBinary(kRange));
  node->arguments.push_back(std::move(left));
  node->arguments.push_back(std::move(pattern));
  if (TakeWord("ESCAPE")) {
    FIRN_TRY(ExpressionPtr escape, ParseBinary(kRange + 1));
    node->arguments.push_back(std::move(escape));
  }
  node->span = SpanFrom(begin);
  return node;
}

Result<ExpressionPtr> Parser::ParseIsTail(ExpressionPtr left) {
  const uint32_t begin = left->span.begin;
  Advance();
  const bool negated = TakeWord("NOT");
  if (TakeWords({"DISTINCT", "FROM"})) {
    FIRN_TRY(ExpressionPtr right, ParseBinary(kComparison + 1));
    auto node = MakeNode(ExpressionKind::kIsDistinctFrom, SpanFrom(begin));
    node->negated = negated;
    node->arguments.push_back(std::move(left));
    node->arguments.push_back(std::move(right));
    return node;
  }
  auto node = MakeNode(ExpressionKind::kIs, {});
  node->negated = negated;
  for (const char* word : {"NULL", "TRUE", "FALSE", "UNKNOWN", "JSON"}) {
    if (TakeWord(word)) node->text = word;
    if (!node->text.empty()) break;
  }
  if (node->text.empty()) return Unexpected("NULL, TRUE, FALSE, UNKNOWN, DISTINCT FROM or JSON");
  if (node->text == "JSON") {
    for (const char* word : {"VALUE", "SCALAR", "ARRAY", "OBJECT"}) {
      if (TakeWord(word)) node->text = fmt::format("JSON {}", word);
    }
  }
  node->arguments.push_back(std::move(left));
  node->span = SpanFrom(begin);
  return node;
}

Result<ExpressionPtr> Parser::ParseInTail(ExpressionPtr left, bool negated) {
  const uint32_t begin = left->span.begin;
  Advance();
  auto node = MakeNode(ExpressionKind::kIn, {});
  node->negated = negated;
  node->arguments.push_back(std::move(left));
  FIRN_RETURN_IF_ERROR(ExpectSymbol("("));
  if (AtQuery()) {
    FIRN_TRY(node->query, ParseQueryExpression());
  } else {
    do {
      FIRN_TRY(ExpressionPtr item, ParseValue());
      node->arguments.push_back(std::move(item));
    } while (TakeSymbol(","));
  }
  FIRN_RETURN_IF_ERROR(ExpectSymbol(")"));
  FIRN_ASSERT((node->query == nullptr) == (node->arguments.size() > 1), "IN of a query or of {} values", node->arguments.size() - 1);
  node->span = SpanFrom(begin);
  return node;
}

Result<ExpressionPtr> Parser::ParseUnary() {
  if (!AtSymbol("-") && !AtSymbol("+")) return ParsePostfix();
  const Nesting nesting(&depth_);
  FIRN_RETURN_IF_ERROR(CheckNesting());
  const uint32_t begin = Current().span.begin;
  std::string op = Current().text;
  Advance();
  FIRN_TRY(ExpressionPtr operand, ParseUnary());
  auto node = MakeNode(ExpressionKind::kUnary, SpanFrom(begin));
  node->text = std::move(op);
  node->arguments.push_back(std::move(operand));
  return node;
}

// a[i], (expr).field, t AT TIME ZONE z
Result<ExpressionPtr> Parser::ParsePostfix() {
  const int outer_height = std::exchange(height_, 0);
  FIRN_TRY(ExpressionPtr value, ParsePrimary());
  while (true) {
    const uint32_t begin = value->span.begin;
    const int value_height = std::exchange(height_, 0);
    if (TakeSymbol("[")) {
      FIRN_TRY(ExpressionPtr index, ParseValue());
      FIRN_RETURN_IF_ERROR(ExpectSymbol("]"));
      std::vector<ExpressionPtr> arguments;
      arguments.push_back(std::move(value));
      arguments.push_back(std::move(index));
      value = MakeCall("[]", begin, std::move(arguments));
      FIRN_RETURN_IF_ERROR(Grow(value_height));
    } else if (AtSymbol(".") && value->kind != ExpressionKind::kColumn && value->kind != ExpressionKind::kStar) {
      Advance();
      if (TakeSymbol("*")) return Unsupported(SpanFrom(begin), "`.*` after an expression is not supported", "name the fields");
      FIRN_TRY(Identifier field, ParseAnyName("a field's name"));
      auto node = MakeNode(ExpressionKind::kField, SpanFrom(begin));
      node->text = std::move(field.text);
      node->arguments.push_back(std::move(value));
      value = std::move(node);
      FIRN_RETURN_IF_ERROR(Grow(value_height));
    } else if (AtWords({"AT", "TIME", "ZONE"}) || AtWords({"AT", "LOCAL"})) {
      return Unsupported(Current().span, "AT TIME ZONE is not supported", "CONVERT_TZ(text, from, to) converts between time zones");
    } else {
      height_ = std::max(outer_height, value_height);
      return value;
    }
  }
}

Result<ExpressionPtr> Parser::ParsePrimary() {
  const Token& token = Current();
  auto literal = [&](LiteralKind kind) -> Result<ExpressionPtr> {
    auto node = MakeNode(ExpressionKind::kLiteral, token.span);
    node->literal = kind;
    node->text = token.text;
    Advance();
    return node;
  };
  switch (token.kind) {
    case TokenKind::kInteger: return literal(LiteralKind::kInteger);
    case TokenKind::kDecimal: return literal(LiteralKind::kDecimal);
    case TokenKind::kDouble: return literal(LiteralKind::kDouble);
    case TokenKind::kBinary: return literal(LiteralKind::kBinary);
    case TokenKind::kString: {
      FIRN_TRY(ExpressionPtr node, literal(LiteralKind::kString));
      while (Current().kind == TokenKind::kString) {  // adjacent literals are one
        node->text += Current().text;
        node->span.end = Current().span.end;
        Advance();
      }
      return node;
    }
    case TokenKind::kQuotedIdentifier: return AtSymbol("(", 1) ? ParseCall() : ParseColumn();
    case TokenKind::kWord: return ParseWordPrimary();
    case TokenKind::kSymbol:
      if (token.text == "(") return ParseParenthesized();
      if (token.text == "*") {
        auto node = MakeNode(ExpressionKind::kStar, token.span);
        Advance();
        return node;
      }
      return Unexpected("an expression");
    case TokenKind::kEnd: return Unexpected("an expression");
  }
  FIRN_UNREACHABLE("token kind");
}

Result<ExpressionPtr> Parser::ParseWordPrimary() {
  const Token& token = Current();
  const std::string& word = token.upper;
  auto constant = [&](LiteralKind kind) -> Result<ExpressionPtr> {
    auto node = MakeNode(ExpressionKind::kLiteral, token.span);
    node->literal = kind;
    node->text = word;
    Advance();
    return node;
  };
  if (word == "NULL") return constant(LiteralKind::kNull);
  if (word == "TRUE" || word == "FALSE") return constant(LiteralKind::kBoolean);
  if (word == "CASE") return ParseCase();
  if ((word == "CAST" || word == "TRY_CAST") && AtSymbol("(", 1)) return ParseCast(word == "TRY_CAST");
  if (word == "INTERVAL") return ParseInterval();
  if ((word == "ARRAY" || word == "MAP") && AtSymbol("[", 1)) return ParseCollectionConstructor();
  if (word == "EXISTS" && AtSymbol("(", 1)) {
    const uint32_t begin = token.span.begin;
    Advance();
    Advance();
    auto node = MakeNode(ExpressionKind::kExists, {});
    FIRN_TRY(node->query, ParseQueryExpression());
    FIRN_RETURN_IF_ERROR(ExpectSymbol(")"));
    node->span = SpanFrom(begin);
    return node;
  }
  if ((word == "DATE" || word == "TIME" || word == "TIMESTAMP") && Ahead(1).kind == TokenKind::kString) {
    auto node = MakeNode(ExpressionKind::kLiteral, {token.span.begin, Ahead(1).span.end});
    node->literal = word == "DATE" ? LiteralKind::kDate : word == "TIME" ? LiteralKind::kTime : LiteralKind::kTimestamp;
    node->text = Ahead(1).text;
    Advance();
    Advance();
    return node;
  }
  for (const char* bare : {"CURRENT_CATALOG", "CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP", "LOCALTIME", "LOCALTIMESTAMP"}) {
    if (word == bare && !AtSymbol("(", 1)) {
      const uint32_t begin = token.span.begin;
      Advance();
      ExpressionPtr call = MakeCall(bare, begin, {});
      call->has_parentheses = false;
      return call;
    }
  }
  const bool is_callable = !IsReserved(word) || IsReservedFunction(word);
  if (AtSymbol("(", 1) && is_callable) return ParseCall();
  if (IsReserved(word)) return Unexpected("an expression");
  return ParseColumn();
}

Result<ExpressionPtr> Parser::ParseColumn() {
  auto node = MakeNode(ExpressionKind::kColumn, Current().span);
  const uint32_t begin = Current().span.begin;
  FIRN_TRY(Identifier first, ParseIdentifier("a column"));
  node->name.parts.push_back(std::move(first));
  while (AtSymbol(".")) {
    Advance();
    if (TakeSymbol("*")) {
      node->kind = ExpressionKind::kStar;
      break;
    }
    FIRN_TRY(Identifier part, ParseAnyName("a column or field"));
    node->name.parts.push_back(std::move(part));
  }
  node->span = node->name.span = SpanFrom(begin);
  if (AtSymbol("(")) {
    return Unsupported(node->span, fmt::format("{} is not a built-in function, and functions of a catalog are not supported", node->name.ToString()),
                       "built-in functions are called by their bare name: SHOW FUNCTIONS");
  }
  return node;
}

// ( query ), ( expression ), ( a, b ) as a row
Result<ExpressionPtr> Parser::ParseParenthesized() {
  const uint32_t begin = Current().span.begin;
  Advance();
  if (AtQuery()) {
    auto node = MakeNode(ExpressionKind::kSubquery, {});
    FIRN_TRY(node->query, ParseQueryExpression());
    FIRN_RETURN_IF_ERROR(ExpectSymbol(")"));
    node->span = SpanFrom(begin);
    return node;
  }
  FIRN_TRY(std::vector<ExpressionPtr> items, ParseValueList(")"));
  if (items.empty()) return Unexpected("an expression");
  if (items.size() > 1) return MakeCall("ROW", begin, std::move(items));
  items[0]->span = SpanFrom(begin);
  while (items[0]->kind == ExpressionKind::kColumn && TakeSymbol(".")) {  // (a).b.c: fields of column a
    FIRN_TRY(Identifier field, ParseAnyName("a field's name"));
    items[0]->name.parts.push_back(std::move(field));
    items[0]->span = SpanFrom(begin);
  }
  return std::move(items[0]);
}

Result<std::vector<ExpressionPtr>> Parser::ParseValueList(std::string_view close) {
  std::vector<ExpressionPtr> items;
  if (TakeSymbol(close)) return items;
  do {
    FIRN_TRY(ExpressionPtr item, ParseValue());
    items.push_back(std::move(item));
  } while (TakeSymbol(","));
  FIRN_RETURN_IF_ERROR(ExpectSymbol(close));
  return items;
}

Result<ExpressionPtr> Parser::ParseCase() {
  const uint32_t begin = Current().span.begin;
  Advance();
  auto node = MakeNode(ExpressionKind::kCase, {});
  if (!AtWord("WHEN")) {
    FIRN_TRY(ExpressionPtr operand, ParseValue());
    node->arguments.push_back(std::move(operand));
    node->has_operand = true;
  }
  if (!AtWord("WHEN")) return Unexpected("WHEN");
  while (TakeWord("WHEN")) {
    FIRN_TRY(ExpressionPtr when, ParseValue());
    FIRN_RETURN_IF_ERROR(ExpectWord("THEN"));
    FIRN_TRY(ExpressionPtr then, ParseValue());
    node->arguments.push_back(std::move(when));
    node->arguments.push_back(std::move(then));
  }
  if (TakeWord("ELSE")) {
    FIRN_TRY(ExpressionPtr otherwise, ParseValue());
    node->arguments.push_back(std::move(otherwise));
    node->has_else = true;
  }
  FIRN_RETURN_IF_ERROR(ExpectWord("END"));
  const size_t branches = node->arguments.size() - (node->has_operand ? 1 : 0) - (node->has_else ? 1 : 0);
  FIRN_ASSERT(branches >= 2 && branches % 2 == 0, "CASE with {} parts of WHEN and THEN", branches);
  node->span = SpanFrom(begin);
  return node;
}

Result<ExpressionPtr> Parser::ParseCast(bool is_try) {
  const uint32_t begin = Current().span.begin;
  Advance();
  Advance();
  auto node = MakeNode(ExpressionKind::kCast, {});
  node->is_try = is_try;
  FIRN_TRY(ExpressionPtr value, ParseValue());
  FIRN_RETURN_IF_ERROR(ExpectWord("AS"));
  FIRN_TRY(node->type, ParseDataType());
  FIRN_RETURN_IF_ERROR(ExpectSymbol(")"));
  node->arguments.push_back(std::move(value));
  node->span = SpanFrom(begin);
  return node;
}

Result<ExpressionPtr> Parser::ParseCollectionConstructor() {
  const uint32_t begin = Current().span.begin;
  std::string name = Current().upper;
  Advance();
  Advance();
  FIRN_TRY(std::vector<ExpressionPtr> items, ParseValueList("]"));
  return MakeCall(std::move(name), begin, std::move(items));
}

Result<IntervalUnit> Parser::ParseIntervalUnit() {
  static constexpr std::pair<std::string_view, IntervalUnit> kUnits[] = {
      {"YEAR", IntervalUnit::kYear},     {"QUARTER", IntervalUnit::kQuarter},         {"MONTH", IntervalUnit::kMonth},
      {"WEEK", IntervalUnit::kWeek},     {"DAY", IntervalUnit::kDay},                 {"HOUR", IntervalUnit::kHour},
      {"MINUTE", IntervalUnit::kMinute}, {"SECOND", IntervalUnit::kSecond},           {"MILLISECOND", IntervalUnit::kMillisecond},
      {"MICROSECOND", IntervalUnit::kMicrosecond}, {"NANOSECOND", IntervalUnit::kNanosecond}};
  std::string word = Current().upper;
  if (Current().kind == TokenKind::kWord) {
    for (const auto& [name, unit] : kUnits) {
      if (word != name && word != std::string(name) + "S") continue;
      Advance();
      if (TakeSymbol("(")) {  // a precision changes nothing here
        while (Current().kind == TokenKind::kInteger || AtSymbol(",")) Advance();
        FIRN_RETURN_IF_ERROR(ExpectSymbol(")"));
      }
      return unit;
    }
  }
  return Unexpected("a unit of time (YEAR, MONTH, DAY, HOUR, MINUTE, SECOND)");
}

Result<std::optional<IntervalUnit>> Parser::ParseIntervalEnd(IntervalUnit from) {
  if (!TakeWord("TO")) return std::optional<IntervalUnit>();
  const SourceSpan span = Current().span;
  FIRN_TRY(const IntervalUnit to, ParseIntervalUnit());
  const bool is_months = from == IntervalUnit::kYear && to == IntervalUnit::kMonth;
  const bool is_time = from >= IntervalUnit::kDay && from < to && to <= IntervalUnit::kSecond;
  if (is_months || is_time) return std::optional<IntervalUnit>(to);
  return Error(ErrorCode::kSyntaxError, "an interval does not go to this unit from the one before it").At(span).Hint("YEAR TO MONTH; or DAY, HOUR or MINUTE to a smaller one, SECOND at the end");
}

Result<ExpressionPtr> Parser::ParseInterval() {
  const uint32_t begin = Current().span.begin;
  Advance();
  auto node = MakeNode(ExpressionKind::kLiteral, {});
  node->literal = LiteralKind::kInterval;
  if (TakeSymbol("-")) {
    node->is_negative_interval = true;
  } else {
    TakeSymbol("+");
  }
  if (AtIdentifier() || Current().kind == TokenKind::kInteger) {
    return Unexpected("an interval's value in quotes, such as INTERVAL '5' SECOND").Hint("for a value that is computed: n * INTERVAL '1' SECOND");
  }
  FIRN_TRY(node->text, ParseString("an interval's value in quotes, such as INTERVAL '5' SECOND"));
  FIRN_TRY(node->interval_from, ParseIntervalUnit());
  FIRN_TRY(node->interval_to, ParseIntervalEnd(node->interval_from));
  node->span = SpanFrom(begin);
  return node;
}

}  // namespace firn::sql
