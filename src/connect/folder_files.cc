// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <vector>

#include "connect/folder_files_internal.h"

namespace firn::connect {

namespace {

constexpr int kFolderDepthMax = 64;

using FileVisitor = std::function<void(const std::string& path, const io::FileEntry& file)>;

Status VisitBelow(io::FileSystem& files, const std::string& folder, int depth, const FileVisitor& visit) {
  if (depth > kFolderDepthMax) {
    return Error(ErrorCode::kLimitExceeded, fmt::format("{} is more than {} folders below the table's", folder, kFolderDepthMax)).Hint("is one of them a link to a folder above it?");
  }
  FIRN_TRY(std::vector<io::FileEntry> entries, files.List(folder));
  for (const io::FileEntry& entry : entries) {
    if (IsPassedOver(entry.name)) continue;
    const std::string path = io::JoinPath(folder, entry.name);
    if (entry.is_directory) FIRN_RETURN_IF_ERROR(VisitBelow(files, path, depth + 1, visit));
    else visit(path, entry);
  }
  return Ok();
}

}  // namespace

Status VisitFiles(io::FileSystem& files, const std::string& folder, const FileVisitor& visit) { return VisitBelow(files, folder, 0, visit); }

}  // namespace firn::connect
