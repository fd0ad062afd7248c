// SPDX-License-Identifier: Apache-2.0
// The broker's own queue: posts, timers, and journal entries whose outcome comes back to it. Nothing that was given to it runs after it
// is destroyed, so the parts of the broker may capture `this`.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "base/result.h"
#include "io/clock.h"
#include "io/executor.h"
#include "log/journal.h"

namespace firn::broker {

/// Of keys in one entry of DeleteInParts: it fits into what the journal keeps for entries without records when the disk is full.
inline constexpr size_t kDeletedKeyBytesMax = 32 << 10;

/// Lives on the queue it wraps: all calls but Post come from its tasks. The queue, the clock and the journal outlive it.
class BrokerQueue {
 public:
  BrokerQueue(io::TaskQueue& queue, io::Clock& clock, log::Journal& journal)
      : queue_(queue), clock_(clock), journal_(journal), alive_(std::make_shared<bool>(true)) {}
  ~BrokerQueue() { *alive_ = false; }
  BrokerQueue(const BrokerQueue&) = delete;
  BrokerQueue& operator=(const BrokerQueue&) = delete;

  int64_t wall_time_ms() const { return clock_.WallTimeMs(); }
  int64_t monotonic_us() const { return clock_.MonotonicUs(); }
  bool IsCurrent() const { return queue_.IsCurrent(); }

  /// Thread-safe as long as the queue lives.
  void Post(io::Task task) { queue_.Post(Guard(std::move(task))); }
  /// What Post takes, for callers on other threads that may outlive the broker.
  std::function<void()> Waker(io::Task task) {
    return [queue = &queue_, guarded = Guard(std::move(task))] { queue->Post(guarded); };
  }
  /// As Waker, for one call: that hands the task over, so that the caller's thread destroys nothing of it.
  io::Task Delivery(io::Task task) {
    return [queue = &queue_, guarded = Guard(std::move(task))]() mutable { queue->Post(std::move(guarded)); };
  }
  io::TimerId After(int64_t delay_ms, io::Task task) { return queue_.PostAfter(delay_ms * 1000, Guard(std::move(task))); }
  void Cancel(io::TimerId timer) { queue_.CancelTimer(timer); }

  /// Appends an entry; `done` runs on this queue.
  void Append(std::vector<log::Operation> operations, std::function<void(Result<log::Committed>)> done) {
    journal_.Append(std::move(operations), [queue = &queue_, alive = alive_, done = std::move(done)](Result<log::Committed> result) {
      queue->Post([alive, done, result = std::make_shared<Result<log::Committed>>(std::move(result))] {
        if (*alive) done(std::move(*result));
      });
    });
  }

  /// Runs `done` once every entry that was appended before, by anyone, is visible or has failed: what the meta store shows then leaves out nothing that was on its
  /// way. An entry without operations, which the journal puts behind them.
  void AfterEarlierEntries(std::function<void(Status)> done) {
    Append({}, [done = std::move(done)](const Result<log::Committed>& result) { done(result.ok() ? Ok() : Status(result.error())); });
  }

  /// Deletes any number of keys, in as many entries as it takes: a crash may leave the later ones. `done` runs after the last, with the first failure.
  void DeleteInParts(const std::vector<std::string>& keys, std::function<void(Status)> done) {
    std::vector<std::vector<log::Operation>> parts;
    size_t bytes = kDeletedKeyBytesMax;
    for (const std::string& key : keys) {
      FIRN_ASSERT(!key.empty());
      if (bytes + key.size() > kDeletedKeyBytesMax) {
        parts.emplace_back();
        bytes = 0;
      }
      bytes += key.size();
      parts.back().emplace_back(log::Delete{key});
    }
    if (parts.empty()) return done(Ok());
    auto failure = std::make_shared<Status>(Ok());
    for (size_t i = 0; i < parts.size(); ++i) {
      Append(std::move(parts[i]), [failure, done, is_last = i + 1 == parts.size()](const Result<log::Committed>& result) {
        if (!result.ok() && failure->ok()) *failure = result.error();
        if (is_last) done(*failure);
      });
    }
  }

 private:
  io::Task Guard(io::Task task) {
    return [alive = alive_, task = std::move(task)] {
      if (*alive) task();
    };
  }

  io::TaskQueue& queue_;
  io::Clock& clock_;
  log::Journal& journal_;
  std::shared_ptr<bool> alive_;
};

}  // namespace firn::broker
