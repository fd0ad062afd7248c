// SPDX-License-Identifier: Apache-2.0
// Column pruning: Prune(node, needed) gives a node with at least the needed columns and says where each went. Each kind of node asks its inputs
// for what it needs itself; a scan reads only what it was asked for.
//
// Sharing of scans runs the same walk twice: the first time it only notes, by table, which columns are asked for, the second time it builds one
// scan a table for all of them.
#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <utility>

#include "base/assert.h"
#include "plan/describe.h"
#include "plan/rewrite.h"
#include "plan/stored_alike.h"

namespace firn::plan {

namespace {

using Columns = std::set<int>;

struct Pruned {
  LogicalNodePtr node;
  std::vector<int> mapping;  // old column -> new column, -1: gone
};

struct ScanUse {
  Columns needed;
  int uses = 0;
  int uses_in_root = 0;       // most uses within one root
  int uses_in_this_root = 0;
  LogicalNodePtr shared;      // built on first use in the second walk
};

void Need(Columns& needed, const expr::ExpressionPtr& expression) {
  if (expression == nullptr) return;
  for (int column : expr::ColumnsOf(*expression)) needed.insert(column);
}

std::vector<int> Remapped(const std::vector<int>& columns, const std::vector<int>& mapping) {
  std::vector<int> remapped;
  for (int column : columns) {
    FIRN_ASSERT(mapping[column] >= 0, "column {} is gone", column);
    remapped.push_back(mapping[column]);
  }
  return remapped;
}

std::vector<expr::ExpressionPtr> Remapped(const std::vector<expr::ExpressionPtr>& expressions, const std::vector<int>& mapping) {
  std::vector<expr::ExpressionPtr> remapped;
  for (const expr::ExpressionPtr& expression : expressions) remapped.push_back(expr::RemapColumns(expression, mapping));
  return remapped;
}

std::vector<int> Identity(size_t count) {
  std::vector<int> mapping(count);
  std::iota(mapping.begin(), mapping.end(), 0);
  return mapping;
}

// What stands in where only rows are counted, and the source cannot tell their number: the column that is cheapest to read.
int CheapestColumn(const std::vector<types::Field>& fields) {
  auto cost = [](const types::DataType& type) { return type.IsNested() ? 3 : type.IsCharacter() || type.IsBytes() ? 2 : type.kind() == types::TypeKind::kDecimal ? 1 : 0; };
  auto cheaper = [&](const types::Field& left, const types::Field& right) { return cost(left.type) < cost(right.type); };
  return static_cast<int>(std::min_element(fields.begin(), fields.end(), cheaper) - fields.begin());
}

class ColumnPruner {
 public:
  explicit ColumnPruner(const RewriteContext& context) : context_(context) {}

  std::vector<LogicalNodePtr> Run(const std::vector<LogicalNodePtr>& roots) {
    is_counting_ = true;
    for (const LogicalNodePtr& root : roots) {
      for (auto& [key, use] : uses_) use.uses_in_this_root = 0;
      PruneRoot(root);
    }
    is_counting_ = false;
    std::vector<LogicalNodePtr> pruned;
    for (const LogicalNodePtr& root : roots) pruned.push_back(PruneRoot(root));
    return pruned;
  }

 private:
  LogicalNodePtr PruneRoot(const LogicalNodePtr& root) {
    FIRN_ASSERT(root->inputs.size() == 1, "a root has {} inputs", root->inputs.size());
    Columns all;
    for (size_t i = 0; i < root->fields.size(); ++i) all.insert(static_cast<int>(i));
    return WithInputs(*root, {Exactly(root->inputs[0], all)});
  }

  /// The needed columns and no other, in their old order.
  LogicalNodePtr Exactly(const LogicalNodePtr& node, const Columns& needed) {
    Pruned pruned = Prune(node, needed);
    bool is_exact = pruned.node->fields.size() == needed.size();
    std::vector<expr::ExpressionPtr> outputs;
    std::vector<std::string> names;
    for (int column : needed) {
      is_exact &= pruned.mapping[column] == static_cast<int>(outputs.size());
      outputs.push_back(ColumnOf(pruned.node->fields, pruned.mapping[column]));
      names.push_back(node->fields[column].name);
    }
    return is_exact ? pruned.node : MakeProject(pruned.node, std::move(outputs), names);
  }

  Pruned Narrowed(const LogicalNodePtr& node, Columns needed) {
    if (needed.empty() && !node->fields.empty()) needed.insert(CheapestColumn(node->fields));
    std::vector<int> mapping(node->fields.size(), -1);
    int next = 0;
    for (int column : needed) mapping[column] = next++;
    return {Exactly(node, needed), std::move(mapping)};
  }

  Pruned Prune(const LogicalNodePtr& node, Columns needed) {
    const auto* scan = std::get_if<ScanNode>(&node->spec);
    const bool counts_rows = scan != nullptr && scan->traits.counts_rows;
    if (needed.empty() && !node->fields.empty() && !counts_rows) needed.insert(CheapestColumn(node->fields));
    Pruned pruned = std::visit([&](const auto& spec) { return PruneSpec(node, spec, needed); }, node->spec);
    FIRN_ASSERT(pruned.mapping.size() == node->fields.size(), "{}: {} of {} columns are told where they went", Describe(*node), pruned.mapping.size(), node->fields.size());
    for (int column : needed) {
      const int to = pruned.mapping[column];
      FIRN_ASSERT(to >= 0 && to < static_cast<int>(pruned.node->fields.size()), "{}: column {} went to {} of {}", Describe(*node), column, to, pruned.node->fields.size());
      FIRN_ASSERT(IsStoredAlike(pruned.node->fields[to].type, node->fields[column].type), "{}: column {} was {} and is {}", Describe(*node), column, node->fields[column].type.ToString(),
                  pruned.node->fields[to].type.ToString());
    }
    return pruned;
  }

  Pruned PruneSpec(const LogicalNodePtr& node, const ScanNode& scan, const Columns& needed);
  Pruned PruneSpec(const LogicalNodePtr& node, const ValuesNode&, const Columns&) { return {node, Identity(node->fields.size())}; }
  Pruned PruneSpec(const LogicalNodePtr& node, const LogicalFilter& filter, Columns needed);
  Pruned PruneSpec(const LogicalNodePtr& node, const LogicalProject& project, const Columns& needed);
  Pruned PruneSpec(const LogicalNodePtr& node, const WindowAssignNode& assign, const Columns& needed);
  Pruned PruneSpec(const LogicalNodePtr& node, const LogicalAggregate& aggregate, const Columns& needed);
  Pruned PruneSpec(const LogicalNodePtr& node, const ExpandNode& expand, const Columns& needed);
  Pruned PruneSpec(const LogicalNodePtr& node, const UnnestNode& unnest, const Columns& needed);
  Pruned PruneSpec(const LogicalNodePtr& node, const LogicalJoin& join, const Columns& needed);
  Pruned PruneSpec(const LogicalNodePtr& node, const SortNode& sort, Columns needed);
  Pruned PruneSpec(const LogicalNodePtr& node, const LimitNode& limit, const Columns& needed);
  Pruned PruneSpec(const LogicalNodePtr& node, const UnionNode&, const Columns& needed);
  Pruned PruneSpec(const LogicalNodePtr& node, const SinkNode&, const Columns&) { return {PruneRoot(node), Identity(node->fields.size())}; }
  Pruned PruneSpec(const LogicalNodePtr& node, const CollectNode&, const Columns&) {
    return {PruneRoot(node), Identity(node->fields.size())};
  }

  bool IsShared(const ScanUse& use) const { return use.uses > 1 && (!context_.is_batch || use.uses_in_root == 1); }

  const RewriteContext& context_;
  bool is_counting_ = false;
  std::map<std::string, ScanUse> uses_;
};

/// Scans of equal keys deliver the same rows.
std::string ScanKey(const ScanNode& scan) {
  std::string key = scan.table->path.ToString();
  for (const auto& [name, value] : scan.table->options) key += "\n" + name + "=" + value;
  return key;
}

/// Upserts are told apart by the primary key, read or not.
void NeedKey(const LogicalNode& node, const ScanNode& scan, Columns& needed) {
  for (size_t i = 0; i < node.fields.size(); ++i) {
    const auto& key = scan.table->primary_key;
    if (std::find(key.begin(), key.end(), node.fields[i].name) != key.end()) needed.insert(static_cast<int>(i));
  }
}

/// The scan with only the needed outputs, reading only what they are computed from.
Pruned NarrowScan(const LogicalNode& node, const ScanNode& scan, Columns needed) {
  if (scan.rowtime >= 0 && scan.watermark != nullptr) {
    needed.insert(scan.rowtime);
    Need(needed, scan.watermark);
  }
  if (scan.traits.changelog.has_updates && !scan.traits.changelog.has_update_before) NeedKey(node, scan, needed);
  Columns read;
  for (int column : needed) Need(read, scan.outputs[column]);
  for (const expr::ExpressionPtr& predicate : scan.predicates) Need(read, predicate);
  if (read.empty() && !scan.read_columns.empty() && !scan.traits.counts_rows) read.insert(0);
  ScanNode narrow = scan;
  narrow.read_columns.clear();
  narrow.metadata_keys.clear();
  std::vector<int> read_mapping(scan.read_columns.size(), -1);
  for (int column : read) {
    read_mapping[column] = static_cast<int>(narrow.read_columns.size());
    narrow.read_columns.push_back(scan.read_columns[column]);
    narrow.metadata_keys.push_back(scan.metadata_keys[column]);
  }
  narrow.outputs.clear();
  std::vector<types::Field> fields;
  std::vector<int> mapping(scan.outputs.size(), -1);
  for (int column : needed) {
    mapping[column] = static_cast<int>(fields.size());
    narrow.outputs.push_back(expr::RemapColumns(scan.outputs[column], read_mapping));
    fields.push_back(node.fields[column]);
  }
  narrow.predicates = Remapped(scan.predicates, read_mapping);
  if (scan.watermark != nullptr) narrow.watermark = expr::RemapColumns(scan.watermark, mapping);
  narrow.rowtime = scan.rowtime < 0 ? -1 : mapping[scan.rowtime];
  return {MakeScan(std::move(narrow), std::move(fields), node.span), std::move(mapping)};
}

Pruned ColumnPruner::PruneSpec(const LogicalNodePtr& node, const ScanNode& scan, const Columns& needed) {
  ScanUse& use = uses_[ScanKey(scan)];
  if (is_counting_) {
    use.needed.insert(needed.begin(), needed.end());
    ++use.uses;
    use.uses_in_root = std::max(use.uses_in_root, ++use.uses_in_this_root);
    return {node, Identity(node->fields.size())};
  }
  if (!IsShared(use)) return NarrowScan(*node, scan, needed);
  // A user may have skipped rows that another needs: what each filters by stays above.
  ScanNode whole = scan;
  whole.predicates.clear();
  whole.limit = -1;
  Pruned pruned = NarrowScan(*node, whole, use.needed);
  if (use.shared == nullptr) use.shared = pruned.node;
  FIRN_ASSERT(use.shared->fields.size() == pruned.node->fields.size(), "scans of {} columns and of {} are one", use.shared->fields.size(), pruned.node->fields.size());
  return {use.shared, std::move(pruned.mapping)};
}

Pruned ColumnPruner::PruneSpec(const LogicalNodePtr& node, const LogicalFilter& filter, Columns needed) {
  Need(needed, filter.condition);
  Pruned input = Prune(node->inputs[0], needed);
  return {MakeFilter(input.node, expr::RemapColumns(filter.condition, input.mapping)), std::move(input.mapping)};
}

Pruned ColumnPruner::PruneSpec(const LogicalNodePtr& node, const LogicalProject& project, const Columns& needed) {
  Columns below;
  for (int column : needed) Need(below, project.outputs[column]);
  const Pruned input = Prune(node->inputs[0], below);
  std::vector<expr::ExpressionPtr> outputs;
  std::vector<std::string> names;
  std::vector<int> mapping(project.outputs.size(), -1);
  for (int column : needed) {
    mapping[column] = static_cast<int>(outputs.size());
    outputs.push_back(expr::RemapColumns(project.outputs[column], input.mapping));
    names.push_back(node->fields[column].name);
  }
  return {MakeProject(input.node, std::move(outputs), names), std::move(mapping)};
}

Pruned ColumnPruner::PruneSpec(const LogicalNodePtr& node, const WindowAssignNode& assign, const Columns& needed) {
  const int input_count = static_cast<int>(node->inputs[0]->fields.size());
  Columns below(needed.begin(), needed.lower_bound(input_count));
  below.insert(assign.window.time_column);
  below.insert(assign.window.partition_keys.begin(), assign.window.partition_keys.end());
  Pruned input = Prune(node->inputs[0], below);
  WindowSpec window = assign.window;
  window.time_column = input.mapping[window.time_column];
  window.partition_keys = Remapped(window.partition_keys, input.mapping);
  const int first = static_cast<int>(input.node->fields.size());
  for (int i = 0; i < 3; ++i) input.mapping.push_back(first + i);
  return {MakeWindowAssign(input.node, std::move(window), node->span), std::move(input.mapping)};
}

Pruned ColumnPruner::PruneSpec(const LogicalNodePtr& node, const LogicalAggregate& aggregate, const Columns& needed) {
  LogicalAggregate pruned = aggregate;
  pruned.calls.clear();
  const int key_count = static_cast<int>(aggregate.keys.size());
  const int call_count = static_cast<int>(aggregate.calls.size());
  Columns below(aggregate.keys.begin(), aggregate.keys.end());
  std::vector<int> mapping = Identity(node->fields.size());
  for (int i = 0; i < call_count; ++i) {
    // An aggregate without keys has its one row because of its calls.
    const bool keeps = needed.contains(key_count + i) || (key_count == 0 && call_count == 1);
    mapping[key_count + i] = keeps ? key_count + static_cast<int>(pruned.calls.size()) : -1;
    if (!keeps) continue;
    const expr::AggregateCall& call = aggregate.calls[i];
    below.insert(call.arguments.begin(), call.arguments.end());
    if (call.filter >= 0) below.insert(call.filter);
    pruned.calls.push_back(call);
  }
  if (aggregate.window) below.insert(aggregate.window->time_column);
  for (size_t i = 0; i < aggregate.properties.size(); ++i) {
    mapping[key_count + call_count + i] = key_count + static_cast<int>(pruned.calls.size() + i);
  }
  const Pruned input = Prune(node->inputs[0], below);
  pruned.keys = Remapped(aggregate.keys, input.mapping);
  for (expr::AggregateCall& call : pruned.calls) {
    call.arguments = Remapped(call.arguments, input.mapping);
    if (call.filter >= 0) call.filter = input.mapping[call.filter];
  }
  if (pruned.window) {
    pruned.window->time_column = input.mapping[pruned.window->time_column];
    pruned.window->partition_keys = Remapped(pruned.window->partition_keys, input.mapping);
  }
  std::vector<std::string> property_names;
  for (size_t i = 0; i < aggregate.properties.size(); ++i) property_names.push_back(node->fields[key_count + call_count + i].name);
  return {MakeAggregate(input.node, std::move(pruned), property_names, node->span), std::move(mapping)};
}

Pruned ColumnPruner::PruneSpec(const LogicalNodePtr& node, const ExpandNode& expand, const Columns& needed) {
  Columns below;
  for (const auto& outputs : expand.outputs) {
    for (int column : needed) Need(below, outputs[column]);
  }
  const Pruned input = Prune(node->inputs[0], below);
  ExpandNode pruned;
  for (const auto& outputs : expand.outputs) {
    std::vector<expr::ExpressionPtr> kept;
    for (int column : needed) kept.push_back(expr::RemapColumns(outputs[column], input.mapping));
    pruned.outputs.push_back(std::move(kept));
  }
  std::vector<int> mapping(node->fields.size(), -1);
  std::vector<types::Field> fields;
  for (int column : needed) {
    mapping[column] = static_cast<int>(fields.size());
    fields.push_back(node->fields[column]);
  }
  return {MakeExpand(input.node, std::move(pruned), std::move(fields)), std::move(mapping)};
}

Pruned ColumnPruner::PruneSpec(const LogicalNodePtr& node, const UnnestNode& unnest, const Columns& needed) {
  UnnestNode pruned = unnest;
  pruned.passed.clear();
  std::vector<int> mapping(node->fields.size(), -1);
  Columns below;
  for (size_t i = 0; i < unnest.passed.size(); ++i) {
    if (!needed.contains(static_cast<int>(i))) continue;
    mapping[i] = static_cast<int>(pruned.passed.size());
    pruned.passed.push_back(unnest.passed[i]);
    below.insert(unnest.passed[i]);
  }
  Need(below, unnest.collection);
  const Pruned input = Prune(node->inputs[0], below);
  pruned.passed = Remapped(pruned.passed, input.mapping);
  pruned.collection = expr::RemapColumns(unnest.collection, input.mapping);
  for (size_t i = unnest.passed.size(); i < mapping.size(); ++i) mapping[i] = static_cast<int>(pruned.passed.size() + i - unnest.passed.size());
  return {MakeUnnest(input.node, std::move(pruned), node->span), std::move(mapping)};
}

Pruned ColumnPruner::PruneSpec(const LogicalNodePtr& node, const LogicalJoin& join, const Columns& needed) {
  const int left_count = static_cast<int>(node->inputs[0]->fields.size());
  Columns both = needed;
  Need(both, join.condition);
  Columns left_needed;
  Columns right_needed;
  for (int column : both) {
    if (column < left_count) {
      left_needed.insert(column);
    } else {
      right_needed.insert(column - left_count);
    }
  }
  // A join keeps its inputs' rows: no column in them that nobody reads.
  const Pruned left = Narrowed(node->inputs[0], left_needed);
  const Pruned right = Narrowed(node->inputs[1], right_needed);
  std::vector<int> mapping = left.mapping;
  const int new_left_count = static_cast<int>(left.node->fields.size());
  for (int column : right.mapping) mapping.push_back(column < 0 ? -1 : column + new_left_count);
  LogicalJoin pruned = join;
  if (join.condition != nullptr) pruned.condition = expr::RemapColumns(join.condition, mapping);
  mapping.resize(node->fields.size());  // of a semi or anti join those of the left side are all that it has
  return {MakeJoin(left.node, right.node, std::move(pruned), node->span), std::move(mapping)};
}

Pruned ColumnPruner::PruneSpec(const LogicalNodePtr& node, const SortNode& sort, Columns needed) {
  for (const SortKey& key : sort.keys) needed.insert(key.column);
  Pruned input = Narrowed(node->inputs[0], needed);
  SortNode pruned = sort;
  for (SortKey& key : pruned.keys) {
    key.column = input.mapping[key.column];
    FIRN_ASSERT(key.column >= 0, "a sort key is gone");
  }
  return {MakeSort(input.node, std::move(pruned), node->span), std::move(input.mapping)};
}

Pruned ColumnPruner::PruneSpec(const LogicalNodePtr& node, const LimitNode& limit, const Columns& needed) {
  Pruned input = Prune(node->inputs[0], needed);
  return {MakeLimit(input.node, limit, node->span), std::move(input.mapping)};
}

Pruned ColumnPruner::PruneSpec(const LogicalNodePtr& node, const UnionNode&, const Columns& needed) {
  std::vector<LogicalNodePtr> inputs;
  for (const LogicalNodePtr& input : node->inputs) inputs.push_back(Exactly(input, needed));
  std::vector<int> mapping(node->fields.size(), -1);
  int next = 0;
  for (int column : needed) mapping[column] = next++;
  return {MakeUnion(std::move(inputs)), std::move(mapping)};
}

}  // namespace

std::vector<LogicalNodePtr> PruneColumns(const std::vector<LogicalNodePtr>& roots, const RewriteContext& context) {
  return ColumnPruner(context).Run(roots);
}

}  // namespace firn::plan
