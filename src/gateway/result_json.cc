// SPDX-License-Identifier: Apache-2.0
#include "gateway/result_json.h"

#include <arrow/array.h>
#include <fmt/format.h>

#include "base/assert.h"
#include "formats/json_value.h"
#include "types/value_text.h"

namespace firn::gateway {

namespace {

using types::DataType;
using types::TypeKind;

const char* LogicalTypeName(const DataType& type) {
  switch (type.kind()) {
    case TypeKind::kNull: return "NULL";
    case TypeKind::kBoolean: return "BOOLEAN";
    case TypeKind::kTinyInt: return "TINYINT";
    case TypeKind::kSmallInt: return "SMALLINT";
    case TypeKind::kInt: return "INTEGER";
    case TypeKind::kBigInt: return "BIGINT";
    case TypeKind::kFloat: return "FLOAT";
    case TypeKind::kDouble: return "DOUBLE";
    case TypeKind::kDecimal: return "DECIMAL";
    case TypeKind::kChar: return "CHAR";
    case TypeKind::kVarchar: return "VARCHAR";
    case TypeKind::kBinary: return "BINARY";
    case TypeKind::kVarbinary: return "VARBINARY";
    case TypeKind::kDate: return "DATE";
    case TypeKind::kTime: return "TIME_WITHOUT_TIME_ZONE";
    case TypeKind::kTimestamp: return "TIMESTAMP_WITHOUT_TIME_ZONE";
    case TypeKind::kTimestampLtz: return "TIMESTAMP_WITH_LOCAL_TIME_ZONE";
    case TypeKind::kIntervalYearMonth: return "INTERVAL_YEAR_MONTH";
    case TypeKind::kIntervalDayTime: return "INTERVAL_DAY_TIME";
    case TypeKind::kArray: return "ARRAY";
    case TypeKind::kMap: return "MAP";
    case TypeKind::kRow: return "ROW";
  }
  FIRN_UNREACHABLE("type kind {}", static_cast<int>(type.kind()));
}

std::string TypeParameters(const DataType& type) {
  switch (type.kind()) {
    case TypeKind::kChar:
    case TypeKind::kVarchar:
    case TypeKind::kBinary:
    case TypeKind::kVarbinary: return fmt::format(",\"length\":{}", type.length());
    case TypeKind::kDecimal: return fmt::format(",\"precision\":{},\"scale\":{}", type.precision(), type.scale());
    case TypeKind::kTime:
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampLtz: return fmt::format(",\"precision\":{}", type.precision());
    case TypeKind::kIntervalYearMonth: return ",\"resolution\":\"YEAR_TO_MONTH\",\"precision\":2";
    case TypeKind::kIntervalDayTime: return ",\"resolution\":\"DAY_TO_SECOND\",\"precision\":2,\"fractionalPrecision\":3";
    case TypeKind::kArray: return ",\"elementType\":" + LogicalTypeJson(type.element());
    case TypeKind::kMap: return ",\"keyType\":" + LogicalTypeJson(type.key()) + ",\"valueType\":" + LogicalTypeJson(type.value());
    case TypeKind::kRow: {
      std::string fields;
      for (const types::Field& field : type.fields()) {
        fields += fields.empty() ? "{\"name\":" : ",{\"name\":";
        formats::AppendJsonText(&fields, field.name);
        fields += ",\"fieldType\":" + LogicalTypeJson(field.type) + "}";
      }
      return ",\"fields\":[" + fields + "]";
    }
    default: return "";
  }
}

const char* KindText(types::RowKind kind) {
  static constexpr const char* kTexts[] = {"INSERT", "UPDATE_BEFORE", "UPDATE_AFTER", "DELETE"};
  return kTexts[static_cast<int>(kind)];
}

}  // namespace

RowFormat ParseRowFormat(std::string_view name) {
  if (name == "PLAIN_TEXT") return RowFormat::kPlainText;
  return name == "PLAIN_TEXT_JSON" ? RowFormat::kPlainTextJson : RowFormat::kJson;
}

std::string_view RowFormatName(RowFormat format) {
  switch (format) {
    case RowFormat::kJson: return "JSON";
    case RowFormat::kPlainText: return "PLAIN_TEXT";
    case RowFormat::kPlainTextJson: return "PLAIN_TEXT_JSON";
  }
  FIRN_UNREACHABLE("row format {}", static_cast<int>(format));
}

std::string LogicalTypeJson(const DataType& type) {
  return fmt::format("{{\"type\":\"{}\",\"nullable\":{}{}}}", LogicalTypeName(type), type.nullable(), TypeParameters(type));
}

std::string ColumnsJson(const types::Schema& schema) {
  std::string out = "[";
  for (const types::Field& field : schema.fields()) {
    if (out.size() > 1) out += ',';
    out += "{\"name\":";
    formats::AppendJsonText(&out, field.name);
    out += ",\"logicalType\":" + LogicalTypeJson(field.type) + ",\"comment\":null}";
  }
  return out + "]";
}

Status AppendRowsJson(std::string* out, const types::Batch& batch, RowFormat format, const std::string& time_zone) {
  FIRN_ASSERT(batch.columns.size() == batch.schema->fields().size(), "{} columns of {}", batch.columns.size(), batch.schema->fields().size());
  const formats::JsonWriteOptions options{.timestamps = formats::TimestampStyle::kIso8601};
  for (int64_t row = 0; row < batch.row_count; ++row) {
    if (!out->empty() && out->back() != '[') out->push_back(',');
    *out += fmt::format("{{\"kind\":\"{}\",\"fields\":[", KindText(batch.kind(row)));
    for (size_t i = 0; i < batch.columns.size(); ++i) {
      if (i > 0) out->push_back(',');
      const DataType& type = batch.schema->field(i).type;
      if (format == RowFormat::kJson) {
        formats::AppendJsonValue(out, *batch.columns[i], row, type, options);
      } else if (batch.columns[i]->IsNull(row)) {
        *out += "null";
      } else if (format == RowFormat::kPlainTextJson && type.IsNested()) {
        std::string text;
        formats::AppendJsonValue(&text, *batch.columns[i], row, type, {.hex_bytes = true});
        formats::AppendJsonText(out, text);
      } else {
        FIRN_TRY(std::string text, types::FormatCell(*batch.columns[i], row, type, time_zone));
        formats::AppendJsonText(out, text);
      }
    }
    *out += "]}";
  }
  return Ok();
}

}  // namespace firn::gateway
