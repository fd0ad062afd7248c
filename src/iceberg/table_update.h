// SPDX-License-Identifier: Apache-2.0
// How a table changes: requirements that must hold of the current metadata, and updates that make new metadata of it. The words and rules are those of
// the Iceberg REST catalog ("CommitTableRequest"), so that every catalog, also a foreign one, takes the same change.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "iceberg/table_metadata.h"

namespace firn::iceberg {

struct AssertCreate {};
struct AssertTableUuid { std::string uuid; };
/// No snapshot id: the ref must not exist.
struct AssertRefSnapshotId { std::string ref; std::optional<int64_t> snapshot_id; };
struct AssertLastAssignedFieldId { int32_t id = 0; };
struct AssertCurrentSchemaId { int32_t id = 0; };
struct AssertLastAssignedPartitionId { int32_t id = 0; };
struct AssertDefaultSpecId { int32_t id = 0; };
struct AssertDefaultSortOrderId { int32_t id = 0; };

using TableRequirement = std::variant<AssertCreate, AssertTableUuid, AssertRefSnapshotId, AssertLastAssignedFieldId, AssertCurrentSchemaId,
                                      AssertLastAssignedPartitionId, AssertDefaultSpecId, AssertDefaultSortOrderId>;

/// In SetCurrentSchema, SetDefaultSpec, SetDefaultSortOrder: the one added last.
inline constexpr int32_t kLastAdded = -1;

struct AssignUuid { std::string uuid; };
struct UpgradeFormatVersion { int format_version = 2; };
/// The schema gets the id of an equal one, or the next free id.
struct AddSchema { Schema schema; };
struct SetCurrentSchema { int32_t schema_id = kLastAdded; };
struct AddPartitionSpec { PartitionSpec spec; };
struct SetDefaultSpec { int32_t spec_id = kLastAdded; };
struct AddSortOrder { SortOrder order; };
struct SetDefaultSortOrder { int32_t order_id = kLastAdded; };
struct AddSnapshot { Snapshot snapshot; };
struct SetSnapshotRef { std::string ref; SnapshotRef value; };
struct RemoveSnapshots { std::vector<int64_t> snapshot_ids; };
struct RemoveSnapshotRef { std::string ref; };
struct SetLocation { std::string location; };
struct SetProperties { std::map<std::string, std::string> properties; };
struct RemoveProperties { std::vector<std::string> keys; };

using TableUpdate = std::variant<AssignUuid, UpgradeFormatVersion, AddSchema, SetCurrentSchema, AddPartitionSpec, SetDefaultSpec, AddSortOrder,
                                 SetDefaultSortOrder, AddSnapshot, SetSnapshotRef, RemoveSnapshots, RemoveSnapshotRef, SetLocation, SetProperties,
                                 RemoveProperties>;

struct TableChange {
  std::vector<TableRequirement> requirements;
  std::vector<TableUpdate> updates;
  std::string owner = {};  // stands in the names of files that a catalog writes for the change (FileOwner::ToString); empty: nobody's
};

/// `base` is nullptr if there is no table. kCommitConflict names the requirement in the words of the reference catalog.
Status CheckRequirements(const TableMetadata* base, const std::vector<TableRequirement>& requirements);

/// Applies the updates in order. `now_ms` becomes last-updated-ms and the time of snapshot log entries, but never goes back behind the base's.
/// kInvalidMetadata or kInvalidDefinition for an update that cannot be.
Result<TableMetadata> ApplyUpdates(const TableMetadata& base, const std::vector<TableUpdate>& updates, int64_t now_ms);

}  // namespace firn::iceberg
