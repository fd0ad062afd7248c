// SPDX-License-Identifier: Apache-2.0
// A file's columns as a table's columns: matched by field id at any depth, converted to the SQL types of the wanted schema (promotions), filled in
// where the file lacks them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "base/result.h"
#include "iceberg/literal.h"
#include "iceberg/name_mapping.h"
#include "iceberg/schema.h"
#include "types/batch.h"

namespace arrow {
class Field;
class RecordBatch;
class Schema;
}  // namespace arrow

namespace firn::iceberg {

/// How a file's columns are found: names count where the file has no ids, or always.
enum class FieldMatch { kByIdOrName, kByName };

/// Immutable after Make; thread-safe.
class FileProjection {
 public:
  /// `constants` are values of columns that the file may lack (identity partitions), by field id. `names` gives ids if the file has none at all.
  static Result<FileProjection> Make(const arrow::Schema& file, const std::vector<NestedField>& wanted, std::map<int32_t, Literal> constants,
                                     const NameMapping& names, FieldMatch match = FieldMatch::kByIdOrName);

  /// Leaf columns of the file to be read, ascending.
  const std::vector<int>& leaves() const { return leaves_; }
  /// Columns of `wanted` in order, out of a batch of just those leaves.
  Result<std::vector<types::ArrayPtr>> Convert(const arrow::RecordBatch& rows) const;

 private:
  struct Node;
  static Result<Node> MakeNode(const arrow::Field& file, const NestedField& wanted, const std::string& name, const FileProjection& projection);
  static Result<types::ArrayPtr> ConvertNode(const Node& node, const types::ArrayPtr& array);
  int32_t IdOf(const arrow::Field& field, const std::string& dotted_name) const;

  std::vector<int> leaves_;
  std::vector<std::shared_ptr<const Node>> columns_;   // one a wanted column
  bool file_has_ids_ = false;
  NameMapping names_;
};

}  // namespace firn::iceberg
