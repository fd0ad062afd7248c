// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "formats/csv_options_internal.h"
#include "formats/record_formats_internal.h"

namespace firn::formats {

namespace {

// One character, or an escape that SQL text cannot hold: \t, \n.
Result<char> OneCharacter(const FormatSpec& spec, const std::string& key, char otherwise) {
  auto found = spec.options.find(key);
  if (found == spec.options.end()) return otherwise;
  const std::string& text = found->second;
  if (text == "\\t") return '\t';
  if (text == "\\u0001") return '\1';
  if (text.size() == 1 && text[0] != '\n' && text[0] != '\r') return text[0];
  return Error(ErrorCode::kInvalidOption, fmt::format("'csv.{}' is '{}'; it takes one character of ASCII", key, text)).Hint("a tab is '\\t'");
}

}  // namespace

Result<CsvOptions> CsvOptionsOf(const FormatSpec& spec) {
  CsvOptions options;
  FIRN_TRY(options.delimiter, OneCharacter(spec, "field-delimiter", ','));
  FIRN_TRY(options.quote, OneCharacter(spec, "quote-character", '"'));
  FIRN_TRY(options.escape, OneCharacter(spec, "escape-character", '\0'));
  if (OptionIsTrue(spec, "disable-quote-character")) {
    if (spec.options.contains("quote-character")) {
      return Error(ErrorCode::kInvalidOption, "'csv.quote-character' is set while 'csv.disable-quote-character' is 'true'").Hint("leave one of them out");
    }
    options.quote = '\0';
  }
  options.allows_comments = OptionIsTrue(spec, "allow-comments");
  options.ignores_errors = OptionIsTrue(spec, "ignore-parse-errors");
  options.trims = OptionIsTrue(spec, "trim-spaces");
  if (auto found = spec.options.find("null-literal"); found != spec.options.end()) options.null_literal = found->second;
  return options;
}

}  // namespace firn::formats
