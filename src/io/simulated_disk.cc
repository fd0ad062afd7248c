// SPDX-License-Identifier: Apache-2.0
#include "io/simulated_disk.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace firn::io {

namespace {

constexpr uint64_t kSectorBytes = 512;
constexpr size_t kTraceLinesMax = 2'000;
constexpr uint64_t kWriteUsMax = 50;
constexpr size_t kPlacedBytesMin = 600;  // small enough for scenarios to have some
constexpr size_t kPlaceFactor = 2'654'435'761;  // any place will do that another process need not find again, but the memory's address, which no two runs of a seed share
constexpr uint64_t kSyncUsMax = 400;

// The text between two slashes, one after the other.
std::vector<std::string> PartsOf(std::string_view path) {
  std::vector<std::string> parts;
  while (!path.empty()) {
    const size_t slash = std::min(path.find('/'), path.size());
    if (slash > 0 && path.substr(0, slash) != ".") parts.emplace_back(path.substr(0, slash));
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return parts;
}

Error Missing(std::string_view call, const std::string& path) { return Error(ErrorCode::kNotFound, fmt::format("{} {}: No such file or directory", call, path)); }

}  // namespace

enum class Sector : uint8_t {
  kSynced,
  kDirty,  // written, not synced
  kLost,   // a failed sync has dropped it: only the page cache has it
};

// A file or a folder, as the page cache has it and as the disk has it.
struct DiskNode {
  using Children = std::map<std::string, std::shared_ptr<DiskNode>>;
  // What one call did to a folder: names with their new nodes, null for a name that went.
  using Change = std::vector<std::pair<std::string, std::shared_ptr<DiskNode>>>;

  bool is_folder = false;
  int64_t modified_ms = 0;

  std::string bytes;
  std::string synced_bytes;
  std::vector<Sector> sectors;  // of `bytes`

  Children children;
  Children synced_children;
  std::vector<Change> unsynced;

  void Apply(Change change) {
    ApplyTo(change, &children);
    unsynced.push_back(std::move(change));
  }
  static void ApplyTo(const Change& change, Children* children) {
    for (const auto& [name, node] : change) {
      if (node == nullptr) {
        children->erase(name);
      } else {
        (*children)[name] = node;
      }
    }
  }
  void Resize(uint64_t size) {
    bytes.resize(size, '\0');
    sectors.resize((size + kSectorBytes - 1) / kSectorBytes, Sector::kDirty);
    if (size % kSectorBytes != 0) sectors.back() = Sector::kDirty;
  }
  void MarkDirty(uint64_t begin, uint64_t end) {
    FIRN_ASSERT(begin <= end && end <= bytes.size(), "bytes {} to {} of {}", begin, end, bytes.size());
    for (uint64_t sector = begin / kSectorBytes; sector * kSectorBytes < end; ++sector) sectors[sector] = Sector::kDirty;
  }
  // Moves a sector from the page cache to the disk.
  void SyncSector(size_t sector) {
    const uint64_t begin = sector * kSectorBytes;
    FIRN_ASSERT(sector < sectors.size() && begin < bytes.size(), "sector {} of {}, {} bytes", sector, sectors.size(), bytes.size());
    const uint64_t size = std::min<uint64_t>(kSectorBytes, bytes.size() - begin);
    if (synced_bytes.size() < begin + size) synced_bytes.resize(begin + size, '\0');
    bytes.copy(synced_bytes.data() + begin, size, begin);
    sectors[sector] = Sector::kSynced;
  }
};

class SimulatedFile final : public File {
 public:
  SimulatedFile(SimulatedDisk& disk, std::shared_ptr<DiskNode> node, std::string path, bool is_writable)
      : disk_(disk), node_(std::move(node)), path_(std::move(path)), process_(disk.process_), is_writable_(is_writable) {}

  Result<std::string> ReadAt(uint64_t offset, size_t size) const override {
    FIRN_RETURN_IF_ERROR(CheckAlive());
    return offset < node_->bytes.size() ? node_->bytes.substr(offset, size) : std::string();
  }
  Result<size_t> ReadInto(uint64_t offset, std::span<char> out) const override {
    FIRN_RETURN_IF_ERROR(CheckAlive());
    return offset < node_->bytes.size() ? node_->bytes.copy(out.data(), out.size(), offset) : 0;
  }
  Status WriteAt(uint64_t offset, std::span<const std::string_view> parts) override {
    FIRN_RETURN_IF_ERROR(CheckWritable("write"));
    // Whatever the address of the memory: what a seed does may not depend on it.
    const bool is_direct = prefers_direct_ && offset % kDirectBlockBytes == 0 &&
                           std::all_of(parts.begin(), parts.end(), [](std::string_view part) { return part.size() % kDirectBlockBytes == 0; });
    return disk_.Write(*node_, path_, offset, parts, is_direct);
  }
  Status Sync() override {
    FIRN_RETURN_IF_ERROR(CheckAlive());
    return disk_.Sync(*node_, path_);
  }
  Status Truncate(uint64_t size) override {
    FIRN_RETURN_IF_ERROR(CheckWritable("truncate"));
    return disk_.Resize(*node_, path_, size, "truncate");
  }
  Status Clear(uint64_t offset) override {
    FIRN_RETURN_IF_ERROR(CheckWritable("clear"));
    return disk_.Clear(*node_, path_, offset);
  }
  Status Allocate(uint64_t size) override {
    FIRN_RETURN_IF_ERROR(CheckWritable("allocate"));
    return disk_.Resize(*node_, path_, std::max<uint64_t>(size, node_->bytes.size()), "allocate");
  }
  Result<uint64_t> Size() const override {
    FIRN_RETURN_IF_ERROR(CheckAlive());
    return node_->bytes.size();
  }
  void PreferDirectWrites() override { prefers_direct_ = true; }
  std::optional<size_t> DirectPlaceOf(std::string_view bytes) const override {
    if (!prefers_direct_ || bytes.size() < kPlacedBytesMin) return std::nullopt;
    return (bytes.size() + process_) * kPlaceFactor % kDirectBlockBytes;
  }

 private:
  Status CheckAlive() const {
    if (process_ != disk_.process_) return Error(ErrorCode::kIoError, fmt::format("{} belongs to a process that was killed", path_));
    return disk_.CheckAlive(path_);
  }
  Status CheckWritable(std::string_view call) const {
    FIRN_RETURN_IF_ERROR(CheckAlive());
    if (!is_writable_) return Error(ErrorCode::kIoError, fmt::format("{} {}: Bad file descriptor", call, path_));
    return Ok();
  }

  SimulatedDisk& disk_;
  const std::shared_ptr<DiskNode> node_;
  const std::string path_;
  const uint64_t process_;
  const bool is_writable_;
  bool prefers_direct_ = false;
};

class SimulatedLock final : public FileLock {
 public:
  SimulatedLock(SimulatedDisk& disk, std::string path) : disk_(disk), path_(std::move(path)), process_(disk.process_) {}
  ~SimulatedLock() override {
    if (process_ == disk_.process_) disk_.locks_.erase(path_);
  }

 private:
  SimulatedDisk& disk_;
  const std::string path_;
  const uint64_t process_;
};

SimulatedDisk::SimulatedDisk(uint64_t seed, SimulatedClock& clock) : random_(seed), clock_(clock), root_(std::make_shared<DiskNode>()) { root_->is_folder = true; }

SimulatedDisk::~SimulatedDisk() = default;

Status SimulatedDisk::CheckAlive(const std::string& path) const {
  if (!is_crashed_) return Ok();
  return Error(ErrorCode::kIoError, fmt::format("{}: the process was killed", path));
}

SimulatedDisk::Extent SimulatedDisk::BeginChange(std::string_view call, const std::string& path, uint64_t offset) {
  if (on_change_) on_change_(path, offset);
  if (is_crashed_) return Extent::kNothing;  // while others ran
  ++change_count_;
  clock_.AdvanceUs(static_cast<int64_t>(random_.Below(kWriteUsMax)));
  Note(fmt::format("{} {} {} {}", change_count_, call, path, offset));
  if (!crash_after_.has_value() || (*crash_after_)-- > 0) return Extent::kWhole;
  crash_after_.reset();
  Crash();
  return static_cast<Extent>(random_.Below(3));
}

void SimulatedDisk::Note(std::string line) {
  if (trace_.size() < kTraceLinesMax) trace_.push_back(std::move(line));
}

void SimulatedDisk::Crash() {
  is_crashed_ = true;
  Note("the process dies");
  if (on_crash_) on_crash_();
}

SimulatedDisk::NodePtr SimulatedDisk::Find(const std::string& path) const {
  NodePtr node = root_;
  for (const std::string& part : PartsOf(path)) {
    auto found = node->children.find(part);
    if (found == node->children.end()) return nullptr;
    node = found->second;
  }
  return node;
}

Result<SimulatedDisk::NodePtr> SimulatedDisk::FindFolder(const std::string& path) const {
  NodePtr node = Find(path);
  if (node == nullptr) return Missing("open folder", path);
  if (!node->is_folder) return Error(ErrorCode::kIoError, fmt::format("open folder {}: Not a directory", path));
  return node;
}

Result<SimulatedDisk::NodePtr> SimulatedDisk::FindParent(const std::string& path) const { return FindFolder(ParentPath(path)); }

Result<std::unique_ptr<File>> SimulatedDisk::Open(const std::string& path, OpenMode mode) {
  FIRN_RETURN_IF_ERROR(CheckAlive(path));
  NodePtr node = Find(path);
  if (node != nullptr && node->is_folder) return Error(ErrorCode::kIoError, fmt::format("open {}: Is a directory", path));
  if (node != nullptr && mode == OpenMode::kCreateNew) return Error(ErrorCode::kAlreadyExists, fmt::format("open {}: File exists", path));
  const bool must_exist = mode == OpenMode::kRead || mode == OpenMode::kReadWrite;
  if (node == nullptr && must_exist) return Missing("open", path);
  if (node == nullptr) {
    FIRN_TRY(NodePtr parent, FindParent(path));
    if (BeginChange("make", path) != Extent::kNothing) {
      node = std::make_shared<DiskNode>();
      node->modified_ms = clock_.WallTimeMs();
      parent->Apply({{std::string(FileName(path)), node}});
    }
    FIRN_RETURN_IF_ERROR(EndChange(path));
  } else if (mode == OpenMode::kTruncate) {
    FIRN_RETURN_IF_ERROR(Resize(*node, path, 0, "truncate"));
  }
  return std::unique_ptr<File>(std::make_unique<SimulatedFile>(*this, std::move(node), path, mode != OpenMode::kRead));
}

Result<FileEntry> SimulatedDisk::Stat(const std::string& path) {
  FIRN_RETURN_IF_ERROR(CheckAlive(path));
  const NodePtr node = Find(path);
  if (node == nullptr) return Missing("stat", path);
  return FileEntry{std::string(FileName(path)), node->is_folder, node->bytes.size(), node->modified_ms};
}

Result<std::vector<FileEntry>> SimulatedDisk::List(const std::string& directory) {
  FIRN_RETURN_IF_ERROR(CheckAlive(directory));
  FIRN_TRY(const NodePtr folder, FindFolder(directory));
  std::vector<FileEntry> entries;
  for (const auto& [name, node] : folder->children) entries.push_back({name, node->is_folder, node->bytes.size(), node->modified_ms});
  return entries;
}

// Step by step as posix_file_system.cc does it.
Status SimulatedDisk::CreateDirectories(const std::string& directory) {
  FIRN_RETURN_IF_ERROR(CheckAlive(directory));
  if (directory == "." || directory == "/") return Ok();
  const NodePtr found = Find(directory);
  if (found != nullptr && !found->is_folder) return Error(ErrorCode::kIoError, fmt::format("create folder {}: File exists", directory));
  if (found != nullptr && durable_folders_.contains(directory)) return Ok();
  const std::string parent_path = ParentPath(directory);
  FIRN_RETURN_IF_ERROR(CreateDirectories(parent_path));
  FIRN_TRY(const NodePtr parent, FindFolder(parent_path));
  if (found == nullptr && BeginChange("make folder", directory) != Extent::kNothing) {
    auto node = std::make_shared<DiskNode>();
    node->is_folder = true;
    parent->Apply({{std::string(FileName(directory)), std::move(node)}});
  }
  FIRN_RETURN_IF_ERROR(EndChange(directory));
  FIRN_RETURN_IF_ERROR(SyncDirectory(parent_path));
  durable_folders_.insert(directory);
  return Ok();
}

Status SimulatedDisk::RenameEntry(const std::string& from, const std::string& to, bool is_replacing) {
  FIRN_RETURN_IF_ERROR(CheckAlive(from));
  const NodePtr node = Find(from);
  if (node == nullptr) return Missing(fmt::format("rename {} to", from), to);
  FIRN_TRY(const NodePtr source, FindParent(from));
  FIRN_TRY(const NodePtr target, FindParent(to));
  if (!is_replacing && Find(to) != nullptr) return Error(ErrorCode::kAlreadyExists, fmt::format("rename {} to {}: File exists", from, to));
  if (BeginChange(fmt::format("rename to {}", to), from) != Extent::kNothing) {
    if (source == target) {
      source->Apply({{std::string(FileName(from)), nullptr}, {std::string(FileName(to)), node}});
    } else {
      source->Apply({{std::string(FileName(from)), nullptr}});
      target->Apply({{std::string(FileName(to)), node}});
    }
  }
  return EndChange(from);
}

Status SimulatedDisk::Rename(const std::string& from, const std::string& to) { return RenameEntry(from, to, true); }
Status SimulatedDisk::RenameIfAbsent(const std::string& from, const std::string& to) { return RenameEntry(from, to, false); }

Status SimulatedDisk::Remove(const std::string& path) {
  FIRN_RETURN_IF_ERROR(CheckAlive(path));
  const NodePtr node = Find(path);
  if (node == nullptr) return Missing("remove", path);
  if (!node->children.empty()) return Error(ErrorCode::kIoError, fmt::format("remove {}: Directory not empty", path));
  FIRN_TRY(const NodePtr parent, FindParent(path));
  if (BeginChange("remove", path) != Extent::kNothing) parent->Apply({{std::string(FileName(path)), nullptr}});
  return EndChange(path);
}

Status SimulatedDisk::RemoveAll(const std::string& path) {
  FIRN_RETURN_IF_ERROR(CheckAlive(path));
  const NodePtr node = Find(path);
  if (node == nullptr) return Ok();
  const DiskNode::Children children = node->children;
  for (const auto& [name, child] : children) FIRN_RETURN_IF_ERROR(RemoveAll(JoinPath(path, name)));
  return Remove(path);
}

bool SimulatedDisk::IsSyncToFail() {
  ++sync_count_;
  clock_.AdvanceUs(static_cast<int64_t>(random_.Below(kSyncUsMax)));
  if (!fail_sync_after_.has_value() || (*fail_sync_after_)-- > 0) return false;
  fail_sync_after_.reset();
  has_failed_sync_ = true;
  Note("the sync fails");
  return true;
}

Status SimulatedDisk::SyncDirectory(const std::string& directory) {
  FIRN_RETURN_IF_ERROR(CheckAlive(directory));
  FIRN_TRY(const NodePtr folder, FindFolder(directory));
  const Extent extent = BeginChange("sync folder", directory);
  if (is_sync_ignored_ && is_sync_ignored_(directory)) return EndChange(directory);
  if (IsSyncToFail()) return Error(ErrorCode::kIoError, fmt::format("fsync folder {}: Input/output error", directory));
  if (extent == Extent::kWhole) {
    folder->synced_children = folder->children;
    folder->unsynced.clear();
  }
  return EndChange(directory);
}

Result<std::unique_ptr<FileLock>> SimulatedDisk::Lock(const std::string& path) {
  FIRN_TRY(std::unique_ptr<File> file, Open(path, OpenMode::kCreate));
  if (!locks_.insert(path).second) return Error(ErrorCode::kDataDirectoryInUse, fmt::format("{} is held by another firn process", path));
  return std::unique_ptr<FileLock>(std::make_unique<SimulatedLock>(*this, path));
}

uint64_t SimulatedDisk::used_bytes() const {
  uint64_t used = 0;
  std::vector<const DiskNode*> left{root_.get()};
  while (!left.empty()) {
    const DiskNode* node = left.back();
    left.pop_back();
    used += node->bytes.size();
    for (const auto& [name, child] : node->children) left.push_back(child.get());
  }
  return used;
}

bool SimulatedDisk::HasRoom(uint64_t more_bytes) const { return !capacity_.has_value() || used_bytes() + more_bytes <= *capacity_; }

Result<uint64_t> SimulatedDisk::FreeBytes(const std::string& path) {
  FIRN_RETURN_IF_ERROR(CheckAlive(path));
  if (!capacity_.has_value()) return uint64_t{1} << 40;
  const uint64_t used = used_bytes();
  return used < *capacity_ ? *capacity_ - used : 0;
}

// Some sectors of `bytes`, which were to be written at `offset`, are still what they were.
void SimulatedDisk::DropSectors(const DiskNode& node, uint64_t offset, std::string* bytes) {
  for (size_t at = 0; at < bytes->size(); at += kSectorBytes) {
    if (random_.OneIn(2)) continue;
    std::string old = offset + at < node.bytes.size() ? node.bytes.substr(offset + at, kSectorBytes) : std::string();
    old.resize(kSectorBytes, '\0');
    bytes->replace(at, kSectorBytes, old);
  }
}

Status SimulatedDisk::Write(DiskNode& node, const std::string& path, uint64_t offset, std::span<const std::string_view> parts, bool is_direct) {
  std::string bytes;
  for (std::string_view part : parts) bytes += part;
  const Extent extent = BeginChange(fmt::format("write{} {} bytes", is_direct ? " direct" : "", bytes.size()), path, offset);
  if (extent == Extent::kNothing) bytes.clear();
  if (extent == Extent::kHalf && is_direct) DropSectors(node, offset, &bytes);
  if (extent == Extent::kHalf && !is_direct) bytes.resize(random_.Below(bytes.size() + 1));
  const uint64_t end = offset + bytes.size();
  const uint64_t growth = end > node.bytes.size() ? end - node.bytes.size() : 0;
  const uint64_t needed = is_copying_on_write_ ? bytes.size() : growth;
  const bool has_room = needed == 0 || HasRoom(needed);
  if (!has_room) bytes.resize(random_.Below(bytes.size() - std::min<uint64_t>(growth, bytes.size()) + 1));  // what is there already may be overwritten
  if (!bytes.empty()) {
    if (end > node.bytes.size() && has_room) node.Resize(end);
    bytes.copy(node.bytes.data() + offset, bytes.size());
    node.MarkDirty(offset, offset + bytes.size());
    node.modified_ms = clock_.WallTimeMs();
  }
  FIRN_RETURN_IF_ERROR(EndChange(path));
  if (!has_room) return Error(ErrorCode::kDiskFull, fmt::format("write {}: No space left on device", path));
  return Ok();
}

Status SimulatedDisk::Resize(DiskNode& node, const std::string& path, uint64_t size, std::string_view call) {
  const Extent extent = BeginChange(fmt::format("{} to {} bytes", call, size), path);
  const bool has_room = size <= node.bytes.size() || HasRoom(size - node.bytes.size());
  if (extent != Extent::kNothing && has_room) node.Resize(size);
  FIRN_RETURN_IF_ERROR(EndChange(path));
  if (!has_room) return Error(ErrorCode::kDiskFull, fmt::format("{} {}: No space left on device", call, path));
  return Ok();
}

Status SimulatedDisk::Clear(DiskNode& node, const std::string& path, uint64_t offset) {
  uint64_t size = node.bytes.size() - std::min<uint64_t>(offset, node.bytes.size());
  const Extent extent = BeginChange(fmt::format("clear {} bytes", size), path, offset);
  if (extent == Extent::kNothing) size = 0;
  if (extent == Extent::kHalf) size = random_.Below(size + 1);
  if (size > 0) {
    node.bytes.replace(offset, size, size, '\0');
    node.MarkDirty(offset, offset + size);
  }
  return EndChange(path);
}

Status SimulatedDisk::Sync(DiskNode& node, const std::string& path) {
  const Extent extent = BeginChange("sync", path);
  if (is_sync_ignored_ && is_sync_ignored_(path)) return EndChange(path);
  const bool is_failing = IsSyncToFail();
  for (size_t sector = 0; sector < node.sectors.size(); ++sector) {
    if (node.sectors[sector] != Sector::kDirty) continue;
    if (is_failing ? random_.OneIn(2) : extent == Extent::kWhole || (extent == Extent::kHalf && random_.OneIn(2))) {
      node.SyncSector(sector);
    } else if (is_failing) {
      node.sectors[sector] = Sector::kLost;
    }
  }
  if (is_failing) return Error(ErrorCode::kIoError, fmt::format("fdatasync {}: Input/output error", path));
  if (extent == Extent::kWhole) node.synced_bytes.resize(node.bytes.size(), '\0');
  return EndChange(path);
}

void SimulatedDisk::LosePower(DiskNode& node) {
  const auto is_kept = [&] { return random_.Below(100) < keep_chance_; };
  if (!node.is_folder) {
    if (node.bytes.size() != node.synced_bytes.size() && is_kept()) node.synced_bytes.resize(node.bytes.size(), '\0');
    for (size_t sector = 0; sector < node.sectors.size(); ++sector) {
      const bool is_inside = sector * kSectorBytes < node.synced_bytes.size();
      if (!is_inside || node.sectors[sector] != Sector::kDirty || !is_kept()) continue;
      const size_t size = node.synced_bytes.size();
      node.SyncSector(sector);
      node.synced_bytes.resize(std::min(size, node.synced_bytes.size()));
    }
    node.bytes = node.synced_bytes;
    node.sectors.assign((node.bytes.size() + kSectorBytes - 1) / kSectorBytes, Sector::kSynced);
    return;
  }
  std::set<std::string> lost_names;  // later changes of these are lost too
  for (const DiskNode::Change& change : node.unsynced) {
    const bool depends_on_lost = std::any_of(change.begin(), change.end(), [&](const auto& entry) { return lost_names.contains(entry.first); });
    if (!depends_on_lost && is_kept()) {
      DiskNode::ApplyTo(change, &node.synced_children);
      continue;
    }
    if (is_keeping_in_order_) break;
    for (const auto& [name, child] : change) lost_names.insert(name);
  }
  node.unsynced.clear();
  node.children = node.synced_children;
  for (const auto& [name, child] : node.children) LosePower(*child);
}

void SimulatedDisk::Restart(CrashKind kind) {
  ++process_;
  is_crashed_ = false;
  has_failed_sync_ = false;
  capacity_.reset();
  crash_after_.reset();
  fail_sync_after_.reset();
  locks_.clear();
  durable_folders_.clear();
  Note(kind == CrashKind::kKill ? "the next process" : "power is lost; the next process");
  if (kind == CrashKind::kPowerLoss) {
    constexpr uint64_t kChances[] = {0, 10, 50, 50, 90, 100};
    keep_chance_ = kChances[random_.Below(std::size(kChances))];
    is_keeping_in_order_ = random_.OneIn(2);
    LosePower(*root_);
  }
}

}  // namespace firn::io
