// SPDX-License-Identifier: Apache-2.0
// What is deleted, by a client or for its age, goes whole: however much of it there is, whatever is on its way to the journal at that moment, and wherever a crash cuts
// it. What is not meant stays.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/broker_test_rig.h"
#include "broker/meta_records.h"
#include "kafka/error_code.h"
#include "kafka/messages/create_topics.h"
#include "kafka/messages/delete_groups.h"
#include "kafka/messages/delete_topics.h"
#include "kafka/messages/join_group.h"
#include "kafka/messages/metadata.h"
#include "kafka/messages/offset_commit.h"
#include "kafka/messages/produce.h"

namespace firn::broker {
namespace {

using kafka::KafkaCode;

constexpr int64_t kHourMs = 3'600'000;

int16_t CreateEmpty(Rig& rig, const std::string& topic) {
  kafka::CreateTopicsRequest request;
  auto& wanted = request.topics.emplace_back();
  wanted.name = topic;
  wanted.num_partitions = 1;
  wanted.replication_factor = 1;
  return rig.Call<kafka::CreateTopicsResponse>(7, request).topics[0].error_code;
}

kafka::DeleteTopicsRequest DeletionOf(const std::string& topic) {
  kafka::DeleteTopicsRequest request;
  request.topics.push_back({topic, {}});
  return request;
}

kafka::DeleteGroupsRequest GroupDeletionOf(const std::string& group) {
  kafka::DeleteGroupsRequest request;
  request.groups = {group};
  return request;
}

kafka::OffsetCommitRequest CommitOf(const std::string& group, const std::string& topic, int64_t offset) {
  kafka::OffsetCommitRequest request;
  request.group_id = group;
  request.generation_id = -1;
  auto& wanted = request.topics.emplace_back();
  wanted.name = topic;
  wanted.partitions.push_back({0, offset, -1, ""});
  return request;
}

int16_t CodeOf(const kafka::OffsetCommitResponse& response) { return response.topics[0].partitions[0].error_code; }

/// Makes `trades` with an offset of group `g` and deletes it, of which the topic's own entry is durable and what follows is held back. The deletion's answer.
auto DeleteHalf(Rig& rig) {
  EXPECT_EQ(CreateEmpty(rig, "trades"), 0);
  EXPECT_EQ(CodeOf(rig.Call<kafka::OffsetCommitResponse>(8, CommitOf("g", "trades", 1))), 0);
  rig.store->Hold(true);
  auto deletion = rig.Send<kafka::DeleteTopicsResponse>(6, DeletionOf("trades"));
  rig.store->FlushFirst(1);
  rig.Run();
  return deletion;
}

kafka::ProduceRequest BatchOfProducer(int64_t producer, int32_t sequence) {
  return ProduceOf("trades", 0, BatchOf({"a"}, 1, {.producer_id = producer, .producer_epoch = 0, .base_sequence = sequence}));
}

/// More than one entry of the journal takes.
void StoreMany(Rig& rig, const std::function<log::Put(int)>& put) {
  for (int i = 0; i < 70'000; i += 10'000) {
    std::vector<log::Operation> entry;
    for (int j = 0; j < 10'000; ++j) entry.emplace_back(put(i + j));
    rig.store->Append(std::move(entry), [](const Result<log::Committed>& result) { ASSERT_TRUE(result.ok()); });
  }
}

log::Put OffsetOf(const std::string& group, const std::string& topic, int64_t time_ms) {
  return {GroupOffsetKey(group, topic, 0), EncodeGroupOffset({.offset = 1, .leader_epoch = -1, .commit_time_ms = time_ms, .metadata = ""})};
}

TEST(DeleteTopics, TakesMoreThanAnEntryHolds) {
  Rig rig;
  ASSERT_EQ(CreateEmpty(rig, "trades"), 0);
  const auto partition = rig.broker->topics().Find("trades")->partitions[0];
  StoreMany(rig, [&](int i) { return log::Put{ProducerStateKey(partition, i), EncodeProducer({.epoch = 0, .last_time_ms = rig.clock.WallTimeMs(), .batches = {}})}; });
  StoreMany(rig, [&](int i) { return OffsetOf(fmt::format("g{}", i), "trades", rig.clock.WallTimeMs()); });
  EXPECT_EQ(rig.Call<kafka::DeleteTopicsResponse>(6, DeletionOf("trades")).responses[0].error_code, 0);
  EXPECT_TRUE(rig.store->Scan(kProducerStatePrefix).empty());
  EXPECT_TRUE(rig.store->Scan(kGroupPrefix).empty());
}

TEST(DeleteTopics, TakesWhatIsOnItsWayToTheJournal) {
  Rig rig;
  ASSERT_EQ(CreateEmpty(rig, "trades"), 0);
  rig.store->Hold(true);
  auto produce = rig.Send<kafka::ProduceResponse>(9, BatchOfProducer(4, 0));
  auto commit = rig.Send<kafka::OffsetCommitResponse>(8, CommitOf("g", "trades", 1));
  auto deletion = rig.Send<kafka::DeleteTopicsResponse>(6, DeletionOf("trades"));
  rig.store->Hold(false);
  rig.store->Flush();
  rig.Run();
  ASSERT_TRUE(produce.done() && commit.done() && deletion.done());
  EXPECT_EQ(CodeOf(commit.Get()), 0);
  EXPECT_EQ(deletion.Get().responses[0].error_code, 0);
  EXPECT_TRUE(rig.store->Scan(kProducerStatePrefix).empty());
  EXPECT_TRUE(rig.store->Scan(kGroupPrefix).empty());
}

// A job has read the topic; its checkpoint is put together before the topic is deleted and gets to the journal behind that, before or after the topic is made anew.
TEST(DeleteTopics, ACheckpointOnItsWayBringsNoOffsetBack) {
  for (bool is_made_anew : {false, true}) {
    Rig rig;
    ASSERT_EQ(CreateEmpty(rig, "trades"), 0);
    ASSERT_EQ(CreateEmpty(rig, "quotes"), 0);
    Topics& topics = rig.broker->topics();
    std::vector<log::Operation> checkpoint;
    for (const char* name : {"trades", "quotes"}) checkpoint.push_back(topics.CommitOffset({.group = "g", .topic = name, .id = topics.Find(name)->partitions[0], .offset = 42}));
    EXPECT_EQ(rig.Call<kafka::DeleteTopicsResponse>(6, DeletionOf("trades")).responses[0].error_code, 0);
    const auto make_anew = [&] { EXPECT_EQ(CreateEmpty(rig, "trades"), 0); };
    if (is_made_anew) make_anew();
    rig.store->Append(checkpoint, [](const Result<log::Committed>& result) { EXPECT_TRUE(result.ok()); });
    if (!is_made_anew) make_anew();
    EXPECT_EQ(topics.CommittedOffset("g", "trades", 0), std::nullopt) << is_made_anew;
    EXPECT_EQ(topics.CommittedOffset("g", "quotes", 0)->offset, 42);
  }
}

TEST(DeleteTopics, IsFinishedByTheNextStart) {
  Rig rig;
  auto deletion = DeleteHalf(rig);
  EXPECT_FALSE(deletion.done());
  EXPECT_EQ(CreateEmpty(rig, "trades"), Number(KafkaCode::kTopicAlreadyExists));  // not before its offsets are gone
  rig.Crash();
  EXPECT_FALSE(rig.broker->topics().Find("trades").ok());
  EXPECT_EQ(CreateEmpty(rig, "trades"), Number(KafkaCode::kTopicAlreadyExists));
  rig.store->Hold(false);
  rig.store->Flush();
  rig.Run();
  EXPECT_EQ(CreateEmpty(rig, "trades"), 0);
  EXPECT_EQ(rig.broker->topics().CommittedOffset("g", "trades", 0), std::nullopt);
}

TEST(DeleteTopics, IsTriedAgainIfTheDiskIsFullInBetween) {
  Rig rig;
  auto deletion = DeleteHalf(rig);
  rig.store->FailWith(Error(ErrorCode::kDiskFull, "full"));
  rig.store->Flush();
  rig.Run();
  ASSERT_TRUE(deletion.done());
  EXPECT_EQ(deletion.Get().responses[0].error_code, 0);  // it is gone
  rig.store->FailWith(std::nullopt);
  rig.store->Hold(false);
  EXPECT_EQ(CreateEmpty(rig, "trades"), Number(KafkaCode::kTopicAlreadyExists));
  kafka::MetadataRequest metadata;
  metadata.topics.emplace().push_back({{}, "trades"});
  EXPECT_EQ(rig.Call<kafka::MetadataResponse>(12, metadata).topics[0].error_code, Number(KafkaCode::kUnknownTopicOrPartition));
  rig.queue.AdvanceMs(rig.options_.expiry_check_ms + 1);
  EXPECT_EQ(CreateEmpty(rig, "trades"), 0);
  EXPECT_EQ(rig.broker->topics().CommittedOffset("g", "trades", 0), std::nullopt);
}

TEST(DeleteGroups, TakesMoreThanAnEntryHolds) {
  Rig rig;
  StoreMany(rig, [&](int i) { return OffsetOf("g", fmt::format("t{}", i), rig.clock.WallTimeMs()); });
  EXPECT_EQ(rig.Call<kafka::DeleteGroupsResponse>(2, GroupDeletionOf("g")).results[0].error_code, 0);
  EXPECT_TRUE(rig.store->Scan(kGroupPrefix).empty());
}

TEST(DeleteGroups, TakesWhatIsOnItsWayToTheJournal) {
  Rig rig;
  ASSERT_EQ(CreateEmpty(rig, "trades"), 0);
  rig.store->Hold(true);
  auto commit = rig.Send<kafka::OffsetCommitResponse>(8, CommitOf("g", "trades", 1));
  auto deletion = rig.Send<kafka::DeleteGroupsResponse>(2, GroupDeletionOf("g"));
  auto late = rig.Send<kafka::OffsetCommitResponse>(8, CommitOf("g", "trades", 2));
  ASSERT_TRUE(late.done());
  EXPECT_EQ(CodeOf(late.Get()), Number(KafkaCode::kCoordinatorNotAvailable));  // to be sent again
  rig.store->Hold(false);
  rig.store->Flush();
  rig.Run();
  ASSERT_TRUE(commit.done() && deletion.done());
  EXPECT_EQ(deletion.Get().results[0].error_code, 0);
  EXPECT_TRUE(rig.store->Scan(kGroupPrefix).empty());
  EXPECT_EQ(CodeOf(rig.Call<kafka::OffsetCommitResponse>(8, CommitOf("g", "trades", 2))), 0);
  EXPECT_EQ(rig.broker->topics().CommittedOffset("g", "trades", 0)->offset, 2);
}

TEST(Expiry, TakesMoreThanAnEntryHolds) {
  Rig rig({.offset_retention_ms = kHourMs});
  ASSERT_EQ(CreateEmpty(rig, "trades"), 0);
  StoreMany(rig, [&](int i) { return OffsetOf(fmt::format("g{}", i), "trades", rig.clock.WallTimeMs()); });
  rig.queue.AdvanceMs(2 * kHourMs);
  EXPECT_TRUE(rig.store->Scan(kGroupPrefix).empty());
}

TEST(Expiry, SparesAnOffsetOnItsWayToTheJournal) {
  Rig rig({.offset_retention_ms = kHourMs});
  ASSERT_EQ(CreateEmpty(rig, "trades"), 0);
  ASSERT_EQ(CodeOf(rig.Call<kafka::OffsetCommitResponse>(8, CommitOf("g", "trades", 1))), 0);
  rig.queue.AdvanceMs(kHourMs - 1'000);
  rig.store->Hold(true);
  auto commit = rig.Send<kafka::OffsetCommitResponse>(8, CommitOf("g", "trades", 2));
  rig.queue.AdvanceMs(2 * rig.options_.expiry_check_ms);
  rig.store->Hold(false);
  rig.store->Flush();
  rig.Run();
  ASSERT_TRUE(commit.done());
  EXPECT_EQ(CodeOf(commit.Get()), 0);
  ASSERT_NE(rig.broker->topics().CommittedOffset("g", "trades", 0), std::nullopt);
  EXPECT_EQ(rig.broker->topics().CommittedOffset("g", "trades", 0)->offset, 2);
}

TEST(Expiry, SparesAProducerWithABatchOnItsWay) {
  Rig rig({.producer_expiration_ms = kHourMs});
  ASSERT_EQ(CreateEmpty(rig, "trades"), 0);
  rig.Call<kafka::ProduceResponse>(9, BatchOfProducer(4, 0));
  rig.queue.AdvanceMs(kHourMs - 1'000);
  rig.store->Hold(true);
  auto produce = rig.Send<kafka::ProduceResponse>(9, BatchOfProducer(4, 1));
  rig.queue.AdvanceMs(2 * rig.options_.expiry_check_ms);
  rig.store->Hold(false);
  rig.store->Flush();
  rig.Run();
  ASSERT_TRUE(produce.done());
  rig.Crash();
  const auto again = rig.Call<kafka::ProduceResponse>(9, BatchOfProducer(4, 1)).topics[0].partitions[0];  // its answer was lost
  EXPECT_EQ(again.error_code, 0);
  EXPECT_EQ(again.base_offset, 1);
}

TEST(Expiry, TakesProducersOfPartitionsThatAreGone) {
  Rig rig;
  rig.store->Append({log::Put{ProducerStateKey(log::TopicPartitionId(77), 1), EncodeProducer({.epoch = 0, .last_time_ms = rig.clock.WallTimeMs(), .batches = {}})}},
                    [](const Result<log::Committed>&) {});
  rig.queue.AdvanceMs(rig.options_.expiry_check_ms + 1);
  EXPECT_TRUE(rig.store->Scan(kProducerStatePrefix).empty());
}

}  // namespace
}  // namespace firn::broker
