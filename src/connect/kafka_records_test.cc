// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connect/kafka_records_internal.h"

namespace firn::connect {
namespace {

using testing::ElementsAre;

// Records "v0", "v1", ... with keys "k0", ...; at `base`.
base::SharedBytes Batch(int64_t base, int count, kafka::Codec codec = kafka::Codec::kNone) {
  kafka::RecordBatchBuilder builder(kafka::RecordBatchBuilder::Options{.codec = codec});
  for (int i = 0; i < count; ++i) builder.Append(1000 + i, "k" + std::to_string(i), "v" + std::to_string(i));
  std::string bytes = builder.Build();
  base::StoreBig(bytes.data(), base);
  return base::SharedBytes::FromString(std::move(bytes));
}

kafka::RecordBatchView ViewOf(const base::SharedBytes& slab) { return kafka::RecordBatchView::Parse(slab.view()).value(); }

std::vector<std::string> TextOf(const std::vector<formats::RawRecord>& records) {
  std::vector<std::string> all;
  for (const formats::RawRecord& record : records) all.emplace_back(record.bytes);
  return all;
}

TEST(KafkaRecordsTest, TakesTheOffsetsAskedFor) {
  const base::SharedBytes slab = Batch(10, 5);
  KafkaRecords records;
  ASSERT_TRUE(records.Take(slab, ViewOf(slab), 12, 14).ok());
  EXPECT_THAT(TextOf(records.values()), ElementsAre("v2", "v3"));
  EXPECT_EQ(records.offset(0), 12);
  EXPECT_EQ(records.offset(1), 13);
  EXPECT_TRUE(records.keys().empty()) << "nobody asked for keys";
}

TEST(KafkaRecordsTest, KnowsEachOffsetAlsoBehindAGap) {
  const base::SharedBytes first = Batch(10, 3), second = Batch(20, 2);
  KafkaRecords records;
  ASSERT_TRUE(records.Take(first, ViewOf(first), 0, 100).ok());
  ASSERT_TRUE(records.Take(second, ViewOf(second), 0, 100).ok());
  const int64_t wanted[] = {10, 11, 12, 20, 21};
  for (size_t i = 0; i < std::size(wanted); ++i) EXPECT_EQ(records.offset(i), wanted[i]) << i;
  records.Clear();
  ASSERT_TRUE(records.Take(second, ViewOf(second), 21, 100).ok());
  EXPECT_EQ(records.offset(0), 21);
}

TEST(KafkaRecordsTest, KeysAndViewsStandBesideTheValues) {
  const base::SharedBytes slab = Batch(10, 3, kafka::Codec::kZstd);
  KafkaRecords records({.wants_keys = true, .wants_views = true});
  ASSERT_TRUE(records.Take(slab, ViewOf(slab), 11, 100).ok());
  EXPECT_THAT(TextOf(records.values()), ElementsAre("v1", "v2"));
  EXPECT_THAT(TextOf(records.keys()), ElementsAre("k1", "k2"));
  EXPECT_EQ(records.view(1).offset, 12);
  EXPECT_EQ(records.view(1).timestamp_ms, 1002);
  EXPECT_FALSE(records.has_append_time(1));
}

TEST(KafkaRecordsTest, ABatchThatBreaksOffLeavesNothing) {
  const base::SharedBytes sound = Batch(0, 2);
  std::string bytes(Batch(2, 3).view());
  base::StoreBig<int32_t>(bytes.data() + 57, 4);  // one record more than there is
  const base::SharedBytes broken = base::SharedBytes::FromString(std::move(bytes));
  KafkaRecords records({.wants_keys = true, .wants_views = true});
  ASSERT_TRUE(records.Take(sound, ViewOf(sound), 0, 100).ok());
  EXPECT_FALSE(records.Take(broken, ViewOf(broken), 0, 100).ok());
  EXPECT_THAT(TextOf(records.values()), ElementsAre("v0", "v1"));
  EXPECT_THAT(TextOf(records.keys()), ElementsAre("k0", "k1"));
}

TEST(KafkaRecordsTest, IsFullByRowsAndByBytesAndEmptyAgainAfterClear) {
  const base::SharedBytes slab = Batch(0, 4);
  KafkaRecords records;
  ASSERT_TRUE(records.Take(slab, ViewOf(slab), 0, 100).ok());
  EXPECT_TRUE(records.IsFull(4));
  EXPECT_FALSE(records.IsFull(5));
  records.Hold(base::SharedBytes::FromString(std::string(32 << 20, 'x')));
  EXPECT_TRUE(records.IsFull(5));
  records.Clear();
  EXPECT_TRUE(records.empty());
  EXPECT_FALSE(records.IsFull(1));
}

}  // namespace
}  // namespace firn::connect
