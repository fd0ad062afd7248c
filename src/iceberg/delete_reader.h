// SPDX-License-Identifier: Apache-2.0
// The content of delete files, read once and kept while there is room: the same file may apply to many data files.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "iceberg/delete_index.h"
#include "iceberg/deletion_vector.h"
#include "iceberg/table_metadata.h"
#include "types/batch.h"

namespace firn::objectstore {
class ObjectStore;
}

namespace firn::iceberg {

/// Keys that an equality delete file deletes. Immutable once shared.
struct EqualityKeys {
  std::vector<NestedField> fields;          // in the order of equality_ids
  std::unordered_set<std::string> keys;     // EncodeRowKeys
};

/// One key a row: unambiguous bytes of the columns' values; NULL equals NULL. `columns` are in SQL's Arrow types.
std::vector<std::string> EncodeRowKeys(const std::vector<types::ArrayPtr>& columns, int64_t row_count);

/// Thread-safe.
class DeleteReader {
 public:
  /// Both must outlive the reader.
  DeleteReader(objectstore::ObjectStore& store, const TableMetadata& metadata) : store_(store), metadata_(metadata) {}

  /// Positions of `data_path` that the position delete files and vectors among `deletes` delete.
  Result<PositionSet> PositionsOf(const std::string& data_path, const std::vector<DeleteFilePtr>& deletes);
  Result<std::shared_ptr<const EqualityKeys>> KeysOf(const DeleteFile& deletes);

 private:
  using PositionsByPath = std::map<std::string, PositionSet>;
  Result<std::shared_ptr<const PositionsByPath>> ReadPositions(const DeleteFile& deletes);
  Result<PositionSet> ReadVector(const DeleteFile& deletes);

  objectstore::ObjectStore& store_;
  const TableMetadata& metadata_;
  base::Mutex mutex_;
  int64_t cached_rows_ FIRN_GUARDED_BY(mutex_) = 0;
  std::map<std::string, std::shared_ptr<const PositionsByPath>> positions_ FIRN_GUARDED_BY(mutex_);
  std::map<std::string, std::shared_ptr<const EqualityKeys>> keys_ FIRN_GUARDED_BY(mutex_);
};

}  // namespace firn::iceberg
