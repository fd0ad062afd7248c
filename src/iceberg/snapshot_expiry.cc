// SPDX-License-Identifier: Apache-2.0
#include "iceberg/snapshot_expiry.h"

#include <algorithm>
#include <set>

#include "base/assert.h"
#include "iceberg/metadata_files.h"
#include "iceberg/table_writer.h"

namespace firn::iceberg {

namespace {

constexpr const char* kMaxAgeProperty = "history.expire.max-snapshot-age-ms";
constexpr int64_t kDefaultMaxSnapshots = 1000;

// Snapshots that somebody besides the branch's head needs: named by a ref, on another branch, or the root of a side line.
std::set<int64_t> NeededByOthers(const TableMetadata& metadata, const std::string& branch, const std::vector<const Snapshot*>& line) {
  std::set<int64_t> on_line;
  for (const Snapshot* snapshot : line) on_line.insert(snapshot->snapshot_id);
  std::set<int64_t> needed;
  for (const auto& [name, ref] : metadata.refs) {
    if (name == branch) continue;
    needed.insert(ref.snapshot_id);
    if (ref.type == RefType::kTag) continue;
    for (const Snapshot* snapshot : AncestorsOf(metadata, metadata.FindSnapshot(ref.snapshot_id))) needed.insert(snapshot->snapshot_id);
  }
  for (const Snapshot& snapshot : metadata.snapshots) {
    if (!on_line.contains(snapshot.snapshot_id) && snapshot.parent_snapshot_id) needed.insert(*snapshot.parent_snapshot_id);
  }
  return needed;
}

}  // namespace

Result<std::vector<int64_t>> SnapshotsToExpire(const TableMetadata& metadata, const std::string& branch, int64_t now_ms) {
  FIRN_TRY(int64_t max_age_ms, metadata.IntegerProperty(kMaxAgeProperty, -1));
  FIRN_TRY(int64_t keep, metadata.IntegerProperty("history.expire.min-snapshots-to-keep", 1));
  FIRN_TRY(int64_t max_snapshots, metadata.IntegerProperty("firn.history.max-snapshots", kDefaultMaxSnapshots));
  std::vector<int64_t> expired;
  const Snapshot* head = metadata.FindRef(branch);
  if (head == nullptr || (max_age_ms < 0 && (max_snapshots <= 0 || static_cast<int64_t>(metadata.snapshots.size()) < max_snapshots))) return expired;
  const std::vector<const Snapshot*> line = AncestorsOf(metadata, head);  // newest first; the new one will stand before it
  const std::set<int64_t> needed = NeededByOthers(metadata, branch, line);
  for (size_t i = line.size(); i > 1 && expired.size() < kExpiredPerCommitMax; --i) {
    const Snapshot& snapshot = *line[i - 1];
    const auto newer = static_cast<int64_t>(i);  // snapshots of the line that are newer, the new one among them
    const bool is_old = max_age_ms >= 0 && snapshot.timestamp_ms < now_ms - max_age_ms;
    const bool is_beyond = max_snapshots > 0 && newer >= max_snapshots && snapshot.summary.contains("firn.job-id");
    if (newer < std::max<int64_t>(keep, 1) || needed.contains(snapshot.snapshot_id) || !(is_old || is_beyond)) break;
    expired.push_back(snapshot.snapshot_id);
  }
  FIRN_ASSERT(expired.size() < line.size(), "all {} snapshots of `{}` would go", line.size(), branch);
  return expired;
}

Result<std::vector<std::string>> FilesOnlyReachedBy(objectstore::ObjectStore& store, const Table& table, const std::string& branch, const std::vector<int64_t>& expired) {
  const TableMetadata& metadata = *table.metadata;
  std::vector<std::string> files;
  if (expired.empty() || metadata.Property("gc.enabled", "true") == "false" || !OwnsItsFolders(table)) return files;
  const std::vector<const Snapshot*> line = AncestorsOf(metadata, metadata.FindRef(branch));
  FIRN_ASSERT(expired.size() < line.size() && line.back()->snapshot_id == expired.front(), "the {} oldest of {} snapshots", expired.size(), line.size());
  FIRN_TRY(std::vector<ManifestFile> manifests, ReadManifestList(store, *line.back()));
  for (size_t i = 0; i < expired.size(); ++i) {
    const Snapshot& snapshot = *line[line.size() - 1 - i];
    const Snapshot& successor = *line[line.size() - 2 - i];
    FIRN_TRY(std::vector<ManifestFile> next, ReadManifestList(store, successor));
    std::set<std::string> kept;
    for (const ManifestFile& manifest : next) kept.insert(manifest.manifest_path);
    for (const ManifestFile& manifest : manifests) {
      if (!kept.contains(manifest.manifest_path)) files.push_back(manifest.manifest_path);
    }
    // What the successor took out of the table.
    for (const ManifestFile& manifest : next) {
      if (manifest.added_snapshot_id != successor.snapshot_id || manifest.deleted_files_count == 0) continue;
      FIRN_TRY(std::vector<ManifestEntry> entries, ReadManifest(store, metadata, manifest));
      for (const ManifestEntry& entry : entries) {
        if (entry.status == EntryStatus::kDeleted && entry.snapshot_id == successor.snapshot_id) files.push_back(entry.file.file_path);
      }
    }
    files.push_back(snapshot.manifest_list);
    manifests = std::move(next);
  }
  std::erase_if(files, [&](const std::string& location) { return !IsInFoldersOf(metadata, location); });
  return files;
}

}  // namespace firn::iceberg
