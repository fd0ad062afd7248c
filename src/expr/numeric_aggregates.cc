// SPDX-License-Identifier: Apache-2.0
// COUNT, SUM, AVG: states that take back what they were given, so that append-only and retracting input share one accumulator.
#include <arrow/util/decimal.h>

#include <limits>

#include "expr/aggregate_groups_internal.h"
#include "expr/kernel_internal.h"
#include "expr/type_rules_internal.h"

namespace firn::expr {

namespace {

using types::ArrayPtr;
using types::DataType;
using types::TypeKind;

class CountAccumulator final : public GroupedAccumulator {
 public:
  void Resize(int64_t count) override {
    FIRN_ASSERT(static_cast<size_t>(count) >= counts_.size(), "{} counts become {}", counts_.size(), count);
    counts_.resize(static_cast<size_t>(count), 0);
  }
  Status Update(std::span<const uint32_t> groups, std::span<const ArrayPtr> arguments, const ArrayPtr& kinds, const ArrayPtr& filter) override {
    CheckColumns(groups, arguments, arguments.size());
    const bool has_nulls = std::any_of(arguments.begin(), arguments.end(), [](const ArrayPtr& array) { return array->null_count() > 0; });
    const bool counts_all = !has_nulls && kinds == nullptr && filter == nullptr && !groups.empty();
    if (counts_all && std::all_of(groups.begin(), groups.end(), [first = groups[0]](uint32_t group) { return group == first; })) {
      FIRN_ASSERT(groups[0] < counts_.size(), "{} rows of group {} of {}", groups.size(), groups[0], counts_.size());
      counts_[groups[0]] += static_cast<int64_t>(groups.size());
      return Ok();
    }
    ForEachRow(groups, kinds, filter, [&](int64_t row, uint32_t group, bool retracts) {
      if (has_nulls) {
        for (const ArrayPtr& array : arguments) {
          if (array->IsNull(row)) return;
        }
      }
      counts_[group] += retracts ? -1 : 1;
    });
    return Ok();
  }
  Status Merge(const GroupedAccumulator& other, std::span<const uint32_t> groups) override {
    const auto& from = static_cast<const CountAccumulator&>(other);
    FIRN_ASSERT(groups.size() <= from.counts_.size(), "{} groups of {} are merged", groups.size(), from.counts_.size());
    for (size_t i = 0; i < groups.size(); ++i) counts_[groups[i]] += from.counts_[i];
    return Ok();
  }
  Result<ArrayPtr> Finish(std::span<const uint32_t> groups) const override {
    arrow::Int64Builder builder;
    FIRN_RETURN_IF_ERROR(types::FromArrowStatus(builder.Reserve(static_cast<int64_t>(groups.size()))));
    for (uint32_t group : groups) builder.UnsafeAppend(counts_[group]);
    return types::FromArrowResult(builder.Finish());
  }
  Result<std::vector<ArrayPtr>> Save(std::span<const uint32_t> groups) const override {
    FIRN_TRY(ArrayPtr counts, Finish(groups));
    return std::vector<ArrayPtr>{std::move(counts)};
  }
  Status Load(std::span<const uint32_t> groups, std::span<const ArrayPtr> state) override {
    CheckState(groups, state, 1);
    FIRN_ASSERT(state[0]->type_id() == arrow::Type::INT64, "counts are stored as {}", state[0]->type()->ToString());
    const auto& counts = static_cast<const arrow::Int64Array&>(*state[0]);
    for (size_t i = 0; i < groups.size(); ++i) counts_[groups[i]] = counts.IsNull(static_cast<int64_t>(i)) ? 0 : counts.Value(static_cast<int64_t>(i));
    return Ok();
  }
  void Reset(std::span<const uint32_t> groups) override {
    for (uint32_t group : groups) counts_[group] = 0;
  }
  int64_t bytes() const override { return static_cast<int64_t>(counts_.capacity() * sizeof(int64_t)); }

 private:
  std::vector<int64_t> counts_;
};

// Of a decimal sum that 128 bits do not hold: no sum of decimals is so small by itself.
const arrow::Decimal128 kOverflown(std::numeric_limits<int64_t>::min(), 0);

// The sum of a machine number or decimal, and how many values went in. `State` is what is added up; a decimal sum that overflows is NULL from
// then on, until all of its values are gone.
template <typename In, typename State, bool kAverage>
class SumAccumulator final : public GroupedAccumulator {
 public:
  explicit SumAccumulator(const Signature& signature) : input_(signature.arguments[0]), result_(signature.result) {
    constexpr bool kIsDecimal = std::is_same_v<State, arrow::Decimal128>;
    FIRN_ASSERT(kIsDecimal == (result_.kind() == TypeKind::kDecimal) && (!kIsDecimal || result_.scale() >= input_.scale()), "a sum of {} is a {}", input_.ToString(), result_.ToString());
  }
  void Resize(int64_t count) override {
    FIRN_ASSERT(static_cast<size_t>(count) >= sums_.size(), "{} sums become {}", sums_.size(), count);
    sums_.resize(static_cast<size_t>(count), State{});
    counts_.resize(static_cast<size_t>(count), 0);
  }
  Status Update(std::span<const uint32_t> groups, std::span<const ArrayPtr> arguments, const ArrayPtr& kinds, const ArrayPtr& filter) override {
    CheckColumns(groups, arguments, input_);
    const Column column{arguments[0], false};
    const ViewOf<In> values(column);
    const bool has_nulls = values.has_nulls();
    ForEachRow(groups, kinds, filter, [&](int64_t row, uint32_t group, bool retracts) {
      if (has_nulls && !values.IsValid(row)) return;
      Add(group, static_cast<State>(values[row]), retracts);
      counts_[group] += retracts ? -1 : 1;
      if constexpr (!std::is_integral_v<State>) {
        if (counts_[group] == 0) sums_[group] = State{};  // nothing stays of an overflow, a NaN or what rounding has left
      }
    });
    return Ok();
  }
  Status Merge(const GroupedAccumulator& other, std::span<const uint32_t> groups) override {
    const auto& from = static_cast<const SumAccumulator&>(other);
    FIRN_ASSERT(from.input_.EqualsIgnoringNullability(input_), "sums of {} are added to sums of {}", from.input_.ToString(), input_.ToString());
    FIRN_ASSERT(groups.size() <= from.counts_.size() && from.sums_.size() == from.counts_.size(), "{} groups of {} sums and {} counts are merged", groups.size(), from.sums_.size(), from.counts_.size());
    for (size_t i = 0; i < groups.size(); ++i) {
      Add(groups[i], from.sums_[i], false);
      counts_[groups[i]] += from.counts_[i];
    }
    return Ok();
  }
  Result<ArrayPtr> Finish(std::span<const uint32_t> groups) const override {
    ColumnMaker<Out> maker(result_, static_cast<int64_t>(groups.size()));
    for (size_t i = 0; i < groups.size(); ++i) {
      const auto row = static_cast<int64_t>(i);
      const auto value = ResultOf(groups[i]);
      if (value) {
        maker.Set(row, *value);
      } else {
        maker.SetNull(row);
      }
    }
    FIRN_TRY(Column column, maker.Finish(false));
    return column.array;
  }
  Result<std::vector<ArrayPtr>> Save(std::span<const uint32_t> groups) const override {
    const auto rows = static_cast<int64_t>(groups.size());
    const DataType state_type = StateType(input_);
    ColumnMaker<Stored> sums(state_type, rows);
    const DataType count_type = DataType::BigInt();
    ColumnMaker<int64_t> counts(count_type, rows);
    for (size_t i = 0; i < groups.size(); ++i) {
      sums.Set(static_cast<int64_t>(i), sums_[groups[i]]);
      counts.Set(static_cast<int64_t>(i), counts_[groups[i]]);
    }
    FIRN_TRY(Column sum, sums.Finish(false));
    FIRN_TRY(Column count, counts.Finish(false));
    return std::vector<ArrayPtr>{sum.array, count.array};
  }
  Status Load(std::span<const uint32_t> groups, std::span<const ArrayPtr> state) override {
    CheckState(groups, state, 2);
    FIRN_ASSERT(HaveOneForm(*state[0]->type(), *StateType(input_).ToArrow()), "sums of {} are stored as {}", input_.ToString(), state[0]->type()->ToString());
    const Column sum{state[0], false};
    const Column count{state[1], false};
    const ViewOf<Stored> sums(sum);
    const FixedView<int64_t> counts(count);
    for (size_t i = 0; i < groups.size(); ++i) {
      const auto row = static_cast<int64_t>(i);
      sums_[groups[i]] = sums.IsValid(row) ? static_cast<State>(sums[row]) : State{};
      counts_[groups[i]] = counts.IsValid(row) ? counts[row] : 0;
    }
    return Ok();
  }
  void Reset(std::span<const uint32_t> groups) override {
    for (uint32_t group : groups) {
      sums_[group] = State{};
      counts_[group] = 0;
    }
  }
  int64_t bytes() const override { return static_cast<int64_t>(sums_.capacity() * sizeof(State) + counts_.capacity() * sizeof(int64_t)); }

  static DataType StateType(const DataType& input) {
    if constexpr (std::is_same_v<State, arrow::Decimal128>) return DataType::Decimal(types::kMaxDecimalPrecision, input.scale());
    else if constexpr (std::is_floating_point_v<State>) return DataType::Double();
    else return DataType::BigInt();
  }

 private:
  using Out = std::conditional_t<std::is_same_v<State, arrow::Decimal128>, State, In>;
  using Stored = std::conditional_t<std::is_floating_point_v<State>, double, State>;  // a FLOAT's sum too, exactly: what is stored has one form

  void Add(uint32_t group, const State& value, bool retracts) {
    if constexpr (std::is_integral_v<State>) {
      sums_[group] = static_cast<State>(static_cast<uint64_t>(sums_[group]) + (retracts ? -static_cast<uint64_t>(value) : static_cast<uint64_t>(value)));
    } else if constexpr (std::is_same_v<State, arrow::Decimal128>) {
      arrow::Decimal128& sum = sums_[group];
      if (sum == kOverflown || value == kOverflown) {
        sum = kOverflown;
        return;
      }
      const arrow::Decimal128 change = retracts ? arrow::Decimal128(-value) : value;
      const bool may_overflow = sum.IsNegative() == change.IsNegative();
      const bool was_negative = sum.IsNegative();
      sum += change;
      if (may_overflow && sum.IsNegative() != was_negative) sum = kOverflown;
    } else {
      sums_[group] = retracts ? State(sums_[group] - value) : State(sums_[group] + value);
    }
  }

  std::optional<Out> ResultOf(uint32_t group) const {
    if (counts_[group] == 0) return std::nullopt;
    if constexpr (std::is_same_v<State, arrow::Decimal128>) {
      arrow::Decimal128 value = sums_[group];
      if (value == kOverflown) return std::nullopt;
      if (kAverage) {  // half up at the result's scale
        const arrow::Decimal256 wide = arrow::Decimal256(value).IncreaseScaleBy(result_.scale() - input_.scale());
        auto parts = wide.Divide(arrow::Decimal256(counts_[group])).ValueOrDie();
        if (arrow::Decimal256::Abs(parts.second) * arrow::Decimal256(2) >= arrow::Decimal256::Abs(arrow::Decimal256(counts_[group]))) {
          parts.first += arrow::Decimal256(wide.IsNegative() ? -1 : 1);
        }
        if (!parts.first.FitsInPrecision(result_.precision())) return std::nullopt;  // before its upper half goes
        value = arrow::Decimal128(static_cast<int64_t>(parts.first.native_endian_array()[1]), parts.first.native_endian_array()[0]);
      }
      if (!value.FitsInPrecision(result_.precision())) return std::nullopt;
      return value;
    } else if constexpr (kAverage) {
      return static_cast<Out>(sums_[group] / static_cast<State>(counts_[group]));
    } else {
      return static_cast<Out>(sums_[group]);
    }
  }

  const DataType input_;
  const DataType result_;
  std::vector<State> sums_;
  std::vector<int64_t> counts_;
};

template <bool kAverage>
Result<std::unique_ptr<GroupedAccumulator>> MakeSum(const Signature& signature, const AggregateOptions&) {
  std::unique_ptr<GroupedAccumulator> made;
  switch (signature.arguments[0].kind()) {
    case TypeKind::kTinyInt: made = std::make_unique<SumAccumulator<int8_t, int64_t, kAverage>>(signature); break;
    case TypeKind::kSmallInt: made = std::make_unique<SumAccumulator<int16_t, int64_t, kAverage>>(signature); break;
    case TypeKind::kInt: made = std::make_unique<SumAccumulator<int32_t, int64_t, kAverage>>(signature); break;
    case TypeKind::kBigInt: made = std::make_unique<SumAccumulator<int64_t, int64_t, kAverage>>(signature); break;
    case TypeKind::kFloat: made = std::make_unique<SumAccumulator<float, std::conditional_t<kAverage, double, float>, kAverage>>(signature); break;  // as in Flink
    case TypeKind::kDouble: made = std::make_unique<SumAccumulator<double, double, kAverage>>(signature); break;
    case TypeKind::kDecimal: made = std::make_unique<SumAccumulator<arrow::Decimal128, arrow::Decimal128, kAverage>>(signature); break;
    default: FIRN_UNREACHABLE("SUM of {}", signature.arguments[0].ToString());
  }
  return made;
}

std::vector<types::Field> SumState(const Signature& signature, const AggregateOptions&) {
  const DataType& input = signature.arguments[0];
  const DataType sum = input.kind() == TypeKind::kDecimal ? DataType::Decimal(types::kMaxDecimalPrecision, input.scale()) : input.IsApproximate() ? DataType::Double() : DataType::BigInt();
  return {{"sum", sum}, {"count", DataType::BigInt()}};
}

Result<Signature> BindSum(const CallSite& call) {
  FIRN_TRY(std::vector<DataType> types, CheckArguments(call, {Want::kNumeric}, 1, "one number"));
  const DataType& input = types[0];
  const DataType result = input.kind() == TypeKind::kDecimal ? DataType::Decimal(types::kMaxDecimalPrecision, input.scale()) : input;
  return Signature{types, result.WithNullable(true)};
}

Result<Signature> BindAverage(const CallSite& call) {
  FIRN_TRY(std::vector<DataType> types, CheckArguments(call, {Want::kNumeric}, 1, "one number"));
  const DataType& input = types[0];
  const DataType result = input.kind() == TypeKind::kDecimal ? DataType::Decimal(types::kMaxDecimalPrecision, std::max(6, input.scale())) : input;
  return Signature{types, result.WithNullable(true)};
}

Result<Signature> BindCount(const CallSite& call) { return Signature{call.types, DataType::BigInt().NotNull()}; }

}  // namespace

std::vector<AggregateFunction> NumericAggregates() {
  const auto make_count = [](const Signature&, const AggregateOptions&) -> Result<std::unique_ptr<GroupedAccumulator>> {
    return std::unique_ptr<GroupedAccumulator>(std::make_unique<CountAccumulator>());
  };
  const auto count_state = [](const Signature&, const AggregateOptions&) { return std::vector<types::Field>{{"count", DataType::BigInt()}}; };
  return {
      {{"COUNT"}, "COUNT(*), COUNT([DISTINCT] value, ...)", "How many rows have values.", BindCount, count_state, make_count, true},
      {{"SUM"}, "SUM([DISTINCT] number)", "The sum, in the type of the numbers.", BindSum, SumState, MakeSum<false>, true},
      {{"AVG"}, "AVG([DISTINCT] number)", "The mean; of integers cut towards zero.", BindAverage, SumState, MakeSum<true>, true},
  };
}

}  // namespace firn::expr
