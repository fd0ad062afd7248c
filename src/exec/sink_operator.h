// SPDX-License-Identifier: Apache-2.0
// Drives one lane of a sink as the last operator of a task; a NULL in a NOT NULL column fails the job (where rows are to be dropped
// instead, the planner has put a filter before the sink).
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "exec/operator.h"
#include "exec/sink.h"

namespace firn::exec {

/// The error of a lane, a part or a committer, which know files; with the table that the user knows.
Error WhileWriting(const plan::SinkNode& sink, Error error);

class SinkOperator final : public Operator {
 public:
  SinkOperator(const plan::SinkNode& sink, std::unique_ptr<SinkLane> lane) : sink_(sink), lane_(std::move(lane)) {}

  Status Open(const OperatorContext&) override { return Ok(); }
  Status Process(int input, types::Batch batch, Output& output) override;
  Status Advance(types::Watermark, Output&) override { return Ok(); }
  Status Snapshot(state::StateWriter& writer) override { return lane_->Snapshot(writer); }
  Status Restore(state::StateReader& reader) override { return lane_->Restore(reader); }
  Status Finish(Output&) override { return Ok(); }
  int64_t state_bytes() const override { return lane_->state_bytes(); }

  /// What the lane hands over for a checkpoint.
  Result<std::unique_ptr<SinkPart>> Prepare(int64_t checkpoint_id);

 private:
  const plan::SinkNode& sink_;
  const std::unique_ptr<SinkLane> lane_;
};

}  // namespace firn::exec
