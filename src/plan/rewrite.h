// SPDX-License-Identifier: Apache-2.0
// The rewrites of the logical plan, in the order in which Optimize runs them. Each keeps the output fields of a root and the meaning of the
// query; each is in a file of its own, rewrite_*.cc.
#pragma once

#include <functional>
#include <vector>

#include "base/result.h"
#include "expr/scalar_function.h"
#include "plan/logical_plan.h"

namespace firn::plan {

struct RewriteContext {
  const expr::EvaluationContext& evaluation;
  bool is_batch = false;
};

/// 1. constants  2. filters down  3. predicates into scans  4. limits into scans  5. projections merged  6. columns pruned, scans shared
/// 7. projections merged again. Fails where a constant has no value (1 / 0) and, once filters stand in the joins they belong to, at an
/// interval join.
Result<std::vector<LogicalNodePtr>> Optimize(std::vector<LogicalNodePtr> roots, const RewriteContext& context);

/// Computes what depends on no column. A filter that lets all rows through goes; one that lets none through leaves no rows.
Result<LogicalNodePtr> FoldConstantsIn(const LogicalNodePtr& node, const RewriteContext& context);

/// Moves conjuncts of filters and join conditions as near to the scans as their meaning allows.
LogicalNodePtr PushDownFilters(const LogicalNodePtr& node);

/// Lets connectors that can skip data see the conjuncts above their scans. Not where a watermark is assigned: rows that are filtered out advance
/// it all the same.
LogicalNodePtr PushPredicatesIntoScans(const LogicalNodePtr& node, const RewriteContext& context);

/// A scan under nothing but projections and a LIMIT need not read more than its rows.
LogicalNodePtr PushLimitsIntoScans(const LogicalNodePtr& node);

/// Two projections in a row become one; projections that change nothing go.
LogicalNodePtr MergeProjections(const LogicalNodePtr& node);

/// Leaves out columns that nobody reads, down to what the connectors decode. Scans of the same table become one node that reads what all of
/// them need; in batch mode only across roots (a bounded join reads one side first and would wait for itself).
std::vector<LogicalNodePtr> PruneColumns(const std::vector<LogicalNodePtr>& roots, const RewriteContext& context);

/// The node over transformed inputs; itself if none changed.
LogicalNodePtr MapInputs(const LogicalNodePtr& node, const std::function<LogicalNodePtr(const LogicalNodePtr&)>& transform);
/// The node with another description of the same output fields.
LogicalNodePtr WithSpec(const LogicalNode& node, LogicalSpec spec);

}  // namespace firn::plan
