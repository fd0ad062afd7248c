// SPDX-License-Identifier: Apache-2.0
// One partition's records: immutable segment files plus what the journal holds and no segment yet. Reads return slices of
// reference-counted blocks, whole batches in Kafka's bytes, without copying what is in memory.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "log/ids.h"

namespace firn::log {

struct ReadOptions {
  int64_t max_bytes = 1 << 20;  // at least one whole batch is returned even if larger
  bool is_read_once = false;    // nobody else is likely to read the same cold records soon: the page cache need not keep them
};

/// What a cold read takes in memory, unless a single batch is larger.
int64_t ColdReadMemory(int64_t max_bytes);

struct ReadResult {
  std::vector<base::SharedBytes> batches;  // each slice holds one or more whole batches, ascending
  Offset next{0};                          // where to read on
  bool is_cold = false;                    // read from a segment file, checked and copied; else slices of the log's own memory
  Offset log_start{0};
  Offset high_watermark{0};                // durable end at the time of the read
};

struct TimestampOffset {
  int64_t timestamp_ms = -1;
  Offset offset{-1};
};

/// Thread-safe.
class PartitionLog {
 public:
  virtual ~PartitionLog() = default;
  virtual TopicPartitionId id() const = 0;
  virtual Offset log_start() const = 0;
  virtual Offset high_watermark() const = 0;
  virtual int64_t size_bytes() const = 0;

  /// From the batch that holds `from` on (its first record may lie before `from`). Empty at the high watermark.
  /// kOffsetOutOfRange below log_start or above the high watermark. Blocks on disk for cold data.
  virtual Result<ReadResult> Read(Offset from, const ReadOptions& options) const = 0;
  /// As Read, but never blocks: nullopt if the records at `from` are cold, in a segment file only.
  virtual Result<std::optional<ReadResult>> ReadMemory(Offset from, const ReadOptions& options) const = 0;

  /// The first record with a timestamp >= `timestamp_ms`; offset -1 if there is none. Exact to the record for uncompressed batches, to the
  /// batch's base offset where only decompression could tell; the caller refines.
  virtual Result<TimestampOffset> FindTimestamp(int64_t timestamp_ms) const = 0;
  /// The batch with the largest timestamp; offset -1 when empty.
  virtual Result<TimestampOffset> MaxTimestamp() const = 0;

  /// Calls `waker` once, from any thread, as soon as the high watermark is above `offset` (at once if it is already) or the
  /// partition is gone. Returns an id for Unsubscribe. The waker must not block: post to a queue.
  virtual uint64_t Subscribe(Offset offset, std::function<void()> waker) = 0;
  virtual void Unsubscribe(uint64_t subscription) = 0;
};

}  // namespace firn::log
