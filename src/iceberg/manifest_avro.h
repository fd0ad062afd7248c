// SPDX-License-Identifier: Apache-2.0
// Manifests and manifest lists as Avro files (specification, "Manifests", "Manifest Lists"). Read by field id, so files of v1, v2 and v3 of any
// writer; written as v1 or v2.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "iceberg/manifest.h"
#include "iceberg/partition_spec.h"
#include "iceberg/schema.h"

namespace firn::iceberg {

struct ManifestEncoding {
  int format_version = 2;
  const Schema& schema;          // of the table, at the time of writing
  const PartitionSpec& spec;     // of all entries
  ManifestContent content = ManifestContent::kData;
  int64_t snapshot_id = 0;       // entries without one get it
  std::string sync_marker;       // 16 random bytes
};

/// The manifest's bytes. Entries that are not kAdded must carry their sequence numbers.
Result<std::string> EncodeManifest(const ManifestEncoding& encoding, const std::vector<ManifestEntry>& entries);

/// Counts and partition summaries of a manifest over `entries`; path, length and sequence numbers are left to the caller.
Result<ManifestFile> SummarizeManifest(const ManifestEncoding& encoding, const std::vector<ManifestEntry>& entries);

/// Reads all entries; `spec` is that of `manifest.partition_spec_id` and `schema` any that has its source columns. What entries inherit from the
/// manifest (sequence numbers, snapshot id, first row ids) is filled in. kCorruption, kInvalidMetadata.
Result<std::vector<ManifestEntry>> DecodeManifest(std::string_view bytes, const ManifestFile& manifest, const PartitionSpec& spec,
                                                  const Schema& schema);

struct ManifestListEncoding {
  int format_version = 2;
  int64_t snapshot_id = 0;
  std::optional<int64_t> parent_snapshot_id;
  int64_t sequence_number = 0;   // of the snapshot; manifests without one get it
  std::string sync_marker;
};

Result<std::string> EncodeManifestList(const ManifestListEncoding& encoding, const std::vector<ManifestFile>& manifests);
Result<std::vector<ManifestFile>> DecodeManifestList(std::string_view bytes);
/// Whether the numbers of a manifest that another program may have listed can be (kInvalidMetadata): those of a snapshot, so all are assigned.
Status CheckManifestFile(const ManifestFile& manifest);

}  // namespace firn::iceberg
