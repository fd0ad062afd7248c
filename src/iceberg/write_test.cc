// SPDX-License-Identifier: Apache-2.0
// Writing and committing: files, statistics, snapshots, conflicts, recovery.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cmath>
#include <set>

#include "iceberg/delete_reader.h"
#include "iceberg/table_scan.h"
#include "iceberg/metadata_files.h"
#include "iceberg/orphan_files.h"
#include "iceberg/test_table_internal.h"

namespace firn::iceberg {
namespace {

using testing::HasSubstr;
using types::DataType;

const std::vector<types::Field> kColumns = {{"id", DataType::BigInt()}, {"name", DataType::String()}, {"price", DataType::Double()}, {"ts", DataType::TimestampLtz(3)}};
constexpr int64_t kDay = 86'400'000'000;

types::Batch Rows(int64_t first, int64_t count) {
  std::vector<std::optional<int64_t>> ids, times;
  std::vector<std::optional<std::string>> names;
  std::vector<std::optional<double>> prices;
  for (int64_t i = first; i < first + count; ++i) {
    ids.push_back(i);
    names.push_back(i % 5 == 0 ? std::optional<std::string>() : "a rather long name number " + std::to_string(i));
    prices.push_back(i % 7 == 0 ? std::nan("") : static_cast<double>(i) / 2);
    times.push_back(19'000 * kDay + i * kDay / 4);
  }
  return MakeBatch(kColumns, {Longs(ids), Texts(names), Doubles(prices), Timestamps(times, "UTC")});
}

std::vector<ManifestEntry> LiveFiles(TestWarehouse& warehouse, const Table& table, ManifestContent content = ManifestContent::kData) {
  std::vector<ManifestEntry> live;
  if (table.metadata->current_snapshot() == nullptr) return live;
  for (const ManifestFile& manifest : Must(ReadManifestList(warehouse.store(), *table.metadata->current_snapshot()))) {
    if (manifest.content != content) continue;
    for (ManifestEntry& entry : Must(ReadManifest(warehouse.store(), *table.metadata, manifest))) {
      if (entry.status != EntryStatus::kDeleted) live.push_back(std::move(entry));
    }
  }
  return live;
}

int64_t LiveRows(TestWarehouse& warehouse, const Table& table) {
  int64_t rows = 0;
  for (const ManifestEntry& entry : LiveFiles(warehouse, table)) rows += entry.file.record_count;
  return rows;
}

TEST(HadoopCatalog, NamespacesAndTablesComeAndGo) {
  TestWarehouse warehouse;
  Catalog& catalog = warehouse.catalog();
  EXPECT_THAT(Must(catalog.ListNamespaces()), testing::ElementsAre("db"));
  EXPECT_EQ(catalog.CreateNamespace("db", {}).error().code(), ErrorCode::kObjectExists);
  EXPECT_EQ(catalog.CreateNamespace("a/b", {}).error().code(), ErrorCode::kInvalidDefinition);
  warehouse.Create("trades", kColumns);
  EXPECT_THAT(Must(catalog.ListTables("db")), testing::ElementsAre("trades"));
  EXPECT_EQ(catalog.DropNamespace("db").error().code(), ErrorCode::kNamespaceNotEmpty);
  auto missing = catalog.LoadTable({"db", "trade"});
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code(), ErrorCode::kTableNotFound);
  EXPECT_THAT(missing.error().candidates(), testing::ElementsAre("trades"));
  EXPECT_EQ(catalog.ListTables("dx").error().code(), ErrorCode::kDatabaseNotFound);
  CreateTableRequest again;
  again.schema = Must(SchemaFromSql(kColumns));
  EXPECT_EQ(catalog.CreateTable({"db", "trades"}, again).error().code(), ErrorCode::kObjectExists);
  EXPECT_EQ(catalog.RenameTable({"db", "trades"}, {"db", "t"}).error().code(), ErrorCode::kNotSupported);
  Must(catalog.DropTable({"db", "trades"}, true));
  Must(catalog.DropNamespace("db"));
  EXPECT_TRUE(Must(catalog.ListNamespaces()).empty());
}

TEST(HadoopCatalog, ALostOrWrongHintCostsNothing) {
  TestWarehouse warehouse;
  Table table = warehouse.Create("t", kColumns);
  for (int i = 0; i < 3; ++i) table = warehouse.Append(table, {Rows(i, 1)});
  EXPECT_THAT(table.metadata_location, HasSubstr("/metadata/v4.metadata.json"));
  const std::string hint = "file://" + warehouse.folder() + "/db/t/metadata/version-hint.text";
  EXPECT_EQ(Must(warehouse.store().Get(hint)), "4");
  for (const char* text : {"2", "x", ""}) {
    Must(warehouse.store().Put(hint, text, objectstore::PutMode::kReplace));
    EXPECT_EQ(warehouse.Load("t").metadata_location, table.metadata_location) << text;
  }
  Must(warehouse.store().Delete(hint));
  EXPECT_EQ(warehouse.Load("t").metadata_location, table.metadata_location);
  Must(warehouse.store().Put("file://" + warehouse.folder() + "/db/t/metadata/kept/v9.metadata.json", "{}", objectstore::PutMode::kReplace));
  EXPECT_EQ(warehouse.Load("t").metadata_location, table.metadata_location);
}

// Somebody has copied its folder; files have the names that they had.
TEST(HadoopCatalog, ACopiedTableIsCommittedWhereItIs) {
  TestWarehouse warehouse;
  const Table table = warehouse.Append(warehouse.Create("t", kColumns), {Rows(0, 10)});
  const std::string copy = warehouse.folder() + "/db/copy/metadata/";
  Must(warehouse.store().Put(copy + "v2.metadata.json", Must(warehouse.store().Get(table.metadata_location)), objectstore::PutMode::kIfAbsent));
  Must(warehouse.store().Put(copy + "version-hint.text", "2", objectstore::PutMode::kIfAbsent));
  warehouse.Append(warehouse.Load("copy"), {Rows(10, 5)});
  EXPECT_EQ(LiveRows(warehouse, warehouse.Load("copy")), 15);
  EXPECT_EQ(LiveRows(warehouse, warehouse.Load("t")), 10);
}

TEST(HadoopCatalog, AnOlderStateIsNotTakenForALostNewest) {
  TestWarehouse warehouse;
  Table table = warehouse.Create("t", kColumns);
  for (int i = 0; i < 2; ++i) table = warehouse.Append(table, {Rows(i, 1)});
  const std::string folder = "file://" + warehouse.folder() + "/db/t/metadata/";
  Must(warehouse.store().Delete(folder + "v1.metadata.json"));
  Must(warehouse.store().Put(folder + "version-hint.text", "1", objectstore::PutMode::kReplace));
  EXPECT_EQ(warehouse.Load("t").metadata_location, table.metadata_location);  // a hint behind, whose version was cleaned away
  Must(warehouse.store().Put(folder + "version-hint.text", "3", objectstore::PutMode::kReplace));
  Must(warehouse.store().Delete(folder + "v3.metadata.json"));
  auto lost = warehouse.catalog().LoadTable({"db", "t"});
  ASSERT_FALSE(lost.ok());
  EXPECT_EQ(lost.error().code(), ErrorCode::kInvalidMetadata);
  EXPECT_THAT(lost.error().message(), HasSubstr("/db/t/metadata/v3.metadata.json is not there"));
  CreateTableRequest again;
  again.schema = Must(SchemaFromSql(kColumns));
  EXPECT_EQ(warehouse.catalog().CreateTable({"db", "t"}, again).error().code(), ErrorCode::kInvalidMetadata);
}

TEST(TableWriter, StatisticsOfAFile) {
  TestWarehouse warehouse;
  const Table table = warehouse.Append(warehouse.Create("t", kColumns), {Rows(1, 100), Rows(101, 100)});
  const auto files = LiveFiles(warehouse, table);
  ASSERT_EQ(files.size(), 1u);
  const DataFile& file = files[0].file;
  EXPECT_EQ(file.record_count, 200);
  EXPECT_EQ(file.file_size_in_bytes, static_cast<int64_t>(Must(warehouse.store().Stat(file.file_path)).size_bytes));
  EXPECT_EQ(*file.value_counts.Find(1), 200);
  EXPECT_EQ(*file.null_value_counts.Find(2), 40);
  EXPECT_EQ(*file.nan_value_counts.Find(3), 28);
  EXPECT_EQ(file.nan_value_counts.Find(1), nullptr);
  EXPECT_EQ(Must(DecodeBound(Type::Of(TypeId::kLong), *file.upper_bounds.Find(1))), Literal(int64_t{200}));
  EXPECT_EQ(*file.lower_bounds.Find(2), "a rather long na");
  EXPECT_EQ(*file.upper_bounds.Find(2), "a rather long nb");
  EXPECT_EQ(Must(DecodeBound(Type::Of(TypeId::kDouble), *file.lower_bounds.Find(3))), Literal(0.5));
  ASSERT_EQ(file.split_offsets.size(), 1u);
  EXPECT_EQ(file.split_offsets[0], 4);
  EXPECT_EQ(files[0].sequence_number, 1);
  const auto& summary = table.metadata->current_snapshot()->summary;
  EXPECT_EQ(summary.at("operation"), "append");
  EXPECT_EQ(summary.at("total-records"), "200");
}

TEST(TableWriter, UpperBoundsOfCutTextAreNotLess) {
  const Type text = Type::Of(TypeId::kString);
  EXPECT_EQ(TruncateUpperBound(text, "abc", 3), "abc");
  EXPECT_EQ(TruncateUpperBound(text, "abcd", 3), "abd");
  EXPECT_EQ(TruncateUpperBound(text, "ab\x7fz", 3), "ab\xC2\x80");
  EXPECT_EQ(TruncateUpperBound(text, "a\xED\x9F\xBFz", 2), "a\xEE\x80\x80");          // U+D7FF -> U+E000
  EXPECT_EQ(TruncateUpperBound(text, "a\xF4\x8F\xBF\xBFz", 2), "b");                    // U+10FFFF has no successor
  EXPECT_EQ(TruncateUpperBound(text, "\xF4\x8F\xBF\xBFz", 1), std::nullopt);
  EXPECT_EQ(TruncateUpperBound(Type::Of(TypeId::kBinary), "\x01\xff\xff", 2), "\x02");
  EXPECT_EQ(TruncateUpperBound(Type::Of(TypeId::kBinary), "\xff\xff\xff", 2), std::nullopt);
}

TEST(TableWriter, FansOutByPartitionAndTellsWhereRowsAre) {
  TestWarehouse warehouse;
  const Table table = warehouse.Create("t", kColumns, {}, {"days(ts)", "bucket(3, id)"});
  auto writer = Must(TableWriter::Make(warehouse.store(), warehouse.random(), table.metadata, {.open_files_max = 4}));
  std::vector<RowLocation> locations;
  std::map<std::string, std::vector<int64_t>> expected;  // ids by path, in order
  for (int64_t first = 0; first < 300; first += 100) {
    Must(writer->Write(Rows(first, 100), &locations));
    for (int64_t i = 0; i < 100; ++i) {
      auto& ids = expected[writer->FileOf(locations[i].file).path];
      EXPECT_EQ(locations[i].position, static_cast<int64_t>(ids.size()));
      ids.push_back(first + i);
    }
  }
  WrittenFiles files;
  files.data_files = Must(writer->Finish());
  EXPECT_EQ(files.data_files.size(), expected.size());
  for (const DataFile& file : files.data_files) {
    const std::vector<int64_t>& ids = expected[file.file_path];
    EXPECT_EQ(file.record_count, static_cast<int64_t>(ids.size()));
    EXPECT_THAT(file.file_path, HasSubstr(PartitionPath(table.metadata->spec(), table.metadata->schema(), file.partition)));
    for (int64_t id : ids) {
      EXPECT_EQ(file.partition[0], Literal(static_cast<int32_t>(19'000 + id / 4)));
      EXPECT_EQ(file.partition[1], ApplyTransform(Transform::Bucket(3), Type::Of(TypeId::kLong), Literal(id)));
    }
  }
  auto decoded = DecodeWrittenFiles(*table.metadata, Must(EncodeWrittenFiles(*table.metadata, files)));
  ASSERT_TRUE(decoded.ok()) << decoded.error().ToString();
  EXPECT_EQ(decoded->data_files, files.data_files);
  EXPECT_TRUE(Must(writer->Finish()).empty());
}

TEST(TableWriter, RollsAtTheTargetSizeAndRefusesNullsInRequiredColumns) {
  TestWarehouse warehouse;
  Table table = warehouse.Create("t", kColumns, {"id"}, {}, {{"write.target-file-size-bytes", "20000"}, {"write.parquet.row-group-size-bytes", "10000"}});
  std::vector<types::Batch> batches;
  for (int64_t i = 0; i < 20; ++i) batches.push_back(Rows(i * 500, 500));
  table = warehouse.Append(table, batches);
  const auto files = LiveFiles(warehouse, table);
  EXPECT_GT(files.size(), 2u);
  EXPECT_GT(files[0].file.split_offsets.size(), 1u);
  EXPECT_EQ(LiveRows(warehouse, table), 10'000);
  auto writer = Must(TableWriter::Make(warehouse.store(), warehouse.random(), table.metadata));
  Status refused = writer->Write(MakeBatch(kColumns, {Longs({std::nullopt}), Texts({"a"}), Doubles({1}), Timestamps({1}, "UTC")}));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kNotNullViolation);
  EXPECT_THAT(refused.error().message(), HasSubstr("`id`"));
}

// A ROW that is NULL has no parts that could be missing; one that is there has.
TEST(TableWriter, PartsThatAreNotNullMayLackWithTheirRow) {
  TestWarehouse warehouse;
  const DataType inner = DataType::Row({{"x", DataType::Int().NotNull()}}).NotNull();
  const DataType row = DataType::Row({{"a", DataType::Int().NotNull()}, {"r", inner}, {"l", DataType::Array(DataType::Int().NotNull())}});
  const Table table = warehouse.Create("t", {{"r", row}});
  // NULL and (a, (x), NULL).
  const auto write = [&](std::optional<int32_t> a, std::optional<int32_t> x) {
    auto valid = std::shared_ptr<arrow::Buffer>(arrow::AllocateEmptyBitmap(2).ValueOrDie());
    valid->mutable_data()[0] = 2;
    auto inner_valid = std::shared_ptr<arrow::Buffer>(arrow::AllocateEmptyBitmap(2).ValueOrDie());
    inner_valid->mutable_data()[0] = 2;
    const auto inner_array = std::make_shared<arrow::StructArray>(inner.ToArrow(), 2, arrow::ArrayVector{Ints({std::nullopt, x})}, inner_valid);
    const auto lists = arrow::MakeArrayOfNull(arrow::list(arrow::int32()), 2).ValueOrDie();
    const auto rows = std::make_shared<arrow::StructArray>(row.ToArrow(), 2, arrow::ArrayVector{Ints({std::nullopt, a}), inner_array, lists}, valid);
    auto writer = Must(TableWriter::Make(warehouse.store(), warehouse.random(), table.metadata));
    return writer->Write(MakeBatch({{"r", row}}, {rows}));
  };
  const Status good = write(1, 2);
  EXPECT_TRUE(good.ok()) << good.error().ToString();
  EXPECT_EQ(write(std::nullopt, 2).error().code(), ErrorCode::kNotNullViolation);
  EXPECT_EQ(write(1, std::nullopt).error().code(), ErrorCode::kNotNullViolation);
}

TEST(SnapshotCommit, ATableThatWasMadeAnewIsNotTheOneThatWasWritten) {
  TestWarehouse warehouse;
  const Table base = warehouse.Create("t", kColumns);
  auto writer = Must(TableWriter::Make(warehouse.store(), warehouse.random(), base.metadata));
  Must(writer->Write(Rows(0, 10)));
  WrittenFiles files;
  files.data_files = Must(writer->Finish());
  SnapshotCommit commit = Must(SnapshotCommit::Make(warehouse.context(), *base.metadata, std::move(files)));
  Must(warehouse.catalog().DropTable(base.identifier, true));
  const Table anew = warehouse.Create("t", {{"other", DataType::Int()}});
  SnapshotCommit restored = Must(SnapshotCommit::FromBytes(warehouse.context(), commit.ToBytes()));
  for (SnapshotCommit* one : {&commit, &restored}) {
    const auto committed = CommitSnapshot(warehouse.catalog(), base.identifier, *one);
    ASSERT_FALSE(committed.ok());
    EXPECT_EQ(committed.error().code(), ErrorCode::kTableNotFound);
    EXPECT_THAT(committed.error().message(), HasSubstr(base.metadata->table_uuid));
  }
  EXPECT_EQ(warehouse.Load("t").metadata_location, anew.metadata_location);
}

TEST(SnapshotCommit, RebasesOnAnotherWritersCommit) {
  TestWarehouse warehouse;
  const Table base = warehouse.Create("t", kColumns);
  auto prepare = [&](int64_t first) {
    auto writer = Must(TableWriter::Make(warehouse.store(), warehouse.random(), base.metadata));
    Must(writer->Write(Rows(first, 10)));
    WrittenFiles files;
    files.data_files = Must(writer->Finish());
    return Must(SnapshotCommit::Make(warehouse.context(), *base.metadata, std::move(files)));
  };
  SnapshotCommit one = prepare(0);
  SnapshotCommit two = prepare(10);
  // Both built on the same base: the second publish loses and is rebased.
  PreparedCommit stale = Must(warehouse.catalog().PrepareCommit(base, Must(two.BuildOn(base))));
  Must(CommitSnapshot(warehouse.catalog(), base.identifier, one));
  EXPECT_EQ(Must(warehouse.catalog().PublishCommit(stale)).outcome, CommitOutcome::kConflict);
  const Table table = Must(CommitSnapshot(warehouse.catalog(), base.identifier, two));
  EXPECT_EQ(LiveRows(warehouse, table), 20);
  EXPECT_EQ(table.metadata->current_snapshot()->summary.at("total-records"), "20");
  EXPECT_EQ(table.metadata->last_sequence_number, 2);
  EXPECT_EQ(*table.metadata->current_snapshot()->parent_snapshot_id, one.snapshot_id());
  // Carried out again after a crash: it is found, not repeated.
  SnapshotCommit restored = Must(SnapshotCommit::FromBytes(warehouse.context(), two.ToBytes()));
  const Table again = Must(CommitSnapshot(warehouse.catalog(), base.identifier, restored));
  EXPECT_EQ(again.metadata_location, table.metadata_location);
}

TEST(SnapshotCommit, ACommitFromBytesIsTheSameCommit) {
  TestWarehouse warehouse;
  const Table base = warehouse.Create("t", kColumns, {}, {"days(ts)"});
  auto writer = Must(TableWriter::Make(warehouse.store(), warehouse.random(), base.metadata));
  Must(writer->Write(Rows(0, 40)));
  WrittenFiles files;
  files.data_files = Must(writer->Finish());
  const std::string bytes = Must(SnapshotCommit::Make(warehouse.context(), *base.metadata, files, {.summary = CheckpointSummary("j1", "s1", 7)})).ToBytes();
  SnapshotCommit commit = Must(SnapshotCommit::FromBytes(warehouse.context(), bytes));
  const Table table = Must(CommitSnapshot(warehouse.catalog(), base.identifier, commit));
  EXPECT_EQ(LiveRows(warehouse, table), 40);
  EXPECT_EQ(table.metadata->current_snapshot()->summary.at("changed-partition-count"), "10");
  const auto found = FindCommit(*table.metadata, "j1", "s1");
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->checkpoint_id, 7);
  EXPECT_EQ(found->snapshot_id, commit.snapshot_id());
  EXPECT_FALSE(FindCommit(*table.metadata, "j1", "s2").has_value());
  EXPECT_FALSE(SnapshotCommit::FromBytes(warehouse.context(), "{}").ok());
}

TEST(SnapshotCommit, OverwritesPartitionsOrTheTable) {
  TestWarehouse warehouse;
  Table table = warehouse.Create("t", kColumns, {}, {"days(ts)"});
  table = warehouse.Append(table, {Rows(0, 40)});
  table = warehouse.Append(table, {Rows(0, 2)}, {.mode = SnapshotMode::kOverwritePartitions});  // one day of ten, which had four rows
  EXPECT_EQ(LiveRows(warehouse, table), 38);
  EXPECT_EQ(table.metadata->current_snapshot()->summary.at("deleted-records"), "4");
  EXPECT_EQ(table.metadata->current_snapshot()->summary.at("total-records"), "38");
  EXPECT_EQ(table.metadata->current_snapshot()->operation(), "overwrite");
  table = warehouse.Append(table, {Rows(100, 3)}, {.mode = SnapshotMode::kOverwriteTable});
  EXPECT_EQ(LiveRows(warehouse, table), 3);
  EXPECT_EQ(table.metadata->current_snapshot()->summary.at("total-data-files"), "1");
}

// Two upserts of the key 4 and one that deletes the key 5, prepared on the same table, which somebody rewrites before they commit.
TEST(SnapshotCommit, UpsertsReplaceRowsByKeyWhereverTheyAre) {
  TestWarehouse warehouse;
  Table table = warehouse.Create("t", kColumns, {"id"});
  table = warehouse.Append(table, {Rows(0, 10)});
  const TableVersion known = VersionOf(*table.metadata);
  auto upsert = [&](std::vector<types::Batch> rows, std::vector<std::string> deleted, const std::string& job) {
    auto writer = Must(TableWriter::Make(warehouse.store(), warehouse.random(), table.metadata));
    for (const types::Batch& batch : rows) Must(writer->Write(batch));
    WrittenFiles files;
    files.data_files = Must(writer->Finish());
    files.known = known;
    files.deleted_keys = std::move(deleted);
    files = Must(DecodeWrittenFiles(*table.metadata, Must(EncodeWrittenFiles(*table.metadata, files))));
    EXPECT_EQ(files.known, known);
    return Must(SnapshotCommit::Make(warehouse.context(), *table.metadata, std::move(files), {.summary = CheckpointSummary(job, "s", 1), .key_ids = {1}})).ToBytes();
  };
  const std::string one = upsert({Rows(4, 1)}, {}, "one");
  const std::string two = upsert({Rows(4, 1)}, EncodeRowKeys({Longs({5})}, 1), "two");
  const std::string nothing = upsert({}, EncodeRowKeys({Longs({77})}, 1), "three");
  table = warehouse.Append(table, {Rows(0, 10)}, {.mode = SnapshotMode::kOverwriteTable});
  auto commit = [&](const std::string& bytes) {
    SnapshotCommit made = Must(SnapshotCommit::FromBytes(warehouse.context(), bytes));
    table = Must(CommitSnapshot(warehouse.catalog(), table.identifier, made));
    return made.snapshot_id();
  };
  commit(one);
  EXPECT_EQ(LiveRows(warehouse, table), 11);
  EXPECT_EQ(table.metadata->current_snapshot()->operation(), "overwrite");
  EXPECT_EQ(table.metadata->current_snapshot()->summary.at("added-position-deletes"), "1");
  const int64_t last = commit(two);
  EXPECT_EQ(table.metadata->current_snapshot()->summary.at("added-position-deletes"), "2") << "the key 5 of the rewritten file, and one's row";
  commit(nothing);
  EXPECT_EQ(table.metadata->current_snapshot_id, last) << "no empty snapshot";
  std::vector<int64_t> ids;
  Must(ScanKeys(warehouse.store(), table.metadata, {1}, {}, [&](const types::Batch& keys, const DataFile&, const types::ArrayPtr&) -> Status {
    for (int64_t row = 0; row < keys.row_count; ++row) ids.push_back(static_cast<const arrow::Int64Array&>(*keys.columns[0]).Value(row));
    return Ok();
  }));
  EXPECT_THAT(ids, testing::UnorderedElementsAre(0, 1, 2, 3, 4, 6, 7, 8, 9));
}

TEST(SnapshotCommit, ManySmallManifestsAreMerged) {
  TestWarehouse warehouse;
  Table table = warehouse.Create("t", kColumns, {}, {}, {{"commit.manifest.min-count-to-merge", "5"}});
  for (int64_t i = 0; i < 23; ++i) table = warehouse.Append(table, {Rows(i * 10, 10)});
  const auto manifests = Must(ReadManifestList(warehouse.store(), *table.metadata->current_snapshot()));
  EXPECT_LE(manifests.size(), 6u);
  EXPECT_EQ(LiveRows(warehouse, table), 230);
  std::set<int64_t> sequence_numbers;
  for (const ManifestEntry& entry : LiveFiles(warehouse, table)) sequence_numbers.insert(*entry.sequence_number);
  EXPECT_EQ(sequence_numbers.size(), 23u);  // each file keeps its own
}

TEST(SnapshotCommit, HistoryIsBoundedAndItsFilesGo) {
  TestWarehouse warehouse;
  Table table = warehouse.Create("t", kColumns, {}, {}, {{"firn.history.max-snapshots", "5"}, {"commit.manifest.min-count-to-merge", "3"}});
  const SnapshotCommitOptions by_job{.summary = CheckpointSummary("job", "sink", 1)};
  for (int64_t i = 0; i < 12; ++i) table = warehouse.Append(table, {Rows(i, 1)}, by_job);
  EXPECT_EQ(table.metadata->snapshots.size(), 5u);
  EXPECT_EQ(LiveRows(warehouse, table), 12);
  // Every manifest list of the past is gone, and every manifest that only it reached.
  std::set<std::string> reached;
  for (const Snapshot& snapshot : table.metadata->snapshots) {
    reached.insert(snapshot.manifest_list);
    for (const ManifestFile& manifest : Must(ReadManifestList(warehouse.store(), snapshot))) reached.insert(manifest.manifest_path);
  }
  for (const objectstore::ObjectInfo& object : Must(warehouse.store().List(MetadataLocation(*table.metadata)))) {
    EXPECT_TRUE(!object.location.ends_with(".avro") || reached.contains(object.location)) << object.location;
  }
  // What an overwrite takes out stays while a snapshot reaches it, and goes with the last one.
  table = warehouse.Append(table, {Rows(100, 1)}, {.mode = SnapshotMode::kOverwriteTable, .summary = by_job.summary});
  EXPECT_EQ(Must(warehouse.store().List(DataLocation(*table.metadata))).size(), 13u);
  for (int64_t i = 0; i < 5; ++i) table = warehouse.Append(table, {Rows(i, 1)}, by_job);
  EXPECT_EQ(Must(warehouse.store().List(DataLocation(*table.metadata))).size(), 6u);
  EXPECT_EQ(LiveRows(warehouse, table), 6);
}

// A manifest may name any file: one of another table that was added as it is, or one that has nothing to do with tables.
TEST(SnapshotCommit, OnlyTheTablesOwnFilesGoWithItsHistory) {
  TestWarehouse warehouse;
  for (const char* collects : {"true", "false"}) {
    const std::string suffix = collects;
    const Table lender = warehouse.Append(warehouse.Create("lender_" + suffix, kColumns), {Rows(0, 1)});
    Table table = warehouse.Create("t_" + suffix, kColumns, {}, {}, {{"firn.history.max-snapshots", "2"}, {"gc.enabled", collects}});
    WrittenFiles lent;
    lent.data_files = {LiveFiles(warehouse, lender).at(0).file};
    SnapshotCommit commit = Must(SnapshotCommit::Make(warehouse.context(), *table.metadata, lent, {.summary = CheckpointSummary("job", "sink", 1)}));
    table = Must(CommitSnapshot(warehouse.catalog(), table.identifier, commit));
    const SnapshotCommitOptions overwrite{.mode = SnapshotMode::kOverwriteTable, .summary = CheckpointSummary("job", "sink", 1)};
    for (int64_t i = 1; i < 6; ++i) table = warehouse.Append(table, {Rows(i, 1)}, overwrite);
    EXPECT_EQ(table.metadata->snapshots.size(), 2u);
    EXPECT_EQ(LiveRows(warehouse, table), 1);
    EXPECT_EQ(LiveRows(warehouse, lender), 1);
    EXPECT_TRUE(Must(warehouse.store().Exists(lent.data_files[0].file_path)));
    EXPECT_EQ(Must(warehouse.store().List(DataLocation(*table.metadata))).size(), suffix == "true" ? 2u : 5u);
  }
}

// cp -r of a table, of a whole warehouse, or a backup that was put back elsewhere: the copy's metadata names the files of the original, which names them too.
TEST(SnapshotCommit, ACopyTakesNoFileOfTheOriginal) {
  TestWarehouse warehouse;
  const std::string job = "0123456789abcdef0123456789abcdef";
  const SnapshotCommitOptions by_job{.mode = SnapshotMode::kOverwriteTable, .summary = CheckpointSummary(job, "sink", 1)};
  Table original = warehouse.Create("t", kColumns, {}, {}, {{"firn.history.max-snapshots", "3"}});
  for (int64_t i = 0; i < 3; ++i) original = warehouse.Append(original, {Rows(i, 1)}, by_job);
  const std::string from = warehouse.folder() + "/db/t/metadata", to = warehouse.folder() + "/db/copy/metadata";
  for (const objectstore::ObjectInfo& object : Must(warehouse.store().List(from))) {
    Must(warehouse.store().Put(to + object.location.substr(from.size()), Must(warehouse.store().Get(object.location)), objectstore::PutMode::kReplace));
  }
  // What the original's job writes goes on under the same id, and the copy does not name it.
  const std::string later = DataLocation(*original.metadata) + "/00000-" + FileOwner{job, 9}.ToString() + "-11111111-2222-3333-4444-555555555555-00000.parquet";
  Must(warehouse.store().Put(later, "x", objectstore::PutMode::kReplace));
  const std::vector<objectstore::ObjectInfo> before = Must(warehouse.store().List(warehouse.folder() + "/db/t"));
  Table copy = warehouse.Load("copy");
  for (int64_t i = 0; i < 6; ++i) copy = warehouse.Append(copy, {Rows(10 + i, 1)}, by_job);
  EXPECT_EQ(copy.metadata->snapshots.size(), 3u) << "its history is bounded all the same";
  EXPECT_EQ(Must(RemoveOrphans(warehouse.store(), copy, {job, 1})), 0);
  for (const objectstore::ObjectInfo& object : before) EXPECT_TRUE(Must(warehouse.store().Exists(object.location))) << object.location;
  EXPECT_EQ(LiveRows(warehouse, warehouse.Load("t")), 1);
  // The same place in another spelling is no copy.
  TableMetadata spelled = *original.metadata;
  spelled.location = "file:" + warehouse.folder() + "/db/t";
  EXPECT_TRUE(OwnsItsFolders({original.identifier, original.metadata_location, std::make_shared<const TableMetadata>(std::move(spelled))}));
  EXPECT_FALSE(OwnsItsFolders(copy));
}

TEST(SnapshotCommit, ACommitWhoseSnapshotWasExpiredIsNotMadeAgain) {
  TestWarehouse warehouse;
  Table table = warehouse.Create("t", kColumns, {}, {}, {{"firn.history.max-snapshots", "2"}});
  auto writer = Must(TableWriter::Make(warehouse.store(), warehouse.random(), table.metadata));
  Must(writer->Write(Rows(0, 10)));
  WrittenFiles files;
  files.data_files = Must(writer->Finish());
  const std::string bytes = Must(SnapshotCommit::Make(warehouse.context(), *table.metadata, std::move(files), {.summary = CheckpointSummary("one", "s", 1)})).ToBytes();
  SnapshotCommit first = Must(SnapshotCommit::FromBytes(warehouse.context(), bytes));
  Must(CommitSnapshot(warehouse.catalog(), table.identifier, first));
  for (int i = 1; i < 5; ++i) warehouse.Append(warehouse.Load("t"), {Rows(100 * i, 1)}, {.summary = CheckpointSummary("other", "s", i)});
  // The job did not hear of its commit, and comes back when others' commits have pushed it out of the history.
  SnapshotCommit again = Must(SnapshotCommit::FromBytes(warehouse.context(), bytes));
  (void)CommitSnapshot(warehouse.catalog(), table.identifier, again).ok();
  EXPECT_EQ(LiveRows(warehouse, warehouse.Load("t")), 14);
}

TEST(SnapshotCommit, ExpiryKeepsWhatOthersNeed) {
  TestWarehouse warehouse;
  Table table = warehouse.Create("t", kColumns, {}, {}, {{"firn.history.max-snapshots", "2"}});
  for (int64_t i = 0; i < 4; ++i) table = warehouse.Append(table, {Rows(i, 1)});
  EXPECT_EQ(table.metadata->snapshots.size(), 4u) << "another writer's history is not ours to cut";
  const int64_t tagged = table.metadata->snapshots[1].snapshot_id;
  const TableChange change{{}, {SetSnapshotRef{"keep", {tagged, RefType::kTag}}, SetProperties{{{"history.expire.max-snapshot-age-ms", "0"}, {"history.expire.min-snapshots-to-keep", "2"}}}}};
  table = Must(warehouse.catalog().CommitTable(table.identifier, change)).table;
  table = warehouse.Append(table, {Rows(9, 1)});
  std::vector<int64_t> left;
  for (const Snapshot& snapshot : table.metadata->snapshots) left.push_back(snapshot.snapshot_id);
  EXPECT_EQ(left.size(), 4u) << "only what is older than the tag goes";
  EXPECT_EQ(left[0], tagged);
}

TEST(HadoopCatalog, PropertiesChangeAndOldMetadataGoes) {
  TestWarehouse warehouse;
  Table table = warehouse.Create("t", kColumns, {}, {}, {{"write.metadata.previous-versions-max", "2"}, {"write.metadata.delete-after-commit.enabled", "true"},
                                                         {"write.metadata.compression-codec", "gzip"}});
  for (int i = 0; i < 6; ++i) {
    CommitResult result = Must(warehouse.catalog().CommitTable(table.identifier, {{AssertTableUuid{table.metadata->table_uuid}}, {SetProperties{{{"k", std::to_string(i)}}}}}));
    ASSERT_EQ(result.outcome, CommitOutcome::kCommitted);
  }
  table = warehouse.Load("t");
  EXPECT_EQ(table.metadata->properties.at("k"), "5");
  EXPECT_EQ(table.metadata->metadata_log.size(), 2u);
  int metadata_files = 0;
  for (const auto& object : Must(warehouse.store().List(table.metadata->location))) metadata_files += object.location.ends_with(".gz.metadata.json");
  EXPECT_EQ(metadata_files, 3);
  TableMetadata before = *table.metadata, after = before;
  const std::string own = MetadataLocation(before) + "/v1.gz.metadata.json";
  before.metadata_log = {{1, own}, {2, "file:///somebody/else.json"}, {3, MetadataLocation(before) + "/../../other/v1.metadata.json"}};
  after.metadata_log.clear();
  EXPECT_THAT(ObsoleteMetadataFiles(before, after), testing::ElementsAre(own)) << "whatever the log names, others' files stay";
  CommitResult refused = Must(warehouse.catalog().CommitTable(table.identifier, {{AssertTableUuid{"other"}}, {}}));
  EXPECT_EQ(refused.outcome, CommitOutcome::kConflict);
  EXPECT_THAT(refused.reason, HasSubstr("Requirement failed: UUID does not match"));
}

TEST(SqlTypes, MapBothWaysAndRefuse) {
  auto schema = Must(SchemaFromSql({{"a", DataType::TinyInt()}, {"m", DataType::Map(DataType::String().NotNull(), DataType::Array(DataType::Decimal(9, 2)))},
                                    {"r", DataType::Row({{"x", DataType::Time(3)}, {"y", DataType::Binary(4).NotNull()}})}}));
  EXPECT_EQ(Must(SqlSchemaOf(schema))->field(1).type.ToString(), "MAP<STRING NOT NULL, ARRAY<DECIMAL(9, 2)>>");
  EXPECT_EQ(Must(SqlSchemaOf(schema))->field(2).type.ToString(), "ROW<`x` TIME(3), `y` BINARY(4) NOT NULL>");
  EXPECT_EQ(SchemaFromSql({{"i", DataType::IntervalDayTime()}}).error().code(), ErrorCode::kNotSupported);
  EXPECT_EQ(SchemaFromSql({{"t", DataType::Timestamp(9)}}).error().code(), ErrorCode::kNotSupported);
  EXPECT_EQ(SchemaFromSql({{"d", DataType::Double()}}, {"d"}).error().code(), ErrorCode::kInvalidMetadata);
}

}  // namespace
}  // namespace firn::iceberg
