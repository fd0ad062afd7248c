// SPDX-License-Identifier: Apache-2.0
#include "broker/topic_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "broker/meta_records.h"
#include "broker/meta_walk.h"

namespace firn::broker {

using kafka::KafkaCode;

namespace {

/// Names that differ only in '.' and '_' collide in Kafka's metrics and are refused there.
std::string CollisionForm(std::string name) {
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
}

Outcome NoTopic(const std::string& name) { return {KafkaCode::kUnknownTopicOrPartition, fmt::format("topic '{}' does not exist", name)}; }

}  // namespace

std::string TextOf(const Error& error) {
  if (error.candidates().empty()) return error.message();
  return fmt::format("{}; did you mean {}?", error.message(), fmt::join(error.candidates(), " or "));
}

Outcome OutcomeOf(const Error& error) { return {kafka::KafkaCodeOf(error), error.message()}; }

Status TopicTable::Load() {
  for (const auto& [key, value] : store_.meta().Scan(kTopicPrefix)) {
    FIRN_TRY(TopicInfo info, DecodeTopic(key, value));
    if (const Topic* other = FindById(info.id)) {
      return Error(ErrorCode::kCorruption, fmt::format("the meta store's topics '{}' and '{}' have one id", other->info.name, info.name)).Hint(std::string(kDamagedHint));
    }
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
    if (auto checked = CheckTopicConfig(name, value); !checked.ok()) return {KafkaCode::kInvalidConfig, TextOf(checked.error())};
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

void TopicTable::InTurn(const std::string& name, Change change, const OutcomeCallback& done) {
  Topic* topic = Find(name);
  if (topic == nullptr) return done(NoTopic(name));
  auto [under_way, is_first] = changes_.try_emplace(topic->info.id);
  if (!is_first) return under_way->second.push_back(std::move(change));
  change(topic);
}

void TopicTable::EndTurn(const kafka::Uuid& id) {
  auto under_way = changes_.find(id);
  FIRN_ASSERT(under_way != changes_.end(), "a change ends that was not begun");
  if (under_way->second.empty()) {
    changes_.erase(under_way);
    return;
  }
  Change next = std::move(under_way->second.front());
  under_way->second.pop_front();
  queue_.Post([this, id, next = std::move(next)] {  // a task of its own: any number that are refused at once may follow each other
    Topic* topic = FindById(id);
    next(topic);
    if (topic == nullptr) EndTurn(id);
  });
}

void TopicTable::Delete(const std::string& name, OutcomeCallback done) {
  InTurn(name, [this, name, done](Topic* topic) { topic == nullptr ? done(NoTopic(name)) : DeleteNow(*topic, done); }, done);
}

void TopicTable::DeleteNow(Topic& topic, OutcomeCallback done) {
  std::vector<log::Operation> operations;
  operations.emplace_back(log::Delete{TopicKey(topic.info.name)});
  for (auto partition : topic.info.partitions) operations.emplace_back(log::DropPartition{partition});
  TopicInfo info = std::move(topic.info);
  names_by_id_.erase(info.id);
  topics_.erase(info.name);
  const bool is_new = being_deleted_.insert(info.name).second;
  FIRN_ASSERT(is_new, "topic '{}' is being deleted and was found", info.name);
  queue_.Append(std::move(operations), [this, info = std::move(info), done = std::move(done)](const Result<log::Committed>& result) {
    if (!result.ok()) {
      being_deleted_.erase(info.name);
      Insert(info);  // as it was
    }
    EndTurn(info.id);
    if (!result.ok()) return done(OutcomeOf(result.error()));
    to_clear_.push_back({info, done});
    if (to_clear_.size() == 1) queue_.Post([this] { ClearDeleted(); });  // those of one request together: one look at all groups
  });
}

// Slice by slice: nothing that is looked for can come anew. A group's offset is put only while its partition is there, and a producer's state only with a batch.
void TopicTable::ClearDeleted() {
  auto cleared = std::make_shared<std::vector<Deleted>>(std::exchange(to_clear_, {}));
  auto keys = std::make_shared<std::vector<std::string>>();
  std::set<std::string> names;
  std::vector<std::string> prefixes;
  for (const Deleted& deleted : *cleared) {
    names.insert(deleted.info.name);
    for (auto partition : deleted.info.partitions) prefixes.push_back(ProducerStatePrefix(partition));
  }
  prefixes.emplace_back(kGroupPrefix);
  const auto take = [keys, names = std::move(names)](PairSlice slice) {
    for (auto& [key, value] : slice) {
      const auto partition = PartitionOfOffsetKey(key);
      if (key.starts_with(kProducerStatePrefix) || (partition.has_value() && names.contains(partition->topic))) keys->push_back(std::move(key));
    }
  };
  WalkMeta(queue_, store_.meta(), std::move(prefixes), take, [this, keys, cleared] { DeleteStored(*keys, cleared); });
}

void TopicTable::DeleteStored(const std::vector<std::string>& keys, const std::shared_ptr<std::vector<Deleted>>& of) {
  queue_.DeleteInParts(keys, [this, of](const Status& status) {
    for (const Deleted& deleted : *of) {
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

bool TopicTable::NoteLeftover(std::string_view key) {
  const auto partition = PartitionOfOffsetKey(key);
  if (!partition.has_value() || !IsLeftover(partition->topic)) return false;
  if (being_deleted_.insert(partition->topic).second) noted_.insert(partition->topic);
  leftovers_.insert(partition->topic);
  return noted_.contains(partition->topic);
}

void TopicTable::ClearLeftovers(const std::vector<std::string>& keys) {
  queue_.DeleteInParts(keys, [this, names = std::exchange(noted_, {})](const Status& status) {
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

void TopicTable::AddPartitions(const std::string& name, int32_t count, OutcomeCallback done) {
  const auto add = [this, name, count, done](Topic* topic) {
    if (topic == nullptr) return done(NoTopic(name));
    if (Outcome refused = CheckPartitionCount(*topic, count); !refused.ok()) return Refuse(*topic, refused, done);
    TopicInfo changed = topic->info;
    std::vector<log::Operation> operations;
    while (changed.partitions.size() < static_cast<size_t>(count)) {
      changed.partitions.push_back(store_.AllocatePartitionId());
      operations.emplace_back(log::CreatePartition{changed.partitions.back(), topic->settings.partition});
    }
    Store(std::move(changed), std::move(operations), done);
  };
  InTurn(name, add, done);
}

void TopicTable::Configure(const std::string& name, ConfigChange change, OutcomeCallback done) {
  const auto configure = [this, name, change = std::move(change), done](Topic* topic) {
    if (topic == nullptr) return done(NoTopic(name));
    TopicInfo changed = topic->info;
    if (Outcome refused = change(&changed.configs); !refused.ok()) return Refuse(*topic, refused, done);
    const log::PartitionConfig config = SettingsOf(changed.configs).partition;
    std::vector<log::Operation> operations;
    for (auto partition : changed.partitions) operations.emplace_back(log::ConfigurePartition{partition, config});
    Store(std::move(changed), std::move(operations), done);
  };
  InTurn(name, configure, done);
}

void TopicTable::Refuse(const Topic& topic, const Outcome& refused, const OutcomeCallback& done) {
  EndTurn(topic.info.id);
  done(refused);
}

void TopicTable::Store(TopicInfo changed, std::vector<log::Operation> operations, OutcomeCallback done) {
  operations.emplace_back(log::Put{TopicKey(changed.name), EncodeTopic(changed)});
  queue_.Append(std::move(operations), [this, changed = std::move(changed), done = std::move(done)](const Result<log::Committed>& result) {
    if (result.ok()) {
      Topic* topic = FindById(changed.id);
      FIRN_ASSERT(topic != nullptr && topic->info.partitions.size() <= changed.partitions.size(), "topic '{}' was changed out of turn", changed.name);
      const bool has_more = topic->info.partitions.size() < changed.partitions.size();
      topic->settings = SettingsOf(changed.configs);
      topic->logs.resize(changed.partitions.size());
      topic->info = changed;
      if (has_more) watchers_.Tell(changed.name);
    }
    EndTurn(changed.id);
    done(result.ok() ? Outcome{} : OutcomeOf(result.error()));
  });
}

}  // namespace firn::broker
