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

/// Thread-compatible.
class PositionDeletes {
 public:
  void Add(const FileReference& file, int64_t position);
  int64_t count() const { return count_; }
  int64_t size_bytes() const;  // of memory, about

  /// Writes the files and forgets the rows. Nothing to write: no files. kNotSupported for tables of version 1 (none) and 3 (vectors only).
  Result<std::vector<DataFile>> Write(objectstore::ObjectStore& store, io::Random& random, const TableMetadata& metadata,
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
