// SPDX-License-Identifier: Apache-2.0
#include "cli/session_heartbeat.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "base/must.h"
#include "io/http.h"
#include "io/real_environment.h"

namespace firn::cli {
namespace {

TEST(SessionHeartbeat, BeatsUntilItGoes) {
  io::RealEnvironment real = Must(io::RealEnvironment::Make());
  std::atomic<int> beats = 0, others = 0;
  auto server = io::HttpServer::Start({.address = {"127.0.0.1", 0}}, [&](const io::HttpRequest& request) {
    ++(request.method == "POST" && request.path == "/v2/sessions/s1/heartbeat" ? beats : others);
    return io::HttpResponse{.status = 500, .body = "{}"};  // a beat that fails changes nothing
  });
  ASSERT_TRUE(server.ok());
  {
    const SessionHeartbeat heartbeat(real.environment().executor, (*server)->address(), [] { return std::string("s1"); }, 5);
    while (beats < 3) std::this_thread::yield();
  }
  const int seen = beats;
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(beats, seen);
  EXPECT_EQ(others, 0);
}

}  // namespace
}  // namespace firn::cli
