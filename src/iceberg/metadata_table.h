// SPDX-License-Identifier: Apache-2.0
// Tables about a table: `t$snapshots` and the like, with exactly the columns that Iceberg's own implementation gives them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "iceberg/catalog.h"
#include "iceberg/table_scan.h"
#include "types/batch.h"

namespace firn::objectstore {
class ObjectStore;
}

namespace firn::iceberg {

enum class MetadataTable {
  kSnapshots,
  kHistory,
  kRefs,
  kMetadataLogEntries,
  kManifests,
  kPartitions,
  kFiles,        // data and delete files
  kDataFiles,
  kDeleteFiles,
};

/// By name ("snapshots"), any case; nothing for other names.
std::optional<MetadataTable> FindMetadataTable(std::string_view name);
/// "t$snapshots" as table and kind; nothing for other names.
struct MetadataTableName {
  std::string table;
  MetadataTable kind;
};
std::optional<MetadataTableName> SplitMetadataTableName(std::string_view name);
/// All names, sorted.
std::vector<std::string> MetadataTableNames();

/// The columns depend on the table where partition values or column metrics are shown.
Result<types::SchemaPtr> MetadataTableSchema(MetadataTable table, const TableMetadata& metadata);

/// All rows. `choice` picks the snapshot whose manifests and files are listed; the other tables are about the whole history.
Result<types::Batch> ReadMetadataTable(objectstore::ObjectStore& store, const Table& table, MetadataTable metadata_table,
                                       const SnapshotChoice& choice = {});

}  // namespace firn::iceberg
