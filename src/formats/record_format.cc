// SPDX-License-Identifier: Apache-2.0
#include "formats/record_format.h"

#include <fmt/format.h>

#include "base/utf8.h"
#include "formats/json_formats_internal.h"
#include "formats/record_formats_internal.h"

namespace firn::formats {

namespace {

struct OptionRule {
  std::string_view key;
  std::vector<std::string> values;  // empty: any
};

// Of json and of what is written in it.
std::vector<OptionRule> WithJsonRules(std::vector<OptionRule> rules) {
  const OptionRule shared[] = {
      {"ignore-parse-errors", {"true", "false"}},
      {"timestamp-format.standard", {"SQL", "ISO-8601"}},
      {"map-null-key.mode", {"FAIL", "DROP", "LITERAL"}},
      {"map-null-key.literal", {}},
      {"encode.decimal-as-plain-number", {"true", "false"}},
      {"encode.ignore-null-fields", {"true", "false"}},
  };
  rules.insert(rules.end(), std::begin(shared), std::end(shared));
  return rules;
}

const std::vector<OptionRule>& JsonOptionRules() {
  static const auto* const rules = new std::vector<OptionRule>(WithJsonRules({{"fail-on-missing-field", {"true", "false"}}, {"decode.json-parser.enabled", {"true", "false"}}}));
  return *rules;
}

const std::vector<OptionRule>& DebeziumOptionRules() {
  static const auto* const rules = new std::vector<OptionRule>(WithJsonRules({{"schema-include", {"true", "false"}}}));
  return *rules;
}

const std::vector<OptionRule>& CsvOptionRules() {
  static const std::vector<OptionRule>* const rules = new std::vector<OptionRule>{
      {"field-delimiter", {}},
      {"disable-quote-character", {"true", "false"}},
      {"quote-character", {}},
      {"allow-comments", {"true", "false"}},
      {"ignore-parse-errors", {"true", "false"}},
      {"array-element-delimiter", {}},
      {"escape-character", {}},
      {"null-literal", {}},
      {"trim-spaces", {"true", "false"}},
      {"write-bigdecimal-in-scientific-notation", {"true", "false"}},
  };
  return *rules;
}

const std::vector<OptionRule>& RawOptionRules() {
  static const std::vector<OptionRule>* const rules = new std::vector<OptionRule>{
      {"charset", {"UTF-8"}},
      {"endianness", {"big-endian", "little-endian"}},
  };
  return *rules;
}

Status CheckOptions(const FormatSpec& spec, const std::vector<OptionRule>& rules) {
  for (const auto& [key, value] : spec.options) {
    const OptionRule* rule = nullptr;
    std::vector<std::string> known;
    for (const OptionRule& candidate : rules) {
      known.emplace_back(candidate.key);
      if (candidate.key == key) rule = &candidate;
    }
    if (rule == nullptr) {
      return Error(ErrorCode::kInvalidOption, fmt::format("the {} format has no option '{}.{}'", spec.name, spec.name, key))
          .Candidates(base::NearNames(key, known));
    }
    if (rule->values.empty()) continue;
    bool is_known = false;
    for (const std::string& allowed : rule->values) is_known |= allowed == value;
    if (!is_known) {
      return Error(ErrorCode::kInvalidOption,
                   fmt::format("'{}.{}' is '{}'; it takes {}", spec.name, key, value, fmt::join(rule->values, ", ")));
    }
  }
  return Ok();
}

}  // namespace

Status CheckJsonOptions(const FormatSpec& spec) {
  FIRN_RETURN_IF_ERROR(CheckOptions(spec, JsonOptionRules()));
  auto is_true = [&](const char* key) {
    auto found = spec.options.find(key);
    return found != spec.options.end() && found->second == "true";
  };
  if (is_true("fail-on-missing-field") && is_true("ignore-parse-errors")) {
    return Error(ErrorCode::kInvalidOption, "'json.fail-on-missing-field' and 'json.ignore-parse-errors' cannot both be 'true'").Hint("leave one of them out: the first stops at what the other passes over");
  }
  return Ok();
}

std::map<std::string, std::string> FormatOptions(const std::map<std::string, std::string>& table_options, std::string_view format,
                                                 std::string_view prefix) {
  const std::string start = fmt::format("{}{}.", prefix, format);
  std::map<std::string, std::string> options;
  for (const auto& [key, value] : table_options) {
    if (key.starts_with(start)) options.emplace(key.substr(start.size()), value);
  }
  return options;
}

std::string OptionOr(const FormatSpec& spec, const std::string& key, const std::string& otherwise) {
  auto found = spec.options.find(key);
  return found == spec.options.end() ? otherwise : found->second;
}

bool OptionIsTrue(const FormatSpec& spec, const std::string& key) { return OptionOr(spec, key, "false") == "true"; }

std::string RecordExcerpt(std::string_view bytes) {
  constexpr size_t kMaxExcerpt = 100;
  std::string text = base::Excerpt(bytes, kMaxExcerpt);
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < ' ') c = ' ';
  }
  return text;
}

namespace {

struct Format {
  std::string_view name;
  Status (*check)(const FormatSpec&);
  Result<std::unique_ptr<RecordDecoder>> (*make_decoder)(const FormatSpec&, types::SchemaPtr);
  Result<std::unique_ptr<RecordEncoder>> (*make_encoder)(const FormatSpec&, types::SchemaPtr);
  bool has_changes = false;
};

Status CheckCsv(const FormatSpec& spec) {
  FIRN_RETURN_IF_ERROR(CheckOptions(spec, CsvOptionRules()));
  return CheckCsvOptions(spec);
}

const std::vector<Format>& Formats() {
  static const std::vector<Format>* const formats = new std::vector<Format>{
      {"json", CheckJsonOptions, MakeJsonDecoder, MakeJsonEncoder},
      {"csv", CheckCsv, MakeCsvDecoder, MakeCsvEncoder},
      {"raw", [](const FormatSpec& spec) { return CheckOptions(spec, RawOptionRules()); }, MakeRawDecoder, MakeRawEncoder},
      {"debezium-json", [](const FormatSpec& spec) { return CheckOptions(spec, DebeziumOptionRules()); }, MakeDebeziumDecoder, MakeDebeziumEncoder, true},
  };
  return *formats;
}

Result<const Format*> FindFormat(const std::string& name, const std::vector<std::string>& others = {}) {
  std::vector<std::string> known;
  for (const Format& format : Formats()) {
    if (format.name == name) return &format;
    known.emplace_back(format.name);
  }
  known.insert(known.end(), others.begin(), others.end());
  return Error(ErrorCode::kUnknownFormat, fmt::format("there is no record format '{}'", name)).Hint(fmt::format("there are {}", fmt::join(known, ", "))).Candidates(base::NearNames(name, known));
}

}  // namespace

bool HasChanges(const FormatSpec& spec) {
  auto format = FindFormat(spec.name);
  return format.ok() && (*format)->has_changes;
}

Status CheckFormat(const FormatSpec& spec, const std::vector<std::string>& others) {
  FIRN_TRY(const Format* format, FindFormat(spec.name, others));
  return format->check(spec);
}

Result<std::unique_ptr<RecordDecoder>> MakeDecoder(const FormatSpec& spec, types::SchemaPtr schema) {
  FIRN_TRY(const Format* format, FindFormat(spec.name));
  FIRN_RETURN_IF_ERROR(format->check(spec));
  return format->make_decoder(spec, std::move(schema));
}

Result<std::unique_ptr<RecordEncoder>> MakeEncoder(const FormatSpec& spec, types::SchemaPtr schema) {
  FIRN_TRY(const Format* format, FindFormat(spec.name));
  FIRN_RETURN_IF_ERROR(format->check(spec));
  return format->make_encoder(spec, std::move(schema));
}

}  // namespace firn::formats
