// SPDX-License-Identifier: Apache-2.0
#include "cli/partition_offsets.h"

#include <fmt/format.h>

#include "kafka/messages/list_offsets.h"

namespace firn::cli {

Result<std::map<TopicPartition, int64_t>> FetchOffsets(KafkaClient& client, const std::vector<kafka::MetadataResponse::Topic>& topics, int64_t timestamp_ms) {
  std::map<int32_t, std::map<std::string, std::vector<kafka::ListOffsetsRequest::Partition>>> by_leader;
  for (const auto& topic : topics) {
    for (const auto& partition : topic.partitions) {
      if (partition.leader_id >= 0) by_leader[partition.leader_id][topic.name.value_or("")].push_back({.index = partition.partition_index, .timestamp = timestamp_ms});
    }
  }
  std::map<TopicPartition, int64_t> offsets;
  for (const auto& [leader, asked] : by_leader) {
    kafka::ListOffsetsRequest request;
    for (const auto& [name, partitions] : asked) request.topics.push_back({.name = name, .partitions = partitions});
    FIRN_TRY(KafkaLink * broker, client.Broker(leader));
    FIRN_TRY(const auto answer, broker->Call<kafka::ListOffsetsResponse>(request));
    for (const auto& topic : answer.topics) {
      for (const auto& partition : topic.partitions) {
        FIRN_RETURN_IF_ERROR(CheckKafkaCode(partition.error_code, fmt::format("offsets of {}-{}", topic.name, partition.index)));
        offsets[{topic.name, partition.index}] = partition.offset;
      }
    }
  }
  return offsets;
}

}  // namespace firn::cli
