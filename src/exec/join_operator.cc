// SPDX-License-Identifier: Apache-2.0
// Joins of streams: INNER, LEFT, RIGHT, FULL, semi (IN, EXISTS) and anti (NOT IN, NOT EXISTS), by keys and any further condition.
//
// Both sides are remembered. A row that comes is matched against the other side, then remembered itself; one that is taken back is forgotten and takes back what
// it was joined to. A row of an outer side without a match stands joined to NULLs until its first match comes, and again after its last match has gone:
// each entry counts its matches for that. Semi and anti joins put out left rows only, when that count leaves or reaches zero.
//
// Rows of one batch come from one side, and the other side's rows do not change meanwhile (only their counts do), so that all candidates of a batch are
// found and checked as columns; then rows are taken in order to say what changes.
#include "base/assert.h"
#include "exec/columns.h"
#include "exec/join_matcher.h"
#include "exec/operators_internal.h"

namespace firn::exec {

namespace {

using plan::JoinKind;
using types::RowKind;


class JoinOperator final : public Operator {
 public:
  explicit JoinOperator(const plan::PhysicalNode& node)
      : spec_(std::get<plan::JoinNode>(node.spec)),
        left_(node.inputs[0]->schema, spec_.left_keys, spec_.left_ttl_ms),
        right_(node.inputs[1]->schema, spec_.right_keys, spec_.right_ttl_ms),
        is_semi_(spec_.kind == JoinKind::kSemi),
        is_anti_(spec_.kind == JoinKind::kAnti) {}

  Status Make(const plan::PhysicalNode& node) {
    FIRN_TRY(matcher_, JoinMatcher::Make(node));
    return Ok();
  }

  Status Open(const OperatorContext& context) override {
    context_ = &context;
    return Ok();
  }

  Status Process(int input, types::Batch batch, Output& output) override {
    JoinSide& mine = input == 0 ? left_ : right_;
    JoinSide& other = input == 0 ? right_ : left_;
    now_ms_ = context_->evaluation.row_time_us / 1000;
    BatchKeys keys;
    mine.EncodeKeys(batch, &keys);
    const std::vector<uint8_t> matchless = matcher_->Matchless(input, batch);
    matches_of_.assign(static_cast<size_t>(batch.row_count), 0);
    JoinedRows joined;
    for (int64_t row = 0; row < batch.row_count;) {
      FIRN_TRY(JoinMatches matches, matcher_->Match(input, batch, keys, matchless, other, row, now_ms_, context_->evaluation));
      for (; row < matches.end(); ++row) {
        Tell(input, row, batch.kind(row), matches.Of(row), other, &joined);
        if (joined.size() >= kJoinedRowsMax) FIRN_RETURN_IF_ERROR(Emit(input, batch, other, &joined, output));
      }
    }
    FIRN_RETURN_IF_ERROR(Emit(input, batch, other, &joined, output));
    return Remember(batch, keys, matchless, &mine);
  }

  Status Advance(types::Watermark watermark, Output& output) override {
    output.EmitWatermark(watermark);
    return Ok();
  }

  Status OnTimer(int64_t now_ms, Output&) override {
    next_sweep_ms_ = now_ms + SweepIntervalMs();
    FIRN_RETURN_IF_ERROR(left_.DropExpired(now_ms));
    return right_.DropExpired(now_ms);
  }
  int64_t NextTimerMs() const override { return SweepIntervalMs() == 0 ? std::numeric_limits<int64_t>::max() : next_sweep_ms_; }

  Status Snapshot(state::StateWriter& writer) override {
    FIRN_RETURN_IF_ERROR(left_.Snapshot(writer, "left"));
    return right_.Snapshot(writer, "right");
  }
  Status Restore(state::StateReader& reader) override {
    FIRN_RETURN_IF_ERROR(left_.Restore(reader, "left"));
    return right_.Restore(reader, "right");
  }
  Status Finish(Output&) override { return Ok(); }
  int64_t state_bytes() const override { return left_.bytes() + right_.bytes(); }

 private:
  // Expired rows are not seen any more; sweeping only frees their memory.
  int64_t SweepIntervalMs() const {
    const int64_t shortest = left_.ttl_ms() == 0 || (right_.ttl_ms() > 0 && right_.ttl_ms() < left_.ttl_ms()) ? right_.ttl_ms() : left_.ttl_ms();
    return shortest == 0 ? 0 : std::max<int64_t>(shortest / 2, 100);
  }
  bool IsOuter(int input) const {
    return spec_.kind == JoinKind::kFull || (input == 0 ? spec_.kind == JoinKind::kLeft || is_semi_ || is_anti_ : spec_.kind == JoinKind::kRight);
  }

  // What a row of `input` with these matches changes.
  void Tell(int input, int64_t row, RowKind kind, std::span<const uint32_t> entries, JoinSide& other, JoinedRows* joined) {
    FIRN_ASSERT(row >= 0 && static_cast<size_t>(row) < matches_of_.size(), "row {} of {}", row, matches_of_.size());
    int64_t matches = 0;
    for (uint32_t entry : entries) matches += other.count(entry);
    matches_of_[static_cast<size_t>(row)] = matches;
    if (is_semi_ || is_anti_) return input == 0 ? TellLeftOfSemi(row, kind, matches, joined) : TellRightOfSemi(kind, entries, other, joined);
    const bool adds = !IsRetraction(kind);
    const bool other_is_outer = IsOuter(1 - input);
    if (entries.empty()) {
      if (IsOuter(input)) joined->Add(row, kNoEntry, adds ? RowKind::kInsert : RowKind::kDelete);
      return;
    }
    if (adds && other_is_outer) CountMatches(entries, 1, RowKind::kDelete, other, joined);
    // An outer join tells inserts and deletes only: what was one row before may be joined to NULLs after.
    RowKind told = kind;
    if (IsOuter(input) || (adds && other_is_outer)) told = adds ? RowKind::kInsert : RowKind::kDelete;
    for (uint32_t entry : entries) {
      for (int64_t i = 0; i < other.count(entry); ++i) joined->Add(row, entry, told);
    }
    if (!adds && other_is_outer) CountMatches(entries, -1, RowKind::kInsert, other, joined);
  }

  // Their rows get a match more or less. Those that had none, or have none now, change: as rows of the outer side, joined to NULLs.
  void CountMatches(std::span<const uint32_t> entries, int64_t change, RowKind kind, JoinSide& other, JoinedRows* joined) {
    for (uint32_t entry : entries) {
      const int64_t before = other.degree(entry);
      other.SetDegree(entry, before + change, now_ms_);
      if (before != (change > 0 ? 0 : 1)) continue;
      for (int64_t i = 0; i < other.count(entry); ++i) joined->Add(-1, entry, kind);
    }
  }

  void TellLeftOfSemi(int64_t row, RowKind kind, int64_t matches, JoinedRows* joined) const {
    if ((matches > 0) == is_semi_) joined->Add(row, kNoEntry, kind);
  }
  void TellRightOfSemi(RowKind kind, std::span<const uint32_t> entries, JoinSide& left, JoinedRows* joined) {
    const bool adds = !IsRetraction(kind);
    const RowKind told = is_semi_ ? kind : adds ? RowKind::kDelete : RowKind::kInsert;
    CountMatches(entries, adds ? 1 : -1, told, left, joined);
  }

  Status Emit(int input, const types::Batch& batch, const JoinSide& other, JoinedRows* joined, Output& output) {
    for (size_t from = 0; from < joined->size(); from += kJoinedRowsMax) {
      const size_t to = std::min(from + kJoinedRowsMax, joined->size());
      FIRN_TRY(types::Batch rows, matcher_->Materialize(input, batch, other, *joined, from, to));
      output.Emit(std::move(rows));
    }
    joined->Clear();
    return Ok();
  }

  // Rows that can never match are not kept: what they gave they take back without being looked up.
  Status Remember(types::Batch batch, BatchKeys& keys, const std::vector<uint8_t>& matchless, JoinSide* mine) {
    batch.watermarks = nullptr;
    if (!matchless.empty()) {
      std::vector<uint8_t> kept(matchless.size());
      std::vector<int64_t> matches;
      for (size_t row = 0; row < kept.size(); ++row) {
        kept[row] = matchless[row] ^ 1;
        if (kept[row]) matches.push_back(matches_of_[row]);
      }
      matches_of_ = std::move(matches);
      FIRN_TRY(batch, types::TakeRows(batch, IndicesWhere(kept)));
      mine->EncodeKeys(batch, &keys);
    }
    FIRN_ASSERT(static_cast<int64_t>(matches_of_.size()) == batch.row_count, "{} rows have {} counts of matches", batch.row_count, matches_of_.size());
    mine->FindOrInsert(batch, keys, &entries_);
    for (int64_t row = 0; row < batch.row_count; ++row) {
      const uint32_t entry = entries_[static_cast<size_t>(row)];
      const bool adds = !IsRetraction(batch.kind(row));
      mine->Add(entry, adds ? 1 : -1, now_ms_);
      if (adds) mine->SetDegree(entry, matches_of_[static_cast<size_t>(row)], now_ms_);
    }
    return mine->DropEmpty(entries_);
  }

  const plan::JoinNode& spec_;
  std::unique_ptr<JoinMatcher> matcher_;
  JoinSide left_;
  JoinSide right_;
  const bool is_semi_;
  const bool is_anti_;
  const OperatorContext* context_ = nullptr;
  int64_t next_sweep_ms_ = 0;
  int64_t now_ms_ = 0;               // of the batch at hand
  std::vector<int64_t> matches_of_;  // of the batch at hand, by row
  std::vector<uint32_t> entries_;
};

}  // namespace

Result<OperatorPtr> MakeJoinOperator(const plan::PhysicalNode& node) {
  auto made = std::make_unique<JoinOperator>(node);
  FIRN_RETURN_IF_ERROR(made->Make(node));
  return OperatorPtr(std::move(made));
}

}  // namespace firn::exec
