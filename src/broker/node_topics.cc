// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "base/assert.h"
#include "broker/core_internal.h"
#include "broker/meta_records.h"
#include "broker/node_topics_internal.h"
#include "kafka/record_batch.h"

namespace firn::broker {

using kafka::KafkaCode;

namespace {

Error ErrorOf(const std::string& name, const Outcome& outcome) {
  ErrorCode code = ErrorCode::kInvalidArgument;
  if (outcome.code == KafkaCode::kTopicAlreadyExists) code = ErrorCode::kObjectExists;
  if (outcome.code == KafkaCode::kKafkaStorageError) code = ErrorCode::kIoError;
  return Error(code, outcome.message.empty() ? fmt::format("topic {} could not be made", name) : outcome.message);
}

}  // namespace

Result<TopicInfo> NodeTopics::Find(const std::string& name) const {
  const std::string key = TopicKey(name);
  if (auto value = store_.meta().Get(key)) return DecodeTopic(key, *value);
  std::vector<std::string> names;
  for (const TopicInfo& topic : List()) names.push_back(topic.name);
  return Error(ErrorCode::kUnknownTopic, fmt::format("topic `{}` does not exist", name))
      .Hint("firn topic list shows what exists; firn topic create makes one")
      .Candidates(base::NearNames(name, names));
}

std::vector<TopicInfo> NodeTopics::List() const {
  std::vector<TopicInfo> topics;
  for (const auto& [key, value] : store_.meta().Scan(kTopicPrefix)) {
    auto topic = DecodeTopic(key, value);
    FIRN_ASSERT(topic.ok(), "{}", topic.error().ToString());  // Broker::Open has read it
    topics.push_back(std::move(*topic));
  }
  return topics;
}

std::shared_ptr<log::PartitionLog> NodeTopics::partition(log::TopicPartitionId id) const { return store_.partition(id); }

void NodeTopics::Create(const std::string& name, const TopicSpec& spec, std::function<void(Result<TopicInfo>)> done) {
  core_.queue.Post([this, name, spec, done = std::move(done)] {
    core_.topics.Create({.name = name, .partition_count = spec.partition_count, .replication_factor = -1, .configs = spec.configs},
                        [this, name, done](const Outcome& outcome) {
                          if (outcome.ok()) done(Find(name));
                          else done(ErrorOf(name, outcome));
                        });
  });
}

uint64_t NodeTopics::Watch(const std::string& topic, std::function<void()> waker) { return core_.topics.watchers().Add(topic, std::move(waker)); }
void NodeTopics::Unwatch(uint64_t id) { core_.topics.watchers().Remove(id); }

Result<log::Operation> NodeTopics::Append(const TopicInfo& topic, int32_t partition, std::string batch) const {
  if (partition < 0 || static_cast<size_t>(partition) >= topic.partitions.size()) {
    return Error(ErrorCode::kUnknownTopic, fmt::format("topic `{}` has partitions 0 to {}, not {}", topic.name, topic.partitions.size() - 1, partition));
  }
  const TopicSettings settings = SettingsOf(topic.configs);
  if (static_cast<int64_t>(batch.size()) > settings.max_message_bytes) {
    return Error(ErrorCode::kLimitExceeded, fmt::format("record batch has {} bytes; topic `{}` takes at most {} (max.message.bytes)", batch.size(),
                                                        topic.name, settings.max_message_bytes));
  }
  if (settings.has_log_append_time) kafka::SetLogAppendTime(clock_.WallTimeMs(), batch.data(), batch.size());
  FIRN_TRY(kafka::RecordBatchView view, kafka::RecordBatchView::Parse(batch));
  const int32_t count = view.record_count();
  return log::Operation(log::AppendRecords{topic.partitions[static_cast<size_t>(partition)], base::SharedBytes::FromString(std::move(batch)), count});
}

std::optional<GroupOffset> NodeTopics::CommittedOffset(const std::string& group, const std::string& topic, int32_t partition) const {
  const std::string key = GroupOffsetKey(group, topic, partition);
  const auto value = store_.meta().Get(key);
  if (!value.has_value()) return std::nullopt;
  auto offset = DecodeGroupOffset(key, *value);
  FIRN_ASSERT(offset.ok(), "{}", offset.error().ToString());  // Broker::Open has read it, or it was made here
  return *offset;
}

log::Operation NodeTopics::CommitOffset(const OffsetToCommit& commit) const {
  FIRN_ASSERT(commit.partition >= 0, "partition {} of topic '{}'", commit.partition, commit.topic);
  const GroupOffset value{.offset = commit.offset, .leader_epoch = -1, .commit_time_ms = clock_.WallTimeMs(), .metadata = commit.metadata};
  return log::Put{.key = GroupOffsetKey(commit.group, commit.topic, commit.partition), .value = EncodeGroupOffset(value), .about = commit.id};
}

}  // namespace firn::broker
