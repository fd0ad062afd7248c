// SPDX-License-Identifier: Apache-2.0
// Makes a changelog exact by a key: at most one row a key, every change told once a batch.
//
// From rows that are told apart by other columns than the key (a join written to a table by its primary key), all that are there are kept, and the last to come
// is the key's row: when it is taken back, the one before it is again. So an old row's -U that comes after a new row's +U takes nothing away from the new one.
// From upserts, where nobody tells what was before, a new row replaces its key's, and a delete may know no more than the key.
#include "base/assert.h"
#include "exec/columns.h"
#include "exec/join_side.h"
#include "exec/operators_internal.h"

namespace firn::exec {

namespace {

using types::RowKind;

class NormalizeOperator final : public Operator {
 public:
  explicit NormalizeOperator(const plan::PhysicalNode& node)
      : node_(node),
        spec_(std::get<plan::NormalizeNode>(node.spec)),
        knows_before_(!node.inputs[0]->changelog.has_updates || node.inputs[0]->changelog.has_update_before),
        rows_(node.inputs[0]->schema, spec_.key, 0) {}

  Status Open(const OperatorContext&) override { return Ok(); }

  Status Process(int, types::Batch batch, Output& output) override {
    batch.watermarks = nullptr;
    rows_.EncodeKeys(batch, &keys_);
    rows_.FindOrInsert(batch, keys_, &entries_);
    FIRN_ASSERT(static_cast<int64_t>(entries_.size()) == batch.row_count && cleared_.empty(), "{} rows have {} places, {} are cleared", batch.row_count, entries_.size(), cleared_.size());
    touched_.clear();
    for (int64_t row = 0; row < batch.row_count; ++row) {
      const uint32_t entry = entries_[static_cast<size_t>(row)];
      Touch(rows_.GroupOf(entry));
      const bool adds = !IsRetraction(batch.kind(row));
      if (!knows_before_) Clear(rows_.GroupOf(entry));
      if (adds) rows_.MoveToEnd(entry);
      if (adds || knows_before_) rows_.Add(entry, adds ? 1 : -1, sequence_++);
    }
    FIRN_RETURN_IF_ERROR(Tell(output));
    FIRN_RETURN_IF_ERROR(rows_.DropEmpty(entries_));
    FIRN_RETURN_IF_ERROR(rows_.DropEmpty(cleared_));
    cleared_.clear();
    return Ok();
  }

  Status Advance(types::Watermark watermark, Output& output) override {
    output.EmitWatermark(watermark);
    return Ok();
  }
  Status Snapshot(state::StateWriter& writer) override { return rows_.Snapshot(writer, "rows"); }

  // The order of a key's rows is that of their numbers.
  Status Restore(state::StateReader& reader) override {
    FIRN_RETURN_IF_ERROR(rows_.Restore(reader, "rows"));
    std::vector<uint32_t> live = rows_.LiveEntries();
    std::sort(live.begin(), live.end(), [&](uint32_t left, uint32_t right) { return rows_.written_ms(left) < rows_.written_ms(right); });
    FIRN_ASSERT(live.size() == rows_.size(), "{} of {} rows are put in order", live.size(), rows_.size());
    for (uint32_t entry : live) rows_.MoveToEnd(entry);
    sequence_ = live.empty() ? 0 : rows_.written_ms(live.back()) + 1;
    return Ok();
  }
  Status Finish(Output&) override { return Ok(); }
  int64_t state_bytes() const override { return rows_.bytes(); }

 private:
  struct Touched {
    uint32_t group = kNoGroup;
    uint32_t before = kNoEntry;
  };

  void Touch(uint32_t group) {
    if (touched_in_.size() <= group) touched_in_.resize(group + 1, 0);
    if (touched_in_[group] == batch_ + 1) return;
    touched_in_[group] = batch_ + 1;
    touched_.push_back({group, rows_.LastOf(group)});
  }

  void Clear(uint32_t group) {
    for (uint32_t entry = rows_.LastOf(group); entry != kNoEntry; entry = rows_.LastOf(group)) {
      rows_.Add(entry, -rows_.count(entry), sequence_++);
      cleared_.push_back(entry);
    }
  }

  // The difference of each touched key's row before the batch and now.
  Status Tell(Output& output) {
    ++batch_;
    std::vector<uint32_t> entries;
    std::vector<int8_t> kinds;
    const auto add = [&](uint32_t entry, RowKind kind) {
      entries.push_back(entry);
      kinds.push_back(static_cast<int8_t>(kind));
    };
    for (const Touched& key : touched_) {
      const uint32_t now = rows_.LastOf(key.group);
      if (now == key.before) continue;
      if (key.before == kNoEntry) {
        add(now, RowKind::kInsert);
      } else if (now == kNoEntry) {
        add(key.before, RowKind::kDelete);
      } else {
        if (spec_.emits_update_before) add(key.before, RowKind::kUpdateBefore);
        add(now, RowKind::kUpdateAfter);
      }
    }
    if (entries.empty()) return Ok();
    FIRN_ASSERT(entries.size() == kinds.size() && entries.size() <= 2 * touched_.size(), "{} keys have {} changes", touched_.size(), entries.size());
    types::Batch changes{node_.schema, {}, static_cast<int64_t>(entries.size()), KindArray(std::move(kinds)), nullptr};
    FIRN_TRY(changes.columns, rows_.Columns(entries));
    output.Emit(std::move(changes));
    return Ok();
  }

  const plan::PhysicalNode& node_;
  const plan::NormalizeNode& spec_;
  const bool knows_before_;
  JoinSide rows_;
  int64_t sequence_ = 0;             // of the next change, in the place of a time
  uint64_t batch_ = 0;
  std::vector<uint64_t> touched_in_;  // by group: the batch that last touched it
  // Of the batch at hand.
  BatchKeys keys_;
  std::vector<uint32_t> entries_;
  std::vector<uint32_t> cleared_;
  std::vector<Touched> touched_;
};

}  // namespace

OperatorPtr MakeNormalizeOperator(const plan::PhysicalNode& node) { return std::make_unique<NormalizeOperator>(node); }

}  // namespace firn::exec
