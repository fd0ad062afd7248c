// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "base/hash.h"
#include "expr/distinct_values_internal.h"

namespace firn::expr {

namespace {

constexpr size_t kDistinctSlotsMin = 16;

uint64_t SlotOfValue(uint64_t hash, uint32_t at) { return (hash & 0xffffffff00000000ULL) | (at + 1ULL); }
uint32_t ValueOfSlot(uint64_t slot) { return static_cast<uint32_t>(slot) - 1; }

}  // namespace

void DistinctValues::Resize(int64_t group_count) {
  FIRN_ASSERT(static_cast<size_t>(group_count) >= chains_.size(), "{} groups become {}", chains_.size(), group_count);
  chains_.resize(static_cast<size_t>(group_count));
}

// The slot of the value, or the free one that it would take.
size_t DistinctValues::Find(uint64_t hash, uint32_t group, std::string_view value) const {
  const size_t mask = slots_.size() - 1;
  for (size_t at = hash & mask;; at = (at + 1) & mask) {
    const uint64_t slot = slots_[at];
    if (slot == 0) return at;
    if ((slot >> 32) != (hash >> 32)) continue;
    const Value& known = values_[ValueOfSlot(slot)];
    if (known.group == group && known.bytes == value) return at;
  }
}

int64_t DistinctValues::Add(uint32_t group, std::string_view value, int64_t change) {
  FIRN_ASSERT(group < chains_.size() && change != 0, "a value of group {} of {} is counted {} times", group, chains_.size(), change);
  if ((values_.size() - free_.size() + 1) * 2 > slots_.size()) Grow();
  const uint64_t hash = base::CombineHashes(base::HashBytes(value), group);
  const uint64_t slot = slots_[Find(hash, group, value)];
  const uint32_t at = slot == 0 ? Insert(group, hash, value) : ValueOfSlot(slot);
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
    FIRN_ASSERT(at < kNoValue - 1, "a table of distinct values is full");
    values_.emplace_back();
  }
  Chain& chain = chains_[group];
  values_[at] = {.bytes = arena_.Copy(value), .hash = hash, .group = group, .previous = chain.last};
  (chain.last == kNoValue ? chain.first : values_[chain.last].next) = at;
  chain.last = at;
  Place(hash, at);
  return at;
}

void DistinctValues::Place(uint64_t hash, uint32_t at) {
  const size_t mask = slots_.size() - 1;
  size_t slot = hash & mask;
  while (slots_[slot] != 0) slot = (slot + 1) & mask;
  slots_[slot] = SlotOfValue(hash, at);
}

void DistinctValues::Grow() {
  const std::vector<uint64_t> old = std::exchange(slots_, std::vector<uint64_t>(slots_.empty() ? kDistinctSlotsMin : slots_.size() * 2));
  for (uint64_t slot : old) {
    if (slot != 0) Place(values_[ValueOfSlot(slot)].hash, ValueOfSlot(slot));
  }
}

// Backward shift: entries behind the hole move up unless they stand at or behind their own place.
void DistinctValues::FreeSlotOf(uint32_t value) {
  const size_t mask = slots_.size() - 1;
  size_t hole = values_[value].hash & mask;
  while (ValueOfSlot(slots_[hole]) != value) hole = (hole + 1) & mask;
  for (size_t at = (hole + 1) & mask; slots_[at] != 0; at = (at + 1) & mask) {
    const size_t home = values_[ValueOfSlot(slots_[at])].hash & mask;
    if (((at - home) & mask) >= ((at - hole) & mask)) {
      slots_[hole] = slots_[at];
      hole = at;
    }
  }
  slots_[hole] = 0;
}

void DistinctValues::Erase(uint32_t at) {
  FreeSlotOf(at);
  Value& gone = values_[at];
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
  return static_cast<int64_t>((slots_.capacity() + chains_.capacity()) * 8 + values_.capacity() * sizeof(Value) + free_.capacity() * sizeof(uint32_t)) + arena_.bytes();
}

}  // namespace firn::expr
