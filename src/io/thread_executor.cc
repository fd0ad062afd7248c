// SPDX-License-Identifier: Apache-2.0
#include "io/thread_executor.h"

#include <pthread.h>

#include <chrono>
#include <map>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "base/mutex.h"
#include "io/system_refusal.h"

namespace firn::io {

namespace {

using Deadline = std::chrono::steady_clock::time_point;

thread_local const TaskQueue* current_queue = nullptr;

// The thread takes all waiting tasks at once, so that a busy queue locks once a batch and not once a task.
class ThreadQueue final : public TaskQueue {
 public:
  explicit ThreadQueue(const std::string& name) : thread_([this, name] { Loop(name); }) {}

  ~ThreadQueue() override {
    FIRN_ASSERT(!IsCurrent(), "a task queue is destroyed by one of its own tasks");
    {
      base::MutexLock lock(mutex_);
      is_stopping_ = true;
      wake_.NotifyOne();
    }
    thread_.join();
  }

  void Post(Task task) override {
    // Notified under the lock: once it is released, the queue's owner may destroy it.
    base::MutexLock lock(mutex_);
    tasks_.push_back(std::move(task));
    if (tasks_.size() == 1) wake_.NotifyOne();
  }

  TimerId PostAfter(int64_t delay_us, Task task) override {
    const Deadline deadline = std::chrono::steady_clock::now() + std::chrono::microseconds(delay_us);
    base::MutexLock lock(mutex_);
    const TimerId id = ++last_timer_;
    timers_.emplace(std::make_pair(deadline, id), std::move(task));
    deadlines_.emplace(id, deadline);
    wake_.NotifyOne();
    return id;
  }

  void CancelTimer(TimerId timer) override {
    base::MutexLock lock(mutex_);
    auto found = deadlines_.find(timer);
    if (found == deadlines_.end()) return;
    const size_t erased = timers_.erase({found->second, timer});
    FIRN_ASSERT(erased == 1, "timer {} has a deadline and no task", timer);
    deadlines_.erase(found);
  }

  bool IsCurrent() const override { return current_queue == this; }

 private:
  void Loop(const std::string& name) {
    pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
    current_queue = this;
    std::vector<Task> batch;
    base::MutexLock lock(mutex_);
    while (!is_stopping_) {
      TakeDueTimers();
      if (tasks_.empty()) {
        if (timers_.empty()) {
          wake_.Wait(lock);
        } else {
          wake_.WaitUntil(lock, timers_.begin()->first.first);
        }
        continue;
      }
      batch.swap(tasks_);
      lock.Unlock();
      for (Task& task : batch) {
        task();
        task = nullptr;  // what it captured goes now, not with the batch
      }
      batch.clear();
      lock.Lock();
    }
  }

  void TakeDueTimers() FIRN_REQUIRES(mutex_) {
    if (timers_.empty()) return;
    const Deadline now = std::chrono::steady_clock::now();
    FIRN_ASSERT(timers_.size() == deadlines_.size(), "{} timers with {} deadlines", timers_.size(), deadlines_.size());
    while (!timers_.empty() && timers_.begin()->first.first <= now) {
      deadlines_.erase(timers_.begin()->first.second);
      tasks_.push_back(std::move(timers_.begin()->second));
      timers_.erase(timers_.begin());
    }
  }

  base::Mutex mutex_;
  base::ConditionVariable wake_;
  std::vector<Task> tasks_ FIRN_GUARDED_BY(mutex_);
  std::map<std::pair<Deadline, TimerId>, Task> timers_ FIRN_GUARDED_BY(mutex_);
  std::map<TimerId, Deadline> deadlines_ FIRN_GUARDED_BY(mutex_);
  TimerId last_timer_ FIRN_GUARDED_BY(mutex_) = 0;
  bool is_stopping_ FIRN_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: started when all else is there
};

class ThreadEvent final : public Event {
 public:
  void Set() override {
    base::MutexLock lock(mutex_);
    is_set_ = true;
    wake_.NotifyAll();  // under the lock: a waiter may destroy the event as soon as it has it
  }
  void Wait() override {
    base::MutexLock lock(mutex_);
    wake_.Wait(lock, [this]() FIRN_REQUIRES(mutex_) { return is_set_; });
  }

 private:
  base::Mutex mutex_;
  base::ConditionVariable wake_;
  bool is_set_ FIRN_GUARDED_BY(mutex_) = false;
};

class ThreadExecutor final : public Executor {
 public:
  Result<std::unique_ptr<TaskQueue>> NewQueue(const std::string& name) override {
    try {
      return std::unique_ptr<TaskQueue>(std::make_unique<ThreadQueue>(name));
    } catch (const std::system_error& refused) {
      return NoThreadError("for " + name, refused.code());
    }
  }
  std::unique_ptr<Event> NewEvent() override { return std::make_unique<ThreadEvent>(); }
  int parallelism() const override { return static_cast<int>(std::max(1u, std::thread::hardware_concurrency())); }
};

}  // namespace

std::unique_ptr<Executor> MakeThreadExecutor() { return std::make_unique<ThreadExecutor>(); }

}  // namespace firn::io
