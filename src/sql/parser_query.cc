// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"
#include "sql/parser_internal.h"

namespace firn::sql {

namespace {
constexpr int kUnionPrecedence = 1;      // UNION and EXCEPT, left to right
constexpr int kIntersectPrecedence = 2;  // INTERSECT binds tighter
}  // namespace

// Whether a query begins here. Parentheses begin one if it is all they hold and what follows goes on with a query:
// (SELECT 1) UNION SELECT 2, but not (SELECT 1) + 2 and not (SELECT 1) AS t JOIN u.
bool Parser::AtQuery(size_t ahead) const {
  const size_t outermost = ahead;
  while (AtSymbol("(", ahead) && ahead <= outermost + kMaxNesting) ++ahead;
  const bool has_query = AtWord("SELECT", ahead) || AtWord("WITH", ahead) || AtWord("VALUES", ahead) || (AtWord("TABLE", ahead) && AtIdentifier(ahead + 1));
  if (!has_query) return false;
  static constexpr std::string_view kFollowing[] = {"UNION", "EXCEPT", "INTERSECT", "MINUS", "ORDER", "LIMIT", "OFFSET", "FETCH"};
  FIRN_ASSERT(closing_.size() == tokens_.size(), "{} of {} tokens", closing_.size(), tokens_.size());
  while (ahead-- > outermost) {
    const Token& after = tokens_[std::min<size_t>(closing_[at_ + ahead] + 1, tokens_.size() - 1)];
    const bool ends = after.kind == TokenKind::kEnd || (after.kind == TokenKind::kSymbol && (after.text == ")" || after.text == ";"));
    const bool goes_on = after.kind == TokenKind::kWord && std::find(std::begin(kFollowing), std::end(kFollowing), after.upper) != std::end(kFollowing);
    if (!ends && !goes_on) return false;
  }
  return true;
}

Result<std::unique_ptr<Query>> Parser::ParseQueryExpression() {
  const Nesting nesting(&depth_);
  FIRN_RETURN_IF_ERROR(CheckNesting());
  const uint32_t begin = Current().span.begin;
  std::vector<CommonTable> with;
  bool is_recursive = false;
  if (TakeWord("WITH")) {
    is_recursive = TakeWord("RECURSIVE");
    do {
      FIRN_TRY(CommonTable table, ParseCommonTable());
      with.push_back(std::move(table));
    } while (TakeSymbol(","));
  }
  FIRN_TRY(std::unique_ptr<Query> query, ParseSetOperation(kUnionPrecedence));
  const bool has_own_tail = query->kind == QueryKind::kNested || !query->order_by.empty() || query->limit || query->offset;
  if (has_own_tail && (AtWord("ORDER") || AtWord("LIMIT") || AtWord("OFFSET") || AtWord("FETCH"))) {
    auto outer = std::make_unique<Query>();
    outer->kind = QueryKind::kNested;
    outer->nested = std::move(query);
    query = std::move(outer);
  }
  FIRN_RETURN_IF_ERROR(ParseOrderAndLimit(query.get()));
  FIRN_ASSERT(query->with.empty() && !query->is_recursive, "a query has {} common tables already", query->with.size());
  query->with = std::move(with);
  query->is_recursive = is_recursive;
  query->span = SpanFrom(begin);
  return query;
}

Result<CommonTable> Parser::ParseCommonTable() {
  CommonTable table;
  FIRN_TRY(table.name, ParseIdentifier("a name for the query"));
  if (AtSymbol("(")) {
    FIRN_TRY(table.columns, ParseIdentifierList("a column"));
  }
  FIRN_RETURN_IF_ERROR(ExpectWord("AS"));
  FIRN_RETURN_IF_ERROR(ExpectSymbol("("));
  FIRN_TRY(table.query, ParseQueryExpression());
  FIRN_RETURN_IF_ERROR(ExpectSymbol(")"));
  return table;
}

Result<std::unique_ptr<Query>> Parser::ParseSetOperation(int min_precedence) {
  const Nesting nesting(&depth_);
  FIRN_RETURN_IF_ERROR(CheckNesting());
  const uint32_t begin = Current().span.begin;
  const int outer_height = std::exchange(height_, 0);
  FIRN_TRY(std::unique_ptr<Query> left, ParseQueryPrimary());
  while (true) {
    const int left_height = std::exchange(height_, 0);
    const bool is_intersect = AtWord("INTERSECT");
    const bool is_union = AtWord("UNION");
    const int precedence = is_intersect ? kIntersectPrecedence : kUnionPrecedence;
    if ((!is_intersect && !is_union && !AtWord("EXCEPT") && !AtWord("MINUS")) || precedence < min_precedence) {
      height_ = std::max(outer_height, left_height);
      return left;
    }
    Advance();
    auto node = std::make_unique<Query>();
    node->kind = QueryKind::kSetOperation;
    node->set_operator = is_intersect ? SetOperator::kIntersect : is_union ? SetOperator::kUnion : SetOperator::kExcept;
    node->is_all = TakeWord("ALL");
    if (!node->is_all) TakeWord("DISTINCT");
    FIRN_TRY(std::unique_ptr<Query> right, ParseSetOperation(precedence + 1));
    FIRN_RETURN_IF_ERROR(Grow(left_height));
    FIRN_ASSERT(left->span.end <= right->span.begin, "a set operation of what ends at {} and what begins at {}", left->span.end, right->span.begin);
    node->left = std::move(left);
    node->right = std::move(right);
    node->span = SpanFrom(begin);
    left = std::move(node);
  }
}

Result<std::unique_ptr<Query>> Parser::ParseQueryPrimary() {
  auto query = std::make_unique<Query>();
  const uint32_t begin = Current().span.begin;
  if (TakeSymbol("(")) {
    query->kind = QueryKind::kNested;
    FIRN_TRY(query->nested, ParseQueryExpression());
    FIRN_RETURN_IF_ERROR(ExpectSymbol(")"));
  } else if (AtWord("SELECT")) {
    query->kind = QueryKind::kSelect;
    FIRN_TRY(query->select, ParseSelect());
  } else if (TakeWord("VALUES")) {
    query->kind = QueryKind::kValues;
    FIRN_TRY(query->values, ParseValuesRows());
  } else if (AtWord("TABLE") && AtIdentifier(1)) {
    Advance();
    query->kind = QueryKind::kTable;
    FIRN_TRY(query->table, ParseObjectName("a table", kAnyNameParts));
  } else {
    return Unexpected("a query (SELECT, VALUES, WITH)");
  }
  query->span = SpanFrom(begin);
  return query;
}

Result<std::vector<std::vector<ExpressionPtr>>> Parser::ParseValuesRows() {
  std::vector<std::vector<ExpressionPtr>> rows;
  do {
    TakeWord("ROW");
    if (TakeSymbol("(")) {
      FIRN_TRY(std::vector<ExpressionPtr> row, ParseValueList(")"));
      if (row.empty()) return Unexpected("an expression");
      rows.push_back(std::move(row));
    } else {
      FIRN_TRY(ExpressionPtr value, ParseValue());
      rows.emplace_back();
      rows.back().push_back(std::move(value));
    }
  } while (TakeSymbol(","));
  return rows;
}

Status Parser::ParseOrderAndLimit(Query* query) {
  if (TakeWords({"ORDER", "BY"})) {
    FIRN_TRY(query->order_by, ParseSortItems());
  }
  bool has_limit = false;
  while (true) {
    if (!has_limit && TakeWord("LIMIT")) {
      has_limit = true;
      if (TakeWord("ALL")) continue;
      FIRN_TRY(query->limit, ParseValue());
    } else if (query->offset == nullptr && TakeWord("OFFSET")) {
      FIRN_TRY(query->offset, ParseValue());
      if (!TakeWord("ROWS")) TakeWord("ROW");
    } else if (!has_limit && TakeWord("FETCH")) {
      has_limit = true;
      if (!TakeWord("FIRST") && !TakeWord("NEXT")) return Unexpected("FIRST or NEXT");
      FIRN_TRY(query->limit, ParseValue());
      if (!TakeWord("ROWS") && !TakeWord("ROW")) return Unexpected("ROWS");
      FIRN_RETURN_IF_ERROR(ExpectWord("ONLY"));
    } else {
      return Ok();
    }
  }
}

Result<std::unique_ptr<Select>> Parser::ParseSelect() {
  auto select = std::make_unique<Select>();
  const uint32_t begin = Current().span.begin;
  FIRN_RETURN_IF_ERROR(ExpectWord("SELECT"));
  FIRN_TRY(select->hints, ParseHints());
  if (TakeWord("DISTINCT")) {
    select->is_distinct = true;
  } else {
    TakeWord("ALL");
  }
  FIRN_RETURN_IF_ERROR(ParseSelectItems(select.get()));
  if (TakeWord("FROM")) {
    FIRN_TRY(select->from, ParseFrom());
    FIRN_RETURN_IF_ERROR(ParseSelectClauses(select.get()));
  } else if (AtWord("WHERE") || AtWord("GROUP") || AtWord("HAVING") || AtWord("WINDOW") || AtWord("QUALIFY")) {
    return Unexpected("FROM or the end of the query").Hint(fmt::format("{} needs rows to work on: SELECT ... FROM t {} ...", Current().upper, Current().upper));
  }
  select->span = SpanFrom(begin);
  return select;
}

Status Parser::ParseSelectItems(Select* select) {
  do {
    SelectItem item;
    FIRN_TRY(item.expression, ParseValue());
    if (TakeWord("AS")) {
      FIRN_TRY(Identifier alias, ParseIdentifier("a name for the column"));
      item.alias = std::move(alias);
    } else if (AtIdentifier()) {
      FIRN_TRY(Identifier alias, ParseIdentifier("a name for the column"));
      item.alias = std::move(alias);
    }
    select->items.push_back(std::move(item));
  } while (TakeSymbol(","));
  return Ok();
}

Status Parser::ParseSelectClauses(Select* select) {
  if (TakeWord("WHERE")) {
    FIRN_TRY(select->where, ParseValue());
  }
  if (TakeWords({"GROUP", "BY"})) {
    select->has_group_by = true;
    do {
      FIRN_TRY(GroupingElement element, ParseGroupingElement());
      select->group_by.push_back(std::move(element));
    } while (TakeSymbol(","));
  }
  if (TakeWord("HAVING")) {
    FIRN_TRY(select->having, ParseValue());
  }
  if (TakeWord("WINDOW")) {
    do {
      NamedWindow window;
      FIRN_TRY(window.name, ParseIdentifier("a window"));
      FIRN_RETURN_IF_ERROR(ExpectWord("AS"));
      FIRN_TRY(std::unique_ptr<WindowSpecification> specification, ParseWindowSpecification());
      window.window = std::move(*specification);
      select->windows.push_back(std::move(window));
    } while (TakeSymbol(","));
  }
  if (TakeWord("QUALIFY")) {
    FIRN_TRY(select->qualify, ParseValue());
  }
  return Ok();
}

Result<GroupingElement> Parser::ParseGroupingElement() {
  const Nesting nesting(&depth_);
  FIRN_RETURN_IF_ERROR(CheckNesting());
  GroupingElement element;
  const uint32_t begin = Current().span.begin;
  if (TakeWords({"GROUPING", "SETS"})) {
    element.kind = GroupingKind::kSets;
  } else if (AtWord("ROLLUP") && AtSymbol("(", 1)) {
    Advance();
    element.kind = GroupingKind::kRollup;
  } else if (AtWord("CUBE") && AtSymbol("(", 1)) {
    Advance();
    element.kind = GroupingKind::kCube;
  }
  if (element.kind != GroupingKind::kExpression) {
    FIRN_RETURN_IF_ERROR(ExpectSymbol("("));
    do {
      FIRN_TRY(GroupingElement member, ParseGroupingElement());
      element.elements.push_back(std::move(member));
    } while (TakeSymbol(","));
    FIRN_RETURN_IF_ERROR(ExpectSymbol(")"));
  } else if (AtGroupingSet()) {
    Advance();
    FIRN_TRY(element.expressions, ParseValueList(")"));
  } else {
    FIRN_TRY(ExpressionPtr expression, ParseValue());
    element.expressions.push_back(std::move(expression));
  }
  element.span = SpanFrom(begin);
  return element;
}

// () and (a, b) are sets; (a) + 1 and (a) IS NULL are expressions, which only what follows the parenthesis tells.
bool Parser::AtGroupingSet() const {
  if (!AtSymbol("(") || AtQuery(1)) return false;
  const Token& after = tokens_[std::min<size_t>(closing_[at_] + 1, tokens_.size() - 1)];
  static constexpr std::string_view kOperators[] = {"AND", "OR", "IS", "IN", "NOT", "BETWEEN", "LIKE", "SIMILAR", "OVERLAPS", "AT"};
  if (after.kind == TokenKind::kWord) return std::find(std::begin(kOperators), std::end(kOperators), after.upper) == std::end(kOperators);
  return after.kind != TokenKind::kSymbol || after.text == "," || after.text == ")" || after.text == ";";
}

// t JOIN u, v JOIN w: a comma binds looser than JOIN. UNNEST behind a comma takes apart what stands before it.
Result<TableExpressionPtr> Parser::ParseFrom() {
  const Nesting nesting(&depth_);
  FIRN_RETURN_IF_ERROR(CheckNesting());
  const int outer_height = std::exchange(height_, 0);
  FIRN_TRY(TableExpressionPtr left, ParseTablePrimary());
  FIRN_TRY(left, ParseJoins(std::move(left)));
  while (TakeSymbol(",")) {
    const int left_height = std::exchange(height_, 0);
    const bool reads_left = AtWord("UNNEST") || AtWord("LATERAL");
    auto both = std::make_unique<TableExpression>();
    both->kind = TableKind::kJoin;
    both->join = JoinType::kCross;
    FIRN_TRY(both->right, ParseTablePrimary());
    if (!reads_left) {
      FIRN_TRY(both->right, ParseJoins(std::move(both->right)));
    }
    FIRN_ASSERT(left->span.end <= both->right->span.begin, "a join of what ends at {} and what begins at {}", left->span.end, both->right->span.begin);
    both->span = SpanFrom(left->span.begin);
    both->left = std::move(left);
    left = std::move(both);
    FIRN_RETURN_IF_ERROR(Grow(left_height));
    if (reads_left) {
      FIRN_TRY(left, ParseJoins(std::move(left)));
    }
  }
  height_ = std::max(outer_height, height_);
  return left;
}

// `left`, whose height is height_, and what is joined to it.
Result<TableExpressionPtr> Parser::ParseJoins(TableExpressionPtr left) {
  while (true) {
    const int left_height = std::exchange(height_, 0);
    bool has_join = false;
    FIRN_TRY(left, ParseJoinTail(std::move(left), &has_join));
    if (!has_join) {
      height_ = left_height;
      return left;
    }
    FIRN_RETURN_IF_ERROR(Grow(left_height));
  }
}

Result<TableExpressionPtr> Parser::ParseJoinTail(TableExpressionPtr left, bool* has_join) {
  auto join = std::make_unique<TableExpression>();
  join->kind = TableKind::kJoin;
  const uint32_t begin = left->span.begin;
  *has_join = true;
  join->is_natural = TakeWord("NATURAL");
  const bool needs_condition = !AtWord("CROSS") && !join->is_natural;
  if (TakeWords({"CROSS", "JOIN"})) {
    join->join = JoinType::kCross;
  } else if (AtWord("JOIN") || AtWords({"INNER", "JOIN"})) {
    TakeWord("INNER");
    Advance();
  } else if (AtWord("LEFT") || AtWord("RIGHT") || AtWord("FULL")) {
    join->join = AtWord("LEFT") ? JoinType::kLeft : AtWord("RIGHT") ? JoinType::kRight : JoinType::kFull;
    Advance();
    if (AtWord("SEMI") || AtWord("ANTI")) return Unsupported(Current().span, "SEMI and ANTI are not written as joins", "use IN, EXISTS or NOT EXISTS");
    TakeWord("OUTER");
    FIRN_RETURN_IF_ERROR(ExpectWord("JOIN"));
  } else {
    if (join->is_natural) return Unexpected("JOIN");
    *has_join = false;
    return left;
  }
  FIRN_TRY(join->right, ParseTablePrimary());
  join->left = std::move(left);
  if (needs_condition) {
    if (TakeWord("ON")) {
      FIRN_TRY(join->on, ParseValue());
    } else if (TakeWord("USING")) {
      FIRN_TRY(join->using_columns, ParseIdentifierList("a column"));
    } else {
      return Unexpected("ON or USING");
    }
  }
  join->span = SpanFrom(begin);
  return join;
}

Result<TableExpressionPtr> Parser::ParseTablePrimary() {
  const uint32_t begin = Current().span.begin;
  auto table = std::make_unique<TableExpression>();
  const bool is_lateral = TakeWord("LATERAL");
  if (AtWord("UNNEST") && AtSymbol("(", 1)) {
    Advance();
    Advance();
    table->kind = TableKind::kUnnest;
    FIRN_TRY(table->function, ParseValue());
    FIRN_RETURN_IF_ERROR(ExpectSymbol(")"));
    table->with_ordinality = TakeWords({"WITH", "ORDINALITY"});
  } else if (AtWord("TABLE") && AtSymbol("(", 1)) {
    Advance();
    Advance();
    table->kind = TableKind::kFunction;
    if (!AtIdentifier() || !AtSymbol("(", 1)) return Unexpected("a table function, such as TUMBLE(...)");
    FIRN_TRY(table->function, ParseCall());
    FIRN_RETURN_IF_ERROR(ExpectSymbol(")"));
  } else if (TakeSymbol("(")) {
    if (AtQuery()) {
      table->kind = TableKind::kQuery;
      FIRN_TRY(table->query, ParseQueryExpression());
    } else {
      FIRN_TRY(table, ParseFrom());
    }
    FIRN_RETURN_IF_ERROR(ExpectSymbol(")"));
  } else if (AtIdentifier() && AtSymbol("(", 1)) {
    table->kind = TableKind::kFunction;
    FIRN_TRY(table->function, ParseCall());
  } else {
    FIRN_TRY(table, ParseNamedTable());
  }
  table->is_lateral = is_lateral;
  table->span = SpanFrom(begin);
  FIRN_RETURN_IF_ERROR(ParseAlias(table.get()));
  table->span = SpanFrom(begin);
  if (AtWord("TABLESAMPLE")) return Unsupported(Current().span, "TABLESAMPLE is not supported", "WHERE RAND() < 0.1 keeps a tenth of the rows");
  if (AtWord("MATCH_RECOGNIZE")) return Unsupported(Current().span, "MATCH_RECOGNIZE is not supported", "rows of a key that follow each other within a gap are a window: FROM TABLE(SESSION(TABLE t PARTITION BY k, DESCRIPTOR(ts), INTERVAL '1' MINUTE))");
  return table;
}

Result<TableExpressionPtr> Parser::ParseNamedTable() {
  auto table = std::make_unique<TableExpression>();
  table->kind = TableKind::kNamed;
  FIRN_TRY(table->name, ParseObjectName("a table", kAnyNameParts));
  FIRN_TRY(table->hints, ParseHints());
  FIRN_RETURN_IF_ERROR(ParseTimeTravel(table.get()));
  return table;
}

// FOR SYSTEM_TIME AS OF t, [FOR] TIMESTAMP AS OF t, [FOR [SYSTEM_]]VERSION AS OF v
Status Parser::ParseTimeTravel(TableExpression* table) {
  if (TakeWords({"FOR", "SYSTEM_TIME", "AS", "OF"})) {
    table->time_travel = TimeTravelKind::kSystemTime;
  } else if (TakeWords({"TIMESTAMP", "AS", "OF"}) || TakeWords({"FOR", "TIMESTAMP", "AS", "OF"})) {
    table->time_travel = TimeTravelKind::kTimestamp;
  } else if (TakeWords({"VERSION", "AS", "OF"}) || TakeWords({"FOR", "VERSION", "AS", "OF"}) || TakeWords({"FOR", "SYSTEM_VERSION", "AS", "OF"})) {
    table->time_travel = TimeTravelKind::kVersion;
  } else {
    return Ok();
  }
  FIRN_TRY(table->time_travel_point, ParseValue());
  return Ok();
}

Status Parser::ParseAlias(TableExpression* table) {
  if (TakeWord("AS")) {
    FIRN_TRY(Identifier alias, ParseIdentifier("a name for the table"));
    table->alias = std::move(alias);
  } else if (AtIdentifier()) {
    FIRN_TRY(Identifier alias, ParseIdentifier("a name for the table"));
    table->alias = std::move(alias);
  }
  if (table->alias && AtSymbol("(")) {
    FIRN_TRY(table->column_aliases, ParseIdentifierList("a column"));
  }
  if (AtSymbol("/*+") && table->kind == TableKind::kNamed && table->hints.empty()) {
    FIRN_TRY(table->hints, ParseHints());
  }
  return Ok();
}

}  // namespace firn::sql
