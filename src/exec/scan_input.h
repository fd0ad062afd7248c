// SPDX-License-Identifier: Apache-2.0
// Reads a source: the place where rows get their computed columns, their watermarks and their order.
//
// 1. The partition that is furthest behind in event time is polled next, so that a backfill meets rows in about the order in which live
//    reading would have (sources without an event time are polled in turn). A partition with nothing to give is left out until it wakes.
// 2. Outputs are computed over the whole batch. Where there is a watermark, rows without an event time are dropped and counted, or fail the job; a
//    batch query has none, and they are rows like others.
// 3. Each partition has a watermark of its own, a step function over its rows: it moves to the largest value of the watermark
//    expression so far once that has advanced by more than 'pipeline.auto-watermark-interval'. It follows rows only, never the wall clock,
//    so the same log gives the same watermarks.
// 4. The relation's watermark is the smallest over the partitions that are not idle. What it was before each row is a column of the batch;
//    what it is after the batch follows as an element. Batches are never cut for it.
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "exec/operator.h"
#include "exec/operator_metrics.h"
#include "exec/scheduler.h"
#include "exec/source.h"
#include "exec/task_input.h"
#include "expr/evaluator.h"

namespace firn::exec {

struct ScanOptions {
  int64_t watermark_interval_ms = 200;   // 'pipeline.auto-watermark-interval'
  int64_t idle_timeout_ms = 0;           // 'table.exec.source.idle-timeout'; 0: never idle
  bool fails_on_null_rowtime = false;    // 'table.exec.source.null-rowtime' = 'fail'
};

class ScanInput final : public TaskInput {
 public:
  /// `context` outlives the input. The node's spec is a ScanNode.
  static Result<std::unique_ptr<ScanInput>> Make(const plan::PhysicalNode& node, std::unique_ptr<Source> source,
                                                 const ScanOptions& options, const OperatorContext& context);
  /// Before the first Next.
  void SetTask(const std::shared_ptr<TaskHandle>& task);

  Result<std::optional<InputEvent>> Next(int64_t now_ms) override;
  void InjectBarrier(int64_t checkpoint_id) override { barrier_ = checkpoint_id; }
  bool HasBarrier() const override { return barrier_ != 0; }
  void Drain() override { is_draining_ = true; }
  int64_t NextTimerMs() const override;

  Result<std::string> Positions() const override { return source_->Positions(); }
  std::vector<log::Operation> CheckpointOperations() const override { return source_->CheckpointOperations(); }
  Status Snapshot(state::StateWriter& writer) override;
  Status Restore(const std::string& positions, state::StateReader& reader) override;
  std::vector<SourcePartitionStatus> Describe() const override;

 private:
  struct Partition {
    int64_t largest_time_ms = types::kNoWatermark;  // or a count of polls, without an event time
    int64_t current_ms = 0;                         // largest value of the watermark expression; Flink starts at 0
    int64_t step_ms = 0;                            // value at the last step
    int64_t watermark_ms = types::kNoWatermark;     // emitted
    int64_t rows = 0;
    int64_t late_rows = 0;                          // at or behind the watermark that the rows before them had emitted, over all partitions
    int64_t quiet_since_ms = -1;                    // it has given nothing since; -1: it gave rows when it was last asked
    bool is_blocked = false;                        // not asked again until the source wakes, for whichever partition that is
    bool has_ended = false;
    bool is_idle = false;
  };

  ScanInput(const plan::PhysicalNode& node, std::unique_ptr<Source> source, const ScanOptions& options, const OperatorContext& context);
  Status Compile();
  void DiscoverPartitions();
  int PickPartition() const;
  bool AllEnded() const;
  Status PollPartition(int index, int64_t now_ms);
  Result<types::Batch> Project(const types::Batch& rows);
  Result<types::Batch> DropNullRowtimes(types::Batch batch);
  Status AssignWatermarks(int index, types::Batch* batch);
  int64_t WatermarkWithout(int index) const;
  void AdvanceWatermark();
  bool IsGoingIdle(const Partition& partition) const { return options_.idle_timeout_ms > 0 && partition.is_blocked && !partition.is_idle && !partition.has_ended; }
  void UpdateIdleness(int64_t now_ms);
  void PushEnd();

  const plan::PhysicalNode& node_;
  const plan::ScanNode& scan_;
  const std::unique_ptr<Source> source_;
  const ScanOptions options_;
  const OperatorContext& context_;
  expr::EvaluationContext evaluation_;
  types::SchemaPtr read_schema_;
  std::unique_ptr<expr::Program> outputs_;
  std::unique_ptr<expr::Program> watermark_expression_;  // null: no watermark

  std::vector<Partition> partitions_;
  std::map<std::string, Partition> restored_;            // by partition name, until the partition is discovered
  std::shared_ptr<std::atomic<bool>> woken_ = std::make_shared<std::atomic<bool>>(false);
  int64_t watermark_ms_ = types::kNoWatermark;
  int64_t rows_delivered_ = 0;
  int64_t barrier_ = 0;
  bool is_draining_ = false;
  bool is_idle_ = false;
  bool has_ended_ = false;
  std::deque<InputEvent> events_;
};

/// The options that a job's settings ask for; kInvalidOption for a value that is not understood.
Result<ScanOptions> ScanOptionsOf(const std::map<std::string, std::string>& config);

}  // namespace firn::exec
