// SPDX-License-Identifier: Apache-2.0
// Fetches that wait for records: held here until records, their time or the end of the broker comes. What their requests take in memory is counted and limited.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <utility>

#include "base/assert.h"

namespace firn::broker {

class FetchOperation;

/// Lives on the broker's queue.
class ParkedFetches {
 public:
  explicit ParkedFetches(int64_t bytes_max) : bytes_max_(bytes_max) {}

  /// Whether one more of so many bytes may wait for records.
  bool HasRoom(int64_t bytes) const { return bytes_ + bytes <= bytes_max_; }
  /// Holds a fetch, which may be held already.
  void Add(uint64_t connection, std::shared_ptr<FetchOperation> fetch, int64_t bytes) {
    FIRN_ASSERT(fetch != nullptr && bytes > 0);
    const Key key(connection, fetch.get());
    if (parked_.emplace(key, Parked{std::move(fetch), bytes}).second) bytes_ += bytes;
  }
  void Remove(uint64_t connection, const FetchOperation& fetch) {
    if (auto found = parked_.find(Key(connection, &fetch)); found != parked_.end()) Erase(found);
  }
  /// Drops what this connection has asked for: nobody is there to be answered.
  void Forget(uint64_t connection) {
    for (auto next = parked_.lower_bound(Key(connection, nullptr)); next != parked_.end() && next->first.first == connection;) Erase(next++);
  }
  size_t size() const { return parked_.size(); }
  int64_t bytes() const { return bytes_; }

 private:
  using Key = std::pair<uint64_t, const FetchOperation*>;  // by connection
  struct Parked {
    std::shared_ptr<FetchOperation> fetch;
    int64_t bytes = 0;
  };

  void Erase(std::map<Key, Parked>::iterator place) {
    bytes_ -= place->second.bytes;
    FIRN_ASSERT(bytes_ >= 0 && (bytes_ > 0 || parked_.size() == 1), "{} fetches are parked, with {} bytes but for one", parked_.size(), bytes_);
    const auto last = std::move(place->second.fetch);  // goes when it is out of the map
    parked_.erase(place);
  }

  const int64_t bytes_max_;
  int64_t bytes_ = 0;
  std::map<Key, Parked> parked_;
};

}  // namespace firn::broker
