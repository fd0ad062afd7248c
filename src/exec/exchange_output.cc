// SPDX-License-Identifier: Apache-2.0
#include "exec/exchange_output.h"

#include <numeric>

#include "base/assert.h"
#include "exec/columns.h"
#include "state/state_io.h"

namespace firn::exec {

ExchangeOutput::ExchangeOutput(std::vector<std::shared_ptr<Edge>> lanes, std::vector<int> keys, std::vector<types::DataType> key_types)
    : keys_(std::move(keys)), encoder_(std::move(key_types)) {
  FIRN_ASSERT(!lanes.empty(), "an exchange without lanes");
  for (std::shared_ptr<Edge>& edge : lanes) lanes_.push_back({.edge = std::move(edge)});
}

bool ExchangeOutput::IsFull() {
  for (Lane& lane : lanes_) {
    if (lane.edge->IsFull()) return true;
  }
  return false;
}

Status ExchangeOutput::Emit(const types::Batch& batch) {
  if (batch.row_count == 0) return Ok();
  if (lanes_.size() == 1) return Append(lanes_[0], batch);
  if (!keys_.empty()) return Partition(batch);
  Lane& lane = lanes_[next_lane_];
  next_lane_ = (next_lane_ + 1) % lanes_.size();
  return Append(lane, batch);
}

// Counting sort of the rows by lane: one gather for the whole batch, then slices of it.
Status ExchangeOutput::Partition(const types::Batch& batch) {
  const std::vector<types::ArrayPtr> columns = ColumnsOf(batch, keys_);
  encoder_.Encode(columns, batch.row_count, &batch_keys_);
  const int lane_count = static_cast<int>(lanes_.size());
  std::vector<int64_t> starts(lanes_.size() + 1);
  std::vector<int> lane_of(static_cast<size_t>(batch.row_count));
  for (size_t row = 0; row < lane_of.size(); ++row) {
    lane_of[row] = state::LaneOfKeyGroup(state::KeyGroupOfHash(batch_keys_.hashes[row]), lane_count);
    ++starts[static_cast<size_t>(lane_of[row]) + 1];
  }
  std::partial_sum(starts.begin(), starts.end(), starts.begin());
  FIRN_ASSERT(starts.back() == batch.row_count, "{} of {} rows have a lane", starts.back(), batch.row_count);
  std::vector<int64_t> next(starts.begin(), starts.end() - 1);
  std::vector<int64_t> order(lane_of.size());
  for (size_t row = 0; row < lane_of.size(); ++row) order[static_cast<size_t>(next[static_cast<size_t>(lane_of[row])]++)] = static_cast<int64_t>(row);
  FIRN_TRY(types::Batch sorted, types::TakeRows(batch, LongArray(std::move(order))));
  for (size_t lane = 0; lane < lanes_.size(); ++lane) {
    const int64_t rows = starts[lane + 1] - starts[lane];
    if (rows > 0) FIRN_RETURN_IF_ERROR(Append(lanes_[lane], types::SliceBatch(sorted, starts[lane], rows)));
  }
  return Ok();
}

Status ExchangeOutput::Append(Lane& lane, types::Batch batch) {
  lane.rows += batch.row_count;
  lane.batches.push_back(std::move(batch));
  return lane.rows >= kPreferredExchangeRows ? FlushLane(lane) : Ok();
}

Status ExchangeOutput::FlushLane(Lane& lane) {
  FIRN_ASSERT(lane.batches.empty() == (lane.rows == 0), "{} batches of {} rows wait", lane.batches.size(), lane.rows);
  if (!lane.batches.empty()) {
    FIRN_TRY(types::Batch batch, types::ConcatenateBatches(lane.batches));
    lane.batches.clear();
    lane.rows = 0;
    for (int64_t from = 0; from < batch.row_count; from += 2 * types::kPreferredBatchRows) {
      lane.edge->Push(types::SliceBatch(batch, from, std::min(2 * types::kPreferredBatchRows, batch.row_count - from)));
    }
  }
  if (lane.watermark_ms != types::kNoWatermark) {
    lane.edge->Push(types::Watermark{lane.watermark_ms});
    lane.watermark_ms = types::kNoWatermark;
  }
  return Ok();
}

Status ExchangeOutput::EmitWatermark(int64_t watermark_ms) {
  for (Lane& lane : lanes_) {
    FIRN_ASSERT(lane.watermark_ms <= watermark_ms, "the watermark goes back from {} to {}", lane.watermark_ms, watermark_ms);
    lane.watermark_ms = watermark_ms;
    if (lane.batches.empty()) FIRN_RETURN_IF_ERROR(FlushLane(lane));
  }
  return Ok();
}

Status ExchangeOutput::Broadcast(const types::StreamElement& element) {
  for (Lane& lane : lanes_) {
    FIRN_RETURN_IF_ERROR(FlushLane(lane));
    lane.edge->Push(element);
  }
  return Ok();
}

Status ExchangeOutput::EmitActivity(bool is_idle) { return Broadcast(types::Activity{is_idle}); }
Status ExchangeOutput::EmitBarrier(int64_t checkpoint_id) { return Broadcast(types::Barrier{checkpoint_id}); }
Status ExchangeOutput::EmitEnd() { return Broadcast(types::EndOfStream{}); }

Status ExchangeOutput::Flush() {
  for (Lane& lane : lanes_) FIRN_RETURN_IF_ERROR(FlushLane(lane));
  return Ok();
}

}  // namespace firn::exec
