// SPDX-License-Identifier: Apache-2.0
// Offsets of partitions, asked of the brokers that lead them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "cli/kafka_client.h"

namespace firn::cli {

using TopicPartition = std::pair<std::string, int32_t>;

// ListOffsets' names for both ends of a partition; any other number is a time in milliseconds.
inline constexpr int64_t kLatestOffset = -1;
inline constexpr int64_t kEarliestOffset = -2;

/// The offset at `timestamp_ms` of each partition that has a leader; -1 where nothing is that young.
Result<std::map<TopicPartition, int64_t>> FetchOffsets(KafkaClient& client, const std::vector<kafka::MetadataResponse::Topic>& topics, int64_t timestamp_ms);

}  // namespace firn::cli
