// SPDX-License-Identifier: Apache-2.0
// Counts the record bytes in memory against the limit. Two kinds: `unmoved` is appended and in no segment yet, so it must stay, and holds
// back producers; `cached` is in a segment too and goes when room is needed.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "base/mutex.h"
#include "log/ids.h"

namespace firn::log {

class Partition;

/// What a slab costs beside its bytes: its place in the list, the block's counter, the vector of an operation.
inline constexpr int64_t kSlabOverheadBytes = 128;

/// Thread-safe.
class MemoryBudget {
 public:
  explicit MemoryBudget(int64_t limit_bytes) : limit_bytes_(limit_bytes) {}

  void AddUnmoved(int64_t bytes) { unmoved_bytes_ += bytes; }
  /// Takes bytes off, and wakes those who wait if they may go on.
  void RemoveUnmoved(int64_t bytes);
  /// Bytes of `partition` up to `end` stay in memory beside their segment. Drops the oldest cached ones if there is no room.
  void AddCached(const std::shared_ptr<Partition>& partition, Offset end, int64_t bytes);
  /// Bytes that were counted by AddCached are gone.
  void RemoveCached(int64_t bytes);
  /// Drops cached bytes, the oldest first, until everything fits.
  void MakeRoom();

  /// Whether the rest of the log holds producers back (the journal is at its limit).
  void SetJournalFull(bool is_full);
  /// See Store::AdmitBytes.
  bool Admit(std::function<void()> resume);
  /// While appends fail anyway (the log has stopped, or the disk is full at the limit) nobody is held back: producers are to get the error.
  void SetFailing(bool is_failing);

  int64_t unmoved_bytes() const { return unmoved_bytes_; }
  int64_t cached_bytes() const { return cached_bytes_; }
  int64_t limit_bytes() const { return limit_bytes_; }
  bool is_unmoved_full() const { return unmoved_bytes_ >= limit_bytes_; }

 private:
  struct CachedRun {
    std::weak_ptr<Partition> partition;
    Offset end;
  };

  bool IsOpen() const { return is_failing_ || (unmoved_bytes_ < limit_bytes_ && !is_journal_full_); }
  void WakeIfOpen();

  const int64_t limit_bytes_;
  std::atomic<int64_t> unmoved_bytes_ = 0;
  std::atomic<int64_t> cached_bytes_ = 0;
  std::atomic<bool> is_journal_full_ = false;
  std::atomic<bool> is_failing_ = false;
  base::Mutex mutex_;
  std::vector<std::function<void()>> waiters_ FIRN_GUARDED_BY(mutex_);
  std::deque<CachedRun> cached_runs_ FIRN_GUARDED_BY(mutex_);  // oldest first
};

}  // namespace firn::log
