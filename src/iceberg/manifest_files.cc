// SPDX-License-Identifier: Apache-2.0
#include "iceberg/manifest_files.h"

#include <fmt/format.h>

#include <map>

#include "formats/avro_file.h"
#include "io/random.h"
#include "iceberg/manifest_avro.h"
#include "iceberg/table_writer.h"
#include "objectstore/object_store.h"

namespace firn::iceberg {

namespace {

std::string SyncMarker(io::Random& random) { return random.UuidBytes(); }

// Writes one merged manifest of `group`; entries of dead files are left out.
Result<ManifestFile> MergeGroup(const WriteContext& context, const TableMetadata& metadata, int64_t snapshot_id,
                                const std::vector<const ManifestFile*>& group) {
  std::vector<ManifestEntry> merged;
  for (const ManifestFile* manifest : group) {
    FIRN_ASSERT(manifest->partition_spec_id == group[0]->partition_spec_id && manifest->content == group[0]->content, "{} is merged with manifests of another kind", manifest->manifest_path);
    FIRN_TRY(std::vector<ManifestEntry> entries, ReadManifest(context.store, metadata, *manifest));
    for (ManifestEntry& entry : entries) {
      if (entry.status == EntryStatus::kDeleted) continue;
      entry.status = EntryStatus::kExisting;
      merged.push_back(std::move(entry));
    }
  }
  return WriteManifest(context, metadata, group[0]->partition_spec_id, group[0]->content, snapshot_id, merged);
}

}  // namespace

std::string WriteContext::UniqueName() const { return owner.empty() ? random.UuidText() : owner + "-" + random.UuidText(); }

Result<std::vector<ManifestFile>> ReadManifestList(objectstore::ObjectStore& store, const Snapshot& snapshot) {
  if (snapshot.manifest_list.empty()) {
    return Error(ErrorCode::kNotSupported, fmt::format("snapshot {} has no manifest list (a table of an early version 1 writer)", snapshot.snapshot_id));
  }
  FIRN_TRY(std::string bytes, store.Get(snapshot.manifest_list, kMaxManifestBytes));
  Result<std::vector<ManifestFile>> manifests = DecodeManifestList(bytes);
  if (!manifests.ok()) return std::move(manifests).error().Context("reading " + snapshot.manifest_list);
  for (const ManifestFile& manifest : *manifests) {
    Status status = CheckManifestFile(manifest);
    if (!status.ok()) return std::move(status).error().Context("reading " + snapshot.manifest_list);
  }
  return manifests;
}

Result<std::vector<ManifestEntry>> ReadManifest(objectstore::ObjectStore& store, const TableMetadata& metadata, const ManifestFile& manifest) {
  const PartitionSpec* spec = metadata.FindSpec(manifest.partition_spec_id);
  if (spec == nullptr) {
    return Error(ErrorCode::kInvalidMetadata, fmt::format("{} is of partition spec {}, which the table has not", manifest.manifest_path, manifest.partition_spec_id));
  }
  FIRN_TRY(std::string bytes, store.Get(manifest.manifest_path, kMaxManifestBytes));
  Result<std::vector<ManifestEntry>> entries = DecodeManifest(bytes, manifest, *spec, metadata.SchemaForSpec(*spec));
  if (!entries.ok()) return std::move(entries).error().Context("reading " + manifest.manifest_path);
  return entries;
}

Result<ManifestFile> WriteManifest(const WriteContext& context, const TableMetadata& metadata, int32_t spec_id, ManifestContent content,
                                   int64_t snapshot_id, const std::vector<ManifestEntry>& entries) {
  const PartitionSpec* spec = metadata.FindSpec(spec_id);
  FIRN_ASSERT(spec != nullptr, "no partition spec {}", spec_id);
  for (const ManifestEntry& entry : entries) {
    FIRN_ASSERT(entry.file.spec_id == spec_id, "{} of spec {} in a manifest of spec {}", entry.file.file_path, entry.file.spec_id, spec_id);
    FIRN_ASSERT((entry.file.content == FileContent::kData) == (content == ManifestContent::kData), "{} is listed among files of the other kind", entry.file.file_path);
  }
  const ManifestEncoding encoding{metadata.format_version, metadata.SchemaForSpec(*spec), *spec, content, snapshot_id, SyncMarker(context.random)};
  FIRN_TRY(std::string bytes, EncodeManifest(encoding, entries));
  FIRN_TRY(ManifestFile manifest, SummarizeManifest(encoding, entries));
  manifest.manifest_path = objectstore::JoinLocation(MetadataLocation(metadata), context.UniqueName() + "-m0.avro");
  manifest.manifest_length = static_cast<int64_t>(bytes.size());
  FIRN_RETURN_IF_ERROR(context.store.Put(manifest.manifest_path, bytes, objectstore::PutMode::kIfAbsent));
  return manifest;
}

Result<std::vector<ManifestFile>> MergeManifests(const WriteContext& context, const TableMetadata& metadata, int64_t snapshot_id,
                                                 std::vector<ManifestFile> manifests, std::vector<std::string>* written) {
  if (metadata.Property("commit.manifest-merge.enabled", "true") == "false") return manifests;
  FIRN_TRY(int64_t target_bytes, metadata.IntegerProperty("commit.manifest.target-size-bytes", 8 << 20));
  FIRN_TRY(int64_t count_min, metadata.IntegerProperty("commit.manifest.min-count-to-merge", 100));
  std::map<std::pair<int32_t, ManifestContent>, std::vector<const ManifestFile*>> small;
  for (const ManifestFile& manifest : manifests) {
    if (manifest.manifest_length < target_bytes) small[{manifest.partition_spec_id, manifest.content}].push_back(&manifest);
  }
  std::map<std::string, bool> is_merged;
  std::vector<ManifestFile> result;
  for (const auto& [key, members] : small) {
    if (static_cast<int64_t>(members.size()) < std::max<int64_t>(count_min, 2)) continue;
    std::vector<const ManifestFile*> bin;
    int64_t bin_bytes = 0;
    for (size_t i = 0; i <= members.size(); ++i) {
      if (i == members.size() || bin_bytes + members[i]->manifest_length > target_bytes) {
        if (bin.size() > 1) {
          FIRN_TRY(ManifestFile merged, MergeGroup(context, metadata, snapshot_id, bin));
          written->push_back(merged.manifest_path);
          for (const ManifestFile* member : bin) is_merged[member->manifest_path] = true;
          result.push_back(std::move(merged));
        }
        bin.clear();
        bin_bytes = 0;
      }
      if (i == members.size()) break;
      bin.push_back(members[i]);
      bin_bytes += members[i]->manifest_length;
    }
  }
  for (ManifestFile& manifest : manifests) {
    if (!is_merged.contains(manifest.manifest_path)) result.push_back(std::move(manifest));
  }
  return result;
}

}  // namespace firn::iceberg
