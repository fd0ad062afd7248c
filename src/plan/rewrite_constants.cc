// SPDX-License-Identifier: Apache-2.0
#include <arrow/array/array_primitive.h>

#include <utility>

#include "expr/evaluator.h"
#include "plan/join_condition.h"
#include "plan/rewrite.h"

namespace firn::plan {

namespace {

Status FoldAll(std::vector<expr::ExpressionPtr>& expressions, const RewriteContext& context) {
  for (expr::ExpressionPtr& expression : expressions) {
    FIRN_TRY(expression, expr::FoldConstants(expression, context.evaluation));
  }
  return Ok();
}

/// What a condition is known to be for every row: true, not true, or nullopt.
std::optional<bool> KnownTruth(const expr::Expression& condition) {
  if (condition.kind != expr::ExpressionKind::kLiteral || condition.type.kind() != types::TypeKind::kBoolean) return std::nullopt;
  const auto& value = static_cast<const arrow::BooleanArray&>(*condition.literal);
  return !value.IsNull(0) && value.Value(0);
}

Result<LogicalNodePtr> FoldFilter(const LogicalNode& node, const LogicalFilter& filter, const RewriteContext& context) {
  FIRN_TRY(expr::ExpressionPtr folded, expr::FoldConstants(filter.condition, context.evaluation));
  std::vector<expr::ExpressionPtr> kept;
  for (const expr::ExpressionPtr& conjunct : ConjunctsOf(folded)) {
    const std::optional<bool> truth = KnownTruth(*conjunct);
    if (!truth) {
      kept.push_back(conjunct);
    } else if (!*truth) {
      return MakeValues({}, node.fields);
    }
  }
  return MakeFilter(node.inputs[0], Conjunction(kept));
}

Result<LogicalNodePtr> FoldNode(const LogicalNodePtr& node, const RewriteContext& context) {
  if (const auto* filter = std::get_if<LogicalFilter>(&node->spec)) return FoldFilter(*node, *filter, context);
  LogicalSpec spec = node->spec;
  if (auto* scan = std::get_if<ScanNode>(&spec)) {
    FIRN_RETURN_IF_ERROR(FoldAll(scan->outputs, context));
    if (scan->watermark != nullptr) {
      FIRN_TRY(scan->watermark, expr::FoldConstants(scan->watermark, context.evaluation));
    }
  } else if (auto* project = std::get_if<LogicalProject>(&spec)) {
    FIRN_RETURN_IF_ERROR(FoldAll(project->outputs, context));
  } else if (auto* expand = std::get_if<ExpandNode>(&spec)) {
    for (auto& outputs : expand->outputs) FIRN_RETURN_IF_ERROR(FoldAll(outputs, context));
  } else if (auto* unnest = std::get_if<UnnestNode>(&spec)) {
    FIRN_TRY(unnest->collection, expr::FoldConstants(unnest->collection, context.evaluation));
  } else if (auto* join = std::get_if<LogicalJoin>(&spec); join != nullptr && join->condition != nullptr) {
    FIRN_TRY(join->condition, expr::FoldConstants(join->condition, context.evaluation));
    if (KnownTruth(*join->condition) == true) join->condition = nullptr;
  } else {
    return node;
  }
  return WithSpec(*node, std::move(spec));
}

}  // namespace

Result<LogicalNodePtr> FoldConstantsIn(const LogicalNodePtr& node, const RewriteContext& context) {
  std::vector<LogicalNodePtr> inputs;
  for (const LogicalNodePtr& input : node->inputs) {
    FIRN_TRY(LogicalNodePtr folded, FoldConstantsIn(input, context));
    inputs.push_back(std::move(folded));
  }
  return FoldNode(WithInputs(*node, std::move(inputs)), context);
}

}  // namespace firn::plan
