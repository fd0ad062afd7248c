// SPDX-License-Identifier: Apache-2.0
#include "exec/engine.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"
#include "base/mutex.h"
#include "exec/job.h"
#include "exec/job_record.h"
#include "exec/job_retention.h"
#include "io/clock.h"
#include "io/random.h"

namespace firn::exec {

namespace {

constexpr size_t kCoordinatorQueues = 4;
constexpr int64_t kCloseWaitMs = 30'000;

class JobResultStream final : public ResultStream {
 public:
  JobResultStream(std::shared_ptr<Job> job, std::shared_ptr<ResultBuffer> buffer) : job_(std::move(job)), buffer_(std::move(buffer)) {}
  ~JobResultStream() override { Close(); }
  Result<Chunk> Next(int wait_ms) override { return buffer_->Next(wait_ms); }
  void Close() override {
    buffer_->Close();
    job_->Cancel();
  }

 private:
  const std::shared_ptr<Job> job_;
  const std::shared_ptr<ResultBuffer> buffer_;
};

class EngineImpl final : public Engine {
 public:
  struct Threads {
    std::shared_ptr<Scheduler> scheduler;
    std::vector<std::unique_ptr<io::TaskQueue>> queues;  // of coordinators
  };
  static Result<Threads> StartThreads(io::Executor& executor, int workers) {
    Threads threads;
    FIRN_TRY(threads.scheduler, Scheduler::Make(executor, workers > 0 ? workers : executor.parallelism()));
    const auto queues = std::min(kCoordinatorQueues, static_cast<size_t>(threads.scheduler->workers()) * 2);
    for (size_t i = 0; i < queues; ++i) {
      FIRN_TRY(auto queue, executor.NewQueue(fmt::format("coord-{}", i)));
      threads.queues.push_back(std::move(queue));
    }
    return threads;
  }

  EngineImpl(const io::Environment& environment, log::Store& store, ConnectorRegistry& connectors, const EngineOptions& options, Threads threads)
      : environment_(environment),
        options_(options),
        budget_(options.state_limit_bytes),
        services_{environment, store, connectors, std::move(threads.scheduler), budget_, options.state_directory, options.warn},
        queues_(std::move(threads.queues)) {}
  ~EngineImpl() override { StopThreads(); }

  Result<std::string> Submit(plan::JobPlan plan, JobDefinition definition) override {
    struct Outcome {
      std::unique_ptr<io::Event> arrived;
      Result<std::string> id = Error(ErrorCode::kUnavailable, "the node stops before the job is durable");
    };
    auto outcome = std::make_shared<Outcome>();
    outcome->arrived = environment_.executor.NewEvent();
    SubmitThen(std::move(plan), std::move(definition), [outcome](Result<std::string> result) {
      outcome->id = std::move(result);
      outcome->arrived->Set();
    });
    outcome->arrived->Wait();
    return outcome->id;
  }

  void SubmitThen(plan::JobPlan plan, JobDefinition definition, std::function<void(Result<std::string>)> done) override {
    auto job = MakeJob(NewJobId(), std::move(plan), std::move(definition), nullptr);
    if (Status status = job->Prepare(); !status.ok()) return done(std::move(status).error());
    Add(job);
    services_.store.journal().Append(job->CreationOperations(), [this, job, done = std::move(done)](Result<log::Committed> committed) {
      // Off the journal's queue before anything of the job runs.
      QueueOf(job->id()).Post([this, job, done, failure = committed.ok() ? Ok() : Status(std::move(committed).error())] {
        if (!failure.ok()) {
          Remove(job->id());
          return done(failure.error());
        }
        job->Begin();
        done(job->id());
      });
    });
  }

  Result<Query> Run(plan::JobPlan plan, JobDefinition definition) override {
    auto buffer = std::make_shared<ResultBuffer>(options_.result_buffer_bytes);
    definition.is_durable = false;
    auto job = MakeJob(NewJobId(), std::move(plan), std::move(definition), buffer);
    FIRN_RETURN_IF_ERROR(job->Prepare());
    Add(job);
    job->Begin();
    return Query{job->id(), std::make_unique<JobResultStream>(job, buffer)};
  }

  Status RecoverJobs(const Replan& replan) override;

  Status Cancel(const std::string& job_id) override {
    FIRN_TRY(auto job, FindUnended(job_id));
    job->Cancel();
    return Ok();
  }
  Status Stop(const std::string& job_id, bool drain) override {
    FIRN_TRY(auto job, FindUnended(job_id));
    job->Stop(drain);
    return Ok();
  }
  Result<JobState> Wait(const std::string& job_id, int64_t wait_ms) override {
    FIRN_TRY(auto job, Find(job_id));
    return job->Wait(wait_ms);
  }
  std::vector<JobStatus> Jobs() const override {
    ForgetOldJobs();
    std::vector<JobStatus> result;
    for (const auto& job : AllJobs()) result.push_back(job->Describe());
    return result;
  }
  Result<JobStatus> Job(const std::string& job_id) const override {
    ForgetOldJobs();
    FIRN_TRY(auto job, Find(job_id));
    return job->Describe();
  }

  Status Close() override {
    for (const auto& job : AllJobs()) job->Suspend();
    const int64_t deadline_us = environment_.clock.MonotonicUs() + kCloseWaitMs * 1000;
    for (const auto& job : AllJobs()) {
      const int64_t left_ms = std::max<int64_t>(0, (deadline_us - environment_.clock.MonotonicUs()) / 1000);
      job->Wait(left_ms);
    }
    StopThreads();
    return Ok();
  }

 private:
  std::string NewJobId() {
    std::string id;
    for (unsigned char byte : environment_.random.UuidBytes()) id += fmt::format("{:02x}", byte);
    return id;
  }
  io::TaskQueue& QueueOf(const std::string& job_id) { return *queues_[std::hash<std::string>{}(job_id) % queues_.size()]; }

  std::shared_ptr<exec::Job> MakeJob(std::string id, plan::JobPlan plan, JobDefinition definition, std::shared_ptr<ResultBuffer> results) {
    io::TaskQueue& queue = QueueOf(id);
    return std::make_shared<exec::Job>(std::move(id), std::move(plan), std::move(definition), services_, queue, std::move(results));
  }

  void Add(std::shared_ptr<exec::Job> job) {
    {
      base::MutexLock lock(mutex_);
      order_.push_back(job->id());
      const bool is_new = jobs_.emplace(job->id(), job).second;
      FIRN_ASSERT(is_new, "job {} is there twice", job->id());
    }
    ForgetOldJobs();
  }
  void Remove(const std::string& job_id) {
    base::MutexLock lock(mutex_);
    jobs_.erase(job_id);
    std::erase(order_, job_id);
  }

  // Whenever a job comes and whenever anybody looks, so that all listings say the same (job_retention.h).
  void ForgetOldJobs() const {
    std::vector<std::shared_ptr<exec::Job>> forgotten;  // destroyed without the lock
    std::vector<log::Operation> operations;
    {
      base::MutexLock lock(mutex_);
      std::vector<EndedJob> ended;
      for (const auto& [id, job] : jobs_) {
        if (auto end = job->End()) ended.push_back(*std::move(end));
      }
      for (const std::string& id : JobsToForget(std::move(ended), environment_.clock.WallTimeMs())) {
        const auto found = jobs_.find(id);
        if (!found->second->is_query()) {
          operations.push_back(log::Delete{DefinitionKey(id)});
          operations.push_back(log::Delete{StateKey(id)});
        }
        forgotten.push_back(std::move(found->second));
        jobs_.erase(found);
        std::erase(order_, id);
      }
      FIRN_ASSERT(order_.size() == jobs_.size(), "{} jobs in order of {}", order_.size(), jobs_.size());
    }
    if (!operations.empty()) services_.store.journal().Append(std::move(operations), [](Result<log::Committed>) {});
  }

  Result<std::shared_ptr<exec::Job>> Find(const std::string& job_id) const {
    base::MutexLock lock(mutex_);
    auto found = jobs_.find(job_id);
    if (found == jobs_.end()) {
      return Error(ErrorCode::kJobNotFound, fmt::format("no job has the id '{}'", job_id)).Candidates(base::NearNames(job_id, order_)).Hint("SHOW JOBS lists all");
    }
    return found->second;
  }
  Result<std::shared_ptr<exec::Job>> FindUnended(const std::string& job_id) const {
    FIRN_TRY(auto job, Find(job_id));
    const JobStatus status = job->Describe();
    if (!IsTerminal(status.state) || status.is_kept) return job;
    return Error(ErrorCode::kInvalidArgument, fmt::format("job {} has already ended: it is {}", job_id, JobStateText(status.state))).Hint("SHOW JOBS says which run");
  }
  std::vector<std::shared_ptr<exec::Job>> AllJobs() const {
    base::MutexLock lock(mutex_);
    std::vector<std::shared_ptr<exec::Job>> result;
    for (const std::string& id : order_) result.push_back(jobs_.at(id));
    return result;
  }

  void RecoverJob(const std::string& id, const std::string& definition_bytes, const Replan& replan);

  // Workers first, then the queues that they post to; then the jobs' tasks may go.
  void StopThreads() {
    if (queues_.empty()) return;
    services_.scheduler->Stop();
    queues_.clear();
    for (const auto& job : AllJobs()) job->Drop();
  }

  const io::Environment environment_;
  const EngineOptions options_;
  StateBudget budget_;
  JobServices services_;
  std::vector<std::unique_ptr<io::TaskQueue>> queues_;
  // Looking forgets what is too old to be listed.
  mutable base::Mutex mutex_;
  mutable std::map<std::string, std::shared_ptr<exec::Job>> jobs_ FIRN_GUARDED_BY(mutex_);
  mutable std::vector<std::string> order_ FIRN_GUARDED_BY(mutex_);  // by submission
};

Status EngineImpl::RecoverJobs(const Replan& replan) {
  constexpr std::string_view kSuffix = "/definition";
  struct Stored {
    int64_t start_ms;
    std::string id;
    std::string definition;
  };
  std::vector<Stored> stored;  // listed by submission, as before; their keys are in no order
  for (const auto& [key, value] : services_.store.meta().Scan(kJobPrefix)) {
    if (!key.ends_with(kSuffix)) continue;
    const std::string id = key.substr(kJobPrefix.size(), key.size() - kJobPrefix.size() - kSuffix.size());
    const auto state = DecodeState(services_.store.meta().Get(StateKey(id)).value_or(""));
    stored.push_back({state.ok() ? state->start_ms : 0, id, value});
  }
  std::sort(stored.begin(), stored.end(), [](const Stored& a, const Stored& b) { return a.start_ms != b.start_ms ? a.start_ms < b.start_ms : a.id < b.id; });
  for (const Stored& job : stored) RecoverJob(job.id, job.definition, replan);
  return Ok();
}

// A job that cannot be brought back is listed as failed with the reason; its stored checkpoint stays, so that another version of firn may try; cancelling it drops both.
void EngineImpl::RecoverJob(const std::string& id, const std::string& definition_bytes, const Replan& replan) {
  const auto give_up = [&](JobDefinition definition, StateRecord state, Error failure) {
    state.state = JobState::kFailed;
    state.failure = std::move(failure).Context("resuming the job after a restart");
    Add(std::make_shared<exec::Job>(id, std::move(definition), state, true, services_, QueueOf(id)));
  };
  auto definition = DecodeDefinition(definition_bytes);
  if (!definition.ok()) return give_up({}, {}, std::move(definition).error());
  auto state = DecodeState(services_.store.meta().Get(StateKey(id)).value_or(""));
  if (!state.ok()) return give_up(*definition, {}, std::move(state).error());
  std::optional<CheckpointRecord> checkpoint;
  if (auto bytes = services_.store.meta().Get(CheckpointKey(id))) {
    auto decoded = DecodeCheckpoint(*bytes);
    if (!decoded.ok()) return give_up(*definition, *state, std::move(decoded).error());
    checkpoint = *std::move(decoded);
  }
  const bool owes_outside = checkpoint && !checkpoint->outside.empty();
  if (IsTerminal(state->state) && !owes_outside) {
    return Add(std::make_shared<exec::Job>(id, *definition, *state, false, services_, QueueOf(id)));
  }
  if (!definition->is_durable && !owes_outside) {
    state->end_ms = environment_.clock.WallTimeMs();
    return give_up(*definition, *state, Error(ErrorCode::kUnavailable, "the node stopped while the job ran, and the job was not made to survive that"));
  }
  auto plan = replan(*definition);
  if (!plan.ok()) return give_up(*definition, *state, std::move(plan).error());
  if (!definition->is_durable) state->state = JobState::kFinished;  // only what it has committed is completed
  auto job = MakeJob(id, *std::move(plan), *definition, nullptr);
  Add(job);
  job->Resume(*state, std::move(checkpoint));
}

}  // namespace

Result<std::unique_ptr<Engine>> Engine::Start(const io::Environment& environment, log::Store& store, ConnectorRegistry& connectors,
                                              const EngineOptions& options) {
  FIRN_RETURN_IF_ERROR(environment.files.CreateDirectories(options.state_directory));
  FIRN_TRY(auto threads, EngineImpl::StartThreads(environment.executor, options.workers));
  return std::unique_ptr<Engine>(std::make_unique<EngineImpl>(environment, store, connectors, options, std::move(threads)));
}

}  // namespace firn::exec
