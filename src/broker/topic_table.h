// SPDX-License-Identifier: Apache-2.0
// The topics of the node in memory, and the journal entries that change them. The meta store has the durable form; this one also knows
// what is on its way there.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/broker_queue.h"
#include "broker/options.h"
#include "broker/topic_config.h"
#include "broker/topic_watchers.h"
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
/// What a client is told of an error: the message, and the names near the one that is not there.
std::string TextOf(const Error& error);
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
  /// From its turn on the topic is not found any more. In two steps, so that no entry grows with what groups and producers have stored:
  ///   1. one entry takes the topic and its partitions. From then on it is deleted, whatever happens: nothing is written to it or committed for it any more.
  ///   2. entries of bounded size take what still names it: group offsets, producer states.
  /// Not the other way round: a crash between would leave a topic that is there and has lost some of its groups' offsets. What a crash leaves of step 2 names a topic
  /// that does not exist; ClearLeftovers finds it by that, before anybody can make a topic of the name again.
  void Delete(const std::string& name, OutcomeCallback done);
  /// Looks for group offsets in topics that do not exist, at the start, and from time to time, should a deletion have failed: BeginLeftovers, NoteLeftover with each key that
  /// is stored of groups, ClearLeftovers with those it was true for. Once one is noted nobody can make a topic of that name, until all of them are deleted.
  void BeginLeftovers() { noted_ = leftovers_; }
  bool NoteLeftover(std::string_view key);
  void ClearLeftovers(const std::vector<std::string>& keys);
  Outcome CheckPartitionCount(const Topic& topic, int32_t count) const;
  void AddPartitions(const std::string& name, int32_t count, OutcomeCallback done);
  /// Changes the settings that it is given into others, checked ones; or refuses.
  using ConfigChange = std::function<Outcome(std::map<std::string, std::string>* configs)>;
  void Configure(const std::string& name, ConfigChange change, OutcomeCallback done);
  /// Told of partitions that are added, once they are durable.
  TopicWatchers& watchers() { return watchers_; }

 private:
  void Insert(TopicInfo info);
  void TakeName(const std::string& name);
  void FreeName(const std::string& name);
  void ReleaseName(const std::string& name);
  const std::string* CollidingName(const std::string& name) const;
  /// Runs `change` with the topic, or nullptr if it is gone by then, once no other change of it is under way: what a change is based on is durable, so that it cannot store
  /// what the one before it was refused. It ends with EndTurn.
  using Change = std::function<void(Topic* topic)>;
  void InTurn(const std::string& name, Change change, const OutcomeCallback& done);
  void EndTurn(const kafka::Uuid& id);
  void Refuse(const Topic& topic, const Outcome& refused, const OutcomeCallback& done);
  void Store(TopicInfo changed, std::vector<log::Operation> operations, OutcomeCallback done);
  void DeleteNow(Topic& topic, OutcomeCallback done);
  void ClearDeleted();
  bool IsLeftover(const std::string& name) const;

  BrokerQueue& queue_;
  log::Store& store_;
  io::Random& random_;
  const BrokerOptions& options_;
  TopicWatchers watchers_;
  std::map<std::string, Topic> topics_;
  std::map<kafka::Uuid, std::string> names_by_id_;
  std::set<std::pair<std::string, std::string>> names_by_form_;  // with '.' or '_': as they collide, and as they are; also of topics on their way
  std::map<std::string, std::vector<OutcomeCallback>> being_created_;
  std::map<kafka::Uuid, std::deque<Change>> changes_;  // of topics that one is under way of: those that wait for it, at most one a connection
  struct Deleted {
    TopicInfo info;
    OutcomeCallback done;
  };
  void DeleteStored(const std::vector<std::string>& keys, const std::shared_ptr<std::vector<Deleted>>& of);
  std::set<std::string> being_deleted_;  // their names are not given again yet
  std::set<std::string> leftovers_;      // of being_deleted_: gone, but something may still name them
  std::set<std::string> noted_;          // topics of whose offsets none is missed since BeginLeftovers: not those whose deletion fails meanwhile
  std::vector<Deleted> to_clear_;        // gone, with step 2 before them
};

}  // namespace firn::broker
