// SPDX-License-Identifier: Apache-2.0
#include "io/blocking_pool.h"

#include <utility>

#include "base/assert.h"

namespace firn::io {

void BlockingPool::Run(Task call) {
  {
    base::MutexLock lock(mutex_);
    // Where the system has no thread to give, the pool does with fewer than it may have.
    if (free_.empty() && queues_.size() < parallel_max_) {
      if (auto queue = executor_.NewQueue(name_); queue.ok()) {
        queues_.push_back(*std::move(queue));
        free_.push_back(queues_.back().get());
      }
    }
    if (!free_.empty()) {
      TaskQueue* queue = free_.back();
      free_.pop_back();
      return Start(queue, std::move(call));
    }
    if (!queues_.empty()) return waiting_.push_back(std::move(call));
  }
  call();  // without any: it is the caller who waits then, and the call is done
}

void BlockingPool::Start(TaskQueue* queue, Task call) {
  queue->Post([this, queue, call = std::move(call)] {
    call();
    OnDone(queue);
  });
}

void BlockingPool::OnDone(TaskQueue* queue) {
  base::MutexLock lock(mutex_);
  FIRN_ASSERT(free_.size() < queues_.size() && queues_.size() <= parallel_max_, "{} of {} queues are free while one ends its call", free_.size(), queues_.size());
  if (waiting_.empty()) return free_.push_back(queue);
  FIRN_ASSERT(free_.empty(), "{} calls wait while {} queues are free", waiting_.size(), free_.size());
  Start(queue, std::move(waiting_.front()));
  waiting_.pop_front();
}

}  // namespace firn::io
