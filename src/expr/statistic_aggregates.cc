// SPDX-License-Identifier: Apache-2.0
// VAR_POP, VAR_SAMP, STDDEV_POP, STDDEV_SAMP: count, mean and sum of squared differences from the mean, which take back and merge without the
// cancellation that sums of squares suffer.
#include <arrow/util/decimal.h>

#include <cmath>

#include "expr/aggregate_groups_internal.h"
#include "expr/kernel_internal.h"
#include "expr/narrow_number_internal.h"
#include "types/decimal_text.h"
#include "types/value_text.h"

namespace firn::expr {

namespace {

using types::ArrayPtr;
using types::DataType;
using types::TypeKind;

enum class Statistic { kVariancePopulation, kVarianceSample, kDeviationPopulation, kDeviationSample };

struct Moments {
  int64_t count = 0;
  double mean = 0;
  double squares = 0;

  void Add(double value) {
    ++count;
    const double difference = value - mean;
    mean += difference / static_cast<double>(count);
    squares += difference * (value - mean);
  }
  void Remove(double value) {
    if (count <= 1) {
      *this = Moments();
      return;
    }
    const double before = (mean * static_cast<double>(count) - value) / static_cast<double>(count - 1);
    squares = std::max(0.0, squares - (value - mean) * (value - before));
    mean = before;
    --count;
  }
  void Merge(const Moments& other) {
    if (other.count == 0) return;
    const auto total = static_cast<double>(count + other.count);
    const double difference = other.mean - mean;
    squares += other.squares + difference * difference * static_cast<double>(count) * static_cast<double>(other.count) / total;
    mean += difference * static_cast<double>(other.count) / total;
    count += other.count;
  }
};

template <Statistic kStatistic>
class StatisticAccumulator final : public GroupedAccumulator {
 public:
  explicit StatisticAccumulator(const Signature& signature) : result_(signature.result) {}
  void Resize(int64_t count) override {
    FIRN_ASSERT(static_cast<size_t>(count) >= moments_.size(), "the moments of {} groups become those of {}", moments_.size(), count);
    moments_.resize(static_cast<size_t>(count));
  }
  Status Update(std::span<const uint32_t> groups, std::span<const ArrayPtr> arguments, const ArrayPtr& kinds, const ArrayPtr& filter) override {
    CheckColumns(groups, arguments, DataType::Double());
    const Column column{arguments[0], false};
    const FixedView<double> values(column);
    ForEachRow(groups, kinds, filter, [&](int64_t row, uint32_t group, bool retracts) {
      if (!values.IsValid(row)) return;
      retracts ? moments_[group].Remove(values[row]) : moments_[group].Add(values[row]);
    });
    return Ok();
  }
  Status Merge(const GroupedAccumulator& other, std::span<const uint32_t> groups) override {
    const auto& from = static_cast<const StatisticAccumulator&>(other);
    FIRN_ASSERT(groups.size() <= from.moments_.size(), "{} groups of {} are merged", groups.size(), from.moments_.size());
    for (size_t i = 0; i < groups.size(); ++i) moments_[groups[i]].Merge(from.moments_[i]);
    return Ok();
  }
  Result<ArrayPtr> Finish(std::span<const uint32_t> groups) const override {
    if (result_.kind() == TypeKind::kDecimal) {
      return Make<arrow::Decimal128>(groups, [&](double value) -> std::optional<arrow::Decimal128> {
        if (!std::isfinite(value)) return std::nullopt;
        return types::ParseDecimal(types::DoubleText(value), result_.precision(), result_.scale());  // by its shortest digits, as Java's BigDecimal
      });
    }
    Result<ArrayPtr> array = ArrayPtr();
    FIRN_RETURN_IF_ERROR(VisitNumber(result_, [&]<typename T>() -> Result<Column> {
      array = Make<T>(groups, [](double value) { return std::optional<T>(NarrowNumber<T>(value)); });
      return Column{};
    }));
    return array;
  }
  Result<std::vector<ArrayPtr>> Save(std::span<const uint32_t> groups) const override {
    arrow::Int64Builder counts;
    arrow::DoubleBuilder means, squares;
    for (uint32_t group : groups) {
      FIRN_RETURN_IF_ERROR(types::FromArrowStatus(counts.Append(moments_[group].count)));
      FIRN_RETURN_IF_ERROR(types::FromArrowStatus(means.Append(moments_[group].mean)));
      FIRN_RETURN_IF_ERROR(types::FromArrowStatus(squares.Append(moments_[group].squares)));
    }
    FIRN_TRY(ArrayPtr count, types::FromArrowResult(counts.Finish()));
    FIRN_TRY(ArrayPtr mean, types::FromArrowResult(means.Finish()));
    FIRN_TRY(ArrayPtr square, types::FromArrowResult(squares.Finish()));
    return std::vector<ArrayPtr>{std::move(count), std::move(mean), std::move(square)};
  }
  Status Load(std::span<const uint32_t> groups, std::span<const ArrayPtr> state) override {
    CheckState(groups, state, 3);
    const Column count{state[0], false}, mean{state[1], false}, square{state[2], false};
    const FixedView<int64_t> counts(count);
    const FixedView<double> means(mean), squares(square);
    for (size_t i = 0; i < groups.size(); ++i) {
      const auto row = static_cast<int64_t>(i);
      moments_[groups[i]] = counts.IsValid(row) ? Moments{counts[row], means[row], squares[row]} : Moments();
    }
    return Ok();
  }
  void Reset(std::span<const uint32_t> groups) override {
    for (uint32_t group : groups) moments_[group] = Moments();
  }
  int64_t bytes() const override { return static_cast<int64_t>(moments_.capacity() * sizeof(Moments)); }

 private:
  template <typename T, typename Convert>
  Result<ArrayPtr> Make(std::span<const uint32_t> groups, const Convert& convert) const {
    ColumnMaker<T> maker(result_, static_cast<int64_t>(groups.size()));
    for (size_t i = 0; i < groups.size(); ++i) {
      const std::optional<double> value = ValueOf(moments_[groups[i]]);
      const std::optional<T> converted = value ? convert(*value) : std::nullopt;
      if (converted) {
        maker.Set(static_cast<int64_t>(i), *converted);
      } else {
        maker.SetNull(static_cast<int64_t>(i));
      }
    }
    FIRN_TRY(Column column, maker.Finish(false));
    return column.array;
  }
  static std::optional<double> ValueOf(const Moments& moments) {
    constexpr bool kIsSample = kStatistic == Statistic::kVarianceSample || kStatistic == Statistic::kDeviationSample;
    constexpr bool kIsDeviation = kStatistic == Statistic::kDeviationPopulation || kStatistic == Statistic::kDeviationSample;
    const int64_t divisor = moments.count - (kIsSample ? 1 : 0);
    if (divisor <= 0) return std::nullopt;
    FIRN_ASSERT(!(moments.squares < 0), "squared differences of {} values sum up to {}", moments.count, moments.squares);
    const double variance = moments.squares / static_cast<double>(divisor);
    return kIsDeviation ? std::sqrt(variance) : variance;
  }

  const DataType result_;
  std::vector<Moments> moments_;
};

// The type of the numbers; of integers cut towards zero, as in Flink.
Result<Signature> BindStatistic(const CallSite& call) {
  FIRN_TRY(std::vector<DataType> types, CheckArguments(call, {Want::kDouble}, 1, "one number"));
  DataType result = call.types[0];
  if (result.kind() == TypeKind::kDecimal) result = DataType::Decimal(types::kMaxDecimalPrecision, std::max(6, result.scale()));
  return Signature{types, result.WithNullable(true)};
}

std::vector<types::Field> StatisticState(const Signature&, const AggregateOptions&) {
  return {{"count", DataType::BigInt()}, {"mean", DataType::Double()}, {"squares", DataType::Double()}};
}

template <Statistic kStatistic>
Result<std::unique_ptr<GroupedAccumulator>> MakeStatistic(const Signature& signature, const AggregateOptions&) {
  return std::unique_ptr<GroupedAccumulator>(std::make_unique<StatisticAccumulator<kStatistic>>(signature));
}

}  // namespace

std::vector<AggregateFunction> StatisticAggregates() {
  using S = Statistic;
  return {
      {{"VAR_POP"}, "VAR_POP(number)", "The variance of all values.", BindStatistic, StatisticState, MakeStatistic<S::kVariancePopulation>, true},
      {{"VAR_SAMP", "VARIANCE"}, "VAR_SAMP(number)", "The variance, of values that are a sample.", BindStatistic, StatisticState, MakeStatistic<S::kVarianceSample>, true},
      {{"STDDEV_POP"}, "STDDEV_POP(number)", "The standard deviation of all values.", BindStatistic, StatisticState, MakeStatistic<S::kDeviationPopulation>, true},
      {{"STDDEV_SAMP", "STDDEV"}, "STDDEV_SAMP(number)", "The standard deviation, of values that are a sample.", BindStatistic, StatisticState, MakeStatistic<S::kDeviationSample>, true},
  };
}

}  // namespace firn::expr
