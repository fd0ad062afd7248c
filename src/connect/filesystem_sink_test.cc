// SPDX-License-Identifier: Apache-2.0
#include "connect/filesystem_sink.h"

#include <arrow/builder.h>
#include <gmock/gmock.h>

#include <set>

#include "base/must.h"
#include "io/file_system.h"
#include "io/real_environment.h"

namespace firn::connect {
namespace {

using testing::SizeIs;

const types::SchemaPtr kSchema = types::MakeSchema({{"id", types::DataType::BigInt()}, {"day", types::DataType::Int()}});

types::Batch RowsOfDay(std::vector<int64_t> ids, int32_t day) {
  arrow::Int64Builder id;
  arrow::Int32Builder days;
  EXPECT_TRUE(id.AppendValues(ids).ok() && days.AppendValues(std::vector<int32_t>(ids.size(), day)).ok());
  return {kSchema, {id.Finish().ValueOrDie(), days.Finish().ValueOrDie()}, static_cast<int64_t>(ids.size()), nullptr, nullptr};
}

class FilesystemSinkTest : public testing::Test {
 protected:
  FilesystemSinkTest() : folder_(testing::TempDir() + "firn-file-sink-" + random().UuidText()) {
    table_.path = {"c", "d", "t"};
    table_.columns = {{.name = "id", .type = types::DataType::BigInt()}, {.name = "day", .type = types::DataType::Int()}};
    table_.partitioned_by = {"day"};
  }
  ~FilesystemSinkTest() override { (void)files().RemoveAll(folder_); }

  io::FileSystem& files() { return environment_.environment().files; }
  io::Random& random() { return environment_.environment().random; }

  exec::Sink Make(const std::string& job_id, bool overwrites = false) {
    formats::FormatSpec format{"json", {}, "UTC", {{"id", types::DataType::BigInt()}}};
    auto sink = MakeFilesystemSink(environment_.environment(), {folder_, PartitionFolders::Make(table_).value(), format, overwrites, job_id}, kSchema, 1);
    EXPECT_TRUE(sink.ok()) << sink.error().ToString();
    return std::move(sink).value();
  }

  // "day=1/part-..." and the like, hidden ones too.
  std::set<std::string> Names() {
    std::set<std::string> names;
    auto folders = files().List(folder_);
    for (const io::FileEntry& folder : *folders) {
      auto entries = files().List(io::JoinPath(folder_, folder.name));
      for (const io::FileEntry& entry : *entries) names.insert(folder.name + "/" + entry.name);
    }
    return names;
  }
  size_t HiddenOf(const std::string& job_id) {
    size_t count = 0;
    for (const std::string& name : Names()) count += name.find("/.firn-part-" + job_id) != std::string::npos ? 1 : 0;
    return count;
  }

  io::RealEnvironment environment_ = Must(io::RealEnvironment::Make());
  const std::string folder_;
  plan::TableDefinition table_;
};

TEST_F(FilesystemSinkTest, WhatAKilledRunLeftHiddenGoesAndNothingElse) {
  exec::Sink first = Make("job1");
  ASSERT_TRUE(first.lanes[0]->Write(RowsOfDay({1, 2}, 1)).ok() && first.lanes[0]->Write(RowsOfDay({3}, 2)).ok());
  const std::string committed = first.lanes[0]->Prepare(7).value()->Finish().value();
  ASSERT_TRUE(first.committer->CommitOutside({"job1", "sink", 7}, committed).ok());
  const std::set<std::string> visible = Names();
  EXPECT_THAT(visible, SizeIs(2));

  exec::Sink other = Make("job2");  // runs, into the same folders
  ASSERT_TRUE(other.lanes[0]->Write(RowsOfDay({4}, 1)).ok());
  const std::string of_other = other.lanes[0]->Prepare(1).value()->Finish().value();
  // The first job is killed with one file that is whole and one that is not, cut off by a checkpoint or still open.
  ASSERT_TRUE(first.lanes[0]->Write(RowsOfDay({5}, 2)).ok());
  ASSERT_TRUE(first.lanes[0]->Prepare(8).value()->Finish().ok());
  ASSERT_TRUE(first.lanes[0]->Write(RowsOfDay({5, 6}, 3)).ok());
  first = exec::Sink();
  EXPECT_EQ(HiddenOf("job1"), 2u);

  exec::Sink again = Make("job1");
  ASSERT_TRUE(again.committer->CommitOutside({"job1", "sink", 7}, committed).ok());
  ASSERT_TRUE(again.committer->RemoveOrphans({"job1", "sink", 7}).ok());
  EXPECT_EQ(HiddenOf("job1"), 0u);
  EXPECT_EQ(HiddenOf("job2"), 1u);
  ASSERT_TRUE(other.committer->CommitOutside({"job2", "sink", 1}, of_other).ok());
  std::set<std::string> all = Names();
  EXPECT_THAT(all, SizeIs(3));
  EXPECT_TRUE(std::includes(all.begin(), all.end(), visible.begin(), visible.end()));
}

// A job that dies behind its last commit makes it again when it comes back.
TEST_F(FilesystemSinkTest, AnOverwriteThatIsCommittedAgainLeavesWhatOthersHaveAddedSince) {
  const auto add = [this](const std::string& name) { EXPECT_TRUE(files().WriteAtomically(io::JoinPath(folder_, "day=1/" + name), "{}\n").ok()); };
  ASSERT_TRUE(files().CreateDirectories(io::JoinPath(folder_, "day=1")).ok());
  add("old.json");
  exec::Sink sink = Make("job1", true);
  ASSERT_TRUE(sink.lanes[0]->Write(RowsOfDay({1}, 1)).ok());
  const exec::CheckpointIdentity identity{"job1", "sink", 7};
  const std::string outside = sink.committer->Prepare(identity, {sink.lanes[0]->Prepare(7).value()->Finish().value()}, true).value().outside;
  add("between.json");
  for (const char* later : {"later.json", "latest.json"}) {
    ASSERT_TRUE(sink.committer->CommitOutside(identity, outside).ok());
    add(later);
    sink = Make("job1", true);
  }
  ASSERT_TRUE(sink.committer->RemoveOrphans(identity).ok());
  EXPECT_THAT(Names(), testing::UnorderedElementsAre("day=1/between.json", "day=1/later.json", "day=1/latest.json", testing::StartsWith("day=1/part-job1-")));
}

// As in Flink: all that a reader finds, and no mark that somebody has left.
TEST_F(FilesystemSinkTest, AnOverwriteTakesOutWhatIsInFoldersBelowToo) {
  ASSERT_TRUE(files().CreateDirectories(io::JoinPath(folder_, "day=1/below")).ok());
  const std::string below = io::JoinPath(folder_, "day=1/below/old.json");
  ASSERT_TRUE(files().WriteAtomically(below, "{}\n").ok());
  ASSERT_TRUE(files().WriteAtomically(io::JoinPath(folder_, "day=1/_SUCCESS"), "").ok());
  exec::Sink sink = Make("job1", true);
  ASSERT_TRUE(sink.lanes[0]->Write(RowsOfDay({1}, 1)).ok());
  const exec::CheckpointIdentity identity{"job1", "sink", 7};
  const std::string outside = sink.committer->Prepare(identity, {sink.lanes[0]->Prepare(7).value()->Finish().value()}, true).value().outside;
  ASSERT_TRUE(sink.committer->CommitOutside(identity, outside).ok());
  EXPECT_FALSE(files().Exists(below));
  EXPECT_THAT(Names(), testing::UnorderedElementsAre("day=1/_SUCCESS", "day=1/below", testing::StartsWith("day=1/part-job1-")));
}

// Whoever waits for files takes them away as soon as they are there. A commit that is made again has nothing to do then.
TEST_F(FilesystemSinkTest, ACommitThatIsMadeAgainDoesNotMissWhatOthersHaveTaken) {
  exec::Sink sink = Make("job1");
  ASSERT_TRUE(sink.lanes[0]->Write(RowsOfDay({1, 2}, 1)).ok() && sink.lanes[0]->Write(RowsOfDay({3}, 2)).ok());
  const std::string committed = sink.lanes[0]->Prepare(7).value()->Finish().value();
  ASSERT_TRUE(sink.committer->CommitOutside({"job1", "sink", 7}, committed).ok());
  ASSERT_TRUE(files().RemoveAll(io::JoinPath(folder_, "day=1")).ok());
  for (const std::string& name : Names()) ASSERT_TRUE(files().Remove(io::JoinPath(folder_, name)).ok());
  const Status again = Make("job1").committer->CommitOutside({"job1", "sink", 7}, committed);
  EXPECT_TRUE(again.ok()) << again.error().ToString();
  EXPECT_THAT(Names(), testing::IsEmpty());
}

TEST_F(FilesystemSinkTest, AFolderThatIsNotThereHasNoOrphans) { EXPECT_TRUE(Make("job1").committer->RemoveOrphans({"job1", "sink", 0}).ok()); }

}  // namespace
}  // namespace firn::connect
