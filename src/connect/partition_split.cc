// SPDX-License-Identifier: Apache-2.0
#include <arrow/array.h>
#include <arrow/builder.h>
#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"
#include "connect/partition_split_internal.h"
#include "iceberg/sql_types.h"
#include "iceberg/storage_arrays.h"
#include "iceberg/transform_column.h"
#include "types/arrow_result.h"

namespace firn::connect {

using types::ArrayPtr;
using types::Batch;

Result<std::unique_ptr<PartitionSplit>> PartitionSplit::Make(const PartitionFolders& folders, const types::SchemaPtr& schema) {
  std::unique_ptr<PartitionSplit> split(new PartitionSplit(folders));
  for (const types::Field& key : folders.keys()) {
    size_t place = 0;
    while (place < schema->size() && schema->field(place).name != key.name) ++place;
    if (place == schema->size()) return Error(ErrorCode::kSchemaMismatch, fmt::format("the query gives no column `{}`, by which the table is partitioned", key.name)).Hint("submit the statement again");
    split->key_places_.push_back(place);
  }
  std::vector<types::Field> fields;
  for (size_t i = 0; i < schema->size(); ++i) {
    if (folders.LevelOf(schema->field(i).name)) continue;
    split->file_places_.push_back(i);
    fields.push_back(schema->field(i));
  }
  split->file_schema_ = types::MakeSchema(std::move(fields));
  FIRN_TRY(split->key_schema_, iceberg::SchemaFromSql(folders.keys()));
  std::vector<iceberg::PartitionFieldDefinition> definitions;
  for (const types::Field& key : folders.keys()) definitions.push_back({key.name, iceberg::Transform{}, key.name});
  int32_t last_id = iceberg::kFirstPartitionFieldId - 1;
  FIRN_TRY(split->key_spec_, iceberg::MakePartitionSpec(split->key_schema_, definitions, &last_id));
  return split;
}

Result<std::vector<PartitionRows>> PartitionSplit::Split(const Batch& batch) const {
  std::vector<PartitionRows> parts;
  if (batch.row_count == 0) return parts;
  std::vector<ArrayPtr> keys, stored;
  for (size_t level = 0; level < key_places_.size(); ++level) {
    keys.push_back(batch.columns[key_places_[level]]);
    FIRN_TRY(ArrayPtr column, iceberg::ToStorage(keys.back(), key_schema_.fields[level]));
    stored.push_back(std::move(column));
  }
  Batch rest{file_schema_, {}, batch.row_count, batch.kinds, batch.watermarks};
  for (size_t place : file_places_) rest.columns.push_back(batch.columns[place]);
  FIRN_TRY(std::vector<iceberg::PartitionGroup> groups, iceberg::GroupByPartition(key_spec_, key_schema_, stored, batch.row_count));
  int64_t taken = 0;
  for (const iceberg::PartitionGroup& group : groups) {
    FIRN_TRY(std::string folder, folders_.FolderOf(keys, group.rows.empty() ? 0 : group.rows[0]));
    if (group.rows.empty()) return std::vector<PartitionRows>{{std::move(folder), std::move(rest)}};
    arrow::Int64Builder builder;
    FIRN_RETURN_IF_ERROR(types::FromArrowStatus(builder.AppendValues(group.rows)));
    FIRN_TRY(ArrayPtr indices, types::FromArrowResult(builder.Finish()));
    FIRN_TRY(Batch rows, types::TakeRows(rest, indices));
    taken += rows.row_count;
    parts.push_back({std::move(folder), std::move(rows)});
  }
  FIRN_ASSERT(taken == batch.row_count, "{} of {} rows have a folder", taken, batch.row_count);
  return parts;
}

}  // namespace firn::connect
