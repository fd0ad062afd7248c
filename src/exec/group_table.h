// SPDX-License-Identifier: Apache-2.0
// Keys to dense group numbers 0, 1, 2 ...: the index of every operator with keyed state. Values live beside it, in arrays by group
// number. Keys live in arrays by group: integers in one vector, bytes in an arena.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/byte_arena.h"
#include "base/hash_slots.h"
#include "exec/group_keys.h"
#include "state/state_io.h"

namespace firn::exec {

inline constexpr uint32_t kNoGroup = base::HashSlots::kNone;

/// Thread-compatible.
class GroupTable {
 public:
  explicit GroupTable(KeyShape shape) : shape_(shape) {}

  /// groups[i]: the group of row i, made if new. Numbers of erased groups are used again.
  void FindOrInsert(const BatchKeys& keys, std::vector<uint32_t>* groups);
  /// groups[i]: kNoGroup where there is none.
  void Find(const BatchKeys& keys, std::vector<uint32_t>* groups) const;
  /// groups[i]: our group for other's group i (of `others`), made if new. Same shape.
  void FindOrInsertFrom(const GroupTable& other, std::span<const uint32_t> others, std::vector<uint32_t>* groups);
  void Erase(uint32_t group);
  void Clear();

  /// Groups ever numbered: arrays by group must be this long.
  uint32_t capacity() const { return static_cast<uint32_t>(hashes_.size()); }
  uint32_t size() const { return capacity() - static_cast<uint32_t>(free_.size()); }
  bool is_live(uint32_t group) const { return live_[group] != 0; }
  int key_group(uint32_t group) const { return state::KeyGroupOfHash(hashes_[group]); }
  /// Of a NULL in a single key column.
  bool is_null(uint32_t group) const { return group == null_group_; }
  std::vector<uint32_t> LiveGroups() const;
  /// The key columns of `groups`.
  Result<std::vector<types::ArrayPtr>> Keys(const KeyEncoder& encoder, std::span<const uint32_t> groups) const;
  int64_t bytes() const;

 private:
  struct Key {
    uint64_t hash;
    uint64_t fixed;
    std::string_view bytes;
    bool is_null;
  };
  Key KeyOfRow(const BatchKeys& keys, int64_t row) const;
  uint32_t Lookup(const Key& key) const;
  uint32_t Insert(const Key& key);
  uint32_t NewGroup(const Key& key);

  KeyShape shape_;
  base::HashSlots slots_;              // of all groups but that of NULL
  std::vector<uint64_t> hashes_;       // by group
  std::vector<uint8_t> live_;          // by group
  std::vector<uint64_t> fixed_;        // by group, kFixed
  std::vector<std::string_view> bytes_;  // by group, kBytes: into arena_
  std::vector<uint32_t> free_;
  uint32_t null_group_ = kNoGroup;
  base::ByteArena arena_;
};

}  // namespace firn::exec
