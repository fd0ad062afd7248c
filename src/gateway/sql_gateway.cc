// SPDX-License-Identifier: Apache-2.0
#include "gateway/sql_gateway.h"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <atomic>
#include <map>
#include <optional>

#include "base/assert.h"
#include "base/error_render.h"
#include "base/mutex.h"
#include "gateway/http_answer.h"
#include "gateway/result_json.h"

namespace firn::gateway {

namespace {

namespace json = boost::json;

constexpr int kResultWaitMs = 200;         // a fetch waits this long for rows, so that clients need not poll fast
constexpr size_t kSessionsMax = 1000;
constexpr int64_t kSessionIdleUs = 10LL * 60 * 1'000'000;  // Flink's 'sql-gateway.session.idle-timeout'
constexpr size_t kOperationsMax = 1000;    // of a session

// One statement of a session and what it gave.
struct Operation {
  base::Mutex mutex;
  std::string text;
  StatementResult result FIRN_GUARDED_BY(mutex);
  std::optional<Error> failure FIRN_GUARDED_BY(mutex);
  int64_t next_token FIRN_GUARDED_BY(mutex) = 0;
  std::string last_page FIRN_GUARDED_BY(mutex);  // of next_token - 1: a client that lost the answer asks again
  bool has_ended FIRN_GUARDED_BY(mutex) = false;
  bool has_unshown_rows FIRN_GUARDED_BY(mutex) = false;  // `result.rows` are of a page that could not be given
  bool is_cancelled FIRN_GUARDED_BY(mutex) = false;
};

struct OpenSession {
  explicit OpenSession(NodeServices& services, std::map<std::string, std::string> properties) : session(services, std::move(properties)) {}
  Session session;
  std::atomic<int64_t> last_used_us{0};
  base::Mutex mutex;
  std::map<std::string, std::shared_ptr<Operation>> operations FIRN_GUARDED_BY(mutex);
};

io::HttpResponse NotFound(const Error& error) { return Fail(base::RenderError(error), 404); }

class GatewayImpl final : public SqlGateway {
 public:
  GatewayImpl(NodeServices& services, io::Random& random) : services_(services), random_(random) {}

  io::HttpResponse Handle(const io::HttpRequest& request) override {
    std::vector<std::string> parts = SplitPath(request.path);
    std::string version = "v2";
    if (!parts.empty() && parts[0].size() == 2 && parts[0][0] == 'v') {
      version = parts[0];
      parts.erase(parts.begin());
    }
    if (parts.empty()) return Fail("there is nothing at this path", 404);
    if (version != "v1" && version != "v2") return Fail(fmt::format("there is no version {} of this interface: V1 and V2 are served", version), 404);
    if ((parts[0] == "api_versions" || parts[0] == "info") && request.method != "GET") return Fail(fmt::format("{} is not for {}", request.method, request.path), 405);
    if (parts[0] == "api_versions") return Reply("{\"versions\":[\"V1\",\"V2\"]}");
    if (parts[0] == "info") return Reply("{\"productName\":\"firn\",\"version\":\"0.1.0\"}");
    if (parts[0] != "sessions") return Fail(fmt::format("there is nothing at {}", request.path), 404);
    if (parts.size() == 1) return request.method == "POST" ? Open(request) : Fail("POST opens a session", 405);
    const std::shared_ptr<OpenSession> session = Find(parts[1]);
    if (session == nullptr) return NotFound(Error(ErrorCode::kSessionNotFound, fmt::format("there is no session {}", parts[1])).Hint("it was closed or never opened, or nobody used it for ten minutes; POST /v2/sessions opens one"));
    return HandleSession(request, version, parts, session);
  }

 private:
  // The session, used now. Those that nobody has used for long are forgotten, with the queries that they left running: their client was killed.
  std::shared_ptr<OpenSession> Find(const std::string& handle) {
    const int64_t now_us = services_.clock.MonotonicUs();
    std::vector<std::shared_ptr<OpenSession>> forgotten;  // destroyed without the lock: that stops their jobs
    base::MutexLock lock(mutex_);
    if (auto found = sessions_.find(handle); found != sessions_.end()) found->second->last_used_us = now_us;
    for (auto item = sessions_.begin(); item != sessions_.end();) {
      const bool is_idle = now_us - item->second->last_used_us > kSessionIdleUs;
      if (is_idle) forgotten.push_back(std::move(item->second));
      item = is_idle ? sessions_.erase(item) : std::next(item);
    }
    auto found = sessions_.find(handle);
    return found == sessions_.end() ? nullptr : found->second;
  }

  io::HttpResponse HandleSession(const io::HttpRequest& request, const std::string& version, const std::vector<std::string>& parts, const std::shared_ptr<OpenSession>& session) {
    if (parts.size() == 2 && request.method == "DELETE") {
      base::MutexLock lock(mutex_);
      sessions_.erase(parts[1]);
      return Reply("{\"status\":\"CLOSED\"}");
    }
    if (parts.size() == 2) return Properties(*session);
    if (parts[2] == "heartbeat") return Reply("{}");
    if (parts[2] == "statements") return Submit(request, session);
    if (parts[2] == "configure-session") return Configure(request, *session);
    if (parts[2] == "complete-statement") return Complete(request, session->session);
    if (parts[2] == "operations" && parts.size() >= 5) return HandleOperation(request, version, parts, *session);
    return Fail(fmt::format("there is nothing at {}", request.path), 404);
  }

  io::HttpResponse Open(const io::HttpRequest& request) {
    std::map<std::string, std::string> properties;
    boost::system::error_code problem;
    const json::value body = json::parse(request.body.empty() ? "{}" : request.body, problem);
    if (problem || !body.is_object()) return Fail("the body is no JSON object", 400);
    if (const json::value* given = body.as_object().if_contains("properties"); given != nullptr && given->is_object()) {
      for (const auto& item : given->as_object()) {
        if (item.value().is_string()) properties.emplace(item.key(), item.value().as_string());
      }
    }
    const std::string handle = random_.UuidText();
    Find(handle);  // makes room
    auto session = std::make_shared<OpenSession>(services_, std::move(properties));
    session->last_used_us = services_.clock.MonotonicUs();
    base::MutexLock lock(mutex_);
    if (sessions_.size() >= kSessionsMax) return Fail(fmt::format("{} sessions are open, the limit", kSessionsMax), 503);
    sessions_.emplace(handle, std::move(session));
    return Reply(fmt::format("{{\"sessionHandle\":\"{}\"}}", handle));
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
    return std::string(statement->as_string());
  }

  io::HttpResponse Configure(const io::HttpRequest& request, OpenSession& session) {
    auto text = StatementOf(request);
    if (!text.ok()) return Fail(text.error().message(), 400);
    auto result = session.session.Execute(*text);
    if (!result.ok()) return Fail(base::RenderError(result.error(), {.source = *text}), 500);
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
  io::HttpResponse Submit(const io::HttpRequest& request, const std::shared_ptr<OpenSession>& session) {
    auto text = StatementOf(request);
    if (!text.ok()) return Fail(text.error().message(), 400);
    auto operation = std::make_shared<Operation>();
    operation->text = *text;
    const std::string handle = random_.UuidText();  // nobody knows it until the statement has run
    {
      base::MutexLock lock(session->mutex);
      if (session->operations.size() >= kOperationsMax) return Fail(fmt::format("{} operations of this session are open, the limit; close some", kOperationsMax), 503);
      session->operations.emplace(handle, operation);
    }
    auto result = session->session.Execute(*text);
    base::MutexLock lock(operation->mutex);
    if (result.ok()) {
      operation->result = std::move(result).value();
    } else {
      operation->failure = std::move(result).error();
    }
    return Reply(fmt::format("{{\"operationHandle\":\"{}\"}}", handle));
  }

  io::HttpResponse HandleOperation(const io::HttpRequest& request, const std::string& version, const std::vector<std::string>& parts, OpenSession& session) {
    std::shared_ptr<Operation> operation;
    {
      base::MutexLock lock(session.mutex);
      auto found = session.operations.find(parts[3]);
      if (found != session.operations.end()) operation = found->second;
      if (operation != nullptr && parts[4] == "close" && request.method == "DELETE") session.operations.erase(found);
    }
    if (operation == nullptr) return NotFound(Error(ErrorCode::kOperationNotFound, fmt::format("there is no operation {} in this session", parts[3])).Hint("it was closed or never submitted"));
    if (parts[4] == "status") return Status(*operation);
    if (parts[4] == "cancel" || parts[4] == "close") {
      if (request.method != (parts[4] == "cancel" ? "POST" : "DELETE")) return Fail(fmt::format("{} is not for {}", request.method, request.path), 405);
      base::MutexLock lock(operation->mutex);
      operation->is_cancelled = !operation->has_ended;
      if (operation->result.stream) operation->result.stream->Close();
      if (!operation->result.awaited_job.empty()) (void)services_.engine.Cancel(operation->result.awaited_job);  // gone already: nothing to cancel
      return Reply(parts[4] == "cancel" ? "{\"status\":\"CANCELED\"}" : "{\"status\":\"CLOSED\"}");
    }
    if (parts[4] == "result" && parts.size() == 6) {
      auto format = request.query.find("rowFormat");
      const std::string here = fmt::format("/{}/sessions/{}/operations/{}/result/", version, parts[1], parts[3]);
      return Fetch(*operation, here, parts[5], ParseRowFormat(format == request.query.end() ? "" : format->second), session.session.time_zone());
    }
    return Fail(fmt::format("there is nothing at {}", request.path), 404);
  }

  static io::HttpResponse Status(Operation& operation) {
    base::MutexLock lock(operation.mutex);
    const bool is_running = (operation.result.stream || !operation.result.awaited_job.empty()) && !operation.has_ended;
    return Reply(fmt::format("{{\"status\":\"{}\"}}", operation.failure ? "ERROR" : operation.is_cancelled ? "CANCELED" : is_running ? "RUNNING" : "FINISHED"));
  }

  // Ends the wait for the job of a synchronous INSERT, or sets the operation's failure to the job's. False: not yet.
  bool HasArrived(Operation& operation) FIRN_REQUIRES(operation.mutex) {
    if (operation.result.awaited_job.empty()) return true;
    const auto state = services_.engine.Wait(operation.result.awaited_job, kResultWaitMs);
    if (state.ok() && *state != exec::JobState::kFinished && *state != exec::JobState::kFailed && *state != exec::JobState::kCanceled && *state != exec::JobState::kSuspended) return false;
    if (!state.ok()) operation.failure = state.error();
    if (state.ok() && *state == exec::JobState::kFailed) {
      const auto job = services_.engine.Job(operation.result.awaited_job);
      if (job.ok()) operation.failure = job->failure;
    }
    operation.result.awaited_job.clear();
    return true;
  }

  io::HttpResponse Fetch(Operation& operation, const std::string& here, const std::string& token, RowFormat format, const std::string& time_zone) {
    base::MutexLock lock(operation.mutex);
    if (operation.next_token > 0 && token == std::to_string(operation.next_token - 1)) return Reply(operation.last_page);
    const bool has_arrived = operation.failure || HasArrived(operation);
    if (operation.failure) return Fail(base::RenderError(*operation.failure, {.source = operation.text}), 500);
    const std::string_view format_name = RowFormatName(format);
    if (!has_arrived) return Reply(fmt::format("{{\"resultType\":\"NOT_READY\",\"nextResultUri\":\"{}{}?rowFormat={}\"}}", here, operation.next_token, format_name));
    const std::string next = fmt::format("{}{}?rowFormat={}", here, operation.next_token + 1, format_name);
    if (token != std::to_string(operation.next_token)) return Fail(fmt::format("result {} was asked for and {} is next", token, operation.next_token), 400);
    std::vector<types::Batch> batches = std::exchange(operation.result.rows, {});
    const bool is_again = operation.has_unshown_rows;
    if (operation.result.stream && !operation.has_ended && !is_again) {
      auto chunk = operation.result.stream->Next(kResultWaitMs);
      if (!chunk.ok()) {
        operation.failure = std::move(chunk).error();
        return Fail(base::RenderError(*operation.failure, {.source = operation.text}), 500);
      }
      batches.insert(batches.end(), chunk->batches.begin(), chunk->batches.end());
      operation.has_ended = chunk->is_end;
    } else if (!is_again) {
      operation.has_ended = true;
    }
    std::string data = "[";
    for (const types::Batch& batch : batches) {
      const auto status = AppendRowsJson(&data, batch, format, time_zone);
      operation.has_unshown_rows = !status.ok();
      if (status.ok()) continue;
      operation.result.rows = std::move(batches);  // the session's time zone can be set right, and this page be asked for again
      return Fail(base::RenderError(status.error(), {.source = operation.text}), 500);
    }
    FIRN_ASSERT(!operation.has_unshown_rows, "page {} leaves rows out", operation.next_token);
    ++operation.next_token;
    const bool is_end = operation.has_ended && batches.empty();
    std::string body = fmt::format("{{\"resultType\":\"{}\",\"isQueryResult\":{},\"resultKind\":\"{}\",", is_end ? "EOS" : "PAYLOAD", operation.result.is_query,
                                   operation.result.kind == ResultKind::kSuccess ? "SUCCESS" : "SUCCESS_WITH_CONTENT");
    if (!operation.result.job_id.empty()) body += fmt::format("\"jobID\":\"{}\",", operation.result.job_id);
    body += fmt::format("\"results\":{{\"columns\":{},\"rowFormat\":\"{}\",\"data\":{}]}}", ColumnsJson(*operation.result.schema), format_name, data);
    if (!is_end) body += fmt::format(",\"nextResultUri\":\"{}\"", next);
    operation.last_page = body + "}";
    return Reply(operation.last_page);
  }

  NodeServices& services_;
  io::Random& random_;
  base::Mutex mutex_;
  std::map<std::string, std::shared_ptr<OpenSession>> sessions_ FIRN_GUARDED_BY(mutex_);
};

}  // namespace

std::unique_ptr<SqlGateway> SqlGateway::Make(NodeServices& services, io::Random& random) { return std::make_unique<GatewayImpl>(services, random); }

}  // namespace firn::gateway
