// SPDX-License-Identifier: Apache-2.0
#include "gateway/job_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <functional>

#include "base/ascii.h"
#include "base/assert.h"
#include "base/hash.h"

namespace firn::gateway {

namespace json = boost::json;

namespace {

// The states of Flink's tasks, in the order of its answers.
constexpr const char* kTaskStates[] = {"CREATED", "SCHEDULED", "DEPLOYING", "RUNNING", "FINISHED", "CANCELING", "CANCELED", "FAILED", "RECONCILING", "INITIALIZING"};

constexpr const char* kNoExternalPath = "<checkpoint-not-externally-addressable>";
constexpr const char* kSlotSharingGroup = "00000000000000000000000000000001";  // every vertex runs in this one process

const char* TaskStateOf(exec::JobState state) {
  switch (state) {
    case exec::JobState::kCreated: return "CREATED";
    case exec::JobState::kRunning: return "RUNNING";
    case exec::JobState::kFinished: return "FINISHED";
    case exec::JobState::kFailing:
    case exec::JobState::kCancelling: return "CANCELING";
    case exec::JobState::kCanceled:
    case exec::JobState::kSuspended: return "CANCELED";
    case exec::JobState::kFailed: return "FAILED";
    case exec::JobState::kRestarting: return "SCHEDULED";
  }
  FIRN_UNREACHABLE("job state {}", static_cast<int>(state));
}

// All tasks of a job are in the state that the job is in.
json::object TaskCounts(exec::JobState state, int64_t tasks) {
  json::object counts;
  for (const char* name : kTaskStates) counts[name] = std::string_view(name) == TaskStateOf(state) ? tasks : 0;
  return counts;
}

int64_t TaskCount(const exec::JobStatus& job) {
  int64_t tasks = 0;
  for (const exec::VertexStatus& vertex : job.vertices) tasks += vertex.parallelism;
  return tasks;
}

int64_t DurationMs(const exec::JobStatus& job, int64_t now_ms) { return job.start_ms <= 0 ? 0 : (job.end_ms < 0 ? now_ms : job.end_ms) - job.start_ms; }

json::object VertexJson(const exec::JobStatus& job, const exec::VertexStatus& vertex, int64_t now_ms) {
  const bool is_complete = true;
  json::object metrics{{"read-bytes", vertex.bytes_in}, {"read-bytes-complete", is_complete}, {"write-bytes", 0}, {"write-bytes-complete", is_complete},
                       {"read-records", vertex.rows_in}, {"read-records-complete", is_complete}, {"write-records", vertex.rows_out}, {"write-records-complete", is_complete},
                       {"accumulated-backpressured-time", 0}, {"accumulated-idle-time", 0}, {"accumulated-busy-time", 0},
                       {"firn-late-records", vertex.late_rows}, {"firn-state-bytes", vertex.state_bytes}};
  return {{"id", VertexId(vertex)}, {"slotSharingGroupId", kSlotSharingGroup}, {"name", vertex.name}, {"maxParallelism", 128}, {"parallelism", vertex.parallelism}, {"status", TaskStateOf(job.state)},
          {"start-time", job.start_ms}, {"end-time", job.end_ms}, {"duration", DurationMs(job, now_ms)}, {"tasks", TaskCounts(job.state, vertex.parallelism)},
          {"metrics", std::move(metrics)}};
}

const char* JobTypeOf(const exec::JobStatus& job) {
  auto mode = job.definition.config.find("execution.runtime-mode");
  return mode != job.definition.config.end() && (mode->second == "batch" || mode->second == "BATCH") ? "BATCH" : "STREAMING";
}

json::object CheckpointJson(const exec::JobStatus& job, const exec::CheckpointStatus& checkpoint) {
  std::string kind = checkpoint.state;
  std::transform(kind.begin(), kind.end(), kind.begin(), [](unsigned char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c); });
  const int64_t tasks = TaskCount(job);
  const bool is_complete = checkpoint.state == "COMPLETED";
  json::object out{{"className", kind}, {"id", checkpoint.id}, {"status", checkpoint.state}, {"is_savepoint", false}, {"savepointFormat", nullptr},
                   {"trigger_timestamp", checkpoint.triggered_ms}, {"latest_ack_timestamp", checkpoint.triggered_ms + checkpoint.duration_ms},
                   {"checkpointed_size", checkpoint.state_bytes}, {"state_size", checkpoint.full_state_bytes}, {"end_to_end_duration", checkpoint.duration_ms},
                   {"alignment_buffered", 0}, {"processed_data", 0}, {"persisted_data", 0}, {"num_subtasks", tasks}, {"num_acknowledged_subtasks", is_complete ? tasks : 0},
                   {"checkpoint_type", "CHECKPOINT"}, {"tasks", json::object{}}};
  if (is_complete) {
    out["external_path"] = kNoExternalPath;
    out["discarded"] = false;
  }
  if (!checkpoint.failure.empty()) {
    out["failure_timestamp"] = checkpoint.triggered_ms + checkpoint.duration_ms;
    out["failure_message"] = checkpoint.failure;
  }
  return out;
}

json::value RestoredJson(const exec::JobStatus& job) {
  if (!job.restored) return nullptr;
  return json::object{{"id", job.restored->id}, {"restore_timestamp", job.restored->restored_ms}, {"is_savepoint", false}, {"external_path", kNoExternalPath}};
}

json::object Statistics(std::vector<int64_t> values) {
  std::sort(values.begin(), values.end());
  if (values.empty()) values.push_back(0);
  int64_t sum = 0;
  for (int64_t value : values) sum += value;
  const auto percentile = [&](double part) { return values[std::min(values.size() - 1, static_cast<size_t>(part * static_cast<double>(values.size())))]; };
  return {{"min", values.front()}, {"max", values.back()}, {"avg", sum / static_cast<int64_t>(values.size())}, {"p50", percentile(0.5)}, {"p90", percentile(0.9)},
          {"p95", percentile(0.95)}, {"p99", percentile(0.99)}, {"p999", percentile(0.999)}};
}

json::object SummaryJson(const exec::JobStatus& job) {
  std::vector<int64_t> written, state, duration;
  for (const exec::CheckpointStatus& checkpoint : job.checkpoints) {
    if (checkpoint.state != "COMPLETED") continue;
    written.push_back(checkpoint.state_bytes);
    state.push_back(checkpoint.full_state_bytes);
    duration.push_back(checkpoint.duration_ms);
  }
  return {{"checkpointed_size", Statistics(written)}, {"state_size", Statistics(state)}, {"end_to_end_duration", Statistics(duration)},
          {"alignment_buffered", Statistics({})}, {"processed_data", Statistics({})}, {"persisted_data", Statistics({})}};
}

}  // namespace

std::string VertexId(const exec::VertexStatus& vertex) {
  FIRN_ASSERT(!vertex.uid.empty(), "operator {} `{}` has no uid", vertex.node_id, vertex.name);
  return fmt::format("{:016x}{:016x}", base::HashBytes(vertex.uid), base::HashBytes(vertex.uid + "#"));
}

json::object OverviewJson(const std::vector<exec::JobStatus>& jobs) {
  int64_t running = 0, finished = 0, cancelled = 0, failed = 0, slots = 0;
  for (const exec::JobStatus& job : jobs) {
    finished += job.state == exec::JobState::kFinished;
    cancelled += job.state == exec::JobState::kCanceled;
    failed += job.state == exec::JobState::kFailed;
    const bool is_running = job.state == exec::JobState::kRunning || job.state == exec::JobState::kRestarting;
    running += is_running;
    for (const exec::VertexStatus& vertex : job.vertices) slots = std::max<int64_t>(slots, is_running ? vertex.parallelism : 0);
  }
  return {{"taskmanagers", 1}, {"slots-total", slots}, {"slots-available", 0}, {"jobs-running", running}, {"jobs-finished", finished}, {"jobs-cancelled", cancelled},
          {"jobs-failed", failed}, {"flink-version", "firn 0.1.0"}, {"flink-commit", "firn"}};
}

json::object JobSummaryJson(const exec::JobStatus& job, int64_t now_ms) {
  json::object tasks{{"total", TaskCount(job)}};
  for (auto& count : TaskCounts(job.state, TaskCount(job))) {
    std::string name(count.key());
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return static_cast<char>(c - 'A' + 'a'); });
    tasks[name] = count.value();
  }
  return {{"jid", job.id}, {"name", job.definition.name}, {"start-time", job.start_ms}, {"end-time", job.end_ms}, {"duration", DurationMs(job, now_ms)},
          {"state", exec::JobStateText(job.state)}, {"last-modification", job.end_ms < 0 ? job.start_ms : job.end_ms}, {"tasks", std::move(tasks)},
          {"pending-operators", 0}, {"jobType", JobTypeOf(job)}, {"schedulerType", "Default"}};
}

json::object JobJson(const exec::JobStatus& job, int64_t now_ms) {
  json::object timestamps;
  for (const char* state : {"FAILED", "RUNNING", "CANCELLING", "CREATED", "CANCELED", "RECONCILING", "SUSPENDED", "FAILING", "INITIALIZING", "FINISHED", "RESTARTING"}) timestamps[state] = 0;
  timestamps["CREATED"] = job.start_ms;
  timestamps["RUNNING"] = job.start_ms;
  if (job.end_ms >= 0) timestamps[exec::JobStateText(job.state)] = job.end_ms;
  json::array vertices;
  for (const exec::VertexStatus& vertex : job.vertices) vertices.push_back(VertexJson(job, vertex, now_ms));
  json::object out{{"jid", job.id}, {"name", job.definition.name}, {"isStoppable", true}, {"state", exec::JobStateText(job.state)}, {"job-type", JobTypeOf(job)},
                   {"start-time", job.start_ms}, {"end-time", job.end_ms}, {"duration", DurationMs(job, now_ms)}, {"maxParallelism", -1}, {"now", now_ms},
                   {"timestamps", std::move(timestamps)}, {"vertices", std::move(vertices)}, {"status-counts", TaskCounts(job.state, static_cast<int64_t>(job.vertices.size()))},
                   {"plan", PlanJson(job)["plan"]}, {"pending-operators", 0}, {"schedulerType", "Default"}};
  return out;
}

json::object PlanJson(const exec::JobStatus& job) {
  json::array nodes;
  for (const exec::VertexStatus& vertex : job.vertices) {
    json::array inputs;
    for (const auto& [from, to] : job.edges) {
      if (to != vertex.node_id) continue;
      for (const exec::VertexStatus& input : job.vertices) {
        if (input.node_id == from) inputs.push_back(json::object{{"num", static_cast<int64_t>(inputs.size())}, {"id", VertexId(input)}, {"ship_strategy", "FORWARD"}, {"exchange", "pipelined_bounded"}});
      }
    }
    json::object node{{"id", VertexId(vertex)}, {"parallelism", vertex.parallelism}, {"operator", ""}, {"operator_strategy", ""}, {"description", vertex.name}, {"optimizer_properties", json::object{}}};
    if (!inputs.empty()) node["inputs"] = std::move(inputs);
    nodes.push_back(std::move(node));
  }
  return {{"plan", json::object{{"jid", job.id}, {"name", job.definition.name}, {"type", JobTypeOf(job)}, {"nodes", std::move(nodes)}}}};
}

namespace {

// Whether a setting's value is for nobody's eyes: Flink's own list (GlobalConfiguration.SENSITIVE_KEYS), of what may be anywhere in a key.
bool IsSecret(const std::string& key) {
  constexpr std::string_view kParts[] = {"PASSWORD", "SECRET", "FS.AZURE.ACCOUNT.KEY", "APIKEY", "API-KEY", "AUTH-PARAMS", "SERVICE-KEY", "TOKEN", "BASIC-AUTH", "JAAS.CONFIG", "HTTP-HEADERS"};
  const std::string upper = base::AsciiUpper(key);
  return std::any_of(std::begin(kParts), std::end(kParts), [&](std::string_view part) { return upper.find(part) != std::string::npos; });
}

constexpr const char* kHidden = "******";

}  // namespace

json::object ConfigJson(const exec::JobStatus& job) {
  json::object user;
  for (const auto& [key, value] : job.definition.config) user[key] = IsSecret(key) ? kHidden : value;
  return {{"jid", job.id}, {"name", job.definition.name}, {"execution-config", json::object{{"restart-strategy", "see user-config"}, {"job-parallelism", -1},
                                                                                          {"object-reuse-mode", true}, {"user-config", std::move(user)}}}};
}

json::object ExceptionsJson(const exec::JobStatus& job) {
  json::array entries;
  if (job.failure) {
    entries.push_back(json::object{{"exceptionName", base::ErrorCodeText(job.failure->code())}, {"stacktrace", job.failure->ToString()}, {"timestamp", std::max<int64_t>(job.end_ms, 0)},
                                   {"taskName", nullptr}, {"endpoint", nullptr}, {"taskManagerId", nullptr}, {"failureLabels", json::object{}}, {"concurrentExceptions", json::array{}}});
  }
  return {{"exceptionHistory", json::object{{"entries", std::move(entries)}, {"truncated", false}}}};
}

json::object DashboardJson() {
  return {{"refresh-interval", 3000}, {"timezone-name", "Coordinated Universal Time"}, {"timezone-offset", 0}, {"flink-version", "firn 0.1.0"}, {"flink-revision", "firn"},
          {"features", json::object{{"web-submit", false}, {"web-cancel", true}, {"web-rescale", false}, {"web-history", false}}}};
}

json::array WatermarksJson(const exec::VertexStatus& vertex) {
  json::array watermarks;
  for (int i = 0; i < vertex.parallelism; ++i) watermarks.push_back(json::object{{"id", fmt::format("{}.currentInputWatermark", i)}, {"value", std::to_string(vertex.watermark_ms)}});
  return watermarks;
}

json::object BackpressureJson(const exec::VertexStatus& vertex, int64_t now_ms) {
  const char* level = vertex.is_backpressured ? "high" : "ok";
  json::array subtasks;
  for (int i = 0; i < vertex.parallelism; ++i) {
    const double busy = std::min(1.0, vertex.busy_ratio / vertex.parallelism);
    const double blocked = vertex.is_backpressured ? 1 - busy : 0.0;
    subtasks.push_back(json::object{{"subtask", i}, {"attempt-number", 0}, {"backpressureLevel", level}, {"ratio", blocked}, {"busyRatio", busy}, {"idleRatio", 1 - busy - blocked}});
  }
  return {{"status", "ok"}, {"backpressureLevel", level}, {"end-timestamp", now_ms}, {"subtasks", std::move(subtasks)}};
}

json::object CheckpointsJson(const exec::JobStatus& job) {
  json::array history;
  json::value completed, failed;
  int64_t in_progress = 0;
  for (auto checkpoint = job.checkpoints.rbegin(); checkpoint != job.checkpoints.rend(); ++checkpoint) {
    json::object shown = CheckpointJson(job, *checkpoint);
    in_progress += checkpoint->state == "IN_PROGRESS";
    if (checkpoint->state == "COMPLETED" && completed.is_null()) completed = shown;
    if (checkpoint->state == "FAILED" && failed.is_null()) failed = shown;
    history.push_back(std::move(shown));
  }
  return {{"counts", json::object{{"restored", job.checkpoints_restored}, {"total", job.checkpoints_completed + job.checkpoints_failed + in_progress}, {"in_progress", in_progress},
                                  {"completed", job.checkpoints_completed}, {"failed", job.checkpoints_failed}}},
          {"summary", SummaryJson(job)},
          {"latest", json::object{{"completed", completed}, {"savepoint", nullptr}, {"failed", failed}, {"restored", RestoredJson(job)}}},
          {"history", std::move(history)}};
}

}  // namespace firn::gateway
