// SPDX-License-Identifier: Apache-2.0
#include "exec/window_clock.h"

#include <arrow/array.h>
#include <fmt/format.h>

#include <algorithm>

#include "exec/operator_metrics.h"

namespace firn::exec {

namespace {

const types::SchemaPtr& WatermarkSchema() {
  static const auto* const schema = new types::SchemaPtr(types::MakeSchema({{"watermark_ms", types::DataType::BigInt()}}));
  return *schema;
}

}  // namespace

Status WindowClock::DropRowsWithoutTime(types::Batch* batch) const {
  if (window_->is_proctime) return Ok();
  const types::ArrayPtr& times = batch->columns[static_cast<size_t>(window_->time_column)];
  if (times->null_count() == 0) return Ok();
  if (context_->metrics->null_rowtime_rows.fetch_add(times->null_count(), std::memory_order_relaxed) == 0 && context_->warn) {
    context_->warn(fmt::format("rows whose `{}` is NULL are in no window; sys.operators counts them in null_rowtime_rows", batch->schema->field(static_cast<size_t>(window_->time_column)).name));
  }
  FIRN_TRY(types::ArrayPtr mask, NotNullMask(times));
  FIRN_TRY(*batch, types::FilterRows(*batch, mask));
  return Ok();
}

Status SaveWatermark(state::StateWriter& writer, int64_t watermark_ms) {
  return writer.Write("watermark", {WatermarkSchema(), {LongArray({watermark_ms})}, 1, nullptr, nullptr});
}

// All lanes have seen the same watermark when a checkpoint's barrier comes.
Status LoadWatermark(state::StateReader& reader, int64_t* watermark_ms) {
  bool is_first = true;
  return reader.Read("watermark", WatermarkSchema(), [&](const types::Batch& rows) -> Status {
    std::vector<int64_t> values;
    LongsOf(rows.columns[0], &values);
    for (int64_t value : values) {
      *watermark_ms = is_first ? value : std::min(*watermark_ms, value);
      is_first = false;
    }
    return Ok();
  });
}

}  // namespace firn::exec
