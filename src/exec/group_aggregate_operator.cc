// SPDX-License-Identifier: Apache-2.0
// GROUP BY without a window. Over a stream it keeps a row a key and says how it changes: +I first, then -U/+U for each input row that changes it, -D
// when the key's last row is taken back (FACTS of Flink). With net changes, one change a key and batch. In batch mode the rows come at the end.
//
// Rows are taken in runs in which no key stands twice: within a run each row's change is the difference of its key's result before and after, so
// that a run is computed by columns, and the order of changes is that of the rows.
#include <arrow/array.h>

#include <limits>

#include "base/assert.h"
#include "exec/aggregate_set.h"
#include "exec/change_ledger.h"
#include "exec/columns.h"
#include "exec/operators_internal.h"

namespace firn::exec {

namespace {

using types::RowKind;

class GroupAggregateOperator final : public Operator {
 public:
  GroupAggregateOperator(const plan::PhysicalNode& node, const OperatorOptions& options)
      : node_(node),
        spec_(std::get<plan::GroupAggregateNode>(node.spec)),
        options_(options),
        shape_(AggregateShape::Make(*node.inputs[0]->schema, spec_.keys, spec_.aggregates)),
        key_schema_(shape_.KeySchema()),
        changes_(ledger_) {}

  Status Make() {
    FIRN_TRY(set_, AggregateSet::Make(shape_));
    return Ok();
  }

  Status Open(const OperatorContext& context) override {
    context_ = &context;
    return Ok();
  }

  Status Process(int, types::Batch batch, Output& output) override {
    FIRN_RETURN_IF_ERROR(FindGroups(batch));
    FIRN_ASSERT(static_cast<int64_t>(groups_.size()) == batch.row_count && row_counts_.size() == set_->capacity(), "{} rows have {} groups; {} groups are counted of {}", batch.row_count,
                groups_.size(), row_counts_.size(), set_->capacity());
    if (batch.kinds && !options_.is_batch) FIRN_RETURN_IF_ERROR(DropWhatTakesNothingBack(&batch));
    if (options_.is_batch) return set_->Update(batch, groups_);  // rows only, and one result: no counts, no times, no state, no changes
    if (options_.emits_net_changes) return EmitNetChanges(batch, output);
    int64_t begin = 0;
    ++run_;
    for (int64_t row = 0; row < batch.row_count; ++row) {
      const uint32_t group = groups_[static_cast<size_t>(row)];
      if (run_of_[group] == run_) {
        FIRN_RETURN_IF_ERROR(EmitRun(types::SliceBatch(batch, begin, row - begin), std::span(groups_).subspan(static_cast<size_t>(begin), static_cast<size_t>(row - begin)), output));
        begin = row;
        ++run_;
      }
      run_of_[group] = run_;
    }
    FIRN_RETURN_IF_ERROR(EmitRun(types::SliceBatch(batch, begin, batch.row_count - begin), std::span(groups_).subspan(static_cast<size_t>(begin)), output));
    return EraseEmpty();
  }

  Status Advance(types::Watermark watermark, Output& output) override {
    output.EmitWatermark(watermark);
    return Ok();
  }

  Status Finish(Output& output) override {
    if (!options_.is_batch) return Ok();
    std::vector<uint32_t> groups = set_->groups();
    if (groups.empty() && spec_.keys.empty()) {  // a batch aggregate over nothing has one row
      types::Batch none{node_.inputs[0]->schema, {}, 1, nullptr, nullptr};
      set_->FindOrInsert(none, &groups);
    }
    if (groups.empty()) return Ok();
    types::Batch rows{node_.schema, {}, static_cast<int64_t>(groups.size()), nullptr, nullptr};
    FIRN_TRY(rows.columns, set_->Rows(groups));
    output.Emit(std::move(rows));
    return Ok();
  }

  // A group that is over begins anew when its key comes again; sweeping only frees memory.
  Status OnTimer(int64_t now_ms, Output&) override {
    if (!HasTimeToLive()) return Ok();
    next_sweep_ms_ = now_ms + std::max<int64_t>(spec_.state_ttl_ms / 2, 100);
    std::vector<uint32_t> over;
    for (uint32_t group : set_->groups()) {
      if (IsOver(group, now_ms)) over.push_back(group);
    }
    return Erase(over);
  }
  int64_t NextTimerMs() const override { return HasTimeToLive() ? next_sweep_ms_ : std::numeric_limits<int64_t>::max(); }

  // A key that is gone is written with a row count of zero.
  Status Snapshot(state::StateWriter& writer) override {
    if (options_.is_batch) return Ok();
    FIRN_ASSERT(emptied_.empty(), "{} groups without rows have not been dropped", emptied_.size());
    state::KeyedRows written;
    written.replaced = ledger_.Settle();
    FIRN_TRY(written.rows, TakeGone(written.replaced, &written.groups));
    std::vector<uint32_t> groups;
    changes_.Take(written.replaced, [&] { return set_->groups(); }, [&](uint32_t group) { return set_->key_group(group); }, &groups, &written.groups);
    types::Batch rows{StateSchema(), {}, static_cast<int64_t>(groups.size()), nullptr, nullptr};
    FIRN_TRY(rows.columns, set_->Save(groups));
    std::vector<int64_t> counts, times;
    for (uint32_t group : groups) {
      counts.push_back(row_counts_[group]);
      times.push_back(written_ms_[group]);
    }
    rows.columns.insert(rows.columns.begin(), {LongArray(std::move(counts)), LongArray(std::move(times))});
    if (written.rows.row_count > 0) {
      FIRN_TRY(rows, types::ConcatenateBatches({written.rows, rows}));
    }
    written.rows = std::move(rows);
    if (written.rows.row_count == 0 && written.replaced.none()) return Ok();
    return writer.WriteKeyed("groups", std::move(written));
  }

  Status Restore(state::StateReader& reader) override {
    return reader.Read("groups", StateSchema(), [&](const types::Batch& rows) { return Load(rows); });
  }

  int64_t state_bytes() const override { return set_->bytes() + changes_.bytes() + gone_.bytes() + static_cast<int64_t>((row_counts_.capacity() + written_ms_.capacity() + run_of_.capacity()) * sizeof(int64_t)); }

 private:
  types::SchemaPtr StateSchema() const {
    std::vector<types::Field> fields = shape_.StateFields();
    fields.insert(fields.begin(), {{"row_count", types::DataType::BigInt()}, {"written_ms", types::DataType::BigInt()}});
    return types::MakeSchema(std::move(fields));
  }

  bool HasTimeToLive() const { return spec_.state_ttl_ms > 0 && !options_.is_batch; }
  int64_t now_ms() const { return context_->evaluation.row_time_us / 1000; }
  bool IsOver(uint32_t group, int64_t now_ms) const { return row_counts_[group] > 0 && written_ms_[group] + spec_.state_ttl_ms <= now_ms; }

  // Each of `groups` once, or several times.
  Status Erase(std::span<const uint32_t> groups) {
    std::vector<uint32_t> stored;
    std::vector<uint8_t> key_groups;
    for (uint32_t group : groups) {
      if (run_of_[group] == kErased) continue;
      run_of_[group] = kErased;
      const int key_group = set_->key_group(group);
      if (!changes_.Remove(group, key_group)) continue;
      stored.push_back(group);
      key_groups.push_back(static_cast<uint8_t>(key_group));
    }
    if (!stored.empty() && !options_.is_batch) {
      types::Batch keys{key_schema_, {}, static_cast<int64_t>(stored.size()), nullptr, nullptr};
      FIRN_TRY(keys.columns, set_->Keys(stored));
      gone_.Add(std::move(keys), key_groups);
    }
    for (uint32_t group : groups) {
      if (run_of_[group] != kErased) continue;
      run_of_[group] = 0;
      row_counts_[group] = 0;
      set_->Erase(group);
    }
    return Ok();
  }

  // The keys that were stored and are gone, as rows of the state; keys that have come again stand among the changes.
  Result<types::Batch> TakeGone(const state::KeyGroupSet& replaced, std::vector<uint8_t>* key_groups) {
    if (gone_.empty()) return types::Batch{StateSchema(), {}, 0, nullptr, nullptr};
    std::vector<uint8_t> all_key_groups;
    FIRN_TRY(types::Batch keys, gone_.Take(&all_key_groups));
    std::vector<uint32_t> groups;
    set_->Find(keys.columns, keys.row_count, &groups);
    std::vector<int64_t> kept;
    for (size_t i = 0; i < groups.size(); ++i) {
      if (groups[i] != kNoGroup || replaced.test(all_key_groups[i])) continue;
      kept.push_back(static_cast<int64_t>(i));
      key_groups->push_back(all_key_groups[i]);
    }
    const std::vector<int64_t> zeros(kept.size(), 0);
    FIRN_TRY(keys, types::TakeRows(keys, LongArray(std::move(kept))));
    FIRN_TRY(types::Batch rows, PaddedTo(StateSchema(), keys));
    rows.columns[0] = rows.columns[1] = LongArray(zeros);
    return rows;
  }

  // Of a key that stands there several times the last row counts.
  Status Load(types::Batch rows) {
    const size_t key_count = spec_.keys.size();
    const auto keys_of = [&](const types::Batch& batch) { return std::span<const types::ArrayPtr>(batch.columns).subspan(2, key_count); };
    set_->FindOrInsert(keys_of(rows), rows.row_count, &groups_);
    GrowToCapacity();
    for (uint32_t group : groups_) ledger_.Stored(set_->key_group(group));
    if (std::vector<int64_t> last = LastRows(groups_); last.size() < groups_.size()) {
      FIRN_TRY(rows, types::TakeRows(rows, LongArray(std::move(last))));
    }
    std::vector<int64_t> counts, times;
    LongsOf(rows.columns[0], &counts);
    std::vector<uint8_t> is_there(counts.size());
    for (size_t i = 0; i < counts.size(); ++i) is_there[i] = counts[i] > 0;
    set_->FindOrInsert(keys_of(rows), rows.row_count, &groups_);
    for (size_t i = 0; i < counts.size(); ++i) {
      if (is_there[i]) continue;
      changes_.Forget(groups_[i], set_->key_group(groups_[i]));
      set_->Erase(groups_[i]);
      row_counts_[groups_[i]] = 0;  // of an older version; another key gets the number
    }
    FIRN_TRY(rows, types::TakeRows(rows, IndicesWhere(is_there)));
    FIRN_RETURN_IF_ERROR(set_->Load(std::span<const types::ArrayPtr>(rows.columns).subspan(2), rows.row_count, &groups_));
    GrowToCapacity();
    counts.clear();
    LongsOf(rows.columns[0], &counts);
    LongsOf(rows.columns[1], &times);
    for (size_t i = 0; i < groups_.size(); ++i) {
      row_counts_[groups_[i]] = counts[i];
      written_ms_[groups_[i]] = times[i];
      changes_.Restore(groups_[i], set_->key_group(groups_[i]));
    }
    return Ok();
  }

  Status FindGroups(const types::Batch& batch) {
    set_->FindOrInsert(batch, &groups_);
    GrowToCapacity();
    if (!HasTimeToLive()) return Ok();
    std::vector<uint32_t> over;
    for (uint32_t group : groups_) {
      if (IsOver(group, now_ms())) over.push_back(group);
    }
    if (over.empty()) return Ok();
    FIRN_RETURN_IF_ERROR(Erase(over));
    set_->FindOrInsert(batch, &groups_);
    GrowToCapacity();
    return Ok();
  }
  // Takes the rows out that take something back from a group without rows (its time was over): they are not to be counted against those that come after them.
  Status DropWhatTakesNothingBack(types::Batch* batch) {
    std::vector<uint8_t> kept(groups_.size(), 1);
    size_t dropped = 0;
    for (size_t row = 0; row < kept.size(); ++row) {
      int64_t& count = row_counts_[groups_[row]];
      const bool takes = IsRetraction(batch->kind(static_cast<int64_t>(row)));
      kept[row] = !takes || count > 0;
      dropped += kept[row] == 0;
      if (kept[row]) count += takes ? -1 : 1;
    }
    for (size_t row = 0; row < kept.size(); ++row) {  // Absorb counts
      if (kept[row]) row_counts_[groups_[row]] -= IsRetraction(batch->kind(static_cast<int64_t>(row))) ? -1 : 1;
    }
    if (dropped == 0) return Ok();
    emptied_.insert(emptied_.end(), groups_.begin(), groups_.end());  // those that stay without rows
    FIRN_TRY(*batch, types::TakeRows(*batch, IndicesWhere(kept)));
    size_t next = 0;
    for (size_t row = 0; row < kept.size(); ++row) {
      if (kept[row]) groups_[next++] = groups_[row];
    }
    groups_.resize(next);
    FIRN_ASSERT(static_cast<int64_t>(groups_.size()) == batch->row_count, "{} groups of {} rows", groups_.size(), batch->row_count);
    return Ok();
  }
  void GrowToCapacity() {
    row_counts_.resize(set_->capacity(), 0);
    written_ms_.resize(set_->capacity(), 0);
    run_of_.resize(set_->capacity(), 0);
  }

  // Not in batch mode.
  Status Absorb(const types::Batch& batch, std::span<const uint32_t> groups) {
    FIRN_RETURN_IF_ERROR(set_->Update(batch, groups));
    int64_t lowest = 0;
    for (int64_t row = 0; row < batch.row_count; ++row) {
      const uint32_t group = groups[static_cast<size_t>(row)];
      written_ms_[group] = now_ms();
      row_counts_[group] += IsRetraction(batch.kind(row)) ? -1 : 1;
      lowest = std::min(lowest, row_counts_[group]);
    }
    FIRN_ASSERT(lowest >= 0, "more rows of a group are taken back than came: {}", lowest);
    changes_.TouchAll(groups, set_->capacity(), [&](uint32_t group) { return set_->key_group(group); });
    return Ok();
  }

  // No group stands twice in `groups`.
  Status EmitRun(const types::Batch& batch, std::span<const uint32_t> groups, Output& output) {
    if (batch.row_count == 0) return Ok();
    std::vector<int64_t> counts_before;
    for (uint32_t group : groups) counts_before.push_back(row_counts_[group]);
    FIRN_TRY(std::vector<types::ArrayPtr> before, set_->Rows(groups));
    FIRN_RETURN_IF_ERROR(Absorb(batch, groups));
    return EmitDifference(groups, before, counts_before, output);
  }

  // One change a key, in the order in which keys first stand in the batch.
  Status EmitNetChanges(const types::Batch& batch, Output& output) {
    ++run_;
    std::vector<uint32_t> touched;
    for (uint32_t group : groups_) {
      if (run_of_[group] == run_) continue;
      run_of_[group] = run_;
      touched.push_back(group);
    }
    std::vector<int64_t> counts_before;
    for (uint32_t group : touched) counts_before.push_back(row_counts_[group]);
    FIRN_TRY(std::vector<types::ArrayPtr> before, set_->Rows(touched));
    FIRN_RETURN_IF_ERROR(Absorb(batch, groups_));
    FIRN_RETURN_IF_ERROR(EmitDifference(touched, before, counts_before, output));
    return EraseEmpty();
  }

  Status EmitDifference(std::span<const uint32_t> groups, const std::vector<types::ArrayPtr>& before, const std::vector<int64_t>& counts_before, Output& output) {
    FIRN_TRY(std::vector<types::ArrayPtr> after, set_->Rows(groups));
    FIRN_ASSERT(before.size() == after.size() && counts_before.size() == groups.size(), "{} columns before and {} after, {} counts of {} groups", before.size(), after.size(), counts_before.size(), groups.size());
    const auto rows = static_cast<int64_t>(groups.size());
    const bool keeps_alive = HasTimeToLive() && !options_.emits_net_changes;
    std::vector<int64_t> order;  // row i: before, row rows + i: after
    std::vector<int8_t> kinds;
    auto emit = [&](int64_t row, RowKind kind) {
      order.push_back(row);
      kinds.push_back(static_cast<int8_t>(kind));
    };
    for (int64_t row = 0; row < rows; ++row) {
      const uint32_t group = groups[static_cast<size_t>(row)];
      const bool was_there = counts_before[static_cast<size_t>(row)] > 0;
      const bool is_there = row_counts_[group] > 0;
      if (!is_there) emptied_.push_back(group);
      if (!was_there && is_there) emit(rows + row, RowKind::kInsert);
      if (was_there && !is_there) emit(row, RowKind::kDelete);
      // With a time to live also what is the same: it keeps the states behind this one from forgetting the row before this one does, as in Flink.
      if (was_there && is_there && (keeps_alive || !IsSame(before, after, row))) {
        if (spec_.emits_update_before) emit(row, RowKind::kUpdateBefore);
        emit(rows + row, RowKind::kUpdateAfter);
      }
    }
    if (order.empty()) return Ok();
    FIRN_TRY(types::Batch both, types::ConcatenateBatches({{node_.schema, before, rows, nullptr, nullptr}, {node_.schema, after, rows, nullptr, nullptr}}));
    FIRN_TRY(types::Batch changes, types::TakeRows(both, LongArray(std::move(order))));
    const bool only_inserts = std::all_of(kinds.begin(), kinds.end(), [](int8_t kind) { return kind == 0; });
    if (!only_inserts) changes.kinds = KindArray(std::move(kinds));
    output.Emit(std::move(changes));
    return Ok();
  }

  bool IsSame(const std::vector<types::ArrayPtr>& before, const std::vector<types::ArrayPtr>& after, int64_t row) const {
    const auto options = arrow::EqualOptions::Defaults().nans_equal(true);
    for (size_t i = spec_.keys.size(); i < before.size(); ++i) {
      if (!before[i]->RangeEquals(*after[i], row, row + 1, row, options)) return false;
    }
    return true;
  }

  Status EraseEmpty() {
    std::erase_if(emptied_, [&](uint32_t group) { return row_counts_[group] > 0; });
    FIRN_RETURN_IF_ERROR(Erase(emptied_));
    emptied_.clear();
    return Ok();
  }

  static constexpr uint64_t kErased = ~uint64_t{0};

  const plan::PhysicalNode& node_;
  const plan::GroupAggregateNode& spec_;
  const OperatorOptions options_;
  const AggregateShape shape_;
  std::unique_ptr<AggregateSet> set_;
  std::vector<int64_t> row_counts_;  // input rows by group: none left means the group is gone
  std::vector<int64_t> written_ms_;  // by group: when its last row came
  int64_t next_sweep_ms_ = 0;
  const OperatorContext* context_ = nullptr;
  std::vector<uint64_t> run_of_;     // the last run that a group stood in
  uint64_t run_ = 0;
  std::vector<uint32_t> emptied_;
  const types::SchemaPtr key_schema_;
  KeyGroupLedger ledger_;
  ChangeSet changes_;
  GoneKeys gone_;
  std::vector<uint32_t> groups_;     // of the batch at hand
};

}  // namespace

Result<OperatorPtr> MakeGroupAggregateOperator(const plan::PhysicalNode& node, const OperatorOptions& options) {
  auto made = std::make_unique<GroupAggregateOperator>(node, options);
  FIRN_RETURN_IF_ERROR(made->Make());
  return OperatorPtr(std::move(made));
}

}  // namespace firn::exec
