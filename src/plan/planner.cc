// SPDX-License-Identifier: Apache-2.0
#include "plan/planner.h"

#include <fmt/format.h>

#include <set>

#include "plan/binder_insert_internal.h"
#include "plan/binder_internal.h"
#include "plan/physical_planner.h"
#include "plan/rewrite.h"

namespace firn::plan {

namespace {

Result<LogicalNodePtr> BindResult(const sql::Query& query, const PlannerContext& context, const SessionConfig& config,
                                  const expr::EvaluationContext& evaluation, StarTexts* stars = nullptr) {
  BindSession session{context, config, evaluation};
  session.stars = stars;
  QueryBinder binder(session, context.current_catalog, context.current_database, std::nullopt, 0);
  FIRN_TRY(const Relation relation, binder.BindQuery(query, nullptr));
  std::vector<std::string> names = UniqueNames(relation.node->fields);
  return MakeProject(relation.node, AllColumns(relation.node->fields), names);
}

Result<JobPlan> Plan(std::vector<LogicalNodePtr> roots, const PlannerContext& context, const SessionConfig& config,
                     const expr::EvaluationContext& evaluation) {
  const RewriteContext rewrite{evaluation, config.is_batch};
  FIRN_TRY(roots, Optimize(std::move(roots), rewrite));
  return MakePhysicalPlan(roots, config, context.config);
}

}  // namespace

Result<JobPlan> PlanQuery(const sql::Query& query, const PlannerContext& context) {
  FIRN_TRY(const SessionConfig config, ParseSessionConfig(context.config));
  const expr::EvaluationContext evaluation = MakeEvaluationContext(config, context);
  FIRN_TRY(LogicalNodePtr node, BindResult(query, context, config, evaluation));
  return Plan({MakeCollect(std::move(node))}, context, config, evaluation);
}

namespace {

// Each upsert sink knows the rows that it has written by key; two of one table would each leave the other's.
Status CheckUpsertedOnce(const std::vector<LogicalNodePtr>& roots, const std::vector<const sql::InsertStatement*>& inserts) {
  std::set<ObjectPath> upserted;
  for (size_t i = 0; i < roots.size(); ++i) {
    const auto* sink = std::get_if<SinkNode>(&roots[i]->spec);
    if (sink == nullptr || !sink->traits.is_upsert || upserted.insert(sink->table->path).second) continue;
    return Error(ErrorCode::kNotSupported, fmt::format("upserting into {} twice in one statement set is not supported", sink->table->path.ToString()))
        .At(inserts[i]->table.span)
        .Hint("INSERT INTO it once: SELECT ... UNION ALL SELECT ...");
  }
  return Ok();
}

}  // namespace

Result<JobPlan> PlanInserts(const std::vector<const sql::InsertStatement*>& inserts, const PlannerContext& context) {
  FIRN_TRY(const SessionConfig config, ParseSessionConfig(context.config));
  const expr::EvaluationContext evaluation = MakeEvaluationContext(config, context);
  BindSession session{context, config, evaluation};
  std::vector<LogicalNodePtr> roots;
  for (const sql::InsertStatement* insert : inserts) {
    QueryBinder binder(session, context.current_catalog, context.current_database, std::nullopt, 0);
    FIRN_TRY(LogicalNodePtr root, BindInsert(binder, *insert));
    roots.push_back(std::move(root));
  }
  FIRN_RETURN_IF_ERROR(CheckUpsertedOnce(roots, inserts));
  return Plan(std::move(roots), context, config, evaluation);
}

Result<types::Schema> QuerySchema(const sql::Query& query, const PlannerContext& context) { return QuerySchema(query, context, nullptr); }

Result<types::Schema> QuerySchema(const sql::Query& query, const PlannerContext& context, StarTexts* stars) {
  FIRN_TRY(const SessionConfig config, ParseSessionConfig(context.config));
  const expr::EvaluationContext evaluation = MakeEvaluationContext(config, context);
  FIRN_TRY(const LogicalNodePtr node, BindResult(query, context, config, evaluation, stars));
  return types::Schema(node->fields);
}

}  // namespace firn::plan
