// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "base/hash.h"
#include "expr/distinct_values_internal.h"

namespace firn::expr {

void DistinctValues::Resize(int64_t group_count) {
  FIRN_ASSERT(static_cast<size_t>(group_count) >= chains_.size(), "{} groups become {}", chains_.size(), group_count);
  chains_.resize(static_cast<size_t>(group_count));
}

int64_t DistinctValues::Add(uint32_t group, std::string_view value, int64_t change) {
  FIRN_ASSERT(group < chains_.size() && change != 0, "a value of group {} of {} is counted {} times", group, chains_.size(), change);
  const uint64_t hash = base::CombineHashes(base::HashBytes(value), group);
  uint32_t at = slots_.Find(hash, [&](uint32_t other) { return values_[other].group == group && values_[other].bytes == value; });
  if (at == kNoValue) at = Insert(group, hash, value);
  const int64_t before = values_[at].count;
  values_[at].count += change;
  if (values_[at].count == 0) Erase(at);
  return before;
}

uint32_t DistinctValues::Insert(uint32_t group, uint64_t hash, std::string_view value) {
  auto at = static_cast<uint32_t>(values_.size());
  if (!free_.empty()) {
    at = free_.back();
    free_.pop_back();
  } else {
    FIRN_ASSERT(values_.size() < kNoValue, "{} values in one table", values_.size());
    values_.emplace_back();
  }
  Chain& chain = chains_[group];
  values_[at] = {.bytes = arena_.Copy(value), .hash = hash, .group = group, .previous = chain.last};
  (chain.last == kNoValue ? chain.first : values_[chain.last].next) = at;
  chain.last = at;
  slots_.Insert(hash, at, [&](uint32_t other) { return values_[other].hash; });
  return at;
}

void DistinctValues::Erase(uint32_t at) {
  Value& gone = values_[at];
  FIRN_ASSERT(gone.bytes.data() != nullptr && gone.group < chains_.size(), "value {} of group {} of {} goes twice", at, gone.group, chains_.size());
  slots_.Erase(gone.hash, at, [&](uint32_t other) { return values_[other].hash; });
  Chain& chain = chains_[gone.group];
  (gone.previous == kNoValue ? chain.first : values_[gone.previous].next) = gone.next;
  (gone.next == kNoValue ? chain.last : values_[gone.next].previous) = gone.previous;
  arena_.Release(gone.bytes.size());
  gone.bytes = {};
  free_.push_back(at);
  if (!arena_.WantsCompaction()) return;
  base::ByteArena compact;
  for (Value& value : values_) {
    if (value.bytes.data() != nullptr) value.bytes = compact.Copy(value.bytes);
  }
  arena_ = std::move(compact);
}

void DistinctValues::Clear(uint32_t group) {
  FIRN_ASSERT(group < chains_.size(), "group {} of {}", group, chains_.size());
  while (chains_[group].first != kNoValue) Erase(chains_[group].first);
}

int64_t DistinctValues::bytes() const {
  return static_cast<int64_t>(chains_.capacity() * sizeof(Chain) + values_.capacity() * sizeof(Value) + free_.capacity() * sizeof(uint32_t)) + slots_.bytes() + arena_.bytes();
}

}  // namespace firn::expr
