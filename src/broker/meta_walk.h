// SPDX-License-Identifier: Apache-2.0
// Looking through much of the meta store without keeping the broker's queue from everything else: slice by slice, each in a task of its own.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/broker_queue.h"
#include "log/meta_store.h"

namespace firn::broker {

using PairSlice = std::vector<std::pair<std::string, std::string>>;

/// Of a slice: pairs (a prefix without any counts as one), and bytes of keys and values; the last pair may go beyond. Well below a millisecond.
inline constexpr size_t kSlicePairsMax = 1'000;
inline constexpr size_t kSliceBytesMax = 256 << 10;

/// Hands all pairs whose key starts with one of `prefixes` to `take`, prefix by prefix, ascending, none twice, then calls `done`. The first slice is taken in the call.
/// Slices are of different moments: who needs more makes sure that what it looks for cannot come anew. On the broker's queue.
void WalkMeta(BrokerQueue& queue, const log::MetaStore& meta, std::vector<std::string> prefixes, std::function<void(PairSlice slice)> take, std::function<void()> done);

/// The first key that is greater than all with this prefix.
std::string KeyBehind(std::string prefix);

}  // namespace firn::broker
