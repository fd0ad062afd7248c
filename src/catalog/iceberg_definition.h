// SPDX-License-Identifier: Apache-2.0
// Iceberg tables as the planner sees tables, and CREATE and ALTER TABLE as Iceberg sees them.
#pragma once

#include "iceberg/catalog.h"
#include "iceberg/metadata_table.h"
#include "iceberg/table_scan.h"
#include "plan/catalog_view.h"

namespace firn::catalog {

/// The current schema's columns, the identifier fields as primary key, the properties as options. connector: "iceberg".
Result<plan::TableDefinition> DefinitionOf(const plan::ObjectPath& path, const iceberg::Table& table);
/// The same with the columns and the key of one of the table's schemas.
Result<plan::TableDefinition> DefinitionOf(const plan::ObjectPath& path, const iceberg::Table& table, const iceberg::Schema& schema);
/// `t$snapshots` and the like: the columns of the metadata table, no options.
Result<plan::TableDefinition> MetadataDefinitionOf(const plan::ObjectPath& path, const iceberg::Table& table, iceberg::MetadataTable kind);
/// What the options 'snapshot-id', 'as-of-timestamp', 'branch', 'tag' and 'ref' choose. kInvalidOption.
Result<iceberg::SnapshotChoice> SnapshotChoiceOf(const plan::TableDefinition& table);
/// kInvalidDefinition for computed or metadata columns and watermarks: an Iceberg table holds stored columns only.
Result<iceberg::CreateTableRequest> CreateRequestOf(const plan::TableDefinition& table);
/// What makes `current` be as `wanted`: properties set and removed, columns added, dropped and renamed (matched by name; a rename shows as a drop and an
/// add and is refused unless the column stands at the same place with the same type).
Result<iceberg::TableChange> ChangeOf(const iceberg::Table& current, const plan::TableDefinition& wanted);

}  // namespace firn::catalog
