// SPDX-License-Identifier: Apache-2.0
#include "formats/record_format.h"

#include <fmt/format.h>

#include "formats/json_formats_internal.h"

namespace firn::formats {

namespace {

struct OptionRule {
  std::string_view key;
  std::vector<std::string> values;  // empty: any
};

const std::vector<OptionRule>& JsonOptionRules() {
  static const std::vector<OptionRule>* const rules = new std::vector<OptionRule>{
      {"fail-on-missing-field", {"true", "false"}},
      {"ignore-parse-errors", {"true", "false"}},
      {"timestamp-format.standard", {"SQL", "ISO-8601"}},
      {"map-null-key.mode", {"FAIL", "DROP", "LITERAL"}},
      {"map-null-key.literal", {}},
      {"encode.decimal-as-plain-number", {"true", "false"}},
      {"encode.ignore-null-fields", {"true", "false"}},
      {"decode.json-parser.enabled", {"true", "false"}},
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
    return Error(ErrorCode::kInvalidOption, "'json.fail-on-missing-field' and 'json.ignore-parse-errors' cannot both be 'true'");
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

namespace {
Error UnknownFormat(const std::string& name) {
  return Error(ErrorCode::kUnknownFormat, fmt::format("there is no record format '{}'", name))
      .Candidates(base::NearNames(name, {"json", "csv", "raw"}));
}
}  // namespace

Status CheckFormat(const FormatSpec& spec) {
  if (spec.name == "json") return CheckJsonOptions(spec);
  return UnknownFormat(spec.name);
}

Result<std::unique_ptr<RecordDecoder>> MakeDecoder(const FormatSpec& spec, types::SchemaPtr schema) {
  if (spec.name == "json") return MakeJsonDecoder(spec, std::move(schema));
  return UnknownFormat(spec.name);
}

Result<std::unique_ptr<RecordEncoder>> MakeEncoder(const FormatSpec& spec, types::SchemaPtr schema) {
  if (spec.name == "json") return MakeJsonEncoder(spec, std::move(schema));
  return UnknownFormat(spec.name);
}

}  // namespace firn::formats
