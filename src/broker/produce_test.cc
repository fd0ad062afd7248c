// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <random>

#include "base/crc32c.h"
#include "broker/broker_test_rig.h"
#include "broker/meta_records.h"
#include "kafka/error_code.h"
#include "kafka/messages/create_topics.h"
#include "kafka/messages/fetch.h"
#include "kafka/messages/init_producer_id.h"

namespace firn::broker {
namespace {

using kafka::KafkaCode;
using kafka::ProduceResponse;
using ::testing::ElementsAre;

void CreateTopic(Rig& rig, const std::string& name, int32_t partitions = 1, const std::map<std::string, std::string>& configs = {}) {
  kafka::CreateTopicsRequest request;
  auto& topic = request.topics.emplace_back();
  topic.name = name;
  topic.num_partitions = partitions;
  topic.replication_factor = 3;
  for (const auto& [key, value] : configs) topic.configs.push_back({key, value});
  auto response = rig.Call<kafka::CreateTopicsResponse>(7, request);
  ASSERT_EQ(response.topics[0].error_code, 0) << response.topics[0].error_message.value_or("");
}

ProduceResponse::Partition Produce(Rig& rig, const std::string& batch, int version = 9, const std::string& topic = "trades", int32_t partition = 0) {
  return rig.Call<ProduceResponse>(version, ProduceOf(topic, partition, batch)).topics[0].partitions[0];
}

KafkaCode CodeOf(const ProduceResponse::Partition& partition) { return static_cast<KafkaCode>(partition.error_code); }

std::vector<std::string> ReadAll(Rig& rig, const std::string& topic = "trades") {
  auto info = rig.broker->topics().Find(topic);
  EXPECT_TRUE(info.ok());
  auto log = rig.broker->topics().partition(info->partitions[0]);
  std::vector<std::string> values;
  std::string scratch;
  for (log::Offset at = log->log_start(); at < log->high_watermark();) {
    auto read = log->Read(at, {});
    for (const auto& slice : read->batches) {
      EXPECT_TRUE(kafka::ForEachBatch(slice.view(), [&](const kafka::RecordBatchView& batch) {
                    EXPECT_TRUE(batch.CheckCrc().ok());
                    kafka::RecordReader reader(&scratch);
                    EXPECT_TRUE(reader.Open(batch).ok());
                    kafka::RecordView record;
                    while (reader.Next(&record)) values.emplace_back(record.value);
                    return true;
                  }).ok());
    }
    at = read->next;
  }
  return values;
}


TEST(Produce, TakesZstdFromVersion7On) {
  Rig rig;
  CreateTopic(rig, "trades");
  const std::string batch = BatchOf({"a"}, kNow, {.codec = kafka::Codec::kZstd});
  EXPECT_EQ(CodeOf(Produce(rig, batch, 6)), KafkaCode::kUnsupportedCompressionType);
  EXPECT_EQ(CodeOf(Produce(rig, batch, 7)), KafkaCode::kNone);
}

TEST(Produce, GivesOffsetsAndKeepsTheProducersBytes) {
  Rig rig;
  CreateTopic(rig, "trades");
  const std::string batch = BatchOf({"a", "b"}, kNow);
  EXPECT_EQ(Produce(rig, batch).base_offset, 0);
  EXPECT_EQ(Produce(rig, BatchOf({"c"}, kNow, {.codec = kafka::Codec::kLz4}), 3).base_offset, 2);
  EXPECT_THAT(ReadAll(rig), ElementsAre("a", "b", "c"));
  auto log = rig.broker->topics().partition(rig.broker->topics().Find("trades")->partitions[0]);
  EXPECT_EQ(log->Read(log::Offset(0), {})->batches[0].view().substr(12), batch.substr(12));
}

// What is kept until it is in the segments is counted by its own size: a small batch must not hold the memory of the large frame that it came in.
TEST(Produce, ASmallBatchLetsGoOfItsFrame) {
  Rig rig;
  CreateTopic(rig, "trades");
  for (const size_t ballast : {size_t{1} << 20, size_t{0}}) {
    kafka::ProduceRequest request = ProduceOf("trades", 0, BatchOf({"a"}, kNow));
    if (ballast > 0) {
      auto& refused = request.topics.emplace_back();
      refused.name = "missing";
      auto& part = refused.partitions.emplace_back();
      part.index = 0;
      part.records = kafka::Records{base::SharedBytes::FromString(BatchOf({std::string(ballast, 'x')}, kNow))};
    }
    std::string bytes;
    for (const auto& part : kafka::EncodeRequest({.api_version = 9, .correlation_id = 7, .client_id = "rig"}, request)) bytes.append(part.view());
    auto frame = std::make_shared<const std::string>(bytes.substr(kafka::kFrameSizeBytes));
    const std::weak_ptr<const std::string> lives = frame;
    const std::string_view view = *frame;
    std::optional<Reply> reply;
    rig.broker->Handle({base::SharedBytes(std::move(frame), view)}, {.host = "127.0.0.1", .connection = 0}, [&](Reply answer) { reply = std::move(answer); });
    rig.Run();
    ASSERT_TRUE(reply.has_value());
    EXPECT_EQ(lives.expired(), ballast > 0);  // without ballast nothing is copied
  }
  EXPECT_THAT(ReadAll(rig), ElementsAre("a", "a"));
}

TEST(Produce, IsAnsweredOnlyOnceDurable) {
  Rig rig;
  CreateTopic(rig, "trades");
  rig.store->Hold(true);
  for (int16_t acks : {int16_t{-1}, int16_t{1}}) {
    auto pending = rig.Send<ProduceResponse>(9, ProduceOf("trades", 0, BatchOf({"a"}, kNow), acks));
    EXPECT_FALSE(pending.done()) << acks;
    rig.store->Flush();
    rig.queue.Run();
    EXPECT_EQ(pending.Get().topics[0].partitions[0].error_code, 0);
  }
}

TEST(Produce, WithoutAcksHasNoResponseAndClosesOnFault) {
  Rig rig;
  CreateTopic(rig, "trades");
  auto good = rig.Send<ProduceResponse>(9, ProduceOf("trades", 0, BatchOf({"a"}, kNow), 0));
  EXPECT_EQ(good.kind(), Reply::Kind::kNothing);
  EXPECT_THAT(ReadAll(rig), ElementsAre("a"));
  auto bad = rig.Send<ProduceResponse>(9, ProduceOf("nowhere", 0, BatchOf({"a"}, kNow), 0));
  EXPECT_EQ(bad.kind(), Reply::Kind::kClose);
}

std::string Patched(std::string batch, size_t at, int32_t value) {
  base::StoreBig(batch.data() + at, value);
  base::StoreBig(batch.data() + 17, base::Crc32c(std::string_view(batch).substr(kafka::kBatchCrcBegin)));
  return batch;
}

TEST(Produce, RefusesBadBatchesWithKafkasCodes) {
  Rig rig;
  CreateTopic(rig, "trades", 1, {{"max.message.bytes", "500"}});
  const std::string good = BatchOf({"a", "b"}, kNow);
  std::string broken = good;
  broken.back() = static_cast<char>(broken.back() ^ 1);
  EXPECT_EQ(CodeOf(Produce(rig, broken)), KafkaCode::kCorruptMessage);
  EXPECT_EQ(CodeOf(Produce(rig, good.substr(0, good.size() - 3))), KafkaCode::kCorruptMessage);
  EXPECT_EQ(CodeOf(Produce(rig, Patched(good, 57, 3))), KafkaCode::kInvalidRecord);        // record count
  EXPECT_EQ(CodeOf(Produce(rig, Patched(good, 4, 9))), KafkaCode::kInvalidRecord);         // base offset
  EXPECT_EQ(CodeOf(Produce(rig, good + good)), KafkaCode::kInvalidRecord);                 // two batches
  EXPECT_EQ(CodeOf(Produce(rig, "")), KafkaCode::kInvalidRecord);
  std::string old = good;
  old[16] = 1;
  EXPECT_EQ(CodeOf(Produce(rig, old)), KafkaCode::kInvalidRecord);  // magic
  EXPECT_EQ(CodeOf(Produce(rig, BatchOf({std::string(600, 'x')}, kNow))), KafkaCode::kMessageTooLarge);
  EXPECT_EQ(CodeOf(Produce(rig, BatchOf({"a"}, kNow + 3'700'000))), KafkaCode::kInvalidTimestamp);
  EXPECT_EQ(CodeOf(Produce(rig, BatchOf({"a"}, kNow + 3'500'000))), KafkaCode::kNone);
  EXPECT_EQ(CodeOf(Produce(rig, good, 9, "nowhere")), KafkaCode::kUnknownTopicOrPartition);
  EXPECT_EQ(CodeOf(Produce(rig, good, 9, "trades", 1)), KafkaCode::kUnknownTopicOrPartition);
  EXPECT_EQ(CodeOf(Produce(rig, good, 9, "trades", -1)), KafkaCode::kUnknownTopicOrPartition);
  auto acks = rig.Call<ProduceResponse>(9, ProduceOf("trades", 0, good, 2));
  EXPECT_EQ(CodeOf(acks.topics[0].partitions[0]), KafkaCode::kInvalidRequiredAcks);
  EXPECT_THAT(ReadAll(rig), ElementsAre("a"));
}

TEST(Produce, OneBadPartitionDoesNotSpoilTheOthers) {
  Rig rig;
  CreateTopic(rig, "trades", 2);
  auto request = ProduceOf("trades", 0, BatchOf({"a"}, kNow));
  auto& second = request.topics[0].partitions.emplace_back();
  second.index = 1;
  second.records = kafka::Records{base::SharedBytes::FromString("garbage that is no batch at all, but long enough")};
  auto response = rig.Call<ProduceResponse>(9, request);
  EXPECT_EQ(response.topics[0].partitions[0].error_code, 0);
  EXPECT_NE(response.topics[0].partitions[1].error_code, 0);
  EXPECT_THAT(ReadAll(rig), ElementsAre("a"));
}

TEST(Produce, SetsLogAppendTimeAndRecompresses) {
  Rig rig;
  CreateTopic(rig, "trades", 1, {{"message.timestamp.type", "LogAppendTime"}, {"compression.type", "zstd"}});
  auto partition = Produce(rig, BatchOf({"a", "b"}, 5, {.codec = kafka::Codec::kGzip}));
  EXPECT_EQ(partition.error_code, 0);
  EXPECT_EQ(partition.log_append_time_ms, kNow);
  EXPECT_THAT(ReadAll(rig), ElementsAre("a", "b"));
  auto log = rig.broker->topics().partition(rig.broker->topics().Find("trades")->partitions[0]);
  auto read = log->Read(log::Offset(0), {});
  auto batch = kafka::RecordBatchView::Parse(read->batches[0].view());
  EXPECT_EQ(batch->codec(), kafka::Codec::kZstd);
  EXPECT_EQ(batch->max_timestamp(), kNow);
}

std::string Sequenced(int64_t producer, int16_t epoch, int32_t sequence, const std::vector<std::string>& values) {
  return BatchOf(values, kNow, {.producer_id = producer, .producer_epoch = epoch, .base_sequence = sequence});
}

TEST(Idempotence, RepetitionsGetTheirFirstOffset) {
  Rig rig;
  CreateTopic(rig, "trades");
  for (int i = 0; i < 6; ++i) EXPECT_EQ(Produce(rig, Sequenced(9, 0, i * 2, {"a", "b"})).base_offset, i * 2);
  for (int i = 1; i < 6; ++i) {
    auto again = Produce(rig, Sequenced(9, 0, i * 2, {"a", "b"}));
    EXPECT_EQ(again.error_code, 0);
    EXPECT_EQ(again.base_offset, i * 2);
  }
  EXPECT_EQ(CodeOf(Produce(rig, Sequenced(9, 0, 0, {"a", "b"}))), KafkaCode::kOutOfOrderSequenceNumber);  // older than five batches
  EXPECT_EQ(CodeOf(Produce(rig, Sequenced(9, 0, 13, {"x"}))), KafkaCode::kOutOfOrderSequenceNumber);      // a gap
  EXPECT_EQ(CodeOf(Produce(rig, Sequenced(9, 1, 12, {"x"}))), KafkaCode::kOutOfOrderSequenceNumber);      // a new epoch starts at 0
  EXPECT_EQ(CodeOf(Produce(rig, Sequenced(9, 1, 0, {"x"}))), KafkaCode::kNone);
  EXPECT_EQ(CodeOf(Produce(rig, Sequenced(9, 0, 12, {"x"}))), KafkaCode::kInvalidProducerEpoch);
  EXPECT_EQ(CodeOf(Produce(rig, Sequenced(77, 3, 500, {"x"}))), KafkaCode::kNone);  // an unknown producer may start anywhere
  EXPECT_EQ(ReadAll(rig).size(), 14u);
}

TEST(Idempotence, SequencesWrapAround) {
  Rig rig;
  CreateTopic(rig, "trades");
  EXPECT_EQ(CodeOf(Produce(rig, Sequenced(9, 0, INT32_MAX - 1, {"a", "b", "c"}))), KafkaCode::kNone);
  EXPECT_EQ(CodeOf(Produce(rig, Sequenced(9, 0, 1, {"d"}))), KafkaCode::kNone);
  EXPECT_EQ(CodeOf(Produce(rig, Sequenced(9, 0, 3, {"e"}))), KafkaCode::kOutOfOrderSequenceNumber);
}

TEST(Idempotence, RepetitionOfABatchInFlightWaitsForIt) {
  Rig rig;
  CreateTopic(rig, "trades");
  rig.store->Hold(true);
  auto first = rig.Send<ProduceResponse>(9, ProduceOf("trades", 0, Sequenced(9, 0, 0, {"a"})));
  auto again = rig.Send<ProduceResponse>(9, ProduceOf("trades", 0, Sequenced(9, 0, 0, {"a"})));
  EXPECT_FALSE(again.done());
  EXPECT_EQ(rig.store->held_count(), 1u);
  rig.store->Flush();
  rig.queue.Run();
  EXPECT_EQ(first.Get().topics[0].partitions[0].base_offset, 0);
  EXPECT_EQ(again.Get().topics[0].partitions[0].base_offset, 0);
  EXPECT_THAT(ReadAll(rig), ElementsAre("a"));
}

TEST(Idempotence, AFailedEntryTakesItsSequenceBack) {
  Rig rig;
  CreateTopic(rig, "trades");
  EXPECT_EQ(CodeOf(Produce(rig, Sequenced(9, 0, 0, {"a"}))), KafkaCode::kNone);
  rig.store->FailWith(Error(ErrorCode::kDiskFull, "no space"));
  EXPECT_EQ(CodeOf(Produce(rig, Sequenced(9, 0, 1, {"b"}))), KafkaCode::kKafkaStorageError);
  rig.store->FailWith(std::nullopt);
  EXPECT_EQ(CodeOf(Produce(rig, Sequenced(9, 0, 1, {"b"}))), KafkaCode::kNone);
  EXPECT_THAT(ReadAll(rig), ElementsAre("a", "b"));
}

// The state written with a batch cannot hold its own offset: after a crash it is looked for in the log.
TEST(Idempotence, SurvivesACrash) {
  Rig rig;
  CreateTopic(rig, "trades");
  Produce(rig, BatchOf({"other"}, kNow));
  for (int i = 0; i < 3; ++i) Produce(rig, Sequenced(9, 0, i, {"a"}));
  Produce(rig, BatchOf({"other"}, kNow));
  rig.Crash();
  for (int i = 0; i < 3; ++i) {
    auto again = Produce(rig, Sequenced(9, 0, i, {"a"}));
    EXPECT_EQ(again.error_code, 0);
    EXPECT_EQ(again.base_offset, i + 1);
  }
  EXPECT_EQ(CodeOf(Produce(rig, Sequenced(9, 0, 4, {"x"}))), KafkaCode::kOutOfOrderSequenceNumber);
  EXPECT_EQ(CodeOf(Produce(rig, Sequenced(9, 0, 3, {"b"}))), KafkaCode::kNone);
  EXPECT_EQ(ReadAll(rig).size(), 6u);
}

// A producer as clients are: up to five batches in flight, resends all that is unanswered after a crash or a storage error, in order.
TEST(Idempotence, EveryRecordIsThereExactlyOnceWhateverFails) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    Rig rig;
    CreateTopic(rig, "trades");
    rig.store->Hold(true);
    struct Sent {
      int32_t sequence;
      Rig::Pending<ProduceResponse> pending;
    };
    std::deque<Sent> in_flight;
    int32_t next = 0, acked = 0;
    constexpr int32_t kBatches = 60;
    auto send = [&](int32_t sequence) {
      return Sent{sequence, rig.Send<ProduceResponse>(9, ProduceOf("trades", 0, Sequenced(9, 0, sequence, {std::to_string(sequence)})))};
    };
    auto resend_all = [&] {
      for (auto& sent : in_flight) sent = send(sent.sequence);
    };
    while (acked < kBatches) {
      const uint64_t dice = random() % 10;
      if (dice < 5 && next < kBatches && in_flight.size() < 5) in_flight.push_back(send(next++));
      if (dice == 5) rig.Crash(), resend_all();
      if (dice == 6 && !in_flight.empty()) in_flight.back() = send(in_flight.back().sequence);  // an impatient client
      if (dice >= 7) rig.store->Flush(), rig.queue.Run();
      bool must_resend = false;
      while (!in_flight.empty() && in_flight.front().pending.done()) {
        const auto answer = in_flight.front().pending.Get().topics[0].partitions[0];
        if (answer.error_code != 0) {
          must_resend = true;
          break;
        }
        EXPECT_EQ(answer.base_offset, in_flight.front().sequence);
        ++acked;
        in_flight.pop_front();
      }
      if (must_resend) resend_all();
    }
    const auto values = ReadAll(rig);
    ASSERT_EQ(values.size(), static_cast<size_t>(kBatches));
    for (int32_t i = 0; i < kBatches; ++i) EXPECT_EQ(values[static_cast<size_t>(i)], std::to_string(i));
  }
}

TEST(InitProducerId, NeverGivesAnIdTwice) {
  Rig rig;
  kafka::InitProducerIdRequest request;
  std::set<int64_t> ids;
  for (int i = 0; i < 2'500; ++i) {
    if (i % 700 == 0) rig.Crash();
    auto response = rig.Call<kafka::InitProducerIdResponse>(4, request);
    EXPECT_EQ(response.error_code, 0);
    EXPECT_TRUE(ids.insert(response.producer_id).second) << response.producer_id;
  }
  request.transactional_id = "tx";
  EXPECT_EQ(rig.Call<kafka::InitProducerIdResponse>(4, request).error_code, static_cast<int16_t>(KafkaCode::kTransactionalIdAuthorizationFailed));
}

TEST(NodeTopics, AppendAndOffsetsShareOneEntryWithOthers) {
  Rig rig;
  CreateTopic(rig, "trades");
  Topics& topics = rig.broker->topics();
  auto info = topics.Find("trades");
  ASSERT_TRUE(info.ok());
  std::vector<log::Operation> entry;
  entry.push_back(*topics.Append(*info, 0, BatchOf({"from a job"}, kNow)));
  entry.push_back(topics.CommitOffset({.group = "lab", .topic = "trades", .id = info->partitions[0], .offset = 42}));
  rig.store->journal().Append(std::move(entry), [](Result<log::Committed> result) { EXPECT_TRUE(result.ok()); });
  EXPECT_THAT(ReadAll(rig), ElementsAre("from a job"));
  EXPECT_EQ(topics.CommittedOffset("lab", "trades", 0)->offset, 42);
  EXPECT_EQ(topics.CommittedOffset("lab", "trades", 1), std::nullopt);
  EXPECT_FALSE(topics.Append(*info, 1, BatchOf({"x"}, kNow)).ok());
  auto missing = topics.Find("trads");
  ASSERT_FALSE(missing.ok());
  EXPECT_THAT(missing.error().candidates(), ElementsAre("trades"));
}

}  // namespace
}  // namespace firn::broker
