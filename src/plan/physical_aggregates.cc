// SPDX-License-Identifier: Apache-2.0
// Aggregates: updating ones, and the three ways to a window aggregate:
//   legacy    GROUP BY TUMBLE(ts, ...): the window is part of the aggregate
//   TVF       GROUP BY window_start, window_end right above a window TVF: the TVF is folded into the aggregate, which then works in slices
//   attached  the same with something between (a filter on the bounds, GROUPING SETS, a window join, an earlier window aggregate): the
//             aggregate groups by the bounds that its input carries
#include <algorithm>
#include <map>
#include <set>

#include "base/assert.h"
#include "plan/built_in_aggregate.h"
#include "plan/changelog.h"
#include "plan/physical_builder_internal.h"
#include "plan/window_columns.h"

namespace firn::plan {

using types::Field;

namespace {

/// How the columns of a TVF aggregate's input relate to the TVF's own input.
struct TvfShape {
  const LogicalNode* assign_node = nullptr;
  std::vector<expr::ExpressionPtr> outputs;          // per column: over the TVF's input; null for a bound
  std::vector<std::optional<WindowProperty>> bounds;  // per column
};

WindowProperty BoundAt(int position, const WindowSpec& window) {
  if (position == 0) return WindowProperty::kStart;
  if (position == 1) return WindowProperty::kEnd;
  return window.is_proctime ? WindowProperty::kProctime : WindowProperty::kTime;
}

/// nullopt: the input is not a TVF, alone or beneath a projection that only passes the bounds on.
std::optional<TvfShape> ShapeOf(const LogicalNode& input) {
  TvfShape shape;
  const auto* project = std::get_if<LogicalProject>(&input.spec);
  shape.assign_node = project != nullptr ? input.inputs[0].get() : &input;
  const auto* assign = std::get_if<WindowAssignNode>(&shape.assign_node->spec);
  if (assign == nullptr) return std::nullopt;
  const int first_bound = static_cast<int>(shape.assign_node->inputs[0]->fields.size());
  const std::vector<expr::ExpressionPtr> outputs = project != nullptr ? project->outputs : AllColumns(input.fields);
  for (const expr::ExpressionPtr& output : outputs) {
    if (output->kind == expr::ExpressionKind::kColumn && output->index >= first_bound) {
      shape.outputs.push_back(nullptr);
      shape.bounds.push_back(BoundAt(output->index - first_bound, assign->window));
      continue;
    }
    const std::vector<int> columns = expr::ColumnsOf(*output);
    if (!columns.empty() && columns.back() >= first_bound) return std::nullopt;
    shape.outputs.push_back(output);
    shape.bounds.push_back(std::nullopt);
  }
  return shape;
}

/// A session's rows are grouped by its partition keys: the aggregate must group by exactly those for the two to be one operator.
bool SessionFits(const LogicalAggregate& aggregate, const TvfShape& shape) {
  const WindowSpec& window = std::get<WindowAssignNode>(shape.assign_node->spec).window;
  if (window.kind != WindowKind::kSession) return true;
  std::set<int> keys;
  for (int key : aggregate.keys) {
    if (shape.bounds[key]) continue;
    if (shape.outputs[key]->kind != expr::ExpressionKind::kColumn) return false;
    keys.insert(shape.outputs[key]->index);
  }
  return keys == std::set<int>(window.partition_keys.begin(), window.partition_keys.end());
}

bool CallsAvoidBounds(const LogicalAggregate& aggregate, const TvfShape& shape) {
  for (const expr::AggregateCall& call : aggregate.calls) {
    for (int argument : call.arguments) {
      if (shape.bounds[argument]) return false;
    }
    if (call.filter >= 0 && shape.bounds[call.filter]) return false;
  }
  return true;
}

int PositionOf(std::vector<WindowProperty>& properties, WindowProperty property) {
  const auto found = std::find(properties.begin(), properties.end(), property);
  if (found != properties.end()) return static_cast<int>(found - properties.begin());
  properties.push_back(property);
  return static_cast<int>(properties.size()) - 1;
}

/// Where each logical key is among the operator's outputs: a key of its own, or a property of the window.
struct KeyPlace {
  bool is_property = false;
  int index = 0;
};

/// The operator puts keys, then calls, then properties; the query wants its keys in their order, then calls.
std::vector<expr::ExpressionPtr> Reordered(const std::vector<KeyPlace>& places, size_t own_keys, size_t calls, const std::vector<types::Field>& fields) {
  FIRN_ASSERT(fields.size() == places.size() + calls, "{} columns of {} keys and {} calls", fields.size(), places.size(), calls);
  std::vector<expr::ExpressionPtr> outputs;
  for (size_t i = 0; i < places.size(); ++i) {
    const int column = places[i].index + (places[i].is_property ? static_cast<int>(own_keys + calls) : 0);
    outputs.push_back(expr::MakeColumn(column, fields[i].name, fields[i].type));
  }
  for (size_t i = 0; i < calls; ++i) {
    const types::Field& field = fields[places.size() + i];
    outputs.push_back(expr::MakeColumn(static_cast<int>(own_keys + i), field.name, field.type));
  }
  return outputs;
}

/// The fields in the operator's own order.
std::vector<types::Field> OperatorFields(const std::vector<KeyPlace>& places, const WindowAggregateNode& spec, const std::vector<types::Field>& fields) {
  std::vector<types::Field> ordered(spec.keys.size() + spec.aggregates.size() + spec.properties.size());
  for (size_t i = 0; i < places.size(); ++i) {
    const size_t base = places[i].is_property ? spec.keys.size() + spec.aggregates.size() : 0;
    const size_t count = places[i].is_property ? spec.properties.size() : spec.keys.size();
    FIRN_ASSERT(places[i].index >= 0 && static_cast<size_t>(places[i].index) < count, "key {} stands at {} of {}", i, places[i].index, count);
    ordered[base + places[i].index] = fields[i];
  }
  for (size_t i = 0; i < spec.aggregates.size(); ++i) ordered[spec.keys.size() + i] = fields[places.size() + i];
  return ordered;
}

}  // namespace

std::vector<expr::AggregateCall> PhysicalBuilder::CallsOver(std::vector<expr::AggregateCall> calls, const PhysicalNode& input) {
  for (expr::AggregateCall& call : calls) call.options.is_retractable = !input.changelog.InsertOnly();
  return calls;
}

/// SESSION by itself. A session's bounds are known when it closes, so its rows are kept as an array until then and come out together:
///   WindowAggregate(SESSION, ARRAY_AGG(ROW(all columns))) -> Unnest
Result<PhysicalNodePtr> PhysicalBuilder::BuildSessionAssign(const LogicalNode& node, const WindowAssignNode& assign) {
  FIRN_TRY(PhysicalNodePtr input, Build(node.inputs[0], Asks::kAllChanges));
  const size_t count = node.inputs[0]->fields.size();
  std::vector<Field> fields(node.fields.begin(), node.fields.begin() + static_cast<std::ptrdiff_t>(count));  // without time attributes
  const expr::EvaluationContext evaluation;
  FIRN_TRY(expr::ExpressionPtr row, expr::BindCall("ROW", AllColumns(fields), node.span, evaluation));
  FIRN_TRY(expr::AggregateCall call, BuiltInAggregate("ARRAY_AGG", {row->type}, node.span, evaluation));
  std::vector<expr::ExpressionPtr> outputs = {row, ColumnOf(input->schema->fields(), assign.window.time_column)};
  std::vector<Field> read = {Field{"$row", row->type}, input->schema->field(assign.window.time_column)};
  WindowAggregateNode spec;
  spec.window = assign.window;
  spec.window.time_column = 1;
  spec.window.partition_keys.clear();
  for (int key : assign.window.partition_keys) {
    spec.keys.push_back(static_cast<int>(outputs.size()));
    outputs.push_back(ColumnOf(fields, key));
    read.push_back(fields[key]);
  }
  spec.window.partition_keys = spec.keys;
  spec.properties = {WindowProperty::kStart, WindowProperty::kEnd, BoundAt(2, assign.window)};
  input = Distributed(Projected(std::move(input), std::move(outputs), std::move(read)), spec.keys);
  call.arguments = {0};
  call.name = "$rows";
  spec.aggregates = CallsOver({call}, *input);
  const int first_bound = static_cast<int>(spec.keys.size()) + 1;
  std::vector<Field> aggregated(input->schema->fields().begin() + 2, input->schema->fields().end());
  aggregated.push_back(Field{call.name, call.signature.result});
  aggregated.insert(aggregated.end(), node.fields.begin() + static_cast<std::ptrdiff_t>(count), node.fields.end());
  const int lanes = input->parallelism;
  const PhysicalNodePtr sessions = Add({std::move(spec), {std::move(input)}, aggregated, kInsertOnly, {}, lanes});

  UnnestNode unnest;
  unnest.collection = ColumnOf(aggregated, first_bound - 1);
  unnest.passed = {first_bound, first_bound + 1, first_bound + 2};
  unnest.names = NamesOf(fields);
  std::vector<Field> unnested(node.fields.begin() + static_cast<std::ptrdiff_t>(count), node.fields.end());
  unnested.insert(unnested.end(), fields.begin(), fields.end());
  std::vector<expr::ExpressionPtr> order;
  for (size_t i = 0; i < node.fields.size(); ++i) order.push_back(ColumnOf(unnested, static_cast<int>(i < count ? i + 3 : i - count)));
  PhysicalNodePtr rows = Add({std::move(unnest), {sessions}, std::move(unnested), kInsertOnly, {}, lanes});
  return Projected(std::move(rows), std::move(order), node.fields);
}

Result<PhysicalNodePtr> PhysicalBuilder::BuildWindowAssign(const LogicalNode& node, const WindowAssignNode& assign) {
  if (assign.window.kind == WindowKind::kSession) return BuildSessionAssign(node, assign);
  FIRN_TRY(PhysicalNodePtr input, Build(node.inputs[0], Asks::kAllChanges));
  const ChangelogMode changelog = input->changelog;
  const int lanes = input->parallelism;
  const std::vector<int> key = input->upsert_key;
  const PhysicalNode* distributed = input.get();
  PhysicalNodePtr assigned = Add({assign, {std::move(input)}, node.fields, changelog, key, lanes});
  if (const auto hashed = hashed_by_.find(distributed); hashed != hashed_by_.end()) hashed_by_[assigned.get()] = hashed->second;
  return assigned;
}

Result<PhysicalNodePtr> PhysicalBuilder::BuildAggregate(const LogicalNodePtr& node, const LogicalAggregate& aggregate, Asks asks) {
  if (aggregate.window) return BuildLegacyWindow(*node, aggregate);
  const LogicalNode& input = *node->inputs[0];
  if (!IsWindowAggregate(aggregate, input)) return BuildGroupAggregate(*node, aggregate, asks);
  const auto shape = ShapeOf(input);
  if (shape && CallsAvoidBounds(aggregate, *shape) && SessionFits(aggregate, *shape)) return BuildTvfAggregate(*node, aggregate);
  return BuildAttachedAggregate(*node, aggregate);
}

Result<PhysicalNodePtr> PhysicalBuilder::BuildGroupAggregate(const LogicalNode& node, const LogicalAggregate& aggregate, Asks asks) {
  FIRN_TRY(PhysicalNodePtr input, Build(node.inputs[0], Asks::kAllChanges));
  input = Distributed(std::move(input), aggregate.keys);
  GroupAggregateNode spec;
  spec.keys = aggregate.keys;
  spec.aggregates = CallsOver(aggregate.calls, *input);
  spec.input_has_retractions = !input->changelog.InsertOnly();
  spec.emits_update_before = asks == Asks::kAllChanges;
  spec.state_ttl_ms = aggregate.state_ttl_ms;
  ChangelogMode changelog = ChangelogOf(node, config_.is_batch);
  if (asks == Asks::kNoUpdateBefore) changelog.has_update_before = false;
  const int lanes = input->parallelism;
  const PhysicalNodePtr built = Add({std::move(spec), {std::move(input)}, node.fields, changelog, UpsertKeyOf(node), lanes});
  std::vector<int> hashed(aggregate.keys.size());
  for (size_t i = 0; i < hashed.size(); ++i) hashed[i] = static_cast<int>(i);
  if (!hashed.empty()) hashed_by_[built.get()] = std::move(hashed);
  return built;
}

Result<PhysicalNodePtr> PhysicalBuilder::BuildLegacyWindow(const LogicalNode& node, const LogicalAggregate& aggregate) {
  FIRN_TRY(PhysicalNodePtr input, Build(node.inputs[0], Asks::kAllChanges));
  input = Distributed(std::move(input), aggregate.keys);
  WindowAggregateNode spec;
  spec.window = *aggregate.window;
  if (spec.window.kind == WindowKind::kSession) spec.window.partition_keys = aggregate.keys;
  spec.keys = aggregate.keys;
  spec.aggregates = CallsOver(aggregate.calls, *input);
  spec.properties = aggregate.properties;
  const int lanes = input->parallelism;
  return Add({std::move(spec), {std::move(input)}, node.fields, kInsertOnly, UpsertKeyOf(node), lanes});
}

Result<PhysicalNodePtr> PhysicalBuilder::BuildTvfAggregate(const LogicalNode& node, const LogicalAggregate& aggregate) {
  const TvfShape shape = *ShapeOf(*node.inputs[0]);
  const LogicalNode& source = *shape.assign_node->inputs[0];
  FIRN_TRY(PhysicalNodePtr input, Build(shape.assign_node->inputs[0], Asks::kAllChanges));
  WindowAggregateNode spec;
  spec.window = std::get<WindowAssignNode>(shape.assign_node->spec).window;

  // What the aggregate reads, computed from the TVF's input: the projection without the bounds, and the time column.
  std::vector<expr::ExpressionPtr> outputs;
  std::vector<types::Field> fields;
  std::vector<int> places(shape.outputs.size(), -1);
  for (size_t i = 0; i < shape.outputs.size(); ++i) {
    if (shape.outputs[i] == nullptr) continue;
    places[i] = static_cast<int>(outputs.size());
    outputs.push_back(shape.outputs[i]);
    fields.push_back(node.inputs[0]->fields[i]);
  }
  const auto place_of = [&](int column) {
    const auto is_column = [&](const expr::ExpressionPtr& output) {
      return output->kind == expr::ExpressionKind::kColumn && output->index == column;
    };
    const auto found = std::find_if(outputs.begin(), outputs.end(), is_column);
    const int place = static_cast<int>(found - outputs.begin());
    if (found == outputs.end()) {
      outputs.push_back(ColumnOf(source.fields, column));
      fields.push_back(source.fields[column]);
    }
    fields[place].type = source.fields[column].type;  // with its time attribute
    return place;
  };
  spec.window.time_column = place_of(spec.window.time_column);
  for (int& key : spec.window.partition_keys) key = place_of(key);
  input = Projected(std::move(input), std::move(outputs), std::move(fields));

  std::vector<KeyPlace> keys;
  for (int key : aggregate.keys) {
    if (shape.bounds[key]) {
      keys.push_back({true, PositionOf(spec.properties, *shape.bounds[key])});
    } else {
      FIRN_ASSERT(places[key] >= 0, "key {} is a bound of the window and was left out", key);
      keys.push_back({false, static_cast<int>(spec.keys.size())});
      spec.keys.push_back(places[key]);
    }
  }
  input = Distributed(std::move(input), spec.keys);
  spec.aggregates = CallsOver(aggregate.calls, *input);
  for (expr::AggregateCall& call : spec.aggregates) {
    for (int& argument : call.arguments) {
      FIRN_ASSERT(places[argument] >= 0, "{} is over a bound of the window, column {}, which was left out", call.name, argument);
      argument = places[argument];
    }
    if (call.filter >= 0) call.filter = places[call.filter];
  }
  const int lanes = input->parallelism;
  std::vector<types::Field> own_fields = OperatorFields(keys, spec, node.fields);
  std::vector<expr::ExpressionPtr> order = Reordered(keys, spec.keys.size(), spec.aggregates.size(), node.fields);
  PhysicalNodePtr built = Add({std::move(spec), {std::move(input)}, std::move(own_fields), kInsertOnly, {}, lanes});
  return Projected(std::move(built), std::move(order), node.fields);
}

Result<PhysicalNodePtr> PhysicalBuilder::BuildAttachedAggregate(const LogicalNode& node, const LogicalAggregate& aggregate) {
  const WindowColumns& window = *node.inputs[0]->window;
  if (!config_.is_batch && window.window.is_proctime) {
    return Error(ErrorCode::kNotSupported, "windows by processing time take no step between the window and its GROUP BY (GROUPING SETS, a filter on the bounds, a join)")
        .At(node.span)
        .Hint("GROUP BY the window's bounds directly, or use windows by event time");
  }
  FIRN_TRY(PhysicalNodePtr input, Build(node.inputs[0], Asks::kAllChanges));
  WindowAggregateNode spec;
  spec.window = window.window;
  spec.window.time_column = window.time >= 0 ? window.time : window.end;
  spec.window.partition_keys.clear();
  spec.attached_start = window.start;
  spec.attached_end = window.end;
  std::vector<KeyPlace> keys;
  for (int key : aggregate.keys) {
    if (key == window.start || key == window.end || key == window.time) {
      const int position = key == window.start ? 0 : key == window.end ? 1 : 2;
      keys.push_back({true, PositionOf(spec.properties, BoundAt(position, window.window))});
    } else {
      keys.push_back({false, static_cast<int>(spec.keys.size())});
      spec.keys.push_back(key);
    }
  }
  input = Distributed(std::move(input), spec.keys);
  spec.aggregates = CallsOver(aggregate.calls, *input);
  const int lanes = input->parallelism;
  std::vector<types::Field> own_fields = OperatorFields(keys, spec, node.fields);
  std::vector<expr::ExpressionPtr> order = Reordered(keys, spec.keys.size(), spec.aggregates.size(), node.fields);
  PhysicalNodePtr built = Add({std::move(spec), {std::move(input)}, std::move(own_fields), kInsertOnly, {}, lanes});
  return Projected(std::move(built), std::move(order), node.fields);
}

}  // namespace firn::plan
