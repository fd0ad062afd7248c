// SPDX-License-Identifier: Apache-2.0
// The options of the csv format, for what cuts files into records and what cuts records into fields.
#pragma once

#include <optional>
#include <string>

#include "formats/record_format.h"

namespace firn::formats {

struct CsvOptions {
  char delimiter = ',';
  char quote = '"';        // '\0': none
  char escape = '\0';      // '\0': none
  bool allows_comments = false;
  bool ignores_errors = false;
  bool trims = false;
  std::optional<std::string> null_literal;
};

/// kInvalidOption: a character that is none.
Result<CsvOptions> CsvOptionsOf(const FormatSpec& spec);

}  // namespace firn::formats
