// SPDX-License-Identifier: Apache-2.0
// Queries as written.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sql/ast_expression.h"

namespace firn::sql {

enum class TimeTravelKind { kNone, kSystemTime, kTimestamp, kVersion };

enum class TableKind { kNamed, kQuery, kFunction, kJoin, kUnnest };
enum class JoinType { kInner, kLeft, kRight, kFull, kCross };

struct TableExpression;
using TableExpressionPtr = std::unique_ptr<TableExpression>;

/// One item of FROM.
struct TableExpression {
  TableKind kind = TableKind::kNamed;
  SourceSpan span;
  std::optional<Identifier> alias;
  std::vector<Identifier> column_aliases;
  bool is_lateral = false;

  ObjectName name;                     // kNamed
  std::vector<Hint> hints;             // kNamed
  TimeTravelKind time_travel = TimeTravelKind::kNone;
  ExpressionPtr time_travel_point;     // timestamp, or snapshot id / branch / tag

  std::unique_ptr<Query> query;        // kQuery (also VALUES)
  ExpressionPtr function;              // kFunction: a kCall; kUnnest: the array
  bool with_ordinality = false;        // kUnnest

  TableExpressionPtr left;             // kJoin
  TableExpressionPtr right;
  JoinType join = JoinType::kInner;
  bool is_natural = false;
  ExpressionPtr on;
  std::vector<Identifier> using_columns;
};

struct SelectItem {
  ExpressionPtr expression;            // may be kStar
  std::optional<Identifier> alias;
};

enum class GroupingKind { kExpression, kSets, kRollup, kCube };

/// One element of GROUP BY. For kSets, kRollup, kCube: each set is a list of expressions (maybe empty) or a nested element.
struct GroupingElement {
  GroupingKind kind = GroupingKind::kExpression;
  SourceSpan span;
  std::vector<ExpressionPtr> expressions;    // kExpression: one; a set of ROLLUP/CUBE/SETS: its members
  std::vector<GroupingElement> elements;     // kSets, kRollup, kCube
};

struct NamedWindow {
  Identifier name;
  WindowSpecification window;
};

struct Select {
  SourceSpan span;
  std::vector<Hint> hints;
  bool is_distinct = false;
  std::vector<SelectItem> items;
  TableExpressionPtr from;                   // null: no FROM
  ExpressionPtr where;
  bool has_group_by = false;
  std::vector<GroupingElement> group_by;
  ExpressionPtr having;
  std::vector<NamedWindow> windows;
  ExpressionPtr qualify;
};

enum class QueryKind { kSelect, kValues, kSetOperation, kNested, kTable };
enum class SetOperator { kUnion, kExcept, kIntersect };

struct CommonTable {
  Identifier name;
  std::vector<Identifier> columns;
  std::unique_ptr<Query> query;
};

/// WITH ... body ORDER BY ... LIMIT ...
struct Query {
  SourceSpan span;
  bool is_recursive = false;
  std::vector<CommonTable> with;

  QueryKind kind = QueryKind::kSelect;
  std::unique_ptr<Select> select;                        // kSelect
  std::vector<std::vector<ExpressionPtr>> values;        // kValues: rows
  SetOperator set_operator = SetOperator::kUnion;        // kSetOperation
  bool is_all = false;
  std::unique_ptr<Query> left;
  std::unique_ptr<Query> right;
  std::unique_ptr<Query> nested;                         // kNested: in parentheses
  ObjectName table;                                      // kTable: TABLE t

  std::vector<SortItem> order_by;
  ExpressionPtr limit;                                   // LIMIT n, FETCH FIRST n ROWS ONLY; LIMIT ALL: null
  ExpressionPtr offset;
};

}  // namespace firn::sql
