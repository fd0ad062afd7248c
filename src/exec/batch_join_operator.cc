// SPDX-License-Identifier: Apache-2.0
// Joins of bounded inputs: the right side is gathered into a table, then the left side is streamed past it. Left rows that come before the right side
// has ended wait. Nothing is taken back.
#include "exec/columns.h"
#include "exec/join_matcher.h"
#include "exec/operators_internal.h"

namespace firn::exec {

namespace {

using plan::JoinKind;
using types::RowKind;

constexpr size_t kEmittedRows = 16 << 10;

class BatchJoinOperator final : public StatelessOperator {
 public:
  explicit BatchJoinOperator(const plan::PhysicalNode& node)
      : spec_(std::get<plan::JoinNode>(node.spec)),
        left_(node.inputs[0]->schema, spec_.left_keys, 0),
        right_(node.inputs[1]->schema, spec_.right_keys, 0) {}

  Status Make(const plan::PhysicalNode& node) {
    FIRN_TRY(matcher_, JoinMatcher::Make(node));
    return Ok();
  }

  Status Process(int input, types::Batch batch, Output& output) override {
    batch.watermarks = nullptr;
    if (input == 1) return Gather(batch);
    if (right_has_ended_) return Probe(batch, output);
    waiting_bytes_ += types::BatchBytes(batch);
    waiting_.push_back(std::move(batch));
    return Ok();
  }

  Status EndInput(int input, Output& output) override {
    if (input == 0 || right_has_ended_) return Ok();
    right_has_ended_ = true;
    std::vector<types::Batch> waiting = std::move(waiting_);
    waiting_bytes_ = 0;
    for (types::Batch& batch : waiting) FIRN_RETURN_IF_ERROR(Probe(std::exchange(batch, {}), output));
    return Ok();
  }

  Status Finish(Output& output) override {
    FIRN_RETURN_IF_ERROR(EndInput(1, output));
    if (spec_.kind != JoinKind::kRight && spec_.kind != JoinKind::kFull) return Ok();
    JoinedRows joined;
    for (uint32_t entry : right_.LiveEntries()) {
      for (int64_t i = 0; right_.degree(entry) == 0 && i < right_.count(entry); ++i) joined.Add(-1, entry, RowKind::kInsert);
    }
    return Emit({left_.schema(), EmptyColumns(), 0, nullptr, nullptr}, &joined, output);
  }

  int64_t state_bytes() const override { return right_.bytes() + waiting_bytes_; }

 private:
  Status Gather(types::Batch batch) {
    std::vector<uint8_t> kept = matcher_->Matchless(1, batch);
    const bool keeps_all = spec_.kind == JoinKind::kRight || spec_.kind == JoinKind::kFull;
    if (!kept.empty() && !keeps_all) {
      for (uint8_t& flag : kept) flag ^= 1;
      FIRN_TRY(batch, types::TakeRows(batch, IndicesWhere(kept)));
    }
    right_.EncodeKeys(batch, &keys_);
    right_.FindOrInsert(batch, keys_, &entries_);
    for (uint32_t entry : entries_) right_.Add(entry, 1, 0);
    return Ok();
  }

  Status Probe(const types::Batch& batch, Output& output) {
    left_.EncodeKeys(batch, &keys_);
    const std::vector<uint8_t> matchless = matcher_->Matchless(0, batch);
    JoinedRows joined;
    for (int64_t row = 0; row < batch.row_count;) {
      FIRN_TRY(JoinMatches matches, matcher_->Match(0, batch, keys_, matchless, right_, row, 0, EvaluationOf(batch)));
      for (; row < matches.end(); ++row) {
        Tell(row, matches.Of(row), &joined);
        if (joined.size() >= kEmittedRows) FIRN_RETURN_IF_ERROR(Emit(batch, &joined, output));
      }
    }
    return Emit(batch, &joined, output);
  }

  void Tell(int64_t row, std::span<const uint32_t> entries, JoinedRows* joined) {
    if (spec_.kind == JoinKind::kSemi || spec_.kind == JoinKind::kAnti) {
      if (entries.empty() == (spec_.kind == JoinKind::kAnti)) joined->Add(row, kNoEntry, RowKind::kInsert);
      return;
    }
    if (entries.empty() && (spec_.kind == JoinKind::kLeft || spec_.kind == JoinKind::kFull)) joined->Add(row, kNoEntry, RowKind::kInsert);
    for (uint32_t entry : entries) {
      right_.SetDegree(entry, 1);
      for (int64_t i = 0; i < right_.count(entry); ++i) joined->Add(row, entry, RowKind::kInsert);
    }
  }

  Status Emit(const types::Batch& batch, JoinedRows* joined, Output& output) {
    for (size_t from = 0; from < joined->size(); from += kEmittedRows) {
      const size_t to = std::min(from + kEmittedRows, joined->size());
      FIRN_TRY(types::Batch rows, matcher_->Materialize(0, batch, right_, *joined, from, to));
      output.Emit(std::move(rows));
    }
    joined->Clear();
    return Ok();
  }

  std::vector<types::ArrayPtr> EmptyColumns() const {
    std::vector<types::ArrayPtr> columns;
    for (size_t i = 0; i < left_.schema()->size(); ++i) columns.push_back(NullColumn(left_.schema()->field(i).type, 0).value());
    return columns;
  }

  const plan::JoinNode& spec_;
  std::unique_ptr<JoinMatcher> matcher_;
  JoinSide left_;   // only its keys are used
  JoinSide right_;
  bool right_has_ended_ = false;
  std::vector<types::Batch> waiting_;
  int64_t waiting_bytes_ = 0;
  BatchKeys keys_;
  std::vector<uint32_t> entries_;
};

}  // namespace

Result<OperatorPtr> MakeBatchJoinOperator(const plan::PhysicalNode& node) {
  auto made = std::make_unique<BatchJoinOperator>(node);
  FIRN_RETURN_IF_ERROR(made->Make(node));
  return OperatorPtr(std::move(made));
}

}  // namespace firn::exec
