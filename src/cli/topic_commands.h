// SPDX-License-Identifier: Apache-2.0
// `firn topic`: topics over the Kafka protocol, of a firn node or of any other broker.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/command_line.h"

namespace firn::cli {

struct TopicOptions {
  std::string bootstrap_server = kBootstrapServer;
  std::string format = "table";
  std::vector<std::string> names;
  // create
  int32_t partitions = -1;                     // -1: the broker's default
  int16_t replication_factor = -1;
  std::vector<std::string> configs;            // KEY=VALUE
  // create and delete
  bool ignores_state = false;                  // --if-not-exists, --if-exists
  // describe
  bool shows_configs = false;
};

Status ListTopics(const TopicOptions& options);
Status DescribeTopic(const TopicOptions& options);
Status CreateTopics(const TopicOptions& options);
Status DeleteTopics(const TopicOptions& options);

struct ProduceOptions {
  std::string bootstrap_server = kBootstrapServer;
  std::string topic;
  std::string key;                             // of every record
  std::string key_separator;                   // or: what stands before it in each line
  int32_t partition = -1;                      // -1: by key, or in turn
  std::string codec = "none";
};
/// Each line of standard input as one record, acknowledged as durable before it returns.
Status ProduceLines(const ProduceOptions& options);

struct ConsumeOptions {
  std::string bootstrap_server = kBootstrapServer;
  std::string topic;
  std::string from = "start";                  // start, end, OFFSET, +N, -N, @MILLISECONDS
  int32_t partition = -1;                      // -1: all
  int64_t count = -1;                          // -1: no limit
  bool ends = false;                           // at the offsets that were the end when it began
  std::string format = "text";                 // text (the value, one a line), json, csv, table
};
Status ConsumeTopic(const ConsumeOptions& options);

}  // namespace firn::cli
