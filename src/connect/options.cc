// SPDX-License-Identifier: Apache-2.0
#include "connect/options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>

#include "base/duration.h"

namespace firn::connect {

namespace {

bool Matches(const OptionRule& rule, std::string_view key) {
  if (rule.key.ends_with('*')) return key.starts_with(rule.key.substr(0, rule.key.size() - 1));
  return rule.key == key;
}

bool ParseInteger(std::string_view text, int64_t* value) {
  auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), *value);
  return status == std::errc() && end == text.data() + text.size();
}

Status CheckValue(const OptionRule& rule, const std::string& key, const std::string& value) {
  int64_t number = 0;
  switch (rule.kind) {
    case OptionKind::kText: return Ok();
    case OptionKind::kBoolean:
      if (value == "true" || value == "false") return Ok();
      return Error(ErrorCode::kInvalidOption, fmt::format("'{}' is '{}'; it takes 'true' or 'false'", key, value));
    case OptionKind::kInteger:
      if (ParseInteger(value, &number)) return Ok();
      return Error(ErrorCode::kInvalidOption, fmt::format("'{}' is '{}'; it takes a whole number", key, value));
    case OptionKind::kDuration: {
      auto duration = ParseDurationMs(value);
      if (duration.ok()) return Ok();
      return Error(ErrorCode::kInvalidOption, fmt::format("'{}': {}", key, duration.error().message()));
    }
    case OptionKind::kChoice:
      for (std::string_view choice : rule.choices) {
        if (choice == value) return Ok();
      }
      return Error(ErrorCode::kInvalidOption, fmt::format("'{}' is '{}'; it takes one of: {}", key, value, fmt::join(rule.choices, ", ")))
          .Candidates(base::NearNames(value, {rule.choices.begin(), rule.choices.end()}));
  }
  FIRN_UNREACHABLE("option kind");
}

}  // namespace

Status CheckOptions(const plan::TableDefinition& table, const std::vector<OptionRule>& rules) {
  for (const auto& [key, value] : table.options) {
    if (key == "connector" || key == "property-version") continue;
    const OptionRule* rule = nullptr;
    for (const OptionRule& candidate : rules) {
      if (Matches(candidate, key)) rule = &candidate;
    }
    if (rule == nullptr) {
      std::vector<std::string> known;
      for (const OptionRule& candidate : rules) known.emplace_back(candidate.key);
      return Error(ErrorCode::kInvalidOption, fmt::format("the {} connector has no option '{}' (table {})", table.connector, key, table.path.ToString()))
          .Hint(fmt::format("it takes: {}", fmt::join(known, ", ")))
          .Candidates(base::NearNames(key, known));
    }
    FIRN_RETURN_IF_ERROR(CheckValue(*rule, key, value));
  }
  for (const OptionRule& rule : rules) {
    if (rule.is_required && !table.options.contains(std::string(rule.key))) {
      return Error(ErrorCode::kInvalidOption, fmt::format("the {} connector needs the option '{}' (table {})", table.connector, rule.key, table.path.ToString()))
          .Hint(std::string(rule.doc));
    }
  }
  return Ok();
}

Status CheckHints(const plan::TableDefinition& table, const std::vector<OptionRule>& rules) {
  plan::TableDefinition hinted;
  hinted.path = table.path;
  hinted.connector = table.connector;
  for (const std::string& key : table.hints) hinted.options[key] = table.Option(key);
  return CheckOptions(hinted, rules);
}

int64_t IntegerOption(const plan::TableDefinition& table, const std::string& key, int64_t otherwise) {
  auto found = table.options.find(key);
  if (found == table.options.end()) return otherwise;
  int64_t value = otherwise;
  FIRN_ASSERT(ParseInteger(found->second, &value), "option '{}' was not checked: '{}'", key, found->second);
  return value;
}

bool BooleanOption(const plan::TableDefinition& table, const std::string& key, bool otherwise) {
  auto found = table.options.find(key);
  return found == table.options.end() ? otherwise : found->second == "true";
}

Result<int64_t> ParseDurationMs(std::string_view text) {
  const auto duration = base::ParseDurationMs(text);
  if (!duration) return Error(ErrorCode::kInvalidOption, fmt::format("'{}' is no duration; write it as '500 ms', '10 s', '5 min', '1 h' or '1 d'", text));
  return *duration;
}

int64_t DurationOptionMs(const plan::TableDefinition& table, const std::string& key, int64_t otherwise_ms) {
  auto found = table.options.find(key);
  if (found == table.options.end()) return otherwise_ms;
  auto duration = ParseDurationMs(found->second);
  FIRN_ASSERT(duration.ok(), "option '{}' was not checked: '{}'", key, found->second);
  return *duration;
}

}  // namespace firn::connect
