// SPDX-License-Identifier: Apache-2.0
#include "plan/changelog.h"

#include <algorithm>

#include "base/assert.h"
#include "plan/join_condition.h"
#include "plan/window_columns.h"

namespace firn::plan {

namespace {

ChangelogMode Either(const ChangelogMode& left, const ChangelogMode& right) {
  return ChangelogMode{left.has_updates || right.has_updates, left.has_update_before || right.has_update_before,
                       left.has_deletes || right.has_deletes};
}

ChangelogMode OfScan(const ScanNode& scan) {
  FIRN_ASSERT(!scan.traits.changelog.has_update_before || scan.traits.changelog.has_updates, "{} has -U and no +U", scan.table->path.ToString());
  // A source of upserts is normalised into one with -U.
  ChangelogMode mode = scan.traits.changelog;
  if (mode.has_updates) mode.has_update_before = true;
  return mode;
}

ChangelogMode OfAggregate(const LogicalNode& node, const LogicalAggregate& aggregate, const ChangelogMode& input) {
  if (IsWindowAggregate(aggregate, *node.inputs[0])) return kInsertOnly;
  if (aggregate.calls.empty()) return ChangelogMode{false, false, !input.InsertOnly()};  // DISTINCT: a key comes and goes
  return ChangelogMode{true, true, !input.InsertOnly()};
}

ChangelogMode OfJoin(const LogicalNode& node, const LogicalJoin& join, const ChangelogMode& left, const ChangelogMode& right) {
  if (IsWindowJoin(join, *node.inputs[0], *node.inputs[1])) return kInsertOnly;
  switch (join.kind) {
    case JoinKind::kInner:
      return Either(left, right);
    case JoinKind::kSemi:
      return Either(left, ChangelogMode{false, false, !right.InsertOnly()});
    case JoinKind::kAnti:
      return Either(left, ChangelogMode{false, false, true});
    case JoinKind::kLeft:
    case JoinKind::kRight:
    case JoinKind::kFull:
      return Either(Either(left, right), ChangelogMode{false, false, true});  // a padded row is taken back by its first match
  }
  FIRN_UNREACHABLE("join kind {}", static_cast<int>(join.kind));
}

/// Positions of `key` in a projection; empty if one is lost.
std::vector<int> MappedKey(const std::vector<int>& key, const std::vector<expr::ExpressionPtr>& outputs) {
  std::vector<int> mapped;
  for (int column : key) {
    const auto found = std::find_if(outputs.begin(), outputs.end(), [&](const expr::ExpressionPtr& output) {
      return output->kind == expr::ExpressionKind::kColumn && output->index == column;
    });
    if (found == outputs.end()) return {};
    mapped.push_back(static_cast<int>(found - outputs.begin()));
  }
  std::sort(mapped.begin(), mapped.end());
  return mapped;
}

std::vector<int> FirstColumns(size_t count) {
  std::vector<int> columns(count);
  for (size_t i = 0; i < count; ++i) columns[i] = static_cast<int>(i);
  return columns;
}

std::vector<int> KeyOfScan(const ScanNode& scan, const LogicalNode& node) {
  std::vector<int> key;
  for (const std::string& name : scan.table->primary_key) {
    const auto found = std::find_if(node.fields.begin(), node.fields.end(), [&](const types::Field& field) { return field.name == name; });
    if (found == node.fields.end()) return {};
    key.push_back(static_cast<int>(found - node.fields.begin()));
  }
  std::sort(key.begin(), key.end());
  return key;
}

bool Covers(const std::vector<EquiKey>& keys, const std::vector<int>& unique_key, bool of_left) {
  if (unique_key.empty()) return false;
  return std::all_of(unique_key.begin(), unique_key.end(), [&](int column) {
    return std::any_of(keys.begin(), keys.end(), [&](const EquiKey& key) {
      const expr::ExpressionPtr& side = of_left ? key.left : key.right;
      return side->kind == expr::ExpressionKind::kColumn && side->index == column;
    });
  });
}

std::vector<int> KeyOfJoin(const LogicalNode& node, const LogicalJoin& join) {
  const LogicalNode& left = *node.inputs[0];
  const std::vector<int> left_key = UpsertKeyOf(left);
  if (join.kind == JoinKind::kSemi || join.kind == JoinKind::kAnti) return left_key;
  std::vector<int> right_key = UpsertKeyOf(*node.inputs[1]);
  const int left_count = static_cast<int>(left.fields.size());
  const std::vector<EquiKey> keys = SplitJoinCondition(join.condition, left_count).keys;
  const bool keeps_left = join.kind == JoinKind::kInner || join.kind == JoinKind::kLeft;
  const bool keeps_right = join.kind == JoinKind::kInner || join.kind == JoinKind::kRight;
  if (keeps_left && !left_key.empty() && (Covers(keys, right_key, false) || HasAtMostOneRow(*node.inputs[1]))) return left_key;
  const bool is_right_unique = keeps_right && !right_key.empty() && (Covers(keys, left_key, true) || HasAtMostOneRow(left));
  if (!is_right_unique && (left_key.empty() || right_key.empty())) return {};
  for (int& column : right_key) column += left_count;
  if (is_right_unique) return right_key;
  std::vector<int> both = left_key;
  both.insert(both.end(), right_key.begin(), right_key.end());
  return both;
}

std::vector<int> KeyOfAggregate(const LogicalNode& node, const LogicalAggregate& aggregate) {
  std::vector<int> key = FirstColumns(aggregate.keys.size());
  if (!aggregate.window) return key;
  // Within a window the keys are unique; a bound of the window tells windows apart.
  const auto& window = node.window;
  FIRN_ASSERT(window.has_value(), "a window aggregate carries no window");
  if (window->start < 0 && window->end < 0) return {};
  key.push_back(window->start >= 0 ? window->start : window->end);
  return key;
}

}  // namespace

ChangelogMode ChangelogOf(const LogicalNode& node, bool is_batch) {
  if (is_batch) return kInsertOnly;
  std::vector<ChangelogMode> inputs;
  for (const LogicalNodePtr& input : node.inputs) inputs.push_back(ChangelogOf(*input, is_batch));
  if (const auto* scan = std::get_if<ScanNode>(&node.spec)) return OfScan(*scan);
  if (const auto* aggregate = std::get_if<LogicalAggregate>(&node.spec)) return OfAggregate(node, *aggregate, inputs[0]);
  if (const auto* join = std::get_if<LogicalJoin>(&node.spec)) return OfJoin(node, *join, inputs[0], inputs[1]);
  if (const auto* assign = std::get_if<WindowAssignNode>(&node.spec); assign != nullptr && assign->window.kind == WindowKind::kSession) {
    return kInsertOnly;  // the rows of a session are told when it closes
  }
  if (const auto* sort = std::get_if<SortNode>(&node.spec)) {
    if (sort->limit < 0) return inputs[0];
    return ChangelogMode{inputs[0].has_updates, inputs[0].has_update_before, true};  // Top-N: a better row throws another out
  }
  ChangelogMode mode;
  for (const ChangelogMode& input : inputs) mode = Either(mode, input);
  return mode;
}

std::vector<int> UpsertKeyOf(const LogicalNode& node) {
  if (const auto* scan = std::get_if<ScanNode>(&node.spec)) return KeyOfScan(*scan, node);
  if (const auto* project = std::get_if<LogicalProject>(&node.spec)) return MappedKey(UpsertKeyOf(*node.inputs[0]), project->outputs);
  if (const auto* aggregate = std::get_if<LogicalAggregate>(&node.spec)) return KeyOfAggregate(node, *aggregate);
  if (const auto* join = std::get_if<LogicalJoin>(&node.spec)) return KeyOfJoin(node, *join);
  if (std::holds_alternative<LogicalFilter>(node.spec) || std::holds_alternative<SortNode>(node.spec) ||
      std::holds_alternative<LimitNode>(node.spec)) {
    return UpsertKeyOf(*node.inputs[0]);
  }
  return {};
}

bool HasAtMostOneRow(const LogicalNode& node) {
  if (const auto* aggregate = std::get_if<LogicalAggregate>(&node.spec)) {
    return aggregate->keys.empty() && !IsWindowAggregate(*aggregate, *node.inputs[0]);
  }
  if (const auto* sort = std::get_if<SortNode>(&node.spec)) return sort->limit == 1 || sort->limit == 0 || HasAtMostOneRow(*node.inputs[0]);
  if (const auto* limit = std::get_if<LimitNode>(&node.spec)) {
    return limit->limit == 1 || limit->limit == 0 || HasAtMostOneRow(*node.inputs[0]);
  }
  if (const auto* values = std::get_if<ValuesNode>(&node.spec)) {
    int64_t rows = 0;
    for (const types::Batch& batch : values->rows) rows += batch.row_count;
    return rows <= 1;
  }
  if (std::holds_alternative<LogicalProject>(node.spec) || std::holds_alternative<LogicalFilter>(node.spec)) {
    return HasAtMostOneRow(*node.inputs[0]);
  }
  return false;
}

bool FilterNeedsUpdateBefore(const expr::Expression& condition, const LogicalNode& input) {
  const std::vector<int> key = UpsertKeyOf(input);
  const std::vector<int> columns = expr::ColumnsOf(condition);
  return !std::includes(key.begin(), key.end(), columns.begin(), columns.end());
}

std::string ToString(const ChangelogMode& mode) {
  std::string text = "[I";
  if (mode.has_update_before) text += ",UB";
  if (mode.has_updates) text += ",UA";
  if (mode.has_deletes) text += ",D";
  return text + "]";
}

}  // namespace firn::plan
