// SPDX-License-Identifier: Apache-2.0
// CreatePartitions: one result a topic, whatever happens.
#include "kafka/messages/create_partitions.h"

#include <memory>
#include <string>

#include "broker/core_internal.h"
#include "broker/handlers/handlers_internal.h"
#include "broker/handlers/repeated_internal.h"

namespace firn::broker {

using kafka::CreatePartitionsRequest;
using kafka::CreatePartitionsResponse;
using kafka::KafkaCode;

namespace {

Outcome Check(Core& core, const CreatePartitionsRequest::Topic& wanted, bool is_repeated) {
  if (is_repeated) return {KafkaCode::kInvalidRequest, "the request names this topic more than once"};
  const Topic* topic = core.topics.Find(wanted.name);
  if (topic == nullptr) return {KafkaCode::kUnknownTopicOrPartition, "this topic does not exist"};
  if (Outcome count = core.topics.CheckPartitionCount(*topic, wanted.count); !count.ok()) return count;
  const size_t added = static_cast<size_t>(wanted.count) - topic->info.partitions.size();
  if (wanted.assignments.has_value() && wanted.assignments->size() != added) {
    return {KafkaCode::kInvalidReplicaAssignment, "there must be one assignment for each new partition"};
  }
  return {};
}

}  // namespace

void HandleCreatePartitions(Core& core, CallPtr call, CreatePartitionsRequest request) {
  auto response = std::make_shared<CreatePartitionsResponse>();
  auto outstanding = std::make_shared<int>(1);
  auto finish_one = [call, response, outstanding] {
    if (--*outstanding == 0) call->Respond(*response);
  };
  const auto repeated = LeaveOneOfEach(&request.topics, [](const auto& topic) { return topic.name; });
  response->results.resize(request.topics.size());
  for (size_t i = 0; i < request.topics.size(); ++i) {
    const auto& wanted = request.topics[i];
    response->results[i].name = wanted.name;
    auto set = [response, i](const Outcome& outcome) {
      response->results[i].error_code = static_cast<int16_t>(outcome.code);
      if (!outcome.ok()) response->results[i].error_message = outcome.message;
    };
    const Outcome checked = Check(core, wanted, repeated.contains(wanted.name));
    set(checked);
    if (!checked.ok() || request.validate_only) continue;
    ++*outstanding;
    core.topics.AddPartitions(wanted.name, wanted.count, [set, finish_one](const Outcome& outcome) {
      set(outcome);
      finish_one();
    });
  }
  finish_one();
}

}  // namespace firn::broker
