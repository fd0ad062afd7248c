// SPDX-License-Identifier: Apache-2.0
// The filesystem connector: a file, or the files of a folder, one record a line. Reading is bounded: the files that are there when the job starts. A sink
// writes new files into the folder; each becomes visible with its checkpoint.
#pragma once

#include <memory>

#include "exec/connector.h"
#include "io/environment.h"

namespace firn::connect {

std::unique_ptr<exec::Connector> MakeFilesystemConnector(const io::Environment& environment);

}  // namespace firn::connect
