// SPDX-License-Identifier: Apache-2.0
// A disk that does its worst within the contract of file_system.h. What was written is visible at once, as in a page cache, and what of
// it outlives a power loss is decided by the seed:
//
//   file       a sector (512 bytes) not synced is kept or lost, each for itself; a changed size too. Sectors are never torn, writes are: a write that
//              the crash interrupts ends at any byte, a direct one has written any of its sectors.
//   folder     a change of its entries (make, rename, remove) that was not synced is kept or lost: those up to some change, or any of
//              them, but for later changes of a name whose change was lost.
//   sync       may fail: some of the sectors are on the disk then, and of the others the system believes so. A later sync succeeds and saves nothing.
//   space      a file that grows above the capacity fails with kDiskFull, after a part of the write.
//   crash      at the Nth change: the call is done, not done, or half done; every later call fails until Restart.
//
// A killed process (CrashKind::kKill) leaves the page cache: all that was written is there, synced or not. Locks are gone in both cases.
// A name's changes in two folders at once (a rename across folders) are two changes; nothing in firn does that.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "io/file_system.h"
#include "io/simulated_executor.h"
#include "io/simulated_random.h"

namespace firn::io {

struct DiskNode;

enum class CrashKind {
  kKill,       // the process ends, the machine goes on
  kPowerLoss,  // what was not synced is at the seed's mercy
};

/// Lives on the thread of the simulation. Open files and locks of an earlier process fail, and may be destroyed at any time.
class SimulatedDisk final : public FileSystem {
 public:
  SimulatedDisk(uint64_t seed, SimulatedClock& clock);
  ~SimulatedDisk() override;

  Result<std::unique_ptr<File>> Open(const std::string& path, OpenMode mode) override;
  Result<FileEntry> Stat(const std::string& path) override;
  Result<std::vector<FileEntry>> List(const std::string& directory) override;
  Status CreateDirectories(const std::string& directory) override;
  Status Rename(const std::string& from, const std::string& to) override;
  Status RenameIfAbsent(const std::string& from, const std::string& to) override;
  Status Remove(const std::string& path) override;
  Status RemoveAll(const std::string& path) override;
  Status SyncDirectory(const std::string& directory) override;
  Result<std::unique_ptr<FileLock>> Lock(const std::string& path) override;
  Result<uint64_t> FreeBytes(const std::string& path) override;

  // --- what the simulation does to it ---
  /// The change after `changes` more of them ends the process.
  void CrashAfter(uint64_t changes) { crash_after_ = changes; }
  /// Ends the process now.
  void Crash();
  bool is_crashed() const { return is_crashed_; }
  /// The next process: what the crash has left is all there is, and faults that were set are forgotten.
  void Restart(CrashKind kind);
  /// The sync after `syncs` more of them fails, of a file or a folder.
  void FailSyncAfter(uint64_t syncs) { fail_sync_after_ = syncs; }
  bool has_failed_sync() const { return has_failed_sync_; }
  /// All files together; nullopt: no limit.
  void SetCapacity(std::optional<uint64_t> bytes) { capacity_ = bytes; }
  std::optional<uint64_t> capacity() const { return capacity_; }
  /// Every write needs room, also over what is there, as file systems have it that copy on writing.
  void CopyOnWrite() { is_copying_on_write_ = true; }
  uint64_t used_bytes() const;
  /// Called when the process ends.
  void SetOnCrash(std::function<void()> on_crash) { on_crash_ = std::move(on_crash); }
  /// Called inside of each call that changes something, before it takes effect: the place to let others run (SimulatedExecutor::Yield).
  void SetOnChange(std::function<void(const std::string& path, uint64_t offset)> on_change) { on_change_ = std::move(on_change); }
  /// A program whose author forgot to sync: syncs of these paths succeed and do nothing. Proves that a harness finds it.
  void IgnoreSyncs(std::function<bool(const std::string& path)> is_ignored) { is_sync_ignored_ = std::move(is_ignored); }

  uint64_t change_count() const { return change_count_; }
  uint64_t sync_count() const { return sync_count_; }
  /// What happened, one a line, for the reader of a failure; bounded.
  const std::vector<std::string>& trace() const { return trace_; }

 private:
  friend class SimulatedFile;
  friend class SimulatedLock;
  using NodePtr = std::shared_ptr<DiskNode>;
  /// How far a call that changes something may go.
  enum class Extent { kWhole, kHalf, kNothing };

  Status CheckAlive(const std::string& path) const;
  /// Counts a change; decides whether the process dies in it.
  Extent BeginChange(std::string_view call, const std::string& path, uint64_t offset = 0);
  /// After the change: whether the caller gets to know of it.
  Status EndChange(const std::string& path) const { return CheckAlive(path); }
  NodePtr Find(const std::string& path) const;
  Result<NodePtr> FindFolder(const std::string& path) const;
  Result<NodePtr> FindParent(const std::string& path) const;
  Status RenameEntry(const std::string& from, const std::string& to, bool is_replacing);
  bool HasRoom(uint64_t more_bytes) const;
  Status Write(DiskNode& node, const std::string& path, uint64_t offset, std::span<const std::string_view> parts, bool is_direct);
  void DropSectors(const DiskNode& node, uint64_t offset, std::string* bytes);
  Status Clear(DiskNode& node, const std::string& path, uint64_t offset);
  Status Resize(DiskNode& node, const std::string& path, uint64_t size, std::string_view call);
  Status Sync(DiskNode& node, const std::string& path);
  bool IsSyncToFail();
  void Note(std::string line);
  void LosePower(DiskNode& node);

  SimulatedRandom random_;
  SimulatedClock& clock_;
  NodePtr root_;
  std::set<std::string> locks_;
  std::set<std::string> durable_folders_;  // as this process knows
  uint64_t process_ = 0;  // counts restarts
  bool is_crashed_ = false;
  bool has_failed_sync_ = false;
  std::optional<uint64_t> crash_after_;
  std::optional<uint64_t> fail_sync_after_;
  std::optional<uint64_t> capacity_;
  bool is_copying_on_write_ = false;
  uint64_t keep_chance_ = 0;       // of 100: an unsynced change outlives the power loss that is under way
  bool is_keeping_in_order_ = false;
  std::function<void()> on_crash_;
  std::function<void(const std::string&, uint64_t)> on_change_;
  std::function<bool(const std::string&)> is_sync_ignored_;
  uint64_t change_count_ = 0;
  uint64_t sync_count_ = 0;
  std::vector<std::string> trace_;
};

}  // namespace firn::io
