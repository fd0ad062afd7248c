// SPDX-License-Identifier: Apache-2.0
#include "exec/window_clock.h"

#include <algorithm>

namespace firn::exec {

namespace {

const types::SchemaPtr& WatermarkSchema() {
  static const auto* const schema = new types::SchemaPtr(types::MakeSchema({{"watermark_ms", types::DataType::BigInt()}}));
  return *schema;
}

}  // namespace

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
