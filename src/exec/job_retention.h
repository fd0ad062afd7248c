// SPDX-License-Identifier: Apache-2.0
// How long jobs that have ended are listed. Flink keeps all of them for an hour and up to a number ('jobstore.expiration-time', 'jobstore.max-capacity'), so a session of
// small SELECTs pushes out the one INSERT that failed; here what is looked at once goes first, and each kind makes room for its own only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "exec/engine.h"

namespace firn::exec {

struct RetentionLimit {
  size_t jobs_max;
  int64_t age_ms_max;
};

inline constexpr int64_t kHourMs = 3'600'000;
inline constexpr RetentionLimit kEndedQueriesKept{20, kHourMs};           // SELECTs that finished or were cancelled: who asked has the rows
inline constexpr RetentionLimit kFailedQueriesKept{50, 24 * kHourMs};     // for who asks why
inline constexpr RetentionLimit kEndedInsertsKept{100, 7 * 24 * kHourMs};  // nobody may have looked since Friday

struct EndedJob {
  std::string id;
  bool is_query = false;
  JobState state = JobState::kFinished;
  int64_t end_ms = 0;
};

/// The ids of those that are beyond their kind's limit at `now_ms`, oldest end first. `ended`: in any order.
std::vector<std::string> JobsToForget(std::vector<EndedJob> ended, int64_t now_ms);

}  // namespace firn::exec
