// SPDX-License-Identifier: Apache-2.0
#include "exec/task_test_rig.h"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/compute/initialize.h>
#include <fmt/format.h>

#include "base/assert.h"
#include "exec/columns.h"
#include "exec/exchange_output.h"

namespace firn::exec {

namespace {

constexpr const char* kCallNames[] = {"Open", "Process", "Advance", "OnTimer", "EndInput", "Snapshot", "Finish", "Prepare"};

class ProbeOperator final : public Operator {
 public:
  ProbeOperator(std::string name, const Faults& faults, int64_t held_rows) : name_(std::move(name)), faults_(faults), held_rows_(held_rows) {}

  Status Open(const OperatorContext&) override { return faults_.Check(name_, Call::kOpen); }
  Status Process(int, types::Batch batch, Output& output) override {
    if (held_rows_ > 0) {
      held_.push_back(std::move(batch));
    } else {
      output.Emit(std::move(batch));
    }
    return faults_.Check(name_, Call::kProcess);
  }
  Status Advance(types::Watermark watermark, Output& output) override {
    output.EmitWatermark(watermark);
    return faults_.Check(name_, Call::kAdvance);
  }
  Status OnTimer(int64_t, Output&) override { return faults_.Check(name_, Call::kTimer); }
  int64_t NextTimerMs() const override { return faults_.armed.contains({name_, Call::kTimer}) ? 0 : INT64_MAX; }
  Status EndInput(int, Output&) override { return faults_.Check(name_, Call::kEndInput); }
  Status Snapshot(state::StateWriter&) override { return faults_.Check(name_, Call::kSnapshot); }
  Status Restore(state::StateReader&) override { return Ok(); }
  Status Finish(Output& output) override {
    for (const types::Batch& batch : held_) {
      for (int64_t from = 0; from < batch.row_count; from += held_rows_) output.Emit(types::SliceBatch(batch, from, std::min(held_rows_, batch.row_count - from)));
    }
    return faults_.Check(name_, Call::kFinish);
  }
  int64_t state_bytes() const override { return 0; }

 private:
  const std::string name_;
  const Faults& faults_;
  const int64_t held_rows_;
  std::vector<types::Batch> held_;
};

class LoggingLane final : public SinkLane {
 public:
  LoggingLane(std::shared_ptr<SinkLog> log, const Faults& faults) : log_(std::move(log)), faults_(faults) {}
  Status Write(const types::Batch& batch) override {
    for (Change& change : ChangesOf(batch)) log_->rows.push_back(std::move(change));
    return faults_.Check("sink", Call::kProcess);
  }
  Result<std::unique_ptr<SinkPart>> Prepare(int64_t) override {
    FIRN_RETURN_IF_ERROR(faults_.Check("sink", Call::kPrepare));
    return std::make_unique<FinishedPart>(std::to_string(log_->rows.size()));
  }
  Status Snapshot(state::StateWriter&) override { return faults_.Check("sink", Call::kSnapshot); }
  Status Restore(state::StateReader&) override { return Ok(); }
  int64_t state_bytes() const override { return 0; }

 private:
  const std::shared_ptr<SinkLog> log_;
  const Faults& faults_;
};

}  // namespace

Status Faults::Check(const std::string& name, Call call) const {
  if (!armed.contains({name, call})) return Ok();
  return Error(ErrorCode::kUnavailable, fmt::format("{} failed in {}", name, kCallNames[static_cast<int>(call)]));
}

void ScriptedInput::Add(InputEvent event) {
  events_.push_back(std::move(event));
  if (task_) task_->Wake();
}

void ScriptedInput::Rows(const std::vector<int32_t>& values) {
  std::vector<Change> changes;
  for (int32_t value : values) changes.push_back({types::RowKind::kInsert, IntRow(schema_->size(), value)});
  types::Batch batch = MakeBatch(schema_, changes);
  batch.kinds = nullptr;
  Batch(std::move(batch));
}

void ScriptedInput::End() {
  Watermark(types::kFinalWatermark);
  Add({.kind = InputEvent::Kind::kEnd});
}

void ScriptedInput::Fail(Error error) {
  failure_ = std::move(error);
  if (task_) task_->Wake();
}

Result<std::optional<InputEvent>> ScriptedInput::Next(int64_t) {
  if (barrier_ != 0) return std::optional<InputEvent>(InputEvent{.kind = InputEvent::Kind::kBarrier, .value = std::exchange(barrier_, 0)});
  if (events_.empty()) {
    if (failure_) return *failure_;
    return std::optional<InputEvent>();
  }
  std::optional<InputEvent> event(std::move(events_.front()));
  events_.pop_front();
  ++read_;
  return event;
}

TaskRig::TaskRig(uint64_t seed, int64_t state_limit_bytes)
    : environment_(seed), budget_(state_limit_bytes), scheduler_(Scheduler::Make(environment_.executor(), 2).value()) {
  EXPECT_TRUE(arrow::compute::Initialize().ok());
}

TaskRig::~TaskRig() {
  scheduler_->Stop();
  tasks_.clear();
}

OperatorPtr TaskRig::Probe(std::string name, int64_t held_rows) { return std::make_unique<ProbeOperator>(std::move(name), faults_, held_rows); }

Task::Stage TaskRig::MakeStage(const std::string& name, OperatorPtr op, int lane, int parallelism) {
  auto node = std::make_shared<plan::PhysicalNode>();
  node->name = node->uid = name;
  Task::Stage stage;
  stage.node = std::move(node);
  stage.metrics = std::make_shared<OperatorMetrics>();
  stage.context = std::make_unique<OperatorContext>(OperatorContext{.lane = lane, .parallelism = parallelism, .metrics = stage.metrics.get()});
  stage.op = std::move(op);
  if (stage.op) {
    const Status opened = stage.op->Open(*stage.context);
    EXPECT_TRUE(opened.ok()) << opened.error().message();
  }
  return stage;
}

Task& TaskRig::MakeTask(std::vector<OperatorPtr> chain, WithSink with_sink, bool is_source, int lane, int parallelism) {
  const int index = static_cast<int>(tasks_.size());
  // Lanes share their operators' names, as one plan node does; the first lane's task numbers them.
  const int first = index - lane;
  std::vector<Task::Stage> stages;
  if (is_source) stages.push_back(MakeStage(fmt::format("source-{}", first), nullptr, lane, parallelism));
  for (size_t i = 0; i < chain.size(); ++i) stages.push_back(MakeStage(fmt::format("operator-{}-{}", first, i), std::move(chain[i]), lane, parallelism));
  Task::Options options{.index = index, .lane = lane, .parallelism = parallelism};
  if (is_source) options.source_uid = fmt::format("source-{}", first);
  if (with_sink == WithSink::kYes) {
    auto log = sinks_[index] = std::make_shared<SinkLog>();
    sink_nodes_.push_back(std::make_unique<plan::SinkNode>());
    sink_nodes_.back()->table = std::make_shared<plan::TableDefinition>();
    auto sink = std::make_unique<SinkOperator>(*sink_nodes_.back(), std::make_unique<LoggingLane>(std::move(log), faults_));
    options.sink = 0;
    options.sink_operator = sink.get();
    stages.push_back(MakeStage(fmt::format("sink-{}", first), std::move(sink), lane, parallelism));
  }
  tasks_.push_back(std::make_unique<Task>(std::move(options), environment_.clock(), scheduler_, budget_, *this));
  for (Task::Stage& stage : stages) tasks_.back()->AddStage(std::move(stage));
  return *tasks_.back();
}

int TaskRig::AddSource(std::vector<OperatorPtr> chain, WithSink with_sink, types::SchemaPtr schema) {
  const int index = static_cast<int>(tasks_.size());
  Task& task = MakeTask(std::move(chain), with_sink, true, 0, 1);
  auto input = std::make_unique<ScriptedInput>(std::move(schema));
  input->SetTask(task.handle());
  scripts_[index] = input.get();
  task.SetInput(std::move(input));
  return index;
}

int TaskRig::AddTask(const std::vector<std::vector<int>>& inputs, std::vector<OperatorPtr> chain, WithSink with_sink) {
  const int index = static_cast<int>(tasks_.size());
  Task& task = MakeTask(std::move(chain), with_sink, false, 0, 1);
  std::vector<GateInput::Channel> channels;
  for (size_t input = 0; input < inputs.size(); ++input) {
    for (int from : inputs[input]) {
      auto edge = std::make_shared<Edge>();
      edge->Connect(tasks_[static_cast<size_t>(from)]->handle(), task.handle());
      channels.push_back({static_cast<int>(input), edge});
      tasks_[static_cast<size_t>(from)]->AddOutput(std::make_unique<ExchangeOutput>(std::vector{std::move(edge)}, std::vector<int>(), std::vector<types::DataType>()));
    }
  }
  task.SetInput(std::make_unique<GateInput>(std::move(channels), static_cast<int>(inputs.size()), GateInput::Hold{}));
  return index;
}

std::vector<int> TaskRig::AddLanes(int input, int lanes, const std::function<OperatorPtr()>& make, WithSink with_sink) {
  Task& producer = *tasks_[static_cast<size_t>(input)];
  std::vector<int> added;
  std::vector<std::shared_ptr<Edge>> edges;
  for (int lane = 0; lane < lanes; ++lane) {
    added.push_back(static_cast<int>(tasks_.size()));
    std::vector<OperatorPtr> chain;
    chain.push_back(make());
    Task& task = MakeTask(std::move(chain), with_sink, false, lane, lanes);
    edges.push_back(std::make_shared<Edge>());
    edges.back()->Connect(producer.handle(), task.handle());
    task.SetInput(std::make_unique<GateInput>(std::vector{GateInput::Channel{0, edges.back()}}, 1, GateInput::Hold{}));
  }
  producer.AddOutput(std::make_unique<ExchangeOutput>(std::move(edges), std::vector<int>{0}, std::vector{types::DataType::Int()}));
  return added;
}

std::vector<std::vector<state::LaneSnapshot>> TaskRig::AllCheckpoints() const {
  std::vector<std::vector<state::LaneSnapshot>> all = restored_;
  for (const auto& [id, parts] : snapshots_) {
    EXPECT_EQ(parts.size(), tasks_.size()) << "checkpoint " << id << " is not complete";
    std::vector<state::LaneSnapshot>& states = all.emplace_back();
    for (const auto& [task, snapshot] : parts) states.insert(states.end(), snapshot.states.begin(), snapshot.states.end());
  }
  return all;
}

void TaskRig::RestoreFrom(const TaskRig& other) {
  restored_ = other.AllCheckpoints();
  state::CheckpointFiles files(environment_.environment().files, "state");
  state::Manifest manifest;
  for (size_t i = 0; i < restored_.size(); ++i) {
    auto written = files.Write(static_cast<int64_t>(i) + 1, manifest, restored_[i]);
    ASSERT_TRUE(written.ok()) << written.error().message();
    manifest = std::move(written->manifest);
  }
  for (auto& task : tasks_) {
    for (const Task::Stage& stage : task->stages()) {
      if (!stage.op) continue;
      auto reader = files.Read(manifest, stage.node->uid, task->options().lane, task->options().parallelism);
      const Status restored = stage.op->Restore(*reader);
      ASSERT_TRUE(restored.ok()) << restored.error().message();
    }
  }
}

void TaskRig::Start() {
  for (auto& task : tasks_) {
    task->Link();
    task->handle()->Start();
  }
}

void TaskRig::Settle() {
  while (environment_.executor().RunOne()) {
  }
}

int64_t TaskRig::Trigger() {
  ++checkpoint_;
  for (auto& task : tasks_) task->Trigger(checkpoint_);
  return checkpoint_;
}

void TaskRig::Cancel() {
  for (auto& task : tasks_) task->Cancel();
}

void TaskRig::OnSnapshot(TaskSnapshot snapshot) {
  const int64_t checkpoint = snapshot.checkpoint_id;
  const int task = snapshot.task;
  if (snapshot.prepared) prepared_[{checkpoint, task}] = snapshot.prepared->Finish().value();
  snapshots_[checkpoint].emplace(task, std::move(snapshot));
}

// As a job does: the first failure is the one to tell, and all tasks are cancelled.
void TaskRig::OnStopped(int task, std::optional<Error> failure) {
  stopped_[task] = failure;
  if (!failure || !first_failure_.empty()) return;
  first_failure_ = std::string(failure->message());
  first_place_ = failure->context().empty() ? "" : failure->context().back();
  Cancel();
}

}  // namespace firn::exec
