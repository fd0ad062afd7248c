// SPDX-License-Identifier: Apache-2.0
#include "gateway/operation.h"

#include <fmt/format.h>

#include "base/assert.h"
#include "base/error_render.h"
#include "gateway/http_answer.h"

namespace firn::gateway {

namespace {

constexpr int kResultWaitMs = 200;  // a fetch waits this long for rows, so that clients need not poll fast

bool HasJobEnded(exec::JobState state) {
  return state == exec::JobState::kFinished || state == exec::JobState::kFailed || state == exec::JobState::kCanceled || state == exec::JobState::kSuspended;
}

}  // namespace

const char* OperationStateText(OperationState state) {
  switch (state) {
    case OperationState::kRunning: return "RUNNING";
    case OperationState::kFinished: return "FINISHED";
    case OperationState::kFailed: return "ERROR";
    case OperationState::kCanceled: return "CANCELED";
    case OperationState::kClosed: return "CLOSED";
  }
  FIRN_UNREACHABLE("operation state {}", static_cast<int>(state));
}

Operation::Operation(exec::Engine& engine, std::string text, Result<StatementResult> outcome) : engine_(engine), text_(std::move(text)) {
  if (!outcome.ok()) {
    Fail(std::move(outcome).error());
    return;
  }
  result_ = std::move(outcome).value();
  FIRN_ASSERT(result_.schema != nullptr, "a result without columns of: {}", text_);
  FIRN_ASSERT(!result_.stream || result_.awaited_job.empty(), "rows of a query and job {} are waited for", result_.awaited_job);
  if (result_.stream) return;
  base::MutexLock lock(fetching_);
  waiting_ = Page{std::move(result_.rows), true};
  if (result_.awaited_job.empty()) MoveTo(OperationState::kFinished);
}

// The first end is the one that counts, but that anything may be closed.
void Operation::MoveTo(OperationState to) {
  base::MutexLock lock(mutex_);
  if (state_ == OperationState::kRunning || to == OperationState::kClosed) state_ = to;
}

void Operation::Fail(Error failure) {
  base::MutexLock lock(mutex_);
  if (state_ != OperationState::kRunning) return;
  state_ = OperationState::kFailed;
  failure_ = std::move(failure);
}

OperationState Operation::state() {
  HasArrived(0);
  base::MutexLock lock(mutex_);
  return state_;
}

OperationState Operation::Cancel() {
  HasArrived(0);
  {
    base::MutexLock lock(mutex_);
    if (state_ != OperationState::kRunning) return state_;
    state_ = OperationState::kCanceled;
  }
  if (result_.stream) result_.stream->Close();
  if (!result_.awaited_job.empty()) (void)engine_.Cancel(result_.awaited_job);  // gone already: nothing to cancel
  return OperationState::kCanceled;
}

void Operation::Close() {
  const bool was_running = state() == OperationState::kRunning;
  Leave();
  if (was_running && !result_.awaited_job.empty()) (void)engine_.Cancel(result_.awaited_job);  // gone already: nothing to cancel
}

void Operation::Leave() {
  MoveTo(OperationState::kClosed);
  if (result_.stream) result_.stream->Close();
}

// Why nothing can be fetched, if so.
std::optional<io::HttpResponse> Operation::Refusal() const {
  base::MutexLock lock(mutex_);
  if (state_ == OperationState::kRunning || state_ == OperationState::kFinished) return std::nullopt;
  if (failure_) return gateway::Fail(base::RenderError(*failure_, {.source = text_}), 500);
  return gateway::Fail(base::RenderError(Error(ErrorCode::kCancelled, state_ == OperationState::kClosed ? "the statement was closed: its result is gone" : "the statement was cancelled")), 500);
}

// Whether nothing is waited for before the result may be given: the job of a synchronous INSERT has ended, and with it the operation.
bool Operation::HasArrived(int64_t wait_ms) {
  if (result_.awaited_job.empty()) return true;
  {
    base::MutexLock lock(mutex_);
    if (state_ != OperationState::kRunning) return true;
  }
  const auto job_state = engine_.Wait(result_.awaited_job, wait_ms);
  if (job_state.ok() && !HasJobEnded(*job_state)) return false;
  if (job_state.ok() && *job_state == exec::JobState::kFinished) return MoveTo(OperationState::kFinished), true;
  if (!job_state.ok()) return Fail(job_state.error()), true;
  const auto job = engine_.Job(result_.awaited_job);
  Error failure(ErrorCode::kCancelled, fmt::format("job {} has ended as {}", result_.awaited_job, exec::JobStateText(*job_state)));
  if (job.ok() && job->failure) failure = *job->failure;
  return Fail(std::move(failure)), true;
}

Result<Operation::Page> Operation::TakePage() {
  if (waiting_) {
    Page page = *std::move(waiting_);
    waiting_.reset();
    return page;
  }
  if (!result_.stream || state() == OperationState::kFinished) return Page{{}, true};
  FIRN_TRY(exec::ResultStream::Chunk chunk, result_.stream->Next(kResultWaitMs));
  return Page{std::move(chunk.batches), chunk.is_end};
}

io::HttpResponse Operation::Fetch(const PageRequest& request) {
  base::MutexLock lock(fetching_);
  if (auto refusal = Refusal(); refusal && state() != OperationState::kFailed) return *refusal;
  if (next_token_ > 0 && request.token == std::to_string(next_token_ - 1)) return Reply(last_page_);
  const bool has_arrived = HasArrived(kResultWaitMs);
  if (auto refusal = Refusal()) return *refusal;
  if (!has_arrived) return Reply(fmt::format("{{\"resultType\":\"NOT_READY\",\"nextResultUri\":\"{}{}?rowFormat={}\"}}", request.base_uri, next_token_, RowFormatName(request.format)));
  if (request.token != std::to_string(next_token_)) return gateway::Fail(fmt::format("result {} was asked for and {} is next", request.token, next_token_), 400);
  auto page = TakePage();
  if (!page.ok()) Fail(std::move(page).error());
  if (auto refusal = Refusal()) return *refusal;
  return Answer(request, *std::move(page));
}

io::HttpResponse Operation::Answer(const PageRequest& request, Page page) {
  FIRN_ASSERT(!waiting_, "page {} is made while another one waits", next_token_);
  std::string data = "[";
  for (const types::Batch& batch : page.batches) {
    const auto status = AppendRowsJson(&data, batch, request.format, request.time_zone);
    if (status.ok()) continue;
    waiting_ = std::move(page);  // the session's time zone can be set right, and this page be asked for again
    return gateway::Fail(base::RenderError(status.error(), {.source = text_}), 500);
  }
  if (page.is_last) MoveTo(OperationState::kFinished);
  const bool is_end = page.is_last && page.batches.empty();
  const std::string_view format_name = RowFormatName(request.format);
  last_page_ = fmt::format("{{\"resultType\":\"{}\",\"isQueryResult\":{},\"resultKind\":\"{}\",", is_end ? "EOS" : "PAYLOAD", result_.is_query,
                           result_.kind == ResultKind::kSuccess ? "SUCCESS" : "SUCCESS_WITH_CONTENT");
  if (!result_.job_id.empty()) last_page_ += fmt::format("\"jobID\":\"{}\",", result_.job_id);
  last_page_ += fmt::format("\"results\":{{\"columns\":{},\"rowFormat\":\"{}\",\"data\":", ColumnsJson(*result_.schema), format_name);
  last_page_ += data;
  last_page_ += "]}";
  ++next_token_;
  if (!is_end) last_page_ += fmt::format(",\"nextResultUri\":\"{}{}?rowFormat={}\"", request.base_uri, next_token_, format_name);
  last_page_ += '}';
  return Reply(last_page_);
}

}  // namespace firn::gateway
