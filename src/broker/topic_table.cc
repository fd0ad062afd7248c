// SPDX-License-Identifier: Apache-2.0
#include "broker/topic_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "broker/meta_records.h"

namespace firn::broker {

using kafka::KafkaCode;

namespace {

/// Names that differ only in '.' and '_' collide in Kafka's metrics and are refused there.
std::string CollisionForm(std::string name) {
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
}

}  // namespace

Outcome OutcomeOf(const Error& error) { return {kafka::KafkaCodeOf(error), error.message()}; }

Status TopicTable::Load() {
  for (const auto& [key, value] : store_.meta().Scan(kTopicPrefix)) {
    FIRN_TRY(TopicInfo info, DecodeTopic(key, value));
    Insert(std::move(info));
  }
  return Ok();
}

void TopicTable::Insert(TopicInfo info) {
  names_by_id_[info.id] = info.name;
  TakeName(info.name);
  Topic& topic = topics_[info.name];
  topic.settings = SettingsOf(info.configs);
  topic.logs.resize(info.partitions.size());
  topic.info = std::move(info);
  FIRN_ASSERT(topics_.size() == names_by_id_.size(), "{} topics have {} ids", topics_.size(), names_by_id_.size());
}

Topic* TopicTable::Find(const std::string& name) {
  auto found = topics_.find(name);
  return found == topics_.end() ? nullptr : &found->second;
}

Topic* TopicTable::FindById(const kafka::Uuid& id) {
  auto found = names_by_id_.find(id);
  return found == names_by_id_.end() ? nullptr : Find(found->second);
}

log::PartitionLog* TopicTable::Partition(Topic& topic, int32_t index) {
  if (index < 0 || static_cast<size_t>(index) >= topic.logs.size()) return nullptr;
  FIRN_ASSERT(topic.logs.size() == topic.info.partitions.size(), "topic '{}' has {} partitions, {} logs", topic.info.name, topic.info.partitions.size(), topic.logs.size());
  auto& log = topic.logs[static_cast<size_t>(index)];
  if (log == nullptr) log = store_.partition(topic.info.partitions[static_cast<size_t>(index)]);
  return log.get();
}

void TopicTable::TakeName(const std::string& name) {
  if (name.find_first_of("._") != std::string::npos) names_by_form_.emplace(CollisionForm(name), name);
}

void TopicTable::FreeName(const std::string& name) { names_by_form_.erase({CollisionForm(name), name}); }

const std::string* TopicTable::CollidingName(const std::string& name) const {
  if (name.find_first_of("._") == std::string::npos) return nullptr;
  const std::string form = CollisionForm(name);
  auto other = names_by_form_.lower_bound({form, ""});
  return other == names_by_form_.end() || other->first != form ? nullptr : &other->second;
}

Outcome TopicTable::CheckCreate(const CreateRequest& request) const {
  if (auto name = CheckTopicName(request.name); !name.ok()) return {KafkaCode::kInvalidTopic, name.error().message()};
  if (topics_.contains(request.name) || being_created_.contains(request.name) || being_deleted_.contains(request.name)) {
    return {KafkaCode::kTopicAlreadyExists, fmt::format("topic '{}' already exists", request.name)};
  }
  if (const std::string* other = CollidingName(request.name)) {
    return {KafkaCode::kInvalidTopic, fmt::format("topic '{}' collides with existing topic '{}'", request.name, *other)};
  }
  if (request.partition_count != -1 && (request.partition_count < 1 || request.partition_count > options_.partition_count_max)) {
    return {KafkaCode::kInvalidPartitions, fmt::format("number of partitions must be in [1, {}] or -1 for the default, not {}",
                                                       options_.partition_count_max, request.partition_count)};
  }
  if (request.replication_factor != -1 && request.replication_factor < 1) {
    return {KafkaCode::kInvalidReplicationFactor, fmt::format("replication factor must be positive or -1, not {}", request.replication_factor)};
  }
  for (const auto& [name, value] : request.configs) {
    if (auto checked = CheckTopicConfig(name, value); !checked.ok()) return {KafkaCode::kInvalidConfig, checked.error().message()};
  }
  return {};
}

void TopicTable::Create(const CreateRequest& request, OutcomeCallback done) {
  if (Outcome refused = CheckCreate(request); !refused.ok()) return done(refused);
  TopicInfo info;
  info.name = request.name;
  const std::string id = random_.UuidBytes();
  std::copy(id.begin(), id.end(), info.id.begin());
  info.configs = request.configs;
  info.created_ms = queue_.wall_time_ms();
  const int32_t count = request.partition_count == -1 ? options_.default_partition_count : request.partition_count;
  const log::PartitionConfig config = SettingsOf(info.configs).partition;
  std::vector<log::Operation> operations;
  for (int32_t i = 0; i < count; ++i) {
    info.partitions.push_back(store_.AllocatePartitionId());
    operations.emplace_back(log::CreatePartition{info.partitions.back(), config});
  }
  operations.emplace_back(log::Put{TopicKey(info.name), EncodeTopic(info)});
  being_created_[info.name].push_back(std::move(done));
  TakeName(info.name);
  queue_.Append(std::move(operations), [this, info](Result<log::Committed> result) {
    if (result.ok()) Insert(info);
    else FreeName(info.name);
    const Outcome outcome = result.ok() ? Outcome{} : OutcomeOf(result.error());
    auto waiting = being_created_.extract(info.name);
    for (const auto& told : waiting.mapped()) told(outcome);
  });
}

void TopicTable::CreateIfMissing(const std::string& name, OutcomeCallback done) {
  if (topics_.contains(name)) return done({});
  auto waiting = being_created_.find(name);
  if (waiting != being_created_.end()) {
    waiting->second.push_back(std::move(done));
    return;
  }
  // Clients try this one again; the name is free in a moment.
  if (being_deleted_.contains(name)) return done({KafkaCode::kUnknownTopicOrPartition, fmt::format("topic '{}' is being deleted", name)});
  Create({.name = name}, std::move(done));
}

void TopicTable::Delete(const std::string& name, OutcomeCallback done) {
  Topic* topic = Find(name);
  if (topic == nullptr) return done({KafkaCode::kUnknownTopicOrPartition, fmt::format("topic '{}' does not exist", name)});
  std::vector<log::Operation> operations;
  operations.emplace_back(log::Delete{TopicKey(name)});
  for (auto partition : topic->info.partitions) operations.emplace_back(log::DropPartition{partition});
  TopicInfo info = std::move(topic->info);
  names_by_id_.erase(info.id);
  topics_.erase(info.name);
  const bool is_new = being_deleted_.insert(info.name).second;
  FIRN_ASSERT(is_new, "topic '{}' is being deleted and was found", info.name);
  queue_.Append(std::move(operations), [this, info = std::move(info), done = std::move(done)](const Result<log::Committed>& result) {
    if (!result.ok()) {
      being_deleted_.erase(info.name);
      Reload(info.name);
      return done(OutcomeOf(result.error()));
    }
    to_clear_.push_back({info, done});
    if (to_clear_.size() == 1) queue_.Post([this] { ClearDeleted(); });  // those of one request together: one look at all groups
  });
}

void TopicTable::ClearDeleted() {
  auto cleared = std::make_shared<std::vector<Deleted>>(std::exchange(to_clear_, {}));
  std::vector<std::string> keys;
  std::set<std::string> names;
  for (const Deleted& deleted : *cleared) {
    names.insert(deleted.info.name);
    for (auto partition : deleted.info.partitions) {
      for (auto& [key, value] : store_.meta().Scan(ProducerStatePrefix(partition))) keys.push_back(std::move(key));
    }
  }
  for (auto& [key, value] : store_.meta().Scan(kGroupPrefix)) {
    const auto partition = PartitionOfOffsetKey(key);
    if (partition.has_value() && names.contains(partition->topic)) keys.push_back(std::move(key));
  }
  queue_.DeleteInParts(keys, [this, cleared](const Status& status) {
    for (const Deleted& deleted : *cleared) {
      FIRN_ASSERT(being_deleted_.contains(deleted.info.name), "topic '{}'", deleted.info.name);
      if (status.ok()) ReleaseName(deleted.info.name);
      else leftovers_.insert(deleted.info.name);
      deleted.done({});  // it is gone in both cases
    }
  });
}

void TopicTable::ReleaseName(const std::string& name) {
  being_deleted_.erase(name);
  FreeName(name);
}

bool TopicTable::IsLeftover(const std::string& name) const {
  return !topics_.contains(name) && !being_created_.contains(name) && (!being_deleted_.contains(name) || leftovers_.contains(name));
}

void TopicTable::ClearLeftovers(const std::vector<std::pair<std::string, std::string>>& stored) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : stored) {
    const auto partition = PartitionOfOffsetKey(key);
    if (!partition.has_value() || !IsLeftover(partition->topic)) continue;
    keys.push_back(key);
    being_deleted_.insert(partition->topic);
    leftovers_.insert(partition->topic);
  }
  queue_.DeleteInParts(keys, [this, names = leftovers_](const Status& status) {
    if (!status.ok()) return;  // until the next time
    for (const std::string& name : names) {
      leftovers_.erase(name);
      ReleaseName(name);
    }
  });
}

Outcome TopicTable::CheckPartitionCount(const Topic& topic, int32_t count) const {
  const auto current = static_cast<int32_t>(topic.info.partitions.size());
  if (count > current && count <= options_.partition_count_max) return {};
  return {KafkaCode::kInvalidPartitions, fmt::format("topic '{}' has {} partitions; the new number must be above that and at most {}, not {}",
                                                     topic.info.name, current, options_.partition_count_max, count)};
}

void TopicTable::AddPartitions(Topic& topic, int32_t count, OutcomeCallback done) {
  if (Outcome refused = CheckPartitionCount(topic, count); !refused.ok()) return done(refused);
  std::vector<log::Operation> operations;
  while (topic.info.partitions.size() < static_cast<size_t>(count)) {
    topic.info.partitions.push_back(store_.AllocatePartitionId());
    operations.emplace_back(log::CreatePartition{topic.info.partitions.back(), topic.settings.partition});
  }
  topic.logs.resize(topic.info.partitions.size());
  Store(topic, std::move(operations), std::move(done));
}

void TopicTable::Configure(Topic& topic, std::map<std::string, std::string> configs, OutcomeCallback done) {
  topic.info.configs = std::move(configs);
  topic.settings = SettingsOf(topic.info.configs);
  std::vector<log::Operation> operations;
  for (auto partition : topic.info.partitions) operations.emplace_back(log::ConfigurePartition{partition, topic.settings.partition});
  Store(topic, std::move(operations), std::move(done));
}

void TopicTable::Store(Topic& topic, std::vector<log::Operation> operations, OutcomeCallback done) {
  operations.emplace_back(log::Put{TopicKey(topic.info.name), EncodeTopic(topic.info)});
  queue_.Append(std::move(operations), [this, name = topic.info.name, done = std::move(done)](Result<log::Committed> result) {
    if (!result.ok()) Reload(name);
    done(result.ok() ? Outcome{} : OutcomeOf(result.error()));
  });
}

void TopicTable::Reload(const std::string& name) {
  if (being_deleted_.contains(name)) return;  // on its way out, whatever else of it has failed
  if (const Topic* topic = Find(name)) names_by_id_.erase(topic->info.id);
  topics_.erase(name);
  const std::string key = TopicKey(name);
  const auto value = store_.meta().Get(key);
  if (!value.has_value()) return;
  auto info = DecodeTopic(key, *value);
  FIRN_ASSERT(info.ok(), "{}", info.error().ToString());
  Insert(std::move(*info));
}

}  // namespace firn::broker
