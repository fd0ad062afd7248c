// SPDX-License-Identifier: Apache-2.0
// Boolean conditions taken apart: into conjuncts, and for joins into keys and what must hold besides.
#pragma once

#include <vector>

#include "expr/expression.h"

namespace firn::plan {

/// Conjuncts of a condition; AND of any depth is flattened. Null gives none.
std::vector<expr::ExpressionPtr> ConjunctsOf(const expr::ExpressionPtr& condition);
/// AND of all; null for none.
expr::ExpressionPtr Conjunction(const std::vector<expr::ExpressionPtr>& conjuncts);

struct EquiKey {
  expr::ExpressionPtr left;   // over the left input
  expr::ExpressionPtr right;  // over the right input
  bool null_safe = false;     // IS NOT DISTINCT FROM
};

/// Both sides of a key have the same type but for nullability. One equality may be several keys.
struct JoinCondition {
  std::vector<EquiKey> keys;
  std::vector<expr::ExpressionPtr> residual;  // conjuncts over left columns then right columns
};

/// Takes `condition` over `left_count` left columns, then right columns, apart.
JoinCondition SplitJoinCondition(const expr::ExpressionPtr& condition, int left_count);

/// Whether all columns of the expression lie in [begin, end).
bool ReadsOnly(const expr::Expression& expression, int begin, int end);
/// Column i becomes column i + by.
expr::ExpressionPtr Shifted(const expr::ExpressionPtr& expression, int by);

}  // namespace firn::plan
