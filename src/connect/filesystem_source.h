// SPDX-License-Identifier: Apache-2.0
// Reads a file, or all files below a folder (below its partitions' folders), however deep, one after the other in the order of their paths. A position is a path and a
// place in that file: what others put into the folder meanwhile moves nothing.
#pragma once

#include <memory>
#include <string>

#include "connect/partition_folders.h"
#include "exec/source.h"
#include "formats/record_format.h"
#include "io/file_system.h"

namespace firn::connect {

struct FilesystemSourceOptions {
  std::string path;
  PartitionFolders partitions;
  formats::FormatSpec format;   // also "parquet"
};

/// Names of files and folders that begin with a dot or an underscore are passed over. kLimitExceeded: folders in folders without end.
Result<std::unique_ptr<exec::Source>> MakeFilesystemSource(io::FileSystem& files, const FilesystemSourceOptions& options, const plan::ScanNode& scan);

}  // namespace firn::connect
