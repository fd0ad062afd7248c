// SPDX-License-Identifier: Apache-2.0
#include "exec/change_ledger.h"

#include <gmock/gmock.h>

#include <map>
#include <random>

namespace firn::exec {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr int kGroup = 7;

// Entries of one key group.
class ChangeSetTest : public testing::Test {
 protected:
  void Touch(uint32_t entry) {
    changes_.Touch(entry, [] { return kGroup; });
  }
  // What a snapshot writes, given all entries.
  std::vector<uint32_t> Take(std::vector<uint32_t> live) {
    std::vector<uint32_t> entries;
    std::vector<uint8_t> groups;
    changes_.Take(ledger_.Settle(), [&] { return live; }, [](uint32_t) { return kGroup; }, &entries, &groups);
    EXPECT_EQ(groups, std::vector<uint8_t>(entries.size(), kGroup));
    return entries;
  }

  KeyGroupLedger ledger_;
  ChangeSet changes_{ledger_};
};

TEST_F(ChangeSetTest, WritesWhatChangedAndAllOnceItIsHalf) {
  for (uint32_t entry = 0; entry < 6; ++entry) Touch(entry);
  EXPECT_THAT(Take({0, 1, 2, 3, 4, 5}), ElementsAre(0, 1, 2, 3, 4, 5));
  Touch(4);
  Touch(2);
  Touch(4);
  EXPECT_THAT(Take({0, 1, 2, 3, 4, 5}), ElementsAre(4, 2));
  EXPECT_THAT(Take({0, 1, 2, 3, 4, 5}), IsEmpty());
  for (uint32_t entry = 1; entry < 4; ++entry) Touch(entry);
  EXPECT_THAT(Take({0, 1, 2, 3, 4, 5}), ElementsAre(0, 1, 2, 3, 4, 5));
}

TEST_F(ChangeSetTest, OnlyOfStoredEntriesSomebodyHasToBeTold) {
  for (uint32_t entry = 0; entry < 6; ++entry) Touch(entry);
  EXPECT_FALSE(changes_.Remove(5, kGroup)) << "no snapshot has it";
  EXPECT_THAT(Take({0, 1, 2, 3, 4}), ElementsAre(0, 1, 2, 3, 4));
  EXPECT_TRUE(changes_.Remove(3, kGroup));
  EXPECT_FALSE(changes_.Remove(3, kGroup)) << "it is told once";
  Touch(3);  // the number is used again
  EXPECT_THAT(Take({0, 1, 2, 3, 4}), ElementsAre(3));
  changes_.Restore(9, kGroup);
  EXPECT_TRUE(changes_.Remove(9, kGroup));
}

// A key group whose entries have gone is rewritten although nothing in it has changed: otherwise their rows would stay for ever.
TEST_F(ChangeSetTest, WhatIsForgottenDoesNotStayStored) {
  for (uint32_t entry = 0; entry < 10; ++entry) Touch(entry);
  Take({0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  for (uint32_t entry = 0; entry < 2; ++entry) changes_.Forget(entry, kGroup);
  EXPECT_TRUE(ledger_.Settle().none()) << "most of what is stored still counts";
  for (uint32_t entry = 2; entry < 8; ++entry) changes_.Forget(entry, kGroup);
  EXPECT_THAT(Take({8, 9}), ElementsAre(8, 9));
  changes_.Clear();
  EXPECT_EQ(ledger_.Settle(), state::KeyGroupSet().set(kGroup)) << "of nothing nothing is stored";
  EXPECT_TRUE(ledger_.Settle().none());
}

// Where nobody takes snapshots (a SELECT) entries that come and go must not gather.
TEST_F(ChangeSetTest, ChangesOfEntriesThatComeAndGoTakeBoundedMemory) {
  Touch(1);
  for (int i = 0; i < 100'000; ++i) {
    Touch(0);
    EXPECT_FALSE(changes_.Remove(0, kGroup));
  }
  EXPECT_LE(changes_.bytes(), 16'384);
  Touch(0);
  EXPECT_THAT(Take({0, 1}), testing::UnorderedElementsAre(0, 1));
}

// What a reader of all rows has is what is there; and he has about twice as many rows at most.
TEST(KeyGroupLedger, RowsReadBackStayInProportion) {
  KeyGroupLedger ledger;
  ChangeSet changes(ledger);
  std::mt19937 random(11);
  constexpr uint32_t kEntries = 4000;
  const auto group_of = [](uint32_t entry) { return static_cast<int>(entry % 3) * 60; };
  std::vector<uint32_t> all;
  for (uint32_t entry = 0; entry < kEntries; ++entry) {
    all.push_back(entry);
    changes.Touch(entry, [&] { return group_of(entry); });
  }
  std::map<int, size_t> stored;
  for (int snapshot = 0; snapshot < 2000; ++snapshot) {
    const state::KeyGroupSet replaced = ledger.Settle();
    std::vector<uint32_t> entries;
    std::vector<uint8_t> groups;
    changes.Take(replaced, [&] { return all; }, group_of, &entries, &groups);
    for (auto& [group, rows] : stored) rows = replaced.test(static_cast<size_t>(group)) ? 0 : rows;
    for (uint8_t group : groups) ++stored[group];
    for (const auto& [group, rows] : stored) ASSERT_LE(rows, 5 * kEntries / 3 / 2 + 1) << "snapshot " << snapshot << " group " << group;
    for (int i = 0; i < 20; ++i) {
      const uint32_t entry = static_cast<uint32_t>(random()) % kEntries;
      changes.Touch(entry, [&] { return group_of(entry); });
    }
  }
}

}  // namespace
}  // namespace firn::exec
