// SPDX-License-Identifier: Apache-2.0
#include "io/http.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <future>

#include "io/process.h"

namespace firn::io {
namespace {

TEST(Http, RoundTripKeepsConnectionAndDecodes) {
  std::atomic<int64_t> faults = 0;
  auto server = HttpServer::Start({.address = {"127.0.0.1", 0}, .max_body_bytes = 1000, .faults = &faults}, [](const HttpRequest& request) {
    return HttpResponse{.status = request.body == "bad" ? 404 : 200, .body = request.method + " " + request.path + " " + request.query.at("q") + " " + request.body};
  });
  ASSERT_TRUE(server.ok());
  auto client = HttpClient::Create((*server)->address());
  for (int i = 0; i < 3; ++i) {
    auto response = client->Send("POST", "/a%20b?q=x%26y+z", "body");
    ASSERT_TRUE(response.ok()) << response.error().ToString();
    EXPECT_EQ(response->status, 200);
    EXPECT_EQ(response->body, "POST /a b x&y z body");
  }
  EXPECT_EQ(client->Send("DELETE", "/?q=", "bad")->status, 404);
  auto large = client->Send("POST", "/?q=", std::string(2000, 'x'));
  ASSERT_TRUE(large.ok()) << large.error().ToString();
  EXPECT_EQ(large->status, 413);
  EXPECT_EQ(faults, 1);
  EXPECT_EQ(client->Send("GET", "/" + std::string(100'000, 'x'))->status, 431);
  EXPECT_EQ(faults, 2);
  EXPECT_EQ(client->Send("GET", "/?q=1")->status, 200);
  const Address address = (*server)->address();
  EXPECT_EQ(HttpServer::Start({.address = address}, nullptr).error().code(), ErrorCode::kPortInUse);
  (*server)->Stop(100);
  EXPECT_EQ(HttpClient::Create(address)->Send("GET", "/").error().code(), ErrorCode::kServerUnreachable);
}

// Never answers before it is told to.
class SilentServer {
 public:
  SilentServer() {
    server_ = *HttpServer::Start({.address = {"127.0.0.1", 0}}, [this](const HttpRequest&) {
      released_.get_future().wait();
      return HttpResponse{};
    });
  }
  ~SilentServer() { released_.set_value(); }
  const Address& address() const { return server_->address(); }

 private:
  std::promise<void> released_;
  std::unique_ptr<HttpServer> server_;
};

TEST(Http, ACallThatIsNotAnsweredEnds) {
  SilentServer server;
  EXPECT_EQ(HttpClient::Create(server.address(), {.timeout_ms = 20})->Send("GET", "/").error().code(), ErrorCode::kTimeout);
}

TEST(Http, AStopSignalEndsACallThatIsNotAnswered) {
  SilentServer server;
  HoldStopSignals();
  ASSERT_EQ(std::raise(SIGTERM), 0);
  const auto answer = HttpClient::Create(server.address())->Send("GET", "/path");
  EXPECT_TRUE(TakeStopSignal());
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code(), ErrorCode::kCancelled);
  EXPECT_EQ(answer.error().message(), fmt::format("told to stop while {} did not answer GET /path", server.address().ToString()));
}

TEST(Http, EncodesWhatIsReserved) { EXPECT_EQ(EncodeUrlPart("a/b c~"), "a%2Fb%20c~"); }

}  // namespace
}  // namespace firn::io
