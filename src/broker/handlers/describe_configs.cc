// SPDX-License-Identifier: Apache-2.0
// DescribeConfigs: every setting of a topic, with its source; of the broker, those that were decided at its start.
#include "kafka/messages/describe_configs.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

#include "broker/config_entries_internal.h"
#include "broker/core_internal.h"
#include "broker/handlers/handlers_internal.h"
#include "broker/topic_config.h"

namespace firn::broker {

using kafka::DescribeConfigsRequest;
using kafka::DescribeConfigsResponse;
using kafka::KafkaCode;

namespace {

using Config = DescribeConfigsResponse::Config;

// No names at all are all settings, however that is said, as in Kafka.
bool IsWanted(const DescribeConfigsRequest::Resource& resource, std::string_view name) {
  const auto& keys = resource.configuration_keys;
  return !keys.has_value() || keys->empty() || std::find(keys->begin(), keys->end(), name) != keys->end();
}

Config TopicEntry(const ConfigDefinition& definition, const std::map<std::string, std::string>& configs, const DescribeConfigsRequest& request) {
  Config config;
  config.name = definition.name;
  config.value = ConfigValue(configs, definition.name);
  config.config_source = SourceOf(configs, definition.name);
  config.is_default = config.config_source == kSourceDefault;
  config.config_type = static_cast<int8_t>(definition.type);
  if (request.include_documentation) config.documentation = std::string(definition.documentation);
  if (!request.include_synonyms) return config;
  if (!config.is_default) config.synonyms.push_back({config.name, config.value, kSourceTopic});
  if (const std::string_view name = BrokerNameOf(definition.name); !name.empty()) config.synonyms.push_back({std::string(name), definition.default_value, kSourceDefault});
  return config;
}

Config BrokerEntry(std::string_view name, ConfigType type, std::string value, const DescribeConfigsRequest& request) {
  Config config;
  config.name = name;
  config.value = std::move(value);
  config.read_only = true;
  config.config_source = kSourceStaticBroker;
  config.config_type = static_cast<int8_t>(type);
  if (request.include_synonyms) config.synonyms.push_back({config.name, config.value, kSourceStaticBroker});
  return config;
}

std::vector<Config> BrokerEntries(const Core& core, const Call& call, const DescribeConfigsRequest& request) {
  const BrokerOptions& options = core.options;
  auto flag = [](bool value) { return std::string(value ? "true" : "false"); };
  const std::string listener = fmt::format("PLAINTEXT://{}", core.AdvertisedTo(call).ToString());
  return {
      BrokerEntry("advertised.listeners", ConfigType::kString, listener, request),
      BrokerEntry("auto.create.topics.enable", ConfigType::kBoolean, flag(options.creates_topics), request),
      BrokerEntry("broker.id", ConfigType::kInt, std::to_string(options.node_id), request),
      BrokerEntry("default.replication.factor", ConfigType::kInt, "1", request),
      BrokerEntry("delete.topic.enable", ConfigType::kBoolean, "true", request),
      BrokerEntry("group.initial.rebalance.delay.ms", ConfigType::kInt, std::to_string(options.initial_rebalance_delay_ms), request),
      BrokerEntry("group.max.session.timeout.ms", ConfigType::kInt, std::to_string(options.session_timeout_ms_max), request),
      BrokerEntry("group.max.size", ConfigType::kInt, std::to_string(options.group_members_max), request),
      BrokerEntry("group.min.session.timeout.ms", ConfigType::kInt, std::to_string(options.session_timeout_ms_min), request),
      BrokerEntry("node.id", ConfigType::kInt, std::to_string(options.node_id), request),
      BrokerEntry("num.partitions", ConfigType::kInt, std::to_string(options.default_partition_count), request),
      BrokerEntry("offset.metadata.max.bytes", ConfigType::kInt, std::to_string(options.offset_metadata_bytes_max), request),
      BrokerEntry("offsets.retention.minutes", ConfigType::kInt, std::to_string(options.offset_retention_ms / 60'000), request),
      BrokerEntry("producer.id.expiration.ms", ConfigType::kInt, std::to_string(options.producer_expiration_ms), request),
      BrokerEntry("socket.request.max.bytes", ConfigType::kInt, std::to_string(kafka::kFrameBytesMax), request),
  };
}

void Fail(DescribeConfigsResponse::Result& out, KafkaCode code, std::string message) {
  out.error_code = static_cast<int16_t>(code);
  out.error_message = std::move(message);
}

void Describe(Core& core, const Call& call, const DescribeConfigsRequest& request, const DescribeConfigsRequest::Resource& wanted,
              DescribeConfigsResponse::Result& out) {
  out.resource_type = wanted.resource_type;
  out.resource_name = wanted.resource_name;
  if (wanted.resource_type == kTopicResource) {
    if (auto name = CheckTopicName(wanted.resource_name); !name.ok()) return Fail(out, KafkaCode::kInvalidTopic, name.error().message());
    const Topic* topic = core.topics.Find(wanted.resource_name);
    if (topic == nullptr) return Fail(out, KafkaCode::kUnknownTopicOrPartition, fmt::format("topic '{}' does not exist", wanted.resource_name));
    for (const auto& definition : TopicConfigs()) {
      if (IsWanted(wanted, definition.name)) out.configs.push_back(TopicEntry(definition, topic->info.configs, request));
    }
    return;
  }
  if (wanted.resource_type != kBrokerResource) {
    return Fail(out, KafkaCode::kInvalidRequest, fmt::format("resource type {} is not supported; topics (2) and brokers (4) are", wanted.resource_type));
  }
  if (!wanted.resource_name.empty() && wanted.resource_name != std::to_string(core.options.node_id)) {
    return Fail(out, KafkaCode::kInvalidRequest, fmt::format("broker '{}' does not exist; this is {}", wanted.resource_name, core.options.node_id));
  }
  for (Config& config : BrokerEntries(core, call, request)) {
    if (IsWanted(wanted, config.name)) out.configs.push_back(std::move(config));
  }
}

}  // namespace

void HandleDescribeConfigs(Core& core, CallPtr call, DescribeConfigsRequest request) {
  DescribeConfigsResponse response;
  std::set<std::pair<int8_t, std::string>> named;  // once each: a name costs less to ask for than what it names to describe
  for (const auto& resource : request.resources) {
    if (named.emplace(resource.resource_type, resource.resource_name).second) Describe(core, *call, request, resource, response.results.emplace_back());
  }
  call->Respond(response);
}

}  // namespace firn::broker
