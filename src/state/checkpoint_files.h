// SPDX-License-Identifier: Apache-2.0
// The state files of one job: DIR/ID.state, one for each checkpoint that changed anything, in Arrow's IPC encapsulated messages.
//
// 1. Write lays down what changed as one run of rows a table in a new file, syncs it, and returns the manifest that has it behind the runs that
//    were there. Key groups that were written whole no longer count in the older runs.
// 2. The caller makes the manifest durable in the journal. Until then nothing refers to the new file: a crash leaves a stray that step 3 removes.
// 3. RemoveUnreferenced deletes the files that the durable manifest no longer names.
//
// Runs are merged so that reading stays cheap and the manifest small: kRunsMerged neighbours of about one size become one, their rows one behind the
// other, without those of key groups that no longer count. So a table has a number of runs that grows with the logarithm of its size, and a row is
// copied as often. That a state of changes only does not grow for ever is up to the operators, which write key groups whole from time to time.
//
// When less than half of the bytes on disk count, Write carries what is left of the oldest files over, so that the disk holds at most about twice
// the state.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/file_system.h"
#include "state/manifest.h"
#include "state/state_snapshot.h"

namespace arrow {
class RecordBatch;
}

namespace firn::state {

/// So many neighbouring runs of a table of about one size are merged.
inline constexpr size_t kRunsMerged = 8;

struct WrittenState {
  Manifest manifest;
  int64_t bytes = 0;  // of the new file; 0: nothing had changed and there is none
};

/// Thread-compatible; lives with the job's coordinator. Blocks on disk.
class CheckpointFiles {
 public:
  CheckpointFiles(io::FileSystem& files, std::string directory) : files_(files), directory_(std::move(directory)) {}

  /// `checkpoint_id` ascends; a stray file of that name is replaced.
  Result<WrittenState> Write(int64_t checkpoint_id, const Manifest& previous, const std::vector<LaneSnapshot>& snapshots);
  Status RemoveUnreferenced(const Manifest& manifest);
  Status RemoveAll() { return files_.RemoveAll(directory_); }

  /// What lane `lane` of `parallelism` of an operator owns. `manifest` must outlive the reader.
  std::unique_ptr<StateReader> Read(const Manifest& manifest, const std::string& operator_uid, int lane, int parallelism);

 private:
  struct FileBuilder;
  std::string PathOf(int64_t file) const;
  Status AddSnapshots(const std::vector<LaneSnapshot>& snapshots, FileBuilder* file, Manifest* manifest) const;
  Status MergeRuns(FileBuilder* file, Manifest* manifest) const;
  Status CarryOver(int64_t live_file, FileBuilder* file, Manifest* manifest) const;
  Status StayWithinTwiceTheState(FileBuilder* file, Manifest* manifest);
  /// The run's rows that count, with the key group column.
  Result<std::shared_ptr<arrow::RecordBatch>> ReadRun(const Run& run, const KeyGroupSet& wanted) const;
  Result<std::string> ReadRange(int64_t file, const ByteRange& range) const;

  io::FileSystem& files_;
  const std::string directory_;
  std::map<int64_t, int64_t> file_bytes_;  // of the files that this object has written

  friend class FileStateReader;
};

}  // namespace firn::state
