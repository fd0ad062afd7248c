// SPDX-License-Identifier: Apache-2.0
// A file table's partitions: folders below its path, one level a column of PARTITIONED BY, named "dt=2024-01-01" as Flink and Hive name them. Files hold the
// other columns; a partition column's value is its folder's. NULL and the empty text have a name of their own ('partition.default-name') and are read as NULL.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "plan/catalog_view.h"
#include "types/batch.h"

namespace firn::connect {

/// Immutable.
class PartitionFolders {
 public:
  /// kNotSupported for a transform or a column whose type has no folder name; kInvalidDefinition if every column is one of the partition.
  static Result<PartitionFolders> Make(const plan::TableDefinition& table);

  bool is_partitioned() const { return !keys_.empty(); }
  const std::vector<types::Field>& keys() const { return keys_; }
  /// As a level of the folders; nothing if it is not one.
  std::optional<size_t> LevelOf(const std::string& column) const;

  /// "dt=2024-01-01/hour=7" of a row; `columns`: those of keys(), in their order.
  Result<std::string> FolderOf(const std::vector<types::ArrayPtr>& columns, int64_t row) const;
  /// The value's text that a folder of that level names; nothing if its name has another form.
  std::optional<std::string> TextOf(size_t level, std::string_view folder) const;
  /// kDecodeError if the text is no value of the column's type.
  Result<types::ArrayPtr> ColumnOf(size_t level, const std::string& text, int64_t rows) const;

 private:
  PartitionFolders() = default;

  std::vector<types::Field> keys_;
  std::string null_name_;
};

}  // namespace firn::connect
