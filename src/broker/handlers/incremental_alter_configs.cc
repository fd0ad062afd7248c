// SPDX-License-Identifier: Apache-2.0
// IncrementalAlterConfigs: single settings of topics; a resource's changes are made together or not at all.
#include "kafka/messages/incremental_alter_configs.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "broker/config_entries_internal.h"
#include "broker/core_internal.h"
#include "broker/handlers/handlers_internal.h"
#include "broker/handlers/repeated_internal.h"

namespace firn::broker {

using kafka::IncrementalAlterConfigsRequest;
using kafka::IncrementalAlterConfigsResponse;
using kafka::KafkaCode;

namespace {

enum Operation : int8_t { kSet = 0, kDelete = 1, kAppend = 2, kSubtract = 3 };

std::vector<std::string> SplitList(const std::string& text) {
  std::vector<std::string> words;
  size_t begin = 0;
  while (begin < text.size()) {
    const size_t comma = std::min(text.find(',', begin), text.size());
    if (comma > begin) words.push_back(text.substr(begin, comma - begin));
    begin = comma + 1;
  }
  return words;
}

std::string ChangeList(const std::string& current, const std::string& change, bool adds) {
  std::vector<std::string> words = SplitList(current);
  for (const std::string& word : SplitList(change)) {
    auto found = std::find(words.begin(), words.end(), word);
    if (adds && found == words.end()) words.push_back(word);
    if (!adds && found != words.end()) words.erase(found);
  }
  return fmt::format("{}", fmt::join(words, ","));
}

Outcome Apply(const IncrementalAlterConfigsRequest::Config& change, std::map<std::string, std::string>* configs) {
  const ConfigDefinition* definition = FindTopicConfig(change.name);
  if (definition == nullptr) return {KafkaCode::kInvalidConfig, TextOf(UnknownTopicConfig(change.name))};
  if (change.operation == kDelete) {
    configs->erase(change.name);
    return {};
  }
  if (!change.value.has_value()) return {KafkaCode::kInvalidRequest, fmt::format("topic setting {} has no value", change.name)};
  std::string value = *change.value;
  if (change.operation == kAppend || change.operation == kSubtract) {
    if (definition->type != ConfigType::kList) {
      return {KafkaCode::kInvalidConfig, fmt::format("topic setting {} is not a list: it can be set, not appended to", change.name)};
    }
    value = ChangeList(ConfigValue(*configs, change.name), value, change.operation == kAppend);
  } else if (change.operation != kSet) {
    return {KafkaCode::kInvalidRequest, fmt::format("unknown operation {} for topic setting {}", change.operation, change.name)};
  }
  if (auto checked = CheckTopicConfig(change.name, value); !checked.ok()) return {KafkaCode::kInvalidConfig, TextOf(checked.error())};
  (*configs)[change.name] = std::move(value);
  return {};
}

Outcome ApplyAll(const std::vector<IncrementalAlterConfigsRequest::Config>& changes, std::map<std::string, std::string>* configs) {
  std::set<std::string> seen;
  for (const auto& change : changes) {
    if (!seen.insert(change.name).second) return {KafkaCode::kInvalidRequest, fmt::format("topic setting {} is changed twice", change.name)};
    if (Outcome outcome = Apply(change, configs); !outcome.ok()) return outcome;
  }
  return {};
}

/// What can be said before it is this change's turn.
Outcome Check(Core& core, const IncrementalAlterConfigsRequest::Resource& wanted) {
  if (wanted.resource_type != kTopicResource) {
    return {KafkaCode::kInvalidRequest, fmt::format("resource type {} cannot be altered; topics (2) can", wanted.resource_type)};
  }
  if (wanted.resource_name.empty()) return {KafkaCode::kInvalidRequest, "settings of all topics cannot be altered; name one"};
  if (auto name = CheckTopicName(wanted.resource_name); !name.ok()) return {KafkaCode::kInvalidTopic, name.error().message()};
  const Topic* topic = core.topics.Find(wanted.resource_name);
  if (topic == nullptr) return {KafkaCode::kUnknownTopicOrPartition, fmt::format("topic '{}' does not exist", wanted.resource_name)};
  std::map<std::string, std::string> configs = topic->info.configs;
  return ApplyAll(wanted.configs, &configs);
}

}  // namespace

void HandleIncrementalAlterConfigs(Core& core, CallPtr call, IncrementalAlterConfigsRequest request) {
  auto response = std::make_shared<IncrementalAlterConfigsResponse>();
  auto outstanding = std::make_shared<int>(1);
  auto finish_one = [call, response, outstanding] {
    if (--*outstanding == 0) call->Respond(*response);
  };
  const auto repeated = LeaveOneOfEach(&request.resources, [](const auto& resource) { return std::make_pair(resource.resource_type, resource.resource_name); });
  response->responses.resize(request.resources.size());
  for (size_t i = 0; i < request.resources.size(); ++i) {
    const auto& wanted = request.resources[i];
    response->responses[i].resource_type = wanted.resource_type;
    response->responses[i].resource_name = wanted.resource_name;
    auto set = [response, i](const Outcome& outcome) {
      response->responses[i].error_code = static_cast<int16_t>(outcome.code);
      if (!outcome.ok()) response->responses[i].error_message = outcome.message;
    };
    const bool is_alone = !repeated.contains({wanted.resource_type, wanted.resource_name});
    const Outcome checked = is_alone ? Check(core, wanted) : Outcome{KafkaCode::kInvalidRequest, "the request names this resource more than once"};
    set(checked);
    if (!checked.ok() || request.validate_only) continue;
    ++*outstanding;
    const auto change = [changes = wanted.configs](std::map<std::string, std::string>* configs) { return ApplyAll(changes, configs); };
    core.topics.Configure(wanted.resource_name, change, [set, finish_one](const Outcome& outcome) {
      set(outcome);
      finish_one();
    });
  }
  finish_one();
}

}  // namespace firn::broker
