// SPDX-License-Identifier: Apache-2.0
// JSON objects into columns. Fields are looked for where the record before had them: producers write the same order again and again, so
// nearly every lookup is one comparison. A record that breaks off leaves no trace in any column.
#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <unordered_map>

#include "base/assert.h"
#include "formats/json_formats_internal.h"
#include "formats/json_reader_internal.h"
#include "formats/json_template_internal.h"
#include "formats/record_formats_internal.h"
#include "formats/text_value.h"

namespace firn::formats {

namespace {

namespace ondemand = simdjson::ondemand;

// Up to where the object ends that a record begins with; all of it if it does not end before. Flink's parser reads one value and does not look at what is behind.
std::string_view FirstObject(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\n\r");
  if (begin == std::string_view::npos || text[begin] != '{') return text;
  int64_t depth = 0;
  bool is_in_string = false;
  for (size_t at = begin; at < text.size(); ++at) {
    const char c = text[at];
    if (is_in_string) {
      if (c == '\\') ++at;
      is_in_string = c != '"';
    } else if (c == '"') {
      is_in_string = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if ((c == '}' || c == ']') && --depth == 0) {
      return text.substr(0, at + 1);
    }
  }
  return text;
}

class JsonDecoder final : public RecordDecoder {
 public:
  JsonDecoder(types::SchemaPtr schema, std::vector<std::unique_ptr<JsonReader>> readers, const JsonReadOptions& options)
      : schema_(std::move(schema)), readers_(std::move(readers)), options_(options) {
    for (size_t i = 0; i < schema_->size(); ++i) columns_.emplace(schema_->field(i).name, static_cast<int>(i));
    seen_.assign(schema_->size(), 0);
  }

  Result<DecodedRecords> Decode(std::span<const RawRecord> records) override {
    DecodedRecords decoded;
    rows_ = 0;
    for (auto& reader : readers_) {
      reader->CutTo(0);
      reader->Reserve(static_cast<int64_t>(records.size()));
    }
    bool is_one_to_one = true;
    for (size_t i = 0; i < records.size(); ++i) {
      bool has_row = false;
      if (!records[i].is_null && !records[i].bytes.empty()) {
        FIRN_TRY(has_row, DecodeOne(records[i], i, &decoded));
      }
      if (!has_row && is_one_to_one) {
        is_one_to_one = false;
        for (size_t j = 0; j < i; ++j) decoded.record_of_row.push_back(static_cast<int32_t>(j));
      }
      if (!has_row) continue;
      if (!is_one_to_one) decoded.record_of_row.push_back(static_cast<int32_t>(i));
      ++rows_;
    }
    decoded.rows.schema = schema_;
    decoded.rows.row_count = rows_;
    FIRN_ASSERT(decoded.record_of_row.empty() ? rows_ == 0 || is_one_to_one : static_cast<int64_t>(decoded.record_of_row.size()) == rows_, "{} of {} rows know their record",
                decoded.record_of_row.size(), rows_);
    for (auto& reader : readers_) {
      FIRN_ASSERT(reader->row_count() == rows_, "a column of {} values in {} rows", reader->row_count(), rows_);
      FIRN_TRY(types::ArrayPtr column, reader->Finish());
      decoded.rows.columns.push_back(std::move(column));
    }
    return decoded;
  }

 private:
  // Whether the record gave a row.
  Result<bool> DecodeOne(const RawRecord& record, size_t number, DecodedRecords* decoded) {
    std::string_view text = record.bytes;
    if (!record.is_padded) {
      scratch_.assign(text);
      scratch_.append(simdjson::SIMDJSON_PADDING, ' ');
      text = std::string_view(scratch_).substr(0, text.size());
    }
    if (ReadByTemplate(text)) return true;
    if (options_.skips_no_value && (TrimBlanks(text).empty() || TrimBlanks(text) == "null")) return false;
    bool is_whole = ReadObject(text);
    if (!is_whole) {
      const std::string_view first = FirstObject(text);
      if (first.size() < text.size()) {
        CutBack();
        is_whole = ReadObject(first);
      }
    }
    if (is_whole && bad_fields_ == 0) {
      LearnTemplate(text);
      return true;
    }
    if (!options_.ignore_parse_errors) {
      failed_record_ = number;
      return Error(ErrorCode::kDecodeError, fmt::format("{}: {}", reason_, RecordExcerpt(record.bytes)))
          .Hint("'json.ignore-parse-errors'='true' drops broken records and makes fields of the wrong type NULL");
    }
    if (decoded->errors == 0) decoded->first_error = fmt::format("{}: {}", reason_, RecordExcerpt(record.bytes));
    decoded->errors += is_whole ? bad_fields_ : 1;
    if (!is_whole) CutBack();
    return is_whole;
  }

  void CutBack() {
    for (auto& reader : readers_) {
      if (reader->row_count() > rows_) reader->CutTo(rows_);
    }
  }

  // Records that look like none of the ones before are not measured against a template time and again.
  bool ReadByTemplate(std::string_view text) {
    if (!template_.is_known()) return false;
    if (template_.Read(text, readers_)) {
      misses_ = 0;
      if (learning_pause_ > 1) --learning_pause_;
      return true;
    }
    CutBack();
    if (++misses_ == kMissesMax) template_.Forget();
    return false;
  }

  void LearnTemplate(std::string_view text) {
    if (--until_learning_ > 0) return;
    template_.Learn(text, columns_, !options_.fail_on_missing_field);
    misses_ = 0;
    learning_pause_ = std::min(2 * learning_pause_, kLearningPauseMax);
    until_learning_ = learning_pause_;
  }

  bool Broken(simdjson::error_code error) {
    reason_ = fmt::format("broken JSON: {}", simdjson::error_message(error));
    return false;
  }

  bool ReadObject(std::string_view text) {
    reason_.clear();
    bad_fields_ = 0;
    ondemand::document document;
    ondemand::object object;
    if (auto error = parser_.iterate(simdjson::padded_string_view(text.data(), text.size(), text.size() + simdjson::SIMDJSON_PADDING)).get(document)) {
      return Broken(error);
    }
    if (auto error = document.get_object().get(object)) {
      return error == simdjson::INCORRECT_TYPE ? (reason_ = "not a JSON object", false) : Broken(error);
    }
    ++stamp_;
    size_t expected = 0;
    for (auto item : object) {
      ondemand::field field;
      if (auto error = std::move(item).get(field)) return Broken(error);
      const int column = FindColumn(field, expected);
      if (column == kBadKey) return Broken(simdjson::STRING_ERROR);
      expected = expected + 1 == order_.size() ? 0 : expected + 1;
      if (column < 0) {
        if (!SkipValue(field.value())) return Broken(simdjson::TAPE_ERROR);
        continue;
      }
      if (!ReadField(column, field.value())) return false;
    }
    return FillMissing();
  }

  bool ReadField(int column, ondemand::value value) {
    JsonReader& reader = *readers_[static_cast<size_t>(column)];
    if (seen_[static_cast<size_t>(column)] == stamp_) reader.CutTo(rows_);  // a repeated name: the last one counts
    seen_[static_cast<size_t>(column)] = stamp_;
    const ReadOutcome outcome = reader.Read(value);
    if (outcome == ReadOutcome::kOk) [[likely]] return true;
    const types::Field& field = schema_->field(static_cast<size_t>(column));
    if (outcome == ReadOutcome::kBadJson) {
      reason_ = fmt::format("broken JSON in field `{}`", field.name);
      return false;
    }
    if (bad_fields_++ == 0) reason_ = fmt::format("field `{}` is not a {}", field.name, field.type.WithNullable(true).ToString());
    reader.AppendNull();
    return true;
  }

  bool FillMissing() {
    for (size_t i = 0; i < readers_.size(); ++i) {
      if (seen_[i] == stamp_) continue;
      if (options_.fail_on_missing_field) {
        if (bad_fields_++ == 0) reason_ = fmt::format("field `{}` is missing", schema_->field(i).name);
      }
      readers_[i]->AppendNull();
    }
    return true;
  }

  static constexpr int kUnknown = -1;
  static constexpr int kBadKey = -2;

  // `expected`: the place in order_ where the record before had a field of this position.
  int FindColumn(ondemand::field& field, size_t expected) {
    if (expected < order_.size() && field.key().unsafe_is_equal(order_[expected].name)) return order_[expected].column;
    std::string_view key;
    if (field.unescaped_key().get(key) != simdjson::SUCCESS) return kBadKey;
    auto found = columns_.find(std::string(key));
    const int column = found == columns_.end() ? kUnknown : found->second;
    if (key.find_first_of("\"\\") == std::string_view::npos && key.size() <= kMaxRememberedName) {
      if (expected < order_.size()) {
        order_[expected] = {std::string(key), column};
      } else if (order_.size() < kMaxRememberedFields) {
        order_.push_back({std::string(key), column});
      }
    }
    return column;
  }

  static constexpr int kMissesMax = 16;
  static constexpr int kLearningPauseMax = 1024;
  static constexpr size_t kMaxRememberedFields = 256;
  static constexpr size_t kMaxRememberedName = 256;
  struct Remembered {
    std::string name;
    int column;
  };

  types::SchemaPtr schema_;
  std::vector<std::unique_ptr<JsonReader>> readers_;
  JsonReadOptions options_;
  std::unordered_map<std::string, int> columns_;
  JsonTemplate template_;
  int misses_ = 0;                     // in a row
  int until_learning_ = 1;             // records that the parser reads before the template is taken from one of them, and how many the next time
  int learning_pause_ = 1;
  std::vector<Remembered> order_;      // fields as the last records had them
  std::vector<uint64_t> seen_;         // per column: the stamp of the record that last had it
  uint64_t stamp_ = 0;
  int64_t rows_ = 0;
  int64_t bad_fields_ = 0;
  std::string reason_;
  std::string scratch_;
  ondemand::parser parser_;
};

}  // namespace

Result<std::unique_ptr<RecordDecoder>> MakeJsonDecoder(const FormatSpec& spec, types::SchemaPtr schema) {
  FIRN_RETURN_IF_ERROR(CheckJsonOptions(spec));
  auto is_true = [&](const char* key) {
    auto found = spec.options.find(key);
    return found != spec.options.end() && found->second == "true";
  };
  JsonReadOptions options;
  options.fail_on_missing_field = is_true("fail-on-missing-field");
  options.ignore_parse_errors = is_true("ignore-parse-errors");
  if (auto parser = spec.options.find("decode.json-parser.enabled"); parser != spec.options.end()) options.skips_no_value = parser->second == "false";
  auto style = spec.options.find("timestamp-format.standard");
  if (style != spec.options.end() && style->second == "ISO-8601") options.timestamps = TimestampStyle::kIso8601;
  std::vector<std::unique_ptr<JsonReader>> readers;
  for (const types::Field& field : schema->fields()) {
    auto reader = MakeJsonReader(field.type, options);
    if (!reader.ok()) return std::move(reader).error().Context(fmt::format("reading column `{}`", field.name));
    readers.push_back(std::move(reader).value());
  }
  return std::unique_ptr<RecordDecoder>(std::make_unique<JsonDecoder>(std::move(schema), std::move(readers), options));
}

}  // namespace firn::formats
