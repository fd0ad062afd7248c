// SPDX-License-Identifier: Apache-2.0
#include "plan/substitution.h"

#include <algorithm>

#include "base/assert.h"

namespace firn::plan {

size_t TreeSize(const expr::Expression& expression, size_t most) {
  size_t nodes = 1;
  for (const expr::ExpressionPtr& argument : expression.arguments) {
    if (nodes >= most) return most;
    nodes += TreeSize(*argument, most - nodes);
  }
  return std::min(nodes, most);
}

Substitution::Substitution(const std::vector<expr::ExpressionPtr>& outputs) : outputs_(outputs) {
  sizes_.reserve(outputs.size());
  for (const expr::ExpressionPtr& output : outputs) sizes_.push_back(TreeSize(*output, kMaxSubstitutedNodes));
}

/// The nodes that there would be; `grows` is set where they are more.
size_t Substitution::Count(const expr::Expression& expression, bool& grows) const {
  if (expression.kind == expr::ExpressionKind::kColumn) {
    FIRN_ASSERT(expression.index >= 0 && expression.index < static_cast<int>(sizes_.size()), "column {} of {}", expression.index, sizes_.size());
    grows |= sizes_[expression.index] > 1;
    return sizes_[expression.index];
  }
  size_t nodes = 1;
  for (const expr::ExpressionPtr& argument : expression.arguments) nodes += Count(*argument, grows);
  return nodes;
}

bool Substitution::IsGood(const std::vector<expr::ExpressionPtr>& expressions) const {
  std::vector<int> uses(outputs_.size(), 0);
  for (const expr::ExpressionPtr& expression : expressions) {
    if (expression == nullptr) continue;
    bool grows = false;
    if (Count(*expression, grows) > kMaxSubstitutedNodes && grows) return false;
    expr::CountUses(*expression, &uses);
  }
  for (size_t i = 0; i < outputs_.size(); ++i) {
    if (uses[i] > 1 && !expr::IsDeterministic(*outputs_[i])) return false;
  }
  return true;
}

}  // namespace firn::plan
