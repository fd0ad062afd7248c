// SPDX-License-Identifier: Apache-2.0
#include "exec/gate_input.h"

#include <arrow/array.h>
#include <arrow/buffer.h>

#include <algorithm>

#include "base/assert.h"
#include "exec/columns.h"

namespace firn::exec {

GateInput::GateInput(std::vector<Channel> channels, int input_count, Hold hold)
    : open_channels_(static_cast<size_t>(input_count)), hold_(hold) {
  for (Channel& channel : channels) {
    ++open_channels_[static_cast<size_t>(channel.input)];
    channels_.push_back({.channel = std::move(channel)});
  }
  FIRN_ASSERT(!channels_.empty(), "a gate without edges");
}

void GateInput::Close() {
  for (ChannelState& state : channels_) state.channel.edge->Close();
}

bool GateInput::IsReadable(const ChannelState& state) const {
  if (state.has_ended || state.is_blocked) return false;
  return state.channel.input != hold_.held_input || open_channels_[static_cast<size_t>(hold_.until_ended)] == 0;
}

Result<std::optional<InputEvent>> GateInput::Next(int64_t) {
  while (events_.empty()) {
    bool took_one = false;
    for (size_t i = 0; i < channels_.size() && !took_one; ++i) {
      ChannelState& state = channels_[next_];
      next_ = (next_ + 1) % channels_.size();
      types::StreamElement element;
      if (!IsReadable(state) || !state.channel.edge->Pop(&element)) continue;
      Handle(state, std::move(element));
      took_one = true;
    }
    if (!took_one) return std::optional<InputEvent>();
  }
  std::optional<InputEvent> event(std::move(events_.front()));
  events_.pop_front();
  return event;
}

void GateInput::Handle(ChannelState& state, types::StreamElement element) {
  FIRN_ASSERT(!state.has_ended && !state.is_blocked, "input {} gives more behind {}", state.channel.input, state.has_ended ? "its end" : "a barrier that is awaited");
  if (auto* batch = std::get_if<types::Batch>(&element)) {
    HandleBatch(state, std::move(*batch));
  } else if (auto* watermark = std::get_if<types::Watermark>(&element)) {
    state.watermark = std::max(state.watermark, watermark->timestamp_ms);
    AdvanceWatermark();
  } else if (auto* activity = std::get_if<types::Activity>(&element)) {
    state.is_idle = activity->is_idle;
    UpdateActivity();
    AdvanceWatermark();
  } else if (auto* barrier = std::get_if<types::Barrier>(&element)) {
    FIRN_ASSERT(barrier_ == 0 || barrier_ == barrier->checkpoint_id, "barrier {} while aligning {}", barrier->checkpoint_id, barrier_);
    barrier_ = barrier->checkpoint_id;
    state.is_blocked = true;
    CompleteBarrier();
  } else {
    HandleEnd(state);
  }
}

int64_t GateInput::OthersWatermark(const ChannelState& state) const {
  int64_t smallest = types::kFinalWatermark;
  for (const ChannelState& other : channels_) {
    if (&other != &state && !other.is_idle && !other.has_ended) smallest = std::min(smallest, other.watermark);
  }
  return smallest;
}

void GateInput::HandleBatch(ChannelState& state, types::Batch batch) {
  if (channels_.size() > 1 && (batch.watermarks || watermark_ != types::kNoWatermark)) {
    const int64_t others = OthersWatermark(state);
    std::vector<int64_t> combined(static_cast<size_t>(batch.row_count));
    for (int64_t row = 0; row < batch.row_count; ++row) {
      const int64_t own = batch.watermarks ? std::max(batch.watermark_before(row), state.watermark) : state.watermark;
      combined[row] = std::max(watermark_, std::min(own, others));
    }
    batch.watermarks = LongArray(std::move(combined));
  }
  events_.push_back({.kind = InputEvent::Kind::kBatch, .input = state.channel.input, .batch = std::move(batch)});
}

void GateInput::AdvanceWatermark() {
  int64_t smallest = types::kFinalWatermark;
  bool any_active = false;
  bool all_ended = true;
  for (const ChannelState& state : channels_) {
    all_ended &= state.has_ended;
    if (state.is_idle || state.has_ended) continue;
    any_active = true;
    smallest = std::min(smallest, state.watermark);
  }
  if (!any_active && !all_ended) return;  // all idle: time stands still
  if (all_ended) {  // each has sent its last watermark before its end; a source that was stopped has not sent the final one
    for (const ChannelState& state : channels_) smallest = std::min(smallest, state.watermark);
  }
  if (smallest <= watermark_) return;
  watermark_ = smallest;
  events_.push_back({.kind = InputEvent::Kind::kWatermark, .value = watermark_});
}

void GateInput::UpdateActivity() {
  const bool all_idle = std::all_of(channels_.begin(), channels_.end(),
                                    [](const ChannelState& state) { return state.is_idle || state.has_ended; }) &&
                        std::any_of(channels_.begin(), channels_.end(), [](const ChannelState& state) { return !state.has_ended; });
  if (all_idle == is_idle_) return;
  is_idle_ = all_idle;
  events_.push_back({.kind = InputEvent::Kind::kActivity, .value = is_idle_ ? 1 : 0});
}

void GateInput::HandleEnd(ChannelState& state) {
  FIRN_ASSERT(!state.has_ended, "an edge ended twice");
  state.has_ended = true;
  AdvanceWatermark();
  CompleteBarrier();
  UpdateActivity();
  FIRN_ASSERT(open_channels_[static_cast<size_t>(state.channel.input)] > 0, "input {} ends and has no open edge", state.channel.input);
  if (--open_channels_[static_cast<size_t>(state.channel.input)] == 0) {
    events_.push_back({.kind = InputEvent::Kind::kInputEnded, .input = state.channel.input});
  }
  if (std::all_of(channels_.begin(), channels_.end(), [](const ChannelState& other) { return other.has_ended; })) {
    events_.push_back({.kind = InputEvent::Kind::kEnd});
  }
}

void GateInput::CompleteBarrier() {
  if (barrier_ == 0) return;
  for (const ChannelState& state : channels_) {
    if (!state.has_ended && !state.is_blocked) return;
  }
  for (ChannelState& state : channels_) state.is_blocked = false;
  events_.push_back({.kind = InputEvent::Kind::kBarrier, .value = barrier_});
  barrier_ = 0;
}

}  // namespace firn::exec
