// SPDX-License-Identifier: Apache-2.0
#include "cli/record_producer.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/assert.h"
#include "kafka/messages/produce.h"
#include "kafka/partitioner.h"

namespace firn::cli {

namespace {

constexpr int16_t kAcksAll = -1;
constexpr int32_t kProduceTimeoutMs = 30'000;

}  // namespace

Result<std::unique_ptr<RecordProducer>> RecordProducer::Make(KafkaClient& client, const io::Clock& clock, const Options& options) {
  FIRN_TRY(auto topic, client.Topic(options.topic));
  std::sort(topic.partitions.begin(), topic.partitions.end(), [](const auto& a, const auto& b) { return a.partition_index < b.partition_index; });
  std::unique_ptr<RecordProducer> producer(new RecordProducer(client, clock, options));
  for (const auto& partition : topic.partitions) {
    producer->partitions_.push_back({partition.partition_index, partition.leader_id, kafka::RecordBatchBuilder({.codec = options.codec})});
  }
  const auto count = static_cast<int32_t>(producer->partitions_.size());
  if (count == 0) return Error(ErrorCode::kUnknownTopic, fmt::format("topic '{}' has no partition to write to", options.topic)).Hint("a topic that is being made has some soon: try again");
  if (options.partition < -1 || options.partition >= count) {
    return Error(ErrorCode::kUnknownTopic, fmt::format("topic '{}' has no partition {}", options.topic, options.partition)).Hint(fmt::format("it has {}: 0 to {}", count, count - 1));
  }
  return producer;
}

void RecordProducer::Add(std::optional<std::string_view> key, std::string_view value) {
  size_t index = static_cast<size_t>(std::max(options_.partition, 0));
  if (options_.partition < 0) {
    index = key ? static_cast<size_t>(kafka::PartitionOfKey(*key, static_cast<int32_t>(partitions_.size()))) : next_partition_++ % partitions_.size();
  }
  FIRN_ASSERT(index < partitions_.size(), "partition {} of {}", index, partitions_.size());
  partitions_[index].batch.Append(clock_.WallTimeMs(), key, value);
  pending_bytes_ += value.size() + (key ? key->size() : 0);
}

Status RecordProducer::Flush() {
  std::set<int32_t> leaders;
  for (const Partition& partition : partitions_) {
    if (partition.batch.record_count() > 0) leaders.insert(partition.leader);
  }
  for (int32_t leader : leaders) FIRN_RETURN_IF_ERROR(Send(leader));
  pending_bytes_ = 0;
  return Ok();
}

Status RecordProducer::Send(int32_t leader) {
  kafka::ProduceRequest request;
  request.acks = kAcksAll;
  request.timeout_ms = kProduceTimeoutMs;
  auto& topic = request.topics.emplace_back();
  topic.name = options_.topic;
  int64_t records = 0;
  for (Partition& partition : partitions_) {
    if (partition.leader != leader || partition.batch.record_count() == 0) continue;
    records += partition.batch.record_count();
    topic.partitions.push_back({.index = partition.index, .records = kafka::Records{base::SharedBytes::FromString(partition.batch.Build())}});
  }
  FIRN_ASSERT(records > 0, "nothing is sent to broker {}", leader);
  FIRN_TRY(KafkaLink * broker, client_.Broker(leader));
  FIRN_TRY(const auto answer, broker->Call<kafka::ProduceResponse>(request));
  for (const auto& answered : answer.topics) {
    for (const auto& partition : answered.partitions) {
      FIRN_RETURN_IF_ERROR(CheckKafkaCode(partition.error_code, fmt::format("producing to {}-{}", options_.topic, partition.index), partition.error_message));
    }
  }
  acknowledged_ += records;
  return Ok();
}

}  // namespace firn::cli
