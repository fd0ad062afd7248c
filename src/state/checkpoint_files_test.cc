// SPDX-License-Identifier: Apache-2.0
#include "state/checkpoint_files.h"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "base/error_render.h"
#include "io/simulated_environment.h"

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

// Rows of one key group: all it has, or changes.
TableRows Whole(const std::string& table, uint8_t group, const std::vector<int64_t>& values) {
  return {table, true, {Rows(values), std::vector<uint8_t>(values.size(), group), KeyGroupSet().set(group)}};
}
TableRows Changes(const std::string& table, uint8_t group, const std::vector<int64_t>& values) {
  return {table, true, {Rows(values), std::vector<uint8_t>(values.size(), group), {}}};
}
TableRows Keyless(const std::string& table, const std::vector<int64_t>& values) { return {table, false, {Rows(values), {}, {}}}; }

class CheckpointFilesTest : public testing::Test {
 protected:
  CheckpointFilesTest() : environment_(world_.environment()), directory_("state"), files_(environment_.files, directory_) {}

  LaneSnapshot Snapshot(int lane, int parallelism, std::vector<TableRows> tables) { return {"Op-1", lane, parallelism, std::move(tables)}; }
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
    auto status = reader->Read(table, schema, [&](const types::Batch& rows) -> Status {
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

  io::SimulatedEnvironment world_{7};
  io::Environment environment_;
  std::string directory_;
  CheckpointFiles files_;
};

TEST_F(CheckpointFilesTest, UnchangedGroupsStayInOlderFilesAndUnreferencedFilesGo) {
  Manifest first = MustWrite(1, {}, {Snapshot(0, 1, {Whole("t", 3, {1, 2}), Whole("t", 100, {9})})});
  Manifest second = MustWrite(2, first, {Snapshot(0, 1, {Whole("t", 3, {7})})});
  EXPECT_THAT(MustRead(second, "t", 0, 1), ElementsAre(9, 7));
  EXPECT_THAT(MustRead(first, "t", 0, 1), ElementsAre(1, 2, 9));
  ASSERT_TRUE(files_.RemoveUnreferenced(second).ok());
  EXPECT_THAT(FileNames(), ElementsAre("1.state", "2.state"));
  Manifest third = MustWrite(3, second, {Snapshot(0, 1, {Whole("t", 100, {})})});
  ASSERT_TRUE(files_.RemoveUnreferenced(third).ok());
  EXPECT_THAT(FileNames(), ElementsAre("2.state"));
  EXPECT_THAT(MustRead(third, "t", 0, 1), ElementsAre(7));
}

TEST_F(CheckpointFilesTest, GroupsGoToTheLaneThatOwnsThemAtAnyParallelism) {
  Manifest manifest = MustWrite(1, {}, {Snapshot(0, 2, {Whole("t", 0, {1}), Whole("t", 63, {2}), Keyless("p", {10})}),
                                        Snapshot(1, 2, {Whole("t", 64, {3}), Whole("t", 127, {4}), Keyless("p", {11})})});
  EXPECT_THAT(MustRead(manifest, "t", 0, 1), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(MustRead(manifest, "t", 0, 4), ElementsAre(1));
  EXPECT_THAT(MustRead(manifest, "t", 1, 4), ElementsAre(2));
  EXPECT_THAT(MustRead(manifest, "t", 3, 4), ElementsAre(4));
  EXPECT_THAT(MustRead(manifest, "p", 0, 4), UnorderedElementsAre(10, 11));
  // At another parallelism the keyless rows are replaced by what the new lanes write.
  Manifest narrower = MustWrite(2, manifest, {Snapshot(0, 1, {Keyless("p", {12})})});
  EXPECT_THAT(MustRead(narrower, "p", 0, 1), ElementsAre(12));
  EXPECT_THAT(MustRead(narrower, "t", 0, 1), ElementsAre(1, 2, 3, 4));
}

TEST_F(CheckpointFilesTest, ChangesComeBehindWhatWasStoredAndAWholeGroupInTheirPlace) {
  Manifest manifest = MustWrite(1, {}, {Snapshot(0, 1, {Whole("t", 3, {1, 2})})});
  manifest = MustWrite(2, manifest, {Snapshot(0, 1, {Changes("t", 3, {3})})});
  manifest = MustWrite(3, manifest, {Snapshot(0, 1, {Changes("t", 90, {9})})});
  EXPECT_THAT(MustRead(manifest, "t", 0, 1), ElementsAre(1, 2, 3, 9));
  EXPECT_THAT(MustRead(manifest, "t", 0, 2), ElementsAre(1, 2, 3));
  manifest = MustWrite(4, manifest, {Snapshot(0, 1, {Whole("t", 3, {7})})});
  EXPECT_THAT(MustRead(manifest, "t", 0, 1), ElementsAre(9, 7));
  ASSERT_TRUE(files_.RemoveUnreferenced(manifest).ok());
  EXPECT_THAT(FileNames(), ElementsAre("3.state", "4.state"));
  manifest = MustWrite(5, manifest, {Snapshot(0, 1, {Whole("t", 3, {}), Whole("u", 90, {})})});
  EXPECT_THAT(MustRead(manifest, "t", 0, 1), ElementsAre(9));
}

TEST_F(CheckpointFilesTest, TheKeyGroupOfARowCanBeAskedFor) {
  const Manifest manifest = MustWrite(1, {}, {Snapshot(0, 1, {{"t", true, {Rows({1, 2, 3}), {5, 127, 5}, KeyGroupSet()}}})});
  std::vector<int> groups;
  const types::SchemaPtr schema = types::MakeSchema({{std::string(kKeyGroupColumn), types::DataType::TinyInt()}});
  const auto visit = [&](const types::Batch& rows) -> Status {
    for (int64_t row = 0; row < rows.row_count; ++row) groups.push_back(static_cast<const arrow::Int8Array&>(*rows.columns[0]).Value(row));
    return Ok();
  };
  ASSERT_TRUE(files_.Read(manifest, "Op-1", 0, 1)->Read("t", schema, visit).ok());
  EXPECT_THAT(groups, ElementsAre(5, 127, 5));
}

// Against a map: lanes write changes and whole groups at random, at changing parallelism; a row n sets key n / 1000 (which lies in key group key % 128).
TEST_F(CheckpointFilesTest, AnySequenceOfCheckpointsReadsBackAsTheLastValueOfEachKey) {
  std::mt19937 random(17);
  std::map<int64_t, int64_t> expected;
  Manifest manifest;
  size_t most_runs = 0;
  for (int64_t id = 1; id <= 600; ++id) {
    const int parallelism = 1 + static_cast<int>(random() % 3);
    std::vector<KeyedRows> lanes(static_cast<size_t>(parallelism));
    std::vector<std::vector<int64_t>> values(lanes.size());
    const auto add = [&](int64_t key) {
      const int group = static_cast<int>(key % kKeyGroups);
      const auto lane = static_cast<size_t>(LaneOfKeyGroup(group, parallelism));
      lanes[lane].groups.push_back(static_cast<uint8_t>(group));
      values[lane].push_back(expected.at(key));
    };
    std::set<int64_t> changed;
    for (uint32_t i = random() % (id % 50 == 0 ? 400 : 5); i > 0; --i) {
      const int64_t key = random() % 500;
      expected[key] = key * 1000 + id;
      changed.insert(key);
    }
    const auto whole = static_cast<size_t>(random() % 300);
    for (int64_t key : changed) {
      if (static_cast<size_t>(key % kKeyGroups) != whole) add(key);
    }
    if (whole < static_cast<size_t>(kKeyGroups)) {
      lanes[static_cast<size_t>(LaneOfKeyGroup(static_cast<int>(whole), parallelism))].replaced.set(whole);
      for (const auto& [key, value] : expected) {
        if (static_cast<size_t>(key % kKeyGroups) == whole) add(key);
      }
    }
    std::vector<LaneSnapshot> snapshots;
    for (size_t lane = 0; lane < lanes.size(); ++lane) {
      lanes[lane].rows = Rows(values[lane]);
      snapshots.push_back(Snapshot(static_cast<int>(lane), parallelism, {{"t", true, std::move(lanes[lane])}}));
    }
    manifest = MustWrite(id, manifest, snapshots);
    ASSERT_TRUE(files_.RemoveUnreferenced(manifest).ok());
    most_runs = std::max(most_runs, manifest.operators["Op-1"]["t"].size());
    if (id % 20 != 0) continue;
    std::map<int64_t, int64_t> seen;
    const int readers = 1 + static_cast<int>(random() % 4);
    for (int lane = 0; lane < readers; ++lane) {
      for (int64_t value : MustRead(manifest, "t", lane, readers)) {
        EXPECT_EQ(LaneOfKeyGroup(static_cast<int>(value / 1000 % kKeyGroups), readers), lane);
        seen[value / 1000] = value;
      }
    }
    ASSERT_EQ(seen, expected) << "checkpoint " << id;
  }
  EXPECT_LE(most_runs, 4 * kRunsMerged);
  EXPECT_LE(manifest.Files().size(), most_runs);
}

TEST_F(CheckpointFilesTest, RunsOfDifferentColumnsStayApart) {
  Manifest manifest;
  for (int64_t id = 1; id <= 40; ++id) {
    TableRows rows = Changes("t", 3, {id});
    if (id > 6) {  // a newer program has added a column
      rows.keyed.rows.schema = types::MakeSchema({{"n", types::DataType::BigInt()}, {"m", types::DataType::BigInt()}});
      rows.keyed.rows.columns.push_back(rows.keyed.rows.columns[0]);
    }
    manifest = MustWrite(id, manifest, {Snapshot(0, 1, {std::move(rows)})});
  }
  const std::vector<int64_t> values = MustRead(manifest, "t", 0, 1);
  ASSERT_EQ(values.size(), 40u);
  EXPECT_TRUE(std::is_sorted(values.begin(), values.end()));
  EXPECT_LT(manifest.operators["Op-1"]["t"].size(), 6 + 2 * kRunsMerged);
}

TEST_F(CheckpointFilesTest, ColumnsComeByNameAndAnotherTypeIsRefused) {
  Manifest manifest = MustWrite(1, {}, {Snapshot(0, 1, {Whole("t", 3, {5})})});
  auto reader = files_.Read(manifest, "Op-1", 0, 1);
  const auto wider = types::MakeSchema({{"added", types::DataType::String()}, {"n", types::DataType::BigInt()}});
  int64_t seen = 0;
  ASSERT_TRUE(reader->Read("t", wider, [&](const types::Batch& rows) -> Status {
                      seen += rows.row_count;
                      EXPECT_TRUE(rows.columns[0]->IsNull(0));
                      return Ok();
                    }).ok());
  EXPECT_EQ(seen, 1);
  auto status = reader->Read("t", types::MakeSchema({{"n", types::DataType::String()}}), [](const types::Batch&) { return Ok(); });
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(base::RenderError(status.error()),
            "error[E3005]: column `n` of the stored state `t` is int64; the query now needs string\n   = more: firn explain E3005\n");
}

TEST_F(CheckpointFilesTest, AFlippedBitIsFound) {
  Manifest manifest = MustWrite(1, {}, {Snapshot(0, 1, {Whole("t", 3, {5, 6, 7})})});
  const std::string path = io::JoinPath(directory_, "1.state");
  std::string bytes = *environment_.files.ReadAll(path);
  for (size_t position : {bytes.size() - 3, bytes.size() / 2}) {
    std::string damaged = bytes;
    damaged[position] = static_cast<char>(damaged[position] ^ 0x10);
    ASSERT_TRUE(environment_.files.WriteAtomically(path, damaged).ok());
    auto status = files_.Read(manifest, "Op-1", 0, 1)->Read("t", types::MakeSchema({{"n", types::DataType::BigInt()}}),
                                                           [](const types::Batch&) { return Ok(); });
    ASSERT_FALSE(status.ok()) << "position " << position;
    EXPECT_EQ(status.error().code(), ErrorCode::kCorruption);
  }
  ASSERT_TRUE(environment_.files.WriteAtomically(path, bytes.substr(0, 20)).ok());
  EXPECT_FALSE(files_.Read(manifest, "Op-1", 0, 1)->Read("t", types::MakeSchema({{"n", types::DataType::BigInt()}}),
                                                         [](const types::Batch&) { return Ok(); }).ok());
}

TEST_F(CheckpointFilesTest, ThinnedOutFilesAreCarriedOver) {
  const std::vector<int64_t> many(1 << 20, 42);  // 8 MiB a group
  LaneSnapshot first = Snapshot(0, 1, {});
  for (uint8_t group = 0; group < 6; ++group) first.tables.push_back(Whole(group == 5 ? "u" : "t", group, group == 5 ? std::vector<int64_t>{4} : many));
  Manifest manifest = MustWrite(1, {}, {first});
  for (int64_t id = 2; id < 7; ++id) manifest = MustWrite(id, manifest, {Snapshot(0, 1, {Whole("t", static_cast<uint8_t>(id - 2), {id})})});
  EXPECT_FALSE(manifest.Files().contains(1)) << "40 MiB are kept for one row";
  EXPECT_THAT(MustRead(manifest, "t", 0, 1), ElementsAre(2, 3, 4, 5, 6));
  EXPECT_THAT(MustRead(manifest, "u", 0, 1), ElementsAre(4));
}

TEST(Manifest, NoTruncationOrGarbageIsAccepted) {
  Manifest manifest;
  manifest.operators["a"]["t"] = {{7, {8, 100, 1}, {108, 200, 2}, 3, 2, KeyGroupSet().set(5).set(127)}, {9, {8, 100, 1}, {108, 200, 2}, 3, 1, KeyGroupSet().set(0)}};
  manifest.operators["a"]["p"] = {{7, {8, 100, 1}, {108, 200, 2}, 3, 0, {}}, {8, {8, 100, 1}, {108, 200, 2}, 3, 0, {}}};
  const std::string bytes = EncodeManifest(manifest);
  EXPECT_EQ(EncodeManifest(*DecodeManifest(bytes)), bytes);
  EXPECT_EQ(DecodeManifest(bytes)->operators["a"]["t"][0].live, KeyGroupSet().set(5).set(127));
  for (size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(DecodeManifest(bytes.substr(0, size)).ok()) << size;
  EXPECT_FALSE(DecodeManifest(bytes + "x").ok());
}

TEST(Manifest, AnotherLayoutIsRefusedByName) {
  const auto old = DecodeManifest(std::string("\x01\x00", 2));
  ASSERT_FALSE(old.ok());
  EXPECT_EQ(old.error().code(), ErrorCode::kStateIncompatible);
}

}  // namespace
}  // namespace firn::state
