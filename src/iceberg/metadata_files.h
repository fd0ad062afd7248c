// SPDX-License-Identifier: Apache-2.0
// metadata.json files in an object store: reading, naming, writing, and the metadata that a change makes. What every catalog shares.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "iceberg/catalog.h"
#include "objectstore/object_store.h"

namespace firn::io {
class Clock;
class Random;
}  // namespace firn::io

namespace firn::iceberg {

/// Plain or gzip. The error says which file could not be read.
Result<TableMetadataPtr> ReadMetadataFile(objectstore::ObjectStore& store, const std::string& location);

/// The bytes of a metadata file, gzip if `write.metadata.compression-codec` says so.
Result<std::string> EncodeMetadataFile(const TableMetadata& metadata);
/// ".metadata.json" or ".gz.metadata.json".
std::string MetadataFileSuffix(const TableMetadata& metadata);

/// "<metadata folder>/00003-<unique name>.metadata.json": one number behind that of `previous_location` ("" for a new table).
std::string NextMetadataLocation(const TableMetadata& metadata, const std::string& previous_location, const std::string& unique_name);

/// Checks the requirements and applies the updates; the base's file goes into the metadata log (at most `write.metadata.previous-versions-max` stay).
Result<TableMetadata> ChangedMetadata(const Table& base, const TableChange& change, int64_t now_ms);

/// Whether the folders that the metadata names are the table's own. Not those of one that was found elsewhere than it says that it lies: somebody has copied or moved it, and its
/// files are also, or only, the original's.
bool OwnsItsFolders(const Table& table);

/// Files that `previous` has in its metadata log and `metadata` has not any more, if `write.metadata.delete-after-commit.enabled`: may be deleted.
std::vector<std::string> ObsoleteMetadataFiles(const TableMetadata& previous, const TableMetadata& metadata);

}  // namespace firn::iceberg
