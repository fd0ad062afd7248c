// SPDX-License-Identifier: Apache-2.0
// GROUPING SETS: each row once a projection. Rows of one input row stay together, in the projections' order, as Flink emits them.
#include "base/assert.h"
#include "exec/columns.h"
#include "exec/operators_internal.h"
#include "expr/evaluator.h"

namespace firn::exec {

namespace {

class ExpandOperator final : public StatelessOperator {
 public:
  explicit ExpandOperator(const plan::PhysicalNode& node) : node_(node) {}

  Status Compile() {
    for (const auto& outputs : std::get<plan::ExpandNode>(node_.spec).outputs) {
      FIRN_TRY(auto program, expr::Program::Compile(outputs));
      programs_.push_back(std::move(program));
    }
    return Ok();
  }

  Status Process(int, types::Batch batch, Output& output) override {
    std::vector<types::Batch> parts;
    for (auto& program : programs_) {
      types::Batch part{node_.schema, {}, batch.row_count, batch.kinds, batch.watermarks};
      FIRN_TRY(part.columns, program->Run(batch, EvaluationOf(batch)));
      parts.push_back(std::move(part));
    }
    FIRN_TRY(types::Batch all, types::ConcatenateBatches(parts));
    FIRN_ASSERT(all.row_count == batch.row_count * static_cast<int64_t>(parts.size()), "{} rows by {} projections make {}", batch.row_count, parts.size(), all.row_count);
    std::vector<int64_t> order;
    order.reserve(static_cast<size_t>(all.row_count));
    for (int64_t row = 0; row < batch.row_count; ++row) {
      for (size_t part = 0; part < parts.size(); ++part) order.push_back(static_cast<int64_t>(part) * batch.row_count + row);
    }
    FIRN_TRY(types::Batch interleaved, types::TakeRows(all, LongArray(std::move(order))));
    output.Emit(std::move(interleaved));
    return Ok();
  }

 private:
  const plan::PhysicalNode& node_;
  std::vector<std::unique_ptr<expr::Program>> programs_;
};

}  // namespace

Result<OperatorPtr> MakeExpandOperator(const plan::PhysicalNode& node) {
  auto expand = std::make_unique<ExpandOperator>(node);
  FIRN_RETURN_IF_ERROR(expand->Compile());
  return OperatorPtr(std::move(expand));
}

}  // namespace firn::exec
