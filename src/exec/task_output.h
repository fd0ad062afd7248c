// SPDX-License-Identifier: Apache-2.0
// Where a task's results go: the edges of an exchange, or the buffer of a SELECT.
#pragma once

#include <cstdint>
#include <memory>

#include "base/result.h"
#include "exec/scheduler.h"
#include "types/batch.h"

namespace firn::exec {

/// Lives in one task.
class TaskOutput {
 public:
  virtual ~TaskOutput() = default;
  /// If so, the task is woken once there is room.
  virtual bool IsFull() = 0;
  virtual Status Emit(const types::Batch& batch) = 0;
  virtual Status EmitWatermark(int64_t watermark_ms) = 0;
  virtual Status EmitActivity(bool is_idle) = 0;
  virtual Status EmitBarrier(int64_t checkpoint_id) = 0;
  virtual Status EmitEnd() = 0;
  /// Passes on what was held back to make larger batches: the input has run dry.
  virtual Status Flush() = 0;
};

}  // namespace firn::exec
