// SPDX-License-Identifier: Apache-2.0
#include "plan/logical_plan.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "plan/describe.h"
#include "plan/join_condition.h"
#include "plan/stored_alike.h"
#include "plan/window_columns.h"

namespace firn::plan {

using types::DataType;
using types::Field;
using types::TimeAttribute;

namespace {

LogicalNodePtr Make(LogicalSpec spec, std::vector<LogicalNodePtr> inputs, std::vector<Field> fields, base::SourceSpan span = {}) {
  int depth = 1;
  for (const LogicalNodePtr& input : inputs) depth = std::max(depth, input->depth + 1);
  LogicalNode node{std::move(spec), std::move(inputs), std::move(fields), std::nullopt, depth, span};
  node.window = WindowColumnsOf(node);
  const int count = static_cast<int>(node.fields.size());
  FIRN_ASSERT(!node.window || (node.window->start < count && node.window->end < count && node.window->time < count), "a window's bounds are columns {}, {} and {} of {}", node.window->start,
              node.window->end, node.window->time, count);
  return std::make_shared<const LogicalNode>(std::move(node));
}

/// Whether an expression is over the first `count` columns and no others: neither those of an enclosing query nor placeholders are left in a plan.
bool IsOver(const expr::ExpressionPtr& expression, size_t count) { return expression != nullptr && ReadsOnly(*expression, 0, static_cast<int>(count)); }

/// A time attribute that an operator keeps in state is a plain timestamp after it (Flink's "materialised" time attribute).
std::vector<Field> WithoutTimeAttributes(std::vector<Field> fields) {
  for (Field& field : fields) field.type = field.type.WithTimeAttribute(TimeAttribute::kNone);
  return fields;
}

DataType PropertyType(WindowProperty property, const WindowSpec& window) {
  switch (property) {
    case WindowProperty::kStart:
    case WindowProperty::kEnd:
      return DataType::Timestamp(3).NotNull();
    case WindowProperty::kTime:
      return (window.is_local_time ? DataType::TimestampLtz(3) : DataType::Timestamp(3)).WithTimeAttribute(TimeAttribute::kRowtime);
    case WindowProperty::kProctime:
      return DataType::TimestampLtz(3).NotNull().WithTimeAttribute(TimeAttribute::kProctime);
  }
  FIRN_UNREACHABLE("window property {}", static_cast<int>(property));
}

DataType WindowTimeType(const WindowSpec& window) {
  if (window.is_proctime) return PropertyType(WindowProperty::kProctime, window);
  return PropertyType(WindowProperty::kTime, window).NotNull();
}

}  // namespace

expr::ExpressionPtr ColumnOf(const std::vector<Field>& fields, int index) {
  FIRN_ASSERT(index >= 0 && index < static_cast<int>(fields.size()), "column {} of {}", index, fields.size());
  return expr::MakeColumn(index, fields[index].name, fields[index].type);
}

std::vector<expr::ExpressionPtr> AllColumns(const std::vector<Field>& fields) {
  std::vector<expr::ExpressionPtr> columns;
  columns.reserve(fields.size());
  for (size_t i = 0; i < fields.size(); ++i) columns.push_back(ColumnOf(fields, static_cast<int>(i)));
  return columns;
}

std::vector<std::string> NamesOf(const std::vector<Field>& fields) {
  std::vector<std::string> names;
  names.reserve(fields.size());
  for (const Field& field : fields) names.push_back(field.name);
  return names;
}

int RowtimeOf(const std::vector<Field>& fields) {
  for (size_t i = 0; i < fields.size(); ++i) {
    if (fields[i].type.time_attribute() == TimeAttribute::kRowtime) return static_cast<int>(i);
  }
  return -1;
}

LogicalNodePtr MakeScan(ScanNode scan, std::vector<Field> fields, base::SourceSpan span) {
  FIRN_ASSERT(scan.outputs.size() == fields.size(), "{} outputs, {} fields", scan.outputs.size(), fields.size());
  FIRN_ASSERT(scan.metadata_keys.size() == scan.read_columns.size(), "{} metadata keys of {} columns", scan.metadata_keys.size(), scan.read_columns.size());
  for (const expr::ExpressionPtr& output : scan.outputs) FIRN_ASSERT(IsOver(output, scan.read_columns.size()), "a column of {} is not computed from the {} that are read", scan.table->path.ToString(), scan.read_columns.size());
  FIRN_ASSERT(scan.rowtime < static_cast<int>(fields.size()) && (scan.watermark == nullptr || scan.rowtime >= 0), "row time {} of {} columns", scan.rowtime, fields.size());
  FIRN_ASSERT(scan.watermark == nullptr || IsOver(scan.watermark, fields.size()), "the watermark of {} is not over its {} columns", scan.table->path.ToString(), fields.size());
  return Make(std::move(scan), {}, std::move(fields), span);
}

LogicalNodePtr MakeValues(std::vector<types::Batch> rows, std::vector<Field> fields) {
  for (const types::Batch& batch : rows) FIRN_ASSERT(batch.columns.size() == fields.size(), "rows of {} values, {} fields", batch.columns.size(), fields.size());
  return Make(ValuesNode{std::move(rows)}, {}, std::move(fields));
}

LogicalNodePtr MakeFilter(LogicalNodePtr input, expr::ExpressionPtr condition) {
  if (condition == nullptr) return input;
  FIRN_ASSERT(condition->type.kind() == types::TypeKind::kBoolean, "a filter by {}", condition->type.ToString());
  FIRN_ASSERT(IsOver(condition, input->fields.size()), "a filter of {} columns by {}", input->fields.size(), expr::ToString(*condition));
  auto fields = input->fields;
  const base::SourceSpan span = condition->span;
  return Make(LogicalFilter{std::move(condition)}, {std::move(input)}, std::move(fields), span);
}

LogicalNodePtr MakeProject(LogicalNodePtr input, std::vector<expr::ExpressionPtr> outputs, const std::vector<std::string>& names) {
  FIRN_ASSERT(outputs.size() == names.size(), "{} outputs, {} names", outputs.size(), names.size());
  for (const expr::ExpressionPtr& output : outputs) FIRN_ASSERT(IsOver(output, input->fields.size()), "a projection of {} columns to {}", input->fields.size(), output ? expr::ToString(*output) : "nothing");
  std::vector<Field> fields;
  fields.reserve(outputs.size());
  for (size_t i = 0; i < outputs.size(); ++i) fields.push_back(Field{names[i], outputs[i]->type});
  return Make(LogicalProject{std::move(outputs)}, {std::move(input)}, std::move(fields));
}

LogicalNodePtr MakeWindowAssign(LogicalNodePtr input, WindowSpec window, base::SourceSpan span) {
  FIRN_ASSERT(window.time_column >= 0 && window.time_column < static_cast<int>(input->fields.size()), "time column {} of {}", window.time_column, input->fields.size());
  FIRN_ASSERT(window.size_ms > 0, "a window of {} ms", window.size_ms);
  FIRN_ASSERT((window.kind == WindowKind::kHop || window.kind == WindowKind::kCumulate) == (window.slide_ms > 0), "window kind {} with a slide of {} ms", static_cast<int>(window.kind), window.slide_ms);
  for (int key : window.partition_keys) FIRN_ASSERT(key >= 0 && key < static_cast<int>(input->fields.size()), "partition key {} of {}", key, input->fields.size());
  // window_time takes over as the time attribute; the original column is a plain timestamp from here on.
  std::vector<Field> fields = WithoutTimeAttributes(input->fields);
  fields.push_back(Field{"window_start", DataType::Timestamp(3).NotNull()});
  fields.push_back(Field{"window_end", DataType::Timestamp(3).NotNull()});
  fields.push_back(Field{"window_time", WindowTimeType(window)});
  return Make(WindowAssignNode{std::move(window)}, {std::move(input)}, std::move(fields), span);
}

LogicalNodePtr MakeAggregate(LogicalNodePtr input, LogicalAggregate aggregate, const std::vector<std::string>& property_names,
                             base::SourceSpan span) {
  FIRN_ASSERT(aggregate.properties.size() == property_names.size() && (aggregate.window || property_names.empty()), "{} properties {} a window", aggregate.properties.size(),
              aggregate.window ? "of" : "without");
  std::vector<Field> fields;
  const int input_count = static_cast<int>(input->fields.size());
  for (int key : aggregate.keys) {
    FIRN_ASSERT(key >= 0 && key < input_count, "key {} of {} columns", key, input_count);
    fields.push_back(input->fields[key]);
  }
  for (const expr::AggregateCall& call : aggregate.calls) {
    for (int argument : call.arguments) FIRN_ASSERT(argument >= 0 && argument < input_count, "{}: column {} of {}", call.name, argument, input_count);
    FIRN_ASSERT(call.filter < input_count && call.arguments.size() == call.signature.arguments.size(), "{}: filter {}, {} of {} arguments", call.name, call.filter,
                call.arguments.size(), call.signature.arguments.size());
  }
  if (!IsWindowAggregate(aggregate, *input)) fields = WithoutTimeAttributes(std::move(fields));
  for (const expr::AggregateCall& call : aggregate.calls) fields.push_back(Field{call.name, call.signature.result});
  for (size_t i = 0; i < property_names.size(); ++i) {
    fields.push_back(Field{property_names[i], PropertyType(aggregate.properties[i], *aggregate.window)});
  }
  return Make(std::move(aggregate), {std::move(input)}, std::move(fields), span);
}

LogicalNodePtr MakeExpand(LogicalNodePtr input, ExpandNode expand, std::vector<Field> fields) {
  for (const auto& outputs : expand.outputs) {
    FIRN_ASSERT(outputs.size() == fields.size(), "{} outputs, {} fields", outputs.size(), fields.size());
    for (const expr::ExpressionPtr& output : outputs) FIRN_ASSERT(IsOver(output, input->fields.size()), "{} columns are multiplied to another", input->fields.size());
  }
  return Make(std::move(expand), {std::move(input)}, std::move(fields));
}

std::vector<Field> ElementFields(const DataType& collection) {
  if (collection.kind() == types::TypeKind::kBigInt) return {};
  FIRN_ASSERT(collection.kind() == types::TypeKind::kArray || collection.kind() == types::TypeKind::kMap, "{}", collection.ToString());
  if (collection.kind() == types::TypeKind::kMap) return {Field{"KEY", collection.key()}, Field{"VALUE", collection.value()}};
  const DataType& element = collection.element();
  if (element.kind() != types::TypeKind::kRow) return {Field{"EXPR$0", element}};
  std::vector<Field> fields = element.fields();
  // Of an element that is NULL all fields are.
  for (Field& field : fields) field.type = field.type.WithNullable(field.type.nullable() || element.nullable());
  return fields;
}

LogicalNodePtr MakeUnnest(LogicalNodePtr input, UnnestNode unnest, base::SourceSpan span) {
  std::vector<Field> fields;
  for (int column : unnest.passed) {
    FIRN_ASSERT(column >= 0 && column < static_cast<int>(input->fields.size()), "column {} of {}", column, input->fields.size());
    fields.push_back(input->fields[column]);
  }
  FIRN_ASSERT(IsOver(unnest.collection, input->fields.size()), "a collection that is not over the {} columns of the rows", input->fields.size());
  std::vector<Field> added = ElementFields(unnest.collection->type);
  if (unnest.with_ordinality) added.push_back(Field{"ORDINALITY", DataType::Int().NotNull()});
  FIRN_ASSERT(unnest.names.size() == added.size(), "{} names of {} columns", unnest.names.size(), added.size());
  for (size_t i = 0; i < added.size(); ++i) {
    fields.push_back(Field{unnest.names[i], added[i].type.WithNullable(added[i].type.nullable() || unnest.keeps_empty)});
  }
  return Make(std::move(unnest), {std::move(input)}, std::move(fields), span);
}

LogicalNodePtr MakeJoin(LogicalNodePtr left, LogicalNodePtr right, LogicalJoin join, base::SourceSpan span) {
  FIRN_ASSERT(!join.is_null_aware_anti || (join.kind == JoinKind::kAnti && join.condition != nullptr), "NOT IN as join kind {}", static_cast<int>(join.kind));
  FIRN_ASSERT(join.condition == nullptr || join.condition->type.kind() == types::TypeKind::kBoolean, "a join by {}", join.condition->type.ToString());
  FIRN_ASSERT(join.condition == nullptr || IsOver(join.condition, left->fields.size() + right->fields.size()), "a join of {} and {} columns by {}", left->fields.size(), right->fields.size(),
              expr::ToString(*join.condition));
  const bool is_window_join = IsWindowJoin(join, *left, *right);
  std::vector<Field> fields = left->fields;
  const bool pads_left = join.kind == JoinKind::kRight || join.kind == JoinKind::kFull;
  const bool pads_right = join.kind == JoinKind::kLeft || join.kind == JoinKind::kFull;
  if (pads_left) {
    for (Field& field : fields) field.type = field.type.WithNullable(true);
  }
  if (join.kind != JoinKind::kSemi && join.kind != JoinKind::kAnti) {
    for (Field field : right->fields) {
      if (pads_right) field.type = field.type.WithNullable(true);
      fields.push_back(std::move(field));
    }
  }
  if (!is_window_join) fields = WithoutTimeAttributes(std::move(fields));
  return Make(std::move(join), {std::move(left), std::move(right)}, std::move(fields), span);
}

LogicalNodePtr MakeSort(LogicalNodePtr input, SortNode sort, base::SourceSpan span) {
  auto fields = input->fields;
  FIRN_ASSERT(sort.offset >= 0, "OFFSET {}", sort.offset);
  for (const SortKey& key : sort.keys) FIRN_ASSERT(key.column >= 0 && key.column < static_cast<int>(fields.size()), "sort key {} of {}", key.column, fields.size());
  return Make(std::move(sort), {std::move(input)}, std::move(fields), span);
}

LogicalNodePtr MakeLimit(LogicalNodePtr input, LimitNode limit, base::SourceSpan span) {
  auto fields = input->fields;
  FIRN_ASSERT(limit.offset >= 0, "OFFSET {}", limit.offset);
  return Make(limit, {std::move(input)}, std::move(fields), span);
}

LogicalNodePtr MakeUnion(std::vector<LogicalNodePtr> inputs) {
  FIRN_ASSERT(!inputs.empty());
  if (inputs.size() == 1) return inputs.front();
  const auto is_union = [](const LogicalNodePtr& input) { return std::holds_alternative<UnionNode>(input->spec); };
  if (std::any_of(inputs.begin(), inputs.end(), is_union)) {
    std::vector<LogicalNodePtr> all;
    for (LogicalNodePtr& input : inputs) {
      if (is_union(input)) {
        all.insert(all.end(), input->inputs.begin(), input->inputs.end());
      } else {
        all.push_back(std::move(input));
      }
    }
    inputs = std::move(all);
  }
  std::vector<Field> fields = inputs.front()->fields;
  for (const LogicalNodePtr& input : inputs) {
    FIRN_ASSERT(input->fields.size() == fields.size(), "{} columns and {}", input->fields.size(), fields.size());
    for (size_t i = 0; i < fields.size(); ++i) {
      const DataType& type = input->fields[i].type;
      FIRN_ASSERT(IsStoredAlike(type, fields[i].type), "column {} is {} and {}", i, fields[i].type.ToString(), type.ToString());
      if (type.nullable()) fields[i].type = fields[i].type.WithNullable(true);
      if (type.time_attribute() != fields[i].type.time_attribute()) {
        fields[i].type = fields[i].type.WithTimeAttribute(TimeAttribute::kNone);
      }
    }
  }
  return Make(UnionNode{}, std::move(inputs), std::move(fields));
}

LogicalNodePtr MakeSink(LogicalNodePtr input, SinkNode sink, base::SourceSpan span) {
  auto fields = input->fields;
  FIRN_ASSERT(sink.columns.size() == fields.size() && sink.metadata_keys.size() == fields.size(), "{} columns of the sink, {} of the query", sink.columns.size(), fields.size());
  return Make(std::move(sink), {std::move(input)}, std::move(fields), span);
}

LogicalNodePtr MakeCollect(LogicalNodePtr input) {
  auto fields = input->fields;
  return Make(CollectNode{}, {std::move(input)}, std::move(fields));
}

LogicalNodePtr WithInputs(const LogicalNode& node, std::vector<LogicalNodePtr> inputs) {
  FIRN_ASSERT(inputs.size() == node.inputs.size(), "{} inputs, had {}", inputs.size(), node.inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    FIRN_ASSERT(inputs[i] != nullptr && inputs[i]->fields.size() == node.inputs[i]->fields.size(), "{}: another input of {} columns", Describe(node), node.inputs[i]->fields.size());
  }
  LogicalNode copy = node;
  copy.inputs = std::move(inputs);
  return std::make_shared<const LogicalNode>(std::move(copy));
}

}  // namespace firn::plan
