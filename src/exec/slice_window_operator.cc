// SPDX-License-Identifier: Apache-2.0
// TUMBLE, HOP and CUMULATE aggregation by slices. Time is cut into slices that no window divides; a row goes into its slice, once. A window that the
// watermark has passed is fired: TUMBLE hands out its one slice, HOP and CUMULATE merge theirs. A slice is dropped, with its table and arenas, when the last of
// its windows has fired.
//
// Example, HOP of 10 s every 5 s: slices S0 = [0, 5), S1 = [5, 10), S2 = [10, 15). Window [0, 10) = S0 + S1, window [5, 15) = S1 + S2.
//
// A batch may carry the watermark over the ends of windows: rows are taken up to where the next window must fire (Batch::watermarks says after
// which row), the window fires, the rest follows. So lateness is decided row by row, and the result does not depend on how rows are batched.
#include <arrow/array.h>

#include <limits>
#include <map>
#include <set>

#include "base/assert.h"
#include "exec/aggregate_set.h"
#include "exec/change_ledger.h"
#include "exec/columns.h"
#include "exec/operator_metrics.h"
#include "exec/operators_internal.h"
#include "exec/window_clock.h"

namespace firn::exec {

namespace {

using plan::WindowKind;
using types::FloorDivide;

// Local milliseconds, in the session's time zone for TIMESTAMP_LTZ.
struct Bounds {
  int64_t start = 0;
  int64_t end = 0;
  auto operator<=>(const Bounds&) const = default;
};

class SliceWindowOperator final : public Operator {
 public:
  explicit SliceWindowOperator(const plan::PhysicalNode& node)
      : node_(node),
        spec_(std::get<plan::WindowAggregateNode>(node.spec)),
        shape_(AggregateShape::Make(*node.inputs[0]->schema, spec_.keys, spec_.aggregates)),
        width_(spec_.window.kind == WindowKind::kTumble ? spec_.window.size_ms : spec_.window.slide_ms),
        is_attached_(spec_.attached_end >= 0),
        state_schema_(StateSchema(shape_, false)),
        stored_schema_(StateSchema(shape_, true)) {}

  Status Open(const OperatorContext& context) override {
    context_ = &context;
    return clock_.Open(spec_.window, context);
  }

  Status Process(int, types::Batch batch, Output& output) override {
    if (is_proctime()) FIRN_RETURN_IF_ERROR(FireUpTo(clock_.now_ms() - 1, output));
    if (!is_attached_) FIRN_RETURN_IF_ERROR(clock_.DropRowsWithoutTime(&batch));
    FIRN_RETURN_IF_ERROR(FindBounds(batch));
    FIRN_ASSERT(static_cast<int64_t>(bounds_.size()) == batch.row_count, "{} rows have {} slices", batch.row_count, bounds_.size());
    std::map<Bounds, std::vector<int64_t>> run;  // rows by slice since the last firing
    int64_t last_watermark = watermark_ms_;
    Bounds known{0, 0};
    int64_t known_last_ms = 0;  // its last instant
    std::vector<int64_t>* known_rows = nullptr;
    for (int64_t row = 0; row < batch.row_count; ++row) {
      const int64_t watermark = is_proctime() ? types::kNoWatermark : std::max(batch.watermark_before(row), watermark_ms_);
      if (watermark > last_watermark) {
        last_watermark = watermark;
        if (IsDue(watermark)) {
          FIRN_RETURN_IF_ERROR(Absorb(batch, &run));
          known_rows = nullptr;
          FIRN_RETURN_IF_ERROR(FireUpTo(watermark, output));
        }
      }
      const Bounds slice = bounds_[static_cast<size_t>(row)];
      if (slice != known || row == 0) {
        known = slice;
        known_last_ms = clock_.LastInstantOf(LastEnd(slice));
        known_rows = nullptr;
      }
      if (known_last_ms <= watermark) {
        context_->metrics->late_rows.fetch_add(1, std::memory_order_relaxed);
        continue;
      }
      if (known_rows == nullptr) {
        const auto [gathered, is_new] = run.try_emplace(slice);
        if (is_new) AddEnds(slice, watermark);  // else they wait since its first row: none of them has been due
        known_rows = &gathered->second;
      }
      known_rows->push_back(row);
    }
    return Absorb(batch, &run);
  }

  Status Advance(types::Watermark watermark, Output& output) override {
    if (!is_proctime()) {
      FIRN_RETURN_IF_ERROR(FireUpTo(watermark.timestamp_ms, output));
      watermark_ms_ = std::max(watermark_ms_, watermark.timestamp_ms);
    }
    output.EmitWatermark(watermark);
    return Ok();
  }
  // A window by processing time closes when its end has come: in its last millisecond rows may still belong to it.
  Status OnTimer(int64_t now_ms, Output& output) override { return is_proctime() ? FireUpTo(now_ms - 1, output) : Ok(); }
  int64_t NextTimerMs() const override {
    return is_proctime() && !pending_.empty() ? clock_.LastInstantOf(pending_.begin()->end) + 1 : std::numeric_limits<int64_t>::max();
  }

  // The final watermark has fired all windows; those by processing time that are still open are not told, as in Flink.
  Status Finish(Output&) override { return Ok(); }

  // All slices are in one table. A slice that has closed is not taken out of it: with each key group stands up to where its windows have fired.
  Status Snapshot(state::StateWriter& writer) override {
    if (is_batch()) return Ok();  // it begins anew, nothing is restored
    FIRN_RETURN_IF_ERROR(SaveWatermark(writer, watermark_ms_));
    FIRN_RETURN_IF_ERROR(SaveFired(writer));
    state::KeyedRows written;
    written.replaced = ledger_.Settle();
    std::vector<types::Batch> parts;
    for (auto& [bounds, slice] : slices_) FIRN_RETURN_IF_ERROR(SaveSlice(bounds, slice, written.replaced, &written.groups, &parts));
    if (parts.empty() && written.replaced.none()) return Ok();
    written.rows = types::Batch{state_schema_, {}, 0, nullptr, nullptr};
    if (!parts.empty()) {
      FIRN_TRY(written.rows, types::ConcatenateBatches(parts));
    }
    return writer.WriteKeyed("slices", std::move(written));
  }

  Status Restore(state::StateReader& reader) override {
    FIRN_RETURN_IF_ERROR(LoadWatermark(reader, &watermark_ms_));
    FIRN_RETURN_IF_ERROR(LoadFired(reader));
    return reader.Read("slices", stored_schema_, [&](const types::Batch& rows) { return LoadSlices(rows); });
  }

  int64_t state_bytes() const override {
    int64_t bytes = 0;
    for (const auto& [bounds, slice] : slices_) bytes += slice.set->bytes() + slice.changes.bytes();
    return bytes;
  }

  std::vector<PendingWindow> Windows(int limit) const override {
    std::vector<PendingWindow> windows;
    for (const Bounds& window : pending_) {
      if (static_cast<int>(windows.size()) == limit) break;
      int64_t keys = 0;
      for (const auto& [bounds, slice] : slices_) {
        if (bounds.start >= window.start && bounds.end <= window.end) keys = std::max<int64_t>(keys, slice.set->size());
      }
      windows.push_back({window.start, window.end, keys});
    }
    return windows;
  }

 private:
  // Windows in the order in which they fire.
  struct FiresBefore {
    bool operator()(const Bounds& a, const Bounds& b) const { return a.end != b.end ? a.end < b.end : a.start < b.start; }
  };

  struct Slice {
    explicit Slice(KeyGroupLedger& ledger) : changes(ledger) {}
    std::unique_ptr<AggregateSet> set;
    ChangeSet changes;
  };

  static types::SchemaPtr StateSchema(const AggregateShape& shape, bool with_key_group) {
    std::vector<types::Field> fields = shape.StateFields();
    fields.insert(fields.begin(), {{"slice_start", types::DataType::BigInt()}, {"slice_end", types::DataType::BigInt()}});
    if (with_key_group) fields.push_back({std::string(state::kKeyGroupColumn), types::DataType::TinyInt()});
    return types::MakeSchema(std::move(fields));
  }

  Status SaveSlice(const Bounds& bounds, Slice& slice, const state::KeyGroupSet& replaced, std::vector<uint8_t>* key_groups, std::vector<types::Batch>* parts) const {
    std::vector<uint32_t> groups;
    slice.changes.Take(replaced, [&] { return slice.set->groups(); }, [&](uint32_t group) { return slice.set->key_group(group); }, &groups, key_groups);
    if (groups.empty()) return Ok();
    types::Batch rows{state_schema_, {}, static_cast<int64_t>(groups.size()), nullptr, nullptr};
    FIRN_TRY(rows.columns, slice.set->Save(groups));
    rows.columns.insert(rows.columns.begin(), {LongArray(std::vector<int64_t>(groups.size(), bounds.start)), LongArray(std::vector<int64_t>(groups.size(), bounds.end))});
    parts->push_back(std::move(rows));
    return Ok();
  }

  // Of each key group of the lane, up to where its windows have fired.
  Status SaveFired(state::StateWriter& writer) {
    state::KeyedRows written;
    std::vector<int64_t> fired;
    for (int group = 0; group < state::kKeyGroups; ++group) {
      if (state::LaneOfKeyGroup(group, context_->parallelism) != context_->lane) continue;
      const int64_t value = std::max(fired_ms_, fired_before_[static_cast<size_t>(group)]);
      if (value == types::kNoWatermark || value == fired_saved_[static_cast<size_t>(group)]) continue;
      fired_saved_[static_cast<size_t>(group)] = value;
      written.groups.push_back(static_cast<uint8_t>(group));
      written.replaced.set(static_cast<size_t>(group));
      fired.push_back(value);
    }
    if (fired.empty()) return Ok();
    written.rows = {FiredSchema(false), {LongArray(std::move(fired))}, static_cast<int64_t>(written.groups.size()), nullptr, nullptr};
    return writer.WriteKeyed("fired", std::move(written));
  }

  Status LoadFired(state::StateReader& reader) {
    return reader.Read("fired", FiredSchema(true), [&](const types::Batch& rows) -> Status {
      std::vector<int64_t> values;
      LongsOf(rows.columns[0], &values);
      const auto* groups = rows.columns[1]->data()->GetValues<int8_t>(1);
      FIRN_ASSERT(values.size() == static_cast<size_t>(rows.columns[1]->length()), "{} times of {} key groups", values.size(), rows.columns[1]->length());
      for (size_t i = 0; i < values.size(); ++i) fired_before_[static_cast<size_t>(groups[i])] = fired_saved_[static_cast<size_t>(groups[i])] = values[i];
      return Ok();
    });
  }

  static types::SchemaPtr FiredSchema(bool with_key_group) {
    std::vector<types::Field> fields{{"fired_ms", types::DataType::BigInt()}};
    if (with_key_group) fields.push_back({std::string(state::kKeyGroupColumn), types::DataType::TinyInt()});
    return types::MakeSchema(std::move(fields));
  }

  // Rows of one slice mostly stand together.
  Status LoadSlices(const types::Batch& rows) {
    std::vector<int64_t> starts, ends;
    LongsOf(rows.columns[0], &starts);
    LongsOf(rows.columns[1], &ends);
    for (size_t from = 0; from < starts.size();) {
      size_t to = from;
      while (to < starts.size() && starts[to] == starts[from] && ends[to] == ends[from]) ++to;
      FIRN_RETURN_IF_ERROR(LoadSlice({starts[from], ends[from]}, types::SliceBatch(rows, static_cast<int64_t>(from), static_cast<int64_t>(to - from))));
      from = to;
    }
    return Ok();
  }

  Status LoadSlice(const Bounds& bounds, types::Batch rows) {
    const int64_t last_ms = clock_.LastInstantOf(LastEnd(bounds));
    const auto* key_groups = rows.columns.back()->data()->GetValues<int8_t>(1);
    std::vector<uint8_t> is_open(static_cast<size_t>(rows.row_count));
    int64_t fired = types::kFinalWatermark;  // of the windows that the slice is part of
    for (size_t row = 0; row < is_open.size(); ++row) {
      const int64_t fired_of_row = std::max(fired_before_[static_cast<size_t>(key_groups[row])], watermark_ms_);
      is_open[row] = last_ms > fired_of_row;
      ledger_.Stored(key_groups[row]);
      if (is_open[row]) fired = std::min(fired, fired_of_row);
    }
    FIRN_TRY(rows, types::TakeRows(rows, IndicesWhere(is_open)));
    if (rows.row_count == 0) return Ok();
    FIRN_TRY(Slice * slice, SliceOf(bounds));
    const auto state = std::span<const types::ArrayPtr>(rows.columns).subspan(2, rows.columns.size() - 3);
    slice->set->FindOrInsert(state.first(spec_.keys.size()), rows.row_count, &groups_);
    if (std::vector<int64_t> last = LastRows(groups_); last.size() < groups_.size()) {
      FIRN_TRY(rows, types::TakeRows(rows, LongArray(std::move(last))));
    }
    FIRN_RETURN_IF_ERROR(slice->set->Load(std::span<const types::ArrayPtr>(rows.columns).subspan(2, rows.columns.size() - 3), rows.row_count, &groups_));
    for (uint32_t group : groups_) slice->changes.Restore(group, slice->set->key_group(group));
    AddEnds(bounds, fired);
    return Ok();
  }

  bool is_proctime() const { return !is_attached_ && spec_.window.is_proctime; }
  bool is_batch() const { return context_->evaluation.is_batch; }

  // The slice of each row.
  Status FindBounds(const types::Batch& batch) {
    bounds_.resize(static_cast<size_t>(batch.row_count));
    if (is_attached_) {
      std::vector<int64_t> starts, ends;
      TimesMs(batch.columns[static_cast<size_t>(spec_.attached_start)], &starts);
      TimesMs(batch.columns[static_cast<size_t>(spec_.attached_end)], &ends);
      for (size_t i = 0; i < bounds_.size(); ++i) bounds_[i] = {starts[i], ends[i]};
      return Ok();
    }
    clock_.TimesOf(batch, &times_);
    if (is_proctime()) {  // the clock may have gone back, or another lane was ahead: no row may get into a window that has been told
      const int64_t told_ms = std::max(fired_ms_, *std::max_element(fired_before_.begin(), fired_before_.end()));
      for (int64_t& time : times_) time = std::max(time, told_ms + 1);
    }
    Bounds last{0, 0};
    const int64_t offset = spec_.window.offset_ms;
    for (size_t i = 0; i < bounds_.size(); ++i) {
      const int64_t time = clock_.LocalOf(times_[i]);
      if (time < last.start || time >= last.end) {
        last.start = FloorDivide(time - offset, width_) * width_ + offset;
        last.end = last.start + width_;
      }
      bounds_[i] = last;
    }
    return Ok();
  }

  // The end of the last window that a slice is part of.
  int64_t LastEnd(const Bounds& slice) const {
    if (is_attached_ || spec_.window.kind == WindowKind::kTumble) return slice.end;
    if (spec_.window.kind == WindowKind::kHop) return slice.start + spec_.window.size_ms;
    return CumulateStart(slice) + spec_.window.size_ms;
  }
  int64_t CumulateStart(const Bounds& slice) const {
    return FloorDivide(slice.start - spec_.window.offset_ms, spec_.window.size_ms) * spec_.window.size_ms + spec_.window.offset_ms;
  }

  // The windows of a slice that have not fired yet.
  void AddEnds(const Bounds& slice, int64_t watermark) {
    const int64_t last = LastEnd(slice);
    for (int64_t end = slice.end; end <= last; end += width_) {
      if (clock_.LastInstantOf(end) <= watermark) continue;
      Bounds window{slice.start, end};
      if (!is_attached_ && spec_.window.kind == WindowKind::kHop) window.start = end - spec_.window.size_ms;
      if (!is_attached_ && spec_.window.kind == WindowKind::kCumulate) window.start = CumulateStart(slice);
      pending_.insert(window);
      if (is_attached_) break;
    }
  }

  bool IsDue(int64_t watermark) {
    if (pending_.empty()) return false;
    if (pending_.begin()->end != next_end_) {
      next_end_ = pending_.begin()->end;
      next_due_ms_ = clock_.LastInstantOf(next_end_);
    }
    return next_due_ms_ <= watermark;
  }

  Result<Slice*> SliceOf(const Bounds& bounds) {
    auto found = slices_.find(bounds);
    if (found != slices_.end()) return &found->second;
    FIRN_TRY(auto set, AggregateSet::Make(shape_));
    Slice& made = slices_.try_emplace(bounds, ledger_).first->second;
    made.set = std::move(set);
    return &made;
  }

  // Adds the gathered rows to their slices.
  Status Absorb(const types::Batch& batch, std::map<Bounds, std::vector<int64_t>>* run) {
    for (auto& [bounds, rows] : *run) {
      if (rows.empty()) continue;
      FIRN_TRY(Slice * slice, SliceOf(bounds));
      types::Batch part = batch;
      if (static_cast<int64_t>(rows.size()) < batch.row_count) {
        FIRN_TRY(part, types::TakeRows(batch, LongArray(std::move(rows))));
      }
      slice->set->FindOrInsert(part, &groups_);
      FIRN_ASSERT(LastEnd(bounds) >= bounds.end && bounds.end > bounds.start, "slice [{}, {}) is part of windows until {}", bounds.start, bounds.end, LastEnd(bounds));
      if (!is_batch()) slice->changes.TouchAll(groups_, slice->set->capacity(), [&](uint32_t group) { return slice->set->key_group(group); });
      FIRN_RETURN_IF_ERROR(slice->set->Update(part, groups_));
    }
    run->clear();
    return Ok();
  }

  Status FireUpTo(int64_t watermark, Output& output) {
    while (IsDue(watermark)) {
      const Bounds window = *pending_.begin();
      FIRN_ASSERT(window.start < window.end && (pending_.size() == 1 || window.end <= std::next(pending_.begin())->end), "window [{}, {}) fires out of order", window.start, window.end);
      pending_.erase(pending_.begin());
      fired_ms_ = std::max(fired_ms_, clock_.LastInstantOf(window.end));
      FIRN_RETURN_IF_ERROR(Fire(window, output));
      DropSlices(window.end);
    }
    FIRN_ASSERT(!pending_.empty() || slices_.empty(), "{} slices are kept and no window waits for them", slices_.size());
    return Ok();
  }

  Status Fire(const Bounds& window, Output& output) {
    auto only = slices_.find(window);
    if (is_attached_ || spec_.window.kind == WindowKind::kTumble) {
      return only == slices_.end() ? Ok() : EmitWindow(window, *only->second.set, output);
    }
    FIRN_TRY(auto merged, AggregateSet::Make(shape_));
    for (auto slice = slices_.lower_bound({window.start, window.start}); slice != slices_.end() && slice->first.start < window.end; ++slice) {
      FIRN_RETURN_IF_ERROR(merged->MergeFrom(*slice->second.set));
    }
    return merged->size() == 0 ? Ok() : EmitWindow(window, *merged, output);
  }

  Status EmitWindow(const Bounds& window, const AggregateSet& set, Output& output) {
    std::vector<uint32_t> groups = set.groups();
    // The lane that had a key before may have told this window already.
    std::erase_if(groups, [&, end = clock_.LastInstantOf(window.end)](uint32_t group) { return fired_before_[static_cast<size_t>(set.key_group(group))] >= end; });
    if (groups.empty()) return Ok();
    types::Batch rows{node_.schema, {}, static_cast<int64_t>(groups.size()), nullptr, nullptr};
    FIRN_TRY(rows.columns, set.Rows(groups));
    for (plan::WindowProperty property : spec_.properties) {
      const int64_t value = PropertyMs(property, window.start, window.end, clock_);
      const types::DataType& type = node_.schema->field(rows.columns.size()).type;
      rows.columns.push_back(TimestampArray(type, std::vector<int64_t>(groups.size(), value)));
    }
    FIRN_ASSERT(rows.columns.size() == node_.schema->size(), "window [{}, {}) comes out with {} columns of {}", window.start, window.end, rows.columns.size(), node_.schema->size());
    output.Emit(std::move(rows));
    return Ok();
  }

  // Those whose last window ends at or before `end`, which has fired.
  void DropSlices(int64_t end) {
    for (auto slice = slices_.begin(); slice != slices_.end();) {
      const bool is_over = LastEnd(slice->first) <= end;
      if (!is_over && !is_attached_) break;
      if (is_over) slice->second.changes.Clear();
      slice = is_over ? slices_.erase(slice) : std::next(slice);
    }
  }

  const plan::PhysicalNode& node_;
  const plan::WindowAggregateNode& spec_;
  const AggregateShape shape_;
  const int64_t width_;
  const bool is_attached_;
  const types::SchemaPtr state_schema_;
  const types::SchemaPtr stored_schema_;
  const OperatorContext* context_ = nullptr;
  WindowClock clock_;
  KeyGroupLedger ledger_;
  std::map<Bounds, Slice> slices_;
  int64_t fired_ms_ = types::kNoWatermark;                                            // the last window of this lane that has fired
  std::vector<int64_t> fired_before_ = std::vector<int64_t>(state::kKeyGroups, types::kNoWatermark);  // likewise its key groups before it was restored
  std::vector<int64_t> fired_saved_ = fired_before_;                                  // as the last snapshot has it
  std::set<Bounds, FiresBefore> pending_;
  int64_t next_end_ = std::numeric_limits<int64_t>::min();                            // of the first of them when it was last asked, and the instant at which it is due
  int64_t next_due_ms_ = 0;
  int64_t watermark_ms_ = types::kNoWatermark;
  std::vector<Bounds> bounds_;   // of the batch at hand, like the next two
  std::vector<int64_t> times_;
  std::vector<uint32_t> groups_;
};

}  // namespace

OperatorPtr MakeSliceWindowOperator(const plan::PhysicalNode& node) { return std::make_unique<SliceWindowOperator>(node); }

}  // namespace firn::exec
