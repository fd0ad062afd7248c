// SPDX-License-Identifier: Apache-2.0
// Task queues on one thread: whoever drives the simulation runs one task after the other, of a queue that the seed picks. Time stands still
// while a task runs, except for what the simulated disk charges; when nothing is left to run, it jumps to the next timer.
//
// A task that blocks (Event::Wait, or a disk call that yields) lets tasks of the other queues run inside of it, as threads would. Queues that
// have a task on the stack are not picked, so that order within a queue holds. A yield must not happen under a lock that another queue may take.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "io/clock.h"
#include "io/executor.h"
#include "io/simulated_random.h"

namespace firn::io {

/// Moved by the simulation only. Begins at a time of day that looks real.
class SimulatedClock final : public Clock {
 public:
  int64_t WallTimeMs() const override { return kEpochMs + now_us_ / 1000; }
  int64_t MonotonicUs() const override { return now_us_; }
  void AdvanceUs(int64_t us) {
    FIRN_ASSERT(us >= 0, "time goes back by {} us", -us);
    now_us_ += us;
  }

 private:
  static constexpr int64_t kEpochMs = 1'750'000'000'000;
  int64_t now_us_ = 1'000'000;
};

class SimulatedQueue;

/// Lives on the thread of the simulation.
class SimulatedExecutor final : public Executor {
 public:
  SimulatedExecutor(uint64_t seed, SimulatedClock& clock) : random_(seed), clock_(clock) {}
  ~SimulatedExecutor() override;

  Result<std::unique_ptr<TaskQueue>> NewQueue(const std::string& name) override;
  std::unique_ptr<Event> NewEvent() override;
  int parallelism() const override { return 1; }

  /// Runs one waiting task; false if none is waiting.
  bool RunOne();
  /// Runs a task, or moves the clock to the next timer; false if there is neither.
  bool Step();
  /// Steps until `is_done`; false if nothing was left to do, or after Halt.
  bool StepUntil(const std::function<bool()>& is_done);
  /// Steps until the clock has moved on by so much.
  void StepFor(int64_t us);
  /// Lets a few tasks of other queues run: the calling task is blocked in a call that takes time.
  void Yield();
  /// Nothing runs any more, as after a kill. Waits on events return.
  void Halt() { is_halted_ = true; }
  bool is_halted() const { return is_halted_; }
  /// How many tasks have run.
  uint64_t task_count() const { return task_count_; }

 private:
  friend class SimulatedQueue;
  struct Timer {
    SimulatedQueue* queue;
    Task task;
  };
  using TimerKey = std::pair<int64_t, TimerId>;  // when it is due

  void TakeDueTimers();

  SimulatedRandom random_;
  SimulatedClock& clock_;
  std::vector<SimulatedQueue*> queues_;  // in the order they were made
  std::map<TimerKey, Timer> timers_;
  TimerId last_timer_ = 0;
  uint64_t task_count_ = 0;
  bool is_halted_ = false;
};

}  // namespace firn::io
