// SPDX-License-Identifier: Apache-2.0
// The times that windows go by: event times in the zone in which they are cut, or the time at which rows are processed.
#pragma once

#include <cstdint>
#include <vector>

#include "exec/columns.h"
#include "exec/operator.h"
#include "plan/physical_plan.h"
#include "state/state_io.h"
#include "types/temporal.h"

namespace firn::exec {

/// Windows over TIMESTAMP_LTZ and over processing time lie in the session's time zone, others in UTC.
class WindowClock {
 public:
  Status Open(const plan::WindowSpec& window, const OperatorContext& context) {
    window_ = &window;
    context_ = &context;
    if (!window.is_local_time) return Ok();
    FIRN_TRY(const types::TimeZone* zone, types::TimeZone::Find(context.evaluation.time_zone));
    if (!zone->is_utc()) zone_ = zone;
    return Ok();
  }
  int64_t LocalOf(int64_t instant_ms) const { return zone_ == nullptr ? instant_ms : types::FloorDivide(zone_->ToLocal(instant_ms * 1000), 1000); }
  int64_t InstantOf(int64_t local_ms) const { return zone_ == nullptr ? local_ms : zone_->ToInstant(local_ms * 1000) / 1000; }
  /// The instant at which the watermark has passed a window that ends at `end_ms`, local: that of its last millisecond. As in Flink, the later one where the end
  /// of summer time gives that twice (rows of both times are the window's), and the jump itself where its beginning leaves it out.
  int64_t LastInstantOf(int64_t end_ms) const {
    if (zone_ == nullptr) return end_ms - 1;
    constexpr int64_t kHour = 3'600'000;
    const int64_t first = InstantOf(end_ms - 1), hour_on = InstantOf(end_ms - 1 + kHour);
    if (hour_on - first > kHour) return hour_on - kHour;
    return hour_on == first ? types::FloorDivide(first, kHour) * kHour : first;
  }
  /// Leaves out and counts what has no event time: it is in no window, as in Flink. Where there are watermarks the scan has done so already.
  Status DropRowsWithoutTime(types::Batch* batch) const;
  int64_t now_ms() const { return context_->evaluation.row_time_us / 1000; }
  /// The instant of each row, in milliseconds.
  void TimesOf(const types::Batch& batch, std::vector<int64_t>* times) const {
    if (window_->is_proctime) {
      times->assign(static_cast<size_t>(batch.row_count), now_ms());
    } else {
      TimesMs(batch.columns[static_cast<size_t>(window_->time_column)], times);
    }
  }

 private:
  const plan::WindowSpec* window_ = nullptr;
  const OperatorContext* context_ = nullptr;
  const types::TimeZone* zone_ = nullptr;  // null: UTC
};

/// The value of a window's property, where `start` and `end` are local times.
inline int64_t PropertyMs(plan::WindowProperty property, int64_t start, int64_t end, const WindowClock& clock) {
  if (property == plan::WindowProperty::kStart) return start;
  if (property == plan::WindowProperty::kEnd) return end;
  return clock.InstantOf(end) - 1;
}

/// The watermark up to which windows have fired is part of the state: a window whose rows are still kept for later ones must not fire again.
Status SaveWatermark(state::StateWriter& writer, int64_t watermark_ms);
Status LoadWatermark(state::StateReader& reader, int64_t* watermark_ms);

}  // namespace firn::exec
