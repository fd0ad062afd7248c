// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>

#include "base/assert.h"
#include "plan/binder_internal.h"
#include "plan/join_condition.h"

namespace firn::plan {

using expr::ExpressionPtr;

namespace {

JoinKind KindOf(sql::JoinType type) {
  switch (type) {
    case sql::JoinType::kInner:
    case sql::JoinType::kCross: return JoinKind::kInner;
    case sql::JoinType::kLeft: return JoinKind::kLeft;
    case sql::JoinType::kRight: return JoinKind::kRight;
    case sql::JoinType::kFull: return JoinKind::kFull;
  }
  FIRN_UNREACHABLE("join type {}", static_cast<int>(type));
}

/// The state TTL that a hint gives for the relation by its alias.
int64_t TtlOf(const sql::TableExpression& table, const std::map<std::string, int64_t>& state_ttl_ms, int64_t otherwise) {
  std::string name;
  if (table.alias) {
    name = table.alias->text;
  } else if (table.kind == sql::TableKind::kNamed) {
    name = table.name.parts.back().text;
  }
  const auto found = state_ttl_ms.find(name);
  return found == state_ttl_ms.end() ? otherwise : found->second;
}

const ScopeColumn* FindOnce(const Scope& scope, const std::string& name, bool* is_ambiguous) {
  const ScopeColumn* found = nullptr;
  for (const ScopeColumn& column : scope.columns) {
    if (column.is_qualified_only || column.name != name) continue;
    if (found != nullptr) *is_ambiguous = true;
    found = &column;
  }
  return found;
}

/// The columns that USING or NATURAL makes one of two.
struct MergedColumns {
  std::vector<ScopeColumn> columns;                // by their bare names, at the front of *
  std::vector<ExpressionPtr> conjuncts;            // that make the two equal
  std::vector<std::pair<int, int>> pairs;          // where they are on the left and on the right
};

std::vector<sql::Identifier> MergedNames(const sql::TableExpression& table, const Relation& left, const Relation& right) {
  if (!table.is_natural) return table.using_columns;
  std::vector<sql::Identifier> names;
  for (const ScopeColumn& column : left.scope.columns) {
    bool ignored = false;
    if (!column.is_qualified_only && FindOnce(right.scope, column.name, &ignored) != nullptr) names.push_back({column.name, table.span});
  }
  return names;
}

/// Indices are those of the joined relation.
Result<MergedColumns> Merge(const std::vector<sql::Identifier>& names, const Relation& left, const Relation& right, JoinKind kind, QueryBinder& binder) {
  MergedColumns merged;
  const int left_count = static_cast<int>(left.node->fields.size());
  for (const auto& [name, written] : names) {
    const base::SourceSpan span = binder.Span(written);
    bool is_ambiguous = false;
    const ScopeColumn* from_left = FindOnce(left.scope, name, &is_ambiguous);
    const ScopeColumn* from_right = FindOnce(right.scope, name, &is_ambiguous);
    if (from_left == nullptr || from_right == nullptr || is_ambiguous) {
      const std::string where = is_ambiguous ? "is more than once on one side" : from_left == nullptr ? "is not on the left" : "is not on the right";
      return Error(is_ambiguous ? ErrorCode::kAmbiguousColumn : ErrorCode::kColumnNotFound, fmt::format("USING column `{}` {}", name, where))
          .At(span)
          .Hint("USING takes columns that both sides have, each once; others are joined ON a = b");
    }
    const int right_index = from_right->index + left_count;
    FIRN_TRY(ExpressionPtr equal, expr::BindCall("=", {expr::MakeColumn(from_left->index, name, from_left->type), expr::MakeColumn(right_index, name, from_right->type)},
                                                 span, binder.evaluation()));
    merged.conjuncts.push_back(std::move(equal));
    merged.columns.push_back(ScopeColumn{{}, name, from_left->type, kind == JoinKind::kRight ? right_index : from_left->index});
    merged.pairs.emplace_back(from_left->index, right_index);
  }
  return merged;
}

/// As in Calcite two relations of one FROM are not called the same, so that an alias which was mistyped does not mean another relation.
Status CheckNames(const Relation& left, const Relation& right, base::SourceSpan right_span) {
  std::set<std::string_view> names;
  for (const ScopeColumn& column : left.scope.columns) {
    if (!column.qualifier.empty()) names.insert(column.qualifier.back());
  }
  for (const ScopeColumn& column : right.scope.columns) {
    if (column.qualifier.empty() || !names.contains(column.qualifier.back())) continue;
    return Error(ErrorCode::kAmbiguousColumn, fmt::format("two relations of this FROM are called `{}`", column.qualifier.back())).At(right_span).Hint("give one of them another name: ... AS b");
  }
  return Ok();
}

Scope JoinedScope(const Relation& left, const Relation& right, const MergedColumns& merged) {
  Scope scope;
  scope.columns = left.scope.columns;
  for (ScopeColumn column : right.scope.columns) {
    column.index += static_cast<int>(left.node->fields.size());
    scope.columns.push_back(std::move(column));
  }
  for (ScopeColumn& column : scope.columns) {
    for (const auto& [on_left, on_right] : merged.pairs) column.is_qualified_only |= column.index == on_left || column.index == on_right;
  }
  return scope;
}

/// Either side of a full join may be padded: a merged column is the one that is there.
Result<LogicalNodePtr> Coalesced(const LogicalNodePtr& node, MergedColumns& merged, base::SourceSpan span, const expr::EvaluationContext& evaluation) {
  std::vector<ExpressionPtr> outputs = AllColumns(node->fields);
  std::vector<std::string> names = NamesOf(node->fields);
  FIRN_ASSERT(merged.pairs.size() == merged.columns.size(), "{} merged columns of {} pairs", merged.columns.size(), merged.pairs.size());
  for (size_t i = 0; i < merged.pairs.size(); ++i) {
    FIRN_TRY(ExpressionPtr value, expr::BindCall("COALESCE", {outputs[merged.pairs[i].first], outputs[merged.pairs[i].second]}, span, evaluation));
    merged.columns[i].index = static_cast<int>(outputs.size());
    outputs.push_back(std::move(value));
    names.push_back(merged.columns[i].name);
  }
  return MakeProject(node, std::move(outputs), names);
}

}  // namespace

Result<Relation> QueryBinder::BindFrom(const sql::TableExpression& table, const std::map<std::string, int64_t>& state_ttl_ms, const Scope* outer) {
  FIRN_RETURN_IF_ERROR(CountRelation(Span(table.span)));
  if (table.is_lateral && table.kind == sql::TableKind::kFunction) {
    return NotBuilt(fmt::format("LATERAL TABLE({}(...))", table.function->text), Span(table.span), "CROSS JOIN UNNEST(array) takes a collection apart into rows: SPLIT(text, ',') makes one");
  }
  if (table.is_lateral && table.kind != sql::TableKind::kUnnest) {
    return NotBuilt("a LATERAL sub-query", Span(table.span), "one value of it: a scalar sub-query in the select list, (SELECT MAX(x) FROM b WHERE b.id = a.id); else JOIN it on the columns that tie both together");
  }
  switch (table.kind) {
    case sql::TableKind::kNamed: {
      FIRN_TRY(Relation relation, BindNamed(table));
      return Renamed(std::move(relation), table.alias, table.column_aliases, Span(table.span));
    }
    case sql::TableKind::kQuery: {
      FIRN_TRY(Relation relation, BindQuery(*table.query, outer));
      return Renamed(Unordered(std::move(relation)), table.alias, table.column_aliases, Span(table.span));
    }
    case sql::TableKind::kFunction: {
      FIRN_TRY(Relation relation, BindTableFunction(table, outer));
      return Renamed(std::move(relation), table.alias, table.column_aliases, Span(table.span));
    }
    case sql::TableKind::kJoin: {
      FIRN_TRY(Relation relation, BindJoin(table, state_ttl_ms, outer));
      if (!table.alias) return relation;
      // (t JOIN u USING (k)) AS j: what the sides call k cannot be said any more.
      std::erase_if(relation.scope.columns, [](const ScopeColumn& column) { return column.is_qualified_only; });
      return Renamed(std::move(relation), table.alias, table.column_aliases, Span(table.span));
    }
    case sql::TableKind::kUnnest:
      return BindUnnest(Relation{MakeValues({types::Batch{types::MakeSchema({}), {}, 1, nullptr, nullptr}}, {}), {}}, table, nullptr);
  }
  FIRN_UNREACHABLE("table kind {}", static_cast<int>(table.kind));
}

Relation QueryBinder::Unordered(Relation relation) const {
  if (is_batch()) return relation;
  const auto* project = std::get_if<LogicalProject>(&relation.node->spec);
  const LogicalNode& sorted = project != nullptr ? *relation.node->inputs[0] : *relation.node;
  const auto* sort = std::get_if<SortNode>(&sorted.spec);
  if (sort == nullptr || sort->limit >= 0 || sort->offset > 0) return relation;
  relation.node = project != nullptr ? MakeProject(sorted.inputs[0], project->outputs, NamesOf(relation.node->fields)) : sorted.inputs[0];
  return relation;
}

Result<Relation> QueryBinder::Renamed(Relation relation, const std::optional<sql::Identifier>& alias, const std::vector<sql::Identifier>& columns,
                                      base::SourceSpan span) {
  if (!columns.empty() && columns.size() != relation.scope.columns.size()) {
    return Error(ErrorCode::kColumnNotFound, fmt::format("{} column names for {} columns", columns.size(), relation.scope.columns.size())).At(span);
  }
  for (size_t i = 0; i < columns.size(); ++i) relation.scope.columns[i].name = columns[i].text;
  if (!columns.empty()) {
    std::vector<std::string> names = NamesOf(relation.node->fields);
    for (const ScopeColumn& column : relation.scope.columns) {
      FIRN_ASSERT(column.index >= 0 && column.index < static_cast<int>(names.size()), "`{}` is column {} of {}", column.name, column.index, names.size());
      names[column.index] = column.name;
    }
    relation.node = MakeProject(relation.node, AllColumns(relation.node->fields), names);
  }
  if (!alias) return relation;
  for (ScopeColumn& column : relation.scope.columns) column.qualifier = {alias->text};
  return relation;
}

Result<Relation> QueryBinder::BindJoin(const sql::TableExpression& table, const std::map<std::string, int64_t>& state_ttl_ms, const Scope* outer) {
  FIRN_TRY(Relation left, BindFrom(*table.left, state_ttl_ms, outer));
  if (table.right->kind == sql::TableKind::kUnnest) return BindUnnest(std::move(left), *table.right, &table);
  FIRN_TRY(Relation right, BindFrom(*table.right, state_ttl_ms, outer));
  FIRN_RETURN_IF_ERROR(CheckNames(left, right, Span(table.right->span)));
  const base::SourceSpan span = Span(table.span);
  LogicalJoin join;
  join.kind = KindOf(table.join);
  join.left_ttl_ms = TtlOf(*table.left, state_ttl_ms, session_.config.state_ttl_ms);
  join.right_ttl_ms = TtlOf(*table.right, state_ttl_ms, session_.config.state_ttl_ms);
  const bool is_full = join.kind == JoinKind::kFull;
  FIRN_TRY(MergedColumns merged, Merge(MergedNames(table, left, right), left, right, join.kind, *this));
  Relation joined;
  joined.scope = JoinedScope(left, right, merged);
  std::vector<ExpressionPtr> conjuncts = merged.conjuncts;
  if (table.on != nullptr) {
    ExpressionBinder binder(*this, joined.scope, nullptr, ExpressionPlace{.clause = "ON"});
    FIRN_TRY(ExpressionPtr on, binder.BindCondition(*table.on));
    conjuncts.push_back(std::move(on));
  }
  join.condition = Conjunction(conjuncts);
  joined.node = MakeJoin(left.node, right.node, std::move(join), span);
  if (is_full && !merged.pairs.empty()) {
    FIRN_TRY(joined.node, Coalesced(joined.node, merged, span, evaluation()));
  }
  joined.scope.columns.insert(joined.scope.columns.begin(), merged.columns.begin(), merged.columns.end());
  // The join may have padded columns and taken away time attributes.
  const int count = static_cast<int>(joined.node->fields.size());
  for (ScopeColumn& column : joined.scope.columns) {
    FIRN_ASSERT(column.index >= 0 && column.index < count, "`{}` is column {} of {} of a join", column.name, column.index, count);
    column.type = joined.node->fields[column.index].type;
  }
  return joined;
}

}  // namespace firn::plan
