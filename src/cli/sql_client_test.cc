// SPDX-License-Identifier: Apache-2.0
#include "cli/sql_client.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <atomic>

#include "base/mutex.h"

namespace firn::cli {
namespace {

// Answers as a gateway does whose statements all fail, and remembers what was asked.
class FailingGateway {
 public:
  FailingGateway() {
    auto server = io::HttpServer::Start({.address = {"127.0.0.1", 0}}, [this](const io::HttpRequest& request) { return Answer(request); });
    EXPECT_TRUE(server.ok());
    server_ = std::move(server).value();
  }
  const io::Address& address() const { return server_->address(); }
  std::vector<std::string> requests() const {
    base::MutexLock lock(mutex_);
    return requests_;
  }

 private:
  io::HttpResponse Answer(const io::HttpRequest& request) {
    base::MutexLock lock(mutex_);
    requests_.push_back(request.method + " " + request.path);
    if (request.path == "/v2/sessions") return {.body = R"({"sessionHandle":"s"})"};
    if (request.path.ends_with("/statements")) return {.body = R"({"operationHandle":"o"})"};
    if (request.path.find("/result/") != std::string::npos) return {.status = 500, .body = R"({"errors":["error[E2102]: no such column"]})"};
    return {.body = "{}"};
  }

  mutable base::Mutex mutex_;
  std::vector<std::string> requests_ FIRN_GUARDED_BY(mutex_);
  std::unique_ptr<io::HttpServer> server_;
};

// Another program's port, or another version's.
TEST(SqlClient, AnAnswerThatIsNotAGatewaysIsAnError) {
  auto server = io::HttpServer::Start({.address = {"127.0.0.1", 0}}, [](const io::HttpRequest& request) {
    if (request.path == "/v2/sessions") return io::HttpResponse{.body = request.body.find("odd") == std::string::npos ? R"({"status":"ok"})" : R"({"sessionHandle":"s"})"};
    if (request.path.ends_with("/statements")) return io::HttpResponse{.body = R"({"operationHandle":"o"})"};
    if (request.path.find("/result/") == std::string::npos) return io::HttpResponse{.body = "[]"};
    return io::HttpResponse{.body = R"({"resultType":"PAYLOAD","results":{"columns":[{"name":"a","logicalType":{"type":"BOOLEAN"}}],"data":[{"kind":"INSERT","fields":[]}]}})"};
  });
  ASSERT_TRUE(server.ok());
  EXPECT_EQ(SqlClient::Connect((*server)->address(), {}).error().code(), ErrorCode::kDecodeError);
  auto client = SqlClient::Connect((*server)->address(), {{"odd", "1"}});
  ASSERT_TRUE(client.ok());
  EXPECT_EQ((*client)->Setting("a").error().code(), ErrorCode::kDecodeError);
  EXPECT_EQ((*client)->Complete("S", 1).error().code(), ErrorCode::kDecodeError);
  const Status status = (*client)->Execute("SELECT 1", {[](const ResultHead&) {}, [](const std::vector<PrintedRow>&) { return true; }});
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(status.error().message(), testing::HasSubstr("a row of 0 fields under 1 columns"));
}

// A node that was started again knows no session of the one before it.
TEST(SqlClient, OpensAnotherSessionWhenItsOwnIsForgotten) {
  std::atomic<int> sessions = 0;
  auto server = io::HttpServer::Start({.address = {"127.0.0.1", 0}}, [&](const io::HttpRequest& request) {
    if (request.path == "/v2/sessions") return io::HttpResponse{.body = fmt::format(R"({{"sessionHandle":"{}{}"}})", request.body.find(R"("a":"b")") != std::string::npos ? "s" : "?", ++sessions)};
    if (request.path.starts_with("/v2/sessions/s2")) return io::HttpResponse{.body = R"({"properties":{"k":"v"}})"};
    return io::HttpResponse{.status = 404, .body = R"({"errors":["error[E7001]: there is no session s1"]})"};
  });
  ASSERT_TRUE(server.ok());
  auto client = SqlClient::Connect((*server)->address(), {{"a", "b"}});
  ASSERT_TRUE(client.ok());
  EXPECT_EQ((*client)->Setting("k").error().code(), ErrorCode::kSessionNotFound);
  ASSERT_TRUE((*client)->Reopen().ok());
  EXPECT_EQ((*client)->session(), "s2");
  EXPECT_EQ((*client)->Setting("k").value(), "v");
}

// A session takes a thousand operations: a prompt at which as many statements have failed must take one more.
TEST(SqlClient, ClosesWhatHasFailed) {
  FailingGateway gateway;
  auto client = SqlClient::Connect(gateway.address(), {});
  ASSERT_TRUE(client.ok());
  const Status status = (*client)->Execute("SELECT nothing", {[](const ResultHead&) {}, [](const std::vector<PrintedRow>&) { return true; }});
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().message(), "error[E2102]: no such column");
  EXPECT_THAT(gateway.requests(), testing::Contains("DELETE /v2/sessions/s/operations/o/close"));
}

}  // namespace
}  // namespace firn::cli
