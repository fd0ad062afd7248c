// SPDX-License-Identifier: Apache-2.0
// TUMBLE, HOP and CUMULATE aggregation by slices. Time is cut into slices that no window divides; a row goes into its slice, once. A window that the
// watermark has passed is fired: TUMBLE hands out its one slice, HOP and CUMULATE merge theirs. A slice is dropped, with its table and arenas, when the last of
// its windows has fired.
//
// Example, HOP of 10 s every 5 s: slices S0 = [0, 5), S1 = [5, 10), S2 = [10, 15). Window [0, 10) = S0 + S1, window [5, 15) = S1 + S2.
//
// A batch may carry the watermark over the ends of windows: rows are taken up to where the next window must fire (Batch::watermarks says after
// which row), the window fires, the rest follows. So lateness is decided row by row, and the result does not depend on how rows are batched.
#include <fmt/format.h>

#include <limits>
#include <map>
#include <set>

#include "exec/aggregate_set.h"
#include "exec/columns.h"
#include "exec/key_group_rows.h"
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

// Bounds that a row carries are local times already; they fire as if in UTC.
const plan::WindowSpec kNoZone{};

class SliceWindowOperator final : public Operator {
 public:
  explicit SliceWindowOperator(const plan::PhysicalNode& node)
      : node_(node),
        spec_(std::get<plan::WindowAggregateNode>(node.spec)),
        shape_(AggregateShape::Make(*node.inputs[0]->schema, spec_.keys, spec_.aggregates)),
        width_(spec_.window.kind == WindowKind::kTumble ? spec_.window.size_ms : spec_.window.slide_ms),
        is_attached_(spec_.attached_end >= 0),
        state_schema_(StateSchema(shape_)) {}

  Status Open(const OperatorContext& context) override {
    context_ = &context;
    return clock_.Open(is_attached_ ? kNoZone : spec_.window, context);
  }

  Status Process(int, types::Batch batch, Output& output) override {
    if (is_proctime()) FIRN_RETURN_IF_ERROR(FireUpTo(clock_.now_ms() - 1, output));
    FIRN_RETURN_IF_ERROR(FindBounds(batch));
    std::map<Bounds, std::vector<int64_t>> run;  // rows by slice since the last firing
    int64_t last_watermark = watermark_ms_;
    Bounds known{0, 0};
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
      if (known_rows == nullptr || slice != known) {
        if (InstantOf(LastEnd(slice)) - 1 <= watermark) {
          context_->metrics->late_rows.fetch_add(1, std::memory_order_relaxed);
          continue;
        }
        AddEnds(slice, watermark);
        known = slice;
        known_rows = &run[slice];
      } else if (InstantOf(LastEnd(slice)) - 1 <= watermark) {
        context_->metrics->late_rows.fetch_add(1, std::memory_order_relaxed);
        continue;
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
    return is_proctime() && !pending_.empty() ? InstantOf(pending_.begin()->end) : std::numeric_limits<int64_t>::max();
  }

  // The final watermark has fired all windows; those by processing time that are still open are not told, as in Flink.
  Status Finish(Output&) override { return Ok(); }

  // One table a slice, so that a slice which got no rows is not written again, and one that has closed is dropped as a whole.
  Status Snapshot(state::StateWriter& writer) override {
    FIRN_RETURN_IF_ERROR(SaveWatermark(writer, watermark_ms_));
    for (const Bounds& gone : dropped_) writer.Drop(TableOf(gone));
    dropped_.clear();
    for (auto& [bounds, slice] : slices_) {
      if (slice.is_changed) FIRN_RETURN_IF_ERROR(WriteSlice(writer, bounds, &slice));
    }
    return Ok();
  }

  Status Restore(state::StateReader& reader) override {
    FIRN_RETURN_IF_ERROR(LoadWatermark(reader, &watermark_ms_));
    for (const std::string& table : reader.Tables(kTablePrefix)) {
      FIRN_RETURN_IF_ERROR(reader.Read(table, state_schema_, [&](int, const types::Batch& rows) { return LoadSlice(rows); }));
    }
    return Ok();
  }

  int64_t state_bytes() const override {
    int64_t bytes = 0;
    for (const auto& [bounds, slice] : slices_) bytes += slice.set->bytes();
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
    std::unique_ptr<AggregateSet> set;
    std::vector<bool> changed = std::vector<bool>(state::kKeyGroups, false);  // key groups, since the last snapshot
    bool is_changed = false;
    std::vector<uint8_t> is_marked;  // groups whose key group is known to have changed

    void MarkChanged(const std::vector<uint32_t>& groups) {
      is_changed = true;
      is_marked.resize(set->capacity(), 0);
      for (uint32_t group : groups) {
        if (is_marked[group] != 0) continue;
        is_marked[group] = 1;
        changed[static_cast<size_t>(set->key_group(group))] = true;
      }
    }

    bool is_stored = false;  // by a snapshot, from which it must be dropped some day
  };

  static constexpr std::string_view kTablePrefix = "slice ";
  static std::string TableOf(const Bounds& bounds) { return fmt::format("{}{} {}", kTablePrefix, bounds.start, bounds.end); }

  static types::SchemaPtr StateSchema(const AggregateShape& shape) {
    std::vector<types::Field> fields = shape.StateFields();
    fields.insert(fields.begin(), {{"slice_start", types::DataType::BigInt()}, {"slice_end", types::DataType::BigInt()}});
    return types::MakeSchema(std::move(fields));
  }

  Status WriteSlice(state::StateWriter& writer, const Bounds& bounds, Slice* slice) const {
    std::vector<uint32_t> groups;
    std::vector<int> key_groups;
    for (uint32_t group : slice->set->groups()) {
      if (!slice->changed[static_cast<size_t>(slice->set->key_group(group))]) continue;
      groups.push_back(group);
      key_groups.push_back(slice->set->key_group(group));
    }
    types::Batch rows{state_schema_, {}, static_cast<int64_t>(groups.size()), nullptr, nullptr};
    FIRN_TRY(rows.columns, slice->set->Save(groups));
    rows.columns.insert(rows.columns.begin(), {LongArray(std::vector<int64_t>(groups.size(), bounds.start)), LongArray(std::vector<int64_t>(groups.size(), bounds.end))});
    FIRN_RETURN_IF_ERROR(WriteByKeyGroup(writer, TableOf(bounds), rows, key_groups, slice->changed));
    slice->changed.assign(state::kKeyGroups, false);
    slice->is_changed = false;
    slice->is_marked.clear();
    slice->is_stored = true;
    return Ok();
  }

  Status LoadSlice(const types::Batch& rows) {
    if (rows.row_count == 0) return Ok();
    std::vector<int64_t> starts, ends;
    LongsOf(rows.columns[0], &starts);
    LongsOf(rows.columns[1], &ends);
    const Bounds bounds{starts[0], ends[0]};
    FIRN_TRY(Slice * slice, SliceOf(bounds));
    slice->is_stored = true;
    AddEnds(bounds, watermark_ms_);
    return slice->set->Load({rows.columns.begin() + 2, rows.columns.end()}, rows.row_count);
  }

  int64_t InstantOf(int64_t local_ms) const { return clock_.InstantOf(local_ms); }
  bool is_proctime() const { return !is_attached_ && spec_.window.is_proctime; }

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
      if (InstantOf(end) - 1 <= watermark) continue;
      Bounds window{slice.start, end};
      if (!is_attached_ && spec_.window.kind == WindowKind::kHop) window.start = end - spec_.window.size_ms;
      if (!is_attached_ && spec_.window.kind == WindowKind::kCumulate) window.start = CumulateStart(slice);
      pending_.insert(window);
      if (is_attached_) break;
    }
  }

  bool IsDue(int64_t watermark) const { return !pending_.empty() && InstantOf(pending_.begin()->end) - 1 <= watermark; }

  Result<Slice*> SliceOf(const Bounds& bounds) {
    auto found = slices_.find(bounds);
    if (found != slices_.end()) return &found->second;
    FIRN_TRY(auto set, AggregateSet::Make(shape_));
    Slice& made = slices_[bounds];
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
      slice->MarkChanged(groups_);
      FIRN_RETURN_IF_ERROR(slice->set->Update(part, groups_));
    }
    run->clear();
    return Ok();
  }

  Status FireUpTo(int64_t watermark, Output& output) {
    while (IsDue(watermark)) {
      const Bounds window = *pending_.begin();
      pending_.erase(pending_.begin());
      FIRN_RETURN_IF_ERROR(Fire(window, output));
      DropSlices(window.end);
    }
    return Ok();
  }

  Status Fire(const Bounds& window, Output& output) {
    auto only = slices_.find(window);
    if (is_attached_ || spec_.window.kind == WindowKind::kTumble) {
      return only == slices_.end() ? Ok() : EmitWindow(window, *only->second.set, output);
    }
    FIRN_TRY(auto merged, AggregateSet::Make(shape_));
    for (auto slice = slices_.lower_bound({window.start, 0}); slice != slices_.end() && slice->first.start < window.end; ++slice) {
      FIRN_RETURN_IF_ERROR(merged->MergeFrom(*slice->second.set));
    }
    return merged->size() == 0 ? Ok() : EmitWindow(window, *merged, output);
  }

  Status EmitWindow(const Bounds& window, const AggregateSet& set, Output& output) {
    const std::vector<uint32_t> groups = set.groups();
    types::Batch rows{node_.schema, {}, static_cast<int64_t>(groups.size()), nullptr, nullptr};
    FIRN_TRY(rows.columns, set.Rows(groups));
    for (plan::WindowProperty property : spec_.properties) {
      const int64_t value = PropertyMs(property, window.start, window.end, clock_);
      const types::DataType& type = node_.schema->field(rows.columns.size()).type;
      rows.columns.push_back(TimestampArray(type, std::vector<int64_t>(groups.size(), value)));
    }
    output.Emit(std::move(rows));
    return Ok();
  }

  // Those whose last window ends at or before `end`, which has fired.
  void DropSlices(int64_t end) {
    for (auto slice = slices_.begin(); slice != slices_.end();) {
      const bool is_over = LastEnd(slice->first) <= end;
      if (!is_over && !is_attached_) break;
      if (is_over && slice->second.is_stored) dropped_.push_back(slice->first);
      slice = is_over ? slices_.erase(slice) : std::next(slice);
    }
  }

  const plan::PhysicalNode& node_;
  const plan::WindowAggregateNode& spec_;
  const AggregateShape shape_;
  const int64_t width_;
  const bool is_attached_;
  const types::SchemaPtr state_schema_;
  const OperatorContext* context_ = nullptr;
  WindowClock clock_;
  std::map<Bounds, Slice> slices_;
  std::vector<Bounds> dropped_;  // stored by an earlier snapshot, closed since
  std::set<Bounds, FiresBefore> pending_;
  int64_t watermark_ms_ = types::kNoWatermark;
  std::vector<Bounds> bounds_;   // of the batch at hand, like the next two
  std::vector<int64_t> times_;
  std::vector<uint32_t> groups_;
};

}  // namespace

OperatorPtr MakeSliceWindowOperator(const plan::PhysicalNode& node) { return std::make_unique<SliceWindowOperator>(node); }

}  // namespace firn::exec
