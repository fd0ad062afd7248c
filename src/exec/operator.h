// SPDX-License-Identifier: Apache-2.0
// The contract of operators: a deterministic function of its inputs, its state and the time it is given. An operator never blocks, never
// starts a thread, never looks at a clock: a task drives it, in production and under simulation alike.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

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

/// Counters that every operator keeps; read by other threads (operator_metrics.h).
struct OperatorMetrics;

/// Outlives the operator.
struct OperatorContext {
  int lane = 0;
  int parallelism = 1;
  /// Session settings; row_time_us is set by the task before each call.
  expr::EvaluationContext evaluation;
  OperatorMetrics* metrics = nullptr;       // never null
  /// Tells whoever runs the node of something that goes on but should not stay so: once an operator and run, never once a row. May be empty.
  std::function<void(const std::string&)> warn;
};

/// A window that holds rows and has not closed.
struct PendingWindow {
  int64_t start_ms = 0;
  int64_t end_ms = 0;
  int64_t keys = 0;
};

/// Lives in one task. Calls come in this order: [Restore], then Process/Advance/Snapshot in stream order, then Finish once all inputs ended.
class Operator {
 public:
  virtual ~Operator() = default;
  /// Called once, before anything else.
  virtual Status Open(const OperatorContext& context) = 0;
  /// Input `input` of several gives nothing more.
  virtual Status EndInput(int /*input*/, Output& /*output*/) { return Ok(); }
  /// `input`: which of several inputs, from 0.
  virtual Status Process(int input, types::Batch batch, Output& output) = 0;
  /// The smallest watermark over all active inputs has moved.
  virtual Status Advance(types::Watermark watermark, Output& output) = 0;
  /// Processing time has reached a time asked for by NextTimerMs.
  virtual Status OnTimer(int64_t /*now_ms*/, Output& /*output*/) { return Ok(); }
  /// The wall-clock milliseconds at which OnTimer wants to be called; INT64_MAX: none.
  virtual int64_t NextTimerMs() const { return std::numeric_limits<int64_t>::max(); }
  /// Writes the state of the groups that changed since the last call. The state stays.
  virtual Status Snapshot(state::StateWriter& writer) = 0;
  virtual Status Restore(state::StateReader& reader) = 0;
  /// All inputs have ended (the final watermark has been given before): emits what is left.
  virtual Status Finish(Output& output) = 0;
  virtual int64_t state_bytes() const = 0;
  /// Nothing that comes can change its output any more (LIMIT is reached): the task ends as if its inputs had.
  virtual bool WantsNoMore() const { return false; }
  /// For "what does it wait for": at most `limit` windows, the next to close first.
  virtual std::vector<PendingWindow> Windows(int /*limit*/) const { return {}; }
};

}  // namespace firn::exec
