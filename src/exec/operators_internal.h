// SPDX-License-Identifier: Apache-2.0
// The operators, one file each; MakeOperator (operator_factory.h) chooses. Every `node` outlives its operator.
#pragma once

#include <memory>

#include "base/result.h"
#include "exec/operator.h"
#include "plan/physical_plan.h"

namespace firn::exec {

/// How an operator behaves besides what its node says.
struct OperatorOptions {
  bool is_batch = false;
  /// Aggregates emit the net change of a key once a batch instead of one change a row ('table.exec.mini-batch.enabled', or nobody but an upsert
  /// sink sees it).
  bool emits_net_changes = false;
};

using OperatorPtr = std::unique_ptr<Operator>;

// Row by row, without state.
Result<OperatorPtr> MakeCalcOperator(const plan::PhysicalNode& node);
Result<OperatorPtr> MakeExpandOperator(const plan::PhysicalNode& node);
Result<OperatorPtr> MakeUnnestOperator(const plan::PhysicalNode& node);
OperatorPtr MakeDropUpdateBeforeOperator();
OperatorPtr MakeUnionOperator(const plan::PhysicalNode& node);
OperatorPtr MakeWindowAssignOperator(const plan::PhysicalNode& node);

// With state.
OperatorPtr MakeLimitOperator(const plan::PhysicalNode& node);
OperatorPtr MakeSliceWindowOperator(const plan::PhysicalNode& node);
Result<OperatorPtr> MakeSessionWindowOperator(const plan::PhysicalNode& node);
Result<OperatorPtr> MakeGroupAggregateOperator(const plan::PhysicalNode& node, const OperatorOptions& options);
OperatorPtr MakeNormalizeOperator(const plan::PhysicalNode& node);
Result<OperatorPtr> MakeJoinOperator(const plan::PhysicalNode& node);
Result<OperatorPtr> MakeWindowJoinOperator(const plan::PhysicalNode& node);
Result<OperatorPtr> MakeBatchJoinOperator(const plan::PhysicalNode& node);
Result<OperatorPtr> MakeSortOperator(const plan::PhysicalNode& node);
Result<OperatorPtr> MakeTemporalSortOperator(const plan::PhysicalNode& node);
Result<OperatorPtr> MakeTopNOperator(const plan::PhysicalNode& node);

/// What stateless operators share: nothing to store, watermarks pass.
class StatelessOperator : public Operator {
 public:
  Status Open(const OperatorContext& context) override {
    context_ = &context;
    evaluation_ = context.evaluation;
    return Ok();
  }
  Status Advance(types::Watermark watermark, Output& output) override {
    output.EmitWatermark(watermark);
    return Ok();
  }
  Status Snapshot(state::StateWriter&) override { return Ok(); }
  Status Restore(state::StateReader&) override { return Ok(); }
  Status Finish(Output&) override { return Ok(); }
  int64_t state_bytes() const override { return 0; }

 protected:
  /// The context for evaluating expressions over `batch`.
  const expr::EvaluationContext& EvaluationOf(const types::Batch& batch) {
    evaluation_.row_time_us = context_->evaluation.row_time_us;
    evaluation_.batch = &batch;
    return evaluation_;
  }

 private:
  const OperatorContext* context_ = nullptr;
  expr::EvaluationContext evaluation_;
};

}  // namespace firn::exec
