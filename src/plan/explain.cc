// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <set>

#include "base/assert.h"
#include "plan/changelog.h"
#include "plan/describe.h"
#include "plan/planner.h"

namespace firn::plan {

namespace {

class PhysicalPrinter {
 public:
  PhysicalPrinter(const JobPlan& plan, ExplainDetail detail, const ConnectorView* connectors) : detail_(detail), connectors_(connectors) {
    std::set<const PhysicalNode*> seen;
    for (const PhysicalNodePtr& node : NodesOf(plan)) {
      for (const PhysicalNodePtr& input : node->inputs) {
        if (!seen.insert(input.get()).second) shared_.insert(input.get());
      }
    }
  }

  Status Print(const PhysicalNode& node, int depth) {
    if (depth > 0) text_ += std::string(3 * (depth - 1), ' ') + "+- ";
    const bool is_shared = shared_.contains(&node);
    const bool is_first = printed_.insert(&node).second;
    if (is_shared && !is_first) {
      text_ += fmt::format("Reused(id=[{}])\n", node.id);
      return Ok();
    }
    std::string line = Describe(node);
    if (detail_ == ExplainDetail::kChangelogMode) Add(line, fmt::format("changelogMode=[{}]", Unbracketed(ToString(node.changelog))));
    const auto* scan = std::get_if<ScanNode>(&node.spec);
    if (scan != nullptr && connectors_ != nullptr) {
      FIRN_TRY(std::string reading, connectors_->ExplainScan(*scan));
      if (!reading.empty()) Add(line, fmt::format("reading=[{}]", reading));
    }
    if (node.parallelism > 1) Add(line, fmt::format("parallelism=[{}]", node.parallelism));
    if (is_shared) Add(line, fmt::format("id=[{}]", node.id));
    text_ += line + "\n";
    for (const PhysicalNodePtr& input : node.inputs) FIRN_RETURN_IF_ERROR(Print(*input, depth + 1));
    return Ok();
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
  const ConnectorView* connectors_;  // null: they are not asked
  std::set<const PhysicalNode*> shared_;
  std::set<const PhysicalNode*> printed_;
  std::string text_;
};

}  // namespace

namespace {

Result<std::string> Explained(const JobPlan& plan, ExplainDetail detail, const ConnectorView* connectors) {
  PhysicalPrinter printer(plan, detail, connectors);
  for (const PhysicalNodePtr& root : plan.roots) FIRN_RETURN_IF_ERROR(printer.Print(*root, 0));
  return "== Optimized Logical Plan ==\n" + plan.logical_text + "\n== Physical Plan ==\n" + printer.text();
}

}  // namespace

std::string ExplainPlan(const JobPlan& plan, ExplainDetail detail) {
  auto text = Explained(plan, detail, nullptr);
  FIRN_ASSERT(text.ok(), "nothing was asked that can fail");
  return std::move(text).value();
}

Result<std::string> ExplainPlan(const JobPlan& plan, ExplainDetail detail, const ConnectorView& connectors) { return Explained(plan, detail, &connectors); }

}  // namespace firn::plan
