// SPDX-License-Identifier: Apache-2.0
// The contract of operators: a deterministic function of its inputs, its state and the time it is given. An operator never blocks, never
// starts a thread, never looks at a clock: a task drives it, in production and under simulation alike.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "expr/scalar_function.h"
#include "state/state_io.h"
#include "types/batch.h"

namespace firn::exec {

/// Where an operator puts what it makes. Never fails, never blocks: the task stops giving input while a consumer is full.
class Output {
 public:
  virtual ~Output() = default;
  virtual void Emit(types::Batch batch) = 0;
  /// Must not go back. Passing on the input's watermark is the operator's task (a window emits its rows first).
  virtual void EmitWatermark(types::Watermark watermark) = 0;
};

/// Counters that every operator keeps; read by other threads (relaxed atomics inside).
struct OperatorMetrics;

struct OperatorContext {
  int lane = 0;
  int parallelism = 1;
  expr::EvaluationContext evaluation;       // session settings; row_time_us is set by the task before each call
  OperatorMetrics* metrics = nullptr;
  int64_t state_limit_bytes = 0;            // for this lane; 0: none
};

/// Lives in one task. Calls come in this order: [Restore], then Process/Advance/Snapshot in stream order, then Finish once all inputs ended.
class Operator {
 public:
  virtual ~Operator() = default;
  /// Called once, before anything else.
  virtual Status Open(const OperatorContext& context) = 0;
  /// `input`: which of several inputs, from 0.
  virtual Status Process(int input, types::Batch batch, Output& output) = 0;
  /// The smallest watermark over all active inputs has moved.
  virtual Status Advance(types::Watermark watermark, Output& output) = 0;
  /// Processing time has reached a time asked for by NextTimerMs.
  virtual Status OnTimer(int64_t now_ms, Output& output);
  /// The wall-clock milliseconds at which OnTimer wants to be called; INT64_MAX: none.
  virtual int64_t NextTimerMs() const;
  /// Writes the state of the groups that changed since the last call. The state stays.
  virtual Status Snapshot(state::StateWriter& writer) = 0;
  virtual Status Restore(state::StateReader& reader) = 0;
  /// All inputs have ended (the final watermark has been given before): emits what is left.
  virtual Status Finish(Output& output) = 0;
  virtual int64_t state_bytes() const = 0;
};

}  // namespace firn::exec
