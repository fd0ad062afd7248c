// SPDX-License-Identifier: Apache-2.0
// What has come into a table since somebody looked, by others than him: what a key index is brought up to date from, and what a commit of upserts has to look through.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "iceberg/table_metadata.h"

namespace firn::iceberg {

/// How far somebody knows a branch.
struct TableVersion {
  std::optional<int64_t> snapshot_id;  // its head then; absent: it was empty
  int64_t sequence_number = 0;         // the table's last one then: what came in later has a higher one
  bool operator==(const TableVersion&) const = default;
};
TableVersion VersionOf(const TableMetadata& metadata, const std::string& branch = std::string(kMainBranch));

/// Some of a snapshot's data files, by how they came into the table.
struct DataFileRange {
  static constexpr int64_t kFromTheBeginning = -1;
  int64_t after_sequence_number = kFromTheBeginning;  // only files whose own (not their rows') sequence number is higher
  std::set<int64_t> without_snapshots;                // no files that these have added
};

struct ChangesOfOthers {
  bool is_known = true;  // false: `since` is not in the head's history, which was expired or rolled back; `files` are then all
  bool is_empty = true;  // all that came in since is the writer's own
  DataFileRange files;   // all that others added since, and maybe more
};

/// `writer`: a summary of the writer's own snapshots (CheckpointSummary), by whose job and sink they are told; without those, all are others'.
ChangesOfOthers ChangesSince(const TableMetadata& metadata, const Snapshot* head, const TableVersion& since, const std::map<std::string, std::string>& writer);

}  // namespace firn::iceberg
