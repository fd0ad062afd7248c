// SPDX-License-Identifier: Apache-2.0
#include "broker/meta_records.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <map>
#include <set>

#include "base/assert.h"
#include "base/varint.h"
#include "broker/topic_config.h"

namespace firn::broker {

namespace {

constexpr char kFormatVersion = 1;  // first byte of every value
constexpr std::string_view kOffsetPart = "offset/";

Error Unreadable(std::string_view what, std::string_view key) {
  return Error(ErrorCode::kCorruption, fmt::format("the meta store's {}`{}` cannot be read", what, key))
      .Hint(std::string(kDamagedHint));
}

/// Writes the parts of a value: a format byte, varints, strings with their length.
class Writer {
 public:
  Writer() : out_(1, kFormatVersion) {}
  Writer& Number(int64_t value) {
    base::AppendVarint(&out_, value);
    return *this;
  }
  Writer& Text(std::string_view text) {
    base::AppendUnsignedVarint(&out_, text.size());
    out_.append(text);
    return *this;
  }
  Writer& OptionalText(const std::optional<std::string>& text) {
    Number(text.has_value() ? 1 : 0);
    return text.has_value() ? Text(*text) : *this;
  }
  std::string Take() { return std::move(out_); }

 private:
  std::string out_;
};

/// Reads them back; a fault is sticky.
class Reader {
 public:
  Reader(std::string_view key, std::string_view value) : key_(key), in_(value) {
    is_good_ = !in_.empty() && in_.front() == kFormatVersion;
    if (is_good_) in_.remove_prefix(1);
  }
  int64_t Number() {
    int64_t value = 0;
    is_good_ = is_good_ && base::ReadVarint(&in_, &value);
    return is_good_ ? value : 0;
  }
  template <typename T>
  T NumberAs() {
    const int64_t number = Number();
    is_good_ = is_good_ && number >= std::numeric_limits<T>::min() && number <= std::numeric_limits<T>::max();
    return is_good_ ? static_cast<T>(number) : T();
  }
  /// What a value of this meaning cannot be without.
  void Require(bool holds) { is_good_ = is_good_ && holds; }
  /// A count of things that take at least a byte each.
  size_t Count() {
    const int64_t count = Number();
    is_good_ = is_good_ && count >= 0 && static_cast<uint64_t>(count) <= in_.size();
    return is_good_ ? static_cast<size_t>(count) : 0;
  }
  std::string Text() {
    uint64_t size = 0;
    is_good_ = is_good_ && base::ReadUnsignedVarint(&in_, &size) && size <= in_.size();
    if (!is_good_) return {};
    std::string text(in_.substr(0, size));
    in_.remove_prefix(size);
    return text;
  }
  std::optional<std::string> OptionalText() {
    if (Number() == 0) return std::nullopt;
    return Text();
  }
  Status Finish() const {
    if (is_good_ && in_.empty()) return Ok();
    return Unreadable("value of ", key_);
  }

 private:
  std::string_view key_;
  std::string_view in_;
  bool is_good_;
};

/// Percent-encodes what would end a part of a key, or could not be read in a dump.
std::string EscapePart(std::string_view text) {
  std::string out;
  for (char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if (c == '/' || c == '%' || byte < 0x21 || byte > 0x7e) {
      out += fmt::format("%{:02x}", byte);
    } else {
      out.push_back(c);
    }
  }
  return out;
}

std::optional<std::string> UnescapePart(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    unsigned byte = 0;
    if (i + 2 >= text.size()) return std::nullopt;
    const auto [end, code] = std::from_chars(text.data() + i + 1, text.data() + i + 3, byte, 16);
    if (code != std::errc() || end != text.data() + i + 3) return std::nullopt;
    out.push_back(static_cast<char>(byte));
    i += 2;
  }
  return out;
}

template <typename Value>
Status StatusOf(const Result<Value>& decoded) {
  return decoded.ok() ? Ok() : Status(decoded.error());
}

/// Whether a group may be made of it: each member once, and a protocol that all of them know.
bool IsSound(const GroupRecord& group) {
  std::set<std::string_view> ids;
  std::map<std::string_view, size_t> supporters;
  for (const MemberRecord& member : group.members) {
    if (!ids.insert(member.id).second || member.session_timeout_ms <= 0 || member.rebalance_timeout_ms < 0) return false;
    std::set<std::string_view> names;
    for (const auto& [name, metadata] : member.protocols) names.insert(name);
    for (std::string_view name : names) ++supporters[name];
  }
  const auto is_common = [&](const auto& entry) { return entry.second == group.members.size(); };
  return group.generation >= 0 && (group.members.empty() || std::any_of(supporters.begin(), supporters.end(), is_common));
}

}  // namespace

std::string TopicKey(std::string_view topic) { return fmt::format("{}{}", kTopicPrefix, topic); }
std::string GroupKeyPrefix(std::string_view group) { return fmt::format("{}{}/", kGroupPrefix, EscapePart(group)); }
std::string GroupMembersKey(std::string_view group) { return GroupKeyPrefix(group) + "members"; }
std::string GroupOffsetsPrefix(std::string_view group) { return GroupKeyPrefix(group) + std::string(kOffsetPart); }
std::string GroupOffsetKey(std::string_view group, std::string_view topic, int32_t partition) {
  return fmt::format("{}{}/{}", GroupOffsetsPrefix(group), topic, partition);
}
std::string ProducerStatePrefix(log::TopicPartitionId partition) { return fmt::format("{}{}/", kProducerStatePrefix, partition); }
std::string ProducerStateKey(log::TopicPartitionId partition, int64_t producer_id) {
  FIRN_ASSERT(producer_id >= 0, "producer {}", producer_id);
  return fmt::format("{}{}/{}", kProducerStatePrefix, partition, producer_id);
}

std::optional<ProducerStateName> ProducerOfStateKey(std::string_view key) {
  if (!key.starts_with(kProducerStatePrefix)) return std::nullopt;
  const char* const end = key.data() + key.size();
  uint32_t partition = 0;
  ProducerStateName name;
  const auto [slash, partition_fault] = std::from_chars(key.data() + kProducerStatePrefix.size(), end, partition);
  if (partition_fault != std::errc() || slash == end || *slash != '/') return std::nullopt;
  const auto [read, id_fault] = std::from_chars(slash + 1, end, name.producer_id);
  if (id_fault != std::errc() || read != end) return std::nullopt;
  name.partition = log::TopicPartitionId(partition);
  return name;
}

std::optional<std::string> GroupOfKey(std::string_view key) {
  if (!key.starts_with(kGroupPrefix)) return std::nullopt;
  key.remove_prefix(kGroupPrefix.size());
  const size_t slash = key.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  return UnescapePart(key.substr(0, slash));
}

std::optional<TopicPartitionName> PartitionOfOffsetKey(std::string_view key) {
  if (!key.starts_with(kGroupPrefix)) return std::nullopt;
  key.remove_prefix(kGroupPrefix.size());
  const size_t group_end = key.find('/');
  const size_t partition_begin = key.rfind('/');
  if (group_end == std::string_view::npos || !key.substr(group_end + 1).starts_with(kOffsetPart)) return std::nullopt;
  const size_t topic_begin = group_end + 1 + kOffsetPart.size();
  if (partition_begin < topic_begin) return std::nullopt;
  TopicPartitionName name;
  name.topic = key.substr(topic_begin, partition_begin - topic_begin);
  const char* const end = key.data() + key.size();
  const auto [read, code] = std::from_chars(key.data() + partition_begin + 1, end, name.partition);
  if (code != std::errc() || read != end) return std::nullopt;
  return name;
}

std::string EncodeTopic(const TopicInfo& topic) {
  Writer out;
  out.Text({reinterpret_cast<const char*>(topic.id.data()), topic.id.size()}).Number(topic.created_ms);
  out.Number(static_cast<int64_t>(topic.partitions.size()));
  for (auto partition : topic.partitions) out.Number(partition.value());
  out.Number(static_cast<int64_t>(topic.configs.size()));
  for (const auto& [name, value] : topic.configs) out.Text(name).Text(value);
  return out.Take();
}

Result<TopicInfo> DecodeTopic(std::string_view key, std::string_view value) {
  Reader in(key, value);
  TopicInfo topic;
  topic.name = key.substr(std::min(kTopicPrefix.size(), key.size()));
  const std::string id = in.Text();
  in.Require(id.size() == topic.id.size());
  if (id.size() == topic.id.size()) std::copy(id.begin(), id.end(), topic.id.begin());
  topic.created_ms = in.Number();
  const size_t partitions = in.Count();
  for (size_t i = 0; i < partitions; ++i) topic.partitions.emplace_back(in.NumberAs<uint32_t>());
  const size_t configs = in.Count();
  for (size_t i = 0; i < configs; ++i) {
    std::string name = in.Text();
    topic.configs[std::move(name)] = in.Text();
  }
  for (const auto& [name, text] : topic.configs) in.Require(CheckTopicConfig(name, text).ok());
  FIRN_RETURN_IF_ERROR(in.Finish());
  return topic;
}

std::string EncodeGroup(const GroupRecord& group) {
  Writer out;
  out.Number(group.generation).Text(group.protocol_type).Text(group.protocol).Text(group.leader);
  out.Number(static_cast<int64_t>(group.members.size()));
  for (const MemberRecord& member : group.members) {
    out.Text(member.id).OptionalText(member.instance_id).Text(member.client_id).Text(member.client_host);
    out.Number(member.session_timeout_ms).Number(member.rebalance_timeout_ms);
    out.Number(static_cast<int64_t>(member.protocols.size()));
    for (const auto& [name, metadata] : member.protocols) out.Text(name).Text(metadata);
    out.Text(member.assignment);
  }
  return out.Take();
}

Result<GroupRecord> DecodeGroup(std::string_view key, std::string_view value) {
  Reader in(key, value);
  GroupRecord group;
  group.generation = in.NumberAs<int32_t>();
  group.protocol_type = in.Text();
  group.protocol = in.Text();
  group.leader = in.Text();
  const size_t members = in.Count();
  for (size_t i = 0; i < members; ++i) {
    MemberRecord& member = group.members.emplace_back();
    member.id = in.Text();
    member.instance_id = in.OptionalText();
    member.client_id = in.Text();
    member.client_host = in.Text();
    member.session_timeout_ms = in.NumberAs<int32_t>();
    member.rebalance_timeout_ms = in.NumberAs<int32_t>();
    const size_t protocols = in.Count();
    for (size_t j = 0; j < protocols; ++j) {
      std::string name = in.Text();
      member.protocols.emplace_back(std::move(name), in.Text());
    }
    member.assignment = in.Text();
  }
  in.Require(IsSound(group));
  FIRN_RETURN_IF_ERROR(in.Finish());
  return group;
}

std::string EncodeGroupOffset(const GroupOffset& offset) {
  return Writer().Number(offset.offset).Number(offset.leader_epoch).Number(offset.commit_time_ms).Text(offset.metadata).Take();
}

Result<GroupOffset> DecodeGroupOffset(std::string_view key, std::string_view value) {
  Reader in(key, value);
  GroupOffset offset;
  offset.offset = in.Number();
  offset.leader_epoch = in.NumberAs<int32_t>();
  offset.commit_time_ms = in.Number();
  offset.metadata = in.Text();
  FIRN_RETURN_IF_ERROR(in.Finish());
  return offset;
}

std::string EncodeProducer(const ProducerRecord& producer) {
  Writer out;
  out.Number(producer.epoch).Number(producer.last_time_ms).Number(static_cast<int64_t>(producer.batches.size()));
  for (const ProducerBatch& batch : producer.batches) {
    out.Number(batch.first_sequence).Number(batch.last_sequence).Number(batch.offset).Number(batch.search_from);
  }
  return out.Take();
}

Result<ProducerRecord> DecodeProducer(std::string_view key, std::string_view value) {
  Reader in(key, value);
  ProducerRecord producer;
  producer.epoch = in.NumberAs<int16_t>();
  producer.last_time_ms = in.Number();
  const size_t batches = in.Count();
  for (size_t i = 0; i < batches; ++i) {
    ProducerBatch& batch = producer.batches.emplace_back();
    batch.first_sequence = in.NumberAs<int32_t>();
    batch.last_sequence = in.NumberAs<int32_t>();
    batch.offset = in.Number();
    batch.search_from = in.Number();
    in.Require(batch.first_sequence >= 0 && batch.last_sequence >= 0 && batch.offset >= -1 && batch.search_from >= 0);
  }
  FIRN_RETURN_IF_ERROR(in.Finish());
  return producer;
}

std::string EncodeNumber(int64_t number) { return Writer().Number(number).Take(); }

Result<int64_t> DecodeNumber(std::string_view key, std::string_view value) {
  Reader in(key, value);
  const int64_t number = in.Number();
  in.Require(number >= 0);
  FIRN_RETURN_IF_ERROR(in.Finish());
  return number;
}

Status CheckMetaRecord(std::string_view key, std::string_view value) {
  if (key.starts_with(kTopicPrefix)) return StatusOf(DecodeTopic(key, value));
  if (key == kNextProducerIdKey) return StatusOf(DecodeNumber(key, value));
  if (ProducerOfStateKey(key).has_value()) return StatusOf(DecodeProducer(key, value));
  if (PartitionOfOffsetKey(key).has_value() && GroupOfKey(key).has_value()) return StatusOf(DecodeGroupOffset(key, value));
  if (const auto group = GroupOfKey(key); group.has_value() && key == GroupMembersKey(*group)) return StatusOf(DecodeGroup(key, value));
  return Unreadable("key ", key);
}

}  // namespace firn::broker
