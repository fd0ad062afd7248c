// SPDX-License-Identifier: Apache-2.0
// Fetches that wait for records: held here until records, their time or the end of the broker comes.
#pragma once

#include <memory>
#include <unordered_set>

namespace firn::broker {

class FetchOperation;

/// Lives on the broker's queue.
class ParkedFetches {
 public:
  void Add(std::shared_ptr<FetchOperation> fetch) { parked_.insert(std::move(fetch)); }
  void Remove(const std::shared_ptr<FetchOperation>& fetch) { parked_.erase(fetch); }
  size_t size() const { return parked_.size(); }

 private:
  std::unordered_set<std::shared_ptr<FetchOperation>> parked_;
};

}  // namespace firn::broker
