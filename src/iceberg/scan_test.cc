// SPDX-License-Identifier: Apache-2.0
// Reading: rows equal a model after random appends, updates and deletes; pruning skips and never loses; time travel; deletion vectors.
#include <arrow/array.h>
#include <arrow/extension_type.h>
#include <arrow/record_batch.h>
#include <gmock/gmock.h>

#include <limits>
#include <numeric>
#include <random>

#include "formats/block_codec.h"
#include "iceberg/deletion_vector.h"
#include "iceberg/projection.h"
#include "iceberg/storage_arrays.h"
#include "iceberg/table_scan.h"
#include "iceberg/test_table_internal.h"

namespace firn::iceberg {
namespace {

using types::DataType;

const std::vector<types::Field> kPriceColumns = {{"id", DataType::BigInt()}, {"price", DataType::Double()}, {"name", DataType::String()}, {"ts", DataType::Timestamp(6)}};
constexpr int64_t kHour = 3'600'000'000;

struct ScanResult {
  std::vector<types::Batch> batches;
  ScanCounters counters;
  int64_t rows() const {
    int64_t count = 0;
    for (const auto& batch : batches) count += batch.row_count;
    return count;
  }
};

ScanResult Scan(TestWarehouse& warehouse, const Table& table, ScanOptions options = {}) {
  auto scan = Must(TableScan::Make(warehouse.store(), table.metadata, std::move(options)));
  ScanResult result;
  auto tasks = Must(scan->Plan());
  result.counters = scan->planned();
  for (const FileScanTask& task : tasks) {
    auto reader = Must(scan->Open(task));
    while (auto batch = Must(reader->Next())) result.batches.push_back(std::move(*batch));
    result.counters.Add(reader->counters());
  }
  return result;
}

types::Batch Row4(const std::vector<int64_t>& ids, const std::vector<double>& prices) {
  std::vector<std::optional<int64_t>> id(ids.begin(), ids.end()), times;
  std::vector<std::optional<std::string>> names;
  for (int64_t i : ids) {
    names.push_back("n" + std::to_string(i % 10));
    times.push_back(i * kHour);
  }
  return MakeBatch(kPriceColumns, {Longs(id), Doubles({prices.begin(), prices.end()}), Texts(names), Timestamps(times)});
}

std::map<int64_t, double> Prices(const ScanResult& result) {
  std::map<int64_t, double> prices;
  for (const types::Batch& batch : result.batches) {
    for (int64_t row = 0; row < batch.row_count; ++row) {
      const int64_t id = static_cast<const arrow::Int64Array&>(*batch.columns[0]).Value(row);
      EXPECT_TRUE(prices.emplace(id, static_cast<const arrow::DoubleArray&>(*batch.columns[1]).Value(row)).second) << "id " << id << " twice";
    }
  }
  return prices;
}

// Deletes go by positions, which are counted from the row numbers of the groups before.
TEST(Scan, ARowGroupOfOtherLengthThanItsFooterSaysIsCorrupt) {
  TestWarehouse warehouse;
  std::vector<int64_t> ids(1000);
  std::iota(ids.begin(), ids.end(), 0);
  const Table table = warehouse.Append(warehouse.Create("t", kPriceColumns), {Row4(ids, std::vector<double>(1000, 1.5))});
  auto scan = Must(TableScan::Make(warehouse.store(), table.metadata, {}));
  const std::vector<FileScanTask> tasks = Must(scan->Plan());
  std::string bytes = Must(warehouse.store().Get(tasks[0].file.file_path));
  const size_t count = bytes.rfind("\x16\xD0\x0F");  // Thrift: the next field, an i64 of 1000; the last one is the row group's number of rows
  ASSERT_NE(count, std::string::npos);
  bytes[count + 1] = '\xD2';
  Must(warehouse.store().Put(tasks[0].file.file_path, bytes, objectstore::PutMode::kReplace));
  auto reader = Must(scan->Open(tasks[0]));
  Result<std::optional<types::Batch>> rows = reader->Next();
  while (rows.ok() && rows->has_value()) rows = reader->Next();
  ASSERT_FALSE(rows.ok()) << "rows behind the group would have been taken for others";
  EXPECT_EQ(rows.error().code(), ErrorCode::kCorruption);
  EXPECT_THAT(rows.error().message(), testing::HasSubstr("row group 0 has 1000 rows, and the footer says 1001"));
}

// An upsert sink in small: key index by id, position deletes, one snapshot a checkpoint.
TEST(Scan, UpsertsEqualAModel) {
  for (const std::vector<std::string>& partitioning : {std::vector<std::string>{}, {"bucket(4, id)"}}) {
    TestWarehouse warehouse;
    Table table = warehouse.Create("t", kPriceColumns, {"id"}, partitioning);
    auto writer = Must(TableWriter::Make(warehouse.store(), warehouse.random(), table.metadata));
    std::map<int64_t, RowLocation> index;
    std::map<int64_t, double> model;
    std::mt19937 random(7);
    for (int checkpoint = 0; checkpoint < 8; ++checkpoint) {
      PositionDeletes deletes;
      for (int batch = 0; batch < 3; ++batch) {
        std::map<int64_t, double> changes;  // one a key
        for (int i = 0; i < 60; ++i) changes[random() % 200] = static_cast<double>(random() % 1000);
        std::vector<int64_t> ids;
        std::vector<double> prices;
        for (auto [id, price] : changes) {
          if (auto known = index.find(id); known != index.end()) {
            deletes.Add(writer->FileOf(known->second.file), known->second.position);
            index.erase(known);
          }
          model.erase(id);
          if (random() % 5 == 0) continue;  // a delete
          ids.push_back(id);
          prices.push_back(price);
          model[id] = price;
        }
        std::vector<RowLocation> locations;
        Must(writer->Write(Row4(ids, prices), &locations));
        for (size_t i = 0; i < ids.size(); ++i) index[ids[i]] = locations[i];
      }
      WrittenFiles files;
      files.data_files = Must(writer->Finish());
      files.delete_files = Must(deletes.Write(warehouse.store(), warehouse.random(), *table.metadata));
      SnapshotCommit commit = Must(SnapshotCommit::Make(warehouse.context(), *table.metadata, std::move(files)));
      table = Must(CommitSnapshot(warehouse.catalog(), table.identifier, commit));
      EXPECT_EQ(Prices(Scan(warehouse, table)), model) << "checkpoint " << checkpoint;
    }
    // A restarted sink finds the same index by reading the keys.
    std::map<int64_t, std::pair<std::string, int64_t>> scanned;
    Must(ScanKeys(warehouse.store(), table.metadata, {1}, {}, [&](const types::Batch& keys, const DataFile& file, const types::ArrayPtr& positions) -> Status {
      for (int64_t row = 0; row < keys.row_count; ++row) {
        scanned[static_cast<const arrow::Int64Array&>(*keys.columns[0]).Value(row)] = {file.file_path, static_cast<const arrow::Int64Array&>(*positions).Value(row)};
      }
      return Ok();
    }));
    ASSERT_EQ(scanned.size(), index.size());
    for (const auto& [id, location] : index) {
      EXPECT_EQ(scanned[id].first, writer->FileOf(location.file).path);
      EXPECT_EQ(scanned[id].second, location.position);
    }
  }
}

// A random predicate, by pruning and by looking at every row: what is skipped must hold no match.
TEST(Scan, PruningNeverLosesARow) {
  TestWarehouse warehouse;
  std::mt19937 random(11);
  for (const std::vector<std::string>& partitioning :
       {std::vector<std::string>{}, {"days(ts)"}, {"truncate(50, id)", "bucket(3, name)"}, {"name"}}) {
    Table table = warehouse.Create("t" + std::to_string(random()), kPriceColumns, {}, partitioning, {{"write.parquet.row-group-size-bytes", "3000"}});
    for (int file = 0; file < 4; ++file) {
      std::vector<int64_t> ids;
      std::vector<double> prices;
      for (int i = 0; i < 150; ++i) {
        ids.push_back(file * 100 + static_cast<int64_t>(random() % 150));
        prices.push_back(static_cast<double>(random() % 100));
      }
      table = warehouse.Append(table, {Row4({ids.begin(), ids.begin() + 75}, {prices.begin(), prices.begin() + 75}),
                                       Row4({ids.begin() + 75, ids.end()}, {prices.begin() + 75, prices.end()})});
    }
    const ScanResult all = Scan(warehouse, table);
    ASSERT_EQ(all.rows(), 600);
    ScanCounters skipped;
    for (int round = 0; round < 60; ++round) {
      const auto op = static_cast<PredicateOp>(static_cast<int>(PredicateOp::kEqual) + random() % 6);
      const int64_t bound = static_cast<int64_t>(random() % 500);
      const int column = static_cast<int>(random() % 3);
      const Literal literal = column == 0 ? Literal(bound) : column == 1 ? Literal("n" + std::to_string(bound % 10)) : Literal(bound * kHour);
      ScanPredicate predicate = ScanPredicate::Compare(op, column == 0 ? 1 : column == 1 ? 3 : 4, literal);
      if (round % 4 == 1) predicate = ScanPredicate::Not(predicate);
      if (round % 4 == 2) predicate = ScanPredicate::And({predicate, ScanPredicate::In(1, {Literal(bound), Literal(bound + 7)})});
      if (round % 4 == 3) predicate = ScanPredicate::Or({predicate, ScanPredicate::IsNull(2)});
      const bool is_negated = round % 4 == 1;
      auto matches = [&](const types::Batch& batch, int64_t row) {
        const int64_t id = static_cast<const arrow::Int64Array&>(*batch.columns[0]).Value(row);
        Literal value = column == 0   ? Literal(id)
                        : column == 1 ? Literal(static_cast<const arrow::StringArray&>(*batch.columns[2]).GetString(row))
                                      : Literal(static_cast<const arrow::TimestampArray&>(*batch.columns[3]).Value(row));
        const int order = CompareLiterals(value, literal);
        const bool is = op == PredicateOp::kEqual ? order == 0 : op == PredicateOp::kNotEqual ? order != 0 : op == PredicateOp::kLess ? order < 0
                        : op == PredicateOp::kLessOrEqual ? order <= 0 : op == PredicateOp::kGreater ? order > 0 : order >= 0;
        const bool result = is != is_negated;
        return round % 4 == 2 ? result && (id == bound || id == bound + 7) : result;
      };
      auto count = [&](const ScanResult& result) {
        int64_t matching = 0;
        for (const auto& batch : result.batches) {
          for (int64_t row = 0; row < batch.row_count; ++row) matching += matches(batch, row);
        }
        return matching;
      };
      const ScanResult pruned = Scan(warehouse, table, {.predicate = predicate});
      EXPECT_EQ(count(pruned), count(all)) << predicate.ToString(table.metadata->schema());
      skipped.Add(pruned.counters);
    }
    EXPECT_GT(skipped.files_skipped + skipped.manifests_skipped + skipped.row_groups_skipped, 20) << (partitioning.empty() ? "" : partitioning[0]);
  }
}

// A file a row: what is pruned is a row that is lost.
TEST(Scan, PruningKnowsNanAndTheSmallestNumbers) {
  TestWarehouse warehouse;
  constexpr int64_t kMin = std::numeric_limits<int64_t>::min(), kMax = std::numeric_limits<int64_t>::max();
  constexpr int32_t kIntMin = std::numeric_limits<int32_t>::min();
  const std::vector<types::Field> columns = {{"l", DataType::BigInt()}, {"n", DataType::Int()}};
  int count = 0;
  for (const std::vector<std::string>& partitioning : {std::vector<std::string>{"truncate(7, l)"}, {"truncate(7, n)"}, {}}) {
    Table table = warehouse.Create("t" + std::to_string(++count), columns, {}, partitioning);
    for (const auto& [l, n] : std::vector<std::pair<int64_t, int32_t>>{{kMin, kIntMin}, {5, 5}, {kMax, 6}}) {
      table = warehouse.Append(table, {MakeBatch(columns, {Longs({l}), Ints({n})})});
    }
    const auto rows = [&](const ScanPredicate& predicate) { return Scan(warehouse, table, {.predicate = predicate}).rows(); };
    using Op = PredicateOp;
    EXPECT_EQ(rows(ScanPredicate::Compare(Op::kLess, 1, Literal(int64_t{5}))), 1);
    EXPECT_EQ(rows(ScanPredicate::Compare(Op::kLessOrEqual, 1, Literal(kMin))), 1);
    EXPECT_EQ(rows(ScanPredicate::Compare(Op::kGreaterOrEqual, 1, Literal(kMin))), 3);
    EXPECT_EQ(rows(ScanPredicate::Compare(Op::kEqual, 1, Literal(kMin))), 1);
    EXPECT_EQ(rows(ScanPredicate::Compare(Op::kLess, 2, Literal(int32_t{-1}))), 1);
    EXPECT_EQ(rows(ScanPredicate::Compare(Op::kGreaterOrEqual, 2, Literal(kIntMin))), 3);
  }
  // A file whose bounds say nothing of its NaN, which is not greater than a number.
  Table table = warehouse.Create("nan", {{"d", DataType::Double()}});
  table = warehouse.Append(table, {MakeBatch({{"d", DataType::Double()}}, {Doubles({std::numeric_limits<double>::quiet_NaN(), 9.0})})});
  const ScanPredicate greater = ScanPredicate::Compare(PredicateOp::kGreater, 1, Literal(5.0));
  EXPECT_EQ(Scan(warehouse, table, {.predicate = ScanPredicate::Not(greater)}).rows(), 2);
  EXPECT_EQ(Scan(warehouse, table, {.predicate = ScanPredicate::Not(ScanPredicate::And({greater, ScanPredicate::IsNotNull(1)}))}).rows(), 2);
  EXPECT_EQ(Scan(warehouse, table, {.predicate = ScanPredicate::Compare(PredicateOp::kLess, 1, Literal(5.0))}).rows(), 0);
}

TEST(Scan, TimeTravelAndProjection) {
  TestWarehouse warehouse;
  Table table = warehouse.Create("t", kPriceColumns);
  std::vector<int64_t> snapshots, times;
  for (int64_t i = 0; i < 3; ++i) {
    table = warehouse.Append(table, {Row4({i}, {1.5})});
    snapshots.push_back(*table.metadata->current_snapshot_id);
    times.push_back(table.metadata->snapshot_log.back().timestamp_ms);
  }
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Scan(warehouse, table, {.snapshot = {.snapshot_id = snapshots[i]}}).rows(), i + 1);
  EXPECT_EQ(Scan(warehouse, table, {.snapshot = {.as_of_ms = times[2]}}).rows(), 3);
  EXPECT_EQ(Scan(warehouse, table, {.snapshot = {.ref = "main"}}).rows(), 3);
  auto refused = [&](SnapshotChoice choice) { return TableScan::Make(warehouse.store(), table.metadata, {.snapshot = choice}).error(); };
  EXPECT_EQ(refused({.snapshot_id = 5}).code(), ErrorCode::kSnapshotNotFound);
  EXPECT_EQ(refused({.as_of_ms = 5}).code(), ErrorCode::kSnapshotNotFound);
  EXPECT_THAT(refused({.ref = "mian"}).candidates(), testing::ElementsAre("main"));
  const ScanResult projected = Scan(warehouse, table, {.column_ids = std::vector<int32_t>{3, 1}});
  EXPECT_EQ(projected.batches[0].schema->names(), (std::vector<std::string>{"name", "id"}));
  const ScanResult counted = Scan(warehouse, table, {.column_ids = std::vector<int32_t>{}});
  EXPECT_EQ(counted.rows(), 3);
  EXPECT_TRUE(counted.batches[0].columns.empty());
}

// The table's partitions are read as today's type, the question is asked in that of the snapshot.
TEST(Scan, TimeTravelBehindAPromotionPrunesByPartition) {
  TestWarehouse warehouse;
  int count = 0;
  for (const char* partitioning : {"k", "truncate(10, k)", "bucket(4, k)"}) {
    Table table = warehouse.Create("t" + std::to_string(++count), {{"k", DataType::Int()}}, {}, {partitioning});
    table = warehouse.Append(table, {MakeBatch({{"k", DataType::Int()}}, {Ints({1, 5, 25})})});
    const int64_t before = *table.metadata->current_snapshot_id;
    Schema schema = table.metadata->schema();
    schema.fields[0].type = Type::Of(TypeId::kLong);
    table = Must(warehouse.catalog().CommitTable(table.identifier, {{}, {AddSchema{schema}, SetCurrentSchema{kLastAdded}}})).table;
    table = warehouse.Append(table, {MakeBatch({{"k", DataType::BigInt()}}, {Longs({int64_t{1} << 40})})});
    const ScanPredicate five = ScanPredicate::Compare(PredicateOp::kEqual, 1, Literal(int32_t{5}));
    const ScanResult then = Scan(warehouse, table, {.snapshot = {.snapshot_id = before}, .predicate = five});
    EXPECT_GE(then.rows(), 1) << partitioning;
    EXPECT_LE(then.rows(), 3) << partitioning;
    const ScanResult now = Scan(warehouse, table, {.predicate = ScanPredicate::Compare(PredicateOp::kGreater, 1, Literal(int64_t{1} << 39))});
    EXPECT_GE(now.rows(), 1) << partitioning;
  }
}

// An equality delete that compares by nothing, by what it does not hold, or by a part of a column deletes everything or nothing: it must be refused.
TEST(Scan, EqualityDeletesThatCannotBeAreRefused) {
  TestWarehouse warehouse;
  const DataType pair = DataType::Row({{"x", DataType::Int()}});
  const std::vector<types::Field> columns = {{"id", DataType::BigInt()}, {"name", DataType::String()}};
  const auto rows = [&] { return MakeBatch(columns, {Longs({1, 2}), Texts({"a", std::nullopt})}); };
  const Table narrow = warehouse.Create("narrow", {{"id", DataType::BigInt()}});
  const auto written = [&](const Table& table, const types::Batch& batch) {
    auto writer = Must(TableWriter::Make(warehouse.store(), warehouse.random(), table.metadata));
    Must(writer->Write(batch));
    return Must(writer->Finish()).at(0);
  };
  int count = 0;
  const auto read = [&](std::vector<int32_t> ids, bool is_narrow) -> Result<int64_t> {
    Table table = warehouse.Create("t" + std::to_string(++count), columns);
    table = warehouse.Append(table, {rows()});
    DataFile deletes = is_narrow ? written(narrow, MakeBatch({{"id", DataType::BigInt()}}, {Longs({1})})) : written(table, MakeBatch(columns, {Longs({1}), Texts({"a"})}));
    deletes.content = FileContent::kEqualityDeletes;
    deletes.equality_ids = std::move(ids);
    WrittenFiles files;
    files.delete_files = {deletes};
    SnapshotCommit commit = Must(SnapshotCommit::Make(warehouse.context(), *table.metadata, std::move(files)));
    table = Must(CommitSnapshot(warehouse.catalog(), table.identifier, commit));
    auto scan = Must(TableScan::Make(warehouse.store(), table.metadata, {}));
    FIRN_TRY(auto tasks, scan->Plan());
    FIRN_TRY(auto reader, scan->Open(tasks.at(0)));
    FIRN_TRY(auto batch, reader->Next());
    return batch ? batch->row_count : 0;
  };
  EXPECT_EQ(read({1}, false).value(), 1);
  EXPECT_EQ(read({1, 2}, false).value(), 1);
  EXPECT_EQ(read({1}, true).value(), 1);
  EXPECT_EQ(read({}, false).error().code(), ErrorCode::kInvalidMetadata);
  EXPECT_EQ(read({2}, true).error().code(), ErrorCode::kSchemaMismatch);
  EXPECT_EQ(read({9}, false).error().code(), ErrorCode::kInvalidMetadata);
  // Part of a column.
  Table table = warehouse.Create("nested", {{"pair", pair}, {"id", DataType::BigInt()}});
  const int32_t part = table.metadata->schema().fields[0].type.fields[0].id;
  arrow::Int32Builder x;
  ASSERT_TRUE(x.AppendValues({1, 2}).ok());
  const types::ArrayPtr pairs = arrow::StructArray::Make({x.Finish().ValueOrDie()}, std::vector<std::string>{"x"}).ValueOrDie();
  const auto nested = MakeBatch({{"pair", pair}, {"id", DataType::BigInt()}}, {pairs, Longs({1, 2})});
  table = warehouse.Append(table, {nested});
  WrittenFiles files;
  files.delete_files = {written(table, nested)};
  files.delete_files[0].content = FileContent::kEqualityDeletes;
  files.delete_files[0].equality_ids = {part};
  SnapshotCommit commit = Must(SnapshotCommit::Make(warehouse.context(), *table.metadata, std::move(files)));
  table = Must(CommitSnapshot(warehouse.catalog(), table.identifier, commit));
  auto scan = Must(TableScan::Make(warehouse.store(), table.metadata, {}));
  EXPECT_EQ(scan->Open(Must(scan->Plan()).at(0)).error().code(), ErrorCode::kNotSupported);
}

TEST(Scan, EveryTypeComesBackAsItWent) {
  TestWarehouse warehouse;
  const DataType row = DataType::Row({{"x", DataType::SmallInt()}, {"y", DataType::Array(DataType::String())}});
  const std::vector<types::Field> fields = {{"b", DataType::Boolean()}, {"t", DataType::TinyInt()}, {"d", DataType::Decimal(20, 4)}, {"small", DataType::Decimal(9, 2)},
                                            {"bin", DataType::Binary(3)}, {"time", DataType::Time(3)}, {"date", DataType::Date()}, {"ltz", DataType::TimestampLtz(3)},
                                            {"m", DataType::Map(DataType::String().NotNull(), DataType::Double())}, {"r", row}, {"f", DataType::Float()}, {"by", DataType::Bytes()}};
  std::vector<types::ArrayPtr> columns;
  columns.push_back(MakeColumn<arrow::BooleanBuilder, bool>(arrow::boolean(), {true, std::nullopt, false}));
  columns.push_back(MakeColumn<arrow::Int8Builder, int8_t>(arrow::int8(), {int8_t{-5}, std::nullopt, int8_t{7}}));
  columns.push_back(MakeColumn<arrow::Decimal128Builder, arrow::Decimal128>(arrow::decimal128(20, 4), {arrow::Decimal128("-123.4567"), std::nullopt, arrow::Decimal128(1)}));
  columns.push_back(MakeColumn<arrow::Decimal128Builder, arrow::Decimal128>(arrow::decimal128(9, 2), {arrow::Decimal128(-12345), std::nullopt, arrow::Decimal128(1)}));
  columns.push_back(MakeColumn<arrow::BinaryBuilder, std::string>(arrow::binary(), {"abc", std::nullopt, std::string("\0\1\2", 3)}));
  columns.push_back(MakeColumn<arrow::Time32Builder, int32_t>(arrow::time32(arrow::TimeUnit::MILLI), {1, std::nullopt, 86'399'999}));
  columns.push_back(MakeColumn<arrow::Date32Builder, int32_t>(arrow::date32(), {-1, std::nullopt, 20'000}));
  columns.push_back(Timestamps({-1, std::nullopt, 1'700'000'000'000'000}, "UTC"));
  auto keys = std::make_shared<arrow::StringBuilder>();
  auto values = std::make_shared<arrow::DoubleBuilder>();
  arrow::MapBuilder maps(arrow::default_memory_pool(), keys, values);
  FIRN_ASSERT(maps.Append().ok() && keys->Append("k").ok() && values->AppendNull().ok() && maps.AppendNull().ok() && maps.Append().ok());
  columns.push_back(maps.Finish().ValueOrDie());
  auto shorts = std::make_shared<arrow::Int16Builder>();
  auto texts = std::make_shared<arrow::StringBuilder>();
  auto lists = std::make_shared<arrow::ListBuilder>(arrow::default_memory_pool(), texts);
  arrow::StructBuilder structs(row.ToArrow(), arrow::default_memory_pool(), {shorts, lists});
  FIRN_ASSERT(structs.Append().ok() && shorts->Append(3).ok() && lists->Append().ok() && texts->Append("p").ok() && texts->AppendNull().ok());
  FIRN_ASSERT(structs.AppendNull().ok() && structs.Append().ok() && shorts->AppendNull().ok() && lists->AppendNull().ok());
  columns.push_back(structs.Finish().ValueOrDie());
  columns.push_back(MakeColumn<arrow::FloatBuilder, float>(arrow::float32(), {0.5f, std::nullopt, -0.0f}));
  columns.push_back(MakeColumn<arrow::BinaryBuilder, std::string>(arrow::binary(), {"", std::nullopt, "\xff"}));
  const types::Batch batch = MakeBatch(fields, columns);
  // A slice too: nested arrays with an offset.
  const Table table = warehouse.Append(warehouse.Create("t", fields), {batch, types::SliceBatch(batch, 2, 1)});
  const ScanResult result = Scan(warehouse, table);
  ASSERT_EQ(result.rows(), 4);
  const types::Batch read = Must(types::ConcatenateBatches(result.batches));
  for (size_t i = 0; i < fields.size(); ++i) {
    std::shared_ptr<arrow::Array> expected = columns[i];
    if (fields[i].name == "t") expected = Ints({-5, std::nullopt, 7});
    if (fields[i].name == "r") {  // its SMALLINT came back as INT
      const auto children = static_cast<const arrow::StructArray&>(*read.columns[i]->Slice(0, 3)).Flatten().ValueOrDie();
      EXPECT_TRUE(children[0]->Equals(*Ints({3, std::nullopt, std::nullopt})));
      EXPECT_EQ(children[1]->ToString(), static_cast<const arrow::StructArray&>(*expected).Flatten().ValueOrDie()[1]->ToString());
      continue;
    }
    EXPECT_TRUE(read.columns[i]->Slice(0, 3)->Equals(*expected)) << fields[i].name << read.columns[i]->ToString();
    EXPECT_TRUE(read.columns[i]->Slice(3, 1)->Equals(*expected->Slice(2, 1))) << fields[i].name;
  }
}

// SQL's TIME has milliseconds. What is finer is said, not cut off: a row that is written back would have lost it.
TEST(Scan, ATimeFinerThanSqlsIsRefused) {
  const std::vector<NestedField> wanted = {{1, "t", Type::Of(TypeId::kTime)}};
  const auto convert = [&](const std::shared_ptr<arrow::DataType>& type, const types::ArrayPtr& array) -> Result<std::vector<types::ArrayPtr>> {
    const auto file = arrow::schema({arrow::field("t", type)});
    FIRN_TRY(FileProjection projection, FileProjection::Make(*file, wanted, {}, {{"t", 1}}));
    return projection.Convert(*arrow::RecordBatch::Make(file, array->length(), {array}));
  };
  const auto micros = arrow::time64(arrow::TimeUnit::MICRO);
  const auto whole = convert(micros, MakeColumn<arrow::Time64Builder, int64_t>(micros, {43'200'123'000, std::nullopt}));
  ASSERT_TRUE(whole.ok()) << whole.error().ToString();
  EXPECT_EQ((*whole)[0]->ToString(), (MakeColumn<arrow::Time32Builder, int32_t>(arrow::time32(arrow::TimeUnit::MILLI), {43'200'123, std::nullopt})->ToString()));
  const auto finer = convert(micros, MakeColumn<arrow::Time64Builder, int64_t>(micros, {43'200'123'000, 43'200'123'456}));
  ASSERT_FALSE(finer.ok());
  EXPECT_THAT(finer.error().ToString(), testing::AllOf(testing::HasSubstr("`t`"), testing::HasSubstr("12:00:00.123456")));
  const auto nanos = arrow::time64(arrow::TimeUnit::NANO);
  EXPECT_THAT(convert(nanos, MakeColumn<arrow::Time64Builder, int64_t>(nanos, {1'000'001})).error().message(), testing::HasSubstr("00:00:00.001000001"));
  EXPECT_FALSE(ConstantArray(Type::Of(TypeId::kTime), Literal(int64_t{1}), 3).ok());
  EXPECT_TRUE(ConstantArray(Type::Of(TypeId::kTime), Literal(int64_t{2000}), 3).ok());
}

class Pair final : public arrow::ExtensionType {
 public:
  Pair() : ExtensionType(arrow::struct_({arrow::field("a", arrow::int64()), arrow::field("b", arrow::int64())})) {}
  std::string extension_name() const override { return "firn.test.pair"; }
  bool ExtensionEquals(const ExtensionType& other) const override { return other.extension_name() == extension_name(); }
  std::shared_ptr<arrow::Array> MakeArray(std::shared_ptr<arrow::ArrayData> data) const override { return std::make_shared<arrow::ExtensionArray>(std::move(data)); }
  arrow::Result<std::shared_ptr<arrow::DataType>> Deserialize(std::shared_ptr<arrow::DataType>, const std::string&) const override { return std::make_shared<Pair>(); }
  std::string Serialize() const override { return ""; }
};

// Types that Arrow makes of several columns of the file, beside the wanted one.
TEST(Scan, ColumnsBehindOnesOfSeveralLeavesAreFound) {
  const auto file = arrow::schema({arrow::field("p", std::make_shared<Pair>()), arrow::field("s", arrow::struct_({arrow::field("x", arrow::int32()), arrow::field("y", arrow::int32())})),
                                   arrow::field("id", arrow::int64())});
  const FileProjection projection = Must(FileProjection::Make(*file, {{1, "id", Type::Of(TypeId::kLong)}}, {}, {{"id", 1}}));
  EXPECT_THAT(projection.leaves(), testing::ElementsAre(4));
}

TEST(DeletionVector, RoundTripAndCorruption) {
  PositionSet set;
  std::mt19937_64 random(5);
  std::set<int64_t> expected;
  for (int i = 0; i < 5000; ++i) {
    const auto position = static_cast<int64_t>(random() % 100'000 + (i % 50 == 0 ? (int64_t{3} << 32) : 0));
    set.Add(position);
    expected.insert(position);
  }
  const std::string blob = set.ToBlob();
  auto read = PositionSet::FromBlob(blob);
  ASSERT_TRUE(read.ok()) << read.error().ToString();
  EXPECT_EQ(read->size(), expected.size());
  for (int64_t position : expected) EXPECT_TRUE(read->Contains(position));
  EXPECT_EQ(read->CountRange(1000, 2000), static_cast<uint64_t>(std::distance(expected.lower_bound(1000), expected.lower_bound(2000))));
  EXPECT_EQ(read->CountRange(99'000, int64_t{4} << 32), static_cast<uint64_t>(std::distance(expected.lower_bound(99'000), expected.end())));
  for (size_t size = 0; size < blob.size(); size += 37) EXPECT_FALSE(PositionSet::FromBlob(blob.substr(0, size)).ok());
  for (size_t at = 0; at < blob.size(); at += 11) {
    std::string broken = blob;
    broken[at] ^= 4;
    EXPECT_FALSE(PositionSet::FromBlob(broken).ok()) << at;
  }
}

// What the manifests tell is not read: the data files are gone, and rows are counted all the same.
// Well-formed bytes with a right checksum, of a run that leaves its container: 100 positions from 65530 on, of which six have their places.
TEST(DeletionVector, ARunThatIsLongerThanItsContainerCountsNoMoreThanThereAre) {
  const auto number = [](auto value) { return std::string(reinterpret_cast<const char*>(&value), sizeof(value)); };
  const std::string run = number(uint32_t{12347}) + '\1' + number(uint16_t{0}) + number(uint16_t{99}) + number(uint16_t{1}) + number(uint16_t{65530}) + number(uint16_t{99});
  const std::string body = "\xD1\xD3\x39\x64" + number(uint64_t{1}) + number(uint32_t{0}) + run;
  const auto big = [](uint32_t value) { return std::string{static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8), static_cast<char>(value)}; };
  const auto set = PositionSet::FromBlob(big(static_cast<uint32_t>(body.size())) + body + big(formats::Crc32(body)));
  ASSERT_TRUE(set.ok()) << set.error().ToString();
  EXPECT_EQ(set->CountRange(65'000, 65'536), 6u);
  EXPECT_LE(set->CountRange(65'530, 65'537), 7u);
}

TEST(Scan, CountsWithoutDataFiles) {
  TestWarehouse warehouse;
  Table table = warehouse.Create("t", kPriceColumns, {}, {"name"});
  auto writer = Must(TableWriter::Make(warehouse.store(), warehouse.random(), table.metadata));
  std::vector<RowLocation> locations;
  std::vector<int64_t> ids(20'000);
  std::iota(ids.begin(), ids.end(), 0);
  Must(writer->Write(Row4(ids, std::vector<double>(ids.size(), 1.5)), &locations));
  WrittenFiles files;
  files.data_files = Must(writer->Finish());
  SnapshotCommit first = Must(SnapshotCommit::Make(warehouse.context(), *table.metadata, files));
  table = Must(CommitSnapshot(warehouse.catalog(), table.identifier, first));
  PositionDeletes deletes;
  for (size_t row : {3u, 13u, 10'003u, 14u}) deletes.Add(writer->FileOf(locations[row].file), locations[row].position);  // three of n3, one of n4
  WrittenFiles removed;
  removed.delete_files = Must(deletes.Write(warehouse.store(), warehouse.random(), *table.metadata));
  SnapshotCommit second = Must(SnapshotCommit::Make(warehouse.context(), *table.metadata, std::move(removed)));
  table = Must(CommitSnapshot(warehouse.catalog(), table.identifier, second));
  for (const DataFile& file : files.data_files) Must(warehouse.store().Delete(file.file_path));

  EXPECT_EQ(Scan(warehouse, table, {.column_ids = std::vector<int32_t>()}).rows(), 19'996);
  EXPECT_EQ(Scan(warehouse, table, {.snapshot = {.snapshot_id = first.snapshot_id()}, .column_ids = std::vector<int32_t>()}).rows(), 20'000);
  const ScanResult names = Scan(warehouse, table, {.column_ids = std::vector<int32_t>{3}, .predicate = ScanPredicate::Compare(PredicateOp::kEqual, 3, Literal(std::string("n3")))});
  EXPECT_EQ(names.rows(), 1'997);
  EXPECT_EQ(names.counters.files_skipped, 9);
  for (const types::Batch& batch : names.batches) {
    for (int64_t row = 0; row < batch.row_count; ++row) ASSERT_EQ(static_cast<const arrow::StringArray&>(*batch.columns[0]).GetView(row), "n3");
  }
  auto scan = Must(TableScan::Make(warehouse.store(), table.metadata, {.column_ids = std::vector<int32_t>{1}}));
  EXPECT_EQ(scan->Open(Must(scan->Plan())[0]).error().code(), ErrorCode::kNotFound);
}

}  // namespace
}  // namespace firn::iceberg
