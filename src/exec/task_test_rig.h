// SPDX-License-Identifier: Apache-2.0
// Drives whole tasks in tests: a script of events -> operators -> sink in one task, or several tasks with edges between them, on one simulated
// thread in an order that a seed picks. Rows are those of operator_test_rig.h.
//
//   TaskRig rig;
//   const int source = rig.AddSource({rig.Probe("a"), rig.Probe("b")}, TaskRig::WithSink::kYes);
//   rig.Start();
//   rig.script(source).Rows({1, 2, 3});
//   rig.Settle();
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "exec/gate_input.h"
#include "exec/operator_test_rig.h"
#include "exec/task.h"
#include "exec/task_input.h"
#include "io/simulated_environment.h"
#include "state/checkpoint_files.h"

namespace firn::exec {

/// The calls of an operator or sink that a test can let fail.
enum class Call { kOpen, kProcess, kAdvance, kTimer, kEndInput, kSnapshot, kFinish, kPrepare };

/// What all probes and sinks of a rig look at. A failure is named after who fails.
struct Faults {
  std::set<std::pair<std::string, Call>> armed;
  Status Check(const std::string& name, Call call) const;
};

/// A source's events, in the order in which the test gives them. Barriers come as sources get them: before the next event.
class ScriptedInput final : public TaskInput {
 public:
  explicit ScriptedInput(types::SchemaPtr schema) : schema_(std::move(schema)) {}
  /// Called after each event is added; before the task starts.
  void SetTask(std::shared_ptr<TaskHandle> task) { task_ = std::move(task); }

  void Rows(const std::vector<int32_t>& values);
  void Batch(types::Batch batch) { Add({.kind = InputEvent::Kind::kBatch, .batch = std::move(batch)}); }
  void Watermark(int64_t watermark_ms) { Add({.kind = InputEvent::Kind::kWatermark, .value = watermark_ms}); }
  void Idle(bool is_idle) { Add({.kind = InputEvent::Kind::kActivity, .value = is_idle ? 1 : 0}); }
  /// The final watermark, then the end.
  void End();
  void Fail(Error error);
  size_t unread() const { return events_.size(); }

  Result<std::optional<InputEvent>> Next(int64_t now_ms) override;
  void InjectBarrier(int64_t checkpoint_id) override { barrier_ = checkpoint_id; }
  bool HasBarrier() const override { return barrier_ != 0; }
  Result<std::string> Positions() const override { return std::to_string(read_); }

 private:
  void Add(InputEvent event);

  const types::SchemaPtr schema_;
  std::shared_ptr<TaskHandle> task_;
  std::deque<InputEvent> events_;
  std::optional<Error> failure_;  // after the events
  int64_t barrier_ = 0;
  int64_t read_ = 0;              // events
};

/// What has reached one lane of a sink.
struct SinkLog {
  std::vector<Change> rows;
};

class TaskRig final : public TaskListener {
 public:
  enum class WithSink { kNo, kYes };
  explicit TaskRig(uint64_t seed = 1, int64_t state_limit_bytes = int64_t{1} << 40);
  ~TaskRig() override;

  /// Passes everything on; fails where Faults says so. `held_rows`: keeps what it gets and gives it out at its end, so many rows a batch; 0: none.
  OperatorPtr Probe(std::string name, int64_t held_rows = 0);
  /// Tasks are added before those that read them, and all before Start. `schema`: of the rows that come. Both return the task's number.
  int AddSource(std::vector<OperatorPtr> chain, WithSink with_sink, types::SchemaPtr schema = IntSchema(1));
  /// `inputs`: one list of tasks an input of the first operator. Each task feeds one other at most, or several lanes of it, by column 0.
  int AddTask(const std::vector<std::vector<int>>& inputs, std::vector<OperatorPtr> chain, WithSink with_sink);
  std::vector<int> AddLanes(int input, int lanes, const std::function<OperatorPtr()>& make, WithSink with_sink);
  /// Before Start: the stages' state as of the last checkpoint of another rig, which all tasks have taken part in.
  void RestoreFrom(const TaskRig& other);
  void Start();

  /// Runs until nothing can go on.
  void Settle();
  void Step() { environment_.executor().Step(); }
  void AdvanceTime(int64_t ms) { environment_.executor().StepFor(ms * 1000); }
  /// Asks all tasks for their part of the next checkpoint; its number.
  int64_t Trigger();
  void Cancel();

  ScriptedInput& script(int task) { return *scripts_.at(task); }
  const SinkLog& sink(int task) { return *sinks_.at(task); }
  Faults& faults() { return faults_; }
  /// The parts of a checkpoint that have come, by task.
  const std::map<int, TaskSnapshot>& snapshots(int64_t checkpoint) { return snapshots_[checkpoint]; }
  /// How many rows a task's sink has had at a checkpoint, as text.
  std::string prepared(int64_t checkpoint, int task) { return prepared_[{checkpoint, task}]; }
  bool has_ended(int task) const { return ended_.contains(task); }
  bool has_stopped(int task) const { return stopped_.contains(task); }
  /// Why a task has stopped; empty: cancelled, or it has not.
  std::optional<Error> failure(int task) const { return stopped_.contains(task) ? stopped_.at(task) : std::nullopt; }
  /// The message of the first failure of all tasks, as a job would tell it.
  std::string first_failure() const { return first_failure_; }
  /// What the first failure says of its place.
  std::string first_place() const { return first_place_; }
  TaskStatus status(int task) { return tasks_[static_cast<size_t>(task)]->monitor()->Get(); }

  void OnSnapshot(TaskSnapshot snapshot) override;
  void OnEnded(int task) override { ended_.insert(task); }
  void OnStopped(int task, std::optional<Error> failure) override;

 private:
  std::vector<std::vector<state::LaneSnapshot>> AllCheckpoints() const;
  Task& MakeTask(std::vector<OperatorPtr> chain, WithSink with_sink, bool is_source, int lane, int parallelism);
  Task::Stage MakeStage(const std::string& name, OperatorPtr op, int lane, int parallelism);

  io::SimulatedEnvironment environment_;
  StateBudget budget_;
  std::shared_ptr<Scheduler> scheduler_;
  Faults faults_;
  std::vector<std::unique_ptr<Task>> tasks_;
  std::map<int, ScriptedInput*> scripts_;
  std::map<int, std::shared_ptr<SinkLog>> sinks_;
  std::vector<std::unique_ptr<plan::SinkNode>> sink_nodes_;
  std::map<int, std::vector<GateInput::Channel>> channels_;  // by consumer
  std::map<int, int> input_counts_;
  int64_t checkpoint_ = 0;
  std::vector<std::vector<state::LaneSnapshot>> restored_;  // the checkpoints that RestoreFrom went by
  std::map<int64_t, std::map<int, TaskSnapshot>> snapshots_;
  std::map<std::pair<int64_t, int>, std::string> prepared_;
  std::set<int> ended_;
  std::map<int, std::optional<Error>> stopped_;
  std::string first_failure_;
  std::string first_place_;
};

}  // namespace firn::exec
