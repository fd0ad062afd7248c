// SPDX-License-Identifier: Apache-2.0
// Leaves out -U where the consumer tells rows apart by key.
#include <arrow/array.h>

#include "base/assert.h"
#include "exec/columns.h"
#include "exec/operators_internal.h"

namespace firn::exec {

namespace {

class DropUpdateBeforeOperator final : public StatelessOperator {
 public:
  Status Process(int, types::Batch batch, Output& output) override {
    if (batch.kinds) {
      FIRN_ASSERT(batch.kinds->length() == batch.row_count, "{} kinds of {} rows", batch.kinds->length(), batch.row_count);
      std::vector<uint8_t> keep(static_cast<size_t>(batch.row_count));
      for (size_t row = 0; row < keep.size(); ++row) {
        keep[row] = batch.kind(static_cast<int64_t>(row)) != types::RowKind::kUpdateBefore;
      }
      FIRN_TRY(batch, types::TakeRows(batch, IndicesWhere(keep)));
    }
    if (batch.row_count > 0) output.Emit(std::move(batch));
    return Ok();
  }
};

}  // namespace

OperatorPtr MakeDropUpdateBeforeOperator() { return std::make_unique<DropUpdateBeforeOperator>(); }

}  // namespace firn::exec
