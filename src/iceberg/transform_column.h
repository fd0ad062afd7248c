// SPDX-License-Identifier: Apache-2.0
// Partition transforms over whole columns, and rows grouped by partition.
#pragma once

#include <vector>

#include "base/result.h"
#include "iceberg/literal.h"
#include "iceberg/partition_spec.h"
#include "types/batch.h"

namespace firn::iceberg {

/// The transform of each value of a storage column; the same as ApplyTransform row by row. nullptr for void: all are NULL.
Result<types::ArrayPtr> TransformColumn(const Transform& transform, const Type& source, const types::ArrayPtr& column);

/// Rows of one partition.
struct PartitionGroup {
  PartitionValues values;
  std::vector<int64_t> rows;  // ascending; empty if there is only one group: all rows
};

/// Groups of the rows, in the order of their first rows. `columns` are storage columns of the schema's fields; partition sources are top-level columns
/// or fields of structs.
Result<std::vector<PartitionGroup>> GroupByPartition(const PartitionSpec& spec, const Schema& schema, const std::vector<types::ArrayPtr>& columns,
                                                     int64_t row_count);

}  // namespace firn::iceberg
