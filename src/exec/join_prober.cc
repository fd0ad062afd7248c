// SPDX-License-Identifier: Apache-2.0
#include "exec/join_prober.h"

#include <algorithm>

#include "base/assert.h"
#include "exec/columns.h"

namespace firn::exec {

using plan::JoinKind;
using types::RowKind;

Result<std::unique_ptr<JoinProber>> JoinProber::Make(const plan::PhysicalNode& node) {
  auto prober = std::unique_ptr<JoinProber>(new JoinProber(node));
  FIRN_TRY(prober->matcher_, JoinMatcher::Make(node));
  return prober;
}

Status JoinProber::Probe(const types::Batch& batch, const BatchKeys& keys, JoinSide& right, const expr::EvaluationContext& context, Output& output) {
  FIRN_ASSERT(keys.count == batch.row_count && joined_.size() == 0, "{} rows have {} keys, {} rows are joined already", batch.row_count, keys.count, joined_.size());
  const std::vector<uint8_t> matchless = matcher_->Matchless(0, batch);
  for (int64_t row = 0; row < batch.row_count;) {
    FIRN_TRY(JoinMatches matches, matcher_->Match(0, batch, keys, matchless, right, row, 0, context));
    for (; row < matches.end(); ++row) {
      Tell(row, matches.Of(row), right);
      if (joined_.size() >= kJoinedRowsMax) FIRN_RETURN_IF_ERROR(Emit(batch, right, output));
    }
  }
  return Emit(batch, right, output);
}

void JoinProber::Tell(int64_t row, std::span<const uint32_t> entries, JoinSide& right) {
  if (spec_.kind == JoinKind::kSemi || spec_.kind == JoinKind::kAnti) {
    if (entries.empty() == (spec_.kind == JoinKind::kAnti)) joined_.Add(row, kNoEntry, RowKind::kInsert);
    return;
  }
  if (entries.empty() && (spec_.kind == JoinKind::kLeft || spec_.kind == JoinKind::kFull)) joined_.Add(row, kNoEntry, RowKind::kInsert);
  for (uint32_t entry : entries) {
    if (KeepsRight()) right.SetDegree(entry, 1, right.written_ms(entry));
    for (int64_t i = 0; i < right.count(entry); ++i) joined_.Add(row, entry, RowKind::kInsert);
  }
}

Status JoinProber::PutOutUnmatched(std::span<const uint32_t> entries, JoinSide& right, Output& output) {
  if (!KeepsRight()) return Ok();
  for (uint32_t entry : entries) {
    for (int64_t i = 0; right.degree(entry) == 0 && i < right.count(entry); ++i) joined_.Add(-1, entry, RowKind::kInsert);
  }
  types::Batch none{node_.inputs[0]->schema, {}, 0, nullptr, nullptr};
  for (size_t i = 0; i < none.schema->size(); ++i) {
    FIRN_TRY(types::ArrayPtr column, NullColumn(none.schema->field(i).type, 0));
    none.columns.push_back(std::move(column));
  }
  return Emit(none, right, output);
}

Status JoinProber::Emit(const types::Batch& batch, const JoinSide& right, Output& output) {
  for (size_t from = 0; from < joined_.size(); from += kJoinedRowsMax) {
    const size_t to = std::min(from + kJoinedRowsMax, joined_.size());
    FIRN_TRY(types::Batch rows, matcher_->Materialize(0, batch, right, joined_, from, to));
    output.Emit(std::move(rows));
  }
  joined_.Clear();
  return Ok();
}

}  // namespace firn::exec
