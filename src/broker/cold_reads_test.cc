// SPDX-License-Identifier: Apache-2.0
// Fetches and lookups of what is in files only: beside the broker's queue, which goes on meanwhile.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/broker_test_rig.h"
#include "broker/response_budget.h"
#include "kafka/error_code.h"
#include "kafka/messages/create_topics.h"
#include "kafka/messages/delete_topics.h"
#include "kafka/messages/fetch.h"
#include "kafka/messages/list_offsets.h"

namespace firn::broker {
namespace {

using kafka::FetchRequest;
using kafka::FetchResponse;
using kafka::KafkaCode;
using ::testing::ElementsAre;

constexpr int64_t kTimeMs = 1'700'000'000'000;

/// A topic of three partitions; 0 and 1 have ten batches each, which are cold; 2 has ten that are not.
class ColdReads : public ::testing::Test {
 protected:
  ColdReads() {
    kafka::CreateTopicsRequest request;
    request.topics.push_back({.name = "t", .num_partitions = 3, .replication_factor = 1});
    rig.Call<kafka::CreateTopicsResponse>(7, request);
    for (int32_t partition = 0; partition < 3; ++partition) {
      for (int i = 0; i < 10; ++i) Produce(partition, i);
      if (partition < 2) Log(partition)->SetColdEnd(10);
    }
    rig.holds_calls = true;
  }

  void Produce(int32_t partition, int number) {
    rig.Call<kafka::ProduceResponse>(9, ProduceOf("t", partition, BatchOf({std::to_string(number)}, kTimeMs + number)));
  }
  MemoryPartition* Log(int32_t partition) { return rig.store->memory_partition(rig.broker->topics().Find("t")->partitions.at(static_cast<size_t>(partition))); }

  static FetchRequest FetchOf(const std::vector<int32_t>& partitions, int64_t offset = 0) {
    FetchRequest request;
    request.max_wait_ms = 500;
    request.min_bytes = 1;
    request.topics.emplace_back().name = "t";
    for (int32_t partition : partitions) {
      auto& wanted = request.topics[0].partitions.emplace_back();
      wanted.index = partition;
      wanted.fetch_offset = offset;
      wanted.max_bytes = 1 << 20;
    }
    return request;
  }
  /// Of each partition.
  static std::vector<std::string> ValuesOf(const FetchResponse& response) {
    std::vector<std::string> all;
    for (const auto& partition : response.topics.at(0).partitions) {
      std::string& values = all.emplace_back();
      for (const auto& bytes : *partition.records) {
        EXPECT_TRUE(kafka::ForEachBatch(bytes.view(), [&](const kafka::RecordBatchView& batch) {
                      std::string scratch;
                      kafka::RecordReader reader(&scratch);
                      EXPECT_TRUE(reader.Open(batch).ok());
                      for (kafka::RecordView record; reader.Next(&record);) values += record.value;
                      return true;
                    }).ok());
      }
    }
    return all;
  }
  void RunCalls() {
    while (rig.executor.Run()) rig.queue.Run();
  }
  int64_t used_bytes() { return rig.broker->responses().used_bytes(); }

  Rig rig;
};

TEST_F(ColdReads, HoldNobodyUp) {
  auto cold = rig.Send<FetchResponse>(12, FetchOf({0, 2, 1}));
  EXPECT_FALSE(cold.done());
  EXPECT_EQ(rig.executor.waiting_count(), 1u);
  EXPECT_GT(used_bytes(), 0);
  EXPECT_THAT(ValuesOf(rig.Call<FetchResponse>(12, FetchOf({2}))), ElementsAre("0123456789"));
  Produce(2, 5);
  rig.queue.AdvanceMs(10'000);  // the time to wait for records is no time to read them in
  EXPECT_FALSE(cold.done());
  RunCalls();
  ASSERT_TRUE(cold.done());
  EXPECT_THAT(ValuesOf(cold.Get()), ElementsAre("0123456789", "01234567895", "0123456789"));
  EXPECT_EQ(used_bytes(), 0);
}

TEST_F(ColdReads, AreAtMostSoManyAtOnce) {
  std::vector<Rig::Pending<FetchResponse>> fetches;
  for (int i = 0; i < 10; ++i) fetches.push_back(rig.Send<FetchResponse>(12, FetchOf({0, 1})));
  EXPECT_EQ(rig.executor.waiting_count(), rig.options_.blocking_calls_max);
  RunCalls();
  for (auto& fetch : fetches) {
    ASSERT_TRUE(fetch.done());
    EXPECT_THAT(ValuesOf(fetch.Get()), ElementsAre("0123456789", "0123456789"));
  }
}

TEST_F(ColdReads, AreAnsweredEvenBelowMinBytes) {
  auto request = FetchOf({0}, 7);
  request.min_bytes = 1 << 20;
  auto fetch = rig.Send<FetchResponse>(12, request);
  RunCalls();
  ASSERT_TRUE(fetch.done());
  EXPECT_THAT(ValuesOf(fetch.Get()), ElementsAre("789"));
  auto hot = FetchOf({2}, 7);
  hot.min_bytes = 1 << 20;
  EXPECT_FALSE(rig.Send<FetchResponse>(12, hot).done());
}

TEST_F(ColdReads, OfWhatGoesMeanwhileGetItsError) {
  auto deleted = rig.Send<FetchResponse>(12, FetchOf({0}));
  auto trimmed = rig.Send<FetchResponse>(12, FetchOf({1}));
  Log(1)->SetLogStart(5);
  kafka::DeleteTopicsRequest request;
  request.topics.push_back({"t", {}});
  // Partition 1 is as good as trimmed only before its topic goes.
  rig.executor.Run();
  rig.queue.Run();
  EXPECT_EQ(trimmed.Get().topics[0].partitions[0].error_code, static_cast<int16_t>(KafkaCode::kOffsetOutOfRange));
  EXPECT_THAT(ValuesOf(deleted.Get()), ElementsAre("0123456789"));
  deleted = rig.Send<FetchResponse>(12, FetchOf({0}));
  rig.Call<kafka::DeleteTopicsResponse>(6, request);
  RunCalls();
  EXPECT_EQ(deleted.Get().topics[0].partitions[0].error_code, static_cast<int16_t>(KafkaCode::kUnknownTopicOrPartition));
  EXPECT_EQ(used_bytes(), 0);
}

TEST_F(ColdReads, EndWithTheBroker) {
  auto fetch = rig.Send<FetchResponse>(12, FetchOf({0}));
  rig.Crash();
  RunCalls();
  EXPECT_FALSE(fetch.done());
}

TEST_F(ColdReads, TimesAreLookedUpBesideTheQueue) {
  kafka::ListOffsetsRequest request;
  auto& topic = request.topics.emplace_back();
  topic.name = "t";
  for (int64_t timestamp : {int64_t{-1}, kTimeMs + 4, int64_t{-2}, int64_t{-3}, kTimeMs + 100}) {
    auto& partition = topic.partitions.emplace_back();
    partition.index = 2;
    partition.timestamp = timestamp;
  }
  auto lookup = rig.Send<kafka::ListOffsetsResponse>(7, request);
  EXPECT_FALSE(lookup.done());
  EXPECT_EQ(rig.executor.waiting_count(), 1u);
  EXPECT_THAT(ValuesOf(rig.Call<FetchResponse>(12, FetchOf({2}))), ElementsAre("0123456789"));
  RunCalls();
  std::vector<int64_t> offsets;
  const kafka::ListOffsetsResponse answer = lookup.Get();
  for (const auto& partition : answer.topics[0].partitions) offsets.push_back(partition.offset);
  EXPECT_THAT(offsets, ElementsAre(10, 4, 0, 9, -1));
}

// A producer that did not get its answer before a crash: the batch is looked for in files, and the queue goes on meanwhile.
TEST_F(ColdReads, ARepeatedBatchIsLookedForBesideTheQueue) {
  rig.holds_calls = false;
  const auto batch = [] { return ProduceOf("t", 0, BatchOf({"x"}, kTimeMs, {.producer_id = 4, .producer_epoch = 0, .base_sequence = 0})); };
  EXPECT_EQ(rig.Call<kafka::ProduceResponse>(9, batch()).topics[0].partitions[0].base_offset, 10);
  rig.Crash();
  Log(0)->SetColdEnd(11);
  rig.holds_calls = true;
  auto again = rig.Send<kafka::ProduceResponse>(9, batch());
  EXPECT_FALSE(again.done());
  EXPECT_EQ(rig.executor.waiting_count(), 1u);
  Produce(2, 10);  // answered
  RunCalls();
  ASSERT_TRUE(again.done());
  EXPECT_EQ(again.Get().topics[0].partitions[0].error_code, 0);
  EXPECT_EQ(again.Get().topics[0].partitions[0].base_offset, 10);
  EXPECT_EQ(Log(0)->high_watermark(), log::Offset(11));
}

}  // namespace
}  // namespace firn::broker
