// SPDX-License-Identifier: Apache-2.0
// Texts of numbers as DECIMALs, for records and casts alike.
#pragma once

#include <arrow/util/decimal.h>

#include <optional>
#include <string_view>

namespace firn::types {

/// "[sign]digits[.digits][e[sign]digits]", half up to `scale`. nullopt for other texts and for what has more than `precision` digits then.
/// However long the text is, nothing wraps around.
std::optional<arrow::Decimal128> ParseDecimal(std::string_view text, int precision, int scale);

}  // namespace firn::types
