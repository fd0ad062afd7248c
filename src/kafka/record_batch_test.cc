// SPDX-License-Identifier: Apache-2.0
#include "kafka/record_batch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "base/crc32c.h"

namespace firn::kafka {
namespace {

struct Row {
  std::optional<std::string> key, value;
  int64_t timestamp_ms = 0;
};

std::string BatchOf(const std::vector<Row>& rows, Codec codec = Codec::kNone) {
  RecordBatchBuilder builder({.codec = codec});
  for (const Row& row : rows) builder.Append(row.timestamp_ms, row.key, row.value);
  return builder.Build();
}

std::vector<Row> Read(const std::string& bytes) {
  auto batch = RecordBatchView::Parse(bytes);
  EXPECT_TRUE(batch.ok());
  std::string scratch;
  RecordReader reader(&scratch);
  EXPECT_TRUE(reader.Open(*batch).ok());
  std::vector<Row> rows;
  RecordView record;
  while (reader.Next(&record)) {
    EXPECT_EQ(record.offset, batch->base_offset() + static_cast<int64_t>(rows.size()));
    Row row;
    if (record.has_key) row.key = record.key;
    if (record.has_value) row.value = record.value;
    row.timestamp_ms = record.timestamp_ms;
    rows.push_back(std::move(row));
  }
  EXPECT_TRUE(reader.status().ok());
  return rows;
}

void Recrc(std::string* batch) {
  base::StoreBig(batch->data() + 17, base::Crc32c(std::string_view(*batch).substr(kBatchCrcBegin)));
}

TEST(RecordBatch, RecordsAreCheckedAtAnyBaseOffset) {
  std::string bytes = BatchOf({{"a", "1"}, {"b", "2"}});
  base::StoreBig(bytes.data(), std::numeric_limits<int64_t>::max());
  std::string scratch;
  EXPECT_TRUE(RecordBatchView::Parse(bytes)->CheckRecords(kBatchPlainBytesMax, &scratch).ok());
}

TEST(RecordBatch, RoundTripsWithEveryCodec) {
  std::mt19937_64 random(3);
  std::vector<Row> rows;
  for (int i = 0; i < 3'000; ++i) {
    Row row;
    if (random() % 3 != 0) row.key = std::string(random() % 40, static_cast<char>('a' + i % 26));
    if (random() % 7 != 0) row.value = std::string(random() % 300, static_cast<char>(random()));
    row.timestamp_ms = 1'700'000'000'000 + static_cast<int64_t>(random() % 1'000'000) - 500'000;
    rows.push_back(row);
  }
  for (Codec codec : {Codec::kNone, Codec::kGzip, Codec::kSnappy, Codec::kLz4, Codec::kZstd}) {
    SCOPED_TRACE(CodecName(codec));
    const std::string bytes = BatchOf(rows, codec);
    auto batch = RecordBatchView::Parse(bytes);
    ASSERT_TRUE(batch.ok());
    EXPECT_TRUE(batch->CheckProduced().ok());
    std::string scratch;
    EXPECT_TRUE(batch->CheckRecords(kBatchPlainBytesMax, &scratch).ok());
    EXPECT_EQ(batch->codec(), codec);
    EXPECT_EQ(batch->record_count(), 3'000);
    const auto back = Read(bytes);
    ASSERT_EQ(back.size(), rows.size());
    int64_t largest = 0;
    for (size_t i = 0; i < rows.size(); ++i) {
      ASSERT_EQ(back[i].key, rows[i].key);
      ASSERT_EQ(back[i].value, rows[i].value);
      ASSERT_EQ(back[i].timestamp_ms, rows[i].timestamp_ms);
      largest = std::max(largest, rows[i].timestamp_ms);
    }
    EXPECT_EQ(batch->max_timestamp(), largest);
    auto other = Recompress(*batch, codec == Codec::kZstd ? Codec::kGzip : Codec::kZstd);
    ASSERT_TRUE(other.ok());
    EXPECT_TRUE(RecordBatchView::Parse(*other)->CheckProduced().ok());
    EXPECT_EQ(Read(*other).size(), rows.size());
  }
}

TEST(RecordBatch, HeadersKeepNullsApartFromEmptyValues) {
  RecordBatchBuilder builder;
  builder.Append(1, "k", "v", {{"a", "1"}, {"b", std::nullopt}, {"c", ""}});
  const std::string bytes = builder.Build();
  std::string scratch;
  RecordReader reader(&scratch);
  ASSERT_TRUE(reader.Open(*RecordBatchView::Parse(bytes)).ok());
  RecordView record;
  ASSERT_TRUE(reader.Next(&record));
  HeaderReader headers(record);
  RecordHeader header;
  ASSERT_TRUE(headers.Next(&header));
  EXPECT_EQ(header.key, "a");
  EXPECT_EQ(header.value, "1");
  ASSERT_TRUE(headers.Next(&header));
  EXPECT_EQ(header.value, std::nullopt);
  ASSERT_TRUE(headers.Next(&header));
  EXPECT_EQ(header.value, "");
  EXPECT_FALSE(headers.Next(&header));
  EXPECT_FALSE(reader.Next(&record));
  EXPECT_TRUE(reader.status().ok());
}

TEST(RecordBatch, EveryFlippedBitIsSeen) {
  const std::string good = BatchOf({{"k", "value", 5}, {std::nullopt, "w", 9}});
  for (size_t at = 8; at < good.size(); ++at) {
    if (at >= 12 && at < 16) continue;  // the leader epoch is the broker's own
    for (int bit = 0; bit < 8; ++bit) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ (1 << bit));
      auto batch = RecordBatchView::Parse(bad);
      EXPECT_TRUE(!batch.ok() || !batch->CheckProduced().ok() || batch->size() != good.size()) << "byte " << at << " bit " << bit;
    }
  }
}

TEST(RecordBatch, RefusesWhatContradictsItself) {
  const std::string good = BatchOf({{"k", "v", 5}, {"k", "w", 6}});
  auto code_of = [](const std::string& bytes) {
    auto batch = RecordBatchView::Parse(bytes);
    if (!batch.ok()) return batch.error().code();
    auto status = batch->CheckProduced();
    std::string scratch;
    if (status.ok()) status = batch->CheckRecords(kBatchPlainBytesMax, &scratch);
    return status.ok() ? ErrorCode::kCancelled : status.error().code();
  };
  std::string bad = good;
  bad[7] = 1;  // base offset
  EXPECT_EQ(code_of(bad), ErrorCode::kInvalidRecordBatch);
  bad = good;
  base::StoreBig(bad.data() + 57, 3);  // record count
  base::StoreBig(bad.data() + 23, 2);
  Recrc(&bad);
  EXPECT_EQ(code_of(bad), ErrorCode::kInvalidRecordBatch);
  bad = good;
  base::StoreBig(bad.data() + 23, 7);  // last offset delta
  Recrc(&bad);
  EXPECT_EQ(code_of(bad), ErrorCode::kInvalidRecordBatch);
  bad = good;
  bad[16] = 1;  // magic
  EXPECT_EQ(code_of(bad), ErrorCode::kInvalidRecordBatch);
  EXPECT_EQ(code_of(good.substr(0, good.size() - 1)), ErrorCode::kCorruption);
  EXPECT_EQ(code_of(good.substr(0, 11)), ErrorCode::kCorruption);
  bad = good;
  base::StoreBig(bad.data() + 8, -5);
  EXPECT_EQ(code_of(bad), ErrorCode::kCorruption);
  bad = good;
  bad[22] = 5;  // a codec that there is not
  Recrc(&bad);
  EXPECT_EQ(code_of(bad), ErrorCode::kInvalidRecordBatch);
  bad = good;
  bad[22] = 1;  // more than decompression may give: it would use up all offsets
  base::StoreBig(bad.data() + 57, std::numeric_limits<int32_t>::max());
  base::StoreBig(bad.data() + 23, std::numeric_limits<int32_t>::max() - 1);
  Recrc(&bad);
  EXPECT_EQ(code_of(bad), ErrorCode::kInvalidRecordBatch);
}

TEST(RecordBatch, ReaderStopsAtBrokenRecords) {
  std::string bad = BatchOf({{"k", "v", 5}, {"k", "w", 6}});
  bad[kBatchHeaderBytes] = '\x7f';  // the first record claims to be longer than the batch
  std::string scratch;
  RecordReader reader(&scratch);
  ASSERT_TRUE(reader.Open(*RecordBatchView::Parse(bad)).ok());
  RecordView record;
  EXPECT_FALSE(reader.Next(&record));
  ASSERT_FALSE(reader.status().ok());
  EXPECT_EQ(reader.status().error().code(), ErrorCode::kInvalidRecordBatch);
}

TEST(RecordBatch, LogAppendTimeIsTheTimeOfEveryRecord) {
  std::string bytes = BatchOf({{"k", "v", 5}, {"k", "w", 6}});
  SetLogAppendTime(1'000, bytes.data(), bytes.size());
  auto batch = RecordBatchView::Parse(bytes);
  EXPECT_TRUE(batch->CheckCrc().ok());
  EXPECT_TRUE(batch->has_log_append_time());
  for (const Row& row : Read(bytes)) EXPECT_EQ(row.timestamp_ms, 1'000);
}

TEST(RecordBatch, WalksSeveralBatches) {
  const std::string bytes = BatchOf({{"a", "1", 1}}) + BatchOf({{"b", "2", 2}, {"c", "3", 3}});
  int records = 0;
  ASSERT_TRUE(ForEachBatch(bytes, [&](const RecordBatchView& batch) {
                records += batch.record_count();
                return true;
              }).ok());
  EXPECT_EQ(records, 3);
  EXPECT_FALSE(ForEachBatch(bytes + "x", [](const RecordBatchView&) { return true; }).ok());
}

TEST(Compression, RefusesBombsAndBrokenInput) {
  const std::string zeros(8 << 20, '\0');
  for (Codec codec : {Codec::kGzip, Codec::kSnappy, Codec::kLz4, Codec::kZstd}) {
    SCOPED_TRACE(CodecName(codec));
    std::string packed, plain;
    Compress(codec, zeros, &packed);
    ASSERT_TRUE(Decompress(codec, packed, zeros.size(), &plain).ok());
    EXPECT_EQ(plain, zeros);
    auto refused = Decompress(codec, packed, zeros.size() - 1, &plain);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code(), ErrorCode::kLimitExceeded);
    auto cut = Decompress(codec, std::string_view(packed).substr(0, packed.size() - 2), zeros.size(), &plain);
    EXPECT_FALSE(cut.ok());
    std::string empty;
    Compress(codec, "", &empty);
    ASSERT_TRUE(Decompress(codec, empty, 10, &plain).ok());
    EXPECT_EQ(plain, "");
  }
  std::string plain;
  EXPECT_FALSE(Decompress(static_cast<Codec>(6), "abc", 10, &plain).ok());
}

}  // namespace
}  // namespace firn::kafka
