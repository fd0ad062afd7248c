// SPDX-License-Identifier: Apache-2.0
// Reads an Iceberg table, file by file. Where there is a processor for it, a thread of the connector's decodes some batches ahead of the task that takes them.
#pragma once

#include <memory>

#include "exec/source.h"
#include "iceberg/table_scan.h"
#include "io/executor.h"

namespace firn::connect {

/// `ahead`: where batches are read ahead; null: in Poll. What is given must outlive the source, and `ahead` and `objects` all that runs on `ahead`.
Result<std::unique_ptr<exec::Source>> MakeIcebergSource(objectstore::ObjectStore& objects, iceberg::TableMetadataPtr metadata, iceberg::ScanOptions options, io::TaskQueue* ahead);

}  // namespace firn::connect
