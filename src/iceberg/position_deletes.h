// SPDX-License-Identifier: Apache-2.0
// Rows to be deleted by file and position, gathered over a checkpoint and written as position delete files of format version 2: one a partition,
// sorted by path and position.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "iceberg/manifest.h"
#include "iceberg/table_metadata.h"
#include "iceberg/table_writer.h"

namespace firn::iceberg {

/// What one checkpoint's deletes became.
struct WrittenDeletes {
  std::vector<DataFile> files;
  std::vector<std::string> referenced_data_files;  // sorted; must still be in the table when the snapshot is committed
};

/// Thread-compatible.
class PositionDeletes {
 public:
  void Add(const FileReference& file, int64_t position);
  int64_t count() const { return count_; }
  int64_t size_bytes() const;  // of memory, about

  /// Writes the files and forgets the rows. Nothing to write: no files. kNotSupported for tables of version 1 (none) and 3 (vectors only).
  Result<WrittenDeletes> Write(objectstore::ObjectStore& store, io::Random& random, const TableMetadata& metadata,
                               const std::string& file_prefix = "00000");

 private:
  struct FileRows {
    FileReference file;
    std::vector<int64_t> positions;
  };
  std::map<std::string, FileRows> rows_;  // by path
  int64_t count_ = 0;
};

}  // namespace firn::iceberg
