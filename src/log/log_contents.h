// SPDX-License-Identifier: Apache-2.0
// What the journal's entries add up to: the meta map and the partitions. An entry goes through two steps, both on the flusher's queue:
// Prepare checks it and puts offsets into its batches, in the order of the journal; Apply, once it is durable, makes it visible.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "log/journal.h"
#include "log/journal_format.h"
#include "log/meta_map.h"
#include "log/meta_snapshot.h"
#include "log/partition.h"

namespace firn::log {

/// An entry on its way: what its offsets are, and its record batches as they will stand in the partitions.
struct PreparedEntry {
  std::vector<Offset> first_offsets;                 // one an AppendRecords
  std::deque<Slab> slabs;                            // one an AppendRecords
  std::deque<std::shared_ptr<Partition>> created;   // one a CreatePartition
};

/// What is to be done after entries have been applied, outside of all locks.
struct Effects {
  Wakers wakers;
  std::vector<std::shared_ptr<Partition>> to_trim;  // log start moved, or dropped
};

class LogContents {
 public:
  struct Options {
    int64_t memory_limit_bytes = 0;
    PieceSizes pieces;
    std::function<void(const std::string&)> warn;  // may be empty
  };
  LogContents(io::FileSystem& files, const Layout& layout, const Options& options) : cache_(files, layout, options.pieces, options.warn), budget_(options.memory_limit_bytes) {}

  MetaMap& meta() { return meta_; }
  MemoryBudget& budget() { return budget_; }
  const MemoryBudget& budget() const { return budget_; }
  SegmentCache& cache() { return cache_; }
  const SegmentCache& cache() const { return cache_; }
  const PieceSizes& pieces() const { return cache_.sizes(); }
  /// nullptr if there is none. Thread-safe, like the next two.
  std::shared_ptr<Partition> Find(TopicPartitionId id) const;
  /// Ascending by id.
  std::vector<std::shared_ptr<Partition>> All() const;
  /// Whether a partition of that id may have existed.
  bool WasAllocated(TopicPartitionId id) const { return id.value() < next_partition_id_; }
  TopicPartitionId AllocatePartitionId() { return TopicPartitionId(next_partition_id_++); }

  // --- the flusher ---
  /// Checks an entry, assigns its offsets and writes them into its batches. On failure nothing has changed. kUnknownTopic, kAlreadyExists (a
  /// partition), kInvalidRecordBatch, kOffsetOutOfRange (a log start above the end), kInvalidArgument (a key of the log's own).
  Result<PreparedEntry> Prepare(const std::vector<Operation>& operations);
  /// Takes out the Puts about partitions that are gone behind all that was prepared.
  void DropStalePuts(std::vector<Operation>* operations) const;
  /// Forgets all that was prepared since the last Rollback or Settle.
  void Rollback();
  /// Makes the oldest prepared entry visible; takes all but the offsets out of `prepared`. `entry_bytes`: its size in the journal.
  void Apply(uint64_t sequence, const std::vector<Operation>& operations, PreparedEntry* prepared, uint64_t entry_bytes, Effects* effects);
  /// All that was prepared has been applied.
  void Settle();

  // --- recovery ---
  Status Restore(MetaSnapshot snapshot);
  /// Applies an entry of the journal after the snapshot; records that are in segments already are skipped. kCorruption if it does not fit.
  Status Replay(uint64_t sequence, DecodedEntry entry, uint64_t entry_bytes, Effects* effects);

  // --- the segment queue ---
  /// A consistent cut: the map as it stands in a snapshot, and every partition that may have records up to that entry.
  struct Cut {
    uint64_t sequence = 0;
    uint64_t applied_bytes = 0;  // of the journal, since the store was opened
    uint32_t next_partition_id = 0;
    uint32_t pair_count = 0;
    std::string pair_bytes;
    std::vector<std::shared_ptr<Partition>> partitions;
  };
  Cut TakeCut() const;
  /// Bytes of journal entries applied since the store was opened, replayed ones included.
  uint64_t applied_bytes() const { return applied_bytes_; }

 private:
  using Partitions = std::map<TopicPartitionId, std::shared_ptr<Partition>>;

  Status Check(const std::vector<Operation>& operations) const;
  /// As the entries prepared so far leave it.
  std::shared_ptr<Partition> FindPrepared(TopicPartitionId id) const FIRN_NO_THREAD_SAFETY_ANALYSIS;  // without the lock, on the flusher, who alone changes the map
  Slab AssignOffsets(const std::shared_ptr<Partition>& partition, const AppendRecords& append);
  Result<Slab> ReplaySlab(uint64_t sequence, const Partition& partition, Offset base, const base::SharedBytes& batches);
  // Takes the slab or partition that belongs to the operation off the front of `prepared`.
  void ApplyOperation(const Operation& operation, PreparedEntry* prepared, Effects* effects);

  SegmentCache cache_;
  MemoryBudget budget_;
  MetaMap meta_;
  std::atomic<uint32_t> next_partition_id_ = 1;
  std::atomic<uint64_t> applied_bytes_ = 0;
  mutable base::Mutex apply_mutex_;                 // held while an entry becomes visible, and for a cut; no I/O under it
  mutable base::SharedMutex mutex_;
  Partitions partitions_ FIRN_GUARDED_BY(mutex_);
  Partitions changes_;                     // the flusher's: created (or dropped: nullptr) by prepared entries
  std::vector<std::shared_ptr<Partition>> assigned_;  // the flusher's: with offsets that are not visible yet
};

}  // namespace firn::log
