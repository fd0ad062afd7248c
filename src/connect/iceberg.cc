// SPDX-License-Identifier: Apache-2.0
#include "connect/iceberg.h"

#include <fmt/format.h>

#include <algorithm>

#include "catalog/iceberg_definition.h"
#include "connect/iceberg_metadata.h"
#include "connect/iceberg_predicate.h"
#include "connect/iceberg_sink.h"
#include "connect/stateless_sink_internal.h"
#include "iceberg/metadata_table.h"
#include "iceberg/table_metadata.h"
#include "iceberg/table_scan.h"

namespace firn::connect {

namespace {

// One file after the other. A position is a snapshot, a file's number and a row in it.
class IcebergSource final : public exec::Source {
 public:
  IcebergSource(objectstore::ObjectStore& objects, iceberg::TableMetadataPtr metadata, iceberg::ScanOptions options)
      : objects_(objects), metadata_(std::move(metadata)), options_(std::move(options)) {}

  Status Open() {
    FIRN_TRY(scan_, iceberg::TableScan::Make(objects_, metadata_, options_));
    FIRN_TRY(tasks_, scan_->Plan());
    return Ok();
  }

  int partition_count() const override { return 1; }
  void SetWaker(std::function<void()>) override {}

  Result<exec::PollResult> Poll(int, int64_t) override {
    exec::PollResult result;
    result.rows = types::Batch{scan_->schema(), {}, 0, nullptr, nullptr};
    while (next_task_ < tasks_.size()) {
      if (!reader_) {
        FIRN_TRY(reader_, scan_->Open(tasks_[next_task_]));
        row_ = 0;
      }
      FIRN_TRY(std::optional<types::Batch> batch, reader_->Next());
      if (!batch) {
        reader_.reset();
        ++next_task_;
        skip_ = 0;
        continue;
      }
      row_ += batch->row_count;
      if (row_ <= skip_) continue;
      const int64_t wanted = std::min(batch->row_count, row_ - skip_);
      result.rows = types::SliceBatch(*batch, batch->row_count - wanted, wanted);
      return result;
    }
    result.state = exec::PollState::kEnded;
    return result;
  }

  Result<std::string> Positions() const override {
    const int64_t snapshot = scan_->snapshot() == nullptr ? -1 : scan_->snapshot()->snapshot_id;
    return fmt::format("{} {} {}", snapshot, next_task_, reader_ ? std::max(row_, skip_) : skip_);
  }

  Status Seek(const std::string& positions) override {
    long long snapshot = 0, task = 0, row = 0;
    if (std::sscanf(positions.c_str(), "%lld %lld %lld", &snapshot, &task, &row) != 3 || task < 0 || row < 0) {
      return Error(ErrorCode::kCorruption, fmt::format("a stored iceberg position cannot be read: '{}'", positions));
    }
    if (snapshot < 0) {
      tasks_.clear();
      return Ok();
    }
    options_.snapshot = {.snapshot_id = snapshot};
    FIRN_RETURN_IF_ERROR(Open());
    next_task_ = static_cast<size_t>(task);
    skip_ = row;
    return Ok();
  }

  std::vector<exec::PartitionStatus> Describe() const override {
    return {{.name = metadata_->location, .position = static_cast<int64_t>(next_task_), .end_position = static_cast<int64_t>(tasks_.size())}};
  }

 private:
  objectstore::ObjectStore& objects_;
  const iceberg::TableMetadataPtr metadata_;
  iceberg::ScanOptions options_;
  std::unique_ptr<iceberg::TableScan> scan_;
  std::vector<iceberg::FileScanTask> tasks_;
  std::unique_ptr<iceberg::ScanReader> reader_;
  size_t next_task_ = 0;
  int64_t row_ = 0;    // rows of the open file that were read
  int64_t skip_ = 0;   // rows of the file that were given before a restart
};

class IcebergConnector final : public exec::Connector {
 public:
  IcebergConnector(const io::Environment& environment, objectstore::ObjectStore& objects, const catalog::Catalogs& catalogs)
      : environment_(environment), objects_(objects), catalogs_(catalogs) {}
  std::string name() const override { return "iceberg"; }

  Result<plan::SourceTraits> DescribeSource(const plan::TableDefinition& table, bool) const override {
    FIRN_RETURN_IF_ERROR(catalog::SnapshotChoiceOf(table));
    if (table.Option("streaming") == "true") {
      return Error(ErrorCode::kNotSupported, "reading an Iceberg table as a stream is not supported").Hint("leave 'streaming' out: the table is read as it is now");
    }
    return plan::SourceTraits{.is_bounded = true, .takes_projection = true, .takes_predicates = !iceberg::SplitMetadataTableName(table.path.name)};
  }

  Result<plan::SinkTraits> DescribeSink(const plan::TableDefinition& table, bool) const override {
    if (iceberg::SplitMetadataTableName(table.path.name)) return Error(ErrorCode::kNotSupported, fmt::format("{} is a metadata table and cannot be written", table.path.ToString()));
    plan::SinkTraits traits;
    traits.supports_overwrite = true;
    if (IsUpsert(table)) {
      if (table.primary_key.empty()) {
        return Error(ErrorCode::kInvalidOption, fmt::format("{} is in upsert mode and has no primary key", table.path.ToString())).Hint("declare PRIMARY KEY (...) NOT ENFORCED");
      }
      traits.accepts = plan::kUpsert;
      traits.is_upsert = true;
    }
    return traits;
  }

  Result<std::unique_ptr<exec::Source>> MakeSource(const plan::ScanNode& scan, const exec::JobIdentity&) override {
    FIRN_TRY(iceberg::Table table, Load(*scan.table));
    if (const auto name = iceberg::SplitMetadataTableName(scan.table->path.name)) {
      FIRN_TRY(iceberg::SnapshotChoice choice, catalog::SnapshotChoiceOf(*scan.table));
      FIRN_TRY(types::Batch rows, iceberg::ReadMetadataTable(objects_, table, name->kind, choice));
      return MakeMetadataSource(std::move(rows), scan.read_columns);
    }
    FIRN_TRY(iceberg::ScanOptions options, OptionsOf(scan, *table.metadata));
    auto source = std::make_unique<IcebergSource>(objects_, table.metadata, std::move(options));
    FIRN_RETURN_IF_ERROR(source->Open());
    return std::unique_ptr<exec::Source>(std::move(source));
  }

  // Plans the scan; row groups are looked at in the first files.
  Result<std::string> ExplainScan(const plan::ScanNode& scan) const override {
    if (iceberg::SplitMetadataTableName(scan.table->path.name)) return std::string();
    FIRN_TRY(iceberg::Table table, Load(*scan.table));
    FIRN_TRY(iceberg::ScanOptions options, OptionsOf(scan, *table.metadata));
    FIRN_TRY(auto planned, iceberg::TableScan::Make(objects_, table.metadata, std::move(options)));
    FIRN_TRY(std::vector<iceberg::FileScanTask> tasks, planned->Plan());
    iceberg::ScanCounters counters = planned->planned();
    const size_t opened = std::min(tasks.size(), kExplainedFilesMax);
    for (size_t i = 0; i < opened; ++i) {
      FIRN_TRY(auto reader, planned->Open(tasks[i]));
      counters.Add(reader->counters());
    }
    std::string text = fmt::format("{} of {} files, {} rows, {} bytes; manifests skipped: {} of {}", tasks.size(), counters.files, counters.rows_in_files, counters.bytes_in_files,
                                   counters.manifests_skipped, counters.manifests);
    if (opened > 0) text += fmt::format("; row groups skipped: {} of {}{}", counters.row_groups_skipped, counters.row_groups, opened < tasks.size() ? fmt::format(" in {} files", opened) : "");
    if (counters.delete_files > 0) text += fmt::format("; delete files: {}", counters.delete_files);
    return text;
  }

  Result<exec::Sink> MakeSink(const plan::SinkNode& sink, const types::SchemaPtr& input, int lanes, const exec::JobIdentity& job) override {
    FIRN_TRY(auto iceberg_catalog, catalogs_.IcebergCatalog(sink.table->path.catalog));
    FIRN_TRY(iceberg::Table table, iceberg_catalog->LoadTable({sink.table->path.database, sink.table->path.name}));
    const iceberg::WriteContext context{objects_, environment_.clock, environment_.random};
    return MakeIcebergSink(context, {iceberg_catalog, std::move(table), IsUpsert(*sink.table), job.job_id, job.checkpoint_id}, sink, input, lanes);
  }

 private:
  static constexpr size_t kExplainedFilesMax = 64;

  Result<iceberg::Table> Load(const plan::TableDefinition& table) const {
    FIRN_TRY(auto iceberg_catalog, catalogs_.IcebergCatalog(table.path.catalog));
    const auto metadata_table = iceberg::SplitMetadataTableName(table.path.name);
    return iceberg_catalog->LoadTable({table.path.database, metadata_table ? metadata_table->table : table.path.name});
  }

  // Columns and predicate by the ids of the chosen snapshot's schema.
  static Result<iceberg::ScanOptions> OptionsOf(const plan::ScanNode& scan, const iceberg::TableMetadata& metadata) {
    iceberg::ScanOptions options;
    FIRN_TRY(options.snapshot, catalog::SnapshotChoiceOf(*scan.table));
    FIRN_TRY(iceberg::ChosenSnapshot chosen, iceberg::ChooseSnapshot(metadata, options.snapshot));
    std::vector<int32_t> ids;
    std::vector<const iceberg::NestedField*> fields;
    for (const types::Field& column : scan.read_columns) {
      const iceberg::NestedField* found = chosen.schema->FindColumn(column.name);
      if (found == nullptr) return Error(ErrorCode::kColumnNotFound, fmt::format("column `{}` was not in {} at that snapshot", column.name, scan.table->path.ToString()));
      ids.push_back(found->id);
      fields.push_back(found);
    }
    options.column_ids = std::move(ids);
    options.predicate = ScanPredicateOf(scan.predicates, fields);
    return options;
  }

  static bool IsUpsert(const plan::TableDefinition& table) { return table.Option("upsert-enabled", table.Option("write.upsert.enabled")) == "true"; }

  const io::Environment environment_;
  objectstore::ObjectStore& objects_;
  const catalog::Catalogs& catalogs_;
};

}  // namespace

std::unique_ptr<exec::Connector> MakeIcebergConnector(const io::Environment& environment, objectstore::ObjectStore& objects, const catalog::Catalogs& catalogs) {
  return std::make_unique<IcebergConnector>(environment, objects, catalogs);
}

}  // namespace firn::connect
