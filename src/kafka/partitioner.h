// SPDX-License-Identifier: Apache-2.0
// Which partition a key goes to: the choice of Kafka's own default partitioner, so that rows meet what other producers wrote under the same key.
#pragma once

#include <cstdint>
#include <string_view>

namespace firn::kafka {

/// MurmurHash2, 32 bits, with the seed that Kafka's clients use.
uint32_t Murmur2(std::string_view bytes);

/// (Murmur2 without its sign bit) modulo the partition count.
inline int32_t PartitionOfKey(std::string_view key, int32_t partition_count) {
  return static_cast<int32_t>(Murmur2(key) & 0x7fffffff) % partition_count;
}

}  // namespace firn::kafka
