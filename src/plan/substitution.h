// SPDX-License-Identifier: Apache-2.0
// Expressions put in the place of columns: when two projections, or a filter above a projection, become one. A bound expression is a graph that every
// walk takes for a tree: x + x over x + x over ... doubles with each level. So what grows does so to kMaxSubstitutedNodes only, which bounds
// the depth of what comes out, too.
#pragma once

#include <cstddef>
#include <vector>

#include "expr/expression.h"

namespace firn::plan {

inline constexpr size_t kMaxSubstitutedNodes = 1000;

/// Nodes of the expression as a tree; `most` if there are that many or more.
size_t TreeSize(const expr::Expression& expression, size_t most);

/// The outputs of a projection, which must outlive it, to be put in the place of its columns.
class Substitution {
 public:
  explicit Substitution(const std::vector<expr::ExpressionPtr>& outputs);
  /// Whether all of `expressions` may have them so: nothing becomes large, and what is not deterministic (RAND) is computed no more often than
  /// the query names it. Null expressions are passed over.
  bool IsGood(const std::vector<expr::ExpressionPtr>& expressions) const;

 private:
  size_t Count(const expr::Expression& expression, bool& grows) const;

  const std::vector<expr::ExpressionPtr>& outputs_;
  std::vector<size_t> sizes_;  // nodes of each output
};

}  // namespace firn::plan
