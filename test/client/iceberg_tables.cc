// SPDX-License-Identifier: Apache-2.0
// What iceberg_test.py drives: firn's Iceberg library without a node around it.
//   write WAREHOUSE                                writes a set of tables into a Hadoop catalog
//   read METADATA OUT [--snapshot ID|--ref NAME|--as-of MS] [--metadata-table NAME]
//                                                  reads a table of anybody into an Arrow file
#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/io/file.h>
#include <arrow/ipc/writer.h>
#include <arrow/record_batch.h>

#include <cmath>
#include <cstdio>
#include <iostream>
#include <map>
#include <random>
#include <set>

#include "base/must.h"
#include "iceberg/hadoop_catalog.h"
#include "iceberg/metadata_files.h"
#include "iceberg/metadata_table.h"
#include "iceberg/position_deletes.h"
#include "iceberg/snapshot_commit.h"
#include "iceberg/sql_types.h"
#include "iceberg/table_scan.h"
#include "iceberg/table_writer.h"
#include "io/real_environment.h"
#include "objectstore/local_object_store.h"

namespace firn::iceberg {
namespace {

using types::ArrayPtr;
using types::Batch;
using types::DataType;

template <typename T>
T Must(Result<T> result) {
  if (!result.ok()) {
    std::cerr << result.error().ToString() << "\n";
    std::exit(1);
  }
  return std::move(result).value();
}
void Must(Status status) {
  if (status.ok()) return;
  std::cerr << status.error().ToString() << "\n";
  std::exit(1);
}
void Check(const arrow::Status& status) {
  if (status.ok()) return;
  std::cerr << status.ToString() << "\n";
  std::exit(1);
}

const std::vector<types::Field> kColumns = {
    {"id", DataType::BigInt()},       {"name", DataType::String()},          {"price", DataType::Double()},
    {"amount", DataType::Decimal(12, 3)}, {"big", DataType::Decimal(30, 10)}, {"flag", DataType::Boolean()},
    {"day", DataType::Date()},        {"ts", DataType::Timestamp(3)},        {"ltz", DataType::TimestampLtz(3)},
    {"small", DataType::SmallInt()},  {"raw", DataType::Bytes()},            {"tags", DataType::Array(DataType::String())},
    {"attributes", DataType::Map(DataType::String().NotNull(), DataType::BigInt())},
    {"nested", DataType::Row({{"x", DataType::Int()}, {"y", DataType::Float()}})}};
constexpr int64_t kHour = 3'600'000'000;

// Row i of the test data; every seventh row is NULL in all but the id.
Batch Rows(const std::vector<int64_t>& ids) {
  arrow::Int64Builder id;
  arrow::StringBuilder name;
  arrow::DoubleBuilder price;
  arrow::Decimal128Builder amount(arrow::decimal128(12, 3)), big(arrow::decimal128(30, 10));
  arrow::BooleanBuilder flag;
  arrow::Date32Builder day;
  arrow::TimestampBuilder ts(arrow::timestamp(arrow::TimeUnit::MICRO), arrow::default_memory_pool());
  arrow::TimestampBuilder ltz(arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"), arrow::default_memory_pool());
  arrow::Int16Builder small;
  arrow::BinaryBuilder raw;
  auto tag = std::make_shared<arrow::StringBuilder>();
  arrow::ListBuilder tags(arrow::default_memory_pool(), tag);
  auto key = std::make_shared<arrow::StringBuilder>();
  auto value = std::make_shared<arrow::Int64Builder>();
  arrow::MapBuilder attributes(arrow::default_memory_pool(), key, value);
  auto x = std::make_shared<arrow::Int32Builder>();
  auto y = std::make_shared<arrow::FloatBuilder>();
  arrow::StructBuilder nested(kColumns[13].type.ToArrow(), arrow::default_memory_pool(), {x, y});
  for (int64_t i : ids) {
    Check(id.Append(i));
    if (i % 7 == 6) {
      for (arrow::ArrayBuilder* builder : std::initializer_list<arrow::ArrayBuilder*>{&name, &price, &amount, &big, &flag, &day, &ts, &ltz, &small, &raw, &tags, &attributes, &nested}) {
        Check(builder->AppendNull());
      }
      continue;
    }
    Check(name.Append("name \xC3\xA9 with more than sixteen characters " + std::to_string(i)));
    Check(price.Append(i % 11 == 10 ? std::nan("") : static_cast<double>(i) / 4));
    Check(amount.Append(arrow::Decimal128(-1000 * i)));
    Check(big.Append(arrow::Decimal128("12345678901234567890123456789") * arrow::Decimal128(i % 2 == 0 ? 1 : -1)));
    Check(flag.Append(i % 2 == 0));
    Check(day.Append(static_cast<int32_t>(19'000 + i % 5)));
    Check(ts.Append((19'000 * 24 + i) * kHour));
    Check(ltz.Append((19'000 * 24 - i) * kHour + 1000));
    Check(small.Append(static_cast<int16_t>(i)));
    Check(raw.Append(std::string(static_cast<size_t>(i % 3), '\xfe')));
    Check(tags.Append());
    for (int64_t t = 0; t < i % 3; ++t) Check(t == 1 ? tag->AppendNull() : tag->Append("t" + std::to_string(t)));
    Check(attributes.Append());
    Check(key->Append("k"));
    Check(value->Append(i));
    Check(nested.Append());
    Check(x->Append(static_cast<int32_t>(i)));
    Check(y->AppendNull());
  }
  std::vector<ArrayPtr> columns;
  for (arrow::ArrayBuilder* builder : std::initializer_list<arrow::ArrayBuilder*>{&id, &name, &price, &amount, &big, &flag, &day, &ts, &ltz, &small, &raw, &tags, &attributes, &nested}) {
    columns.push_back(builder->Finish().ValueOrDie());
  }
  return Batch{types::MakeSchema(kColumns), std::move(columns), static_cast<int64_t>(ids.size()), nullptr, nullptr};
}

std::vector<int64_t> Range(int64_t first, int64_t last) {
  std::vector<int64_t> ids;
  for (int64_t i = first; i < last; ++i) ids.push_back(i);
  return ids;
}

class Program {
 public:
  Program() : environment_(real_.environment()), store_(objectstore::MakeLocalObjectStore(environment_.files, environment_.random)) {}

  void Write(const std::string& warehouse) {
    catalog_ = MakeHadoopCatalog(*store_, environment_.clock, environment_.random, warehouse);
    Must(catalog_->CreateNamespace("db", {}));
    Append(Create("plain", {}), {Range(0, 100), Range(100, 150)});
    Append(Create("v1", {}, {{"format-version", "1"}}), {Range(0, 40), Range(40, 50)});
    Append(Create("zipped", {}, {{"write.metadata.compression-codec", "gzip"}, {"write.parquet.compression-codec", "snappy"}}), {Range(0, 30)});
    Append(Create("by_day", {"days(ts)"}), {Range(0, 100), Range(50, 120)});
    Append(Create("by_bucket", {"bucket(4, id)", "truncate(3, name)"}), {Range(0, 60), Range(60, 90)});
    Append(Create("by_identity", {"day", "flag"}), {Range(0, 60)});
    Append(Create("by_decimal", {"amount", "hours(ltz)"}), {Range(0, 20)});
    std::vector<std::vector<int64_t>> many;
    for (int64_t i = 0; i < 12; ++i) many.push_back(Range(i * 3, i * 3 + 3));
    Append(Create("merged", {}, {{"commit.manifest.min-count-to-merge", "4"}}), many);
    Create("empty", {});
    Overwrite();
    Upsert("upsert", {});
    Upsert("upsert_partitioned", {"bucket(3, id)"});
  }

  void Read(const std::vector<std::string>& arguments) {
    const std::string& metadata_location = arguments[0];
    ScanOptions options;
    for (size_t i = 2; i + 1 < arguments.size(); i += 2) {
      if (arguments[i] == "--snapshot") options.snapshot.snapshot_id = std::stoll(arguments[i + 1]);
      if (arguments[i] == "--ref") options.snapshot.ref = arguments[i + 1];
      if (arguments[i] == "--as-of") options.snapshot.as_of_ms = std::stoll(arguments[i + 1]);
    }
    TableMetadataPtr metadata = Must(ReadMetadataFile(*store_, metadata_location));
    for (size_t i = 2; i + 1 < arguments.size(); i += 2) {
      if (arguments[i] != "--metadata-table") continue;
      const Batch batch = Must(ReadMetadataTable(*store_, {{"db", "t"}, metadata_location, metadata}, *FindMetadataTable(arguments[i + 1]), options.snapshot));
      auto out = arrow::io::FileOutputStream::Open(arguments[1]).ValueOrDie();
      auto ipc = arrow::ipc::MakeFileWriter(out, batch.schema->ToArrow()).ValueOrDie();
      Check(ipc->WriteRecordBatch(*types::ToRecordBatch(batch)));
      Check(ipc->Close());
      Check(out->Close());
      return;
    }
    auto scan = Must(TableScan::Make(*store_, metadata, options));
    auto file = arrow::io::FileOutputStream::Open(arguments[1]).ValueOrDie();
    auto writer = arrow::ipc::MakeFileWriter(file, scan->schema()->ToArrow()).ValueOrDie();
    for (const FileScanTask& task : Must(scan->Plan())) {
      auto reader = Must(scan->Open(task));
      while (std::optional<Batch> batch = Must(reader->Next())) Check(writer->WriteRecordBatch(*types::ToRecordBatch(*batch)));
    }
    Check(writer->Close());
    Check(file->Close());
  }

 private:
  WriteContext context() { return {*store_, environment_.clock, environment_.random}; }

  Table Create(const std::string& name, const std::vector<std::string>& partitioning, std::map<std::string, std::string> properties = {},
               const std::vector<std::string>& key = {}) {
    CreateTableRequest request;
    request.schema = Must(SchemaFromSql(kColumns, key));
    for (const std::string& item : partitioning) request.partitioning.push_back(Must(ParsePartitionItem(item)));
    request.properties = std::move(properties);
    return Must(catalog_->CreateTable({"db", name}, request));
  }

  Table Commit(const Table& table, WrittenFiles files, SnapshotMode mode = SnapshotMode::kAppend) {
    SnapshotCommit commit = Must(SnapshotCommit::Make(context(), *table.metadata, std::move(files), {.mode = mode}));
    return Must(CommitSnapshot(*catalog_, table.identifier, commit));
  }

  // One snapshot each.
  Table Append(Table table, const std::vector<std::vector<int64_t>>& snapshots, SnapshotMode mode = SnapshotMode::kAppend) {
    auto writer = Must(TableWriter::Make(*store_, environment_.random, table.metadata));
    for (const std::vector<int64_t>& ids : snapshots) {
      Must(writer->Write(Rows(ids)));
      WrittenFiles files;
      files.data_files = Must(writer->Finish());
      table = Commit(table, std::move(files), mode);
    }
    return table;
  }

  void Overwrite() {
    Table table = Append(Create("overwritten", {"day"}), {Range(0, 50), Range(50, 60)});
    table = Append(table, {{500, 505}}, SnapshotMode::kOverwritePartitions);
  }

  // What an upsert sink does over five checkpoints.
  void Upsert(const std::string& name, const std::vector<std::string>& partitioning) {
    Table table = Create(name, partitioning, {}, {"id"});
    auto writer = Must(TableWriter::Make(*store_, environment_.random, table.metadata));
    std::map<int64_t, RowLocation> index;
    std::mt19937 random(3);
    for (int checkpoint = 0; checkpoint < 5; ++checkpoint) {
      PositionDeletes deletes;
      std::set<int64_t> ids;
      while (ids.size() < 40) ids.insert(static_cast<int64_t>(random() % 100));
      for (int64_t id : ids) {
        if (auto known = index.find(id); known != index.end()) {
          deletes.Add(writer->FileOf(known->second.file), known->second.position);
          index.erase(known);
        }
      }
      std::vector<int64_t> written(ids.begin(), ids.end());
      written.resize(30);  // the last ten are deletes
      std::vector<RowLocation> locations;
      Must(writer->Write(Rows(written), &locations));
      for (size_t i = 0; i < written.size(); ++i) index[written[i]] = locations[i];
      WrittenFiles files;
      files.data_files = Must(writer->Finish());
      files.delete_files = Must(deletes.Write(*store_, environment_.random, *table.metadata));
      table = Commit(table, std::move(files));
    }
    std::printf("%s %zu\n", name.c_str(), index.size());
  }

  io::RealEnvironment real_ = Must(io::RealEnvironment::Make());
  io::Environment environment_;
  std::unique_ptr<objectstore::ObjectStore> store_;
  std::unique_ptr<Catalog> catalog_;
};

}  // namespace
}  // namespace firn::iceberg

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  firn::iceberg::Program program;
  if (arguments.size() == 2 && arguments[0] == "write") {
    program.Write(arguments[1]);
  } else if (arguments.size() >= 3 && arguments[0] == "read") {
    program.Read({arguments.begin() + 1, arguments.end()});
  } else {
    std::cerr << "usage: write WAREHOUSE | read METADATA OUT [--snapshot ID|--ref NAME|--as-of MS]\n";
    return 2;
  }
  return 0;
}
