// SPDX-License-Identifier: Apache-2.0
// Sources as jobs see them: watermarks over partitions, late rows, idleness, and all of it through checkpoints.
#include "exec/scan_input.h"

#include <gtest/gtest.h>

#include "exec/operator_test_rig.h"
#include "io/simulated_environment.h"
#include "state/checkpoint_files.h"

namespace firn::exec {
namespace {

using types::DataType;

types::SchemaPtr RowSchema() { return types::MakeSchema({{"k", DataType::Int()}, {"ts", DataType::Timestamp(3)}}); }

// Event times of each partition, a batch a poll.
using Script = std::vector<std::vector<std::vector<int32_t>>>;

class ScriptedSource final : public Source {
 public:
  explicit ScriptedSource(Script script) : script_(std::move(script)), next_(script_.size(), 0) {}
  int partition_count() const override { return static_cast<int>(script_.size()); }
  // From now on partitions have only so many batches as was said; the others come with a wake.
  void HoldBack(std::vector<size_t> available) { available_ = std::move(available); }
  void Release(int partition) {
    ++available_[static_cast<size_t>(partition)];
    waker_();
  }
  Result<PollResult> Poll(int partition, int64_t) override {
    const auto at = static_cast<size_t>(partition);
    std::vector<Change> rows;
    PollResult result{.state = PollState::kBlocked};
    if (next_[at] < std::min(script_[at].size(), available_.empty() ? script_[at].size() : available_[at])) {
      result.state = PollState::kMore;
      for (int32_t time : script_[at][next_[at]++]) rows.push_back({types::RowKind::kInsert, {partition, time}});
    }
    result.rows = MakeBatch(RowSchema(), rows);
    result.rows.kinds = nullptr;
    return result;
  }
  void SetWaker(std::function<void()> waker) override { waker_ = std::move(waker); }
  Result<std::string> Positions() const override {
    std::string text;
    for (size_t next : next_) text.push_back(static_cast<char>('0' + next));
    return text;
  }
  Status Seek(const std::string& positions) override {
    for (size_t i = 0; i < next_.size(); ++i) next_[i] = static_cast<size_t>(positions[i] - '0');
    return Ok();
  }
  std::vector<PartitionStatus> Describe() const override {
    std::vector<PartitionStatus> all;
    for (size_t i = 0; i < script_.size(); ++i) all.push_back({.name = "p-" + std::to_string(i)});
    return all;
  }

 private:
  const Script script_;
  std::vector<size_t> next_;
  std::vector<size_t> available_;
  std::function<void()> waker_;
};

plan::PhysicalNode ScanOfTimes() {
  plan::PhysicalNode node;
  node.name = "Source";
  node.schema = RowSchema();
  plan::ScanNode scan;
  scan.table = std::make_shared<plan::TableDefinition>();
  scan.read_columns = RowSchema()->fields();
  scan.outputs = {expr::MakeColumn(0, "k", DataType::Int()), expr::MakeColumn(1, "ts", DataType::Timestamp(3))};
  scan.rowtime = 1;
  scan.watermark = expr::MakeColumn(1, "ts", DataType::Timestamp(3));
  node.spec = std::move(scan);
  return node;
}

class ScanInputTest : public testing::Test {
 protected:
  ScanInputTest() { context_.metrics = &metrics_; }

  std::unique_ptr<ScanInput> Make(Script script, int64_t idle_timeout_ms = 0) {
    auto made = ScanInput::Make(node_, std::make_unique<ScriptedSource>(std::move(script)), {.watermark_interval_ms = 0, .idle_timeout_ms = idle_timeout_ms}, context_);
    EXPECT_TRUE(made.ok());
    return std::move(made).value();
  }
  // Reads until nothing comes; "k/time" for rows, "w time" for watermarks, "idle", "active".
  std::vector<std::string> Drain(ScanInput& input, int64_t now_ms = 0) {
    std::vector<std::string> seen;
    while (true) {
      auto event = input.Next(now_ms);
      EXPECT_TRUE(event.ok()) << event.error().message();
      if (!event.ok() || !event->has_value()) return seen;
      Note(**event, &seen);
    }
  }
  static void Note(const InputEvent& event, std::vector<std::string>* seen) {
    if (event.kind == InputEvent::Kind::kWatermark) seen->push_back("w " + std::to_string(event.value));
    if (event.kind == InputEvent::Kind::kActivity) seen->push_back(event.value != 0 ? "idle" : "active");
    if (event.kind != InputEvent::Kind::kBatch) return;
    for (const Change& row : ChangesOf(event.batch)) seen->push_back(std::to_string(*row.row[0]) + "/" + std::to_string(*row.row[1]));
  }
  std::vector<int64_t> LateRows(const ScanInput& input) {
    std::vector<int64_t> late;
    for (const SourcePartitionStatus& partition : input.Describe()) late.push_back(partition.late_rows);
    return late;
  }

  OperatorMetrics metrics_;
  OperatorContext context_;
  const plan::PhysicalNode node_ = ScanOfTimes();
};

// Late is what comes at or behind the watermark of the rows before it, that of all partitions; such rows are passed on.
TEST_F(ScanInputTest, LateRowsAreCountedAndPassedOn) {
  auto input = Make({{{10, 20, 15, 20, 21}}});
  EXPECT_EQ(Drain(*input), (std::vector<std::string>{"0/10", "0/20", "0/15", "0/20", "0/21", "w 21"}));
  EXPECT_EQ(LateRows(*input), (std::vector<int64_t>{2}));
}

TEST_F(ScanInputTest, APartitionBehindTheOthersIsNotLate) {
  auto input = Make({{{100}, {110}}, {{5}, {6, 4}, {120, 60}}});
  Drain(*input);
  // The second partition's 4 came behind its own 6, and its 60 behind its 120 when both stood at 110.
  EXPECT_EQ(LateRows(*input), (std::vector<int64_t>{0, 2}));
}

TEST_F(ScanInputTest, WatermarksLateRowsAndPositionsSurviveACheckpoint) {
  const Script script = {{{10, 5}, {30, 3}}, {{20, 19}, {40, 25}}};  // 3 comes at watermark 20, 25 at 30
  auto whole = Make(script);
  const std::vector<std::string> expected = Drain(*whole);
  const std::vector<int64_t> expected_late = LateRows(*whole);
  EXPECT_EQ(expected_late, (std::vector<int64_t>{1, 1}));

  io::SimulatedEnvironment world(3);
  state::CheckpointFiles files(world.environment().files, "state");
  state::Manifest manifest;
  std::string positions;
  std::vector<std::string> seen;
  for (int64_t id = 1;; ++id) {  // a new process after each batch
    auto input = Make(script);
    if (id > 1) {
      ASSERT_TRUE(input->Restore(positions, *files.Read(manifest, "scan", 0, 1)).ok());
    }
    bool has_read = false;
    for (auto event = input->Next(0); event.ok() && event->has_value() && (*event)->kind != InputEvent::Kind::kBarrier; event = input->Next(0)) {
      Note(**event, &seen);
      if ((*event)->kind == InputEvent::Kind::kBatch) input->InjectBarrier(id);  // comes behind what the same poll has given
      has_read = true;
    }
    state::SnapshotCollector collector("scan", 0, 1);
    ASSERT_TRUE(input->Snapshot(collector).ok());
    auto written = files.Write(id, manifest, {std::move(collector).Take()});
    ASSERT_TRUE(written.ok());
    manifest = std::move(written->manifest);
    positions = input->Positions().value();
    if (has_read) continue;
    EXPECT_EQ(LateRows(*input), expected_late);
    break;
  }
  EXPECT_EQ(seen, expected);
}

// A barrier may come before anything has been read: before the partitions are known again.
TEST_F(ScanInputTest, ACheckpointBeforeTheFirstReadKeepsWhatWasRestored) {
  const Script script = {{{10, 20}, {15, 30}}};
  io::SimulatedEnvironment world(3);
  state::CheckpointFiles files(world.environment().files, "state");
  state::Manifest manifest;
  const auto snapshot = [&](int64_t id, ScanInput& input) {
    state::SnapshotCollector collector("scan", 0, 1);
    ASSERT_TRUE(input.Snapshot(collector).ok());
    manifest = files.Write(id, manifest, {std::move(collector).Take()}).value().manifest;
  };
  auto input = Make(script);
  ASSERT_TRUE(input->Next(0).value().has_value());
  snapshot(1, *input);
  const std::string positions = input->Positions().value();
  for (int64_t id = 2; id < 4; ++id) {
    input = Make(script);
    ASSERT_TRUE(input->Restore(positions, *files.Read(manifest, "scan", 0, 1)).ok());
    if (id == 2) snapshot(id, *input);
  }
  EXPECT_EQ(Drain(*input).back(), "w 30");
  EXPECT_EQ(LateRows(*input), (std::vector<int64_t>{1})) << "15 comes behind 20";
}

TEST_F(ScanInputTest, IdlePartitionsLetTheOthersGoOn) {
  auto input = Make({{{10}, {20}}, {{5}}}, 1000);
  EXPECT_EQ(Drain(*input, 0), (std::vector<std::string>{"0/10", "1/5", "w 5", "0/20"}));
  EXPECT_EQ(input->NextTimerMs(), 1000);
  EXPECT_EQ(Drain(*input, 1000), (std::vector<std::string>{"w 20", "idle"}));
}

// Rows that keep coming in one partition say nothing of another one.
TEST_F(ScanInputTest, APartitionGoesIdleWhileTheOthersAreBusy) {
  io::SimulatedEnvironment world{1};
  auto source = std::make_unique<ScriptedSource>(Script{{{100}, {200}, {300}, {400}, {500}}, {{5}, {450}}});
  ScriptedSource& script = *source;
  script.HoldBack({0, 1});
  auto made = ScanInput::Make(node_, std::move(source), {.watermark_interval_ms = 0, .idle_timeout_ms = 1000}, context_);
  ASSERT_TRUE(made.ok());
  ScanInput& input = **made;
  struct Nothing final : Runnable {
    RunState Run() override { return RunState::kWaiting; }
  } nothing;
  input.SetTask(std::make_shared<TaskHandle>(Scheduler::Make(world.environment().executor, 1).value(), nothing));
  EXPECT_EQ(Drain(input, 0), (std::vector<std::string>{"1/5"}));
  script.Release(0);
  EXPECT_EQ(Drain(input, 400), (std::vector<std::string>{"0/100", "w 5"}));
  script.Release(0);
  EXPECT_EQ(Drain(input, 800), (std::vector<std::string>{"0/200"}));
  script.Release(0);
  EXPECT_EQ(Drain(input, 1200), (std::vector<std::string>{"w 200", "0/300", "w 300"}));
  script.Release(0);
  EXPECT_EQ(Drain(input, 1600), (std::vector<std::string>{"0/400", "w 400"}));
  script.Release(1);  // it is heard again, and holds back again
  script.Release(0);
  EXPECT_EQ(Drain(input, 1800), (std::vector<std::string>{"1/450", "0/500", "w 450"}));
}

}  // namespace
}  // namespace firn::exec
