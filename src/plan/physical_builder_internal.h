// SPDX-License-Identifier: Apache-2.0
// The recursion behind MakePhysicalPlan. Build(node, asks) gives the physical form of a logical subtree. `asks` tells whether the consumer needs
// -U; what a node really emits is in PhysicalNode::changelog.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "plan/logical_plan.h"
#include "plan/session_config.h"

namespace firn::plan {

enum class Asks { kAllChanges, kNoUpdateBefore };

class PhysicalBuilder {
 public:
  explicit PhysicalBuilder(const SessionConfig& config) : config_(config) {}

  Result<PhysicalNodePtr> BuildRoot(const LogicalNodePtr& root);
  /// Numbers the nodes of the plan and gives them their uids; once, after all roots are built.
  void Finish(const JobPlan& plan);

 private:
  /// What a node is besides its spec; the rest follows from the inputs.
  struct Draft {
    NodeSpec spec;
    std::vector<PhysicalNodePtr> inputs;
    std::vector<types::Field> fields;
    ChangelogMode changelog;
    std::vector<int> upsert_key;
    int parallelism = 1;
  };

  Result<PhysicalNodePtr> Build(const LogicalNodePtr& node, Asks asks);
  Result<PhysicalNodePtr> BuildScan(const LogicalNodePtr& node, const ScanNode& scan, Asks asks);
  Result<PhysicalNodePtr> BuildCalc(const LogicalNodePtr& node, Asks asks);
  Result<PhysicalNodePtr> BuildWindowAssign(const LogicalNode& node, const WindowAssignNode& assign);
  Result<PhysicalNodePtr> BuildAggregate(const LogicalNodePtr& node, const LogicalAggregate& aggregate, Asks asks);
  Result<PhysicalNodePtr> BuildGroupAggregate(const LogicalNode& node, const LogicalAggregate& aggregate, Asks asks);
  Result<PhysicalNodePtr> BuildLegacyWindow(const LogicalNode& node, const LogicalAggregate& aggregate);
  Result<PhysicalNodePtr> BuildTvfAggregate(const LogicalNode& node, const LogicalAggregate& aggregate);
  Result<PhysicalNodePtr> BuildAttachedAggregate(const LogicalNode& node, const LogicalAggregate& aggregate);
  Result<PhysicalNodePtr> BuildSessionAssign(const LogicalNode& node, const WindowAssignNode& assign);
  Result<PhysicalNodePtr> BuildExpand(const LogicalNode& node, const ExpandNode& expand, Asks asks);
  Result<PhysicalNodePtr> BuildUnnest(const LogicalNode& node, const UnnestNode& unnest);
  Result<PhysicalNodePtr> BuildJoin(const LogicalNode& node, const LogicalJoin& join);
  Result<PhysicalNodePtr> BuildSort(const LogicalNode& node, const SortNode& sort);
  Result<PhysicalNodePtr> BuildLimit(const LogicalNode& node, const LimitNode& limit);
  Result<PhysicalNodePtr> BuildUnion(const LogicalNode& node, Asks asks);
  Result<PhysicalNodePtr> BuildSink(const LogicalNode& node, const SinkNode& sink);
  Result<PhysicalNodePtr> FeedSink(const LogicalNode& node, const SinkNode& sink);

  PhysicalNodePtr Add(Draft draft);
  /// `input` sent to the lanes that own its keys (no keys: to one lane). The input itself where rows already lie so.
  PhysicalNodePtr Distributed(PhysicalNodePtr input, const std::vector<int>& keys);
  PhysicalNodePtr WithoutUpdateBefore(PhysicalNodePtr input);
  /// A Calc over `input`; the input itself if `outputs` are its columns in order under the same names.
  PhysicalNodePtr Projected(PhysicalNodePtr input, std::vector<expr::ExpressionPtr> outputs, std::vector<types::Field> fields);
  /// A filter and projection over `input`; one node with `input` where that is a Calc itself.
  PhysicalNodePtr Calculated(PhysicalNodePtr input, CalcNode calc, std::vector<types::Field> fields, std::vector<int> upsert_key);
  int LanesFor(const std::vector<int>& keys) const { return keys.empty() ? 1 : config_.parallelism; }
  std::string MakeUid(const PhysicalNode& node);
  /// Marks the calls as seeing retractions and gives the node's aggregates.
  static std::vector<expr::AggregateCall> CallsOver(std::vector<expr::AggregateCall> calls, const PhysicalNode& input);

  const SessionConfig& config_;
  std::map<const LogicalNode*, PhysicalNodePtr> scans_;        // shared ones are built once
  std::map<const PhysicalNode*, std::vector<int>> hashed_by_;  // columns that a node's lanes are told apart by
  std::vector<std::shared_ptr<PhysicalNode>> nodes_;           // all that were made, also those merged away
  std::map<std::string, int> uid_counts_;
};

}  // namespace firn::plan
