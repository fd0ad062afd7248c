// SPDX-License-Identifier: Apache-2.0
#include "exec/task.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"
#include "base/mutex.h"

namespace firn::exec {

namespace {

constexpr int kEventsARun = 16;
constexpr int64_t kPublishIntervalMs = 20;  // how stale what others see may be
constexpr int kPublishedWindows = 64;

}  // namespace

// Hands what one stage emits to the next one.
class Task::ChainLink final : public Output {
 public:
  ChainLink(Stage& from, Stage& to, Output& behind, Failure& failure) : from_(from), to_(to), behind_(behind), failure_(failure) {}

  void Emit(types::Batch batch) override {
    if (!failure_.status.ok() || batch.row_count == 0) return;
    from_.metrics->rows_out.fetch_add(batch.row_count, std::memory_order_relaxed);
    to_.metrics->rows_in.fetch_add(batch.row_count, std::memory_order_relaxed);
    if (!to_.op) return behind_.Emit(std::move(batch));  // the collecting end of a SELECT
    failure_.Keep(to_, to_.op->Process(0, std::move(batch), behind_));
  }
  void EmitWatermark(types::Watermark watermark) override {
    if (!failure_.status.ok()) return;
    to_.metrics->watermark_ms.store(watermark.timestamp_ms, std::memory_order_relaxed);
    if (!to_.op) return behind_.EmitWatermark(watermark);
    failure_.Keep(to_, to_.op->Advance(watermark, behind_));
  }

 private:
  Stage& from_;
  Stage& to_;
  Output& behind_;
  Failure& failure_;
};

// Hands what the last stage emits to all outputs.
class Task::Fanout final : public Output {
 public:
  Fanout(Stage& from, std::vector<std::unique_ptr<TaskOutput>>& outputs, Failure& failure) : from_(from), outputs_(outputs), failure_(failure) {}

  void Emit(types::Batch batch) override {
    if (!failure_.status.ok() || batch.row_count == 0) return;
    from_.metrics->rows_out.fetch_add(batch.row_count, std::memory_order_relaxed);
    for (auto& output : outputs_) {
      if (failure_.status.ok()) failure_.Keep(from_, output->Emit(batch));
    }
  }
  void EmitWatermark(types::Watermark watermark) override {
    for (auto& output : outputs_) {
      if (failure_.status.ok()) failure_.Keep(from_, output->EmitWatermark(watermark.timestamp_ms));
    }
  }

 private:
  Stage& from_;
  std::vector<std::unique_ptr<TaskOutput>>& outputs_;
  Failure& failure_;
};

Task::Task(Options options, const io::Clock& clock, std::shared_ptr<Scheduler> scheduler, StateBudget& budget, TaskListener& listener)
    : options_(std::move(options)),
      clock_(clock),
      budget_(budget),
      listener_(listener),
      handle_(std::make_shared<TaskHandle>(std::move(scheduler), *this)) {}

Task::~Task() { budget_.Add(-state_bytes_); }

void Task::Link() {
  FIRN_ASSERT(!stages_.empty() && input_, "a task without operators or input");
  links_.resize(stages_.size());
  links_.back() = std::make_unique<Fanout>(stages_.back(), outputs_, failure_);
  for (size_t i = stages_.size() - 1; i > 0; --i) links_[i - 1] = std::make_unique<ChainLink>(stages_[i - 1], stages_[i], *links_[i], failure_);
}

void Task::Trigger(int64_t checkpoint_id) {
  {
    base::MutexLock lock(mutex_);
    requested_checkpoint_ = checkpoint_id;
  }
  handle_->Wake();
}

void Task::Cancel() {
  is_cancelled_.store(true, std::memory_order_release);
  handle_->Wake();
}

void Task::Drain() {
  {
    base::MutexLock lock(mutex_);
    drain_requested_ = true;
  }
  handle_->Wake();
}

RunState Task::Run() {
  const int64_t start_us = clock_.MonotonicUs();
  const RunState state = Work();
  monitor_->busy_us.fetch_add(clock_.MonotonicUs() - start_us, std::memory_order_relaxed);
  return state;
}

RunState Task::Stop(std::optional<Error> failure) {
  const Stage& stage = failure_.stage ? *failure_.stage : stages_.front();  // what no operator has said comes of the input
  if (failure) failure = std::move(*failure).Context(fmt::format("in {}", stage.node->name));
  Publish(false, true);
  stop_reason_ = std::move(failure);
  return RunState::kStopped;
}

void Task::AfterStop() { listener_.OnStopped(options_.index, std::move(stop_reason_)); }

void Task::TakeRequests() {
  base::MutexLock lock(mutex_);
  if (drain_requested_) {
    drain_requested_ = false;
    input_->Drain();
  }
  if (requested_checkpoint_ > triggered_) {
    triggered_ = requested_checkpoint_;
    if (!has_ended_ && triggered_ > last_snapshot_) input_->InjectBarrier(triggered_);
  }
}

RunState Task::Work() {
  SetTime(clock_.WallTimeMs());
  for (int i = 0; i < kEventsARun; ++i) {
    if (is_cancelled_.load(std::memory_order_acquire)) return Stop(std::nullopt);
    TakeRequests();
    if (has_ended_) {
      if (triggered_ > last_snapshot_) {
        if (Status status = TakeSnapshot(triggered_); !status.ok()) return Stop(std::move(status).error());
      }
      return RunState::kWaiting;
    }
    if (Status status = RunTimers(); !status.ok()) return Stop(std::move(status).error());
    if (AnyOutputFull() && !input_->HasBarrier()) {
      Publish(true, false);
      ScheduleTimer();
      return RunState::kWaiting;
    }
    auto event = input_->Next(now_ms_);
    if (!event.ok()) return Stop(std::move(event).error());
    if (!event->has_value()) {
      if (Status status = FlushOutputs(); !status.ok()) return Stop(std::move(status).error());
      Publish(false, false);
      ScheduleTimer();
      return RunState::kWaiting;
    }
    Status status = Handle(**std::move(event));
    if (status.ok() && !has_ended_ && WantsNoMore()) status = EndEarly();
    if (status.ok()) status = AccountState();
    if (!status.ok()) return Stop(std::move(status).error());
  }
  Publish(false, false);
  return RunState::kReady;
}

// An operator that has failed may be one that got what a failure behind it left, and its success says nothing of what is behind it.
Status Task::Outcome(const Stage& stage, Status own) {
  failure_.Keep(stage, std::move(own));
  return failure_.status;
}

Status Task::Handle(InputEvent event) {
  has_unpublished_ = true;
  Stage& first = stages_.front();
  switch (event.kind) {
    case InputEvent::Kind::kBatch:
      if (first.op) {
        first.metrics->rows_in.fetch_add(event.batch.row_count, std::memory_order_relaxed);
        return Outcome(first, first.op->Process(event.input, std::move(event.batch), *links_[0]));
      }
      links_[0]->Emit(std::move(event.batch));
      break;
    case InputEvent::Kind::kWatermark:
      first.metrics->watermark_ms.store(event.value, std::memory_order_relaxed);
      if (first.op) return Outcome(first, first.op->Advance({event.value}, *links_[0]));
      links_[0]->EmitWatermark({event.value});
      break;
    case InputEvent::Kind::kBarrier:
      FIRN_RETURN_IF_ERROR(TakeSnapshot(event.value));
      for (auto& output : outputs_) FIRN_RETURN_IF_ERROR(output->EmitBarrier(event.value));
      break;
    case InputEvent::Kind::kActivity:
      for (auto& output : outputs_) FIRN_RETURN_IF_ERROR(output->EmitActivity(event.value != 0));
      break;
    case InputEvent::Kind::kInputEnded:
      if (first.op) return Outcome(first, first.op->EndInput(event.input, *links_[0]));
      break;
    case InputEvent::Kind::kEnd: return ProcessEnd();
  }
  return failure_.status;
}

bool Task::WantsNoMore() const {
  return std::any_of(stages_.begin(), stages_.end(), [](const Stage& stage) { return stage.op && stage.op->WantsNoMore(); });
}

// What still comes over the edges is dropped; the job ends the tasks before this one once all its sinks have ended.
Status Task::EndEarly() {
  input_->Close();
  links_[0]->EmitWatermark({types::kFinalWatermark});
  FIRN_RETURN_IF_ERROR(failure_.status);
  return ProcessEnd();
}

Status Task::ProcessEnd() {
  FIRN_ASSERT(!has_ended_, "task {} ({}) ends twice", options_.index, stages_.front().node->name);
  for (size_t i = 0; i < stages_.size(); ++i) {
    if (stages_[i].op) FIRN_RETURN_IF_ERROR(Outcome(stages_[i], stages_[i].op->Finish(*links_[i])));
  }
  for (auto& output : outputs_) FIRN_RETURN_IF_ERROR(output->EmitEnd());
  has_ended_ = true;
  Publish(false, true);
  listener_.OnEnded(options_.index);
  return Ok();
}

Status Task::TakeSnapshot(int64_t checkpoint_id) {
  FIRN_ASSERT(checkpoint_id > last_snapshot_, "checkpoint {} after {}", checkpoint_id, last_snapshot_);
  last_snapshot_ = checkpoint_id;
  TaskSnapshot snapshot{.task = options_.index, .checkpoint_id = checkpoint_id};
  if (!options_.source_uid.empty()) {
    snapshot.source_uid = options_.source_uid;
    FIRN_TRY(snapshot.positions, input_->Positions());
    snapshot.source_operations = input_->CheckpointOperations();
    state::SnapshotCollector collector(options_.source_uid, options_.lane, options_.parallelism);
    FIRN_RETURN_IF_ERROR(input_->Snapshot(collector));
    snapshot.states.push_back(std::move(collector).Take());
  }
  if (options_.sink_operator) {
    snapshot.sink = options_.sink;
    snapshot.sink_lane = options_.lane;
    auto part = options_.sink_operator->Prepare(checkpoint_id);
    if (!part.ok()) return Outcome(stages_.back(), std::move(part).error());
    snapshot.prepared = *std::move(part);
  }
  for (Stage& stage : stages_) {
    if (!stage.op) continue;
    state::SnapshotCollector collector(stage.node->uid, options_.lane, options_.parallelism);
    FIRN_RETURN_IF_ERROR(Outcome(stage, stage.op->Snapshot(collector)));
    snapshot.states.push_back(std::move(collector).Take());
  }
  listener_.OnSnapshot(std::move(snapshot));
  return Ok();
}

Status Task::StateLimitReached(int64_t total) {
  const Stage* largest = &stages_.front();
  const auto bytes_of = [](const Stage& stage) { return stage.metrics->state_bytes.load(std::memory_order_relaxed); };
  for (const Stage& stage : stages_) {
    if (bytes_of(stage) > bytes_of(*largest)) largest = &stage;
  }
  return Outcome(*largest, Error(ErrorCode::kStateLimitExceeded, fmt::format("the state of all jobs is {} bytes and may be {}; lane {} of {} holds {} of them", total,
                                                                             budget_.limit_bytes(), options_.lane, largest->node->name, bytes_of(*largest)))
                               .Hint("start the node with a larger --state-limit, SET 'table.exec.state.ttl', or group by fewer keys"));
}

Status Task::AccountState() {
  int64_t bytes = 0;
  for (Stage& stage : stages_) {
    if (!stage.op) continue;
    const int64_t stage_bytes = stage.op->state_bytes();
    stage.metrics->state_bytes.store(stage_bytes, std::memory_order_relaxed);
    bytes += stage_bytes;
  }
  FIRN_ASSERT(bytes >= 0, "{} has {} bytes of state", stages_.front().node->name, bytes);
  const int64_t total = budget_.Add(bytes - state_bytes_);
  const bool grew = bytes > state_bytes_;
  state_bytes_ = bytes;
  return grew && total > budget_.limit_bytes() ? StateLimitReached(total) : Ok();
}

bool Task::AnyOutputFull() {
  for (auto& output : outputs_) {
    if (output->IsFull()) return true;
  }
  return false;
}

Status Task::FlushOutputs() {
  for (auto& output : outputs_) FIRN_RETURN_IF_ERROR(output->Flush());
  return Ok();
}

void Task::SetTime(int64_t now_ms) {
  now_ms_ = now_ms;
  for (Stage& stage : stages_) stage.context->evaluation.row_time_us = now_ms * 1000;
}

int64_t Task::NextTimerMs() const {
  int64_t next = input_->NextTimerMs();
  for (const Stage& stage : stages_) {
    if (stage.op) next = std::min(next, stage.op->NextTimerMs());
  }
  return next;
}

Status Task::RunTimers() {
  for (size_t i = 0; i < stages_.size(); ++i) {
    Stage& stage = stages_[i];
    if (!stage.op || stage.op->NextTimerMs() > now_ms_) continue;
    FIRN_RETURN_IF_ERROR(Outcome(stage, stage.op->OnTimer(now_ms_, *links_[i])));
    has_unpublished_ = true;
  }
  return Ok();
}

void Task::ScheduleTimer() {
  int64_t next = NextTimerMs();
  if (has_unpublished_) next = std::min(next, now_ms_ + kPublishIntervalMs);
  if (next == INT64_MAX || (scheduled_timer_ms_ > now_ms_ && scheduled_timer_ms_ <= next)) return;
  scheduled_timer_ms_ = next;
  handle_->WakeAfter(std::max<int64_t>(0, next - now_ms_) * 1000);
}

void Task::Publish(bool is_backpressured, bool force) {
  if (!force && (!has_unpublished_ || now_ms_ - published_ms_ < kPublishIntervalMs)) return;
  published_ms_ = now_ms_;
  has_unpublished_ = false;
  TaskStatus status;
  status.partitions = input_->Describe();
  status.is_backpressured = is_backpressured;
  for (const Stage& stage : stages_) {
    if (!stage.op) continue;
    for (const PendingWindow& window : stage.op->Windows(kPublishedWindows)) {
      status.windows.push_back({stage.node->id, window.start_ms, window.end_ms, window.keys,
                                stage.metrics->watermark_ms.load(std::memory_order_relaxed)});
    }
  }
  monitor_->Set(std::move(status));
}

}  // namespace firn::exec
