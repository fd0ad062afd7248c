// SPDX-License-Identifier: Apache-2.0
// The flusher: takes what has gathered, writes it as one group, syncs once, makes it visible, calls back.
//
//   1. Take all waiting entries. Prepare each (log_contents.h): a refused one fails alone.
//   2. Encode as many as fit into the file, one after the other, into a buffer of whole blocks that is written whenever it is full, and at the end.
//   3. Sync. 4. Apply in order. 5. Callbacks in order. Then again, if more has gathered meanwhile.
//
// Failures. A failed sync or an unexpected error of a write stops the journal: what the disk holds is unknown, so nothing is tried
// again. A full disk fails the entries of that group and nothing else: the file is cleared behind its last durable entry and never
// written again, so that no half-written entry can be taken for a whole one; the next group goes to a new file, as soon as there is room for one.
// Files are allocated before they are written, so a full disk is met when a file is made, where nothing has been written yet.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "io/block_writer.h"
#include "io/executor.h"
#include "log/health.h"
#include "log/journal.h"
#include "log/journal_files.h"
#include "log/log_contents.h"

namespace firn::log {

/// What the writer tells its owner, on the flusher's queue.
class JournalObserver {
 public:
  virtual ~JournalObserver() = default;
  /// A group became visible. `effects` are the observer's to carry out.
  virtual void OnApplied(Effects effects) = 0;
  /// A new file was begun, so that the next one should be prepared.
  virtual void OnFileTaken() = 0;
  /// The disk is full: TryResume is to be called from time to time.
  virtual void OnDiskFull() = 0;
};

/// Append and unflushed_bytes are thread-safe; all else is the flusher's.
class JournalWriter final : public Journal {
 public:
  struct Options {
    uint64_t first_sequence = 1;
    int64_t max_entry_bytes = 0;
  };
  JournalWriter(LogContents& contents, JournalFiles& files, Health& health, JournalObserver& observer, const Options& options);

  /// Begins to work: entries that are appended from now on are flushed on `queue`, which outlives the writer or the call of Stop.
  void Start(io::TaskQueue* queue);
  /// Takes a file to write to. A full disk is no failure: it is noted.
  Status OpenFile();
  /// Makes the next file ready. A full disk is no failure yet: the file that is written to has room still, and the flusher meets it at its end. Any other failure stops
  /// the journal: a sync that has failed is not made up for by the next one. For a queue other than the flusher's.
  void PrepareNextFile();

  void Append(std::vector<Operation> operations, CommitCallback done) override;
  int64_t unflushed_bytes() const override { return contents_.budget().unmoved_bytes(); }

  /// The queue is gone: later entries fail with kUnavailable. What waits is written by Drain.
  void Stop();
  /// Writes all that waits, on the calling thread.
  void Drain();
  /// The disk was full: whether there is room again.
  bool TryResume();

 private:
  struct Waiting {
    std::vector<Operation> operations;
    CommitCallback done;
    int64_t memory_bytes = 0;  // of its records, in the budget
    uint64_t entry_bytes = 0;
    bool may_be_stale = false;  // has Puts about partitions
    std::optional<Error> refused;
    PreparedEntry prepared;
    Spaces spaces;
  };
  using Entries = std::span<Waiting>;

  void ScheduleLocked() FIRN_REQUIRES(mutex_);
  void Flush();
  // Works off the front of `entries`; returns how many.
  size_t FlushGroup(Entries entries);
  size_t PrepareGroup(Entries entries, uint64_t* group_bytes);
  std::optional<Error> RefuseBeforehand(const Waiting& entry) const;
  bool HasRoom(const Waiting& entry, uint64_t entry_bytes, uint64_t group_bytes) const;
  void LeaveSpaces(Waiting* entry, uint64_t group_bytes) const;
  Status TakeFile(uint64_t entry_bytes);
  Status WriteGroup(Entries group);
  Status WriteBlocks(Entries group);
  void ClearRest();
  void OnWriteFailed(const Error& error);
  void StopWith(const Error& error);
  void Complete(Entries group, const std::optional<Error>& error);

  LogContents& contents_;
  JournalFiles& files_;
  Health& health_;
  JournalObserver& observer_;
  const Options options_;

  // The flusher's.
  std::optional<JournalFile> file_;
  uint64_t position_ = 0;  // in file_, of the next group
  io::BlockWriter blocks_;
  uint64_t next_sequence_;
  std::string frames_;
  std::vector<EntryPart> parts_;

  base::Mutex mutex_;
  std::vector<Waiting> waiting_ FIRN_GUARDED_BY(mutex_);
  io::TaskQueue* queue_ FIRN_GUARDED_BY(mutex_) = nullptr;  // null before Start and after Stop
  bool is_scheduled_ FIRN_GUARDED_BY(mutex_) = false;
  bool is_closed_ FIRN_GUARDED_BY(mutex_) = false;
};

}  // namespace firn::log
