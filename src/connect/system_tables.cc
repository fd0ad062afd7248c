// SPDX-License-Identifier: Apache-2.0
#include "connect/system_tables.h"

#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/array/builder_time.h>
#include <fmt/format.h>

#include <optional>
#include <set>
#include <variant>

#include "base/assert.h"
#include "connect/iceberg_metadata.h"
#include "connect/options.h"
#include "connect/stateless_sink_internal.h"
#include "types/arrow_result.h"

namespace firn::connect {

namespace {

using types::DataType;

struct Instant {
  int64_t ms;
};
using Cell = std::variant<std::monostate, std::string, int64_t, double, bool, Instant>;
using Row = std::vector<Cell>;

Cell InstantOrNull(int64_t ms) {
  const bool is_known = ms > 0 && ms != types::kFinalWatermark;
  return is_known ? Cell(Instant{ms}) : Cell();
}
bool Runs(const exec::JobStatus& job) {
  return job.state != exec::JobState::kFinished && job.state != exec::JobState::kFailed && job.state != exec::JobState::kCanceled;
}
Cell TextOrNull(const std::string& text) { return text.empty() ? Cell() : Cell(text); }

// --- the rows of each table ---

void AddJob(const exec::JobStatus& job, std::vector<Row>* rows) {
  int64_t state_bytes = 0;
  for (const exec::VertexStatus& vertex : job.vertices) state_bytes += vertex.state_bytes;
  rows->push_back({job.id, job.definition.name, std::string(exec::JobStateText(job.state)), InstantOrNull(job.start_ms), InstantOrNull(job.end_ms), int64_t{job.restarts},
                   job.checkpoints_completed, job.checkpoints_failed, state_bytes, job.failure ? Cell(job.failure->ToString()) : Cell(), job.definition.statement});
}

void AddOperators(const exec::JobStatus& job, std::vector<Row>* rows) {
  for (const exec::VertexStatus& vertex : job.vertices) {
    rows->push_back({job.id, int64_t{vertex.node_id}, vertex.name, int64_t{vertex.parallelism}, vertex.rows_in, vertex.rows_out, vertex.bytes_in, vertex.late_rows,
                     vertex.null_rowtime_rows, vertex.state_bytes, InstantOrNull(vertex.watermark_ms), vertex.busy_ratio, vertex.is_backpressured});
  }
}

void AddPartitions(const exec::JobStatus& job, std::vector<Row>* rows) {
  if (!Runs(job)) return;
  for (const exec::SourcePartitionStatus& source : job.partitions) {
    const exec::PartitionStatus& partition = source.partition;
    const bool has_end = partition.end_position >= 0;
    rows->push_back({job.id, int64_t{source.node_id}, source.table, partition.name, partition.position, has_end ? Cell(partition.end_position) : Cell(),
                     has_end ? Cell(partition.end_position - partition.position) : Cell(), InstantOrNull(source.watermark_ms), source.is_idle, source.late_rows,
                     partition.decode_errors, partition.decode_error.empty() ? Cell() : Cell(partition.decode_error)});
  }
}

void AddCheckpoints(const exec::JobStatus& job, std::vector<Row>* rows) {
  for (const exec::CheckpointStatus& checkpoint : job.checkpoints) {
    rows->push_back({job.id, checkpoint.id, checkpoint.state, InstantOrNull(checkpoint.triggered_ms), checkpoint.duration_ms, checkpoint.state_bytes,
                     checkpoint.full_state_bytes, TextOrNull(checkpoint.failure)});
  }
}

// The operator and all that it gets rows from.
std::set<int> BehindOperator(const exec::JobStatus& job, int node_id) {
  std::set<int> behind = {node_id};
  std::vector<int> open = {node_id};
  while (!open.empty()) {
    const int at = open.back();
    open.pop_back();
    for (const auto& [from, to] : job.edges) {
      if (to == at && behind.insert(from).second) open.push_back(from);
    }
  }
  return behind;
}

// Of the partitions that the operator gets rows from, the one whose watermark is the smallest holds back what comes behind it; an idle one holds back nothing.
const exec::SourcePartitionStatus* SlowestPartition(const exec::JobStatus& job, int node_id) {
  const std::set<int> behind = BehindOperator(job, node_id);
  const exec::SourcePartitionStatus* slowest = nullptr;
  for (const exec::SourcePartitionStatus& source : job.partitions) {
    if (behind.contains(source.node_id) && !source.is_idle && (slowest == nullptr || source.watermark_ms < slowest->watermark_ms)) slowest = &source;
  }
  return slowest;
}

std::string WaitText(const exec::SourcePartitionStatus* slowest) {
  if (slowest == nullptr) return "a row: every source partition is idle, so the watermark stands still";
  const exec::PartitionStatus& partition = slowest->partition;
  if (slowest->watermark_ms == types::kNoWatermark) return fmt::format("a first watermark from {}: no row with an event time has come from it", partition.name);
  if (partition.position >= partition.end_position && partition.end_position >= 0) {
    return fmt::format("a newer row in {}: it is read to its end (offset {}); 'table.exec.source.idle-timeout' lets the others go on without it", partition.name, partition.position);
  }
  return fmt::format("the watermark of {}, which is the furthest behind", partition.name);
}

void AddWindows(const exec::JobStatus& job, std::vector<Row>* rows) {
  if (!Runs(job)) return;
  for (const exec::OpenWindow& window : job.windows) {
    const exec::SourcePartitionStatus* slowest = SlowestPartition(job, window.node_id);
    std::string name;
    for (const exec::VertexStatus& vertex : job.vertices) {
      if (vertex.node_id == window.node_id) name = vertex.name;
    }
    rows->push_back({job.id, int64_t{window.node_id}, name, Instant{window.start_ms}, Instant{window.end_ms}, window.keys, InstantOrNull(window.watermark_ms),
                     slowest == nullptr ? Cell() : Cell(slowest->partition.name), WaitText(slowest)});
  }
}

// --- their columns ---

const DataType kText = DataType::String().NotNull();
const DataType kNumber = DataType::BigInt().NotNull();
const DataType kTime = DataType::TimestampLtz(3);

struct SystemTable {
  const char* name;
  const char* comment;
  std::vector<types::Field> columns;
  void (*add)(const exec::JobStatus& job, std::vector<Row>* rows);
};

const std::vector<SystemTable>& Tables() {
  static const std::vector<SystemTable> tables = {
      {"jobs", "jobs that run and the newest that have ended",
       {{"job_id", kText}, {"name", kText}, {"state", kText}, {"start_time", kTime}, {"end_time", kTime}, {"restarts", kNumber}, {"checkpoints_completed", kNumber},
        {"checkpoints_failed", kNumber}, {"state_bytes", kNumber}, {"failure", DataType::String()}, {"statement", kText}},
       AddJob},
      {"operators", "what each operator of a job has done, and its state",
       {{"job_id", kText}, {"operator_id", kNumber}, {"name", kText}, {"parallelism", kNumber}, {"rows_in", kNumber}, {"rows_out", kNumber}, {"bytes_in", kNumber},
        {"late_rows", kNumber}, {"null_rowtime_rows", kNumber}, {"state_bytes", kNumber}, {"watermark", kTime}, {"busy", DataType::Double().NotNull()},
        {"backpressured", DataType::Boolean().NotNull()}},
       AddOperators},
      {"source_partitions", "how far each partition of a source has been read",
       {{"job_id", kText}, {"operator_id", kNumber}, {"table_name", kText}, {"partition_name", kText}, {"offset", kNumber}, {"end_offset", DataType::BigInt()},
        {"lag", DataType::BigInt()}, {"watermark", kTime}, {"idle", DataType::Boolean().NotNull()}, {"late_rows", kNumber}, {"decode_errors", kNumber},
        {"decode_error", DataType::String()}},
       AddPartitions},
      {"checkpoints", "the newest checkpoints of each job",
       {{"job_id", kText}, {"checkpoint_id", kNumber}, {"state", kText}, {"trigger_time", kTime}, {"duration_ms", kNumber}, {"state_bytes", kNumber},
        {"full_state_bytes", kNumber}, {"failure", DataType::String()}},
       AddCheckpoints},
      {"windows", "open windows and what they wait for",
       {{"job_id", kText}, {"operator_id", kNumber}, {"operator", kText}, {"window_start", DataType::Timestamp(3).NotNull()}, {"window_end", DataType::Timestamp(3).NotNull()},
        {"keys", kNumber}, {"watermark", kTime}, {"held_by", DataType::String()}, {"waits_for", kText}},
       AddWindows},
  };
  return tables;
}

const SystemTable* FindSystemTable(const std::string& name) {
  for (const SystemTable& table : Tables()) {
    if (table.name == name) return &table;
  }
  return nullptr;
}

template <typename Builder, typename Value, typename Convert>
Result<types::ArrayPtr> BuildColumn(Builder&& builder, const std::vector<Row>& rows, size_t column, const Convert& convert) {
  for (const Row& row : rows) {
    FIRN_ASSERT(column < row.size(), "column {} of a row of {}", column, row.size());
    const Cell& cell = row[column];
    if (std::holds_alternative<std::monostate>(cell)) {
      FIRN_RETURN_IF_ERROR(types::FromArrowStatus(builder.AppendNull()));
    } else {
      FIRN_RETURN_IF_ERROR(types::FromArrowStatus(builder.Append(convert(std::get<Value>(cell)))));
    }
  }
  return types::FromArrowResult(builder.Finish());
}

Result<types::ArrayPtr> ColumnOf(const DataType& type, const std::vector<Row>& rows, size_t column) {
  const auto same = [](const auto& value) { return value; };
  switch (type.kind()) {
    case types::TypeKind::kVarchar: return BuildColumn<arrow::StringBuilder, std::string>(arrow::StringBuilder(), rows, column, same);
    case types::TypeKind::kBigInt: return BuildColumn<arrow::Int64Builder, int64_t>(arrow::Int64Builder(), rows, column, same);
    case types::TypeKind::kDouble: return BuildColumn<arrow::DoubleBuilder, double>(arrow::DoubleBuilder(), rows, column, same);
    case types::TypeKind::kBoolean: return BuildColumn<arrow::BooleanBuilder, bool>(arrow::BooleanBuilder(), rows, column, same);
    case types::TypeKind::kTimestamp:
    case types::TypeKind::kTimestampLtz:
      return BuildColumn<arrow::TimestampBuilder, Instant>(arrow::TimestampBuilder(type.ToArrow(), arrow::default_memory_pool()), rows, column,
                                                           [](const Instant& instant) { return instant.ms * 1000; });
    default: FIRN_UNREACHABLE("a system table has a column of {}", type.ToString());
  }
}

class SystemConnector final : public exec::Connector {
 public:
  explicit SystemConnector(const SystemTables& tables) : tables_(tables) {}
  std::string name() const override { return "system"; }

  Result<plan::SourceTraits> DescribeSource(const plan::TableDefinition& table, bool) const override {
    FIRN_RETURN_IF_ERROR(CheckOptions(table, {}));
    if (FindSystemTable(table.path.name) == nullptr) {
      return Error(ErrorCode::kUnknownConnector, "the connector 'system' is that of the tables of `sys`; no table is made with it").Hint("SELECT * FROM sys.jobs");
    }
    return plan::SourceTraits{.is_bounded = true, .takes_projection = true};
  }
  Result<plan::SinkTraits> DescribeSink(const plan::TableDefinition& table, bool) const override { return RefuseSink(table); }

  Result<std::unique_ptr<exec::Source>> MakeSource(const plan::ScanNode& scan, const exec::JobIdentity&) override {
    const exec::Engine* engine = tables_.engine();
    if (engine == nullptr) return Error(ErrorCode::kUnavailable, "the node is starting: its jobs are not known yet").Hint("ask again in a second");
    FIRN_TRY(types::Batch rows, SystemRows(scan.table->path.name, engine->Jobs()));
    return MakeMetadataSource(std::move(rows), scan.read_columns);
  }
  Result<exec::Sink> MakeSink(const plan::SinkNode& sink, const types::SchemaPtr&, int, const exec::JobIdentity&) override { return RefuseSink(*sink.table); }

 private:
  const SystemTables& tables_;
};

}  // namespace

SystemTables::SystemTables() {
  for (const SystemTable& table : Tables()) {
    plan::TableDefinition definition;
    definition.path = {catalog::kDefaultCatalog, catalog::kSystemDatabase, table.name};
    definition.connector = "system";
    definition.options["connector"] = "system";
    definition.comment = table.comment;
    for (const types::Field& column : table.columns) definition.columns.push_back({.name = column.name, .type = column.type});
    tables_[table.name] = std::make_shared<const plan::TableDefinition>(std::move(definition));
  }
}

std::vector<std::string> SystemTables::Names() const {
  std::vector<std::string> names;
  for (const auto& [name, table] : tables_) names.push_back(name);
  return names;
}

Result<plan::TableDefinitionPtr> SystemTables::Find(const std::string& name) const {
  auto found = tables_.find(name);
  if (found != tables_.end()) return found->second;
  return Error(ErrorCode::kTableNotFound, fmt::format("there is no system table sys.{}", name)).Candidates(base::NearNames(name, Names())).Hint("SHOW TABLES IN sys lists all");
}

Result<types::Batch> SystemRows(const std::string& table, const std::vector<exec::JobStatus>& jobs) {
  const SystemTable* found = FindSystemTable(table);
  FIRN_ASSERT(found != nullptr, "no system table {}", table);
  std::vector<Row> rows;
  for (const exec::JobStatus& job : jobs) found->add(job, &rows);
  types::Batch batch{types::MakeSchema(found->columns), {}, static_cast<int64_t>(rows.size()), nullptr, nullptr};
  for (size_t i = 0; i < found->columns.size(); ++i) {
    FIRN_TRY(types::ArrayPtr column, ColumnOf(found->columns[i].type, rows, i));
    batch.columns.push_back(std::move(column));
  }
  return batch;
}

std::unique_ptr<exec::Connector> MakeSystemConnector(const SystemTables& tables) { return std::make_unique<SystemConnector>(tables); }

}  // namespace firn::connect
