// SPDX-License-Identifier: Apache-2.0
// Flink's csv format, which is Jackson's: fields by place, quotes where needed, doubled or escaped inside. A record is the first line of its bytes that is no comment;
// quoted fields may hold line ends where the connector keeps them together.
#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/util/decimal.h>
#include <fmt/format.h>

#include <strings.h>

#include <algorithm>
#include <iterator>
#include <optional>

#include "base/assert.h"
#include "base/base64.h"
#include "base/utf8.h"
#include "formats/csv_options_internal.h"
#include "formats/csv_records.h"
#include "formats/iso_time.h"
#include "formats/record_formats_internal.h"
#include "formats/text_value.h"
#include "types/arrow_result.h"
#include "types/value_text.h"

namespace firn::formats {

using types::DataType;
using types::TypeKind;

namespace {

constexpr size_t kFieldsMax = 65536;

// Cuts a record into fields. Views are into the record, or into a buffer that lasts until the next record.
class CsvSplitter {
 public:
  explicit CsvSplitter(const CsvOptions& options) : options_(options) {}

  // Returns what is wrong; nullptr: nothing.
  const char* Split(std::string_view record, std::vector<std::string_view>* fields) {
    fields->clear();
    unescaped_.clear();
    unescaped_.reserve(record.size());  // what is unescaped is never longer: views stay valid
    size_t at = 0;
    while (true) {
      if (fields->size() >= kFieldsMax) return "more than 65536 fields";
      std::string_view field;
      const bool is_quoted = options_.quote != '\0' && at < record.size() && record[at] == options_.quote;
      const char* problem = is_quoted ? Quoted(record, &at, &field) : Plain(record, &at, &field);
      if (problem != nullptr) return problem;
      fields->push_back(field);
      if (at >= record.size()) return nullptr;
      ++at;  // the delimiter
    }
  }

 private:
  const char* Plain(std::string_view record, size_t* at, std::string_view* field) {
    const size_t end = std::min(record.find(options_.delimiter, *at), record.size());
    std::string_view text = record.substr(*at, end - *at);
    if (options_.escape != '\0' && text.find(options_.escape) != std::string_view::npos) return Escaped(record, at, field);
    *at = end;
    *field = options_.trims ? TrimBlanks(text) : text;
    return nullptr;
  }

  // An escaped character is itself, also a delimiter, but for a few letters, as in Java.
  static char Unescaped(char c) {
    switch (c) {
      case 'n': return '\n';
      case 'r': return '\r';
      case 't': return '\t';
      case '0': return '\0';
      default: return c;
    }
  }

  const char* Escaped(std::string_view record, size_t* at, std::string_view* field) {
    const size_t begin = unescaped_.size();
    while (*at < record.size() && record[*at] != options_.delimiter) {
      const bool is_escape = record[*at] == options_.escape;
      if (is_escape && ++*at == record.size()) return "an escape character at the end";
      const char c = record[(*at)++];
      unescaped_.push_back(is_escape ? Unescaped(c) : c);
    }
    FIRN_ASSERT(unescaped_.size() <= record.size(), "{} unescaped bytes of {}: views of them are gone", unescaped_.size(), record.size());
    *field = std::string_view(unescaped_).substr(begin);
    return nullptr;
  }

  const char* Quoted(std::string_view record, size_t* at, std::string_view* field) {
    const size_t begin = unescaped_.size();
    for (++*at; *at < record.size(); ++*at) {
      const char c = record[*at];
      const bool is_escape = options_.escape != '\0' && c == options_.escape && *at + 1 < record.size();
      const bool is_doubled = c == options_.quote && *at + 1 < record.size() && record[*at + 1] == options_.quote;
      if (is_escape || is_doubled) {
        const char next = record[++*at];
        unescaped_.push_back(is_escape ? Unescaped(next) : next);
      } else if (c == options_.quote) {
        FIRN_ASSERT(unescaped_.size() <= record.size(), "{} unescaped bytes of {}: views of them are gone", unescaped_.size(), record.size());
        *field = std::string_view(unescaped_).substr(begin);
        ++*at;
        while (*at < record.size() && static_cast<unsigned char>(record[*at]) <= ' ' && record[*at] != options_.delimiter) ++*at;
        return *at == record.size() || record[*at] == options_.delimiter ? nullptr : "text behind a closing quote";
      } else {
        unescaped_.push_back(c);
      }
    }
    return "a quote that is not closed";
  }

  const CsvOptions& options_;
  std::string unescaped_;
};

// Appends a field's value; false if it is none of the type.
bool AppendField(arrow::ArrayBuilder& builder, const DataType& type, std::string_view text) {
  auto whole = [&]<typename Builder, typename T>(T value) { return ParseIntegerText(text, &value) && static_cast<Builder&>(builder).Append(value).ok(); };
  switch (type.kind()) {
    case TypeKind::kBoolean: {
      const std::string_view word = TrimBlanks(text);
      const bool is_true = word.size() == 4 && strncasecmp(word.data(), "true", 4) == 0;  // Java's parseBoolean: everything else is false
      return static_cast<arrow::BooleanBuilder&>(builder).Append(is_true).ok();
    }
    case TypeKind::kTinyInt: return whole.operator()<arrow::Int8Builder>(int8_t{});
    case TypeKind::kSmallInt: return whole.operator()<arrow::Int16Builder>(int16_t{});
    case TypeKind::kInt: return whole.operator()<arrow::Int32Builder>(int32_t{});
    case TypeKind::kBigInt: return whole.operator()<arrow::Int64Builder>(int64_t{});
    case TypeKind::kFloat: {
      double value = 0;
      return ParseDoubleText(text, &value) && static_cast<arrow::FloatBuilder&>(builder).Append(static_cast<float>(value)).ok();
    }
    case TypeKind::kDouble: {
      double value = 0;
      return ParseDoubleText(text, &value) && static_cast<arrow::DoubleBuilder&>(builder).Append(value).ok();
    }
    case TypeKind::kDecimal: {
      arrow::Decimal128 value;
      return ParseDecimalText(text, type, &value) && static_cast<arrow::Decimal128Builder&>(builder).Append(value).ok();
    }
    case TypeKind::kDate: {
      const auto days = ParseIsoDate(text);
      return days && static_cast<arrow::Date32Builder&>(builder).Append(*days).ok();
    }
    case TypeKind::kTime: {
      const auto nanos = ParseIsoTime(text);
      return nanos && static_cast<arrow::Time32Builder&>(builder).Append(static_cast<int32_t>(*nanos / 1'000'000'000 * 1000)).ok();
    }
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampLtz: {
      const auto value = ParseTimestampText(text, type, TimestampStyle::kSql);
      return value && static_cast<arrow::TimestampBuilder&>(builder).Append(*value).ok();
    }
    case TypeKind::kBinary:
    case TypeKind::kVarbinary: {
      const auto bytes = base::DecodeBase64(text);
      return bytes && static_cast<arrow::BinaryBuilder&>(builder).Append(*bytes).ok();
    }
    default: return static_cast<arrow::StringBuilder&>(builder).Append(text).ok();
  }
}

Status CheckType(const types::Field& field) {
  const TypeKind kind = field.type.kind();
  if (!field.type.IsNested() && !field.type.IsInterval() && kind != TypeKind::kNull) return Ok();
  return Error(ErrorCode::kNotSupported, fmt::format("the csv format has no values of type {} (column `{}`)", field.type.ToString(), field.name)).Hint("use 'format'='json'");
}

class CsvDecoder final : public RecordDecoder {
 public:
  struct Shape {
    std::vector<size_t> places;    // of the schema's columns among a record's fields
    size_t field_count = 0;
    bool is_of_lines = false;      // FormatSpec
  };
  CsvDecoder(types::SchemaPtr schema, Shape shape, CsvOptions options, CsvRecordEnds ends)
      : schema_(std::move(schema)), shape_(std::move(shape)), options_(std::move(options)), splitter_(options_), ends_(ends) {}

  Result<DecodedRecords> Decode(std::span<const RawRecord> records) override {
    DecodedRecords decoded;
    builders_.clear();
    for (const types::Field& field : schema_->fields()) {
      FIRN_RETURN_IF_ERROR(types::FromArrowStatus(arrow::MakeBuilder(arrow::default_memory_pool(), field.type.ToArrow(), &builders_.emplace_back())));
    }
    int64_t rows = 0;
    for (size_t i = 0; i < records.size(); ++i) {
      if (records[i].is_null) continue;
      const std::optional<std::string_view> line = FirstLine(records[i].bytes);
      if (!line && shape_.is_of_lines) continue;
      FIRN_TRY(bool has_row, line ? DecodeOne(*line, i, &decoded) : Bad("a message without a record", records[i].bytes, i, &decoded, false));
      if (!has_row) continue;
      decoded.record_of_row.push_back(static_cast<int32_t>(i));
      ++rows;
    }
    decoded.rows = types::Batch{schema_, {}, rows, nullptr, nullptr};
    for (auto& builder : builders_) {
      FIRN_ASSERT(builder->length() == rows, "{} values of {} rows", builder->length(), rows);
      FIRN_TRY(types::ArrayPtr column, types::FromArrowResult(builder->Finish()));
      decoded.rows.columns.push_back(std::move(column));
    }
    return decoded;
  }

 private:
  // The first line that is no comment, with the line ends that are inside its quotes; nothing if there is none. An empty line is one in a file only, whose lines are cut already.
  std::optional<std::string_view> FirstLine(std::string_view bytes) {
    if (bytes.empty() && !shape_.is_of_lines) return std::nullopt;
    while (true) {
      std::string_view line = bytes;
      size_t next = bytes.size();
      if (bytes.find('\n') != std::string_view::npos || bytes.find('\r') != std::string_view::npos) {
        ends_.Reset();
        size_t from = 0;
        const size_t end = ends_.Find(bytes, &from);
        if (end != std::string_view::npos) {
          line = bytes.substr(0, end);
          next = from;
        } else if (bytes.ends_with('\r')) {
          line.remove_suffix(1);
        }
      }
      if (!options_.allows_comments) return line;
      line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
      if (!line.empty() && line[0] != '#') return line;
      bytes.remove_prefix(next);
      if (bytes.empty()) return std::nullopt;
    }
  }

  Result<bool> DecodeOne(std::string_view record, size_t number, DecodedRecords* decoded) {
    if (const auto at = base::FindInvalidUtf8(record)) return Bad(fmt::format("byte {} is no UTF-8", *at), record, number, decoded, false);
    if (const char* problem = splitter_.Split(record, &fields_)) return Bad(problem, record, number, decoded, false);
    FIRN_ASSERT(!fields_.empty(), "a record without a field");
    if (fields_.size() == shape_.field_count + 1 && fields_.back().empty()) fields_.pop_back();  // a delimiter behind the last field
    const bool is_short = fields_.size() < (shape_.is_of_lines ? shape_.places.size() : shape_.field_count);
    if (fields_.size() > shape_.field_count || (is_short && !options_.ignores_errors)) {
      return Bad(fmt::format("{} fields where {} are expected", fields_.size(), shape_.field_count), record, number, decoded, false);
    }
    for (size_t i = 0; i < shape_.places.size(); ++i) {
      const size_t place = shape_.places[i];
      const bool is_null = place >= fields_.size() || (options_.null_literal && fields_[place] == *options_.null_literal);
      if (!is_null && AppendField(*builders_[i], schema_->field(i).type, fields_[place])) continue;
      if (!is_null) {
        const std::string problem = fmt::format("field `{}` is not a {}", schema_->field(i).name, schema_->field(i).type.WithNullable(true).ToString());
        FIRN_RETURN_IF_ERROR(Bad(problem, record, number, decoded, true));
      }
      FIRN_RETURN_IF_ERROR(types::FromArrowStatus(builders_[i]->AppendNull()));
    }
    return true;
  }

  // Fails, or counts: whether the record still gives a row.
  Result<bool> Bad(const std::string& problem, std::string_view record, size_t number, DecodedRecords* decoded, bool keeps_row) {
    if (!options_.ignores_errors) {
      const bool may_be_null = keeps_row && !options_.null_literal;
      failed_record_ = number;
      return Error(ErrorCode::kDecodeError, fmt::format("{}: {}", problem, RecordExcerpt(record)))
          .Hint(may_be_null ? "'csv.null-literal'='' makes empty fields NULL; 'csv.ignore-parse-errors'='true' makes all fields of the wrong type NULL and drops broken records"
                            : "'csv.ignore-parse-errors'='true' drops broken records and makes fields of the wrong type NULL");
    }
    if (decoded->errors++ == 0) decoded->first_error = fmt::format("{}: {}", problem, RecordExcerpt(record));
    return keeps_row;
  }

  const types::SchemaPtr schema_;
  const Shape shape_;
  const CsvOptions options_;
  CsvSplitter splitter_;
  CsvRecordEnds ends_;
  std::vector<std::unique_ptr<arrow::ArrayBuilder>> builders_;
  std::vector<std::string_view> fields_;
};

// A value that is not NULL. Whether it is a text, which may need quotes.
bool AppendValue(std::string* out, const arrow::Array& array, int64_t row, const DataType& type) {
  auto back = std::back_inserter(*out);
  switch (type.kind()) {
    case TypeKind::kBoolean: *out += static_cast<const arrow::BooleanArray&>(array).Value(row) ? "true" : "false"; return false;
    case TypeKind::kTinyInt: fmt::format_to(back, "{}", static_cast<const arrow::Int8Array&>(array).Value(row)); return false;
    case TypeKind::kSmallInt: fmt::format_to(back, "{}", static_cast<const arrow::Int16Array&>(array).Value(row)); return false;
    case TypeKind::kInt: fmt::format_to(back, "{}", static_cast<const arrow::Int32Array&>(array).Value(row)); return false;
    case TypeKind::kBigInt: fmt::format_to(back, "{}", static_cast<const arrow::Int64Array&>(array).Value(row)); return false;
    case TypeKind::kFloat: *out += types::FloatText(static_cast<const arrow::FloatArray&>(array).Value(row)); return false;
    case TypeKind::kDouble: *out += types::DoubleText(static_cast<const arrow::DoubleArray&>(array).Value(row)); return false;
    case TypeKind::kDecimal: *out += arrow::Decimal128(static_cast<const arrow::Decimal128Array&>(array).GetValue(row)).ToString(type.scale()); return false;
    case TypeKind::kDate: AppendIsoDate(out, static_cast<const arrow::Date32Array&>(array).Value(row)); return true;
    case TypeKind::kTime: AppendIsoTime(out, static_cast<const arrow::Time32Array&>(array).Value(row) * int64_t{1'000'000}); return true;
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampLtz: AppendTimestampText(out, static_cast<const arrow::TimestampArray&>(array).Value(row), type, TimestampStyle::kSql); return true;
    case TypeKind::kBinary:
    case TypeKind::kVarbinary: *out += base::EncodeBase64(static_cast<const arrow::BinaryArray&>(array).GetView(row)); return true;
    default: *out += static_cast<const arrow::StringArray&>(array).GetView(row); return true;
  }
}

class CsvEncoder final : public RecordEncoder {
 public:
  CsvEncoder(types::SchemaPtr schema, CsvOptions options) : schema_(std::move(schema)), options_(std::move(options)) {}

  Result<EncodedRecords> Encode(const types::Batch& batch) override {
    FIRN_ASSERT(batch.columns.size() == schema_->size(), "{} columns of {}", batch.columns.size(), schema_->size());
    EncodedRecords encoded;
    encoded.ends.reserve(static_cast<size_t>(batch.row_count));
    for (int64_t row = 0; row < batch.row_count; ++row) {
      for (size_t i = 0; i < batch.columns.size(); ++i) {
        if (i > 0) encoded.bytes.push_back(options_.delimiter);
        AppendOne(&encoded.bytes, *batch.columns[i], row, schema_->field(i).type);
      }
      if (encoded.bytes.size() > UINT32_MAX) return Error(ErrorCode::kLimitExceeded, fmt::format("a batch of {} rows is larger than 4 GiB as CSV", batch.row_count)).Hint("write shorter texts");
      encoded.ends.push_back(static_cast<uint32_t>(encoded.bytes.size()));
    }
    return encoded;
  }

 private:
  void AppendOne(std::string* out, const arrow::Array& column, int64_t row, const DataType& type) {
    if (column.IsNull(row)) {
      *out += options_.null_literal.value_or("");
      return;
    }
    const size_t begin = out->size();
    const bool is_text = AppendValue(out, column, row, type);
    if (is_text && options_.quote != '\0' && NeedsQuotes(std::string_view(*out).substr(begin))) Quote(out, begin);
  }

  // As Jackson decides, which Flink writes CSV by: long texts always, others with any character below the comma's neighbours.
  bool NeedsQuotes(std::string_view text) const {
    constexpr size_t kCheckedMax = 24;
    if (text.size() > kCheckedMax) return true;
    const auto safe = static_cast<unsigned char>(std::max({options_.delimiter, options_.quote, '\r', '\n', options_.escape})) + 1;
    for (char c : text) {
      if (static_cast<unsigned char>(c) < safe) return true;
    }
    return false;
  }

  void Quote(std::string* out, size_t begin) const {
    const std::string text = out->substr(begin);
    out->resize(begin);
    out->push_back(options_.quote);
    for (char c : text) {
      if (c == options_.quote || (options_.escape != '\0' && c == options_.escape)) out->push_back(c);
      out->push_back(c);
    }
    out->push_back(options_.quote);
  }

  const types::SchemaPtr schema_;
  const CsvOptions options_;
};

}  // namespace

Status CheckCsvOptions(const FormatSpec& spec) {
  FIRN_RETURN_IF_ERROR(CsvOptionsOf(spec));
  return Ok();
}

Result<std::unique_ptr<RecordDecoder>> MakeCsvDecoder(const FormatSpec& spec, types::SchemaPtr schema) {
  FIRN_TRY(CsvOptions options, CsvOptionsOf(spec));
  const std::vector<types::Field>& columns = spec.columns.empty() ? schema->fields() : spec.columns;
  CsvDecoder::Shape shape{{}, columns.size(), spec.is_of_lines};
  for (const types::Field& field : schema->fields()) {
    FIRN_RETURN_IF_ERROR(CheckType(field));
    size_t place = 0;
    while (place < columns.size() && columns[place].name != field.name) ++place;
    if (place == columns.size()) return Error(ErrorCode::kColumnNotFound, fmt::format("the record has no column `{}`", field.name)).Hint("declare the table's columns as the record has them, in its order");
    shape.places.push_back(place);
  }
  FIRN_TRY(CsvRecordEnds ends, CsvRecordEnds::Make(spec));
  return std::unique_ptr<RecordDecoder>(std::make_unique<CsvDecoder>(std::move(schema), std::move(shape), std::move(options), ends));
}

Result<std::unique_ptr<RecordEncoder>> MakeCsvEncoder(const FormatSpec& spec, types::SchemaPtr schema) {
  FIRN_TRY(CsvOptions options, CsvOptionsOf(spec));
  for (const types::Field& field : schema->fields()) FIRN_RETURN_IF_ERROR(CheckType(field));
  return std::unique_ptr<RecordEncoder>(std::make_unique<CsvEncoder>(std::move(schema), std::move(options)));
}

}  // namespace firn::formats
