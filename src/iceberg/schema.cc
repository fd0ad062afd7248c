// SPDX-License-Identifier: Apache-2.0
#include "iceberg/schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace firn::iceberg {

namespace {

constexpr const char* kTypeNames[] = {"boolean",   "int",         "long",         "float",          "double", "decimal",
                                      "date",      "time",        "timestamp",    "timestamptz",    "timestamp_ns",
                                      "timestamptz_ns", "string", "uuid",         "fixed",          "binary", "unknown",
                                      "variant",   "geometry",    "geography",    "struct",         "list",   "map"};

void Visit(const std::vector<NestedField>& fields, const std::string& prefix,
           const std::function<void(const NestedField&, const std::string&)>& visit) {
  for (const NestedField& field : fields) {
    const std::string name = prefix.empty() ? field.name : prefix + "." + field.name;
    visit(field, name);
    if (field.type.IsNested()) Visit(field.type.fields, name, visit);
  }
}

const NestedField* FindIn(const std::vector<NestedField>& fields, int32_t id) {
  for (const NestedField& field : fields) {
    if (field.id == id) return &field;
    if (field.type.IsNested()) {
      if (const NestedField* found = FindIn(field.type.fields, id)) return found;
    }
  }
  return nullptr;
}

// All fields of one struct get their ids before those of their children.
void AssignIds(std::vector<NestedField>* fields, int32_t* last, std::map<int32_t, int32_t>* new_of_old) {
  for (NestedField& field : *fields) {
    const int32_t id = ++*last;
    const bool is_new = new_of_old->emplace(field.id, id).second;
    FIRN_ASSERT(is_new, "the field id {} stands for more than one field", field.id);
    field.id = id;
  }
  for (NestedField& field : *fields) {
    if (field.type.IsNested()) AssignIds(&field.type.fields, last, new_of_old);
  }
}

}  // namespace

Type Type::Struct(std::vector<NestedField> fields) {
  Type type{TypeId::kStruct};
  type.fields = std::move(fields);
  return type;
}

Type Type::List(NestedField element) {
  Type type{TypeId::kList};
  element.name = "element";
  type.fields.push_back(std::move(element));
  return type;
}

Type Type::Map(NestedField key, NestedField value) {
  Type type{TypeId::kMap};
  key.name = "key";
  key.required = true;
  value.name = "value";
  type.fields.push_back(std::move(key));
  type.fields.push_back(std::move(value));
  return type;
}

bool Type::operator==(const Type& other) const {
  return id == other.id && precision == other.precision && scale == other.scale && length == other.length && text == other.text &&
         fields == other.fields;
}

std::string Type::ToString() const {
  switch (id) {
    case TypeId::kDecimal: return fmt::format("decimal({}, {})", precision, scale);
    case TypeId::kFixed: return fmt::format("fixed[{}]", length);
    case TypeId::kGeometry:
    case TypeId::kGeography: return text;
    case TypeId::kList: return fmt::format("list<{}>", fields[0].type.ToString());
    case TypeId::kMap: return fmt::format("map<{}, {}>", fields[0].type.ToString(), fields[1].type.ToString());
    case TypeId::kStruct: {
      std::string result = "struct<";
      for (const NestedField& field : fields) {
        if (result.size() > 7) result += ", ";
        result += fmt::format("{}: {}: {} {}", field.id, field.name, field.required ? "required" : "optional", field.type.ToString());
      }
      return result + ">";
    }
    default: return kTypeNames[static_cast<int>(id)];
  }
}

const NestedField* Schema::FindById(int32_t id) const { return FindIn(fields, id); }

const NestedField* Schema::FindColumn(std::string_view name) const {
  for (const NestedField& field : fields) {
    if (field.name == name) return &field;
  }
  return nullptr;
}

const NestedField* Schema::FindByName(std::string_view dotted) const {
  const NestedField* found = nullptr;
  VisitFields(fields, [&](const NestedField& field, const std::string& name) {
    if (found == nullptr && name == dotted) found = &field;
  });
  return found;
}

std::string Schema::NameOf(int32_t id) const {
  std::string found;
  VisitFields(fields, [&](const NestedField& field, const std::string& name) {
    if (field.id == id && found.empty()) found = name;
  });
  return found;
}

int32_t Schema::HighestFieldId() const {
  int32_t highest = 0;
  VisitFields(fields, [&](const NestedField& field, const std::string&) { highest = std::max(highest, field.id); });
  return highest;
}

bool Schema::SameFields(const Schema& other) const {
  return fields == other.fields && identifier_field_ids == other.identifier_field_ids;
}

void VisitFields(const std::vector<NestedField>& fields,
                 const std::function<void(const NestedField& field, const std::string& dotted_name)>& visit) {
  Visit(fields, "", visit);
}

Schema AssignFreshIds(const Schema& schema, int32_t* last_column_id) {
  Schema result = schema;
  std::map<int32_t, int32_t> new_of_old;
  AssignIds(&result.fields, last_column_id, &new_of_old);
  FIRN_ASSERT(result.fields.empty() || result.HighestFieldId() == *last_column_id, "{} is the highest id, {} was given last", result.HighestFieldId(), *last_column_id);
  for (int32_t& id : result.identifier_field_ids) {
    auto found = new_of_old.find(id);
    if (found != new_of_old.end()) id = found->second;
  }
  return result;
}

Status ValidateSchema(const Schema& schema) {
  std::set<int32_t> ids;
  std::set<std::string> names;
  Status status;
  VisitFields(schema.fields, [&](const NestedField& field, const std::string& name) {
    if (!status.ok()) return;
    if (field.id < 0 || field.id > kFieldIdMax) status = Error(ErrorCode::kInvalidMetadata, fmt::format("the field id {} of `{}` is none that a table can have", field.id, name));
    else if (field.name.empty()) status = Error(ErrorCode::kInvalidMetadata, fmt::format("field {} has no name", field.id));
    else if (!ids.insert(field.id).second) status = Error(ErrorCode::kInvalidMetadata, fmt::format("field id {} stands for more than one field, one is `{}`", field.id, name));
    else if (!names.insert(name).second) status = Error(ErrorCode::kInvalidMetadata, fmt::format("more than one field is named `{}`", name));
  });
  FIRN_RETURN_IF_ERROR(std::move(status));
  for (int32_t id : schema.identifier_field_ids) {
    const NestedField* field = schema.FindById(id);
    if (field == nullptr) return Error(ErrorCode::kInvalidMetadata, fmt::format("identifier field {} is not in the schema", id));
    if (!field->type.IsPrimitive() || field->type.id == TypeId::kFloat || field->type.id == TypeId::kDouble) {
      return Error(ErrorCode::kInvalidMetadata, fmt::format("`{}` of type {} cannot be an identifier field", field->name, field->type.ToString()))
          .Hint("Identifier fields (a primary key) are primitive and neither float nor double.");
    }
  }
  return Ok();
}

}  // namespace firn::iceberg
