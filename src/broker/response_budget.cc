// SPDX-License-Identifier: Apache-2.0
#include "broker/response_budget.h"

#include <utility>

#include "base/assert.h"

namespace firn::broker {

void ResponseBudget::Remove(int64_t bytes) {
  FIRN_ASSERT(bytes >= 0, "{} bytes are taken off", bytes);
  *used_bytes_ -= bytes;
  FIRN_ASSERT(used_bytes() >= 0, "{} bytes of answers are left after {} were taken off", used_bytes(), bytes);
  const bool resumes_others = !others_.empty() && HasRoomForOthers(), resumes_fetches = !fetches_.empty() && HasRoom();
  if (is_resuming_ || (!resumes_others && !resumes_fetches)) return;
  is_resuming_ = true;
  queue_.Post([this] { Resume(); });
}

ResponseBudget::WaitId ResponseBudget::Wait(Waits* waits, std::function<void()> resume) {
  FIRN_ASSERT(resume != nullptr, "nobody waits");
  waits->emplace(++last_wait_, std::move(resume));
  return last_wait_;
}

void ResponseBudget::Resume() {
  FIRN_ASSERT(is_resuming_, "resumed without being asked to");
  is_resuming_ = false;
  ResumeWhile([this] { return HasRoomForOthers(); }, &others_);
  ResumeWhile([this] { return HasRoom(); }, &fetches_);
}

template <typename HasRoomFor>
void ResponseBudget::ResumeWhile(HasRoomFor has_room, Waits* waits) {
  // Who is resumed may wait again: behind those who have not been asked yet.
  const WaitId last = last_wait_;
  while (!waits->empty() && waits->begin()->first <= last && has_room()) {
    const std::function<void()> resume = std::move(waits->begin()->second);
    waits->erase(waits->begin());
    resume();
  }
}

}  // namespace firn::broker
