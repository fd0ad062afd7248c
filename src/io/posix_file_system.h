// SPDX-License-Identifier: Apache-2.0
// The file system of the machine.
#pragma once

#include <memory>

#include "io/file_system.h"

namespace firn::io {

std::unique_ptr<FileSystem> MakePosixFileSystem();

}  // namespace firn::io
