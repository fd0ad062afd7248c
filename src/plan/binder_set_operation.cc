// SPDX-License-Identifier: Apache-2.0
// UNION, INTERSECT and EXCEPT:
//
//   UNION ALL              union
//   UNION                  union -> GROUP BY all columns
//   INTERSECT, EXCEPT      left GROUP BY all columns -> semi or anti join with the right by all columns
//   INTERSECT ALL          union of both, marked -> GROUP BY all columns, rows of each side counted -> each row LEAST(l, r) times
//   EXCEPT ALL             the same, each row l - r times
#include <fmt/format.h>

#include "base/assert.h"
#include "plan/binder_internal.h"
#include "plan/join_condition.h"

namespace firn::plan {

using expr::ExpressionPtr;
using types::DataType;
using types::Field;

namespace {

const char* SetOperatorName(const sql::Query& query) {
  switch (query.set_operator) {
    case sql::SetOperator::kUnion: return query.is_all ? "UNION ALL" : "UNION";
    case sql::SetOperator::kExcept: return query.is_all ? "EXCEPT ALL" : "EXCEPT";
    case sql::SetOperator::kIntersect: return query.is_all ? "INTERSECT ALL" : "INTERSECT";
  }
  FIRN_UNREACHABLE("set operator");
}

/// The relation's columns cast to `fields`, under their names.
Result<LogicalNodePtr> Aligned(const LogicalNodePtr& node, const std::vector<Field>& fields, QueryBinder& binder) {
  std::vector<ExpressionPtr> outputs;
  bool changed = false;
  for (size_t i = 0; i < fields.size(); ++i) {
    const ExpressionPtr column = ColumnOf(node->fields, static_cast<int>(i));
    const bool is_equal = column->type.EqualsIgnoringNullability(fields[i].type);
    if (is_equal) {
      outputs.push_back(column);
    } else {
      FIRN_TRY(ExpressionPtr cast, CastTo(column, fields[i].type.WithNullable(column->type.nullable()), binder));
      outputs.push_back(std::move(cast));
    }
    changed |= !is_equal || node->fields[i].name != fields[i].name;
  }
  return changed ? MakeProject(node, std::move(outputs), NamesOf(fields)) : node;
}

std::vector<int> AllKeys(size_t count) {
  std::vector<int> keys(count);
  for (size_t i = 0; i < count; ++i) keys[i] = static_cast<int>(i);
  return keys;
}

LogicalNodePtr Distinct(LogicalNodePtr node, int64_t ttl_ms, base::SourceSpan span) {
  LogicalAggregate aggregate;
  aggregate.keys = AllKeys(node->fields.size());
  aggregate.state_ttl_ms = ttl_ms;
  return MakeAggregate(std::move(node), std::move(aggregate), {}, span);
}

/// INTERSECT, EXCEPT.
Result<LogicalNodePtr> Matched(const LogicalNodePtr& left, const LogicalNodePtr& right, const sql::Query& query, QueryBinder& binder) {
  const base::SourceSpan span = binder.Span(query.span);
  const int64_t ttl_ms = binder.session().config.state_ttl_ms;
  LogicalJoin join;
  join.kind = query.set_operator == sql::SetOperator::kExcept ? JoinKind::kAnti : JoinKind::kSemi;
  join.left_ttl_ms = join.right_ttl_ms = ttl_ms;
  std::vector<ExpressionPtr> conjuncts;
  const int count = static_cast<int>(left->fields.size());
  for (int column = 0; column < count; ++column) {
    ExpressionPtr other = expr::MakeColumn(column + count, right->fields[column].name, right->fields[column].type);
    FIRN_TRY(ExpressionPtr equal, expr::BindCall("IS NOT DISTINCT FROM", {ColumnOf(left->fields, column), std::move(other)}, span, binder.evaluation()));
    conjuncts.push_back(std::move(equal));
  }
  join.condition = Conjunction(conjuncts);
  return MakeJoin(Distinct(left, ttl_ms, span), right, std::move(join), span);
}

/// The relation's columns, then whether its rows are those of the left side, then whether of the right.
LogicalNodePtr Marked(const LogicalNodePtr& node, bool is_left) {
  std::vector<ExpressionPtr> outputs = AllColumns(node->fields);
  std::vector<std::string> names = NamesOf(node->fields);
  outputs.push_back(expr::MakeBooleanLiteral(is_left));
  outputs.push_back(expr::MakeBooleanLiteral(!is_left));
  names.insert(names.end(), {"$is_left", "$is_right"});
  return MakeProject(node, std::move(outputs), names);
}

/// INTERSECT ALL, EXCEPT ALL.
Result<LogicalNodePtr> Counted(const LogicalNodePtr& left, const LogicalNodePtr& right, const sql::Query& query, QueryBinder& binder) {
  const base::SourceSpan span = binder.Span(query.span);
  const size_t count = left->fields.size();
  LogicalAggregate aggregate;
  aggregate.keys = AllKeys(count);
  aggregate.state_ttl_ms = binder.session().config.state_ttl_ms;
  for (const auto& [filter, name] : {std::pair(count, "$left_count"), std::pair(count + 1, "$right_count")}) {
    FIRN_TRY(expr::AggregateCall call, BuiltInAggregate("COUNT", {}, span, binder.evaluation()));
    call.filter = static_cast<int>(filter);
    call.name = name;
    aggregate.calls.push_back(std::move(call));
  }
  LogicalNodePtr counted = MakeAggregate(MakeUnion({Marked(left, true), Marked(right, false)}), std::move(aggregate), {}, span);
  const ExpressionPtr left_count = ColumnOf(counted->fields, static_cast<int>(count));
  const ExpressionPtr right_count = ColumnOf(counted->fields, static_cast<int>(count) + 1);
  UnnestNode repeated;
  repeated.passed = AllKeys(count);
  if (query.set_operator == sql::SetOperator::kIntersect) {
    FIRN_TRY(repeated.collection, expr::BindCall("LEAST", {left_count, right_count}, span, binder.evaluation()));
  } else {
    FIRN_TRY(repeated.collection, expr::BindCall("-", {left_count, right_count}, span, binder.evaluation()));
  }
  return MakeUnnest(std::move(counted), std::move(repeated), span);
}

}  // namespace

Result<Relation> QueryBinder::BindSetOperation(const sql::Query& query, const Scope* outer) {
  FIRN_TRY(Relation left, BindQuery(*query.left, outer));
  FIRN_TRY(Relation right, BindQuery(*query.right, outer));
  left = Unordered(std::move(left));
  right = Unordered(std::move(right));
  const size_t count = left.node->fields.size();
  if (right.node->fields.size() != count) {
    return Error(ErrorCode::kTypeMismatch, fmt::format("{} of {} columns and {}", SetOperatorName(query), count, right.node->fields.size()))
        .At(Span(query.right->span))
        .Hint("both sides need the same number of columns");
  }
  std::vector<Field> fields = left.node->fields;
  for (size_t i = 0; i < count; ++i) {
    const DataType pair[] = {left.node->fields[i].type, right.node->fields[i].type};
    auto common = expr::CommonType(pair);
    if (!common.ok()) {
      return Error(ErrorCode::kTypeMismatch, fmt::format("column {} of {} is {} on the left and {} on the right", i + 1, SetOperatorName(query),
                                                         pair[0].ToString(), pair[1].ToString()))
          .At(Span(query.right->span))
          .Hint("CAST one side to the type of the other");
    }
    const bool keeps_time = pair[0].time_attribute() == pair[1].time_attribute();
    fields[i].type = common->WithTimeAttribute(keeps_time ? pair[0].time_attribute() : types::TimeAttribute::kNone);
  }
  FIRN_TRY(left.node, Aligned(left.node, fields, *this));
  FIRN_TRY(right.node, Aligned(right.node, fields, *this));
  FIRN_ASSERT(left.node->fields.size() == right.node->fields.size(), "{} columns and {}", left.node->fields.size(), right.node->fields.size());
  LogicalNodePtr node;
  if (query.set_operator == sql::SetOperator::kUnion) {
    node = MakeUnion({left.node, right.node});
    if (!query.is_all) node = Distinct(std::move(node), session_.config.state_ttl_ms, Span(query.span));
  } else if (query.is_all) {
    FIRN_TRY(node, Counted(left.node, right.node, query, *this));
  } else {
    FIRN_TRY(node, Matched(left.node, right.node, query, *this));
  }
  Scope scope = MakeScope(node->fields, {});
  return Relation{std::move(node), std::move(scope)};
}

}  // namespace firn::plan
