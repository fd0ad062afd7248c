// SPDX-License-Identifier: Apache-2.0
// UNNEST(collection) [WITH ORDINALITY]: alone, or joined with the rows whose collection it is.
#include <arrow/array/array_primitive.h>
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "expr/evaluator.h"
#include "plan/binder_internal.h"

namespace firn::plan {

namespace {

Status RefuseJoin(const sql::TableExpression& join, base::SourceSpan span) {
  if (join.join == sql::JoinType::kRight || join.join == sql::JoinType::kFull) {
    return NotBuilt(fmt::format("{} JOIN UNNEST", join.join == sql::JoinType::kRight ? "RIGHT" : "FULL"), span, "CROSS JOIN UNNEST, or LEFT JOIN UNNEST ... ON TRUE");
  }
  if (join.is_natural || !join.using_columns.empty()) return NotBuilt("UNNEST joined by NATURAL or USING", span, "CROSS JOIN UNNEST and a condition in WHERE");
  return Ok();
}

Result<bool> IsTrue(const expr::ExpressionPtr& condition, const expr::EvaluationContext& evaluation) {
  FIRN_TRY(const expr::ExpressionPtr folded, expr::FoldConstants(condition, evaluation));
  if (folded->kind != expr::ExpressionKind::kLiteral || folded->type.kind() != types::TypeKind::kBoolean) return false;
  const auto& value = static_cast<const arrow::BooleanArray&>(*folded->literal);
  return !value.IsNull(0) && value.Value(0);
}

/// The written names, else those the element has; a lone value is called as the alias is.
Result<std::vector<std::string>> ColumnNames(const sql::TableExpression& table, const types::DataType& collection, base::SourceSpan span) {
  std::vector<std::string> names = NamesOf(ElementFields(collection));
  const bool is_value = collection.kind() == types::TypeKind::kArray && collection.element().kind() != types::TypeKind::kRow;
  if (table.with_ordinality) {
    names.push_back("ORDINALITY");
  } else if (is_value && table.alias) {
    names[0] = table.alias->text;
  }
  if (table.column_aliases.empty()) return names;
  if (table.column_aliases.size() != names.size()) {
    return Error(ErrorCode::kColumnNotFound, fmt::format("{} column names for {} columns", table.column_aliases.size(), names.size()))
        .At(span, fmt::format("the elements of {} have {}", collection.ToString(), names.size()));
  }
  for (size_t i = 0; i < names.size(); ++i) names[i] = table.column_aliases[i].text;
  return names;
}

}  // namespace

Result<Relation> QueryBinder::BindUnnest(Relation left, const sql::TableExpression& table, const sql::TableExpression* join) {
  const base::SourceSpan span = Span(table.span);
  FIRN_RETURN_IF_ERROR(CountRelation(span));
  if (join != nullptr) FIRN_RETURN_IF_ERROR(RefuseJoin(*join, Span(join->span)));
  UnnestNode unnest;
  ExpressionBinder binder(*this, left.scope, nullptr, ExpressionPlace{.clause = "UNNEST"});
  FIRN_TRY(unnest.collection, binder.Bind(*table.function));
  const types::DataType type = unnest.collection->type;
  if (type.kind() != types::TypeKind::kArray && type.kind() != types::TypeKind::kMap) {
    return Error(ErrorCode::kTypeMismatch, fmt::format("UNNEST of {}", type.ToString())).At(unnest.collection->span, "not an ARRAY or MAP").Hint("UNNEST takes a collection apart into rows");
  }
  FIRN_TRY(unnest.names, ColumnNames(table, type, span));
  unnest.passed.resize(left.node->fields.size());
  std::iota(unnest.passed.begin(), unnest.passed.end(), 0);
  unnest.with_ordinality = table.with_ordinality;
  unnest.keeps_empty = join != nullptr && join->join == sql::JoinType::kLeft;
  const bool keeps_empty = unnest.keeps_empty;
  Relation joined;
  const size_t passed = unnest.passed.size();
  joined.node = MakeUnnest(left.node, std::move(unnest), span);
  joined.scope = std::move(left.scope);
  const auto& fields = joined.node->fields;
  std::vector<std::string> qualifier;
  if (table.alias) qualifier.push_back(table.alias->text);
  for (size_t i = passed; i < fields.size(); ++i) joined.scope.columns.push_back(ScopeColumn{qualifier, fields[i].name, fields[i].type, static_cast<int>(i)});
  if (join == nullptr || join->on == nullptr) return joined;
  ExpressionBinder on_binder(*this, joined.scope, nullptr, ExpressionPlace{.clause = "ON"});
  FIRN_TRY(expr::ExpressionPtr on, on_binder.BindCondition(*join->on));
  FIRN_TRY(const bool is_true, IsTrue(on, evaluation()));
  if (is_true) return joined;
  if (keeps_empty) return NotBuilt("LEFT JOIN UNNEST with another condition than ON TRUE", on->span, "ON TRUE, or an inner join with the condition");
  joined.node = MakeFilter(joined.node, std::move(on));
  return joined;
}

}  // namespace firn::plan
