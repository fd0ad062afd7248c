// SPDX-License-Identifier: Apache-2.0
#include "state/checkpoint_files.h"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error_render.h"
#include "io/real_environment.h"

namespace firn::state {
namespace {

using testing::ElementsAre;
using testing::UnorderedElementsAre;

types::ArrayPtr Longs(const std::vector<int64_t>& values) {
  arrow::Int64Builder builder;
  EXPECT_TRUE(builder.AppendValues(values).ok());
  return *builder.Finish();
}

types::Batch Rows(const std::vector<int64_t>& values) {
  return {types::MakeSchema({{"n", types::DataType::BigInt()}}), {Longs(values)}, static_cast<int64_t>(values.size()), nullptr, nullptr};
}

class CheckpointFilesTest : public testing::Test {
 protected:
  CheckpointFilesTest()
      : environment_(real_.environment()),
        directory_(io::JoinPath(testing::TempDir(), "state-" + environment_.random.UuidText())),
        files_(environment_.files, directory_) {}
  ~CheckpointFilesTest() override { EXPECT_TRUE(files_.RemoveAll().ok()); }

  LaneSnapshot Snapshot(int lane, int parallelism, std::vector<TableRows> tables, std::vector<std::string> dropped = {}) {
    return {"Op-1", lane, parallelism, std::move(dropped), std::move(tables)};
  }
  Manifest MustWrite(int64_t id, const Manifest& previous, const std::vector<LaneSnapshot>& snapshots) {
    auto written = files_.Write(id, previous, snapshots);
    EXPECT_TRUE(written.ok()) << written.error().ToString();
    auto decoded = DecodeManifest(EncodeManifest(written->manifest));  // every test goes through the bytes
    EXPECT_TRUE(decoded.ok()) << decoded.error().ToString();
    return *std::move(decoded);
  }
  std::vector<int64_t> MustRead(const Manifest& manifest, const std::string& table, int lane, int parallelism) {
    std::vector<int64_t> values;
    const types::SchemaPtr schema = types::MakeSchema({{"n", types::DataType::BigInt()}});
    auto reader = files_.Read(manifest, "Op-1", lane, parallelism);
    auto status = reader->Read(table, schema, [&](int, const types::Batch& rows) -> Status {
      const auto& column = static_cast<const arrow::Int64Array&>(*rows.columns[0]);
      for (int64_t i = 0; i < rows.row_count; ++i) values.push_back(column.IsNull(i) ? -1 : column.Value(i));
      return Ok();
    });
    EXPECT_TRUE(status.ok()) << status.error().ToString();
    return values;
  }
  std::vector<std::string> FileNames() {
    std::vector<std::string> names;
    auto entries = environment_.files.List(directory_);
    EXPECT_TRUE(entries.ok());
    for (const auto& entry : *entries) names.push_back(entry.name);
    return names;
  }

  io::RealEnvironment real_;
  io::Environment environment_;
  std::string directory_;
  CheckpointFiles files_;
};

TEST_F(CheckpointFilesTest, UnchangedGroupsStayInOlderFilesAndUnreferencedFilesGo) {
  Manifest first = MustWrite(1, {}, {Snapshot(0, 1, {{"t", 3, Rows({1, 2})}, {"t", 100, Rows({9})}})});
  Manifest second = MustWrite(2, first, {Snapshot(0, 1, {{"t", 3, Rows({7})}})});
  EXPECT_THAT(MustRead(second, "t", 0, 1), ElementsAre(7, 9));
  EXPECT_THAT(MustRead(first, "t", 0, 1), ElementsAre(1, 2, 9));
  ASSERT_TRUE(files_.RemoveUnreferenced(second).ok());
  EXPECT_THAT(FileNames(), ElementsAre("1.state", "2.state"));
  Manifest third = MustWrite(3, second, {Snapshot(0, 1, {{"t", 100, Rows({})}})});
  ASSERT_TRUE(files_.RemoveUnreferenced(third).ok());
  EXPECT_THAT(FileNames(), ElementsAre("2.state"));
  EXPECT_THAT(MustRead(third, "t", 0, 1), ElementsAre(7));
}

TEST_F(CheckpointFilesTest, GroupsGoToTheLaneThatOwnsThemAtAnyParallelism) {
  Manifest manifest = MustWrite(1, {}, {Snapshot(0, 2, {{"t", 0, Rows({1})}, {"t", 63, Rows({2})}, {"p", kNoKeyGroup, Rows({10})}}),
                                        Snapshot(1, 2, {{"t", 64, Rows({3})}, {"t", 127, Rows({4})}, {"p", kNoKeyGroup, Rows({11})}})});
  EXPECT_THAT(MustRead(manifest, "t", 0, 1), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(MustRead(manifest, "t", 0, 4), ElementsAre(1));
  EXPECT_THAT(MustRead(manifest, "t", 1, 4), ElementsAre(2));
  EXPECT_THAT(MustRead(manifest, "t", 3, 4), ElementsAre(4));
  EXPECT_THAT(MustRead(manifest, "p", 0, 4), UnorderedElementsAre(10, 11));
  // At another parallelism the keyless rows are replaced by what the new lanes write.
  Manifest narrower = MustWrite(2, manifest, {Snapshot(0, 1, {{"p", kNoKeyGroup, Rows({12})}})});
  EXPECT_THAT(MustRead(narrower, "p", 0, 1), ElementsAre(12));
  EXPECT_THAT(MustRead(narrower, "t", 0, 1), ElementsAre(1, 2, 3, 4));
}

TEST_F(CheckpointFilesTest, ADroppedTableLosesTheLanesGroupsOnly) {
  Manifest manifest = MustWrite(1, {}, {Snapshot(0, 2, {{"slice.5", 0, Rows({1})}}), Snapshot(1, 2, {{"slice.5", 127, Rows({2})}})});
  Manifest dropped = MustWrite(2, manifest, {Snapshot(0, 2, {}, {"slice.5"}), Snapshot(1, 2, {{"slice.9", 127, Rows({3})}})});
  EXPECT_THAT(MustRead(dropped, "slice.5", 0, 1), ElementsAre(2));
  EXPECT_THAT(files_.Read(dropped, "Op-1", 0, 1)->Tables("slice."), ElementsAre("slice.5", "slice.9"));
}

TEST_F(CheckpointFilesTest, ColumnsComeByNameAndAnotherTypeIsRefused) {
  Manifest manifest = MustWrite(1, {}, {Snapshot(0, 1, {{"t", 3, Rows({5})}})});
  auto reader = files_.Read(manifest, "Op-1", 0, 1);
  const auto wider = types::MakeSchema({{"added", types::DataType::String()}, {"n", types::DataType::BigInt()}});
  int64_t seen = 0;
  ASSERT_TRUE(reader->Read("t", wider, [&](int, const types::Batch& rows) -> Status {
                      seen += rows.row_count;
                      EXPECT_TRUE(rows.columns[0]->IsNull(0));
                      return Ok();
                    }).ok());
  EXPECT_EQ(seen, 1);
  auto status = reader->Read("t", types::MakeSchema({{"n", types::DataType::String()}}), [](int, const types::Batch&) { return Ok(); });
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(base::RenderError(status.error()),
            "error[E3005]: column `n` of the stored state `t` is int64; the query now needs string\n   = more: firn explain E3005\n");
}

TEST_F(CheckpointFilesTest, AFlippedBitIsFound) {
  Manifest manifest = MustWrite(1, {}, {Snapshot(0, 1, {{"t", 3, Rows({5, 6, 7})}})});
  const std::string path = io::JoinPath(directory_, "1.state");
  std::string bytes = *environment_.files.ReadAll(path);
  for (size_t position : {bytes.size() - 3, bytes.size() / 2}) {
    std::string damaged = bytes;
    damaged[position] = static_cast<char>(damaged[position] ^ 0x10);
    ASSERT_TRUE(environment_.files.WriteAtomically(path, damaged).ok());
    auto status = files_.Read(manifest, "Op-1", 0, 1)->Read("t", types::MakeSchema({{"n", types::DataType::BigInt()}}),
                                                           [](int, const types::Batch&) { return Ok(); });
    ASSERT_FALSE(status.ok()) << "position " << position;
    EXPECT_EQ(status.error().code(), ErrorCode::kCorruption);
  }
  ASSERT_TRUE(environment_.files.WriteAtomically(path, bytes.substr(0, 20)).ok());
  EXPECT_FALSE(files_.Read(manifest, "Op-1", 0, 1)->Read("t", types::MakeSchema({{"n", types::DataType::BigInt()}}),
                                                         [](int, const types::Batch&) { return Ok(); }).ok());
}

TEST_F(CheckpointFilesTest, ThinnedOutFilesAreCarriedOver) {
  const std::vector<int64_t> many(1 << 20, 42);  // 8 MiB a group
  Manifest manifest = MustWrite(1, {}, {Snapshot(0, 1, {{"t", 1, Rows(many)}, {"t", 2, Rows(many)}, {"t", 3, Rows(many)}, {"t", 4, Rows({4})}})});
  for (int64_t id = 2; id < 5; ++id) manifest = MustWrite(id, manifest, {Snapshot(0, 1, {{"t", static_cast<int>(id - 1), Rows({id})}})});
  EXPECT_FALSE(manifest.Files().contains(1)) << "24 MiB are kept for one row";
  EXPECT_THAT(MustRead(manifest, "t", 0, 1), ElementsAre(2, 3, 4, 4));
}

TEST(Manifest, NoTruncationOrGarbageIsAccepted) {
  Manifest manifest;
  manifest.operators["a"]["t"][5] = {{7, {8, 100, 1}, {108, 200, 2}, 3}};
  manifest.operators["a"]["p"][kNoKeyGroup] = {{7, {8, 100, 1}, {108, 200, 2}, 3}, {8, {8, 100, 1}, {108, 200, 2}, 3}};
  const std::string bytes = EncodeManifest(manifest);
  EXPECT_EQ(EncodeManifest(*DecodeManifest(bytes)), bytes);
  for (size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(DecodeManifest(bytes.substr(0, size)).ok()) << size;
  EXPECT_FALSE(DecodeManifest(bytes + "x").ok());
}

}  // namespace
}  // namespace firn::state
