// SPDX-License-Identifier: Apache-2.0
#include "connect/iceberg.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>

#include "base/utf8.h"
#include "catalog/iceberg_definition.h"
#include "connect/iceberg_metadata.h"
#include "connect/iceberg_predicate.h"
#include "connect/iceberg_sink.h"
#include "connect/iceberg_source.h"
#include "connect/options.h"
#include "connect/stateless_sink_internal.h"
#include "iceberg/metadata_table.h"
#include "iceberg/sql_types.h"
#include "iceberg/table_metadata.h"
#include "iceberg/table_scan.h"

namespace firn::connect {

namespace {

// What Flink's hints of reading say; how the work is cut into splits is not asked for here.
const std::vector<OptionRule>& ReadHints() {
  static const std::vector<OptionRule>* const rules = new std::vector<OptionRule>{
      {"snapshot-id", OptionKind::kInteger, false, {}, "reads this snapshot"},
      {"as-of-timestamp", OptionKind::kInteger, false, {}, "reads the snapshot that was current then (milliseconds)"},
      {"branch", OptionKind::kText, false, {}, "reads the branch"},
      {"tag", OptionKind::kText, false, {}, "reads the tag"},
      {"ref", OptionKind::kText, false, {}, "reads the branch or tag"},
      {"streaming", OptionKind::kBoolean, false, {}, "'false'"},
      {"monitor-interval", OptionKind::kDuration, false, {}, "accepted"},
      {"case-sensitive", OptionKind::kBoolean, false, {}, "accepted"},
      {"split-size", OptionKind::kInteger, false, {}, "accepted"},
      {"split-lookback", OptionKind::kInteger, false, {}, "accepted"},
      {"split-file-open-cost", OptionKind::kInteger, false, {}, "accepted"},
      {"include-column-stats", OptionKind::kBoolean, false, {}, "accepted"},
      {"max-planning-snapshot-count", OptionKind::kInteger, false, {}, "accepted"},
      {"max-allowed-planning-failures", OptionKind::kInteger, false, {}, "accepted"},
  };
  return *rules;
}

const std::vector<OptionRule>& WriteHints() {
  static const std::vector<OptionRule>* const rules = new std::vector<OptionRule>{
      {"upsert-enabled", OptionKind::kBoolean, false, {}, "replaces rows by the primary key"},
      {"write.upsert.enabled", OptionKind::kBoolean, false, {}, "replaces rows by the primary key"},
      {"overwrite-enabled", OptionKind::kChoice, false, {"false"}, "'false'; INSERT OVERWRITE overwrites"},
      {"write-format", OptionKind::kChoice, false, {"parquet"}, "'parquet'"},
      {"distribution-mode", OptionKind::kText, false, {}, "accepted; rows go to the lane of their key"},
      {"write-parallelism", OptionKind::kInteger, false, {}, "accepted"},
  };
  return *rules;
}

class IcebergConnector final : public exec::Connector {
 public:
  IcebergConnector(const io::Environment& environment, objectstore::ObjectStore& objects, const catalog::Catalogs& catalogs)
      : environment_(environment), objects_(objects), catalogs_(catalogs) {
    const int processors = environment.executor.parallelism();
    for (int i = 0; processors > 1 && i < processors; ++i) {
      if (auto reader = environment.executor.NewQueue(fmt::format("iceberg-read-{}", i)); reader.ok()) readers_.push_back(*std::move(reader));
    }
  }
  std::string name() const override { return "iceberg"; }

  Result<plan::SourceTraits> DescribeSource(const plan::TableDefinition& table, bool) const override {
    FIRN_RETURN_IF_ERROR(CheckHints(table, ReadHints()));
    FIRN_RETURN_IF_ERROR(catalog::SnapshotChoiceOf(table));
    if (table.Option("streaming") == "true") {
      return Error(ErrorCode::kNotSupported, fmt::format("'streaming' is 'true': the Iceberg table {} cannot be read as a stream", table.path.ToString())).Hint("leave it out: the table is read as it is now");
    }
    const bool is_data = !iceberg::SplitMetadataTableName(table.path.name);
    return plan::SourceTraits{.is_bounded = true, .takes_projection = true, .counts_rows = is_data, .takes_predicates = is_data};
  }

  Result<plan::SinkTraits> DescribeSink(const plan::TableDefinition& table, bool) const override {
    if (iceberg::SplitMetadataTableName(table.path.name)) return Error(ErrorCode::kNotSupported, fmt::format("{} is a metadata table and cannot be written", table.path.ToString())).Hint("write to the table itself: its metadata follows");
    FIRN_RETURN_IF_ERROR(CheckHints(table, WriteHints()));
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
    FIRN_TRY(iceberg::Table table, LoadForScan(scan));
    if (const auto name = iceberg::SplitMetadataTableName(scan.table->path.name)) {
      FIRN_TRY(iceberg::SnapshotChoice choice, catalog::SnapshotChoiceOf(*scan.table));
      FIRN_TRY(types::Batch rows, iceberg::ReadMetadataTable(objects_, table, name->kind, choice));
      return MakeMetadataSource(std::move(rows), scan.read_columns);
    }
    FIRN_TRY(iceberg::ScanOptions options, OptionsOf(scan, *table.metadata));
    io::TaskQueue* ahead = readers_.empty() ? nullptr : readers_[next_reader_.fetch_add(1, std::memory_order_relaxed) % readers_.size()].get();
    return MakeIcebergSource(objects_, table.metadata, std::move(options), ahead);
  }

  // Plans the scan; row groups are looked at in the first files.
  Result<std::string> ExplainScan(const plan::ScanNode& scan) const override {
    if (iceberg::SplitMetadataTableName(scan.table->path.name)) return std::string();
    FIRN_TRY(iceberg::Table table, LoadForScan(scan));
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
    FIRN_TRY(table.metadata, AsPlanned(std::move(table.metadata), *sink.table));
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

  // What is read of the past has the columns that it had then.
  Result<iceberg::Table> LoadForScan(const plan::ScanNode& scan) const {
    const plan::TableDefinition& planned = *scan.table;
    FIRN_TRY(iceberg::Table table, Load(planned));
    FIRN_TRY(iceberg::SnapshotChoice choice, catalog::SnapshotChoiceOf(planned));
    if (choice.snapshot_id || choice.ref || choice.as_of_ms || iceberg::SplitMetadataTableName(planned.path.name)) return table;
    const iceberg::TableMetadataPtr now = table.metadata;
    FIRN_TRY(table.metadata, AsPlanned(std::move(table.metadata), planned));
    FIRN_RETURN_IF_ERROR(CheckTypes(scan, table.metadata->schema(), now->schema()));
    return table;
  }

  // Values of a type that has been promoted since need not fit into what the query was planned for. A column that is gone is NULL in newer rows.
  static Status CheckTypes(const plan::ScanNode& scan, const iceberg::Schema& planned, const iceberg::Schema& now) {
    for (const types::Field& column : scan.read_columns) {
      const iceberg::NestedField* then = planned.FindColumn(column.name);
      const iceberg::NestedField* found = then == nullptr ? nullptr : now.FindById(then->id);
      if (found != nullptr) FIRN_RETURN_IF_ERROR(CheckType(scan, column, *found));
    }
    return Ok();
  }

  static Status CheckType(const plan::ScanNode& scan, const types::Field& column, const iceberg::NestedField& now) {
    FIRN_TRY(const types::DataType type, iceberg::SqlTypeOf(now.type));
    if (type.EqualsIgnoringNullability(column.type)) return Ok();
    return Error(ErrorCode::kSchemaMismatch, fmt::format("column `{}` of {} is {} now and was {} when the query was planned", column.name, scan.table->path.ToString(), type.ToString(),
                                                         column.type.WithNullable(true).ToString()))
        .Hint("submit the statement again");
  }

  static Result<bool> HasColumnsOf(const iceberg::Schema& schema, const plan::TableDefinition& planned) {
    if (schema.fields.size() != planned.columns.size()) return false;
    for (size_t i = 0; i < schema.fields.size(); ++i) {
      if (schema.fields[i].name != planned.columns[i].name) return false;
      FIRN_TRY(const types::DataType type, iceberg::SqlTypeOf(schema.fields[i].type));
      if (!type.EqualsIgnoringNullability(planned.columns[i].type)) return false;
    }
    return true;
  }

  // A job that comes back writes the columns that it was planned with, by their ids, as one does that runs while its table is altered: the schema is the newest
  // that has them.
  static Result<iceberg::TableMetadataPtr> AsPlanned(iceberg::TableMetadataPtr metadata, const plan::TableDefinition& planned) {
    FIRN_TRY(const bool is_as_it_was, HasColumnsOf(metadata->schema(), planned));
    if (is_as_it_was) return metadata;
    for (auto schema = metadata->schemas.rbegin(); schema != metadata->schemas.rend(); ++schema) {
      FIRN_TRY(const bool is_planned, HasColumnsOf(*schema, planned));
      if (!is_planned) continue;
      auto chosen = std::make_shared<iceberg::TableMetadata>(*metadata);
      chosen->current_schema_id = schema->schema_id;
      return iceberg::TableMetadataPtr(std::move(chosen));
    }
    std::string columns;
    for (const plan::TableColumn& column : planned.columns) columns += fmt::format("{}`{}` {}", columns.empty() ? "" : ", ", column.name, column.type.ToString());
    return Error(ErrorCode::kSchemaMismatch, fmt::format("{} has never had the columns that the query was planned for: {}", planned.path.ToString(), base::Excerpt(columns)))
        .Hint("another table has this name by now: submit the statement again for it");
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
      if (found == nullptr) return Error(ErrorCode::kColumnNotFound, fmt::format("column `{}` was not in {} at that snapshot", column.name, scan.table->path.ToString())).Hint("leave it out, or read a later snapshot");
      FIRN_RETURN_IF_ERROR(CheckType(scan, column, *found));
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
  std::atomic<size_t> next_reader_ = 0;
  std::vector<std::unique_ptr<io::TaskQueue>> readers_;  // scans read ahead on them, in turn; none with one processor, fewer where the system has no thread to give
};

}  // namespace

std::unique_ptr<exec::Connector> MakeIcebergConnector(const io::Environment& environment, objectstore::ObjectStore& objects, const catalog::Catalogs& catalogs) {
  return std::make_unique<IcebergConnector>(environment, objects, catalogs);
}

}  // namespace firn::connect
