// SPDX-License-Identifier: Apache-2.0
#include "exec/group_table.h"

#include <algorithm>

#include "base/assert.h"

namespace firn::exec {

namespace {

constexpr size_t kFirstSlots = 16;

uint64_t SlotOf(uint64_t hash, uint32_t group) { return (hash & 0xffffffff00000000ULL) | (group + 1ULL); }
uint32_t GroupOf(uint64_t slot) { return static_cast<uint32_t>(slot) - 1; }

}  // namespace

template <typename Equals>
uint32_t GroupTable::Probe(uint64_t hash, Equals&& equals, size_t* slot) const {
  const size_t mask = slots_.size() - 1;
  for (size_t at = hash & mask;; at = (at + 1) & mask) {
    const uint64_t entry = slots_[at];
    if (entry == 0) {
      *slot = at;
      return kNoGroup;
    }
    if ((entry >> 32) == (hash >> 32) && equals(GroupOf(entry))) {
      *slot = at;
      return GroupOf(entry);
    }
  }
}

GroupTable::Key GroupTable::KeyOfRow(const BatchKeys& keys, int64_t row) const {
  Key key{keys.hashes[row], 0, {}, keys.IsSingleNull(row)};
  if (shape_ == KeyShape::kFixed) key.fixed = keys.fixed[row];
  if (shape_ == KeyShape::kBytes) key.bytes = keys.bytes[row];
  return key;
}

uint32_t GroupTable::Lookup(const Key& key, size_t* slot) const {
  if (key.is_null) return null_group_;
  if (shape_ == KeyShape::kNone) return size() > 0 ? 0 : kNoGroup;
  if (slots_.empty()) return kNoGroup;
  if (shape_ == KeyShape::kFixed) {
    return Probe(key.hash, [&](uint32_t group) { return fixed_[group] == key.fixed; }, slot);
  }
  return Probe(key.hash, [&](uint32_t group) { return bytes_[group] == key.bytes; }, slot);
}

uint32_t GroupTable::NewGroup(const Key& key) {
  uint32_t group = capacity();
  if (!free_.empty()) {
    group = free_.back();
    free_.pop_back();
  } else {
    FIRN_ASSERT(group < kNoGroup - 1, "a group table is full");
    hashes_.emplace_back();
    live_.emplace_back();
    if (shape_ == KeyShape::kFixed) fixed_.emplace_back();
    if (shape_ == KeyShape::kBytes) bytes_.emplace_back();
  }
  hashes_[group] = key.hash;
  live_[group] = 1;
  if (shape_ == KeyShape::kFixed) fixed_[group] = key.fixed;
  if (shape_ == KeyShape::kBytes) bytes_[group] = key.is_null ? std::string_view() : arena_.Copy(key.bytes);
  return group;
}

uint32_t GroupTable::Insert(const Key& key) {
  if (key.is_null) return null_group_ = NewGroup(key);
  if (shape_ == KeyShape::kNone) return NewGroup(key);
  if ((size() + 1) * 2 > slots_.size()) Grow();
  const uint32_t group = NewGroup(key);
  Place(key.hash, group);
  return group;
}

void GroupTable::Place(uint64_t hash, uint32_t group) {
  const size_t mask = slots_.size() - 1;
  size_t at = hash & mask;
  while (slots_[at] != 0) at = (at + 1) & mask;
  slots_[at] = SlotOf(hash, group);
}

void GroupTable::Grow() {
  const size_t count = slots_.empty() ? kFirstSlots : slots_.size() * 2;
  slots_.assign(count, 0);
  for (uint32_t group = 0; group < capacity(); ++group) {
    if (live_[group] && group != null_group_) Place(hashes_[group], group);
  }
}

void GroupTable::FindOrInsert(const BatchKeys& keys, std::vector<uint32_t>* groups) {
  FIRN_ASSERT(keys.shape == shape_, "keys of another shape");
  FIRN_ASSERT(keys.hashes.size() == static_cast<size_t>(keys.count), "{} keys have {} hashes", keys.count, keys.hashes.size());
  groups->resize(static_cast<size_t>(keys.count));
  uint32_t* out = groups->data();
  if (keys.shape == KeyShape::kNone && keys.count > 0) {  // one group for all
    const Key key = KeyOfRow(keys, 0);
    size_t slot = 0;
    const uint32_t group = Lookup(key, &slot);
    std::fill_n(out, keys.count, group != kNoGroup ? group : Insert(key));
    return;
  }
  for (int64_t row = 0; row < keys.count; ++row) {
    const Key key = KeyOfRow(keys, row);
    size_t slot = 0;
    const uint32_t group = Lookup(key, &slot);
    out[row] = group != kNoGroup ? group : Insert(key);
  }
  FIRN_ASSERT(size() <= slots_.size() / 2 + 1, "{} keys in {} slots: a probe may never end", size(), slots_.size());  // NULL has no slot
}

void GroupTable::Find(const BatchKeys& keys, std::vector<uint32_t>* groups) const {
  FIRN_ASSERT(keys.shape == shape_, "keys of another shape");
  groups->resize(static_cast<size_t>(keys.count));
  for (int64_t row = 0; row < keys.count; ++row) {
    size_t slot = 0;
    (*groups)[row] = Lookup(KeyOfRow(keys, row), &slot);
  }
}

void GroupTable::FindOrInsertFrom(const GroupTable& other, std::span<const uint32_t> others, std::vector<uint32_t>* groups) {
  FIRN_ASSERT(other.shape_ == shape_, "a table of another shape");
  groups->resize(others.size());
  for (size_t i = 0; i < others.size(); ++i) {
    const uint32_t from = others[i];
    Key key{other.hashes_[from], 0, {}, other.is_null(from)};
    if (shape_ == KeyShape::kFixed) key.fixed = other.fixed_[from];
    if (shape_ == KeyShape::kBytes) key.bytes = other.bytes_[from];
    size_t slot = 0;
    const uint32_t group = Lookup(key, &slot);
    (*groups)[i] = group != kNoGroup ? group : Insert(key);
  }
}

void GroupTable::Erase(uint32_t group) {
  FIRN_ASSERT(group < capacity() && live_[group], "group {} is not there", group);
  live_[group] = 0;
  free_.push_back(group);
  if (group == null_group_) {
    null_group_ = kNoGroup;
    return;
  }
  if (shape_ == KeyShape::kNone) return;
  // Backward shift: entries behind the hole move up unless they stand at or behind their own place.
  const size_t mask = slots_.size() - 1;
  size_t hole = hashes_[group] & mask;
  while (GroupOf(slots_[hole]) != group) hole = (hole + 1) & mask;
  for (size_t at = (hole + 1) & mask; slots_[at] != 0; at = (at + 1) & mask) {
    const size_t home = hashes_[GroupOf(slots_[at])] & mask;
    if (((at - home) & mask) >= ((at - hole) & mask)) {
      slots_[hole] = slots_[at];
      hole = at;
    }
  }
  slots_[hole] = 0;
  if (shape_ != KeyShape::kBytes) return;
  arena_.Release(bytes_[group].size());
  bytes_[group] = {};
  if (!arena_.WantsCompaction()) return;
  base::ByteArena compact;
  for (uint32_t other = 0; other < capacity(); ++other) {
    if (live_[other] && other != null_group_) bytes_[other] = compact.Copy(bytes_[other]);
  }
  arena_ = std::move(compact);
}

void GroupTable::Clear() { *this = GroupTable(shape_); }

std::vector<uint32_t> GroupTable::LiveGroups() const {
  std::vector<uint32_t> groups;
  groups.reserve(size());
  for (uint32_t group = 0; group < capacity(); ++group) {
    if (live_[group]) groups.push_back(group);
  }
  return groups;
}

Result<std::vector<types::ArrayPtr>> GroupTable::Keys(const KeyEncoder& encoder, std::span<const uint32_t> groups) const {
  if (shape_ == KeyShape::kNone) return std::vector<types::ArrayPtr>();
  if (shape_ == KeyShape::kFixed) {
    std::vector<uint64_t> keys(groups.size());
    std::vector<uint8_t> nulls;
    if (null_group_ != kNoGroup) nulls.resize(groups.size());
    for (size_t i = 0; i < groups.size(); ++i) {
      keys[i] = fixed_[groups[i]];
      if (!nulls.empty()) nulls[i] = is_null(groups[i]) ? 1 : 0;
    }
    return encoder.DecodeFixed(keys, nulls);
  }
  std::vector<std::string_view> keys(groups.size());
  for (size_t i = 0; i < groups.size(); ++i) keys[i] = bytes_[groups[i]];
  return encoder.DecodeBytes(keys);
}

int64_t GroupTable::bytes() const {
  return static_cast<int64_t>(slots_.size() * 8 + hashes_.size() * 9 + fixed_.size() * 8 + bytes_.size() * sizeof(std::string_view)) +
         arena_.bytes();
}

}  // namespace firn::exec
