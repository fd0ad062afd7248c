// SPDX-License-Identifier: Apache-2.0
// Files. Every call blocks; call them from a thread that may. A write is durable only after Sync of the file, and a new name
// only after SyncDirectory of its folder: the simulated file system drops whatever was not synced when it crashes.
//
// Errors: kNotFound, kAlreadyExists, kDiskFull (ENOSPC, EDQUOT, EFBIG), else kIoError; each names the path and the reason.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace firn::io {

/// What place, size and memory of a write must be multiples of to go past the page cache.
inline constexpr size_t kDirectBlockBytes = 4096;

/// An open file. Reads and writes at given positions may run concurrently if they do not overlap. Closed by the destructor.
class File {
 public:
  virtual ~File() = default;
  /// At most `size` bytes from `offset`; fewer only at the end of the file. On failure nothing is returned.
  virtual Result<std::string> ReadAt(uint64_t offset, size_t size) const = 0;
  /// Fills `out` from `offset`; returns how many bytes were there.
  virtual Result<size_t> ReadInto(uint64_t offset, std::span<char> out) const = 0;
  /// As ReadInto, for who reads a long way and only once: where the system can, the page cache does not keep what it did not hold before.
  virtual Result<size_t> ReadOnceInto(uint64_t offset, std::span<char> out) const { return ReadInto(offset, out); }
  /// Writes the parts one after the other from `offset`, growing the file if needed. After a failure the range holds an
  /// unknown mixture of old and new bytes.
  virtual Status WriteAt(uint64_t offset, std::span<const std::string_view> parts) = 0;
  Status WriteAt(uint64_t offset, std::string_view bytes) { return WriteAt(offset, std::span(&bytes, 1)); }
  /// Makes all completed writes durable (fdatasync). A failure is final: the state of the unsynced bytes is unknown and a
  /// second Sync must not be trusted, so the owner must stop. Therefore it is always kIoError, never kDiskFull, which passes: a disk that is
  /// found full this late has lost something.
  virtual Status Sync() = 0;
  virtual Status Truncate(uint64_t size) = 0;
  /// All bytes from `offset` on are zero then. The size stays, the blocks go where the file system can: this needs no room on a full disk.
  virtual Status Clear(uint64_t offset) = 0;
  /// Reserves blocks up to `size` so that later writes there neither change metadata nor meet a full disk. Never makes the file shorter; new bytes read as zero.
  virtual Status Allocate(uint64_t size) = 0;
  virtual Result<uint64_t> Size() const = 0;
  /// From now on writes whose place, parts and memory are all multiples of kDirectBlockBytes go past the page cache (O_DIRECT): no copy in the kernel, and no
  /// write-back later that others must wait for; who reads those bytes soon reads them from the disk. Other writes, reads and what is promised above stay
  /// as they are. Where the file system cannot, nothing changes.
  virtual void PreferDirectWrites() = 0;
  /// Where in a block `bytes` must begin for their whole blocks to go past the page cache from where they lie in memory, without a copy; nullopt where
  /// nothing is gained by that: there are few of them, or no direct writes.
  virtual std::optional<size_t> DirectPlaceOf(std::string_view bytes) const = 0;
};

/// Held until destruction. Excludes other processes and other holders in this process.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

enum class OpenMode {
  kRead,         // must exist
  kReadWrite,    // must exist
  kCreate,       // made if missing, kept if there
  kCreateNew,    // must not exist
  kTruncate,     // made if missing, emptied if there
};

struct FileEntry {
  std::string name;  // without the folder
  bool is_directory = false;
  uint64_t size_bytes = 0;
  int64_t modified_ms = 0;
};

/// Thread-safe. Paths are absolute or relative to the process's folder; '/' separates.
class FileSystem {
 public:
  virtual ~FileSystem() = default;
  virtual Result<std::unique_ptr<File>> Open(const std::string& path, OpenMode mode) = 0;
  virtual Result<FileEntry> Stat(const std::string& path) = 0;
  /// The entries of a folder, sorted by name.
  virtual Result<std::vector<FileEntry>> List(const std::string& directory) = 0;
  /// Makes the folder and its parents, durably; success if it is there already. Names that are found are made durable too, once a process: an
  /// earlier one may have made them and died before it could.
  virtual Status CreateDirectories(const std::string& directory) = 0;
  /// Replaces `to` atomically if it exists.
  virtual Status Rename(const std::string& from, const std::string& to) = 0;
  /// Fails with kAlreadyExists if `to` exists; atomic against other callers (the commit of a Hadoop-style table).
  virtual Status RenameIfAbsent(const std::string& from, const std::string& to) = 0;
  virtual Status Remove(const std::string& path) = 0;
  /// Removes a folder with all in it, also what others put there meanwhile; success if it is not there.
  virtual Status RemoveAll(const std::string& path) = 0;
  /// Makes the folder's entries durable. Fails as File::Sync does.
  virtual Status SyncDirectory(const std::string& directory) = 0;
  /// kDataDirectoryInUse if another holder has it. The file is made if missing.
  virtual Result<std::unique_ptr<FileLock>> Lock(const std::string& path) = 0;
  virtual Result<uint64_t> FreeBytes(const std::string& path) = 0;

  bool Exists(const std::string& path) { return Stat(path).ok(); }
  Result<std::string> ReadAll(const std::string& path);
  /// Writes a temporary file beside `path`, syncs it, renames it over `path` and syncs the folder.
  Status WriteAtomically(const std::string& path, std::string_view bytes);
};

/// "a/b" from "a" and "b"; no doubled slash.
std::string JoinPath(std::string_view left, std::string_view right);
/// "c" of "/a/b/c" and of "c"; empty of what ends in a slash.
inline std::string_view FileName(std::string_view path) { return path.substr(path.rfind('/') + 1); }
/// The folder of a path: "a" of "a/b", "." of "b".
std::string ParentPath(std::string_view path);

}  // namespace firn::io
