// SPDX-License-Identifier: Apache-2.0
#include "exec/scheduler.h"

#include <gtest/gtest.h>

#include "io/simulated_environment.h"

namespace firn::exec {
namespace {

class Counted final : public Runnable {
 public:
  explicit Counted(RunState answer) : answer_(answer) {}
  RunState Run() override {
    ++runs;
    return answer_;
  }
  void AfterStop() override { ++stops; }

  int runs = 0;
  int stops = 0;

 private:
  const RunState answer_;
};

class SchedulerTest : public testing::Test {
 protected:
  ~SchedulerTest() override { scheduler_->Stop(); }
  std::shared_ptr<TaskHandle> HandleOf(Runnable& runnable) { return std::make_shared<TaskHandle>(scheduler_, runnable); }
  void Settle() {
    while (world_.executor().RunOne()) {
    }
  }

  io::SimulatedEnvironment world_{1};
  std::shared_ptr<Scheduler> scheduler_ = Scheduler::Make(world_.executor(), 2).value();
};

// A source tells a task of new rows as soon as the task is made; a job that cannot be brought back drops its tasks without ever starting them.
TEST_F(SchedulerTest, ATaskThatIsNotStartedIsNeverRun) {
  auto task = std::make_unique<Counted>(RunState::kWaiting);
  auto handle = HandleOf(*task);
  handle->Wake();
  handle->WakeAfter(1);
  Settle();
  EXPECT_EQ(task->runs, 0);
  task.reset();
  handle->Wake();
  Settle();
}

TEST_F(SchedulerTest, RunsOnceAWakeUntilItHasStopped) {
  Counted waiting(RunState::kWaiting);
  Counted stopping(RunState::kStopped);
  auto handle = HandleOf(waiting);
  auto stopped = HandleOf(stopping);
  handle->Start();
  stopped->Start();
  Settle();
  EXPECT_EQ(waiting.runs, 1);
  for (int i = 0; i < 3; ++i) {
    handle->Wake();
    handle->Wake();
    stopped->Wake();
    Settle();
  }
  EXPECT_EQ(waiting.runs, 4);
  EXPECT_EQ(stopping.runs, 1);
  EXPECT_EQ(stopping.stops, 1);
}

}  // namespace
}  // namespace firn::exec
