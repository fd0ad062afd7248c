// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "plan/changelog.h"
#include "plan/join_condition.h"
#include "plan/physical_builder_internal.h"
#include "plan/window_columns.h"

namespace firn::plan {

namespace {

/// A side's columns, then those of its keys that are computed.
struct KeyedSide {
  std::vector<expr::ExpressionPtr> outputs;
  std::vector<types::Field> fields;
  std::vector<int> keys;
};

KeyedSide WithKeys(const std::vector<types::Field>& fields, const std::vector<expr::ExpressionPtr>& keys) {
  KeyedSide side{AllColumns(fields), fields, {}};
  for (const expr::ExpressionPtr& key : keys) {
    const auto is_key = [&](const expr::ExpressionPtr& output) { return expr::Equal(*output, *key); };
    const auto found = std::find_if(side.outputs.begin(), side.outputs.end(), is_key);
    side.keys.push_back(static_cast<int>(found - side.outputs.begin()));
    if (found != side.outputs.end()) continue;
    side.fields.push_back(types::Field{expr::ToString(*key), key->type});
    side.outputs.push_back(key);
  }
  return side;
}

/// An expression over left columns then right columns, once the left side has `added` more columns.
expr::ExpressionPtr Moved(const expr::ExpressionPtr& expression, int left_count, int added) {
  if (expression == nullptr || added == 0) return expression;
  const std::vector<int> columns = expr::ColumnsOf(*expression);
  std::vector<int> mapping(columns.empty() ? 0 : columns.back() + 1, -1);
  for (int column : columns) mapping[column] = column < left_count ? column : column + added;
  return expr::RemapColumns(expression, mapping);
}

bool EmitsLeftOnly(JoinKind kind) { return kind == JoinKind::kSemi || kind == JoinKind::kAnti; }

/// The columns of the join as the query sees it, over the operator's output.
std::vector<expr::ExpressionPtr> Visible(const LogicalNode& node, int left_count, int added) {
  std::vector<expr::ExpressionPtr> outputs;
  for (size_t i = 0; i < node.fields.size(); ++i) {
    const int column = static_cast<int>(i);
    outputs.push_back(expr::MakeColumn(column < left_count ? column : column + added, node.fields[i].name, node.fields[i].type));
  }
  return outputs;
}

std::vector<types::Field> JoinedFields(const LogicalNode& node, const KeyedSide& left, const KeyedSide& right, int left_count) {
  std::vector<types::Field> fields(node.fields.begin(), node.fields.begin() + left_count);
  fields.insert(fields.end(), left.fields.begin() + left_count, left.fields.end());
  if (node.fields.size() == static_cast<size_t>(left_count)) return fields;
  const size_t right_count = node.fields.size() - left_count;
  fields.insert(fields.end(), node.fields.begin() + left_count, node.fields.end());
  fields.insert(fields.end(), right.fields.begin() + right_count, right.fields.end());
  return fields;
}

}  // namespace

Result<PhysicalNodePtr> PhysicalBuilder::BuildJoin(const LogicalNode& node, const LogicalJoin& join) {
  const LogicalNode& left = *node.inputs[0];
  const LogicalNode& right = *node.inputs[1];
  const int left_count = static_cast<int>(left.fields.size());
  const JoinCondition condition = SplitJoinCondition(join.condition, left_count);
  FIRN_ASSERT(!join.is_null_aware_anti || (!condition.keys.empty() && condition.residual.empty()), "NOT IN by {} keys and {} other conditions",
              condition.keys.size(), condition.residual.size());
  std::vector<expr::ExpressionPtr> left_keys;
  std::vector<expr::ExpressionPtr> right_keys;
  JoinNode spec;
  for (const EquiKey& key : condition.keys) {
    left_keys.push_back(key.left);
    right_keys.push_back(key.right);
    spec.null_safe.push_back(key.null_safe);
  }
  const KeyedSide left_side = WithKeys(left.fields, left_keys);
  const KeyedSide right_side = WithKeys(right.fields, right_keys);
  FIRN_ASSERT(left_side.keys.size() == right_side.keys.size() && left_side.keys.size() == spec.null_safe.size(), "{} keys on the left, {} on the right", left_side.keys.size(), right_side.keys.size());
  const int added = static_cast<int>(left_side.fields.size()) - left_count;
  FIRN_TRY(PhysicalNodePtr left_input, Build(node.inputs[0], Asks::kAllChanges));
  FIRN_TRY(PhysicalNodePtr right_input, Build(node.inputs[1], Asks::kAllChanges));
  left_input = Projected(std::move(left_input), left_side.outputs, left_side.fields);
  right_input = Projected(std::move(right_input), right_side.outputs, right_side.fields);

  spec.kind = join.kind;
  spec.left_keys = left_side.keys;
  spec.right_keys = right_side.keys;
  spec.condition = Moved(Conjunction(condition.residual), left_count, added);
  spec.is_null_aware_anti = join.is_null_aware_anti;
  spec.left_ttl_ms = join.left_ttl_ms;
  spec.right_ttl_ms = join.right_ttl_ms;
  spec.left_upsert_key = UpsertKeyOf(left);
  spec.right_upsert_key = UpsertKeyOf(right);
  if (!config_.is_batch && IsWindowJoin(join, left, right)) {
    if (left.window->window.is_proctime || right.window->window.is_proctime) {
      return Error(ErrorCode::kNotSupported, "windows by processing time cannot be joined").At(node.span).Hint("join windows by event time: they close at the same rows on both sides");
    }
    spec.left_window_end = left.window->end;
    spec.right_window_end = right.window->end;
    spec.is_window_local_time = left.window->window.is_local_time;
  }
  // A NOT IN must see every NULL of the right side, so its rows are not spread over lanes.
  const std::vector<int> no_keys;
  left_input = Distributed(std::move(left_input), join.is_null_aware_anti ? no_keys : spec.left_keys);
  right_input = Distributed(std::move(right_input), join.is_null_aware_anti ? no_keys : spec.right_keys);
  const int lanes = left_input->parallelism;
  std::vector<types::Field> fields = JoinedFields(node, left_side, right_side, left_count);
  const int added_right = EmitsLeftOnly(join.kind) ? 0 : static_cast<int>(right_side.fields.size() - right.fields.size());
  PhysicalNodePtr built = Add({std::move(spec), {std::move(left_input), std::move(right_input)}, std::move(fields),
                               ChangelogOf(node, config_.is_batch), added == 0 ? UpsertKeyOf(node) : std::vector<int>{}, lanes});
  if (added == 0 && added_right == 0) return built;
  return Projected(std::move(built), Visible(node, left_count, added), node.fields);
}

}  // namespace firn::plan
