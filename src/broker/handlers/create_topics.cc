// SPDX-License-Identifier: Apache-2.0
// CreateTopics: each topic on its own; valid ones are made even if others are refused. Any replication factor is taken, one replica is kept and reported.
#include "kafka/messages/create_topics.h"

#include <fmt/format.h>

#include <map>
#include <memory>

#include "broker/config_entries_internal.h"
#include "broker/core_internal.h"
#include "broker/handlers/handlers_internal.h"
#include "broker/handlers/repeated_internal.h"

namespace firn::broker {

using kafka::CreateTopicsRequest;
using kafka::CreateTopicsResponse;
using kafka::KafkaCode;

namespace {

/// Manual assignments give the number of partitions; they must be 0 .. n-1, each on at least one broker.
Outcome ApplyAssignments(const CreateTopicsRequest::Topic& wanted, TopicTable::CreateRequest* request) {
  if (wanted.assignments.empty()) return {};
  if (wanted.num_partitions != -1 || wanted.replication_factor != -1) {
    return {KafkaCode::kInvalidRequest, "with manual assignments, num_partitions and replication_factor must be -1"};
  }
  std::map<int32_t, size_t> replicas;
  for (const auto& assignment : wanted.assignments) replicas[assignment.partition_index] = assignment.broker_ids.size();
  const bool is_whole = replicas.size() == wanted.assignments.size() && replicas.begin()->first == 0 &&
                        replicas.rbegin()->first == static_cast<int32_t>(replicas.size()) - 1;
  for (const auto& [index, count] : replicas) {
    if (count == 0 || !is_whole) return {KafkaCode::kInvalidReplicaAssignment, "assignments must name partitions 0 to n-1, each with a broker"};
  }
  request->partition_count = static_cast<int32_t>(replicas.size());
  return {};
}

Outcome ReadRequest(const CreateTopicsRequest::Topic& wanted, TopicTable::CreateRequest* request) {
  request->name = wanted.name;
  request->partition_count = wanted.num_partitions;
  request->replication_factor = wanted.replication_factor;
  for (const auto& config : wanted.configs) {
    if (!config.value.has_value()) return {KafkaCode::kInvalidConfig, fmt::format("topic setting {} has no value", config.name)};
    request->configs[config.name] = *config.value;
  }
  return ApplyAssignments(wanted, request);
}

void Describe(const Core& core, const TopicTable::CreateRequest& request, CreateTopicsResponse::Topic& out) {
  out.num_partitions = request.partition_count == -1 ? core.options.default_partition_count : request.partition_count;
  out.replication_factor = 1;
  auto& configs = out.configs.emplace();
  for (const auto& definition : TopicConfigs()) {
    configs.push_back({std::string(definition.name), ConfigValue(request.configs, definition.name), false,
                       SourceOf(request.configs, definition.name), false});
  }
}

void Refuse(CreateTopicsResponse::Topic& out, const Outcome& outcome) {
  out.error_code = static_cast<int16_t>(outcome.code);
  out.error_message = outcome.message;
}

}  // namespace

void HandleCreateTopics(Core& core, CallPtr call, CreateTopicsRequest request) {
  auto response = std::make_shared<CreateTopicsResponse>();
  auto outstanding = std::make_shared<int>(1);
  auto finish_one = [call, response, outstanding] {
    if (--*outstanding == 0) call->Respond(*response);
  };
  const auto repeated = LeaveOneOfEach(&request.topics, [](const auto& topic) { return topic.name; });
  response->topics.resize(request.topics.size());
  for (size_t i = 0; i < request.topics.size(); ++i) {
    auto& answered = response->topics[i];
    answered.name = request.topics[i].name;
    TopicTable::CreateRequest wanted;
    Outcome outcome = ReadRequest(request.topics[i], &wanted);
    if (repeated.contains(answered.name)) outcome = {KafkaCode::kInvalidRequest, "the request names this topic more than once"};
    if (outcome.ok()) outcome = core.topics.CheckCreate(wanted);
    if (!outcome.ok()) {
      Refuse(answered, outcome);
      continue;
    }
    Describe(core, wanted, answered);
    if (request.validate_only) continue;
    ++*outstanding;
    core.topics.Create(wanted, [&core, response, finish_one, i](Outcome created) {
      auto& made = response->topics[i];
      if (!created.ok()) Refuse(made, created);
      if (const Topic* topic = core.topics.Find(made.name)) made.topic_id = topic->info.id;
      finish_one();
    });
  }
  finish_one();
}

}  // namespace firn::broker
