// SPDX-License-Identifier: Apache-2.0
// Counts the bytes of answers over all connections: gathered by fetches, waiting for their turn, or not yet taken by their client. A client that reads slowly must
// not fill the node's memory, and a few of them must not take it from the others. So:
//
//   used:  0 ............................ limit ................ hard limit (3/2 of it)
//          fetches start                  | fetches wait; others start | nothing starts
//
// - A fetch takes, and a connection that leaves answers lying may begin more, up to 1/8 of what is free: each further slow client gets less, and there is something
//   left for one that comes later. (It is how switches share buffers: dynamic thresholds, Choudhury and Hahne.)
// - Above the limit fetches wait for room, in order, until their time is over. One batch above it is possible, since a fetch that starts gets a whole one.
// - KafkaServer disconnects a client that has taken not a byte for long while more than half is used: it has lost nothing and fetches again.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>

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
  /// Whether a request may start that is not a fetch.
  bool HasRoomForOthers() const { return used_bytes() < limit_bytes_ + limit_bytes_ / 2; }
  /// What one client may have in all, that has `own_bytes` of what is used.
  int64_t Share(int64_t own_bytes) const { return std::max<int64_t>(limit_bytes_ - (used_bytes() - own_bytes), 0) / kShares; }
  bool IsHalfUsed() const { return used_bytes() >= limit_bytes_ / 2; }

  /// Calls `resume` once, later, when there is room for fetches. At most one for each connection waits.
  WaitId WaitForRoom(std::function<void()> resume);
  void Cancel(WaitId wait) { waits_.erase(wait); }

  int64_t used_bytes() const { return used_bytes_->load(std::memory_order_relaxed); }
  /// For metrics: to be read on any thread, also after the budget is gone.
  std::shared_ptr<const std::atomic<int64_t>> shared_used_bytes() const { return used_bytes_; }
  size_t waiting_count() const { return waits_.size(); }

 private:
  static constexpr int64_t kShares = 8;

  void Resume();

  BrokerQueue& queue_;
  const int64_t limit_bytes_;
  const std::shared_ptr<std::atomic<int64_t>> used_bytes_ = std::make_shared<std::atomic<int64_t>>(0);
  WaitId last_wait_ = 0;
  std::map<WaitId, std::function<void()>> waits_;  // in order
  bool is_resuming_ = false;
};

}  // namespace firn::broker
