// SPDX-License-Identifier: Apache-2.0
#include "exec/result_buffer.h"

#include <chrono>

#include "base/assert.h"
#include "base/mutex.h"

namespace firn::exec {

namespace {

// Of one chunk, and at least a batch: what the gateway makes of it is some ten times as large, and held in memory at once.
constexpr int64_t kChunkRowsMax = 65'536;
constexpr int64_t kChunkBytesMax = 4 << 20;

}  // namespace

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
  if (is_closed_) return;
  FIRN_ASSERT(!has_ended_ || failure_, "{} rows come behind the end", batch.row_count);
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

void ResultBuffer::Close() {
  std::deque<types::Batch> dropped;  // freed without the lock
  base::MutexLock lock(mutex_);
  batches_.swap(dropped);
  bytes_ = 0;
  is_closed_ = has_ended_ = true;
  changed_.NotifyAll();
}

Result<ResultStream::Chunk> ResultBuffer::Next(int wait_ms) {
  std::shared_ptr<TaskHandle> wake;
  ResultStream::Chunk chunk;
  {
    base::MutexLock lock(mutex_);
    changed_.WaitFor(lock, std::chrono::milliseconds(wait_ms), [this]() FIRN_REQUIRES(mutex_) { return !batches_.empty() || has_ended_; });
    if (is_closed_) return Error(ErrorCode::kCancelled, "the result was closed before all of it was read");
    int64_t rows = 0, bytes = 0;
    while (!batches_.empty() && rows < kChunkRowsMax && bytes < kChunkBytesMax) {
      rows += batches_.front().row_count;
      bytes += types::BatchBytes(batches_.front());
      chunk.batches.push_back(std::move(batches_.front()));
      batches_.pop_front();
    }
    bytes_ -= bytes;
    FIRN_ASSERT(bytes_ >= 0 && (bytes_ == 0 || !batches_.empty()), "{} bytes are left in {} batches", bytes_, batches_.size());
    if (chunk.batches.empty() && failure_) return *failure_;
    chunk.is_end = has_ended_ && !failure_ && batches_.empty();
    if (producer_waits_ && bytes_ <= limit_bytes_ / 2) {
      producer_waits_ = false;
      wake = producer_;
    }
  }
  if (wake) wake->Wake();
  return chunk;
}

}  // namespace firn::exec
