// SPDX-License-Identifier: Apache-2.0
#include "catalog/definition_json.h"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "base/assert.h"

namespace firn::catalog {

namespace {

namespace json = boost::json;
using types::DataType;
using types::TypeKind;

constexpr int kTimePrecisionMax = 9;

constexpr std::array<std::pair<TypeKind, const char*>, 22> kTypeNames = {{
    {TypeKind::kNull, "null"},
    {TypeKind::kBoolean, "boolean"},
    {TypeKind::kTinyInt, "tinyint"},
    {TypeKind::kSmallInt, "smallint"},
    {TypeKind::kInt, "int"},
    {TypeKind::kBigInt, "bigint"},
    {TypeKind::kFloat, "float"},
    {TypeKind::kDouble, "double"},
    {TypeKind::kDecimal, "decimal"},
    {TypeKind::kChar, "char"},
    {TypeKind::kVarchar, "varchar"},
    {TypeKind::kBinary, "binary"},
    {TypeKind::kVarbinary, "varbinary"},
    {TypeKind::kDate, "date"},
    {TypeKind::kTime, "time"},
    {TypeKind::kTimestamp, "timestamp"},
    {TypeKind::kTimestampLtz, "timestamp_ltz"},
    {TypeKind::kIntervalYearMonth, "interval_year_month"},
    {TypeKind::kIntervalDayTime, "interval_day_time"},
    {TypeKind::kArray, "array"},
    {TypeKind::kMap, "map"},
    {TypeKind::kRow, "row"},
}};

json::object EncodeType(const DataType& type) {
  json::object out;
  for (const auto& [kind, name] : kTypeNames) {
    if (kind == type.kind()) out["kind"] = name;
  }
  FIRN_ASSERT(out.contains("kind"), "type kind {} has no name to be stored by", static_cast<int>(type.kind()));
  if (!type.nullable()) out["nullable"] = false;
  if (type.IsCharacter() || type.IsBytes()) out["length"] = type.length();
  if (type.kind() == TypeKind::kDecimal || type.kind() == TypeKind::kTime || type.IsTimestamp()) out["precision"] = type.precision();
  if (type.kind() == TypeKind::kDecimal) out["scale"] = type.scale();
  if (type.time_attribute() == types::TimeAttribute::kRowtime) out["time"] = "rowtime";
  if (type.time_attribute() == types::TimeAttribute::kProctime) out["time"] = "proctime";
  if (type.IsNested()) {
    json::array fields;
    for (const types::Field& field : type.fields()) {
      fields.push_back(json::object{{"name", field.name}, {"type", EncodeType(field.type)}});
    }
    out["fields"] = std::move(fields);
  }
  return out;
}

// Reading fails by exception inside boost::json::value_to; all of it is caught once, in DecodeDefinition.
DataType MakeType(TypeKind kind, const json::object& in) {
  auto number = [&](const char* key) { return in.contains(key) ? static_cast<int>(in.at(key).as_int64()) : 0; };
  // What makes types takes these for granted, and what is read may be anything.
  const int precision_max = kind == TypeKind::kDecimal ? types::kMaxDecimalPrecision : kTimePrecisionMax;
  const bool is_possible = number("precision") >= (kind == TypeKind::kDecimal ? 1 : 0) && number("precision") <= precision_max && number("scale") >= 0 &&
                           number("scale") <= number("precision") && number("length") >= 0;
  if (!is_possible) throw std::invalid_argument(fmt::format("precision {}, scale {}, length {}", number("precision"), number("scale"), number("length")));
  switch (kind) {
    case TypeKind::kNull: return DataType::Null();
    case TypeKind::kBoolean: return DataType::Boolean();
    case TypeKind::kTinyInt: return DataType::TinyInt();
    case TypeKind::kSmallInt: return DataType::SmallInt();
    case TypeKind::kInt: return DataType::Int();
    case TypeKind::kBigInt: return DataType::BigInt();
    case TypeKind::kFloat: return DataType::Float();
    case TypeKind::kDouble: return DataType::Double();
    case TypeKind::kDecimal: return DataType::Decimal(number("precision"), number("scale"));
    case TypeKind::kChar: return DataType::Char(number("length"));
    case TypeKind::kVarchar: return DataType::Varchar(number("length"));
    case TypeKind::kBinary: return DataType::Binary(number("length"));
    case TypeKind::kVarbinary: return DataType::Varbinary(number("length"));
    case TypeKind::kDate: return DataType::Date();
    case TypeKind::kTime: return DataType::Time(number("precision"));
    case TypeKind::kTimestamp: return DataType::Timestamp(number("precision"));
    case TypeKind::kTimestampLtz: return DataType::TimestampLtz(number("precision"));
    case TypeKind::kIntervalYearMonth: return DataType::IntervalYearMonth();
    case TypeKind::kIntervalDayTime: return DataType::IntervalDayTime();
    case TypeKind::kArray:
    case TypeKind::kMap:
    case TypeKind::kRow: break;
  }
  FIRN_UNREACHABLE("nested type kind {}", static_cast<int>(kind));
}

DataType DecodeType(const json::object& in) {
  const std::string_view name = in.at("kind").as_string();
  DataType type;
  bool is_known = false;
  for (const auto& [kind, text] : kTypeNames) {
    if (name != text) continue;
    is_known = true;
    if (kind < TypeKind::kArray) {
      type = MakeType(kind, in);
      break;
    }
    std::vector<types::Field> fields;
    for (const json::value& field : in.at("fields").as_array()) {
      fields.push_back({std::string(field.at("name").as_string()), DecodeType(field.at("type").as_object())});
    }
    if (kind == TypeKind::kArray) type = DataType::Array(fields.at(0).type);
    if (kind == TypeKind::kMap) type = DataType::Map(fields.at(0).type, fields.at(1).type);
    if (kind == TypeKind::kRow) type = DataType::Row(std::move(fields));
  }
  if (!is_known) throw std::invalid_argument(fmt::format("type kind \"{}\"", name));
  if (in.contains("nullable")) type = type.WithNullable(in.at("nullable").as_bool());
  if (in.contains("time")) {
    type = type.WithTimeAttribute(in.at("time").as_string() == "rowtime" ? types::TimeAttribute::kRowtime
                                                                          : types::TimeAttribute::kProctime);
  }
  return type;
}

json::array EncodeNames(const std::vector<std::string>& names) {
  json::array out;
  for (const std::string& name : names) out.emplace_back(name);
  return out;
}

std::vector<std::string> DecodeNames(const json::value& in) {
  std::vector<std::string> names;
  for (const json::value& name : in.as_array()) names.emplace_back(name.as_string());
  return names;
}

constexpr std::array<std::string_view, 3> kColumnKinds = {"physical", "metadata", "computed"};

json::object EncodeColumn(const plan::TableColumn& column) {
  json::object out{{"name", column.name}, {"type", EncodeType(column.type)}, {"kind", std::string(kColumnKinds[static_cast<size_t>(column.kind)])}};
  if (!column.metadata_key.empty()) out["metadata_key"] = column.metadata_key;
  if (column.is_virtual) out["virtual"] = true;
  if (!column.expression.empty()) out["expression"] = column.expression;
  if (!column.comment.empty()) out["comment"] = column.comment;
  return out;
}

std::string TextOr(const json::object& in, const char* key) {
  return in.contains(key) ? std::string(in.at(key).as_string()) : std::string();
}

plan::TableColumn DecodeColumn(const json::object& in) {
  plan::TableColumn column;
  column.name = in.at("name").as_string();
  column.type = DecodeType(in.at("type").as_object());
  const std::string_view kind = in.at("kind").as_string();
  const auto found = std::find(kColumnKinds.begin(), kColumnKinds.end(), kind);
  if (found == kColumnKinds.end()) throw std::invalid_argument(fmt::format("column kind \"{}\"", kind));
  column.kind = static_cast<plan::ColumnKind>(found - kColumnKinds.begin());
  column.metadata_key = TextOr(in, "metadata_key");
  column.is_virtual = in.contains("virtual");
  column.expression = TextOr(in, "expression");
  column.comment = TextOr(in, "comment");
  return column;
}

plan::TableDefinition Decode(const json::object& in) {
  plan::TableDefinition table;
  table.path = {TextOr(in, "catalog"), TextOr(in, "database"), TextOr(in, "name")};
  table.kind = in.at("kind").as_string() == "view" ? plan::TableKind::kView : plan::TableKind::kTable;
  for (const json::value& column : in.at("columns").as_array()) table.columns.push_back(DecodeColumn(column.as_object()));
  if (in.contains("watermark")) {
    const json::object& watermark = in.at("watermark").as_object();
    table.watermark = plan::WatermarkDefinition{TextOr(watermark, "column"), TextOr(watermark, "expression")};
  }
  table.primary_key = DecodeNames(in.at("primary_key"));
  table.partitioned_by = DecodeNames(in.at("partitioned_by"));
  for (const auto& option : in.at("options").as_object()) table.options.emplace(option.key(), option.value().as_string());
  table.comment = TextOr(in, "comment");
  table.view_query = TextOr(in, "view_query");
  table.view_columns = DecodeNames(in.at("view_columns"));
  table.connector = TextOr(in, "connector");
  return table;
}

}  // namespace

std::string EncodeDefinition(const plan::TableDefinition& table) {
  json::array columns;
  for (const plan::TableColumn& column : table.columns) columns.push_back(EncodeColumn(column));
  json::object options;
  for (const auto& [key, value] : table.options) options[key] = value;
  json::object out{{"catalog", table.path.catalog},
                   {"database", table.path.database},
                   {"name", table.path.name},
                   {"kind", table.kind == plan::TableKind::kView ? "view" : "table"},
                   {"columns", std::move(columns)},
                   {"primary_key", EncodeNames(table.primary_key)},
                   {"partitioned_by", EncodeNames(table.partitioned_by)},
                   {"options", std::move(options)},
                   {"view_columns", EncodeNames(table.view_columns)}};
  if (table.watermark) {
    out["watermark"] = json::object{{"column", table.watermark->column}, {"expression", table.watermark->expression}};
  }
  if (!table.comment.empty()) out["comment"] = table.comment;
  if (!table.view_query.empty()) out["view_query"] = table.view_query;
  if (!table.connector.empty()) out["connector"] = table.connector;
  return json::serialize(out);
}

Result<plan::TableDefinition> DecodeDefinition(std::string_view text) {
  try {
    return Decode(json::parse(text).as_object());
  } catch (const std::exception& problem) {
    return Error(ErrorCode::kCorruption, fmt::format("a stored table definition cannot be read: {}", problem.what()));
  }
}

}  // namespace firn::catalog
