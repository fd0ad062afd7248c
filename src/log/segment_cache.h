// SPDX-License-Identifier: Apache-2.0
// Open segments with their indexes, the most recently used ones: bounds file descriptors and index memory.
#pragma once

#include <atomic>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "base/mutex.h"
#include "base/result.h"
#include "io/file_system.h"
#include "log/file_names.h"
#include "log/segment.h"

namespace firn::log {

inline constexpr size_t kOpenSegmentsMax = 128;
inline constexpr size_t kSegmentIndexBytesMax = 32 << 20;

/// Thread-safe; the lock is not held while a file is opened.
class SegmentCache {
 public:
  /// `warn` may be empty.
  SegmentCache(io::FileSystem& files, Layout layout, const PieceSizes& sizes, std::function<void(const std::string&)> warn)
      : files_(files), layout_(std::move(layout)), sizes_(sizes), warn_(std::move(warn)) {}

  /// See SegmentReader::Open.
  Result<std::shared_ptr<const SegmentReader>> Get(TopicPartitionId partition, const SegmentInfo& info);
  void Remove(TopicPartitionId partition, Offset base);
  const PieceSizes& sizes() const { return sizes_; }

  /// Counts a read that failed, and tells of it once for each place.
  void ReportFailure(const Error& error);
  int64_t failures() const { return failures_; }

 private:
  using Key = std::pair<TopicPartitionId, Offset>;
  struct Entry {
    Key key;
    std::shared_ptr<const SegmentReader> reader;
  };

  void EraseLocked(std::map<Key, std::list<Entry>::iterator>::iterator place) FIRN_REQUIRES(mutex_);

  io::FileSystem& files_;
  const Layout layout_;
  const PieceSizes sizes_;
  const std::function<void(const std::string&)> warn_;
  std::atomic<int64_t> failures_ = 0;
  base::Mutex mutex_;
  std::list<Entry> entries_ FIRN_GUARDED_BY(mutex_);  // the most recently used first
  std::map<Key, std::list<Entry>::iterator> places_ FIRN_GUARDED_BY(mutex_);
  size_t memory_bytes_ FIRN_GUARDED_BY(mutex_) = 0;
  std::set<std::string> reported_ FIRN_GUARDED_BY(mutex_);  // at most kReportsMax
};

}  // namespace firn::log
