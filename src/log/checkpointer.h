// SPDX-License-Identifier: Apache-2.0
// Moves what the journal holds to where it stays, so that the journal can be short. One checkpoint:
//
//   1. Take a cut: the meta map as of entry S, and all partitions.
//   2. Move each partition's slabs (up to S at least) into its segments, and sync those.
//   3. Write the meta snapshot S: the map, and which segments count up to where.
//   4. Journal files with nothing behind S are used again.
//
// A crash in between leaves the snapshot before and all of the journal behind it: the next start replays it and moves again. The files of
// removed segments and partitions go only after the journal entry that removed them is durable.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "io/block_writer.h"
#include "io/environment.h"
#include "log/file_names.h"
#include "log/journal_files.h"
#include "log/log_contents.h"

namespace firn::log {

/// Lives on the segment queue.
class Checkpointer {
 public:
  Checkpointer(const io::Environment& environment, const Layout& layout, std::string store_id, LogContents& contents, JournalFiles& journal_files)
      : environment_(environment), layout_(layout), store_id_(std::move(store_id)), contents_(contents), journal_files_(journal_files), blocks_(SegmentWrites(contents)) {}

  /// After recovery: the snapshot that is there.
  void Restore(uint64_t sequence) { snapshot_sequence_ = sequence; }
  /// Does nothing if the last snapshot is up to date. kDiskFull: try again later; any other failure must stop the log.
  Status Run();
  /// Removes what a moved log start or a drop has left. A file that cannot be removed is left to the next start.
  void Trim(const std::vector<std::shared_ptr<Partition>>& partitions);

  /// Bytes of journal entries that a replay would read now. Thread-safe.
  int64_t journal_bytes() const { return static_cast<int64_t>(contents_.applied_bytes() - checkpoint_bytes_); }

 private:
  // Small enough for the journal's sync, which producers wait for, to come between.
  static io::BlockWriterSizes SegmentWrites(const LogContents& contents) {
    const auto bytes = static_cast<size_t>(contents.pieces().write_bytes);
    return {.buffer_bytes = bytes, .lasting_bytes_max = bytes};
  }
  Status Move(Partition& partition);
  Status WriteSnapshot(const LogContents::Cut& cut, uint64_t first_needed);

  const io::Environment environment_;
  const Layout layout_;
  const std::string store_id_;
  LogContents& contents_;
  JournalFiles& journal_files_;
  io::BlockWriter blocks_;  // of the segments, one after the other
  uint64_t snapshot_sequence_ = UINT64_MAX;  // of the newest one; UINT64_MAX: there is none
  std::atomic<uint64_t> checkpoint_bytes_ = 0;
};

}  // namespace firn::log
