// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <set>

#include "plan/changelog.h"
#include "plan/describe.h"
#include "plan/planner.h"

namespace firn::plan {

namespace {

class PhysicalPrinter {
 public:
  PhysicalPrinter(const JobPlan& plan, ExplainDetail detail) : detail_(detail) {
    std::set<const PhysicalNode*> seen;
    for (const PhysicalNodePtr& node : NodesOf(plan)) {
      for (const PhysicalNodePtr& input : node->inputs) {
        if (!seen.insert(input.get()).second) shared_.insert(input.get());
      }
    }
  }

  void Print(const PhysicalNode& node, int depth) {
    if (depth > 0) text_ += std::string(3 * (depth - 1), ' ') + "+- ";
    const bool is_shared = shared_.contains(&node);
    const bool is_first = printed_.insert(&node).second;
    if (is_shared && !is_first) {
      text_ += fmt::format("Reused(id=[{}])\n", node.id);
      return;
    }
    std::string line = Describe(node);
    if (detail_ == ExplainDetail::kChangelogMode) Add(line, fmt::format("changelogMode=[{}]", Unbracketed(ToString(node.changelog))));
    if (node.parallelism > 1) Add(line, fmt::format("parallelism=[{}]", node.parallelism));
    if (is_shared) Add(line, fmt::format("id=[{}]", node.id));
    text_ += line + "\n";
    for (const PhysicalNodePtr& input : node.inputs) Print(*input, depth + 1);
  }

  const std::string& text() const { return text_; }

 private:
  static std::string Unbracketed(const std::string& mode) { return mode.substr(1, mode.size() - 2); }
  /// Adds an attribute inside the closing parenthesis.
  static void Add(std::string& line, const std::string& attribute) {
    line.pop_back();
    line += (line.ends_with('(') ? "" : ", ") + attribute + ")";
  }

  ExplainDetail detail_;
  std::set<const PhysicalNode*> shared_;
  std::set<const PhysicalNode*> printed_;
  std::string text_;
};

}  // namespace

std::string ExplainPlan(const JobPlan& plan, ExplainDetail detail) {
  PhysicalPrinter printer(plan, detail);
  for (const PhysicalNodePtr& root : plan.roots) printer.Print(*root, 0);
  return "== Optimized Logical Plan ==\n" + plan.logical_text + "\n== Physical Plan ==\n" + printer.text();
}

}  // namespace firn::plan
