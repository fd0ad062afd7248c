// SPDX-License-Identifier: Apache-2.0
// The node's data directory as one thing: journal, meta store and partition logs, opened and recovered together.
//
//   DIR/LOCK                    held while open
//   DIR/journal/N.journal       the write-ahead log
//   DIR/meta/N.snapshot         the meta store up to an entry
//   DIR/partitions/ID/          segments with offset and time index
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/environment.h"
#include "log/ids.h"
#include "log/journal.h"
#include "log/meta_store.h"
#include "log/partition_log.h"
#include "log/piece_sizes.h"

namespace firn::log {

struct StoreOptions {
  int64_t journal_file_bytes = 128LL << 20;    // one preallocated file
  int64_t journal_limit_bytes = 512LL << 20;   // replayed at most this much after a crash
  int64_t memory_limit_bytes = 256LL << 20;    // record bytes in memory; above it AdmitBytes waits
  int64_t max_entry_bytes = 100LL << 20;       // Kafka's socket.request.max.bytes
  PieceSizes pieces = {};
  std::function<void(const std::string&)> warn = {};  // told of what who runs the node should know: damage, a full disk; from any thread
};

struct RecoveryReport {
  uint64_t entries_replayed = 0;
  int64_t bytes_replayed = 0;
  int64_t bytes_truncated = 0;   // a torn last entry
  int64_t duration_us = 0;
};

class Store {
 public:
  /// Locks and recovers the directory; makes it if missing. kDataDirectoryInUse if another process has it; kCorruption if the
  /// journal is damaged anywhere but in its torn tail (nothing is dropped then); kIoError names a foreign file in it.
  static Result<std::unique_ptr<Store>> Open(const io::Environment& environment, const std::string& directory,
                                             const StoreOptions& options = {});
  virtual ~Store() = default;

  virtual Journal& journal() = 0;
  virtual MetaStore& meta() = 0;
  virtual const RecoveryReport& recovery() const = 0;

  /// A fresh id for a CreatePartition operation. Thread-safe like all below.
  virtual TopicPartitionId AllocatePartitionId() = 0;
  /// nullptr if there is none.
  virtual std::shared_ptr<PartitionLog> partition(TopicPartitionId id) = 0;
  /// Drops segments that the retention settings no longer keep. Called by the owner from time to time.
  virtual void ApplyRetention() = 0;

  /// Back-pressure: whether new record bytes may come in now. If not, `resume` is called once when they may.
  virtual bool AdmitBytes(std::function<void()> resume) = 0;
  /// Set once when the journal has stopped: why. Every Append fails with it. A full disk is reported here too, and clears itself.
  virtual Status health() const = 0;
  /// Reads of records that failed since the start: damaged or missing segments.
  virtual int64_t failed_reads() const = 0;

  /// Flushes, moves everything to segments, writes a meta snapshot, unlocks. Nothing may be called after it.
  virtual Status Close() = 0;
};

}  // namespace firn::log
