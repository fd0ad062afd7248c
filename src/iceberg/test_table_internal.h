// SPDX-License-Identifier: Apache-2.0
// What the tests of this module share: a warehouse in a folder of its own, and batches from small literal columns.
#pragma once

#include <arrow/builder.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "base/must.h"
#include "io/real_environment.h"
#include "iceberg/hadoop_catalog.h"
#include "iceberg/position_deletes.h"
#include "iceberg/snapshot_commit.h"
#include "iceberg/sql_types.h"
#include "iceberg/table_writer.h"
#include "objectstore/local_object_store.h"
#include "types/batch.h"

namespace firn::iceberg {

/// A Hadoop catalog in a new temporary folder, removed at the end. With a name, in $FIRN_TEST_WAREHOUSE/NAME, which stays: for judges.
class TestWarehouse {
 public:
  TestWarehouse() {
    const auto* info = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = testing::TempDir() + "firn-iceberg-" + info->name() + "-" + environment_.environment().random.UuidText();
    Start();
  }
  explicit TestWarehouse(std::string folder) : folder_(std::move(folder)), is_kept_(true) { Start(); }
  ~TestWarehouse() {
    if (!is_kept_) (void)environment_.environment().files.RemoveAll(folder_).ok();
  }

  Catalog& catalog() { return *catalog_; }
  objectstore::ObjectStore& store() { return *store_; }
  io::Random& random() { return environment_.environment().random; }
  WriteContext context() { return {*store_, environment_.environment().clock, environment_.environment().random}; }
  const std::string& folder() const { return folder_; }

  Table Create(const std::string& name, std::vector<types::Field> columns, std::vector<std::string> primary_key = {},
               std::vector<std::string> partitioned_by = {}, std::map<std::string, std::string> properties = {}) {
    CreateTableRequest request;
    request.schema = Must(SchemaFromSql(columns, primary_key));
    for (const std::string& item : partitioned_by) request.partitioning.push_back(Must(ParsePartitionItem(item)));
    request.properties = std::move(properties);
    return Must(catalog().CreateTable({"db", name}, request));
  }
  Table Load(const std::string& name) { return Must(catalog().LoadTable({"db", name})); }

  /// Writes the batches as one snapshot.
  Table Append(const Table& table, const std::vector<types::Batch>& batches, SnapshotCommitOptions options = {}) {
    auto writer = Must(TableWriter::Make(store(), random(), table.metadata));
    for (const types::Batch& batch : batches) Must(writer->Write(batch));
    WrittenFiles files;
    files.data_files = Must(writer->Finish());
    SnapshotCommit commit = Must(SnapshotCommit::Make(context(), *table.metadata, std::move(files), std::move(options)));
    return Must(CommitSnapshot(catalog(), table.identifier, commit));
  }

 private:
  void Start() {
    store_ = objectstore::MakeLocalObjectStore(environment_.environment().files, environment_.environment().random);
    catalog_ = MakeHadoopCatalog(*store_, environment_.environment().clock, environment_.environment().random, "file://" + folder_);
    if (!Must(catalog_->NamespaceExists("db"))) Must(catalog_->CreateNamespace("db", {}));
  }

  io::RealEnvironment environment_ = Must(io::RealEnvironment::Make());
  std::string folder_;
  bool is_kept_ = false;
  std::unique_ptr<objectstore::ObjectStore> store_;
  std::unique_ptr<Catalog> catalog_;
};

template <typename Builder, typename T>
types::ArrayPtr MakeColumn(const std::shared_ptr<arrow::DataType>& type, const std::vector<std::optional<T>>& values) {
  Builder builder(type, arrow::default_memory_pool());
  for (const auto& value : values) FIRN_ASSERT((value ? builder.Append(*value) : builder.AppendNull()).ok());
  return builder.Finish().ValueOrDie();
}
inline types::ArrayPtr Longs(const std::vector<std::optional<int64_t>>& values) { return MakeColumn<arrow::Int64Builder>(arrow::int64(), values); }
inline types::ArrayPtr Ints(const std::vector<std::optional<int32_t>>& values) { return MakeColumn<arrow::Int32Builder>(arrow::int32(), values); }
inline types::ArrayPtr Doubles(const std::vector<std::optional<double>>& values) { return MakeColumn<arrow::DoubleBuilder>(arrow::float64(), values); }
inline types::ArrayPtr Texts(const std::vector<std::optional<std::string>>& values) { return MakeColumn<arrow::StringBuilder>(arrow::utf8(), values); }
inline types::ArrayPtr Timestamps(const std::vector<std::optional<int64_t>>& micros, const std::string& zone = "") {
  return MakeColumn<arrow::TimestampBuilder>(arrow::timestamp(arrow::TimeUnit::MICRO, zone), micros);
}

inline types::Batch MakeBatch(std::vector<types::Field> fields, std::vector<types::ArrayPtr> columns) {
  const int64_t rows = columns.empty() ? 0 : columns[0]->length();
  return types::Batch{types::MakeSchema(std::move(fields)), std::move(columns), rows, nullptr, nullptr};
}

}  // namespace firn::iceberg
