// SPDX-License-Identifier: Apache-2.0
#include "iceberg/schema_json.h"

#include <charconv>

#include "iceberg/json_object_internal.h"

namespace firn::iceberg {

namespace json = boost::json;

namespace {

Error BadType(std::string_view text) {
  return Error(ErrorCode::kInvalidMetadata, fmt::format("`{}` is no Iceberg type", text));
}

// The numbers in "decimal(9, 2)" or "fixed[16]"; false if the text is not of that form.
bool ReadNumbers(std::string_view text, std::string_view prefix, char close, std::vector<int64_t>* numbers) {
  if (!text.starts_with(prefix) || !text.ends_with(close)) return false;
  text.remove_prefix(prefix.size());
  text.remove_suffix(1);
  while (!text.empty()) {
    while (text.starts_with(' ')) text.remove_prefix(1);
    int64_t number = 0;
    auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (code != std::errc()) return false;
    numbers->push_back(number);
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    while (text.starts_with(' ')) text.remove_prefix(1);
    if (text.empty()) return true;
    if (!text.starts_with(',')) return false;
    text.remove_prefix(1);
  }
  return false;
}

Result<Type> ParseType(const json::value& value, int depth);

Result<NestedField> ParseChild(const JsonObject& object, std::string_view name, std::string_view id_name, std::string_view required_name,
                               int depth) {
  NestedField field;
  field.name = std::string(name);
  FIRN_TRY(field.id, object.Int32(id_name));
  if (required_name.empty()) {
    field.required = true;
  } else {
    FIRN_TRY(field.required, object.Boolean(required_name, false));
  }
  const json::value* type = object.Find(name);
  if (type == nullptr) return object.Missing(name);
  FIRN_TRY(field.type, ParseType(*type, depth));
  return field;
}

Result<NestedField> ParseField(const json::value& value, int depth) {
  FIRN_TRY(JsonObject object, JsonObject::Of(value, "a field"));
  NestedField field;
  FIRN_TRY(field.id, object.Int32("id"));
  FIRN_TRY(field.name, object.Text("name"));
  FIRN_TRY(field.required, object.Boolean("required", false));
  FIRN_TRY(std::optional<std::string> doc, object.OptionalText("doc"));
  field.doc = doc.value_or("");
  if (const json::value* initial = object.Find("initial-default")) field.initial_default = json::serialize(*initial);
  if (const json::value* write = object.Find("write-default")) field.write_default = json::serialize(*write);
  const json::value* type = object.Find("type");
  if (type == nullptr) return object.Missing("type");
  FIRN_TRY(field.type, ParseType(*type, depth));
  return field;
}

Result<std::vector<NestedField>> ParseFields(const JsonObject& object, int depth) {
  std::vector<NestedField> fields;
  FIRN_TRY(const json::array* items, object.Array("fields"));
  for (const json::value& item : *items) {
    FIRN_TRY(NestedField field, ParseField(item, depth));
    fields.push_back(std::move(field));
  }
  return fields;
}

Result<Type> ParseType(const json::value& value, int depth) {
  if (depth > kMaxNestingDepth) return Error(ErrorCode::kInvalidMetadata, fmt::format("a type is nested deeper than {}", kMaxNestingDepth));
  if (value.is_string()) return ParsePrimitiveType(std::string_view(value.get_string().data(), value.get_string().size()));
  FIRN_TRY(JsonObject object, JsonObject::Of(value, "a type"));
  FIRN_TRY(std::string kind, object.Text("type"));
  Type type;
  if (kind == "struct") {
    type.id = TypeId::kStruct;
    FIRN_TRY(type.fields, ParseFields(object, depth + 1));
    return type;
  }
  if (kind == "list") {
    FIRN_TRY(NestedField element, ParseChild(object, "element", "element-id", "element-required", depth + 1));
    return Type::List(std::move(element));
  }
  if (kind == "map") {
    FIRN_TRY(NestedField key, ParseChild(object, "key", "key-id", "", depth + 1));
    FIRN_TRY(NestedField item, ParseChild(object, "value", "value-id", "value-required", depth + 1));
    return Type::Map(std::move(key), std::move(item));
  }
  return BadType(kind);
}

json::value TypeToJson(const Type& type);

json::array FieldsToJson(const std::vector<NestedField>& fields) {
  json::array items;
  for (const NestedField& field : fields) {
    json::object item;
    item["id"] = field.id;
    item["name"] = field.name;
    item["required"] = field.required;
    item["type"] = TypeToJson(field.type);
    if (!field.doc.empty()) item["doc"] = field.doc;
    if (!field.initial_default.empty()) AddOthers({{"initial-default", field.initial_default}}, &item);
    if (!field.write_default.empty()) AddOthers({{"write-default", field.write_default}}, &item);
    items.push_back(std::move(item));
  }
  return items;
}

json::value TypeToJson(const Type& type) {
  json::object object;
  switch (type.id) {
    case TypeId::kStruct:
      object["type"] = "struct";
      object["fields"] = FieldsToJson(type.fields);
      return object;
    case TypeId::kList:
      object["type"] = "list";
      object["element-id"] = type.fields[0].id;
      object["element"] = TypeToJson(type.fields[0].type);
      object["element-required"] = type.fields[0].required;
      return object;
    case TypeId::kMap:
      object["type"] = "map";
      object["key-id"] = type.fields[0].id;
      object["key"] = TypeToJson(type.fields[0].type);
      object["value-id"] = type.fields[1].id;
      object["value"] = TypeToJson(type.fields[1].type);
      object["value-required"] = type.fields[1].required;
      return object;
    default: return json::string(type.ToString());
  }
}

}  // namespace

Result<Type> ParsePrimitiveType(std::string_view text) {
  static constexpr TypeId kPlain[] = {TypeId::kBoolean, TypeId::kInt, TypeId::kLong, TypeId::kFloat, TypeId::kDouble, TypeId::kDate,
                                      TypeId::kTime, TypeId::kTimestamp, TypeId::kTimestampTz, TypeId::kTimestampNs,
                                      TypeId::kTimestampTzNs, TypeId::kString, TypeId::kUuid, TypeId::kBinary, TypeId::kUnknown,
                                      TypeId::kVariant};
  for (TypeId id : kPlain) {
    if (text == Type::Of(id).ToString()) return Type::Of(id);
  }
  std::vector<int64_t> numbers;
  if (ReadNumbers(text, "decimal(", ')', &numbers) && numbers.size() == 2 && numbers[0] >= 1 && numbers[0] <= 38 && numbers[1] >= 0 &&
      numbers[1] <= numbers[0]) {
    return Type::Decimal(static_cast<int>(numbers[0]), static_cast<int>(numbers[1]));
  }
  numbers.clear();
  if (ReadNumbers(text, "fixed[", ']', &numbers) && numbers.size() == 1 && numbers[0] >= 0 && numbers[0] <= INT32_MAX) {
    return Type::Fixed(numbers[0]);
  }
  if (text.starts_with("geometry") || text.starts_with("geography")) {
    Type type = Type::Of(text.starts_with("geometry") ? TypeId::kGeometry : TypeId::kGeography);
    type.text = std::string(text);
    return type;
  }
  return BadType(text);
}

Result<Schema> ParseSchemaJson(const json::value& value) {
  FIRN_TRY(JsonObject object, JsonObject::Of(value, "a schema"));
  Schema schema;
  FIRN_TRY(schema.schema_id, object.Int32("schema-id", 0));
  FIRN_TRY(schema.fields, ParseFields(object, 1));
  FIRN_TRY(schema.identifier_field_ids, object.Int32s("identifier-field-ids"));
  FIRN_RETURN_IF_ERROR(ValidateSchema(schema));
  return schema;
}

Result<Schema> ParseSchemaText(std::string_view text) {
  FIRN_TRY(json::value value, ParseJson(text, "a schema"));
  return ParseSchemaJson(value);
}

json::object SchemaToJson(const Schema& schema) {
  json::object object;
  object["type"] = "struct";
  object["schema-id"] = schema.schema_id;
  if (!schema.identifier_field_ids.empty()) {
    object["identifier-field-ids"] = json::array(schema.identifier_field_ids.begin(), schema.identifier_field_ids.end());
  }
  object["fields"] = FieldsToJson(schema.fields);
  return object;
}

std::string SchemaText(const Schema& schema) { return json::serialize(SchemaToJson(schema)); }

}  // namespace firn::iceberg
