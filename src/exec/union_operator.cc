// SPDX-License-Identifier: Apache-2.0
// UNION ALL: rows of all inputs, as they come.
#include "base/assert.h"
#include "exec/operators_internal.h"

namespace firn::exec {

namespace {

class UnionOperator final : public StatelessOperator {
 public:
  explicit UnionOperator(const plan::PhysicalNode& node) : node_(node) {}

  Status Process(int, types::Batch batch, Output& output) override {
    FIRN_ASSERT(batch.columns.size() == node_.schema->size(), "a branch of {} has {} columns", node_.schema->size(), batch.columns.size());
    batch.schema = node_.schema;  // names come from the first branch
    output.Emit(std::move(batch));
    return Ok();
  }

 private:
  const plan::PhysicalNode& node_;
};

}  // namespace

OperatorPtr MakeUnionOperator(const plan::PhysicalNode& node) { return std::make_unique<UnionOperator>(node); }

}  // namespace firn::exec
