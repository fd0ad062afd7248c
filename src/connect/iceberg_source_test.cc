// SPDX-License-Identifier: Apache-2.0
// A table of three files, read in Poll and read ahead: the same rows in the same order, from any position on.
#include "connect/iceberg_source.h"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <gmock/gmock.h>

#include "base/must.h"
#include "base/mutex.h"
#include "iceberg/hadoop_catalog.h"
#include "iceberg/snapshot_commit.h"
#include "iceberg/sql_types.h"
#include "iceberg/table_writer.h"
#include "io/file_system.h"
#include "io/random.h"
#include "io/real_environment.h"
#include "objectstore/local_object_store.h"

namespace firn::connect {
namespace {

constexpr int64_t kRowsPerFile = 20'000;  // several batches
constexpr int64_t kFiles = 3;


class IcebergSourceTest : public testing::Test {
 protected:
  IcebergSourceTest()
      : environment_(real_.environment()),
        folder_(testing::TempDir() + "firn-iceberg-source-" + environment_.random.UuidText()),
        objects_(objectstore::MakeLocalObjectStore(environment_.files, environment_.random)),
        catalog_(iceberg::MakeHadoopCatalog(*objects_, environment_.clock, environment_.random, folder_)),
        queue_(environment_.executor.NewQueue("ahead").value()) {
    FIRN_ASSERT(catalog_->CreateNamespace("db", {}).ok());
    const std::vector<types::Field> columns = {{"id", types::DataType::BigInt()}};
    iceberg::CreateTableRequest request;
    request.schema = Must(iceberg::SchemaFromSql(columns, {}));
    table_ = Must(catalog_->CreateTable({"db", "t"}, request));
    iceberg::WrittenFiles files;
    auto writer = Must(iceberg::TableWriter::Make(*objects_, environment_.random, table_.metadata));
    for (int64_t file = 0; file < kFiles; ++file) {
      arrow::Int64Builder ids;
      for (int64_t row = 0; row < kRowsPerFile; ++row) FIRN_ASSERT(ids.Append(file * kRowsPerFile + row).ok());
      FIRN_ASSERT(writer->Write({types::MakeSchema(columns), {ids.Finish().ValueOrDie()}, kRowsPerFile, nullptr, nullptr}).ok());
      for (iceberg::DataFile& written : Must(writer->Finish())) {
        paths_.push_back(written.file_path);
        files.data_files.push_back(std::move(written));
      }
    }
    const iceberg::WriteContext context{*objects_, environment_.clock, environment_.random};
    auto commit = Must(iceberg::SnapshotCommit::Make(context, *table_.metadata, std::move(files)));
    table_ = Must(iceberg::CommitSnapshot(*catalog_, table_.identifier, commit));
  }
  ~IcebergSourceTest() override {
    queue_.reset();
    (void)environment_.files.RemoveAll(folder_);
  }

  std::unique_ptr<exec::Source> Make(io::TaskQueue* ahead) {
    auto source = Must(MakeIcebergSource(*objects_, table_.metadata, {}, ahead));
    source->SetWaker([this] {
      base::MutexLock lock(mutex_);
      is_woken_ = true;
      woken_.NotifyAll();
    });
    return source;
  }

  // Rows of the next poll that has some, by their ids; none at the end.
  Result<std::vector<int64_t>> Poll(exec::Source& source) {
    while (true) {
      FIRN_TRY(exec::PollResult polled, source.Poll(0, types::kPreferredBatchRows));
      std::vector<int64_t> ids;
      for (int64_t row = 0; row < polled.rows.row_count; ++row) ids.push_back(static_cast<const arrow::Int64Array&>(*polled.rows.columns[0]).Value(row));
      if (!ids.empty() || polled.state == exec::PollState::kEnded) return ids;
      if (polled.state == exec::PollState::kMore) continue;
      base::MutexLock lock(mutex_);
      woken_.Wait(lock, [this]() FIRN_REQUIRES(mutex_) { return is_woken_; });
      is_woken_ = false;
    }
  }
  std::vector<int64_t> ReadAll(exec::Source& source) {
    std::vector<int64_t> all;
    for (auto ids = Must(Poll(source)); !ids.empty(); ids = Must(Poll(source))) all.insert(all.end(), ids.begin(), ids.end());
    return all;
  }

  io::RealEnvironment real_ = Must(io::RealEnvironment::Make());
  const io::Environment environment_;
  const std::string folder_;
  const std::unique_ptr<objectstore::ObjectStore> objects_;
  const std::unique_ptr<iceberg::Catalog> catalog_;
  std::unique_ptr<io::TaskQueue> queue_;
  iceberg::Table table_;
  std::vector<std::string> paths_;
  base::Mutex mutex_;
  base::ConditionVariable woken_;
  bool is_woken_ FIRN_GUARDED_BY(mutex_) = false;
};

TEST_F(IcebergSourceTest, GoesOnFromAnyPosition) {
  const std::vector<int64_t> all = ReadAll(*Make(nullptr));
  ASSERT_EQ(all.size(), static_cast<size_t>(kFiles * kRowsPerFile));
  for (io::TaskQueue* ahead : {static_cast<io::TaskQueue*>(nullptr), queue_.get()}) {
    auto source = Make(ahead);
    std::vector<int64_t> read;
    while (true) {
      // What was read ahead and not given is not part of the position.
      auto other = Make(queue_.get());
      ASSERT_TRUE(other->Seek(source->Positions().value()).ok());
      std::vector<int64_t> whole = read;
      for (int64_t id : ReadAll(*other)) whole.push_back(id);
      ASSERT_EQ(whole, all) << "from " << source->Positions().value();
      const std::vector<int64_t> ids = Must(Poll(*source));
      if (ids.empty()) break;
      read.insert(read.end(), ids.begin(), ids.end());
    }
  }
  for (const char* bad : {"", "x", "1 2", "1 -2 3"}) EXPECT_EQ(Make(nullptr)->Seek(bad).error().code(), ErrorCode::kCorruption) << bad;
}

// A restarted query sees the columns that the table has now, as it did before it was stopped, also where its snapshot is older than they are.
TEST_F(IcebergSourceTest, GoesOnBehindAColumnThatWasAdded) {
  iceberg::Schema schema = table_.metadata->schema();
  schema.fields.push_back({2, "added", iceberg::Type::Of(iceberg::TypeId::kLong)});
  Must(catalog_->CommitTable(table_.identifier, {.updates = {iceberg::AddSchema{schema}, iceberg::SetCurrentSchema{}}}));
  table_ = Must(catalog_->LoadTable(table_.identifier));
  const auto make = [&] { return Must(MakeIcebergSource(*objects_, table_.metadata, {.column_ids = std::vector<int32_t>{1, 2}}, nullptr)); };
  auto source = make();
  const std::vector<int64_t> first = Must(Poll(*source));
  auto other = make();
  const Status sought = other->Seek(Must(source->Positions()));
  ASSERT_TRUE(sought.ok()) << sought.error().ToString();
  EXPECT_EQ(first.size() + ReadAll(*other).size(), static_cast<size_t>(kFiles * kRowsPerFile));
}

// The position was taken by a query that skipped other files, as another version of the program may.
TEST_F(IcebergSourceTest, GoesOnInTheSameFileWhateverIsSkipped) {
  const auto make = [&](int64_t least) {
    iceberg::ScanOptions options;
    if (least > 0) options.predicate = iceberg::ScanPredicate::Compare(iceberg::PredicateOp::kGreaterOrEqual, 1, iceberg::Literal(least));
    return Must(MakeIcebergSource(*objects_, table_.metadata, std::move(options), nullptr));
  };
  auto all = make(0);
  std::vector<int64_t> read;
  while (read.size() <= static_cast<size_t>(kRowsPerFile)) {
    for (int64_t id : Must(Poll(*all))) read.push_back(id);
  }
  auto some = make(kRowsPerFile + 1);  // the second file and the third
  ASSERT_TRUE(some->Seek(Must(all->Positions())).ok());
  EXPECT_EQ(read.size() + ReadAll(*some).size(), static_cast<size_t>(kFiles * kRowsPerFile));
  EXPECT_EQ(make(2 * kRowsPerFile + 1)->Seek(Must(all->Positions())).error().code(), ErrorCode::kStateIncompatible);
}

TEST_F(IcebergSourceTest, AFileThatIsGoneFailsBehindTheRowsBeforeIt) {
  ASSERT_TRUE(objects_->Delete(paths_[1]).ok());
  for (io::TaskQueue* ahead : {static_cast<io::TaskQueue*>(nullptr), queue_.get()}) {
    auto source = Make(ahead);
    size_t rows = 0;
    auto polled = Poll(*source);
    for (; polled.ok() && !polled->empty(); polled = Poll(*source)) rows += polled->size();
    ASSERT_FALSE(polled.ok());
    EXPECT_EQ(polled.error().code(), ErrorCode::kNotFound);
    EXPECT_THAT(polled.error().ToString(), testing::HasSubstr(paths_[1]));
    EXPECT_EQ(rows, static_cast<size_t>(kRowsPerFile));
    EXPECT_FALSE(Poll(*source).ok());
  }
}

TEST_F(IcebergSourceTest, MayGoWhileItReads) {
  for (int i = 0; i < 50; ++i) {
    auto source = Make(queue_.get());
    for (int polls = 0; polls < i % 5; ++polls) Must(Poll(*source));
  }
}

}  // namespace
}  // namespace firn::connect
