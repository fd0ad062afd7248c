// SPDX-License-Identifier: Apache-2.0
// The rows of a SELECT between its job and whoever fetches them: bounded in bytes, so that a reader who stops reading stops the job.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>

#include "base/mutex.h"
#include "exec/engine.h"
#include "exec/task_output.h"

namespace firn::exec {

/// Thread-safe.
class ResultBuffer {
 public:
  explicit ResultBuffer(int64_t limit_bytes) : limit_bytes_(limit_bytes) {}

  void SetProducer(std::shared_ptr<TaskHandle> producer);
  bool IsFull();
  void Push(types::Batch batch);
  /// No more rows will come.
  void End();
  /// The job has failed or was cancelled: the reader gets this once the rows before it are read.
  void Fail(Error error);
  /// Nobody reads any more: what is there is dropped, and what still comes. Its job may be listed for long.
  void Close();
  /// Some of the rows, so that what is made of one chunk stays small whatever has gathered.
  Result<ResultStream::Chunk> Next(int wait_ms);

 private:
  const int64_t limit_bytes_;
  base::Mutex mutex_;
  base::ConditionVariable changed_;
  std::shared_ptr<TaskHandle> producer_ FIRN_GUARDED_BY(mutex_);
  std::deque<types::Batch> batches_ FIRN_GUARDED_BY(mutex_);
  int64_t bytes_ FIRN_GUARDED_BY(mutex_) = 0;
  bool producer_waits_ FIRN_GUARDED_BY(mutex_) = false;
  bool has_ended_ FIRN_GUARDED_BY(mutex_) = false;
  bool is_closed_ FIRN_GUARDED_BY(mutex_) = false;
  std::optional<Error> failure_ FIRN_GUARDED_BY(mutex_);
};

/// The task's end of it.
class CollectOutput final : public TaskOutput {
 public:
  explicit CollectOutput(std::shared_ptr<ResultBuffer> buffer) : buffer_(std::move(buffer)) {}
  bool IsFull() override { return buffer_->IsFull(); }
  Status Emit(const types::Batch& batch) override {
    if (batch.row_count > 0) buffer_->Push(batch);
    return Ok();
  }
  Status EmitWatermark(int64_t) override { return Ok(); }
  Status EmitActivity(bool) override { return Ok(); }
  Status EmitBarrier(int64_t) override { return Ok(); }
  Status EmitEnd() override { return Ok(); }  // the job says when the result is complete
  Status Flush() override { return Ok(); }

 private:
  const std::shared_ptr<ResultBuffer> buffer_;
};

}  // namespace firn::exec
