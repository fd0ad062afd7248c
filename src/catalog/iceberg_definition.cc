// SPDX-License-Identifier: Apache-2.0
#include "catalog/iceberg_definition.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <set>

#include "base/assert.h"
#include "iceberg/partition_spec.h"
#include "iceberg/schema.h"
#include "iceberg/sql_types.h"
#include "iceberg/table_metadata.h"
#include "iceberg/type_promotion.h"

namespace firn::catalog {

namespace {

Result<int64_t> NumberOption(const plan::TableDefinition& table, const std::string& key) {
  int64_t value = 0;
  const std::string text = table.Option(key);
  auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (status != std::errc() || end != text.data() + text.size()) {
    return Error(ErrorCode::kInvalidOption, fmt::format("'{}' is '{}'; it takes a whole number", key, text));
  }
  return value;
}

}  // namespace

Result<iceberg::SnapshotChoice> SnapshotChoiceOf(const plan::TableDefinition& table) {
  iceberg::SnapshotChoice choice;
  if (table.options.contains("snapshot-id")) {
    FIRN_TRY(choice.snapshot_id, NumberOption(table, "snapshot-id"));
  }
  if (table.options.contains("as-of-timestamp")) {
    FIRN_TRY(choice.as_of_ms, NumberOption(table, "as-of-timestamp"));
  }
  for (const char* key : {"branch", "tag", "ref"}) {
    if (table.options.contains(key)) choice.ref = table.Option(key);
  }
  return choice;
}

Result<plan::TableDefinition> MetadataDefinitionOf(const plan::ObjectPath& path, const iceberg::Table& table, iceberg::MetadataTable kind) {
  plan::TableDefinition definition;
  definition.path = path;
  definition.connector = "iceberg";
  FIRN_TRY(types::SchemaPtr columns, iceberg::MetadataTableSchema(kind, *table.metadata));
  for (const types::Field& field : columns->fields()) {
    plan::TableColumn column;
    column.name = field.name;
    column.type = field.type;
    definition.columns.push_back(std::move(column));
  }
  return definition;
}

Result<plan::TableDefinition> DefinitionOf(const plan::ObjectPath& path, const iceberg::Table& table) { return DefinitionOf(path, table, table.metadata->schema()); }

Result<plan::TableDefinition> DefinitionOf(const plan::ObjectPath& path, const iceberg::Table& table, const iceberg::Schema& schema) {
  plan::TableDefinition definition;
  definition.path = path;
  definition.connector = "iceberg";
  FIRN_TRY(types::SchemaPtr columns, iceberg::SqlSchemaOf(schema));
  FIRN_ASSERT(columns->size() == schema.fields.size(), "{} columns of {} fields", columns->size(), schema.fields.size());
  for (size_t i = 0; i < columns->size(); ++i) {
    plan::TableColumn column;
    column.name = columns->field(i).name;
    column.type = columns->field(i).type;
    column.comment = schema.fields[i].doc;
    definition.columns.push_back(std::move(column));
  }
  for (int32_t id : schema.identifier_field_ids) {
    if (const iceberg::NestedField* field = schema.FindById(id)) definition.primary_key.push_back(field->name);
  }
  for (const iceberg::PartitionField& field : table.metadata->spec().fields) {
    if (field.transform.ToString() != "void") definition.partitioned_by.push_back(iceberg::PartitionItemText(table.metadata->SchemaForSpec(table.metadata->spec()), field));
  }
  definition.options = table.metadata->properties;
  definition.options.emplace("format-version", std::to_string(table.metadata->format_version));
  if (auto comment = definition.options.find("comment"); comment != definition.options.end()) definition.comment = comment->second;
  return definition;
}

Result<iceberg::CreateTableRequest> CreateRequestOf(const plan::TableDefinition& table) {
  iceberg::CreateTableRequest request;
  std::vector<types::Field> fields;
  for (const plan::TableColumn& column : table.columns) {
    if (column.kind != plan::ColumnKind::kPhysical) {
      return Error(ErrorCode::kInvalidDefinition, fmt::format("column `{}` of Iceberg table {} is computed or metadata", column.name, table.path.ToString()))
          .Hint("an Iceberg table holds stored columns only; compute in the INSERT, or in a view");
    }
    fields.push_back({column.name, column.type});
  }
  if (table.watermark) {
    return Error(ErrorCode::kInvalidDefinition, fmt::format("Iceberg table {} declares a watermark", table.path.ToString())).Hint("watermarks belong to the table that is read as a stream");
  }
  FIRN_TRY(request.schema, iceberg::SchemaFromSql(fields, table.primary_key));
  FIRN_ASSERT(request.schema.fields.size() == table.columns.size(), "{} fields of {} columns", request.schema.fields.size(), table.columns.size());
  for (size_t i = 0; i < table.columns.size(); ++i) request.schema.fields[i].doc = table.columns[i].comment;
  for (const std::string& text : table.partitioned_by) {
    FIRN_TRY(iceberg::PartitionFieldDefinition field, iceberg::ParsePartitionItem(text));
    request.partitioning.push_back(std::move(field));
  }
  request.properties = table.options;
  request.properties.erase("connector");
  // Jobs commit every second or so: without it each commit would leave a metadata file for good.
  request.properties.emplace("write.metadata.delete-after-commit.enabled", "true");
  if (!table.comment.empty()) request.properties["comment"] = table.comment;
  return request;
}

namespace {

// The column as wanted, with the id that it has.
Result<iceberg::NestedField> ChangedField(const iceberg::NestedField& old, const plan::TableColumn& column, bool is_key) {
  iceberg::NestedField field = old;
  field.name = column.name;
  field.doc = column.comment;
  FIRN_TRY(types::DataType old_type, iceberg::SqlTypeOf(old.type));
  if (!old_type.EqualsIgnoringNullability(column.type)) {
    int32_t unused = 0;
    FIRN_TRY(iceberg::Type type, iceberg::TypeFromSql(column.type, &unused));
    if (!iceberg::CanPromote(old.type, type)) {
      return Error(ErrorCode::kInvalidDefinition, fmt::format("column `{}` cannot become {} from {}: its files would have to be rewritten", column.name, column.type.ToString(), old_type.ToString()))
          .Hint("INT may become BIGINT, FLOAT may become DOUBLE, a DECIMAL may get more digits; else add a column");
    }
    field.type = std::move(type);
  }
  if (!column.type.nullable() && !old.required) {
    return Error(ErrorCode::kInvalidDefinition, is_key ? fmt::format("column `{}` may hold NULL and cannot become part of the primary key", column.name)
                                                       : fmt::format("column `{}` cannot become NOT NULL: the rows that are there may have no value for it", column.name))
        .Hint("CREATE a table with it NOT NULL and INSERT the rows");
  }
  field.required = !column.type.nullable();
  return field;
}

Status ChangeColumns(const iceberg::Table& current, const plan::TableDefinition& before, const plan::TableDefinition& wanted, iceberg::TableChange* change) {
  const iceberg::Schema& old_schema = current.metadata->schema();
  iceberg::Schema schema = old_schema;
  FIRN_ASSERT(before.columns.size() == old_schema.fields.size(), "{} columns of {} fields", before.columns.size(), old_schema.fields.size());
  schema.fields.clear();
  schema.identifier_field_ids.clear();
  int32_t last_id = current.metadata->last_column_id;
  std::set<std::string> wanted_names;
  for (const plan::TableColumn& column : wanted.columns) wanted_names.insert(column.name);
  for (size_t i = 0; i < wanted.columns.size(); ++i) {
    const plan::TableColumn& column = wanted.columns[i];
    const bool is_key = std::find(wanted.primary_key.begin(), wanted.primary_key.end(), column.name) != wanted.primary_key.end();
    const iceberg::NestedField* old = old_schema.FindColumn(column.name);
    // Same place, same type, and the old name is gone: renamed.
    const bool is_renamed = old == nullptr && i < before.columns.size() && wanted.columns.size() == before.columns.size() && !wanted_names.contains(before.columns[i].name) &&
                            before.columns[i].type.EqualsIgnoringNullability(column.type);
    if (is_renamed) old = &old_schema.fields[i];
    iceberg::NestedField field;
    if (old != nullptr) {
      FIRN_TRY(field, ChangedField(*old, column, is_key));
    } else {
      if (!column.type.nullable()) {
        return Error(ErrorCode::kInvalidDefinition, fmt::format("column `{}` is added NOT NULL, and the rows that are there have no value for it", column.name)).Hint("add it without NOT NULL");
      }
      field.id = ++last_id;
      field.name = column.name;
      field.doc = column.comment;
      FIRN_TRY(field.type, iceberg::TypeFromSql(column.type, &last_id));
    }
    FIRN_ASSERT(field.id > 0 && field.id <= last_id && schema.FindById(field.id) == nullptr, "column `{}` gets the id {} of 1 to {}", column.name, field.id, last_id);
    if (is_key) schema.identifier_field_ids.push_back(field.id);
    schema.fields.push_back(std::move(field));
  }
  change->updates.push_back(iceberg::AddSchema{std::move(schema)});
  change->updates.push_back(iceberg::SetCurrentSchema{});
  return Ok();
}

}  // namespace

Result<iceberg::TableChange> ChangeOf(const iceberg::Table& current, const plan::TableDefinition& wanted) {
  iceberg::TableChange change;
  change.requirements.push_back(iceberg::AssertTableUuid{current.metadata->table_uuid});
  FIRN_TRY(plan::TableDefinition before, DefinitionOf(wanted.path, current));
  const bool same_columns = std::equal(before.columns.begin(), before.columns.end(), wanted.columns.begin(), wanted.columns.end(),
                                       [](const plan::TableColumn& a, const plan::TableColumn& b) { return a.name == b.name && a.type == b.type && a.comment == b.comment; });
  if (!same_columns || before.primary_key != wanted.primary_key) {
    change.requirements.push_back(iceberg::AssertCurrentSchemaId{current.metadata->current_schema_id});
    FIRN_RETURN_IF_ERROR(ChangeColumns(current, before, wanted, &change));
  }
  iceberg::SetProperties set;
  iceberg::RemoveProperties removed;
  for (const auto& [key, value] : wanted.options) {
    auto old = before.options.find(key);
    if (key == "connector" || (old != before.options.end() && old->second == value)) continue;
    if (key == "format-version") {
      FIRN_TRY(const int64_t version, NumberOption(wanted, key));
      change.updates.push_back(iceberg::UpgradeFormatVersion{static_cast<int>(std::clamp<int64_t>(version, 0, std::numeric_limits<int>::max()))});
    } else {
      set.properties.emplace(key, value);
    }
  }
  for (const auto& [key, value] : before.options) {
    if (!wanted.options.contains(key) && key != "format-version") removed.keys.push_back(key);
  }
  if (!set.properties.empty()) change.updates.push_back(std::move(set));
  if (!removed.keys.empty()) change.updates.push_back(std::move(removed));
  return change;
}

}  // namespace firn::catalog
