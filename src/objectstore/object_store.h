// SPDX-License-Identifier: Apache-2.0
// Whole objects under string locations: what tables, checkpoints and their files are kept in. A local folder today; the interface asks for
// nothing that S3 cannot give (no rename, no append, no partial overwrite).
//
// Locations are URIs ("file:///lake/db/t", "file:/lake") or plain paths; "/" separates, a folder has no trailing "/".
// Errors: kNotFound, kAlreadyExists, kDiskFull, kIoError; kNotSupported for a location of a scheme that the store does not serve.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace firn::objectstore {

struct ObjectInfo {
  std::string location;
  uint64_t size_bytes = 0;
  int64_t modified_ms = 0;  // wall time
};

/// What a Put has left that was killed before it ended.
struct UnfinishedPut {
  std::string location;
  std::string target;       // what it was to become
};

/// An object opened for reading. The object must not be replaced meanwhile. Calls may run concurrently.
class ObjectReader {
 public:
  virtual ~ObjectReader() = default;
  virtual uint64_t size_bytes() const = 0;
  /// Fills `out` from `offset`; returns how many bytes were there (fewer only at the end).
  virtual Result<size_t> ReadInto(uint64_t offset, std::span<char> out) const = 0;
  /// At most `size` bytes from `offset`.
  Result<std::string> ReadAt(uint64_t offset, size_t size) const;
};

/// An object being written. Nobody may rely on what is at the location before Finish has returned. Thread-compatible.
class ObjectWriter {
 public:
  /// Without a Finish before it, removes what was written.
  virtual ~ObjectWriter() = default;
  virtual Status Append(std::string_view bytes) = 0;
  /// The object is complete, visible and durable on return. Call it once, last.
  virtual Status Finish() = 0;
  virtual uint64_t size_bytes() const = 0;
};

enum class PutMode {
  kReplace,
  kIfAbsent,  // kAlreadyExists if there is one; atomic against all other callers
};

/// Thread-safe. Every call blocks.
class ObjectStore {
 public:
  virtual ~ObjectStore() = default;

  virtual Result<std::unique_ptr<ObjectReader>> Open(const std::string& location) = 0;
  /// Stores the whole object atomically: readers see the old one or the new one. Durable on return.
  virtual Status Put(const std::string& location, std::string_view bytes, PutMode mode) = 0;
  /// kAlreadyExists if there is one.
  virtual Result<std::unique_ptr<ObjectWriter>> Create(const std::string& location) = 0;
  virtual Result<ObjectInfo> Stat(const std::string& location) = 0;
  /// All objects below `folder`, at any depth, sorted by location; none if there is no such folder.
  virtual Result<std::vector<ObjectInfo>> List(const std::string& folder) = 0;
  /// Remains of Puts directly in `folder`, which List passes over; a store that leaves none has none. Those of Puts in progress are among them: one whose
  /// location is deleted fails, with kAlreadyExists if it was kIfAbsent and its target is there.
  virtual Result<std::vector<UnfinishedPut>> ListUnfinished(const std::string& folder) = 0;
  /// The names of the folders directly in `folder`, sorted; kNotFound if there is no such folder.
  virtual Result<std::vector<std::string>> ListFolders(const std::string& folder) = 0;
  /// Makes a folder that exists without objects in it. Durable on return; success if it is there.
  virtual Status CreateFolder(const std::string& folder) = 0;
  virtual Result<bool> FolderExists(const std::string& folder) = 0;
  /// Success if there is none.
  virtual Status Delete(const std::string& location) = 0;
  /// Deletes all below `folder` and the folder; success if there is none.
  virtual Status DeleteFolder(const std::string& folder) = 0;

  /// The whole object; kLimitExceeded if it is larger than `max_bytes`.
  Result<std::string> Get(const std::string& location, uint64_t max_bytes = 1ull << 30);
  /// Bytes [offset, offset + size) of it, fewer only at its end.
  Result<std::string> GetRange(const std::string& location, uint64_t offset, size_t size);
  /// Whether there is an object; only kNotFound means no.
  Result<bool> Exists(const std::string& location);
};

/// "a/b" from "a" and "b"; keeps the scheme's slashes.
std::string JoinLocation(std::string_view folder, std::string_view name);
/// "file:///lake/db" -> "/lake/db"; a plain path as it is. kNotSupported names any other scheme.
Result<std::string> LocalPath(const std::string& location);

}  // namespace firn::objectstore
