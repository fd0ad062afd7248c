// SPDX-License-Identifier: Apache-2.0
// A batch cut into the rows of each partition, without the partition's columns.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "connect/partition_folders.h"
#include "iceberg/partition_spec.h"
#include "iceberg/schema.h"

namespace firn::connect {

struct PartitionRows {
  std::string folder;
  types::Batch rows;   // of file_schema()
};

/// Thread-compatible.
class PartitionSplit {
 public:
  /// `schema`: of the batches; it has every column of the partition.
  static Result<std::unique_ptr<PartitionSplit>> Make(const PartitionFolders& folders, const types::SchemaPtr& schema);

  const types::SchemaPtr& file_schema() const { return file_schema_; }
  Result<std::vector<PartitionRows>> Split(const types::Batch& batch) const;

 private:
  explicit PartitionSplit(const PartitionFolders& folders) : folders_(folders) {}

  const PartitionFolders folders_;
  std::vector<size_t> key_places_;    // in the batch, in the order of the levels
  std::vector<size_t> file_places_;
  types::SchemaPtr file_schema_;
  iceberg::Schema key_schema_;        // the grouping is that of an Iceberg table with these identity partitions
  iceberg::PartitionSpec key_spec_;
};

}  // namespace firn::connect
