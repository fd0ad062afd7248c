// SPDX-License-Identifier: Apache-2.0
// Several changes of one topic at once, of which the disk takes some and not others: what is refused is nowhere to be seen afterwards, in memory or stored.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/broker_test_rig.h"
#include "broker/topic_config.h"
#include "kafka/error_code.h"
#include "kafka/messages/create_partitions.h"
#include "kafka/messages/create_topics.h"
#include "kafka/messages/delete_topics.h"
#include "kafka/messages/incremental_alter_configs.h"

namespace firn::broker {
namespace {

using kafka::KafkaCode;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

kafka::CreateTopicsResponse CreateWith(Rig& rig, const std::string& topic, const std::string& setting = {}) {
  kafka::CreateTopicsRequest request;
  auto& wanted = request.topics.emplace_back();
  wanted.name = topic;
  wanted.num_partitions = 1;
  wanted.replication_factor = 1;
  if (!setting.empty()) wanted.configs.push_back({setting, "1"});
  return rig.Call<kafka::CreateTopicsResponse>(7, request);
}

auto SetConfig(Rig& rig, const std::string& setting, const std::string& value) {
  kafka::IncrementalAlterConfigsRequest request;
  request.resources.push_back({2, "trades", {{setting, 0, value}}});
  return rig.Send<kafka::IncrementalAlterConfigsResponse>(1, request);
}

auto AskForPartitions(Rig& rig, int32_t count) {
  kafka::CreatePartitionsRequest request;
  request.topics.push_back({"trades", count, std::nullopt});
  return rig.Send<kafka::CreatePartitionsResponse>(3, request);
}

auto AskForDeletion(Rig& rig) {
  kafka::DeleteTopicsRequest request;
  request.topics.push_back({"trades", {}});
  return rig.Send<kafka::DeleteTopicsResponse>(6, request);
}

/// The first entry that waits meets a full disk, what comes after it does not.
void FailFirst(Rig& rig) {
  rig.store->FailWith(Error(ErrorCode::kDiskFull, "full"));
  rig.store->FlushFirst(1);
  rig.store->FailWith(std::nullopt);
  rig.Run();
  rig.store->Hold(false);
  rig.store->Flush();
  rig.Run();
}

class TopicChanges : public ::testing::Test {
 public:
  TopicChanges() {
    EXPECT_EQ(CreateWith(rig, "trades").topics[0].error_code, 0);
    rig.store->Hold(true);
  }
  TopicInfo Stored() {
    auto info = rig.broker->topics().Find("trades");
    FIRN_ASSERT(info.ok(), "{}", info.error().ToString());
    return *info;
  }

  Rig rig;
};

TEST_F(TopicChanges, ASettingThatWasRefusedIsNotStoredByTheNextChange) {
  auto refused = SetConfig(rig, "retention.ms", "1000");
  auto made = SetConfig(rig, "segment.bytes", "100000");
  FailFirst(rig);
  ASSERT_TRUE(refused.done() && made.done());
  EXPECT_EQ(refused.Get().responses[0].error_code, Number(KafkaCode::kKafkaStorageError));
  EXPECT_EQ(made.Get().responses[0].error_code, 0);
  EXPECT_THAT(Stored().configs, UnorderedElementsAre(Pair("segment.bytes", "100000")));
  EXPECT_EQ(SetConfig(rig, "max.message.bytes", "1000").Get().responses[0].error_code, 0);  // what is in memory is what is stored
  EXPECT_THAT(Stored().configs, UnorderedElementsAre(Pair("segment.bytes", "100000"), Pair("max.message.bytes", "1000")));
}

TEST_F(TopicChanges, PartitionsThatWereRefusedAreNotNamedByTheNextChange) {
  auto refused = AskForPartitions(rig, 4);
  auto made = SetConfig(rig, "segment.bytes", "100000");
  FailFirst(rig);
  ASSERT_TRUE(refused.done() && made.done());
  EXPECT_EQ(refused.Get().results[0].error_code, Number(KafkaCode::kKafkaStorageError));
  EXPECT_EQ(made.Get().responses[0].error_code, 0);
  EXPECT_EQ(Stored().partitions.size(), 1u);
  EXPECT_EQ(AskForPartitions(rig, 3).Get().results[0].error_code, 0);
  const TopicInfo grown = Stored();
  EXPECT_EQ(grown.partitions.size(), 3u);
  for (auto partition : grown.partitions) EXPECT_NE(rig.store->partition(partition), nullptr);
}

TEST_F(TopicChanges, EachIsCheckedAgainstWhatTheOneBeforeItHasMade) {
  auto first = AskForPartitions(rig, 3);
  auto second = AskForPartitions(rig, 2);
  auto third = AskForPartitions(rig, 5);
  rig.store->Hold(false);
  rig.store->Flush();
  rig.Run();
  EXPECT_EQ(first.Get().results[0].error_code, 0);
  EXPECT_EQ(second.Get().results[0].error_code, Number(KafkaCode::kInvalidPartitions));
  EXPECT_EQ(third.Get().results[0].error_code, 0);
  EXPECT_EQ(Stored().partitions.size(), 5u);
}

// The deletion takes the partitions that are there in the end.
TEST_F(TopicChanges, ADeletionWaitsForWhatIsUnderWay) {
  for (bool fails : {true, false}) {
    auto grown = AskForPartitions(rig, 4);
    auto deleted = AskForDeletion(rig);
    auto late = SetConfig(rig, "segment.bytes", "100000");
    if (fails) FailFirst(rig);
    rig.store->Hold(false);
    rig.store->Flush();
    rig.Run();
    ASSERT_TRUE(grown.done() && deleted.done() && late.done());
    EXPECT_EQ(deleted.Get().responses[0].error_code, 0) << fails;
    EXPECT_EQ(late.Get().responses[0].error_code, Number(KafkaCode::kUnknownTopicOrPartition)) << fails;
    EXPECT_EQ(rig.store->partition_count(), 0u) << fails;
    EXPECT_EQ(CreateWith(rig, "trades").topics[0].error_code, 0);
    rig.store->Hold(true);
  }
}

TEST_F(TopicChanges, ATopicWhoseDeletionWasRefusedIsAsItWas) {
  rig.store->Hold(false);
  ASSERT_EQ(SetConfig(rig, "retention.ms", "1000").Get().responses[0].error_code, 0);
  rig.store->Hold(true);
  auto deleted = AskForDeletion(rig);
  FailFirst(rig);
  EXPECT_EQ(deleted.Get().responses[0].error_code, Number(KafkaCode::kKafkaStorageError));
  EXPECT_EQ(SetConfig(rig, "segment.bytes", "100000").Get().responses[0].error_code, 0);
  EXPECT_THAT(Stored().configs, UnorderedElementsAre(Pair("segment.bytes", "100000"), Pair("retention.ms", "1000")));
}

TEST(TopicConfigs, AnUnknownOneIsAnsweredWithTheNamesNearIt) {
  Rig rig;
  const auto created = CreateWith(rig, "typo", "retention.mss").topics[0];
  EXPECT_EQ(created.error_code, Number(KafkaCode::kInvalidConfig));
  EXPECT_THAT(created.error_message.value_or(""), HasSubstr("unknown topic setting retention.mss; did you mean retention.ms"));
  ASSERT_EQ(CreateWith(rig, "trades").topics[0].error_code, 0);
  const auto changed = SetConfig(rig, "max.mesage.bytes", "1").Get().responses[0];
  EXPECT_EQ(changed.error_code, Number(KafkaCode::kInvalidConfig));
  EXPECT_THAT(changed.error_message.value_or(""), HasSubstr("unknown topic setting max.mesage.bytes; did you mean max.message.bytes"));
  EXPECT_EQ(SetConfig(rig, "colour", "blue").Get().responses[0].error_message, "unknown topic setting colour");
}

}  // namespace
}  // namespace firn::broker
