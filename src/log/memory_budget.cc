// SPDX-License-Identifier: Apache-2.0
#include "log/memory_budget.h"

#include <utility>

#include "base/assert.h"
#include "base/mutex.h"
#include "log/partition.h"

namespace firn::log {

void MemoryBudget::RemoveUnmoved(int64_t bytes) {
  FIRN_ASSERT(bytes >= 0, "{} bytes are taken off", bytes);
  const int64_t left = unmoved_bytes_ -= bytes;
  FIRN_ASSERT(left >= 0, "{} bytes unmoved after taking off {}", left, bytes);
  WakeIfOpen();
}

void MemoryBudget::AddCached(const std::shared_ptr<Partition>& partition, Offset end, int64_t bytes) {
  FIRN_ASSERT(bytes >= 0 && partition != nullptr, "{} bytes are cached", bytes);
  cached_bytes_ += bytes;
  {
    base::MutexLock lock(mutex_);
    cached_runs_.push_back({partition, end});
  }
  MakeRoom();
}

void MemoryBudget::RemoveCached(int64_t bytes) {
  const int64_t left = cached_bytes_ -= bytes;
  FIRN_ASSERT(bytes >= 0 && left >= 0, "{} bytes cached after taking off {}", left, bytes);
}

void MemoryBudget::MakeRoom() {
  while (unmoved_bytes_ + cached_bytes_ > limit_bytes_) {
    CachedRun oldest;
    {
      base::MutexLock lock(mutex_);
      if (cached_runs_.empty()) return;
      oldest = std::move(cached_runs_.front());
      cached_runs_.pop_front();
    }
    if (auto partition = oldest.partition.lock()) partition->DropCached(oldest.end);
  }
}

void MemoryBudget::SetJournalFull(bool is_full) {
  if (is_journal_full_.exchange(is_full) && !is_full) WakeIfOpen();
}

bool MemoryBudget::Admit(std::function<void()> resume) {
  if (IsOpen()) return true;
  base::MutexLock lock(mutex_);
  // Once more under the lock: whoever opens the gate takes it afterwards, and finds the waiter.
  if (IsOpen()) return true;
  waiters_.push_back(std::move(resume));
  return false;
}

void MemoryBudget::WakeIfOpen() {
  if (!IsOpen()) return;
  std::vector<std::function<void()>> awake;
  {
    base::MutexLock lock(mutex_);
    awake.swap(waiters_);
  }
  for (const std::function<void()>& resume : awake) resume();
}

void MemoryBudget::SetFailing(bool is_failing) {
  is_failing_ = is_failing;
  WakeIfOpen();
}

}  // namespace firn::log
