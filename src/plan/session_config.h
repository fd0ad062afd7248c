// SPDX-License-Identifier: Apache-2.0
// The SET values that the planner understands, parsed. Unknown keys are nobody's business here and stay in the session.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "expr/scalar_function.h"

namespace firn::plan {

struct PlannerContext;

enum class NotNullEnforcer { kError, kDrop };

struct SessionConfig {
  bool is_batch = false;                                            // execution.runtime-mode
  int parallelism = 1;                                              // table.exec.resource.default-parallelism, parallelism.default
  int64_t state_ttl_ms = 0;                                         // table.exec.state.ttl; 0: for ever
  NotNullEnforcer not_null_enforcer = NotNullEnforcer::kError;      // table.exec.sink.not-null-enforcer
  std::string time_zone = "UTC";                                    // table.local-time-zone
  bool legacy_cast = false;                                         // table.exec.legacy-cast-behaviour
};

/// kInvalidOption names the key, the value and what is accepted.
Result<SessionConfig> ParseSessionConfig(const std::map<std::string, std::string>& config);

/// What expressions see of the session while a statement is planned.
expr::EvaluationContext MakeEvaluationContext(const SessionConfig& config, const PlannerContext& context);

/// A Flink duration: "10 s", "1h", "500 ms", "2 d", a bare number is milliseconds. kInvalidOption names `key`.
Result<int64_t> ParseDurationMs(std::string_view key, std::string_view text);

}  // namespace firn::plan
