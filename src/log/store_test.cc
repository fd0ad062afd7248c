// SPDX-License-Identifier: Apache-2.0
// The store over the real environment: one directory, opened, written, closed or abandoned, and opened again.
#include "log/store.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <optional>
#include <utility>

#include "base/crc32c.h"
#include "base/endian.h"
#include "base/error_render.h"
#include "base/must.h"
#include "io/passing_files_test_rig.h"
#include "io/real_environment.h"
#include "io/simulated_environment.h"
#include "kafka/record_batch.h"
#include "log/file_names.h"
#include "log/journal_format.h"
#include "log/segment.h"

namespace firn::log {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const StoreOptions kSmall{.journal_file_bytes = 1 << 20, .journal_limit_bytes = 4 << 20, .memory_limit_bytes = 4 << 20, .max_entry_bytes = 8 << 20};

std::string MakeBatch(int32_t records, const std::string& value, int64_t timestamp_ms = 1000) {
  kafka::RecordBatchBuilder builder;
  for (int32_t i = 0; i < records; ++i) builder.Append(timestamp_ms + i, std::nullopt, value);
  return builder.Build();
}

AppendRecords Records(TopicPartitionId partition, int32_t records, const std::string& value, int64_t timestamp_ms = 1000) {
  return {partition, base::SharedBytes::FromString(MakeBatch(records, value, timestamp_ms)), records};
}

class StoreTest : public ::testing::Test {
 protected:
  StoreTest() : layout_{::testing::TempDir() + "firn_log_" + ::testing::UnitTest::GetInstance()->current_test_info()->name()} {
    EXPECT_TRUE(files().RemoveAll(layout_.root).ok());
    Open();
  }
  ~StoreTest() override {
    store_.reset();
    EXPECT_TRUE(files().RemoveAll(layout_.root).ok());
  }
  io::FileSystem& files() { return real_.environment().files; }

  Result<std::unique_ptr<Store>> TryOpen() { return Store::Open(real_.environment(), layout_.root, options_); }
  void Open() {
    auto store = TryOpen();
    ASSERT_TRUE(store.ok()) << store.error().ToString();
    store_ = std::move(*store);
  }
  void CloseAndOpen() {
    ASSERT_TRUE(store_->Close().ok());
    store_.reset();
    Open();
  }
  // As a kill: nothing is flushed or moved any more.
  void AbandonAndOpen() {
    store_.reset();
    Open();
  }
  Result<Committed> Append(std::vector<Operation> operations) {
    std::promise<Result<Committed>> promise;
    store_->journal().Append(std::move(operations), [&](Result<Committed> result) { promise.set_value(std::move(result)); });
    return promise.get_future().get();
  }
  TopicPartitionId Create(const PartitionConfig& config = {}) {
    const TopicPartitionId id = store_->AllocatePartitionId();
    EXPECT_TRUE(Append({CreatePartition{id, config}}).ok());
    return id;
  }
  // All values from `from` on, read in pieces of `max_bytes`.
  std::vector<std::string> Values(TopicPartitionId id, Offset from = Offset(0), int64_t max_bytes = 1 << 20) {
    std::vector<std::string> values;
    auto partition = store_->partition(id);
    Offset next = from;
    while (next < partition->high_watermark()) {
      auto read = partition->Read(next, {.max_bytes = max_bytes});
      if (!read.ok()) {
        ADD_FAILURE() << read.error().ToString();
        break;
      }
      EXPECT_GT(read->next, next);
      for (const base::SharedBytes& bytes : read->batches) AddValues(bytes.view(), from, &values);
      next = read->next;
    }
    return values;
  }
  static void AddValues(std::string_view bytes, Offset from, std::vector<std::string>* values) {
    Status status = kafka::ForEachBatch(bytes, [&](const kafka::RecordBatchView& batch) {
      EXPECT_TRUE(batch.CheckCrc().ok());
      std::string scratch;
      kafka::RecordReader reader(&scratch);
      EXPECT_TRUE(reader.Open(batch).ok());
      kafka::RecordView record;
      while (reader.Next(&record)) {
        if (record.offset >= from.value()) values->emplace_back(record.value);
      }
      return true;
    });
    EXPECT_TRUE(status.ok());
  }
  std::vector<std::string> Names(const std::string& directory) {
    std::vector<std::string> names;
    auto entries = files().List(directory);
    for (const io::FileEntry& entry : *entries) names.push_back(entry.name);
    return names;
  }

  io::RealEnvironment real_ = Must(io::RealEnvironment::Make());
  Layout layout_;
  StoreOptions options_ = kSmall;
  std::unique_ptr<Store> store_;
};

TEST_F(StoreTest, AssignsOffsetsAndShowsWhatIsDurable) {
  const TopicPartitionId id = Create();
  auto first = Append({Records(id, 3, "a"), Put{"topic/t", "one"}});
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(first->sequence, 2u);
  EXPECT_THAT(first->first_offsets, ElementsAre(Offset(0)));
  auto second = Append({Records(id, 2, "b"), Records(id, 1, "c"), Delete{"topic/t"}, Put{"topic/u", "two"}});
  ASSERT_TRUE(second.ok());
  EXPECT_THAT(second->first_offsets, ElementsAre(Offset(3), Offset(5)));
  EXPECT_EQ(store_->partition(id)->high_watermark(), Offset(6));
  EXPECT_THAT(Values(id), ElementsAre("a", "a", "a", "b", "b", "c"));
  EXPECT_THAT(Values(id, Offset(4), 1), ElementsAre("b", "c"));
  EXPECT_EQ(store_->meta().Get("topic/t"), std::nullopt);
  EXPECT_EQ(store_->meta().Scan("topic/").size(), 1u);
  EXPECT_EQ(store_->partition(id)->Read(Offset(7), {}).error().code(), ErrorCode::kOffsetOutOfRange);
  auto at_end = store_->partition(id)->Read(Offset(6), {});
  ASSERT_TRUE(at_end.ok());
  EXPECT_TRUE(at_end->batches.empty());
}

// It changes nothing and is told of when all before it are visible.
TEST_F(StoreTest, AnEntryMayHaveNoOperations) {
  ASSERT_TRUE(Append({Put{"topic/t", "one"}}).ok());
  auto nothing = Append({});
  ASSERT_TRUE(nothing.ok()) << nothing.error().ToString();
  EXPECT_EQ(nothing->sequence, 2u);
  ASSERT_TRUE(Append({Put{"topic/u", "two"}}).ok());
  AbandonAndOpen();
  EXPECT_EQ(store_->recovery().entries_replayed, 3u);
  EXPECT_EQ(store_->meta().Scan("topic/").size(), 2u);
}

TEST_F(StoreTest, RefusesBadEntriesAndGoesOn) {
  const TopicPartitionId id = Create();
  const TopicPartitionId unknown = store_->AllocatePartitionId();
  EXPECT_EQ(Append({Put{"x", "1"}, Records(unknown, 1, "a")}).error().code(), ErrorCode::kUnknownTopic);
  EXPECT_EQ(store_->meta().Get("x"), std::nullopt) << "an entry is refused as a whole";
  EXPECT_EQ(Append({Put{"x", std::string(9 << 20, 'x')}}).error().code(), ErrorCode::kLimitExceeded);
  EXPECT_EQ(Append({Put{"partition/1", "x"}}).error().code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(Append({AppendRecords{id, base::SharedBytes::FromString("no batch at all, but long enough to have a length"), 1}}).error().code(), ErrorCode::kInvalidRecordBatch);
  AppendRecords miscounted = Records(id, 2, "a");
  miscounted.record_count = 3;
  EXPECT_EQ(base::RenderError(Append({miscounted}).error()),
            fmt::format("error[E4003]: batches of {} bytes for partition {} hold 2 records, 3 were announced\n   = more: firn explain E4003\n", miscounted.batches.size(), id));
  EXPECT_EQ(Append({SetLogStart{id, Offset(1)}}).error().code(), ErrorCode::kOffsetOutOfRange);
  EXPECT_EQ(Append({CreatePartition{id, {}}}).error().code(), ErrorCode::kAlreadyExists);
  auto large = Append({Records(id, 1, std::string(2 << 20, 'y'))});  // larger than a journal file
  ASSERT_TRUE(large.ok()) << large.error().ToString();
  EXPECT_EQ(Append({Records(id, 1, "b")})->first_offsets[0], Offset(1));
  EXPECT_EQ(store_->journal().unflushed_bytes() > 0, true);
  AbandonAndOpen();
  EXPECT_EQ(Values(id).size(), 2u);
}

TEST_F(StoreTest, AnEntryCreatesUsesAndDropsPartitions) {
  const TopicPartitionId id = store_->AllocatePartitionId();
  auto made = Append({CreatePartition{id, {}}, Records(id, 2, "a")});
  ASSERT_TRUE(made.ok());
  std::shared_ptr<PartitionLog> held = store_->partition(id);
  std::promise<void> woken;
  held->Subscribe(Offset(2), [&] { woken.set_value(); });
  ASSERT_TRUE(Append({DropPartition{id}}).ok());
  woken.get_future().get();
  EXPECT_EQ(store_->partition(id), nullptr);
  EXPECT_EQ(held->Read(Offset(0), {}).error().code(), ErrorCode::kUnknownTopic);
  EXPECT_EQ(Append({Records(id, 1, "a")}).error().code(), ErrorCode::kUnknownTopic);
  held.reset();
  AbandonAndOpen();
  EXPECT_EQ(store_->partition(id), nullptr);
  EXPECT_GT(store_->AllocatePartitionId(), id);
}

TEST_F(StoreTest, WhatIsAboutAPartitionIsNotPutBehindItsEnd) {
  const TopicPartitionId gone = Create();
  const TopicPartitionId kept = Create();
  ASSERT_TRUE(Append({Put{.key = "a", .value = "1", .about = gone}}).ok());
  EXPECT_EQ(store_->meta().Get("a"), "1");
  // All in one write, perhaps: each finds what those before it have left.
  std::promise<Result<Committed>> last;
  store_->journal().Append({DropPartition{gone}, Delete{"a"}}, [](const Result<Committed>& result) { EXPECT_TRUE(result.ok()); });
  store_->journal().Append({Put{.key = "a", .value = "2", .about = gone}}, [](const Result<Committed>& result) { EXPECT_TRUE(result.ok()); });
  store_->journal().Append({Put{.key = "a", .value = "3", .about = gone}, Put{.key = "b", .value = "3", .about = kept}, Put{"c", "3"}, Records(kept, 1, "r")},
                           [&](Result<Committed> result) { last.set_value(std::move(result)); });
  const auto committed = last.get_future().get();
  ASSERT_TRUE(committed.ok());
  EXPECT_THAT(committed->first_offsets, ElementsAre(Offset(0)));
  for (bool is_open_again : {false, true}) {
    EXPECT_EQ(store_->meta().Get("a"), std::nullopt) << is_open_again;
    EXPECT_EQ(store_->meta().Get("b"), "3") << is_open_again;
    EXPECT_EQ(store_->meta().Get("c"), "3") << is_open_again;
    EXPECT_THAT(Values(kept), ElementsAre("r"));
    if (!is_open_again) AbandonAndOpen();
  }
}

TEST_F(StoreTest, SubscribersAreWokenOnce) {
  const TopicPartitionId id = Create();
  auto partition = store_->partition(id);
  std::atomic<int> woken = 0;
  partition->Subscribe(Offset(0), [&] { ++woken; });
  partition->Subscribe(Offset(1), [&] { woken += 10; });
  partition->Unsubscribe(partition->Subscribe(Offset(0), [&] { woken += 100; }));
  ASSERT_TRUE(Append({Records(id, 1, "a")}).ok());
  ASSERT_TRUE(Append({Put{"x", "y"}}).ok());  // the wakers of an entry have run before the next entry's callback
  EXPECT_EQ(woken, 1);
  partition->Subscribe(Offset(0), [&] { woken += 1000; });
  EXPECT_EQ(woken, 1001) << "at once, if there is something already";
}

TEST_F(StoreTest, SurvivesCloseAndKill) {
  const TopicPartitionId id = Create({.segment_bytes = 5000});
  std::vector<std::string> expected;
  for (int round = 0; round < 6; ++round) {
    for (int i = 0; i < 20; ++i) {
      expected.push_back("value " + std::to_string(expected.size()));
      ASSERT_TRUE(Append({Records(id, 1, expected.back()), Put{"last", expected.back()}}).ok());
    }
    if (round % 2 == 0) {
      CloseAndOpen();
      EXPECT_EQ(store_->recovery().entries_replayed, 0u);
    } else {
      AbandonAndOpen();
      EXPECT_EQ(store_->recovery().entries_replayed, 20u);
    }
    EXPECT_EQ(Values(id), expected);
    EXPECT_EQ(Values(id, Offset(7), 300), std::vector<std::string>(expected.begin() + 7, expected.end()));
    EXPECT_EQ(store_->meta().Get("last"), expected.back());
  }
  EXPECT_GT(Names(layout_.partition(id)).size(), 3u) << "several segments";
}

TEST_F(StoreTest, MovesToSegmentsWithinItsLimits) {
  const TopicPartitionId id = Create({.segment_bytes = 3 << 20});
  const std::string value(100'000, 'v');
  for (int i = 0; i < 200; ++i) {
    std::promise<void> room;
    if (!store_->AdmitBytes([&] { room.set_value(); })) room.get_future().get();
    ASSERT_TRUE(Append({Records(id, 1, std::to_string(i) + value, 1000 * i)}).ok());
    ASSERT_LT(store_->journal().unflushed_bytes(), kSmall.memory_limit_bytes + 200'000);
  }
  EXPECT_LE(Names(layout_.journal()).size(), 8u);
  const std::vector<std::string> values = Values(id);
  ASSERT_EQ(values.size(), 200u);
  for (int i = 0; i < 200; ++i) ASSERT_EQ(values[i], std::to_string(i) + value);
  for (int i = 0; i < 200; i += 17) EXPECT_EQ(store_->partition(id)->FindTimestamp(1000 * i - 10)->offset, Offset(i));
  EXPECT_EQ(store_->partition(id)->FindTimestamp(200'000)->offset, Offset(-1));
  EXPECT_EQ(store_->partition(id)->MaxTimestamp()->offset, Offset(199));
  AbandonAndOpen();
  EXPECT_LT(store_->recovery().bytes_replayed, kSmall.journal_limit_bytes);
  EXPECT_EQ(Values(id), values);
}

TEST_F(StoreTest, FindsRecordsByTimestampInsideABatch) {
  const TopicPartitionId id = Create();
  ASSERT_TRUE(Append({Records(id, 10, "a", 100)}).ok());  // 100..109
  ASSERT_TRUE(Append({Records(id, 10, "b", 105)}).ok());  // 105..114
  auto check = [&] {
    auto partition = store_->partition(id);
    EXPECT_EQ(partition->FindTimestamp(0)->offset, Offset(0));
    EXPECT_EQ(partition->FindTimestamp(107)->offset, Offset(7));
    EXPECT_EQ(partition->FindTimestamp(110)->offset, Offset(15));
    EXPECT_EQ(partition->FindTimestamp(110)->timestamp_ms, 110);
    EXPECT_EQ(partition->FindTimestamp(115)->offset, Offset(-1));
    EXPECT_EQ(partition->MaxTimestamp()->timestamp_ms, 114);
    EXPECT_EQ(partition->MaxTimestamp()->offset, Offset(10));
  };
  check();
  CloseAndOpen();  // now from a segment
  check();
}

TEST_F(StoreTest, LogStartAndRetentionDeleteSegments) {
  const int64_t now_ms = real_.environment().clock.WallTimeMs();
  const TopicPartitionId id = Create({.segment_bytes = 1000, .retention_ms = 3'600'000});
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(Append({Records(id, 1, std::string(400, 'a'), i < 12 ? now_ms - 7'200'000 : now_ms)}).ok());
  CloseAndOpen();
  EXPECT_EQ(Names(layout_.partition(id)).size(), 20u);
  store_->ApplyRetention();
  ASSERT_TRUE(Append({Put{"x", "y"}}).ok());
  EXPECT_EQ(store_->partition(id)->log_start(), Offset(12));
  EXPECT_EQ(store_->partition(id)->Read(Offset(11), {}).error().code(), ErrorCode::kOffsetOutOfRange);
  ASSERT_TRUE(Append({SetLogStart{id, Offset(15)}}).ok());
  ASSERT_TRUE(Append({SetLogStart{id, Offset(3)}}).ok());
  EXPECT_EQ(store_->partition(id)->log_start(), Offset(15)) << "never back";
  AbandonAndOpen();
  EXPECT_EQ(store_->partition(id)->log_start(), Offset(15));
  EXPECT_EQ(Names(layout_.partition(id)).size(), 6u);
  EXPECT_EQ(Values(id, Offset(15)).size(), 5u);
  ASSERT_TRUE(Append({ConfigurePartition{id, {.segment_bytes = 1000, .retention_bytes = 1000}}}).ok());
  store_->ApplyRetention();
  ASSERT_TRUE(Append({Put{"x", "y"}}).ok());
  EXPECT_EQ(store_->partition(id)->log_start(), Offset(16));
}

// A topic of few records is not moved to segments for long.
TEST_F(StoreTest, RetentionBySizeDoesNotWaitForSegments) {
  const int64_t now_ms = real_.environment().clock.WallTimeMs();
  const TopicPartitionId id = Create({.segment_bytes = 1000, .retention_bytes = 2500});
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(Append({Records(id, 1, std::string(400, 'a'), now_ms)}).ok());
  EXPECT_FALSE(files().List(layout_.partition(id)).ok()) << "all of it is in the journal";
  store_->ApplyRetention();
  ASSERT_TRUE(Append({Put{"x", "y"}}).ok());
  EXPECT_EQ(store_->partition(id)->log_start(), Offset(14)) << "two records to a segment, three segments are kept";
  CloseAndOpen();
  EXPECT_EQ(store_->partition(id)->log_start(), Offset(14));
  // Then the oldest of them are in a segment.
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(Append({Records(id, 1, std::string(400, 'a'), now_ms)}).ok());
  store_->ApplyRetention();
  ASSERT_TRUE(Append({Put{"x", "y"}}).ok());
  EXPECT_EQ(store_->partition(id)->log_start(), Offset(18));
  EXPECT_EQ(Values(id, Offset(18)).size(), 7u);
}

TEST_F(StoreTest, SecondOpenIsRefused) {
  auto second = TryOpen();
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code(), ErrorCode::kDataDirectoryInUse);
}

TEST_F(StoreTest, AClosedStoreTakesNothing) {
  ASSERT_TRUE(store_->Close().ok());
  EXPECT_EQ(base::RenderError(Append({Put{"x", "1"}}).error()), "error[E1009]: the log is closed\n   = more: firn explain E1009\n");
}

TEST_F(StoreTest, ForeignFilesAreNamed) {
  ASSERT_TRUE(store_->Close().ok());
  store_.reset();
  for (const std::string& path : {layout_.journal() + "/notes.txt", layout_.meta() + "/x", layout_.partitions() + "/7/file", layout_.journal_file(99)}) {
    ASSERT_TRUE(files().CreateDirectories(io::ParentPath(path)).ok());
    ASSERT_TRUE(files().WriteAtomically(path, "what is this").ok());
    auto opened = TryOpen();
    ASSERT_FALSE(opened.ok()) << path;
    EXPECT_EQ(opened.error().code(), ErrorCode::kIoError);
    EXPECT_THAT(opened.error().message(), HasSubstr(path.substr(0, path.rfind("/file"))));
    ASSERT_TRUE(files().RemoveAll(path).ok());
    ASSERT_TRUE(files().RemoveAll(layout_.partitions() + "/7").ok());
  }
  Open();
}

TEST_F(StoreTest, FlippedBitsBeforeTheTailAreRefusedAndATornTailIsCut) {
  const TopicPartitionId id = Create();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(Append({Records(id, 1, "value " + std::to_string(i))}).ok());
  store_.reset();
  const std::string path = layout_.journal_file(1);
  std::string bytes = *files().ReadAll(path);
  const size_t second = bytes.find("value 1");
  const size_t third = bytes.find("value 2");
  bytes[second] ^= 1;
  ASSERT_TRUE(files().WriteAtomically(path, bytes).ok());
  auto damaged = TryOpen();
  ASSERT_FALSE(damaged.ok());
  EXPECT_EQ(damaged.error().code(), ErrorCode::kCorruption);
  EXPECT_THAT(damaged.error().message(), HasSubstr("entry 3"));
  EXPECT_EQ(*files().ReadAll(path), bytes) << "nothing was changed";
  bytes[second] ^= 1;
  bytes[third] ^= 1;
  ASSERT_TRUE(files().WriteAtomically(path, bytes).ok());
  Open();
  EXPECT_THAT(Values(id), ElementsAre("value 0", "value 1"));
  EXPECT_GT(store_->recovery().bytes_truncated, 0);
  EXPECT_EQ(Append({Records(id, 1, "again")})->first_offsets[0], Offset(2));
  AbandonAndOpen();
  EXPECT_THAT(Values(id), ElementsAre("value 0", "value 1", "again"));
}

// Where a file ends says nothing about what was in it: each of these lengths could be that of a torn write, or of a file that was never begun.
TEST_F(StoreTest, AJournalFileThatWasCutIsRefused) {
  const TopicPartitionId id = Create();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(Append({Records(id, 1, "value " + std::to_string(i))}).ok());
  AbandonAndOpen();
  ASSERT_TRUE(Append({Records(id, 1, "value 3")}).ok());
  store_.reset();
  const std::vector<std::string> names = Names(layout_.journal());
  ASSERT_GE(names.size(), 2u);  // and the next one, if it is there already
  for (const std::string& name : names) {
    const std::string path = io::JoinPath(layout_.journal(), name);
    const std::string bytes = *files().ReadAll(path);
    ASSERT_EQ(bytes.size(), static_cast<size_t>(kSmall.journal_file_bytes));
    const size_t in_the_last = std::min(bytes.find("value 3"), bytes.size() / 2);
    for (size_t size : {size_t{0}, size_t{3}, size_t{39}, size_t{100}, kJournalHeaderBytes, in_the_last, in_the_last + kJournalBlockBytes, bytes.size() - 1}) {
      ASSERT_TRUE(files().WriteAtomically(path, bytes.substr(0, size)).ok());
      auto opened = TryOpen();
      ASSERT_FALSE(opened.ok()) << path << " of " << size;
      EXPECT_EQ(opened.error().code(), ErrorCode::kCorruption);
      EXPECT_THAT(opened.error().message(), HasSubstr(fmt::format("{} has {} bytes, {}", path, size, size < kJournalHeaderBytes ? "fewer than its header" : "it was made with 1048576")));
      EXPECT_EQ(files().ReadAll(path)->size(), size) << "nothing was changed";
    }
    ASSERT_TRUE(files().WriteAtomically(path, bytes).ok());
  }
  Open();
  EXPECT_THAT(Values(id), ElementsAre("value 0", "value 1", "value 2", "value 3"));
}

// As version 1 of the format had them: entries one behind the other, without blocks.
std::string WithoutBlocks(std::string_view file) {
  std::string old(file.substr(0, 40));
  old.resize(kJournalHeaderBytes, '\0');
  base::StoreLittle(old.data() + 8, uint32_t{1});
  for (size_t at = kJournalHeaderBytes; at + kEntryHeaderBytes <= file.size(); at += kEntryAlignment) {
    const std::optional<EntryHeader> header = DecodeEntryHeader(file.substr(at));
    if (header.has_value()) old += file.substr(at, header->entry_bytes());
  }
  old.resize(file.size(), '\0');
  return old;
}

TEST_F(StoreTest, AJournalOfEarlierVersionsIsReadAndANewerOneIsRefused) {
  const TopicPartitionId id = Create();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(Append({Records(id, 1, "value " + std::to_string(i))}).ok());
  store_.reset();
  const std::string path = layout_.journal_file(1);
  std::string bytes = *files().ReadAll(path);
  const std::string old = WithoutBlocks(bytes);
  ASSERT_LT(old.find("value 2") + 3 * kJournalBlockBytes / 2, bytes.find("value 2"));
  base::StoreLittle(bytes.data() + 8, uint32_t{6});
  ASSERT_TRUE(files().WriteAtomically(path, bytes).ok());
  auto newer = TryOpen();
  ASSERT_FALSE(newer.ok());
  EXPECT_THAT(newer.error().message(), HasSubstr(path + " has format version 6"));
  EXPECT_EQ(*files().ReadAll(path), bytes) << "nothing was changed";
  for (uint32_t version : {2, 3}) {  // which do not say how long a file is, and leave behind what a crash has not let them make
    base::StoreLittle(bytes.data() + 8, version);
    ASSERT_TRUE(files().WriteAtomically(path, bytes.substr(0, bytes.find("value 2") + kJournalBlockBytes)).ok());
    ASSERT_TRUE(files().WriteAtomically(layout_.journal_file(2), "").ok());
    AbandonAndOpen();
    EXPECT_THAT(Values(id), ElementsAre("value 0", "value 1", "value 2"));
    store_.reset();
  }
  base::StoreLittle(bytes.data() + 8, uint32_t{4});  // which does not name the file before
  std::fill(bytes.begin() + 48, bytes.begin() + kJournalHeaderBytes, '\0');
  base::StoreLittle(bytes.data() + 48, base::Crc32c(std::string_view(bytes).substr(8, 40)));
  for (const std::string& name : Names(layout_.journal())) ASSERT_TRUE(files().Remove(io::JoinPath(layout_.journal(), name)).ok());
  ASSERT_TRUE(files().WriteAtomically(path, bytes.substr(0, bytes.size() - 1)).ok());
  EXPECT_EQ(TryOpen().error().code(), ErrorCode::kCorruption) << "it was cut";
  ASSERT_TRUE(files().WriteAtomically(path, bytes).ok());
  AbandonAndOpen();
  EXPECT_THAT(Values(id), ElementsAre("value 0", "value 1", "value 2"));
  store_.reset();
  for (const std::string& name : Names(layout_.journal())) ASSERT_TRUE(files().Remove(io::JoinPath(layout_.journal(), name)).ok());
  ASSERT_TRUE(files().WriteAtomically(path, old).ok());
  Open();
  EXPECT_EQ(store_->recovery().entries_replayed, 4u);
  EXPECT_EQ(store_->recovery().bytes_truncated, 0);
  EXPECT_EQ(Append({Records(id, 1, "again")})->first_offsets[0], Offset(3));
  AbandonAndOpen();
  EXPECT_THAT(Values(id), ElementsAre("value 0", "value 1", "value 2", "again"));
}

TEST_F(StoreTest, AReplayCountsTheBlocksThatItReads) {
  const TopicPartitionId id = Create();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(Append({Records(id, 1, "a")}).ok());  // each a group of its own
  AbandonAndOpen();
  EXPECT_EQ(store_->recovery().entries_replayed, 11u);
  EXPECT_GT(store_->recovery().bytes_replayed, static_cast<int64_t>(10 * kJournalBlockBytes));
  EXPECT_LT(store_->recovery().bytes_replayed, static_cast<int64_t>(11 * kJournalBlockBytes));
}

TEST_F(StoreTest, MissingPartsAreRefused) {
  const TopicPartitionId id = Create();
  ASSERT_TRUE(Append({Records(id, 1, "a")}).ok());
  ASSERT_TRUE(store_->Close().ok());
  store_.reset();
  const std::string segment = layout_.segment_file(id, Offset(0));
  const std::string content = *files().ReadAll(segment);
  ASSERT_TRUE(files().WriteAtomically(segment, content.substr(1)).ok());
  EXPECT_EQ(TryOpen().error().code(), ErrorCode::kCorruption);
  ASSERT_TRUE(files().WriteAtomically(segment, content).ok());
  const std::string snapshot = layout_.meta() + "/" + Names(layout_.meta())[0];
  const std::string good = *files().ReadAll(snapshot);
  for (size_t at = 0; at < good.size(); at += 7) {
    std::string bad = good;
    bad[at] ^= 0x10;
    ASSERT_TRUE(files().WriteAtomically(snapshot, bad).ok());
    ASSERT_EQ(TryOpen().error().code(), ErrorCode::kCorruption) << at;
  }
  ASSERT_TRUE(files().Remove(snapshot).ok());
  EXPECT_EQ(TryOpen().error().code(), ErrorCode::kCorruption);
  ASSERT_TRUE(files().WriteAtomically(snapshot, good).ok());
  for (const std::string& name : Names(layout_.journal())) ASSERT_TRUE(files().Rename(layout_.journal() + "/" + name, layout_.root + "/" + name).ok());
  EXPECT_EQ(TryOpen().error().code(), ErrorCode::kCorruption);
}

TEST_F(StoreTest, IndexesAreMadeAgain) {
  const TopicPartitionId id = Create();
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(Append({Records(id, 1, std::to_string(i) + std::string(20'000, 'x'), 1000 + i)}).ok());
  CloseAndOpen();
  const std::vector<std::string> values = Values(id);
  const std::string index = layout_.index_file(id, Offset(0));
  const std::string good = *files().ReadAll(index);
  ASSERT_GE(good.size(), 20 * kIndexEntryBytes);
  std::string damaged = good;
  for (size_t i = 100; i < 300; ++i) damaged[i] ^= 0x55;
  for (const std::string& bytes : {std::string(), good.substr(0, 50), damaged}) {
    ASSERT_TRUE(store_->Close().ok());
    store_.reset();
    ASSERT_TRUE(files().WriteAtomically(index, bytes).ok());
    Open();
    EXPECT_EQ(Values(id), values);
    EXPECT_EQ(Values(id, Offset(57))[0], values[57]);
    EXPECT_EQ(store_->partition(id)->FindTimestamp(1080)->offset, Offset(80));
  }
}

// Large batches among small ones, in memory at every place of a page: in the journal and in segments they stand where in a block they did in memory.
TEST_F(StoreTest, LargeBatchesAreReadWhateverSpaceIsBetweenThem) {
  const TopicPartitionId id = Create();
  const TopicPartitionId other = Create();
  std::vector<std::string> expected;
  std::vector<std::string> expected_other;
  for (int i = 0; i < 24; ++i) {
    expected.push_back(std::to_string(i) + std::string(i % 3 == 0 ? 100 : 70'000 + 4099 * static_cast<size_t>(i), static_cast<char>('a' + i)));
    expected_other.push_back(std::to_string(i) + std::string(90'000, 'o'));
    ASSERT_TRUE(Append({Records(id, 1, expected.back(), 1000 * i), Put{"last", std::to_string(i)}, Records(other, 1, expected_other.back())}).ok());
    if (i == 12) AbandonAndOpen();  // read from the journal, then both
  }
  auto check = [&](int64_t max_bytes) {
    EXPECT_EQ(Values(id, Offset(0), max_bytes), expected);
    EXPECT_EQ(Values(id, Offset(11), max_bytes), std::vector<std::string>(expected.begin() + 11, expected.end()));
    EXPECT_EQ(Values(other, Offset(3), max_bytes), std::vector<std::string>(expected_other.begin() + 3, expected_other.end()));
    for (int i = 0; i < 24; i += 5) EXPECT_EQ(store_->partition(id)->FindTimestamp(1000 * i - 10)->offset, Offset(i));
    EXPECT_EQ(store_->meta().Get("last"), "23");
  };
  check(1 << 20);
  AbandonAndOpen();
  check(1 << 20);
  CloseAndOpen();  // from segments now
  for (int64_t max_bytes : {1, 100'000, 1 << 20, 4 << 20}) check(max_bytes);
  const std::string index = layout_.index_file(id, Offset(0));
  const std::string bytes = *files().ReadAll(layout_.segment_file(id, Offset(0)));
  const bool has_space = bytes.find(std::string(8, kSegmentSpace)) != std::string::npos;
  auto probe = files().Open(layout_.root + "/probe", io::OpenMode::kCreate);
  ASSERT_TRUE(probe.ok());
  (*probe)->PreferDirectWrites();
  EXPECT_EQ(has_space, (*probe)->DirectPlaceOf(bytes).has_value());
  ASSERT_TRUE(files().Remove(layout_.root + "/probe").ok() && store_->Close().ok());
  store_.reset();
  ASSERT_TRUE(files().WriteAtomically(index, "").ok());
  Open();
  check(1 << 20);
}

TEST_F(StoreTest, ManyProducersAtOnce) {
  constexpr int kPartitions = 4;
  std::vector<TopicPartitionId> ids;
  for (int i = 0; i < kPartitions; ++i) ids.push_back(Create({.segment_bytes = 1 << 20}));
  std::vector<std::future<void>> producers;
  for (int p = 0; p < kPartitions; ++p) {
    producers.push_back(std::async(std::launch::async, [&, p] {
      for (int i = 0; i < 300; ++i) {
        auto done = Append({Records(ids[p], 5, std::string(1000, static_cast<char>('a' + p))), Put{"p" + std::to_string(p), std::to_string(i)}});
        ASSERT_TRUE(done.ok());
        ASSERT_EQ(done->first_offsets[0], Offset(5 * i));
        auto read = store_->partition(ids[p])->Read(done->first_offsets[0], {});
        ASSERT_TRUE(read.ok());
      }
    }));
  }
  for (auto& producer : producers) producer.get();
  CloseAndOpen();
  for (int p = 0; p < kPartitions; ++p) {
    EXPECT_EQ(Values(ids[p]), std::vector<std::string>(1500, std::string(1000, static_cast<char>('a' + p))));
    EXPECT_EQ(store_->meta().Get("p" + std::to_string(p)), "299");
  }
}

// A producer's state goes with its records: what counts records that were refused must not become durable, or their producer, sending them again, is told that they
// are there.
TEST(FullDisk, RecordsBehindRefusedOnesAreRefusedToo) {
  io::SimulatedEnvironment world(1);
  auto opened = Store::Open(world.environment(), "/data", {.journal_file_bytes = 256 << 10, .journal_limit_bytes = 1 << 20, .memory_limit_bytes = 4 << 20, .max_entry_bytes = 1 << 20});
  ASSERT_TRUE(opened.ok()) << opened.error().ToString();
  Store& store = **opened;
  std::vector<bool> answers;
  const auto append = [&](Operation operation) {
    store.journal().Append({std::move(operation)}, [&](const Result<Committed>& result) { answers.push_back(result.ok()); });
  };
  const auto run = [&](size_t count) { return world.executor().StepUntil([&] { return answers.size() == count; }); };
  const TopicPartitionId id = store.AllocatePartitionId();
  append(CreatePartition{id, {}});
  ASSERT_TRUE(run(1));
  world.disk().SetCapacity(world.disk().used_bytes());
  const std::string large(10'000, 'x');
  for (int pair = 0; answers.back(); ++pair) {
    ASSERT_LT(pair, 1000) << "the disk is never full";
    answers.clear();
    append(Records(id, 1, large));
    append(Records(id, 1, "small"));
    ASSERT_TRUE(run(2));
    EXPECT_TRUE(answers[0] || !answers[1]) << "pair " << pair;
  }
  world.disk().SetCapacity(std::nullopt);
  ASSERT_TRUE(world.executor().StepUntil([&] { return store.health().ok(); }));
  answers.clear();
  append(Records(id, 1, "small"));
  ASSERT_TRUE(run(1));
  EXPECT_TRUE(answers[0]);
}

// btrfs, ZFS: room that a file has is no room to write it again.
TEST(FullDisk, WhereAFileSystemCopiesOnWriteAGroupIsRefusedAndLeavesNothing) {
  io::SimulatedEnvironment world(1);
  world.disk().CopyOnWrite();
  const StoreOptions options{.journal_file_bytes = 256 << 10, .journal_limit_bytes = 1 << 20, .memory_limit_bytes = 4 << 20, .max_entry_bytes = 1 << 20};
  TopicPartitionId id(0);
  for (bool is_first : {true, false}) {
    auto opened = Store::Open(world.environment(), "/data", options);
    ASSERT_TRUE(opened.ok()) << opened.error().ToString();
    Store& store = **opened;
    std::optional<bool> answer;
    const auto append = [&](std::vector<Operation> operations) {
      answer.reset();
      store.journal().Append(std::move(operations), [&](const Result<Committed>& result) { answer = result.ok(); });
      return world.executor().StepUntil([&] { return answer.has_value(); }) && *answer;
    };
    if (is_first) {
      id = store.AllocatePartitionId();
      ASSERT_TRUE(append({CreatePartition{id, {}}, Records(id, 1, "a")}));
    }
    EXPECT_EQ(store.partition(id)->high_watermark(), Offset(1)) << is_first;
    world.disk().SetCapacity(world.disk().used_bytes());
    EXPECT_FALSE(append({Records(id, 1, std::string(10'000, 'x'))}));
    EXPECT_EQ(store.health().error().code(), ErrorCode::kDiskFull);
    world.disk().Crash();
    opened->reset();
    world.Restart(io::CrashKind::kKill);
  }
}

// A folder of files whose segments are taken away by retention in the moment in which somebody opens one.
class RetentionFiles final : public io::PassingFiles {
 public:
  using PassingFiles::PassingFiles;
  std::function<void()> on_open_segment;

  Result<std::unique_ptr<io::File>> Open(const std::string& path, io::OpenMode mode) override {
    if (!on_open_segment || !path.ends_with(kSegmentSuffix)) return PassingFiles::Open(path, mode);
    std::exchange(on_open_segment, nullptr)();
    return Error(ErrorCode::kNotFound, path + " is gone");
  }
};

class LookupTest : public StoreTest {
 protected:
  ~LookupTest() override { store_.reset(); }
  // Segments of one batch each, cold: offsets 0, 1, 2 of times 1000, 2000, 3000.
  TopicPartitionId ThreeSegments() {
    store_.reset();
    RealOpen();
    const TopicPartitionId id = Create({.segment_bytes = 1});
    for (int64_t i = 1; i <= 3; ++i) EXPECT_TRUE(Append({Records(id, 1, "x", i * 1000)}).ok());
    EXPECT_TRUE(store_->Close().ok());
    store_.reset();
    RealOpen();
    return id;
  }
  void RealOpen() {
    const io::Environment real = real_.environment();
    auto store = Store::Open({real.clock, real.random, lookup_files_, real.network, real.executor}, layout_.root, options_);
    ASSERT_TRUE(store.ok()) << store.error().ToString();
    store_ = std::move(*store);
  }
  RetentionFiles lookup_files_{files()};
};

TEST_F(LookupTest, GoesOnBehindWhatRetentionTakesMeanwhile) {
  const TopicPartitionId id = ThreeSegments();
  lookup_files_.on_open_segment = [&] { EXPECT_TRUE(Append({SetLogStart{id, Offset(2)}}).ok()); };
  auto found = store_->partition(id)->FindTimestamp(500);
  ASSERT_TRUE(found.ok()) << found.error().ToString();
  EXPECT_EQ(found->offset, Offset(2));
  EXPECT_EQ(found->timestamp_ms, 3000);
  EXPECT_EQ(store_->failed_reads(), 0);
}

TEST_F(LookupTest, AFileThatIsGoneWithoutRetentionIsAnError) {
  const TopicPartitionId id = ThreeSegments();
  lookup_files_.on_open_segment = [] {};
  EXPECT_FALSE(store_->partition(id)->FindTimestamp(500).ok());
  EXPECT_EQ(store_->failed_reads(), 1);
}

TEST_F(StoreTest, TheLargestTimestampLiesNotBelowTheLogStart) {
  for (bool is_cold : {false, true}) {
    const TopicPartitionId id = Create();
    for (int64_t time : {1000, 9000, 2000, 4000, 3000}) EXPECT_TRUE(Append({Records(id, 1, "x", time)}).ok());
    if (is_cold) CloseAndOpen();
    EXPECT_EQ(store_->partition(id)->MaxTimestamp()->offset, Offset(1));
    EXPECT_TRUE(Append({SetLogStart{id, Offset(2)}}).ok());
    auto largest = store_->partition(id)->MaxTimestamp();
    ASSERT_TRUE(largest.ok()) << largest.error().ToString();
    EXPECT_EQ(largest->offset, Offset(3)) << is_cold;
    EXPECT_EQ(largest->timestamp_ms, 4000) << is_cold;
    EXPECT_TRUE(Append({SetLogStart{id, Offset(5)}}).ok());
    EXPECT_EQ(store_->partition(id)->MaxTimestamp()->offset, Offset(-1)) << is_cold;
  }
}

// A sync that has failed is not made up for by the next one, also where the file is not written to yet.
TEST(FailedSync, OfTheNextJournalFileStopsTheJournal) {
  io::SimulatedEnvironment world(1);
  auto opened = Store::Open(world.environment(), "/data", {.journal_file_bytes = 64 << 10, .journal_limit_bytes = 256 << 10, .memory_limit_bytes = 4 << 20, .max_entry_bytes = 64 << 10});
  ASSERT_TRUE(opened.ok()) << opened.error().ToString();
  Store& store = **opened;
  world.disk().FailSyncAfter(0);  // of what is made ready from now on: nothing else is under way
  world.executor().StepFor(1'000'000);
  ASSERT_TRUE(world.disk().has_failed_sync());
  EXPECT_FALSE(store.health().ok());
  std::optional<bool> answer;
  store.journal().Append({Put{"topic/t", "x"}}, [&](const Result<Committed>& result) { answer = result.ok(); });
  ASSERT_TRUE(world.executor().StepUntil([&] { return answer.has_value(); }));
  EXPECT_FALSE(*answer);
}

}  // namespace
}  // namespace firn::log
