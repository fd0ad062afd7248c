// SPDX-License-Identifier: Apache-2.0
// The words and options of `firn topic` and `firn group`.
#include <CLI/CLI.hpp>

#include "cli/command_line.h"
#include "cli/group_commands.h"
#include "cli/topic_commands.h"

namespace firn::cli {

namespace {

template <typename Options>
CLI::App* AddVerb(CLI::App* noun, const char* verb, const char* help, std::shared_ptr<Options> options, Status (*run)(const Options&), Command* chosen) {
  CLI::App* command = noun->add_subcommand(verb, help);
  command->add_option("--bootstrap-server", options->bootstrap_server, "HOST:PORT of a broker")->capture_default_str();
  command->callback([=] { *chosen = [=] { return EndCommand(run(*options)); }; });
  return command;
}

template <typename Options>
void AddFormat(CLI::App* command, const std::shared_ptr<Options>& options, const char* help = "table, json or csv") {
  command->add_option("--format", options->format, help)->capture_default_str();
}

void AddProduce(CLI::App* topic, Command* chosen) {
  auto options = std::make_shared<ProduceOptions>();
  CLI::App* command = AddVerb(topic, "produce", "writes each line of standard input as a record\n\n  firn topic produce trades < trades.jsonl\n  firn topic produce trades --key-separator ':'", options, ProduceLines, chosen);
  command->add_option("topic", options->topic, "the topic")->required();
  command->add_option("-k,--key", options->key, "the key of every record");
  command->add_option("-K,--key-separator", options->key_separator, "each line is KEY, this, VALUE");
  command->add_option("-p,--partition", options->partition, "the partition; -1 by key, or in turn")->capture_default_str();
  command->add_option("--codec", options->codec, "none, gzip, snappy, lz4 or zstd")->capture_default_str();
}

void AddConsume(CLI::App* topic, Command* chosen) {
  auto options = std::make_shared<ConsumeOptions>();
  CLI::App* command = AddVerb(topic, "consume", "shows records as they come\n\n  firn topic consume trades\n  firn topic consume trades --from -10 --until-end --format json", options, ConsumeTopic, chosen);
  command->add_option("topic", options->topic, "the topic")->required();
  command->add_option("--from", options->from, "start, end, OFFSET, +N, -N or @MILLISECONDS")->capture_default_str();
  command->add_option("-n,--count", options->count, "ends after so many records");
  command->add_option("-p,--partition", options->partition, "one partition only");
  command->add_flag("-e,--until-end", options->ends, "ends at what is the end now");
  AddFormat(command, options, "text (values), json, csv or table");
}

}  // namespace

void AddTopicCommands(CLI::App& app, Command* chosen) {
  CLI::App* topic = app.add_subcommand("topic", "topics: list, create, describe, delete, produce, consume\n\n  firn topic create trades --partitions 3\n  firn topic list");
  topic->require_subcommand(1);
  auto list = std::make_shared<TopicOptions>();
  AddFormat(AddVerb(topic, "list", "lists topics", list, ListTopics, chosen), list);

  auto create = std::make_shared<TopicOptions>();
  CLI::App* command = AddVerb(topic, "create", "creates topics\n\n  firn topic create trades --partitions 3\n  firn topic create log --config retention.ms=3600000", create, CreateTopics, chosen);
  command->add_option("topic", create->names, "the topics")->required();
  command->add_option("--partitions", create->partitions, "-1: the broker's default")->capture_default_str();
  command->add_option("--replication-factor", create->replication_factor, "-1: the broker's default")->capture_default_str();
  command->add_option("--config", create->configs, "KEY=VALUE");
  command->add_flag("--if-not-exists", create->ignores_state, "an existing topic is no error");

  auto describe = std::make_shared<TopicOptions>();
  command = AddVerb(topic, "describe", "shows a topic's partitions, or its settings", describe, DescribeTopic, chosen);
  command->add_option("topic", describe->names, "the topic")->required()->expected(1);
  command->add_flag("--configs", describe->shows_configs, "settings, with where each comes from");
  AddFormat(command, describe);

  auto drop = std::make_shared<TopicOptions>();
  command = AddVerb(topic, "delete", "deletes topics and all their records", drop, DeleteTopics, chosen);
  command->add_option("topic", drop->names, "the topics")->required();
  command->add_flag("--if-exists", drop->ignores_state, "a missing topic is no error");
  AddProduce(topic, chosen);
  AddConsume(topic, chosen);
}

void AddGroupCommands(CLI::App& app, Command* chosen) {
  CLI::App* group = app.add_subcommand("group", "consumer groups: list, describe, delete\n\n  firn group list\n  firn group describe lab");
  group->require_subcommand(1);
  auto list = std::make_shared<GroupOptions>();
  AddFormat(AddVerb(group, "list", "lists groups", list, ListGroups, chosen), list);
  auto describe = std::make_shared<GroupOptions>();
  CLI::App* command = AddVerb(group, "describe", "shows how far a group has read, its lag and who reads", describe, DescribeGroup, chosen);
  command->add_option("group", describe->names, "the group")->required()->expected(1);
  AddFormat(command, describe);
  auto drop = std::make_shared<GroupOptions>();
  command = AddVerb(group, "delete", "forgets groups and their offsets; they must be empty", drop, DeleteGroups, chosen);
  command->add_option("group", drop->names, "the groups")->required();
}

}  // namespace firn::cli
