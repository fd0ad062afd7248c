// SPDX-License-Identifier: Apache-2.0
// Several writers of one table with a primary key: after every commit of an upsert sink the table has one row of each of its keys, the one of the later commit.
#include "connect/iceberg_sink.h"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <map>
#include <random>

#include "base/must.h"
#include "iceberg/hadoop_catalog.h"
#include "iceberg/snapshot_commit.h"
#include "iceberg/sql_types.h"
#include "iceberg/table_scan.h"
#include "iceberg/table_writer.h"
#include "io/file_system.h"
#include "io/random.h"
#include "io/simulated_environment.h"
#include "objectstore/local_object_store.h"

namespace firn::connect {
namespace {

using testing::ElementsAre;
using testing::Pair;
using types::RowKind;

const std::vector<types::Field> kColumns = {{"id", types::DataType::BigInt().NotNull()}, {"value", types::DataType::BigInt()}};

struct Change {
  int64_t id = 0;
  std::optional<int64_t> value;  // nothing: the row is deleted
};
using Changes = std::vector<Change>;
using Rows = std::multimap<int64_t, int64_t>;

types::Batch BatchOf(const Changes& changes) {
  arrow::Int64Builder ids, values;
  arrow::Int8Builder kinds;
  for (const Change& change : changes) {
    FIRN_ASSERT(ids.Append(change.id).ok() && (change.value ? values.Append(*change.value) : values.AppendNull()).ok());
    FIRN_ASSERT(kinds.Append(static_cast<int8_t>(change.value ? RowKind::kInsert : RowKind::kDelete)).ok());
  }
  return {types::MakeSchema(kColumns), {ids.Finish().ValueOrDie(), values.Finish().ValueOrDie()}, static_cast<int64_t>(changes.size()), kinds.Finish().ValueOrDie(), nullptr};
}

class IcebergSinkTest : public testing::Test {
 public:
  IcebergSinkTest()
      : environment_(world_.environment()),
        objects_(objectstore::MakeLocalObjectStore(environment_.files, environment_.random)),
        catalog_(iceberg::MakeHadoopCatalog(*objects_, environment_.clock, environment_.random, "warehouse")) {
    Must(catalog_->CreateNamespace("db", {}));
    definition_ = std::make_shared<plan::TableDefinition>();
    definition_->path = {"c", "db", "t"};
    definition_->primary_key = {"id"};
    Create({});
  }
  iceberg::WriteContext context() { return {*objects_, environment_.clock, environment_.random}; }
  iceberg::Table Load() { return Must(catalog_->LoadTable({"db", "t"})); }

  void Create(const std::vector<std::string>& partitioning, std::map<std::string, std::string> properties = {}) {
    if (catalog_->LoadTable({"db", "t"}).ok()) Must(catalog_->DropTable({"db", "t"}, true));
    iceberg::CreateTableRequest request;
    request.schema = Must(iceberg::SchemaFromSql(kColumns, {"id"}));
    for (const std::string& item : partitioning) request.partitioning.push_back(Must(iceberg::ParsePartitionItem(item)));
    request.properties = std::move(properties);
    Must(catalog_->CreateTable({"db", "t"}, request));
  }

  // A job with an upsert sink of one lane, checkpoint by checkpoint, as its coordinator would run it.
  class Job {
   public:
    Job(IcebergSinkTest& test, std::string id) : test_(test), id_(std::move(id)) { Start(); }
    // What was not handed to a checkpoint is lost, as after a kill; what was is committed if it is not yet.
    void Restart() {
      sink_.reset();
      Start();
      if (!owed_.empty()) Commit();
      Must(sink_->committer->RemoveOrphans({id_, "sink", committed_}));
    }
    void Write(const Changes& changes) { Must(sink_->lanes[0]->Write(BatchOf(changes))); }
    // The barrier, and all that is durable with the entry.
    void Checkpoint() {
      auto part = Must(sink_->lanes[0]->Prepare(++checkpoint_));
      const std::string bytes = part == nullptr ? std::string() : Must(part->Finish());
      FIRN_ASSERT(owed_.empty(), "checkpoint {} is to be committed first", owed_checkpoint_);
      owed_ = Must(sink_->committer->Prepare({id_, "sink", checkpoint_}, {bytes}, false)).outside;
      owed_checkpoint_ = checkpoint_;
    }
    void Commit() {
      test_.world_.clock().AdvanceUs(1000);
      sink_->committer->Published({id_, "sink", owed_checkpoint_});
      Must(sink_->committer->CommitOutside({id_, "sink", owed_checkpoint_}, std::exchange(owed_, "")));
      committed_ = owed_checkpoint_;
    }
    void CommitTwice() {
      const std::string owed = owed_;
      Commit();
      owed_ = owed;
      Commit();
    }
    bool owes() const { return !owed_.empty(); }

   private:
    void Start() {
      plan::SinkNode node;
      node.table = test_.definition_;
      for (const types::Field& column : kColumns) node.columns.push_back(column.name);
      checkpoint_ = std::max(checkpoint_, owed_checkpoint_);
      sink_.emplace(Must(MakeIcebergSink(test_.context(), {test_.catalog_, test_.Load(), true, id_, checkpoint_}, node, types::MakeSchema(kColumns), 1)));
    }

    IcebergSinkTest& test_;
    const std::string id_;
    std::optional<exec::Sink> sink_;
    int64_t checkpoint_ = 0;
    std::string owed_;
    int64_t owed_checkpoint_ = 0;
    int64_t committed_ = 0;
  };

  // Another engine's append, or its rewriting of the whole table.
  void WriteForeign(const Rows& rows, iceberg::SnapshotMode mode = iceberg::SnapshotMode::kAppend) {
    const iceberg::Table table = Load();
    Changes changes;
    for (const auto& [id, value] : rows) changes.push_back({id, value});
    auto writer = Must(iceberg::TableWriter::Make(*objects_, environment_.random, table.metadata));
    Must(writer->Write(BatchOf(changes)));
    iceberg::WrittenFiles files;
    files.data_files = Must(writer->Finish());
    auto commit = Must(iceberg::SnapshotCommit::Make(context(), *table.metadata, std::move(files), {.mode = mode}));
    Must(iceberg::CommitSnapshot(*catalog_, table.identifier, commit));
  }

  Rows Read() {
    auto scan = Must(iceberg::TableScan::Make(*objects_, Load().metadata, {}));
    Rows rows;
    for (const iceberg::FileScanTask& task : Must(scan->Plan())) {
      auto reader = Must(scan->Open(task));
      while (auto batch = Must(reader->Next())) {
        const auto& ids = static_cast<const arrow::Int64Array&>(*batch->columns[0]);
        const auto& values = static_cast<const arrow::Int64Array&>(*batch->columns[1]);
        for (int64_t row = 0; row < batch->row_count; ++row) rows.emplace(ids.Value(row), values.Value(row));
      }
    }
    return rows;
  }

  io::SimulatedEnvironment world_{1};  // a disk that syncs at once
  const io::Environment environment_;
  std::unique_ptr<objectstore::ObjectStore> objects_;
  std::shared_ptr<iceberg::Catalog> catalog_;
  std::shared_ptr<plan::TableDefinition> definition_;
};

TEST_F(IcebergSinkTest, TwoJobsOfOneTableReplaceEachOthersRows) {
  Job a(*this, "a"), b(*this, "b");
  a.Write({{1, 10}, {2, 20}});
  a.Checkpoint();
  b.Write({{1, 11}, {3, 31}});
  b.Checkpoint();
  b.Commit();
  a.Commit();  // both were in flight: the later commit wins
  EXPECT_THAT(Read(), ElementsAre(Pair(1, 10), Pair(2, 20), Pair(3, 31)));
  b.Write({{1, 12}, {2, {}}});
  b.Checkpoint();
  b.Commit();
  EXPECT_THAT(Read(), ElementsAre(Pair(1, 12), Pair(3, 31)));
  a.Write({{3, 30}, {1, {}}});
  a.Checkpoint();
  a.Commit();
  EXPECT_THAT(Read(), ElementsAre(Pair(3, 30)));
}

TEST_F(IcebergSinkTest, ADeleteOfAKeyThatOnlyTheOtherKnowsDeletesIt) {
  Job a(*this, "a"), b(*this, "b");
  a.Write({{1, 10}});
  a.Checkpoint();
  a.Commit();
  a.Write({{2, {}}});  // it has no such row
  a.Checkpoint();
  b.Write({{2, 21}});
  b.Checkpoint();
  b.Commit();
  a.Commit();
  EXPECT_THAT(Read(), ElementsAre(Pair(1, 10)));
}

TEST_F(IcebergSinkTest, WhatAnotherEngineAppendedIsReplaced) {
  Job job(*this, "a");
  job.Write({{1, 10}, {2, 20}});
  job.Checkpoint();
  job.Commit();
  WriteForeign({{1, 19}, {1, 18}, {3, 39}});
  EXPECT_EQ(Read().count(1), 3u) << "its rows, before we write the key again";
  job.Write({{1, 11}, {2, 21}});
  job.Checkpoint();
  job.Commit();
  EXPECT_THAT(Read(), ElementsAre(Pair(1, 11), Pair(2, 21), Pair(3, 39)));
  job.Write({{3, 31}});
  job.Checkpoint();
  job.Commit();
  EXPECT_THAT(Read(), ElementsAre(Pair(1, 11), Pair(2, 21), Pair(3, 31)));
}

TEST_F(IcebergSinkTest, WhatAnotherEngineRewroteIsFoundWhereItIsNow) {
  Job job(*this, "a");
  job.Write({{1, 10}, {2, 20}, {3, 30}});
  job.Checkpoint();
  job.Commit();
  job.Write({{1, 11}, {2, {}}});
  job.Checkpoint();  // its deletes are of a file that is gone when it commits
  WriteForeign({{1, 10}, {2, 20}, {3, 30}}, iceberg::SnapshotMode::kOverwriteTable);
  job.Commit();
  EXPECT_THAT(Read(), ElementsAre(Pair(1, 11), Pair(3, 30)));
  job.Write({{3, 31}});
  job.Checkpoint();
  job.Commit();
  EXPECT_THAT(Read(), ElementsAre(Pair(1, 11), Pair(3, 31)));
}

TEST_F(IcebergSinkTest, ATableThatHoldsAKeyTwiceHoldsItOnceWhenItIsWritten) {
  WriteForeign({{1, 18}});
  WriteForeign({{1, 19}});
  Job job(*this, "a");
  job.Write({{1, 10}});
  job.Checkpoint();
  job.Commit();
  EXPECT_THAT(Read(), ElementsAre(Pair(1, 10)));
}

// Another engine changes the partitioning and adds a row while a job runs: the job's deletes of that row are of a spec that the table did not have when the job began.
TEST_F(IcebergSinkTest, APartitioningThatIsChangedMeanwhileIsHeeded) {
  Job job(*this, "a"), late(*this, "b");
  job.Write({{1, 10}, {2, 20}});
  job.Checkpoint();
  job.Commit();
  iceberg::PartitionSpec spec{.spec_id = 1, .fields = {{{1}, 1000, "id_bucket", iceberg::Transform::Bucket(4)}}};
  const auto changed = Must(catalog_->CommitTable({"db", "t"}, {.updates = {iceberg::AddPartitionSpec{spec}, iceberg::SetDefaultSpec{}}}));
  ASSERT_EQ(changed.outcome, iceberg::CommitOutcome::kCommitted) << changed.reason;
  WriteForeign({{1, 19}, {3, 39}});
  ASSERT_EQ(Load().metadata->partition_specs.size(), 2u);
  job.Write({{2, 21}});
  job.Checkpoint();
  job.Commit();  // from here on it knows the row
  job.Write({{1, 11}, {3, {}}});
  job.Checkpoint();
  job.Commit();
  EXPECT_THAT(Read(), ElementsAre(Pair(1, 11), Pair(2, 21)));
  WriteForeign({{4, 49}});
  late.Write({{1, 12}, {4, 41}});  // its index is read now, its table was loaded before
  late.Checkpoint();
  late.Commit();
  EXPECT_THAT(Read(), ElementsAre(Pair(1, 12), Pair(2, 21), Pair(4, 41)));
}

// What two writers, which write ahead of their commits and are killed, and another engine, which appends and rewrites, make of a table, beside a model: what a commit
// says of a key is what the table holds of it; only appends of the other engine may add to that.
class ManyWriters {
 public:
  ManyWriters(IcebergSinkTest& test, uint32_t seed) : test_(test), random_(seed) {
    for (int i = 0; i < 2; ++i) writers_[i].job = std::make_unique<IcebergSinkTest::Job>(test, fmt::format("job{}-{}", seed, i));
  }

  void Step() {
    Writer& writer = writers_[random_() % 2];
    switch (random_() % 8) {
      case 0:
      case 1:
      case 2: return Write(writer);
      case 3:
      case 4:
        if (writer.job->owes()) Commit(writer, random_() % 5 == 0);
        writer.job->Checkpoint();
        writer.owed = std::exchange(writer.open, {});
        return;
      case 5:
        if (writer.job->owes()) Commit(writer, false);
        return;
      case 6:
        Settle(writer);  // the next process carries out what this one owes
        writer.open.clear();
        return writer.job->Restart();
      default: return WriteForeign();
    }
  }

  std::vector<std::pair<int64_t, int64_t>> rows() const { return Sorted(model_); }
  static std::vector<std::pair<int64_t, int64_t>> Sorted(const Rows& rows) {
    std::vector<std::pair<int64_t, int64_t>> pairs(rows.begin(), rows.end());
    std::sort(pairs.begin(), pairs.end());
    return pairs;
  }

 private:
  struct Writer {
    std::unique_ptr<IcebergSinkTest::Job> job;
    std::map<int64_t, std::optional<int64_t>> open, owed;
  };

  void Write(Writer& writer) {
    Changes changes;
    for (uint32_t i = random_() % 6; i < 6; ++i) changes.push_back({static_cast<int64_t>(random_() % 12), random_() % 3 == 0 ? std::optional<int64_t>() : ++next_value_});
    writer.job->Write(changes);
    for (const auto& change : changes) writer.open[change.id] = change.value;
  }
  void Commit(Writer& writer, bool is_unsure) {
    is_unsure ? writer.job->CommitTwice() : writer.job->Commit();
    Settle(writer);
  }
  void Settle(Writer& writer) {
    for (const auto& [id, value] : std::exchange(writer.owed, {})) {
      model_.erase(id);
      if (value) model_.emplace(id, *value);
    }
  }
  void WriteForeign() {
    if (random_() % 3 == 0) {
      if (!model_.empty()) test_.WriteForeign(model_, iceberg::SnapshotMode::kOverwriteTable);
      return;
    }
    const int64_t id = static_cast<int64_t>(random_() % 12);
    test_.WriteForeign({{id, ++next_value_}});
    model_.emplace(id, next_value_);
  }

  IcebergSinkTest& test_;
  std::mt19937 random_;
  Writer writers_[2];
  Rows model_;
  int64_t next_value_ = 0;
};

TEST_F(IcebergSinkTest, ManyWritersEqualAModel) {
  for (uint32_t seed = 0; seed < 6; ++seed) {  // with buckets and without, of a short history and of all
    SCOPED_TRACE(seed);
    // A short history: what a job knows of the table may have been expired.
    Create(seed % 2 == 0 ? std::vector<std::string>{} : std::vector<std::string>{"bucket(3, id)"},
           seed % 3 == 0 ? std::map<std::string, std::string>{{"firn.history.max-snapshots", "2"}, {"commit.manifest.min-count-to-merge", "3"}} : std::map<std::string, std::string>{});
    ManyWriters writers(*this, seed);
    for (int step = 0; step < 60; ++step) {
      writers.Step();
      ASSERT_EQ(ManyWriters::Sorted(Read()), writers.rows()) << "step " << step;
    }
  }
}

}  // namespace
}  // namespace firn::connect
