// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "sql/parser_internal.h"

namespace firn::sql {

namespace {
constexpr int kUnionPrecedence = 1;      // UNION and EXCEPT, left to right
constexpr int kIntersectPrecedence = 2;  // INTERSECT binds tighter
}  // namespace

// Whether a query begins here; looks through opening parentheses.
bool Parser::AtQuery(size_t ahead) const {
  while (AtSymbol("(", ahead)) ++ahead;
  return AtWord("SELECT", ahead) || AtWord("WITH", ahead) || AtWord("VALUES", ahead) ||
         (AtWord("TABLE", ahead) && AtIdentifier(ahead + 1));
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
      CommonTable table;
      FIRN_TRY(table.name, ParseIdentifier("a name for the query"));
      if (AtSymbol("(")) {
        FIRN_TRY(table.columns, ParseIdentifierList("a column"));
      }
      FIRN_RETURN_IF_ERROR(ExpectWord("AS"));
      FIRN_RETURN_IF_ERROR(ExpectSymbol("("));
      FIRN_TRY(table.query, ParseQueryExpression());
      FIRN_RETURN_IF_ERROR(ExpectSymbol(")"));
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
  query->with = std::move(with);
  query->is_recursive = is_recursive;
  query->span = SpanFrom(begin);
  return query;
}

Result<std::unique_ptr<Query>> Parser::ParseSetOperation(int min_precedence) {
  const Nesting nesting(&depth_);
  FIRN_RETURN_IF_ERROR(CheckNesting());
  const uint32_t begin = Current().span.begin;
  FIRN_TRY(std::unique_ptr<Query> left, ParseQueryPrimary());
  for (int chain = 0;; ++chain) {
    if (chain > kMaxChain) return Error(ErrorCode::kLimitExceeded, fmt::format("more than {} set operations stand in one row", kMaxChain)).At(Current().span);
    const bool is_intersect = AtWord("INTERSECT");
    const bool is_union = AtWord("UNION");
    if (!is_intersect && !is_union && !AtWord("EXCEPT") && !AtWord("MINUS")) return left;
    const int precedence = is_intersect ? kIntersectPrecedence : kUnionPrecedence;
    if (precedence < min_precedence) return left;
    Advance();
    auto node = std::make_unique<Query>();
    node->kind = QueryKind::kSetOperation;
    node->set_operator = is_intersect ? SetOperator::kIntersect : is_union ? SetOperator::kUnion : SetOperator::kExcept;
    node->is_all = TakeWord("ALL");
    if (!node->is_all) TakeWord("DISTINCT");
    FIRN_TRY(std::unique_ptr<Query> right, ParseSetOperation(precedence + 1));
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
    FIRN_TRY(query->table, ParseObjectName("a table"));
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
  while (true) {
    if (TakeWord("LIMIT")) {
      if (TakeWord("ALL")) continue;
      FIRN_TRY(query->limit, ParseValue());
    } else if (TakeWord("OFFSET")) {
      FIRN_TRY(query->offset, ParseValue());
      if (!TakeWord("ROWS")) TakeWord("ROW");
    } else if (TakeWord("FETCH")) {
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
  } else if (AtSymbol("(") && !AtQuery(1)) {
    // () and (a, b) are sets; (a) + 1 is an expression, which only its continuation tells.
    const size_t start = at_;
    Advance();
    FIRN_TRY(element.expressions, ParseValueList(")"));
    const bool goes_on = !AtSymbol(",") && !AtSymbol(")") && !AtSymbol(";") && !AtEnd() && Current().kind == TokenKind::kSymbol;
    if (goes_on) {
      at_ = start;
      element.expressions.clear();
      FIRN_TRY(ExpressionPtr expression, ParseValue());
      element.expressions.push_back(std::move(expression));
    }
  } else {
    FIRN_TRY(ExpressionPtr expression, ParseValue());
    element.expressions.push_back(std::move(expression));
  }
  element.span = SpanFrom(begin);
  return element;
}

Result<TableExpressionPtr> Parser::ParseFrom() {
  const Nesting nesting(&depth_);
  FIRN_RETURN_IF_ERROR(CheckNesting());
  FIRN_TRY(TableExpressionPtr left, ParseTablePrimary());
  while (true) {
    bool has_join = false;
    FIRN_TRY(left, ParseJoinTail(std::move(left), &has_join));
    if (!has_join) return left;
  }
}

Result<TableExpressionPtr> Parser::ParseJoinTail(TableExpressionPtr left, bool* has_join) {
  auto join = std::make_unique<TableExpression>();
  join->kind = TableKind::kJoin;
  const uint32_t begin = left->span.begin;
  *has_join = true;
  bool needs_condition = true;
  if (TakeSymbol(",")) {
    join->join = JoinType::kCross;
    needs_condition = false;
  } else {
    join->is_natural = TakeWord("NATURAL");
    if (TakeWords({"CROSS", "JOIN"})) {
      join->join = JoinType::kCross;
      needs_condition = false;
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
  }
  FIRN_TRY(join->right, ParseTablePrimary());
  join->left = std::move(left);
  if (needs_condition && !join->is_natural) {
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
  if (AtWord("MATCH_RECOGNIZE")) return Unsupported(Current().span, "MATCH_RECOGNIZE is not supported");
  return table;
}

Result<TableExpressionPtr> Parser::ParseNamedTable() {
  auto table = std::make_unique<TableExpression>();
  table->kind = TableKind::kNamed;
  FIRN_TRY(table->name, ParseObjectName("a table"));
  FIRN_TRY(table->hints, ParseHints());
  FIRN_RETURN_IF_ERROR(ParseTimeTravel(table.get()));
  return table;
}

// FOR SYSTEM_TIME AS OF t, TIMESTAMP AS OF t, [FOR SYSTEM_]VERSION AS OF v
Status Parser::ParseTimeTravel(TableExpression* table) {
  if (TakeWords({"FOR", "SYSTEM_TIME", "AS", "OF"})) {
    table->time_travel = TimeTravelKind::kSystemTime;
  } else if (TakeWords({"TIMESTAMP", "AS", "OF"})) {
    table->time_travel = TimeTravelKind::kTimestamp;
  } else if (TakeWords({"VERSION", "AS", "OF"}) || TakeWords({"FOR", "SYSTEM_VERSION", "AS", "OF"})) {
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
  } else if (AtIdentifier() && !AtWord("VERSION")) {
    FIRN_TRY(Identifier alias, ParseIdentifier("a name for the table"));
    table->alias = std::move(alias);
  }
  if (table->alias && AtSymbol("(")) {
    FIRN_TRY(table->column_aliases, ParseIdentifierList("a column"));
  }
  if (Current().kind == TokenKind::kHint && table->kind == TableKind::kNamed && table->hints.empty()) {
    FIRN_TRY(table->hints, ParseHints());
  }
  return Ok();
}

}  // namespace firn::sql
