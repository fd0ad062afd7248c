// SPDX-License-Identifier: Apache-2.0
#include "iceberg/table_metadata_json.h"

#include <limits>
#include <set>

#include "formats/block_codec.h"
#include "iceberg/json_object_internal.h"
#include "iceberg/schema_json.h"

namespace firn::iceberg {

namespace json = boost::json;

namespace {

// --- reading ---

Result<std::vector<int32_t>> ParseSourceIds(const JsonObject& object) {
  FIRN_TRY(std::vector<int32_t> result, object.Int32s("source-ids"));
  FIRN_TRY(std::optional<int32_t> one, object.OptionalInt32("source-id"));
  if (result.empty() && one) result.push_back(*one);
  if (result.empty()) return object.Missing("source-id");
  return result;
}

Result<PartitionField> ParsePartitionField(const json::value& value, int32_t fallback_id) {
  FIRN_TRY(JsonObject object, JsonObject::Of(value, "a partition field"));
  PartitionField field;
  FIRN_TRY(field.source_ids, ParseSourceIds(object));
  FIRN_TRY(field.field_id, object.Int32("field-id", fallback_id));
  if (field.field_id < 0 || field.field_id > kFieldIdMax) return object.Wrong("field-id", "the id of a field");
  FIRN_TRY(field.name, object.Text("name"));
  FIRN_TRY(std::string transform, object.Text("transform"));
  FIRN_TRY(field.transform, ParseTransform(transform));
  return field;
}

Result<PartitionSpec> ParseSpec(const json::value& value) {
  FIRN_TRY(JsonObject object, JsonObject::Of(value, "a partition spec"));
  PartitionSpec spec;
  FIRN_TRY(spec.spec_id, object.Int32("spec-id", 0));
  FIRN_TRY(const json::array* fields, object.Array("fields"));
  for (const json::value& item : *fields) {
    FIRN_TRY(PartitionField field, ParsePartitionField(item, kFirstPartitionFieldId + static_cast<int32_t>(spec.fields.size())));
    spec.fields.push_back(std::move(field));
  }
  return spec;
}

Result<SortOrder> ParseSortOrder(const json::value& value) {
  FIRN_TRY(JsonObject object, JsonObject::Of(value, "a sort order"));
  SortOrder order;
  FIRN_TRY(order.order_id, object.Int32("order-id", 0));
  FIRN_TRY(const json::array* fields, object.Array("fields"));
  for (const json::value& item : *fields) {
    FIRN_TRY(JsonObject member, JsonObject::Of(item, "a sort field"));
    SortField field;
    FIRN_TRY(std::vector<int32_t> sources, ParseSourceIds(member));
    field.source_id = sources[0];
    FIRN_TRY(std::string transform, member.Text("transform"));
    FIRN_TRY(field.transform, ParseTransform(transform));
    FIRN_TRY(std::string direction, member.Text("direction"));
    FIRN_TRY(std::string nulls, member.Text("null-order"));
    field.is_ascending = direction != "desc";
    field.nulls_first = nulls != "nulls-last";
    order.fields.push_back(std::move(field));
  }
  return order;
}

Result<Snapshot> ParseSnapshot(const json::value& value) {
  FIRN_TRY(JsonObject object, JsonObject::Of(value, "a snapshot"));
  Snapshot snapshot;
  FIRN_TRY(snapshot.snapshot_id, object.Integer("snapshot-id"));
  FIRN_TRY(snapshot.parent_snapshot_id, object.OptionalInteger("parent-snapshot-id"));
  FIRN_TRY(snapshot.sequence_number, object.Integer("sequence-number", 0));
  if (snapshot.sequence_number < 0) return object.Wrong("sequence-number", "a number from 0");
  FIRN_TRY(snapshot.timestamp_ms, object.Integer("timestamp-ms"));
  FIRN_TRY(std::optional<std::string> list, object.OptionalText("manifest-list"));
  snapshot.manifest_list = list.value_or("");
  FIRN_TRY(snapshot.summary, object.Texts("summary"));
  FIRN_TRY(snapshot.schema_id, object.OptionalInt32("schema-id"));
  FIRN_TRY(snapshot.first_row_id, object.OptionalInteger("first-row-id"));
  FIRN_TRY(snapshot.added_rows, object.OptionalInteger("added-rows"));
  snapshot.others = object.Others();
  return snapshot;
}

Result<SnapshotRef> ParseRef(const json::value& value) {
  FIRN_TRY(JsonObject object, JsonObject::Of(value, "a snapshot reference"));
  SnapshotRef ref;
  FIRN_TRY(ref.snapshot_id, object.Integer("snapshot-id"));
  FIRN_TRY(std::string type, object.Text("type"));
  ref.type = type == "tag" ? RefType::kTag : RefType::kBranch;
  FIRN_TRY(ref.min_snapshots_to_keep, object.OptionalInt32("min-snapshots-to-keep"));
  FIRN_TRY(ref.max_snapshot_age_ms, object.OptionalInteger("max-snapshot-age-ms"));
  FIRN_TRY(ref.max_ref_age_ms, object.OptionalInteger("max-ref-age-ms"));
  return ref;
}

// All items of an array member, each by `parse`.
template <typename T, typename Parse>
Status ParseAll(const JsonObject& object, std::string_view name, std::vector<T>* out, Parse parse) {
  FIRN_TRY(const json::array* items, object.Array(name));
  out->reserve(items->size());
  for (const json::value& item : *items) {
    FIRN_TRY(T parsed, parse(item));
    out->push_back(std::move(parsed));
  }
  return Ok();
}

Status ParseSchemas(const JsonObject& object, TableMetadata* metadata) {
  FIRN_RETURN_IF_ERROR(ParseAll(object, "schemas", &metadata->schemas, [](const json::value& item) { return ParseSchemaJson(item); }));
  const json::value* single = object.Find("schema");
  if (metadata->schemas.empty()) {
    if (single == nullptr) return object.Missing("schemas");
    FIRN_TRY(Schema schema, ParseSchemaJson(*single));
    metadata->schemas.push_back(std::move(schema));
  }
  FIRN_TRY(metadata->current_schema_id, object.Int32("current-schema-id", metadata->schemas.back().schema_id));
  int32_t highest = 0;
  for (const Schema& schema : metadata->schemas) highest = std::max(highest, schema.HighestFieldId());
  FIRN_TRY(const int32_t last, object.Int32("last-column-id", highest));
  if (last > kFieldIdMax) return object.Wrong("last-column-id", "the id of a column");
  metadata->last_column_id = std::max(last, highest);  // whatever was written: new columns must not get the ids of old ones
  return Ok();
}

Status ParseSpecs(const JsonObject& object, TableMetadata* metadata) {
  FIRN_RETURN_IF_ERROR(ParseAll(object, "partition-specs", &metadata->partition_specs, ParseSpec));
  const json::value* single = object.Find("partition-spec");
  if (metadata->partition_specs.empty()) {
    PartitionSpec spec;
    const json::array* fields = single == nullptr ? nullptr : single->if_array();
    for (size_t i = 0; fields != nullptr && i < fields->size(); ++i) {
      FIRN_TRY(PartitionField field, ParsePartitionField((*fields)[i], kFirstPartitionFieldId + static_cast<int32_t>(i)));
      spec.fields.push_back(std::move(field));
    }
    metadata->partition_specs.push_back(std::move(spec));
  }
  FIRN_TRY(metadata->default_spec_id, object.Int32("default-spec-id", metadata->partition_specs.back().spec_id));
  int32_t highest = kFirstPartitionFieldId - 1;
  for (const PartitionSpec& spec : metadata->partition_specs) {
    for (const PartitionField& field : spec.fields) highest = std::max(highest, field.field_id);
  }
  FIRN_TRY(const int32_t last, object.Int32("last-partition-id", highest));
  if (last > kFieldIdMax) return object.Wrong("last-partition-id", "the id of a partition field");
  metadata->last_partition_id = std::max(last, highest);
  FIRN_RETURN_IF_ERROR(ParseAll(object, "sort-orders", &metadata->sort_orders, ParseSortOrder));
  if (metadata->sort_orders.empty()) metadata->sort_orders.push_back(SortOrder());
  FIRN_TRY(metadata->default_sort_order_id, object.Int32("default-sort-order-id", 0));
  return Ok();
}

Status ParseLogs(const JsonObject& object, TableMetadata* metadata) {
  FIRN_RETURN_IF_ERROR(ParseAll(object, "snapshot-log", &metadata->snapshot_log, [](const json::value& item) -> Result<SnapshotLogEntry> {
    FIRN_TRY(JsonObject entry, JsonObject::Of(item, "a snapshot-log entry"));
    SnapshotLogEntry parsed;
    FIRN_TRY(parsed.timestamp_ms, entry.Integer("timestamp-ms"));
    FIRN_TRY(parsed.snapshot_id, entry.Integer("snapshot-id"));
    return parsed;
  }));
  return ParseAll(object, "metadata-log", &metadata->metadata_log, [](const json::value& item) -> Result<MetadataLogEntry> {
    FIRN_TRY(JsonObject entry, JsonObject::Of(item, "a metadata-log entry"));
    MetadataLogEntry parsed;
    FIRN_TRY(parsed.timestamp_ms, entry.Integer("timestamp-ms"));
    FIRN_TRY(parsed.metadata_file, entry.Text("metadata-file"));
    return parsed;
  });
}

Status ParseSnapshots(const JsonObject& object, TableMetadata* metadata) {
  FIRN_RETURN_IF_ERROR(ParseAll(object, "snapshots", &metadata->snapshots, ParseSnapshot));
  FIRN_TRY(std::optional<int64_t> current, object.OptionalInteger("current-snapshot-id"));
  if (current && *current != -1) metadata->current_snapshot_id = current;  // Java writes -1 for none
  if (const json::value* refs = object.Find("refs")) {
    const json::object* members = refs->if_object();
    if (members == nullptr) return object.Wrong("refs", "an object");
    for (const auto& [name, value] : *members) {
      FIRN_TRY(SnapshotRef ref, ParseRef(value));
      metadata->refs.emplace(std::string(name), std::move(ref));
    }
  }
  if (metadata->current_snapshot_id) {
    metadata->refs.try_emplace(std::string(kMainBranch), SnapshotRef{*metadata->current_snapshot_id, RefType::kBranch});
  }
  return ParseLogs(object, metadata);
}

// Whatever is found by its id is there once.
template <typename Item, typename Id>
Status CheckUnique(const std::vector<Item>& items, Id Item::*id, const char* what) {
  std::set<Id> ids;
  for (const Item& item : items) {
    if (!ids.insert(item.*id).second) return Error(ErrorCode::kInvalidMetadata, fmt::format("two {} have the id {}", what, item.*id));
  }
  return Ok();
}

// A branch without its snapshot would look empty to a writer, which would begin it anew.
Status CheckRefs(const TableMetadata& metadata) {
  for (const auto& [name, ref] : metadata.refs) {
    if (metadata.FindSnapshot(ref.snapshot_id) == nullptr) {
      return Error(ErrorCode::kInvalidMetadata, fmt::format("`{}` names the snapshot {}, which the table has not", name, ref.snapshot_id));
    }
  }
  const auto main = metadata.refs.find(std::string(kMainBranch));
  if (main == metadata.refs.end() || (metadata.current_snapshot_id && *metadata.current_snapshot_id == main->second.snapshot_id)) return Ok();
  return Error(ErrorCode::kInvalidMetadata, fmt::format("`main` names the snapshot {}, and the current one is {}", main->second.snapshot_id,
                                                        metadata.current_snapshot_id ? std::to_string(*metadata.current_snapshot_id) : "none"));
}

Status CheckReferences(const JsonObject& object, const TableMetadata& metadata) {
  FIRN_RETURN_IF_ERROR(CheckUnique(metadata.schemas, &Schema::schema_id, "schemas"));
  FIRN_RETURN_IF_ERROR(CheckUnique(metadata.partition_specs, &PartitionSpec::spec_id, "partition specs"));
  FIRN_RETURN_IF_ERROR(CheckUnique(metadata.snapshots, &Snapshot::snapshot_id, "snapshots"));
  if (metadata.FindSchema(metadata.current_schema_id) == nullptr) return object.Wrong("current-schema-id", "the id of a schema");
  if (metadata.FindSpec(metadata.default_spec_id) == nullptr) return object.Wrong("default-spec-id", "the id of a partition spec");
  if (metadata.current_snapshot_id && metadata.current_snapshot() == nullptr) {
    return object.Wrong("current-snapshot-id", "the id of a snapshot");
  }
  return CheckRefs(metadata);
}

// --- writing ---

json::object SpecToJson(const PartitionSpec& spec) {
  json::array fields;
  for (const PartitionField& field : spec.fields) {
    json::object item;
    if (field.source_ids.size() == 1) item["source-id"] = field.source_ids[0];
    else item["source-ids"] = json::array(field.source_ids.begin(), field.source_ids.end());
    item["field-id"] = field.field_id;
    item["name"] = field.name;
    item["transform"] = field.transform.ToString();
    fields.push_back(std::move(item));
  }
  return {{"spec-id", spec.spec_id}, {"fields", std::move(fields)}};
}

json::object SortOrderToJson(const SortOrder& order) {
  json::array fields;
  for (const SortField& field : order.fields) {
    fields.push_back(json::object{{"transform", field.transform.ToString()},
                                  {"source-id", field.source_id},
                                  {"direction", field.is_ascending ? "asc" : "desc"},
                                  {"null-order", field.nulls_first ? "nulls-first" : "nulls-last"}});
  }
  return {{"order-id", order.order_id}, {"fields", std::move(fields)}};
}

json::object TextsToJson(const std::map<std::string, std::string>& texts) {
  json::object object;
  for (const auto& [key, value] : texts) object[key] = value;
  return object;
}

json::object SnapshotToJson(const Snapshot& snapshot, int format_version) {
  json::object object;
  if (format_version > 1) object["sequence-number"] = snapshot.sequence_number;
  object["snapshot-id"] = snapshot.snapshot_id;
  if (snapshot.parent_snapshot_id) object["parent-snapshot-id"] = *snapshot.parent_snapshot_id;
  object["timestamp-ms"] = snapshot.timestamp_ms;
  if (!snapshot.summary.empty()) object["summary"] = TextsToJson(snapshot.summary);
  if (!snapshot.manifest_list.empty()) object["manifest-list"] = snapshot.manifest_list;
  if (snapshot.schema_id) object["schema-id"] = *snapshot.schema_id;
  if (snapshot.first_row_id) object["first-row-id"] = *snapshot.first_row_id;
  if (snapshot.added_rows) object["added-rows"] = *snapshot.added_rows;
  AddOthers(snapshot.others, &object);
  return object;
}

json::object RefToJson(const SnapshotRef& ref) {
  json::object object{{"snapshot-id", ref.snapshot_id}, {"type", ref.type == RefType::kTag ? "tag" : "branch"}};
  if (ref.min_snapshots_to_keep) object["min-snapshots-to-keep"] = *ref.min_snapshots_to_keep;
  if (ref.max_snapshot_age_ms) object["max-snapshot-age-ms"] = *ref.max_snapshot_age_ms;
  if (ref.max_ref_age_ms) object["max-ref-age-ms"] = *ref.max_ref_age_ms;
  return object;
}

void WriteSchemasAndSpecs(const TableMetadata& metadata, json::object* object) {
  (*object)["last-column-id"] = metadata.last_column_id;
  if (metadata.format_version == 1) {
    (*object)["schema"] = SchemaToJson(metadata.schema());
    (*object)["partition-spec"] = SpecToJson(metadata.spec())["fields"];
  }
  (*object)["current-schema-id"] = metadata.current_schema_id;
  json::array schemas;
  for (const Schema& schema : metadata.schemas) schemas.push_back(SchemaToJson(schema));
  (*object)["schemas"] = std::move(schemas);
  (*object)["default-spec-id"] = metadata.default_spec_id;
  json::array specs;
  for (const PartitionSpec& spec : metadata.partition_specs) specs.push_back(SpecToJson(spec));
  (*object)["partition-specs"] = std::move(specs);
  (*object)["last-partition-id"] = metadata.last_partition_id;
  (*object)["default-sort-order-id"] = metadata.default_sort_order_id;
  json::array orders;
  for (const SortOrder& order : metadata.sort_orders) orders.push_back(SortOrderToJson(order));
  (*object)["sort-orders"] = std::move(orders);
}

void WriteSnapshots(const TableMetadata& metadata, json::object* object) {
  if (metadata.current_snapshot_id) (*object)["current-snapshot-id"] = *metadata.current_snapshot_id;
  else if (metadata.format_version < 3) (*object)["current-snapshot-id"] = -1;
  json::object refs;
  for (const auto& [name, ref] : metadata.refs) refs[name] = RefToJson(ref);
  (*object)["refs"] = std::move(refs);
  json::array snapshots;
  for (const Snapshot& snapshot : metadata.snapshots) snapshots.push_back(SnapshotToJson(snapshot, metadata.format_version));
  (*object)["snapshots"] = std::move(snapshots);
  json::array log;
  for (const SnapshotLogEntry& entry : metadata.snapshot_log) {
    log.push_back(json::object{{"timestamp-ms", entry.timestamp_ms}, {"snapshot-id", entry.snapshot_id}});
  }
  (*object)["snapshot-log"] = std::move(log);
  json::array files;
  for (const MetadataLogEntry& entry : metadata.metadata_log) {
    files.push_back(json::object{{"timestamp-ms", entry.timestamp_ms}, {"metadata-file", entry.metadata_file}});
  }
  (*object)["metadata-log"] = std::move(files);
}

}  // namespace

std::string PartitionFieldsJson(const PartitionSpec& spec) { return json::serialize(SpecToJson(spec)["fields"]); }

Result<TableMetadata> ParseTableMetadata(std::string_view text) {
  std::string plain;
  if (text.starts_with("\x1f\x8b")) {
    FIRN_TRY(plain, formats::DecompressGzip(text, kMaxMetadataBytes));
    text = plain;
  }
  FIRN_TRY(json::value value, ParseJson(text, "the table metadata"));
  FIRN_TRY(JsonObject object, JsonObject::Of(value, "the table metadata"));
  TableMetadata metadata;
  FIRN_TRY(metadata.format_version, object.Int32("format-version"));
  if (metadata.format_version < 1 || metadata.format_version > kMaxReadFormatVersion) {
    return Error(ErrorCode::kNotSupported, fmt::format("Iceberg format version {}", metadata.format_version)).Hint("Versions 1 to 3 are read.");
  }
  FIRN_TRY(std::optional<std::string> uuid, object.OptionalText("table-uuid"));
  metadata.table_uuid = uuid.value_or("");
  FIRN_TRY(metadata.location, object.Text("location"));
  FIRN_TRY(metadata.last_sequence_number, object.Integer("last-sequence-number", 0));
  if (metadata.last_sequence_number < 0 || metadata.last_sequence_number > kSequenceNumberMax) return object.Wrong("last-sequence-number", "a number of snapshots");
  FIRN_TRY(metadata.last_updated_ms, object.Integer("last-updated-ms", 0));
  FIRN_TRY(metadata.next_row_id, object.OptionalInteger("next-row-id"));
  FIRN_TRY(metadata.properties, object.Texts("properties"));
  FIRN_RETURN_IF_ERROR(ParseSchemas(object, &metadata));
  FIRN_RETURN_IF_ERROR(ParseSpecs(object, &metadata));
  FIRN_RETURN_IF_ERROR(ParseSnapshots(object, &metadata));
  FIRN_RETURN_IF_ERROR(CheckReferences(object, metadata));
  metadata.others = object.Others();
  return metadata;
}

std::string TableMetadataJson(const TableMetadata& metadata) {
  json::object object;
  object["format-version"] = metadata.format_version;
  if (!metadata.table_uuid.empty()) object["table-uuid"] = metadata.table_uuid;
  object["location"] = metadata.location;
  if (metadata.format_version > 1) object["last-sequence-number"] = metadata.last_sequence_number;
  object["last-updated-ms"] = metadata.last_updated_ms;
  if (metadata.next_row_id) object["next-row-id"] = *metadata.next_row_id;
  WriteSchemasAndSpecs(metadata, &object);
  object["properties"] = TextsToJson(metadata.properties);
  WriteSnapshots(metadata, &object);
  AddOthers(metadata.others, &object);
  return json::serialize(object);
}

}  // namespace firn::iceberg
