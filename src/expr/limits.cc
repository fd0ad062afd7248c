// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "expr/limits_internal.h"

namespace firn::expr {

Error TextTooLong(std::string_view function) {
  return Error(ErrorCode::kEvaluationError, fmt::format("{} would make a text of over {} bytes, the limit", function, limits.text_bytes)).Hint("shorten what it is made of, for example with LEFT(string, length)");
}

Error ColumnTooLarge() {
  return Error(ErrorCode::kLimitExceeded, fmt::format("a column of texts would take over {} bytes in one batch of rows, the limit", limits.column_bytes)).Hint("make shorter texts");
}

Error TooManyElements() {
  return Error(ErrorCode::kLimitExceeded, fmt::format("a column of arrays or maps would have over {} elements in one batch of rows, the limit", limits.column_elements)).Hint("make shorter arrays");
}

}  // namespace firn::expr
