// SPDX-License-Identifier: Apache-2.0
// A bounded queue between one lane of a task and one lane of the next. Pushing never fails: the producer asks IsFull before it works, so that
// what one call of an operator emits is the most by which an edge grows past its limit.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>

#include "base/mutex.h"
#include "exec/scheduler.h"
#include "types/batch.h"

namespace firn::exec {

/// Thread-safe: one producer, one consumer.
class Edge {
 public:
  static constexpr int64_t kRowLimit = 4 * types::kPreferredBatchRows;
  static constexpr size_t kElementLimit = 64;

  /// Both before the first Push.
  void Connect(std::shared_ptr<TaskHandle> producer, std::shared_ptr<TaskHandle> consumer);

  void Push(types::StreamElement element);
  /// If so, the producer is woken once there is room.
  bool IsFull();
  bool Pop(types::StreamElement* element);
  /// The consumer reads no more: what is pushed is dropped.
  void Close();

 private:
  bool OverLimit() const FIRN_REQUIRES(mutex_) { return rows_ >= kRowLimit || elements_.size() >= kElementLimit; }

  std::shared_ptr<TaskHandle> producer_;
  std::shared_ptr<TaskHandle> consumer_;
  base::Mutex mutex_;
  std::deque<types::StreamElement> elements_ FIRN_GUARDED_BY(mutex_);
  int64_t rows_ FIRN_GUARDED_BY(mutex_) = 0;
  bool producer_waits_ FIRN_GUARDED_BY(mutex_) = false;
  bool is_closed_ FIRN_GUARDED_BY(mutex_) = false;
};

}  // namespace firn::exec
