// SPDX-License-Identifier: Apache-2.0
#include "objectstore/local_object_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "base/mutex.h"
#include "io/file_system.h"
#include "io/random.h"

namespace firn::objectstore {

namespace {

constexpr size_t kWriteBufferBytes = 256 << 10;
constexpr size_t kKnownFoldersMax = 4096;
constexpr int kFolderDepthMax = 64;
constexpr size_t kUuidTextSize = 36;

class LocalReader final : public ObjectReader {
 public:
  LocalReader(std::unique_ptr<io::File> file, uint64_t size_bytes) : file_(std::move(file)), size_bytes_(size_bytes) {}
  uint64_t size_bytes() const override { return size_bytes_; }
  Result<size_t> ReadInto(uint64_t offset, std::span<char> out) const override { return file_->ReadInto(offset, out); }

 private:
  std::unique_ptr<io::File> file_;
  uint64_t size_bytes_;
};

class LocalWriter final : public ObjectWriter {
 public:
  LocalWriter(io::FileSystem& files, std::string path, std::unique_ptr<io::File> file)
      : files_(files), path_(std::move(path)), file_(std::move(file)) {}

  ~LocalWriter() override {
    if (is_finished_) return;
    file_.reset();
    (void)files_.Remove(path_).ok();  // an orphan is harmless: nothing refers to it
  }

  Status Append(std::string_view bytes) override {
    FIRN_ASSERT(!is_finished_, "Append after Finish of {}", path_);
    if (buffer_.size() + bytes.size() < kWriteBufferBytes) {
      buffer_.append(bytes);
      return Ok();
    }
    const std::string_view parts[] = {buffer_, bytes};
    FIRN_RETURN_IF_ERROR(file_->WriteAt(written_, std::span<const std::string_view>(parts)));
    written_ += buffer_.size() + bytes.size();
    buffer_.clear();
    return Ok();
  }

  Status Finish() override {
    FIRN_ASSERT(!is_finished_, "second Finish of {}", path_);
    if (!buffer_.empty()) FIRN_RETURN_IF_ERROR(file_->WriteAt(written_, buffer_));
    written_ += buffer_.size();
    buffer_.clear();
    FIRN_RETURN_IF_ERROR(file_->Sync());
    FIRN_RETURN_IF_ERROR(files_.SyncDirectory(io::ParentPath(path_)));
    is_finished_ = true;
    return Ok();
  }

  uint64_t size_bytes() const override { return written_ + buffer_.size(); }

 private:
  io::FileSystem& files_;
  const std::string path_;
  std::unique_ptr<io::File> file_;
  std::string buffer_;
  uint64_t written_ = 0;
  bool is_finished_ = false;
};

class LocalObjectStore final : public ObjectStore {
 public:
  LocalObjectStore(io::FileSystem& files, io::Random& random, std::vector<MovedFolder> moved) : files_(files), random_(random), moved_(std::move(moved)) {}

  Result<std::unique_ptr<ObjectReader>> Open(const std::string& location) override {
    FIRN_TRY(std::string path, PathOf(location));
    FIRN_TRY(std::unique_ptr<io::File> file, files_.Open(path, io::OpenMode::kRead));
    FIRN_TRY(uint64_t size, file->Size());
    return std::unique_ptr<ObjectReader>(std::make_unique<LocalReader>(std::move(file), size));
  }

  Status Put(const std::string& location, std::string_view bytes, PutMode mode) override {
    FIRN_TRY(std::string path, PathOf(location));
    const std::string folder = io::ParentPath(path);
    const std::string temporary = io::JoinPath(folder, fmt::format("{}{}-{}", kTemporaryPrefix, random_.UuidText(), io::FileName(path)));
    FIRN_TRY(std::unique_ptr<io::File> file, OpenInFolder(temporary, io::OpenMode::kCreateNew));
    Status status = WriteAndPublish(*file, bytes, temporary, path, mode);
    if (!status.ok()) (void)files_.Remove(temporary).ok();
    return status;
  }

  Result<std::unique_ptr<ObjectWriter>> Create(const std::string& location) override {
    FIRN_TRY(std::string path, PathOf(location));
    FIRN_TRY(std::unique_ptr<io::File> file, OpenInFolder(path, io::OpenMode::kCreateNew));
    return std::unique_ptr<ObjectWriter>(std::make_unique<LocalWriter>(files_, std::move(path), std::move(file)));
  }

  Result<ObjectInfo> Stat(const std::string& location) override {
    FIRN_TRY(std::string path, PathOf(location));
    FIRN_TRY(io::FileEntry entry, files_.Stat(path));
    if (entry.is_directory) return Error(ErrorCode::kNotFound, fmt::format("{} is a folder, not an object", location));
    return ObjectInfo{location, entry.size_bytes, entry.modified_ms};
  }

  Result<std::vector<ObjectInfo>> List(const std::string& folder) override {
    FIRN_TRY(std::string path, PathOf(folder));
    std::vector<ObjectInfo> objects;
    FIRN_RETURN_IF_ERROR(ListInto(folder, path, 0, &objects));
    // What is in "a" comes behind "a-b", though "a" comes before it.
    std::sort(objects.begin(), objects.end(), [](const ObjectInfo& left, const ObjectInfo& right) { return left.location < right.location; });
    return objects;
  }

  Result<std::vector<UnfinishedPut>> ListUnfinished(const std::string& folder) override {
    FIRN_TRY(std::string path, PathOf(folder));
    std::vector<UnfinishedPut> unfinished;
    Result<std::vector<io::FileEntry>> entries = files_.List(path);
    if (!entries.ok()) {
      if (entries.error().code() == ErrorCode::kNotFound) return unfinished;
      return std::move(entries).error();
    }
    for (const io::FileEntry& entry : *entries) {
      const size_t target = kTemporaryPrefix.size() + kUuidTextSize + 1;
      if (entry.is_directory || !entry.name.starts_with(kTemporaryPrefix) || entry.name.size() <= target) continue;
      unfinished.push_back({JoinLocation(folder, entry.name), JoinLocation(folder, entry.name.substr(target))});
    }
    return unfinished;
  }

  Result<std::vector<std::string>> ListFolders(const std::string& folder) override {
    FIRN_TRY(std::string path, PathOf(folder));
    FIRN_TRY(std::vector<io::FileEntry> entries, files_.List(path));
    std::vector<std::string> names;
    for (io::FileEntry& entry : entries) {
      if (entry.is_directory) names.push_back(std::move(entry.name));
    }
    return names;
  }

  Status CreateFolder(const std::string& folder) override {
    FIRN_TRY(std::string path, PathOf(folder));
    return EnsureFolder(path);
  }

  Result<bool> FolderExists(const std::string& folder) override {
    FIRN_TRY(std::string path, PathOf(folder));
    Result<io::FileEntry> entry = files_.Stat(path);
    if (entry.ok()) return entry->is_directory;
    if (entry.error().code() == ErrorCode::kNotFound) return false;
    return std::move(entry).error();
  }

  Status Delete(const std::string& location) override {
    FIRN_TRY(std::string path, PathOf(location));
    Status status = files_.Remove(path);
    if (!status.ok() && status.error().code() != ErrorCode::kNotFound) return status;
    return Ok();
  }

  Status DeleteFolder(const std::string& folder) override {
    FIRN_TRY(std::string path, PathOf(folder));
    ForgetFolders();
    FIRN_RETURN_IF_ERROR(files_.RemoveAll(path));
    ForgetFolders();
    return Ok();
  }

 private:
  Status WriteAndPublish(io::File& file, std::string_view bytes, const std::string& temporary, const std::string& path, PutMode mode) {
    FIRN_RETURN_IF_ERROR(file.WriteAt(0, bytes));
    FIRN_RETURN_IF_ERROR(file.Sync());
    if (mode == PutMode::kIfAbsent) {
      Status status = files_.RenameIfAbsent(temporary, path);
      const bool was_removed = !status.ok() && status.error().code() == ErrorCode::kNotFound;
      if (was_removed && files_.Exists(path)) return Error(ErrorCode::kAlreadyExists, fmt::format("{} exists", path));
      FIRN_RETURN_IF_ERROR(std::move(status));
    } else {
      FIRN_RETURN_IF_ERROR(files_.Rename(temporary, path));
    }
    return files_.SyncDirectory(io::ParentPath(path));
  }

  Status ListInto(const std::string& folder, const std::string& path, int depth, std::vector<ObjectInfo>* objects) {
    if (depth > kFolderDepthMax) return Error(ErrorCode::kLimitExceeded, fmt::format("{} is nested deeper than {}", folder, kFolderDepthMax));
    Result<std::vector<io::FileEntry>> entries = files_.List(path);
    if (!entries.ok()) {
      if (entries.error().code() == ErrorCode::kNotFound) return Ok();
      return std::move(entries).error();
    }
    for (const io::FileEntry& entry : *entries) {
      const std::string location = JoinLocation(folder, entry.name);
      if (entry.is_directory) {
        FIRN_RETURN_IF_ERROR(ListInto(location, io::JoinPath(path, entry.name), depth + 1, objects));
      } else if (!entry.name.starts_with(kTemporaryPrefix)) {
        objects->push_back({location, entry.size_bytes, entry.modified_ms});
      }
    }
    return Ok();
  }

  // A known folder may have been removed by another process: then it is made again, once.
  Result<std::unique_ptr<io::File>> OpenInFolder(const std::string& path, io::OpenMode mode) {
    FIRN_RETURN_IF_ERROR(EnsureFolder(io::ParentPath(path)));
    Result<std::unique_ptr<io::File>> file = files_.Open(path, mode);
    if (file.ok() || file.error().code() != ErrorCode::kNotFound) return file;
    ForgetFolders();
    FIRN_RETURN_IF_ERROR(EnsureFolder(io::ParentPath(path)));
    return files_.Open(path, mode);
  }

  // Makes the folder durable: each new name is synced in its parent. Nobody relies on a folder that another thread has made but not synced yet: he syncs it
  // himself. The parent of a folder met for the first time is synced too, since an earlier process may have died before it was. No lock is held while the disk works.
  Status EnsureFolder(const std::string& path) {
    std::vector<std::string> to_sync = {path};
    {
      base::MutexLock lock(mutex_);
      if (known_folders_.contains(path)) return Ok();
    }
    for (std::string at = path; IsNew(at) && to_sync.size() <= kFolderDepthMax; at = io::ParentPath(at)) {
      if (at != path) to_sync.push_back(at);
      if (at == io::ParentPath(at)) break;
    }
    {
      base::MutexLock lock(mutex_);
      unsynced_folders_.insert(to_sync.begin(), to_sync.end());
    }
    if (!files_.Exists(path)) FIRN_RETURN_IF_ERROR(files_.CreateDirectories(path));
    for (const std::string& at : to_sync) FIRN_RETURN_IF_ERROR(files_.SyncDirectory(io::ParentPath(at)));
    base::MutexLock lock(mutex_);
    for (const std::string& at : to_sync) unsynced_folders_.erase(at);
    if (known_folders_.size() >= kKnownFoldersMax) known_folders_.clear();
    known_folders_.insert(path);
    return Ok();
  }

  // Whether it is not there, or some thread has not yet synced its name.
  bool IsNew(const std::string& folder) {
    if (!files_.Exists(folder)) return true;
    base::MutexLock lock(mutex_);
    return unsynced_folders_.contains(folder);
  }

  void ForgetFolders() {
    base::MutexLock lock(mutex_);
    known_folders_.clear();
  }
  // Where the object or folder lies.
  Result<std::string> PathOf(const std::string& location) const {
    FIRN_TRY(std::string path, LocalPath(location));
    for (const MovedFolder& folder : moved_) {
      const bool is_below = path.starts_with(folder.was) && (path.size() == folder.was.size() || path[folder.was.size()] == '/');
      if (is_below) return folder.is + path.substr(folder.was.size());
    }
    return path;
  }

  io::FileSystem& files_;
  io::Random& random_;
  const std::vector<MovedFolder> moved_;
  base::Mutex mutex_;
  std::unordered_set<std::string> known_folders_ FIRN_GUARDED_BY(mutex_);     // durable
  std::unordered_set<std::string> unsynced_folders_ FIRN_GUARDED_BY(mutex_);  // made by a thread that has not come to sync their names, or about to be
};

}  // namespace

std::unique_ptr<ObjectStore> MakeLocalObjectStore(io::FileSystem& files, io::Random& random, std::vector<MovedFolder> moved) {
  return std::make_unique<LocalObjectStore>(files, random, std::move(moved));
}

}  // namespace firn::objectstore
