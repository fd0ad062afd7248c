// SPDX-License-Identifier: Apache-2.0
#include "exec/job_retention.h"

#include <algorithm>
#include <array>

#include "base/assert.h"
#include "exec/job.h"

namespace firn::exec {

namespace {

constexpr std::array kRetentionLimits = {kEndedQueriesKept, kFailedQueriesKept, kEndedInsertsKept};

size_t KindOf(const EndedJob& job) { return !job.is_query ? 2 : job.state == JobState::kFailed ? 1 : 0; }

}  // namespace

std::vector<std::string> JobsToForget(std::vector<EndedJob> ended, int64_t now_ms) {
  std::sort(ended.begin(), ended.end(), [](const EndedJob& a, const EndedJob& b) { return a.end_ms != b.end_ms ? a.end_ms < b.end_ms : a.id < b.id; });
  std::array<size_t, kRetentionLimits.size()> left{};
  for (const EndedJob& job : ended) ++left[KindOf(job)];
  std::vector<std::string> forgotten;
  for (const EndedJob& job : ended) {
    FIRN_ASSERT(IsTerminal(job.state), "job {} is {} and would be forgotten", job.id, JobStateText(job.state));
    const RetentionLimit& limit = kRetentionLimits[KindOf(job)];
    if (left[KindOf(job)] <= limit.jobs_max && now_ms - job.end_ms <= limit.age_ms_max) continue;
    --left[KindOf(job)];
    forgotten.push_back(job.id);
  }
  return forgotten;
}

}  // namespace firn::exec
