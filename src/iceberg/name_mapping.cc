// SPDX-License-Identifier: Apache-2.0
#include "iceberg/name_mapping.h"

#include "iceberg/json_object_internal.h"

namespace firn::iceberg {

namespace json = boost::json;

namespace {

Status AddFields(const json::array& fields, const std::vector<std::string>& prefixes, int depth, NameMapping* mapping) {
  if (depth > kMaxNestingDepth) return Error(ErrorCode::kInvalidMetadata, "a name mapping is nested too deep");
  for (const json::value& item : fields) {
    FIRN_TRY(JsonObject field, JsonObject::Of(item, "a name mapping"));
    FIRN_TRY(std::optional<int32_t> id, field.OptionalInt32("field-id"));
    FIRN_TRY(const json::array* names, field.Array("names"));
    std::vector<std::string> dotted;
    for (const json::value& name : *names) {
      if (!name.is_string()) return field.Wrong("names", "an array of texts");
      for (const std::string& prefix : prefixes) dotted.push_back(prefix + std::string(name.get_string()));
    }
    for (std::string& name : dotted) {
      if (id) mapping->emplace(name, *id);
      name += '.';
    }
    FIRN_TRY(const json::array* children, field.Array("fields"));
    FIRN_RETURN_IF_ERROR(AddFields(*children, dotted, depth + 1, mapping));
  }
  return Ok();
}

}  // namespace

Result<NameMapping> ParseNameMapping(std::string_view text) {
  FIRN_TRY(json::value value, ParseJson(text, "schema.name-mapping.default"));
  const json::array* fields = value.if_array();
  if (fields == nullptr) return Error(ErrorCode::kInvalidMetadata, "schema.name-mapping.default is no array");
  NameMapping mapping;
  FIRN_RETURN_IF_ERROR(AddFields(*fields, {""}, 0, &mapping));
  return mapping;
}

NameMapping NameMappingOf(const Schema& schema) {
  NameMapping mapping;
  VisitFields(schema.fields, [&](const NestedField& field, const std::string& name) { mapping.emplace(name, field.id); });
  return mapping;
}

}  // namespace firn::iceberg
