// SPDX-License-Identifier: Apache-2.0
// Writes files that appear whole: staged under a hidden name, renamed when their checkpoint is committed. Those of a partitioned table lie in its folders.
#pragma once

#include <string>

#include "connect/partition_folders.h"
#include "exec/sink.h"
#include "formats/record_format.h"
#include "io/environment.h"
#include "types/batch.h"

namespace firn::connect {

struct FilesystemSinkOptions {
  std::string folder;
  PartitionFolders partitions;
  formats::FormatSpec format;   // also "parquet"
  bool overwrites = false;
  std::string job_id;           // stands in the names of its files
};

Result<exec::Sink> MakeFilesystemSink(const io::Environment& environment, const FilesystemSinkOptions& options, const types::SchemaPtr& schema, int lanes);

}  // namespace firn::connect
