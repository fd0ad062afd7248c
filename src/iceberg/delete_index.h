// SPDX-License-Identifier: Apache-2.0
// Which delete files apply to which data file (specification, "Scan Planning"):
//
//   deletion vector   names the data file; its sequence number is not lower; it replaces position deletes of that file
//   position deletes  same spec and partition; the delete file's sequence number is not lower than the data file's
//   equality deletes  same spec and partition, or an unpartitioned spec (then: the whole table); the delete file's sequence number is higher
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "iceberg/manifest.h"
#include "iceberg/table_metadata.h"

namespace firn::iceberg {

/// A delete file that is alive. Immutable once shared.
struct DeleteFile {
  DataFile file;
  int64_t sequence_number = 0;
};
using DeleteFilePtr = std::shared_ptr<const DeleteFile>;

/// Thread-compatible; const calls may run concurrently.
class DeleteIndex {
 public:
  explicit DeleteIndex(const TableMetadata& metadata) : metadata_(metadata) {}
  void Add(const ManifestEntry& entry);
  bool empty() const { return count_ == 0; }
  int64_t count() const { return count_; }

  /// Deletes that apply to a data file, vectors first.
  std::vector<DeleteFilePtr> For(const DataFile& file, int64_t sequence_number) const;

 private:
  using Scope = std::pair<int32_t, std::string>;  // spec id, partition key

  const TableMetadata& metadata_;
  int64_t count_ = 0;
  std::map<std::string, std::vector<DeleteFilePtr>> by_path_;            // vectors, and position deletes of one data file
  std::map<Scope, std::vector<DeleteFilePtr>> position_deletes_;
  std::map<Scope, std::vector<DeleteFilePtr>> equality_deletes_;
  std::vector<DeleteFilePtr> global_equality_deletes_;
};

}  // namespace firn::iceberg
