// SPDX-License-Identifier: Apache-2.0
#include "gateway/sql_gateway.h"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <atomic>
#include <map>

#include "base/assert.h"
#include "base/error_render.h"
#include "base/mutex.h"
#include "gateway/http_answer.h"
#include "gateway/operation.h"
#include "gateway/result_json.h"

namespace firn::gateway {

namespace {

namespace json = boost::json;

constexpr size_t kSessionsMax = 1000;
constexpr int64_t kSessionIdleUs = 10LL * 60 * 1'000'000;  // Flink's 'sql-gateway.session.idle-timeout'
constexpr int64_t kSessionCheckUs = 60LL * 1'000'000;      // and 'sql-gateway.session.check-interval'
constexpr size_t kOperationsMax = 1000;    // of a session

struct OpenSession {
  explicit OpenSession(NodeServices& services, std::map<std::string, std::string> properties) : session(services, std::move(properties)) {}
  ~OpenSession() { Close(); }
  // What runs in it stops, but for INSERTs; fetches that wait are ended. Statements that are just being executed find it closed.
  void Close() {
    std::map<std::string, std::shared_ptr<Operation>> left;
    {
      base::MutexLock lock(mutex);
      is_closed = true;
      left.swap(operations);
    }
    for (const auto& [handle, operation] : left) operation->Leave();
  }

  Session session;
  std::atomic<int64_t> last_used_us{0};
  base::Mutex mutex;
  bool is_closed FIRN_GUARDED_BY(mutex) = false;
  size_t submitting FIRN_GUARDED_BY(mutex) = 0;  // statements that are being executed: each will be an operation
  std::map<std::string, std::shared_ptr<Operation>> operations FIRN_GUARDED_BY(mutex);
};

io::HttpResponse NotFor(const io::HttpRequest& request) { return Fail(fmt::format("{} is not for {}", request.method, request.path), 405); }
io::HttpResponse NotFound(const Error& error) { return Fail(base::RenderError(error), 404); }

class GatewayImpl final : public SqlGateway {
 public:
  GatewayImpl(NodeServices& services, io::Random& random, std::unique_ptr<io::TaskQueue> queue) : services_(services), random_(random), queue_(std::move(queue)) { CheckInAMinute(); }

  io::HttpResponse Handle(const io::HttpRequest& request) override {
    std::vector<std::string> parts = SplitPath(request.path);
    std::string version = "v2";
    if (!parts.empty() && parts[0].size() == 2 && parts[0][0] == 'v') {
      version = parts[0];
      parts.erase(parts.begin());
    }
    if (parts.empty()) return Fail("there is nothing at this path", 404);
    if (version != "v1" && version != "v2") return Fail(fmt::format("there is no version {} of this interface: V1 and V2 are served", version), 404);
    if ((parts[0] == "api_versions" || parts[0] == "info") && request.method != "GET") return NotFor(request);
    if (parts[0] == "api_versions") return Reply("{\"versions\":[\"V1\",\"V2\"]}");
    if (parts[0] == "info") return Reply("{\"productName\":\"firn\",\"version\":\"0.1.0\"}");
    if (parts[0] != "sessions") return Fail(fmt::format("there is nothing at {}", request.path), 404);
    if (parts.size() == 1) return request.method == "POST" ? Open(request) : Fail("POST opens a session", 405);
    const std::shared_ptr<OpenSession> session = Find(parts[1]);
    if (session == nullptr) return NotFound(Error(ErrorCode::kSessionNotFound, fmt::format("there is no session {}", parts[1])).Hint("it was closed or never opened, or nobody used it for ten minutes; POST /v2/sessions opens one"));
    return HandleSession(request, version, parts, session);
  }

 private:
  // The session, used now; null if it is not there or nobody has used it for too long.
  std::shared_ptr<OpenSession> Find(const std::string& handle) {
    ForgetIdle();
    base::MutexLock lock(mutex_);
    const auto found = sessions_.find(handle);
    if (found == sessions_.end()) return nullptr;
    found->second->last_used_us = services_.clock.MonotonicUs();
    return found->second;
  }

  // Sessions whose client was killed, with the queries that they left running.
  void ForgetIdle() {
    const int64_t now_us = services_.clock.MonotonicUs();
    std::vector<std::shared_ptr<OpenSession>> forgotten;  // closed without the lock: that stops their jobs
    {
      base::MutexLock lock(mutex_);
      for (auto item = sessions_.begin(); item != sessions_.end();) {
        const bool is_idle = now_us - item->second->last_used_us > kSessionIdleUs;
        if (is_idle) forgotten.push_back(std::move(item->second));
        item = is_idle ? sessions_.erase(item) : std::next(item);
      }
    }
    for (const auto& idle : forgotten) idle->Close();
  }

  void CheckInAMinute() {
    queue_->PostAfter(kSessionCheckUs, [this] {
      ForgetIdle();
      CheckInAMinute();
    });
  }

  io::HttpResponse HandleSession(const io::HttpRequest& request, const std::string& version, const std::vector<std::string>& parts, const std::shared_ptr<OpenSession>& session) {
    if (parts.size() == 2 && request.method == "DELETE") {
      {
        base::MutexLock lock(mutex_);
        sessions_.erase(parts[1]);
      }
      session->Close();
      return Reply("{\"status\":\"CLOSED\"}");
    }
    if (parts.size() == 2) return request.method == "GET" ? Properties(*session) : NotFor(request);
    const bool is_write = parts[2] == "heartbeat" || parts[2] == "statements" || parts[2] == "configure-session";
    if (is_write && request.method != "POST") return NotFor(request);
    if (parts[2] == "complete-statement" && request.method != "GET") return NotFor(request);
    if (parts[2] == "heartbeat") return Reply("{}");
    if (parts[2] == "statements") return Submit(request, *session);
    if (parts[2] == "configure-session") return Configure(request, *session);
    if (parts[2] == "complete-statement") return Complete(request, session->session);
    if (parts[2] == "operations" && parts.size() >= 5) return HandleOperation(request, version, parts, *session);
    return Fail(fmt::format("there is nothing at {}", request.path), 404);
  }

  io::HttpResponse Open(const io::HttpRequest& request) {
    boost::system::error_code problem;
    const json::value body = json::parse(request.body.empty() ? "{}" : request.body, problem);
    if (problem || !body.is_object()) return Fail("the body is no JSON object", 400);
    auto properties = SettingsOf(body.as_object(), "properties");
    if (!properties.ok()) return Fail(properties.error().message(), 400);
    const std::string handle = random_.UuidText();
    ForgetIdle();  // makes room
    auto session = std::make_shared<OpenSession>(services_, *std::move(properties));
    session->last_used_us = services_.clock.MonotonicUs();
    base::MutexLock lock(mutex_);
    if (sessions_.size() >= kSessionsMax) return Fail(fmt::format("{} sessions are open, the limit", kSessionsMax), 503);
    const bool is_new = sessions_.emplace(handle, std::move(session)).second;
    FIRN_ASSERT(is_new, "session {} is there already", handle);
    return Reply(fmt::format("{{\"sessionHandle\":\"{}\"}}", handle));
  }

  // An object of settings; numbers and Booleans as the texts that SET would take. Missing or null: none.
  static Result<std::map<std::string, std::string>> SettingsOf(const json::object& body, const char* name) {
    std::map<std::string, std::string> settings;
    const json::value* given = body.if_contains(name);
    if (given == nullptr || given->is_null()) return settings;
    if (!given->is_object()) return Error(ErrorCode::kInvalidArgument, fmt::format("\"{}\" is no JSON object", name));
    for (const auto& item : given->as_object()) {
      const json::value& value = item.value();
      if (value.is_structured() || value.is_null()) return Error(ErrorCode::kInvalidArgument, fmt::format("\"{}\" in \"{}\" is no text", std::string_view(item.key()), name));
      settings.emplace(item.key(), value.is_string() ? std::string(value.as_string()) : json::serialize(value));
    }
    return settings;
  }

  static io::HttpResponse Properties(const OpenSession& session) {
    json::object properties;
    for (const auto& [key, value] : session.session.properties()) properties[key] = value;
    return Reply(json::serialize(json::object{{"properties", std::move(properties)}}));
  }

  static Result<std::string> StatementOf(const io::HttpRequest& request) {
    boost::system::error_code problem;
    const json::value body = json::parse(request.body, problem);
    if (problem) return Error(ErrorCode::kInvalidArgument, fmt::format("the body is no JSON: {}", problem.message()));
    const json::value* statement = body.is_object() ? body.as_object().if_contains("statement") : nullptr;
    if (statement == nullptr || !statement->is_string()) return Error(ErrorCode::kInvalidArgument, "the body has no \"statement\" text");
    // As Flink's gateway, which has no such limits yet either: to ignore one is no answer.
    const json::value* timeout = body.as_object().if_contains("executionTimeout");
    const bool is_limited = timeout != nullptr && !timeout->is_null() && !(timeout->is_int64() && timeout->as_int64() <= 0);
    if (is_limited) return Error(ErrorCode::kNotSupported, "\"executionTimeout\" is not supported: cancel the operation when its time is over");
    return std::string(statement->as_string());
  }

  io::HttpResponse Configure(const io::HttpRequest& request, OpenSession& session) {
    auto text = StatementOf(request);
    if (!text.ok()) return Fail(text.error().message(), 400);
    auto configured = session.session.Configure(*text);
    if (!configured.ok()) return Fail(base::RenderError(configured.error(), {.source = *text}), 500);
    return Reply("{}");
  }

  static io::HttpResponse Complete(const io::HttpRequest& request, const Session& session) {
    auto text = StatementOf(request);
    if (!text.ok()) return Fail(text.error().message(), 400);
    const json::value body = json::parse(request.body);  // StatementOf has parsed it before
    const json::value* position = body.as_object().if_contains("position");
    if (position == nullptr || !position->is_int64() || position->as_int64() < 0) return Fail("the body has no \"position\", a number from 0", 400);
    json::array candidates;
    for (const std::string& candidate : session.Complete(*text, static_cast<size_t>(position->as_int64()))) candidates.emplace_back(candidate);
    return Reply(json::serialize(json::object{{"candidates", std::move(candidates)}}));
  }

  // The statement runs before the answer; a SELECT's job goes on behind its stream.
  io::HttpResponse Submit(const io::HttpRequest& request, OpenSession& session) {
    auto text = StatementOf(request);
    if (!text.ok()) return Fail(text.error().message(), 400);
    const auto settings = SettingsOf(json::parse(request.body).as_object(), "executionConfig");  // StatementOf has parsed it before
    if (!settings.ok()) return Fail(settings.error().message(), 400);
    {
      base::MutexLock lock(session.mutex);
      if (session.is_closed) return NotFound(Error(ErrorCode::kSessionNotFound, "the session is being closed"));
      if (session.operations.size() + session.submitting >= kOperationsMax) return Fail(fmt::format("{} operations of this session are open, the limit; close some", kOperationsMax), 503);
      ++session.submitting;
    }
    auto operation = std::make_shared<Operation>(services_.engine, *text, session.session.Execute(*text, *settings));
    const std::string handle = random_.UuidText();
    base::MutexLock lock(session.mutex);
    FIRN_ASSERT(session.submitting > 0, "a statement of {} bytes was executed and not counted", text->size());
    --session.submitting;
    if (session.is_closed) return NotFound(Error(ErrorCode::kSessionNotFound, "the session was closed while the statement was executed"));
    const bool is_new = session.operations.emplace(handle, std::move(operation)).second;
    FIRN_ASSERT(is_new && session.operations.size() + session.submitting <= kOperationsMax, "operation {} is there already, or beyond the limit: {}", handle, session.operations.size());
    return Reply(fmt::format("{{\"operationHandle\":\"{}\"}}", handle));
  }

  io::HttpResponse HandleOperation(const io::HttpRequest& request, const std::string& version, const std::vector<std::string>& parts, OpenSession& session) {
    const bool is_cancel = parts[4] == "cancel", is_close = parts[4] == "close";
    const std::string_view method = is_cancel ? "POST" : is_close ? "DELETE" : "GET";
    if (request.method != method) return NotFor(request);
    std::shared_ptr<Operation> operation;
    {
      base::MutexLock lock(session.mutex);
      auto found = session.operations.find(parts[3]);
      if (found != session.operations.end()) operation = found->second;
      if (operation != nullptr && is_close) session.operations.erase(found);
    }
    if (operation == nullptr) return NotFound(Error(ErrorCode::kOperationNotFound, fmt::format("there is no operation {} in this session", parts[3])).Hint("it was closed or never submitted"));
    if (parts[4] == "status") return StatusReply(operation->state());
    if (is_cancel) return StatusReply(operation->Cancel());
    if (is_close) {
      operation->Close();
      return StatusReply(OperationState::kClosed);
    }
    if (parts[4] != "result" || parts.size() != 6) return Fail(fmt::format("there is nothing at {}", request.path), 404);
    const auto format = request.query.find("rowFormat");
    return operation->Fetch({.base_uri = fmt::format("/{}/sessions/{}/operations/{}/result/", version, parts[1], parts[3]),
                             .token = parts[5],
                             .format = ParseRowFormat(format == request.query.end() ? "" : format->second),
                             .time_zone = session.session.time_zone()});
  }

  static io::HttpResponse StatusReply(OperationState state) { return Reply(fmt::format("{{\"status\":\"{}\"}}", OperationStateText(state))); }

  NodeServices& services_;
  io::Random& random_;
  base::Mutex mutex_;
  std::map<std::string, std::shared_ptr<OpenSession>> sessions_ FIRN_GUARDED_BY(mutex_);
  const std::unique_ptr<io::TaskQueue> queue_;  // destroyed first
};

}  // namespace

Result<std::unique_ptr<SqlGateway>> SqlGateway::Make(NodeServices& services, io::Random& random, io::Executor& executor) {
  FIRN_TRY(auto queue, executor.NewQueue("sessions"));
  return std::unique_ptr<SqlGateway>(std::make_unique<GatewayImpl>(services, random, std::move(queue)));
}

}  // namespace firn::gateway
