// SPDX-License-Identifier: Apache-2.0
// Writes records to one topic: gathered in a batch a partition, sent to the partitions' leaders, acknowledged when Flush returns.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/kafka_client.h"
#include "io/clock.h"
#include "kafka/record_batch.h"

namespace firn::cli {

/// Thread-compatible; blocks in Flush.
class RecordProducer {
 public:
  struct Options {
    std::string topic;
    kafka::Codec codec = kafka::Codec::kNone;
    int32_t partition = -1;  // -1: by key as Kafka's clients choose, or in turn without one
  };
  /// The topic must exist; `client` and `clock` outlive the producer.
  static Result<std::unique_ptr<RecordProducer>> Make(KafkaClient& client, const io::Clock& clock, const Options& options);

  void Add(std::optional<std::string_view> key, std::string_view value);
  size_t pending_bytes() const { return pending_bytes_; }
  int64_t acknowledged() const { return acknowledged_; }
  /// Sends what was added; durable once it returns.
  Status Flush();

 private:
  struct Partition {
    int32_t index = 0;
    int32_t leader = -1;
    kafka::RecordBatchBuilder batch;
  };
  RecordProducer(KafkaClient& client, const io::Clock& clock, Options options) : client_(client), clock_(clock), options_(std::move(options)) {}
  Status Send(int32_t leader);

  KafkaClient& client_;
  const io::Clock& clock_;
  const Options options_;
  std::vector<Partition> partitions_;  // by index
  size_t next_partition_ = 0;
  size_t pending_bytes_ = 0;
  int64_t acknowledged_ = 0;
};

}  // namespace firn::cli
