// SPDX-License-Identifier: Apache-2.0
#include "log/recovery.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/assert.h"
#include "io/random.h"
#include "log/meta_snapshot.h"

namespace firn::log {

namespace {

Error Foreign(const std::string& path) {
  return Error(ErrorCode::kIoError, fmt::format("{} does not belong into a data directory", path)).Hint("move it away; nothing was changed");
}

// The sequences of the snapshots, ascending; an unfinished one is removed.
Result<std::vector<uint64_t>> ListSnapshots(io::FileSystem& files, const Layout& layout) {
  FIRN_TRY(std::vector<io::FileEntry> entries, files.List(layout.meta()));
  std::vector<uint64_t> sequences;
  for (const io::FileEntry& entry : entries) {
    const std::string path = io::JoinPath(layout.meta(), entry.name);
    std::string_view name = entry.name;
    const bool is_unfinished = name.ends_with(kUnfinishedSuffix);
    if (is_unfinished) name.remove_suffix(kUnfinishedSuffix.size());
    const std::optional<uint64_t> sequence = ParseNumberedName(name, kSnapshotSuffix);
    if (!sequence.has_value() || entry.is_directory) return Foreign(path);
    if (is_unfinished) {
      FIRN_RETURN_IF_ERROR(files.Remove(path));
    } else {
      sequences.push_back(*sequence);
    }
  }
  return sequences;
}

Result<MetaSnapshot> LoadSnapshot(io::FileSystem& files, const std::string& path) {
  FIRN_TRY(std::string bytes, files.ReadAll(path));
  auto snapshot = DecodeMetaSnapshot(bytes);
  if (!snapshot.ok()) return std::move(snapshot).error().Context(fmt::format("opening {}", path));
  return snapshot;
}

// What a crash has left of files that were being made: made again, under other numbers.
void AddUnfinished(const Layout& layout, const JournalNames& names, Replayed* journal) {
  for (uint64_t number : names.unfinished) {
    journal->spare.push_back(layout.unfinished_journal_file(number));
    journal->last_number = std::max(journal->last_number, number);
  }
}

// No snapshot: the directory is new, or a crash has interrupted its making, or somebody took the snapshot away.
Result<Recovered> RecoverNew(const io::Environment& environment, const Layout& layout, const JournalNames& names) {
  FIRN_TRY(bool has_entries, HasJournalEntries(environment.files, layout, names.files));
  FIRN_TRY(std::vector<io::FileEntry> partitions, environment.files.List(layout.partitions()));
  if (has_entries || !partitions.empty()) {
    return Error(ErrorCode::kCorruption, fmt::format("{} holds no snapshot, but the journal or the partitions beside it hold data", layout.meta()))
        .Hint("restore the folder from a backup, or move the data directory away to start with an empty one; nothing was changed");
  }
  Recovered recovered{.store_id = environment.random.UuidBytes(), .is_new = true, .snapshot_sequence = 0, .journal = {}, .old_snapshots = {}};
  for (uint64_t number : names.files) recovered.journal.spare.push_back(layout.journal_file(number));
  recovered.journal.last_number = names.files.empty() ? 0 : names.files.back();
  AddUnfinished(layout, names, &recovered.journal);
  return recovered;
}

// The files of one partition's folder, by the base offset of their segment.
struct PartitionFiles {
  std::map<int64_t, uint64_t> segments;  // sizes
  std::set<int64_t> indexes;
};

Result<PartitionFiles> ListPartition(io::FileSystem& files, const std::string& directory) {
  PartitionFiles found;
  if (!files.Exists(directory)) return found;
  FIRN_TRY(std::vector<io::FileEntry> entries, files.List(directory));
  for (const io::FileEntry& entry : entries) {
    const auto segment = ParseNumberedName(entry.name, kSegmentSuffix);
    const auto index = ParseNumberedName(entry.name, kIndexSuffix);
    // A repaired index is written beside its place.
    const bool is_unfinished = entry.name.ends_with(kUnfinishedSuffix) && ParseNumberedName(std::string_view(entry.name).substr(0, entry.name.size() - kUnfinishedSuffix.size()), kIndexSuffix).has_value();
    if (entry.is_directory || (!segment.has_value() && !index.has_value() && !is_unfinished)) return Foreign(io::JoinPath(directory, entry.name));
    if (segment.has_value()) found.segments[static_cast<int64_t>(*segment)] = entry.size_bytes;
    if (index.has_value()) found.indexes.insert(static_cast<int64_t>(*index));
    if (is_unfinished) FIRN_RETURN_IF_ERROR(files.Remove(io::JoinPath(directory, entry.name)));
  }
  return found;
}

Status CheckPartition(io::FileSystem& files, const Layout& layout, const Partition& partition) {
  FIRN_TRY(PartitionFiles found, ListPartition(files, layout.partition(partition.id())));
  for (const SegmentInfo& segment : partition.segments().segments) {
    const std::string path = layout.segment_file(partition.id(), segment.base);
    auto file = found.segments.find(segment.base.value());
    const uint64_t size = file == found.segments.end() ? 0 : file->second;
    if (size < static_cast<uint64_t>(segment.size_bytes)) {
      return Error(ErrorCode::kCorruption, fmt::format("segment {} has {} bytes, {} were written and synced", path, size, segment.size_bytes))
          .Hint("restore the file from a backup; nothing was changed");
    }
    if (size > static_cast<uint64_t>(segment.size_bytes)) {  // a move that was interrupted; the journal has what it moved
      FIRN_TRY(std::unique_ptr<io::File> opened, files.Open(path, io::OpenMode::kReadWrite));
      FIRN_RETURN_IF_ERROR(opened->Truncate(static_cast<uint64_t>(segment.size_bytes)));
    }
    found.segments.erase(segment.base.value());
    found.indexes.erase(segment.base.value());
  }
  for (const auto& [base, size] : found.segments) FIRN_RETURN_IF_ERROR(files.Remove(layout.segment_file(partition.id(), Offset(base))));
  for (int64_t base : found.indexes) FIRN_RETURN_IF_ERROR(files.Remove(layout.index_file(partition.id(), Offset(base))));
  return Ok();
}

}  // namespace

Status MakeFolders(io::FileSystem& files, const Layout& layout) {
  for (const std::string& folder : {layout.journal(), layout.meta(), layout.partitions()}) FIRN_RETURN_IF_ERROR(files.CreateDirectories(folder));
  return Ok();
}

Result<Recovered> Recover(const io::Environment& environment, const Layout& layout, LogContents* contents) {
  FIRN_TRY(std::vector<uint64_t> snapshots, ListSnapshots(environment.files, layout));
  FIRN_TRY(const JournalNames names, ListJournal(environment.files, layout));
  if (snapshots.empty()) return RecoverNew(environment, layout, names);
  Recovered recovered;
  recovered.snapshot_sequence = snapshots.back();
  FIRN_TRY(MetaSnapshot snapshot, LoadSnapshot(environment.files, layout.snapshot_file(recovered.snapshot_sequence)));
  recovered.store_id = snapshot.store_id;
  FIRN_RETURN_IF_ERROR(environment.files.SyncDirectory(layout.meta()));  // its name: from here on, what it replaces is used again or removed
  recovered.old_snapshots.assign(snapshots.begin(), std::prev(snapshots.end()));
  const ReplayFrom from{.store_id = snapshot.store_id, .sequence = snapshot.sequence, .first_file = snapshot.journal_file, .read_bytes = static_cast<uint64_t>(contents->pieces().read_bytes)};
  FIRN_RETURN_IF_ERROR(contents->Restore(std::move(snapshot)));
  Effects effects;
  auto replayed = ReplayJournal(environment.files, layout, names.files, from, [&](const EntryHeader& header, const base::SharedBytes& payload, uint64_t size_bytes) -> Status {
    FIRN_TRY(DecodedEntry entry, DecodeEntryPayload(payload, header.operation_count));
    return contents->Replay(header.sequence, std::move(entry), size_bytes, &effects);
  });
  if (!replayed.ok()) return std::move(replayed).error();
  recovered.journal = std::move(*replayed);
  FIRN_ASSERT(recovered.journal.last_sequence >= from.sequence && !recovered.journal.needed.empty(), "the journal ends at entry {}, the snapshot at {}", recovered.journal.last_sequence,
              from.sequence);
  AddUnfinished(layout, names, &recovered.journal);
  // All, not only those that the journal has dropped or moved the start of: a snapshot may hold a log start and still list segments below it, whose files are
  // gone or not. CheckPartitionFiles removes what is left of them.
  for (const std::shared_ptr<Partition>& partition : effects.to_trim) std::ignore = partition->Trim();
  for (const std::shared_ptr<Partition>& partition : contents->All()) std::ignore = partition->Trim();
  return recovered;
}

Status CheckPartitionFiles(io::FileSystem& files, const Layout& layout, const LogContents& contents) {
  FIRN_TRY(std::vector<io::FileEntry> entries, files.List(layout.partitions()));
  for (const io::FileEntry& entry : entries) {
    const std::string path = io::JoinPath(layout.partitions(), entry.name);
    const std::optional<uint32_t> id = ParseFolderNumber(entry.name);
    if (!id.has_value() || !entry.is_directory || !contents.WasAllocated(TopicPartitionId(*id))) return Foreign(path);
    if (contents.Find(TopicPartitionId(*id)) == nullptr) FIRN_RETURN_IF_ERROR(files.RemoveAll(path));  // dropped
  }
  for (const std::shared_ptr<Partition>& partition : contents.All()) FIRN_RETURN_IF_ERROR(CheckPartition(files, layout, *partition));
  return Ok();
}

}  // namespace firn::log
