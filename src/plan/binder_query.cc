// SPDX-License-Identifier: Apache-2.0
#include <arrow/array/concatenate.h>
#include <arrow/builder.h>
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/assert.h"
#include "expr/evaluator.h"
#include "plan/binder_internal.h"
#include "plan/join_condition.h"
#include "plan/literal.h"
#include "types/arrow_result.h"

namespace firn::plan {

using expr::ExpressionPtr;
using types::DataType;
using types::Field;

Status QueryBinder::CountRelation(base::SourceSpan span) {
  if (++session_.relations <= kMaxRelations) return Ok();
  return Error(ErrorCode::kLimitExceeded, fmt::format("the statement reads more than {} tables after its views and common tables are put in", kMaxRelations)).At(span);
}

Result<Relation> QueryBinder::BindQuery(const sql::Query& query, const Scope* outer) {
  if (query.is_recursive) {
    return NotBuilt("WITH RECURSIVE", Span(query.span), "write the levels out with UNION ALL");
  }
  const auto too_deep = [&] {
    return Error(ErrorCode::kLimitExceeded, fmt::format("the query has more than {} operators above each other", kMaxPlanDepth))
        .At(Span(query.span))
        .Hint("keep the result of a part of it in a table");
  };
  if (session_.query_depth >= kMaxPlanDepth) return too_deep();
  const CommonTables* before = common_tables_;
  std::vector<CommonTables> entries;
  entries.reserve(query.with.size());
  for (const sql::CommonTable& table : query.with) {
    entries.push_back(CommonTables{&table, common_tables_});
    common_tables_ = &entries.back();
  }
  ++session_.query_depth;
  Result<Relation> bound = BindBody(query, outer);
  --session_.query_depth;
  common_tables_ = before;
  if (bound.ok() && bound->node->depth > kMaxPlanDepth) return too_deep();
  return bound;
}

Result<Relation> QueryBinder::BindBody(const sql::Query& query, const Scope* outer) {
  switch (query.kind) {
    case sql::QueryKind::kSelect:
      return BindSelect(*this, query, outer);
    case sql::QueryKind::kValues: {
      FIRN_TRY(Relation relation, BindValues(query));
      return OrderOutput(std::move(relation), query);
    }
    case sql::QueryKind::kSetOperation: {
      FIRN_TRY(Relation relation, BindSetOperation(query, outer));
      return OrderOutput(std::move(relation), query);
    }
    case sql::QueryKind::kNested: {
      FIRN_TRY(Relation relation, BindQuery(*query.nested, outer));
      return OrderOutput(std::move(relation), query);
    }
    case sql::QueryKind::kTable: {
      sql::TableExpression table;
      table.kind = sql::TableKind::kNamed;
      table.span = query.span;
      for (const sql::Identifier& part : query.table.parts) table.name.parts.push_back(part);
      table.name.span = query.table.span;
      FIRN_TRY(Relation relation, BindNamed(table));
      return OrderOutput(std::move(relation), query);
    }
  }
  FIRN_UNREACHABLE("query kind {}", static_cast<int>(query.kind));
}

// --- VALUES ---

Result<Relation> QueryBinder::BindValues(const sql::Query& query) {
  const Scope nothing;
  ExpressionBinder binder(*this, nothing, nullptr, ExpressionPlace{.clause = "VALUES"});
  std::vector<std::vector<ExpressionPtr>> rows;
  for (const auto& row : query.values) {
    if (row.size() != query.values[0].size()) {
      return Error(ErrorCode::kTypeMismatch, fmt::format("a row of VALUES has {} value{}, the first has {}", row.size(), row.size() == 1 ? "" : "s", query.values[0].size()))
          .At(Span(row[0]->span));
    }
    std::vector<ExpressionPtr> bound;
    for (const sql::ExpressionPtr& value : row) {
      FIRN_TRY(ExpressionPtr one, binder.Bind(*value));
      bound.push_back(std::move(one));
    }
    rows.push_back(std::move(bound));
  }
  std::vector<Field> fields;
  for (size_t column = 0; column < rows[0].size(); ++column) {
    std::vector<DataType> types;
    for (const auto& row : rows) types.push_back(row[column]->type);
    auto common = expr::CommonType(types);
    if (!common.ok()) {
      return Relocated(common.error(), Span(query.values[0][column]->span), fmt::format("finding the type of column {} of VALUES", column + 1));
    }
    fields.push_back(Field{fmt::format("EXPR${}", column), *common});
    for (auto& row : rows) {
      if (row[column]->type.EqualsIgnoringNullability(*common)) continue;
      FIRN_TRY(row[column], CastTo(row[column], common->WithNullable(row[column]->type.nullable()), *this));
    }
  }
  FIRN_TRY(LogicalNodePtr node, ValuesFromRows(rows, fields));
  Scope scope = MakeScope(node->fields, {});
  return Relation{std::move(node), std::move(scope)};
}

namespace {

/// A column of VALUES of which some cells are computed when the query runs: RAND(), NOW() ...
struct ComputedColumn {
  std::vector<ExpressionPtr> expressions;  // each once
  std::vector<int32_t> choices;            // by row: 0 is the literal, i is expressions[i - 1]
  arrow::ArrayVector literals;             // by row; of a computed one that of another row
  bool has_literals = false;
};

ComputedColumn ComputedColumnOf(const std::vector<std::vector<ExpressionPtr>>& rows, size_t column) {
  ComputedColumn made;
  types::ArrayPtr any;
  for (const auto& row : rows) {
    const ExpressionPtr& cell = row[column];
    if (cell->kind == expr::ExpressionKind::kLiteral) {
      if (!any) any = cell->literal;
      made.choices.push_back(0);
      continue;
    }
    const auto is_same = [&](const ExpressionPtr& other) { return expr::Equal(*other, *cell); };
    auto found = std::find_if(made.expressions.begin(), made.expressions.end(), is_same);
    if (found == made.expressions.end()) found = made.expressions.insert(found, cell);
    made.choices.push_back(static_cast<int32_t>(found - made.expressions.begin()) + 1);
    if (made.expressions.size() > kMaxComputedValues) return made;
  }
  made.has_literals = any != nullptr;
  for (size_t i = 0; i < rows.size() && any; ++i) made.literals.push_back(made.choices[i] == 0 ? rows[i][column]->literal : any);
  return made;
}

/// The columns that VALUES keeps, and how each column of the query comes from them.
struct ValuesColumns {
  types::Batch batch;
  std::vector<Field> fields;
  std::vector<ExpressionPtr> outputs;

  ExpressionPtr Add(Field field, types::ArrayPtr column) {
    ExpressionPtr output = expr::MakeColumn(static_cast<int>(fields.size()), field.name, field.type);
    fields.push_back(std::move(field));
    batch.columns.push_back(std::move(column));
    return output;
  }

  Result<ExpressionPtr> Computed(const ComputedColumn& column, const Field& field, const expr::EvaluationContext& evaluation) {
    if (column.expressions.size() == 1 && !column.has_literals) return column.expressions[0];
    arrow::Int32Builder choices;
    FIRN_RETURN_IF_ERROR(types::FromArrowStatus(choices.AppendValues(column.choices)));
    FIRN_TRY(types::ArrayPtr array, types::FromArrowResult(choices.Finish()));
    const ExpressionPtr choice = Add(Field{fmt::format("$choice{}", fields.size()), DataType::Int().NotNull()}, std::move(array));
    std::vector<ExpressionPtr> branches;
    for (size_t i = 0; i < column.expressions.size(); ++i) {
      const bool is_last = i + 1 == column.expressions.size() && !column.has_literals;
      if (!is_last) {
        FIRN_TRY(ExpressionPtr chosen, expr::BindCall("=", {choice, expr::MakeIntLiteral(static_cast<int32_t>(i) + 1)}, {}, evaluation));
        branches.push_back(std::move(chosen));
      }
      branches.push_back(column.expressions[i]);
    }
    if (column.has_literals) {
      FIRN_TRY(array, types::FromArrowResult(arrow::Concatenate(column.literals)));
      branches.push_back(Add(field, std::move(array)));
    }
    return expr::BindCall("CASE", std::move(branches), {}, evaluation);
  }
};

}  // namespace

Result<LogicalNodePtr> QueryBinder::ValuesFromRows(const std::vector<std::vector<ExpressionPtr>>& rows, const std::vector<Field>& fields) {
  std::vector<std::vector<ExpressionPtr>> folded = rows;
  for (auto& row : folded) {
    for (ExpressionPtr& cell : row) {
      FIRN_TRY(cell, expr::FoldConstants(cell, evaluation()));
    }
  }
  ValuesColumns values;
  values.batch.row_count = static_cast<int64_t>(rows.size());
  bool is_plain = true;
  for (size_t i = 0; i < fields.size(); ++i) {
    const ComputedColumn column = ComputedColumnOf(folded, i);
    if (column.expressions.size() > kMaxComputedValues) {  // hardly a table of constants: as many relations as rows
      std::vector<LogicalNodePtr> parts;
      for (const auto& row : folded) parts.push_back(MakeProject(MakeValues({types::Batch{types::MakeSchema({}), {}, 1, nullptr, nullptr}}, {}), row, NamesOf(fields)));
      return MakeUnion(std::move(parts));
    }
    if (column.expressions.empty()) {
      FIRN_TRY(auto array, types::FromArrowResult(arrow::Concatenate(column.literals)));
      values.outputs.push_back(values.Add(fields[i], std::move(array)));
      continue;
    }
    is_plain = false;
    FIRN_TRY(ExpressionPtr output, values.Computed(column, fields[i], evaluation()));
    values.outputs.push_back(std::move(output));
  }
  values.batch.schema = types::MakeSchema(values.fields);
  LogicalNodePtr node = MakeValues({std::move(values.batch)}, values.fields);
  return is_plain ? node : MakeProject(std::move(node), std::move(values.outputs), NamesOf(fields));
}

// --- ORDER BY, LIMIT ---

Result<std::pair<int64_t, int64_t>> QueryBinder::BindBounds(const sql::Query& query) {
  const auto bound = [&](const sql::ExpressionPtr& expression, const char* what) -> Result<int64_t> {
    FIRN_TRY(const ExpressionPtr value, BindConstant(*expression, what));
    const auto number = IntegerValue(*value);
    if (number && *number >= 0 && *number <= std::numeric_limits<int32_t>::max()) return *number;
    return Error(ErrorCode::kTypeMismatch, fmt::format("{} needs a whole number from 0 to 2147483647", what)).At(Span(expression->span));
  };
  std::pair<int64_t, int64_t> bounds{0, -1};
  if (query.offset != nullptr) {
    FIRN_TRY(bounds.first, bound(query.offset, "OFFSET"));
  }
  if (query.limit != nullptr) {
    FIRN_TRY(bounds.second, bound(query.limit, "LIMIT"));
  }
  return bounds;
}

Result<ExpressionPtr> QueryBinder::BindConstant(const sql::Expression& expression, std::string_view clause) {
  const Scope nothing;
  ExpressionBinder binder(*this, nothing, nullptr, ExpressionPlace{.clause = clause});
  FIRN_TRY(ExpressionPtr bound, binder.Bind(expression));
  return expr::FoldConstants(bound, evaluation());
}

Status CheckSortable(const DataType& type, base::SourceSpan span) {
  if (!type.IsNested()) return Ok();
  return NotBuilt(fmt::format("ORDER BY a value of type {}", type.ToString()), span, "order by its parts: a[1], m['key'], r.field or CARDINALITY(a)");
}

/// Sorts by output columns only: names, positions and expressions over them.
Result<Relation> QueryBinder::OrderOutput(Relation relation, const sql::Query& query) {
  FIRN_TRY(const auto bounds, BindBounds(query));
  if (query.order_by.empty()) {
    if (bounds.first > 0 || bounds.second >= 0) relation.node = MakeLimit(relation.node, LimitNode{bounds.first, bounds.second}, Span(query.span));
    return relation;
  }
  std::vector<ExpressionPtr> outputs = AllColumns(relation.node->fields);
  std::vector<std::string> names = NamesOf(relation.node->fields);
  const size_t visible = outputs.size();
  SortNode sort{{}, bounds.first, bounds.second, false};
  ExpressionBinder binder(*this, relation.scope, nullptr, ExpressionPlace{.clause = "ORDER BY"});
  for (const sql::SortItem& item : query.order_by) {
    SortKey key;
    key.descending = item.descending;
    key.nulls_first = item.nulls == sql::NullsOrder::kDefault ? !item.descending : item.nulls == sql::NullsOrder::kFirst;
    FIRN_TRY(ExpressionPtr expression, binder.Bind(*item.expression));
    if (const auto ordinal = IntegerValue(*expression)) {
      if (*ordinal < 1 || *ordinal > static_cast<int64_t>(visible)) {
        return Error(ErrorCode::kColumnNotFound, fmt::format("ORDER BY {}: the query has {} columns", *ordinal, visible)).At(Span(item.expression->span));
      }
      key.column = static_cast<int>(*ordinal) - 1;
    } else if (expression->kind == expr::ExpressionKind::kColumn) {
      key.column = expression->index;
    } else {
      key.column = static_cast<int>(outputs.size());
      outputs.push_back(std::move(expression));
      names.push_back(fmt::format("$sort{}", key.column));
    }
    FIRN_RETURN_IF_ERROR(CheckSortable(outputs[static_cast<size_t>(key.column)]->type, Span(item.expression->span)));
    sort.keys.push_back(key);
  }
  const bool has_hidden = outputs.size() > visible;
  LogicalNodePtr node = has_hidden ? MakeProject(relation.node, outputs, names) : relation.node;
  node = MakeSort(std::move(node), std::move(sort), Span(query.order_by[0].expression->span));
  if (has_hidden) {
    std::vector<ExpressionPtr> kept = AllColumns(node->fields);
    kept.resize(visible);
    names.resize(visible);
    node = MakeProject(std::move(node), std::move(kept), names);
  }
  relation.node = std::move(node);
  return relation;
}

}  // namespace firn::plan
