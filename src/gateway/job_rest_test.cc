// SPDX-License-Identifier: Apache-2.0
#include "gateway/job_rest.h"

#include <gmock/gmock.h>

#include <boost/json.hpp>

namespace firn::gateway {
namespace {

namespace json = boost::json;
using testing::HasSubstr;
using testing::Not;

// Knows two jobs; all that would run something is refused.
class ListedJobs final : public exec::Engine {
 public:
  ListedJobs() {
    exec::JobStatus running;
    running.id = "11111111111111111111111111111111";
    running.definition.name = "insert-into_agg";
    running.state = exec::JobState::kRunning;
    running.start_ms = 1000;
    running.definition.config = {{"My.Service-Key", "k"}, {"parallelism.default", "2"}, {"s3.secret-key", "s"}};
    running.vertices = {{.node_id = 0, .uid = "Scan-1", .name = "Source: trades", .parallelism = 2, .rows_in = 5, .rows_out = 5, .watermark_ms = 9500},
                        {.node_id = 1, .uid = "Sink-1", .name = "Sink: \"agg\"", .parallelism = 1, .rows_in = 5, .late_rows = 1}};
    running.edges = {{0, 1}};
    running.partitions = {{.node_id = 0, .table = "trades", .partition = {.name = "trades-0", .position = 7, .end_position = 9}, .watermark_ms = 9500}};
    running.checkpoints = {{.id = 1, .state = "COMPLETED", .triggered_ms = 2000, .duration_ms = 10, .state_bytes = 5, .full_state_bytes = 50},
                           {.id = 2, .state = "FAILED", .triggered_ms = 3000, .duration_ms = 4, .failure = "disk full"},
                           {.id = 3, .state = "IN_PROGRESS", .triggered_ms = 4000}};
    running.restored = exec::RestoredCheckpoint{.id = 7, .restored_ms = 1500};
    running.checkpoints_restored = 1;
    running.checkpoints_completed = 1;
    running.checkpoints_failed = 1;
    exec::JobStatus failed;
    failed.id = "22222222222222222222222222222222";
    failed.definition.name = "broken";
    failed.state = exec::JobState::kFailed;
    failed.start_ms = 1000;
    failed.end_ms = 1500;
    failed.failure = Error(ErrorCode::kDiskFull, "no space is left");
    jobs_ = {running, failed};
  }

  Result<std::string> Submit(plan::JobPlan, exec::JobDefinition) override { return Refuse(); }
  void SubmitThen(plan::JobPlan, exec::JobDefinition, std::function<void(Result<std::string>)> done) override { done(Refuse()); }
  Result<Query> Run(plan::JobPlan, exec::JobDefinition) override { return Refuse(); }
  Status RecoverJobs(const Replan&) override { return Refuse(); }
  Status Cancel(const std::string& id) override {
    FIRN_TRY(const exec::JobStatus job, Job(id));
    if (job.state == exec::JobState::kFailed) return Error(ErrorCode::kInvalidArgument, "job " + id + " has already ended");
    cancelled_.push_back(id);
    return Ok();
  }
  Status Stop(const std::string&, bool) override { return Refuse(); }
  Result<exec::JobState> Wait(const std::string&, int64_t) override { return Refuse(); }
  std::vector<exec::JobStatus> Jobs() const override { return jobs_; }
  Result<exec::JobStatus> Job(const std::string& id) const override {
    for (const exec::JobStatus& job : jobs_) {
      if (job.id == id) return job;
    }
    return Error(ErrorCode::kJobNotFound, "no job has the id '" + id + "'");
  }
  Status Close() override { return Ok(); }

  std::vector<std::string> cancelled_;

 private:
  static Error Refuse() { return Error(ErrorCode::kNotSupported, "this engine only lists"); }
  std::vector<exec::JobStatus> jobs_;
};

class StillClock final : public io::Clock {
 public:
  int64_t WallTimeMs() const override { return 10'000; }
  int64_t MonotonicUs() const override { return 0; }
};

class JobRest : public testing::Test {
 protected:
  io::HttpResponse Ask(const std::string& method, const std::string& path, std::map<std::string, std::string> query = {}) {
    return HandleJobRequest({engine_, clock_, nullptr, [this] { return health_; }}, {.method = method, .path = path, .query = std::move(query)});
  }
  json::value Get(const std::string& path) {
    const io::HttpResponse response = Ask("GET", path);
    EXPECT_EQ(response.status, 200) << path << ": " << response.body;
    return json::parse(response.body);
  }
  ListedJobs engine_;
  StillClock clock_;
  Status health_;
};

const std::string kRunning = "/jobs/11111111111111111111111111111111";
const std::string kFailed = "/jobs/22222222222222222222222222222222";

TEST_F(JobRest, Overview) {
  const json::value overview = Get("/overview");
  EXPECT_EQ(overview.at("jobs-running"), 1);
  EXPECT_EQ(overview.at("jobs-failed"), 1);
  EXPECT_EQ(overview.at("slots-total"), 2);
  EXPECT_EQ(Get("/v1/overview"), overview);
}

TEST_F(JobRest, ListsJobs) {
  EXPECT_EQ(json::serialize(Get("/jobs")),
            R"({"jobs":[{"id":"11111111111111111111111111111111","status":"RUNNING"},{"id":"22222222222222222222222222222222","status":"FAILED"}]})");
  const json::value job = Get("/jobs/overview").at("jobs").at(0);
  EXPECT_EQ(job.at("duration"), 9000);
  EXPECT_EQ(job.at("end-time"), -1);
  EXPECT_EQ(job.at("tasks").at("total"), 3);
  EXPECT_EQ(job.at("tasks").at("running"), 3);
  EXPECT_EQ(job.at("tasks").at("failed"), 0);
  EXPECT_EQ(job.at("pending-operators"), 0);  // Flink's clients do not read an overview without it
}

TEST_F(JobRest, OneJobHasItsVerticesAndItsPlan) {
  const json::value job = Get(kRunning);
  const json::array& vertices = job.at("vertices").as_array();
  ASSERT_EQ(vertices.size(), 2u);
  EXPECT_EQ(vertices[0].at("id").as_string().size(), 32u);
  EXPECT_EQ(vertices[0].at("metrics").at("read-records"), 5);
  EXPECT_EQ(job.at("status-counts").at("RUNNING"), 2);
  EXPECT_EQ(job.at("timestamps").at("RUNNING"), 1000);
  EXPECT_EQ(job.at("plan").at("nodes").at(1).at("inputs").at(0).at("id"), vertices[0].at("id"));
  EXPECT_EQ(Get(kRunning + "/plan").at("plan"), job.at("plan"));
}

TEST_F(JobRest, Checkpoints) {
  const json::value checkpoints = Get(kRunning + "/checkpoints");
  EXPECT_EQ(json::serialize(checkpoints.at("counts")), R"({"restored":1,"total":3,"in_progress":1,"completed":1,"failed":1})");
  EXPECT_EQ(json::serialize(checkpoints.at("latest").at("restored")), R"({"id":7,"restore_timestamp":1500,"is_savepoint":false,"external_path":"<checkpoint-not-externally-addressable>"})");
  EXPECT_EQ(checkpoints.at("latest").at("completed").at("id"), 1);
  EXPECT_EQ(checkpoints.at("latest").at("failed").at("failure_message"), "disk full");
  EXPECT_EQ(checkpoints.at("history").at(0).at("className"), "in_progress");
  EXPECT_EQ(checkpoints.at("summary").at("state_size").at("max"), 50);
}

TEST_F(JobRest, VerticesTellWatermarkAndBackpressure) {
  const std::string vertex = kRunning + "/vertices/" + std::string(Get(kRunning).at("vertices").at(0).at("id").as_string());
  EXPECT_EQ(json::serialize(Get(vertex + "/watermarks")), R"([{"id":"0.currentInputWatermark","value":"9500"},{"id":"1.currentInputWatermark","value":"9500"}])");
  EXPECT_EQ(Get(vertex + "/backpressure").at("backpressureLevel"), "ok");
  EXPECT_EQ(Ask("GET", kRunning + "/vertices/none/watermarks").status, 404);
  EXPECT_EQ(Ask("GET", vertex + "/flamegraph").status, 404);
}

TEST_F(JobRest, SettingsThatAreSecretAreHidden) {
  EXPECT_EQ(json::serialize(Get(kRunning + "/config").at("execution-config").at("user-config")),
            R"({"My.Service-Key":"******","parallelism.default":"2","s3.secret-key":"******"})");
}

TEST_F(JobRest, StatusAndDashboard) {
  EXPECT_EQ(json::serialize(Get(kFailed + "/status")), R"({"status":"FAILED"})");
  EXPECT_EQ(Get("/config").at("features").at("web-cancel"), true);
}

TEST_F(JobRest, ExceptionsTellWhyAJobFailed) {
  EXPECT_EQ(Get(kFailed + "/exceptions").at("exceptionHistory").at("entries").at(0).at("exceptionName"), "E1004");
  EXPECT_TRUE(Get(kRunning + "/exceptions").at("exceptionHistory").at("entries").as_array().empty());
}

TEST_F(JobRest, CancelsByPatchAndByPost) {
  EXPECT_EQ(Ask("PATCH", kRunning, {{"mode", "cancel"}}).status, 202);
  EXPECT_EQ(Ask("PATCH", kRunning).status, 202);
  EXPECT_EQ(Ask("POST", kRunning + "/cancel").status, 202);
  EXPECT_EQ(engine_.cancelled_.size(), 3u);
}

TEST_F(JobRest, RefusesWhatCannotBeCancelled) {
  EXPECT_EQ(Ask("PATCH", kFailed).status, 409);
  EXPECT_EQ(Ask("PATCH", "/jobs/none").status, 404);
  EXPECT_EQ(Ask("PATCH", kRunning, {{"mode", "stop"}}).status, 400);
  EXPECT_EQ(Ask("GET", kRunning + "/cancel").status, 404);
  EXPECT_EQ(Ask("DELETE", kRunning).status, 405);
  EXPECT_TRUE(engine_.cancelled_.empty());
}

TEST_F(JobRest, UnknownPathsAreNamed) {
  const io::HttpResponse response = Ask("GET", "/taskmanagers");
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.body, R"({"errors":["there is nothing at /taskmanagers"]})");
  EXPECT_EQ(Ask("GET", "/jobs/none").body, R"({"errors":["no job has the id 'none'"]})");
}

TEST_F(JobRest, ReadyWhileTheStorageTakesWrites) {
  EXPECT_EQ(Ask("GET", "/readyz").body, "ok\n");
  health_ = Error(ErrorCode::kDiskFull, "no space is left on /data");
  EXPECT_EQ(Ask("GET", "/readyz").status, 503);
  EXPECT_THAT(Ask("GET", "/readyz").body, HasSubstr("not ready: E1004"));
  EXPECT_EQ(Ask("GET", "/healthz").status, 200);
}

TEST_F(JobRest, MetricsHaveHelpTypeLabelsAndEscapes) {
  const io::HttpResponse response = Ask("GET", "/metrics");
  EXPECT_EQ(response.content_type, "text/plain; version=0.0.4; charset=utf-8");
  const std::string job = R"(job_id="11111111111111111111111111111111",job_name="insert-into_agg")";
  EXPECT_THAT(response.body, HasSubstr("# TYPE firn_operator_rows_in_total counter\nfirn_operator_rows_in_total{" + job + ",operator_id=\"0\",operator=\"Source: trades\"} 5\n"));
  EXPECT_THAT(response.body, HasSubstr("operator_id=\"1\",operator=\"Sink: \\\"agg\\\"\"} 1\n"));
  EXPECT_THAT(response.body, HasSubstr("firn_source_lag{" + job + ",operator_id=\"0\",table=\"trades\",partition=\"trades-0\"} 2\n"));
  EXPECT_THAT(response.body, HasSubstr("firn_jobs{state=\"FAILED\"} 1\n"));
  EXPECT_THAT(response.body, HasSubstr("firn_operator_watermark_seconds{" + job + ",operator_id=\"0\",operator=\"Source: trades\"} 9.5\n"));
  EXPECT_THAT(response.body, HasSubstr("firn_job_last_checkpoint_duration_seconds{" + job + "} 0.01\n")) << "of the newest that is complete";
  EXPECT_THAT(response.body, testing::ContainsRegex("\nprocess_resident_memory_bytes [1-9][0-9]+\n"));
  EXPECT_THAT(response.body, testing::ContainsRegex("\nprocess_open_fds [1-9]"));
  EXPECT_THAT(response.body, Not(HasSubstr("broken"))) << "an ended job has no samples of its own";
}

}  // namespace
}  // namespace firn::gateway
