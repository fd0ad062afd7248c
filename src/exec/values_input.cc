// SPDX-License-Identifier: Apache-2.0
#include "exec/values_input.h"

#include <fmt/format.h>

#include <charconv>

#include "base/assert.h"

namespace firn::exec {

Result<std::optional<InputEvent>> ValuesInput::Next(int64_t) {
  std::optional<InputEvent> event;
  if (barrier_ != 0) {
    event = InputEvent{.kind = InputEvent::Kind::kBarrier, .value = barrier_};
    barrier_ = 0;
  } else if (next_ < values_.rows.size()) {
    types::Batch rows = values_.rows[next_++];
    FIRN_ASSERT(rows.columns.size() == node_.schema->size() && !has_sent_watermark_, "VALUES have {} columns of {}, behind the last watermark: {}", rows.columns.size(), node_.schema->size(), has_sent_watermark_);
    rows.schema = node_.schema;
    event = InputEvent{.kind = InputEvent::Kind::kBatch, .batch = std::move(rows)};
  } else if (!has_sent_watermark_) {
    has_sent_watermark_ = true;
    event = InputEvent{.kind = InputEvent::Kind::kWatermark, .value = types::kFinalWatermark};
  } else if (!has_ended_) {
    has_ended_ = true;
    event = InputEvent{.kind = InputEvent::Kind::kEnd};
  }
  return event;
}

Status ValuesInput::Restore(const std::string& positions, state::StateReader&) {
  auto [end, status] = std::from_chars(positions.data(), positions.data() + positions.size(), next_);
  if (status != std::errc() || end != positions.data() + positions.size() || next_ > values_.rows.size()) {
    return Error(ErrorCode::kStateIncompatible, fmt::format("position '{}' lies outside of the query's {} batches of VALUES", positions, values_.rows.size()))
        .Hint("cancel the job and submit its statement again; it starts from the first of them");
  }
  return Ok();
}

}  // namespace firn::exec
