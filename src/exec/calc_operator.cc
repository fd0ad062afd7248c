// SPDX-License-Identifier: Apache-2.0
// Filters, then projects. What only the condition reads is not filtered.
#include <set>

#include "base/assert.h"
#include "exec/group_keys.h"
#include "exec/operators_internal.h"
#include "expr/evaluator.h"

namespace firn::exec {

namespace {

class CalcOperator final : public StatelessOperator {
 public:
  explicit CalcOperator(const plan::PhysicalNode& node) : node_(node) {}

  Status Compile() {
    const auto& calc = std::get<plan::CalcNode>(node_.spec);
    if (!calc.condition) {
      FIRN_TRY(outputs_, expr::Program::Compile(calc.outputs));
      return Ok();
    }
    FIRN_TRY(condition_, expr::Program::Compile({calc.condition}));
    const types::Schema& input = *node_.inputs[0]->schema;
    std::set<int> used;
    for (const expr::ExpressionPtr& output : calc.outputs) {
      for (int column : expr::ColumnsOf(*output)) used.insert(column);
    }
    std::vector<int> mapping(input.size(), -1);
    std::vector<types::Field> fields;
    for (int column : used) {
      mapping[static_cast<size_t>(column)] = static_cast<int>(kept_.size());
      kept_.push_back(column);
      fields.push_back(input.field(static_cast<size_t>(column)));
    }
    kept_schema_ = types::MakeSchema(std::move(fields));
    std::vector<expr::ExpressionPtr> outputs;
    for (const expr::ExpressionPtr& output : calc.outputs) outputs.push_back(expr::RemapColumns(output, mapping));
    FIRN_TRY(outputs_, expr::Program::Compile(outputs));
    return Ok();
  }

  Status Process(int, types::Batch batch, Output& output) override {
    if (condition_) {
      FIRN_TRY(types::ArrayPtr mask, expr::EvaluateFilter(*condition_, batch, EvaluationOf(batch)));
      FIRN_TRY(batch, types::FilterRows({kept_schema_, ColumnsOf(batch, kept_), batch.row_count, batch.kinds, batch.watermarks}, mask));
      if (batch.row_count == 0) return Ok();
    }
    types::Batch result{node_.schema, {}, batch.row_count, batch.kinds, batch.watermarks};
    FIRN_TRY(result.columns, outputs_->Run(batch, EvaluationOf(batch)));
    FIRN_ASSERT(result.columns.size() == node_.schema->size(), "{} gives {} columns of {}", node_.name, result.columns.size(), node_.schema->size());
    output.Emit(std::move(result));
    return Ok();
  }

 private:
  const plan::PhysicalNode& node_;
  std::unique_ptr<expr::Program> condition_;  // null: all rows
  std::vector<int> kept_;                     // with a condition: columns that the outputs read
  types::SchemaPtr kept_schema_;
  std::unique_ptr<expr::Program> outputs_;
};

}  // namespace

Result<OperatorPtr> MakeCalcOperator(const plan::PhysicalNode& node) {
  auto calc = std::make_unique<CalcOperator>(node);
  FIRN_RETURN_IF_ERROR(calc->Compile());
  return OperatorPtr(std::move(calc));
}

}  // namespace firn::exec
