// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <map>

#include "cli/kafka_client.h"
#include "cli/partition_offsets.h"
#include "cli/result_printer.h"
#include "cli/topic_commands.h"
#include "io/process.h"
#include "io/real_environment.h"
#include "kafka/messages/create_topics.h"
#include "kafka/messages/delete_topics.h"
#include "kafka/messages/describe_configs.h"

namespace firn::cli {

namespace {

constexpr int32_t kAdminTimeoutMs = 30'000;
constexpr int8_t kTopicResource = 2;

const char* ConfigSourceText(int8_t source) {
  switch (source) {
    case 1: return "topic";
    case 4: return "broker";
    case 5: return "default";
    default: return "other";
  }
}

Status PrintConfigs(KafkaClient& client, const std::string& topic, OutputFormat format) {
  kafka::DescribeConfigsRequest request;
  request.resources.push_back({.resource_type = kTopicResource, .resource_name = topic});
  FIRN_TRY(const auto answer, client.bootstrap().Call<kafka::DescribeConfigsResponse>(request));
  std::vector<std::vector<std::optional<std::string>>> rows;
  for (const auto& result : answer.results) {
    FIRN_RETURN_IF_ERROR(CheckKafkaCode(result.error_code, "topic " + topic, result.error_message));
    for (const auto& config : result.configs) rows.push_back({config.name, config.value, ConfigSourceText(config.config_source)});
  }
  PrintTable(format, {{"config", "STRING"}, {"value", "STRING"}, {"source", "STRING"}}, rows);
  return Ok();
}

Result<std::pair<std::string, std::string>> ParseConfig(const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) return Error(ErrorCode::kUsageError, fmt::format("'{}' is no KEY=VALUE", text)).Hint("for example --config retention.ms=3600000");
  return std::pair(text.substr(0, equals), text.substr(equals + 1));
}

}  // namespace

Status ListTopics(const TopicOptions& options) {
  FIRN_TRY(const OutputFormat format, ParseOutputFormat(options.format));
  FIRN_TRY(io::RealEnvironment real, io::RealEnvironment::Make());
  FIRN_TRY(auto client, KafkaClient::Connect(real.environment(), options.bootstrap_server));
  FIRN_TRY(const auto metadata, client->Metadata(std::nullopt));
  FIRN_TRY(const auto starts, FetchOffsets(*client, metadata.topics, kEarliestOffset));
  FIRN_TRY(const auto ends, FetchOffsets(*client, metadata.topics, kLatestOffset));
  std::map<std::string, std::vector<std::optional<std::string>>> rows;
  for (const auto& topic : metadata.topics) {
    int64_t records = 0;
    for (const auto& partition : topic.partitions) {
      const TopicPartition key{*topic.name, partition.partition_index};
      if (ends.contains(key) && starts.contains(key)) records += ends.at(key) - starts.at(key);
    }
    rows[*topic.name] = {*topic.name, std::to_string(topic.partitions.size()), std::to_string(records)};
  }
  std::vector<std::vector<std::optional<std::string>>> sorted;
  for (auto& [name, row] : rows) sorted.push_back(std::move(row));
  PrintTable(format, {{"topic", "STRING"}, {"partitions", "INT"}, {"records", "BIGINT"}}, sorted);
  return Ok();
}

Status DescribeTopic(const TopicOptions& options) {
  FIRN_TRY(const OutputFormat format, ParseOutputFormat(options.format));
  FIRN_TRY(io::RealEnvironment real, io::RealEnvironment::Make());
  FIRN_TRY(auto client, KafkaClient::Connect(real.environment(), options.bootstrap_server));
  FIRN_TRY(const auto topic, client->Topic(options.names.at(0)));
  if (options.shows_configs) return PrintConfigs(*client, options.names[0], format);
  FIRN_TRY(const auto starts, FetchOffsets(*client, {topic}, kEarliestOffset));
  FIRN_TRY(const auto ends, FetchOffsets(*client, {topic}, kLatestOffset));
  std::vector<std::vector<std::optional<std::string>>> rows(topic.partitions.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    const auto& partition = topic.partitions[i];
    const TopicPartition key{options.names[0], partition.partition_index};
    rows[i] = {std::to_string(partition.partition_index), std::to_string(partition.leader_id), std::to_string(partition.leader_epoch), std::nullopt, std::nullopt};
    if (starts.contains(key)) rows[i][3] = std::to_string(starts.at(key));
    if (ends.contains(key)) rows[i][4] = std::to_string(ends.at(key));
  }
  PrintTable(format, {{"partition", "INT"}, {"leader", "INT"}, {"epoch", "INT"}, {"start_offset", "BIGINT"}, {"end_offset", "BIGINT"}}, rows);
  return Ok();
}

Status CreateTopics(const TopicOptions& options) {
  kafka::CreateTopicsRequest request;
  request.timeout_ms = kAdminTimeoutMs;
  for (const std::string& name : options.names) {
    auto& topic = request.topics.emplace_back();
    topic.name = name;
    topic.num_partitions = options.partitions;
    topic.replication_factor = options.replication_factor;
    for (const std::string& text : options.configs) {
      FIRN_TRY(auto config, ParseConfig(text));
      topic.configs.push_back({.name = config.first, .value = config.second});
    }
  }
  FIRN_TRY(io::RealEnvironment real, io::RealEnvironment::Make());
  FIRN_TRY(auto client, KafkaClient::Connect(real.environment(), options.bootstrap_server));
  FIRN_TRY(const auto answer, client->bootstrap().Call<kafka::CreateTopicsResponse>(request));
  Status outcome = Ok();  // the first failure; the other topics are there all the same, and that is told
  for (const auto& topic : answer.topics) {
    if (options.ignores_state && topic.error_code == static_cast<int16_t>(kafka::KafkaCode::kTopicAlreadyExists)) {
      io::WriteError(fmt::format("topic {} exists\n", topic.name));
      continue;
    }
    if (Status made = CheckKafkaCode(topic.error_code, "creating topic " + topic.name, topic.error_message); !made.ok()) {
      if (outcome.ok()) outcome = std::move(made);
      continue;
    }
    io::WriteError(fmt::format("created topic {} with {} partition{}\n", topic.name, topic.num_partitions, topic.num_partitions == 1 ? "" : "s"));
  }
  return outcome;
}

Status DeleteTopics(const TopicOptions& options) {
  FIRN_TRY(io::RealEnvironment real, io::RealEnvironment::Make());
  FIRN_TRY(auto client, KafkaClient::Connect(real.environment(), options.bootstrap_server));
  for (const std::string& name : options.names) {
    const auto topic = client->Topic(name);  // for its near names
    if (!topic.ok() && options.ignores_state && topic.error().code() == ErrorCode::kUnknownTopic) continue;
    if (!topic.ok()) return topic.error();
    kafka::DeleteTopicsRequest request;
    request.timeout_ms = kAdminTimeoutMs;
    request.topics.push_back({.name = name});
    request.topic_names.push_back(name);
    FIRN_TRY(const auto answer, client->bootstrap().Call<kafka::DeleteTopicsResponse>(request));
    for (const auto& deleted : answer.responses) FIRN_RETURN_IF_ERROR(CheckKafkaCode(deleted.error_code, "deleting topic " + name, deleted.error_message));
    io::WriteError(fmt::format("deleted topic {}\n", name));
  }
  return Ok();
}

}  // namespace firn::cli
