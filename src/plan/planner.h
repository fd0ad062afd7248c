// SPDX-License-Identifier: Apache-2.0
// From AST to physical plan: bind names and types, build the logical plan, rewrite it, infer changelog modes, watermarks, keys and
// exchanges. No state beyond the call; thread-safe if the views are.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "expr/scalar_function.h"
#include "plan/catalog_view.h"
#include "plan/physical_plan.h"
#include "sql/ast.h"

namespace firn::plan {

/// The session as the planner sees it.
struct PlannerContext {
  const CatalogView& catalog;
  const ConnectorView& connectors;
  std::string current_catalog;
  std::string current_database;
  std::map<std::string, std::string> config;  // SET; keys of Flink, unknown ones are kept
  int64_t now_us = 0;                         // when the statement began
};

/// A SELECT or VALUES, ending in a CollectNode.
Result<JobPlan> PlanQuery(const sql::Query& query, const PlannerContext& context);

/// One or more INSERTs as one job. Equal scans are shared.
Result<JobPlan> PlanInserts(const std::vector<const sql::InsertStatement*>& inserts, const PlannerContext& context);

enum class ExplainDetail { kPlain, kChangelogMode };
/// Logical and physical plan as text, one node a line.
std::string ExplainPlan(const JobPlan& plan, ExplainDetail detail);
/// With what the connectors would read and skip: tables are looked at for it.
Result<std::string> ExplainPlan(const JobPlan& plan, ExplainDetail detail, const ConnectorView& connectors);

/// Fills in the types of computed columns and checks watermark, keys and partitioning of a CREATE TABLE (kInvalidDefinition and
/// binder errors, with spans into `expression` texts dropped). Returns the completed definition.
Result<TableDefinition> ResolveTable(TableDefinition table, const PlannerContext& context);

/// The result columns of a query: views, CTAS.
Result<types::Schema> QuerySchema(const sql::Query& query, const PlannerContext& context);

/// What each * of a query's select lists stands for, as a list of columns; without those that cannot be said so.
using StarTexts = std::map<const sql::Expression*, std::string>;
Result<types::Schema> QuerySchema(const sql::Query& query, const PlannerContext& context, StarTexts* stars);

}  // namespace firn::plan
