// SPDX-License-Identifier: Apache-2.0
#include "io/blocking_pool.h"

#include <system_error>
#include <utility>

namespace firn::io {

void BlockingPool::Run(Task call) {
  base::MutexLock lock(mutex_);
  if (free_.empty() && queues_.size() < parallel_max_) {
    try {
      queues_.push_back(executor_.NewQueue(name_));
      free_.push_back(queues_.back().get());
    } catch (const std::system_error&) {
      // The system has no thread to give. With fewer than it may have, the pool is slower and works; without any it does not.
      if (queues_.empty()) throw;
    }
  }
  if (free_.empty()) return waiting_.push_back(std::move(call));
  TaskQueue* queue = free_.back();
  free_.pop_back();
  Start(queue, std::move(call));
}

void BlockingPool::Start(TaskQueue* queue, Task call) {
  queue->Post([this, queue, call = std::move(call)] {
    call();
    OnDone(queue);
  });
}

void BlockingPool::OnDone(TaskQueue* queue) {
  base::MutexLock lock(mutex_);
  if (waiting_.empty()) return free_.push_back(queue);
  Start(queue, std::move(waiting_.front()));
  waiting_.pop_front();
}

}  // namespace firn::io
