// SPDX-License-Identifier: Apache-2.0
// Manifests and manifest lists in an object store.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "iceberg/manifest.h"
#include "iceberg/table_metadata.h"

namespace firn::io {
class Clock;
class Random;
}  // namespace firn::io
namespace firn::objectstore {
class ObjectStore;
}

namespace firn::iceberg {

/// What writing to tables needs of the outside, which must outlive those who hold it, and whose the files are. Copied freely.
struct WriteContext {
  objectstore::ObjectStore& store;
  io::Clock& clock;
  io::Random& random;
  std::string owner = {};  // stands in the names of the files (FileOwner::ToString); empty: nobody's
  /// For a file's name: the owner, and what makes it unlike all others.
  std::string UniqueName() const;
};

inline constexpr uint64_t kMaxManifestBytes = 512ull << 20;

/// The manifests of a snapshot; the error names the file.
Result<std::vector<ManifestFile>> ReadManifestList(objectstore::ObjectStore& store, const Snapshot& snapshot);
/// Its entries, with what they inherit.
Result<std::vector<ManifestEntry>> ReadManifest(objectstore::ObjectStore& store, const TableMetadata& metadata, const ManifestFile& manifest);

/// Writes one manifest of entries that all have the spec. Durable on return; sequence numbers of new entries are open until the list is written.
Result<ManifestFile> WriteManifest(const WriteContext& context, const TableMetadata& metadata, int32_t spec_id, ManifestContent content,
                                   int64_t snapshot_id, const std::vector<ManifestEntry>& entries);

/// Merges small manifests when there are many: per spec and content, once at least `commit.manifest.min-count-to-merge` are smaller than
/// `commit.manifest.target-size-bytes`. Entries keep their sequence numbers, deleted ones of older snapshots are dropped. Off with
/// `commit.manifest-merge.enabled` = false. Newly written locations are appended to `written`.
Result<std::vector<ManifestFile>> MergeManifests(const WriteContext& context, const TableMetadata& metadata, int64_t snapshot_id,
                                                 std::vector<ManifestFile> manifests, std::vector<std::string>* written);

}  // namespace firn::iceberg
