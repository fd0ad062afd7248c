// SPDX-License-Identifier: Apache-2.0
#include "exec/job_graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/assert.h"
#include "exec/exchange_output.h"
#include "exec/gate_input.h"
#include "exec/operator_factory.h"
#include "exec/scan_input.h"
#include "exec/settings.h"
#include "exec/values_input.h"
#include "io/clock.h"
#include "plan/session_config.h"

namespace firn::exec {

namespace {

// The next step where a checkpoint does not fit the query.
constexpr const char* kAgain = "cancel the job and submit its statement again; it starts without the old state";

using plan::PhysicalNode;
using plan::PhysicalNodePtr;

bool IsExchange(const PhysicalNode& node) { return std::holds_alternative<plan::ExchangeNode>(node.spec); }
bool IsSink(const PhysicalNode& node) { return std::holds_alternative<plan::SinkNode>(node.spec); }
bool IsCollect(const PhysicalNode& node) { return std::holds_alternative<plan::CollectNode>(node.spec); }
bool IsSource(const PhysicalNode& node) { return node.inputs.empty(); }

bool KeepsState(const PhysicalNode& node) {
  return std::holds_alternative<plan::WindowAggregateNode>(node.spec) || std::holds_alternative<plan::GroupAggregateNode>(node.spec) || std::holds_alternative<plan::JoinNode>(node.spec) ||
         std::holds_alternative<plan::SortNode>(node.spec) || std::holds_alternative<plan::LimitNode>(node.spec) || std::holds_alternative<plan::NormalizeNode>(node.spec);
}

// Operators that run as one task, one copy a lane.
struct Chain {
  std::vector<PhysicalNodePtr> nodes;
  int parallelism = 1;
  std::vector<Task*> lanes;
};

class GraphBuilder {
 public:
  explicit GraphBuilder(const JobGraphInputs& inputs) : inputs_(inputs), nodes_(plan::NodesOf(inputs.plan)) {}

  Result<JobGraph> Build() {
    FIRN_RETURN_IF_ERROR(ReadSettings());
    FIRN_RETURN_IF_ERROR(CheckStored());
    FindConsumers();
    MakeChains();
    for (Chain& chain : chains_) FIRN_RETURN_IF_ERROR(MakeTasks(chain));
    for (Chain& chain : chains_) FIRN_RETURN_IF_ERROR(ConnectInputs(chain));
    for (auto& task : graph_.tasks) task->Link();
    FIRN_RETURN_IF_ERROR(Restore());
    return std::move(graph_);
  }

 private:
  Status ReadSettings() {
    FIRN_TRY(scan_options_, ScanOptionsOf(inputs_.plan.config));
    FIRN_TRY(is_mini_batch_, BooleanSetting(inputs_.plan.config, "table.exec.mini-batch.enabled", false));
    FIRN_TRY(plan::SessionConfig session, plan::ParseSessionConfig(inputs_.plan.config));
    evaluation_.time_zone = session.time_zone;
    evaluation_.legacy_cast = session.legacy_cast;
    evaluation_.is_batch = inputs_.plan.is_batch;
    evaluation_.query_start_us = inputs_.environment.clock.WallTimeMs() * 1000;
    evaluation_.row_time_us = evaluation_.query_start_us;
    evaluation_.random = &inputs_.environment.random;
    return Ok();
  }

  // State, positions and rows that nobody takes would be lost silently.
  Status CheckStored() const {
    if (!inputs_.checkpoint) return Ok();
    const CheckpointRecord& checkpoint = *inputs_.checkpoint;
    std::set<std::string> known;
    for (const PhysicalNodePtr& node : nodes_) known.insert(node->uid);
    const auto misfit = [&](std::string what, const char* hint) {
      return Error(ErrorCode::kStateIncompatible, fmt::format("checkpoint {} {}", checkpoint.id, what)).Hint(hint);
    };
    for (const auto& [uid, effects] : checkpoint.outside) {
      if (known.contains(uid)) continue;
      return misfit(fmt::format("has rows that may not have appeared yet for the sink {}, which the query as planned now does not have", uid),
                    "start the node once with the version that it was taken with, so that they appear; cancelling the job drops them");
    }
    for (const auto& [uid, position] : checkpoint.positions) {
      if (!known.contains(uid)) return misfit(fmt::format("holds a position of the source {}, which the query as planned now does not have", uid), kAgain);
    }
    for (const auto& [uid, tables] : checkpoint.manifest.operators) {
      if (!known.contains(uid)) return misfit(fmt::format("holds state of the operator {}, which the query as planned now does not have", uid), kAgain);
    }
    for (const PhysicalNodePtr& node : nodes_) {
      if (!KeepsState(*node) || checkpoint.manifest.operators.contains(node->uid)) continue;
      if (checkpoint.operators && !std::binary_search(checkpoint.operators->begin(), checkpoint.operators->end(), node->uid)) {
        return misfit(fmt::format("was taken without the operator {}, which would begin without what the others have seen", node->uid), kAgain);
      }
      if (!checkpoint.operators && inputs_.warn) {
        inputs_.warn(fmt::format("job {}: checkpoint {}, of an earlier version, holds nothing of {}: it begins without state", inputs_.identity.job_id, checkpoint.id, node->uid));
      }
    }
    return Ok();
  }

  void FindConsumers() {
    for (const PhysicalNodePtr& node : nodes_) {
      for (const PhysicalNodePtr& input : node->inputs) consumers_[input->id].push_back(node.get());
    }
  }

  // Whether `node` runs in the task of its input.
  bool IsChained(const PhysicalNode& node) const {
    if (node.inputs.size() != 1 || IsSink(node)) return false;
    const PhysicalNode& input = *node.inputs[0];
    return !IsExchange(input) && consumers_.at(input.id).size() == 1 && input.parallelism == node.parallelism;
  }

  void MakeChains() {
    for (const PhysicalNodePtr& node : nodes_) {
      if (IsExchange(*node)) continue;
      if (IsChained(*node)) {
        chain_of_[node->id] = chain_of_.at(node->inputs[0]->id);
        chains_[chain_of_[node->id]].nodes.push_back(node);
        continue;
      }
      chain_of_[node->id] = chains_.size();
      chains_.push_back({{node}, node->parallelism, {}});
    }
  }

  // Whether every way from `node` leads into an upsert sink, which looks at the last change of a key only.
  bool FeedsUpsertSinksOnly(const PhysicalNode& node) const {
    if (const auto* sink = std::get_if<plan::SinkNode>(&node.spec)) return sink->traits.is_upsert;
    const bool passes = std::holds_alternative<plan::CalcNode>(node.spec) || IsExchange(node) ||
                        std::holds_alternative<plan::DropUpdateBeforeNode>(node.spec) || std::holds_alternative<plan::NormalizeNode>(node.spec) ||
                        std::holds_alternative<plan::GroupAggregateNode>(node.spec);
    auto found = consumers_.find(node.id);
    if (!passes || found == consumers_.end()) return false;
    return std::all_of(found->second.begin(), found->second.end(), [&](const PhysicalNode* next) {
      return !std::holds_alternative<plan::GroupAggregateNode>(next->spec) && FeedsUpsertSinksOnly(*next);
    });
  }

  OperatorOptions OptionsFor(const PhysicalNode& node) const {
    return {.is_batch = inputs_.plan.is_batch, .emits_net_changes = is_mini_batch_ || FeedsUpsertSinksOnly(node)};
  }

  std::function<void(const std::string&)> Warner() const {
    if (!inputs_.warn) return {};
    return [warn = inputs_.warn, job = inputs_.identity.job_id](const std::string& text) { warn(fmt::format("job {}: {}", job, text)); };
  }

  Result<Task::Stage> MakeStage(const PhysicalNodePtr& node, int lane, Task::Options* options) {
    Task::Stage stage;
    stage.node = node;
    stage.metrics = std::make_shared<OperatorMetrics>();
    stage.context = std::make_unique<OperatorContext>(
        OperatorContext{.lane = lane, .parallelism = node->parallelism, .evaluation = evaluation_, .metrics = stage.metrics.get(), .warn = Warner()});
    if (IsSource(*node) || IsCollect(*node)) return stage;
    if (IsSink(*node)) {
      auto sink = std::make_unique<SinkOperator>(std::get<plan::SinkNode>(node->spec), std::move(sink_lanes_[node->id][static_cast<size_t>(lane)]));
      options->sink = static_cast<int>(graph_.sinks.size()) - 1;
      options->sink_operator = sink.get();
      stage.op = std::move(sink);
    } else {
      FIRN_TRY(stage.op, MakeOperator(*node, OptionsFor(*node)));
    }
    FIRN_RETURN_IF_ERROR(stage.op->Open(*stage.context));
    return stage;
  }

  Status MakeSink(const PhysicalNodePtr& node) {
    const auto& sink = std::get<plan::SinkNode>(node->spec);
    FIRN_TRY(Connector * connector, inputs_.connectors.Find(sink.table->connector));
    FIRN_TRY(Sink made, connector->MakeSink(sink, node->inputs[0]->schema, node->parallelism, inputs_.identity));
    FIRN_ASSERT(static_cast<int>(made.lanes.size()) == node->parallelism && made.committer, "connector {} made a sink of {} lanes for {}",
                sink.table->connector, made.lanes.size(), node->parallelism);
    sink_lanes_[node->id] = std::move(made.lanes);
    graph_.sinks.push_back({node, std::move(made.committer), node->parallelism});
    return Ok();
  }

  Status MakeTasks(Chain& chain) {
    if (IsSink(*chain.nodes[0])) FIRN_RETURN_IF_ERROR(MakeSink(chain.nodes[0]));
    FIRN_ASSERT(!IsSource(*chain.nodes[0]) || chain.parallelism == 1, "{} has {} lanes", chain.nodes[0]->name, chain.parallelism);
    for (int lane = 0; lane < chain.parallelism; ++lane) {
      Task::Options options{.index = static_cast<int>(graph_.tasks.size()), .lane = lane, .parallelism = chain.parallelism};
      std::vector<Task::Stage> stages;
      for (const PhysicalNodePtr& node : chain.nodes) {
        FIRN_TRY(Task::Stage stage, MakeStage(node, lane, &options));
        stages.push_back(std::move(stage));
      }
      if (IsSource(*chain.nodes[0])) options.source_uid = chain.nodes[0]->uid;
      const PhysicalNode& last = *chain.nodes.back();
      if (IsSink(last) || IsCollect(last)) graph_.root_tasks.push_back(options.index);
      graph_.tasks.push_back(std::make_unique<Task>(std::move(options), inputs_.environment.clock, inputs_.scheduler, inputs_.budget, inputs_.listener));
      Task& task = *graph_.tasks.back();
      for (Task::Stage& stage : stages) task.AddStage(std::move(stage));
      if (IsCollect(last)) {
        FIRN_ASSERT(inputs_.results && chain.parallelism == 1, "{} without a reader", last.name);
        inputs_.results->SetProducer(task.handle());
        task.AddOutput(std::make_unique<CollectOutput>(inputs_.results));
      }
      chain.lanes.push_back(&task);
    }
    return Ok();
  }

  Status ConnectInputs(Chain& chain) {
    const PhysicalNode& head = *chain.nodes[0];
    if (IsSource(head)) return MakeSource(*chain.lanes[0], chain.nodes[0]);
    std::vector<std::vector<GateInput::Channel>> channels(chain.lanes.size());
    for (size_t input = 0; input < head.inputs.size(); ++input) ConnectInput(chain, static_cast<int>(input), &channels);
    for (size_t lane = 0; lane < chain.lanes.size(); ++lane) {
      chain.lanes[lane]->SetInput(std::make_unique<GateInput>(std::move(channels[lane]), static_cast<int>(head.inputs.size()), HoldOf(head)));
    }
    return Ok();
  }

  void ConnectInput(Chain& chain, int input, std::vector<std::vector<GateInput::Channel>>* channels) {
    const PhysicalNode* from = chain.nodes[0]->inputs[static_cast<size_t>(input)].get();
    plan::ExchangeNode exchange{plan::Distribution::kForward, {}};
    if (IsExchange(*from)) {
      exchange = std::get<plan::ExchangeNode>(from->spec);
      from = from->inputs[0].get();
    }
    Chain& producer = chains_[chain_of_.at(from->id)];
    const size_t lane_count = chain.lanes.size();
    const bool is_straight = exchange.distribution == plan::Distribution::kForward && producer.lanes.size() == lane_count;
    for (size_t producer_lane = 0; producer_lane < producer.lanes.size(); ++producer_lane) {
      std::vector<std::shared_ptr<Edge>> edges;
      for (size_t lane = 0; lane < lane_count; ++lane) {
        if (is_straight && lane != producer_lane) continue;
        auto edge = std::make_shared<Edge>();
        edge->Connect(producer.lanes[producer_lane]->handle(), chain.lanes[lane]->handle());
        (*channels)[lane].push_back({input, edge});
        edges.push_back(std::move(edge));
      }
      producer.lanes[producer_lane]->AddOutput(
          std::make_unique<ExchangeOutput>(std::move(edges), exchange.keys, TypesOf(*from->schema, exchange.keys)));
    }
  }

  // A batch join reads its build side first, unless something before the held side is read by others, too: while it is held they get nothing either, and if the
  // build side is behind one of them it waits for itself (one source on both sides, or two joins that each build what the other holds).
  GateInput::Hold HoldOf(const PhysicalNode& node) const {
    if (!inputs_.plan.is_batch || !std::holds_alternative<plan::JoinNode>(node.spec)) return {};
    return IsReadByOthers(*node.inputs[0]) ? GateInput::Hold{} : GateInput::Hold{.held_input = 0, .until_ended = 1};
  }

  bool IsReadByOthers(const PhysicalNode& node) const {
    int readers = 0;
    for (const PhysicalNodePtr& reader : nodes_) {
      for (const PhysicalNodePtr& input : reader->inputs) readers += input->id == node.id;
    }
    if (readers > 1) return true;
    return std::any_of(node.inputs.begin(), node.inputs.end(), [&](const PhysicalNodePtr& input) { return IsReadByOthers(*input); });
  }

  Status MakeSource(Task& task, const PhysicalNodePtr& node) {
    if (std::holds_alternative<plan::ValuesNode>(node->spec)) {
      task.SetInput(std::make_unique<ValuesInput>(*node));
      return Ok();
    }
    const auto& scan = std::get<plan::ScanNode>(node->spec);
    FIRN_TRY(Connector * connector, inputs_.connectors.Find(scan.table->connector));
    FIRN_TRY(auto source, connector->MakeSource(scan, inputs_.identity));
    FIRN_TRY(auto input, ScanInput::Make(*node, std::move(source), scan_options_, *task.stages()[0].context));
    input->SetTask(task.handle());
    task.SetInput(std::move(input));
    return Ok();
  }

  Status Restore() {
    if (!inputs_.checkpoint) return Ok();
    const state::Manifest& manifest = inputs_.checkpoint->manifest;
    for (auto& task : graph_.tasks) {
      const Task::Options& options = task->options();
      if (!options.source_uid.empty()) {
        auto found = inputs_.checkpoint->positions.find(options.source_uid);
        if (found == inputs_.checkpoint->positions.end()) {
          return Error(ErrorCode::kStateIncompatible, fmt::format("checkpoint {} has no position of the source {}", inputs_.checkpoint->id, options.source_uid)).Hint(kAgain);
        }
        auto reader = inputs_.files->Read(manifest, options.source_uid, options.lane, options.parallelism);
        FIRN_RETURN_IF_ERROR(task->input().Restore(found->second, *reader));
      }
      for (const Task::Stage& stage : task->stages()) {
        if (!stage.op) continue;
        auto reader = inputs_.files->Read(manifest, stage.node->uid, options.lane, options.parallelism);
        FIRN_RETURN_IF_ERROR(stage.op->Restore(*reader));
      }
    }
    return Ok();
  }

  const JobGraphInputs& inputs_;
  const std::vector<PhysicalNodePtr> nodes_;
  ScanOptions scan_options_;
  bool is_mini_batch_ = false;
  expr::EvaluationContext evaluation_;
  std::map<int, std::vector<const PhysicalNode*>> consumers_;  // by node id, exchanges included
  std::vector<Chain> chains_;
  std::map<int, size_t> chain_of_;                             // by node id
  std::map<int, std::vector<std::unique_ptr<SinkLane>>> sink_lanes_;
  JobGraph graph_;
};

}  // namespace

std::vector<std::string> StatefulOperators(const JobGraph& graph) {
  std::set<std::string> uids;
  for (const auto& task : graph.tasks) {
    for (const Task::Stage& stage : task->stages()) {
      if (KeepsState(*stage.node)) uids.insert(stage.node->uid);
    }
  }
  return {uids.begin(), uids.end()};
}

Result<JobGraph> BuildJobGraph(const JobGraphInputs& inputs) { return GraphBuilder(inputs).Build(); }

}  // namespace firn::exec
