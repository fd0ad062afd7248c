// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "plan/rewrite.h"
#include "plan/substitution.h"

namespace firn::plan {

namespace {

bool ChangesNothing(const LogicalNode& node, const LogicalProject& project) {
  const auto& input = node.inputs[0]->fields;
  if (project.outputs.size() != input.size()) return false;
  for (size_t i = 0; i < input.size(); ++i) {
    const expr::Expression& output = *project.outputs[i];
    if (output.kind != expr::ExpressionKind::kColumn || output.index != static_cast<int>(i)) return false;
    if (node.fields[i].name != input[i].name) return false;
  }
  return true;
}

}  // namespace

LogicalNodePtr MergeProjections(const LogicalNodePtr& node) {
  const LogicalNodePtr mapped = MapInputs(node, MergeProjections);
  if (std::holds_alternative<UnionNode>(mapped->spec)) return MakeUnion(mapped->inputs);  // a projection between two unions may be gone
  const auto* outer = std::get_if<LogicalProject>(&mapped->spec);
  if (outer == nullptr) return mapped;
  if (ChangesNothing(*mapped, *outer)) return mapped->inputs[0];
  const auto* inner = std::get_if<LogicalProject>(&mapped->inputs[0]->spec);
  if (inner == nullptr || !Substitution(inner->outputs).IsGood(outer->outputs)) return mapped;
  std::vector<expr::ExpressionPtr> merged;
  for (const expr::ExpressionPtr& output : outer->outputs) merged.push_back(expr::SubstituteColumns(output, inner->outputs));
  return MergeProjections(MakeProject(mapped->inputs[0]->inputs[0], std::move(merged), NamesOf(mapped->fields)));
}

}  // namespace firn::plan
