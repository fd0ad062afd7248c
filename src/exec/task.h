// SPDX-License-Identifier: Apache-2.0
// A task: one input, a chain of operators, some outputs. The unit that workers run, cooperatively: Run goes on until there is nothing to
// read, a consumer is full, the budget is used or the task has ended.
//
// Life: running -> ended (all input processed; stays for the checkpoints to come, so that what its sink wrote gets committed) -> stopped
// (cancelled, failed, or the job is done). A task takes part in every checkpoint until it is stopped: while running, when the barrier reaches
// it; once ended, at once.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "exec/operator.h"
#include "exec/operator_metrics.h"
#include "exec/scheduler.h"
#include "exec/sink_operator.h"
#include "exec/task_input.h"
#include "exec/task_output.h"
#include "io/clock.h"
#include "plan/physical_plan.h"
#include "state/state_snapshot.h"

namespace firn::exec {

/// What one task adds to a checkpoint.
struct TaskSnapshot {
  int task = -1;
  int64_t checkpoint_id = 0;
  std::vector<state::LaneSnapshot> states;
  std::string source_uid;                        // empty: no source
  std::string positions;
  std::vector<log::Operation> source_operations;
  int sink = -1;                                 // -1: no sink
  int sink_lane = 0;
  std::unique_ptr<SinkPart> prepared;            // null: nothing was written
};

/// Told by tasks from worker threads; must not block.
class TaskListener {
 public:
  virtual ~TaskListener() = default;
  virtual void OnSnapshot(TaskSnapshot snapshot) = 0;
  /// All input is processed.
  virtual void OnEnded(int task) = 0;
  /// Last call of a task.
  virtual void OnStopped(int task, std::optional<Error> failure) = 0;
};

/// Bytes of state of all jobs of an engine. Thread-safe.
class StateBudget {
 public:
  explicit StateBudget(int64_t limit_bytes) : limit_bytes_(limit_bytes) {}
  /// The new total.
  int64_t Add(int64_t delta) { return used_.fetch_add(delta, std::memory_order_relaxed) + delta; }
  int64_t limit_bytes() const { return limit_bytes_; }

 private:
  const int64_t limit_bytes_;
  std::atomic<int64_t> used_{0};
};

/// What others may see of a running task.
struct TaskStatus {
  std::vector<SourcePartitionStatus> partitions;
  std::vector<OpenWindow> windows;
  bool is_backpressured = false;
};

/// The board on which a task writes what others may see; outlives the task. Thread-safe.
class TaskMonitor {
 public:
  void Set(TaskStatus status) {
    base::MutexLock lock(mutex_);
    status_ = std::move(status);
  }
  TaskStatus Get() const {
    base::MutexLock lock(mutex_);
    return status_;
  }
  std::atomic<int64_t> busy_us{0};

 private:
  mutable base::Mutex mutex_;
  TaskStatus status_ FIRN_GUARDED_BY(mutex_);
};

class Task final : public Runnable {
 public:
  /// One operator of the chain. The first stage of a source has no operator: the input does the work.
  struct Stage {
    plan::PhysicalNodePtr node;
    std::unique_ptr<OperatorContext> context;
    std::shared_ptr<OperatorMetrics> metrics;
    std::unique_ptr<Operator> op;
  };
  struct Options {
    int index = 0;
    int lane = 0;
    int parallelism = 1;
    std::string source_uid;         // if the input is a source
    int sink = -1;                  // the job's number of the sink that the last stage drives
    SinkOperator* sink_operator = nullptr;
  };
  Task(Options options, const io::Clock& clock, std::shared_ptr<Scheduler> scheduler, StateBudget& budget, TaskListener& listener);
  ~Task() override;

  /// Builds the task; before the first Wake.
  void SetInput(std::unique_ptr<TaskInput> input) { input_ = std::move(input); }
  void AddStage(Stage stage) { stages_.push_back(std::move(stage)); }
  void AddOutput(std::unique_ptr<TaskOutput> output) { outputs_.push_back(std::move(output)); }
  /// Wires the chain; all stages and outputs are there.
  void Link();
  TaskInput& input() { return *input_; }
  const std::vector<Stage>& stages() const { return stages_; }
  const std::shared_ptr<TaskHandle>& handle() const { return handle_; }
  const Options& options() const { return options_; }

  const std::shared_ptr<TaskMonitor>& monitor() const { return monitor_; }

  RunState Run() override;
  void AfterStop() override;

  // Thread-safe:
  /// Asks for the task's part of a checkpoint. Sources and ended tasks act on it, others wait for the barrier.
  void Trigger(int64_t checkpoint_id);
  void Cancel();
  /// Sources end.
  void Drain();

 private:
  class ChainLink;
  class Fanout;
  /// The first thing that went wrong, and where: what goes wrong after it may come of it.
  struct Failure {
    Status status;
    const Stage* stage = nullptr;
    void Keep(const Stage& in, Status outcome) {
      if (!status.ok() || outcome.ok()) return;
      status = std::move(outcome);
      stage = &in;
    }
  };

  RunState Work();
  RunState Stop(std::optional<Error> failure);
  void TakeRequests();
  Status RunTimers();
  Status Handle(InputEvent event);
  Status Outcome(const Stage& stage, Status own);
  bool WantsNoMore() const;
  Status EndEarly();
  Status ProcessEnd();
  Status TakeSnapshot(int64_t checkpoint_id);
  Status AccountState();
  Status StateLimitReached(int64_t total);
  bool AnyOutputFull();
  Status FlushOutputs();
  void SetTime(int64_t now_ms);
  int64_t NextTimerMs() const;
  void ScheduleTimer();
  void Publish(bool is_backpressured, bool force);

  Options options_;
  const io::Clock& clock_;
  StateBudget& budget_;
  TaskListener& listener_;
  std::unique_ptr<TaskInput> input_;
  std::vector<Stage> stages_;
  std::vector<std::unique_ptr<TaskOutput>> outputs_;
  std::vector<std::unique_ptr<Output>> links_;  // links_[i]: what stage i emits to
  Failure failure_;                             // of an operator, also of one behind an Output
  const std::shared_ptr<TaskHandle> handle_;

  bool has_ended_ = false;
  int64_t now_ms_ = 0;
  int64_t last_snapshot_ = 0;
  int64_t triggered_ = 0;
  int64_t state_bytes_ = 0;
  int64_t scheduled_timer_ms_ = INT64_MAX;
  int64_t published_ms_ = 0;
  bool has_unpublished_ = false;
  std::optional<Error> stop_reason_;
  const std::shared_ptr<TaskMonitor> monitor_ = std::make_shared<TaskMonitor>();

  base::Mutex mutex_;
  int64_t requested_checkpoint_ FIRN_GUARDED_BY(mutex_) = 0;
  bool drain_requested_ FIRN_GUARDED_BY(mutex_) = false;

  std::atomic<bool> is_cancelled_{false};
};

}  // namespace firn::exec
