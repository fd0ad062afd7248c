// SPDX-License-Identifier: Apache-2.0
#include "connect/filesystem.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"
#include "connect/filesystem_sink.h"
#include "connect/filesystem_source.h"
#include "connect/options.h"
#include "formats/record_format.h"
#include "objectstore/object_store.h"

namespace firn::connect {

namespace {

const std::vector<OptionRule>& FilesystemOptions() {
  static const std::vector<OptionRule>* const rules = new std::vector<OptionRule>{
      {"path", OptionKind::kText, true, {}, "a file or a folder, as a path or a file:// URI"},
      {"format", OptionKind::kText, true, {}, "json, csv, raw, debezium-json or parquet"},
      {"json.*", OptionKind::kText, false, {}, "options of the format"},
      {"csv.*", OptionKind::kText, false, {}, "options of the format"},
      {"raw.*", OptionKind::kText, false, {}, "options of the format"},
      {"debezium-json.*", OptionKind::kText, false, {}, "options of the format"},
      {"parquet.*", OptionKind::kText, false, {}, "options of the format: compression"},
      {"partition.default-name", OptionKind::kText, false, {}, "the folder name of a NULL in PARTITIONED BY"},
      {"partition.*", OptionKind::kText, false, {}, "accepted"},
      {"sink.*", OptionKind::kText, false, {}, "accepted"},
      {"source.*", OptionKind::kText, false, {}, "accepted"},
  };
  return *rules;
}

const std::vector<types::Field>& Metadata() {
  using types::DataType;
  static const std::vector<types::Field>* const fields = new std::vector<types::Field>{
      {"file.path", DataType::String().NotNull()},
      {"file.name", DataType::String().NotNull()},
      {"file.size", DataType::BigInt().NotNull()},
      {"file.modification-time", DataType::TimestampLtz(3).NotNull()},
  };
  return *fields;
}

Status CheckParquet(const formats::FormatSpec& spec) {
  for (const auto& [key, value] : spec.options) {
    if (key != "compression" && key != "utc-timezone") {
      return Error(ErrorCode::kInvalidOption, fmt::format("the parquet format has no option 'parquet.{}'", key)).Hint("it has 'parquet.compression'").Candidates(base::NearNames(key, {"compression"}));
    }
  }
  return Ok();
}

// What WITH and PARTITIONED BY say.
struct FileTable {
  std::string path;
  formats::FormatSpec format;
  PartitionFolders partitions;
};

Result<FileTable> DescribeTable(const plan::TableDefinition& table) {
  FIRN_RETURN_IF_ERROR(CheckOptions(table, FilesystemOptions()));
  FIRN_TRY(std::string path, objectstore::LocalPath(table.Option("path")));
  FIRN_TRY(PartitionFolders partitions, PartitionFolders::Make(table));
  const std::string name = table.Option("format");
  formats::FormatSpec spec{name, formats::FormatOptions(table.options, name), "UTC", {}, /*is_of_lines=*/true};
  for (const plan::TableColumn& column : table.columns) {
    if (column.kind == plan::ColumnKind::kPhysical && !partitions.LevelOf(column.name)) spec.columns.push_back({column.name, column.type});
  }
  FIRN_RETURN_IF_ERROR(name == "parquet" ? CheckParquet(spec) : formats::CheckFormat(spec, {"parquet"}));
  return FileTable{std::move(path), std::move(spec), std::move(partitions)};
}

// What a file declares is the table's, not what is known of one query's rows: a column of literals has no NULL in it, and the next INSERT may bring one.
const types::DataType& TypeOf(const plan::TableDefinition& table, const std::string& column) {
  const auto found = std::find_if(table.columns.begin(), table.columns.end(), [&](const plan::TableColumn& known) { return known.name == column; });
  FIRN_ASSERT(found != table.columns.end(), "{} has no column {}, which is written", table.path.ToString(), column);
  return found->type;
}

// In batch mode a table of changes has no rows to read.
Status CheckBatch(const plan::TableDefinition& table, const formats::FormatSpec& format, bool is_batch) {
  if (!is_batch || !formats::HasChanges(format)) return Ok();
  return Error(ErrorCode::kNotSupported, fmt::format("{} holds changes ('{}'), and a batch query reads rows only", table.path.ToString(), format.name)).Hint("SET 'execution.runtime-mode'='streaming'");
}

class FilesystemConnector final : public exec::Connector {
 public:
  explicit FilesystemConnector(const io::Environment& environment) : environment_(environment) {}
  std::string name() const override { return "filesystem"; }

  Result<plan::SourceTraits> DescribeSource(const plan::TableDefinition& table, bool is_batch) const override {
    FIRN_TRY(FileTable described, DescribeTable(table));
    FIRN_RETURN_IF_ERROR(CheckBatch(table, described.format, is_batch));
    plan::SourceTraits traits;
    traits.is_bounded = true;
    traits.metadata = Metadata();
    traits.takes_projection = true;
    traits.counts_rows = described.format.name == "parquet";
    if (formats::HasChanges(described.format)) traits.changelog = plan::kRetract;
    return traits;
  }
  Result<plan::SinkTraits> DescribeSink(const plan::TableDefinition& table, bool) const override {
    FIRN_TRY(FileTable described, DescribeTable(table));
    plan::SinkTraits traits;
    traits.supports_overwrite = true;
    if (formats::HasChanges(described.format)) traits.accepts = plan::kRetract;
    return traits;
  }
  Result<std::unique_ptr<exec::Source>> MakeSource(const plan::ScanNode& scan, const exec::JobIdentity&) override {
    FIRN_TRY(FileTable described, DescribeTable(*scan.table));
    return MakeFilesystemSource(environment_.files, {std::move(described.path), std::move(described.partitions), std::move(described.format)}, scan);
  }
  Result<exec::Sink> MakeSink(const plan::SinkNode& sink, const types::SchemaPtr& input, int lanes, const exec::JobIdentity& job) override {
    FIRN_TRY(FileTable described, DescribeTable(*sink.table));
    std::vector<types::Field> fields;
    FIRN_ASSERT(sink.columns.size() == input->size(), "{} columns are written of {}", sink.columns.size(), input->size());
    for (const std::string& name : sink.columns) fields.push_back({name, TypeOf(*sink.table, name)});
    return MakeFilesystemSink(environment_, {std::move(described.path), std::move(described.partitions), std::move(described.format), sink.overwrite, job.job_id}, types::MakeSchema(std::move(fields)), lanes);
  }

 private:
  const io::Environment environment_;
};

}  // namespace

std::unique_ptr<exec::Connector> MakeFilesystemConnector(const io::Environment& environment) { return std::make_unique<FilesystemConnector>(environment); }

}  // namespace firn::connect
