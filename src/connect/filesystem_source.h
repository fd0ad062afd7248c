// SPDX-License-Identifier: Apache-2.0
// Reads a file, or all files of a folder one after the other in the order of their names. A position is a file's number and a place in it.
#pragma once

#include <memory>
#include <string>

#include "exec/source.h"
#include "formats/record_format.h"
#include "io/file_system.h"

namespace firn::connect {

/// `format.name` may be "parquet". Names that begin with a dot or an underscore are passed over.
Result<std::unique_ptr<exec::Source>> MakeFilesystemSource(io::FileSystem& files, const std::string& path, const formats::FormatSpec& format, const plan::ScanNode& scan);

}  // namespace firn::connect
