// SPDX-License-Identifier: Apache-2.0
// A file system that passes everything on to another one: for tests in which one call of it goes wrong.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "io/file_system.h"

namespace firn::io {

class PassingFiles : public FileSystem {
 public:
  explicit PassingFiles(FileSystem& files) : files_(files) {}

  Result<std::unique_ptr<File>> Open(const std::string& path, OpenMode mode) override { return files_.Open(path, mode); }
  Result<FileEntry> Stat(const std::string& path) override { return files_.Stat(path); }
  Result<std::vector<FileEntry>> List(const std::string& directory) override { return files_.List(directory); }
  Status CreateDirectories(const std::string& directory) override { return files_.CreateDirectories(directory); }
  Status Rename(const std::string& from, const std::string& to) override { return files_.Rename(from, to); }
  Status RenameIfAbsent(const std::string& from, const std::string& to) override { return files_.RenameIfAbsent(from, to); }
  Status Remove(const std::string& path) override { return files_.Remove(path); }
  Status RemoveAll(const std::string& path) override { return files_.RemoveAll(path); }
  Status SyncDirectory(const std::string& directory) override { return files_.SyncDirectory(directory); }
  Result<std::unique_ptr<FileLock>> Lock(const std::string& path) override { return files_.Lock(path); }
  Result<uint64_t> FreeBytes(const std::string& path) override { return files_.FreeBytes(path); }

 private:
  FileSystem& files_;
};

}  // namespace firn::io
