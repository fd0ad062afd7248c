// SPDX-License-Identifier: Apache-2.0
// The files that functions live in; the registry collects them. A new file of functions is named here once.
#pragma once

#include <vector>

#include "expr/scalar_function.h"

namespace firn::expr {

std::vector<ScalarFunction> ArithmeticFunctions();
std::vector<ScalarFunction> CastFunctions();
std::vector<ScalarFunction> ComparisonFunctions();
std::vector<ScalarFunction> ConditionalFunctions();
std::vector<ScalarFunction> LogicalFunctions();
std::vector<ScalarFunction> StringFunctions();
std::vector<ScalarFunction> TemporalFunctions();

}  // namespace firn::expr
