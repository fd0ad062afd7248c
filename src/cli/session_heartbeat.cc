// SPDX-License-Identifier: Apache-2.0
#include "cli/session_heartbeat.h"

#include "base/assert.h"
#include "io/http.h"

namespace firn::cli {

namespace {

constexpr int kBeatTimeoutMs = 1000;

}  // namespace

SessionHeartbeat::SessionHeartbeat(io::Executor& executor, io::Address server, std::function<std::string()> session, int64_t interval_ms)
    : server_(std::move(server)), session_(std::move(session)), interval_ms_(interval_ms) {
  FIRN_ASSERT(interval_ms_ > 0, "a beat each {} ms", interval_ms_);
  auto queue = executor.NewQueue("heartbeat");
  if (!queue.ok()) return;  // without a thread to beat it the session ends when nobody has used it for long
  queue_ = *std::move(queue);
  Schedule();
}

void SessionHeartbeat::Schedule() {
  queue_->PostAfter(interval_ms_ * 1000, [this] {
    (void)io::HttpClient::Create(server_, {.timeout_ms = kBeatTimeoutMs})->Send("POST", "/v2/sessions/" + session_() + "/heartbeat", "{}");
    Schedule();
  });
}

}  // namespace firn::cli
