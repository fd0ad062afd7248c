// SPDX-License-Identifier: Apache-2.0
#include "connect/kafka.h"

#include <fmt/format.h>

#include "connect/kafka_sink.h"
#include "connect/kafka_source.h"
#include "connect/kafka_table.h"

namespace firn::connect {

namespace {

class KafkaConnector final : public exec::Connector {
 public:
  KafkaConnector(broker::Topics& topics, const io::Clock& clock) : topics_(topics), clock_(clock) {}
  std::string name() const override { return "kafka"; }

  Result<plan::SourceTraits> DescribeSource(const plan::TableDefinition& table, bool is_batch) const override {
    FIRN_TRY(KafkaTable kafka, ParseKafkaTable(table, "UTC"));
    const bool needs_group = table.options.contains("scan.startup.mode") || kafka.reset == OffsetReset::kNone;  // by default without a group: from the earliest offset
    if (kafka.startup == StartupMode::kGroupOffsets && kafka.group.empty() && needs_group) {
      return Error(ErrorCode::kInvalidOption, fmt::format("'scan.startup.mode'='group-offsets' needs 'properties.group.id' (table {})", table.path.ToString()))
          .Hint("name the group whose committed offsets to begin at, or set 'scan.startup.mode'='earliest-offset'");
    }
    plan::SourceTraits traits;
    traits.is_bounded = kafka.bounded != BoundedMode::kUnbounded;
    if (is_batch && !traits.is_bounded) {
      return Error(ErrorCode::kInvalidOption, "a kafka table never ends, and a batch query needs an end: " + table.path.ToString())
          .Hint("set 'scan.bounded.mode'='latest-offset' on the table or in a hint, or SET 'execution.runtime-mode'='streaming'");
    }
    if (formats::HasChanges(kafka.value_format)) {
      if (is_batch) {
        return Error(ErrorCode::kNotSupported, fmt::format("{} holds changes ('{}'), and a batch query reads rows only", table.path.ToString(), kafka.value_format.name))
            .Hint("SET 'execution.runtime-mode'='streaming'");
      }
      traits.changelog = plan::kRetract;
    }
    traits.metadata = KafkaMetadata();
    traits.takes_projection = true;
    return traits;
  }

  Result<plan::SinkTraits> DescribeSink(const plan::TableDefinition& table, bool) const override {
    FIRN_TRY(KafkaTable kafka, ParseKafkaTable(table, "UTC"));
    return plan::SinkTraits{.accepts = formats::HasChanges(kafka.value_format) ? plan::kRetract : plan::kInsertOnly, .metadata = {KafkaMetadata()[2], KafkaMetadata()[5]}};  // headers, timestamp
  }

  Result<std::unique_ptr<exec::Source>> MakeSource(const plan::ScanNode& scan, const exec::JobIdentity& job) override {
    FIRN_TRY(KafkaTable kafka, ParseKafkaTable(*scan.table, TimeZoneOf(job)));
    return MakeKafkaSource(topics_, std::move(kafka), scan);
  }

  Result<exec::Sink> MakeSink(const plan::SinkNode& sink, const types::SchemaPtr& input, int lanes, const exec::JobIdentity& job) override {
    FIRN_TRY(KafkaTable kafka, ParseKafkaTable(*sink.table, TimeZoneOf(job)));
    return MakeKafkaSink(topics_, clock_, std::move(kafka), sink, input, lanes);
  }

 private:
  static std::string TimeZoneOf(const exec::JobIdentity& job) {
    auto found = job.config.find("table.local-time-zone");
    return found == job.config.end() ? "UTC" : found->second;
  }

  broker::Topics& topics_;
  const io::Clock& clock_;
};

}  // namespace

std::unique_ptr<exec::Connector> MakeKafkaConnector(broker::Topics& topics, const io::Clock& clock) {
  return std::make_unique<KafkaConnector>(topics, clock);
}

}  // namespace firn::connect
