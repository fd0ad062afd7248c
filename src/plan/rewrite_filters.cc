// SPDX-License-Identifier: Apache-2.0
// Filters move down by one rule: Push(node, conjuncts) gives a node equal to a filter of `conjuncts` over `node`. Each kind of node says which
// conjuncts its inputs can take over; the rest stay in a filter above it.
#include <algorithm>
#include <utility>

#include "plan/join_condition.h"
#include "plan/rewrite.h"
#include "plan/substitution.h"

namespace firn::plan {

namespace {

using Conjuncts = std::vector<expr::ExpressionPtr>;

LogicalNodePtr Push(const LogicalNodePtr& node, Conjuncts conjuncts);

/// `kept` above the node over new inputs.
LogicalNodePtr Rebuilt(const LogicalNodePtr& node, std::vector<LogicalNodePtr> inputs, const Conjuncts& kept) {
  return MakeFilter(WithInputs(*node, std::move(inputs)), Conjunction(kept));
}

/// Pushes nothing into the inputs of `node`, all conjuncts stay above.
LogicalNodePtr StayAbove(const LogicalNodePtr& node, const Conjuncts& conjuncts) {
  return MakeFilter(MapInputs(node, [](const LogicalNodePtr& input) { return Push(input, {}); }), Conjunction(conjuncts));
}

LogicalNodePtr PushIntoProject(const LogicalNodePtr& node, const LogicalProject& project, const Conjuncts& conjuncts) {
  const Substitution substitution(project.outputs);
  Conjuncts below;
  Conjuncts kept;
  for (const expr::ExpressionPtr& conjunct : conjuncts) {
    expr::ExpressionPtr substituted = substitution.IsGood({conjunct}) ? expr::SubstituteColumns(conjunct, project.outputs) : nullptr;
    const bool moves = substituted != nullptr && expr::IsDeterministic(*substituted);
    (moves ? below : kept).push_back(moves ? std::move(substituted) : conjunct);
  }
  return Rebuilt(node, {Push(node->inputs[0], std::move(below))}, kept);
}

LogicalNodePtr PushIntoUnion(const LogicalNodePtr& node, const Conjuncts& conjuncts) {
  std::vector<LogicalNodePtr> inputs;
  for (const LogicalNodePtr& input : node->inputs) inputs.push_back(Push(input, conjuncts));
  return Rebuilt(node, std::move(inputs), {});
}

LogicalNodePtr PushIntoAggregate(const LogicalNodePtr& node, const LogicalAggregate& aggregate, const Conjuncts& conjuncts) {
  Conjuncts below;
  Conjuncts kept;
  const int key_count = static_cast<int>(aggregate.keys.size());
  for (const expr::ExpressionPtr& conjunct : conjuncts) {
    // Without columns it may not go below an aggregate without keys: that one has a row also over no rows.
    const bool moves = key_count > 0 && ReadsOnly(*conjunct, 0, key_count);
    if (moves) {
      below.push_back(expr::RemapColumns(conjunct, aggregate.keys));
    } else {
      kept.push_back(conjunct);
    }
  }
  return Rebuilt(node, {Push(node->inputs[0], std::move(below))}, kept);
}

LogicalNodePtr PushIntoWindowAssign(const LogicalNodePtr& node, const WindowAssignNode& assign, const Conjuncts& conjuncts) {
  Conjuncts below;
  Conjuncts kept;
  const int input_count = static_cast<int>(node->inputs[0]->fields.size());
  const auto& partition = assign.window.partition_keys;
  for (const expr::ExpressionPtr& conjunct : conjuncts) {
    bool moves = ReadsOnly(*conjunct, 0, input_count);
    if (assign.window.kind == WindowKind::kSession) {
      // Leaving rows out would split sessions, unless whole partitions go.
      for (int column : expr::ColumnsOf(*conjunct)) {
        moves &= std::find(partition.begin(), partition.end(), column) != partition.end();
      }
    }
    (moves ? below : kept).push_back(conjunct);
  }
  return Rebuilt(node, {Push(node->inputs[0], std::move(below))}, kept);
}

LogicalNodePtr PushIntoExpand(const LogicalNodePtr& node, const ExpandNode& expand, const Conjuncts& conjuncts) {
  Conjuncts below;
  Conjuncts kept;
  for (const expr::ExpressionPtr& conjunct : conjuncts) {
    const expr::ExpressionPtr first = expr::SubstituteColumns(conjunct, expand.outputs[0]);
    const bool moves = std::all_of(expand.outputs.begin(), expand.outputs.end(), [&](const auto& outputs) {
      return expr::Equal(*first, *expr::SubstituteColumns(conjunct, outputs));
    });
    (moves ? below : kept).push_back(moves ? first : conjunct);
  }
  return Rebuilt(node, {Push(node->inputs[0], std::move(below))}, kept);
}

LogicalNodePtr PushIntoUnnest(const LogicalNodePtr& node, const UnnestNode& unnest, const Conjuncts& conjuncts) {
  Conjuncts below;
  Conjuncts kept;
  for (const expr::ExpressionPtr& conjunct : conjuncts) {
    const bool moves = ReadsOnly(*conjunct, 0, static_cast<int>(unnest.passed.size()));
    (moves ? below : kept).push_back(moves ? expr::RemapColumns(conjunct, unnest.passed) : conjunct);
  }
  return Rebuilt(node, {Push(node->inputs[0], std::move(below))}, kept);
}

/// Where the conjuncts of a join go: those of the filter above it, and its own.
struct JoinParts {
  Conjuncts left;
  Conjuncts right;
  Conjuncts condition;
  Conjuncts above;
};

void PlaceFromAbove(const LogicalJoin& join, int left_count, const Conjuncts& conjuncts, JoinParts& parts) {
  const bool keeps_left = join.kind != JoinKind::kRight && join.kind != JoinKind::kFull;
  const bool keeps_right = join.kind == JoinKind::kInner || join.kind == JoinKind::kRight;
  for (const expr::ExpressionPtr& conjunct : conjuncts) {
    const bool has_columns = !expr::ColumnsOf(*conjunct).empty();
    if (keeps_left && has_columns && ReadsOnly(*conjunct, 0, left_count)) {
      parts.left.push_back(conjunct);
    } else if (keeps_right && has_columns && !ReadsOnly(*conjunct, 0, left_count) && ReadsOnly(*conjunct, left_count, 1 << 30)) {
      parts.right.push_back(Shifted(conjunct, -left_count));
    } else {
      (join.kind == JoinKind::kInner ? parts.condition : parts.above).push_back(conjunct);
    }
  }
}

void PlaceOwn(const LogicalJoin& join, int left_count, JoinParts& parts) {
  if (join.is_null_aware_anti) {
    // NOT IN asks whether each comparison is true, false or unknown: its condition stays whole.
    if (join.condition != nullptr) parts.condition.push_back(join.condition);
    return;
  }
  const bool filters_left = join.kind == JoinKind::kInner || join.kind == JoinKind::kRight || join.kind == JoinKind::kSemi;
  const bool filters_right = join.kind != JoinKind::kRight && join.kind != JoinKind::kFull;
  for (const expr::ExpressionPtr& conjunct : ConjunctsOf(join.condition)) {
    const bool has_columns = !expr::ColumnsOf(*conjunct).empty();
    if (filters_left && has_columns && ReadsOnly(*conjunct, 0, left_count)) {
      parts.left.push_back(conjunct);
    } else if (filters_right && has_columns && ReadsOnly(*conjunct, left_count, 1 << 30)) {
      parts.right.push_back(Shifted(conjunct, -left_count));
    } else {
      parts.condition.push_back(conjunct);
    }
  }
}

LogicalNodePtr PushIntoJoin(const LogicalNodePtr& node, const LogicalJoin& join, const Conjuncts& conjuncts) {
  JoinParts parts;
  const int left_count = static_cast<int>(node->inputs[0]->fields.size());
  PlaceOwn(join, left_count, parts);
  PlaceFromAbove(join, left_count, conjuncts, parts);
  LogicalJoin rewritten = join;
  rewritten.condition = Conjunction(parts.condition);
  LogicalNodePtr left = Push(node->inputs[0], std::move(parts.left));
  LogicalNodePtr right = Push(node->inputs[1], std::move(parts.right));
  return MakeFilter(WithInputs(*WithSpec(*node, std::move(rewritten)), {left, right}), Conjunction(parts.above));
}

LogicalNodePtr Push(const LogicalNodePtr& node, Conjuncts conjuncts) {
  if (const auto* filter = std::get_if<LogicalFilter>(&node->spec)) {
    Conjuncts own = ConjunctsOf(filter->condition);
    own.insert(own.end(), conjuncts.begin(), conjuncts.end());
    return Push(node->inputs[0], std::move(own));
  }
  Conjuncts movable;
  Conjuncts fixed;
  for (const expr::ExpressionPtr& conjunct : conjuncts) {
    (expr::IsDeterministic(*conjunct) ? movable : fixed).push_back(conjunct);
  }
  LogicalNodePtr pushed;
  if (const auto* project = std::get_if<LogicalProject>(&node->spec)) {
    pushed = PushIntoProject(node, *project, movable);
  } else if (std::holds_alternative<UnionNode>(node->spec)) {
    pushed = PushIntoUnion(node, movable);
  } else if (const auto* aggregate = std::get_if<LogicalAggregate>(&node->spec)) {
    pushed = PushIntoAggregate(node, *aggregate, movable);
  } else if (const auto* assign = std::get_if<WindowAssignNode>(&node->spec)) {
    pushed = PushIntoWindowAssign(node, *assign, movable);
  } else if (const auto* expand = std::get_if<ExpandNode>(&node->spec)) {
    pushed = PushIntoExpand(node, *expand, movable);
  } else if (const auto* unnest = std::get_if<UnnestNode>(&node->spec)) {
    pushed = PushIntoUnnest(node, *unnest, movable);
  } else if (const auto* join = std::get_if<LogicalJoin>(&node->spec)) {
    pushed = PushIntoJoin(node, *join, movable);
  } else {
    return StayAbove(node, conjuncts);
  }
  return MakeFilter(std::move(pushed), Conjunction(fixed));
}

/// A filter's conjuncts over the read columns of the scan beneath it.
LogicalNodePtr WithPredicates(const LogicalNodePtr& node, const LogicalFilter& filter, const ScanNode& scan) {
  ScanNode informed = scan;
  for (const expr::ExpressionPtr& conjunct : ConjunctsOf(filter.condition)) {
    expr::ExpressionPtr predicate = expr::SubstituteColumns(conjunct, scan.outputs);
    if (expr::IsDeterministic(*predicate)) informed.predicates.push_back(std::move(predicate));
  }
  return WithInputs(*node, {WithSpec(*node->inputs[0], std::move(informed))});
}

}  // namespace

LogicalNodePtr PushDownFilters(const LogicalNodePtr& node) { return Push(node, {}); }

LogicalNodePtr PushPredicatesIntoScans(const LogicalNodePtr& node, const RewriteContext& context) {
  if (const auto* filter = std::get_if<LogicalFilter>(&node->spec)) {
    const auto* scan = std::get_if<ScanNode>(&node->inputs[0]->spec);
    const bool skips = scan != nullptr && scan->traits.takes_predicates && scan->watermark == nullptr &&
                       scan->traits.changelog.InsertOnly();
    if (skips) return WithPredicates(node, *filter, *scan);
  }
  return MapInputs(node, [&](const LogicalNodePtr& input) { return PushPredicatesIntoScans(input, context); });
}

}  // namespace firn::plan
