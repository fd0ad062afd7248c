// SPDX-License-Identifier: Apache-2.0
// The binder: from AST to logical plan.
//
//   QueryBinder       queries, set operations, FROM, tables, views, window functions     binder_query.cc binder_from.cc binder_table.cc
//                                                                                        binder_window.cc binder_subquery.cc binder_unnest.cc
//                                                                                        binder_set_operation.cc
//   SelectBinder      one SELECT from FROM to LIMIT                                       binder_select.cc binder_aggregate.cc
//   ExpressionBinder  one expression over one scope                                       binder_expression.cc
//
// Two things are not columns yet when an expression is bound: aggregates of a SELECT (its input is not aggregated before all of its
// expressions are known) and scalar sub-queries. They are bound as placeholders, column references from kPlaceholders on, and replaced once the
// relation that computes them stands. Columns of an enclosing query (kOuterColumns on) are possible only in conjuncts of a sub-query's WHERE;
// they become part of the join condition that takes the sub-query's place.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "plan/built_in_aggregate.h"
#include "plan/logical_plan.h"
#include "plan/planner.h"
#include "plan/scope.h"
#include "plan/session_config.h"
#include "sql/ast.h"

namespace firn::plan {

inline constexpr int kMaxViewDepth = 16;
/// FROM items of a statement after views and common tables are put in: a chain of common tables that each name the one before twice doubles.
inline constexpr int kMaxRelations = 4096;
/// Common tables that each name the one before.
inline constexpr int kMaxCommonTableDepth = 200;
/// Queries within each other, and operators above each other, after views and common tables are put in: what binds a query and walks its plan
/// calls itself.
inline constexpr int kMaxPlanDepth = 2000;
/// Nodes that BETWEEN and CASE x WHEN repeat: x BETWEEN a AND b is x >= a AND x <= b, which doubles x, and again where it is in another x.
inline constexpr size_t kMaxRepeatedNodes = size_t{1} << 16;
/// Different expressions of one column of VALUES that are computed when the query runs: each is looked for in every row.
inline constexpr size_t kMaxComputedValues = 64;

/// What holds for a whole statement.
struct BindSession {
  const PlannerContext& context;
  const SessionConfig& config;
  const expr::EvaluationContext& evaluation;
  int relations = 0;
  int query_depth = 0;         // queries that are being bound, each within the one before
  int common_table_depth = 0;  // common tables that are being bound, each for the sake of the one before
  size_t repeated_nodes = 0;   // see kMaxRepeatedNodes
  StarTexts* stars = nullptr;  // asked for when a view is made
};

/// A bound FROM item or query.
struct Relation {
  LogicalNodePtr node;
  Scope scope;
};

/// The tables of WITH that are visible at one place; innermost first.
struct CommonTables {
  const sql::CommonTable* table = nullptr;
  const CommonTables* others = nullptr;
};

/// An aggregate call, its arguments over the FROM relation.
struct PendingCall {
  const expr::AggregateFunction* function = nullptr;
  expr::Signature signature;
  expr::AggregateOptions options;
  std::vector<expr::ExpressionPtr> arguments;
  expr::ExpressionPtr filter;
  bool is_never_null = false;  // COUNT
  uint64_t hash = 0;           // of the arguments: most calls of a long list differ by it
};

/// GROUPING(a, b), GROUP_ID(): a constant of each grouping set.
struct GroupingCall {
  std::vector<expr::ExpressionPtr> arguments;
  bool is_group_id = false;
};

enum class PlaceholderKind { kAggregate, kGrouping, kProperty, kSubquery };

struct Placeholder {
  PlaceholderKind kind = PlaceholderKind::kAggregate;
  int index = 0;  // in the list of its kind
};

/// What the expressions of one SELECT have asked for.
struct SelectState {
  Relation from;
  std::vector<Placeholder> placeholders;
  std::vector<PendingCall> calls;
  std::vector<GroupingCall> groupings;
  std::vector<LogicalNodePtr> subqueries;      // one column, at most one row each
  std::optional<base::SourceSpan> correlated;  // a correlated sub-query of the select list, joined to FROM
  std::optional<WindowSpec> window;            // legacy GROUP BY window; time_column over the FROM relation
  std::string window_function;                 // "TUMBLE"
  std::vector<WindowProperty> properties;
  std::vector<std::string> property_names;
};

class QueryBinder;

/// The columns of a select list: in ORDER BY their names come before those of FROM.
struct OutputNames {
  const std::vector<std::string>& names;
  const std::vector<expr::ExpressionPtr>& items;
  size_t count;  // the first of them

  /// Position of the first of the name, nullopt: none.
  std::optional<int> Find(const sql::Expression& expression) const;
};

/// How an expression may be made at its place.
struct ExpressionPlace {
  std::string_view clause;              // "WHERE": for refusals
  bool allows_aggregates = false;
  bool attaches_subqueries = false;     // scalar sub-queries are joined to the FROM relation at once
  const Scope* outer = nullptr;         // columns of the enclosing query that may be used
  const OutputNames* outputs = nullptr; // ORDER BY: what is selected
};

/// A sub-query whose rows are looked for (IN, EXISTS), taken apart so that what ties it to the outer query can join.
struct MatchedQuery {
  Relation relation;
  std::vector<expr::ExpressionPtr> items;       // what it selects, over `relation`
  std::vector<expr::ExpressionPtr> correlated;  // conjuncts over `relation` and kOuterColumns
};

/// What ties a row of a correlated scalar sub-query to a row of the enclosing query.
struct CorrelationTie {
  std::string comparison;      // "=" or "IS NOT DISTINCT FROM"
  expr::ExpressionPtr outer;   // over the enclosing query's columns
  expr::ExpressionPtr inner;   // over the sub-query's FROM
};

/// A sub-query used as a value. Without ties: `node` has one column and at most one row. With ties: `node` has one row for each value of the tied
/// expressions, which are its first columns in the order of `ties`; `value`, over its columns, is the sub-query's, also where they are NULL for want of a row.
struct ScalarQuery {
  LogicalNodePtr node;
  std::vector<CorrelationTie> ties;
  expr::ExpressionPtr value;
};

class ExpressionBinder {
 public:
  /// `select`: null where there is no SELECT (VALUES, computed columns): neither aggregates nor sub-queries then.
  ExpressionBinder(QueryBinder& query, const Scope& scope, SelectState* select, ExpressionPlace place)
      : query_(query), scope_(scope), select_(select), place_(place) {}

  Result<expr::ExpressionPtr> Bind(const sql::Expression& expression);
  /// Must be BOOLEAN.
  Result<expr::ExpressionPtr> BindCondition(const sql::Expression& expression);

 private:
  Result<expr::ExpressionPtr> BindColumn(const sql::Expression& expression);
  Result<expr::ExpressionPtr> BindUnary(const sql::Expression& expression);
  Result<expr::ExpressionPtr> BindBetween(const sql::Expression& expression);
  Result<expr::ExpressionPtr> BindIn(const sql::Expression& expression);
  Result<expr::ExpressionPtr> BindCase(const sql::Expression& expression);
  /// `value` will stand in `times` places instead of one.
  Status CountRepeated(const expr::Expression& value, size_t times);
  Result<expr::ExpressionPtr> BindCall(const sql::Expression& expression);
  Result<expr::ExpressionPtr> BindJson(const sql::Expression& expression);
  Result<expr::ExpressionPtr> BindAggregate(const sql::Expression& expression, const expr::AggregateFunction& function);
  Result<PendingCall> BindAggregateCall(const sql::Expression& expression, const expr::AggregateFunction& function);
  Status RefuseInAggregate(const sql::Expression& expression) const;
  Result<expr::ExpressionPtr> BindGrouping(const sql::Expression& expression);
  Result<expr::ExpressionPtr> BindWindowProperty(const sql::Expression& expression, std::string_view window_function, WindowProperty property);
  Result<expr::ExpressionPtr> BindSubquery(const sql::Expression& expression);
  Result<expr::ExpressionPtr> BindExists(const sql::Expression& expression);
  /// The value of a bound sub-query, where it stands.
  Result<expr::ExpressionPtr> PlaceScalar(ScalarQuery bound, base::SourceSpan span);
  Result<expr::ExpressionPtr> BindField(expr::ExpressionPtr row, const std::string& name, base::SourceSpan span);
  Result<std::vector<expr::ExpressionPtr>> BindAll(const std::vector<sql::ExpressionPtr>& expressions);
  Result<expr::ExpressionPtr> Call(std::string_view name, std::vector<expr::ExpressionPtr> arguments, base::SourceSpan span);
  expr::ExpressionPtr AddPlaceholder(PlaceholderKind kind, int index, std::string name, types::DataType type, base::SourceSpan span);
  base::SourceSpan Span(base::SourceSpan written) const;

  QueryBinder& query_;
  const Scope& scope_;
  SelectState* select_;
  ExpressionPlace place_;
  bool is_in_aggregate_ = false;
};

/// Binds queries in one namespace. Lives for one statement, view or expression text.
class QueryBinder {
 public:
  /// `fixed_span`: set when the text is not the statement's own (a view, a computed column): all places are then that of the reference.
  QueryBinder(BindSession& session, std::string catalog, std::string database, std::optional<base::SourceSpan> fixed_span, int view_depth)
      : session_(session), catalog_(std::move(catalog)), database_(std::move(database)), fixed_span_(fixed_span), view_depth_(view_depth) {}

  /// `outer`: the scope of the enclosing query, to tell a correlated column from an unknown one; may be null.
  Result<Relation> BindQuery(const sql::Query& query, const Scope* outer);
  Result<Relation> BindFrom(const sql::TableExpression& table, const std::map<std::string, int64_t>& state_ttl_ms, const Scope* outer);
  Result<MatchedQuery> BindMatched(const sql::Query& query, const Scope& outer);
  Result<ScalarQuery> BindScalarQuery(const sql::Query& query, const Scope& outer, base::SourceSpan span);
  /// Whether the query has a row, as a sub-query whose value is NULL if it has none.
  Result<ScalarQuery> BindHasRow(const sql::Query& query, const Scope& outer, base::SourceSpan span);
  /// Joins what a correlated sub-query computes to the relation whose columns it uses; gives its value.
  Result<expr::ExpressionPtr> AttachCorrelated(Relation& relation, ScalarQuery query, base::SourceSpan span);
  /// Applies IN (query), EXISTS (query) or the negation of one to the relation. `expression`: with `negations` NOTs around it.
  Status ApplyMatch(Relation& relation, const sql::Expression& expression, bool is_negated, SelectState& select);

  /// The table's definition, with catalog and database filled in. A view is found too.
  Result<TableDefinitionPtr> FindTable(const sql::ObjectName& name) const;
  ObjectPath PathOf(const sql::ObjectName& name) const;
  /// Reads a table: its persisted columns, then computed ones; the rowtime is marked.
  Result<LogicalNodePtr> BindScan(const TableDefinitionPtr& table, base::SourceSpan span);
  /// The table with the OPTIONS of its hints.
  Result<TableDefinitionPtr> WithHints(TableDefinitionPtr table, const std::vector<sql::Hint>& hints) const;
  /// A hint that nobody heeds is a slip of the pen, as in Flink.
  Status CheckHints(const std::vector<sql::Hint>& hints, const std::vector<std::string>& known) const;

  /// SESSION, TUMBLE ... in GROUP BY. `relation`: FROM.
  Result<WindowSpec> BindLegacyWindow(const sql::Expression& call, const Relation& relation);
  /// An expression over no columns whose value is known now.
  Result<expr::ExpressionPtr> BindConstant(const sql::Expression& expression, std::string_view clause);

  BindSession& session() { return session_; }
  const expr::EvaluationContext& evaluation() const { return session_.evaluation; }
  bool is_batch() const { return session_.config.is_batch; }
  base::SourceSpan Span(base::SourceSpan written) const { return fixed_span_.value_or(written); }

 private:
  friend class SelectBinder;

  Result<Relation> BindBody(const sql::Query& query, const Scope* outer);
  Result<Relation> BindValues(const sql::Query& query);
  Result<LogicalNodePtr> ValuesFromRows(const std::vector<std::vector<expr::ExpressionPtr>>& rows, const std::vector<types::Field>& fields);
  Result<Relation> BindSetOperation(const sql::Query& query, const Scope* outer);
  Result<Relation> OrderOutput(Relation relation, const sql::Query& query);
  Result<std::pair<int64_t, int64_t>> BindBounds(const sql::Query& query);  // offset, limit (-1: none)

  Result<Relation> BindNamed(const sql::TableExpression& table);
  Result<Relation> BindCommonTable(const CommonTables& entry, base::SourceSpan span);
  Result<Relation> BindView(const TableDefinition& view, base::SourceSpan span);
  Result<TableDefinitionPtr> WithTimeTravel(TableDefinitionPtr table, const sql::TableExpression& reference);
  Result<Relation> BindJoin(const sql::TableExpression& join, const std::map<std::string, int64_t>& state_ttl_ms, const Scope* outer);
  /// `left` joined with the elements of a collection in its rows. `join`: null if it stands alone.
  Result<Relation> BindUnnest(Relation left, const sql::TableExpression& unnest, const sql::TableExpression* join);
  Result<Relation> BindTableFunction(const sql::TableExpression& table, const Scope* outer);
  /// The query's relation as FROM and set operations take it: a stream cannot be sorted in passing, nor does what reads it see an order.
  Relation Unordered(Relation relation) const;
  Result<Relation> Renamed(Relation relation, const std::optional<sql::Identifier>& alias, const std::vector<sql::Identifier>& columns,
                           base::SourceSpan span);
  Result<int> FindTimeColumn(const Relation& relation, const sql::ObjectName& column, base::SourceSpan span, const std::string& relation_name);
  Result<int64_t> BindWindowSize(const sql::Expression& size, std::string_view what);
  Result<WindowSpec> BindWindowCall(const sql::Expression& call, const Relation& input, const std::string& input_name);
  Result<std::vector<const sql::Expression*>> WindowArguments(const sql::Expression& call, const std::vector<std::string_view>& names);
  Status CountRelation(base::SourceSpan span);

  BindSession& session_;
  std::string catalog_;
  std::string database_;
  std::optional<base::SourceSpan> fixed_span_;
  int view_depth_ = 0;
  const CommonTables* common_tables_ = nullptr;
};

/// The expression with each node that `replace` answers for put in its place; calls over changed arguments take over their nullability.
expr::ExpressionPtr Replaced(const expr::ExpressionPtr& expression,
                             const std::function<expr::ExpressionPtr(const expr::ExpressionPtr&)>& replace);
/// The same error at another place: for texts that are not the statement's own.
Error Relocated(const Error& error, base::SourceSpan span, std::string context);
/// How a result column without alias is called: a column's own name, else "EXPR$3".
std::string OutputName(const sql::Expression& expression, size_t position);
/// Whether ORDER BY can sort by values of the type.
Status CheckSortable(const types::DataType& type, base::SourceSpan span);
/// Casts `value` implicitly; the span is kept.
Result<expr::ExpressionPtr> CastTo(expr::ExpressionPtr value, const types::DataType& type, QueryBinder& query);
/// SELECT ... as one relation; `query` carries ORDER BY and LIMIT.
Result<Relation> BindSelect(QueryBinder& binder, const sql::Query& query, const Scope* outer);
/// SELECT ... as a value; it may have other than one column or several rows.
Result<ScalarQuery> BindScalarSelect(QueryBinder& binder, const sql::Query& query, const Scope& outer);
/// Whether SELECT ... has a row: NULL if it has none.
Result<ScalarQuery> BindHasRowSelect(QueryBinder& binder, const sql::Query& query, const Scope& outer);
/// An aggregate over all rows that is NULL where there are none, and the same however many there are.
Result<LogicalNodePtr> AnyRow(const LogicalNodePtr& node, base::SourceSpan span, const expr::EvaluationContext& evaluation);
/// Takes conjuncts over a sub-query's FROM and kOuterColumns apart; kNotSupported for one that is no equality between the two.
Result<std::vector<CorrelationTie>> TiesOf(const std::vector<expr::ExpressionPtr>& correlated);
/// An error that names what is not built, with the form that is.
Error NotBuilt(std::string what, base::SourceSpan span, std::string instead);

}  // namespace firn::plan
