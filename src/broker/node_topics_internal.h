// SPDX-License-Identifier: Apache-2.0
// Topics over the meta store: reads what is durable, from any thread; only making topics goes through the broker's queue.
#pragma once

#include "broker/topics.h"
#include "io/clock.h"
#include "io/executor.h"
#include "log/store.h"

namespace firn::broker {

struct Core;

class NodeTopics : public Topics {
 public:
  NodeTopics(Core& core, log::Store& store, io::Clock& clock) : core_(core), store_(store), clock_(clock) {}

  Result<TopicInfo> Find(const std::string& name) const override;
  std::vector<TopicInfo> List() const override;
  std::shared_ptr<log::PartitionLog> partition(log::TopicPartitionId id) const override;
  void Create(const std::string& name, const TopicSpec& spec, std::function<void(Result<TopicInfo>)> done) override;
  uint64_t Watch(const std::string& topic, std::function<void()> waker) override;
  void Unwatch(uint64_t id) override;
  Result<log::Operation> Append(const TopicInfo& topic, int32_t partition, std::string batch) const override;
  std::optional<GroupOffset> CommittedOffset(const std::string& group, const std::string& topic, int32_t partition) const override;
  log::Operation CommitOffset(const OffsetToCommit& commit) const override;

 private:
  Core& core_;
  log::Store& store_;
  io::Clock& clock_;
};

}  // namespace firn::broker
