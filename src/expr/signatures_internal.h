// SPDX-License-Identifier: Apache-2.0
// Bindings that many functions share: a list of wants known at compile time, and a rule for the type of the result.
//
//   {"SQRT", ..., BindTo<DoubleType, 1, Want::kDouble>, ...}
#pragma once

#include <algorithm>

#include "expr/kernel_internal.h"

namespace firn::expr {

inline types::DataType StringType() { return types::DataType::String(); }
inline types::DataType BytesType() { return types::DataType::Bytes(); }
inline types::DataType IntType() { return types::DataType::Int(); }
inline types::DataType BigIntType() { return types::DataType::BigInt(); }
inline types::DataType DoubleType() { return types::DataType::Double(); }
inline types::DataType BooleanType() { return types::DataType::Boolean(); }
inline types::DataType DateType() { return types::DataType::Date(); }
inline types::DataType MillisTimestampType() { return types::DataType::Timestamp(3); }

inline types::DataType SizedText(int64_t length) { return types::DataType::Varchar(static_cast<int32_t>(std::min<int64_t>(length, types::kMaxLength))); }

// A list of wants known at compile time, and the type of the result.
template <types::DataType (*kResult)(), size_t kRequired, Want... kWants>
Result<Signature> BindTo(const CallSite& call) {
  FIRN_TRY(std::vector<types::DataType> types, CheckArguments(call, {kWants...}, kRequired, ""));
  return Signature{std::move(types), Strict(kResult(), call)};
}
// The same, nullable whatever the arguments.
template <types::DataType (*kResult)(), size_t kRequired, Want... kWants>
Result<Signature> BindNullable(const CallSite& call) {
  FIRN_TRY(std::vector<types::DataType> types, CheckArguments(call, {kWants...}, kRequired, ""));
  return Signature{std::move(types), kResult()};
}
// The type of the first argument.
template <size_t kRequired, Want... kWants>
Result<Signature> BindSame(const CallSite& call) {
  FIRN_TRY(std::vector<types::DataType> types, CheckArguments(call, {kWants...}, kRequired, ""));
  types::DataType result = Strict(types[0], call);
  return Signature{std::move(types), std::move(result)};
}
// VARCHAR as long as argument kIndex may be.
template <size_t kIndex, bool kNullable, size_t kRequired, Want... kWants>
Result<Signature> BindWithin(const CallSite& call) {
  FIRN_TRY(std::vector<types::DataType> types, CheckArguments(call, {kWants...}, kRequired, ""));
  types::DataType result = SizedText(types[kIndex].length());
  return Signature{std::move(types), kNullable ? result : Strict(result, call)};
}

}  // namespace firn::expr
