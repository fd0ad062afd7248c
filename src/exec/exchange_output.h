// SPDX-License-Identifier: Apache-2.0
// Sends rows to the lanes of the next task: to all that one lane gets (forward, single), by key group of the key's hash, or in turn.
//
// Rows are gathered per lane until kPreferredExchangeRows have come or the input runs dry, so that lanes see large batches however many there
// are. A watermark waits behind the rows it follows: rows carry the watermark that counts for them, so nothing is judged wrongly by the wait.
#pragma once

#include <memory>
#include <vector>

#include "exec/edge.h"
#include "exec/group_keys.h"
#include "exec/task_output.h"
#include "plan/physical_plan.h"

namespace firn::exec {

inline constexpr int64_t kPreferredExchangeRows = 4096;

class ExchangeOutput final : public TaskOutput {
 public:
  /// Without keys: one edge, or several that take batches in turn.
  ExchangeOutput(std::vector<std::shared_ptr<Edge>> lanes, std::vector<int> keys, std::vector<types::DataType> key_types);

  bool IsFull() override;
  Status Emit(const types::Batch& batch) override;
  Status EmitWatermark(int64_t watermark_ms) override;
  Status EmitActivity(bool is_idle) override;
  Status EmitBarrier(int64_t checkpoint_id) override;
  Status EmitEnd() override;
  Status Flush() override;

 private:
  struct Lane {
    std::shared_ptr<Edge> edge;
    std::vector<types::Batch> batches;
    int64_t rows = 0;
    int64_t watermark_ms = types::kNoWatermark;  // to follow the batches; kNoWatermark: none
  };

  Status Append(Lane& lane, types::Batch batch);
  Status FlushLane(Lane& lane);
  Status Partition(const types::Batch& batch);
  Status Broadcast(const types::StreamElement& element);

  std::vector<Lane> lanes_;
  const std::vector<int> keys_;
  const KeyEncoder encoder_;
  BatchKeys batch_keys_;
  size_t next_lane_ = 0;
};

}  // namespace firn::exec
