// SPDX-License-Identifier: Apache-2.0
// Threads, as the environment gives them. Work is posted to a TaskQueue, which runs it in order and one at a time: a queue is
// what other programs call a strand or an actor's mailbox. In the real environment each queue has a thread of its own; under
// simulation one thread picks the next queue by seed. State that is touched from one queue only needs no lock.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"

namespace firn::io {

using Task = std::function<void()>;
using TimerId = uint64_t;

/// Post, PostAfter and CancelTimer are thread-safe. The destructor runs nothing more and joins the thread: never destroy a
/// queue from one of its own tasks.
class TaskQueue {
 public:
  virtual ~TaskQueue() = default;
  /// Queues the task behind all posted before. Never blocks, never runs it inside this call.
  virtual void Post(Task task) = 0;
  /// Queues the task once `delay_us` have passed.
  virtual TimerId PostAfter(int64_t delay_us, Task task) = 0;
  /// No effect if the task has started already.
  virtual void CancelTimer(TimerId timer) = 0;
  /// Whether the caller runs as one of this queue's tasks.
  virtual bool IsCurrent() const = 0;
};

/// Something that happens once and is waited for. Thread-safe. The place for a caller that must block until another queue has done its part:
/// under simulation there is one thread, and waiting is what lets the other queues run.
class Event {
 public:
  virtual ~Event() = default;
  virtual void Set() = 0;
  /// Returns once Set has been called. Never call it on the queue that is to call Set.
  virtual void Wait() = 0;
};

/// Thread-safe.
class Executor {
 public:
  virtual ~Executor() = default;
  /// `name` shows in debuggers and profiles (15 characters at most count). kUnavailable if the system has no thread to give.
  virtual Result<std::unique_ptr<TaskQueue>> NewQueue(const std::string& name) = 0;
  virtual std::unique_ptr<Event> NewEvent() = 0;
  /// How many queues can make progress at once: the number of processors, 1 under simulation.
  virtual int parallelism() const = 0;
};

}  // namespace firn::io
