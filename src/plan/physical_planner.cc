// SPDX-License-Identifier: Apache-2.0
#include "plan/physical_planner.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>

#include "base/assert.h"
#include "base/hash.h"
#include "plan/changelog.h"
#include "plan/describe.h"
#include "plan/join_condition.h"
#include "plan/physical_builder_internal.h"
#include "plan/plan_check_internal.h"
#include "plan/substitution.h"

namespace firn::plan {

using types::Field;

namespace {

bool IsTransparent(const NodeSpec& spec) {
  return std::holds_alternative<ExchangeNode>(spec) || std::holds_alternative<DropUpdateBeforeNode>(spec);
}

/// Whether -U can be left out of what `node` emits without its consumer missing that a row went away: an operator that lets -U through and
/// +U not (a filter, a join) has told of a deletion by it.
bool CanDropUpdateBefore(const LogicalNode& node, bool is_batch) {
  if (!ChangelogOf(node, is_batch).has_updates) return true;
  if (std::holds_alternative<LogicalAggregate>(node.spec)) return true;
  if (std::holds_alternative<ScanNode>(node.spec)) return !UpsertKeyOf(node).empty();
  if (const auto* filter = std::get_if<LogicalFilter>(&node.spec)) {
    if (FilterNeedsUpdateBefore(*filter->condition, *node.inputs[0])) return false;
  } else if (!std::holds_alternative<LogicalProject>(node.spec)) {
    return false;
  }
  return CanDropUpdateBefore(*node.inputs[0], is_batch);
}

/// The operator that makes updates or deletes: where a refusal points.
const LogicalNode& OriginOfChanges(const LogicalNode& node, bool is_batch) {
  for (const LogicalNodePtr& input : node.inputs) {
    if (!ChangelogOf(*input, is_batch).InsertOnly()) return OriginOfChanges(*input, is_batch);
  }
  return node;
}

const char* WhatChanges(const LogicalNode& origin) {
  if (std::holds_alternative<LogicalAggregate>(origin.spec)) return "an aggregate without a window updates its result with every row";
  if (std::holds_alternative<LogicalJoin>(origin.spec)) return "an outer or anti join takes rows back when matches arrive";
  if (std::holds_alternative<SortNode>(origin.spec)) return "ORDER BY with LIMIT takes rows back when better ones arrive";
  return "the source delivers updates and deletes";
}

std::vector<int> MappedColumns(const std::vector<int>& columns, const std::vector<expr::ExpressionPtr>& outputs) {
  std::vector<int> mapped;
  for (int column : columns) {
    const auto found = std::find_if(outputs.begin(), outputs.end(), [&](const expr::ExpressionPtr& output) {
      return output->kind == expr::ExpressionKind::kColumn && output->index == column;
    });
    if (found == outputs.end()) return {};
    mapped.push_back(static_cast<int>(found - outputs.begin()));
  }
  return mapped;
}

bool MayMerge(const CalcNode& above, const CalcNode& below) {
  std::vector<expr::ExpressionPtr> expressions = above.outputs;
  expressions.push_back(above.condition);
  return Substitution(below.outputs).IsGood(expressions);
}

Error Mismatch(const LogicalNode& node, const SinkNode& sink, bool is_batch) {
  const LogicalNode& origin = OriginOfChanges(node, is_batch);
  return Error(ErrorCode::kChangelogMismatch, fmt::format("table {} takes inserts only, and the query also produces {}",
                                                          sink.table->path.ToString(), ToString(ChangelogOf(node, is_batch))))
      .At(origin.span, WhatChanges(origin))
      .Why(fmt::format("{}", sink.table->primary_key.empty() ? "the table declares no primary key to apply updates by"
                                                             : "the table is not written in upsert mode"))
      .Hint("group by a window (TUMBLE, HOP, CUMULATE, SESSION), or declare PRIMARY KEY (...) NOT ENFORCED and the connector's upsert mode "
            "('write.upsert.enabled'='true' for Iceberg)");
}

}  // namespace

PhysicalNodePtr PhysicalBuilder::Add(Draft draft) {
  FIRN_ASSERT(draft.parallelism >= 1, "{} lanes", draft.parallelism);
  FIRN_ASSERT(!draft.changelog.has_update_before || draft.changelog.has_updates, "-U without +U");
  FIRN_ASSERT(std::is_sorted(draft.upsert_key.begin(), draft.upsert_key.end()) && (draft.upsert_key.empty() || draft.upsert_key.back() < static_cast<int>(draft.fields.size())),
              "an upsert key of {} columns over {}", draft.upsert_key.size(), draft.fields.size());
  auto node = std::make_shared<PhysicalNode>();
  node->spec = std::move(draft.spec);
  node->inputs = std::move(draft.inputs);
  node->rowtime = RowtimeOf(draft.fields);
  node->schema = types::MakeSchema(std::move(draft.fields));
  node->changelog = draft.changelog;
  node->upsert_key = std::move(draft.upsert_key);
  node->parallelism = draft.parallelism;
  node->is_bounded = true;
  for (const PhysicalNodePtr& input : node->inputs) {
    node->is_bounded &= input->is_bounded;
  }
  if (const auto* scan = std::get_if<ScanNode>(&node->spec)) node->is_bounded = scan->traits.is_bounded;
  node->name = OperatorName(*node);
  nodes_.push_back(node);
  return node;
}

void PhysicalBuilder::Finish(const JobPlan& plan) {
  std::map<const PhysicalNode*, PhysicalNode*> made;
  for (const auto& node : nodes_) made[node.get()] = node.get();
  std::set<std::string> uids;
  int next_id = 0;
  for (const PhysicalNodePtr& node : NodesOf(plan)) {
    FIRN_ASSERT(made.contains(node.get()), "{} was made elsewhere", Describe(*node));
    made[node.get()]->id = next_id++;
    made[node.get()]->uid = MakeUid(*node);
    const bool is_new = uids.insert(node->uid).second;
    FIRN_ASSERT(is_new, "two operators would find their state as {}", node->uid);
  }
  const std::string problems = PlanChecker().Check(plan);
  FIRN_ASSERT(problems.empty(), "a plan that does not fit together:\n{}", problems);
}

std::string PhysicalBuilder::MakeUid(const PhysicalNode& node) {
  // Exchanges do not count: the same query at another parallelism must find its state again. Nor does what a source reads beside its table:
  // its state is positions.
  std::string digest;
  if (const auto* scan = std::get_if<ScanNode>(&node.spec)) {
    digest = "Scan " + scan->table->path.ToString();
  } else if (const auto* sink = std::get_if<SinkNode>(&node.spec)) {
    digest = "Sink " + sink->table->path.ToString();
  } else {
    digest = Describe(node);
  }
  for (const PhysicalNodePtr& input : node.inputs) {
    const PhysicalNode* behind = input.get();
    while (IsTransparent(behind->spec)) behind = behind->inputs[0].get();
    digest += "\n" + behind->uid;
  }
  const std::string description = Describe(node);
  std::string uid = fmt::format("{}-{:016x}", description.substr(0, description.find('(')), base::HashBytes(digest));
  const int count = ++uid_counts_[uid];
  return count == 1 ? uid : fmt::format("{}-{}", uid, count);
}

PhysicalNodePtr PhysicalBuilder::Distributed(PhysicalNodePtr input, const std::vector<int>& keys) {
  const int lanes = LanesFor(keys);
  FIRN_ASSERT(std::all_of(keys.begin(), keys.end(), [&](int key) { return key >= 0 && key < static_cast<int>(input->schema->size()); }), "rows of {} columns are told apart by others", input->schema->size());
  if (input->parallelism == 1 && lanes == 1) return input;
  const auto hashed = hashed_by_.find(input.get());
  if (!keys.empty() && hashed != hashed_by_.end() && hashed->second == keys && input->parallelism == lanes) return input;
  ExchangeNode exchange{keys.empty() ? Distribution::kSingle : Distribution::kHash, keys};
  const auto fields = input->schema->fields();
  PhysicalNodePtr sent = Add({std::move(exchange), {input}, fields, input->changelog, input->upsert_key, lanes});
  if (!keys.empty()) hashed_by_[sent.get()] = keys;
  return sent;
}

PhysicalNodePtr PhysicalBuilder::WithoutUpdateBefore(PhysicalNodePtr input) {
  if (!input->changelog.has_update_before) return input;
  ChangelogMode changelog = input->changelog;
  changelog.has_update_before = false;
  const auto fields = input->schema->fields();
  PhysicalNodePtr dropped = Add({DropUpdateBeforeNode{}, {input}, fields, changelog, input->upsert_key, input->parallelism});
  if (const auto hashed = hashed_by_.find(input.get()); hashed != hashed_by_.end()) hashed_by_[dropped.get()] = hashed->second;
  return dropped;
}

PhysicalNodePtr PhysicalBuilder::Projected(PhysicalNodePtr input, std::vector<expr::ExpressionPtr> outputs, std::vector<Field> fields) {
  FIRN_ASSERT(outputs.size() == fields.size(), "{} outputs, {} fields", outputs.size(), fields.size());
  bool changes_nothing = outputs.size() == input->schema->size();
  for (size_t i = 0; changes_nothing && i < outputs.size(); ++i) {
    changes_nothing = outputs[i]->kind == expr::ExpressionKind::kColumn && outputs[i]->index == static_cast<int>(i);
  }
  if (changes_nothing) return input;
  std::vector<int> upsert_key = MappedColumns(input->upsert_key, outputs);
  std::sort(upsert_key.begin(), upsert_key.end());
  return Calculated(std::move(input), CalcNode{nullptr, std::move(outputs)}, std::move(fields), std::move(upsert_key));
}

PhysicalNodePtr PhysicalBuilder::Calculated(PhysicalNodePtr input, CalcNode calc, std::vector<Field> fields, std::vector<int> upsert_key) {
  if (const auto* below = std::get_if<CalcNode>(&input->spec); below != nullptr && MayMerge(calc, *below)) {
    for (expr::ExpressionPtr& output : calc.outputs) output = expr::SubstituteColumns(output, below->outputs);
    std::vector<expr::ExpressionPtr> conjuncts = ConjunctsOf(below->condition);
    if (calc.condition != nullptr) conjuncts.push_back(expr::SubstituteColumns(calc.condition, below->outputs));
    calc.condition = Conjunction(conjuncts);
    input = input->inputs[0];
  }
  std::vector<int> hashed;
  if (const auto found = hashed_by_.find(input.get()); found != hashed_by_.end()) hashed = MappedColumns(found->second, calc.outputs);
  const ChangelogMode changelog = input->changelog;
  const int lanes = input->parallelism;
  const PhysicalNodePtr built = Add({std::move(calc), {std::move(input)}, std::move(fields), changelog, std::move(upsert_key), lanes});
  if (!hashed.empty()) hashed_by_[built.get()] = std::move(hashed);
  return built;
}

Result<PhysicalNodePtr> PhysicalBuilder::BuildRoot(const LogicalNodePtr& root) {
  if (const auto* sink = std::get_if<SinkNode>(&root->spec)) return BuildSink(*root, *sink);
  FIRN_ASSERT(std::holds_alternative<CollectNode>(root->spec), "root {}", Describe(*root));
  FIRN_TRY(PhysicalNodePtr input, Build(root->inputs[0], Asks::kAllChanges));
  input = Distributed(std::move(input), {});
  const ChangelogMode changelog = input->changelog;
  std::vector<int> upsert_key = input->upsert_key;
  return Add({CollectNode{}, {std::move(input)}, root->fields, changelog, std::move(upsert_key), 1});
}

Result<PhysicalNodePtr> PhysicalBuilder::Build(const LogicalNodePtr& node, Asks asks) {
  if (const auto* scan = std::get_if<ScanNode>(&node->spec)) return BuildScan(node, *scan, asks);
  if (const auto* values = std::get_if<ValuesNode>(&node->spec)) {
    std::vector<types::Batch> rows = values->rows;
    return Add({ValuesNode{std::move(rows)}, {}, node->fields, kInsertOnly, {}, 1});
  }
  if (const auto* assign = std::get_if<WindowAssignNode>(&node->spec)) return BuildWindowAssign(*node, *assign);
  if (const auto* aggregate = std::get_if<LogicalAggregate>(&node->spec)) return BuildAggregate(node, *aggregate, asks);
  if (const auto* expand = std::get_if<ExpandNode>(&node->spec)) return BuildExpand(*node, *expand, asks);
  if (const auto* unnest = std::get_if<UnnestNode>(&node->spec)) return BuildUnnest(*node, *unnest);
  if (const auto* join = std::get_if<LogicalJoin>(&node->spec)) return BuildJoin(*node, *join);
  if (const auto* sort = std::get_if<SortNode>(&node->spec)) return BuildSort(*node, *sort);
  if (const auto* limit = std::get_if<LimitNode>(&node->spec)) return BuildLimit(*node, *limit);
  if (std::holds_alternative<UnionNode>(node->spec)) return BuildUnion(*node, asks);
  return BuildCalc(node, asks);
}

Result<PhysicalNodePtr> PhysicalBuilder::BuildScan(const LogicalNodePtr& node, const ScanNode& scan, Asks asks) {
  PhysicalNodePtr& built = scans_[node.get()];
  if (built == nullptr) {
    if (config_.is_batch && !scan.traits.is_bounded) {
      return Error(ErrorCode::kNotSupported, fmt::format("table {} never ends, so a batch query over it would not either", scan.table->path.ToString()))
          .At(node->span)
          .Hint("SET 'execution.runtime-mode' = 'streaming', or bound the source, e.g. OPTIONS('scan.bounded.mode'='latest-offset')");
    }
    const std::vector<int> key = UpsertKeyOf(*node);
    ScanNode spec = scan;
    built = Add({std::move(spec), {}, node->fields, config_.is_batch ? kInsertOnly : scan.traits.changelog, key, 1});
    if (built->changelog.has_updates && !built->changelog.has_update_before) {
      if (key.empty()) {
        return Error(ErrorCode::kInvalidDefinition, fmt::format("table {} delivers upserts and declares no primary key", scan.table->path.ToString()))
            .At(node->span)
            .Hint("add PRIMARY KEY (...) NOT ENFORCED to the table and read its key columns");
      }
      const PhysicalNodePtr keyed = Distributed(built, key);
      built = Add({NormalizeNode{key, true}, {keyed}, node->fields, kRetract, key, keyed->parallelism});
      if (const auto hashed = hashed_by_.find(keyed.get()); hashed != hashed_by_.end()) hashed_by_[built.get()] = hashed->second;
    }
  }
  return asks == Asks::kNoUpdateBefore ? WithoutUpdateBefore(built) : built;
}

/// A filter, a projection, or a projection of a filter.
Result<PhysicalNodePtr> PhysicalBuilder::BuildCalc(const LogicalNodePtr& node, Asks asks) {
  const auto* project = std::get_if<LogicalProject>(&node->spec);
  const LogicalNodePtr& below = project != nullptr ? node->inputs[0] : node;
  const auto* filter = std::get_if<LogicalFilter>(&below->spec);
  const LogicalNodePtr& source = filter != nullptr ? below->inputs[0] : below;
  FIRN_ASSERT(project != nullptr || filter != nullptr, "{} is no Calc", Describe(*node));
  if (filter != nullptr && FilterNeedsUpdateBefore(*filter->condition, *source)) asks = Asks::kAllChanges;
  FIRN_TRY(const PhysicalNodePtr input, Build(source, asks));
  std::vector<expr::ExpressionPtr> outputs = project != nullptr ? project->outputs : AllColumns(source->fields);
  if (filter == nullptr) return Projected(input, std::move(outputs), node->fields);
  return Calculated(input, CalcNode{filter->condition, std::move(outputs)}, node->fields, UpsertKeyOf(*node));
}

Result<PhysicalNodePtr> PhysicalBuilder::BuildExpand(const LogicalNode& node, const ExpandNode& expand, Asks asks) {
  FIRN_TRY(const PhysicalNodePtr input, Build(node.inputs[0], asks));
  return Add({expand, {input}, node.fields, input->changelog, {}, input->parallelism});
}

/// An update may have another number of elements than what it replaces: -U must come.
Result<PhysicalNodePtr> PhysicalBuilder::BuildUnnest(const LogicalNode& node, const UnnestNode& unnest) {
  FIRN_TRY(const PhysicalNodePtr input, Build(node.inputs[0], Asks::kAllChanges));
  return Add({unnest, {input}, node.fields, input->changelog, {}, input->parallelism});
}

Result<PhysicalNodePtr> PhysicalBuilder::BuildUnion(const LogicalNode& node, Asks asks) {
  std::vector<PhysicalNodePtr> inputs;
  bool has_equal_lanes = true;
  ChangelogMode changelog;
  for (const LogicalNodePtr& logical : node.inputs) {
    FIRN_TRY(PhysicalNodePtr input, Build(logical, asks));
    has_equal_lanes &= inputs.empty() || inputs[0]->parallelism == input->parallelism;
    changelog.has_updates |= input->changelog.has_updates;
    changelog.has_update_before |= input->changelog.has_update_before;
    changelog.has_deletes |= input->changelog.has_deletes;
    inputs.push_back(std::move(input));
  }
  if (!has_equal_lanes) {
    for (PhysicalNodePtr& input : inputs) input = Distributed(std::move(input), {});
  }
  const int lanes = inputs[0]->parallelism;
  return Add({UnionNode{}, std::move(inputs), node.fields, changelog, {}, lanes});
}

Result<PhysicalNodePtr> PhysicalBuilder::BuildSort(const LogicalNode& node, const SortNode& sort) {
  FIRN_TRY(PhysicalNodePtr input, Build(node.inputs[0], Asks::kAllChanges));
  SortNode spec = sort;
  if (!config_.is_batch && sort.limit < 0) {
    const bool leads_with_rowtime = !sort.keys.empty() && !sort.keys[0].descending && sort.keys[0].column == input->rowtime;
    spec.by_rowtime = leads_with_rowtime && input->changelog.InsertOnly();
    if (!spec.by_rowtime && !(input->is_bounded && input->changelog.InsertOnly())) {
      return Error(ErrorCode::kNotSupported, "ORDER BY over a stream that does not end")
          .At(node.span, "a stream can be sorted only by an ascending row time first")
          .Why("later rows may belong before those already emitted")
          .Hint("add LIMIT n (an updating top n), order by the row time ascending, or SET 'execution.runtime-mode' = 'batch'");
    }
  }
  input = Distributed(std::move(input), {});
  ChangelogMode changelog = ChangelogOf(node, config_.is_batch);
  return Add({std::move(spec), {std::move(input)}, node.fields, changelog, UpsertKeyOf(node), 1});
}

Result<PhysicalNodePtr> PhysicalBuilder::BuildLimit(const LogicalNode& node, const LimitNode& limit) {
  FIRN_TRY(PhysicalNodePtr input, Build(node.inputs[0], Asks::kAllChanges));
  input = Distributed(std::move(input), {});
  if (input->changelog.InsertOnly()) return Add({limit, {std::move(input)}, node.fields, kInsertOnly, UpsertKeyOf(node), 1});
  // Over a changelog a row that goes makes room for the next: a Top-N in the order of arrival.
  const ChangelogMode changelog{input->changelog.has_updates, input->changelog.has_update_before, true};
  return Add({SortNode{{}, limit.offset, limit.limit, false}, {std::move(input)}, node.fields, changelog, UpsertKeyOf(node), 1});
}

Result<PhysicalNodePtr> PhysicalBuilder::FeedSink(const LogicalNode& node, const SinkNode& sink) {
  const LogicalNode& query = *node.inputs[0];
  const ChangelogMode produced = ChangelogOf(query, config_.is_batch);
  const ChangelogMode accepted = sink.traits.accepts;
  if ((produced.has_updates && !accepted.has_updates) || (produced.has_deletes && !accepted.has_deletes)) {
    return Mismatch(query, sink, config_.is_batch);
  }
  const bool wants_update_before = accepted.has_update_before && !sink.traits.is_upsert;
  // Where the table's key holds more than the query's, an update may move a row to another key of the table: its -U takes it from the old one.
  const bool is_keyed_alike = sink.upsert_key.empty() || UpsertKeyOf(query) == sink.upsert_key;
  const bool drops = !wants_update_before && is_keyed_alike && CanDropUpdateBefore(query, config_.is_batch);
  FIRN_TRY(PhysicalNodePtr input, Build(node.inputs[0], drops ? Asks::kNoUpdateBefore : Asks::kAllChanges));
  if (sink.traits.is_upsert) input = Distributed(std::move(input), sink.upsert_key);
  if (sink.traits.runs_in_one_lane) input = Distributed(std::move(input), {});
  if (input->changelog.InsertOnly() || wants_update_before) return input;
  if (drops) return WithoutUpdateBefore(std::move(input));
  if (sink.upsert_key.empty()) return input;
  // The query's rows are told apart by other columns than the table's, so that one that goes may leave another of its key; or -U alone says that a
  // row went: made exact by the table's key.
  const int lanes = input->parallelism;
  return Add({NormalizeNode{sink.upsert_key, false}, {std::move(input)}, node.fields, kUpsert, sink.upsert_key, lanes});
}

Result<PhysicalNodePtr> PhysicalBuilder::BuildSink(const LogicalNode& node, const SinkNode& sink) {
  if (sink.traits.is_upsert && sink.upsert_key.empty() && !ChangelogOf(*node.inputs[0], config_.is_batch).InsertOnly()) {
    return Error(ErrorCode::kInvalidDefinition, fmt::format("table {} is written by upserts and declares no primary key", sink.table->path.ToString()))
        .At(node.span)
        .Hint("declare PRIMARY KEY (...) NOT ENFORCED");
  }
  FIRN_TRY(const PhysicalNodePtr input, FeedSink(node, sink));
  SinkNode spec = sink;
  spec.changelog = input->changelog;
  return Add({std::move(spec), {input}, node.fields, input->changelog, sink.upsert_key, input->parallelism});
}

Result<JobPlan> MakePhysicalPlan(const std::vector<LogicalNodePtr>& roots, const SessionConfig& config,
                                 const std::map<std::string, std::string>& settings) {
  PhysicalBuilder builder(config);
  JobPlan plan;
  plan.config = settings;
  plan.is_batch = config.is_batch;
  plan.is_bounded = true;
  for (const LogicalNodePtr& root : roots) {
    FIRN_TRY(PhysicalNodePtr built, builder.BuildRoot(root));
    plan.is_bounded &= built->is_bounded;
    plan.logical_text += ToString(*root);
    plan.roots.push_back(std::move(built));
  }
  builder.Finish(plan);
  return plan;
}

}  // namespace firn::plan
