// SPDX-License-Identifier: Apache-2.0
// A job's runs as a crash breaks them off: the files are there, and whoever knew of them is not.
#include "iceberg/orphan_files.h"

#include <gmock/gmock.h>

#include <set>

#include "iceberg/test_table_internal.h"

namespace firn::iceberg {
namespace {

const std::vector<types::Field> kNameColumns = {{"id", types::DataType::BigInt()}, {"name", types::DataType::String()}};
const std::string kJob = "0123456789abcdef0123456789abcdef";
const std::string kOtherJob = "f123456789abcdef0123456789abcdef";

types::Batch Names(int64_t first, int64_t count) {
  std::vector<std::optional<int64_t>> ids;
  std::vector<std::optional<std::string>> names;
  for (int64_t id = first; id < first + count; ++id) {
    ids.push_back(id);
    names.push_back(std::to_string(id));
  }
  return MakeBatch(kNameColumns, {Longs(ids), Texts(names)});
}

std::set<std::string> Files(TestWarehouse& warehouse) {
  std::set<std::string> files;
  for (const objectstore::ObjectInfo& object : Must(warehouse.store().List(warehouse.folder()))) files.insert(object.location);
  for (const objectstore::UnfinishedPut& put : Must(warehouse.store().ListUnfinished(warehouse.folder() + "/db/t/metadata"))) files.insert(put.location);
  return files;
}

// One run's lane and committer, up to what goes into the checkpoint's journal entry.
SnapshotCommit WriteFor(TestWarehouse& warehouse, const Table& table, const FileOwner& owner, int64_t first, SnapshotMode mode = SnapshotMode::kAppend) {
  auto writer = Must(TableWriter::Make(warehouse.store(), warehouse.random(), table.metadata, {.file_prefix = "00000-" + owner.ToString()}));
  Must(writer->Write(Names(first, 10)));
  WrittenFiles files;
  files.data_files = Must(writer->Finish());
  WriteContext context = warehouse.context();
  context.owner = owner.ToString();
  return Must(SnapshotCommit::Make(context, *table.metadata, std::move(files), {.mode = mode, .summary = CheckpointSummary(owner.job_id, "sink", owner.checkpoint_id)}));
}

Table Commit(TestWarehouse& warehouse, const Table& table, const FileOwner& owner, int64_t first, SnapshotMode mode = SnapshotMode::kAppend) {
  SnapshotCommit commit = WriteFor(warehouse, table, owner, first, mode);
  return Must(CommitSnapshot(warehouse.catalog(), table.identifier, commit));
}

TEST(OrphanFiles, AFileSaysWhoseItIs) {
  const std::string uuid = "-11111111-2222-3333-4444-555555555555";
  EXPECT_EQ(OwnedFor("00003-" + kJob + "-17" + uuid + "-00001.parquet", kJob), 17);
  EXPECT_EQ(OwnedFor(FileOwner{kJob, 4}.ToString() + uuid + "-m0.avro", kJob), 4);
  EXPECT_EQ(OwnedFor("00003-" + kJob + "-17" + uuid + "-00001.parquet", kOtherJob), std::nullopt);
  EXPECT_EQ(OwnedFor("00003-x" + kJob + "-17" + uuid + ".parquet", kJob), std::nullopt);
  EXPECT_EQ(OwnedFor("00003-" + kJob + ".parquet", kJob), std::nullopt);
  EXPECT_EQ(OwnedFor("00003-" + kJob + "-x7-1.parquet", kJob), std::nullopt);
  EXPECT_EQ(OwnedFor("00003-17" + uuid + ".parquet", ""), std::nullopt);
}

class OrphanFilesOfVersion : public testing::TestWithParam<const char*> {};

TEST_P(OrphanFilesOfVersion, WhatAKilledRunLeftGoesAndNothingElse) {
  TestWarehouse warehouse;
  Table table = warehouse.Create("t", kNameColumns, {}, {"bucket(4, id)"}, {{"format-version", GetParam()}});
  table = Commit(warehouse, table, {kJob, 6}, 0);
  table = Commit(warehouse, table, {kJob, 7}, 10);
  const Table other = Commit(warehouse, table, {kOtherJob, 9}, 20);
  SnapshotCommit of_other = WriteFor(warehouse, other, {kOtherJob, 10}, 30);  // another job, which runs
  const std::string foreign = DataLocation(*table.metadata) + "/00000-0-foreign.parquet";
  Must(warehouse.store().Put(foreign, "x", objectstore::PutMode::kReplace));
  const std::set<std::string> wanted = Files(warehouse);

  // Killed with files for checkpoint 8 written, its manifests and list too, but not in the journal; a run after it was killed again, with two.
  for (int64_t checkpoint : {8, 8, 9}) {
    SnapshotCommit lost = WriteFor(warehouse, table, {kJob, checkpoint}, 100);
    Must(lost.BuildOn(table));
  }
  // A list that a lost attempt to commit checkpoint 7 left, and Puts that were cut off: of a manifest, and of a version that somebody made since.
  const std::string metadata = warehouse.folder() + "/db/t/metadata";
  const std::string uuid = "11111111-2222-3333-4444-555555555555";
  Must(warehouse.store().Put(metadata + "/snap-5-" + FileOwner{kJob, 7}.ToString() + "-" + uuid + ".avro", "x", objectstore::PutMode::kReplace));
  const std::string put = metadata + "/" + std::string(objectstore::kTemporaryPrefix) + uuid + "-";
  Must(warehouse.store().Put(put + FileOwner{kJob, 8}.ToString() + "-" + uuid + "-m0.avro", "x", objectstore::PutMode::kReplace));
  Must(warehouse.store().Put(put + "v2.metadata.json", "x", objectstore::PutMode::kReplace));
  const std::string in_progress = put + "v99.metadata.json";
  Must(warehouse.store().Put(in_progress, "x", objectstore::PutMode::kReplace));

  const size_t before = Files(warehouse).size();
  const int64_t removed = Must(RemoveOrphans(warehouse.store(), warehouse.Load("t"), {kJob, 7}));
  std::set<std::string> left = Files(warehouse);
  EXPECT_EQ(removed, static_cast<int64_t>(before - left.size()));
  EXPECT_EQ(left.erase(in_progress), 1u);
  EXPECT_EQ(left, wanted);
  EXPECT_EQ(Must(RemoveOrphans(warehouse.store(), warehouse.Load("t"), {kJob, 7})), 0);
  Must(CommitSnapshot(warehouse.catalog(), table.identifier, of_other));  // its files are there
}

INSTANTIATE_TEST_SUITE_P(Versions, OrphanFilesOfVersion, testing::Values("1", "2"));

TEST(OrphanFiles, WhatASnapshotNamesStaysWhateverTheNodeRemembers) {
  TestWarehouse warehouse;
  Table table = warehouse.Create("t", kNameColumns, {}, {}, {{"commit.manifest.min-count-to-merge", "2"}});
  for (int64_t checkpoint = 1; checkpoint <= 6; ++checkpoint) table = Commit(warehouse, table, {kJob, checkpoint}, checkpoint * 10);
  table = Commit(warehouse, table, {kOtherJob, 1}, 900, SnapshotMode::kOverwriteTable);  // the files are in older snapshots only
  // What nobody names any more: manifests of merges that were merged again, and never a file of a snapshot.
  for (int64_t remembered : {0, 3, 5, 6}) {  // a node whose directory was put back from a backup
    Must(RemoveOrphans(warehouse.store(), table, {kJob, remembered}));
    for (const Snapshot& snapshot : table.metadata->snapshots) {
      for (const ManifestFile& manifest : Must(ReadManifestList(warehouse.store(), snapshot))) {
        for (const ManifestEntry& entry : Must(ReadManifest(warehouse.store(), *table.metadata, manifest))) {
          EXPECT_TRUE(Must(warehouse.store().Exists(entry.file.file_path))) << remembered << " " << entry.file.file_path;
        }
      }
    }
  }
}

TEST(OrphanFiles, ASnapshotThatCannotBeReadKeepsEverything) {
  TestWarehouse warehouse;
  Table table = Commit(warehouse, warehouse.Create("t", kNameColumns), {kJob, 5}, 0);
  (void)WriteFor(warehouse, table, {kJob, 6}, 100);
  Must(warehouse.store().Put(table.metadata->current_snapshot()->manifest_list, "no Avro", objectstore::PutMode::kReplace));
  const std::set<std::string> before = Files(warehouse);
  EXPECT_FALSE(RemoveOrphans(warehouse.store(), table, {kJob, 5}).ok());
  EXPECT_EQ(Files(warehouse), before);
}

}  // namespace
}  // namespace firn::iceberg
