// SPDX-License-Identifier: Apache-2.0
// A join whose right side is complete: left rows are streamed past it, nothing is taken back. Bounded inputs and closed windows are joined so.
#pragma once

#include <memory>
#include <vector>

#include "exec/join_matcher.h"
#include "exec/operator.h"

namespace firn::exec {

/// Thread-compatible. `node` outlives it.
class JoinProber {
 public:
  static Result<std::unique_ptr<JoinProber>> Make(const plan::PhysicalNode& node);

  /// Whether right rows that can match nothing are put out all the same (RIGHT, FULL).
  bool KeepsRight() const { return spec_.kind == plan::JoinKind::kRight || spec_.kind == plan::JoinKind::kFull; }
  JoinMatcher& matcher() { return *matcher_; }
  /// Joins `batch`, whose keys are `keys`, to `right`, and notes in `right` which rows have matched.
  Status Probe(const types::Batch& batch, const BatchKeys& keys, JoinSide& right, const expr::EvaluationContext& context, Output& output);
  /// RIGHT and FULL: those of `entries` that have not matched, joined to NULLs.
  Status PutOutUnmatched(std::span<const uint32_t> entries, JoinSide& right, Output& output);

 private:
  explicit JoinProber(const plan::PhysicalNode& node) : node_(node), spec_(std::get<plan::JoinNode>(node.spec)) {}
  void Tell(int64_t row, std::span<const uint32_t> entries, JoinSide& right);
  Status Emit(const types::Batch& batch, const JoinSide& right, Output& output);

  const plan::PhysicalNode& node_;
  const plan::JoinNode& spec_;
  std::unique_ptr<JoinMatcher> matcher_;
  JoinedRows joined_;
};

}  // namespace firn::exec
