// SPDX-License-Identifier: Apache-2.0
// The standard library's locks under names that clang's thread safety analysis knows: what a lock guards is written at the field (thread_annotations.h) and
// checked by tools/thread_safety. They cost what the standard ones cost. The analysis looks into a predicate as into any function, so a predicate says that
// it is called under the lock:
//
//   base::MutexLock lock(mutex_);
//   changed_.Wait(lock, [this]() FIRN_REQUIRES(mutex_) { return !tasks_.empty() || is_closed_; });
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <shared_mutex>

#include "base/thread_annotations.h"

namespace firn::base {

class FIRN_CAPABILITY("mutex") Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

 private:
  friend class MutexLock;
  std::mutex mutex_;
};

/// Holds a mutex as long as it lives, but for the time between Unlock and Lock. Lives on one thread.
class FIRN_SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) FIRN_ACQUIRE(mutex) : lock_(mutex.mutex_) {}
  ~MutexLock() FIRN_RELEASE() = default;
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

  void Unlock() FIRN_RELEASE() { lock_.unlock(); }
  void Lock() FIRN_ACQUIRE() { lock_.lock(); }

 private:
  friend class ConditionVariable;
  std::unique_lock<std::mutex> lock_;
};

/// Thread-safe. The lock is let go while a call waits, and held again when it returns.
class ConditionVariable {
 public:
  void NotifyOne() { condition_.notify_one(); }
  void NotifyAll() { condition_.notify_all(); }

  template <typename Predicate>
  void Wait(MutexLock& lock, const Predicate& is_met) {
    condition_.wait(lock.lock_, is_met);
  }
  /// Whether it is met; false only when the time is over.
  template <typename Predicate>
  bool WaitFor(MutexLock& lock, std::chrono::milliseconds time, const Predicate& is_met) {
    return condition_.wait_for(lock.lock_, time, is_met);
  }
  /// These may end without cause: they stand in a loop.
  void Wait(MutexLock& lock) { condition_.wait(lock.lock_); }
  void WaitUntil(MutexLock& lock, std::chrono::steady_clock::time_point deadline) { condition_.wait_until(lock.lock_, deadline); }

 private:
  std::condition_variable condition_;
};

/// Many readers or one writer.
class FIRN_CAPABILITY("shared mutex") SharedMutex {
 public:
  SharedMutex() = default;
  SharedMutex(const SharedMutex&) = delete;
  SharedMutex& operator=(const SharedMutex&) = delete;

 private:
  friend class ReaderLock;
  friend class WriterLock;
  std::shared_mutex mutex_;
};

class FIRN_SCOPED_CAPABILITY ReaderLock {
 public:
  explicit ReaderLock(SharedMutex& mutex) FIRN_ACQUIRE_SHARED(mutex) : lock_(mutex.mutex_) {}
  ~ReaderLock() FIRN_RELEASE() = default;
  ReaderLock(const ReaderLock&) = delete;
  ReaderLock& operator=(const ReaderLock&) = delete;

 private:
  std::shared_lock<std::shared_mutex> lock_;
};

class FIRN_SCOPED_CAPABILITY WriterLock {
 public:
  explicit WriterLock(SharedMutex& mutex) FIRN_ACQUIRE(mutex) : lock_(mutex.mutex_) {}
  ~WriterLock() FIRN_RELEASE() = default;
  WriterLock(const WriterLock&) = delete;
  WriterLock& operator=(const WriterLock&) = delete;

 private:
  std::unique_lock<std::shared_mutex> lock_;
};

}  // namespace firn::base
