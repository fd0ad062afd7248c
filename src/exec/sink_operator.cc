// SPDX-License-Identifier: Apache-2.0
#include "exec/sink_operator.h"

#include <arrow/array.h>
#include <fmt/format.h>

#include "base/assert.h"

namespace firn::exec {

Error WhileWriting(const plan::SinkNode& sink, Error error) { return std::move(error).Context("writing to " + sink.table->path.ToString()); }

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
  Status written = lane_->Write(batch);
  return written.ok() ? Ok() : Status(WhileWriting(sink_, std::move(written).error()));
}

Result<std::unique_ptr<SinkPart>> SinkOperator::Prepare(int64_t checkpoint_id) {
  auto part = lane_->Prepare(checkpoint_id);
  if (!part.ok()) return WhileWriting(sink_, std::move(part).error());
  return part;
}

}  // namespace firn::exec
