// SPDX-License-Identifier: Apache-2.0
#include "plan/window_columns.h"

#include <algorithm>

#include "plan/join_condition.h"

namespace firn::plan {

namespace {

/// The position of each old column in a projection, -1: not kept as it is.
std::vector<int> PositionsOf(const std::vector<expr::ExpressionPtr>& outputs, size_t input_count) {
  std::vector<int> positions(input_count, -1);
  for (size_t i = 0; i < outputs.size(); ++i) {
    const expr::Expression& output = *outputs[i];
    if (output.kind == expr::ExpressionKind::kColumn && positions[output.index] < 0) positions[output.index] = static_cast<int>(i);
  }
  return positions;
}

std::optional<WindowColumns> Mapped(std::optional<WindowColumns> window, const std::vector<int>& positions) {
  if (!window) return window;
  for (int* column : {&window->start, &window->end, &window->time}) {
    if (*column >= 0) *column = positions[*column];
  }
  if (window->start < 0 && window->end < 0 && window->time < 0) return std::nullopt;
  return window;
}

std::optional<WindowColumns> OfAggregate(const LogicalNode& node, const LogicalAggregate& aggregate) {
  const LogicalNode& input = *node.inputs[0];
  if (aggregate.window) {
    WindowColumns columns;
    columns.window = *aggregate.window;
    const int first = static_cast<int>(aggregate.keys.size() + aggregate.calls.size());
    for (size_t i = 0; i < aggregate.properties.size(); ++i) {
      const int column = first + static_cast<int>(i);
      if (aggregate.properties[i] == WindowProperty::kStart) columns.start = column;
      if (aggregate.properties[i] == WindowProperty::kEnd) columns.end = column;
      if (aggregate.properties[i] == WindowProperty::kTime) columns.time = column;
    }
    return columns;
  }
  if (!IsWindowAggregate(aggregate, input)) return std::nullopt;
  std::vector<int> positions(input.fields.size(), -1);
  for (size_t i = 0; i < aggregate.keys.size(); ++i) positions[aggregate.keys[i]] = static_cast<int>(i);
  return Mapped(input.window, positions);
}

std::optional<WindowColumns> OfExpand(const LogicalNode& node, const ExpandNode& expand) {
  std::optional<WindowColumns> window;
  for (size_t i = 0; i < expand.outputs.size(); ++i) {
    auto mapped = Mapped(node.inputs[0]->window, PositionsOf(expand.outputs[i], node.inputs[0]->fields.size()));
    if (!mapped || !mapped->HasBounds()) return std::nullopt;
    if (i > 0 && (mapped->start != window->start || mapped->end != window->end)) return std::nullopt;
    window = mapped;
  }
  return window;
}

std::optional<WindowColumns> OfUnnest(const LogicalNode& node, const UnnestNode& unnest) {
  std::vector<int> positions(node.inputs[0]->fields.size(), -1);
  for (size_t i = 0; i < unnest.passed.size(); ++i) positions[unnest.passed[i]] = static_cast<int>(i);
  return Mapped(node.inputs[0]->window, positions);
}

bool IsColumn(const expr::ExpressionPtr& expression, int index) {
  return expression->kind == expr::ExpressionKind::kColumn && expression->index == index;
}

}  // namespace

std::optional<WindowColumns> WindowColumnsOf(const LogicalNode& node) {
  if (const auto* assign = std::get_if<WindowAssignNode>(&node.spec)) {
    const int first = static_cast<int>(node.inputs[0]->fields.size());
    return WindowColumns{first, first + 1, first + 2, assign->window};
  }
  if (const auto* project = std::get_if<LogicalProject>(&node.spec)) {
    return Mapped(node.inputs[0]->window, PositionsOf(project->outputs, node.inputs[0]->fields.size()));
  }
  if (const auto* aggregate = std::get_if<LogicalAggregate>(&node.spec)) return OfAggregate(node, *aggregate);
  if (const auto* expand = std::get_if<ExpandNode>(&node.spec)) return OfExpand(node, *expand);
  if (const auto* unnest = std::get_if<UnnestNode>(&node.spec)) return OfUnnest(node, *unnest);
  if (const auto* join = std::get_if<LogicalJoin>(&node.spec)) {
    if (join->kind == JoinKind::kRight || join->kind == JoinKind::kFull) return std::nullopt;
    if (!IsWindowJoin(*join, *node.inputs[0], *node.inputs[1])) return std::nullopt;
    return node.inputs[0]->window;
  }
  if (std::holds_alternative<LogicalFilter>(node.spec) || std::holds_alternative<SortNode>(node.spec) ||
      std::holds_alternative<LimitNode>(node.spec)) {
    return node.inputs[0]->window;
  }
  return std::nullopt;
}

bool IsWindowAggregate(const LogicalAggregate& aggregate, const LogicalNode& input) {
  if (aggregate.window) return true;
  const auto& window = input.window;
  if (!window || !window->HasBounds()) return false;
  const auto has = [&](int column) { return std::find(aggregate.keys.begin(), aggregate.keys.end(), column) != aggregate.keys.end(); };
  return has(window->start) && has(window->end);
}

bool IsWindowJoin(const LogicalJoin& join, const LogicalNode& left, const LogicalNode& right) {
  const auto& left_window = left.window;
  const auto& right_window = right.window;
  if (!left_window || !right_window || !left_window->HasBounds() || !right_window->HasBounds()) return false;
  if (left_window->window.is_local_time != right_window->window.is_local_time) return false;  // the same bounds are different times
  bool equates_start = false;
  bool equates_end = false;
  for (const EquiKey& key : SplitJoinCondition(join.condition, static_cast<int>(left.fields.size())).keys) {
    equates_start |= IsColumn(key.left, left_window->start) && IsColumn(key.right, right_window->start);
    equates_end |= IsColumn(key.left, left_window->end) && IsColumn(key.right, right_window->end);
  }
  return equates_start && equates_end;
}

}  // namespace firn::plan
