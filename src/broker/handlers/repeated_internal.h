// SPDX-License-Identifier: Apache-2.0
// What a request names more than once is refused, and answered once, as Kafka does.
#pragma once

#include <set>
#include <utility>
#include <vector>

namespace firn::broker {

/// The keys that several of the items have; of the items with one key the first stays.
template <typename Item, typename KeyOf>
auto LeaveOneOfEach(std::vector<Item>* items, KeyOf key_of) {
  using Key = decltype(key_of(items->front()));
  std::set<Key> seen, repeated;
  std::erase_if(*items, [&](const Item& item) {
    Key key = key_of(item);
    const bool is_first = seen.insert(key).second;
    if (!is_first) repeated.insert(std::move(key));
    return !is_first;
  });
  return repeated;
}

}  // namespace firn::broker
