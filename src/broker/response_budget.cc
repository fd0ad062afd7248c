// SPDX-License-Identifier: Apache-2.0
#include "broker/response_budget.h"

#include <utility>

#include "base/assert.h"

namespace firn::broker {

void ResponseBudget::Remove(int64_t bytes) {
  FIRN_ASSERT(bytes >= 0, "{} bytes are taken off", bytes);
  *used_bytes_ -= bytes;
  FIRN_ASSERT(used_bytes() >= 0, "{} bytes of answers are left after {} were taken off", used_bytes(), bytes);
  if (waits_.empty() || is_resuming_ || !HasRoom()) return;
  is_resuming_ = true;
  queue_.Post([this] { Resume(); });
}

ResponseBudget::WaitId ResponseBudget::WaitForRoom(std::function<void()> resume) {
  FIRN_ASSERT(resume != nullptr, "nobody waits");
  waits_.emplace(++last_wait_, std::move(resume));
  return last_wait_;
}

void ResponseBudget::Resume() {
  FIRN_ASSERT(is_resuming_, "resumed without being asked to");
  is_resuming_ = false;
  // Who is resumed may wait again: behind those who have not been asked yet.
  const WaitId last = last_wait_;
  while (!waits_.empty() && waits_.begin()->first <= last && HasRoom()) {
    const std::function<void()> resume = std::move(waits_.begin()->second);
    waits_.erase(waits_.begin());
    resume();
  }
}

}  // namespace firn::broker
