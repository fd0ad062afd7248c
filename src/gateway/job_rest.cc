// SPDX-License-Identifier: Apache-2.0
#include "gateway/job_rest.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "gateway/http_answer.h"
#include "gateway/job_json.h"
#include "gateway/metrics.h"

namespace firn::gateway {

namespace {

namespace json = boost::json;

io::HttpResponse Text(std::string body, int status = 200) { return {.status = status, .content_type = "text/plain; charset=utf-8", .body = std::move(body)}; }

io::HttpResponse ReplyJson(const json::object& object, int status = 200) { return gateway::Reply(json::serialize(object), status); }

// Alive is who answers; ready is who would take a write.
io::HttpResponse Readiness(const JobRestServices& services) {
  const Status health = services.health();
  return health.ok() ? Text("ok\n") : Text("not ready: " + health.error().ToString() + "\n", 503);
}

io::HttpResponse Jobs(const JobRestServices& services, bool is_overview) {
  const int64_t now_ms = services.clock.WallTimeMs();
  json::array jobs;
  for (const exec::JobStatus& job : services.engine.Jobs()) {
    jobs.push_back(is_overview ? JobSummaryJson(job, now_ms) : json::object{{"id", job.id}, {"status", exec::JobStateText(job.state)}});
  }
  return ReplyJson({{"jobs", std::move(jobs)}});
}

io::HttpResponse Cancel(const JobRestServices& services, const io::HttpRequest& request, const std::string& id) {
  auto mode = request.query.find("mode");
  if (mode != request.query.end() && mode->second != "cancel") {
    return Fail(fmt::format("the termination mode \"{}\" is not supported: mode=cancel is; STOP JOB takes a last checkpoint first", mode->second), 400);
  }
  const Status status = services.engine.Cancel(id);
  if (status.ok()) return gateway::Reply("{}", 202);
  return Fail(status.error().message(), status.error().code() == ErrorCode::kInvalidArgument ? 409 : 404);
}

io::HttpResponse OneVertex(const exec::JobStatus& job, const io::HttpRequest& request, const std::vector<std::string>& parts, int64_t now_ms) {
  for (const exec::VertexStatus& vertex : job.vertices) {
    if (VertexId(vertex) != parts[3]) continue;
    if (parts[4] == "watermarks") return gateway::Reply(json::serialize(WatermarksJson(vertex)));
    if (parts[4] == "backpressure") return ReplyJson(BackpressureJson(vertex, now_ms));
    return Fail(fmt::format("there is nothing at {}", request.path), 404);
  }
  return Fail(fmt::format("job {} has no vertex {}", job.id, parts[3]), 404);
}

io::HttpResponse OneJob(const JobRestServices& services, const io::HttpRequest& request, const std::vector<std::string>& parts) {
  const std::string what = parts.size() == 3 ? parts[2] : "";
  if (request.method == "PATCH" && parts.size() == 2) return Cancel(services, request, parts[1]);
  if (what == "cancel" && request.method == "POST") return Cancel(services, request, parts[1]);
  if (request.method != "GET") return Fail(fmt::format("{} is not for {}", request.method, request.path), 405);
  const auto job = services.engine.Job(parts[1]);
  if (!job.ok()) return Fail(job.error().message(), 404);
  if (parts.size() == 2) return ReplyJson(JobJson(*job, services.clock.WallTimeMs()));
  if (parts.size() == 5 && parts[2] == "vertices") return OneVertex(*job, request, parts, services.clock.WallTimeMs());
  if (what == "status") return ReplyJson({{"status", exec::JobStateText(job->state)}});
  if (what == "plan") return ReplyJson(PlanJson(*job));
  if (what == "config") return ReplyJson(ConfigJson(*job));
  if (what == "exceptions") return ReplyJson(ExceptionsJson(*job));
  if (what == "checkpoints") return ReplyJson(CheckpointsJson(*job));
  return Fail(fmt::format("there is nothing at {}", request.path), 404);
}

}  // namespace

io::HttpResponse HandleJobRequest(const JobRestServices& services, const io::HttpRequest& request) {
  std::vector<std::string> parts = SplitPath(request.path);
  if (!parts.empty() && parts[0] == "v1") parts.erase(parts.begin());
  if (parts.size() >= 2 && parts[0] == "jobs" && parts[1] != "overview") return OneJob(services, request, parts);
  if (request.method != "GET") return Fail(fmt::format("{} is not for {}", request.method, request.path), 405);
  const std::string path = fmt::format("{}", fmt::join(parts, "/"));
  if (path == "healthz") return Text("ok\n");
  if (path == "readyz") return Readiness(services);
  if (path == "metrics") {
    return {.content_type = kMetricsContentType,
            .body = ProcessMetricsText() + (services.kafka != nullptr ? KafkaMetricsText(services.kafka->counts()) : "") +
                    (services.failed_reads ? StorageMetricsText(services.health().ok(), services.failed_reads()) : "") + (services.http_faults ? HttpMetricsText(services.http_faults()) : "") +
                    (services.topics != nullptr ? TopicMetricsText(*services.topics) : "") + MetricsText(services.engine.Jobs())};
  }
  if (path == "config") return ReplyJson(DashboardJson());
  if (path == "overview") return ReplyJson(OverviewJson(services.engine.Jobs()));
  if (path == "jobs" || path == "jobs/overview") return Jobs(services, path == "jobs/overview");
  return Fail(fmt::format("there is nothing at {}", request.path), 404);
}

}  // namespace firn::gateway
