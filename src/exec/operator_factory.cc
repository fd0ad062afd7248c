// SPDX-License-Identifier: Apache-2.0
#include "exec/operator_factory.h"

#include <fmt/format.h>

#include "base/assert.h"

namespace firn::exec {

namespace {

Error Unsupported(const plan::PhysicalNode& node, std::string_view what, std::string hint) {
  return Error(ErrorCode::kNotSupported, fmt::format("{} cannot be run: {} not supported", node.name, what)).Hint(std::move(hint));
}

}  // namespace

Result<OperatorPtr> MakeOperator(const plan::PhysicalNode& node, const OperatorOptions& options) {
  if (std::holds_alternative<plan::CalcNode>(node.spec)) return MakeCalcOperator(node);
  if (std::holds_alternative<plan::ExpandNode>(node.spec)) return MakeExpandOperator(node);
  if (std::holds_alternative<plan::UnnestNode>(node.spec)) return MakeUnnestOperator(node);
  if (std::holds_alternative<plan::DropUpdateBeforeNode>(node.spec)) return MakeDropUpdateBeforeOperator();
  if (std::holds_alternative<plan::UnionNode>(node.spec)) return MakeUnionOperator(node);
  if (std::holds_alternative<plan::LimitNode>(node.spec)) return MakeLimitOperator(node);
  if (std::holds_alternative<plan::GroupAggregateNode>(node.spec)) return MakeGroupAggregateOperator(node, options);
  if (const auto* window = std::get_if<plan::WindowAggregateNode>(&node.spec)) {
    if (window->window.kind == plan::WindowKind::kSession && window->attached_end < 0) return MakeSessionWindowOperator(node);
    return MakeSliceWindowOperator(node);
  }
  if (std::holds_alternative<plan::WindowAssignNode>(node.spec)) return MakeWindowAssignOperator(node);
  if (const auto* join = std::get_if<plan::JoinNode>(&node.spec)) {
    if (options.is_batch) return MakeBatchJoinOperator(node);
    if (join->left_window_end >= 0) return MakeWindowJoinOperator(node);
    return MakeJoinOperator(node);
  }
  if (std::holds_alternative<plan::NormalizeNode>(node.spec)) return MakeNormalizeOperator(node);
  if (const auto* sort = std::get_if<plan::SortNode>(&node.spec)) {
    if (!options.is_batch && (sort->limit >= 0 || sort->keys.empty())) return MakeTopNOperator(node);
    if (sort->by_rowtime) return MakeTemporalSortOperator(node);
    if (!options.is_batch && !node.is_bounded) return Unsupported(node, "ORDER BY over a stream that never ends is", "order by the event time, add a LIMIT, or SET 'execution.runtime-mode' = 'batch' over bounded tables");
    return MakeSortOperator(node);
  }
  FIRN_UNREACHABLE("{} is no operator", node.name);
}

}  // namespace firn::exec
