// SPDX-License-Identifier: Apache-2.0
#include "connect/kafka_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/ascii.h"
#include "connect/options.h"
#include "io/network.h"

namespace firn::connect {

namespace {

const std::vector<OptionRule>& KafkaOptions() {
  static const std::vector<OptionRule>* const rules = new std::vector<OptionRule>{
      {"topic", OptionKind::kText, true, {}, "the topic to read or write; several to read are separated by ';'"},
      {"properties.*", OptionKind::kText, false, {}, "client properties: bootstrap.servers, group.id, auto.offset.reset count, others are accepted"},
      {"format", OptionKind::kText, false, {}, "how values are encoded: json, csv, raw, debezium-json"},
      {"value.format", OptionKind::kText, false, {}, "the same as 'format'"},
      {"key.format", OptionKind::kText, false, {}, "how keys are encoded"},
      {"key.fields", OptionKind::kText, false, {}, "the columns that the key holds, separated by ';'"},
      {"key.fields-prefix", OptionKind::kText, false, {}, "what the key's columns begin with in this table"},
      {"value.fields-include", OptionKind::kChoice, false, {"ALL", "EXCEPT_KEY"}, "whether values hold the key's columns too"},
      {"scan.startup.mode", OptionKind::kChoice, false, {"earliest-offset", "latest-offset", "group-offsets", "timestamp", "specific-offsets"}, "where to begin"},
      {"scan.startup.timestamp-millis", OptionKind::kInteger, false, {}, "for 'timestamp'"},
      {"scan.startup.specific-offsets", OptionKind::kText, false, {}, "'partition:0,offset:42;partition:1,offset:300'"},
      {"scan.bounded.mode", OptionKind::kChoice, false, {"unbounded", "latest-offset", "timestamp", "specific-offsets"}, "where to end"},
      {"scan.bounded.timestamp-millis", OptionKind::kInteger, false, {}, "for 'timestamp'"},
      {"scan.bounded.specific-offsets", OptionKind::kText, false, {}, "as for the startup"},
      {"scan.topic-partition-discovery.interval", OptionKind::kDuration, false, {}, "0: partitions that are added are seen when the job starts again; else at once"},
      {"scan.parallelism", OptionKind::kInteger, false, {}, "accepted; one task reads all partitions in event-time order"},
      {"scan.watermark.*", OptionKind::kText, false, {}, "accepted"},
      {"sink.partitioner", OptionKind::kChoice, false, {"default", "fixed", "round-robin"}, "which partition a row goes to"},
      {"sink.delivery-guarantee", OptionKind::kChoice, false, {"at-least-once", "exactly-once", "none"}, "accepted; writing is exactly once always"},
      {"sink.transactional-id-prefix", OptionKind::kText, false, {}, "accepted; not needed"},
      {"sink.parallelism", OptionKind::kInteger, false, {}, "accepted"},
      {"json.*", OptionKind::kText, false, {}, "options of the format"},
      {"csv.*", OptionKind::kText, false, {}, "options of the format"},
      {"raw.*", OptionKind::kText, false, {}, "options of the format"},
      {"debezium-json.*", OptionKind::kText, false, {}, "options of the format"},
      {"value.*", OptionKind::kText, false, {}, "options of the value's format"},
      {"key.*", OptionKind::kText, false, {}, "options of the key's format"},
  };
  return *rules;
}

std::vector<std::string> Split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  size_t begin = 0;
  while (begin <= text.size()) {
    const size_t end = std::min(text.find(separator, begin), text.size());
    if (end > begin) parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

// "partition:0,offset:42;partition:1,offset:300"
Result<std::map<int32_t, int64_t>> ParseOffsets(const std::string& key, const std::string& text) {
  std::map<int32_t, int64_t> offsets;
  for (const std::string& item : Split(text, ';')) {
    const std::vector<std::string> parts = Split(item, ',');
    int32_t partition = 0;
    int64_t offset = 0;
    auto number = [](const std::string& part, std::string_view name, auto* value) {
      if (!part.starts_with(name)) return false;
      auto [end, status] = std::from_chars(part.data() + name.size(), part.data() + part.size(), *value);
      return status == std::errc() && end == part.data() + part.size();
    };
    if (parts.size() != 2 || !number(parts[0], "partition:", &partition) || !number(parts[1], "offset:", &offset)) {
      return Error(ErrorCode::kInvalidOption, fmt::format("'{}' has '{}'; it takes 'partition:0,offset:42;partition:1,offset:300'", key, item));
    }
    offsets[partition] = offset;
  }
  return offsets;
}

// This node's own broker is meant by any loopback address: scripts say localhost:9092 whatever port a test gave the node.
Status CheckServers(const plan::TableDefinition& table) {
  for (const std::string& server : Split(table.Option("properties.bootstrap.servers"), ',')) {
    auto address = io::ParseAddress(server);
    if (!address.ok()) return Error(ErrorCode::kInvalidOption, fmt::format("'properties.bootstrap.servers': {}", address.error().message())).Hint("for example localhost:9092");
    const std::string& host = address->host;
    if (host == "localhost" || host == "::1" || host.starts_with("127.")) continue;
    return Error(ErrorCode::kNotSupported, fmt::format("'properties.bootstrap.servers' is '{}': only this node's own broker can be read and written", server))
        .Hint("use localhost:9092");
  }
  return Ok();
}

// In either case, as Flink takes it. Flink's own default is 'none'.
Result<OffsetReset> ParseReset(const plan::TableDefinition& table) {
  const std::string key = "properties.auto.offset.reset", text = table.Option(key, "earliest"), value = base::AsciiUpper(text);
  if (value == "EARLIEST") return OffsetReset::kEarliest;
  if (value == "LATEST") return OffsetReset::kLatest;
  if (value == "NONE") return OffsetReset::kNone;
  return Error(ErrorCode::kInvalidOption, fmt::format("'{}' is '{}' (table {})", key, text, table.path.ToString()))
      .Hint("it takes earliest, latest or none: where a group begins that has committed no offset")
      .Candidates(base::NearNames(text, {"earliest", "latest", "none"}));
}

Status ParseBounds(const plan::TableDefinition& table, KafkaTable* kafka) {
  static const std::map<std::string, StartupMode> kStartups = {{"earliest-offset", StartupMode::kEarliest},
                                                               {"latest-offset", StartupMode::kLatest},
                                                               {"group-offsets", StartupMode::kGroupOffsets},
                                                               {"timestamp", StartupMode::kTimestamp},
                                                               {"specific-offsets", StartupMode::kSpecificOffsets}};
  static const std::map<std::string, BoundedMode> kBounds = {{"unbounded", BoundedMode::kUnbounded},
                                                             {"latest-offset", BoundedMode::kLatest},
                                                             {"timestamp", BoundedMode::kTimestamp},
                                                             {"specific-offsets", BoundedMode::kSpecificOffsets}};
  kafka->startup = kStartups.at(table.Option("scan.startup.mode", "group-offsets"));
  kafka->bounded = kBounds.at(table.Option("scan.bounded.mode", "unbounded"));
  kafka->discovers_partitions = kafka->bounded == BoundedMode::kUnbounded && DurationOptionMs(table, "scan.topic-partition-discovery.interval", 1) > 0;
  kafka->group = table.Option("properties.group.id");
  FIRN_TRY(kafka->reset, ParseReset(table));
  kafka->startup_timestamp_ms = IntegerOption(table, "scan.startup.timestamp-millis", 0);
  kafka->bounded_timestamp_ms = IntegerOption(table, "scan.bounded.timestamp-millis", 0);
  FIRN_TRY(kafka->startup_offsets, ParseOffsets("scan.startup.specific-offsets", table.Option("scan.startup.specific-offsets")));
  FIRN_TRY(kafka->bounded_offsets, ParseOffsets("scan.bounded.specific-offsets", table.Option("scan.bounded.specific-offsets")));
  if (kafka->startup == StartupMode::kTimestamp && !table.options.contains("scan.startup.timestamp-millis")) {
    return Error(ErrorCode::kInvalidOption, fmt::format("'scan.startup.mode'='timestamp' needs 'scan.startup.timestamp-millis' (table {})", table.path.ToString())).Hint("milliseconds since 1970, for example '1700000000000'");
  }
  if (kafka->startup == StartupMode::kSpecificOffsets && kafka->startup_offsets.empty()) {
    return Error(ErrorCode::kInvalidOption, fmt::format("'scan.startup.mode'='specific-offsets' needs 'scan.startup.specific-offsets' (table {})", table.path.ToString())).Hint("for example 'partition:0,offset:42;partition:1,offset:300'");
  }
  return Ok();
}

Status ParseFormats(const plan::TableDefinition& table, const std::string& time_zone, KafkaTable* kafka) {
  const std::string value = table.Option("value.format", table.Option("format"));
  if (value.empty()) {
    return Error(ErrorCode::kInvalidOption, fmt::format("the kafka connector needs the option 'format' (table {})", table.path.ToString()))
        .Hint("'format'='json', 'csv', 'raw' or 'debezium-json'");
  }
  kafka->value_format = {value, formats::FormatOptions(table.options, value), time_zone, {}};
  for (auto& [key, option] : formats::FormatOptions(table.options, value, "value.")) kafka->value_format.options.emplace(key, option);
  FIRN_RETURN_IF_ERROR(formats::CheckFormat(kafka->value_format));
  kafka->key_fields = Split(table.Option("key.fields"), ';');
  kafka->key_prefix = table.Option("key.fields-prefix");
  kafka->value_has_key_fields = table.Option("value.fields-include", "ALL") == "ALL";
  const std::string key = table.Option("key.format");
  if (key.empty() != kafka->key_fields.empty()) {
    return Error(ErrorCode::kInvalidOption, fmt::format("'{}' is '{}', and '{}' is missing (table {})", key.empty() ? "key.fields" : "key.format", key.empty() ? table.Option("key.fields") : key, key.empty() ? "key.format" : "key.fields", table.path.ToString())).Hint("they go together: which columns the key holds, and how");
  }
  if (!kafka->key_prefix.empty() && kafka->value_has_key_fields) {
    return Error(ErrorCode::kInvalidOption, fmt::format("'key.fields-prefix' is '{}', which needs 'value.fields-include'='EXCEPT_KEY' (table {})", kafka->key_prefix, table.path.ToString())).Hint("or leave the prefix out: the value's fields have the columns' names");
  }
  if (key.empty()) return Ok();
  kafka->key_format = formats::FormatSpec{key, formats::FormatOptions(table.options, key, "key."), time_zone, {}};
  FIRN_RETURN_IF_ERROR(formats::CheckFormat(*kafka->key_format));
  std::vector<std::string> names;
  for (const plan::TableColumn& column : table.columns) {
    if (column.kind == plan::ColumnKind::kPhysical) names.push_back(column.name);
  }
  for (const std::string& field : kafka->key_fields) {
    if (std::find(names.begin(), names.end(), field) == names.end()) {
      return Error(ErrorCode::kInvalidOption, fmt::format("'key.fields' names `{}`, which is no physical column", field)).Hint(fmt::format("there are {}", fmt::join(names, ", "))).Candidates(base::NearNames(field, names));
    }
    if (!field.starts_with(kafka->key_prefix)) {
      return Error(ErrorCode::kInvalidOption, fmt::format("the key's column `{}` does not begin with 'key.fields-prefix' '{}'", field, kafka->key_prefix)).Hint(fmt::format("name it `{}{}`", kafka->key_prefix, field));
    }
  }
  return Ok();
}

// What keys and values hold, in order, for formats that go by places.
void ListColumns(const plan::TableDefinition& table, KafkaTable* kafka) {
  std::map<std::string, types::DataType> key_types;
  for (const plan::TableColumn& column : table.columns) {
    if (column.kind != plan::ColumnKind::kPhysical) continue;
    const bool is_key = std::find(kafka->key_fields.begin(), kafka->key_fields.end(), column.name) != kafka->key_fields.end();
    if (is_key) key_types[column.name] = column.type;
    if (!is_key || kafka->value_has_key_fields) kafka->value_format.columns.push_back({column.name, column.type});
  }
  if (!kafka->key_format) return;
  for (const std::string& field : kafka->key_fields) kafka->key_format->columns.push_back({field.substr(kafka->key_prefix.size()), key_types[field]});
}

}  // namespace

Result<KafkaTable> ParseKafkaTable(const plan::TableDefinition& table, const std::string& time_zone) {
  if (table.options.contains("topic-pattern")) {
    return Error(ErrorCode::kNotSupported, fmt::format("'topic-pattern' is '{}': topics are not found by a pattern (table {})", table.Option("topic-pattern"), table.path.ToString())).Hint("'topic' takes several topics, separated by ';'");
  }
  FIRN_RETURN_IF_ERROR(CheckOptions(table, KafkaOptions()));
  FIRN_RETURN_IF_ERROR(CheckServers(table));
  KafkaTable kafka;
  kafka.topics = Split(table.Option("topic"), ';');
  if (kafka.topics.empty()) return Error(ErrorCode::kInvalidOption, fmt::format("'topic' is '{}', which names none (table {})", table.Option("topic"), table.path.ToString())).Hint("'topic' takes one topic or several, separated by ';'");
  kafka.partitioner = table.Option("sink.partitioner", "default");
  FIRN_RETURN_IF_ERROR(ParseBounds(table, &kafka));
  FIRN_RETURN_IF_ERROR(ParseFormats(table, time_zone, &kafka));
  ListColumns(table, &kafka);
  return kafka;
}

const std::vector<types::Field>& KafkaMetadata() {
  using types::DataType;
  static const std::vector<types::Field>* const fields = new std::vector<types::Field>{
      {"topic", DataType::String().NotNull()},
      {"partition", DataType::Int().NotNull()},
      {"headers", DataType::Map(DataType::String().NotNull(), DataType::Bytes()).NotNull()},
      {"leader-epoch", DataType::Int()},
      {"offset", DataType::BigInt().NotNull()},
      {"timestamp", DataType::TimestampLtz(3).NotNull()},
      {"timestamp-type", DataType::String().NotNull()},
  };
  return *fields;
}

}  // namespace firn::connect
