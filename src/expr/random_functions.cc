// SPDX-License-Identifier: Apache-2.0
// Values that differ from row to row though the arguments do not. A seed would need a state that lives from batch to batch: refused.
#include <fmt/format.h>

#include <limits>

#include "expr/function_groups_internal.h"
#include "expr/signatures_internal.h"
#include "io/random.h"

namespace firn::expr {

namespace {

using types::DataType;

Error NoRandomness(const KernelInput&) { return Error(ErrorCode::kEvaluationError, "there is no randomness where the query is planned"); }

Result<Signature> BindRand(const CallSite& call) {
  if (!call.types.empty()) return Error(ErrorCode::kNotSupported, "RAND with a seed is not supported").At(call.span).Hint("RAND()");
  return Signature{{}, DataType::Double().NotNull()};
}

Result<Column> Rand(const KernelInput& input) {
  if (input.context.random == nullptr) return NoRandomness(input);
  ColumnMaker<double> maker(input.result_type, input.row_count);
  for (int64_t row = 0; row < input.row_count; ++row) maker.Set(row, static_cast<double>(input.context.random->Next() >> 11) * 0x1.0p-53);
  return maker.Finish(false);
}

Result<Signature> BindRandInteger(const CallSite& call) {
  if (call.types.size() == 2) return Error(ErrorCode::kNotSupported, "RAND_INTEGER with a seed is not supported").At(call.span).Hint("RAND_INTEGER(bound)");
  FIRN_TRY(std::vector<DataType> types, CheckArguments(call, {Want::kBigInt}, 1, "RAND_INTEGER(bound)"));
  return Signature{std::move(types), Strict(DataType::Int(), call)};
}

Result<Column> RandInteger(const KernelInput& input) {
  if (input.context.random == nullptr) return NoRandomness(input);
  return Map<int32_t, int64_t>(input, [&](int64_t bound) -> Result<int32_t> {
    if (bound > 0 && bound <= std::numeric_limits<int32_t>::max()) return static_cast<int32_t>(input.context.random->Below(static_cast<uint64_t>(bound)));
    return Error(ErrorCode::kEvaluationError, fmt::format("RAND_INTEGER below {} has no value", bound)).Hint("the bound is from 1 to 2147483647");
  });
}

Result<Signature> BindUuid(const CallSite& call) {
  if (!call.types.empty()) return ArgumentError(call, "no arguments");
  return Signature{{}, DataType::Char(36).NotNull()};
}

Result<Column> Uuid(const KernelInput& input) {
  if (input.context.random == nullptr) return NoRandomness(input);
  ColumnMaker<std::string> maker(input.result_type, input.row_count);
  for (int64_t row = 0; row < input.row_count; ++row) maker.Set(row, input.context.random->UuidText());
  return maker.Finish(false);
}

}  // namespace

std::vector<ScalarFunction> RandomFunctions() {
  std::vector<ScalarFunction> functions = {
      {{"RAND"}, "arithmetic", "RAND()", "A random number from 0 to below 1.", {}, BindRand, Rand, false},
      {{"RAND_INTEGER"}, "arithmetic", "RAND_INTEGER(bound)", "A random integer from 0 to below the bound.", {}, BindRandInteger, RandInteger, false},
      {{"UUID"}, "arithmetic", "UUID()", "A random UUID.", {}, BindUuid, Uuid, false},
  };
  functions[1].can_fail = true;
  return functions;
}

}  // namespace firn::expr
