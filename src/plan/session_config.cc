// SPDX-License-Identifier: Apache-2.0
#include "plan/session_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

#include "base/duration.h"
#include "plan/planner.h"
#include "types/temporal.h"

namespace firn::plan {

namespace {

constexpr int kMaxParallelism = 128;  // the number of key groups

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

Error BadValue(std::string_view key, std::string_view value, std::string_view accepted) {
  return Error(ErrorCode::kInvalidOption, fmt::format("option '{}' cannot be '{}'", key, value)).Hint(fmt::format("accepted: {}", accepted));
}

const std::string* Find(const std::map<std::string, std::string>& config, const std::string& key) {
  const auto found = config.find(key);
  return found == config.end() ? nullptr : &found->second;
}

template <typename T>
Status ParseChoice(const std::map<std::string, std::string>& config, const std::string& key,
                   std::initializer_list<std::pair<std::string_view, T>> choices, T& target) {
  const std::string* value = Find(config, key);
  if (value == nullptr) return Ok();
  std::string accepted;
  for (const auto& [name, choice] : choices) {
    if (Lower(*value) == Lower(name)) {
      target = choice;
      return Ok();
    }
    accepted += (accepted.empty() ? "" : ", ") + std::string(name);
  }
  return BadValue(key, *value, accepted);
}

Status ParseParallelism(const std::map<std::string, std::string>& config, const std::string& key, int& target) {
  const std::string* value = Find(config, key);
  if (value == nullptr) return Ok();
  int parsed = 0;
  const auto [end, code] = std::from_chars(value->data(), value->data() + value->size(), parsed);
  if (code != std::errc() || end != value->data() + value->size() || parsed > kMaxParallelism || parsed == 0 || parsed < -1) {
    return BadValue(key, *value, fmt::format("1 to {}, or -1 for the default", kMaxParallelism));
  }
  if (parsed > 0) target = parsed;
  return Ok();
}

}  // namespace

Result<int64_t> ParseDurationMs(std::string_view key, std::string_view text) {
  const auto duration = base::ParseDurationMs(text);
  if (!duration) return BadValue(key, text, base::kDurationForms);
  return *duration;
}

Result<SessionConfig> ParseSessionConfig(const std::map<std::string, std::string>& config) {
  SessionConfig parsed;
  FIRN_RETURN_IF_ERROR(ParseChoice<bool>(config, "execution.runtime-mode", {{"streaming", false}, {"batch", true}, {"automatic", false}},
                                         parsed.is_batch));
  FIRN_RETURN_IF_ERROR(ParseParallelism(config, "parallelism.default", parsed.parallelism));
  FIRN_RETURN_IF_ERROR(ParseParallelism(config, "table.exec.resource.default-parallelism", parsed.parallelism));
  for (const char* key : {"table.exec.emit.early-fire.enabled", "table.exec.emit.late-fire.enabled"}) {
    const std::string* enabled = Find(config, key);
    if (enabled != nullptr && Lower(*enabled) != "false") {
      return Error(ErrorCode::kNotSupported, fmt::format("'{}' = '{}' is not supported: a window is emitted once, when the watermark passes its end", key, *enabled))
          .Hint("RESET it; a GROUP BY without a window shows results early and corrects them");
    }
  }
  if (const std::string* lateness = Find(config, "table.exec.emit.allow-lateness")) {
    FIRN_TRY(const int64_t lateness_ms, ParseDurationMs("table.exec.emit.allow-lateness", *lateness));
    if (lateness_ms > 0) {
      return Error(ErrorCode::kNotSupported, fmt::format("'table.exec.emit.allow-lateness' = '{}' is not supported: a window that has been emitted is not corrected", *lateness))
          .Hint("RESET it, and give the watermark a longer delay");
    }
  }
  if (const std::string* ttl = Find(config, "table.exec.state.ttl")) {
    FIRN_TRY(parsed.state_ttl_ms, ParseDurationMs("table.exec.state.ttl", *ttl));
  }
  FIRN_RETURN_IF_ERROR(ParseChoice<NotNullEnforcer>(config, "table.exec.sink.not-null-enforcer",
                                                    {{"error", NotNullEnforcer::kError}, {"drop", NotNullEnforcer::kDrop}},
                                                    parsed.not_null_enforcer));
  // Both mean the same here: the implicit cast to a CHAR(n) or VARCHAR(n) column trims and pads.
  bool ignored = false;
  FIRN_RETURN_IF_ERROR(ParseChoice<bool>(config, "table.exec.sink.type-length-enforcer", {{"ignore", true}, {"trim_pad", true}}, ignored));
  FIRN_RETURN_IF_ERROR(ParseChoice<bool>(config, "table.exec.legacy-cast-behaviour", {{"disabled", false}, {"enabled", true}},
                                         parsed.legacy_cast));
  if (const std::string* zone = Find(config, "table.local-time-zone"); zone != nullptr && *zone != "default") {
    if (!types::TimeZone::Find(*zone).ok()) return BadValue("table.local-time-zone", *zone, "a name of the tz database (Europe/Berlin), UTC, or an offset (GMT+02:00)");
    parsed.time_zone = *zone;
  }
  return parsed;
}

expr::EvaluationContext MakeEvaluationContext(const SessionConfig& config, const PlannerContext& context) {
  expr::EvaluationContext evaluation;
  evaluation.query_start_us = context.now_us;
  evaluation.row_time_us = context.now_us;
  evaluation.is_batch = config.is_batch;
  evaluation.time_zone = config.time_zone;
  evaluation.legacy_cast = config.legacy_cast;
  evaluation.current_catalog = context.current_catalog;
  evaluation.current_database = context.current_database;
  return evaluation;
}

}  // namespace firn::plan
