// SPDX-License-Identifier: Apache-2.0
// Numbers of entries, found by the hash of what an entry is known by: the index of a table whose entries lie in arrays of their own.
// Open addressing with linear probing, at most half full. A slot holds 32 bits of the hash and the number, so that an entry itself is looked at on a likely match only.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "base/assert.h"

namespace firn::base {

/// The owner keeps each entry's hash and gives it as `hash_of(number)`. Thread-compatible.
class HashSlots {
 public:
  static constexpr uint32_t kNone = 0xffffffff;

  /// The entry with this hash of which `equals(number)` holds; kNone: there is none.
  template <typename Equals>
  uint32_t Find(uint64_t hash, const Equals& equals) const {
    if (slots_.empty()) return kNone;
    const size_t mask = slots_.size() - 1;
    for (size_t at = hash & mask; slots_[at] != kFree; at = (at + 1) & mask) {
      if ((slots_[at] >> 32) == (hash >> 32) && equals(NumberIn(slots_[at]))) return NumberIn(slots_[at]);
    }
    return kNone;
  }

  /// An entry that is not there yet. Others are moved where the slots are too few for one more.
  template <typename HashOf>
  void Insert(uint64_t hash, uint32_t number, const HashOf& hash_of) {
    FIRN_ASSERT(number < kNone - 1, "there is no room for a number as large as {}", number);
    if ((size_ + 1) * 2 > slots_.size()) Grow(hash_of);
    Place(hash, number);
    ++size_;
  }

  /// An entry that is there.
  template <typename HashOf>
  void Erase(uint64_t hash, uint32_t number, const HashOf& hash_of) {
    FIRN_ASSERT(size_ > 0, "entry {} is taken out of none", number);
    const size_t mask = slots_.size() - 1;
    size_t hole = hash & mask;
    while (NumberIn(slots_[hole]) != number) {
      FIRN_ASSERT(slots_[hole] != kFree, "entry {} is not where its hash says", number);
      hole = (hole + 1) & mask;
    }
    // Entries behind the hole move up unless they stand at or behind their own place: no mark stays where one was.
    for (size_t at = (hole + 1) & mask; slots_[at] != kFree; at = (at + 1) & mask) {
      const size_t home = hash_of(NumberIn(slots_[at])) & mask;
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      slots_[hole] = slots_[at];
      hole = at;
    }
    slots_[hole] = kFree;
    --size_;
  }

  size_t size() const { return size_; }
  int64_t bytes() const { return static_cast<int64_t>(slots_.capacity() * sizeof(uint64_t)); }

 private:
  static constexpr uint64_t kFree = 0;
  static constexpr size_t kFirstSlots = 16;

  static uint64_t SlotOf(uint64_t hash, uint32_t number) { return (hash & 0xffffffff00000000ULL) | (number + 1ULL); }
  static uint32_t NumberIn(uint64_t slot) { return static_cast<uint32_t>(slot) - 1; }  // kNone of a free one

  void Place(uint64_t hash, uint32_t number) {
    const size_t mask = slots_.size() - 1;
    size_t at = hash & mask;
    while (slots_[at] != kFree) at = (at + 1) & mask;
    slots_[at] = SlotOf(hash, number);
  }

  template <typename HashOf>
  void Grow(const HashOf& hash_of) {
    const std::vector<uint64_t> old = std::exchange(slots_, std::vector<uint64_t>(slots_.empty() ? kFirstSlots : slots_.size() * 2));
    for (const uint64_t slot : old) {
      if (slot != kFree) Place(hash_of(NumberIn(slot)), NumberIn(slot));
    }
  }

  std::vector<uint64_t> slots_;  // a power of two; kFree, or hash bits << 32 | number + 1
  size_t size_ = 0;
};

}  // namespace firn::base
