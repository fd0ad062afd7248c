// SPDX-License-Identifier: Apache-2.0
// Which files a folder's table has, and which rows their bytes are.
#include "connect/filesystem_source.h"

#include <gmock/gmock.h>

#include "base/must.h"
#include "connect/filesystem.h"
#include "io/random.h"
#include "io/real_environment.h"
#include "plan/physical_plan.h"
#include "types/value_text.h"

namespace firn::connect {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using types::DataType;

class FilesystemSourceTest : public testing::Test {
 protected:
  FilesystemSourceTest() : folder_(testing::TempDir() + "firn-file-source-" + real_.environment().random.UuidText()) { Must(files().CreateDirectories(folder_)); }
  ~FilesystemSourceTest() override { (void)files().RemoveAll(folder_); }

  io::FileSystem& files() { return real_.environment().files; }
  void Put(const std::string& name, const std::string& bytes) {
    const std::string path = io::JoinPath(folder_, name);
    Must(files().CreateDirectories(io::ParentPath(path)));
    Must(files().WriteAtomically(path, bytes));
  }

  // Each row's cells with '|' between them.
  Result<std::vector<std::string>> Read(const std::vector<types::Field>& columns, const std::string& format = "csv", const std::vector<std::string>& partitioned_by = {}) {
    plan::TableDefinition table;
    table.path = {"c", "d", "t"};
    for (const types::Field& column : columns) table.columns.push_back({.name = column.name, .type = column.type});
    table.partitioned_by = partitioned_by;
    PartitionFolders partitions = Must(PartitionFolders::Make(table));
    formats::FormatSpec spec{format, {}, "UTC", {}, /*is_of_lines=*/true};
    for (const types::Field& column : columns) {
      if (!partitions.LevelOf(column.name)) spec.columns.push_back(column);
    }
    plan::ScanNode scan;
    scan.read_columns = columns;
    scan.metadata_keys.resize(columns.size());
    FIRN_TRY(auto source, MakeFilesystemSource(files(), {folder_, partitions, spec}, scan));
    std::vector<std::string> rows;
    while (true) {
      FIRN_TRY(exec::PollResult polled, source->Poll(0, 1000));
      for (int64_t row = 0; row < polled.rows.row_count; ++row) {
        std::string text;
        for (size_t i = 0; i < columns.size(); ++i) text += (i == 0 ? "" : "|") + Must(types::FormatCell(*polled.rows.columns[i], row, columns[i].type, "UTC"));
        rows.push_back(std::move(text));
      }
      if (polled.state == exec::PollState::kEnded) return rows;
    }
  }

  io::RealEnvironment real_ = Must(io::RealEnvironment::Make());
  const std::string folder_;
};

TEST_F(FilesystemSourceTest, FilesLieInFoldersAtAnyDepth) {
  for (const char* name : {"a.csv", "b/c.csv", "b/d/e.csv", "_mark.csv", ".part.csv", "b/_mark.csv", "_temporary/f.csv", ".staged/g.csv"}) Put(name, std::string(name) + "\n");
  EXPECT_THAT(Must(Read({{"s", DataType::String()}})), ElementsAre("a.csv", "b/c.csv", "b/d/e.csv"));
}

TEST_F(FilesystemSourceTest, PartitionsHoldFoldersToo) {
  for (const char* name : {"k=1/a.csv", "k=1/x/b.csv", "k=2/k=3/c.csv", "d.csv", "other/e.csv", "_k=4/f.csv"}) Put(name, std::string(name) + "\n");
  EXPECT_THAT(Must(Read({{"s", DataType::String()}, {"k", DataType::Int()}}, "csv", {"k"})), ElementsAre("k=1/a.csv|1", "k=1/x/b.csv|1", "k=2/k=3/c.csv|2"));
}

// As Flink reads them.
TEST_F(FilesystemSourceTest, LinesOfCsvEndInAllWaysAndEmptyOnesAreRows) {
  const std::vector<types::Field> text = {{"s", DataType::String()}};
  Put("a.csv", "\xEF\xBB\xBF" "a\n\nb\r\n\r\nc\rd\n");
  Put("b.csv", "");
  Put("c.csv", "\n");
  Put("d.csv", "\"x\r\ny\"\r");
  EXPECT_THAT(Must(Read(text)), ElementsAre("a", "", "b", "", "c", "d", "", "x\r\ny"));
}

TEST_F(FilesystemSourceTest, AByteOrderMarkIsNoPartOfARecord) {
  Put("a.json", "\xEF\xBB\xBF" "{\"s\":\"x\"}\n\n{\"s\":\"y\"}\r\n");
  EXPECT_THAT(Must(Read({{"s", DataType::String()}}, "json")), ElementsAre("x", "y"));
  EXPECT_THAT(Must(Read({{"s", DataType::String()}}, "raw"))[0], testing::StartsWith("\xEF\xBB\xBF"));
}

TEST_F(FilesystemSourceTest, PathsMayBeUris) {
  Put("a.csv", "x\n");
  const auto connector = MakeFilesystemConnector(real_.environment());
  for (const char* scheme : {"", "file:", "file://", "file://localhost"}) {
    auto table = std::make_shared<plan::TableDefinition>();
    table->path = {"c", "d", "t"};
    table->columns = {{.name = "s", .type = DataType::String()}};
    table->options = {{"connector", "filesystem"}, {"format", "csv"}, {"path", scheme + folder_}};
    plan::ScanNode scan;
    scan.table = table;
    scan.read_columns = {{"s", DataType::String()}};
    scan.metadata_keys = {""};
    const auto source = connector->MakeSource(scan, {});
    ASSERT_TRUE(source.ok()) << source.error().ToString();
    EXPECT_EQ(Must((*source)->Poll(0, 10)).rows.row_count, 1) << scheme;
    table->options["path"] = "s3://bucket/t";
    EXPECT_EQ(connector->DescribeSource(*table, true).error().code(), ErrorCode::kNotSupported);
  }
}

TEST_F(FilesystemSourceTest, FoldersWithoutEndAreAnError) {
  std::string name = "a.csv";
  for (int depth = 0; depth < 70; ++depth) name = "f/" + name;
  Put(name, "x\n");
  const auto rows = Read({{"s", DataType::String()}});
  ASSERT_FALSE(rows.ok());
  EXPECT_EQ(rows.error().code(), ErrorCode::kLimitExceeded);
  EXPECT_THAT(rows.error().message(), HasSubstr("is more than 64 folders below the table's"));
}

}  // namespace
}  // namespace firn::connect
