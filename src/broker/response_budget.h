// SPDX-License-Identifier: Apache-2.0
// Counts the bytes of answers over all connections: gathered by fetches, waiting for their turn, or not yet taken by their client. A client that reads slowly must
// not fill the node's memory, and a few of them must not take it from the others. So:
//
//   used:  0 .............. limit ......................... 5/4 of it ................ hard limit (3/2 of it)
//          fetches start  | those get one batch whose       | fetches wait;          | nothing starts, and soon
//                         | client has taken all; others wait | other requests start | the worst clients go
//
// - A fetch takes, and a connection that leaves answers lying may begin more, up to 1/8 of what is free: each further slow client gets less, and there is something
//   left for one that comes later. (It is how switches share buffers: dynamic thresholds, Choudhury and Hahne.)
// - Above the limit fetches wait for room, in order, until their time is over. One batch above it is possible, since a fetch that starts gets a whole one.
// - KafkaServer disconnects a client that has taken not a byte for long while more than half is used: it has lost nothing and fetches again. Above the hard limit, which
//   only large answers to other requests lead to, those go after a second which leave most lying: the others, those who produce too, are not to wait for it.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "broker/broker_queue.h"

namespace firn::broker {

/// Lives on the broker's queue.
class ResponseBudget {
 public:
  using WaitId = uint64_t;

  ResponseBudget(BrokerQueue& queue, int64_t limit_bytes) : queue_(queue), limit_bytes_(limit_bytes) {}

  void Add(int64_t bytes) { *used_bytes_ += bytes; }
  /// Lets those go on that wait, from a task of its own.
  void Remove(int64_t bytes);

  /// Whether a fetch may read.
  bool HasRoom() const { return used_bytes() < limit_bytes_; }
  /// Whether a fetch may read one batch all the same, whose client has taken all that it was given.
  bool HasRoomForOne() const { return used_bytes() < limit_bytes_ + limit_bytes_ / 4; }
  /// Whether a request may start that is not a fetch.
  bool HasRoomForOthers() const { return ExcessBytes() <= 0; }
  /// What must be taken before a request may start that is not a fetch; 0 or less: nothing.
  int64_t ExcessBytes() const { return used_bytes() - (limit_bytes_ + limit_bytes_ / 2) + 1; }
  /// What one client may have in all, that has `own_bytes` of what is used.
  int64_t Share(int64_t own_bytes) const { return std::max<int64_t>(limit_bytes_ - (used_bytes() - own_bytes), 0) / kShares; }
  bool IsHalfUsed() const { return used_bytes() >= limit_bytes_ / 2; }

  /// Calls `resume` once, later, when there is room for fetches.
  WaitId WaitForRoom(std::function<void()> resume) { return Wait(&fetches_, std::move(resume)); }
  /// The same, when there is room for other requests.
  WaitId WaitForRoomForOthers(std::function<void()> resume) { return Wait(&others_, std::move(resume)); }
  void Cancel(WaitId wait) { fetches_.erase(wait), others_.erase(wait); }

  int64_t used_bytes() const { return used_bytes_->load(std::memory_order_relaxed); }
  /// For metrics: to be read on any thread, also after the budget is gone.
  std::shared_ptr<const std::atomic<int64_t>> shared_used_bytes() const { return used_bytes_; }
  size_t waiting_count() const { return fetches_.size() + others_.size(); }

 private:
  using Waits = std::map<WaitId, std::function<void()>>;  // in order

  static constexpr int64_t kShares = 8;

  WaitId Wait(Waits* waits, std::function<void()> resume);
  void Resume();
  /// Those of `waits` that are there now, as long as there is room.
  template <typename HasRoomFor>
  void ResumeWhile(HasRoomFor has_room, Waits* waits);

  BrokerQueue& queue_;
  const int64_t limit_bytes_;
  const std::shared_ptr<std::atomic<int64_t>> used_bytes_ = std::make_shared<std::atomic<int64_t>>(0);
  WaitId last_wait_ = 0;
  Waits fetches_, others_;
  bool is_resuming_ = false;
};

}  // namespace firn::broker
