// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <map>
#include <set>

#include "cli/group_commands.h"
#include "cli/kafka_client.h"
#include "cli/partition_offsets.h"
#include "cli/result_printer.h"
#include "io/process.h"
#include "io/real_environment.h"
#include "kafka/messages/delete_groups.h"
#include "kafka/messages/describe_groups.h"
#include "kafka/messages/find_coordinator.h"
#include "kafka/messages/list_groups.h"
#include "kafka/messages/offset_fetch.h"

namespace firn::cli {

namespace {

Result<KafkaLink*> CoordinatorOf(KafkaClient& client, const std::string& group) {
  FIRN_TRY(const auto metadata, client.Metadata(std::vector<std::string>{}));
  (void)metadata;  // for the brokers' addresses
  kafka::FindCoordinatorRequest request;
  request.key = group;
  request.coordinator_keys = {group};
  FIRN_TRY(const auto answer, client.bootstrap().Call<kafka::FindCoordinatorResponse>(request));
  if (answer.coordinators.empty()) {
    FIRN_RETURN_IF_ERROR(CheckKafkaCode(answer.error_code, "finding the coordinator of group " + group, answer.error_message));
    return client.Broker(answer.node_id);
  }
  FIRN_RETURN_IF_ERROR(CheckKafkaCode(answer.coordinators[0].error_code, "finding the coordinator of group " + group, answer.coordinators[0].error_message));
  return client.Broker(answer.coordinators[0].node_id);
}

Result<std::map<TopicPartition, int64_t>> CommittedOffsets(KafkaLink& coordinator, const std::string& group) {
  kafka::OffsetFetchRequest request;
  request.group_id = group;
  request.groups.push_back({.group_id = group});
  FIRN_TRY(const auto answer, coordinator.Call<kafka::OffsetFetchResponse>(request));
  FIRN_RETURN_IF_ERROR(CheckKafkaCode(answer.error_code, "offsets of group " + group));
  std::map<TopicPartition, int64_t> offsets;
  const auto add = [&](const auto& topics) {
    for (const auto& topic : topics) {
      for (const auto& partition : topic.partitions) offsets[{topic.name, partition.index}] = partition.committed_offset;
    }
  };
  add(answer.topics);
  for (const auto& described : answer.groups) {
    FIRN_RETURN_IF_ERROR(CheckKafkaCode(described.error_code, "offsets of group " + group));
    add(described.topics);
  }
  return offsets;
}

// What a member reads, out of the assignment that its own client wrote ("consumer" protocol, version 0: topics, each a name and partitions). Clients are
// free to write something else there; then nothing is known.
std::vector<TopicPartition> AssignmentOf(const base::SharedBytes& bytes) {
  kafka::Decoder in(bytes);
  int16_t version = 0;
  in.Int16(&version);
  std::vector<TopicPartition> assigned;
  std::vector<std::string> topics;
  in.Array(false, &topics, [&](std::string& name) {
    in.String(false, &name);
    std::vector<int32_t> partitions;
    in.Array(false, &partitions, [&](int32_t& partition) { in.Int32(&partition); });
    for (int32_t partition : partitions) assigned.emplace_back(name, partition);
  });
  return in.ok() ? assigned : std::vector<TopicPartition>();
}

Result<std::map<TopicPartition, int64_t>> EndOffsets(KafkaClient& client, const std::set<TopicPartition>& partitions) {
  std::vector<std::string> names;
  for (const auto& [topic, partition] : partitions) {
    if (names.empty() || names.back() != topic) names.push_back(topic);
  }
  FIRN_TRY(auto metadata, client.Metadata(names));
  return FetchOffsets(client, metadata.topics, kLatestOffset);
}

Cells PartitionRow(const TopicPartition& partition, const std::map<TopicPartition, int64_t>& committed, const std::map<TopicPartition, int64_t>& ends,
                   const std::map<TopicPartition, const kafka::DescribeGroupsResponse::Member*>& readers) {
  Cells row = {partition.first, std::to_string(partition.second), std::nullopt, std::nullopt, std::nullopt, std::nullopt, std::nullopt};
  auto offset = committed.find(partition);
  auto end = ends.find(partition);
  auto reader = readers.find(partition);
  if (offset != committed.end()) row[2] = std::to_string(offset->second);
  if (end != ends.end()) row[3] = std::to_string(end->second);
  if (offset != committed.end() && end != ends.end()) row[4] = std::to_string(end->second - offset->second);
  if (reader != readers.end()) row[5] = reader->second->member_id, row[6] = reader->second->client_host;
  return row;
}

// Of all brokers, by name.
Result<std::map<std::string, Cells>> GroupRows(KafkaClient& client) {
  FIRN_TRY(const auto metadata, client.Metadata(std::vector<std::string>{}));
  std::map<std::string, Cells> rows;
  for (const auto& broker : metadata.brokers) {
    FIRN_TRY(KafkaLink * link, client.Broker(broker.node_id));
    FIRN_TRY(const auto answer, link->Call<kafka::ListGroupsResponse>(kafka::ListGroupsRequest{}));
    FIRN_RETURN_IF_ERROR(CheckKafkaCode(answer.error_code, "listing groups"));
    for (const auto& group : answer.groups) rows[group.group_id] = {group.group_id, group.group_state, group.protocol_type};
  }
  return rows;
}

Error NoGroup(KafkaClient& client, const std::string& name) {
  std::vector<std::string> names;
  if (const auto rows = GroupRows(client); rows.ok()) {
    for (const auto& [other, row] : *rows) names.push_back(other);
  }
  return Error(ErrorCode::kGroupNotFound, fmt::format("there is no group '{}'", name)).Hint("firn group list shows all").Candidates(base::NearNames(name, names));
}

}  // namespace

Status ListGroups(const GroupOptions& options) {
  FIRN_TRY(const OutputFormat format, ParseOutputFormat(options.format));
  FIRN_TRY(io::RealEnvironment real, io::RealEnvironment::Make());
  FIRN_TRY(auto client, KafkaClient::Connect(real.environment(), options.bootstrap_server));
  FIRN_TRY(auto rows, GroupRows(*client));
  std::vector<Cells> sorted;
  for (auto& [name, row] : rows) sorted.push_back(std::move(row));
  PrintTable(format, {{"group", "STRING"}, {"state", "STRING"}, {"protocol", "STRING"}}, sorted);
  return Ok();
}

Status DescribeGroup(const GroupOptions& options) {
  FIRN_TRY(const OutputFormat format, ParseOutputFormat(options.format));
  const std::string& name = options.names.at(0);
  FIRN_TRY(io::RealEnvironment real, io::RealEnvironment::Make());
  FIRN_TRY(auto client, KafkaClient::Connect(real.environment(), options.bootstrap_server));
  FIRN_TRY(KafkaLink * coordinator, CoordinatorOf(*client, name));
  kafka::DescribeGroupsRequest request;
  request.groups = {name};
  FIRN_TRY(const auto answer, coordinator->Call<kafka::DescribeGroupsResponse>(request));
  if (answer.groups.size() != 1) return Error(ErrorCode::kMalformedRequest, fmt::format("the broker described {} groups and was asked for one", answer.groups.size()));
  const auto& group = answer.groups[0];
  FIRN_RETURN_IF_ERROR(CheckKafkaCode(group.error_code, "group " + name));
  FIRN_TRY(const auto committed, CommittedOffsets(*coordinator, name));
  if (group.group_state == "Dead" && committed.empty()) return NoGroup(*client, name);
  std::set<TopicPartition> partitions;
  std::map<TopicPartition, const kafka::DescribeGroupsResponse::Member*> readers;
  for (const auto& [partition, offset] : committed) partitions.insert(partition);
  for (const auto& member : group.members) {
    for (const TopicPartition& partition : AssignmentOf(member.member_assignment)) {
      partitions.insert(partition);
      readers[partition] = &member;
    }
  }
  FIRN_TRY(const auto ends, EndOffsets(*client, partitions));
  std::vector<Cells> rows;
  for (const TopicPartition& partition : partitions) rows.push_back(PartitionRow(partition, committed, ends, readers));
  io::WriteError(fmt::format("group {} is {} with {} member{}\n", name, group.group_state, group.members.size(), group.members.size() == 1 ? "" : "s"));
  PrintTable(format, {{"topic", "STRING"}, {"partition", "INT"}, {"offset", "BIGINT"}, {"end_offset", "BIGINT"}, {"lag", "BIGINT"}, {"member", "STRING"}, {"host", "STRING"}}, rows);
  return Ok();
}

Status DeleteGroups(const GroupOptions& options) {
  FIRN_TRY(io::RealEnvironment real, io::RealEnvironment::Make());
  FIRN_TRY(auto client, KafkaClient::Connect(real.environment(), options.bootstrap_server));
  for (const std::string& name : options.names) {
    FIRN_TRY(KafkaLink * coordinator, CoordinatorOf(*client, name));
    kafka::DeleteGroupsRequest request;
    request.groups = {name};
    FIRN_TRY(const auto answer, coordinator->Call<kafka::DeleteGroupsResponse>(request));
    for (const auto& result : answer.results) {
      if (result.error_code == static_cast<int16_t>(kafka::KafkaCode::kGroupIdNotFound)) return NoGroup(*client, name);
      FIRN_RETURN_IF_ERROR(CheckKafkaCode(result.error_code, "deleting group " + result.group_id));
    }
    io::WriteError(fmt::format("deleted group {}\n", name));
  }
  return Ok();
}

}  // namespace firn::cli
