// SPDX-License-Identifier: Apache-2.0
// Joins of windows: rows of both sides that carry the same window. They are kept until the watermark passes the window's end, then joined once and forgotten:
// nothing is ever taken back. The bounds are among the join's keys.
#include <limits>
#include <map>

#include "base/assert.h"
#include "exec/columns.h"
#include "exec/join_prober.h"
#include "exec/operator_metrics.h"
#include "exec/operators_internal.h"
#include "exec/window_clock.h"

namespace firn::exec {

namespace {

class WindowJoinOperator final : public Operator {
 public:
  explicit WindowJoinOperator(const plan::PhysicalNode& node)
      : window_{.is_local_time = std::get<plan::JoinNode>(node.spec).is_window_local_time},
        ends_{std::get<plan::JoinNode>(node.spec).left_window_end, std::get<plan::JoinNode>(node.spec).right_window_end},
        sides_{JoinSide(node.inputs[0]->schema, std::get<plan::JoinNode>(node.spec).left_keys, 0),
               JoinSide(node.inputs[1]->schema, std::get<plan::JoinNode>(node.spec).right_keys, 0)} {}

  Status Make(const plan::PhysicalNode& node) {
    FIRN_TRY(prober_, JoinProber::Make(node));
    return Ok();
  }

  Status Open(const OperatorContext& context) override {
    context_ = &context;
    return clock_.Open(window_, context);
  }

  // Lateness is decided row by row; windows join once the batch is in, since what comes behind their end is not theirs.
  Status Process(int input, types::Batch batch, Output&) override {
    TimesMs(batch.columns[static_cast<size_t>(ends_[input])], &times_);
    std::vector<uint8_t> kept(times_.size(), 1);
    int64_t late = 0, last_ms = 0;
    for (size_t row = 0; row < times_.size(); ++row) {
      if (row == 0 || times_[row] != times_[row - 1]) last_ms = clock_.LastInstantOf(times_[row]);
      if (last_ms > std::max(watermark_ms_, batch.watermark_before(static_cast<int64_t>(row)))) continue;
      kept[row] = 0;
      ++late;
    }
    batch.watermarks = nullptr;
    if (late > 0) {
      context_->metrics->late_rows.fetch_add(late, std::memory_order_relaxed);
      FIRN_TRY(batch, types::TakeRows(batch, IndicesWhere(kept)));
    }
    JoinSide& side = sides_[input];
    side.EncodeKeys(batch, &keys_);
    side.FindOrInsert(batch, keys_, &entries_);
    Note(input, batch);
    return Ok();
  }

  Status Advance(types::Watermark watermark, Output& output) override {
    while (!windows_.empty() && clock_.LastInstantOf(windows_.begin()->first) <= watermark.timestamp_ms) {
      Window window = std::move(windows_.begin()->second);
      windows_.erase(windows_.begin());
      FIRN_RETURN_IF_ERROR(Join(&window, output));
    }
    FIRN_ASSERT(!windows_.empty() || (sides_[0].size() == 0 && sides_[1].size() == 0), "{} and {} rows are kept of windows that are gone", sides_[0].size(), sides_[1].size());
    watermark_ms_ = std::max(watermark_ms_, watermark.timestamp_ms);
    output.EmitWatermark(watermark);
    return Ok();
  }

  Status Snapshot(state::StateWriter& writer) override {
    FIRN_RETURN_IF_ERROR(SaveWatermark(writer, watermark_ms_));
    FIRN_RETURN_IF_ERROR(sides_[0].Snapshot(writer, "left"));
    return sides_[1].Snapshot(writer, "right");
  }
  Status Restore(state::StateReader& reader) override {
    FIRN_RETURN_IF_ERROR(LoadWatermark(reader, &watermark_ms_));
    FIRN_RETURN_IF_ERROR(sides_[0].Restore(reader, "left"));
    FIRN_RETURN_IF_ERROR(sides_[1].Restore(reader, "right"));
    for (int input = 0; input < 2; ++input) FIRN_RETURN_IF_ERROR(NoteRestored(input));
    return Ok();
  }
  Status Finish(Output&) override { return Ok(); }  // the final watermark has closed all windows
  int64_t state_bytes() const override {
    return sides_[0].bytes() + sides_[1].bytes() + listed_ * static_cast<int64_t>(sizeof(uint32_t)) + static_cast<int64_t>(windows_.size() * (sizeof(Window) + kWindowOverhead));
  }

  std::vector<PendingWindow> Windows(int limit) const override {
    std::vector<PendingWindow> pending;
    for (const auto& [end, window] : windows_) {
      if (static_cast<int>(pending.size()) == limit) break;
      pending.push_back({end, end, window.row_count});
    }
    return pending;
  }

 private:
  static constexpr size_t kWindowOverhead = 48;  // of a node of the map
  struct Window {
    std::vector<uint32_t> entries[2];  // of each side, each once
    int64_t row_count = 0;             // with those that came several times
  };

  static Result<types::Batch> RowsOf(const JoinSide& side, std::span<const uint32_t> entries) {
    types::Batch rows{side.schema(), {}, static_cast<int64_t>(entries.size()), nullptr, nullptr};
    FIRN_TRY(rows.columns, side.Columns(entries));
    return rows;
  }

  // The rows of windows that had closed are still stored.
  Status NoteRestored(int input) {
    const std::vector<uint32_t> stored = sides_[input].LiveEntries();
    FIRN_TRY(const types::Batch rows, RowsOf(sides_[input], stored));
    if (stored.empty()) return Ok();
    TimesMs(rows.columns[static_cast<size_t>(ends_[input])], &times_);
    std::vector<uint32_t> closed;
    for (size_t i = 0; i < stored.size(); ++i) {
      if (clock_.LastInstantOf(times_[i]) <= watermark_ms_) {
        closed.push_back(stored[i]);
      } else {
        List(input, stored[i], times_[i], sides_[input].count(stored[i]));
      }
    }
    sides_[input].Forget(closed);
    return Ok();
  }

  // Counts the rows at hand, and remembers which window they belong to.
  void Note(int input, const types::Batch& rows) {
    if (entries_.empty()) return;
    TimesMs(rows.columns[static_cast<size_t>(ends_[input])], &times_);
    FIRN_ASSERT(times_.size() == entries_.size(), "{} times of {} rows", times_.size(), entries_.size());
    for (size_t i = 0; i < entries_.size(); ++i) {
      const bool is_new = sides_[input].count(entries_[i]) == 0;
      sides_[input].Add(entries_[i], 1, 0);
      if (is_new) {
        List(input, entries_[i], times_[i], 1);
      } else {
        ++windows_.at(times_[i]).row_count;
      }
    }
  }

  void List(int input, uint32_t entry, int64_t end, int64_t row_count) {
    Window& window = windows_[end];
    window.entries[input].push_back(entry);
    window.row_count += row_count;
    ++listed_;
  }

  Status Join(Window* window, Output& output) {
    listed_ -= static_cast<int64_t>(window->entries[0].size() + window->entries[1].size());
    FIRN_ASSERT(listed_ >= 0 && (listed_ > 0 || windows_.empty()), "{} rows are listed of {} windows that are open", listed_, windows_.size());
    for (auto& entries : window->entries) std::sort(entries.begin(), entries.end());
    std::vector<uint32_t> left;
    for (uint32_t entry : window->entries[0]) left.insert(left.end(), static_cast<size_t>(sides_[0].count(entry)), entry);
    if (!left.empty()) {
      FIRN_TRY(const types::Batch rows, RowsOf(sides_[0], left));
      sides_[0].EncodeKeys(rows, &keys_);
      FIRN_RETURN_IF_ERROR(prober_->Probe(rows, keys_, sides_[1], context_->evaluation, output));
    }
    FIRN_RETURN_IF_ERROR(prober_->PutOutUnmatched(window->entries[1], sides_[1], output));
    for (int input = 0; input < 2; ++input) sides_[input].Forget(window->entries[input]);
    return Ok();
  }

  const plan::WindowSpec window_;  // only in which zone it lies
  const int ends_[2];
  WindowClock clock_;
  std::unique_ptr<JoinProber> prober_;
  JoinSide sides_[2];
  std::map<int64_t, Window> windows_;  // by end
  int64_t listed_ = 0;  // rows in windows_
  int64_t watermark_ms_ = types::kNoWatermark;
  const OperatorContext* context_ = nullptr;
  // Of the batch at hand.
  std::vector<int64_t> times_;
  BatchKeys keys_;
  std::vector<uint32_t> entries_;
};

}  // namespace

Result<OperatorPtr> MakeWindowJoinOperator(const plan::PhysicalNode& node) {
  auto made = std::make_unique<WindowJoinOperator>(node);
  FIRN_RETURN_IF_ERROR(made->Make(node));
  return OperatorPtr(std::move(made));
}

}  // namespace firn::exec
