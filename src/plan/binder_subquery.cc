// SPDX-License-Identifier: Apache-2.0
// Sub-queries as joins: EXISTS and IN become semi joins, their negations anti joins, a scalar sub-query a left join with at most one row. A correlated scalar
// sub-query is grouped by what it equates to the enclosing query's columns, and joined by that. EXISTS as a value is a scalar sub-query, too: an aggregate that
// is NULL of no rows and never changes while there are some.
#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"
#include "plan/binder_internal.h"
#include "plan/changelog.h"
#include "plan/join_condition.h"

namespace firn::plan {

using expr::ExpressionPtr;

namespace {

/// A conjunct of the sub-query over the join's columns: its own move behind the left side's, those of the outer query are the left side's.
ExpressionPtr OverJoin(const ExpressionPtr& conjunct, int left_count) {
  return Replaced(conjunct, [&](const ExpressionPtr& node) -> ExpressionPtr {
    if (node->kind != expr::ExpressionKind::kColumn) return nullptr;
    const int index = node->index >= kOuterColumns ? node->index - kOuterColumns : node->index + left_count;
    return expr::MakeColumn(index, node->name, node->type, node->span);
  });
}

/// The values that IN compares: those of a row, or the one.
std::vector<const sql::Expression*> ValuesOf(const sql::Expression& value) {
  if (value.kind != sql::ExpressionKind::kCall || value.text != "ROW") return {&value};
  std::vector<const sql::Expression*> values;
  for (const sql::ExpressionPtr& argument : value.arguments) values.push_back(argument.get());
  return values;
}

/// The relation's only row: fails when it has several.
Result<LogicalNodePtr> SingleRow(const LogicalNodePtr& node, base::SourceSpan span, const expr::EvaluationContext& evaluation) {
  FIRN_TRY(expr::AggregateCall call, BuiltInAggregate("SINGLE_VALUE", {node->fields[0].type}, span, evaluation));
  call.signature.result = call.signature.result.WithNullable(true);
  call.arguments = {0};
  call.name = node->fields[0].name;
  LogicalAggregate aggregate;
  aggregate.calls.push_back(std::move(call));
  return MakeAggregate(node, std::move(aggregate), {}, span);
}

/// An expression over kOuterColumns over the outer query's own.
ExpressionPtr InOuter(const ExpressionPtr& expression) {
  return Replaced(expression, [](const ExpressionPtr& node) -> ExpressionPtr {
    if (node->kind != expr::ExpressionKind::kColumn) return nullptr;
    return expr::MakeColumn(node->index - kOuterColumns, node->name, node->type, node->span);
  });
}

bool ReadsOuter(const expr::Expression& expression, bool is_outer) {
  const std::vector<int> columns = expr::ColumnsOf(expression);
  return !columns.empty() && std::all_of(columns.begin(), columns.end(), [&](int column) { return (column >= kOuterColumns) == is_outer; });
}

}  // namespace

Result<std::vector<CorrelationTie>> TiesOf(const std::vector<ExpressionPtr>& correlated) {
  std::vector<CorrelationTie> ties;
  for (const ExpressionPtr& conjunct : correlated) {
    const bool is_call = conjunct->kind == expr::ExpressionKind::kCall && conjunct->arguments.size() == 2;
    const std::string_view name = is_call ? conjunct->function->names.front() : "";
    bool is_tied = false;
    for (const int outer : {0, 1}) {
      if (is_tied || (name != "=" && name != "IS NOT DISTINCT FROM")) break;
      const ExpressionPtr& outside = conjunct->arguments[outer];
      const ExpressionPtr& inside = conjunct->arguments[1 - outer];
      is_tied = ReadsOuter(*outside, true) && ReadsOuter(*inside, false);
      if (is_tied) ties.push_back({std::string(name), InOuter(outside), inside});
    }
    if (is_tied) continue;
    return NotBuilt("a sub-query used as a value that is tied to the enclosing query by something else than an equality", conjunct->span,
                    "inner = outer, each side with columns of its own query; else join the tables and GROUP BY");
  }
  return ties;
}

namespace {

/// The relation with `value` as its last column.
LogicalNodePtr WithColumn(const LogicalNodePtr& node, const ExpressionPtr& value) {
  std::vector<ExpressionPtr> outputs = AllColumns(node->fields);
  std::vector<std::string> names = NamesOf(node->fields);
  outputs.push_back(value);
  names.emplace_back("$in");
  return MakeProject(node, std::move(outputs), names);
}

bool IsKey(const ExpressionPtr& side) { return !expr::ColumnsOf(*side).empty() && expr::IsDeterministic(*side); }

/// NOT IN must tell unknown from false, which joins do of their keys only: both sides become what = makes of them, each a column where it is none. Timestamps of
/// nanoseconds and of microseconds, which no type holds both of, are equal if they are to the microsecond and neither has more: two keys.
Status MakeKeys(std::vector<ExpressionPtr>& values, LogicalNodePtr& left, std::vector<ExpressionPtr>& items, LogicalNodePtr& right, QueryBinder& binder) {
  FIRN_ASSERT(values.size() == 1 && items.size() == 1, "NOT IN looks for {} values among {}", values.size(), items.size());
  auto equal = expr::BindCall("=", {values[0], items[0]}, values[0]->span, binder.evaluation());
  if (!equal.ok()) return Ok();  // refused where the condition is bound
  FIRN_ASSERT((*equal)->arguments.size() == 2, "= of {} values", (*equal)->arguments.size());
  const ExpressionPtr value = (*equal)->arguments[0], item = (*equal)->arguments[1];
  const bool are_decimals = value->type.kind() == types::TypeKind::kDecimal && item->type.kind() == types::TypeKind::kDecimal;  // of any two
  const bool are_timestamps = value->type.IsTimestamp() && value->type.kind() == item->type.kind();
  if (!are_decimals && !are_timestamps && !value->type.EqualsIgnoringNullability(item->type)) {
    return Error(ErrorCode::kTypeMismatch, fmt::format("NOT IN looks for {} among {}", value->type.WithNullable(true).ToString(), item->type.WithNullable(true).ToString())).At(value->span).Hint("an explicit CAST makes them of one type");
  }
  const bool is_split = are_timestamps && !value->type.EqualsIgnoringNullability(item->type);
  const auto make = [&](ExpressionPtr side, LogicalNodePtr& node) -> Result<std::vector<ExpressionPtr>> {
    if (!IsKey(side)) {
      node = WithColumn(node, side);
      side = ColumnOf(node->fields, static_cast<int>(node->fields.size()) - 1);
    }
    if (!is_split) return std::vector<ExpressionPtr>{side};
    const types::DataType micros = side->type.kind() == types::TypeKind::kTimestamp ? types::DataType::Timestamp(6) : types::DataType::TimestampLtz(6);
    FIRN_TRY(ExpressionPtr until_micros, CastTo(side, micros.WithNullable(side->type.nullable()), binder));
    FIRN_TRY(ExpressionPtr has_more, expr::BindCall("<>", {side, until_micros}, side->span, binder.evaluation()));
    return std::vector<ExpressionPtr>{std::move(until_micros), std::move(has_more)};
  };
  FIRN_TRY(values, make(value, left));
  FIRN_TRY(items, make(item, right));
  return Ok();
}

}  // namespace

Status QueryBinder::ApplyMatch(Relation& relation, const sql::Expression& expression, bool is_negated, SelectState& select) {
  const base::SourceSpan span = Span(expression.span);
  FIRN_TRY(MatchedQuery matched, BindMatched(*expression.query, relation.scope));
  LogicalJoin join;
  join.kind = is_negated ? JoinKind::kAnti : JoinKind::kSemi;
  join.left_ttl_ms = join.right_ttl_ms = session_.config.state_ttl_ms;
  std::vector<ExpressionPtr> values;
  if (expression.kind == sql::ExpressionKind::kIn) {
    ExpressionBinder binder(*this, relation.scope, &select, ExpressionPlace{.clause = "WHERE", .attaches_subqueries = true});
    for (const sql::Expression* value : ValuesOf(*expression.arguments[0])) {
      FIRN_TRY(ExpressionPtr bound, binder.Bind(*value));
      values.push_back(std::move(bound));
    }
    if (values.size() != matched.items.size()) {
      return Error(ErrorCode::kTypeMismatch, fmt::format("IN compares {} value{} with {} column{}", values.size(), values.size() == 1 ? "" : "s",
                                                         matched.items.size(), matched.items.size() == 1 ? "" : "s"))
          .At(span)
          .Hint("let the sub-query select one column for each value");
    }
  }
  bool may_be_null = false;
  for (size_t i = 0; i < values.size(); ++i) may_be_null |= values[i]->type.nullable() || matched.items[i]->type.nullable();
  if (is_negated && may_be_null) {
    if (values.size() > 1 || !matched.correlated.empty()) {
      return NotBuilt("NOT IN over nullable columns with several values or a correlated sub-query", span,
                      "NOT EXISTS (SELECT 1 FROM ... WHERE a = b), or make the columns NOT NULL");
    }
    join.is_null_aware_anti = true;
    FIRN_RETURN_IF_ERROR(MakeKeys(values, relation.node, matched.items, matched.relation.node, *this));
  }
  FIRN_ASSERT(values.empty() || values.size() == matched.items.size(), "{} values are looked for among {}", values.size(), matched.items.size());
  const int left_count = static_cast<int>(relation.node->fields.size());
  std::vector<ExpressionPtr> conjuncts;
  for (size_t i = 0; i < values.size(); ++i) {
    FIRN_TRY(ExpressionPtr equal, expr::BindCall("=", {values[i], OverJoin(matched.items[i], left_count)}, span, evaluation()));
    conjuncts.push_back(std::move(equal));
  }
  for (const ExpressionPtr& correlated : matched.correlated) conjuncts.push_back(OverJoin(correlated, left_count));
  join.condition = Conjunction(conjuncts);
  relation.node = MakeJoin(relation.node, matched.relation.node, std::move(join), span);
  return Ok();
}

Result<ScalarQuery> QueryBinder::BindScalarQuery(const sql::Query& query, const Scope& outer, base::SourceSpan span) {
  ScalarQuery bound;
  if (query.kind == sql::QueryKind::kSelect && query.with.empty()) {
    FIRN_TRY(bound, BindScalarSelect(*this, query, outer));
  } else {
    FIRN_TRY(Relation relation, BindQuery(query, &outer));
    bound.node = std::move(relation.node);
  }
  if (!bound.ties.empty()) return bound;
  if (bound.node->fields.size() != 1) {
    return Error(ErrorCode::kTypeMismatch, fmt::format("a sub-query used as a value has {} columns", bound.node->fields.size())).At(span).Hint("select one column");
  }
  if (!HasAtMostOneRow(*bound.node)) {
    FIRN_TRY(bound.node, SingleRow(bound.node, span, evaluation()));
  }
  return bound;
}

Result<LogicalNodePtr> AnyRow(const LogicalNodePtr& node, base::SourceSpan span, const expr::EvaluationContext& evaluation) {
  FIRN_TRY(expr::AggregateCall call, BuiltInAggregate("MIN", {types::DataType::Int().NotNull()}, span, evaluation));
  call.signature.result = call.signature.result.WithNullable(true);
  call.arguments = {0};
  call.name = "$row";
  LogicalAggregate aggregate;
  aggregate.calls.push_back(std::move(call));
  return MakeAggregate(MakeProject(node, {expr::MakeIntLiteral(1)}, {"$one"}), std::move(aggregate), {}, span);
}

Result<ScalarQuery> QueryBinder::BindHasRow(const sql::Query& query, const Scope& outer, base::SourceSpan span) {
  if (query.kind == sql::QueryKind::kSelect && query.with.empty()) return BindHasRowSelect(*this, query, outer);
  FIRN_TRY(const Relation relation, BindQuery(query, &outer));
  ScalarQuery bound;
  FIRN_TRY(bound.node, AnyRow(relation.node, span, evaluation()));
  return bound;
}

Result<ExpressionPtr> QueryBinder::AttachCorrelated(Relation& relation, ScalarQuery query, base::SourceSpan span) {
  FIRN_ASSERT(!query.ties.empty() && query.value != nullptr && query.ties.size() <= query.node->fields.size(), "{} ties, {} columns", query.ties.size(), query.node->fields.size());
  const int left_count = static_cast<int>(relation.node->fields.size());
  std::vector<ExpressionPtr> conjuncts;
  for (size_t i = 0; i < query.ties.size(); ++i) {
    const types::Field& key = query.node->fields[i];
    ExpressionPtr column = expr::MakeColumn(left_count + static_cast<int>(i), key.name, key.type, span);
    FIRN_TRY(ExpressionPtr tied, expr::BindCall(query.ties[i].comparison, {query.ties[i].outer, std::move(column)}, span, evaluation()));
    conjuncts.push_back(std::move(tied));
  }
  LogicalJoin join;
  join.kind = JoinKind::kLeft;
  join.condition = Conjunction(conjuncts);
  join.left_ttl_ms = join.right_ttl_ms = session_.config.state_ttl_ms;
  relation.node = MakeJoin(relation.node, query.node, std::move(join), span);
  return Shifted(query.value, left_count);
}

}  // namespace firn::plan
