// SPDX-License-Identifier: Apache-2.0
// What a client is told it may do: everything, until there are ACLs. Bit sets of Kafka's AclOperation numbers.
#pragma once

#include <cstdint>

namespace firn::broker {

inline constexpr int32_t kTopicOperations = 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 8 | 1 << 10 | 1 << 11;
inline constexpr int32_t kClusterOperations = 1 << 5 | 1 << 7 | 1 << 8 | 1 << 9 | 1 << 10 | 1 << 11 | 1 << 12;
inline constexpr int32_t kGroupOperations = 1 << 3 | 1 << 6 | 1 << 8;

}  // namespace firn::broker
