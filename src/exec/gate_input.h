// SPDX-License-Identifier: Apache-2.0
// Several edges read as one ordered stream. The gate
//  - takes elements from the edges in turn,
//  - passes on the smallest watermark over the active edges (an idle or ended one does not count),
//  - blocks an edge that has delivered a barrier until all others have: what comes out before the barrier is exactly what belongs to the checkpoint,
//  - rewrites each batch's per-row watermarks to what the gate has passed on, so that lateness is judged against all inputs.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "exec/edge.h"
#include "exec/task_input.h"

namespace firn::exec {

class GateInput final : public TaskInput {
 public:
  struct Channel {
    int input = 0;  // which input of the operator
    std::shared_ptr<Edge> edge;
  };
  /// `held_input`: an input that is read only when `until_ended` has ended (the probe side of a batch join), -1: none.
  struct Hold {
    int held_input = -1;
    int until_ended = -1;
  };
  GateInput(std::vector<Channel> channels, int input_count, Hold hold);

  Result<std::optional<InputEvent>> Next(int64_t now_ms) override;
  void Close() override;

 private:
  struct ChannelState {
    Channel channel;
    int64_t watermark = types::kNoWatermark;
    bool is_idle = false;
    bool has_ended = false;
    bool is_blocked = false;  // has delivered the barrier that the others have not
  };

  bool IsReadable(const ChannelState& state) const;
  void Handle(ChannelState& state, types::StreamElement element);
  void HandleBatch(ChannelState& state, types::Batch batch);
  void HandleEnd(ChannelState& state);
  void AdvanceWatermark();
  void UpdateActivity();
  void CompleteBarrier();
  int64_t OthersWatermark(const ChannelState& state) const;

  std::vector<ChannelState> channels_;
  std::vector<int> open_channels_;  // by input
  const Hold hold_;
  size_t next_ = 0;
  int64_t watermark_ = types::kNoWatermark;
  bool is_idle_ = false;
  int64_t barrier_ = 0;  // being aligned; 0: none
  std::deque<InputEvent> events_;
};

}  // namespace firn::exec
