// SPDX-License-Identifier: Apache-2.0
// Whether and when a failed job runs again from its last checkpoint ('restart-strategy.*').
//
// Only failures of the environment are worth another try: a disk that is full, a catalog that does not answer. A failure of the query or its
// data (an expression, a NULL, the state limit) would come again with the same rows, so it ends the job at once.
#pragma once

#include <cstdint>
#include <optional>

#include "base/result.h"
#include "exec/settings.h"

namespace firn::exec {

/// Whether the same input could succeed another time.
bool IsWorthRetrying(ErrorCode code);

/// Thread-compatible.
class RestartPolicy {
 public:
  /// 'restart-strategy.type': 'exponential-delay' (default: 1 s growing by half to 1 min, at most 10 tries without a completed checkpoint
  /// between), 'fixed-delay' (attempts 1, delay 1 s), 'none'. kInvalidOption for others.
  static Result<RestartPolicy> Make(const Settings& settings);

  /// Milliseconds to wait before the next run; nullopt: the job fails.
  std::optional<int64_t> Next(const Error& failure);
  /// The job makes progress again.
  void CheckpointCompleted() {
    if (resets_on_progress_) attempts_ = 0;
  }

 private:
  int64_t attempts_max_ = 10;
  int64_t first_delay_ms_ = 1000;
  int64_t delay_max_ms_ = 60'000;
  double factor_ = 1.5;
  bool resets_on_progress_ = true;
  int64_t attempts_ = 0;
};

}  // namespace firn::exec
