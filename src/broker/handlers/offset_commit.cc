// SPDX-License-Identifier: Apache-2.0
// OffsetCommit: one journal entry with all offsets of the request, answered when it is durable.
#include "kafka/messages/offset_commit.h"

#include <memory>

#include "broker/core_internal.h"
#include "broker/handlers/handlers_internal.h"

namespace firn::broker {

using kafka::KafkaCode;
using kafka::OffsetCommitRequest;
using kafka::OffsetCommitResponse;

namespace {

KafkaCode CheckPartition(Core& core, const std::string& topic_name, const OffsetCommitRequest::Partition& partition) {
  const Topic* topic = core.topics.Find(topic_name);
  const bool exists = topic != nullptr && partition.index >= 0 && static_cast<size_t>(partition.index) < topic->info.partitions.size();
  if (!exists) return KafkaCode::kUnknownTopicOrPartition;
  const size_t metadata_bytes = partition.committed_metadata.has_value() ? partition.committed_metadata->size() : 0;
  if (metadata_bytes > static_cast<size_t>(core.options.offset_metadata_bytes_max)) return KafkaCode::kOffsetMetadataTooLarge;
  return KafkaCode::kNone;
}

}  // namespace

void HandleOffsetCommit(Core& core, CallPtr call, OffsetCommitRequest request) {
  const KafkaCode refused = core.groups.CheckCommit(request);
  auto response = std::make_shared<OffsetCommitResponse>();
  std::vector<log::Operation> operations;
  for (auto& topic : request.topics) {
    auto& answered = response->topics.emplace_back();
    answered.name = topic.name;
    for (auto& partition : topic.partitions) {
      const KafkaCode code = refused != KafkaCode::kNone ? refused : CheckPartition(core, topic.name, partition);
      answered.partitions.push_back({partition.index, static_cast<int16_t>(code)});
      if (code != KafkaCode::kNone) continue;
      const GroupOffset offset{.offset = partition.committed_offset,
                               .leader_epoch = partition.committed_leader_epoch,
                               .commit_time_ms = core.queue.wall_time_ms(),
                               .metadata = partition.committed_metadata.value_or("")};
      log::Put put{GroupOffsetKey(request.group_id, topic.name, partition.index), EncodeGroupOffset(offset)};
      if (core.groups.AdmitOffset(put)) operations.emplace_back(std::move(put));
      else answered.partitions.back().error_code = static_cast<int16_t>(KafkaCode::kInvalidCommitOffsetSize);
    }
  }
  if (operations.empty()) return call->Respond(*response);
  core.queue.Append(std::move(operations), [call, response](Result<log::Committed> result) {
    if (!result.ok()) {
      for (auto& topic : response->topics) {
        for (auto& partition : topic.partitions) {
          if (partition.error_code == 0) partition.error_code = static_cast<int16_t>(GroupCodeOf(result.error()));
        }
      }
    }
    call->Respond(*response);
  });
}

}  // namespace firn::broker
