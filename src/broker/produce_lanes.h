// SPDX-License-Identifier: Apache-2.0
// Keeps the Produce requests of a connection in order while their batches are examined beside the broker's queue: a small request must not overtake a large one that
// came before it. A lane is all of a connection's requests that have started and are not appended; most of the time there is none.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>

namespace firn::broker {

/// Lives on the broker's queue. Lanes do not end with their connections: what was received is appended.
class ProduceLanes {
 public:
  using Ticket = uint64_t;

  bool IsEmpty(uint64_t connection) const { return !lanes_.contains(connection); }
  /// Of the requests in the lane.
  int64_t waiting_bytes(uint64_t connection) const {
    auto found = lanes_.find(connection);
    return found == lanes_.end() ? 0 : found->second.bytes;
  }
  /// `append` runs once, in a SetReady: that of this request, or of one before it.
  Ticket Enter(uint64_t connection, int64_t bytes, std::function<void()> append);
  void SetReady(uint64_t connection, Ticket ticket);

 private:
  struct Entry {
    std::function<void()> append;
    int64_t bytes = 0;
    bool is_ready = false;
  };
  struct Lane {
    std::deque<Entry> entries;  // oldest first
    Ticket first = 0;           // of entries.front()
    int64_t bytes = 0;
  };

  std::map<uint64_t, Lane> lanes_;  // none is empty
};

}  // namespace firn::broker
