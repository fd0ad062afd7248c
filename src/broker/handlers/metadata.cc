// SPDX-License-Identifier: Apache-2.0
// Metadata: the one broker, the topics, their partitions. A topic that is missing is made if client and broker want that; the answer then waits until it is durable.
#include "kafka/messages/metadata.h"

#include <memory>
#include <set>

#include "broker/authorized_operations_internal.h"
#include "broker/core_internal.h"
#include "broker/handlers/handlers_internal.h"

namespace firn::broker {

using kafka::KafkaCode;
using kafka::MetadataRequest;
using kafka::MetadataResponse;

namespace {

void Describe(const Core& core, const MetadataRequest& request, const Topic& topic, MetadataResponse::Topic& out) {
  out.name = topic.info.name;
  out.topic_id = topic.info.id;
  if (request.include_topic_authorized_operations) out.topic_authorized_operations = kTopicOperations;
  for (size_t i = 0; i < topic.info.partitions.size(); ++i) {
    auto& partition = out.partitions.emplace_back();
    partition.partition_index = static_cast<int32_t>(i);
    partition.leader_id = core.options.node_id;
    partition.leader_epoch = 0;
    partition.replica_nodes = {core.options.node_id};
    partition.isr_nodes = {core.options.node_id};
  }
}

void DescribeWanted(Core& core, const MetadataRequest& request, const MetadataRequest::Topic& wanted, KafkaCode missing,
                    MetadataResponse::Topic& out) {
  const bool is_by_id = !wanted.name.has_value();
  out.name = wanted.name;
  out.topic_id = wanted.topic_id;
  Topic* topic = is_by_id ? core.topics.FindById(wanted.topic_id) : core.topics.Find(*wanted.name);
  if (topic != nullptr) return Describe(core, request, *topic, out);
  if (is_by_id) missing = KafkaCode::kUnknownTopicId;
  else if (!CheckTopicName(*wanted.name).ok()) missing = KafkaCode::kInvalidTopic;
  out.error_code = static_cast<int16_t>(missing);
}

void Answer(Core& core, Call& call, const MetadataRequest& request, const std::map<std::string, KafkaCode>& failures) {
  MetadataResponse response;
  const io::Address address = core.AdvertisedTo(call);
  response.brokers.push_back({core.options.node_id, address.host, address.port, std::nullopt});
  response.cluster_id = core.cluster_id;
  response.controller_id = core.options.node_id;
  if (request.include_cluster_authorized_operations) response.cluster_authorized_operations = kClusterOperations;
  // Version 0 has no null: there an empty list means all.
  const bool is_all = !request.topics.has_value() || (call.version() == 0 && request.topics->empty());
  if (is_all) {
    for (const auto& [name, topic] : core.topics.all()) Describe(core, request, topic, response.topics.emplace_back());
  } else {
    std::set<std::pair<std::optional<std::string>, kafka::Uuid>> named;  // once each: a name costs less to ask for than a topic to describe
    for (const auto& wanted : *request.topics) {
      if (!named.emplace(wanted.name, wanted.name.has_value() ? kafka::Uuid{} : wanted.topic_id).second) continue;
      auto failure = wanted.name.has_value() ? failures.find(*wanted.name) : failures.end();
      DescribeWanted(core, request, wanted, failure == failures.end() ? KafkaCode::kUnknownTopicOrPartition : failure->second,
                     response.topics.emplace_back());
    }
  }
  call.Respond(response);
}

}  // namespace

void HandleMetadata(Core& core, CallPtr call, MetadataRequest request) {
  struct Waiting {
    MetadataRequest request;
    std::map<std::string, KafkaCode> failures;
    int outstanding = 1;
  };
  auto waiting = std::make_shared<Waiting>(Waiting{.request = std::move(request), .failures = {}});
  auto finish_one = [&core, call, waiting] {
    if (--waiting->outstanding == 0) Answer(core, *call, waiting->request, waiting->failures);
  };
  const bool creates = core.options.creates_topics && waiting->request.allow_auto_topic_creation && waiting->request.topics.has_value();
  if (creates) {
    for (const auto& wanted : *waiting->request.topics) {
      if (!wanted.name.has_value() || core.topics.Find(*wanted.name) != nullptr) continue;
      ++waiting->outstanding;
      core.topics.CreateIfMissing(*wanted.name, [waiting, finish_one, name = *wanted.name](Outcome outcome) {
        if (!outcome.ok()) waiting->failures[name] = outcome.code;
        finish_one();
      });
    }
  }
  finish_one();
}

}  // namespace firn::broker
