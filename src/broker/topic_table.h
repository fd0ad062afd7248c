// SPDX-License-Identifier: Apache-2.0
// The topics of the node in memory, and the journal entries that change them. The meta store has the durable form; this one also knows
// what is on its way there.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "broker/broker_queue.h"
#include "broker/options.h"
#include "broker/topic_config.h"
#include "broker/topics.h"
#include "io/random.h"
#include "kafka/error_code.h"
#include "log/store.h"

namespace firn::broker {

struct Topic {
  TopicInfo info;
  TopicSettings settings;
  std::vector<std::shared_ptr<log::PartitionLog>> logs;  // filled as they are asked for
};

/// Kafka's code and a text for the client; code kNone is success.
struct Outcome {
  kafka::KafkaCode code = kafka::KafkaCode::kNone;
  std::string message;
  bool ok() const { return code == kafka::KafkaCode::kNone; }
};
/// Of an error of ours.
Outcome OutcomeOf(const Error& error);

using OutcomeCallback = std::function<void(Outcome)>;

/// Lives on the broker's queue.
class TopicTable {
 public:
  TopicTable(BrokerQueue& queue, log::Store& store, io::Random& random, const BrokerOptions& options)
      : queue_(queue), store_(store), random_(random), options_(options) {}
  /// Reads the meta store.
  Status Load();

  /// nullptr if there is none or it is being deleted. Valid until the next call that is not const.
  Topic* Find(const std::string& name);
  Topic* FindById(const kafka::Uuid& id);
  const std::map<std::string, Topic>& all() const { return topics_; }
  /// nullptr if the topic has no such partition, or it is not durable yet.
  log::PartitionLog* Partition(Topic& topic, int32_t index);

  struct CreateRequest {
    std::string name;
    int32_t partition_count = -1;      // -1: the default
    int32_t replication_factor = -1;   // any positive number or -1; one replica is kept
    std::map<std::string, std::string> configs;
  };
  /// What Create would refuse.
  Outcome CheckCreate(const CreateRequest& request) const;
  /// kTopicAlreadyExists also if it is on its way.
  void Create(const CreateRequest& request, OutcomeCallback done);
  /// Like Create with defaults; success if it is there or on its way.
  void CreateIfMissing(const std::string& name, OutcomeCallback done);
  /// From the call on the topic is not found any more.
  void Delete(const std::string& name, OutcomeCallback done);
  Outcome CheckPartitionCount(const Topic& topic, int32_t count) const;
  void AddPartitions(Topic& topic, int32_t count, OutcomeCallback done);
  /// Replaces the settings by checked ones.
  void Configure(Topic& topic, std::map<std::string, std::string> configs, OutcomeCallback done);

 private:
  void Insert(TopicInfo info);
  const std::string* CollidingName(const std::string& name) const;
  void Store(Topic& topic, std::vector<log::Operation> operations, OutcomeCallback done);
  void Reload(const std::string& name);
  std::vector<log::Operation> DeleteOperations(const Topic& topic) const;

  BrokerQueue& queue_;
  log::Store& store_;
  io::Random& random_;
  const BrokerOptions& options_;
  std::map<std::string, Topic> topics_;
  std::map<kafka::Uuid, std::string> names_by_id_;
  std::map<std::string, std::vector<OutcomeCallback>> being_created_;
  std::set<std::string> being_deleted_;
};

}  // namespace firn::broker
