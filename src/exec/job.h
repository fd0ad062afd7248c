// SPDX-License-Identifier: Apache-2.0
// One job: its runs, its checkpoints, its end.
//
//   CREATED -> RUNNING -> FINISHED                        all input processed, or STOP JOB
//                |  ^
//                |  +-- RESTARTING <-- FAILING             an environment failure: again from the last checkpoint
//                +-> FAILING -> FAILED                     a failure of the query or its data, or too many restarts
//                +-> CANCELLING -> CANCELED
//                +-> SUSPENDED                             the engine closes; the stored state stays RUNNING
//
// Every change of state but SUSPENDED and those on the way is in the journal; FINISHED is in the entry of the last checkpoint itself.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "exec/checkpoint_coordinator.h"
#include "exec/engine.h"
#include "exec/job_graph.h"
#include "exec/job_retention.h"
#include "exec/restart_policy.h"

namespace firn::exec {

bool IsTerminal(JobState state);

/// What jobs need of the engine. Outlives them.
struct JobServices {
  io::Environment environment;
  log::Store& store;
  ConnectorRegistry& connectors;
  std::shared_ptr<Scheduler> scheduler;
  StateBudget& budget;
  std::string state_directory;
  std::function<void(const std::string&)> warn;  // may be empty
};

/// Public calls are thread-safe; all else runs on the job's queue. `results`: of a SELECT, else null.
class Job final : public TaskListener, public std::enable_shared_from_this<Job> {
 public:
  Job(std::string id, plan::JobPlan plan, JobDefinition definition, JobServices& services, io::TaskQueue& queue,
      std::shared_ptr<ResultBuffer> results);
  /// A job that ended before this process, or cannot be planned any more (`is_kept`): only its status.
  Job(std::string id, JobDefinition definition, const StateRecord& record, bool is_kept, JobServices& services, io::TaskQueue& queue);

  /// Makes the first run, so that what is wrong with it is told to who submits. Before anything else; from any thread.
  Status Prepare();
  /// What makes the job known to the next process.
  std::vector<log::Operation> CreationOperations() const;
  void Begin();
  /// Begins from what an earlier process left.
  void Resume(const StateRecord& state, std::optional<CheckpointRecord> checkpoint);

  void Cancel();
  void Stop(bool drain);
  /// Stops at a last checkpoint, to be resumed by a later process.
  void Suspend();
  /// Waits until it has ended or is suspended, or `wait_ms` have passed (-1: for ever).
  JobState Wait(int64_t wait_ms);
  JobStatus Describe() const;
  /// When and how it ended; null while it runs, and for one that the next process is to try again.
  std::optional<EndedJob> End() const;
  const std::string& id() const { return id_; }
  bool is_query() const { return results_ != nullptr; }
  /// Ends without a trace, as a crash would: nothing runs any more.
  void Drop();

  // TaskListener: from workers.
  void OnSnapshot(TaskSnapshot snapshot) override;
  void OnEnded(int task) override;
  void OnStopped(int task, std::optional<Error> failure) override;

 private:
  /// Why the tasks are being stopped.
  enum class Intent { kNone, kFinish, kCancel, kSuspend, kFail };
  /// What becomes of the stored job when it has ended: its state is stored, was stored by its last checkpoint, or all stays as it is, so that
  /// the next process tries again.
  enum class Ending { kStore, kStored, kKeep };

  void Post(void (Job::*method)());
  Result<JobGraph> MakeGraph();
  void Run();
  void StartRun();
  void RemoveOrphans();
  void TaskStopped(std::optional<Error> failure);
  void TaskEnded(int task);
  void AllEnded();
  void ScheduleCheckpoint();
  void CheckpointTimer(uint64_t run);
  void TriggerCheckpoint();
  void StartCheckpoint(bool is_last, std::function<void()> then);
  void CheckpointDone(firn::Status outcome, const std::function<void()>& then);
  void Fail(Error failure);
  void StopTasks(Intent intent);
  void MaybeEndRun();
  void EndRun();
  void EndWith(JobState state, std::optional<Error> failure, Ending ending);
  void Warn(const std::string& consequence) const;
  void WarnOfRestart() const;
  StateRecord RecordOf(JobState state, const std::optional<Error>& failure) const;
  void SetState(JobState state);
  void PublishCheckpoints();
  bool TakesCheckpoints() const { return !graph_.sinks.empty(); }
  bool IsDurable() const { return !results_ && definition_.is_durable && !plan_.is_batch; }
  void HandleCancel();
  void HandleStop();
  void HandleDrain();
  void HandleSuspend();

  const std::string id_;
  const plan::JobPlan plan_;
  const JobDefinition definition_;
  JobServices& services_;
  io::TaskQueue& queue_;
  const std::shared_ptr<ResultBuffer> results_;

  // On the queue (Prepare comes before it).
  CheckpointCoordinator coordinator_;
  RestartPolicy restart_policy_;
  int64_t checkpoint_interval_ms_ = 0;  // 0: none but the last
  int64_t checkpoint_timeout_ms_ = 0;
  JobGraph graph_;
  uint64_t run_ = 0;                    // counts them; timers of an earlier one do nothing
  size_t running_tasks_ = 0;
  std::vector<bool> ended_;
  size_t ended_count_ = 0;
  Intent intent_ = Intent::kNone;
  bool wants_last_checkpoint_ = false;  // all tasks have ended, or STOP JOB: as soon as none is in progress
  bool wants_suspension_ = false;
  std::optional<Error> failure_;
  bool is_restored_ = true;             // what the last checkpoint left has been read

  mutable base::Mutex mutex_;
  base::ConditionVariable changed_;
  JobStatus status_ FIRN_GUARDED_BY(mutex_);
  struct LaneView {
    int node_id;
    std::shared_ptr<OperatorMetrics> metrics;
    std::shared_ptr<TaskMonitor> monitor;
    bool is_first_stage;
  };
  std::vector<LaneView> lanes_ FIRN_GUARDED_BY(mutex_);
  mutable int64_t looked_us_ FIRN_GUARDED_BY(mutex_) = 0;
  mutable std::map<int, int64_t> busy_us_ FIRN_GUARDED_BY(mutex_);
};

}  // namespace firn::exec
