// SPDX-License-Identifier: Apache-2.0
#include "iceberg/partition_spec.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <set>

namespace firn::iceberg {

namespace {

std::string PercentEncode(std::string_view text) {
  std::string encoded;
  for (char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    const bool is_plain = std::isalnum(byte) != 0 || c == '-' || c == '_' || c == '.' || c == ':' || c == '+';
    if (is_plain) encoded.push_back(c);
    else encoded += fmt::format("%{:02X}", byte);
  }
  return encoded;
}

std::string DefaultName(const PartitionFieldDefinition& definition) {
  const std::string& source = definition.source;
  switch (definition.transform.kind) {
    case TransformKind::kBucket: return fmt::format("{}_bucket_{}", source, definition.transform.parameter);
    case TransformKind::kTruncate: return fmt::format("{}_trunc_{}", source, definition.transform.parameter);
    case TransformKind::kIdentity: return source;
    case TransformKind::kVoid: return source + "_null";
    default: return source + "_" + definition.transform.ToString();
  }
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front()))) text.remove_prefix(1);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.remove_suffix(1);
  return text;
}

// A column's name with backquotes taken off ("``" is one).
std::string Unquote(std::string_view text) {
  text = Trim(text);
  std::string name;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '`') name.push_back(text[i]);
    else if (i + 1 < text.size() && text[i + 1] == '`' && i != 0) name.push_back(text[i++]);
  }
  return name;
}

bool ReadNumber(std::string_view text, int32_t* number) {
  text = Trim(text);
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), *number);
  return code == std::errc() && end == text.data() + text.size() && *number > 0;
}

Error BadItem(std::string_view sql) {
  return Error(ErrorCode::kInvalidDefinition, fmt::format("`{}` is no partition transform", sql))
      .Hint("Use a column, years(c), months(c), days(c), hours(c), bucket(n, c) or truncate(n, c).");
}

}  // namespace

bool PartitionSpec::IsUnpartitioned() const {
  return std::all_of(fields.begin(), fields.end(), [](const PartitionField& field) { return field.transform.kind == TransformKind::kVoid; });
}

Result<Type> PartitionType(const PartitionSpec& spec, const Schema& schema) {
  std::vector<NestedField> fields;
  for (const PartitionField& field : spec.fields) {
    const NestedField* source = schema.FindById(field.source_id());
    NestedField result;
    result.id = field.field_id;
    result.name = field.name;
    if (source != nullptr) {
      Result<Type> type = TransformResultType(field.transform, source->type);
      if (!type.ok()) return Error(ErrorCode::kInvalidMetadata, type.error().message()).Context(fmt::format("typing the partition field `{}`", field.name));
      result.type = *std::move(type);
    }
    fields.push_back(std::move(result));
  }
  return Type::Struct(std::move(fields));
}

std::string PartitionPath(const PartitionSpec& spec, const Schema& schema, const PartitionValues& values) {
  FIRN_ASSERT(values.size() == spec.fields.size(), "{} values for {} partition fields", values.size(), spec.fields.size());
  std::string path;
  for (size_t i = 0; i < spec.fields.size(); ++i) {
    const PartitionField& field = spec.fields[i];
    const NestedField* source = schema.FindById(field.source_id());
    if (!path.empty()) path += '/';
    path += PercentEncode(field.name) + "=" + PercentEncode(TransformValueText(field.transform, source == nullptr ? Type() : source->type, values[i]));
  }
  return path;
}

Result<PartitionSpec> MakePartitionSpec(const Schema& schema, const std::vector<PartitionFieldDefinition>& definitions,
                                        int32_t* last_partition_id) {
  FIRN_ASSERT(*last_partition_id >= kFirstPartitionFieldId - 1, "partition field ids go on from {}", *last_partition_id);
  PartitionSpec spec;
  std::set<std::string> names;
  for (const PartitionFieldDefinition& definition : definitions) {
    const NestedField* source = schema.FindByName(definition.source);
    if (source == nullptr) {
      std::vector<std::string> known;
      for (const NestedField& field : schema.fields) known.push_back(field.name);
      return Error(ErrorCode::kColumnNotFound, fmt::format("column not found: `{}` in PARTITIONED BY", definition.source))
          .Candidates(base::NearNames(definition.source, known));
    }
    FIRN_TRY(Type type, TransformResultType(definition.transform, source->type));
    (void)type;
    PartitionField field;
    field.source_ids = {source->id};
    field.field_id = ++*last_partition_id;
    field.name = definition.name.empty() ? DefaultName(definition) : definition.name;
    field.transform = definition.transform;
    const bool hides_column = schema.FindColumn(field.name) != nullptr && field.transform.kind != TransformKind::kIdentity;
    if (!names.insert(field.name).second || hides_column) {
      return Error(ErrorCode::kInvalidDefinition, fmt::format("the partition field `{}` has the name of another field or column", field.name));
    }
    spec.fields.push_back(std::move(field));
  }
  return spec;
}

Result<PartitionFieldDefinition> ParsePartitionItem(std::string_view sql) {
  const std::string_view text = Trim(sql);
  const size_t open = text.find('(');
  if (open == std::string_view::npos || text.starts_with('`')) {
    if (Unquote(text).empty()) return BadItem(sql);
    return PartitionFieldDefinition{Unquote(text), Transform::Of(TransformKind::kIdentity), {}};
  }
  if (!text.ends_with(')')) return BadItem(sql);
  std::string name(Trim(text.substr(0, open)));
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const std::string_view arguments = text.substr(open + 1, text.size() - open - 2);
  static constexpr std::pair<std::string_view, TransformKind> kOneArgument[] = {
      {"identity", TransformKind::kIdentity}, {"years", TransformKind::kYear}, {"year", TransformKind::kYear},
      {"months", TransformKind::kMonth},      {"month", TransformKind::kMonth}, {"days", TransformKind::kDay},
      {"day", TransformKind::kDay},           {"date", TransformKind::kDay},    {"hours", TransformKind::kHour},
      {"hour", TransformKind::kHour},         {"void", TransformKind::kVoid}};
  for (const auto& [known, kind] : kOneArgument) {
    if (name == known && !Unquote(arguments).empty()) return PartitionFieldDefinition{Unquote(arguments), Transform::Of(kind), {}};
  }
  const size_t comma = arguments.find(',');
  if (comma == std::string_view::npos || (name != "bucket" && name != "truncate")) return BadItem(sql);
  int32_t number = 0;
  std::string_view column = arguments.substr(comma + 1);
  if (!ReadNumber(arguments.substr(0, comma), &number)) {
    if (!ReadNumber(column, &number)) return BadItem(sql);
    column = arguments.substr(0, comma);
  }
  return PartitionFieldDefinition{Unquote(column), name == "bucket" ? Transform::Bucket(number) : Transform::Truncate(number), {}};
}

std::string PartitionItemText(const Schema& schema, const PartitionField& field) {
  const std::string source = schema.NameOf(field.source_id());
  switch (field.transform.kind) {
    case TransformKind::kIdentity: return source;
    case TransformKind::kBucket: return fmt::format("bucket({}, {})", field.transform.parameter, source);
    case TransformKind::kTruncate: return fmt::format("truncate({}, {})", field.transform.parameter, source);
    case TransformKind::kYear:
    case TransformKind::kMonth:
    case TransformKind::kDay:
    case TransformKind::kHour: return fmt::format("{}s({})", field.transform.ToString(), source);
    default: return fmt::format("{}({})", field.transform.ToString(), source);
  }
}

}  // namespace firn::iceberg
