// SPDX-License-Identifier: Apache-2.0
// The contract of sources. A source delivers the rows of one table, partition by partition; computed columns, filters, watermarks and the
// merge of partitions are done above it, by the scan task.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "log/journal.h"
#include "plan/physical_plan.h"
#include "types/batch.h"

namespace firn::exec {

/// What a partition of a source looks like from outside: for sys.source_partitions and lag.
struct PartitionStatus {
  std::string name;             // "trades-0", a file
  int64_t position = 0;         // next offset or row
  int64_t end_position = -1;    // -1: unknown
  int64_t decode_errors = 0;    // records that gave no row
  std::string decode_error = {};  // the first of them since the job was started; empty: none
};

enum class PollState {
  kMore,      // call again
  kBlocked,   // nothing now; the waker will be called
  kEnded,     // this partition gives nothing more
};

struct PollResult {
  PollState state = PollState::kMore;
  types::Batch rows;            // of the scan's read_columns; may be empty. One partition's rows, in its order
};

/// Thread-compatible: used by one task. May block on local disk, never on the network.
class Source {
 public:
  virtual ~Source() = default;
  /// Partitions 0 .. n-1; may grow between polls (discovery), never shrinks.
  virtual int partition_count() const = 0;
  /// At most about `max_rows` of one partition.
  virtual Result<PollResult> Poll(int partition, int64_t max_rows) = 0;
  /// Called from any thread, once, after a kBlocked poll of that partition, when there may be more. Set before the first Poll.
  virtual void SetWaker(std::function<void()> waker) = 0;
  /// Positions behind all that Poll has returned, as opaque bytes for the checkpoint.
  virtual Result<std::string> Positions() const = 0;
  /// To what Positions gave; before the first Poll.
  virtual Status Seek(const std::string& positions) = 0;
  virtual std::vector<PartitionStatus> Describe() const = 0;
  /// What besides the positions belongs into the checkpoint's journal entry: the offsets of a consumer group. Called with Positions.
  virtual std::vector<log::Operation> CheckpointOperations() const { return {}; }
};

}  // namespace firn::exec
