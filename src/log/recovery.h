// SPDX-License-Identifier: Apache-2.0
// The state of a data directory when it is opened: which snapshot, which files, and whether they fit together.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "io/environment.h"
#include "log/file_names.h"
#include "log/journal_replay.h"
#include "log/log_contents.h"

namespace firn::log {

struct Recovered {
  std::string store_id;
  bool is_new = false;              // the directory was empty
  uint64_t snapshot_sequence = 0;
  Replayed journal;
  std::vector<uint64_t> old_snapshots;
};

/// Makes the folders that are missing. The directory must be locked.
Status MakeFolders(io::FileSystem& files, const Layout& layout);
/// Loads the newest snapshot and replays the journal into `contents`, up to the last durable entry. See Store::Open for the errors.
Result<Recovered> Recover(const io::Environment& environment, const Layout& layout, LogContents* contents);
/// Holds the segment files against what `contents` says: a missing or short one is kCorruption, leftovers of a crash are removed, anything
/// else in partitions/ is foreign (kIoError). Reads no segment.
Status CheckPartitionFiles(io::FileSystem& files, const Layout& layout, const LogContents& contents);

}  // namespace firn::log
