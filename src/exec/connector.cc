// SPDX-License-Identifier: Apache-2.0
#include "exec/connector.h"

#include <fmt/format.h>

#include "base/assert.h"

namespace firn::exec {

void ConnectorRegistry::Register(std::unique_ptr<Connector> connector) {
  const std::string name = connector->name();
  const bool is_new = connectors_.emplace(name, std::move(connector)).second;
  FIRN_ASSERT(is_new, "connector {} is registered twice", name);
}

Result<Connector*> ConnectorRegistry::Find(const std::string& name) const {
  auto found = connectors_.find(name);
  if (found != connectors_.end()) return found->second.get();
  const std::vector<std::string> names = Names();
  std::string hint = "WITH ('connector' = '...') takes one of:";
  for (const std::string& known : names) {
    if (known != "system") hint += " " + known;  // that of the system tables alone
  }
  return Error(ErrorCode::kUnknownConnector, name.empty() ? std::string("the table names no connector") : fmt::format("there is no connector '{}'", name))
      .Candidates(base::NearNames(name, names))
      .Hint(std::move(hint));
}

std::vector<std::string> ConnectorRegistry::Names() const {
  std::vector<std::string> names;
  for (const auto& [name, connector] : connectors_) names.push_back(name);
  return names;
}

Result<plan::SourceTraits> ConnectorRegistry::DescribeSource(const plan::TableDefinition& table, bool is_batch) const {
  FIRN_TRY(Connector * connector, Find(table.connector));
  return connector->DescribeSource(table, is_batch);
}

Result<std::string> ConnectorRegistry::ExplainScan(const plan::ScanNode& scan) const {
  FIRN_TRY(Connector * connector, Find(scan.table->connector));
  return connector->ExplainScan(scan);
}

Result<plan::SinkTraits> ConnectorRegistry::DescribeSink(const plan::TableDefinition& table, bool is_batch) const {
  FIRN_TRY(Connector * connector, Find(table.connector));
  return connector->DescribeSink(table, is_batch);
}

}  // namespace firn::exec
