// SPDX-License-Identifier: Apache-2.0
// Produced batches that nobody could read: whatever is in them, they are refused, in bounded memory, and nothing that was sent before or after is lost or overtaken.
#include "broker/batch_examination.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "base/crc32c.h"
#include "broker/broker_test_rig.h"
#include "kafka/error_code.h"
#include "kafka/messages/create_topics.h"
#include "kafka/messages/delete_topics.h"

namespace firn::broker {
namespace {

using kafka::Codec;
using kafka::KafkaCode;
using kafka::ProduceResponse;
using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::Eq;

constexpr Codec kCodecs[] = {Codec::kGzip, Codec::kSnappy, Codec::kLz4, Codec::kZstd};

/// A batch with this for a body, sound in its header.
std::string BatchWith(Codec codec, std::string_view body, int32_t record_count) {
  std::string batch = BatchOf({"x"}, kNow).substr(0, kafka::kBatchHeaderBytes);
  batch.append(body);
  base::StoreBig(batch.data() + 8, static_cast<int32_t>(batch.size() - kafka::kBatchLengthEnd));
  base::StoreBig(batch.data() + 21, static_cast<int16_t>(codec));
  base::StoreBig(batch.data() + 23, record_count - 1);
  base::StoreBig(batch.data() + 57, record_count);
  base::StoreBig(batch.data() + 17, base::Crc32c(std::string_view(batch).substr(kafka::kBatchCrcBegin)));
  return batch;
}

std::string Compressed(Codec codec, std::string_view plain) {
  std::string body;
  kafka::Compress(codec, plain, &body);
  return body;
}

/// The records of two values, plain.
std::string TwoRecords() { return BatchOf({std::string(3'000, 'a'), std::string(3'000, 'b')}, kNow).substr(kafka::kBatchHeaderBytes); }

std::string Noise(size_t size, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::string noise(size, '\0');
  for (char& byte : noise) byte = static_cast<char>(random());
  return noise;
}

class Examination : public ::testing::Test {
 protected:
  Examination() { CreateTopic("trades", {}); }
  void CreateTopic(const std::string& name, const std::map<std::string, std::string>& configs) {
    kafka::CreateTopicsRequest request;
    request.topics.push_back({.name = name, .num_partitions = 1, .replication_factor = 1});
    for (const auto& [key, value] : configs) request.topics[0].configs.push_back({key, value});
    ASSERT_EQ(rig.Call<kafka::CreateTopicsResponse>(7, request).topics[0].error_code, 0);
  }
  KafkaCode CodeOf(const std::string& batch, const std::string& topic = "trades") {
    return CodeOf(rig.Call<ProduceResponse>(9, ProduceOf(topic, 0, batch)));
  }
  static KafkaCode CodeOf(const ProduceResponse& response) { return static_cast<KafkaCode>(response.topics.at(0).partitions.at(0).error_code); }
  static int64_t OffsetOf(const ProduceResponse& response) { return response.topics.at(0).partitions.at(0).base_offset; }
  int64_t End() { return rig.broker->topics().partition(rig.broker->topics().Find("trades")->partitions.at(0))->high_watermark().value(); }

  Rig rig;
};

TEST_F(Examination, RefusesEveryBodyThatCannotBeRead) {
  const std::string two = TwoRecords();
  std::string swapped = BatchOf({"0", "1"}, kNow).substr(kafka::kBatchHeaderBytes);
  ASSERT_EQ(swapped.size(), 16u);
  swapped = swapped.substr(8) + swapped.substr(0, 8);  // offset deltas 1, 0
  int64_t end = 0;
  for (Codec codec : kCodecs) {
    SCOPED_TRACE(kafka::CodecName(codec));
    const std::string body = Compressed(codec, two);
    EXPECT_EQ(CodeOf(BatchWith(codec, body, 2)), KafkaCode::kNone);
    EXPECT_EQ(End(), end += 2);
    const auto is_refused = AnyOf(Eq(KafkaCode::kCorruptMessage), Eq(KafkaCode::kInvalidRecord), Eq(KafkaCode::kMessageTooLarge));
    EXPECT_THAT(CodeOf(BatchWith(codec, body, 1)), is_refused) << "more records than it says";
    EXPECT_THAT(CodeOf(BatchWith(codec, body, 3)), is_refused) << "fewer";
    EXPECT_THAT(CodeOf(BatchWith(codec, Compressed(codec, two + "xyz"), 2)), is_refused) << "something behind the records";
    EXPECT_THAT(CodeOf(BatchWith(codec, Compressed(codec, swapped), 2)), is_refused) << "offsets out of order";
    EXPECT_THAT(CodeOf(BatchWith(codec, Compressed(codec, Noise(500, 1)), 2)), is_refused) << "compressed noise";
    EXPECT_THAT(CodeOf(BatchWith(codec, "", 1)), is_refused);
    for (size_t size : {size_t{1}, size_t{10}, body.size() / 2, body.size() - 1}) EXPECT_THAT(CodeOf(BatchWith(codec, body.substr(0, size), 2)), is_refused) << "cut off at " << size;
    for (uint64_t seed = 1; seed <= 50; ++seed) EXPECT_THAT(CodeOf(BatchWith(codec, Noise(1 + seed * 37, seed), 2)), is_refused) << "noise " << seed;
    // Damage: refused, or the codec does not notice and the records are still whole.
    for (size_t at = 0; at < body.size(); at += 3) {
      std::string damaged = body;
      damaged[at] = static_cast<char>(damaged[at] ^ 0x55);
      end += CodeOf(BatchWith(codec, damaged, 2)) == KafkaCode::kNone ? 2 : 0;
    }
    EXPECT_EQ(End(), end);
  }
  EXPECT_EQ(CodeOf(BatchWith(Codec::kNone, swapped, 2)), KafkaCode::kInvalidRecord);
  EXPECT_EQ(End(), end);
}

TEST_F(Examination, RefusesBombs) {
  for (Codec codec : {Codec::kGzip, Codec::kLz4, Codec::kZstd}) {
    SCOPED_TRACE(kafka::CodecName(codec));
    const std::string bomb = Compressed(codec, std::string(200 << 20, '\0'));
    ASSERT_LT(bomb.size(), 1'000'000u);
    EXPECT_EQ(CodeOf(BatchWith(codec, bomb, 1)), KafkaCode::kMessageTooLarge);
  }
  const std::string large = BatchOf(std::vector<std::string>(40, std::string(1 << 20, 'l')), kNow, {.codec = Codec::kZstd});
  EXPECT_EQ(CodeOf(large), KafkaCode::kNone) << "much, and no bomb";
  EXPECT_EQ(End(), 40);
}

TEST_F(Examination, HoldsUpNobodyElseAndKeepsTheOrderOfAConnection) {
  rig.holds_calls = true;
  const std::string slow = BatchWith(Codec::kZstd, Compressed(Codec::kZstd, BatchOf({Noise(100'000, 1)}, kNow).substr(kafka::kBatchHeaderBytes)), 1);
  auto first = rig.Send<ProduceResponse>(9, ProduceOf("trades", 0, slow));
  auto second = rig.Send<ProduceResponse>(9, ProduceOf("trades", 0, BatchOf({"small"}, kNow)));
  auto third = rig.Send<ProduceResponse>(9, ProduceOf("trades", 0, slow));
  auto fourth = rig.Send<ProduceResponse>(9, ProduceOf("nowhere", 0, BatchOf({"small"}, kNow)));
  EXPECT_EQ(rig.executor.waiting_count(), 2u);
  EXPECT_GT(rig.broker->waiting_produce_bytes(0), 200'000);
  for (auto* pending : {&first, &second, &third, &fourth}) EXPECT_FALSE(pending->done());

  rig.connection = 1;  // another client
  EXPECT_EQ(OffsetOf(rig.Call<ProduceResponse>(9, ProduceOf("trades", 0, BatchOf({"other"}, kNow)))), 0);

  while (rig.executor.Run()) rig.queue.Run();
  EXPECT_EQ(OffsetOf(first.Get()), 1);
  EXPECT_EQ(OffsetOf(second.Get()), 2);
  EXPECT_EQ(OffsetOf(third.Get()), 3);
  EXPECT_EQ(CodeOf(fourth.Get()), KafkaCode::kUnknownTopicOrPartition);
  EXPECT_EQ(rig.broker->waiting_produce_bytes(0), 0);
}

TEST_F(Examination, EndsWithItsTopicOrTheBroker) {
  rig.holds_calls = true;
  const std::string slow = BatchOf({Noise(100'000, 1)}, kNow, {.codec = Codec::kGzip});
  auto pending = rig.Send<ProduceResponse>(9, ProduceOf("trades", 0, slow));
  kafka::DeleteTopicsRequest request;
  request.topics.push_back({"trades", {}});
  rig.connection = 1;
  EXPECT_EQ(rig.Call<kafka::DeleteTopicsResponse>(6, request).responses[0].error_code, 0);
  while (rig.executor.Run()) rig.queue.Run();
  EXPECT_EQ(CodeOf(pending.Get()), KafkaCode::kUnknownTopicOrPartition);

  CreateTopic("quotes", {});
  pending = rig.Send<ProduceResponse>(9, ProduceOf("quotes", 0, slow));
  rig.Crash();
  while (rig.executor.Run()) rig.queue.Run();
  EXPECT_FALSE(pending.done());
}

TEST_F(Examination, ATopicsOwnCodecIsDoneBesideTheQueueToo) {
  CreateTopic("packed", {{"compression.type", "zstd"}});
  rig.holds_calls = true;
  auto pending = rig.Send<ProduceResponse>(9, ProduceOf("packed", 0, BatchOf({"plain"}, kNow)));
  EXPECT_FALSE(pending.done());
  while (rig.executor.Run()) rig.queue.Run();
  EXPECT_EQ(CodeOf(pending.Get()), KafkaCode::kNone);
  const auto log = rig.broker->topics().partition(rig.broker->topics().Find("packed")->partitions.at(0));
  EXPECT_EQ(kafka::RecordBatchView::Parse(log->Read(log::Offset(0), {})->batches.at(0).view())->codec(), Codec::kZstd);
}

}  // namespace
}  // namespace firn::broker
