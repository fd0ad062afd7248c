// SPDX-License-Identifier: Apache-2.0
// Columns into JSON objects: fields in the schema's order, as Flink's json format writes them.
#include <arrow/array.h>
#include <arrow/util/decimal.h>
#include <fmt/format.h>

#include <cmath>
#include <iterator>

#include "base/assert.h"
#include "base/base64.h"
#include "base/utf8.h"
#include "formats/iso_time.h"
#include "formats/json_formats_internal.h"
#include "formats/json_value.h"
#include "formats/text_value.h"
#include "types/value_text.h"

namespace firn::formats {

using types::DataType;
using types::TypeKind;
using WriteOptions = JsonWriteOptions;

// Bytes that are no UTF-8 become U+FFFD, as in Java: JSON cannot hold them.
void AppendJsonText(std::string* out, std::string_view text) {
  out->push_back('"');
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    switch (c) {
      case '"': *out += "\\\""; break;
      case '\\': *out += "\\\\"; break;
      case '\n': *out += "\\n"; break;
      case '\r': *out += "\\r"; break;
      case '\t': *out += "\\t"; break;
      default:
        if (static_cast<unsigned char>(c) < ' ') {
          fmt::format_to(std::back_inserter(*out), "\\u{:04x}", static_cast<unsigned>(c));
        } else if (static_cast<unsigned char>(c) < 0x80) {
          out->push_back(c);
        } else if (const size_t length = base::Utf8CharacterBytes(text.substr(i)); length > 0) {
          out->append(text.substr(i, length));
          i += length - 1;
        } else {
          *out += "\xef\xbf\xbd";
        }
    }
  }
  out->push_back('"');
}

namespace {

// The fewest digits that tell it from its neighbours of the same width.
template <typename Real>
void AppendReal(std::string* out, Real value) {
  if (!std::isfinite(value)) {
    *out += std::isnan(value) ? "\"NaN\"" : value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
    return;
  }
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  *out += text;
}

void AppendBytes(std::string* out, const arrow::BinaryArray& array, int64_t row, const DataType& type, const WriteOptions& options) {
  if (!options.hex_bytes) return AppendJsonText(out, base::EncodeBase64(array.GetView(row)));
  const Result<std::string> text = types::FormatCell(array, row, type, "UTC");
  FIRN_ASSERT(text.ok(), "BYTES as text: {}", text.error().message());
  AppendJsonText(out, *text);
}

void AppendTimestamp(std::string* out, int64_t value, const DataType& type, const WriteOptions& options) {
  out->push_back('"');
  AppendTimestampText(out, value, type, options.timestamps);
  out->push_back('"');
}

void AppendRow(std::string* out, const arrow::StructArray& array, int64_t row, const DataType& type, const WriteOptions& options) {
  out->push_back('{');
  bool is_first = true;
  for (int i = 0; i < array.num_fields(); ++i) {
    const auto& field = *array.field(i);
    if (options.skip_nulls && field.IsNull(row)) continue;
    if (!is_first) out->push_back(',');
    is_first = false;
    AppendJsonText(out, type.fields()[static_cast<size_t>(i)].name);
    out->push_back(':');
    AppendJsonValue(out, field, row, type.fields()[static_cast<size_t>(i)].type, options);
  }
  out->push_back('}');
}

// JSON's names are texts: other keys become what they are as values, in quotes.
void AppendMapKey(std::string* out, const arrow::Array& keys, int64_t at, const DataType& type, const WriteOptions& options) {
  if (type.IsCharacter()) {
    FIRN_ASSERT(keys.type_id() == arrow::Type::STRING, "keys are {}", keys.type()->ToString());
    return AppendJsonText(out, static_cast<const arrow::StringArray&>(keys).GetView(at));
  }
  std::string text;
  AppendJsonValue(&text, keys, at, type, options);
  if (text.starts_with('"')) *out += text;
  else AppendJsonText(out, text);
}

void AppendMap(std::string* out, const arrow::MapArray& array, int64_t row, const DataType& type, const WriteOptions& options) {
  out->push_back('{');
  for (int64_t i = array.value_offset(row); i < array.value_offset(row + 1); ++i) {
    if (i > array.value_offset(row)) out->push_back(',');
    AppendMapKey(out, *array.keys(), i, type.key(), options);
    out->push_back(':');
    AppendJsonValue(out, *array.items(), i, type.value(), options);
  }
  out->push_back('}');
}

void AppendList(std::string* out, const arrow::ListArray& array, int64_t row, const DataType& type, const WriteOptions& options) {
  out->push_back('[');
  for (int64_t i = array.value_offset(row); i < array.value_offset(row + 1); ++i) {
    if (i > array.value_offset(row)) out->push_back(',');
    AppendJsonValue(out, *array.values(), i, type.element(), options);
  }
  out->push_back(']');
}

void AppendDecimal(std::string* out, const arrow::Decimal128Array& array, int64_t row, const DataType& type) {
  *out += arrow::Decimal128(array.GetValue(row)).ToString(type.scale());
}

}  // namespace

void AppendJsonValue(std::string* out, const arrow::Array& array, int64_t row, const DataType& type, const WriteOptions& options) {
  if (array.IsNull(row)) {
    *out += "null";
    return;
  }
  auto back = std::back_inserter(*out);
  switch (type.kind()) {
    case TypeKind::kNull: *out += "null"; return;
    case TypeKind::kBoolean: *out += static_cast<const arrow::BooleanArray&>(array).Value(row) ? "true" : "false"; return;
    case TypeKind::kTinyInt: fmt::format_to(back, "{}", static_cast<const arrow::Int8Array&>(array).Value(row)); return;
    case TypeKind::kSmallInt: fmt::format_to(back, "{}", static_cast<const arrow::Int16Array&>(array).Value(row)); return;
    case TypeKind::kInt:
    case TypeKind::kIntervalYearMonth: fmt::format_to(back, "{}", static_cast<const arrow::Int32Array&>(array).Value(row)); return;
    case TypeKind::kBigInt:
    case TypeKind::kIntervalDayTime: fmt::format_to(back, "{}", static_cast<const arrow::Int64Array&>(array).Value(row)); return;
    case TypeKind::kFloat: AppendReal(out, static_cast<const arrow::FloatArray&>(array).Value(row)); return;
    case TypeKind::kDouble: AppendReal(out, static_cast<const arrow::DoubleArray&>(array).Value(row)); return;
    case TypeKind::kDecimal: AppendDecimal(out, static_cast<const arrow::Decimal128Array&>(array), row, type); return;
    case TypeKind::kChar:
    case TypeKind::kVarchar: AppendJsonText(out, static_cast<const arrow::StringArray&>(array).GetView(row)); return;
    case TypeKind::kBinary:
    case TypeKind::kVarbinary: AppendBytes(out, static_cast<const arrow::BinaryArray&>(array), row, type, options); return;
    case TypeKind::kDate:
      out->push_back('"');
      AppendIsoDate(out, static_cast<const arrow::Date32Array&>(array).Value(row));
      out->push_back('"');
      return;
    case TypeKind::kTime:
      out->push_back('"');
      AppendIsoTime(out, static_cast<const arrow::Time32Array&>(array).Value(row) * int64_t{1'000'000});
      out->push_back('"');
      return;
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampLtz: AppendTimestamp(out, static_cast<const arrow::TimestampArray&>(array).Value(row), type, options); return;
    case TypeKind::kArray: AppendList(out, static_cast<const arrow::ListArray&>(array), row, type, options); return;
    case TypeKind::kMap: AppendMap(out, static_cast<const arrow::MapArray&>(array), row, type, options); return;
    case TypeKind::kRow: AppendRow(out, static_cast<const arrow::StructArray&>(array), row, type, options); return;
  }
}

namespace {

class JsonEncoder final : public RecordEncoder {
 public:
  JsonEncoder(types::SchemaPtr schema, const WriteOptions& options) : schema_(std::move(schema)), options_(options) {
    for (const types::Field& field : schema_->fields()) {
      std::string name;
      AppendJsonText(&name, field.name);
      names_.push_back(name + ":");
    }
  }

  Result<EncodedRecords> Encode(const types::Batch& batch) override {
    FIRN_ASSERT(batch.columns.size() == schema_->size() && names_.size() == schema_->size(), "{} columns of {}", batch.columns.size(), schema_->size());
    EncodedRecords encoded;
    encoded.ends.reserve(static_cast<size_t>(batch.row_count));
    for (int64_t row = 0; row < batch.row_count; ++row) {
      encoded.bytes.push_back('{');
      bool is_first = true;
      for (size_t i = 0; i < batch.columns.size(); ++i) {
        if (options_.skip_nulls && batch.columns[i]->IsNull(row)) continue;
        if (!is_first) encoded.bytes.push_back(',');
        is_first = false;
        encoded.bytes += names_[i];
        AppendJsonValue(&encoded.bytes, *batch.columns[i], row, schema_->field(i).type, options_);
      }
      encoded.bytes.push_back('}');
      if (encoded.bytes.size() > UINT32_MAX) {
        return Error(ErrorCode::kLimitExceeded, fmt::format("a batch of {} rows is larger than 4 GiB as JSON", batch.row_count)).Hint("write shorter texts");
      }
      encoded.ends.push_back(static_cast<uint32_t>(encoded.bytes.size()));
    }
    return encoded;
  }

 private:
  types::SchemaPtr schema_;
  WriteOptions options_;
  std::vector<std::string> names_;  // quoted, with the colon
};

Status CheckWritable(const DataType& type, const std::string& column) {
  if (type.kind() == TypeKind::kMap && !type.key().IsCharacter()) {
    return Error(ErrorCode::kNotSupported, fmt::format("column `{}`: JSON cannot hold a {}: its keys are not text", column, type.ToString())).Hint("make the keys STRING");
  }
  for (const types::Field& field : type.fields()) FIRN_RETURN_IF_ERROR(CheckWritable(field.type, column));
  return Ok();
}

}  // namespace

Result<std::unique_ptr<RecordEncoder>> MakeJsonEncoder(const FormatSpec& spec, types::SchemaPtr schema) {
  FIRN_RETURN_IF_ERROR(CheckJsonOptions(spec));
  for (const types::Field& field : schema->fields()) FIRN_RETURN_IF_ERROR(CheckWritable(field.type, field.name));
  WriteOptions options;
  auto value = [&](const char* key) {
    auto found = spec.options.find(key);
    return found == spec.options.end() ? std::string() : found->second;
  };
  if (value("timestamp-format.standard") == "ISO-8601") options.timestamps = TimestampStyle::kIso8601;
  options.skip_nulls = value("encode.ignore-null-fields") == "true";
  return std::unique_ptr<RecordEncoder>(std::make_unique<JsonEncoder>(std::move(schema), options));
}

}  // namespace firn::formats
