// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "base/assert.h"
#include "sql/operators_internal.h"
#include "sql/unparser_internal.h"

namespace firn::sql {

namespace {

int LevelOf(const Expression& expression) {
  switch (expression.kind) {
    case ExpressionKind::kBinary: return LevelOfBinary(expression.text);
    case ExpressionKind::kUnary: return expression.text == "NOT" ? kNot : kSign;
    case ExpressionKind::kIs: return kIsTest;
    case ExpressionKind::kIsDistinctFrom: return kComparison;
    case ExpressionKind::kBetween:
    case ExpressionKind::kLike:
    case ExpressionKind::kIn: return kRange;
    case ExpressionKind::kCall: return expression.text == "OVERLAPS" ? kComparison : kPostfix;
    default: return kPostfix;
  }
}

// Of a left operand: LIKE binds to the right, and would take in what follows it.
int LeftLevelOf(int level, const Expression& operand) { return level == kRange && operand.kind == ExpressionKind::kLike ? level + 1 : level; }

std::string_view UnitText(IntervalUnit unit) {
  static constexpr std::string_view kTexts[] = {"YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "HOUR", "MINUTE", "SECOND", "MILLISECOND", "MICROSECOND", "NANOSECOND"};
  return kTexts[static_cast<int>(unit)];
}

}  // namespace

void Unparser::Quoted(std::string_view text) {
  text_ += '\'';
  for (char c : text) text_.append(c == '\'' ? 2 : 1, c);
  text_ += '\'';
}

void Unparser::Name(const Identifier& name) { Text(ObjectName{{name}, {}}.ToString()); }

void Unparser::Names(const std::vector<Identifier>& names) {
  Text("(");
  List(names, [&](const Identifier& name) { Name(name); });
  Text(")");
}

void Unparser::WriteAll(const std::vector<ExpressionPtr>& expressions) {
  List(expressions, [&](const ExpressionPtr& expression) { Write(*expression); });
}

void Unparser::WriteNested(const Query& query) {
  Text("(");
  Write(query);
  Text(")");
}

void Unparser::Write(const Expression& expression, int level) {
  const bool is_enclosed = LevelOf(expression) < level;
  if (is_enclosed) Text("(");
  WriteBare(expression);
  if (is_enclosed) Text(")");
}

void Unparser::WriteBare(const Expression& expression) {
  const auto& arguments = expression.arguments;
  switch (expression.kind) {
    case ExpressionKind::kLiteral: return WriteLiteral(expression);
    case ExpressionKind::kColumn: return Text(expression.name.ToString());
    case ExpressionKind::kStar: return Text(expression.name.parts.empty() ? "*" : expression.name.ToString() + ".*");
    case ExpressionKind::kIn: return WriteIn(expression);
    case ExpressionKind::kExists: Text("EXISTS "); return WriteNested(*expression.query);
    case ExpressionKind::kSubquery: return WriteNested(*expression.query);
    case ExpressionKind::kCase: return WriteCase(expression);
    case ExpressionKind::kCast:
      Text(expression.is_try ? "TRY_CAST(" : "CAST(");
      Write(*arguments[0]);
      return Text(fmt::format(" AS {})", expression.type.ToString()));
    case ExpressionKind::kCall: return WriteCall(expression);
    case ExpressionKind::kField:
      WritePostfixOperand(*arguments[0]);
      Text(".");
      return Name({expression.text, {}});
    case ExpressionKind::kDescriptor: Text("DESCRIPTOR"); return Names(expression.columns);
    case ExpressionKind::kTableArgument: return WriteTableArgument(expression);
    default: return WriteOperator(expression);
  }
}

// Operators and predicates: a left operand of the same level needs no parentheses, a right one does.
void Unparser::WriteOperator(const Expression& expression) {
  const auto& arguments = expression.arguments;
  const int level = LevelOf(expression);
  FIRN_ASSERT(level > 0 && !arguments.empty() && arguments.size() <= 3, "operator '{}' of {} operands", expression.text, arguments.size());
  const char* negation = expression.negated ? " NOT" : "";
  if (expression.kind == ExpressionKind::kUnary) {
    Text(expression.text == "NOT" ? "NOT " : expression.text);
    const bool is_doubled = arguments[0]->kind == ExpressionKind::kUnary && arguments[0]->text == expression.text && expression.text != "NOT";
    if (is_doubled) Text(" ");  // -- would begin a comment
    return Write(*arguments[0], level);
  }
  Write(*arguments[0], LeftLevelOf(level, *arguments[0]));
  switch (expression.kind) {
    case ExpressionKind::kBinary: Text(fmt::format(" {} ", expression.text)); break;
    case ExpressionKind::kIs: return Text(fmt::format(" IS{} {}", negation, expression.text));
    case ExpressionKind::kIsDistinctFrom: Text(fmt::format(" IS{} DISTINCT FROM ", negation)); break;
    case ExpressionKind::kBetween: Text(fmt::format("{} BETWEEN {}", negation, expression.symmetric ? "SYMMETRIC " : "")); break;
    case ExpressionKind::kLike: Text(fmt::format("{} {} ", negation, expression.text)); break;
    default: FIRN_UNREACHABLE("an operator of another kind");
  }
  FIRN_ASSERT(arguments.size() == (expression.kind == ExpressionKind::kBetween ? 3 : 2) || (expression.kind == ExpressionKind::kLike && arguments.size() == 3),
              "operator '{}' of {} operands", expression.text, arguments.size());
  Write(*arguments[1], level + 1);
  if (arguments.size() < 3) return;
  Text(expression.kind == ExpressionKind::kBetween ? " AND " : " ESCAPE ");
  Write(*arguments[2], level + 1);
}

void Unparser::WriteLiteral(const Expression& expression) {
  switch (expression.literal) {
    case LiteralKind::kNull: return Text("NULL");
    case LiteralKind::kString: return Quoted(expression.text);
    case LiteralKind::kBinary:
      Text("X'");
      for (unsigned char byte : expression.text) Text(fmt::format("{:02X}", byte));
      return Text("'");
    case LiteralKind::kDate: Text("DATE "); return Quoted(expression.text);
    case LiteralKind::kTime: Text("TIME "); return Quoted(expression.text);
    case LiteralKind::kTimestamp: Text("TIMESTAMP "); return Quoted(expression.text);
    case LiteralKind::kInterval:
      Text(expression.is_negative_interval ? "INTERVAL -" : "INTERVAL ");
      Quoted(expression.text);
      Text(fmt::format(" {}", UnitText(expression.interval_from)));
      if (expression.interval_to) Text(fmt::format(" TO {}", UnitText(*expression.interval_to)));
      return;
    default: return Text(expression.text);
  }
}

void Unparser::WriteCase(const Expression& expression) {
  const auto& arguments = expression.arguments;
  Text("CASE");
  size_t at = 0;
  if (expression.has_operand) {
    Text(" ");
    Write(*arguments[at++]);
  }
  for (; at + 1 < arguments.size(); at += 2) {
    Text(" WHEN ");
    Write(*arguments[at]);
    Text(" THEN ");
    Write(*arguments[at + 1]);
  }
  FIRN_ASSERT((at < arguments.size()) == expression.has_else, "CASE with {} parts", arguments.size());
  if (expression.has_else) {
    Text(" ELSE ");
    Write(*arguments[at]);
  }
  Text(" END");
}

void Unparser::WriteIn(const Expression& expression) {
  Write(*expression.arguments[0], LeftLevelOf(kRange, *expression.arguments[0]));
  FIRN_ASSERT(expression.query != nullptr || expression.arguments.size() > 1, "IN of nothing");
  Text(expression.negated ? " NOT IN " : " IN ");
  if (expression.query) return WriteNested(*expression.query);
  Text("(");
  for (size_t i = 1; i < expression.arguments.size(); ++i) {
    if (i > 1) Text(", ");
    Write(*expression.arguments[i]);
  }
  Text(")");
}

// Before [ and before a field: 1.a and 'x'.a are no expressions, (a).b is a column of two parts.
void Unparser::WritePostfixOperand(const Expression& expression) {
  const bool is_postfix = LevelOf(expression) == kPostfix && expression.kind != ExpressionKind::kLiteral && expression.kind != ExpressionKind::kCase &&
                          expression.kind != ExpressionKind::kExists;
  if (!is_postfix) Text("(");
  WriteBare(expression);
  if (!is_postfix) Text(")");
}

std::string Unparse(const Expression& expression, const UnparseOptions& options) {
  Unparser unparser(options);
  unparser.Write(expression);
  return unparser.Take();
}

}  // namespace firn::sql
