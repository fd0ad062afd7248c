// SPDX-License-Identifier: Apache-2.0
#include "objectstore/object_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace firn::objectstore {

Result<std::string> ObjectReader::ReadAt(uint64_t offset, size_t size) const {
  const uint64_t available = offset < size_bytes() ? size_bytes() - offset : 0;
  std::string bytes(std::min<uint64_t>(size, available), '\0');
  FIRN_TRY(size_t read, ReadInto(offset, bytes));
  bytes.resize(read);
  return bytes;
}

Result<std::string> ObjectStore::Get(const std::string& location, uint64_t max_bytes) {
  FIRN_TRY(std::unique_ptr<ObjectReader> reader, Open(location));
  if (reader->size_bytes() > max_bytes) {
    return Error(ErrorCode::kLimitExceeded,
                 fmt::format("{} has {} bytes, at most {} are read into memory", location, reader->size_bytes(), max_bytes));
  }
  return reader->ReadAt(0, static_cast<size_t>(reader->size_bytes()));
}

Result<std::string> ObjectStore::GetRange(const std::string& location, uint64_t offset, size_t size) {
  FIRN_TRY(std::unique_ptr<ObjectReader> reader, Open(location));
  return reader->ReadAt(offset, size);
}

Result<bool> ObjectStore::Exists(const std::string& location) {
  Result<ObjectInfo> info = Stat(location);
  if (info.ok()) return true;
  if (info.error().code() == ErrorCode::kNotFound) return false;
  return std::move(info).error();
}

std::string JoinLocation(std::string_view folder, std::string_view name) {
  std::string joined(folder);
  while (joined.size() > 1 && joined.ends_with('/') && !joined.ends_with("//")) joined.pop_back();
  if (!joined.empty() && !joined.ends_with('/')) joined += '/';
  while (name.starts_with('/')) name.remove_prefix(1);
  return joined.append(name);
}

Result<std::string> LocalPath(const std::string& location) {
  const size_t colon = location.find(':');
  const bool has_scheme = colon != std::string::npos && colon >= 2 && colon + 1 < location.size() && location[colon + 1] == '/' &&
                          std::all_of(location.begin(), location.begin() + static_cast<std::ptrdiff_t>(colon), [](char c) {
                            return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '+' || c == '-' || c == '.';
                          });
  if (!has_scheme) {
    if (location.empty()) return Error(ErrorCode::kInvalidArgument, "an empty location");
    return location;
  }
  const std::string scheme = location.substr(0, colon);
  if (scheme != "file") {
    return Error(ErrorCode::kNotSupported, fmt::format("no store for `{}`: the scheme `{}` is not served", location, scheme))
        .Hint("Use a local folder: file:///path or /path.");
  }
  std::string path = location.substr(colon + 1);
  if (path.starts_with("//")) {
    const size_t root = path.find('/', 2);
    const std::string host = path.substr(2, root == std::string::npos ? root : root - 2);
    if (root == std::string::npos || (!host.empty() && host != "localhost")) {
      return Error(ErrorCode::kInvalidArgument, fmt::format("`{}` names the host `{}`; a local folder is file:///path", location, host));
    }
    path = path.substr(root);
  }
  return path;
}

}  // namespace firn::objectstore
