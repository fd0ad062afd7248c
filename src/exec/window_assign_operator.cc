// SPDX-License-Identifier: Apache-2.0
// A window table function by itself: each row once for every TUMBLE, HOP or CUMULATE window that it falls into, with the window's bounds. It keeps
// nothing and drops only what has no time; whoever groups by the bounds decides what is late.
#include <fmt/format.h>

#include "base/assert.h"
#include "exec/operators_internal.h"
#include "exec/window_clock.h"

namespace firn::exec {

namespace {

using plan::WindowKind;
using types::FloorDivide;

class WindowAssignOperator final : public StatelessOperator {
 public:
  explicit WindowAssignOperator(const plan::PhysicalNode& node) : node_(node), window_(std::get<plan::WindowAssignNode>(node.spec).window) {}

  Status Open(const OperatorContext& context) override {
    FIRN_RETURN_IF_ERROR(StatelessOperator::Open(context));
    return clock_.Open(window_, context);
  }

  Status Process(int, types::Batch batch, Output& output) override {
    FIRN_RETURN_IF_ERROR(clock_.DropRowsWithoutTime(&batch));
    if (batch.row_count == 0) return Ok();
    clock_.TimesOf(batch, &times_);
    std::vector<int64_t> rows, starts, ends, instants;
    for (size_t row = 0; row < times_.size(); ++row) {
      ForEachWindow(clock_.LocalOf(times_[row]), [&](int64_t start, int64_t end) {
        rows.push_back(static_cast<int64_t>(row));
        starts.push_back(start);
        ends.push_back(end);
        instants.push_back(clock_.InstantOf(end) - 1);
      });
    }
    FIRN_ASSERT(starts.size() == rows.size() && ends.size() == rows.size() && instants.size() == rows.size(), "{} rows are in {} windows that end {} times", rows.size(), starts.size(), ends.size());
    FIRN_ASSERT(window_.kind != WindowKind::kTumble || static_cast<int64_t>(rows.size()) == batch.row_count, "{} rows are in {} windows of TUMBLE", batch.row_count, rows.size());
    types::Batch result = batch;
    if (window_.kind != WindowKind::kTumble) {
      FIRN_TRY(result, types::TakeRows(batch, LongArray(std::move(rows))));
    }
    result.schema = node_.schema;
    const size_t first = result.columns.size();
    result.columns.push_back(TimestampArray(node_.schema->field(first).type, starts));
    result.columns.push_back(TimestampArray(node_.schema->field(first + 1).type, ends));
    result.columns.push_back(TimestampArray(node_.schema->field(first + 2).type, instants));
    output.Emit(std::move(result));
    return Ok();
  }

 private:
  template <typename Visit>
  void ForEachWindow(int64_t time, const Visit& visit) const {
    const int64_t size = window_.size_ms;
    const int64_t step = window_.kind == WindowKind::kTumble ? size : window_.slide_ms;
    if (window_.kind == WindowKind::kCumulate) {
      const int64_t start = FloorDivide(time - window_.offset_ms, size) * size + window_.offset_ms;
      for (int64_t end = start + (FloorDivide(time - start, step) + 1) * step; end <= start + size; end += step) visit(start, end);
      return;
    }
    const int64_t last = FloorDivide(time - window_.offset_ms, step) * step + window_.offset_ms;
    for (int64_t start = last; start > time - size; start -= step) visit(start, start + size);
  }

  const plan::PhysicalNode& node_;
  const plan::WindowSpec& window_;
  WindowClock clock_;
  std::vector<int64_t> times_;
};

}  // namespace

OperatorPtr MakeWindowAssignOperator(const plan::PhysicalNode& node) { return std::make_unique<WindowAssignOperator>(node); }

}  // namespace firn::exec
