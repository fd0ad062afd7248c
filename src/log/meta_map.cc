// SPDX-License-Identifier: Apache-2.0
#include "log/meta_map.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/assert.h"
#include "base/endian.h"
#include "base/mutex.h"
#include "log/journal_format.h"

namespace firn::log {

std::string PartitionKey(TopicPartitionId id) { return fmt::format("{}{:010}", kPartitionKeyPrefix, id.value()); }

std::string EncodePartitionState(const PartitionState& state) {
  std::string value;
  AppendPartitionConfig(state.config, &value);
  value.resize(kPartitionConfigBytes + 8);
  base::StoreLittle(value.data() + kPartitionConfigBytes, state.log_start.value());
  return value;
}

Result<std::pair<TopicPartitionId, PartitionState>> DecodePartitionState(std::string_view key, std::string_view value) {
  const std::string_view digits = key.substr(std::min(key.size(), kPartitionKeyPrefix.size()));
  uint32_t id = 0;
  auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), id);
  if (fault != std::errc() || end != key.data() + key.size() || value.size() != kPartitionConfigBytes + 8) {
    return Error(ErrorCode::kCorruption, fmt::format("meta store entry `{}` of {} bytes is not a partition's", key, value.size()));
  }
  PartitionState state{.config = LoadPartitionConfig(value.data()),
                       .log_start = Offset(base::LoadLittle<int64_t>(value.data() + kPartitionConfigBytes))};
  return std::make_pair(TopicPartitionId(id), state);
}

std::optional<std::string> MetaMap::Get(std::string_view key) const {
  base::ReaderLock lock(mutex_);
  auto found = pairs_.find(key);
  if (found == pairs_.end()) return std::nullopt;
  return found->second;
}

std::vector<std::pair<std::string, std::string>> MetaMap::Scan(std::string_view prefix) const {
  std::vector<std::pair<std::string, std::string>> found;
  base::ReaderLock lock(mutex_);
  for (auto next = pairs_.lower_bound(prefix); next != pairs_.end() && next->first.starts_with(prefix); ++next) found.push_back(*next);
  return found;
}

void MetaMap::Visit(std::string_view prefix, std::string_view from, const Visitor& visit) const {
  base::ReaderLock lock(mutex_);
  for (auto next = pairs_.lower_bound(std::max(prefix, from)); next != pairs_.end() && next->first.starts_with(prefix); ++next) {
    if (!visit(next->first, next->second)) return;
  }
}

void MetaMap::Apply(uint64_t sequence, std::span<const Operation> operations) {
  base::WriterLock lock(mutex_);
  FIRN_ASSERT(sequence == sequence_ + 1, "entry {} applied after {}", sequence, sequence_);
  sequence_ = sequence;
  for (const Operation& operation : operations) ApplyOperation(operation);
}

void MetaMap::Restore(uint64_t sequence, MetaPairs pairs) {
  base::WriterLock lock(mutex_);
  sequence_ = sequence;
  pairs_ = std::move(pairs);
}

template <typename Change>
void MetaMap::ChangePartition(TopicPartitionId id, const Change& change) {
  auto found = pairs_.find(PartitionKey(id));
  if (found == pairs_.end()) return;
  auto decoded = DecodePartitionState(found->first, found->second);
  FIRN_ASSERT(decoded.ok(), "checked when it was restored");
  change(&decoded->second);
  found->second = EncodePartitionState(decoded->second);
}

void MetaMap::ApplyOperation(const Operation& operation) {
  if (const auto* put = std::get_if<Put>(&operation)) {
    pairs_.insert_or_assign(put->key, put->value);
  } else if (const auto* del = std::get_if<Delete>(&operation)) {
    pairs_.erase(del->key);
  } else if (const auto* create = std::get_if<CreatePartition>(&operation)) {
    pairs_.insert_or_assign(PartitionKey(create->partition), EncodePartitionState({create->config, Offset(0)}));
  } else if (const auto* configure = std::get_if<ConfigurePartition>(&operation)) {
    ChangePartition(configure->partition, [&](PartitionState* state) { state->config = configure->config; });
  } else if (const auto* drop = std::get_if<DropPartition>(&operation)) {
    pairs_.erase(PartitionKey(drop->partition));
  } else if (const auto* start = std::get_if<SetLogStart>(&operation)) {
    ChangePartition(start->partition, [&](PartitionState* state) { state->log_start = std::max(state->log_start, start->offset); });
  }
}

}  // namespace firn::log
