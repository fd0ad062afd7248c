// SPDX-License-Identifier: Apache-2.0
#include "job_node.h"

#include <arrow/array.h>
#include <arrow/compute/initialize.h>
#include <arrow/scalar.h>

#include "connect/iceberg.h"
#include "connect/kafka.h"
#include "gateway/replan.h"
#include "iceberg/catalog.h"
#include "iceberg/table_scan.h"
#include "io/file_system.h"
#include "io/network.h"
#include "types/arrow_result.h"

namespace firn::sim {

namespace {

const log::StoreOptions kSmall{.journal_file_bytes = 256 << 10, .journal_limit_bytes = 1 << 20, .memory_limit_bytes = 256 << 10, .max_entry_bytes = 1 << 20};

class NoSystemTables final : public catalog::SystemTables {
 public:
  std::vector<std::string> Names() const override { return {}; }
  Result<plan::TableDefinitionPtr> Find(const std::string& name) const override { return Error(ErrorCode::kTableNotFound, name); }
};

// A committer around the right one.
class CommitterAround : public exec::SinkCommitter {
 public:
  explicit CommitterAround(std::unique_ptr<exec::SinkCommitter> inner) : inner_(std::move(inner)) {}
  bool TryBegin(const exec::CheckpointIdentity& identity) override { return inner_->TryBegin(identity); }
  void Withdraw() override { inner_->Withdraw(); }
  Result<exec::PreparedEffects> Prepare(const exec::CheckpointIdentity& identity, const std::vector<std::string>& lanes, bool is_last) override {
    return inner_->Prepare(identity, lanes, is_last);
  }
  void Published(const exec::CheckpointIdentity& identity) override { inner_->Published(identity); }
  void Abandoned(const exec::CheckpointIdentity& identity) override { inner_->Abandoned(identity); }
  Status CommitOutside(const exec::CheckpointIdentity& identity, const std::string& outside) override { return inner_->CommitOutside(identity, outside); }
  Status RemoveOrphans(const exec::CheckpointIdentity& last) override { return inner_->RemoveOrphans(last); }

 private:
  std::unique_ptr<exec::SinkCommitter> inner_;
};

// The mistake that Fault::kCommitBeforeCheckpoint names.
class EarlyCommitter final : public CommitterAround {
 public:
  EarlyCommitter(std::unique_ptr<exec::SinkCommitter> inner, log::Journal& journal) : CommitterAround(std::move(inner)), journal_(journal) {}
  Result<exec::PreparedEffects> Prepare(const exec::CheckpointIdentity& identity, const std::vector<std::string>& lanes, bool is_last) override {
    FIRN_TRY(exec::PreparedEffects effects, CommitterAround::Prepare(identity, lanes, is_last));
    if (!effects.in_journal.empty()) journal_.Append(std::exchange(effects.in_journal, {}), [](const Result<log::Committed>&) {});
    return effects;
  }

 private:
  log::Journal& journal_;
};

// The outside is not always there, and does not always answer.
class UnreliableCommitter final : public CommitterAround {
 public:
  UnreliableCommitter(std::unique_ptr<exec::SinkCommitter> inner, const std::function<OutsideFault()>& outside) : CommitterAround(std::move(inner)), outside_(outside) {}
  Status CommitOutside(const exec::CheckpointIdentity& identity, const std::string& outside) override {
    const OutsideFault fault = outside_();
    if (fault != OutsideFault::kNotDone) FIRN_RETURN_IF_ERROR(CommitterAround::CommitOutside(identity, outside));
    return fault == OutsideFault::kNone ? Ok() : Status(Error(ErrorCode::kUnavailable, "the outside does not answer"));
  }

 private:
  const std::function<OutsideFault()>& outside_;
};

using AroundCommitter = std::function<std::unique_ptr<exec::SinkCommitter>(std::unique_ptr<exec::SinkCommitter>)>;

// A connector whose sinks have another committer around theirs.
class ConnectorAround final : public exec::Connector {
 public:
  ConnectorAround(std::unique_ptr<exec::Connector> inner, AroundCommitter around) : inner_(std::move(inner)), around_(std::move(around)) {}
  std::string name() const override { return inner_->name(); }
  Result<plan::SourceTraits> DescribeSource(const plan::TableDefinition& table, bool is_batch) const override { return inner_->DescribeSource(table, is_batch); }
  Result<plan::SinkTraits> DescribeSink(const plan::TableDefinition& table, bool is_batch) const override { return inner_->DescribeSink(table, is_batch); }
  Result<std::unique_ptr<exec::Source>> MakeSource(const plan::ScanNode& scan, const exec::JobIdentity& job) override { return inner_->MakeSource(scan, job); }
  Result<exec::Sink> MakeSink(const plan::SinkNode& node, const types::SchemaPtr& input, int lanes, const exec::JobIdentity& job) override {
    FIRN_TRY(exec::Sink sink, inner_->MakeSink(node, input, lanes, job));
    sink.committer = around_(std::move(sink.committer));
    return sink;
  }

 private:
  std::unique_ptr<exec::Connector> inner_;
  const AroundCommitter around_;
};

}  // namespace

Result<std::unique_ptr<JobNode>> JobNode::Start(io::SimulatedEnvironment& world, const JobNodeOptions& options) {
  std::unique_ptr<JobNode> node(new JobNode(world, options));
  FIRN_RETURN_IF_ERROR(node->Open());
  return node;
}

Status JobNode::Open() {
  FIRN_RETURN_IF_ERROR(types::FromArrowStatus(arrow::compute::Initialize()));
  const io::Environment environment = world_.environment();
  FIRN_TRY(store_, log::Store::Open(environment, "/data", kSmall));
  FIRN_TRY(broker_, broker::Broker::Open(environment, *store_, environment.network.reactor()));
  system_tables_ = std::make_unique<NoSystemTables>();
  FIRN_TRY(catalogs_, catalog::Catalogs::Open(environment, *store_, "/data", *system_tables_));
  connectors_.Register(connect::MakeKafkaConnector(broker_->topics(), environment.clock));
  std::unique_ptr<exec::Connector> iceberg = connect::MakeIcebergConnector(environment, catalogs_->objects(), *catalogs_);
  connectors_.Register(std::make_unique<ConnectorAround>(std::move(iceberg), [this](std::unique_ptr<exec::SinkCommitter> inner) -> std::unique_ptr<exec::SinkCommitter> {
    if (options_.fault == Fault::kCommitBeforeCheckpoint) inner = std::make_unique<EarlyCommitter>(std::move(inner), store_->journal());
    return std::make_unique<UnreliableCommitter>(std::move(inner), options_.outside);
  }));
  FIRN_TRY(engine_, exec::Engine::Start(environment, *store_, connectors_, {.state_directory = "/data/state"}));
  services_.reset(new gateway::NodeServices{*catalogs_, connectors_, *engine_, environment.clock});
  session_ = std::make_unique<gateway::Session>(*services_, std::map<std::string, std::string>());
  return engine_->RecoverJobs(gateway::MakeReplan(*services_));
}

JobNode::~JobNode() {
  if (!world_.disk().is_crashed()) world_.disk().Crash();
  session_.reset();
  engine_.reset();
  broker_.reset();
}

Status JobNode::EnsureTopic(const std::string& name, int32_t partitions) {
  if (topics().Find(name).ok()) return Ok();
  auto outcome = std::make_shared<std::optional<Status>>();
  world_.environment().network.reactor().Post([this, outcome, name, partitions] {
    topics().Create(name, {.partition_count = partitions, .configs = {}}, [outcome](const Result<broker::TopicInfo>& made) { *outcome = made.ok() ? Ok() : Status(made.error()); });
  });
  if (!world_.executor().StepUntil([&] { return outcome->has_value(); })) return Error(ErrorCode::kUnavailable, "the process died");
  return **outcome;
}

Result<std::vector<std::vector<std::string>>> JobNode::Rows(const std::string& table) {
  FIRN_TRY(std::shared_ptr<iceberg::Catalog> catalog, catalogs_->IcebergCatalog("lake"));
  FIRN_TRY(iceberg::Table loaded, catalog->LoadTable({"db", table}));
  FIRN_TRY(auto scan, iceberg::TableScan::Make(catalogs_->objects(), loaded.metadata, {}));
  FIRN_TRY(std::vector<iceberg::FileScanTask> tasks, scan->Plan());
  std::vector<std::vector<std::string>> rows;
  for (const iceberg::FileScanTask& task : tasks) {
    FIRN_TRY(auto reader, scan->Open(task));
    while (true) {
      FIRN_TRY(std::optional<types::Batch> batch, reader->Next());
      if (!batch) break;
      for (int64_t row = 0; row < batch->row_count; ++row) {
        std::vector<std::string>& cells = rows.emplace_back();
        for (const types::ArrayPtr& column : batch->columns) {
          FIRN_TRY(auto cell, types::FromArrowResult(column->GetScalar(row)));
          cells.push_back(cell->ToString());
        }
      }
    }
  }
  return rows;
}

}  // namespace firn::sim
