// SPDX-License-Identifier: Apache-2.0
// The journal's files: makes the next one ready before it is needed, keeps account of which are still needed for a replay, and uses the
// others again. A file is allocated once and overwritten many times, so that a sync of the journal writes data and no metadata. It never becomes shorter, and it
// gets its name when its size and its header are durable: what is found shorter, or without a header, has been damaged. Its header names the file before it, which is
// used again only when a snapshot has made both spare: a file whose one before is gone shows that somebody took that away.
//
//   N   N+1   N+2   |  N+3              N+4
//   needed          |  written to       prepared
//   (replay)        |
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "io/file_system.h"
#include "log/file_names.h"

namespace firn::log {

/// A file to write entries to, from kJournalHeaderBytes on.
struct JournalFile {
  uint64_t number = 0;
  uint64_t previous_number = 0;  // of the file that was written to when it was made; 0: none
  uint64_t size_bytes = 0;
  std::unique_ptr<io::File> file;
};

/// Thread-safe. The lock is held while a file is made: the flusher meets it only if it needs that very file.
class JournalFiles {
 public:
  JournalFiles(io::FileSystem& files, Layout layout, std::string store_id, int64_t file_bytes)
      : files_(files), layout_(std::move(layout)), store_id_(std::move(store_id)), file_bytes_(static_cast<uint64_t>(file_bytes)) {}

  /// What recovery has found: files still needed, ascending, with their first entries' sequences; paths of files to use again; the largest number seen.
  struct Needed {
    uint64_t number = 0;
    uint64_t first_sequence = 0;
  };
  void Restore(std::vector<Needed> needed, std::vector<std::string> spare, uint64_t last_number);

  /// The file to write to from now on, with room for `entry_bytes` at least; its first entry will be `first_sequence`. Durable under its
  /// name. kDiskFull leaves everything as it was.
  Result<JournalFile> Take(uint64_t entry_bytes, uint64_t first_sequence);
  /// Makes the next file ready, if none is. kDiskFull leaves everything as it was.
  Status Prepare();
  /// Entries up to `sequence` are needed no more: files that hold nothing else become spare. Returns the first file still needed, so that it
  /// can be written down before Recycle is called.
  uint64_t FirstNeeded(uint64_t sequence) const;
  /// Files below `first_needed` are used again or removed.
  void Recycle(uint64_t first_needed);

 private:
  Status PrepareLocked(uint64_t entry_bytes) FIRN_REQUIRES(mutex_);
  /// `path` is where it is, also after a failure.
  Status MakeReady(JournalFile* file, uint64_t size_bytes, std::string* path);
  Result<std::unique_ptr<io::File>> OpenNextLocked(uint64_t number) FIRN_REQUIRES(mutex_);

  io::FileSystem& files_;
  const Layout layout_;
  const std::string store_id_;
  const uint64_t file_bytes_;
  mutable base::Mutex mutex_;
  std::deque<Needed> needed_ FIRN_GUARDED_BY(mutex_);
  std::vector<std::string> spare_ FIRN_GUARDED_BY(mutex_);  // paths
  std::optional<JournalFile> prepared_ FIRN_GUARDED_BY(mutex_);
  uint64_t last_number_ FIRN_GUARDED_BY(mutex_) = 0;
};

}  // namespace firn::log
