// SPDX-License-Identifier: Apache-2.0
#include "cli/node.h"

#include <arrow/compute/initialize.h>
#include <fmt/format.h>

#include <atomic>
#include <future>

#include "base/assert.h"
#include "broker/broker.h"
#include "broker/kafka_server.h"
#include "catalog/catalogs.h"
#include "connect/blackhole.h"
#include "connect/datagen.h"
#include "connect/filesystem.h"
#include "connect/iceberg.h"
#include "connect/kafka.h"
#include "connect/print.h"
#include "connect/system_tables.h"
#include "exec/engine.h"
#include "gateway/job_rest.h"
#include "gateway/replan.h"
#include "gateway/session.h"
#include "gateway/sql_gateway.h"
#include "io/clock.h"
#include "io/file_system.h"
#include "io/http.h"
#include "io/process.h"
#include "io/random.h"
#include "log/store.h"
#include "types/arrow_result.h"

namespace firn::cli {

namespace {

constexpr int kHttpGraceMs = 500;

// What the command line says about it.
Error ListenError(Error error, const char* option) {
  if (error.code() == ErrorCode::kPortInUse) return std::move(error).Hint(fmt::format("{} N takes another one, 0 a free one", option));
  if (!error.hint().empty()) return error;
  return std::move(error).Hint("--host takes an address of this machine, such as 127.0.0.1; 0.0.0.0 stands for all of them");
}

class RunningNode final : public Node {
 public:
  RunningNode(const io::Environment& environment, const NodeOptions& options) : environment_(environment), options_(options) {}
  ~RunningNode() override { (void)Stop(); }

  Status Open() {
    FIRN_RETURN_IF_ERROR(types::FromArrowStatus(arrow::compute::Initialize()));
    const auto warn = [](const std::string& text) { io::WriteError(fmt::format("warning: {}\n", text)); };
    log::StoreOptions store_options;
    store_options.warn = warn;
    FIRN_TRY(store_, log::Store::Open(environment_, options_.data, store_options));
    (void)environment_.files.Remove(NodeFile());  // what a killed node left; the directory is ours now
    FIRN_RETURN_IF_ERROR(OnReactor([this]() -> Status {
      const broker::BrokerOptions broker_options{.advertised_host = options_.advertised.host, .advertised_port = options_.advertised.port};
      FIRN_TRY(broker_, broker::Broker::Open(environment_, *store_, environment_.network.reactor(), broker_options));
      return Ok();
    }));
    FIRN_TRY(catalogs_, catalog::Catalogs::Open(environment_, *store_, options_.data, system_tables_));
      connectors_.Register(connect::MakeKafkaConnector(broker_->topics(), environment_.clock));
    connectors_.Register(connect::MakeIcebergConnector(environment_, catalogs_->objects(), *catalogs_));
    connectors_.Register(connect::MakeDatagenConnector(environment_));
    connectors_.Register(connect::MakeBlackholeConnector());
    connectors_.Register(connect::MakeFilesystemConnector(environment_));
    connectors_.Register(connect::MakePrintConnector([](std::string_view lines) { io::WriteOutput(lines); }));
    connectors_.Register(connect::MakeSystemConnector(system_tables_));
    exec::EngineOptions engine_options;
    engine_options.state_directory = io::JoinPath(options_.data, "state");
    engine_options.state_limit_bytes = options_.state_limit_bytes;
    engine_options.warn = warn;
    FIRN_TRY(engine_, exec::Engine::Start(environment_, *store_, connectors_, engine_options));
    system_tables_.Bind(*engine_);
    services_.reset(new gateway::NodeServices{*catalogs_, connectors_, *engine_, environment_.clock, &broker_->topics(), options_.parallelism});
    FIRN_RETURN_IF_ERROR(engine_->RecoverJobs(gateway::MakeReplan(*services_)));
    return StartServers();
  }

  const io::Address& kafka() const override { return kafka_server_->address(); }
  const io::Address& sql() const override { return sql_server_->address(); }
  const io::Address& jobs() const override { return jobs_server_->address(); }
  const exec::Engine& engine() const override { return *engine_; }

  Status Stop() override {
    if (is_stopped_) return Ok();
    is_stopped_ = true;
    if (sql_server_) sql_server_->Stop(kHttpGraceMs);
    if (jobs_server_) jobs_server_->Stop(kHttpGraceMs);
    gateway_.reset();  // sessions that clients have left open hold queries of the engine
    Status status = engine_ ? engine_->Close() : Ok();
    (void)OnReactor([this]() -> Status {
      if (kafka_server_) kafka_server_->Stop();
      return Ok();
    });
    engine_.reset();
    (void)OnReactor([this]() -> Status {
      kafka_server_.reset();
      broker_.reset();
      return Ok();
    });
    if (store_) {
      Status closed = store_->Close();
      if (status.ok()) status = std::move(closed);
    }
    if (has_node_file_) (void)environment_.files.Remove(NodeFile());
    return status;
  }

 private:
  std::string NodeFile() const { return io::JoinPath(options_.data, "node.json"); }

  Status OnReactor(std::function<Status()> task) {
    FIRN_ASSERT(!environment_.network.reactor().IsCurrent(), "the reactor would wait for itself");
    std::promise<Status> done;
    environment_.network.reactor().Post([&] { done.set_value(task()); });
    return done.get_future().get();
  }

  Status StartServers() {
    broker::KafkaServerOptions kafka_options;
    kafka_options.address = {options_.host, options_.kafka_port};
    auto kafka = broker::KafkaServer::Start(environment_.network, *broker_, *store_, kafka_options);
    if (!kafka.ok()) return ListenError(std::move(kafka).error(), "--port-kafka");
    kafka_server_ = std::move(kafka).value();
    FIRN_TRY(gateway_, gateway::SqlGateway::Make(*services_, environment_.random, environment_.executor));
    auto sql = io::HttpServer::Start({.address = {options_.host, options_.sql_port}, .faults = &sql_faults_}, [this](const io::HttpRequest& request) { return gateway_->Handle(request); });
    if (!sql.ok()) return ListenError(std::move(sql).error(), "--port-sql");
    sql_server_ = std::move(sql).value();
    const gateway::JobRestServices job_rest{*engine_, environment_.clock, &broker_->topics(), [this] { return store_->health(); }, [this] { return store_->failed_reads(); }, kafka_server_.get(),
                                              [this] { return gateway::HttpFaults{.sql = sql_faults_, .jobs = jobs_faults_}; }};
    auto jobs = io::HttpServer::Start({.address = {options_.host, options_.jobs_port}, .faults = &jobs_faults_}, [job_rest](const io::HttpRequest& request) { return gateway::HandleJobRequest(job_rest, request); });
    if (!jobs.ok()) return ListenError(std::move(jobs).error(), "--port-jobs");
    jobs_server_ = std::move(jobs).value();
    if (options_.is_embedded) return Ok();
    has_node_file_ = true;
    return environment_.files.WriteAtomically(NodeFile(), fmt::format("{{\"pid\":{},\"version\":\"0.1.0\",\"ports\":{{\"kafka\":{},\"sql\":{},\"jobs\":{}}}}}\n", io::ProcessId(),
                                                                      kafka_server_->address().port, sql_server_->address().port, jobs_server_->address().port));
  }

  const io::Environment environment_;
  const NodeOptions options_;
  connect::SystemTables system_tables_;
  bool is_stopped_ = false;
  bool has_node_file_ = false;  // ours, to be removed at the end; another node's is not
  std::unique_ptr<log::Store> store_;
  std::unique_ptr<broker::Broker> broker_;
  std::unique_ptr<broker::KafkaServer> kafka_server_;
  std::unique_ptr<catalog::Catalogs> catalogs_;
  exec::ConnectorRegistry connectors_;
  std::unique_ptr<exec::Engine> engine_;
  std::unique_ptr<gateway::NodeServices> services_;
  std::unique_ptr<gateway::SqlGateway> gateway_;
  std::atomic<int64_t> sql_faults_ = 0;
  std::atomic<int64_t> jobs_faults_ = 0;
  std::unique_ptr<io::HttpServer> sql_server_;
  std::unique_ptr<io::HttpServer> jobs_server_;
};

}  // namespace

Result<std::unique_ptr<Node>> Node::Start(const io::Environment& environment, const NodeOptions& options) {
  auto node = std::make_unique<RunningNode>(environment, options);
  FIRN_RETURN_IF_ERROR(node->Open());
  return std::unique_ptr<Node>(std::move(node));
}

}  // namespace firn::cli
