// SPDX-License-Identifier: Apache-2.0
#include "io/posix_file_system.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <optional>
#include <unordered_set>

#include "base/mutex.h"
#include "io/system_refusal.h"

namespace firn::io {

namespace {

Error SystemError(std::string_view call, const std::string& path, int number) {
  ErrorCode code = ErrorCode::kIoError;
  if (number == ENOENT) code = ErrorCode::kNotFound;
  if (number == EEXIST) code = ErrorCode::kAlreadyExists;
  if (number == ENOSPC || number == EDQUOT || number == EFBIG) code = ErrorCode::kDiskFull;
  if (number == ENAMETOOLONG) code = ErrorCode::kInvalidArgument;  // it will be tomorrow, too
  return HintAtFileLimit(Error(code, fmt::format("{} {}: {}", call, path, std::strerror(number))), number);
}

// Of a call whose failure leaves the disk in an unknown state: final, whatever the reason (file_system.h, Sync).
Error SyncError(std::string_view call, const std::string& path, int number) {
  return Error(ErrorCode::kIoError, fmt::format("{} {}: {}", call, path, std::strerror(number)));
}

// Owns a descriptor.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  int get() const { return number_; }

 private:
  int number_;
};

// RWF_DONTCACHE of preadv2, since Linux 6.14: older headers do not have it, older kernels refuse it.
constexpr int kDontCache = 0x80;

// Fewer are copied sooner than the device is told of another piece of memory.
constexpr size_t kDirectBytesMin = 64 << 10;
// Of a write that clears.
constexpr int kRemoveTries = 100;  // of a folder that others fill while it is emptied
constexpr size_t kZerosBytes = 1 << 20;

class PosixFile final : public File {
 public:
  PosixFile(Descriptor descriptor, std::string path) : descriptor_(std::move(descriptor)), path_(std::move(path)) {}

  Result<std::string> ReadAt(uint64_t offset, size_t size) const override {
    std::string bytes(size, '\0');
    FIRN_TRY(size_t read, ReadInto(offset, std::span(bytes)));
    bytes.resize(read);
    return bytes;
  }

  Result<size_t> ReadInto(uint64_t offset, std::span<char> out) const override { return ReadFlagged(offset, out, 0); }

  Result<size_t> ReadOnceInto(uint64_t offset, std::span<char> out) const override {
    return ReadFlagged(offset, out, is_cache_needed_.load(std::memory_order_relaxed) ? 0 : kDontCache);
  }

  Status WriteAt(uint64_t offset, std::span<const std::string_view> parts) override {
    std::vector<iovec> vectors;
    vectors.reserve(std::min<size_t>(parts.size(), IOV_MAX));
    for (size_t next = 0; next < parts.size();) {
      vectors.clear();
      for (; next < parts.size() && vectors.size() < IOV_MAX; ++next) {
        if (!parts[next].empty()) vectors.push_back({const_cast<char*>(parts[next].data()), parts[next].size()});
      }
      FIRN_RETURN_IF_ERROR(WriteVectors(&offset, vectors));
    }
    return Ok();
  }

  Status Sync() override {
    if (::fdatasync(descriptor_.get()) != 0) return SyncError("fdatasync", path_, errno);
    return Ok();
  }

  Status Truncate(uint64_t size) override {
    if (::ftruncate(descriptor_.get(), static_cast<off_t>(size)) != 0) return SystemError("truncate", path_, errno);
    return Ok();
  }

  Status Clear(uint64_t offset) override {
    FIRN_TRY(const uint64_t size, Size());
    if (offset >= size) return Ok();
    if (::fallocate(descriptor_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset), static_cast<off_t>(size - offset)) == 0) return Ok();
    if (errno != EOPNOTSUPP && errno != ENOSYS && errno != EINTR) return SystemError("clear", path_, errno);
    const std::string zeros(kZerosBytes, '\0');
    for (uint64_t at = offset; at < size; at += kZerosBytes) {
      FIRN_RETURN_IF_ERROR(File::WriteAt(at, std::string_view(zeros).substr(0, std::min<uint64_t>(kZerosBytes, size - at))));
    }
    return Ok();
  }

  Status Allocate(uint64_t size) override {
    struct stat status {};
    if (::fstat(descriptor_.get(), &status) != 0) return SystemError("stat", path_, errno);
    if (static_cast<uint64_t>(status.st_size) >= size && status.st_blocks * int64_t{512} >= status.st_size) return Ok();  // without holes
    int number = 0;
    do {
      number = ::posix_fallocate(descriptor_.get(), 0, static_cast<off_t>(size));
    } while (number == EINTR);
    if (number != 0) return SystemError("allocate", path_, number);
    return Ok();
  }

  Result<uint64_t> Size() const override {
    struct stat status {};
    if (::fstat(descriptor_.get(), &status) != 0) return SystemError("stat", path_, errno);
    return static_cast<uint64_t>(status.st_size);
  }

  // By a second descriptor of the same file, opened through the first one: its name may have changed.
  void PreferDirectWrites() override {
    if (direct_.has_value()) return;
    Descriptor direct(::open(fmt::format("/proc/self/fd/{}", descriptor_.get()).c_str(), O_WRONLY | O_DIRECT | O_CLOEXEC));
    if (direct.get() < 0) return;
    direct_.emplace(std::move(direct));
    is_direct_ = true;
  }

  std::optional<size_t> DirectPlaceOf(std::string_view bytes) const override {
    if (!is_direct_ || bytes.size() < kDirectBytesMin) return std::nullopt;
    return reinterpret_cast<uintptr_t>(bytes.data()) % kDirectBlockBytes;
  }

 private:
  Result<size_t> ReadFlagged(uint64_t offset, std::span<char> out, int flags) const {
    size_t done = 0;
    while (done < out.size()) {
      const iovec rest{out.data() + done, out.size() - done};
      const ssize_t read = ::preadv2(descriptor_.get(), &rest, 1, static_cast<off_t>(offset + done), flags);
      if (read < 0 && errno == EINTR) continue;
      if (read < 0 && flags != 0 && (errno == EOPNOTSUPP || errno == EINVAL || errno == ENOSYS)) {  // an older kernel, or a file system without it
        is_cache_needed_.store(true, std::memory_order_relaxed);
        flags = 0;
        continue;
      }
      if (read < 0) return SystemError("read", path_, errno);
      if (read == 0) break;
      done += static_cast<size_t>(read);
    }
    return done;
  }

  static bool IsAligned(uint64_t offset, std::span<const iovec> vectors) {
    return offset % kDirectBlockBytes == 0 && std::all_of(vectors.begin(), vectors.end(), [](const iovec& part) {
             return reinterpret_cast<uintptr_t>(part.iov_base) % kDirectBlockBytes == 0 && part.iov_len % kDirectBlockBytes == 0;
           });
  }

  Status WriteVectors(uint64_t* offset, std::vector<iovec>& vectors) {
    size_t first = 0;
    while (first < vectors.size()) {
      const std::span<const iovec> rest = std::span(vectors).subspan(first);
      const bool is_direct = is_direct_ && IsAligned(*offset, rest);
      const ssize_t written = ::pwritev(is_direct ? direct_->get() : descriptor_.get(), rest.data(), static_cast<int>(rest.size()), static_cast<off_t>(*offset));
      if (written < 0 && errno == EINTR) continue;
      if (written < 0 && errno == EINVAL && is_direct) {  // a device of larger blocks, or a file system that promised too much
        is_direct_ = false;
        continue;
      }
      if (written < 0) return SystemError("write", path_, errno);
      if (written == 0) return Error(ErrorCode::kIoError, fmt::format("write {}: nothing was taken", path_));  // tried again it would go on without end
      *offset += static_cast<uint64_t>(written);
      auto left = static_cast<size_t>(written);
      while (first < vectors.size() && left >= vectors[first].iov_len) left -= vectors[first++].iov_len;
      if (left > 0) {
        vectors[first].iov_base = static_cast<char*>(vectors[first].iov_base) + left;
        vectors[first].iov_len -= left;
      }
    }
    return Ok();
  }

  Descriptor descriptor_;
  std::string path_;
  mutable std::atomic<bool> is_cache_needed_ = false;  // kDontCache was refused
  std::optional<Descriptor> direct_;  // set once, by PreferDirectWrites
  std::atomic<bool> is_direct_ = false;
};

class PosixFileLock final : public FileLock {
 public:
  explicit PosixFileLock(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}

 private:
  Descriptor descriptor_;  // flock belongs to the open file description: closing it unlocks
};

int OpenFlags(OpenMode mode) {
  switch (mode) {
    case OpenMode::kRead: return O_RDONLY;
    case OpenMode::kReadWrite: return O_RDWR;
    case OpenMode::kCreate: return O_RDWR | O_CREAT;
    case OpenMode::kCreateNew: return O_RDWR | O_CREAT | O_EXCL;
    case OpenMode::kTruncate: return O_RDWR | O_CREAT | O_TRUNC;
  }
  FIRN_UNREACHABLE("open mode");
}

class PosixFileSystem final : public FileSystem {
 public:
  Result<std::unique_ptr<File>> Open(const std::string& path, OpenMode mode) override {
    Descriptor descriptor(::open(path.c_str(), OpenFlags(mode) | O_CLOEXEC, 0644));
    if (descriptor.get() < 0) return SystemError("open", path, errno);
    return std::unique_ptr<File>(std::make_unique<PosixFile>(std::move(descriptor), path));
  }

  Result<FileEntry> Stat(const std::string& path) override {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return SystemError("stat", path, errno);
    return EntryOf(std::string(FileName(path)), status);
  }

  Result<std::vector<FileEntry>> List(const std::string& directory) override {
    DIR* stream = ::opendir(directory.c_str());
    if (stream == nullptr) return SystemError("list", directory, errno);
    std::vector<FileEntry> entries;
    int problem = 0;
    while (problem == 0) {
      errno = 0;
      const dirent* item = ::readdir(stream);
      if (item == nullptr) {
        problem = errno;  // 0: that was all
        break;
      }
      const std::string name = item->d_name;
      struct stat status {};
      if (name == "." || name == "..") continue;
      if (::fstatat(::dirfd(stream), item->d_name, &status, 0) == 0) entries.push_back(EntryOf(name, status));
      else if (errno != ENOENT) problem = errno;  // ENOENT: gone meanwhile, or a link to nowhere
    }
    ::closedir(stream);
    // A list that leaves out a file would have it taken for lost.
    if (problem != 0) return SystemError("list", directory, problem);
    std::sort(entries.begin(), entries.end(), [](const FileEntry& left, const FileEntry& right) { return left.name < right.name; });
    return entries;
  }

  Status CreateDirectories(const std::string& directory) override {
    if (directory.empty() || directory == "." || directory == "/") return Ok();
    struct stat status {};
    const bool is_found = ::stat(directory.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
    if (is_found && IsKnownDurable(directory)) return Ok();
    const std::string parent = ParentPath(directory);
    FIRN_RETURN_IF_ERROR(CreateDirectories(parent));
    if (!is_found && ::mkdir(directory.c_str(), 0755) != 0) {
      const int number = errno;
      if (number != EEXIST || ::stat(directory.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) return SystemError("create folder", directory, number == EEXIST ? ENOTDIR : number);
    }
    // What may not be opened here was not made by a process like this one.
    if (!is_found || ::access(parent.c_str(), R_OK | W_OK) == 0) FIRN_RETURN_IF_ERROR(SyncDirectory(parent));
    base::MutexLock lock(mutex_);
    durable_folders_.insert(directory);
    return Ok();
  }

  Status Rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) return SystemError(fmt::format("rename {} to", from), to, errno);
    return Ok();
  }

  Status RenameIfAbsent(const std::string& from, const std::string& to) override {
    if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return Ok();
    if (errno != EINVAL && errno != ENOSYS) return SystemError(fmt::format("rename {} to", from), to, errno);
    // A file system without that flag: a hard link fails if the name is taken, atomically as well.
    if (::link(from.c_str(), to.c_str()) != 0) return SystemError(fmt::format("link {} to", from), to, errno);
    return Remove(from);
  }

  Status Remove(const std::string& path) override {
    if (::remove(path.c_str()) != 0) return SystemError("remove", path, errno);
    return Ok();
  }

  Status RemoveAll(const std::string& path) override {
    for (int tries = 0;; ++tries) {
      FIRN_TRY(const bool is_folder, IsFolder(path));
      if (is_folder) FIRN_RETURN_IF_ERROR(RemoveEntries(path));
      if (::remove(path.c_str()) == 0 || errno == ENOENT) return Ok();
      const bool is_filled_again = errno == ENOTEMPTY || errno == EEXIST;
      if (!is_filled_again || tries == kRemoveTries) return SystemError("remove", path, errno);
    }
  }

  Status SyncDirectory(const std::string& directory) override {
    Descriptor descriptor(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (descriptor.get() < 0) return SystemError("open folder", directory, errno);
    if (::fsync(descriptor.get()) != 0) return SyncError("fsync folder", directory, errno);
    return Ok();
  }

  Result<std::unique_ptr<FileLock>> Lock(const std::string& path) override {
    Descriptor descriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
    if (descriptor.get() < 0) return SystemError("open lock", path, errno);
    if (::flock(descriptor.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) return SystemError("lock", path, errno);
      return Error(ErrorCode::kDataDirectoryInUse, fmt::format("{} is held by another firn process", path))
          .Hint("stop the other node, or name another directory with --data");
    }
    return std::unique_ptr<FileLock>(std::make_unique<PosixFileLock>(std::move(descriptor)));
  }

  Result<uint64_t> FreeBytes(const std::string& path) override {
    struct statvfs status {};
    if (::statvfs(path.c_str(), &status) != 0) return SystemError("stat file system of", path, errno);
    return static_cast<uint64_t>(status.f_bavail) * status.f_frsize;
  }

 private:
  // A link to a folder is none.
  static Result<bool> IsFolder(const std::string& path) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) == 0) return S_ISDIR(status.st_mode);
    if (errno == ENOENT) return false;
    return SystemError("stat", path, errno);
  }

  Status RemoveEntries(const std::string& folder) {
    Result<std::vector<FileEntry>> entries = List(folder);
    if (!entries.ok()) return entries.error().code() == ErrorCode::kNotFound ? Ok() : Status(std::move(entries).error());
    for (const FileEntry& entry : *entries) FIRN_RETURN_IF_ERROR(RemoveAll(JoinPath(folder, entry.name)));
    return Ok();
  }

  bool IsKnownDurable(const std::string& directory) {
    base::MutexLock lock(mutex_);
    return durable_folders_.contains(directory);
  }

  static FileEntry EntryOf(std::string name, const struct stat& status) {
    return {std::move(name), S_ISDIR(status.st_mode), static_cast<uint64_t>(status.st_size),
            status.st_mtim.tv_sec * 1000 + status.st_mtim.tv_nsec / 1'000'000};
  }

  base::Mutex mutex_;
  std::unordered_set<std::string> durable_folders_ FIRN_GUARDED_BY(mutex_);
};

}  // namespace

std::unique_ptr<FileSystem> MakePosixFileSystem() { return std::make_unique<PosixFileSystem>(); }

}  // namespace firn::io
