// SPDX-License-Identifier: Apache-2.0
// Versions, metadata, fetch, offsets and admin, through frames.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/broker_test_rig.h"
#include "broker/meta_records.h"
#include "broker/topic_config.h"
#include "kafka/error_code.h"
#include "kafka/messages/api_versions.h"
#include "kafka/messages/create_partitions.h"
#include "kafka/messages/create_topics.h"
#include "kafka/messages/delete_records.h"
#include "kafka/messages/delete_topics.h"
#include "kafka/messages/describe_cluster.h"
#include "kafka/messages/describe_configs.h"
#include "kafka/messages/fetch.h"
#include "kafka/messages/incremental_alter_configs.h"
#include "kafka/messages/list_offsets.h"
#include "kafka/messages/metadata.h"

namespace firn::broker {
namespace {

using kafka::FetchRequest;
using kafka::FetchResponse;
using kafka::KafkaCode;
using kafka::ProduceResponse;
using ::testing::HasSubstr;


kafka::MetadataRequest MetadataOf(const std::string& topic, bool creates) {
  kafka::MetadataRequest request;
  request.topics.emplace().emplace_back().name = topic;
  request.allow_auto_topic_creation = creates;
  return request;
}

void Create(Rig& rig, const std::string& topic) {
  ASSERT_EQ(rig.Call<kafka::MetadataResponse>(12, MetadataOf(topic, true)).topics[0].error_code, 0);
}

int64_t Produce(Rig& rig, const std::string& topic, const std::vector<std::string>& values, int64_t timestamp_ms = kNow) {
  auto partition = rig.Call<ProduceResponse>(9, ProduceOf(topic, 0, BatchOf(values, timestamp_ms))).topics[0].partitions[0];
  EXPECT_EQ(partition.error_code, 0);
  return partition.base_offset;
}

FetchRequest FetchOf(const std::string& topic, int64_t offset, int32_t min_bytes = 1, int32_t max_wait_ms = 500) {
  FetchRequest request;
  request.max_wait_ms = max_wait_ms;
  request.min_bytes = min_bytes;
  auto& wanted = request.topics.emplace_back();
  wanted.name = topic;
  auto& partition = wanted.partitions.emplace_back();
  partition.fetch_offset = offset;
  partition.max_bytes = 1 << 20;
  return request;
}

size_t BytesOf(const FetchResponse::Partition& partition) {
  size_t size = 0;
  for (const auto& slice : partition.records.value_or(kafka::Records{})) size += slice.size();
  return size;
}

TEST(ApiVersions, AdvertisesProduceFromZeroAndAnswersUnknownVersions) {
  Rig rig;
  kafka::ApiVersionsRequest request;
  request.client_software_name = "librdkafka";
  request.client_software_version = "2.8.0";
  auto response = rig.Call<kafka::ApiVersionsResponse>(3, request);
  EXPECT_EQ(response.error_code, 0);
  ASSERT_EQ(response.api_keys.size(), kafka::AllApis().size());
  EXPECT_EQ(response.api_keys[0].min_version, 0);
  EXPECT_EQ(response.api_keys[0].max_version, 11);
  request.client_software_name = "has space";
  EXPECT_EQ(rig.Call<kafka::ApiVersionsResponse>(4, request).error_code, Number(KafkaCode::kInvalidRequest));

  auto reply = std::make_shared<std::optional<Reply>>();
  rig.SendFrame(std::string("\0\x12\0\x63\0\0\0\x07\xff\xff", 10), reply);  // version 99
  Rig::Pending<kafka::ApiVersionsResponse> pending{.reply = reply, .version = 0};
  EXPECT_EQ(pending.Get().error_code, Number(KafkaCode::kUnsupportedVersion));
  EXPECT_EQ(pending.Get().api_keys.size(), 1u);
}

TEST(Broker, ClosesOnWhatItDoesNotServe) {
  Rig rig;
  for (const std::string& frame : {std::string("\0\0\0\2\0\0\0\7\xff\xff", 10),        // Produce 2 is advertised, not served
                                   std::string("\0\x16\0\x63\0\0\0\7\xff\xff", 10),    // InitProducerId 99
                                   std::string("\3\xe7\0\0\0\0\0\7\xff\xff", 10),      // api key 999
                                   std::string("\0\3\0\1\0\0\0\7\xff\xff\0\0", 12),    // Metadata 1, cut off
                                   std::string("\0", 1), std::string()}) {
    auto reply = std::make_shared<std::optional<Reply>>();
    rig.SendFrame(frame, reply);
    ASSERT_TRUE(reply->has_value());
    EXPECT_EQ((*reply)->kind, Reply::Kind::kClose);
  }
}

TEST(Metadata, CreatesTopicsOnlyWhenBothSidesWant) {
  Rig rig;
  EXPECT_EQ(rig.Call<kafka::MetadataResponse>(12, MetadataOf("trades", false)).topics[0].error_code, Number(KafkaCode::kUnknownTopicOrPartition));
  auto made = rig.Call<kafka::MetadataResponse>(12, MetadataOf("trades", true));
  EXPECT_EQ(made.topics[0].error_code, 0);
  ASSERT_EQ(made.topics[0].partitions.size(), 1u);
  EXPECT_EQ(made.topics[0].partitions[0].leader_id, made.brokers[0].node_id);
  EXPECT_NE(made.topics[0].topic_id, kafka::Uuid{});
  for (const char* bad : {"", "..", "no spaces", "umlaut\xc3\xa4"}) {
    EXPECT_EQ(rig.Call<kafka::MetadataResponse>(12, MetadataOf(bad, true)).topics[0].error_code, Number(KafkaCode::kInvalidTopic)) << bad;
  }
  kafka::MetadataRequest all;
  EXPECT_EQ(rig.Call<kafka::MetadataResponse>(12, all).topics.size(), 1u);
  all.topics.emplace();
  EXPECT_EQ(rig.Call<kafka::MetadataResponse>(0, all).topics.size(), 1u);  // version 0: an empty list means all
  EXPECT_EQ(rig.Call<kafka::MetadataResponse>(1, all).topics.size(), 0u);
  BrokerOptions options;
  options.creates_topics = false;
  Rig strict(options);
  EXPECT_EQ(strict.Call<kafka::MetadataResponse>(12, MetadataOf("trades", true)).topics[0].error_code, Number(KafkaCode::kUnknownTopicOrPartition));
}

TEST(Metadata, WaitsUntilTheTopicIsDurable) {
  Rig rig;
  rig.store->Hold(true);
  auto first = rig.Send<kafka::MetadataResponse>(12, MetadataOf("trades", true));
  auto second = rig.Send<kafka::MetadataResponse>(12, MetadataOf("trades", true));
  EXPECT_FALSE(first.done() || second.done());
  EXPECT_EQ(rig.store->held_count(), 1u);
  rig.store->Flush();
  rig.queue.Run();
  EXPECT_EQ(first.Get().topics[0].error_code, 0);
  EXPECT_EQ(second.Get().topics[0].topic_id, first.Get().topics[0].topic_id);
}

// A name costs a few bytes to ask for, and a topic of many partitions many to describe.
TEST(Metadata, ATopicThatIsNamedAgainAndAgainIsDescribedOnce) {
  Rig rig;
  kafka::MetadataRequest request = MetadataOf("trades", true);
  const auto id = rig.Call<kafka::MetadataResponse>(12, request).topics[0].topic_id;
  for (int i = 0; i < 1000; ++i) request.topics->push_back(request.topics->front());
  EXPECT_EQ(rig.Call<kafka::MetadataResponse>(12, request).topics.size(), 1u);
  request.topics->resize(1);
  for (int i = 0; i < 10; ++i) request.topics->push_back({.topic_id = id, .name = std::nullopt});
  const auto both = rig.Call<kafka::MetadataResponse>(12, request);
  ASSERT_EQ(both.topics.size(), 2u);  // by its name and by its id
  EXPECT_EQ(both.topics[1].topic_id, id);
  kafka::DescribeConfigsRequest configs;
  for (int i = 0; i < 10; ++i) configs.resources.push_back({.resource_type = 2, .resource_name = "trades", .configuration_keys = std::nullopt});
  configs.resources.push_back({.resource_type = 4, .resource_name = "", .configuration_keys = std::nullopt});
  EXPECT_EQ(rig.Call<kafka::DescribeConfigsResponse>(4, configs).results.size(), 2u);
}

TEST(DescribeConfigs, NoNamesAreAllSettings) {
  Rig rig;
  Create(rig, "trades");
  for (const auto& [type, name] : {std::pair<int8_t, std::string>{2, "trades"}, {4, ""}}) {
    kafka::DescribeConfigsRequest request;
    request.resources = {{.resource_type = type, .resource_name = name, .configuration_keys = std::nullopt}};
    const size_t all = rig.Call<kafka::DescribeConfigsResponse>(4, request).results.at(0).configs.size();
    EXPECT_GT(all, 10u);
    request.resources[0].configuration_keys.emplace();
    EXPECT_EQ(rig.Call<kafka::DescribeConfigsResponse>(4, request).results.at(0).configs.size(), all) << name;
  }
}

TEST(Fetch, ReturnsWholeBatchesFromInsideOne) {
  Rig rig;
  Create(rig, "trades");
  Produce(rig, "trades", {"a", "b", "c"});
  Produce(rig, "trades", {"d"});
  for (int version : {4, 7, 11, 12}) {
    auto partition = rig.Call<FetchResponse>(version, FetchOf("trades", 1)).topics[0].partitions[0];
    EXPECT_EQ(partition.error_code, 0);
    EXPECT_EQ(partition.high_watermark, 4);
    EXPECT_EQ(partition.last_stable_offset, 4);
    auto batch = kafka::RecordBatchView::Parse(partition.records->front().view());
    EXPECT_EQ(batch->base_offset(), 0);
    EXPECT_EQ(batch->record_count(), 3);
  }
  for (int64_t offset : {-1, 5}) {
    EXPECT_EQ(rig.Call<FetchResponse>(12, FetchOf("trades", offset)).topics[0].partitions[0].error_code, Number(KafkaCode::kOffsetOutOfRange));
  }
  EXPECT_EQ(rig.Call<FetchResponse>(12, FetchOf("nowhere", 0)).topics[0].partitions[0].error_code, Number(KafkaCode::kUnknownTopicOrPartition));
  auto future = FetchOf("trades", 0);
  future.topics[0].partitions[0].current_leader_epoch = 3;
  EXPECT_EQ(rig.Call<FetchResponse>(12, future).topics[0].partitions[0].error_code, Number(KafkaCode::kUnknownLeaderEpoch));
  auto session = FetchOf("trades", 0);
  session.session_id = 5;
  session.session_epoch = 1;
  EXPECT_EQ(rig.Call<FetchResponse>(12, session).error_code, Number(KafkaCode::kFetchSessionIdNotFound));
  session.session_epoch = -1;  // ends a session, with a full fetch
  EXPECT_EQ(rig.Call<FetchResponse>(12, session).error_code, 0);
}

TEST(Fetch, WaitsForRecordsAndForNoLonger) {
  Rig rig;
  Create(rig, "trades");
  auto partition = rig.store->memory_partition(rig.broker->topics().Find("trades")->partitions[0]);
  auto fetch = rig.Send<FetchResponse>(12, FetchOf("trades", 0));
  EXPECT_FALSE(fetch.done());
  EXPECT_EQ(partition->subscription_count(), 1u);
  Produce(rig, "trades", {"a"});
  ASSERT_TRUE(fetch.done());
  EXPECT_GT(BytesOf(fetch.Get().topics[0].partitions[0]), 0u);
  EXPECT_EQ(partition->subscription_count(), 0u);

  auto idle = rig.Send<FetchResponse>(12, FetchOf("trades", 1));
  rig.queue.AdvanceMs(499);
  EXPECT_FALSE(idle.done());
  rig.queue.AdvanceMs(1);
  ASSERT_TRUE(idle.done());
  EXPECT_EQ(BytesOf(idle.Get().topics[0].partitions[0]), 0u);
  EXPECT_EQ(partition->subscription_count(), 0u);
  EXPECT_TRUE(rig.Send<FetchResponse>(12, FetchOf("trades", 1, 1, 0)).done());
}

TEST(Fetch, WaitsForMinBytes) {
  Rig rig;
  Create(rig, "trades");
  auto fetch = rig.Send<FetchResponse>(12, FetchOf("trades", 0, 200));
  Produce(rig, "trades", {"a"});
  EXPECT_FALSE(fetch.done());
  Produce(rig, "trades", {std::string(100, 'b')});
  ASSERT_TRUE(fetch.done());
  EXPECT_GE(BytesOf(fetch.Get().topics[0].partitions[0]), 200u);
}

TEST(Fetch, WhoWantsNoBytesIsAnsweredAtOnce) {
  Rig rig;
  Create(rig, "trades");
  EXPECT_TRUE(rig.Send<FetchResponse>(12, FetchOf("trades", 0, 0)).done());
}

TEST(Fetch, IsWokenByTheTopicsEnd) {
  Rig rig;
  Create(rig, "trades");
  auto fetch = rig.Send<FetchResponse>(12, FetchOf("trades", 0));
  kafka::DeleteTopicsRequest request;
  request.topics.push_back({"trades", {}});
  EXPECT_EQ(rig.Call<kafka::DeleteTopicsResponse>(6, request).responses[0].error_code, 0);
  ASSERT_TRUE(fetch.done());
  EXPECT_EQ(fetch.Get().topics[0].partitions[0].error_code, Number(KafkaCode::kUnknownTopicOrPartition));
}

TEST(Fetch, KeepsItsLimitsButAlwaysGetsOn) {
  Rig rig;
  Create(rig, "trades");
  Create(rig, "quotes");
  for (int i = 0; i < 3; ++i) Produce(rig, "trades", {std::string(1'000, 'a')});
  Produce(rig, "quotes", {std::string(1'000, 'b')});
  auto request = FetchOf("trades", 0);
  request.topics.push_back(FetchOf("quotes", 0).topics[0]);
  request.max_bytes = 10;  // less than a batch: one is returned all the same, and only one
  auto response = rig.Call<FetchResponse>(12, request);
  EXPECT_GT(BytesOf(response.topics[0].partitions[0]), 1'000u);
  EXPECT_LT(BytesOf(response.topics[0].partitions[0]), 2'000u);
  EXPECT_EQ(BytesOf(response.topics[1].partitions[0]), 0u);
  request.max_bytes = 1 << 20;
  request.topics[0].partitions[0].max_bytes = 2'500;
  response = rig.Call<FetchResponse>(12, request);
  EXPECT_LE(BytesOf(response.topics[0].partitions[0]), 2'500u);
  EXPECT_GT(BytesOf(response.topics[0].partitions[0]), 2'000u);
  EXPECT_GT(BytesOf(response.topics[1].partitions[0]), 1'000u);
}

TEST(Fetch, DoesNotGiveZstdToClientsThatCannotReadIt) {
  Rig rig;
  Create(rig, "trades");
  rig.Call<ProduceResponse>(9, ProduceOf("trades", 0, BatchOf({"a"}, kNow, {.codec = kafka::Codec::kZstd})));
  EXPECT_EQ(rig.Call<FetchResponse>(9, FetchOf("trades", 0)).topics[0].partitions[0].error_code, Number(KafkaCode::kUnsupportedCompressionType));
  EXPECT_EQ(rig.Call<FetchResponse>(10, FetchOf("trades", 0)).topics[0].partitions[0].error_code, 0);
}

int64_t OffsetOf(Rig& rig, int64_t timestamp, int version = 7, int16_t* code = nullptr) {
  kafka::ListOffsetsRequest request;
  auto& topic = request.topics.emplace_back();
  topic.name = "trades";
  auto& partition = topic.partitions.emplace_back();
  partition.timestamp = timestamp;
  auto answer = rig.Call<kafka::ListOffsetsResponse>(version, request).topics[0].partitions[0];
  if (code != nullptr) *code = answer.error_code;
  return answer.offset;
}

TEST(ListOffsets, FindsRecordsInsideBatches) {
  Rig rig;
  Create(rig, "trades");
  EXPECT_EQ(OffsetOf(rig, -3), -1);
  for (auto codec : {kafka::Codec::kNone, kafka::Codec::kZstd}) {
    kafka::RecordBatchBuilder builder({.codec = codec});
    const int64_t base = codec == kafka::Codec::kNone ? 1'000 : 2'000;
    for (int64_t delta : {0, 10, 30}) builder.Append(base + delta, std::nullopt, "x");
    rig.Call<ProduceResponse>(9, ProduceOf("trades", 0, builder.Build()));
  }
  EXPECT_EQ(OffsetOf(rig, -1), 6);
  EXPECT_EQ(OffsetOf(rig, -2), 0);
  EXPECT_EQ(OffsetOf(rig, -3), 5);
  EXPECT_EQ(OffsetOf(rig, 0), 0);
  EXPECT_EQ(OffsetOf(rig, 1'005), 1);
  EXPECT_EQ(OffsetOf(rig, 1'031), 3);
  EXPECT_EQ(OffsetOf(rig, 2'011), 5);
  EXPECT_EQ(OffsetOf(rig, 2'031), -1);
  int16_t code = 0;
  OffsetOf(rig, -3, 5, &code);
  EXPECT_EQ(code, Number(KafkaCode::kUnsupportedVersion));
  OffsetOf(rig, -4, 7, &code);
  EXPECT_EQ(code, Number(KafkaCode::kUnsupportedVersion));
}

kafka::CreateTopicsRequest TopicsOf(const std::vector<std::string>& names, int32_t partitions = 2) {
  kafka::CreateTopicsRequest request;
  for (const std::string& name : names) {
    auto& topic = request.topics.emplace_back();
    topic.name = name;
    topic.num_partitions = partitions;
    topic.replication_factor = -1;
  }
  return request;
}

TEST(CreateTopics, MakesTheGoodOnesAndNamesTheFaultOfOthers) {
  Rig rig;
  auto request = TopicsOf({"good", "bad name", "twice", "twice", "x.y"});
  request.topics.push_back(TopicsOf({"zero"}, 0).topics[0]);
  request.topics.push_back(TopicsOf({"config"}).topics[0]);
  request.topics.back().configs.push_back({"retention.ms", "soon"});
  request.topics.push_back(TopicsOf({"compact"}).topics[0]);
  request.topics.back().configs.push_back({"cleanup.policy", "compact"});
  request.topics.push_back(TopicsOf({"rf0"}).topics[0]);
  request.topics.back().replication_factor = 0;
  auto response = rig.Call<kafka::CreateTopicsResponse>(7, request);
  std::vector<int16_t> codes;
  for (const auto& topic : response.topics) codes.push_back(topic.error_code);
  EXPECT_THAT(codes, ::testing::ElementsAre(0, 17, 42, 0, 37, 40, 40, 38));
  EXPECT_NE(response.topics[0].topic_id, kafka::Uuid{});
  EXPECT_EQ(response.topics[0].num_partitions, 2);
  EXPECT_EQ(response.topics[0].replication_factor, 1);
  EXPECT_EQ(response.topics[0].configs->size(), 33u);
  EXPECT_THAT(response.topics[5].error_message.value_or(""), HasSubstr("soon"));
  EXPECT_EQ(rig.Call<kafka::CreateTopicsResponse>(0, TopicsOf({"good"})).topics[0].error_code, Number(KafkaCode::kTopicAlreadyExists));
  EXPECT_EQ(rig.Call<kafka::CreateTopicsResponse>(7, TopicsOf({"x_y"})).topics[0].error_code, Number(KafkaCode::kInvalidTopic));
  auto dry = TopicsOf({"dry"});
  dry.validate_only = true;
  EXPECT_EQ(rig.Call<kafka::CreateTopicsResponse>(7, dry).topics[0].error_code, 0);
  EXPECT_FALSE(rig.broker->topics().Find("dry").ok());
}

TEST(Topics, SurviveACrashAndGetNewIdsWhenMadeAgain) {
  Rig rig;
  rig.Call<kafka::CreateTopicsResponse>(7, TopicsOf({"trades"}, 3));
  const TopicInfo before = *rig.broker->topics().Find("trades");
  Produce(rig, "trades", {"old"});
  rig.Crash();
  EXPECT_EQ(rig.broker->topics().Find("trades")->id, before.id);
  EXPECT_EQ(Produce(rig, "trades", {"more"}), 1);
  kafka::DeleteTopicsRequest by_id;
  by_id.topics.push_back({std::nullopt, before.id});
  EXPECT_EQ(rig.Call<kafka::DeleteTopicsResponse>(6, by_id).responses[0].error_code, 0);
  EXPECT_EQ(rig.Call<kafka::DeleteTopicsResponse>(6, by_id).responses[0].error_code, Number(KafkaCode::kUnknownTopicId));
  rig.Call<kafka::CreateTopicsResponse>(7, TopicsOf({"trades"}, 1));
  EXPECT_NE(rig.broker->topics().Find("trades")->id, before.id);
  EXPECT_EQ(Produce(rig, "trades", {"new"}), 0);
}

// Which of two changes is meant nobody knows: neither is made, and there is one answer, as in Kafka.
TEST(Topics, WhatARequestNamesTwiceIsRefusedOnce) {
  Rig rig;
  Create(rig, "trades");
  kafka::CreatePartitionsRequest more;
  more.topics.push_back({.name = "trades", .count = 3});
  more.topics.push_back({.name = "trades", .count = 5});
  kafka::DeleteTopicsRequest deletion;
  deletion.topics.push_back({"trades", {}});
  deletion.topics.push_back({"trades", {}});
  kafka::IncrementalAlterConfigsRequest change;
  for (const char* value : {"1000", "2000"}) {
    auto& resource = change.resources.emplace_back();
    resource.resource_type = 2;
    resource.resource_name = "trades";
    resource.configs.push_back({"retention.ms", 0, value});
  }
  const auto codes = [](const auto& answers) {
    std::vector<int> found;
    for (const auto& one : answers) found.push_back(one.error_code);
    return found;
  };
  const std::vector<int> refused = {Number(KafkaCode::kInvalidRequest)};
  EXPECT_EQ(codes(rig.Call<kafka::CreatePartitionsResponse>(3, more).results), refused);
  EXPECT_EQ(codes(rig.Call<kafka::IncrementalAlterConfigsResponse>(1, change).responses), refused);
  EXPECT_EQ(codes(rig.Call<kafka::DeleteTopicsResponse>(6, deletion).responses), refused);
  EXPECT_EQ(codes(rig.Call<kafka::CreateTopicsResponse>(7, TopicsOf({"new", "other", "new"}, 1)).topics), (std::vector<int>{refused[0], 0}));
  EXPECT_FALSE(rig.broker->topics().Find("new").ok());
  EXPECT_EQ(rig.broker->topics().Find("trades")->partitions.size(), 1u);
  EXPECT_TRUE(rig.broker->topics().Find("trades")->configs.empty());
}

TEST(Topics, NamesThatCollideAreRefusedAlsoOnTheirWay) {
  Rig rig;
  rig.store->Hold(true);
  auto first = rig.Send<kafka::CreateTopicsResponse>(7, TopicsOf({"a.b"}, 1));
  EXPECT_EQ(rig.Call<kafka::CreateTopicsResponse>(7, TopicsOf({"a_b"}, 1)).topics[0].error_code, Number(KafkaCode::kInvalidTopic));
  rig.store->Hold(false);
  rig.store->Flush();
  rig.Run();
  ASSERT_TRUE(first.done());
  EXPECT_EQ(rig.Call<kafka::CreateTopicsResponse>(7, TopicsOf({"a_b"}, 1)).topics[0].error_code, Number(KafkaCode::kInvalidTopic));
  kafka::DeleteTopicsRequest deletion;
  deletion.topics.push_back({"a.b", {}});
  EXPECT_EQ(rig.Call<kafka::DeleteTopicsResponse>(6, deletion).responses[0].error_code, 0);
  EXPECT_EQ(rig.Call<kafka::CreateTopicsResponse>(7, TopicsOf({"a_b"}, 1)).topics[0].error_code, 0);
}

// A change of the settings fails while the deletion behind it succeeds: the topic does not come back.
TEST(Topics, DeletionOutlivesAChangeThatFails) {
  Rig rig;
  Create(rig, "trades");
  rig.store->Hold(true);
  kafka::IncrementalAlterConfigsRequest change;
  auto& resource = change.resources.emplace_back();
  resource.resource_type = 2;
  resource.resource_name = "trades";
  resource.configs.push_back({"retention.ms", 0, "1000"});
  auto changed = rig.Send<kafka::IncrementalAlterConfigsResponse>(1, change);
  kafka::DeleteTopicsRequest deletion;
  deletion.topics.push_back({"trades", {}});
  auto deleted = rig.Send<kafka::DeleteTopicsResponse>(6, deletion);
  rig.store->FailWith(Error(ErrorCode::kDiskFull, "full"));
  rig.store->FlushFirst(1);
  rig.Run();
  rig.store->FailWith(std::nullopt);
  rig.store->Hold(false);
  rig.store->Flush();
  rig.Run();
  ASSERT_TRUE(changed.done() && deleted.done());
  EXPECT_EQ(deleted.Get().responses[0].error_code, 0);
  EXPECT_EQ(rig.Call<kafka::CreateTopicsResponse>(7, TopicsOf({"trades"}, 1)).topics[0].error_code, 0);
  EXPECT_EQ(Produce(rig, "trades", {"new"}), 0);
}

TEST(Topics, DeletionTakesItsProducersAndOffsetsWithIt) {
  Rig rig;
  Create(rig, "trades");
  Create(rig, "quotes");
  rig.Call<ProduceResponse>(9, ProduceOf("trades", 0, BatchOf({"a"}, kNow, {.producer_id = 4, .producer_epoch = 0, .base_sequence = 0})));
  std::vector<log::Operation> entry;
  entry.push_back(rig.broker->topics().CommitOffset({.group = "g", .topic = "trades", .id = rig.broker->topics().Find("trades")->partitions[0], .offset = 1}));
  entry.push_back(rig.broker->topics().CommitOffset({.group = "g", .topic = "quotes", .id = rig.broker->topics().Find("quotes")->partitions[0], .offset = 1}));
  rig.store->journal().Append(std::move(entry), [](Result<log::Committed>) {});
  kafka::DeleteTopicsRequest request;
  request.topic_names = {"trades"};
  EXPECT_EQ(rig.Call<kafka::DeleteTopicsResponse>(3, request).responses[0].error_code, 0);
  EXPECT_TRUE(rig.store->Scan(kProducerStatePrefix).empty());
  EXPECT_EQ(rig.broker->topics().CommittedOffset("g", "trades", 0), std::nullopt);
  EXPECT_NE(rig.broker->topics().CommittedOffset("g", "quotes", 0), std::nullopt);
}

TEST(CreatePartitions, GivesOneResultATopic) {
  Rig rig;
  rig.Call<kafka::CreateTopicsResponse>(7, TopicsOf({"trades"}, 2));
  kafka::CreatePartitionsRequest request;
  request.topics.push_back({"trades", 4, std::nullopt});
  request.topics.push_back({"nowhere", 4, std::nullopt});
  auto response = rig.Call<kafka::CreatePartitionsResponse>(3, request);
  EXPECT_EQ(response.results[0].error_code, 0);
  EXPECT_EQ(response.results[1].error_code, Number(KafkaCode::kUnknownTopicOrPartition));
  EXPECT_EQ(rig.Call<kafka::CreatePartitionsResponse>(3, request).results[0].error_code, Number(KafkaCode::kInvalidPartitions));
  EXPECT_EQ(rig.Call<ProduceResponse>(9, ProduceOf("trades", 3, BatchOf({"a"}, kNow))).topics[0].partitions[0].error_code, 0);
}

TEST(ListOffsets, FindsNoRecordBeforeTheStart) {
  Rig rig;
  Create(rig, "trades");
  Produce(rig, "trades", {"a", "b", "c"});
  kafka::DeleteRecordsRequest request;
  request.topics.push_back({"trades", {{0, 1}}});
  EXPECT_EQ(rig.Call<kafka::DeleteRecordsResponse>(2, request).topics[0].partitions[0].low_watermark, 1);
  EXPECT_EQ(OffsetOf(rig, 0), 1);
}

TEST(DeleteRecords, MovesTheStart) {
  Rig rig;
  Create(rig, "trades");
  for (int i = 0; i < 5; ++i) Produce(rig, "trades", {"a"});
  auto delete_to = [&](int64_t offset) {
    kafka::DeleteRecordsRequest request;
    request.topics.push_back({"trades", {{0, offset}}});
    return rig.Call<kafka::DeleteRecordsResponse>(2, request).topics[0].partitions[0];
  };
  EXPECT_EQ(delete_to(3).low_watermark, 3);
  EXPECT_EQ(OffsetOf(rig, -2), 3);
  EXPECT_EQ(delete_to(1).low_watermark, 3);  // never back
  EXPECT_EQ(delete_to(6).error_code, Number(KafkaCode::kOffsetOutOfRange));
  EXPECT_EQ(delete_to(-1).low_watermark, 5);
}

TEST(Configs, AreListedAlteredAndKept) {
  Rig rig;
  Create(rig, "trades");
  kafka::DescribeConfigsRequest describe;
  describe.resources.push_back({2, "trades", std::nullopt});
  describe.resources.push_back({4, "1", std::nullopt});
  describe.resources.push_back({2, "nowhere", std::nullopt});
  describe.include_synonyms = true;
  auto before = rig.Call<kafka::DescribeConfigsResponse>(4, describe);
  EXPECT_EQ(before.results[0].configs.size(), 33u);
  EXPECT_GT(before.results[1].configs.size(), 10u);
  EXPECT_EQ(before.results[2].error_code, Number(KafkaCode::kUnknownTopicOrPartition));
  kafka::DescribeConfigsRequest illegal;
  for (const char* name : {"", "..", "a b"}) illegal.resources.push_back({2, name, std::nullopt});
  for (const auto& result : rig.Call<kafka::DescribeConfigsResponse>(4, illegal).results) EXPECT_EQ(result.error_code, Number(KafkaCode::kInvalidTopic)) << result.resource_name;

  kafka::IncrementalAlterConfigsRequest alter;
  std::vector<int16_t> codes;
  const auto change = [&](int8_t type, const std::string& name, const std::vector<kafka::IncrementalAlterConfigsRequest::Config>& configs) {
    alter.resources = {{type, name, configs}};
    codes.push_back(rig.Call<kafka::IncrementalAlterConfigsResponse>(1, alter).responses[0].error_code);
  };
  change(2, "trades", {{"max.message.bytes", 0, "200"}, {"retention.ms", 0, "-1"}});
  change(2, "trades", {{"no.such.setting", 0, "1"}});
  change(2, "trades", {{"segment.bytes", 0, "1"}});
  change(4, "1", {{"num.partitions", 0, "1"}});
  change(2, "a b", {{"retention.ms", 0, "1"}});
  change(2, "", {{"retention.ms", 0, "1"}});
  change(2, "nowhere", {{"retention.ms", 0, "1"}});
  EXPECT_THAT(codes, ::testing::ElementsAre(0, 40, 40, 42, 17, 42, 3));
  rig.Crash();
  auto big = rig.Call<ProduceResponse>(9, ProduceOf("trades", 0, BatchOf({std::string(300, 'x')}, kNow)));
  EXPECT_EQ(big.topics[0].partitions[0].error_code, Number(KafkaCode::kMessageTooLarge));
  describe.resources = {{2, "trades", std::vector<std::string>{"retention.ms"}}};
  auto after = rig.Call<kafka::DescribeConfigsResponse>(4, describe).results[0].configs;
  ASSERT_EQ(after.size(), 1u);
  EXPECT_EQ(after[0].value, "-1");
  EXPECT_EQ(after[0].config_source, 1);
  using Synonym = kafka::DescribeConfigsResponse::Synonym;
  EXPECT_THAT(after[0].synonyms, ::testing::ElementsAre(Synonym{"retention.ms", "-1", 1})) << "Kafka's log.retention.ms has no default, log.retention.hours has";
  describe.resources = {{2, "trades", std::vector<std::string>{"max.message.bytes", "min.insync.replicas", "segment.ms"}}};
  const auto others = rig.Call<kafka::DescribeConfigsResponse>(4, describe).results[0].configs;
  EXPECT_THAT(others[0].synonyms, ::testing::ElementsAre(Synonym{"max.message.bytes", "200", 1}, Synonym{"message.max.bytes", "1048588", 5}));
  EXPECT_THAT(others[1].synonyms, ::testing::ElementsAre(Synonym{"min.insync.replicas", "1", 5}));
  EXPECT_THAT(others[2].synonyms, ::testing::IsEmpty());
  describe.resources = {{2, "trades", std::vector<std::string>{"retention.ms"}}};
  alter.resources = {{2, "trades", {{"retention.ms", 1, std::nullopt}}}};
  EXPECT_EQ(rig.Call<kafka::IncrementalAlterConfigsResponse>(1, alter).responses[0].error_code, 0);
  EXPECT_EQ(rig.Call<kafka::DescribeConfigsResponse>(4, describe).results[0].configs[0].value, "604800000");
}

TEST(DescribeCluster, KeepsItsIdOverACrash) {
  Rig rig({.advertised_host = "example", .advertised_port = 1234});
  const auto before = rig.Call<kafka::DescribeClusterResponse>(1, kafka::DescribeClusterRequest{});
  EXPECT_EQ(before.cluster_id.size(), 22u);
  rig.Crash();
  EXPECT_EQ(rig.Call<kafka::DescribeClusterResponse>(0, kafka::DescribeClusterRequest{}).cluster_id, before.cluster_id);
}

TEST(Sweeper, AppliesRetentionInTime) {
  Rig rig;
  rig.queue.AdvanceMs(rig.options_.retention_check_ms * 3);
  EXPECT_EQ(rig.store->retention_runs, 3);
}

TEST(Sweeper, ForgetsSilentProducersAndOldOffsets) {
  Rig rig;
  Create(rig, "trades");
  rig.Call<ProduceResponse>(9, ProduceOf("trades", 0, BatchOf({"a"}, kNow, {.producer_id = 4, .producer_epoch = 0, .base_sequence = 0})));
  std::vector<log::Operation> entry;
  entry.push_back(rig.broker->topics().CommitOffset({.group = "g", .topic = "trades", .id = rig.broker->topics().Find("trades")->partitions[0], .offset = 1}));
  rig.store->journal().Append(std::move(entry), [](Result<log::Committed>) {});
  rig.queue.AdvanceMs(23LL * 3600 * 1000);
  EXPECT_EQ(rig.store->Scan(kProducerStatePrefix).size(), 1u);
  rig.queue.AdvanceMs(2LL * 3600 * 1000);
  EXPECT_EQ(rig.store->Scan(kProducerStatePrefix).size(), 0u);
  EXPECT_NE(rig.broker->topics().CommittedOffset("g", "trades", 0), std::nullopt);
  rig.queue.AdvanceMs(7LL * 24 * 3600 * 1000);
  EXPECT_EQ(rig.broker->topics().CommittedOffset("g", "trades", 0), std::nullopt);
}

TEST(MetaRecords, RoundTripAndRefuseDamage) {
  GroupRecord group{.generation = 7, .protocol_type = "consumer", .protocol = "range", .leader = "m1", .members = {}};
  group.members.push_back({"m1", "static", "c", "/h", 1, 2, {{"range", std::string("\0x", 2)}}, "assigned"});
  const std::string value = EncodeGroup(group);
  auto back = DecodeGroup("k", value);
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(EncodeGroup(*back), value);
  for (size_t size = 0; size < value.size(); ++size) EXPECT_FALSE(DecodeGroup("k", value.substr(0, size)).ok()) << size;
  const std::string odd = "a/b%c \x01";
  EXPECT_EQ(GroupOfKey(GroupMembersKey(odd)), odd);
  EXPECT_EQ(PartitionOfOffsetKey(GroupOffsetKey(odd, "t", 12))->partition, 12);
  EXPECT_EQ(PartitionOfOffsetKey(GroupMembersKey(odd)), std::nullopt);
}

}  // namespace
}  // namespace firn::broker
