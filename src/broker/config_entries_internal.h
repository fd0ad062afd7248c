// SPDX-License-Identifier: Apache-2.0
// Numbers that Describe- and AlterConfigs share. Source: Kafka's ConfigResource.Type, DescribeConfigsResponse.ConfigSource, AlterConfigOp.OpType.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace firn::broker {

inline constexpr int8_t kTopicResource = 2;
inline constexpr int8_t kBrokerResource = 4;

inline constexpr int8_t kSourceTopic = 1;          // set on the topic
inline constexpr int8_t kSourceStaticBroker = 4;   // from the broker's start
inline constexpr int8_t kSourceDefault = 5;

inline int8_t SourceOf(const std::map<std::string, std::string>& configs, std::string_view name) {
  return configs.contains(std::string(name)) ? kSourceTopic : kSourceDefault;
}

}  // namespace firn::broker
