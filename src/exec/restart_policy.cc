// SPDX-License-Identifier: Apache-2.0
#include "exec/restart_policy.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/assert.h"

namespace firn::exec {

bool IsWorthRetrying(ErrorCode code) {
  switch (code) {
    case ErrorCode::kIoError:
    case ErrorCode::kDiskFull:
    case ErrorCode::kTimeout:
    case ErrorCode::kUnavailable:
    case ErrorCode::kCommitConflict:
    case ErrorCode::kCommitUnknown: return true;
    default: return false;
  }
}

Result<RestartPolicy> RestartPolicy::Make(const Settings& settings) {
  RestartPolicy policy;
  const std::string type = TextSetting(settings, "restart-strategy.type", TextSetting(settings, "restart-strategy", "exponential-delay"));
  if (type == "none" || type == "off" || type == "disable") {
    policy.attempts_max_ = 0;
  } else if (type == "fixed-delay" || type == "fixeddelay") {
    FIRN_TRY(policy.attempts_max_, IntegerSetting(settings, "restart-strategy.fixed-delay.attempts", 1));
    FIRN_TRY(policy.first_delay_ms_, DurationSettingMs(settings, "restart-strategy.fixed-delay.delay", 1000));
    policy.delay_max_ms_ = policy.first_delay_ms_;
    policy.factor_ = 1;
    policy.resets_on_progress_ = false;
  } else if (type == "exponential-delay" || type == "exponentialdelay") {
    FIRN_TRY(policy.attempts_max_, IntegerSetting(settings, "restart-strategy.exponential-delay.attempts-before-reset-backoff", policy.attempts_max_));
    FIRN_TRY(policy.first_delay_ms_, DurationSettingMs(settings, "restart-strategy.exponential-delay.initial-backoff", policy.first_delay_ms_));
    FIRN_TRY(policy.delay_max_ms_, DurationSettingMs(settings, "restart-strategy.exponential-delay.max-backoff", policy.delay_max_ms_));
    FIRN_TRY(policy.factor_, NumberSetting(settings, "restart-strategy.exponential-delay.backoff-multiplier", policy.factor_));
  } else {
    return Error(ErrorCode::kInvalidOption, fmt::format("'restart-strategy.type' is '{}'; it takes 'none', 'fixed-delay' or 'exponential-delay'", type));
  }
  return policy;
}

std::optional<int64_t> RestartPolicy::Next(const Error& failure) {
  if (!IsWorthRetrying(failure.code())) return std::nullopt;
  // A full disk is waited for as long as it takes: the job resumes when space returns.
  if (failure.code() != ErrorCode::kDiskFull && attempts_ >= attempts_max_) return std::nullopt;
  const double delay = static_cast<double>(first_delay_ms_) * std::pow(factor_, static_cast<double>(std::min<int64_t>(attempts_, 64)));
  ++attempts_;
  FIRN_ASSERT(delay >= 0, "attempt {} is made after {} ms", attempts_, delay);
  return static_cast<int64_t>(std::min(delay, static_cast<double>(delay_max_ms_)));
}

}  // namespace firn::exec
