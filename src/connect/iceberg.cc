// SPDX-License-Identifier: Apache-2.0
#include "connect/iceberg.h"

#include <fmt/format.h>

#include <charconv>

#include "connect/iceberg_sink.h"
#include "connect/stateless_sink_internal.h"
#include "iceberg/table_metadata.h"
#include "iceberg/table_scan.h"

namespace firn::connect {

namespace {

Result<int64_t> NumberOption(const plan::TableDefinition& table, const std::string& key) {
  int64_t value = 0;
  const std::string text = table.Option(key);
  auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (status != std::errc() || end != text.data() + text.size()) {
    return Error(ErrorCode::kInvalidOption, fmt::format("'{}' is '{}'; it takes a whole number", key, text));
  }
  return value;
}

Result<iceberg::SnapshotChoice> ChoiceOf(const plan::TableDefinition& table) {
  iceberg::SnapshotChoice choice;
  if (table.options.contains("snapshot-id")) {
    FIRN_TRY(choice.snapshot_id, NumberOption(table, "snapshot-id"));
  }
  if (table.options.contains("as-of-timestamp")) {
    FIRN_TRY(choice.as_of_ms, NumberOption(table, "as-of-timestamp"));
  }
  for (const char* key : {"branch", "tag", "ref"}) {
    if (table.options.contains(key)) choice.ref = table.Option(key);
  }
  return choice;
}

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
    FIRN_RETURN_IF_ERROR(ChoiceOf(table));
    if (table.Option("streaming") == "true") {
      return Error(ErrorCode::kNotSupported, "reading an Iceberg table as a stream is not supported").Hint("leave 'streaming' out: the table is read as it is now");
    }
    return plan::SourceTraits{.is_bounded = true, .takes_projection = true};
  }

  Result<plan::SinkTraits> DescribeSink(const plan::TableDefinition& table, bool) const override {
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
    FIRN_TRY(auto iceberg_catalog, catalogs_.IcebergCatalog(scan.table->path.catalog));
    FIRN_TRY(iceberg::Table table, iceberg_catalog->LoadTable({scan.table->path.database, scan.table->path.name}));
    iceberg::ScanOptions options;
    FIRN_TRY(options.snapshot, ChoiceOf(*scan.table));
    FIRN_TRY(iceberg::ChosenSnapshot chosen, iceberg::ChooseSnapshot(*table.metadata, options.snapshot));
    std::vector<int32_t> ids;
    for (const types::Field& column : scan.read_columns) {
      const iceberg::NestedField* found = nullptr;
      for (const iceberg::NestedField& field : chosen.schema->fields) {
        if (field.name == column.name) found = &field;
      }
      if (found == nullptr) return Error(ErrorCode::kColumnNotFound, fmt::format("column `{}` was not in {} at that snapshot", column.name, scan.table->path.ToString()));
      ids.push_back(found->id);
    }
    options.column_ids = std::move(ids);
    auto source = std::make_unique<IcebergSource>(objects_, table.metadata, std::move(options));
    FIRN_RETURN_IF_ERROR(source->Open());
    return std::unique_ptr<exec::Source>(std::move(source));
  }

  Result<exec::Sink> MakeSink(const plan::SinkNode& sink, const types::SchemaPtr& input, int lanes, const exec::JobIdentity& job) override {
    FIRN_TRY(auto iceberg_catalog, catalogs_.IcebergCatalog(sink.table->path.catalog));
    FIRN_TRY(iceberg::Table table, iceberg_catalog->LoadTable({sink.table->path.database, sink.table->path.name}));
    const iceberg::WriteContext context{objects_, environment_.clock, environment_.random};
    return MakeIcebergSink(context, {iceberg_catalog, std::move(table), IsUpsert(*sink.table), job.job_id}, sink, input, lanes);
  }

 private:
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
