// SPDX-License-Identifier: Apache-2.0
// Sub-queries as joins: EXISTS and IN become semi joins, their negations anti joins, a scalar sub-query a left join with at most one row.
#include <fmt/format.h>

#include <algorithm>

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
          .At(span);
    }
  }
  const int left_count = static_cast<int>(relation.node->fields.size());
  std::vector<ExpressionPtr> conjuncts;
  bool may_be_null = false;
  for (size_t i = 0; i < values.size(); ++i) {
    may_be_null |= values[i]->type.nullable() || matched.items[i]->type.nullable();
    FIRN_TRY(ExpressionPtr equal, expr::BindCall("=", {values[i], OverJoin(matched.items[i], left_count)}, span, evaluation()));
    conjuncts.push_back(std::move(equal));
  }
  if (is_negated && may_be_null) {
    if (values.size() > 1 || !matched.correlated.empty()) {
      return NotBuilt("NOT IN over nullable columns with several values or a correlated sub-query", span,
                      "NOT EXISTS (SELECT 1 FROM ... WHERE a = b), or make the columns NOT NULL");
    }
    join.is_null_aware_anti = true;
  }
  for (const ExpressionPtr& correlated : matched.correlated) conjuncts.push_back(OverJoin(correlated, left_count));
  join.condition = Conjunction(conjuncts);
  relation.node = MakeJoin(relation.node, matched.relation.node, std::move(join), span);
  return Ok();
}

Result<LogicalNodePtr> QueryBinder::BindScalarQuery(const sql::Query& query, const Scope& outer, base::SourceSpan span) {
  FIRN_TRY(Relation relation, BindQuery(query, &outer));
  if (relation.node->fields.size() != 1) {
    return Error(ErrorCode::kTypeMismatch, fmt::format("a sub-query used as a value has {} columns", relation.node->fields.size())).At(span).Hint("select one column");
  }
  if (HasAtMostOneRow(*relation.node)) return relation.node;
  const expr::AggregateFunction* single = expr::FindAggregate("SINGLE_VALUE");
  if (single == nullptr) {
    return NotBuilt("a sub-query used as a value that may have several rows", span, "aggregate it (MAX, FIRST_VALUE) or add LIMIT 1");
  }
  expr::CallSite site;
  site.types = {relation.node->fields[0].type};
  site.literals = {nullptr};
  site.name = "SINGLE_VALUE";
  site.span = span;
  site.context = &evaluation();
  expr::AggregateCall call;
  call.function = single;
  FIRN_TRY(call.signature, single->bind(site));
  call.signature.result = call.signature.result.WithNullable(true);
  call.arguments = {0};
  call.name = relation.node->fields[0].name;
  LogicalAggregate aggregate;
  aggregate.calls.push_back(std::move(call));
  return MakeAggregate(relation.node, std::move(aggregate), {}, span);
}

}  // namespace firn::plan
