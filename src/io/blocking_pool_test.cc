// SPDX-License-Identifier: Apache-2.0
#include "io/blocking_pool.h"

#include <gtest/gtest.h>

#include <deque>

#include "base/assert.h"

namespace firn::io {
namespace {

// Has so many threads to give and no other.
class PoorExecutor final : public Executor {
  class Queue final : public TaskQueue {
   public:
    explicit Queue(std::deque<Task>& tasks) : tasks_(tasks) {}
    void Post(Task task) override { tasks_.push_back(std::move(task)); }
    TimerId PostAfter(int64_t, Task) override { FIRN_UNREACHABLE("no timers"); }
    void CancelTimer(TimerId) override {}
    bool IsCurrent() const override { return true; }

   private:
    std::deque<Task>& tasks_;
  };

 public:
  explicit PoorExecutor(int threads) : threads_(threads) {}
  Result<std::unique_ptr<TaskQueue>> NewQueue(const std::string&) override {
    if (++asked > threads_) return Error(ErrorCode::kUnavailable, "no thread can be started");
    return std::unique_ptr<TaskQueue>(std::make_unique<Queue>(tasks));
  }
  std::unique_ptr<Event> NewEvent() override { FIRN_UNREACHABLE("no events"); }
  int parallelism() const override { return 1; }

  int asked = 0;
  std::deque<Task> tasks;

 private:
  const int threads_;
};

TEST(BlockingPool, DoesWithTheThreadsThatThereAre) {
  PoorExecutor executor(1);
  BlockingPool pool(executor, "pool", 4);
  int done = 0;
  for (int i = 0; i < 3; ++i) pool.Run([&] { ++done; });
  EXPECT_GT(executor.asked, 1);
  EXPECT_EQ(executor.tasks.size(), 1u);
  while (!executor.tasks.empty()) {
    auto task = std::move(executor.tasks.front());
    executor.tasks.pop_front();
    task();
  }
  EXPECT_EQ(done, 3);
}

TEST(BlockingPool, DoesWithoutAnyThread) {
  PoorExecutor executor(0);
  BlockingPool pool(executor, "pool", 4);
  int done = 0;
  for (int i = 0; i < 3; ++i) pool.Run([&] { ++done; });
  EXPECT_EQ(done, 3);
}

}  // namespace
}  // namespace firn::io
