// SPDX-License-Identifier: Apache-2.0
// A broker without threads and clocks of its own, for tests and the fuzzer: one queue that runs when told to, time that moves when told to, a store in memory.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "base/must.h"
#include "broker/broker.h"
#include "broker/memory_store.h"
#include "io/clock.h"
#include "io/executor.h"
#include "io/random.h"
#include "io/real_environment.h"
#include "kafka/error_code.h"
#include "kafka/frame.h"
#include "kafka/messages/produce.h"
#include "kafka/record_batch.h"

namespace firn::broker {

/// When a rig starts, in milliseconds since 1970.
inline constexpr int64_t kNow = 1'700'000'000'000;

/// An error code as it is on the wire.
inline int16_t Number(kafka::KafkaCode code) { return static_cast<int16_t>(code); }

class RigClock final : public io::Clock {
 public:
  int64_t WallTimeMs() const override { return kNow + now_us / 1000; }
  int64_t MonotonicUs() const override { return now_us; }
  int64_t now_us = 0;
};

class RigRandom final : public io::Random {
 public:
  uint64_t Next() override { return state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL; }

 private:
  uint64_t state_ = 42;
};

class RigQueue final : public io::TaskQueue {
 public:
  explicit RigQueue(RigClock& clock) : clock_(clock) {}
  void Post(io::Task task) override { tasks_.push_back(std::move(task)); }
  io::TimerId PostAfter(int64_t delay_us, io::Task task) override {
    timers_[{clock_.now_us + delay_us, ++last_timer_}] = std::move(task);
    return last_timer_;
  }
  void CancelTimer(io::TimerId timer) override {
    std::erase_if(timers_, [&](const auto& entry) { return entry.first.second == timer; });
  }
  bool IsCurrent() const override { return true; }

  void Run() {
    while (!tasks_.empty()) {
      for (auto& task : std::exchange(tasks_, {})) {
        task();
        if (after_each) after_each();
      }
    }
  }
  std::function<void()> after_each;  // task
  /// Moves time, firing timers at their moments.
  void AdvanceMs(int64_t ms) {
    const int64_t end_us = clock_.now_us + ms * 1000;
    Run();
    while (!timers_.empty() && timers_.begin()->first.first <= end_us) {
      auto timer = timers_.extract(timers_.begin());
      clock_.now_us = timer.key().first;
      timer.mapped()();
      Run();
    }
    clock_.now_us = end_us;
  }
  void Clear() {
    tasks_.clear();
    timers_.clear();
  }

 private:
  RigClock& clock_;
  std::vector<io::Task> tasks_;
  std::map<std::pair<int64_t, io::TimerId>, io::Task> timers_;
  io::TimerId last_timer_ = 0;
};

/// Threads that run when told to: what they are given waits until Run.
class RigExecutor final : public io::Executor {
  class Queue final : public io::TaskQueue {
   public:
    explicit Queue(RigExecutor& executor) : executor_(executor) { executor_.queues_.push_back(this); }
    ~Queue() override { std::erase(executor_.queues_, this); }
    void Post(io::Task task) override { tasks.push_back(std::move(task)); }
    io::TimerId PostAfter(int64_t, io::Task) override { FIRN_UNREACHABLE("no timers beside the broker's queue"); }
    void CancelTimer(io::TimerId) override {}
    bool IsCurrent() const override { return true; }
    std::vector<io::Task> tasks;

   private:
    RigExecutor& executor_;
  };

 public:
  Result<std::unique_ptr<io::TaskQueue>> NewQueue(const std::string&) override { return std::unique_ptr<io::TaskQueue>(std::make_unique<Queue>(*this)); }
  std::unique_ptr<io::Event> NewEvent() override { FIRN_UNREACHABLE("nothing in the broker blocks on an event"); }
  int parallelism() const override { return 1; }

  size_t waiting_count() const {
    size_t count = 0;
    for (const Queue* queue : queues_) count += queue->tasks.size();
    return count;
  }
  /// Whether there was something to run.
  bool Run() {
    const bool is_busy = waiting_count() > 0;
    for (Queue* queue : queues_) {
      for (auto& task : std::exchange(queue->tasks, {})) task();
    }
    return is_busy;
  }

 private:
  std::vector<Queue*> queues_;
};

class Rig {
 public:
  explicit Rig(const BrokerOptions& options = {}) : options_(options), queue(clock) {
    const Status status = Open();
    FIRN_ASSERT(status.ok(), "{}", status.error().ToString());
  }
  ~Rig() { broker.reset(); }

  /// What kill -9 and a restart are to the broker: only what the store has remains. Entries that are held are lost.
  void Crash() {
    const Status status = Restart();
    FIRN_ASSERT(status.ok(), "{}", status.error().ToString());
  }
  /// The same where the broker may find something that it does not start with.
  Status Restart() {
    store->DropHeld();
    broker.reset();
    queue.Clear();
    return Open();
  }

  /// A request on its way; the response when it has come.
  template <typename Response>
  struct Pending {
    std::shared_ptr<std::optional<Reply>> reply = std::make_shared<std::optional<Reply>>();
    int version = 0;
    bool done() const { return reply->has_value(); }
    Reply::Kind kind() const { return (*reply)->kind; }
    Response Get() const {
      FIRN_ASSERT(done(), "no reply yet");
      FIRN_ASSERT(kind() == Reply::Kind::kSend, "closed: {}", (*reply)->reason);
      std::string frame;
      for (const auto& part : (*reply)->frame) frame.append(part.view());
      auto response = kafka::DecodeResponse<Response>(base::SharedBytes::FromString(frame.substr(kafka::kFrameSizeBytes)), version, 7);
      FIRN_ASSERT(response.ok(), "{}", response.error().ToString());
      return std::move(*response);
    }
  };

  template <typename Response, typename Request>
  Pending<Response> Send(int version, const Request& request, const std::string& client = "rig") {
    std::string frame;
    const auto header = kafka::RequestHeader{.api_version = static_cast<int16_t>(version), .correlation_id = 7, .client_id = client};
    for (const auto& part : kafka::EncodeRequest(header, request)) frame.append(part.view());
    Pending<Response> pending{.version = version};
    SendFrame(frame.substr(kafka::kFrameSizeBytes), pending.reply);
    return pending;
  }
  template <typename Response, typename Request>
  Response Call(int version, const Request& request, const std::string& client = "rig") {
    return Send<Response>(version, request, client).Get();
  }
  void SendFrame(std::string frame, std::shared_ptr<std::optional<Reply>> reply) {
    broker->Handle({base::SharedBytes::FromString(std::move(frame))}, {.host = "127.0.0.1", .connection = connection}, [reply](Reply answer) {
      FIRN_ASSERT(!reply->has_value(), "answered twice");
      *reply = std::move(answer);
    });
    Run();
  }
  /// The broker's queue, and its blocking calls unless the test holds them.
  void Run() {
    do queue.Run();
    while (!holds_calls && executor.Run());
  }

  BrokerOptions options_;
  RigClock clock;
  RigQueue queue;
  RigRandom random;
  RigExecutor executor;
  bool holds_calls = false;
  uint64_t connection = 0;  // of requests from now on
  io::RealEnvironment real = Must(io::RealEnvironment::Make());
  std::unique_ptr<MemoryStore> store = std::make_unique<MemoryStore>();
  std::unique_ptr<Broker> broker;

 private:
  Status Open() {
    const io::Environment rest = real.environment();
    const io::Environment environment{clock, random, rest.files, rest.network, executor};
    FIRN_TRY(broker, Broker::Open(environment, *store, queue, options_));
    queue.Run();
    return Ok();
  }
};

/// A produce request for one partition.
inline kafka::ProduceRequest ProduceOf(const std::string& topic, int32_t partition, std::string batch, int16_t acks = -1) {
  kafka::ProduceRequest request;
  request.acks = acks;
  request.timeout_ms = 1'000;
  auto& wanted = request.topics.emplace_back();
  wanted.name = topic;
  auto& part = wanted.partitions.emplace_back();
  part.index = partition;
  part.records = kafka::Records{base::SharedBytes::FromString(std::move(batch))};
  return request;
}

/// A batch with these values, all of this time.
inline std::string BatchOf(const std::vector<std::string>& values, int64_t timestamp_ms, const kafka::RecordBatchBuilder::Options& options = {}) {
  kafka::RecordBatchBuilder builder(options);
  for (const std::string& value : values) builder.Append(timestamp_ms, std::nullopt, value);
  return builder.Build();
}

}  // namespace firn::broker
