// SPDX-License-Identifier: Apache-2.0
// What the schemas and the rows of metadata tables share.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "iceberg/table_metadata.h"

namespace firn::iceberg {

/// The partition fields of all specs, by field id: one struct that every file's partition fits in.
Result<std::vector<NestedField>> UnifiedPartitionFields(const TableMetadata& metadata);
/// Primitive columns with their dotted names, sorted by these: the members of readable_metrics.
std::vector<std::pair<NestedField, std::string>> MetricColumns(const Schema& schema);

}  // namespace firn::iceberg
