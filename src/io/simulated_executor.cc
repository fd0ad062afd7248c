// SPDX-License-Identifier: Apache-2.0
#include "io/simulated_executor.h"

#include <algorithm>

#include "base/assert.h"

namespace firn::io {

namespace {

// A task takes some time, so that deadlines and intervals mean something.
constexpr uint64_t kTaskUsMax = 20;
constexpr uint64_t kYieldTasksMax = 4;

}  // namespace

class SimulatedQueue final : public TaskQueue {
 public:
  SimulatedQueue(SimulatedExecutor& executor, std::string name) : executor_(executor), name_(std::move(name)) { executor_.queues_.push_back(this); }
  ~SimulatedQueue() override {
    FIRN_ASSERT(depth_ == 0, "task queue {} is destroyed by one of its own tasks", name_);
    std::erase(executor_.queues_, this);
    std::erase_if(executor_.timers_, [&](const auto& timer) { return timer.second.queue == this; });
  }

  void Post(Task task) override { tasks_.push_back(std::move(task)); }
  TimerId PostAfter(int64_t delay_us, Task task) override {
    const TimerId id = ++executor_.last_timer_;
    executor_.timers_.emplace(std::make_pair(executor_.clock_.MonotonicUs() + std::max<int64_t>(delay_us, 0), id), SimulatedExecutor::Timer{this, std::move(task)});
    return id;
  }
  void CancelTimer(TimerId timer) override {
    std::erase_if(executor_.timers_, [&](const auto& other) { return other.first.second == timer && other.second.queue == this; });
  }
  bool IsCurrent() const override { return depth_ > 0; }

  bool is_ready() const { return depth_ == 0 && !tasks_.empty(); }
  void RunFront() {
    const Task task = std::move(tasks_.front());
    tasks_.pop_front();
    ++depth_;
    task();
    --depth_;
  }

 private:
  SimulatedExecutor& executor_;
  const std::string name_;
  std::deque<Task> tasks_;
  int depth_ = 0;  // 1 while a task runs
};

namespace {

class SimulatedEvent final : public Event {
 public:
  explicit SimulatedEvent(SimulatedExecutor& executor) : executor_(executor) {}
  void Set() override { is_set_ = true; }
  void Wait() override {
    const bool happened = executor_.StepUntil([&] { return is_set_; });
    FIRN_ASSERT(happened || executor_.is_halted(), "an event is awaited and nothing is left that could set it");
  }

 private:
  SimulatedExecutor& executor_;
  bool is_set_ = false;
};

}  // namespace

SimulatedExecutor::~SimulatedExecutor() { FIRN_ASSERT(queues_.empty(), "{} queues outlive their executor", queues_.size()); }

Result<std::unique_ptr<TaskQueue>> SimulatedExecutor::NewQueue(const std::string& name) { return std::unique_ptr<TaskQueue>(std::make_unique<SimulatedQueue>(*this, name)); }

std::unique_ptr<Event> SimulatedExecutor::NewEvent() { return std::make_unique<SimulatedEvent>(*this); }

void SimulatedExecutor::TakeDueTimers() {
  while (!timers_.empty() && timers_.begin()->first.first <= clock_.MonotonicUs()) {
    Timer due = std::move(timers_.begin()->second);
    timers_.erase(timers_.begin());
    due.queue->Post(std::move(due.task));
  }
}

bool SimulatedExecutor::RunOne() {
  if (is_halted_) return false;
  TakeDueTimers();
  std::vector<SimulatedQueue*> ready;
  std::copy_if(queues_.begin(), queues_.end(), std::back_inserter(ready), [](const SimulatedQueue* queue) { return queue->is_ready(); });
  if (ready.empty()) return false;
  clock_.AdvanceUs(static_cast<int64_t>(random_.Below(kTaskUsMax)));
  ++task_count_;
  ready[random_.Below(ready.size())]->RunFront();
  return true;
}

bool SimulatedExecutor::Step() {
  if (RunOne()) return true;
  if (is_halted_ || timers_.empty()) return false;
  clock_.AdvanceUs(timers_.begin()->first.first - clock_.MonotonicUs());
  TakeDueTimers();
  return true;
}

bool SimulatedExecutor::StepUntil(const std::function<bool()>& is_done) {
  while (!is_done()) {
    if (!Step()) return is_done();
  }
  return true;
}

void SimulatedExecutor::StepFor(int64_t us) {
  const int64_t end_us = clock_.MonotonicUs() + us;
  while (clock_.MonotonicUs() < end_us && !is_halted_) {
    if (RunOne()) continue;
    const int64_t next_us = timers_.empty() ? end_us : std::min(timers_.begin()->first.first, end_us);
    clock_.AdvanceUs(std::max<int64_t>(0, next_us - clock_.MonotonicUs()));
  }
}

void SimulatedExecutor::Yield() {
  for (uint64_t left = random_.Below(kYieldTasksMax + 1); left > 0 && RunOne(); --left) {
  }
}

}  // namespace firn::io
