// SPDX-License-Identifier: Apache-2.0
#include "exec/job_retention.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

namespace firn::exec {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr int64_t kNow = 1'700'000'000'000;

TEST(JobRetention, AKindMakesRoomForItsOwnOnly) {
  std::vector<EndedJob> ended = {{"insert", false, JobState::kFinished, kNow - kHourMs}, {"failed", true, JobState::kFailed, kNow - kHourMs}};
  for (size_t i = 0; i < kEndedQueriesKept.jobs_max; ++i) ended.push_back({fmt::format("query-{}", i), true, i % 2 == 0 ? JobState::kFinished : JobState::kCanceled, kNow - 1000 + static_cast<int64_t>(i)});
  EXPECT_THAT(JobsToForget(ended, kNow), IsEmpty());
  ended.push_back({"newest", true, JobState::kFinished, kNow});
  EXPECT_THAT(JobsToForget(ended, kNow), ElementsAre("query-0"));
  for (size_t i = 0; i < kEndedInsertsKept.jobs_max; ++i) ended.push_back({fmt::format("insert-{}", i), false, JobState::kFailed, kNow});
  EXPECT_THAT(JobsToForget(ended, kNow), ElementsAre("insert", "query-0"));
}

TEST(JobRetention, TheOldestEndGoesFirstWhateverBeganFirst) {
  std::vector<EndedJob> ended = {{"began first, ended last", false, JobState::kFailed, kNow}};
  for (size_t i = 0; i < kEndedInsertsKept.jobs_max; ++i) ended.push_back({fmt::format("insert-{:03}", i), false, JobState::kFinished, kNow - 1});
  EXPECT_THAT(JobsToForget(ended, kNow), ElementsAre("insert-000"));
}

TEST(JobRetention, EachKindHasItsAge) {
  const std::vector<EndedJob> ended = {{"query", true, JobState::kFinished, kNow}, {"failed", true, JobState::kFailed, kNow}, {"insert", false, JobState::kFinished, kNow}};
  EXPECT_THAT(JobsToForget(ended, kNow + kEndedQueriesKept.age_ms_max), IsEmpty());
  EXPECT_THAT(JobsToForget(ended, kNow + kEndedQueriesKept.age_ms_max + 1), ElementsAre("query"));
  EXPECT_THAT(JobsToForget(ended, kNow + kFailedQueriesKept.age_ms_max + 1), ElementsAre("failed", "query"));
  EXPECT_THAT(JobsToForget(ended, kNow + kEndedInsertsKept.age_ms_max + 1), ElementsAre("failed", "insert", "query"));
}

}  // namespace
}  // namespace firn::exec
