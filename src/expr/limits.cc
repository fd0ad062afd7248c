// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "expr/limits.h"

namespace firn::expr {

Error TextTooLong(std::string_view function, const Limits& limits) {
  return Error(ErrorCode::kEvaluationError, fmt::format("{} would make a text of over {} bytes, the limit", function, limits.text_bytes)).Hint("shorten what it is made of, for example with LEFT(string, length)");
}

Error ColumnTooLarge(int64_t bytes_max) {
  return Error(ErrorCode::kLimitExceeded, fmt::format("a column of texts would take over {} bytes in one batch of rows, the limit", bytes_max)).Hint("make shorter texts");
}

Error TooManyElements(int64_t elements_max) {
  return Error(ErrorCode::kLimitExceeded, fmt::format("a column of arrays or maps would have over {} elements in one batch of rows, the limit", elements_max)).Hint("make shorter arrays");
}

}  // namespace firn::expr
