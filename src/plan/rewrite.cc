// SPDX-License-Identifier: Apache-2.0
#include "plan/rewrite.h"

#include <utility>

#include "base/assert.h"
#include "plan/interval_join.h"
#include "plan/stored_alike.h"

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

namespace {

/// What a root takes in is what it was bound to take: as many columns, under the same names, of the same kinds.
void CheckRoot(const LogicalNode& root, const char* rewrite) {
  const auto& taken = root.inputs[0]->fields;
  FIRN_ASSERT(taken.size() == root.fields.size(), "{} columns of {} are left by: {}", taken.size(), root.fields.size(), rewrite);
  for (size_t i = 0; i < taken.size(); ++i) {
    const types::TypeKind kind = root.fields[i].type.kind();
    const bool is_untyped = taken[i].type.kind() == types::TypeKind::kNull || kind == types::TypeKind::kNull;
    const bool is_same = is_untyped || IsStoredAlike(taken[i].type, root.fields[i].type);
    FIRN_ASSERT(is_same && taken[i].name == root.fields[i].name, "column `{}` {} became `{}` {} by: {}", root.fields[i].name, root.fields[i].type.ToString(), taken[i].name,
                taken[i].type.ToString(), rewrite);
  }
}

}  // namespace

Result<std::vector<LogicalNodePtr>> Optimize(std::vector<LogicalNodePtr> roots, const RewriteContext& context) {
  for (LogicalNodePtr& root : roots) {
    FIRN_TRY(root, FoldConstantsIn(root, context));
    root = PushDownFilters(root);
    if (!context.is_batch) FIRN_RETURN_IF_ERROR(RefuseIntervalJoins(*root));
    FIRN_TRY(root, FoldConstantsIn(root, context));  // a filter over constants may have become one
    root = PushPredicatesIntoScans(root, context);
    root = PushLimitsIntoScans(root);
    root = MergeProjections(root);
    CheckRoot(*root, "filters, limits and projections");
  }
  const size_t count = roots.size();
  roots = PruneColumns(roots, context);
  FIRN_ASSERT(roots.size() == count, "{} roots of {} are left", roots.size(), count);
  for (LogicalNodePtr& root : roots) {
    root = MergeProjections(root);
    CheckRoot(*root, "pruning");
  }
  return roots;
}

}  // namespace firn::plan
