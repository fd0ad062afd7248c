// SPDX-License-Identifier: Apache-2.0
// Finds, for the rows of a batch, the matching rows of the other input, and makes joined rows of both. Keys are looked up a batch at a time, what
// the join asks for besides its keys is evaluated over all candidates as columns.
#pragma once

#include <memory>
#include <vector>

#include "exec/join_side.h"
#include "expr/evaluator.h"
#include "plan/physical_plan.h"

namespace firn::exec {

/// Matches of rows [begin, begin + ends.size()) of a batch: those of row begin + i are entries[ends[i - 1], ends[i]).
struct JoinMatches {
  int64_t begin = 0;
  std::vector<uint32_t> entries;
  std::vector<size_t> ends;

  int64_t end() const { return begin + static_cast<int64_t>(ends.size()); }
  std::span<const uint32_t> Of(int64_t row) const {
    const auto at = static_cast<size_t>(row - begin);
    const size_t from = at == 0 ? 0 : ends[at - 1];
    return std::span(entries).subspan(from, ends[at] - from);
  }
};

/// A batch that a join puts out has at most so many rows.
inline constexpr size_t kJoinedRowsMax = 16 << 10;

/// Rows to be put out: a row of the batch, an entry of the other side, or one of both (the other is NULL).
struct JoinedRows {
  std::vector<int64_t> rows;      // -1: none
  std::vector<uint32_t> entries;  // kNoEntry: none
  std::vector<int8_t> kinds;

  void Add(int64_t row, uint32_t entry, types::RowKind kind) {
    rows.push_back(row);
    entries.push_back(entry);
    kinds.push_back(static_cast<int8_t>(kind));
  }
  size_t size() const { return rows.size(); }
  void Clear() {
    rows.clear();
    entries.clear();
    kinds.clear();
  }
};

/// Thread-compatible. `node` outlives it.
class JoinMatcher {
 public:
  static Result<std::unique_ptr<JoinMatcher>> Make(const plan::PhysicalNode& node);

  /// 1 for rows that have no match whatever comes: a NULL in a key that is not compared null-safe. Empty: there is none.
  std::vector<uint8_t> Matchless(int input, const types::Batch& batch) const;
  /// Matches of the rows from `begin`, of as many as keep the candidates within bounds: at least one.
  /// `keys`: of the whole batch. `matchless`: as above.
  Result<JoinMatches> Match(int input, const types::Batch& batch, const BatchKeys& keys, const std::vector<uint8_t>& matchless, const JoinSide& other,
                            int64_t begin, int64_t now_ms, const expr::EvaluationContext& context);
  /// Rows [from, to) of `joined` with the node's schema. `batch` came from `input`.
  Result<types::Batch> Materialize(int input, const types::Batch& batch, const JoinSide& other, const JoinedRows& joined, size_t from, size_t to) const;

 private:
  explicit JoinMatcher(const plan::PhysicalNode& node) : node_(node), spec_(std::get<plan::JoinNode>(node.spec)) {}
  Status CompileCondition();
  void AddCandidates(const JoinSide& other, uint32_t group, bool has_null_key, int64_t now_ms, JoinMatches* matches) const;
  Status KeepMatching(int input, const types::Batch& batch, const JoinSide& other, const expr::EvaluationContext& context, JoinMatches* matches);
  Result<types::ArrayPtr> Evaluate(int input, const types::Batch& batch, const JoinSide& other, const std::vector<int64_t>& rows,
                                   std::span<const uint32_t> entries, const expr::EvaluationContext& context);

  const plan::PhysicalNode& node_;
  const plan::JoinNode& spec_;
  types::SchemaPtr both_;                     // left columns, right columns
  std::unique_ptr<expr::Program> condition_;  // null: keys only
};

}  // namespace firn::exec
