// SPDX-License-Identifier: Apache-2.0
// One partition as the log sees it: segments for what has been moved, slabs in memory for the rest and for what was moved lately.
//
//   offset   log_start        moved_end                     high_watermark     assigned_end
//            |  segments  ...  |                                  |                |
//            |        | cached slabs | unmoved slabs (journal)    | being written  |
//
// Who changes what: the flusher assigns offsets, adds slabs, sets log start and config, and marks it dropped. The segment queue moves
// slabs into segments and takes segments and slabs away. Everybody reads. The lock is never held during I/O.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "base/mutex.h"
#include "log/journal.h"
#include "log/memory_budget.h"
#include "log/meta_snapshot.h"
#include "log/partition_log.h"
#include "log/segment.h"
#include "log/segment_cache.h"

namespace firn::log {

/// The record batches of one AppendRecords, with their offsets in place.
struct Slab {
  Offset base{0};
  Offset end{0};
  int64_t max_timestamp_ms = -1;
  Offset max_timestamp_offset{-1};
  base::SharedBytes batches;

  int64_t memory_bytes() const { return static_cast<int64_t>(batches.size()) + kSlabOverheadBytes; }
};

/// Makes a slab of batches whose offsets are in place. kCorruption or kInvalidRecordBatch if they are not whole batches, ascending from `base`.
Result<Slab> MakeSlab(Offset base, const base::SharedBytes& batches);

using Wakers = std::vector<std::function<void()>>;

/// Thread-safe, with one flusher and one segment queue.
class Partition final : public PartitionLog, public std::enable_shared_from_this<Partition> {
 public:
  Partition(TopicPartitionId id, const PartitionConfig& config, SegmentCache& cache, MemoryBudget& budget)
      : id_(id), cache_(cache), budget_(budget), config_(config) {}

  TopicPartitionId id() const override { return id_; }
  Offset log_start() const override;
  Offset high_watermark() const override;
  int64_t size_bytes() const override;
  Result<ReadResult> Read(Offset from, const ReadOptions& options) const override;
  Result<std::optional<ReadResult>> ReadMemory(Offset from, const ReadOptions& options) const override;
  Result<TimestampOffset> FindTimestamp(int64_t timestamp_ms) const override;
  Result<TimestampOffset> MaxTimestamp() const override;
  uint64_t Subscribe(Offset offset, std::function<void()> waker) override;
  void Unsubscribe(uint64_t subscription) override;

  // --- recovery, before anybody else knows it ---
  void Restore(const PartitionState& state, const PartitionSegments& segments);

  // --- the flusher ---
  /// Where the next record goes.
  Offset assigned_end() const { return assigned_end_; }
  void Assign(Offset end) { assigned_end_ = end; }
  /// Forgets what was assigned and did not become durable.
  void ResetAssigned() { assigned_end_ = high_watermark(); }
  /// Makes a durable slab visible; its bytes are counted as unmoved already. Adds those to wake.
  void AddSlab(Slab slab, Wakers* wakers);
  void SetConfig(const PartitionConfig& config);
  void SetLogStart(Offset offset);
  void MarkDropped(Wakers* wakers);

  // --- the segment queue ---
  /// What is in no segment yet, ascending.
  std::vector<Slab> UnmovedSlabs() const;
  /// `segments` are all segments from the first one changed by the move; records below `moved_end` are durable in them.
  void CompleteMove(const std::vector<SegmentInfo>& segments, Offset moved_end);
  /// Forgets segments and slabs below the log start, all of them if the partition was dropped. Returns the segments whose files can go.
  std::vector<SegmentInfo> Trim();
  PartitionSegments segments() const;
  PartitionConfig config() const;
  /// Up to where the retention settings would delete; nullopt if nowhere.
  std::optional<Offset> RetentionStart(int64_t now_ms) const;

  // --- any thread ---
  /// Forgets cached slabs that end at or below `end`.
  void DropCached(Offset end);

 private:
  struct Subscription {
    Offset offset;
    std::function<void()> waker;
  };

  template <typename LookUp>
  Result<TimestampOffset> FromLogStart(const LookUp& look_up) const;
  Result<TimestampOffset> FindTimestampFrom(Offset from, int64_t timestamp_ms) const;
  Result<TimestampOffset> MaxTimestampFrom(Offset from) const;
  Status CheckReadableLocked(Offset from) const FIRN_REQUIRES(mutex_);
  // What memory has of it: false if a segment must be read.
  bool ReadMemoryLocked(Offset from, int64_t max_bytes, ReadResult* result) const FIRN_REQUIRES(mutex_);
  void ReadSlabsLocked(Offset from, int64_t max_bytes, ReadResult* result) const FIRN_REQUIRES(mutex_);
  SegmentInfo SegmentOfLocked(Offset from) const FIRN_REQUIRES(mutex_);
  Offset UnmovedRetentionStartLocked(int64_t size) const FIRN_REQUIRES(mutex_);
  bool IsActiveExpiredLocked(int64_t horizon_ms) const FIRN_REQUIRES(mutex_);

  const TopicPartitionId id_;
  SegmentCache& cache_;
  MemoryBudget& budget_;
  Offset assigned_end_{0};  // the flusher's

  mutable base::Mutex mutex_;
  PartitionConfig config_ FIRN_GUARDED_BY(mutex_);
  bool is_dropped_ FIRN_GUARDED_BY(mutex_) = false;
  Offset log_start_ FIRN_GUARDED_BY(mutex_){0};
  Offset moved_end_ FIRN_GUARDED_BY(mutex_){0};
  Offset high_watermark_ FIRN_GUARDED_BY(mutex_){0};
  std::vector<SegmentInfo> segments_ FIRN_GUARDED_BY(mutex_);  // ascending; the last one may still grow
  std::deque<Slab> slabs_ FIRN_GUARDED_BY(mutex_);             // ascending, without gaps up to the high watermark
  int64_t unmoved_bytes_ FIRN_GUARDED_BY(mutex_) = 0;          // of batches
  uint64_t last_subscription_ FIRN_GUARDED_BY(mutex_) = 0;
  std::map<uint64_t, Subscription> subscriptions_ FIRN_GUARDED_BY(mutex_);
};

}  // namespace firn::log
