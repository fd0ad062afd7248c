// SPDX-License-Identifier: Apache-2.0
// The tables of the database `sys`: what the jobs of this node do and wait for, as SQL. A scan shows the moment at which its job starts; it is bounded.
//
//   jobs               one row a job
//   operators          one row an operator of a job: rows, late rows, state, watermark, back-pressure
//   source_partitions  one row a partition that a running job reads: how far it is, how far it could be, its watermark, whether it is idle
//   checkpoints        one row a checkpoint that is remembered
//   windows            one row an open window of a running job: its bounds, its keys, the watermark it waits for and the partition that holds it back
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "catalog/catalogs.h"
#include "exec/connector.h"
#include "exec/engine.h"

namespace firn::connect {

/// Thread-safe. Scans fail with kUnavailable until Bind.
class SystemTables final : public catalog::SystemTables {
 public:
  SystemTables();
  std::vector<std::string> Names() const override;
  Result<plan::TableDefinitionPtr> Find(const std::string& name) const override;

  /// The engine is made after the catalogs and the connectors; it must outlive all scans.
  void Bind(const exec::Engine& engine) { engine_ = &engine; }
  const exec::Engine* engine() const { return engine_; }

 private:
  std::map<std::string, plan::TableDefinitionPtr> tables_;
  std::atomic<const exec::Engine*> engine_{nullptr};
};

/// The connector "system"; `tables` outlives it.
std::unique_ptr<exec::Connector> MakeSystemConnector(const SystemTables& tables);

/// The rows of one of the tables, over all its columns; for the connector and for tests.
Result<types::Batch> SystemRows(const std::string& table, const std::vector<exec::JobStatus>& jobs);

}  // namespace firn::connect
