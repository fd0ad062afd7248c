// SPDX-License-Identifier: Apache-2.0
// A table's metadata: the content of one metadata.json. Plain data, never changed in place once shared; table_update.h makes a new one of an
// old one, table_metadata_json.h reads and writes it. Source: Iceberg specification, "Table Metadata".
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "iceberg/partition_spec.h"
#include "iceberg/schema.h"
#include "iceberg/snapshot.h"

namespace firn::iceberg {

inline constexpr int kDefaultFormatVersion = 2;
inline constexpr int kMaxReadFormatVersion = 3;
inline constexpr int kMaxWriteFormatVersion = 2;
inline constexpr int64_t kSequenceNumberMax = int64_t{1} << 62;  // of what others have written: one can be added to it

struct SnapshotLogEntry {
  int64_t timestamp_ms = 0;
  int64_t snapshot_id = 0;
  bool operator==(const SnapshotLogEntry&) const = default;
};

struct MetadataLogEntry {
  int64_t timestamp_ms = 0;
  std::string metadata_file;
  bool operator==(const MetadataLogEntry&) const = default;
};

struct TableMetadata {
  int format_version = kDefaultFormatVersion;
  std::string table_uuid;
  std::string location;
  int64_t last_sequence_number = 0;
  int64_t last_updated_ms = 0;
  int32_t last_column_id = 0;
  std::vector<Schema> schemas;
  int32_t current_schema_id = 0;
  std::vector<PartitionSpec> partition_specs;
  int32_t default_spec_id = 0;
  int32_t last_partition_id = kFirstPartitionFieldId - 1;
  std::vector<SortOrder> sort_orders;
  int32_t default_sort_order_id = 0;
  std::map<std::string, std::string> properties;
  std::optional<int64_t> current_snapshot_id;
  std::vector<Snapshot> snapshots;
  std::vector<SnapshotLogEntry> snapshot_log;
  std::vector<MetadataLogEntry> metadata_log;
  std::map<std::string, SnapshotRef> refs;
  std::optional<int64_t> next_row_id;        // v3
  std::map<std::string, std::string> others;  // statistics, encryption keys and whatever else, as JSON texts

  const Schema& schema() const;              // the current one
  const PartitionSpec& spec() const;         // the default one
  // nullptr if there is none.
  const Schema* FindSchema(int32_t id) const;
  const PartitionSpec* FindSpec(int32_t id) const;
  const Snapshot* FindSnapshot(int64_t id) const;
  const Snapshot* current_snapshot() const;
  const Snapshot* FindRef(const std::string& name) const;  // "main" is the current snapshot
  /// The schema that a snapshot was written with; the current one if it does not say.
  const Schema& SchemaOf(const Snapshot& snapshot) const;

  /// A schema that has the spec's source columns: the current one if it does, else the newest that does (columns may be dropped later).
  const Schema& SchemaForSpec(const PartitionSpec& spec) const;

  /// A property, or `otherwise` if it is not set.
  std::string Property(const std::string& key, const std::string& otherwise) const;
  /// kInvalidOption if it is set and no number.
  Result<int64_t> IntegerProperty(const std::string& key, int64_t otherwise) const;
  bool operator==(const TableMetadata&) const = default;
};

using TableMetadataPtr = std::shared_ptr<const TableMetadata>;

/// The current snapshot at a time: the last entry of the snapshot log that is not later (never the parents: the log knows of rollbacks).
/// kSnapshotNotFound if the table had none then.
Result<const Snapshot*> SnapshotAsOf(const TableMetadata& metadata, int64_t timestamp_ms);

/// The snapshot and its ancestors that still exist, newest first.
std::vector<const Snapshot*> AncestorsOf(const TableMetadata& metadata, const Snapshot* snapshot);

}  // namespace firn::iceberg
