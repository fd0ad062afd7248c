// SPDX-License-Identifier: Apache-2.0
#include "base/hash_slots.h"

#include <gtest/gtest.h>

#include <random>
#include <unordered_map>
#include <vector>

#include "base/hash.h"

namespace firn::base {
namespace {

/// A set of keys over slots: entries in one array, of which free ones are used again.
class KeySet {
 public:
  explicit KeySet(uint64_t hash_bits) : hash_bits_(hash_bits) {}

  uint32_t Find(uint64_t key) const {
    return slots_.Find(Hash(key), [&](uint32_t number) { return keys_[number] == key; });
  }
  void Insert(uint64_t key) {
    uint32_t number = static_cast<uint32_t>(keys_.size());
    if (!free_.empty()) {
      number = free_.back();
      free_.pop_back();
    } else {
      keys_.emplace_back();
    }
    keys_[number] = key;
    slots_.Insert(Hash(key), number, [&](uint32_t other) { return Hash(keys_[other]); });
  }
  void Erase(uint64_t key) {
    const uint32_t number = Find(key);
    slots_.Erase(Hash(key), number, [&](uint32_t other) { return Hash(keys_[other]); });
    free_.push_back(number);
  }
  uint64_t KeyOf(uint32_t number) const { return keys_[number]; }
  const HashSlots& slots() const { return slots_; }

 private:
  uint64_t Hash(uint64_t key) const { return HashInteger(key) & hash_bits_; }

  const uint64_t hash_bits_;
  HashSlots slots_;
  std::vector<uint64_t> keys_;
  std::vector<uint32_t> free_;
};

// Hashes that spread, such as agree in what a slot keeps of them, in where they are placed, and in all: also across the last slot and the first.
TEST(HashSlots, FindWhatAModelHas) {
  for (const uint64_t hash_bits : {~uint64_t{0}, uint64_t{0xffffffff}, ~uint64_t{0xffffffff}, uint64_t{0xe}, uint64_t{0}}) {
    std::mt19937_64 random(hash_bits + 3);
    KeySet set(hash_bits);
    std::unordered_map<uint64_t, bool> model;
    for (int step = 0; step < 6000; ++step) {
      const uint64_t key = random() % 200;
      const uint32_t found = set.Find(key);
      ASSERT_EQ(found != HashSlots::kNone, model[key]) << "key " << key << " of hashes " << hash_bits << " at step " << step;
      if (found == HashSlots::kNone) {
        set.Insert(key);
      } else {
        ASSERT_EQ(set.KeyOf(found), key);
        set.Erase(key);
      }
      model[key] = !model[key];
    }
    size_t count = 0;
    for (const auto& [key, is_there] : model) count += is_there ? 1 : 0;  // in any order
    EXPECT_EQ(set.slots().size(), count);
  }
}

// No mark is left where an entry was: else what comes and goes would fill the slots.
TEST(HashSlots, WhatComesAndGoesTakesNoMoreMemory) {
  KeySet set(~uint64_t{0});
  for (uint64_t key = 0; key < 8; ++key) set.Insert(key);
  const int64_t before = set.slots().bytes();
  for (uint64_t key = 8; key < 10'000; ++key) {
    set.Erase(key - 8);
    set.Insert(key);
  }
  EXPECT_EQ(set.slots().bytes(), before);
}

// Looking for what is there, and for what is not, looks at few others: that the slots are at most half full is why.
TEST(HashSlots, AnEntryIsLookedAtWhereItIsLikelyToMatch) {
  constexpr uint64_t kKeys = 100'000;
  HashSlots slots;
  const auto hash_of = [](uint32_t number) { return HashInteger(number); };
  for (uint32_t key = 0; key < kKeys; ++key) slots.Insert(hash_of(key), key, hash_of);
  EXPECT_GE(slots.bytes(), static_cast<int64_t>(kKeys * 2 * sizeof(uint64_t)));
  int64_t looked_at = 0;
  for (uint32_t key = 0; key < 2 * kKeys; ++key) {
    slots.Find(hash_of(key), [&](uint32_t number) {
      ++looked_at;
      return number == key;
    });
  }
  EXPECT_LE(looked_at, static_cast<int64_t>(kKeys + kKeys / 100));
}

}  // namespace
}  // namespace firn::base
