// SPDX-License-Identifier: Apache-2.0
// The logical plan: what the binder makes of a query and the rewrites work on. A tree of immutable nodes; a rewrite builds new ones. Where a
// logical operator says no more than its physical twin, the twin's description (physical_plan.h) is used for both.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "plan/physical_plan.h"

namespace firn::plan {

struct LogicalNode;
using LogicalNodePtr = std::shared_ptr<const LogicalNode>;

/// Keeps the rows for which the condition is true.
struct LogicalFilter {
  expr::ExpressionPtr condition;
};

struct LogicalProject {
  std::vector<expr::ExpressionPtr> outputs;
};

/// GROUP BY. Output: keys, then calls, then properties. Without `window` it may still become a window aggregate: when its keys hold both bounds
/// of a window that its input carries (see window_columns.h).
struct LogicalAggregate {
  std::vector<int> keys;
  std::vector<expr::AggregateCall> calls;
  std::optional<WindowSpec> window;         // legacy: GROUP BY TUMBLE(ts, ...)
  std::vector<WindowProperty> properties;   // only with `window`
  int64_t state_ttl_ms = 0;
};

struct LogicalJoin {
  JoinKind kind = JoinKind::kInner;
  expr::ExpressionPtr condition;  // over left columns then right columns; null: all pairs
  bool is_null_aware_anti = false;
  int64_t left_ttl_ms = 0;
  int64_t right_ttl_ms = 0;
};

/// Which columns of a relation hold the bounds of a window that a window TVF or an earlier window aggregate has assigned (Flink's window
/// properties); -1: not among them any more.
struct WindowColumns {
  int start = -1;
  int end = -1;
  int time = -1;
  WindowSpec window;
  bool HasBounds() const { return start >= 0 && end >= 0; }
};

using LogicalSpec = std::variant<ScanNode, ValuesNode, LogicalFilter, LogicalProject, WindowAssignNode, LogicalAggregate, ExpandNode,
                                 UnnestNode, LogicalJoin, SortNode, LimitNode, UnionNode, SinkNode, CollectNode>;

/// Immutable once shared.
struct LogicalNode {
  LogicalSpec spec;
  std::vector<LogicalNodePtr> inputs;
  std::vector<types::Field> fields;
  std::optional<WindowColumns> window;  // nullopt: the relation carries no window
  int depth = 1;          // operators above each other, this one and those beneath
  base::SourceSpan span;  // where in the statement it comes from, for errors of later phases
};

// Makers derive the output fields. Preconditions are asserted, not reported: the binder has checked them.
LogicalNodePtr MakeScan(ScanNode scan, std::vector<types::Field> fields, base::SourceSpan span);
LogicalNodePtr MakeValues(std::vector<types::Batch> rows, std::vector<types::Field> fields);
/// A null condition gives the input itself.
LogicalNodePtr MakeFilter(LogicalNodePtr input, expr::ExpressionPtr condition);
/// `names`: one an output.
LogicalNodePtr MakeProject(LogicalNodePtr input, std::vector<expr::ExpressionPtr> outputs, const std::vector<std::string>& names);
/// Adds window_start, window_end and window_time.
LogicalNodePtr MakeWindowAssign(LogicalNodePtr input, WindowSpec window, base::SourceSpan span);
/// `key_names` may be empty: the input's. `property_names`: one a property.
LogicalNodePtr MakeAggregate(LogicalNodePtr input, LogicalAggregate aggregate, const std::vector<std::string>& property_names,
                             base::SourceSpan span);
LogicalNodePtr MakeExpand(LogicalNodePtr input, ExpandNode expand, std::vector<types::Field> fields);
/// `unnest.names`: one of each of ElementFields, and one of the place.
LogicalNodePtr MakeUnnest(LogicalNodePtr input, UnnestNode unnest, base::SourceSpan span);
LogicalNodePtr MakeJoin(LogicalNodePtr left, LogicalNodePtr right, LogicalJoin join, base::SourceSpan span);
LogicalNodePtr MakeSort(LogicalNodePtr input, SortNode sort, base::SourceSpan span);
LogicalNodePtr MakeLimit(LogicalNodePtr input, LimitNode limit, base::SourceSpan span);
/// All inputs have the same number of columns and the same types but for nullability and time attribute. Unions among them are taken apart.
LogicalNodePtr MakeUnion(std::vector<LogicalNodePtr> inputs);
LogicalNodePtr MakeSink(LogicalNodePtr input, SinkNode sink, base::SourceSpan span);
LogicalNodePtr MakeCollect(LogicalNodePtr input);
/// The same operator over other inputs that have the same fields.
LogicalNodePtr WithInputs(const LogicalNode& node, std::vector<LogicalNodePtr> inputs);

/// A reference to column `index` of `fields`.
expr::ExpressionPtr ColumnOf(const std::vector<types::Field>& fields, int index);
/// References to all columns.
std::vector<expr::ExpressionPtr> AllColumns(const std::vector<types::Field>& fields);
std::vector<std::string> NamesOf(const std::vector<types::Field>& fields);

/// The columns that an element of an ARRAY or MAP has in UNNEST, under the names they have there by themselves.
std::vector<types::Field> ElementFields(const types::DataType& collection);

/// The rowtime column of a relation, -1: none.
int RowtimeOf(const std::vector<types::Field>& fields);

/// The plan as text, one node a line, inputs indented beneath their consumer.
std::string ToString(const LogicalNode& root);

}  // namespace firn::plan
