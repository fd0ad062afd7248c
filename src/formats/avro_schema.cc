// SPDX-License-Identifier: Apache-2.0
#include "formats/avro_schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <map>
#include <utility>

#include "base/assert.h"

namespace firn::formats {

namespace json = boost::json;

namespace {

constexpr const char* kKindTexts[] = {"null",   "boolean", "int",  "long",  "float", "double", "bytes",
                                      "string", "record",  "enum", "array", "map",   "union",  "fixed"};

Error BadSchema(const std::string& reason) {
  return Error(ErrorCode::kDecodeError, fmt::format("Avro schema: {}", reason));
}

std::string TextMember(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

int64_t NumberMember(const json::object& object, std::string_view name, int64_t otherwise) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr) return otherwise;
  if (value->is_int64()) return value->get_int64();
  return otherwise;
}

// One pass over the JSON; `named_` holds the complete named types met so far. A name stands for all that its type holds: what readers walk over is the schema
// with every name put out, and that is what depth and size are limited in.
class SchemaParser {
 public:
  Result<AvroSchemaPtr> Parse(const json::value& value, int depth) {
    FIRN_RETURN_IF_ERROR(Grow(depth, {.height = 0, .size = 1}));
    if (value.is_string()) return Named(std::string(value.get_string()), depth);
    if (value.is_array()) return Union(value.get_array(), depth);
    if (value.is_object()) return Object(value.get_object(), depth);
    return BadSchema("a schema is a name, an array or an object");
  }

 private:
  struct Extent {
    int height = 0;     // levels below it
    int64_t size = 0;   // types in it, itself too
  };
  struct NamedType {
    AvroSchemaPtr schema;
    Extent extent;
  };

  Status Grow(int depth, Extent extent) {
    deepest_ = std::max(deepest_, depth + extent.height);
    size_ += extent.size;
    if (deepest_ > kMaxAvroDepth) return BadSchema(fmt::format("nested deeper than {}", kMaxAvroDepth));
    if (size_ > kMaxAvroTypes) return BadSchema(fmt::format("more than {} types, each name counted as what it stands for", kMaxAvroTypes));
    return Ok();
  }

  Result<AvroSchemaPtr> Named(const std::string& name, int depth) {
    for (int kind = 0; kind <= static_cast<int>(AvroKind::kString); ++kind) {
      if (name == kKindTexts[kind]) return MakeAvroPrimitive(static_cast<AvroKind>(kind));
    }
    auto known = named_.find(name);
    if (known != named_.end()) {
      FIRN_RETURN_IF_ERROR(Grow(depth, known->second.extent));
      return known->second.schema;
    }
    return BadSchema(fmt::format("unknown type `{}`", name));
  }

  Result<AvroSchemaPtr> Union(const json::array& branches, int depth) {
    auto schema = std::make_shared<AvroSchema>();
    schema->kind = AvroKind::kUnion;
    for (const json::value& branch : branches) {
      FIRN_TRY(AvroSchemaPtr parsed, Parse(branch, depth + 1));
      if (parsed->kind == AvroKind::kUnion) return BadSchema("a union directly inside a union");
      schema->branches.push_back(std::move(parsed));
    }
    if (schema->branches.empty()) return BadSchema("an empty union");
    return AvroSchemaPtr(std::move(schema));
  }

  Result<AvroSchemaPtr> Object(const json::object& object, int depth) {
    const json::value* type = object.if_contains("type");
    if (type == nullptr) return BadSchema("an object without `type`");
    if (!type->is_string()) return Parse(*type, depth + 1);
    const std::string type_name(type->get_string());
    auto schema = std::make_shared<AvroSchema>();
    schema->logical_type = TextMember(object, "logicalType");
    schema->precision = static_cast<int>(NumberMember(object, "precision", 0));
    schema->scale = static_cast<int>(NumberMember(object, "scale", 0));
    if (const json::value* adjust = object.if_contains("adjust-to-utc"); adjust != nullptr && adjust->is_bool()) {
      schema->has_adjust_to_utc = true;
      schema->adjust_to_utc = adjust->get_bool();
    }
    if (type_name == "record" || type_name == "error") return Record(object, std::move(schema), depth);
    if (type_name == "enum") return Enum(object, std::move(schema));
    if (type_name == "fixed") return Fixed(object, std::move(schema));
    if (type_name == "array") return Array(object, std::move(schema), depth);
    if (type_name == "map") return Map(object, std::move(schema), depth);
    FIRN_TRY(AvroSchemaPtr base, Named(type_name, depth));
    if (schema->logical_type.empty()) return base;
    schema->kind = base->kind;
    if (base->kind > AvroKind::kString) return base;
    return AvroSchemaPtr(std::move(schema));
  }

  Result<AvroSchemaPtr> Record(const json::object& object, std::shared_ptr<AvroSchema> schema, int depth) {
    schema->kind = AvroKind::kRecord;
    schema->name = TextMember(object, "name");
    const json::value* fields = object.if_contains("fields");
    if (fields == nullptr || !fields->is_array()) return BadSchema(fmt::format("record `{}` has no fields", schema->name));
    const int64_t size_before = size_;
    const int deepest_before = std::exchange(deepest_, depth);
    for (const json::value& item : fields->get_array()) {
      const json::object* field = item.if_object();
      const json::value* type = field == nullptr ? nullptr : field->if_contains("type");
      if (type == nullptr) return BadSchema(fmt::format("a field of record `{}` has no type", schema->name));
      AvroField parsed;
      parsed.name = TextMember(*field, "name");
      parsed.doc = TextMember(*field, "doc");
      parsed.field_id = static_cast<int32_t>(NumberMember(*field, "field-id", kNoFieldId));
      const json::value* otherwise = field->if_contains("default");
      parsed.has_null_default = otherwise != nullptr && otherwise->is_null();
      FIRN_TRY(parsed.schema, Parse(*type, depth + 1));
      schema->fields.push_back(std::move(parsed));
    }
    const Extent extent{deepest_ - depth, size_ - size_before + 1};
    FIRN_ASSERT(extent.height >= 0 && extent.size > static_cast<int64_t>(schema->fields.size()), "record `{}` of {} types in {} levels", schema->name, extent.size, extent.height);
    deepest_ = std::max(deepest_, deepest_before);
    return Remember(object, std::move(schema), extent);
  }

  Result<AvroSchemaPtr> Enum(const json::object& object, std::shared_ptr<AvroSchema> schema) {
    schema->kind = AvroKind::kEnum;
    schema->name = TextMember(object, "name");
    const json::value* symbols = object.if_contains("symbols");
    if (symbols == nullptr || !symbols->is_array()) return BadSchema(fmt::format("enum `{}` has no symbols", schema->name));
    for (const json::value& symbol : symbols->get_array()) {
      if (!symbol.is_string()) return BadSchema(fmt::format("enum `{}` has a symbol that is no text", schema->name));
      schema->symbols.emplace_back(symbol.get_string());
    }
    return Remember(object, std::move(schema), {.height = 0, .size = 1});
  }

  Result<AvroSchemaPtr> Fixed(const json::object& object, std::shared_ptr<AvroSchema> schema) {
    schema->kind = AvroKind::kFixed;
    schema->name = TextMember(object, "name");
    schema->fixed_size = NumberMember(object, "size", -1);
    if (schema->fixed_size < 0) return BadSchema(fmt::format("fixed `{}` has no size", schema->name));
    return Remember(object, std::move(schema), {.height = 0, .size = 1});
  }

  Result<AvroSchemaPtr> Array(const json::object& object, std::shared_ptr<AvroSchema> schema, int depth) {
    schema->kind = AvroKind::kArray;
    schema->element_id = static_cast<int32_t>(NumberMember(object, "element-id", kNoFieldId));
    const json::value* items = object.if_contains("items");
    if (items == nullptr) return BadSchema("an array without items");
    FIRN_TRY(schema->element, Parse(*items, depth + 1));
    return AvroSchemaPtr(std::move(schema));
  }

  Result<AvroSchemaPtr> Map(const json::object& object, std::shared_ptr<AvroSchema> schema, int depth) {
    schema->kind = AvroKind::kMap;
    schema->key_id = static_cast<int32_t>(NumberMember(object, "key-id", kNoFieldId));
    schema->value_id = static_cast<int32_t>(NumberMember(object, "value-id", kNoFieldId));
    const json::value* values = object.if_contains("values");
    if (values == nullptr) return BadSchema("a map without values");
    FIRN_TRY(schema->element, Parse(*values, depth + 1));
    return AvroSchemaPtr(std::move(schema));
  }

  Result<AvroSchemaPtr> Remember(const json::object& object, std::shared_ptr<AvroSchema> schema, Extent extent) {
    const NamedType done{std::move(schema), extent};
    named_[done.schema->name] = done;
    const std::string space = TextMember(object, "namespace");
    if (!space.empty()) named_[space + "." + done.schema->name] = done;
    return done.schema;
  }

  std::map<std::string, NamedType> named_;
  int deepest_ = 0;     // level reached, of the record at hand or of the whole
  int64_t size_ = 0;    // types so far
};

void AddLogicalType(const AvroSchema& schema, json::object* object) {
  if (!schema.logical_type.empty()) (*object)["logicalType"] = schema.logical_type;
  if (schema.logical_type == "decimal") {
    (*object)["precision"] = schema.precision;
    (*object)["scale"] = schema.scale;
  }
  if (schema.has_adjust_to_utc) (*object)["adjust-to-utc"] = schema.adjust_to_utc;
}

json::value ToJson(const AvroSchema& schema);

json::array FieldsJson(const AvroSchema& schema) {
  json::array fields;
  for (const AvroField& field : schema.fields) {
    json::object item;
    item["name"] = field.name;
    item["type"] = ToJson(*field.schema);
    if (!field.doc.empty()) item["doc"] = field.doc;
    if (field.has_null_default) item["default"] = nullptr;
    if (field.field_id != kNoFieldId) item["field-id"] = field.field_id;
    fields.push_back(std::move(item));
  }
  return fields;
}

json::value ToJson(const AvroSchema& schema) {
  if (schema.kind == AvroKind::kUnion) {
    json::array branches;
    for (const AvroSchemaPtr& branch : schema.branches) branches.push_back(ToJson(*branch));
    return branches;
  }
  if (schema.kind <= AvroKind::kString && schema.logical_type.empty()) return json::string(AvroKindText(schema.kind));
  json::object object;
  object["type"] = AvroKindText(schema.kind);
  if (!schema.name.empty()) object["name"] = schema.name;
  if (schema.kind == AvroKind::kRecord) object["fields"] = FieldsJson(schema);
  if (schema.kind == AvroKind::kFixed) object["size"] = schema.fixed_size;
  if (schema.kind == AvroKind::kEnum) {
    json::array symbols;
    for (const std::string& symbol : schema.symbols) symbols.emplace_back(symbol);
    object["symbols"] = std::move(symbols);
  }
  if (schema.kind == AvroKind::kArray) {
    object["items"] = ToJson(*schema.element);
    if (schema.element_id != kNoFieldId) object["element-id"] = schema.element_id;
  }
  if (schema.kind == AvroKind::kMap) {
    object["values"] = ToJson(*schema.element);
    if (schema.key_id != kNoFieldId) object["key-id"] = schema.key_id;
    if (schema.value_id != kNoFieldId) object["value-id"] = schema.value_id;
  }
  AddLogicalType(schema, &object);
  return object;
}

}  // namespace

const char* AvroKindText(AvroKind kind) { return kKindTexts[static_cast<int>(kind)]; }

bool AvroSchema::IsOptional() const {
  if (kind != AvroKind::kUnion) return false;
  for (const AvroSchemaPtr& branch : branches) {
    if (branch->kind == AvroKind::kNull) return true;
  }
  return false;
}

AvroSchemaPtr MakeAvroPrimitive(AvroKind kind, std::string logical_type) {
  FIRN_ASSERT(kind <= AvroKind::kString, "{} is no primitive", AvroKindText(kind));
  auto schema = std::make_shared<AvroSchema>();
  schema->kind = kind;
  schema->logical_type = std::move(logical_type);
  return schema;
}

AvroSchemaPtr MakeAvroFixed(std::string name, int64_t size, std::string logical_type) {
  auto schema = std::make_shared<AvroSchema>();
  schema->kind = AvroKind::kFixed;
  schema->name = std::move(name);
  schema->fixed_size = size;
  schema->logical_type = std::move(logical_type);
  return schema;
}

AvroSchemaPtr MakeAvroArray(AvroSchemaPtr items, int32_t element_id, std::string logical_type) {
  auto schema = std::make_shared<AvroSchema>();
  schema->kind = AvroKind::kArray;
  schema->element = std::move(items);
  schema->element_id = element_id;
  schema->logical_type = std::move(logical_type);
  return schema;
}

AvroSchemaPtr MakeAvroRecord(std::string name, std::vector<AvroField> fields) {
  auto schema = std::make_shared<AvroSchema>();
  schema->kind = AvroKind::kRecord;
  schema->name = std::move(name);
  schema->fields = std::move(fields);
  return schema;
}

AvroSchemaPtr MakeAvroOptional(AvroSchemaPtr schema) {
  auto result = std::make_shared<AvroSchema>();
  result->kind = AvroKind::kUnion;
  result->branches = {MakeAvroPrimitive(AvroKind::kNull), std::move(schema)};
  return result;
}

Result<AvroSchemaPtr> ParseAvroSchema(std::string_view text) {
  boost::system::error_code code;
  json::parse_options options;
  options.max_depth = 4 * kMaxAvroDepth;
  json::value value = json::parse({text.data(), text.size()}, code, {}, options);
  if (code) return BadSchema(fmt::format("not JSON: {}", code.message()));
  return SchemaParser().Parse(value, 0);
}

std::string AvroSchemaJson(const AvroSchema& schema) { return json::serialize(ToJson(schema)); }

}  // namespace firn::formats
