// SPDX-License-Identifier: Apache-2.0
#include "exec/group_table.h"

#include <algorithm>

#include "base/assert.h"

namespace firn::exec {

GroupTable::Key GroupTable::KeyOfRow(const BatchKeys& keys, int64_t row) const {
  Key key{keys.hashes[row], 0, {}, keys.IsSingleNull(row)};
  if (shape_ == KeyShape::kFixed) key.fixed = keys.fixed[row];
  if (shape_ == KeyShape::kBytes) key.bytes = keys.bytes[row];
  return key;
}

uint32_t GroupTable::Lookup(const Key& key) const {
  if (key.is_null) return null_group_;
  if (shape_ == KeyShape::kNone) return size() > 0 ? 0 : kNoGroup;
  if (shape_ == KeyShape::kFixed) {
    return slots_.Find(key.hash, [&](uint32_t group) { return fixed_[group] == key.fixed; });
  }
  return slots_.Find(key.hash, [&](uint32_t group) { return bytes_[group] == key.bytes; });
}

uint32_t GroupTable::NewGroup(const Key& key) {
  uint32_t group = capacity();
  if (!free_.empty()) {
    group = free_.back();
    free_.pop_back();
  } else {
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
  const uint32_t group = NewGroup(key);
  slots_.Insert(key.hash, group, [&](uint32_t other) { return hashes_[other]; });
  return group;
}

void GroupTable::FindOrInsert(const BatchKeys& keys, std::vector<uint32_t>* groups) {
  FIRN_ASSERT(keys.shape == shape_, "keys of another shape");
  FIRN_ASSERT(keys.hashes.size() == static_cast<size_t>(keys.count), "{} keys have {} hashes", keys.count, keys.hashes.size());
  groups->resize(static_cast<size_t>(keys.count));
  uint32_t* out = groups->data();
  if (keys.count == 0) return;
  if (keys.shape == KeyShape::kNone) {  // one group for all
    const Key key = KeyOfRow(keys, 0);
    const uint32_t group = Lookup(key);
    std::fill_n(out, keys.count, group != kNoGroup ? group : Insert(key));
    return;
  }
  for (int64_t row = 0; row < keys.count; ++row) {
    const Key key = KeyOfRow(keys, row);
    const uint32_t group = Lookup(key);
    out[row] = group != kNoGroup ? group : Insert(key);
  }
  FIRN_ASSERT(slots_.size() + (null_group_ == kNoGroup ? 0 : 1) == size(), "{} of {} groups have a slot, and one is of NULL: {}", slots_.size(), size(), null_group_);
}

void GroupTable::Find(const BatchKeys& keys, std::vector<uint32_t>* groups) const {
  FIRN_ASSERT(keys.shape == shape_, "keys of another shape");
  groups->resize(static_cast<size_t>(keys.count));
  for (int64_t row = 0; row < keys.count; ++row) {
    (*groups)[row] = Lookup(KeyOfRow(keys, row));
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
    const uint32_t group = Lookup(key);
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
  slots_.Erase(hashes_[group], group, [&](uint32_t other) { return hashes_[other]; });
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
  return static_cast<int64_t>(hashes_.size() * 9 + fixed_.size() * 8 + bytes_.size() * sizeof(std::string_view)) + slots_.bytes() + arena_.bytes();
}

}  // namespace firn::exec
