// SPDX-License-Identifier: Apache-2.0
// The settings of topics and of the broker: every one that Kafka 4 has for a topic, with its default, so that clients which read all
// settings, change one and write all back find what they expect. Source: Kafka documentation, "Topic Configs".
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "kafka/compression.h"
#include "log/journal.h"

namespace firn::broker {

/// As DescribeConfigs numbers them.
enum class ConfigType : int8_t { kBoolean = 1, kString = 2, kInt = 3, kShort = 4, kLong = 5, kDouble = 6, kList = 7 };

struct ConfigDefinition {
  std::string_view name;
  ConfigType type;
  std::string default_value;
  double min = 0;                                // of numbers
  double max = 0;
  std::vector<std::string_view> allowed;         // of strings and lists; empty: any
  std::string_view documentation;
};

/// By name.
const std::vector<ConfigDefinition>& TopicConfigs();
/// nullptr if there is none.
const ConfigDefinition* FindTopicConfig(std::string_view name);
/// The broker's setting that a topic without `name` has its value from, as Kafka's DescribeConfigs calls it. Empty: there is none, or it has no default of its own
/// (log.retention.ms, for which the hours stand).
std::string_view BrokerNameOf(std::string_view name);
/// kInvalidArgument with the names near it.
Error UnknownTopicConfig(const std::string& name);
/// kInvalidArgument names the setting and the value: an unknown name, not a number, out of range, not among the allowed words.
Status CheckTopicConfig(const std::string& name, const std::string& value);
/// What a topic with these settings uses for `name`: its own value or the default. The name must be known.
std::string ConfigValue(const std::map<std::string, std::string>& configs, std::string_view name);

/// Settings in the form that the produce path and the log need.
struct TopicSettings {
  int64_t max_message_bytes = 0;
  bool has_log_append_time = false;
  int64_t timestamp_before_max_ms = 0;
  int64_t timestamp_after_max_ms = 0;
  std::optional<kafka::Codec> codec;  // nullopt: as the producer has it
  log::PartitionConfig partition;
};
/// Of checked settings.
TopicSettings SettingsOf(const std::map<std::string, std::string>& configs);

/// kInvalidArgument if a topic may not be called so: 1 to 249 of [a-zA-Z0-9._-], not "." or "..".
Status CheckTopicName(const std::string& name);

}  // namespace firn::broker
