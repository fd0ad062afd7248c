// SPDX-License-Identifier: Apache-2.0
#include "exec/result_buffer.h"

#include <chrono>

#include "base/mutex.h"

namespace firn::exec {

void ResultBuffer::SetProducer(std::shared_ptr<TaskHandle> producer) {
  base::MutexLock lock(mutex_);
  producer_ = std::move(producer);
}

bool ResultBuffer::IsFull() {
  base::MutexLock lock(mutex_);
  if (bytes_ < limit_bytes_) return false;
  producer_waits_ = true;
  return true;
}

void ResultBuffer::Push(types::Batch batch) {
  base::MutexLock lock(mutex_);
  batch.watermarks = nullptr;
  bytes_ += types::BatchBytes(batch);
  batches_.push_back(std::move(batch));
  changed_.NotifyAll();
}

void ResultBuffer::End() {
  base::MutexLock lock(mutex_);
  has_ended_ = true;
  changed_.NotifyAll();
}

void ResultBuffer::Fail(Error error) {
  base::MutexLock lock(mutex_);
  if (has_ended_) return;
  has_ended_ = true;
  failure_ = std::move(error);
  changed_.NotifyAll();
}

Result<ResultStream::Chunk> ResultBuffer::Next(int wait_ms) {
  std::shared_ptr<TaskHandle> wake;
  ResultStream::Chunk chunk;
  {
    base::MutexLock lock(mutex_);
    changed_.WaitFor(lock, std::chrono::milliseconds(wait_ms), [this]() FIRN_REQUIRES(mutex_) { return !batches_.empty() || has_ended_; });
    chunk.batches.assign(std::make_move_iterator(batches_.begin()), std::make_move_iterator(batches_.end()));
    batches_.clear();
    bytes_ = 0;
    if (chunk.batches.empty() && failure_) return *failure_;
    chunk.is_end = has_ended_ && !failure_;
    if (producer_waits_) {
      producer_waits_ = false;
      wake = producer_;
    }
  }
  if (wake) wake->Wake();
  return chunk;
}

}  // namespace firn::exec
