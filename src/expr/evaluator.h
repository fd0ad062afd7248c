// SPDX-License-Identifier: Apache-2.0
// Runs expressions over batches. A Program is compiled once: common sub-expressions are computed once a batch, constants are
// folded by the same kernels that run at run time.
#pragma once

#include <memory>
#include <vector>

#include "base/result.h"
#include "expr/expression.h"
#include "expr/scalar_function.h"
#include "types/batch.h"

namespace firn::expr {

/// Replaces deterministic calls over literals by their value. A failing constant (1 / 0) is an error here, with its span,
/// as in Flink's planner.
Result<ExpressionPtr> FoldConstants(const ExpressionPtr& expression, const EvaluationContext& context);

/// The value of an expression without columns, as an array of length 1.
Result<types::ArrayPtr> EvaluateConstant(const Expression& expression, const EvaluationContext& context);

/// Thread-compatible: one Run at a time; make one a task.
class Program {
 public:
  virtual ~Program() = default;
  static Result<std::unique_ptr<Program>> Compile(std::vector<ExpressionPtr> outputs);
  /// One array of batch.row_count values an output; constants are expanded. kEvaluationError names the expression and the value.
  virtual Result<std::vector<types::ArrayPtr>> Run(const types::Batch& batch, const EvaluationContext& context) = 0;
};

/// Evaluates one boolean expression to a mask (NULL is not true).
Result<types::ArrayPtr> EvaluateFilter(Program& program, const types::Batch& batch, const EvaluationContext& context);

}  // namespace firn::expr
