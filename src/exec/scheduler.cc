// SPDX-License-Identifier: Apache-2.0
#include "exec/scheduler.h"

#include <fmt/format.h>

#include "base/assert.h"
#include "base/mutex.h"

namespace firn::exec {

namespace {
constexpr int kRunsATurn = 8;  // then timers and posted work of the queue get their turn
}

void TaskHandle::Start() {
  const int before = state_.exchange(kQueued, std::memory_order_acq_rel);
  FIRN_ASSERT(before == kNotStarted, "a task in state {} was started", before);
  scheduler_->Enqueue(shared_from_this());
}

void TaskHandle::Wake() {
  int state = state_.load(std::memory_order_acquire);
  while (true) {
    switch (state) {
      case kIdle:
        if (state_.compare_exchange_weak(state, kQueued, std::memory_order_acq_rel)) {
          scheduler_->Enqueue(shared_from_this());
          return;
        }
        break;
      case kRunning:
        if (state_.compare_exchange_weak(state, kRunningAgain, std::memory_order_acq_rel)) return;
        break;
      default: return;
    }
  }
}

void TaskHandle::WakeAfter(int64_t delay_us) { scheduler_->WakeAfter(shared_from_this(), delay_us); }

void TaskHandle::RunOnce() {
  FIRN_ASSERT(state_.load() == kQueued, "a task in state {} was taken by a worker", state_.load());
  state_.store(kRunning, std::memory_order_release);
  const RunState result = runnable_.Run();
  if (result == RunState::kStopped) {
    state_.store(kStopped, std::memory_order_release);
    runnable_.AfterStop();
    return;
  }
  int expected = kRunning;
  if (result == RunState::kWaiting && state_.compare_exchange_strong(expected, kIdle, std::memory_order_acq_rel)) return;
  state_.store(kQueued, std::memory_order_release);
  scheduler_->Enqueue(shared_from_this());
}

Result<std::shared_ptr<Scheduler>> Scheduler::Make(io::Executor& executor, int workers) {
  FIRN_ASSERT(workers > 0, "a scheduler with {} workers", workers);
  std::vector<std::unique_ptr<io::TaskQueue>> queues;
  for (int i = 0; i < workers; ++i) {
    FIRN_TRY(auto queue, executor.NewQueue(fmt::format("worker-{}", i)));
    queues.push_back(std::move(queue));
  }
  return std::shared_ptr<Scheduler>(new Scheduler(std::move(queues)));
}

Scheduler::Scheduler(std::vector<std::unique_ptr<io::TaskQueue>> queues) : worker_count_(queues.size()), queues_(std::move(queues)) {
  for (size_t i = 0; i < worker_count_; ++i) idle_workers_.push_back(i);
}

void Scheduler::Enqueue(std::shared_ptr<TaskHandle> task) {
  base::MutexLock lock(mutex_);
  if (is_stopped_) return;
  ready_.push_back(std::move(task));
  if (idle_workers_.empty()) return;
  const size_t worker = idle_workers_.back();
  idle_workers_.pop_back();
  queues_[worker]->Post([this, worker] { RunTurn(worker); });
}

void Scheduler::WakeAfter(std::shared_ptr<TaskHandle> task, int64_t delay_us) {
  base::MutexLock lock(mutex_);
  if (is_stopped_) return;
  queues_[0]->PostAfter(delay_us, [task = std::move(task)] { task->Wake(); });
}

void Scheduler::RunTurn(size_t worker) {
  for (int i = 0; i < kRunsATurn; ++i) {
    std::shared_ptr<TaskHandle> task;
    {
      base::MutexLock lock(mutex_);
      if (is_stopped_) return;
      if (ready_.empty()) {
        idle_workers_.push_back(worker);
        return;
      }
      task = std::move(ready_.front());
      ready_.pop_front();
    }
    task->RunOnce();
  }
  base::MutexLock lock(mutex_);
  if (!is_stopped_) queues_[worker]->Post([this, worker] { RunTurn(worker); });
}

void Scheduler::Stop() {
  std::vector<std::unique_ptr<io::TaskQueue>> queues;
  {
    base::MutexLock lock(mutex_);
    is_stopped_ = true;
    ready_.clear();
    queues.swap(queues_);
  }
  queues.clear();  // joins the threads
}

}  // namespace firn::exec
