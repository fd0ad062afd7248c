// SPDX-License-Identifier: Apache-2.0
// OffsetFetch: what groups have committed, straight from the meta store, where jobs' checkpoints put their offsets too.
#include "kafka/messages/offset_fetch.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "broker/core_internal.h"
#include "broker/handlers/handlers_internal.h"

namespace firn::broker {

using kafka::OffsetFetchRequest;
using kafka::OffsetFetchResponse;

namespace {

/// Topic, then partition, of all that a group has committed.
std::map<std::string, std::vector<int32_t>> CommittedPartitions(const Core& core, const std::string& group) {
  std::map<std::string, std::vector<int32_t>> partitions;
  for (const auto& [key, value] : core.store.meta().Scan(GroupOffsetsPrefix(group))) {
    if (auto name = PartitionOfOffsetKey(key)) partitions[name->topic].push_back(name->partition);
  }
  return partitions;
}

template <typename Partition>
Partition Describe(const Core& core, const std::string& group, const std::string& topic, int32_t index) {
  Partition partition;
  partition.index = index;
  partition.committed_offset = -1;
  partition.committed_leader_epoch = -1;
  partition.metadata = "";
  const auto committed = core.node_topics->CommittedOffset(group, topic, index);
  if (!committed.has_value()) return partition;
  partition.committed_offset = committed->offset;
  partition.committed_leader_epoch = committed->leader_epoch;
  partition.metadata = committed->metadata;
  return partition;
}

/// `Topic` and `Partition` are those of version 8 or of the versions before it. Each partition once: to ask for it costs four bytes, its metadata may be a thousand times that.
template <typename Topic, typename Partition, typename Wanted>
std::vector<Topic> DescribeAll(const Core& core, const std::string& group, const std::optional<std::vector<Wanted>>& wanted) {
  std::map<std::string, std::vector<int32_t>> partitions;
  if (wanted.has_value()) {
    for (const auto& asked : *wanted) {
      auto& indexes = partitions[asked.name];
      indexes.insert(indexes.end(), asked.partitions.begin(), asked.partitions.end());
    }
  } else {
    partitions = CommittedPartitions(core, group);
  }
  std::vector<Topic> topics;
  for (auto& [name, indexes] : partitions) {
    std::sort(indexes.begin(), indexes.end());
    indexes.erase(std::unique(indexes.begin(), indexes.end()), indexes.end());
    Topic& topic = topics.emplace_back();
    topic.name = name;
    for (int32_t index : indexes) topic.partitions.push_back(Describe<Partition>(core, group, name, index));
  }
  return topics;
}

}  // namespace

void HandleOffsetFetch(Core& core, CallPtr call, OffsetFetchRequest request) {
  OffsetFetchResponse response;
  if (call->version() >= 8) {
    std::set<std::string> named;  // once each
    for (const auto& group : request.groups) {
      if (!named.insert(group.group_id).second) continue;
      auto& answered = response.groups.emplace_back();
      answered.group_id = group.group_id;
      answered.topics = DescribeAll<OffsetFetchResponse::GroupTopic, OffsetFetchResponse::GroupPartition>(core, group.group_id, group.topics);
    }
  } else {
    response.topics = DescribeAll<OffsetFetchResponse::Topic, OffsetFetchResponse::Partition>(core, request.group_id, request.topics);
  }
  call->Respond(response);
}

}  // namespace firn::broker
