// SPDX-License-Identifier: Apache-2.0
// Objects as files of the local file system: file:// URIs and plain paths. Finish, Put and CreateFolder return only when file, name and all new
// parent folders are synced. Put writes a temporary file beside the target and renames it; kIfAbsent uses a rename that does not replace.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "objectstore/object_store.h"

namespace firn::io {
class FileSystem;
class Random;
}  // namespace firn::io

namespace firn::objectstore {

/// Temporary files of Put are called so, then comes a UUID, a '-' and the object's name; a crash can leave them, List passes over them.
inline constexpr std::string_view kTemporaryPrefix = ".firn-put-";

/// A folder whose objects are still named by where it was. Both are absolute paths of the local file system.
struct MovedFolder {
  std::string was;
  std::string is;
};

/// `files` and `random` must outlive the store. What is named below a folder that was moved is read and written where that folder is, and listed by its name.
std::unique_ptr<ObjectStore> MakeLocalObjectStore(io::FileSystem& files, io::Random& random, std::vector<MovedFolder> moved = {});

}  // namespace firn::objectstore
