// SPDX-License-Identifier: Apache-2.0
// The different values of all groups of a DISTINCT aggregate, each with a count, of each group in the order in which they first came.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "base/byte_arena.h"
#include "base/hash_slots.h"

namespace firn::expr {

/// One table for all groups: bytes lie in an arena, entries of a group are chained, so that neither a group nor a value is an allocation of its own.
/// Thread-compatible.
class DistinctValues {
 public:
  void Resize(int64_t group_count);
  /// Changes the count of a value, which is 0 where it is not there, and gives what it was before. A value whose count becomes 0 is forgotten.
  int64_t Add(uint32_t group, std::string_view value, int64_t change);
  /// Forgets the values of a group.
  void Clear(uint32_t group);
  /// Calls `visit(value, count)` for those of a group, in the order in which they first came.
  template <typename Visit>
  void ForEach(uint32_t group, const Visit& visit) const {
    FIRN_ASSERT(group < chains_.size(), "group {} of {}", group, chains_.size());
    for (uint32_t at = chains_[group].first; at != kNoValue; at = values_[at].next) visit(values_[at].bytes, values_[at].count);
  }
  int64_t bytes() const;

 private:
  static constexpr uint32_t kNoValue = base::HashSlots::kNone;
  struct Value {
    std::string_view bytes;  // in arena_
    uint64_t hash = 0;
    int64_t count = 0;
    uint32_t group = 0;
    uint32_t next = kNoValue, previous = kNoValue;  // of its group
  };
  struct Chain {
    uint32_t first = kNoValue;
    uint32_t last = kNoValue;
  };

  uint32_t Insert(uint32_t group, uint64_t hash, std::string_view value);
  void Erase(uint32_t at);

  base::HashSlots slots_;
  std::vector<Value> values_;  // in any order; those in free_ are not there
  std::vector<uint32_t> free_;
  std::vector<Chain> chains_;    // by group
  base::ByteArena arena_;
};

}  // namespace firn::expr
