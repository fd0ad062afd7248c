// SPDX-License-Identifier: Apache-2.0
// GROUP BY of one SELECT: its keys and grouping sets, and the aggregate that they and the collected calls make.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "plan/binder_internal.h"

namespace firn::plan {

inline constexpr size_t kMaxGroupingSets = 1024;

struct GroupKey {
  expr::ExpressionPtr expression;  // over the FROM relation
  std::string name;
};

/// Binds the elements of GROUP BY.
class GroupingBinder {
 public:
  GroupingBinder(QueryBinder& binder, SelectState& state) : binder_(binder), state_(state) {}
  Status Bind(const std::vector<sql::GroupingElement>& elements);
  std::vector<GroupKey>& keys() { return keys_; }
  /// Positions in keys(); a plain GROUP BY has one set.
  std::vector<std::vector<int>>& sets() { return sets_; }

 private:
  using Sets = std::vector<std::vector<int>>;
  Result<Sets> SetsOf(const sql::GroupingElement& element);
  Result<std::vector<int>> BindSet(const sql::GroupingElement& element);
  Result<std::vector<std::vector<int>>> Members(const sql::GroupingElement& element);
  Result<std::vector<int>> BindKey(const sql::Expression& expression);

  QueryBinder& binder_;
  SelectState& state_;
  std::vector<GroupKey> keys_;
  Sets sets_;
};

/// Builds projection, expansion and aggregate, and turns output expressions into ones over the result.
class AggregateBuilder {
 public:
  AggregateBuilder(const SessionConfig& config, SelectState& state, const std::vector<GroupKey>& keys, const std::vector<std::vector<int>>& sets,
                   const std::map<std::string, int64_t>& state_ttl_ms, base::SourceSpan span);
  /// Calls that are select items by themselves are called by their alias.
  void NameCalls(const std::vector<expr::ExpressionPtr>& items, const std::vector<std::string>& names);
  Result<LogicalNodePtr> Build();
  /// `expression` over FROM and placeholders -> over the aggregate's output. kInvalidAggregate for a column that is neither grouped nor aggregated.
  Result<expr::ExpressionPtr> OverResult(const expr::ExpressionPtr& expression, const std::vector<int>& subquery_columns) const;

 private:
  bool HasExpansion() const { return sets_.size() > 1 || !state_.groupings.empty(); }
  int InputColumn(const expr::ExpressionPtr& expression, const std::string& name);
  LogicalNodePtr Expanded(LogicalNodePtr input, LogicalAggregate& aggregate);
  Result<int64_t> GroupingValue(const GroupingCall& call, const std::vector<int>& set, int occurrence) const;
  Result<LogicalNodePtr> BuildInput(LogicalAggregate& aggregate);

  SelectState& state_;
  const std::vector<GroupKey>& keys_;
  const std::vector<std::vector<int>>& sets_;
  int64_t state_ttl_ms_ = 0;
  base::SourceSpan span_;
  std::vector<std::string> call_names_;
  std::vector<expr::ExpressionPtr> inputs_;       // of the projection beneath
  std::vector<uint64_t> input_hashes_;
  std::vector<std::string> input_names_;
  std::vector<std::vector<int64_t>> grouping_values_;  // per set, per GROUPING call
  std::vector<types::Field> result_;
  size_t grouping_first_ = 0;  // where the constants of GROUPING stand among the keys
  size_t key_count_ = 0;
};

}  // namespace firn::plan
