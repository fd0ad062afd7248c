// SPDX-License-Identifier: Apache-2.0
// Whether the log can go on: a failure that stops it for good (a failed sync, an unexpected I/O error), and a full disk, which
// passes. Set by the queues that write, read by everyone.
#pragma once

#include <fmt/format.h>

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "base/mutex.h"
#include "base/result.h"

namespace firn::log {

/// Who ran out of space. Each clears what it has set.
enum class DiskUser { kJournal, kSegments };

/// Thread-safe. `warn` is told of each change, in words for who runs the node; it may be empty.
class Health {
 public:
  explicit Health(std::function<void(const std::string&)> warn = {}) : warn_(std::move(warn)) {}

  /// The first failure stays.
  void Stop(const Error& error) {
    base::MutexLock lock(mutex_);
    if (!stopped_.has_value()) {
      stopped_ = error;
      Warn(error.ToString());
    }
    is_stopped_ = true;
  }
  void SetDiskFull(DiskUser user, const Error& error) {
    base::MutexLock lock(mutex_);
    if (!is_disk_full_) Warn(fmt::format("{}; no writes are taken until there is space again, nothing acknowledged is lost", error.ToString()));
    disk_full_[static_cast<int>(user)] = error;
    is_disk_full_ = true;
  }
  void ClearDiskFull(DiskUser user) {
    if (!is_disk_full_) return;
    base::MutexLock lock(mutex_);
    disk_full_[static_cast<int>(user)].reset();
    is_disk_full_ = disk_full_[0].has_value() || disk_full_[1].has_value();
    if (!is_disk_full_) Warn("there is space on the disk again: writes are taken");
  }

  bool is_stopped() const { return is_stopped_; }
  bool is_disk_full() const { return is_disk_full_; }
  bool is_disk_full(DiskUser user) const {
    if (!is_disk_full_) return false;
    base::MutexLock lock(mutex_);
    return disk_full_[static_cast<int>(user)].has_value();
  }
  /// Why it has stopped; else the full disk; else Ok.
  Status status() const {
    base::MutexLock lock(mutex_);
    for (const std::optional<Error>& error : {stopped_, disk_full_[0], disk_full_[1]}) {
      if (error.has_value()) return *error;
    }
    return Ok();
  }

 private:
  void Warn(const std::string& text) const {
    if (warn_) warn_(text);
  }

  const std::function<void(const std::string&)> warn_;
  mutable base::Mutex mutex_;
  std::optional<Error> stopped_ FIRN_GUARDED_BY(mutex_);
  std::optional<Error> disk_full_[2] FIRN_GUARDED_BY(mutex_);  // by DiskUser
  std::atomic<bool> is_stopped_ = false;
  std::atomic<bool> is_disk_full_ = false;
};

}  // namespace firn::log
