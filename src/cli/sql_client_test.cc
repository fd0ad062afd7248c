// SPDX-License-Identifier: Apache-2.0
#include "cli/sql_client.h"

#include <gmock/gmock.h>

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
