// SPDX-License-Identifier: Apache-2.0
// What a task reads from: a source, a fixed set of rows, or the edges of other tasks, aligned.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "exec/engine.h"
#include "state/state_io.h"
#include "types/batch.h"

namespace firn::exec {

struct InputEvent {
  enum class Kind {
    kBatch,
    kWatermark,   // `value`: milliseconds; the smallest over all active inputs has moved
    kBarrier,     // `value`: checkpoint id; all inputs have reached it
    kActivity,    // `value`: 1 idle, 0 active
    kInputEnded,  // one of several inputs
    kEnd,         // nothing follows
  };
  Kind kind = Kind::kEnd;
  int input = 0;
  int64_t value = 0;
  types::Batch batch;
};

/// Lives in one task.
class TaskInput {
 public:
  virtual ~TaskInput() = default;
  /// Empty: nothing now; the task will be woken.
  virtual Result<std::optional<InputEvent>> Next(int64_t now_ms) = 0;
  /// Sources: the next event is this barrier. Others get theirs through their edges.
  virtual void InjectBarrier(int64_t /*checkpoint_id*/) {}
  /// A barrier is due even while consumers are full.
  virtual bool HasBarrier() const { return false; }
  /// Sources: end now, as if there were no more rows (STOP JOB with drain).
  virtual void Drain() {}
  /// The task reads no more (LIMIT is reached).
  virtual void Close() {}
  /// When Next wants to be called again although nothing came.
  virtual int64_t NextTimerMs() const { return std::numeric_limits<int64_t>::max(); }

  /// For checkpoints: positions of a source, and what else it keeps.
  virtual Result<std::string> Positions() const { return std::string(); }
  virtual std::vector<log::Operation> CheckpointOperations() const { return {}; }
  virtual Status Snapshot(state::StateWriter& /*writer*/) { return Ok(); }
  virtual Status Restore(const std::string& /*positions*/, state::StateReader& /*reader*/) { return Ok(); }

  virtual std::vector<SourcePartitionStatus> Describe() const { return {}; }
};

}  // namespace firn::exec
