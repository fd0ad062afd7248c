// SPDX-License-Identifier: Apache-2.0
// Sessions and operations over an engine that the test plays: what becomes of a fetch that waits while its operation or session goes away.
#include "gateway/sql_gateway.h"

#include <gmock/gmock.h>

#include <boost/json.hpp>
#include <thread>

#include "io/random.h"
#include "io/simulated_environment.h"
#include "log/store.h"

namespace firn::gateway {
namespace {

namespace json = boost::json;
using testing::HasSubstr;
using testing::StartsWith;

struct FakeClock final : io::Clock {
  int64_t WallTimeMs() const override { return 1'700'000'000'000; }
  int64_t MonotonicUs() const override { return now_us; }
  std::atomic<int64_t> now_us = 1;
};

// Gives no rows until it is closed.
class FakeStream final : public exec::ResultStream {
 public:
  struct Watch {
    std::atomic<int> waiting = 0;
    std::atomic<bool> is_closed = false;
  };
  explicit FakeStream(Watch& watch) : watch_(watch) {}
  ~FakeStream() override { watch_.is_closed = true; }
  Result<Chunk> Next(int) override {
    ++watch_.waiting;
    while (!watch_.is_closed) std::this_thread::yield();
    return Error(ErrorCode::kCancelled, "closed");
  }
  void Close() override { watch_.is_closed = true; }

 private:
  Watch& watch_;
};

class FakeEngine final : public exec::Engine {
 public:
  Result<std::string> Submit(plan::JobPlan, exec::JobDefinition) override { return std::string("job"); }
  void SubmitThen(plan::JobPlan, exec::JobDefinition, std::function<void(Result<std::string>)> done) override { done(std::string("job")); }
  Result<Query> Run(plan::JobPlan, exec::JobDefinition) override { return Query{"query", std::make_unique<FakeStream>(watch)}; }
  Status RecoverJobs(const Replan&) override { return Ok(); }
  Status Cancel(const std::string&) override { return Ok(); }
  Status Stop(const std::string&, bool) override { return Ok(); }
  Result<exec::JobState> Wait(const std::string&, int64_t) override { return exec::JobState::kRunning; }
  std::vector<exec::JobStatus> Jobs() const override { return {}; }
  Result<exec::JobStatus> Job(const std::string& id) const override { return Error(ErrorCode::kJobNotFound, id); }
  Status Close() override { return Ok(); }

  FakeStream::Watch watch;
};

class NoSystemTables final : public catalog::SystemTables {
 public:
  std::vector<std::string> Names() const override { return {}; }
  Result<plan::TableDefinitionPtr> Find(const std::string& name) const override { return Error(ErrorCode::kTableNotFound, name); }
};

class SqlGatewayTest : public testing::Test {
 protected:
  SqlGatewayTest() {
    auto store = log::Store::Open(world_.environment(), "/data", {.journal_file_bytes = 256 << 10, .journal_limit_bytes = 1 << 20, .memory_limit_bytes = 256 << 10, .max_entry_bytes = 1 << 20});
    EXPECT_TRUE(store.ok());
    store_ = std::move(store).value();
    auto catalogs = catalog::Catalogs::Open(world_.environment(), *store_, "/data", system_tables_);
    EXPECT_TRUE(catalogs.ok());
    catalogs_ = std::move(catalogs).value();
    services_.reset(new NodeServices{*catalogs_, connectors_, engine_, clock_});
    gateway_ = SqlGateway::Make(*services_, world_.environment().random, world_.executor()).value();
    session_ = "/v2/sessions/" + std::string(Send("POST", "/v2/sessions").at("sessionHandle").as_string());
  }

  json::object Send(const std::string& method, const std::string& path, const std::string& body = {}, int status = 200) {
    io::HttpRequest request;
    request.method = method;
    request.path = path;
    request.body = body;
    const io::HttpResponse response = gateway_->Handle(request);
    EXPECT_EQ(response.status, status) << response.body;
    return json::parse(response.body).as_object();
  }
  std::string Refusal(const std::string& method, const std::string& path, int status) { return std::string(Send(method, path, {}, status).at("errors").as_array()[0].as_string()); }

  std::string Query() { return session_ + "/operations/" + std::string(Send("POST", session_ + "/statements", R"({"statement": "SELECT 1"})").at("operationHandle").as_string()); }

  // Fetches, and does `meanwhile` once the fetch waits for rows; what the fetch was answered.
  io::HttpResponse FetchWhile(const std::string& operation, const std::function<void()>& meanwhile) {
    io::HttpResponse answer;
    std::thread fetch([&] {
      io::HttpRequest request;
      request.method = "GET";
      request.path = operation + "/result/0";
      answer = gateway_->Handle(request);
    });
    while (engine_.watch.waiting == 0) std::this_thread::yield();
    meanwhile();
    fetch.join();
    return answer;
  }

  io::SimulatedEnvironment world_{7};
  NoSystemTables system_tables_;
  std::unique_ptr<log::Store> store_;
  std::unique_ptr<catalog::Catalogs> catalogs_;
  exec::ConnectorRegistry connectors_;
  FakeEngine engine_;
  FakeClock clock_;
  std::unique_ptr<NodeServices> services_;
  std::unique_ptr<SqlGateway> gateway_;
  std::string session_;
};

constexpr int64_t kMinuteUs = 60'000'000;
constexpr int64_t kTenMinutesUs = 10 * kMinuteUs;

TEST_F(SqlGatewayTest, CancellingDoesNotWaitForAFetchThatWaits) {
  const std::string operation = Query();
  const io::HttpResponse answer = FetchWhile(operation, [&] { EXPECT_EQ(Send("POST", operation + "/cancel").at("status"), "CANCELED"); });
  EXPECT_EQ(answer.status, 500);
  EXPECT_THAT(answer.body, HasSubstr("the statement was cancelled"));
  EXPECT_EQ(Send("GET", operation + "/status").at("status"), "CANCELED");
}

TEST_F(SqlGatewayTest, StatusDoesNotWaitForAFetchThatWaits) {
  const std::string operation = Query();
  FetchWhile(operation, [&] {
    EXPECT_EQ(Send("GET", operation + "/status").at("status"), "RUNNING");
    EXPECT_EQ(Send("DELETE", operation + "/close").at("status"), "CLOSED");
  });
  EXPECT_THAT(Refusal("GET", operation + "/status", 404), StartsWith("error[E7004]"));
}

TEST_F(SqlGatewayTest, ASessionThatExpiresEndsAFetchThatWaitsInIt) {
  const std::string operation = Query();
  const io::HttpResponse answer = FetchWhile(operation, [&] {
    clock_.now_us += kTenMinutesUs + 1;
    Send("POST", "/v2/sessions");  // whoever comes next finds it idle
  });
  EXPECT_EQ(answer.status, 500);
  EXPECT_THAT(answer.body, HasSubstr("the statement was closed"));
  EXPECT_TRUE(engine_.watch.is_closed);
  EXPECT_THAT(Refusal("GET", operation + "/result/0", 404), StartsWith("error[E7001]"));
}

TEST_F(SqlGatewayTest, AHeartbeatKeepsASession) {
  const std::string operation = Query();
  for (int i = 0; i < 3; ++i) {
    clock_.now_us += kTenMinutesUs;
    Send("POST", session_ + "/heartbeat");
  }
  EXPECT_FALSE(engine_.watch.is_closed);
  EXPECT_EQ(Send("GET", operation + "/status").at("status"), "RUNNING");
  clock_.now_us += kTenMinutesUs + 1;
  Send("POST", "/v2/sessions");
  EXPECT_TRUE(engine_.watch.is_closed);
}

// A client that was killed may have been the last.
TEST_F(SqlGatewayTest, AnIdleSessionIsClosedThoughNobodyAsks) {
  Query();
  world_.executor().StepFor(3 * kMinuteUs);
  EXPECT_FALSE(engine_.watch.is_closed);
  clock_.now_us += kTenMinutesUs + 1;
  world_.executor().StepFor(kMinuteUs + 1);
  EXPECT_TRUE(engine_.watch.is_closed);
}

TEST_F(SqlGatewayTest, AClosedSessionStopsItsQueries) {
  Query();
  Send("DELETE", session_);
  EXPECT_TRUE(engine_.watch.is_closed);
}

TEST_F(SqlGatewayTest, OnlyTheMethodsOfAPathAreServed) {
  for (const auto& [method, path] : {std::pair("GET", "/heartbeat"), {"GET", "/statements"}, {"PUT", "/configure-session"}, {"POST", "/complete-statement"}, {"PUT", ""}}) {
    EXPECT_THAT(Refusal(method, session_ + path, 405), StartsWith(method)) << path;
  }
}

}  // namespace
}  // namespace firn::gateway
