// SPDX-License-Identifier: Apache-2.0
// One file of a scan.
#pragma once

#include <memory>
#include <vector>

#include "iceberg/table_scan.h"

namespace firn::iceberg {

/// What a reader needs of its scan, which outlives it.
struct ScanReaderInput {
  objectstore::ObjectStore& store;
  const TableMetadata& metadata;
  const std::vector<NestedField>& columns;
  const types::SchemaPtr& sql_schema;
  const NameMapping& names;
  const Pruner& pruner;
  DeleteReader& deletes;
  int64_t batch_rows;
  bool with_positions;
};

Result<std::unique_ptr<ScanReader>> OpenScanReader(const ScanReaderInput& input, const FileScanTask& task);

}  // namespace firn::iceberg
