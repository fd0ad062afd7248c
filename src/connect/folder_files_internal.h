// SPDX-License-Identifier: Apache-2.0
// Which files below a folder are a table's, for who reads them and who replaces them.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "io/file_system.h"

namespace firn::connect {

/// Whether a file or a folder of that name is no part of a table, as in Flink and Hive: it begins with a dot (what is being written) or an underscore (marks).
inline bool IsPassedOver(std::string_view name) { return name.starts_with('.') || name.starts_with('_'); }

/// Calls visit(path, file) for each file below the folder, however deep, as Flink's FileSource finds them. kLimitExceeded: folders in folders without end.
Status VisitFiles(io::FileSystem& files, const std::string& folder, const std::function<void(const std::string& path, const io::FileEntry& file)>& visit);

}  // namespace firn::connect
