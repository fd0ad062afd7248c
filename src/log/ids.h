// SPDX-License-Identifier: Apache-2.0
// The numbers of the log.
#pragma once

#include <cstdint>

#include "base/strong_id.h"

namespace firn::log {

/// Place of a record in its partition, from 0.
using Offset = base::StrongId<struct OffsetTag, int64_t>;
/// A partition of a topic in the node's own numbering: never reused, so that a topic deleted and made anew under the same name
/// does not meet its old records. The broker maps (topic, partition index) to it.
using TopicPartitionId = base::StrongId<struct TopicPartitionTag, uint32_t>;

}  // namespace firn::log
