// SPDX-License-Identifier: Apache-2.0
// Bounded history: which snapshots a commit takes out of the table, and which files nobody reaches after it.
//
//   history.expire.max-snapshot-age-ms     if the table sets it, older ones go with the next commit
//   history.expire.min-snapshots-to-keep   of the branch's newest, whatever their age (1)
//   firn.history.max-snapshots             a job that commits each second would let the metadata grow without end: of the snapshots that firn's own jobs
//                                          made, no more than this stay (1000); 0: all stay
//
// Only the oldest end of the branch's history is cut, up to the first snapshot that a tag, another branch or a side line needs: then what a cut
// snapshot has and its successor has not is reached by nobody.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "iceberg/catalog.h"
#include "iceberg/manifest_files.h"

namespace firn::iceberg {

inline constexpr size_t kExpiredPerCommitMax = 100;

/// Ids, oldest first, at most kExpiredPerCommitMax. A snapshot that is about to be added counts as one that stays. kInvalidMetadata for properties that
/// are no numbers.
Result<std::vector<int64_t>> SnapshotsToExpire(const TableMetadata& metadata, const std::string& branch, int64_t now_ms);

/// Manifest lists, manifests and data files that are reached only through `expired` (as SnapshotsToExpire gave them): to be deleted once they are out.
/// Of the table's own folders only, and none where 'gc.enabled' is false or the folders are another's (OwnsItsFolders): others' tables may have the same files.
Result<std::vector<std::string>> FilesOnlyReachedBy(objectstore::ObjectStore& store, const Table& table, const std::string& branch, const std::vector<int64_t>& expired);

}  // namespace firn::iceberg
