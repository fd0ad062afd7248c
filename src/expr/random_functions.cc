// SPDX-License-Identifier: Apache-2.0
// Values that differ from row to row though the arguments do not. With a seed they are those of java.util.Random, as Flink's are: a literal seed gives one
// sequence over the rows of an operator's lane, another seed begins anew at each row.
#include <fmt/format.h>

#include <any>
#include <limits>
#include <optional>

#include "expr/function_groups_internal.h"
#include "expr/signatures_internal.h"
#include "io/random.h"

namespace firn::expr {

namespace {

using types::DataType;

Error NoRandomness(const KernelInput&) { return Error(ErrorCode::kEvaluationError, "there is no randomness where the query is planned").Hint("use the function in a query over rows"); }

/// The generator that java.util.Random documents: a linear congruential one of 48 bits.
class SeededSequence {
 public:
  explicit SeededSequence(int64_t seed) : state_((static_cast<uint64_t>(seed) ^ kMultiplier) & kMask) {}
  double NextDouble() {
    const auto high = static_cast<int64_t>(Next(26)) << 27;
    return static_cast<double>(high + Next(27)) * 0x1.0p-53;
  }
  /// From 0 to below `bound`, which is positive.
  int32_t NextBelow(int32_t bound) {
    if ((bound & -bound) == bound) return static_cast<int32_t>((static_cast<int64_t>(bound) * Next(31)) >> 31);
    for (;;) {
      const int32_t bits = Next(31);
      const int32_t value = bits % bound;
      if (static_cast<int64_t>(bits) - value + (bound - 1) <= std::numeric_limits<int32_t>::max()) return value;
    }
  }

 private:
  static constexpr uint64_t kMultiplier = 0x5DEECE66D;
  static constexpr uint64_t kMask = (uint64_t{1} << 48) - 1;

  int32_t Next(int bits) {
    state_ = (state_ * kMultiplier + 0xB) & kMask;
    return static_cast<int32_t>(static_cast<uint32_t>(state_ >> (48 - bits)));
  }

  uint64_t state_;
};

/// The sequence of a row: the call's own for a constant seed, else a new one.
class Sequences {
 public:
  explicit Sequences(const KernelInput& input) : is_constant_(input.arguments[0].is_constant && input.memory != nullptr), memory_(input.memory) {}
  SeededSequence& Of(int32_t seed) {
    if (!is_constant_) return own_.emplace(seed);
    if (!memory_->has_value()) *memory_ = SeededSequence(seed);
    return *std::any_cast<SeededSequence>(memory_);
  }

 private:
  const bool is_constant_;
  std::any* memory_;
  std::optional<SeededSequence> own_;
};

Result<Signature> BindRand(const CallSite& call) {
  if (call.types.empty()) return Signature{{}, DataType::Double().NotNull()};
  FIRN_TRY(std::vector<DataType> types, CheckArguments(call, {Want::kInt}, 1, "RAND(seed)"));
  return Signature{std::move(types), Strict(DataType::Double(), call)};
}

Result<Column> Rand(const KernelInput& input) {
  if (!input.arguments.empty()) {
    Sequences sequences(input);
    return Map<double, int32_t>(input, [&](int32_t seed) { return sequences.Of(seed).NextDouble(); });
  }
  if (input.context.random == nullptr) return NoRandomness(input);
  ColumnMaker<double> maker(input.result_type, input.row_count);
  for (int64_t row = 0; row < input.row_count; ++row) maker.Set(row, static_cast<double>(input.context.random->Next() >> 11) * 0x1.0p-53);
  return maker.Finish(false);
}

Result<Signature> BindRandInteger(const CallSite& call) {
  const bool has_seed = call.types.size() == 2;
  FIRN_TRY(std::vector<DataType> types, has_seed ? CheckArguments(call, {Want::kInt, Want::kBigInt}, 2, "RAND_INTEGER(seed, bound)")
                                                 : CheckArguments(call, {Want::kBigInt}, 1, "RAND_INTEGER([seed,] bound)"));
  return Signature{std::move(types), Strict(DataType::Int(), call)};
}

Result<int32_t> CheckedBound(int64_t bound) {
  if (bound > 0 && bound <= std::numeric_limits<int32_t>::max()) return static_cast<int32_t>(bound);
  return Error(ErrorCode::kEvaluationError, fmt::format("RAND_INTEGER below {} has no value", bound)).Hint("the bound is from 1 to 2147483647");
}

Result<Column> RandInteger(const KernelInput& input) {
  if (input.arguments.size() == 2) {
    Sequences sequences(input);
    return Map<int32_t, int32_t, int64_t>(input, [&](int32_t seed, int64_t bound) -> Result<int32_t> {
      FIRN_TRY(const int32_t below, CheckedBound(bound));
      return sequences.Of(seed).NextBelow(below);
    });
  }
  if (input.context.random == nullptr) return NoRandomness(input);
  return Map<int32_t, int64_t>(input, [&](int64_t bound) -> Result<int32_t> {
    FIRN_TRY(const int32_t below, CheckedBound(bound));
    return static_cast<int32_t>(input.context.random->Below(static_cast<uint64_t>(below)));
  });
}

Result<Signature> BindUuid(const CallSite& call) {
  if (!call.types.empty()) return ArgumentError(call, "no arguments");
  return Signature{{}, DataType::Char(36).NotNull()};
}

Result<Column> Uuid(const KernelInput& input) {
  if (input.context.random == nullptr) return NoRandomness(input);
  auto maker = MakerOf<std::string>(input);
  for (int64_t row = 0; row < input.row_count; ++row) maker.Set(row, input.context.random->UuidText());
  return maker.Finish(false);
}

}  // namespace

std::vector<ScalarFunction> RandomFunctions() {
  std::vector<ScalarFunction> functions = {
      {{"RAND"}, "arithmetic", "RAND([seed])", "A random number from 0 to below 1; with a seed the same ones each time.", {{"RAND(42)", "0.7275636800328681"}}, BindRand, Rand, false},
      {{"RAND_INTEGER"}, "arithmetic", "RAND_INTEGER([seed,] bound)", "A random integer from 0 to below the bound; with a seed the same ones each time.", {{"RAND_INTEGER(42, 10)", "0"}}, BindRandInteger, RandInteger, false},
      {{"UUID"}, "arithmetic", "UUID()", "A random UUID.", {}, BindUuid, Uuid, false},
  };
  functions[1].can_fail = true;
  return functions;
}

}  // namespace firn::expr
