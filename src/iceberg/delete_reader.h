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

/// What delete files hold, by path, as long as there is room. Thread-safe.
template <typename Value>
class DeleteFileCache {
 public:
  /// What `read` (Status(Value*)) makes of the file: kept from before, or read now. Two who ask at once may both read.
  template <typename Read>
  Result<std::shared_ptr<const Value>> Get(const DataFile& file, Read read) {
    {
      base::MutexLock lock(mutex_);
      auto found = values_.find(file.file_path);
      if (found != values_.end()) return found->second;
    }
    auto value = std::make_shared<Value>();
    Status status = read(value.get());
    if (!status.ok()) return std::move(status).error().Context("reading " + file.file_path);
    base::MutexLock lock(mutex_);
    if (rows_ + file.record_count <= kRowsMax && values_.emplace(file.file_path, value).second) rows_ += file.record_count;
    return std::shared_ptr<const Value>(std::move(value));
  }

 private:
  static constexpr int64_t kRowsMax = 10'000'000;  // of all files together
  base::Mutex mutex_;
  int64_t rows_ FIRN_GUARDED_BY(mutex_) = 0;
  std::map<std::string, std::shared_ptr<const Value>> values_ FIRN_GUARDED_BY(mutex_);
};

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
  Status ReadPositions(const DataFile& file, PositionsByPath* positions);
  Status ReadKeys(const DataFile& file, EqualityKeys* keys);
  Result<PositionSet> ReadVector(const DeleteFile& deletes);

  objectstore::ObjectStore& store_;
  const TableMetadata& metadata_;
  DeleteFileCache<PositionsByPath> positions_;
  DeleteFileCache<EqualityKeys> keys_;
};

}  // namespace firn::iceberg
