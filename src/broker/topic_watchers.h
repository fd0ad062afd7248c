// SPDX-License-Identifier: Apache-2.0
// Who wants to know of partitions that are added to a topic while it reads that topic.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "base/mutex.h"

namespace firn::broker {

/// Thread-safe.
class TopicWatchers {
 public:
  /// Calls `waker` from then on, on the broker's queue, whenever there are more partitions of the topic. It must not block, and not call back. Returns an id for Remove.
  uint64_t Add(std::string topic, std::function<void()> waker) {
    base::MutexLock lock(mutex_);
    watchers_.emplace(++last_, std::make_pair(std::move(topic), std::move(waker)));
    return last_;
  }
  /// The waker has returned and is not called any more.
  void Remove(uint64_t id) {
    base::MutexLock lock(mutex_);
    watchers_.erase(id);
  }
  void Tell(const std::string& topic) {
    base::MutexLock lock(mutex_);
    for (const auto& [id, watcher] : watchers_) {
      if (watcher.first == topic) watcher.second();
    }
  }

 private:
  base::Mutex mutex_;
  uint64_t last_ FIRN_GUARDED_BY(mutex_) = 0;
  std::map<uint64_t, std::pair<std::string, std::function<void()>>> watchers_ FIRN_GUARDED_BY(mutex_);
};

}  // namespace firn::broker
