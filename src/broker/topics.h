// SPDX-License-Identifier: Apache-2.0
// Topics and group offsets as the rest of the node sees them: in process, without the Kafka protocol. The SQL engine's kafka source reads
// partition logs found here; its sink and every job's checkpoint put the operations built here into their one journal entry, so that
// produced records and group offsets become visible together with the checkpoint.
//
//   source: Find("trades") -> partitions -> partition(id)->Read(offset) ... ; end offsets: partition(id)->high_watermark()
//   sink:   RecordBatchBuilder -> Append(topic, 0, batch) -> log::Operation -> the checkpoint's entry
//   group:  CommitOffset({.group = "lab", .topic = "trades", ..., .offset = 42}) -> log::Operation -> the checkpoint's entry; CommittedOffset("lab", "trades", 0)
//
// What is read here is durable. Kafka clients see the same.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "kafka/api.h"
#include "log/ids.h"
#include "log/journal.h"
#include "log/partition_log.h"

namespace firn::broker {

struct TopicInfo {
  std::string name;
  kafka::Uuid id{};
  std::vector<log::TopicPartitionId> partitions;   // by partition index
  std::map<std::string, std::string> configs;      // only what was set; topic_config.h knows the defaults
  int64_t created_ms = 0;
};

struct TopicSpec {
  int32_t partition_count = -1;                    // -1: the broker's num.partitions
  std::map<std::string, std::string> configs;
};

/// How far a group has read a partition.
struct GroupOffset {
  int64_t offset = -1;
  int32_t leader_epoch = -1;
  int64_t commit_time_ms = 0;
  std::string metadata;
};

/// What a group commits for a partition.
struct OffsetToCommit {
  std::string group;
  std::string topic;
  int32_t partition = 0;
  log::TopicPartitionId id;    // of the partition that was read
  int64_t offset = -1;
  std::string metadata = {};
};

/// Thread-safe. Lives as long as the broker.
class Topics {
 public:
  virtual ~Topics() = default;

  /// kUnknownTopic, with near names, if there is none.
  virtual Result<TopicInfo> Find(const std::string& name) const = 0;
  /// All topics, by name.
  virtual std::vector<TopicInfo> List() const = 0;
  /// nullptr if the partition was deleted. Its high watermark is the end offset.
  virtual std::shared_ptr<log::PartitionLog> partition(log::TopicPartitionId id) const = 0;

  /// Makes a topic; `done` runs on the broker's queue once it is durable. kObjectExists, kInvalidArgument (name, partition count, a config).
  virtual void Create(const std::string& name, const TopicSpec& spec, std::function<void(Result<TopicInfo>)> done) = 0;

  /// Calls `waker` from now on, from any thread, whenever there are more partitions of the topic. It must not block, and not call back. Returns an id for Unwatch.
  virtual uint64_t Watch(const std::string& topic, std::function<void()> waker) = 0;
  /// The waker has returned and is not called any more.
  virtual void Unwatch(uint64_t id) = 0;

  /// One batch of a RecordBatchBuilder as an operation of a journal entry. kUnknownTopic for a partition index that the topic does not have; kLimitExceeded if the
  /// batch is larger than the topic's max.message.bytes. Sets the append time if the topic wants it.
  virtual Result<log::Operation> Append(const TopicInfo& topic, int32_t partition, std::string batch) const = 0;

  /// nullopt if the group has committed nothing there.
  virtual std::optional<GroupOffset> CommittedOffset(const std::string& group, const std::string& topic, int32_t partition) const = 0;
  /// A group's offset as an operation of a journal entry. It does nothing if the partition is gone by then: a topic that was made anew under the name begins without it.
  virtual log::Operation CommitOffset(const OffsetToCommit& commit) const = 0;
};

}  // namespace firn::broker
