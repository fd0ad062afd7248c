// SPDX-License-Identifier: Apache-2.0
#include "exec/edge.h"

#include "base/assert.h"
#include "base/mutex.h"

namespace firn::exec {

namespace {

int64_t RowsOf(const types::StreamElement& element) {
  const auto* batch = std::get_if<types::Batch>(&element);
  return batch ? batch->row_count : 0;
}

}  // namespace

void Edge::Connect(std::shared_ptr<TaskHandle> producer, std::shared_ptr<TaskHandle> consumer) {
  FIRN_ASSERT(!consumer_, "an edge is connected twice");
  producer_ = std::move(producer);
  consumer_ = std::move(consumer);
}

void Edge::Push(types::StreamElement element) {
  bool was_empty = false;
  {
    base::MutexLock lock(mutex_);
    if (is_closed_) return;
    was_empty = elements_.empty();
    rows_ += RowsOf(element);
    elements_.push_back(std::move(element));
  }
  if (was_empty) consumer_->Wake();
}

bool Edge::IsFull() {
  base::MutexLock lock(mutex_);
  if (!OverLimit()) return false;
  producer_waits_ = true;
  return true;
}

bool Edge::Pop(types::StreamElement* element) {
  bool wake = false;
  {
    base::MutexLock lock(mutex_);
    if (elements_.empty()) return false;
    *element = std::move(elements_.front());
    elements_.pop_front();
    rows_ -= RowsOf(*element);
    FIRN_ASSERT(rows_ >= 0 && (!elements_.empty() || rows_ == 0), "an edge of {} elements counts {} rows", elements_.size(), rows_);
    if (producer_waits_ && rows_ <= kRowLimit / 2 && elements_.size() <= kElementLimit / 2) {
      producer_waits_ = false;
      wake = true;
    }
  }
  if (wake) producer_->Wake();
  return true;
}

void Edge::Close() {
  {
    base::MutexLock lock(mutex_);
    is_closed_ = true;
    elements_.clear();
    rows_ = 0;
  }
  producer_->Wake();
}

}  // namespace firn::exec
