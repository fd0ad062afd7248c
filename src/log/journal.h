// SPDX-License-Identifier: Apache-2.0
// The node's single write-ahead log: the only place where anything first becomes durable. An entry holds several operations
// (record batches for several partitions, puts and deletes in the meta store) and is the unit of atomicity: after a crash
// either all of its operations are there or none is.
//
// Life of an entry: Append gives it its place in the order and patches offsets into its record batches -> the flusher writes
// what has gathered while the previous flush ran and syncs once (group commit without a timer) -> its operations become
// visible in the meta store and the partition logs, in order -> its callback runs. The high watermark of a partition is its durable
// end: what a consumer has seen no crash takes back. A failed sync is fatal: every later Append fails, nothing is retried.
//
// The byte layout is drawn in docs/formats/journal.md.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "log/ids.h"

namespace firn::log {

/// Per partition; the broker derives it from the topic's configuration.
struct PartitionConfig {
  int64_t segment_bytes = 1LL << 30;
  int64_t segment_ms = 7LL * 24 * 3600 * 1000;
  int64_t retention_ms = 7LL * 24 * 3600 * 1000;  // -1: for ever
  int64_t retention_bytes = -1;                   // -1: unlimited
};

/// Appends Kafka record batches (v2, whole, one after the other) to a partition. Their checksums must be right, which is not looked at again: the entry's own
/// is made of them. Base offset and leader epoch of each batch are patched in a copy-free way: `batches` must be the only user of those header bytes until the
/// callback has run.
struct AppendRecords {
  TopicPartitionId partition;
  base::SharedBytes batches;
  int32_t record_count = 0;  // sum over the batches (last offset delta + 1 each)
};
struct Put {
  std::string key;
  std::string value;
  /// The partition that the value is about, if it must not outlive it: nothing is put where that partition is gone when the entry gets its place in the order. So a
  /// deletion, which takes what is stored about its partitions, need not know what is on its way to the journal.
  std::optional<TopicPartitionId> about = std::nullopt;
};
struct Delete {
  std::string key;
};
/// Makes an empty partition under an id from Store::AllocatePartitionId.
struct CreatePartition {
  TopicPartitionId partition;
  PartitionConfig config;
};
struct ConfigurePartition {
  TopicPartitionId partition;
  PartitionConfig config;
};
/// Forgets a partition; its files are removed. Readers that still hold it fail with kUnknownTopic, subscribers are woken.
struct DropPartition {
  TopicPartitionId partition;
};
/// Makes offsets below `offset` unreadable (Kafka's DeleteRecords); never moves back.
struct SetLogStart {
  TopicPartitionId partition;
  Offset offset;
};
using Operation =
    std::variant<AppendRecords, Put, Delete, CreatePartition, ConfigurePartition, DropPartition, SetLogStart>;

/// What an entry became.
struct Committed {
  uint64_t sequence = 0;                 // of the entry; ascending without gaps
  std::vector<Offset> first_offsets;     // one an AppendRecords, in their order: the offset its first record was given
};

/// Runs once, on the flusher's queue, after the entry is durable and visible, or with the error that stopped the journal. It must be short
/// and must not block: post to a queue of your own.
using CommitCallback = std::function<void(Result<Committed>)>;

/// Whether an entry that failed is known not to be there. If not, the journal has stopped (kIoError, kUnavailable), and the entry may come to light at the next
/// start: nothing that it refers to may be removed.
inline bool IsRefused(const Error& error) { return error.code() != ErrorCode::kIoError && error.code() != ErrorCode::kUnavailable; }

class Journal {
 public:
  virtual ~Journal() = default;
  /// Queues one entry. Thread-safe, never blocks. Entries become durable and visible in the order of these calls; offsets are
  /// assigned in that order too. An AppendRecords to a partition that does not exist fails the whole entry with kUnknownTopic; too large
  /// an entry fails with kLimitExceeded. Failures other than those two stop the journal.
  virtual void Append(std::vector<Operation> operations, CommitCallback done) = 0;
  /// Bytes appended and not yet moved to segments. Producers are held back above the limit (see Store).
  virtual int64_t unflushed_bytes() const = 0;
};

}  // namespace firn::log
