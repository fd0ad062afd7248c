// SPDX-License-Identifier: Apache-2.0
#include "plan/describe.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "base/assert.h"

namespace firn::plan {

namespace {

using Fields = std::vector<types::Field>;

std::string Joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ", ") + part;
  return text;
}

std::string NameAt(const Fields& fields, int column) {
  FIRN_ASSERT(column >= 0 && column < static_cast<int>(fields.size()), "column {} of {}", column, fields.size());
  return fields[column].name;
}

std::string ColumnNames(const Fields& fields, const std::vector<int>& columns) {
  std::vector<std::string> names;
  for (int column : columns) names.push_back(NameAt(fields, column));
  return Joined(names);
}

std::string Projection(const std::vector<expr::ExpressionPtr>& outputs, const Fields& fields) {
  std::vector<std::string> parts;
  for (size_t i = 0; i < outputs.size(); ++i) {
    std::string text = expr::ToString(*outputs[i]);
    if (i < fields.size() && text != fields[i].name) text += " AS " + fields[i].name;
    parts.push_back(std::move(text));
  }
  return Joined(parts);
}

std::string Expressions(const std::vector<expr::ExpressionPtr>& expressions) {
  std::vector<std::string> parts;
  for (const auto& expression : expressions) parts.push_back(expr::ToString(*expression));
  return Joined(parts);
}

std::string Calls(const std::vector<expr::AggregateCall>& calls, const Fields& input) {
  std::vector<std::string> parts;
  for (const expr::AggregateCall& call : calls) {
    std::string arguments = call.arguments.empty() ? "*" : ColumnNames(input, call.arguments);
    std::string text = fmt::format("{}({}{})", call.function->names.front(), call.options.is_distinct ? "DISTINCT " : "", arguments);
    if (call.filter >= 0) text += fmt::format(" FILTER {}", NameAt(input, call.filter));
    if (call.options.is_retractable) text += " RETRACT";
    parts.push_back(text + " AS " + call.name);
  }
  return Joined(parts);
}

const char* JoinName(JoinKind kind) {
  constexpr std::array<const char*, 6> kNames{"Inner", "Left", "Right", "Full", "Semi", "Anti"};
  return kNames[static_cast<size_t>(kind)];
}

std::string Properties(const std::vector<WindowProperty>& properties) {
  constexpr std::array<const char*, 4> kNames{"start", "end", "time", "proctime"};
  std::vector<std::string> parts;
  for (WindowProperty property : properties) parts.push_back(kNames[static_cast<size_t>(property)]);
  return Joined(parts);
}

std::string SortKeys(const std::vector<SortKey>& keys, const Fields& fields) {
  std::vector<std::string> parts;
  for (const SortKey& key : keys) {
    std::string text = NameAt(fields, key.column) + (key.descending ? " DESC" : " ASC");
    if (key.nulls_first == key.descending) text += key.nulls_first ? " NULLS FIRST" : " NULLS LAST";
    parts.push_back(std::move(text));
  }
  return Joined(parts);
}

std::string Bounds(int64_t offset, int64_t limit) {
  std::string text;
  if (limit >= 0) text += fmt::format(", limit=[{}]", limit);
  if (offset > 0) text += fmt::format(", offset=[{}]", offset);
  return text;
}

std::string DescribeSpec(const ScanNode& scan, const Fields& fields, const std::vector<Fields>&) {
  std::string text = fmt::format("Scan(table=[{}], fields=[{}]", scan.table->path.ToString(), Projection(scan.outputs, fields));
  if (scan.watermark != nullptr) text += fmt::format(", watermark=[{}]", expr::ToString(*scan.watermark));
  if (!scan.predicates.empty()) text += fmt::format(", skipping by=[{}]", Expressions(scan.predicates));
  if (scan.limit >= 0) text += fmt::format(", limit=[{}]", scan.limit);
  return text + ")";
}

std::string DescribeSpec(const CalcNode& calc, const Fields& fields, const std::vector<Fields>&) {
  std::string text = "Calc(select=[" + Projection(calc.outputs, fields) + "]";
  if (calc.condition != nullptr) text += ", where=[" + expr::ToString(*calc.condition) + "]";
  return text + ")";
}

std::string DescribeSpec(const ValuesNode& values, const Fields& fields, const std::vector<Fields>&) {
  int64_t rows = 0;
  for (const types::Batch& batch : values.rows) rows += batch.row_count;
  return fmt::format("Values(fields=[{}], rows=[{}])", Joined(NamesOf(fields)), rows);
}

std::string DescribeSpec(const WindowAssignNode& assign, const Fields&, const std::vector<Fields>& inputs) {
  return fmt::format("WindowAssign(window=[{}])", Describe(assign.window, inputs[0]));
}

std::string DescribeSpec(const WindowAggregateNode& aggregate, const Fields&, const std::vector<Fields>& inputs) {
  const std::string window =
      aggregate.attached_end < 0 ? Describe(aggregate.window, inputs[0])
                                 : fmt::format("attached {}, {}", NameAt(inputs[0], aggregate.attached_start), NameAt(inputs[0], aggregate.attached_end));
  return fmt::format("WindowAggregate(groupBy=[{}], window=[{}], select=[{}], properties=[{}])", ColumnNames(inputs[0], aggregate.keys), window,
                     Calls(aggregate.aggregates, inputs[0]), Properties(aggregate.properties));
}

std::string DescribeSpec(const GroupAggregateNode& aggregate, const Fields&, const std::vector<Fields>& inputs) {
  return fmt::format("GroupAggregate(groupBy=[{}], select=[{}])", ColumnNames(inputs[0], aggregate.keys), Calls(aggregate.aggregates, inputs[0]));
}

std::string DescribeSpec(const ExpandNode& expand, const Fields&, const std::vector<Fields>&) {
  std::vector<std::string> parts;
  for (const auto& outputs : expand.outputs) parts.push_back("{" + Expressions(outputs) + "}");
  return "Expand(projects=[" + Joined(parts) + "])";
}

std::string DescribeSpec(const UnnestNode& unnest, const Fields&, const std::vector<Fields>& inputs) {
  if (unnest.collection->type.kind() == types::TypeKind::kBigInt) {
    return fmt::format("Repeat(times=[{}], pass=[{}])", expr::ToString(*unnest.collection), ColumnNames(inputs[0], unnest.passed));
  }
  return fmt::format("Unnest(type=[{}], collection=[{}], pass=[{}], add=[{}]{})", unnest.keeps_empty ? "LEFT" : "INNER", expr::ToString(*unnest.collection),
                     ColumnNames(inputs[0], unnest.passed), Joined(unnest.names), unnest.with_ordinality ? ", ordinality=[true]" : "");
}

std::string DescribeSpec(const JoinNode& join, const Fields&, const std::vector<Fields>& inputs) {
  std::vector<std::string> keys;
  for (size_t i = 0; i < join.left_keys.size(); ++i) {
    keys.push_back(fmt::format("{} {} {}", NameAt(inputs[0], join.left_keys[i]), join.null_safe[i] ? "IS NOT DISTINCT FROM" : "=",
                               NameAt(inputs[1], join.right_keys[i])));
  }
  std::string text = fmt::format("{}Join(type=[{}{}], keys=[{}]", join.left_window_end >= 0 ? "Window" : "", JoinName(join.kind),
                                 join.is_null_aware_anti ? " null-aware" : "", Joined(keys));
  if (join.condition != nullptr) text += ", where=[" + expr::ToString(*join.condition) + "]";
  return text + ")";
}

std::string DescribeSpec(const SortNode& sort, const Fields& fields, const std::vector<Fields>&) {
  const char* name = sort.limit >= 0 ? "SortLimit" : sort.by_rowtime ? "TemporalSort" : "Sort";
  return fmt::format("{}(orderBy=[{}]{})", name, SortKeys(sort.keys, fields), Bounds(sort.offset, sort.limit));
}

std::string DescribeSpec(const LimitNode& limit, const Fields&, const std::vector<Fields>&) {
  const std::string bounds = Bounds(limit.offset, limit.limit);
  return fmt::format("Limit({})", bounds.empty() ? bounds : bounds.substr(2));
}

std::string DescribeSpec(const UnionNode&, const Fields& fields, const std::vector<Fields>&) {
  return fmt::format("Union(all=[true], fields=[{}])", Joined(NamesOf(fields)));
}

std::string DescribeSpec(const NormalizeNode& normalize, const Fields& fields, const std::vector<Fields>&) {
  return fmt::format("ChangelogNormalize(key=[{}])", ColumnNames(fields, normalize.key));
}

std::string DescribeSpec(const DropUpdateBeforeNode&, const Fields&, const std::vector<Fields>&) { return "DropUpdateBefore()"; }

std::string DescribeSpec(const ExchangeNode& exchange, const Fields& fields, const std::vector<Fields>&) {
  switch (exchange.distribution) {
    case Distribution::kForward: return "Exchange(distribution=[forward])";
    case Distribution::kSingle: return "Exchange(distribution=[single])";
    case Distribution::kHash: return fmt::format("Exchange(distribution=[hash[{}]])", ColumnNames(fields, exchange.keys));
  }
  FIRN_UNREACHABLE("distribution {}", static_cast<int>(exchange.distribution));
}

std::string DescribeSpec(const SinkNode& sink, const Fields& fields, const std::vector<Fields>&) {
  std::string text = fmt::format("Sink(table=[{}], fields=[{}]", sink.table->path.ToString(), Joined(sink.columns));
  if (sink.traits.is_upsert) text += fmt::format(", upsert by=[{}]", ColumnNames(fields, sink.upsert_key));
  if (sink.overwrite) text += ", overwrite=[true]";
  return text + ")";
}

std::string DescribeSpec(const CollectNode&, const Fields& fields, const std::vector<Fields>&) {
  return fmt::format("Collect(fields=[{}])", Joined(NamesOf(fields)));
}

std::string DescribeSpec(const LogicalFilter& filter, const Fields&, const std::vector<Fields>&) {
  return "Filter(condition=[" + expr::ToString(*filter.condition) + "])";
}

std::string DescribeSpec(const LogicalProject& project, const Fields& fields, const std::vector<Fields>&) {
  return "Project(" + Projection(project.outputs, fields) + ")";
}

std::string DescribeSpec(const LogicalAggregate& aggregate, const Fields&, const std::vector<Fields>& inputs) {
  std::string text = fmt::format("Aggregate(groupBy=[{}], select=[{}]", ColumnNames(inputs[0], aggregate.keys), Calls(aggregate.calls, inputs[0]));
  if (aggregate.window) {
    text += fmt::format(", window=[{}], properties=[{}]", Describe(*aggregate.window, inputs[0]), Properties(aggregate.properties));
  }
  return text + ")";
}

std::string DescribeSpec(const LogicalJoin& join, const Fields&, const std::vector<Fields>&) {
  std::string text = fmt::format("Join(type=[{}{}]", JoinName(join.kind), join.is_null_aware_anti ? " null-aware" : "");
  if (join.condition != nullptr) text += ", condition=[" + expr::ToString(*join.condition) + "]";
  return text + ")";
}

std::string NameOf(const PhysicalNode& node, const WindowAggregateNode& aggregate) {
  if (aggregate.attached_end >= 0) return "WindowAggregate(attached)";
  constexpr std::array<const char*, 4> kNames{"TUMBLE", "HOP", "CUMULATE", "SESSION"};
  FIRN_ASSERT(!node.inputs.empty());
  return fmt::format("WindowAggregate({} {})", kNames[static_cast<size_t>(aggregate.window.kind)], DurationText(aggregate.window.size_ms));
}

}  // namespace

std::string DurationText(int64_t milliseconds) {
  struct Unit {
    const char* name;
    int64_t ms;
  };
  constexpr std::array<Unit, 4> kUnits{{{"d", 86400000}, {"h", 3600000}, {"min", 60000}, {"s", 1000}}};
  for (const Unit& unit : kUnits) {
    if (milliseconds != 0 && milliseconds % unit.ms == 0) return fmt::format("{} {}", milliseconds / unit.ms, unit.name);
  }
  return fmt::format("{} ms", milliseconds);
}

std::string Describe(const WindowSpec& window, const Fields& fields) {
  const std::string column = NameAt(fields, window.time_column);
  std::string text;
  switch (window.kind) {
    case WindowKind::kTumble:
      text = fmt::format("TUMBLE({}, {}", column, DurationText(window.size_ms));
      break;
    case WindowKind::kHop:
      text = fmt::format("HOP({}, slide {}, size {}", column, DurationText(window.slide_ms), DurationText(window.size_ms));
      break;
    case WindowKind::kCumulate:
      text = fmt::format("CUMULATE({}, step {}, size {}", column, DurationText(window.slide_ms), DurationText(window.size_ms));
      break;
    case WindowKind::kSession:
      text = fmt::format("SESSION({}, gap {}", column, DurationText(window.size_ms));
      break;
  }
  if (window.offset_ms != 0) text += fmt::format(", offset {}", DurationText(window.offset_ms));
  if (!window.partition_keys.empty()) text += fmt::format(", partition by {}", ColumnNames(fields, window.partition_keys));
  return text + ")";
}

std::string Describe(const PhysicalNode& node) {
  std::vector<Fields> inputs;
  for (const PhysicalNodePtr& input : node.inputs) inputs.push_back(input->schema->fields());
  return std::visit([&](const auto& spec) { return DescribeSpec(spec, node.schema->fields(), inputs); }, node.spec);
}

std::string Describe(const LogicalNode& node) {
  std::vector<Fields> inputs;
  for (const LogicalNodePtr& input : node.inputs) inputs.push_back(input->fields);
  return std::visit([&](const auto& spec) { return DescribeSpec(spec, node.fields, inputs); }, node.spec);
}

std::string OperatorName(const PhysicalNode& node) {
  if (const auto* scan = std::get_if<ScanNode>(&node.spec)) return "Source: " + scan->table->path.name;
  if (const auto* sink = std::get_if<SinkNode>(&node.spec)) return "Sink: " + sink->table->path.name;
  if (const auto* aggregate = std::get_if<WindowAggregateNode>(&node.spec)) return NameOf(node, *aggregate);
  const std::string description = Describe(node);
  return description.substr(0, description.find('('));
}

std::string ToString(const LogicalNode& root) {
  std::string text;
  const auto print = [&](const auto& self, const LogicalNode& node, int depth) -> void {
    if (depth > 0) text += std::string(3 * (depth - 1), ' ') + "+- ";
    text += Describe(node) + "\n";
    for (const LogicalNodePtr& input : node.inputs) self(self, *input, depth + 1);
  };
  print(print, root, 0);
  return text;
}

}  // namespace firn::plan
