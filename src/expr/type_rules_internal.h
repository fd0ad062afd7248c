// SPDX-License-Identifier: Apache-2.0
// Flink's rules for the types of results: numeric widening and DECIMAL derivation.
#pragma once

#include <span>

#include "base/result.h"
#include "types/data_type.h"

namespace firn::expr {

/// An exact number as DECIMAL: TINYINT (3,0), SMALLINT (5,0), INT (10,0), BIGINT (19,0).
types::DataType AsDecimal(const types::DataType& type);
/// Precision and scale cut to 38 digits: whole digits are kept, at least min(scale, 6) of the fraction.
types::DataType CapDecimal(int precision, int scale);

enum class ArithmeticOperator { kAdd, kSubtract, kMultiply, kDivide, kModulo };
/// The result type of two numbers; nullability is the caller's.
types::DataType ArithmeticType(ArithmeticOperator op, const types::DataType& left, const types::DataType& right);
/// The numeric type both can be cast to without loss of whole digits.
types::DataType CommonNumericType(const types::DataType& left, const types::DataType& right);

}  // namespace firn::expr
