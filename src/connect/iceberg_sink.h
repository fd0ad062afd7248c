// SPDX-License-Identifier: Apache-2.0
// Writes an Iceberg table, exactly once: each lane writes Parquet files, a checkpoint makes one snapshot of them.
//
// An upsert sink keeps a key index (key -> data file and position). A row whose key is there puts the old place into a position delete file; readers never meet
// equality deletes. The index is not checkpointed: it is what the table itself says, and is read from it when the sink starts.
#pragma once

#include <memory>

#include "exec/sink.h"
#include "iceberg/catalog.h"
#include "iceberg/manifest_files.h"

namespace firn::connect {

struct IcebergSinkOptions {
  std::shared_ptr<iceberg::Catalog> catalog;
  iceberg::Table table;
  bool is_upsert = false;
  std::string job_id;
  int64_t checkpoint_id = 0;  // from which the job goes on
};

/// `context`'s parts must outlive the sink.
Result<exec::Sink> MakeIcebergSink(const iceberg::WriteContext& context, const IcebergSinkOptions& options, const plan::SinkNode& sink,
                                   const types::SchemaPtr& input, int lanes);

}  // namespace firn::connect
