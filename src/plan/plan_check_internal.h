// SPDX-License-Identifier: Apache-2.0
// Whether a physical plan keeps its own promises, which is asserted of every plan before it is run. Column numbers lie in their input and have the types that
// expressions think they have, outputs are as many as the schema's fields, lanes fit together, what is told of rows fits what the inputs tell.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "plan/changelog.h"
#include "plan/describe.h"
#include "plan/physical_plan.h"
#include "plan/stored_alike.h"

namespace firn::plan {

class PlanChecker {
 public:
  /// What is wrong, one line each; empty: nothing.
  std::string Check(const JobPlan& plan) {
    for (const PhysicalNodePtr& node : NodesOf(plan)) {
      node_ = node.get();
      std::visit([&](const auto& spec) { CheckSpec(spec); }, node->spec);
      CheckColumns(node->upsert_key, node->schema->fields(), "upsert key");
      if (node->rowtime >= 0) CheckColumns({node->rowtime}, node->schema->fields(), "rowtime");
      if (!std::holds_alternative<ExchangeNode>(node->spec)) {
        for (const PhysicalNodePtr& input : node->inputs) Expect(input->parallelism == node->parallelism, "an input has other lanes and no exchange");
      }
      CheckChanges();
    }
    return problems_;
  }

 private:
  using Fields = std::vector<types::Field>;

  template <typename... Args>
  void Expect(bool holds, fmt::format_string<Args...> what, Args&&... args) {
    if (!holds) problems_ += fmt::format("{}: {}\n", Describe(*node_), fmt::format(what, std::forward<Args>(args)...));
  }
  const Fields& Input(size_t index = 0) const { return node_->inputs[index]->schema->fields(); }
  const Fields& Output() const { return node_->schema->fields(); }

  void CheckColumns(const std::vector<int>& columns, const Fields& fields, std::string_view what) {
    for (int column : columns) Expect(column >= 0 && column < static_cast<int>(fields.size()), "{}: column {} of {}", what, column, fields.size());
  }
  /// `fields` may be wider in nullability than an expression saw when it was bound (outer joins, unions), never another type.
  void CheckExpression(const expr::ExpressionPtr& expression, const Fields& fields) {
    if (expression == nullptr) return;
    if (expression->kind == expr::ExpressionKind::kColumn) {
      const int index = expression->index;
      const bool is_in = index >= 0 && index < static_cast<int>(fields.size());
      Expect(is_in, "expression column {} of {}", index, fields.size());
      const bool is_same = !is_in || IsStoredAlike(expression->type, fields[index].type);
      if (!is_same) Expect(false, "column {} `{}` is {}, the expression says {}", index, fields[index].name, fields[index].type.ToString(), expression->type.ToString());
    }
    for (const expr::ExpressionPtr& argument : expression->arguments) CheckExpression(argument, fields);
  }
  void CheckOutputs(const std::vector<expr::ExpressionPtr>& outputs, const Fields& input) {
    Expect(outputs.size() == Output().size(), "{} outputs, {} fields", outputs.size(), Output().size());
    for (size_t i = 0; i < outputs.size(); ++i) {
      CheckExpression(outputs[i], input);
      if (i < Output().size()) CheckType(outputs[i]->type, Output()[i]);
    }
  }
  void CheckType(const types::DataType& type, const types::Field& field) {
    const bool is_untyped_null = type.kind() == types::TypeKind::kNull || field.type.kind() == types::TypeKind::kNull;
    if (!is_untyped_null && !IsStoredAlike(type, field.type)) Expect(false, "field `{}` is {}, its value {}", field.name, field.type.ToString(), type.ToString());
  }
  void CheckSame(const Fields& from, const Fields& to) {
    Expect(from.size() == to.size(), "{} fields from {}", to.size(), from.size());
    for (size_t i = 0; i < std::min(from.size(), to.size()); ++i) CheckType(from[i].type, to[i]);
  }
  void CheckCalls(const std::vector<expr::AggregateCall>& calls, size_t first_output) {
    for (size_t i = 0; i < calls.size(); ++i) {
      const expr::AggregateCall& call = calls[i];
      CheckColumns(call.arguments, Input(), "argument");
      if (call.filter >= 0) CheckColumns({call.filter}, Input(), "filter");
      Expect(call.arguments.size() == call.signature.arguments.size(), "arguments of an aggregate");
      for (size_t a = 0; a < call.arguments.size(); ++a) CheckType(call.signature.arguments[a], Input()[call.arguments[a]]);
      if (first_output + i < Output().size()) CheckType(call.signature.result, Output()[first_output + i]);
    }
  }
  /// Rows that an input takes back cannot be kept from whoever reads on, but for operators that have their own way with them.
  void CheckChanges() {
    const ChangelogMode& told = node_->changelog;
    const NodeSpec& spec = node_->spec;
    const bool passes_on = std::holds_alternative<CalcNode>(spec) || std::holds_alternative<ExchangeNode>(spec) || std::holds_alternative<UnionNode>(spec) || std::holds_alternative<ExpandNode>(spec) ||
                           std::holds_alternative<UnnestNode>(spec) || std::holds_alternative<CollectNode>(spec) || std::holds_alternative<SinkNode>(spec);
    for (const PhysicalNodePtr& input : node_->inputs) {
      if (!passes_on) continue;
      const ChangelogMode& comes = input->changelog;
      const bool fits = (told.has_updates || !comes.has_updates) && (told.has_update_before || !comes.has_update_before) && (told.has_deletes || !comes.has_deletes);
      Expect(fits, "tells {}, its input {}", ToString(told), ToString(comes));
    }
    if (std::holds_alternative<LimitNode>(spec)) Expect(node_->inputs[0]->changelog.InsertOnly(), "the first rows of what is taken back");
  }
  void CheckKeys(const std::vector<int>& keys) {
    CheckColumns(keys, Input(), "key");
    for (size_t i = 0; i < keys.size(); ++i) CheckType(Input()[keys[i]].type, Output()[i]);
  }

  void CheckSpec(const ScanNode& scan) {
    CheckOutputs(scan.outputs, scan.read_columns);
    Expect(scan.metadata_keys.size() == scan.read_columns.size(), "metadata keys");
    CheckExpression(scan.watermark, Output());
    if (scan.watermark != nullptr) CheckColumns({scan.rowtime}, Output(), "rowtime");
    for (const auto& predicate : scan.predicates) CheckExpression(predicate, scan.read_columns);
  }
  void CheckSpec(const CalcNode& calc) {
    CheckExpression(calc.condition, Input());
    CheckOutputs(calc.outputs, Input());
  }
  void CheckSpec(const ValuesNode& values) {
    for (const types::Batch& batch : values.rows) Expect(batch.columns.size() == Output().size(), "columns of a batch");
  }
  void CheckWindow(const WindowSpec& window) {
    CheckColumns({window.time_column}, Input(), "time column");
    CheckColumns(window.partition_keys, Input(), "partition key");
  }
  void CheckSpec(const WindowAssignNode& assign) {
    CheckWindow(assign.window);
    Expect(Output().size() == Input().size() + 3, "a window adds three columns");
  }
  void CheckSpec(const WindowAggregateNode& aggregate) {
    if (aggregate.attached_end >= 0) {
      CheckColumns({aggregate.attached_start, aggregate.attached_end}, Input(), "window bound");
    } else {
      CheckWindow(aggregate.window);
    }
    Expect(Output().size() == aggregate.keys.size() + aggregate.aggregates.size() + aggregate.properties.size(), "fields of a window aggregate");
    CheckKeys(aggregate.keys);
    CheckCalls(aggregate.aggregates, aggregate.keys.size());
  }
  void CheckSpec(const GroupAggregateNode& aggregate) {
    Expect(Output().size() == aggregate.keys.size() + aggregate.aggregates.size(), "fields of an aggregate");
    CheckKeys(aggregate.keys);
    CheckCalls(aggregate.aggregates, aggregate.keys.size());
  }
  void CheckSpec(const ExpandNode& expand) {
    for (const auto& outputs : expand.outputs) CheckOutputs(outputs, Input());
  }
  void CheckSpec(const UnnestNode& unnest) {
    CheckExpression(unnest.collection, Input());
    CheckColumns(unnest.passed, Input(), "passed column");
    Expect(Output().size() == unnest.passed.size() + unnest.names.size(), "fields of an unnest");
    for (size_t i = 0; i < unnest.passed.size(); ++i) CheckType(Input()[unnest.passed[i]].type, Output()[i]);
  }
  void CheckSpec(const JoinNode& join) {
    const bool is_left_only = join.kind == JoinKind::kSemi || join.kind == JoinKind::kAnti;
    Fields both = Input(0);
    both.insert(both.end(), Input(1).begin(), Input(1).end());
    CheckSame(is_left_only ? Input(0) : both, Output());
    CheckExpression(join.condition, both);
    CheckColumns(join.left_keys, Input(0), "left key");
    CheckColumns(join.right_keys, Input(1), "right key");
    Expect(join.left_keys.size() == join.right_keys.size() && join.left_keys.size() == join.null_safe.size(), "keys of a join");
    for (size_t i = 0; i < join.left_keys.size(); ++i) {
      Expect(Input(0)[join.left_keys[i]].type.EqualsIgnoringNullability(Input(1)[join.right_keys[i]].type), "types of join keys");
    }
    CheckColumns(join.left_upsert_key, Input(0), "left upsert key");
    CheckColumns(join.right_upsert_key, Input(1), "right upsert key");
  }
  void CheckSpec(const SortNode& sort) {
    CheckSame(Input(), Output());
    for (const SortKey& key : sort.keys) CheckColumns({key.column}, Input(), "sort key");
  }
  void CheckSpec(const LimitNode&) { CheckSame(Input(), Output()); }
  void CheckSpec(const UnionNode&) {
    for (size_t i = 0; i < node_->inputs.size(); ++i) CheckSame(Input(i), Output());
  }
  void CheckSpec(const NormalizeNode& normalize) {
    CheckSame(Input(), Output());
    CheckColumns(normalize.key, Input(), "key");
  }
  void CheckSpec(const DropUpdateBeforeNode&) { CheckSame(Input(), Output()); }
  void CheckSpec(const ExchangeNode& exchange) {
    CheckSame(Input(), Output());
    CheckColumns(exchange.keys, Input(), "key");
  }
  void CheckSpec(const SinkNode& sink) {
    CheckSame(Input(), Output());
    Expect(sink.columns.size() == Input().size() && sink.metadata_keys.size() == Input().size(), "columns of a sink");
    CheckColumns(sink.upsert_key, Input(), "upsert key");
    CheckColumns(sink.not_null, Input(), "not null");
  }
  void CheckSpec(const CollectNode&) { CheckSame(Input(), Output()); }

  const PhysicalNode* node_ = nullptr;
  std::string problems_;
};

}  // namespace firn::plan
