// SPDX-License-Identifier: Apache-2.0
// Many groups, many offsets: what looks through them does so in slices, and the queue does other things in between.
#include "broker/meta_walk.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "broker/broker_test_rig.h"
#include "broker/meta_records.h"
#include "kafka/messages/create_topics.h"
#include "kafka/messages/delete_topics.h"
#include "kafka/messages/describe_groups.h"
#include "kafka/messages/list_groups.h"

namespace firn::broker {
namespace {

constexpr int kManyGroups = 20'000;
constexpr int64_t kOffsetRetentionMs = 3'600'000;
constexpr int64_t kTwoSlices = 2 * kSlicePairsMax;  // the first may be looked at in the call itself, and counts with the next

/// Offsets: of group `g` and many topics, of many groups and one topic.
void StoreManyGroups(Rig& rig) {
  kafka::CreateTopicsRequest creation;
  creation.topics.push_back({.name = "trades", .num_partitions = 1, .replication_factor = 1});
  ASSERT_EQ(rig.Call<kafka::CreateTopicsResponse>(7, creation).topics[0].error_code, 0);
  const std::string value = EncodeGroupOffset({.offset = 1, .leader_epoch = -1, .commit_time_ms = rig.clock.WallTimeMs(), .metadata = ""});
  std::vector<log::Operation> entry;
  for (int i = 0; i < kManyGroups; ++i) {
    entry.emplace_back(log::Put{GroupOffsetKey("g", "trades", i), value});
    entry.emplace_back(log::Put{GroupOffsetKey(fmt::format("h{}", i), "trades", 0), value});
  }
  const auto partition = rig.broker->topics().Find("trades")->partitions[0];
  for (int i = 0; i < kManyGroups; ++i) entry.emplace_back(log::Put{ProducerStateKey(partition, i), EncodeProducer({.epoch = 0, .last_time_ms = rig.clock.WallTimeMs(), .batches = {}})});
  rig.store->Append(std::move(entry), [](const Result<log::Committed>& result) { ASSERT_TRUE(result.ok()); });
}

/// The most pairs of the meta store that one task of the broker's queue looks at while `act` runs.
template <typename Act>
int64_t MostSeen(Rig& rig, const Act& act) {
  int64_t most = 0;
  int64_t before = rig.store->visited;
  rig.queue.after_each = [&] { most = std::max(most, rig.store->visited - std::exchange(before, rig.store->visited)); };
  act();
  rig.queue.after_each = nullptr;
  return std::max(most, rig.store->visited - before);
}

TEST(MetaWalk, DeletingATopicLooksAtASliceAtOnce) {
  Rig rig;
  StoreManyGroups(rig);
  kafka::DeleteTopicsRequest request;
  request.topics.push_back({"trades", {}});
  const auto most = MostSeen(rig, [&] { EXPECT_EQ(rig.Call<kafka::DeleteTopicsResponse>(6, request).responses[0].error_code, 0); });
  EXPECT_LE(most, kTwoSlices);
  EXPECT_TRUE(rig.store->Scan(kGroupPrefix).empty());
  EXPECT_TRUE(rig.store->Scan(kProducerStatePrefix).empty());
}

TEST(MetaWalk, ListingGroupsLooksAtEachOnceAndAtASliceAtOnce) {
  Rig rig;
  StoreManyGroups(rig);
  kafka::ListGroupsResponse listed;
  const int64_t before = rig.store->visited;
  const auto most = MostSeen(rig, [&] { listed = rig.Call<kafka::ListGroupsResponse>(4, kafka::ListGroupsRequest{}); });
  EXPECT_EQ(listed.groups.size(), 1u + kManyGroups);
  EXPECT_LE(most, kTwoSlices);
  EXPECT_LE(rig.store->visited - before, 1 + kManyGroups);
  kafka::DescribeGroupsRequest describe;
  describe.groups = {"g"};
  EXPECT_LE(MostSeen(rig, [&] { EXPECT_EQ(rig.Call<kafka::DescribeGroupsResponse>(5, describe).groups[0].group_state, "Empty"); }), 1);
}

TEST(MetaWalk, TheSweepLooksAtASliceAtOnce) {
  Rig rig({.offset_retention_ms = kOffsetRetentionMs});
  StoreManyGroups(rig);
  EXPECT_LE(MostSeen(rig, [&] { rig.queue.AdvanceMs(rig.options_.expiry_check_ms + 1); }), kTwoSlices);
  EXPECT_EQ(rig.store->Scan(kGroupPrefix).size(), 2u * kManyGroups);
  // Group `g` has more offsets than a slice, and goes as a whole.
  EXPECT_LE(MostSeen(rig, [&] { rig.queue.AdvanceMs(2 * kOffsetRetentionMs); }), kManyGroups + kTwoSlices);
  EXPECT_TRUE(rig.store->Scan(kGroupPrefix).empty());
  rig.queue.AdvanceMs(25 * kOffsetRetentionMs);
  EXPECT_TRUE(rig.store->Scan(kProducerStatePrefix).empty());
}

TEST(MetaWalk, PrefixesFollowEachOtherAndNoPairComesTwice) {
  Rig rig;
  std::vector<log::Operation> entry;
  std::vector<std::string> prefixes;
  std::vector<std::string> expected;
  for (const int count : {0, 1, 999, 1'000, 1'001, 0, 2'500}) {
    prefixes.push_back(fmt::format("x{}/", prefixes.size()));
    for (int i = 0; i < count; ++i) {
      expected.push_back(fmt::format("{}{:05}", prefixes.back(), i));
      entry.emplace_back(log::Put{expected.back(), std::string(i % 7 == 0 ? 5'000 : 1, 'v')});
    }
  }
  rig.store->Append(std::move(entry), [](const Result<log::Committed>& result) { ASSERT_TRUE(result.ok()); });
  std::vector<std::string> seen;
  int ended = 0;
  BrokerQueue queue(rig.queue, rig.clock, *rig.store);
  const auto take = [&](const PairSlice& slice) {
    EXPECT_LE(slice.size(), kSlicePairsMax);
    for (const auto& [key, value] : slice) seen.push_back(key);
  };
  WalkMeta(queue, *rig.store, prefixes, take, [&] { ++ended; });
  rig.Run();
  EXPECT_EQ(seen, expected);
  EXPECT_EQ(ended, 1);
}

}  // namespace
}  // namespace firn::broker
