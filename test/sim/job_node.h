// SPDX-License-Identifier: Apache-2.0
// A node without its sockets: store, broker, catalogs, engine, wired as cli/node.cc does it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "broker/broker.h"
#include "catalog/catalogs.h"
#include "exec/engine.h"
#include "gateway/session.h"
#include "io/simulated_environment.h"
#include "log/store.h"
#include "scenario.h"

namespace firn::sim {

/// What goes wrong with a commit outside the node.
enum class OutsideFault { kNone, kNotDone, kDoneAndNotTold };

struct JobNodeOptions {
  Fault fault = Fault::kNone;
  std::function<OutsideFault()> outside;  // asked at each commit outside
};

/// Lives for one process of the world.
class JobNode {
 public:
  /// As far as it gets: the error is that of the first part that did not open.
  static Result<std::unique_ptr<JobNode>> Start(io::SimulatedEnvironment& world, const JobNodeOptions& options);
  /// As a kill: nothing is written any more.
  ~JobNode();

  log::Store& store() { return *store_; }
  broker::Topics& topics() { return broker_->topics(); }
  exec::Engine& engine() { return *engine_; }
  Result<gateway::StatementResult> Execute(const std::string& statement) { return session_->Execute(statement); }
  /// Makes the topic if it is not there.
  Status EnsureTopic(const std::string& name, int32_t partitions);

  /// The rows of one of the catalog `lake`'s tables, a row its cells as text, in no order. Runs no task.
  Result<std::vector<std::vector<std::string>>> Rows(const std::string& table);

 private:
  JobNode(io::SimulatedEnvironment& world, const JobNodeOptions& options) : world_(world), options_(options) {}
  Status Open();

  io::SimulatedEnvironment& world_;
  const JobNodeOptions options_;
  std::unique_ptr<log::Store> store_;
  std::unique_ptr<broker::Broker> broker_;
  std::unique_ptr<catalog::SystemTables> system_tables_;
  std::unique_ptr<catalog::Catalogs> catalogs_;
  exec::ConnectorRegistry connectors_;
  std::unique_ptr<exec::Engine> engine_;
  std::unique_ptr<gateway::NodeServices> services_;
  std::unique_ptr<gateway::Session> session_;
};

}  // namespace firn::sim
