// SPDX-License-Identifier: Apache-2.0
#include "broker/produce_lanes.h"

#include <utility>

#include "base/assert.h"

namespace firn::broker {

ProduceLanes::Ticket ProduceLanes::Enter(uint64_t connection, int64_t bytes, std::function<void()> append) {
  Lane& lane = lanes_[connection];
  lane.entries.push_back({std::move(append), bytes});
  lane.bytes += bytes;
  return lane.first + lane.entries.size() - 1;
}

void ProduceLanes::SetReady(uint64_t connection, Ticket ticket) {
  auto found = lanes_.find(connection);
  FIRN_ASSERT(found != lanes_.end() && ticket >= found->second.first && ticket - found->second.first < found->second.entries.size(), "ticket {}", ticket);
  Lane& lane = found->second;
  lane.entries[ticket - lane.first].is_ready = true;
  // An append may enter nothing: it runs to its journal entry and calls nobody but the connection, which starts requests later.
  while (!lane.entries.empty() && lane.entries.front().is_ready) {
    const Entry entry = std::move(lane.entries.front());
    lane.entries.pop_front();
    lane.bytes -= entry.bytes;
    ++lane.first;
    entry.append();
  }
  if (lane.entries.empty()) lanes_.erase(found);
}

}  // namespace firn::broker
