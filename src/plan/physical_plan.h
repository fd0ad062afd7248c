// SPDX-License-Identifier: Apache-2.0
// The physical plan: a graph of operator descriptions, plain data that `exec` turns into operators. Nodes may be shared (one
// source read for several inserts). Column numbers refer to the schema of the node's input; outputs are in the order given here.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "expr/aggregate_function.h"
#include "expr/expression.h"
#include "plan/catalog_view.h"
#include "types/batch.h"
#include "types/data_type.h"

namespace firn::plan {

struct PhysicalNode;
using PhysicalNodePtr = std::shared_ptr<const PhysicalNode>;

/// Reads a table. The connector delivers `read_columns`; then the node computes `outputs` over them and filters, and assigns the watermark, per
/// partition and before partitions are merged.
struct ScanNode {
  TableDefinitionPtr table;                      // with hints merged into its options
  SourceTraits traits;
  std::vector<types::Field> read_columns;        // physical and metadata columns that are needed
  std::vector<std::string> metadata_keys;        // parallel to read_columns: the key, or "" for a physical column
  std::vector<expr::ExpressionPtr> outputs;      // over read_columns; one a schema field
  int rowtime = -1;                              // output column with the event time, -1: none
  expr::ExpressionPtr watermark;                 // over the outputs; null: no watermark
  std::vector<expr::ExpressionPtr> predicates;   // conjuncts over read_columns, for the connector to skip data by
  int64_t limit = -1;                            // no more rows than this are needed, -1: all
};

/// Filters, then projects. Without a rowtime among the outputs the watermark still passes.
struct CalcNode {
  expr::ExpressionPtr condition;             // null: all rows
  std::vector<expr::ExpressionPtr> outputs;
};

struct ValuesNode {
  std::vector<types::Batch> rows;
};

enum class WindowKind { kTumble, kHop, kCumulate, kSession };

struct WindowSpec {
  WindowKind kind = WindowKind::kTumble;
  int time_column = -1;
  bool is_proctime = false;
  bool is_local_time = false;   // TIMESTAMP_LTZ: aligned in the session time zone
  int64_t size_ms = 0;          // SESSION: the gap
  int64_t slide_ms = 0;         // HOP slide, CUMULATE step
  int64_t offset_ms = 0;
  std::vector<int> partition_keys;  // SESSION(... PARTITION BY)
};

/// A bare window TVF: the input's columns, then window_start, window_end TIMESTAMP(3) and window_time. Drops nothing.
struct WindowAssignNode {
  WindowSpec window;
};

enum class WindowProperty { kStart, kEnd, kTime, kProctime };

/// GROUP BY window [, keys]. Output: keys, then aggregates, then window properties. Late rows are dropped and counted.
struct WindowAggregateNode {
  /// Either a window to assign, or (cascaded) columns of the input that hold an assigned window's bounds.
  WindowSpec window;
  int attached_start = -1;  // input column of window_start, -1: assign `window`
  int attached_end = -1;
  std::vector<int> keys;
  std::vector<expr::AggregateCall> aggregates;
  std::vector<WindowProperty> properties;
};

/// GROUP BY without a window: updates its result. Output: keys, then aggregates. Without keys: one row.
struct GroupAggregateNode {
  std::vector<int> keys;
  std::vector<expr::AggregateCall> aggregates;
  bool input_has_retractions = false;
  bool emits_update_before = true;
  int64_t state_ttl_ms = 0;  // 0: for ever
};

/// Each row once per projection: GROUPING SETS. `outputs[i]` is one projection.
struct ExpandNode {
  std::vector<std::vector<expr::ExpressionPtr>> outputs;
};

/// UNNEST: each row once an element of its collection. Output: the columns `passed`, then the element's columns (of an ARRAY of ROWs its fields, of a
/// MAP key and value), then its place from 1 if asked for. In place of a collection a BIGINT says how often the row comes out, less than 1: not at all.
struct UnnestNode {
  expr::ExpressionPtr collection;       // ARRAY, MAP or BIGINT, over the input
  std::vector<int> passed;              // input columns
  std::vector<std::string> names;       // of the columns behind them
  bool keeps_empty = false;             // LEFT JOIN: a row without elements comes out once, with NULLs
  bool with_ordinality = false;
};

enum class JoinKind { kInner, kLeft, kRight, kFull, kSemi, kAnti };

/// Output: left columns, then right columns (semi, anti: left only).
struct JoinNode {
  JoinKind kind = JoinKind::kInner;
  std::vector<int> left_keys;
  std::vector<int> right_keys;
  std::vector<bool> null_safe;          // per key: IS NOT DISTINCT FROM
  expr::ExpressionPtr condition;        // over left columns then right columns; null: keys only
  bool is_null_aware_anti = false;      // NOT IN
  int64_t left_ttl_ms = 0;
  int64_t right_ttl_ms = 0;
  std::vector<int> left_upsert_key;     // unique key of the input, empty: none known
  std::vector<int> right_upsert_key;
  /// Both sides carry the same window: matches are found within it and state is dropped when it closes. Columns of window_end, -1: no window join.
  int left_window_end = -1;
  int right_window_end = -1;
  bool is_window_local_time = false;    // the windows lie in the session time zone
};

struct SortKey {
  int column = -1;
  bool descending = false;
  bool nulls_first = true;
};

/// Sorts a bounded input; over an unbounded one the first key must be an ascending rowtime. With a limit: Top-N, which keeps taking changes;
/// without keys it keeps the order of arrival.
struct SortNode {
  std::vector<SortKey> keys;
  int64_t offset = 0;
  int64_t limit = -1;
  bool by_rowtime = false;  // streaming: rows come out as the watermark passes them
};

/// Takes the first rows of an insert-only input.
struct LimitNode {
  int64_t offset = 0;
  int64_t limit = -1;
};

struct UnionNode {};  // UNION ALL of all inputs

/// Turns a changelog by key (upserts, possibly doubled) into one with -U (if asked for) and exact +I. A -U of the input counts as a delete.
struct NormalizeNode {
  std::vector<int> key;
  bool emits_update_before = true;
};

struct DropUpdateBeforeNode {};

enum class Distribution { kForward, kHash, kSingle };

/// Sends rows to the lanes of the next operator.
struct ExchangeNode {
  Distribution distribution = Distribution::kSingle;
  std::vector<int> keys;  // kHash
};

struct SinkNode {
  TableDefinitionPtr table;
  SinkTraits traits;
  ChangelogMode changelog;
  std::vector<int> upsert_key;                          // input columns of the table's primary key
  std::vector<std::string> columns;                     // the table's persisted columns, in the input's order
  std::vector<std::string> metadata_keys;               // parallel: "" for a physical column
  std::vector<int> not_null;                            // input columns whose NULL fails the job (kNotNullViolation)
  bool overwrite = false;
};

/// Hands rows to whoever runs the SELECT.
struct CollectNode {};

using NodeSpec = std::variant<ScanNode, CalcNode, ValuesNode, WindowAssignNode, WindowAggregateNode, GroupAggregateNode, ExpandNode,
                              UnnestNode, JoinNode, SortNode, LimitNode, UnionNode, NormalizeNode, DropUpdateBeforeNode, ExchangeNode,
                              SinkNode, CollectNode>;

struct PhysicalNode {
  int id = 0;                // dense within a plan, inputs before their consumers; names the operator's state (see uid)
  /// Stable across restarts and replanning of the same text: "WindowAggregate-7f3a…"; state is found by it.
  std::string uid;
  std::string name;          // "Source: trades", "WindowAggregate(TUMBLE 1 min)": for EXPLAIN, REST, metrics
  NodeSpec spec;
  std::vector<PhysicalNodePtr> inputs;
  types::SchemaPtr schema;
  ChangelogMode changelog;
  std::vector<int> upsert_key;  // columns that identify a row, empty: none known
  int rowtime = -1;             // column that the watermark speaks of
  bool is_bounded = false;
  int parallelism = 1;          // lanes
};

/// One job: several sinks (a statement set) or one CollectNode.
struct JobPlan {
  std::vector<PhysicalNodePtr> roots;
  std::map<std::string, std::string> config;  // SET values at planning
  bool is_batch = false;
  bool is_bounded = false;                    // all sources end
  std::string logical_text;                   // for EXPLAIN: the rewritten logical plans of the roots
};

/// All nodes, inputs before consumers, each once.
std::vector<PhysicalNodePtr> NodesOf(const JobPlan& plan);

}  // namespace firn::plan
