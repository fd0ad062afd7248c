// SPDX-License-Identifier: Apache-2.0
#include "exec/job.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/assert.h"
#include "base/mutex.h"
#include "io/clock.h"

namespace firn::exec {

namespace {

constexpr int64_t kDefaultCheckpointIntervalMs = 10'000;
constexpr int64_t kDefaultCheckpointTimeoutMs = 600'000;

Error CancelledError(const std::string& job_id) { return Error(ErrorCode::kCancelled, fmt::format("job {} was cancelled", job_id)); }

}  // namespace

bool IsTerminal(JobState state) {
  return state == JobState::kFailed || state == JobState::kCanceled || state == JobState::kFinished;
}

const char* JobStateText(JobState state) {
  static constexpr const char* kTexts[] = {"CREATED", "RUNNING",  "FAILING",    "FAILED",   "CANCELLING",
                                           "CANCELED", "FINISHED", "RESTARTING", "SUSPENDED"};
  return kTexts[static_cast<int>(state)];
}

Job::Job(std::string id, plan::JobPlan plan, JobDefinition definition, JobServices& services, io::TaskQueue& queue,
         std::shared_ptr<ResultBuffer> results)
    : id_(std::move(id)),
      plan_(std::move(plan)),
      definition_(std::move(definition)),
      services_(services),
      queue_(queue),
      results_(std::move(results)),
      coordinator_({.job_id = id_, .state_directory = io::JoinPath(services.state_directory, id_)}, services.environment, services.store,
                   [this](int64_t delay_us, io::Task task) {
                     auto held = [self = shared_from_this(), task = std::move(task)] { task(); };
                     if (delay_us == 0) return queue_.Post(std::move(held));
                     queue_.PostAfter(delay_us, std::move(held));
                   }) {
  status_.id = id_;
  status_.definition = definition_;
  for (const plan::PhysicalNodePtr& node : plan::NodesOf(plan_)) {
    status_.vertices.push_back({.node_id = node->id, .uid = node->uid, .name = node->name, .parallelism = node->parallelism});
    for (const plan::PhysicalNodePtr& input : node->inputs) status_.edges.emplace_back(input->id, node->id);
  }
}

Job::Job(std::string id, JobDefinition definition, const StateRecord& record, bool is_kept, JobServices& services, io::TaskQueue& queue)
    : Job(std::move(id), plan::JobPlan(), std::move(definition), services, queue, nullptr) {
  status_.state = record.state;
  status_.start_ms = record.start_ms;
  status_.end_ms = record.end_ms;
  status_.restarts = record.restarts;
  status_.failure = record.failure;
  status_.is_kept = is_kept;
}

Result<JobGraph> Job::MakeGraph() {
  return BuildJobGraph({.plan = plan_,
                        .environment = services_.environment,
                        .connectors = services_.connectors,
                        .identity = {id_, plan_.config, coordinator_.last() == nullptr ? 0 : coordinator_.last()->id},
                        .scheduler = services_.scheduler,
                        .budget = services_.budget,
                        .listener = *this,
                        .warn = services_.warn,
                        .results = results_,
                        .files = &coordinator_.files(),
                        .checkpoint = coordinator_.last()});
}

Status Job::Prepare() {
  if (run_ == 0) {  // it counts over runs
    FIRN_TRY(restart_policy_, RestartPolicy::Make(plan_.config));
  }
  FIRN_TRY(checkpoint_interval_ms_, DurationSettingMs(plan_.config, "execution.checkpointing.interval", plan_.is_batch ? 0 : kDefaultCheckpointIntervalMs));
  FIRN_TRY(checkpoint_timeout_ms_, DurationSettingMs(plan_.config, "execution.checkpointing.timeout", kDefaultCheckpointTimeoutMs));
  if (plan_.is_batch) checkpoint_interval_ms_ = 0;
  FIRN_TRY(graph_, MakeGraph());
  return Ok();
}

std::vector<log::Operation> Job::CreationOperations() const {
  StateRecord record{.state = JobState::kRunning, .start_ms = services_.environment.clock.WallTimeMs()};
  return {log::Put{DefinitionKey(id_), EncodeDefinition(definition_)}, log::Put{StateKey(id_), EncodeState(record)}};
}

void Job::Post(void (Job::*method)()) {
  queue_.Post([self = shared_from_this(), method] { ((*self).*method)(); });
}

void Job::Begin() { Post(&Job::StartRun); }

void Job::Resume(const StateRecord& state, std::optional<CheckpointRecord> checkpoint) {
  {
    base::MutexLock lock(mutex_);
    status_.state = JobState::kRestarting;
    status_.start_ms = state.start_ms;
    status_.restarts = state.restarts;
  }
  if (checkpoint) coordinator_.SetLast(*std::move(checkpoint));
  queue_.Post([self = shared_from_this(), was = state.state] {
    if (auto policy = RestartPolicy::Make(self->plan_.config); policy.ok()) self->restart_policy_ = *policy;
    if (was != JobState::kFinished) return self->Run();
    // The job had ended; only what it owed outside may be missing.
    auto graph = self->MakeGraph();
    firn::Status status = graph.ok() ? self->coordinator_.ResumeOutside(*graph) : firn::Status(std::move(graph).error());
    if (!status.ok()) {
      self->failure_ = std::move(status).error();
      self->Warn("has finished, but what its last checkpoint owes outside is not done; the next start of the node tries again");
      return self->EndWith(JobState::kFailed, self->failure_, Ending::kKeep);
    }
    self->graph_ = *std::move(graph);
    self->RemoveOrphans();
    self->EndWith(JobState::kFinished, std::nullopt, Ending::kStored);
  });
}

// Makes the tasks anew from the last checkpoint and starts them.
void Job::Run() {
  is_restored_ = false;
  if (auto status = Prepare(); !status.ok()) return Fail(std::move(status).error());
  if (auto status = coordinator_.ResumeOutside(graph_); !status.ok()) return Fail(std::move(status).error());
  RemoveOrphans();
  if (coordinator_.has_ended()) return EndWith(JobState::kFinished, std::nullopt, Ending::kStored);  // only what it owed outside was missing
  StartRun();
}

// Of the run that the process before this one, or this one, has broken off.
void Job::RemoveOrphans() {
  const firn::Status removed = coordinator_.RemoveOrphans(graph_);
  if (removed.ok() || !services_.warn) return;
  services_.warn(fmt::format("job {} ({}): files of a run that was broken off may be left: {}", id_, definition_.name, removed.error().ToString()));
}

void Job::StartRun() {
  FIRN_ASSERT(!graph_.tasks.empty() && running_tasks_ == 0, "job {} starts {} tasks while {} run", id_, graph_.tasks.size(), running_tasks_);
  is_restored_ = true;
  ++run_;
  running_tasks_ = graph_.tasks.size();
  ended_.assign(graph_.tasks.size(), false);
  ended_count_ = 0;
  wants_last_checkpoint_ = false;
  intent_ = Intent::kNone;
  failure_.reset();
  {
    base::MutexLock lock(mutex_);
    if (const CheckpointRecord* last = coordinator_.last()) {
      status_.restored = RestoredCheckpoint{last->id, services_.environment.clock.WallTimeMs()};
      ++status_.checkpoints_restored;
    }
    lanes_.clear();
    for (const auto& task : graph_.tasks) {
      for (const Task::Stage& stage : task->stages()) {
        lanes_.push_back({stage.node->id, stage.metrics, task->monitor(), &stage == &task->stages().front()});
      }
    }
    if (status_.start_ms == 0) status_.start_ms = services_.environment.clock.WallTimeMs();
  }
  SetState(JobState::kRunning);
  for (auto& task : graph_.tasks) task->handle()->Start();
  ScheduleCheckpoint();
}

// --- checkpoints ---

void Job::ScheduleCheckpoint() {
  if (!TakesCheckpoints() || checkpoint_interval_ms_ <= 0) return;
  const int64_t due_ms = coordinator_.started_ms() + checkpoint_interval_ms_;
  const int64_t wait_ms = std::clamp<int64_t>(due_ms - services_.environment.clock.WallTimeMs(), 1, checkpoint_interval_ms_);
  queue_.PostAfter(wait_ms * 1000, [weak = weak_from_this(), run = run_] {
    if (auto self = weak.lock()) self->CheckpointTimer(run);
  });
}

void Job::CheckpointTimer(uint64_t run) {
  if (run != run_ || intent_ != Intent::kNone || coordinator_.is_in_progress() || wants_last_checkpoint_) return;
  TriggerCheckpoint();
}

void Job::TriggerCheckpoint() { StartCheckpoint(false, [] {}); }

void Job::StartCheckpoint(bool is_last, std::function<void()> then) {
  CheckpointCoordinator::Request request{.is_last = is_last};
  if (is_last) {
    const std::string finished = EncodeState(RecordOf(JobState::kFinished, std::nullopt));
    request.also.push_back(log::Put{StateKey(id_), finished});
  }
  request.done = [this, then = std::move(then)](firn::Status outcome) { CheckpointDone(std::move(outcome), then); };
  coordinator_.Start(graph_, std::move(request));
  PublishCheckpoints();
  const auto stuck = [weak = weak_from_this(), run = run_, count = coordinator_.history().back().id] {
    auto self = weak.lock();
    if (!self || self->run_ != run || !self->coordinator_.is_in_progress() || self->coordinator_.is_in_journal()) return;
    if (self->coordinator_.history().back().id != count) return;
    self->Fail(Error(ErrorCode::kTimeout, fmt::format("checkpoint {} did not complete within {} ms", count, self->checkpoint_timeout_ms_))
                   .Hint("raise 'execution.checkpointing.timeout', or find the operator that is held up in sys.operators"));
  };
  queue_.PostAfter(checkpoint_timeout_ms_ * 1000, stuck);
}

void Job::CheckpointDone(firn::Status outcome, const std::function<void()>& then) {
  PublishCheckpoints();
  if (!outcome.ok()) {
    Fail(std::move(outcome).error());
    return MaybeEndRun();
  }
  restart_policy_.CheckpointCompleted();
  if (intent_ != Intent::kNone) return MaybeEndRun();
  then();
  if (intent_ != Intent::kNone) return;
  if (wants_last_checkpoint_) return AllEnded();
  if (wants_suspension_) return HandleSuspend();
  ScheduleCheckpoint();
}

void Job::PublishCheckpoints() {
  base::MutexLock lock(mutex_);
  status_.checkpoints = coordinator_.history();
  status_.checkpoints_completed = coordinator_.completed_count();
  status_.checkpoints_failed = coordinator_.failed_count();
}

// --- what tasks tell ---

void Job::OnSnapshot(TaskSnapshot snapshot) {
  queue_.Post([self = shared_from_this(), snapshot = std::make_shared<TaskSnapshot>(std::move(snapshot))] {
    if (self->intent_ == Intent::kNone) self->coordinator_.Add(std::move(*snapshot));
  });
}

void Job::OnEnded(int task) {
  queue_.Post([self = shared_from_this(), task] { self->TaskEnded(task); });
}

void Job::OnStopped(int, std::optional<Error> failure) {
  queue_.Post([self = shared_from_this(), failure = std::move(failure)] { self->TaskStopped(failure); });
}

void Job::TaskEnded(int task) {
  if (intent_ != Intent::kNone) return;
  FIRN_ASSERT(static_cast<size_t>(task) < ended_.size() && !ended_[static_cast<size_t>(task)], "task {} of {} of job {} ended twice", task, ended_.size(), id_);
  ended_[static_cast<size_t>(task)] = true;
  if (++ended_count_ == graph_.tasks.size()) return AllEnded();
  // All sinks have what they wanted (LIMIT): the sources need not go on.
  const bool roots_ended = std::all_of(graph_.root_tasks.begin(), graph_.root_tasks.end(), [&](int root) { return ended_[static_cast<size_t>(root)]; });
  if (!roots_ended) return;
  if (!TakesCheckpoints()) return AllEnded();
  HandleDrain();
}

void Job::AllEnded() {
  if (!TakesCheckpoints()) {
    if (results_) results_->End();
    return StopTasks(Intent::kFinish);
  }
  wants_last_checkpoint_ = true;
  if (coordinator_.is_in_progress()) return;  // CheckpointDone comes back here
  StartCheckpoint(true, [this] { StopTasks(Intent::kFinish); });
}

void Job::TaskStopped(std::optional<Error> failure) {
  FIRN_ASSERT(running_tasks_ > 0, "a task of job {} stopped twice", id_);
  --running_tasks_;
  if (failure) Fail(std::move(*failure));
  MaybeEndRun();
}

// --- the end of a run ---

void Job::Fail(Error failure) {
  if (intent_ == Intent::kCancel || intent_ == Intent::kFail) return;  // the first failure is the one to tell
  failure_ = std::move(failure);
  StopTasks(Intent::kFail);
}

void Job::StopTasks(Intent intent) {
  intent_ = intent;
  if (intent == Intent::kFail) SetState(JobState::kFailing);
  if (intent == Intent::kCancel) SetState(JobState::kCancelling);
  coordinator_.Abort(failure_ ? failure_->ToString() : "the job ends");
  PublishCheckpoints();
  for (auto& task : graph_.tasks) task->Cancel();
  MaybeEndRun();
}

void Job::MaybeEndRun() {
  // An entry on its way to the journal may become durable: only then is it known what to restore.
  if (intent_ == Intent::kNone || running_tasks_ > 0 || coordinator_.is_in_progress()) return;
  EndRun();
}

void Job::EndRun() {
  FIRN_ASSERT(running_tasks_ == 0 && intent_ != Intent::kNone, "run {} of job {} ends while {} tasks run", run_, id_, running_tasks_);
  const Intent intent = intent_;
  intent_ = Intent::kNone;
  ++run_;
  graph_.tasks.clear();
  if (intent != Intent::kFinish) RemoveOrphans();
  graph_ = JobGraph();
  if (intent == Intent::kFinish) return EndWith(JobState::kFinished, std::nullopt, TakesCheckpoints() ? Ending::kStore : Ending::kStored);
  if (intent == Intent::kCancel) return EndWith(JobState::kCanceled, std::nullopt, Ending::kStore);
  if (intent == Intent::kSuspend) return SetState(JobState::kSuspended);
  FIRN_ASSERT(failure_, "job {} fails without a reason", id_);
  if (wants_suspension_ && IsDurable() && IsWorthRetrying(failure_->code())) {  // a full disk while the node stops
    Warn("stops with the node; the next start goes on from its last checkpoint");
    return SetState(JobState::kSuspended);
  }
  const auto delay_ms = results_ || wants_suspension_ ? std::nullopt : restart_policy_.Next(*failure_);
  if (!delay_ms) {
    // A checkpoint that could not be read (a damaged state file), or that is only half carried out, is not thrown away for it.
    const bool is_kept = !is_restored_ || coordinator_.owes_outside();
    const char* trouble = is_restored_ ? "has failed before all was done outside that it owes with its last checkpoint" : "cannot be brought back from its checkpoint";
    Warn(is_kept ? fmt::format("{}, which is kept: the next start of the node tries again, cancelling the job drops it", trouble) : "has failed");
    return EndWith(JobState::kFailed, failure_, is_kept ? Ending::kKeep : Ending::kStore);
  }
  WarnOfRestart();
  {
    base::MutexLock lock(mutex_);
    ++status_.restarts;
    status_.failure = failure_;
  }
  SetState(JobState::kRestarting);
  queue_.PostAfter(*delay_ms * 1000, [weak = weak_from_this(), run = run_] {
    auto self = weak.lock();
    if (self && self->run_ == run) self->Run();
  });
}

// What became of a job that nobody waits for.
void Job::Warn(const std::string& consequence) const {
  if (!results_ && !definition_.is_awaited && services_.warn) services_.warn(fmt::format("job {} ({}) {}: {}", id_, definition_.name, consequence, failure_->ToString()));
}

// Once for each kind of reason: a full disk is met again and again.
void Job::WarnOfRestart() const {
  {
    base::MutexLock lock(mutex_);
    if (status_.failure && status_.failure->code() == failure_->code()) return;
  }
  Warn("is started again from its last checkpoint");
}

void Job::EndWith(JobState state, std::optional<Error> failure, Ending ending) {
  FIRN_ASSERT(IsTerminal(state) && (state != JobState::kFailed || failure), "job {} ends as {}, with a reason: {}", id_, JobStateText(state), failure.has_value());
  if (results_) {
    if (state == JobState::kFailed) results_->Fail(*failure);
    if (state == JobState::kCanceled) results_->Fail(CancelledError(id_));
    results_->End();
  } else if (ending != Ending::kKeep) {
    std::vector<log::Operation> operations{log::Delete{CheckpointKey(id_)}};
    if (ending == Ending::kStore) operations.push_back(log::Put{StateKey(id_), EncodeState(RecordOf(state, failure))});
    // Whether it arrives does not matter to this process; a later one would run the job again from where it stood.
    services_.store.journal().Append(std::move(operations), [](Result<log::Committed>) {});
    if (firn::Status removed = coordinator_.RemoveFiles(); !removed.ok() && !failure) failure = std::move(removed).error();
  }
  {
    base::MutexLock lock(mutex_);
    status_.end_ms = services_.environment.clock.WallTimeMs();
    status_.is_kept = ending == Ending::kKeep;
    if (state != JobState::kFinished || failure) status_.failure = std::move(failure);
    status_.state = state;  // with its end: who sees the one sees the other
    changed_.NotifyAll();
  }
}

StateRecord Job::RecordOf(JobState state, const std::optional<Error>& failure) const {
  base::MutexLock lock(mutex_);
  return {state, status_.start_ms, services_.environment.clock.WallTimeMs(), status_.restarts, failure};
}

void Job::SetState(JobState state) {
  base::MutexLock lock(mutex_);
  status_.state = state;
  changed_.NotifyAll();
}

// --- requests ---

void Job::Cancel() { Post(&Job::HandleCancel); }
void Job::Stop(bool drain) { Post(drain ? &Job::HandleDrain : &Job::HandleStop); }
void Job::Suspend() { Post(&Job::HandleSuspend); }

void Job::HandleCancel() {
  const JobStatus status = Describe();
  const JobState state = status.state;
  if (status.is_kept) return EndWith(JobState::kCanceled, std::nullopt, Ending::kStore);
  if (IsTerminal(state) || state == JobState::kSuspended || intent_ == Intent::kFinish) return;
  if (state == JobState::kRestarting) {
    ++run_;
    return EndWith(JobState::kCanceled, std::nullopt, Ending::kStore);
  }
  StopTasks(Intent::kCancel);
}

void Job::HandleStop() {
  if (Describe().state != JobState::kRunning || intent_ != Intent::kNone) return HandleCancel();
  if (!TakesCheckpoints()) return HandleCancel();
  AllEnded();
}

void Job::HandleDrain() {
  for (auto& task : graph_.tasks) task->Drain();
}

void Job::HandleSuspend() {
  const JobState state = Describe().state;
  wants_suspension_ = true;
  if (IsTerminal(state) || intent_ != Intent::kNone) return;
  if (state != JobState::kRunning) {  // between two runs: the next process starts the next one
    ++run_;
    return SetState(JobState::kSuspended);
  }
  if (!TakesCheckpoints() || plan_.is_batch || !definition_.is_durable) return StopTasks(TakesCheckpoints() ? Intent::kSuspend : Intent::kCancel);
  if (coordinator_.is_in_progress() || wants_last_checkpoint_) return;  // CheckpointDone comes back here
  StartCheckpoint(false, [this] { StopTasks(Intent::kSuspend); });
}

void Job::Drop() {
  graph_ = JobGraph();
  if (results_) results_->Fail(Error(ErrorCode::kUnavailable, "the engine has stopped"));
  SetState(JobState::kSuspended);
}

JobState Job::Wait(int64_t wait_ms) {
  base::MutexLock lock(mutex_);
  const auto has_ended = [this]() FIRN_REQUIRES(mutex_) { return IsTerminal(status_.state) || status_.state == JobState::kSuspended; };
  if (wait_ms < 0) {
    changed_.Wait(lock, has_ended);
  } else {
    changed_.WaitFor(lock, std::chrono::milliseconds(wait_ms), has_ended);
  }
  return status_.state;
}

std::optional<EndedJob> Job::End() const {
  base::MutexLock lock(mutex_);
  if (!IsTerminal(status_.state) || status_.is_kept) return std::nullopt;
  return EndedJob{id_, is_query(), status_.state, status_.end_ms};
}

JobStatus Job::Describe() const {
  base::MutexLock lock(mutex_);
  JobStatus status = status_;
  const int64_t now_us = services_.environment.clock.MonotonicUs();
  std::map<int, VertexStatus*> vertices;
  for (VertexStatus& vertex : status.vertices) vertices[vertex.node_id] = &vertex;
  std::map<int, int64_t> busy_us;
  std::map<int, bool> has_watermark;
  for (const LaneView& lane : lanes_) {
    VertexStatus& vertex = *vertices.at(lane.node_id);
    const OperatorMetrics& metrics = *lane.metrics;
    vertex.rows_in += metrics.rows_in.load(std::memory_order_relaxed);
    vertex.rows_out += metrics.rows_out.load(std::memory_order_relaxed);
    vertex.bytes_in += metrics.bytes_in.load(std::memory_order_relaxed);
    vertex.late_rows += metrics.late_rows.load(std::memory_order_relaxed);
    vertex.null_rowtime_rows += metrics.null_rowtime_rows.load(std::memory_order_relaxed);
    vertex.state_bytes += metrics.state_bytes.load(std::memory_order_relaxed);
    const int64_t watermark = metrics.watermark_ms.load(std::memory_order_relaxed);
    vertex.watermark_ms = has_watermark[lane.node_id] ? std::min(vertex.watermark_ms, watermark) : watermark;
    has_watermark[lane.node_id] = true;
    const TaskStatus task = lane.monitor->Get();
    busy_us[lane.node_id] += lane.monitor->busy_us.load(std::memory_order_relaxed);
    vertex.is_backpressured |= task.is_backpressured;
    if (!lane.is_first_stage) continue;
    status.partitions.insert(status.partitions.end(), task.partitions.begin(), task.partitions.end());
    status.windows.insert(status.windows.end(), task.windows.begin(), task.windows.end());
  }
  for (const auto& [node_id, busy] : busy_us) {
    const double elapsed = static_cast<double>(std::max<int64_t>(1, now_us - looked_us_));
    vertices.at(node_id)->busy_ratio = std::clamp(static_cast<double>(busy - busy_us_[node_id]) / elapsed, 0.0, 1.0 * vertices.at(node_id)->parallelism);
  }
  looked_us_ = now_us;
  busy_us_ = std::move(busy_us);
  return status;
}

}  // namespace firn::exec
