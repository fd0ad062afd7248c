// SPDX-License-Identifier: Apache-2.0
// A connector's WITH options as a table of rules: what is checked at CREATE and at planning, and what documentation lists.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "plan/catalog_view.h"

namespace firn::connect {

enum class OptionKind { kText, kBoolean, kInteger, kDuration, kChoice };

struct OptionRule {
  std::string_view key;       // "topic"; one that ends in '*' is a prefix: "properties.*"
  OptionKind kind = OptionKind::kText;
  bool is_required = false;
  std::vector<std::string_view> choices;  // kChoice
  std::string_view doc;
};

/// kInvalidOption: an unknown key (with near ones), a missing one, or a value of the wrong kind. Options of every connector ('connector',
/// 'property-version') are always accepted.
Status CheckOptions(const plan::TableDefinition& table, const std::vector<OptionRule>& rules);

/// The same of the options that a hint gave: of a table whose own options are properties, of which anybody may set any.
Status CheckHints(const plan::TableDefinition& table, const std::vector<OptionRule>& rules);

/// The value of an option that CheckOptions has passed.
int64_t IntegerOption(const plan::TableDefinition& table, const std::string& key, int64_t otherwise);
bool BooleanOption(const plan::TableDefinition& table, const std::string& key, bool otherwise);

/// Flink's durations: "1s", "500 ms", "1 min", "2 h", "1 d"; a bare number is milliseconds.
Result<int64_t> ParseDurationMs(std::string_view text);
int64_t DurationOptionMs(const plan::TableDefinition& table, const std::string& key, int64_t otherwise_ms);

}  // namespace firn::connect
