// SPDX-License-Identifier: Apache-2.0
#include "plan/rewrite.h"

#include <utility>

#include "base/assert.h"
#include "plan/interval_join.h"

namespace firn::plan {

LogicalNodePtr MapInputs(const LogicalNodePtr& node, const std::function<LogicalNodePtr(const LogicalNodePtr&)>& transform) {
  std::vector<LogicalNodePtr> inputs;
  bool changed = false;
  for (const LogicalNodePtr& input : node->inputs) {
    inputs.push_back(transform(input));
    changed |= inputs.back() != input;
  }
  return changed ? WithInputs(*node, std::move(inputs)) : node;
}

LogicalNodePtr WithSpec(const LogicalNode& node, LogicalSpec spec) {
  FIRN_ASSERT(spec.index() == node.spec.index(), "operator {} becomes {}", node.spec.index(), spec.index());
  LogicalNode copy = node;
  copy.spec = std::move(spec);
  return std::make_shared<const LogicalNode>(std::move(copy));
}

Result<std::vector<LogicalNodePtr>> Optimize(std::vector<LogicalNodePtr> roots, const RewriteContext& context) {
  for (LogicalNodePtr& root : roots) {
    FIRN_TRY(root, FoldConstantsIn(root, context));
    root = PushDownFilters(root);
    if (!context.is_batch) FIRN_RETURN_IF_ERROR(RefuseIntervalJoins(*root));
    FIRN_TRY(root, FoldConstantsIn(root, context));  // a filter over constants may have become one
    root = PushPredicatesIntoScans(root, context);
    root = PushLimitsIntoScans(root);
    root = MergeProjections(root);
  }
  roots = PruneColumns(roots, context);
  for (LogicalNodePtr& root : roots) root = MergeProjections(root);
  return roots;
}

}  // namespace firn::plan
