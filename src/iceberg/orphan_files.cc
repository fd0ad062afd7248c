// SPDX-License-Identifier: Apache-2.0
// 1. The candidates: listed below the table's data and metadata folders, told by their names.
// 2. Those that a snapshot names are none. Only what came into the table after the job's last commit before `last` can name a file that was made for
//    `last` or later, so snapshots and manifests up to that sequence number are not read.
// 3. What remains is removed.
#include "iceberg/orphan_files.h"

#include <fmt/format.h>

#include <charconv>
#include <map>
#include <set>

#include "iceberg/manifest_files.h"
#include "iceberg/metadata_files.h"
#include "iceberg/table_writer.h"
#include "io/file_system.h"
#include "objectstore/object_store.h"

namespace firn::iceberg {

namespace {

using Candidates = std::map<std::string, std::string, std::less<>>;  // name -> location; names hold a UUID

std::optional<int64_t> NumberIn(std::string_view text) {
  int64_t number = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

bool IsCandidate(std::string_view name, const FileOwner& last) {
  const std::optional<int64_t> checkpoint = OwnedFor(name, last.job_id);
  if (!checkpoint) return false;
  // The metadata file of `last` is what the table's pointer became, and newer ones need not name it any more.
  return name.ends_with(".metadata.json") ? *checkpoint > last.checkpoint_id : *checkpoint >= last.checkpoint_id;
}

Result<Candidates> FindCandidates(objectstore::ObjectStore& store, const TableMetadata& metadata, const FileOwner& last) {
  Candidates candidates;
  for (const std::string& folder : {DataLocation(metadata), MetadataLocation(metadata)}) {
    FIRN_TRY(std::vector<objectstore::ObjectInfo> objects, store.List(folder));
    for (objectstore::ObjectInfo& object : objects) {
      if (IsCandidate(io::FileName(object.location), last)) candidates.emplace(io::FileName(object.location), std::move(object.location));
    }
  }
  return candidates;
}

// What checkpoints before `last` have committed, by the table's own count.
int64_t LastSequenceNumberBefore(const TableMetadata& metadata, const FileOwner& last) {
  int64_t sequence_number = 0;
  for (const Snapshot& snapshot : metadata.snapshots) {
    auto job = snapshot.summary.find("firn.job-id");
    auto checkpoint = snapshot.summary.find("firn.checkpoint-id");
    if (job == snapshot.summary.end() || job->second != last.job_id || checkpoint == snapshot.summary.end()) continue;
    if (NumberIn(checkpoint->second).value_or(last.checkpoint_id) < last.checkpoint_id) sequence_number = std::max(sequence_number, snapshot.sequence_number);
  }
  return sequence_number;
}

void Keep(Candidates* candidates, std::string_view location) {
  auto found = candidates->find(io::FileName(location));
  if (found != candidates->end()) candidates->erase(found);
}

Status KeepNamed(objectstore::ObjectStore& store, const Table& table, const FileOwner& last, Candidates* candidates) {
  const TableMetadata& metadata = *table.metadata;
  Keep(candidates, table.metadata_location);
  for (const MetadataLogEntry& entry : metadata.metadata_log) Keep(candidates, entry.metadata_file);
  const int64_t known = LastSequenceNumberBefore(metadata, last);  // 0 in tables of version 1, which do not count: all is read
  std::set<std::string> seen;
  for (const Snapshot& snapshot : metadata.snapshots) {
    if (known > 0 && snapshot.sequence_number <= known) continue;
    Keep(candidates, snapshot.manifest_list);
    FIRN_TRY(std::vector<ManifestFile> manifests, ReadManifestList(store, snapshot));
    for (const ManifestFile& manifest : manifests) {
      if ((known > 0 && manifest.sequence_number <= known) || !seen.insert(manifest.manifest_path).second) continue;
      Keep(candidates, manifest.manifest_path);
      FIRN_TRY(std::vector<ManifestEntry> entries, ReadManifest(store, metadata, manifest));
      for (const ManifestEntry& entry : entries) Keep(candidates, entry.file.file_path);
    }
  }
  return Ok();
}

// Puts that a crash has cut off: of this job's files, and of names that somebody has taken since (a Hadoop table's next version, its hint): who is still at one
// of those meets the same refusal as before.
Result<int64_t> RemoveUnfinished(objectstore::ObjectStore& store, const TableMetadata& metadata, const FileOwner& last) {
  int64_t count = 0;
  FIRN_TRY(std::vector<objectstore::UnfinishedPut> unfinished, store.ListUnfinished(MetadataLocation(metadata)));
  for (const objectstore::UnfinishedPut& put : unfinished) {
    const bool is_own = OwnedFor(io::FileName(put.target), last.job_id).has_value();
    FIRN_TRY(bool is_taken, store.Exists(put.target));
    if (!is_own && !is_taken) continue;
    FIRN_RETURN_IF_ERROR(store.Delete(put.location));
    ++count;
  }
  return count;
}

}  // namespace

std::string FileOwner::ToString() const { return fmt::format("{}-{}", job_id, checkpoint_id); }

std::optional<int64_t> OwnedFor(std::string_view file_name, std::string_view job_id) {
  const size_t begin = job_id.empty() ? std::string_view::npos : file_name.find(job_id);
  if (begin == std::string_view::npos || (begin > 0 && file_name[begin - 1] != '-')) return std::nullopt;
  std::string_view rest = file_name.substr(begin + job_id.size());
  if (!rest.starts_with('-')) return std::nullopt;
  rest.remove_prefix(1);
  const size_t end = rest.find('-');
  if (end == std::string_view::npos) return std::nullopt;
  return NumberIn(rest.substr(0, end));
}

Result<int64_t> RemoveOrphans(objectstore::ObjectStore& store, const Table& table, const FileOwner& last) {
  FIRN_ASSERT(!last.job_id.empty() && last.checkpoint_id >= 0, "files of the job '{}' for checkpoint {}", last.job_id, last.checkpoint_id);
  if (!OwnsItsFolders(table)) return 0;  // another's job of this id may run there, on what was copied
  FIRN_TRY(Candidates candidates, FindCandidates(store, *table.metadata, last));
  if (!candidates.empty()) FIRN_RETURN_IF_ERROR(KeepNamed(store, table, last, &candidates));
  for (const auto& [name, location] : candidates) FIRN_RETURN_IF_ERROR(store.Delete(location));
  FIRN_TRY(int64_t unfinished, RemoveUnfinished(store, *table.metadata, last));
  return static_cast<int64_t>(candidates.size()) + unfinished;
}

}  // namespace firn::iceberg
