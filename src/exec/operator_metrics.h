// SPDX-License-Identifier: Apache-2.0
// Counters of one lane of one operator: written by its task, read by whoever lists jobs.
#pragma once

#include <atomic>
#include <cstdint>

#include "types/batch.h"

namespace firn::exec {

/// Thread-safe. Relaxed: a reader may see one counter ahead of another.
struct OperatorMetrics {
  std::atomic<int64_t> rows_in{0};
  std::atomic<int64_t> rows_out{0};
  std::atomic<int64_t> bytes_in{0};
  std::atomic<int64_t> late_rows{0};          // dropped as late
  std::atomic<int64_t> null_rowtime_rows{0};  // dropped for a NULL event time
  std::atomic<int64_t> state_bytes{0};
  std::atomic<int64_t> watermark_ms{types::kNoWatermark};
};

}  // namespace firn::exec
