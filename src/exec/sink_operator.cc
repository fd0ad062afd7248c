// SPDX-License-Identifier: Apache-2.0
#include "exec/sink_operator.h"

#include <arrow/array.h>
#include <fmt/format.h>

#include "base/assert.h"

namespace firn::exec {

Status SinkOperator::Process(int, types::Batch batch, Output&) {
  FIRN_ASSERT(batch.columns.size() >= sink_.columns.size(), "{} columns come for the {} of {}", batch.columns.size(), sink_.columns.size(), sink_.table->path.ToString());
  for (int column : sink_.not_null) {
    const int64_t nulls = batch.columns[static_cast<size_t>(column)]->null_count();
    if (nulls == 0) continue;
    return Error(ErrorCode::kNotNullViolation, fmt::format("column `{}` of {} is NOT NULL and {} of {} rows have NULL in it",
                                                           sink_.columns[static_cast<size_t>(column)], sink_.table->path.ToString(), nulls,
                                                           batch.row_count))
        .Hint("SET 'table.exec.sink.not-null-enforcer' = 'drop' drops such rows");
  }
  return lane_->Write(batch);
}

}  // namespace firn::exec
