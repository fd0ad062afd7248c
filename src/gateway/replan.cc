// SPDX-License-Identifier: Apache-2.0
#include "gateway/replan.h"

#include "catalog/definition_json.h"
#include "iceberg/metadata_table.h"
#include "plan/planner.h"
#include "sql/parser.h"

namespace firn::gateway {

std::map<std::string, std::string> WithDefaults(std::map<std::string, std::string> config, const NodeServices& services) {
  std::string& parallelism = config["parallelism.default"];
  if (parallelism.empty() || parallelism == "-1") parallelism = std::to_string(services.parallelism);
  return config;
}

Result<plan::TableDefinitionPtr> NotingCatalog::FindTable(const plan::ObjectPath& path) const {
  auto table = view_.FindTable(path);
  if (!table.ok()) return table;
  const plan::TableDefinition& found = **table;
  // The others have the columns that the program gives them.
  const bool is_metadata = found.connector == "iceberg" && iceberg::SplitMetadataTableName(found.path.name);
  if (found.connector != "system" && !is_metadata) noted_[found.path] = *table;
  return table;
}

std::vector<std::string> NotingCatalog::Definitions() const {
  std::vector<std::string> definitions;
  for (const auto& [path, table] : noted_) definitions.push_back(catalog::EncodeDefinition(*table));
  return definitions;
}

exec::Engine::Replan MakeReplan(NodeServices& services) {
  return exec::Engine::Replan([&services](const exec::JobDefinition& job) -> Result<plan::JobPlan> {
    SessionCatalog view(services);
    for (const std::string& text : job.tables) {
      FIRN_TRY(plan::TableDefinition table, catalog::DecodeDefinition(text));
      const plan::ObjectPath path = table.path;
      view.temporary()[path] = std::make_shared<const plan::TableDefinition>(std::move(table));
    }
    const plan::PlannerContext context{view, services.connectors, job.catalog, job.database, WithDefaults(job.config, services), services.clock.WallTimeMs() * 1000};
    FIRN_TRY(sql::Statement statement, sql::ParseStatement(job.statement));
    if (const auto* insert = std::get_if<sql::InsertStatement>(&statement.body)) return plan::PlanInserts({insert}, context);
    if (const auto* set = std::get_if<sql::StatementSet>(&statement.body)) {
      std::vector<const sql::InsertStatement*> inserts;
      for (const sql::InsertStatement& insert : set->inserts) inserts.push_back(&insert);
      return plan::PlanInserts(inserts, context);
    }
    return Error(ErrorCode::kInvalidArgument, "the stored statement is no INSERT");
  });
}

}  // namespace firn::gateway
