// SPDX-License-Identifier: Apache-2.0
// Reads the journal back after a stop or a crash.
//
//   1. Look at every file's header and first entry. Files below the snapshot's first file, and files that were never begun, are spare. A file that is shorter than
//      it was made, or has lost its header, is kCorruption: where it ends says nothing about what was in it. So is a file that is missing, as another one names it.
//   2. Read entries in order of sequence, file by file. A file ends where the next one's first entry begins: entries of a failed write may lie
//      behind that.
//   3. At the first place without the expected whole entry, look whether a later one proves that it was durable (journal_format.h, "group
//      begin"; or a later file begins behind it). If so, acknowledged data is lost: kCorruption, and nothing is changed.
//   4. Else it is the torn end of the last write: the file is cleared from there on, and what was read of that write is written again and synced, so that it is
//      durable before anybody sees it. Files without entries behind it are spare.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "io/file_system.h"
#include "log/file_names.h"
#include "log/journal_files.h"
#include "log/journal_format.h"

namespace firn::log {

struct ReplayFrom {
  std::string store_id;
  uint64_t sequence = 0;    // the last entry that the snapshot holds
  uint64_t first_file = 0;  // where the entry after it is, if it exists
  uint64_t read_bytes = 0;  // at a time
};

struct Replayed {
  uint64_t last_sequence = 0;
  uint64_t entry_count = 0;
  int64_t size_bytes = 0;
  int64_t truncated_bytes = 0;
  std::vector<JournalFiles::Needed> needed;
  std::vector<std::string> spare;  // paths
  uint64_t last_number = 0;
};

/// Takes one entry behind the snapshot; the payload may be kept. `size_bytes`: in the file, with the padding before and after it.
using EntryVisitor = std::function<Status(const EntryHeader& header, const base::SharedBytes& payload, uint64_t size_bytes)>;

/// The numbers of the journal's files, ascending.
struct JournalNames {
  std::vector<uint64_t> files;
  std::vector<uint64_t> unfinished;  // a crash while they were made
};
/// kIoError names a foreign file.
Result<JournalNames> ListJournal(io::FileSystem& files, const Layout& layout);
/// Whether any of these files has an entry at its begin.
Result<bool> HasJournalEntries(io::FileSystem& files, const Layout& layout, const std::vector<uint64_t>& numbers);
/// See above. kCorruption says what is damaged and what to do; kIoError names a file of another store.
Result<Replayed> ReplayJournal(io::FileSystem& files, const Layout& layout, const std::vector<uint64_t>& numbers, const ReplayFrom& from,
                               const EntryVisitor& visit);

}  // namespace firn::log
