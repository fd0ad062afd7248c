// SPDX-License-Identifier: Apache-2.0
// One SELECT. The clauses are bound in the order FROM, WHERE, GROUP BY, select list, HAVING, ORDER BY, since each may refer to what those before
// it have made; the relation is then built: aggregate, HAVING, projection, DISTINCT, sort, limit.
#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "base/assert.h"
#include "plan/binder_internal.h"
#include "plan/join_condition.h"
#include "plan/literal.h"
#include "plan/select_aggregate_internal.h"

namespace firn::plan {

using expr::ExpressionPtr;

class SelectBinder {
 public:
  SelectBinder(QueryBinder& binder, const sql::Query& query, const Scope* outer)
      : binder_(binder), query_(query), select_(*query.select), outer_(outer) {}

  Result<Relation> Run() {
    FIRN_RETURN_IF_ERROR(BindSources());
    return RunOverSources();
  }

  /// Correlated or not: that shows once WHERE is bound.
  Result<ScalarQuery> RunScalar() {
    std::vector<ExpressionPtr> correlated;
    if (!select_.has_group_by && select_.having == nullptr && !select_.is_distinct && query_.limit == nullptr && query_.offset == nullptr) correlated_ = &correlated;
    FIRN_RETURN_IF_ERROR(BindSources());
    if (!correlated.empty()) return BuildCorrelated(correlated);
    FIRN_TRY(Relation relation, RunOverSources());
    ScalarQuery scalar;
    scalar.node = std::move(relation.node);
    return scalar;
  }

  /// What matters of a SELECT that is asked for a row; as above, correlated or not shows with WHERE.
  Result<ScalarQuery> RunHasRow() {
    std::vector<ExpressionPtr> correlated;
    if (IsPlain()) correlated_ = &correlated;
    FIRN_RETURN_IF_ERROR(BindSources());
    ScalarQuery scalar;
    if (correlated.empty()) {
      FIRN_TRY(const Relation relation, RunOverSources());
      FIRN_TRY(scalar.node, AnyRow(relation.node, binder_.Span(select_.span), binder_.evaluation()));
      return scalar;
    }
    FIRN_TRY(scalar.ties, TiesOf(correlated));
    FIRN_RETURN_IF_ERROR(BindItems());
    FIRN_ASSERT(state_.calls.empty(), "{} aggregates of a plain SELECT", state_.calls.size());
    FIRN_RETURN_IF_ERROR(AddCall("MIN", {expr::MakeIntLiteral(1)}));
    FIRN_TRY(scalar.node, GroupedByTies(scalar.ties));
    const types::Field& field = scalar.node->fields.back();
    scalar.value = expr::MakeColumn(static_cast<int>(keys_.size()), field.name, field.type.WithNullable(true), binder_.Span(select_.span));
    return scalar;
  }

  /// FROM and WHERE alone, for a sub-query that is looked into by IN or EXISTS; what ties it to the outer query is kept apart.
  Result<MatchedQuery> RunMatched() {
    MatchedQuery matched;
    correlated_ = &matched.correlated;
    FIRN_RETURN_IF_ERROR(BindSources());
    ExpressionBinder binder(binder_, state_.from.scope, &state_, ExpressionPlace{.clause = "SELECT", .attaches_subqueries = true});
    for (const sql::SelectItem& item : select_.items) {
      if (item.expression->kind == sql::ExpressionKind::kStar) {
        FIRN_TRY(const auto columns, state_.from.scope.Expand(item.expression->name, binder_.Span(item.expression->span)));
        NoteStar(*item.expression, columns);
        for (const ScopeColumn* column : columns) matched.items.push_back(expr::MakeColumn(column->index, column->name, column->type));
        continue;
      }
      auto bound = binder.Bind(*item.expression);
      if (!bound.ok()) return Explained(std::move(bound).error(), *item.expression);
      matched.items.push_back(std::move(*bound));
    }
    matched.relation = std::move(state_.from);
    return matched;
  }

 private:
  Result<Relation> RunOverSources();
  bool IsPlain() const;
  Status AddCall(std::string_view name, std::vector<ExpressionPtr> arguments);
  Result<LogicalNodePtr> GroupedByTies(const std::vector<CorrelationTie>& ties);
  Result<ScalarQuery> BuildCorrelated(const std::vector<ExpressionPtr>& correlated);
  Status AddSingleValue();
  Result<ExpressionPtr> ValueOfGroup(const LogicalNode& node) const;
  Status BindSources();
  Status BindHints();
  Status BindWhere();
  Status BindConjunct(const sql::Expression& conjunct, std::vector<ExpressionPtr>& kept);
  Status BindGroupBy();
  Status BindItems();
  bool BindFields(const sql::Expression& star);
  Status BindStar(const sql::Expression& star);
  void NoteStar(const sql::Expression& star, const std::vector<const ScopeColumn*>& columns);
  Status BindOrderBy();
  Result<SortKey> BindSortItem(const sql::SortItem& item);
  Status BuildRelation();
  Status AttachSubqueries(std::vector<int>& columns);
  Result<Relation> Finish(int64_t offset, int64_t limit);
  ExpressionBinder OutputBinder(std::string_view clause) {
    return ExpressionBinder(binder_, state_.from.scope, &state_, ExpressionPlace{.clause = clause, .allows_aggregates = true});
  }
  /// A column that only the enclosing query knows is not unknown but correlated: say so.
  Error Explained(Error error, const sql::Expression& expression) const;

  QueryBinder& binder_;
  const sql::Query& query_;
  const sql::Select& select_;
  const Scope* outer_;
  std::vector<ExpressionPtr>* correlated_ = nullptr;  // null: correlated conjuncts are refused
  SelectState state_;
  std::map<std::string, int64_t> state_ttl_ms_;
  std::vector<GroupKey> keys_;
  std::vector<std::vector<int>> grouping_sets_;  // positions in keys_; one set: all
  std::vector<ExpressionPtr> items_;
  std::vector<std::string> names_;
  size_t visible_ = 0;                           // items beyond are only sorted by
  std::vector<SortKey> sort_keys_;
  ExpressionPtr having_;
  LogicalNodePtr node_;
};

namespace {

/// The conjuncts of a condition as written.
void Flatten(const sql::Expression& condition, std::vector<const sql::Expression*>& conjuncts) {
  if (condition.kind == sql::ExpressionKind::kBinary && condition.text == "AND") {
    Flatten(*condition.arguments[0], conjuncts);
    Flatten(*condition.arguments[1], conjuncts);
    return;
  }
  conjuncts.push_back(&condition);
}

/// IN (query) or EXISTS, with any number of NOTs around; null if it is none.
const sql::Expression* MatchOf(const sql::Expression& conjunct, bool* is_negated) {
  const sql::Expression* inner = &conjunct;
  *is_negated = false;
  while (inner->kind == sql::ExpressionKind::kUnary && inner->text == "NOT") {
    *is_negated = !*is_negated;
    inner = inner->arguments[0].get();
  }
  const bool is_match = inner->kind == sql::ExpressionKind::kExists || (inner->kind == sql::ExpressionKind::kIn && inner->query != nullptr);
  if (!is_match) return nullptr;
  if (inner->negated) *is_negated = !*is_negated;
  return inner;
}

bool ReadsOuter(const expr::Expression& expression) {
  const std::vector<int> columns = expr::ColumnsOf(expression);
  return std::any_of(columns.begin(), columns.end(), [](int column) { return column >= kOuterColumns && column < kPlaceholders; });
}

/// The names a sub-tree of columns uses that `scope` does not know and `outer` does.
bool IsCorrelated(const sql::Expression& expression, const Scope& scope, const Scope& outer) {
  if (expression.kind == sql::ExpressionKind::kColumn && !scope.Knows(expression.name) && outer.Knows(expression.name)) return true;
  return std::any_of(expression.arguments.begin(), expression.arguments.end(),
                     [&](const sql::ExpressionPtr& argument) { return argument != nullptr && IsCorrelated(*argument, scope, outer); });
}

}  // namespace

Error SelectBinder::Explained(Error error, const sql::Expression& expression) const {
  if (error.code() != ErrorCode::kColumnNotFound || outer_ == nullptr || !IsCorrelated(expression, state_.from.scope, *outer_)) return error;
  return NotBuilt("a sub-query that uses columns of the enclosing query here", error.span().value_or(binder_.Span(expression.span)),
                  "equate them in WHERE of a sub-query without GROUP BY, DISTINCT and LIMIT: (SELECT MAX(x) FROM b WHERE b.id = a.id); else join the tables and GROUP BY");
}

Status SelectBinder::BindSources() {
  FIRN_RETURN_IF_ERROR(BindHints());
  if (!select_.windows.empty()) {
    return NotBuilt("the WINDOW clause", binder_.Span(select_.windows[0].name.span), "its windows are for OVER, which is not supported; aggregate with GROUP BY");
  }
  if (select_.qualify != nullptr) {
    return NotBuilt("QUALIFY", binder_.Span(select_.qualify->span), "the first n rows of all: ORDER BY ... LIMIT n; of each key one value: MAX, MIN, FIRST_VALUE or LAST_VALUE with GROUP BY key");
  }
  if (select_.from == nullptr) {
    state_.from.node = MakeValues({types::Batch{types::MakeSchema({}), {}, 1, nullptr, nullptr}}, {});
  } else {
    FIRN_TRY(state_.from, binder_.BindFrom(*select_.from, state_ttl_ms_, outer_));
  }
  return BindWhere();
}

Status SelectBinder::BindHints() {
  // Of how to join: the planner has one way.
  FIRN_RETURN_IF_ERROR(binder_.CheckHints(select_.hints, {"STATE_TTL", "BROADCAST", "SHUFFLE_HASH", "SHUFFLE_MERGE", "NEST_LOOP", "LOOKUP", "MULTI_JOIN"}));
  for (const sql::Hint& hint : select_.hints) {
    if (hint.name != "STATE_TTL") continue;
    for (const auto& [relation, duration] : hint.options) {
      auto parsed = ParseDurationMs("STATE_TTL", duration);
      if (!parsed.ok()) return Relocated(parsed.error(), binder_.Span(hint.span), "reading the hint STATE_TTL");
      state_ttl_ms_[relation] = *parsed;
    }
  }
  return Ok();
}

Status SelectBinder::BindWhere() {
  if (select_.where == nullptr) return Ok();
  std::vector<const sql::Expression*> conjuncts;
  Flatten(*select_.where, conjuncts);
  std::vector<ExpressionPtr> kept;
  for (const sql::Expression* conjunct : conjuncts) FIRN_RETURN_IF_ERROR(BindConjunct(*conjunct, kept));
  state_.from.node = MakeFilter(state_.from.node, Conjunction(kept));  // above the joins that sub-queries make, which change none of its columns
  return Ok();
}

Status SelectBinder::BindConjunct(const sql::Expression& conjunct, std::vector<ExpressionPtr>& kept) {
  bool is_negated = false;
  if (const sql::Expression* match = MatchOf(conjunct, &is_negated)) return binder_.ApplyMatch(state_.from, *match, is_negated, state_);
  ExpressionPlace place{.clause = "WHERE", .attaches_subqueries = true};
  if (correlated_ != nullptr) place.outer = outer_;
  ExpressionBinder binder(binder_, state_.from.scope, &state_, place);
  auto bound = binder.BindCondition(conjunct);
  if (!bound.ok()) return Explained(std::move(bound).error(), conjunct);
  (ReadsOuter(**bound) ? *correlated_ : kept).push_back(*bound);
  return Ok();
}

Status SelectBinder::BindGroupBy() {
  if (!select_.has_group_by) return Ok();
  GroupingBinder grouping(binder_, state_);
  FIRN_RETURN_IF_ERROR(grouping.Bind(select_.group_by));
  keys_ = std::move(grouping.keys());
  grouping_sets_ = std::move(grouping.sets());
  return Ok();
}

/// row.*: its fields. False where the name is that of no ROW.
bool SelectBinder::BindFields(const sql::Expression& star) {
  sql::Expression named;
  named.kind = sql::ExpressionKind::kColumn;
  named.span = star.span;
  named.name.parts = star.name.parts;
  auto row = OutputBinder("SELECT").Bind(named);
  if (!row.ok() || (*row)->type.kind() != types::TypeKind::kRow) return false;
  for (const types::Field& field : (*row)->type.fields()) {
    auto value = expr::BindCall(".", {*row, expr::MakeStringLiteral(field.name)}, binder_.Span(star.span), binder_.evaluation());
    if (!value.ok()) return false;
    items_.push_back(std::move(*value));
    names_.push_back(field.name);
  }
  return true;
}

void SelectBinder::NoteStar(const sql::Expression& star, const std::vector<const ScopeColumn*>& columns) {
  if (binder_.session().stars == nullptr) return;
  std::string text;
  for (const ScopeColumn* column : columns) {
    const auto name = state_.from.scope.NameOf(*column);
    if (!name) return;
    text += (text.empty() ? "" : ", ") + *name;
  }
  (*binder_.session().stars)[&star] = std::move(text);
}

Status SelectBinder::BindStar(const sql::Expression& star) {
  auto expanded = state_.from.scope.Expand(star.name, binder_.Span(star.span));
  if (!expanded.ok() && !star.name.parts.empty() && BindFields(star)) return Ok();
  FIRN_TRY(const auto columns, std::move(expanded));
  NoteStar(star, columns);
  for (const ScopeColumn* column : columns) {
    items_.push_back(expr::MakeColumn(column->index, column->name, column->type, binder_.Span(star.span)));
    names_.push_back(column->name);
  }
  return Ok();
}

Status SelectBinder::BindItems() {
  for (const sql::SelectItem& item : select_.items) {
    if (item.expression->kind == sql::ExpressionKind::kStar) {
      FIRN_RETURN_IF_ERROR(BindStar(*item.expression));
      continue;
    }
    auto bound = OutputBinder("SELECT").Bind(*item.expression);
    if (!bound.ok()) return Explained(std::move(bound).error(), *item.expression);
    names_.push_back(item.alias ? item.alias->text : OutputName(*item.expression, items_.size()));
    items_.push_back(std::move(*bound));
  }
  visible_ = items_.size();
  if (select_.having == nullptr) return Ok();
  auto bound = OutputBinder("HAVING").BindCondition(*select_.having);
  if (!bound.ok()) return Explained(std::move(bound).error(), *select_.having);
  having_ = std::move(*bound);
  return Ok();
}

std::optional<int> OutputNames::Find(const sql::Expression& expression) const {
  FIRN_ASSERT(count <= names.size() && count <= items.size(), "{} of {} names, {} items", count, names.size(), items.size());
  if (expression.kind != sql::ExpressionKind::kColumn || expression.name.parts.size() != 1) return std::nullopt;
  const auto end = names.begin() + static_cast<ptrdiff_t>(count);
  const auto found = std::find(names.begin(), end, expression.name.parts[0].text);
  if (found == end) return std::nullopt;
  return static_cast<int>(found - names.begin());
}

Result<SortKey> SelectBinder::BindSortItem(const sql::SortItem& item) {
  SortKey key;
  key.descending = item.descending;
  key.nulls_first = item.nulls == sql::NullsOrder::kDefault ? !item.descending : item.nulls == sql::NullsOrder::kFirst;
  const OutputNames outputs{names_, items_, visible_};
  if (const auto alias = outputs.Find(*item.expression)) {
    key.column = *alias;
    return key;
  }
  ExpressionBinder binder(binder_, state_.from.scope, &state_, ExpressionPlace{.clause = "ORDER BY", .allows_aggregates = true, .outputs = &outputs});
  FIRN_TRY(ExpressionPtr bound, binder.Bind(*item.expression));
  if (const auto ordinal = IntegerValue(*bound)) {
    if (*ordinal < 1 || *ordinal > static_cast<int64_t>(visible_)) {
      return Error(ErrorCode::kColumnNotFound, fmt::format("ORDER BY {}: the query has {} columns", *ordinal, visible_)).At(bound->span);
    }
    key.column = static_cast<int>(*ordinal) - 1;
    return key;
  }
  const auto is_same = [&](const ExpressionPtr& other) { return expr::Equal(*other, *bound); };
  const auto found = std::find_if(items_.begin(), items_.end(), is_same);
  key.column = static_cast<int>(found - items_.begin());
  if (found != items_.end()) return key;
  if (select_.is_distinct) {
    return Error(ErrorCode::kInvalidAggregate, "ORDER BY of SELECT DISTINCT sorts by what is selected only").At(bound->span).Hint("add the expression to the select list");
  }
  names_.push_back(fmt::format("$sort{}", items_.size()));
  items_.push_back(std::move(bound));
  return key;
}

Status SelectBinder::BindOrderBy() {
  for (const sql::SortItem& item : query_.order_by) {
    auto key = BindSortItem(item);
    if (!key.ok()) return Explained(std::move(key).error(), *item.expression);
    FIRN_RETURN_IF_ERROR(CheckSortable(items_[static_cast<size_t>(key->column)]->type, binder_.Span(item.expression->span)));
    sort_keys_.push_back(*key);
  }
  return Ok();
}

/// Joins the scalar sub-queries of the output to node_; gives the column of each.
Status SelectBinder::AttachSubqueries(std::vector<int>& columns) {
  for (const LogicalNodePtr& subquery : state_.subqueries) {
    columns.push_back(static_cast<int>(node_->fields.size()));
    node_ = MakeJoin(node_, subquery, LogicalJoin{JoinKind::kLeft, nullptr}, subquery->span);
  }
  return Ok();
}

Result<Relation> SelectBinder::RunOverSources() {
  FIRN_RETURN_IF_ERROR(BindGroupBy());
  FIRN_RETURN_IF_ERROR(BindItems());
  FIRN_RETURN_IF_ERROR(BindOrderBy());
  FIRN_TRY(const auto bounds, binder_.BindBounds(query_));
  FIRN_RETURN_IF_ERROR(BuildRelation());
  return Finish(bounds.first, bounds.second);
}

// --- correlated scalar sub-queries ---

/// The item, which aggregates nothing, becomes the only row's of its group: its first value, and how many rows there are.
Status SelectBinder::AddSingleValue() {
  FIRN_RETURN_IF_ERROR(AddCall("COUNT", {}));
  return AddCall("FIRST_VALUE", {items_[0]});
}

/// A call that the query does not name.
Status SelectBinder::AddCall(std::string_view name, std::vector<ExpressionPtr> arguments) {
  std::vector<types::DataType> types;
  for (const ExpressionPtr& argument : arguments) types.push_back(argument->type);
  FIRN_TRY(expr::AggregateCall bound, BuiltInAggregate(name, std::move(types), binder_.Span(select_.span), binder_.evaluation()));
  PendingCall call;
  call.function = bound.function;
  call.signature = bound.signature;
  call.arguments = std::move(arguments);
  state_.calls.push_back(std::move(call));
  return Ok();
}

/// The calls for each value of what is equated with the enclosing query.
Result<LogicalNodePtr> SelectBinder::GroupedByTies(const std::vector<CorrelationTie>& ties) {
  FIRN_ASSERT(keys_.empty() && !ties.empty() && !state_.calls.empty(), "{} keys before {} ties of {} calls", keys_.size(), ties.size(), state_.calls.size());
  std::vector<int> set;
  for (const CorrelationTie& tie : ties) {
    set.push_back(static_cast<int>(keys_.size()));
    keys_.push_back(GroupKey{tie.inner, fmt::format("$key{}", keys_.size())});
  }
  grouping_sets_ = {std::move(set)};
  AggregateBuilder builder(binder_.session().config, state_, keys_, grouping_sets_, state_ttl_ms_, binder_.Span(select_.span));
  return builder.Build();
}

/// The item over a group's row, whose columns may be NULL for want of one: of no rows COUNT is 0.
Result<ExpressionPtr> SelectBinder::ValueOfGroup(const LogicalNode& node) const {
  std::optional<Error> failure;
  const auto replace = [&](const ExpressionPtr& part) -> ExpressionPtr {
    if (part->kind != expr::ExpressionKind::kColumn) return nullptr;
    if (part->index < kPlaceholders) {
      failure = Error(ErrorCode::kInvalidAggregate, fmt::format("column `{}` is neither grouped nor aggregated", part->name)).At(part->span).Hint(fmt::format("aggregate it: MAX({})", part->name));
      return part;
    }
    const Placeholder& placeholder = state_.placeholders[part->index - kPlaceholders];
    FIRN_ASSERT(placeholder.kind == PlaceholderKind::kAggregate, "placeholder kind {}", static_cast<int>(placeholder.kind));
    const int index = static_cast<int>(keys_.size()) + placeholder.index;
    ExpressionPtr column = expr::MakeColumn(index, node.fields[index].name, node.fields[index].type.WithNullable(true), part->span);
    if (!state_.calls[placeholder.index].is_never_null) return column;
    auto counted = expr::BindCall("COALESCE", {std::move(column), expr::MakeBigIntLiteral(0)}, part->span, binder_.evaluation());
    if (!counted.ok() && !failure) failure = std::move(counted).error();
    return counted.ok() ? *counted : part;
  };
  ExpressionPtr value = Replaced(items_[0], replace);
  if (failure) return *std::move(failure);
  expr::Expression nullable = *value;
  nullable.type = nullable.type.WithNullable(true);
  return std::make_shared<const expr::Expression>(std::move(nullable));
}

Result<ScalarQuery> SelectBinder::BuildCorrelated(const std::vector<ExpressionPtr>& correlated) {
  ScalarQuery scalar;
  FIRN_TRY(scalar.ties, TiesOf(correlated));
  FIRN_RETURN_IF_ERROR(BindItems());
  const base::SourceSpan span = binder_.Span(select_.span);
  if (items_.size() != 1) return Error(ErrorCode::kTypeMismatch, fmt::format("a sub-query used as a value has {} columns", items_.size())).At(span).Hint("select one column");
  if (!state_.subqueries.empty() || state_.correlated || !state_.groupings.empty()) {
    return NotBuilt("a sub-query or GROUPING in the select list of a correlated sub-query", span, "compute the inner one in FROM: (SELECT ..., (sub-query) AS x FROM t)");
  }
  const bool is_aggregate = !state_.calls.empty();
  if (!is_aggregate) FIRN_RETURN_IF_ERROR(AddSingleValue());
  FIRN_TRY(scalar.node, GroupedByTies(scalar.ties));
  if (is_aggregate) {
    FIRN_TRY(scalar.value, ValueOfGroup(*scalar.node));
    return scalar;
  }
  std::vector<ExpressionPtr> count_and_value;
  for (size_t i = keys_.size(); i < scalar.node->fields.size(); ++i) {
    const types::Field& field = scalar.node->fields[i];
    count_and_value.push_back(expr::MakeColumn(static_cast<int>(i), field.name, field.type.WithNullable(true), span));
  }
  FIRN_TRY(scalar.value, expr::BindCall("$SINGLE", std::move(count_and_value), span, binder_.evaluation()));
  return scalar;
}

Status SelectBinder::BuildRelation() {
  const bool is_aggregate = select_.has_group_by || select_.having != nullptr || !state_.calls.empty() || !state_.groupings.empty();
  if (is_aggregate && state_.correlated) {
    return NotBuilt("a correlated sub-query beside aggregates", *state_.correlated, "compute it first: SELECT ... FROM (SELECT *, (sub-query) AS x FROM t) GROUP BY ...");
  }
  std::vector<int> subquery_columns;
  if (!is_aggregate) {
    node_ = state_.from.node;
    FIRN_RETURN_IF_ERROR(AttachSubqueries(subquery_columns));
    for (ExpressionPtr& item : items_) {
      item = Replaced(item, [&](const ExpressionPtr& expression) -> ExpressionPtr {
        if (expression->kind != expr::ExpressionKind::kColumn || expression->index < kPlaceholders) return nullptr;
        const Placeholder& placeholder = state_.placeholders[expression->index - kPlaceholders];
        FIRN_ASSERT(placeholder.kind == PlaceholderKind::kSubquery, "placeholder kind {}", static_cast<int>(placeholder.kind));
        return expr::MakeColumn(subquery_columns[placeholder.index], expression->name, expression->type, expression->span);
      });
    }
    return Ok();
  }
  AggregateBuilder builder(binder_.session().config, state_, keys_, grouping_sets_, state_ttl_ms_, binder_.Span(select_.span));
  builder.NameCalls(items_, names_);
  FIRN_TRY(node_, builder.Build());
  FIRN_RETURN_IF_ERROR(AttachSubqueries(subquery_columns));
  for (ExpressionPtr& item : items_) {
    FIRN_TRY(item, builder.OverResult(item, subquery_columns));
  }
  if (having_ != nullptr) {
    FIRN_TRY(having_, builder.OverResult(having_, subquery_columns));
    node_ = MakeFilter(node_, having_);
  }
  return Ok();
}

Result<Relation> SelectBinder::Finish(int64_t offset, int64_t limit) {
  FIRN_ASSERT(visible_ <= items_.size() && (!select_.is_distinct || visible_ == items_.size()), "{} of {} items are seen", visible_, items_.size());
  for (const SortKey& key : sort_keys_) FIRN_ASSERT(key.column >= 0 && key.column < static_cast<int>(items_.size()), "sort key {} of {} items", key.column, items_.size());
  node_ = MakeProject(node_, items_, names_);
  if (select_.is_distinct) {
    LogicalAggregate distinct;
    for (size_t i = 0; i < visible_; ++i) distinct.keys.push_back(static_cast<int>(i));
    distinct.state_ttl_ms = binder_.session().config.state_ttl_ms;
    node_ = MakeAggregate(node_, std::move(distinct), {}, binder_.Span(select_.span));
  }
  if (!sort_keys_.empty()) {
    node_ = MakeSort(node_, SortNode{sort_keys_, offset, limit, false}, binder_.Span(query_.order_by[0].expression->span));
  } else if (offset > 0 || limit >= 0) {
    node_ = MakeLimit(node_, LimitNode{offset, limit}, binder_.Span(query_.span));
  }
  if (items_.size() > visible_) {
    std::vector<ExpressionPtr> kept = AllColumns(node_->fields);
    kept.resize(visible_);
    names_.resize(visible_);
    node_ = MakeProject(node_, std::move(kept), names_);
  }
  Scope scope = MakeScope(node_->fields, {});
  return Relation{node_, std::move(scope)};
}

Result<Relation> BindSelect(QueryBinder& binder, const sql::Query& query, const Scope* outer) { return SelectBinder(binder, query, outer).Run(); }

Result<ScalarQuery> BindScalarSelect(QueryBinder& binder, const sql::Query& query, const Scope& outer) { return SelectBinder(binder, query, &outer).RunScalar(); }

namespace {

bool Aggregates(const sql::Expression& expression) {
  if (expression.kind == sql::ExpressionKind::kCall && expression.over == nullptr && expr::FindAggregate(expression.text) != nullptr) return true;
  return std::any_of(expression.arguments.begin(), expression.arguments.end(), [](const sql::ExpressionPtr& argument) { return argument != nullptr && Aggregates(*argument); });
}

/// Whether a row of FROM that WHERE lets through is one of the query's.
bool KeepsRows(const sql::Query& query) {
  const bool is_plain = query.kind == sql::QueryKind::kSelect && query.with.empty() && query.limit == nullptr && query.offset == nullptr &&
                        query.select->from != nullptr && !query.select->has_group_by && query.select->having == nullptr;
  // An aggregate in the select list makes it a query of one row: bound whole.
  return is_plain && std::none_of(query.select->items.begin(), query.select->items.end(), [](const sql::SelectItem& item) { return Aggregates(*item.expression); });
}

}  // namespace

bool SelectBinder::IsPlain() const { return KeepsRows(query_); }

Result<ScalarQuery> BindHasRowSelect(QueryBinder& binder, const sql::Query& query, const Scope& outer) { return SelectBinder(binder, query, &outer).RunHasRow(); }

Result<MatchedQuery> QueryBinder::BindMatched(const sql::Query& query, const Scope& outer) {
  if (KeepsRows(query)) return SelectBinder(*this, query, &outer).RunMatched();
  FIRN_TRY(Relation relation, BindQuery(query, &outer));
  MatchedQuery matched;
  matched.items = AllColumns(relation.node->fields);
  matched.relation = std::move(relation);
  return matched;
}

}  // namespace firn::plan
