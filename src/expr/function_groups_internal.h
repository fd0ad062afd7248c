// SPDX-License-Identifier: Apache-2.0
// The files that functions live in; the registry collects them. A new file of functions is named here once.
#pragma once

#include <string_view>
#include <vector>

#include "expr/scalar_function.h"

namespace firn::expr {

std::vector<ScalarFunction> AddressFunctions();
std::vector<ScalarFunction> ArithmeticFunctions();
std::vector<ScalarFunction> ArrayFunctions();
std::vector<ScalarFunction> CalendarFunctions();
std::vector<ScalarFunction> CastFunctions();
std::vector<ScalarFunction> CollectionFunctions();
std::vector<ScalarFunction> ComparisonFunctions();
std::vector<ScalarFunction> ConditionalFunctions();
std::vector<ScalarFunction> EncodingFunctions();
std::vector<ScalarFunction> FormatFunctions();
std::vector<ScalarFunction> JsonFunctions();
std::vector<ScalarFunction> LogicalFunctions();
std::vector<ScalarFunction> MathFunctions();
std::vector<ScalarFunction> RandomFunctions();
std::vector<ScalarFunction> RegexpFunctions();
std::vector<ScalarFunction> RoundingFunctions();
std::vector<ScalarFunction> SessionFunctions();
std::vector<ScalarFunction> StringFunctions();
std::vector<ScalarFunction> TemporalFunctions();
std::vector<ScalarFunction> TimeTextFunctions();

/// Words that binding.cc spells with other functions, so that they have no entry: IF, YEAR, TIMESTAMPADD.
std::vector<std::string_view> RespelledNames();

/// TO_TIMESTAMP_LTZ of texts.
Result<Column> TextToInstant(const KernelInput& input);

}  // namespace firn::expr
