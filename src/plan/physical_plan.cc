// SPDX-License-Identifier: Apache-2.0
#include "plan/physical_plan.h"

#include <algorithm>
#include <cctype>
#include <set>

namespace firn::plan {

namespace {

bool IsPlainIdentifier(const std::string& name) {
  if (name.empty() || std::isdigit(static_cast<unsigned char>(name[0]))) return false;
  return std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) || c == '_'; });
}

std::string Quoted(const std::string& name) {
  if (IsPlainIdentifier(name)) return name;
  std::string quoted = "`";
  for (char c : name) quoted += c == '`' ? "``" : std::string(1, c);
  return quoted + "`";
}

void Collect(const PhysicalNodePtr& node, std::set<const PhysicalNode*>& seen, std::vector<PhysicalNodePtr>& nodes) {
  if (!seen.insert(node.get()).second) return;
  for (const PhysicalNodePtr& input : node->inputs) Collect(input, seen, nodes);
  nodes.push_back(node);
}

}  // namespace

std::string ObjectPath::ToString() const {
  std::string text;
  for (const std::string* part : {&catalog, &database, &name}) {
    if (part->empty()) continue;
    text += (text.empty() ? "" : ".") + Quoted(*part);
  }
  return text;
}

std::string TableDefinition::Option(const std::string& key, const std::string& otherwise) const {
  const auto found = options.find(key);
  return found == options.end() ? otherwise : found->second;
}

std::vector<PhysicalNodePtr> NodesOf(const JobPlan& plan) {
  std::set<const PhysicalNode*> seen;
  std::vector<PhysicalNodePtr> nodes;
  for (const PhysicalNodePtr& root : plan.roots) Collect(root, seen, nodes);
  return nodes;
}

}  // namespace firn::plan
