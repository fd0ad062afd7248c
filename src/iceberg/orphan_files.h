// SPDX-License-Identifier: Apache-2.0
// Files that a killed run of a job has left: written, and named by nobody.
//
// A file says in its name whose it is and for which checkpoint it was made: "00001-<job id>-<checkpoint>-<uuid>-00004.parquet". A job that is restored at
// checkpoint N therefore knows them without asking: of its own files those for later checkpoints, and for N those that the commit of N has not taken. Files of
// others, whatever they are called, are not looked at, and a file that any snapshot of the table names is never removed, whatever its name says: the
// directory of the node may be older than the table (a backup that was put back).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "iceberg/catalog.h"

namespace firn::objectstore {
class ObjectStore;
}

namespace firn::iceberg {

struct FileOwner {
  std::string job_id;         // 32 hexadecimal digits
  int64_t checkpoint_id = 0;  // the one that the file is for, or a later one
  /// As it stands in names, without '-' at its ends.
  std::string ToString() const;
};

/// The checkpoint of a file of that job; nothing for another's.
std::optional<int64_t> OwnedFor(std::string_view file_name, std::string_view job_id);

/// Removes what the job's runs have written for `last` and later checkpoints and no snapshot of the table names: data files, delete files, manifests, lists,
/// metadata files, and Puts of any of them that did not end. Returns their number.
///
/// Only for a moment when nothing of the job runs and all that checkpoint `last` owes is known to be in the table: an unknown outcome is looked up first.
/// `table`: as it is now; of one that lies elsewhere than it says (OwnsItsFolders) nothing is removed. An error: something could not be read; then nothing has been removed that may be needed.
Result<int64_t> RemoveOrphans(objectstore::ObjectStore& store, const Table& table, const FileOwner& last);

}  // namespace firn::iceberg
