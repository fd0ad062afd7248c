// SPDX-License-Identifier: Apache-2.0
// Runs tasks on a fixed pool of workers. A task runs until it waits, has used its budget or has ended; then the worker takes the next one
// that is ready. Workers are task queues of the environment: threads in production, turns of one seeded loop under simulation.
//
//   Start()           not started -> queued: before it nobody's Wake counts, so a task that is never started never runs
//   Wake()            idle -> queued;  running -> running, and once more
//   a worker takes it queued -> running -> (waiting: idle | ready: queued | stopped: never again)
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "base/mutex.h"
#include "io/executor.h"

namespace firn::exec {

enum class RunState { kReady, kWaiting, kStopped };

/// What a worker runs. Run is never called by two workers at once, and never after it returned kStopped.
class Runnable {
 public:
  virtual ~Runnable() = default;
  virtual RunState Run() = 0;
  /// Called once after Run returned kStopped; the runnable may be destroyed as soon as this has told its owner.
  virtual void AfterStop() {}
};

class Scheduler;

/// The part of a task that others may hold and wake for as long as they like, also after the task is gone. Thread-safe.
class TaskHandle : public std::enable_shared_from_this<TaskHandle> {
 public:
  /// `runnable` must live until its Run has returned kStopped or the scheduler has stopped, if Start was called.
  TaskHandle(std::shared_ptr<Scheduler> scheduler, Runnable& runnable) : scheduler_(std::move(scheduler)), runnable_(runnable) {}

  /// Once.
  void Start();
  void Wake();
  void WakeAfter(int64_t delay_us);

 private:
  friend class Scheduler;
  enum State : int { kNotStarted, kIdle, kQueued, kRunning, kRunningAgain, kStopped };
  void RunOnce();

  const std::shared_ptr<Scheduler> scheduler_;
  Runnable& runnable_;
  std::atomic<int> state_{kNotStarted};
};

/// Thread-safe.
class Scheduler {
 public:
  /// kUnavailable if the system has not so many threads to give.
  static Result<std::shared_ptr<Scheduler>> Make(io::Executor& executor, int workers);

  int workers() const { return static_cast<int>(worker_count_); }
  /// Waits until no task runs; none will from now on. Called once, not from a worker.
  void Stop();

 private:
  friend class TaskHandle;
  explicit Scheduler(std::vector<std::unique_ptr<io::TaskQueue>> queues);
  void Enqueue(std::shared_ptr<TaskHandle> task);
  void WakeAfter(std::shared_ptr<TaskHandle> task, int64_t delay_us);
  void RunTurn(size_t worker);

  const size_t worker_count_;
  base::Mutex mutex_;
  std::deque<std::shared_ptr<TaskHandle>> ready_ FIRN_GUARDED_BY(mutex_);
  std::vector<size_t> idle_workers_ FIRN_GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<io::TaskQueue>> queues_ FIRN_GUARDED_BY(mutex_);
  bool is_stopped_ FIRN_GUARDED_BY(mutex_) = false;
};

}  // namespace firn::exec
