// SPDX-License-Identifier: Apache-2.0
// Filters, then projects.
#include "exec/operators_internal.h"
#include "expr/evaluator.h"

namespace firn::exec {

namespace {

class CalcOperator final : public StatelessOperator {
 public:
  explicit CalcOperator(const plan::PhysicalNode& node) : node_(node) {}

  Status Compile() {
    const auto& calc = std::get<plan::CalcNode>(node_.spec);
    if (calc.condition) {
      FIRN_TRY(condition_, expr::Program::Compile({calc.condition}));
    }
    FIRN_TRY(outputs_, expr::Program::Compile(calc.outputs));
    return Ok();
  }

  Status Process(int, types::Batch batch, Output& output) override {
    if (condition_) {
      FIRN_TRY(types::ArrayPtr mask, expr::EvaluateFilter(*condition_, batch, EvaluationOf(batch)));
      FIRN_TRY(batch, types::FilterRows(batch, mask));
      if (batch.row_count == 0) return Ok();
    }
    types::Batch result{node_.schema, {}, batch.row_count, batch.kinds, batch.watermarks};
    FIRN_TRY(result.columns, outputs_->Run(batch, EvaluationOf(batch)));
    output.Emit(std::move(result));
    return Ok();
  }

 private:
  const plan::PhysicalNode& node_;
  std::unique_ptr<expr::Program> condition_;  // null: all rows
  std::unique_ptr<expr::Program> outputs_;
};

}  // namespace

Result<OperatorPtr> MakeCalcOperator(const plan::PhysicalNode& node) {
  auto calc = std::make_unique<CalcOperator>(node);
  FIRN_RETURN_IF_ERROR(calc->Compile());
  return OperatorPtr(std::move(calc));
}

}  // namespace firn::exec
