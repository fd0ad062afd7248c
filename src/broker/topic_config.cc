// SPDX-License-Identifier: Apache-2.0
#include "broker/topic_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>

#include "base/assert.h"

namespace firn::broker {

namespace {

constexpr double kIntMax = 2147483647;
constexpr double kLongMax = 9223372036854775807.0;
constexpr const char* kLongMaxText = "9223372036854775807";
constexpr size_t kTopicNameMax = 249;

using enum ConfigType;

ConfigDefinition Number(std::string_view name, ConfigType type, std::string value, double min, double max, std::string_view text) {
  return {name, type, std::move(value), min, max, {}, text};
}
ConfigDefinition Word(std::string_view name, ConfigType type, std::string value, std::vector<std::string_view> allowed, std::string_view text) {
  return {name, type, std::move(value), 0, 0, std::move(allowed), text};
}
ConfigDefinition Flag(std::string_view name, std::string value, std::string_view text) {
  return Word(name, kBoolean, std::move(value), {"true", "false"}, text);
}

std::vector<ConfigDefinition> MakeTopicConfigs() {
  std::vector<ConfigDefinition> configs = {
      Word("cleanup.policy", kList, "delete", {"delete"}, "What happens to old segments. Only delete is supported; compact is refused."),
      Number("compression.gzip.level", kInt, "-1", -1, 9, "Level of gzip when the broker compresses."),
      Number("compression.lz4.level", kInt, "9", 1, 17, "Level of lz4 when the broker compresses."),
      Word("compression.type", kString, "producer", {"producer", "uncompressed", "gzip", "snappy", "lz4", "zstd"},
           "Codec of stored batches; producer keeps the producer's."),
      Number("compression.zstd.level", kInt, "3", -131072, 22, "Level of zstd when the broker compresses."),
      Number("delete.retention.ms", kLong, "86400000", 0, kLongMax, "How long tombstones are kept in a compacted topic."),
      Number("file.delete.delay.ms", kLong, "60000", 0, kLongMax, "Accepted; firn removes files at once."),
      Number("flush.messages", kLong, kLongMaxText, 1, kLongMax, "Accepted; every acknowledged record is on disk already."),
      Number("flush.ms", kLong, kLongMaxText, 0, kLongMax, "Accepted; every acknowledged record is on disk already."),
      Word("follower.replication.throttled.replicas", kList, "", {}, "Accepted; there are no followers."),
      Number("index.interval.bytes", kInt, "4096", 0, kIntMax, "Accepted; the index interval is the log's own."),
      Word("leader.replication.throttled.replicas", kList, "", {}, "Accepted; there are no followers."),
      Number("local.retention.bytes", kLong, "-2", -2, kLongMax, "Accepted; there is no tiered storage."),
      Number("local.retention.ms", kLong, "-2", -2, kLongMax, "Accepted; there is no tiered storage."),
      Number("max.compaction.lag.ms", kLong, kLongMaxText, 1, kLongMax, "Longest time before a record is compacted."),
      Number("max.message.bytes", kInt, "1048588", 0, kIntMax, "Largest record batch that is accepted."),
      Number("message.timestamp.after.max.ms", kLong, "3600000", 0, kLongMax, "How far a record's time may lie in the future."),
      Number("message.timestamp.before.max.ms", kLong, kLongMaxText, 0, kLongMax, "How far a record's time may lie in the past."),
      Word("message.timestamp.type", kString, "CreateTime", {"CreateTime", "LogAppendTime"}, "Whose clock gives records their time."),
      Number("min.cleanable.dirty.ratio", kDouble, "0.5", 0, 1, "How much of a compacted log may be uncompacted."),
      Number("min.compaction.lag.ms", kLong, "0", 0, kLongMax, "Shortest time before a record is compacted."),
      Number("min.insync.replicas", kInt, "1", 1, kIntMax, "Accepted; there is one replica."),
      Flag("preallocate", "false", "Accepted; preallocation is the log's own."),
      Flag("remote.log.copy.disable", "false", "Accepted; there is no tiered storage."),
      Flag("remote.log.delete.on.disable", "false", "Accepted; there is no tiered storage."),
      Word("remote.storage.enable", kBoolean, "false", {"false"}, "There is no tiered storage."),
      Number("retention.bytes", kLong, "-1", -1, kLongMax, "Size of a partition above which old segments are deleted; -1: any."),
      Number("retention.ms", kLong, "604800000", -1, kLongMax, "Age at which segments are deleted; -1: never."),
      Number("segment.bytes", kInt, "1073741824", 14, kIntMax, "Size at which a new segment is begun."),
      Number("segment.index.bytes", kInt, "10485760", 4, kIntMax, "Accepted; the index size is the log's own."),
      Number("segment.jitter.ms", kLong, "0", 0, kLongMax, "Accepted; segments are begun without jitter."),
      Number("segment.ms", kLong, "604800000", 1, kLongMax, "Age at which a new segment is begun."),
      Flag("unclean.leader.election.enable", "false", "Accepted; there is one replica."),
  };
  FIRN_ASSERT(std::is_sorted(configs.begin(), configs.end(), [](const auto& a, const auto& b) { return a.name < b.name; }));
  return configs;
}

// Kafka's ServerTopicConfigSynonyms, those that have a default: what a Kafka 4.4 broker answers.
constexpr std::pair<std::string_view, std::string_view> kBrokerNames[] = {
    {"cleanup.policy", "log.cleanup.policy"},
    {"compression.gzip.level", "compression.gzip.level"},
    {"compression.lz4.level", "compression.lz4.level"},
    {"compression.type", "compression.type"},
    {"compression.zstd.level", "compression.zstd.level"},
    {"delete.retention.ms", "log.cleaner.delete.retention.ms"},
    {"file.delete.delay.ms", "log.segment.delete.delay.ms"},
    {"flush.messages", "log.flush.interval.messages"},
    {"index.interval.bytes", "log.index.interval.bytes"},
    {"local.retention.bytes", "log.local.retention.bytes"},
    {"local.retention.ms", "log.local.retention.ms"},
    {"max.compaction.lag.ms", "log.cleaner.max.compaction.lag.ms"},
    {"max.message.bytes", "message.max.bytes"},
    {"message.timestamp.after.max.ms", "log.message.timestamp.after.max.ms"},
    {"message.timestamp.before.max.ms", "log.message.timestamp.before.max.ms"},
    {"message.timestamp.type", "log.message.timestamp.type"},
    {"min.cleanable.dirty.ratio", "log.cleaner.min.cleanable.ratio"},
    {"min.compaction.lag.ms", "log.cleaner.min.compaction.lag.ms"},
    {"min.insync.replicas", "min.insync.replicas"},
    {"preallocate", "log.preallocate"},
    {"retention.bytes", "log.retention.bytes"},
    {"segment.bytes", "log.segment.bytes"},
    {"segment.index.bytes", "log.index.size.max.bytes"},
    {"unclean.leader.election.enable", "unclean.leader.election.enable"},
};

Error Invalid(const std::string& name, const std::string& value, const std::string& reason) {
  return Error(ErrorCode::kInvalidArgument, fmt::format("invalid value `{}` for topic setting {}: {}", value, name, reason));
}

bool ParseLong(const std::string& text, int64_t* number) {
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), *number);
  return code == std::errc() && end == text.data() + text.size() && !text.empty();
}

Status CheckNumber(const ConfigDefinition& definition, const std::string& value) {
  double number = 0;
  if (definition.type == kDouble) {
    char* end = nullptr;
    number = std::strtod(value.c_str(), &end);
    if (value.empty() || end != value.c_str() + value.size()) return Invalid(std::string(definition.name), value, "it is not a number");
  } else {
    int64_t whole = 0;
    if (!ParseLong(value, &whole)) return Invalid(std::string(definition.name), value, "it is not a whole number");
    number = static_cast<double>(whole);
  }
  if (number >= definition.min && number <= definition.max) return Ok();
  const std::string most = definition.max == kLongMax ? kLongMaxText : fmt::format("{}", definition.max);
  return Invalid(std::string(definition.name), value, fmt::format("it must be in [{}, {}]", definition.min, most));
}

Status CheckWords(const ConfigDefinition& definition, const std::string& value) {
  if (definition.allowed.empty()) return Ok();
  std::string_view rest = value;
  while (true) {
    const size_t comma = definition.type == kList ? rest.find(',') : std::string_view::npos;
    const std::string_view word = rest.substr(0, comma);
    if (std::find(definition.allowed.begin(), definition.allowed.end(), word) == definition.allowed.end()) {
      return Invalid(std::string(definition.name), value, fmt::format("it must be one of {}", fmt::join(definition.allowed, ", ")));
    }
    if (comma == std::string_view::npos) return Ok();
    rest.remove_prefix(comma + 1);
  }
}

int64_t LongValue(const std::map<std::string, std::string>& configs, std::string_view name) {
  int64_t number = 0;
  const std::string text = ConfigValue(configs, name);
  FIRN_ASSERT(ParseLong(text, &number), "{} = {}", name, text);
  return number;
}

}  // namespace

const std::vector<ConfigDefinition>& TopicConfigs() {
  static const std::vector<ConfigDefinition> configs = MakeTopicConfigs();
  return configs;
}

const ConfigDefinition* FindTopicConfig(std::string_view name) {
  const auto& configs = TopicConfigs();
  auto found = std::lower_bound(configs.begin(), configs.end(), name, [](const auto& config, std::string_view wanted) { return config.name < wanted; });
  return found != configs.end() && found->name == name ? &*found : nullptr;
}

std::string_view BrokerNameOf(std::string_view name) {
  FIRN_ASSERT(FindTopicConfig(name) != nullptr, "setting {}", name);
  const auto* found = std::find_if(std::begin(kBrokerNames), std::end(kBrokerNames), [&](const auto& names) { return names.first == name; });
  return found == std::end(kBrokerNames) ? std::string_view() : found->second;
}

Error UnknownTopicConfig(const std::string& name) {
  std::vector<std::string> names;
  for (const auto& config : TopicConfigs()) names.emplace_back(config.name);
  return Error(ErrorCode::kInvalidArgument, fmt::format("unknown topic setting {}", name)).Candidates(base::NearNames(name, names));
}

Status CheckTopicConfig(const std::string& name, const std::string& value) {
  const ConfigDefinition* definition = FindTopicConfig(name);
  if (definition == nullptr) return UnknownTopicConfig(name);
  const bool is_number = definition->type == kInt || definition->type == kLong || definition->type == kShort || definition->type == kDouble;
  return is_number ? CheckNumber(*definition, value) : CheckWords(*definition, value);
}

std::string ConfigValue(const std::map<std::string, std::string>& configs, std::string_view name) {
  auto set = configs.find(std::string(name));
  if (set != configs.end()) return set->second;
  const ConfigDefinition* definition = FindTopicConfig(name);
  FIRN_ASSERT(definition != nullptr, "setting {}", name);
  return definition->default_value;
}

TopicSettings SettingsOf(const std::map<std::string, std::string>& configs) {
  TopicSettings settings;
  settings.max_message_bytes = LongValue(configs, "max.message.bytes");
  settings.has_log_append_time = ConfigValue(configs, "message.timestamp.type") == "LogAppendTime";
  settings.timestamp_before_max_ms = LongValue(configs, "message.timestamp.before.max.ms");
  settings.timestamp_after_max_ms = LongValue(configs, "message.timestamp.after.max.ms");
  const std::string codec = ConfigValue(configs, "compression.type");
  if (codec == "uncompressed") settings.codec = kafka::Codec::kNone;
  for (auto known : {kafka::Codec::kGzip, kafka::Codec::kSnappy, kafka::Codec::kLz4, kafka::Codec::kZstd}) {
    if (codec == kafka::CodecName(known)) settings.codec = known;
  }
  settings.partition = {.segment_bytes = LongValue(configs, "segment.bytes"),
                        .segment_ms = LongValue(configs, "segment.ms"),
                        .retention_ms = LongValue(configs, "retention.ms"),
                        .retention_bytes = LongValue(configs, "retention.bytes")};
  return settings;
}

Status CheckTopicName(const std::string& name) {
  auto is_allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  };
  std::string reason;
  if (name.empty()) {
    reason = "it is empty";
  } else if (name == "." || name == "..") {
    reason = "it may not be . or ..";
  } else if (name.size() > kTopicNameMax) {
    reason = fmt::format("it has {} characters, at most {} are allowed", name.size(), kTopicNameMax);
  } else if (!std::all_of(name.begin(), name.end(), is_allowed)) {
    reason = "only ASCII letters, digits, '.', '_' and '-' are allowed";
  } else {
    return Ok();
  }
  return Error(ErrorCode::kInvalidArgument, fmt::format("topic name `{}` is illegal: {}", name.substr(0, kTopicNameMax + 1), reason));
}

}  // namespace firn::broker
