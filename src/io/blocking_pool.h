// SPDX-License-Identifier: Apache-2.0
// Calls that block (files) or take long (decompression), off the queue that wants their result: at most so many at once, the others in order. Its threads are
// queues of the executor, so under simulation the seed decides how such calls interleave with everything else.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "io/executor.h"

namespace firn::io {

/// Thread-safe. A thread is made when a call first needs it.
class BlockingPool {
 public:
  /// `executor` outlives the pool.
  BlockingPool(Executor& executor, std::string name, size_t parallel_max) : executor_(executor), name_(std::move(name)), parallel_max_(parallel_max) {}
  /// Waits for the calls under way and forgets the others. Never from one of the pool's own calls, and Run is not to be called any more.
  ~BlockingPool() = default;

  /// Runs `call` on one of the pool's threads; in the call itself if the system has not one thread to give. How many may wait is the caller's to bound.
  void Run(Task call);

 private:
  void Start(TaskQueue* queue, Task call);
  void OnDone(TaskQueue* queue);

  Executor& executor_;
  const std::string name_;
  const size_t parallel_max_;
  base::Mutex mutex_;
  std::deque<Task> waiting_ FIRN_GUARDED_BY(mutex_);
  std::vector<TaskQueue*> free_ FIRN_GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<TaskQueue>> queues_ FIRN_GUARDED_BY(mutex_);  // last: their threads end before the rest goes
};

}  // namespace firn::io
