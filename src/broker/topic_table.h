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
#include <utility>
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
  /// From the call on the topic is not found any more. In two steps, so that no entry grows with what groups and producers have stored:
  ///   1. one entry takes the topic and its partitions. From then on it is deleted, whatever happens: nothing is written to it or committed for it any more.
  ///   2. entries of bounded size take what still names it: group offsets, producer states.
  /// Not the other way round: a crash between would leave a topic that is there and has lost some of its groups' offsets. What a crash leaves of step 2 names a topic
  /// that does not exist; ClearLeftovers finds it by that, before anybody can make a topic of the name again.
  void Delete(const std::string& name, OutcomeCallback done);
  /// `stored`: what the meta store has of groups. Deletes the offsets of topics that do not exist. At the start, and from time to time, should it have failed.
  void ClearLeftovers(const std::vector<std::pair<std::string, std::string>>& stored);
  Outcome CheckPartitionCount(const Topic& topic, int32_t count) const;
  void AddPartitions(Topic& topic, int32_t count, OutcomeCallback done);
  /// Replaces the settings by checked ones.
  void Configure(Topic& topic, std::map<std::string, std::string> configs, OutcomeCallback done);

 private:
  void Insert(TopicInfo info);
  void TakeName(const std::string& name);
  void FreeName(const std::string& name);
  void ReleaseName(const std::string& name);
  const std::string* CollidingName(const std::string& name) const;
  void Store(Topic& topic, std::vector<log::Operation> operations, OutcomeCallback done);
  void Reload(const std::string& name);
  void ClearDeleted();
  bool IsLeftover(const std::string& name) const;

  BrokerQueue& queue_;
  log::Store& store_;
  io::Random& random_;
  const BrokerOptions& options_;
  std::map<std::string, Topic> topics_;
  std::map<kafka::Uuid, std::string> names_by_id_;
  std::set<std::pair<std::string, std::string>> names_by_form_;  // with '.' or '_': as they collide, and as they are; also of topics on their way
  std::map<std::string, std::vector<OutcomeCallback>> being_created_;
  struct Deleted {
    TopicInfo info;
    OutcomeCallback done;
  };
  std::set<std::string> being_deleted_;  // their names are not given again yet
  std::set<std::string> leftovers_;      // of being_deleted_: gone, but something may still name them
  std::vector<Deleted> to_clear_;        // gone, with step 2 before them
};

}  // namespace firn::broker
