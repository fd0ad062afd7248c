// SPDX-License-Identifier: Apache-2.0
// The words and options of `firn topic` and `firn group`.
#include <CLI/CLI.hpp>

#include "cli/command_line.h"
#include "cli/group_commands.h"
#include "cli/topic_commands.h"
#include "cli/usage_error.h"

namespace firn::cli {

namespace {

// A command and what it fills.
template <typename Options>
struct Verb {
  CLI::App* command;
  std::shared_ptr<Options> options;
};

template <typename Options>
Verb<Options> AddVerb(CLI::App* noun, const char* name, const char* help, Status (*run)(const Options&), Command* chosen) {
  const auto options = std::make_shared<Options>();
  CLI::App* command = noun->add_subcommand(name, help);
  TakesServers(command->add_option("--bootstrap-server", options->bootstrap_server, "a broker, firn's or another; of several the first that answers")->capture_default_str(), Servers::kAddresses);
  command->callback([=] { *chosen = [=] { return EndCommand(run(*options)); }; });
  return {command, options};
}

template <typename Options>
void AddFormat(const Verb<Options>& verb, const char* help = "table, json or csv") {
  verb.command->add_option("--format", verb.options->format, help)->capture_default_str();
}

template <typename Options>
void AddNames(const Verb<Options>& verb, const char* name, const char* help) {
  verb.command->add_option(name, verb.options->names, help)->required();
}

// One name, and a table of what is known of it.
template <typename Options>
Verb<Options> AddDescribe(CLI::App* noun, const char* name, const char* help, Status (*run)(const Options&), Command* chosen) {
  const Verb<Options> verb = AddVerb(noun, "describe", help, run, chosen);
  verb.command->add_option(name, verb.options->names, std::string("the ") + name)->required()->expected(1);
  AddFormat(verb);
  return verb;
}

void AddProduce(CLI::App* topic, Command* chosen) {
  const auto [command, options] = AddVerb(
      topic, "produce", "writes each line of standard input as a record\n\n  firn topic produce trades < trades.jsonl\n  firn topic produce trades --key-separator ':'", ProduceLines, chosen);
  command->add_option("topic", options->topic, "the topic")->required();
  command->add_option("-k,--key", options->key, "the key of every record");
  command->add_option("-K,--key-separator", options->key_separator, "what stands between key and value in each line");
  command->add_option("-p,--partition", options->partition, "the partition; -1 by key, or in turn")->capture_default_str();
  command->add_option("--codec", options->codec, "none, gzip, snappy, lz4 or zstd")->capture_default_str();
}

void AddConsume(CLI::App* topic, Command* chosen) {
  const auto consume =
      AddVerb(topic, "consume", "shows records as they come\n\n  firn topic consume trades\n  firn topic consume trades --from -10 --until-end --format json", ConsumeTopic, chosen);
  const auto& [command, options] = consume;
  command->add_option("topic", options->topic, "the topic")->required();
  command->add_option("--from", options->from, "start, end, OFFSET, +N, -N or @MILLISECONDS")->capture_default_str();
  command->add_option("-n,--count", options->count, "ends after so many records");
  command->add_option("-p,--partition", options->partition, "one partition only");
  command->add_flag("-e,--until-end", options->ends, "ends at what is the end now");
  AddFormat(consume, "text (values), json, csv or table");
}

}  // namespace

void AddTopicCommands(CLI::App& app, Command* chosen) {
  CLI::App* topic = app.add_subcommand("topic", "topics: list, create, describe, delete, produce, consume\n\n  firn topic create trades --partitions 3\n  firn topic list");
  topic->require_subcommand(1);
  AddFormat(AddVerb(topic, "list", "lists topics", ListTopics, chosen));

  const auto create = AddVerb(topic, "create", "creates topics\n\n  firn topic create trades --partitions 3\n  firn topic create log --config retention.ms=3600000", CreateTopics, chosen);
  AddNames(create, "topic", "the topics");
  create.command->add_option("--partitions", create.options->partitions, "how many; -1: the broker's default")->capture_default_str();
  create.command->add_option("--replication-factor", create.options->replication_factor, "-1: the broker's default; firn keeps one")->capture_default_str();
  create.command->add_option("--config", create.options->configs, "a setting of the topics; may be given several times");
  create.command->add_flag("--if-not-exists", create.options->ignores_state, "an existing topic is no error");

  const auto describe = AddDescribe(topic, "topic", "shows a topic's partitions, or its settings", DescribeTopic, chosen);
  describe.command->add_flag("--configs", describe.options->shows_configs, "settings, with where each comes from");

  const auto drop = AddVerb(topic, "delete", "deletes topics and all their records", DeleteTopics, chosen);
  AddNames(drop, "topic", "the topics");
  drop.command->add_flag("--if-exists", drop.options->ignores_state, "a missing topic is no error");
  AddProduce(topic, chosen);
  AddConsume(topic, chosen);
}

void AddGroupCommands(CLI::App& app, Command* chosen) {
  CLI::App* group = app.add_subcommand("group", "consumer groups: list, describe, delete\n\n  firn group list\n  firn group describe lab");
  group->require_subcommand(1);
  AddFormat(AddVerb(group, "list", "lists groups", ListGroups, chosen));
  AddDescribe(group, "group", "shows how far a group has read, its lag and who reads", DescribeGroup, chosen);
  AddNames(AddVerb(group, "delete", "forgets groups and their offsets; they must be empty", DeleteGroups, chosen), "group", "the groups");
}

}  // namespace firn::cli
