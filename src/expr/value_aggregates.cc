// SPDX-License-Identifier: Apache-2.0
// MIN, MAX, FIRST_VALUE, LAST_VALUE, SINGLE_VALUE: one kept value a group. Input that may be taken back: retractable_values.cc.
#include "expr/cell_codec_internal.h"
#include "expr/kernel_internal.h"
#include "expr/value_aggregates_internal.h"

namespace firn::expr {

namespace {

using types::ArrayPtr;
using types::DataType;
using types::TypeKind;

// One value a group and whether it is there. Which of several is kept is up to the classes below.
template <typename T>
class ValueByGroup : public GroupedAccumulator {
 public:
  explicit ValueByGroup(const Signature& signature) : type_(signature.arguments[0]) {}
  void Resize(int64_t count) override {
    values_.resize(static_cast<size_t>(count));
    states_.resize(static_cast<size_t>(count), 0);
  }
  Result<ArrayPtr> Finish(std::span<const uint32_t> groups) const override {
    ColumnMaker<T> maker(type_, static_cast<int64_t>(groups.size()));
    for (size_t i = 0; i < groups.size(); ++i) {
      if (states_[groups[i]] == kValue) {
        maker.Set(static_cast<int64_t>(i), values_[groups[i]]);
      } else {
        maker.SetNull(static_cast<int64_t>(i));
      }
    }
    FIRN_TRY(Column column, maker.Finish(false));
    return column.array;
  }
  Result<std::vector<ArrayPtr>> Save(std::span<const uint32_t> groups) const override {
    FIRN_TRY(ArrayPtr values, Finish(groups));
    arrow::Int8Builder states;
    for (uint32_t group : groups) FIRN_RETURN_IF_ERROR(types::FromArrowStatus(states.Append(static_cast<int8_t>(states_[group]))));
    FIRN_TRY(ArrayPtr state, types::FromArrowResult(states.Finish()));
    return std::vector<ArrayPtr>{std::move(values), std::move(state)};
  }
  Status Load(std::span<const uint32_t> groups, std::span<const ArrayPtr> state) override {
    CheckState(groups, state, 2);
    FIRN_ASSERT(HaveOneForm(*state[0]->type(), *type_.ToArrow()) && state[1]->type_id() == arrow::Type::INT8, "values of {} are stored as {}, their states as {}", type_.ToString(),
                state[0]->type()->ToString(), state[1]->type()->ToString());
    const Column value{state[0], false};
    const ViewOf<View> values(value);
    const auto& states = static_cast<const arrow::Int8Array&>(*state[1]);
    for (size_t i = 0; i < groups.size(); ++i) {
      const auto row = static_cast<int64_t>(i);
      states_[groups[i]] = states.IsNull(row) ? kEmpty : static_cast<uint8_t>(states.Value(row));
      FIRN_ASSERT(states_[groups[i]] <= kNull && (states_[groups[i]] != kValue || values.IsValid(row)), "a kept value is in state {}, it is there: {}", states_[groups[i]], values.IsValid(row));
      if (states_[groups[i]] == kValue) Set(groups[i], values[row]);
    }
    return Ok();
  }
  void Reset(std::span<const uint32_t> groups) override {
    for (uint32_t group : groups) states_[group] = kEmpty;
  }
  int64_t bytes() const override { return static_cast<int64_t>(values_.capacity() * sizeof(T) + states_.capacity()) + text_bytes_; }

 protected:
  using View = std::conditional_t<std::is_same_v<T, std::string>, std::string_view, T>;
  static constexpr uint8_t kEmpty = 0;
  static constexpr uint8_t kValue = 1;
  static constexpr uint8_t kNull = 2;  // the kept value is NULL (KeepsNulls)

  void CheckTaken(std::span<const uint32_t> groups, std::span<const ArrayPtr> arguments) const { CheckColumns(groups, arguments, type_); }
  void CheckMerged(size_t groups) const {
    FIRN_ASSERT(groups <= states_.size() && values_.size() == states_.size(), "{} groups of {} values and {} states are merged", groups, values_.size(), states_.size());
  }
  void Set(uint32_t group, const View& value) {
    if constexpr (std::is_same_v<T, std::string>) {
      text_bytes_ += static_cast<int64_t>(value.size()) - static_cast<int64_t>(values_[group].size());
      values_[group].assign(value);
    } else {
      values_[group] = value;
    }
  }

  std::conditional_t<std::is_same_v<T, bool>, std::vector<uint8_t>, std::vector<T>> values_;
  std::vector<uint8_t> states_;

 private:
  const DataType type_;
  int64_t text_bytes_ = 0;
};

// MIN and MAX. As in Flink nothing is smaller or larger than a NaN: one that came first is kept, and no other.
template <typename T, Keep kKeep>
class ExtremeValue final : public ValueByGroup<T> {
 public:
  using ValueByGroup<T>::ValueByGroup;
  Status Update(std::span<const uint32_t> groups, std::span<const ArrayPtr> arguments, const ArrayPtr& kinds, const ArrayPtr& filter) override {
    CheckTaken(groups, arguments);
    const Column column{arguments[0], false};
    const ViewOf<View> values(column);
    const bool has_nulls = values.has_nulls();
    ForEachRow(groups, kinds, filter, [&](int64_t row, uint32_t group, bool) {
      if (!has_nulls || values.IsValid(row)) Offer(group, values[row]);
    });
    return Ok();
  }
  Status Merge(const GroupedAccumulator& other, std::span<const uint32_t> groups) override {
    const auto& from = static_cast<const ExtremeValue&>(other);
    from.CheckMerged(groups.size());
    for (size_t i = 0; i < groups.size(); ++i) {
      if (from.states_[i] == kValue) Offer(groups[i], View(from.values_[i]));
    }
    return Ok();
  }

 private:
  using Base = ValueByGroup<T>;
  using Base::CheckMerged;
  using Base::CheckTaken;
  using Base::kValue;
  using Base::Set;
  using Base::states_;
  using Base::values_;
  using typename Base::View;

  void Offer(uint32_t group, const View& value) {
    if (states_[group] == kValue && !(kKeep == Keep::kMin ? value < View(values_[group]) : View(values_[group]) < value)) return;
    Set(group, value);
    states_[group] = kValue;
  }
};

// FIRST_VALUE, LAST_VALUE and SINGLE_VALUE: no look at values, so one class of code for each type is enough.
template <typename T>
class PositionValue final : public ValueByGroup<T> {
 public:
  PositionValue(const Signature& signature, Keep keep) : ValueByGroup<T>(signature), keep_(keep) {}
  Status Update(std::span<const uint32_t> groups, std::span<const ArrayPtr> arguments, const ArrayPtr& kinds, const ArrayPtr& filter) override {
    CheckTaken(groups, arguments);
    const Column column{arguments[0], false};
    const ViewOf<View> values(column);
    const bool has_nulls = values.has_nulls();
    const bool keeps_nulls = KeepsNulls(keep_);
    bool is_crowded = false;
    ForEachRow(groups, kinds, filter, [&](int64_t row, uint32_t group, bool) {
      const bool is_null = has_nulls && !values.IsValid(row);
      if (is_null && !keeps_nulls) return;
      is_crowded |= states_[group] != kEmpty;
      Offer(group, is_null ? View() : values[row], is_null ? kNull : kValue);
    });
    if (is_crowded && keep_ == Keep::kSingle) return TooManyRows();
    return Ok();
  }
  Status Merge(const GroupedAccumulator& other, std::span<const uint32_t> groups) override {
    const auto& from = static_cast<const PositionValue&>(other);
    from.CheckMerged(groups.size());
    for (size_t i = 0; i < groups.size(); ++i) {
      if (from.states_[i] != kEmpty) Offer(groups[i], View(from.values_[i]), from.states_[i]);
    }
    return Ok();
  }

 private:
  using Base = ValueByGroup<T>;
  using Base::CheckMerged;
  using Base::CheckTaken;
  using Base::kEmpty;
  using Base::kNull;
  using Base::kValue;
  using Base::Set;
  using Base::states_;
  using Base::values_;
  using typename Base::View;

  void Offer(uint32_t group, const View& value, uint8_t state) {
    if (states_[group] != kEmpty && keep_ != Keep::kLast) return;
    Set(group, value);
    states_[group] = state;
  }

  const Keep keep_;
};

// An ARRAY, MAP or ROW a group, as the bytes of its cell.
class PositionCell final : public GroupedAccumulator {
 public:
  PositionCell(const Signature& signature, std::unique_ptr<CellCodec> codec, Keep keep)
      : type_(signature.arguments[0]), codec_(std::move(codec)), cells_(Signature{{DataType::Bytes()}, DataType::Bytes()}, keep) {}
  void Resize(int64_t count) override { cells_.Resize(count); }
  Status Update(std::span<const uint32_t> groups, std::span<const ArrayPtr> arguments, const ArrayPtr& kinds, const ArrayPtr& filter) override {
    CheckColumns(groups, arguments, type_);
    arrow::BinaryBuilder builder;
    std::string cell;
    for (int64_t row = 0; row < arguments[0]->length(); ++row) {
      cell.clear();
      const bool is_null = arguments[0]->IsNull(row);
      if (!is_null) codec_->Encode(*arguments[0], row, &cell);
      FIRN_RETURN_IF_ERROR(types::FromArrowStatus(is_null ? builder.AppendNull() : builder.Append(cell)));
    }
    FIRN_TRY(const ArrayPtr encoded, types::FromArrowResult(builder.Finish()));
    return cells_.Update(groups, std::span(&encoded, 1), kinds, filter);
  }
  Status Merge(const GroupedAccumulator& other, std::span<const uint32_t> groups) override { return cells_.Merge(static_cast<const PositionCell&>(other).cells_, groups); }
  Result<ArrayPtr> Finish(std::span<const uint32_t> groups) const override {
    FIRN_TRY(const ArrayPtr encoded, cells_.Finish(groups));
    return BuildArray(type_, [&](arrow::ArrayBuilder* builder) -> Status {
      const auto& cells = static_cast<const arrow::BinaryArray&>(*encoded);
      for (int64_t row = 0; row < cells.length(); ++row) {
        FIRN_RETURN_IF_ERROR(cells.IsNull(row) ? types::FromArrowStatus(builder->AppendNull()) : codec_->Decode(cells.GetView(row), builder));
      }
      return Ok();
    });
  }
  Result<std::vector<ArrayPtr>> Save(std::span<const uint32_t> groups) const override { return cells_.Save(groups); }
  Status Load(std::span<const uint32_t> groups, std::span<const ArrayPtr> state) override { return cells_.Load(groups, state); }
  void Reset(std::span<const uint32_t> groups) override { cells_.Reset(groups); }
  int64_t bytes() const override { return cells_.bytes(); }

 private:
  const DataType type_;
  const std::unique_ptr<CellCodec> codec_;
  PositionValue<std::string> cells_;
};

// What `make` gives for the C++ type that holds values of the type.
template <typename Make>
std::unique_ptr<GroupedAccumulator> MakeForType(const DataType& type, const Make& make) {
  switch (type.kind()) {
    case TypeKind::kTinyInt: return make(int8_t());
    case TypeKind::kSmallInt: return make(int16_t());
    case TypeKind::kInt:
    case TypeKind::kDate:
    case TypeKind::kTime:
    case TypeKind::kIntervalYearMonth: return make(int32_t());
    case TypeKind::kBigInt:
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampLtz:
    case TypeKind::kIntervalDayTime: return make(int64_t());
    case TypeKind::kFloat: return make(float());
    case TypeKind::kDouble: return make(double());
    case TypeKind::kBoolean: return make(bool());
    case TypeKind::kDecimal: return make(arrow::Decimal128());
    case TypeKind::kChar:
    case TypeKind::kVarchar:
    case TypeKind::kBinary:
    case TypeKind::kVarbinary: return make(std::string());
    default: FIRN_UNREACHABLE("BindMinMax let {} through", type.ToString());
  }
}

template <Keep kKeep>
Result<std::unique_ptr<GroupedAccumulator>> MakeExtreme(const Signature& signature, const AggregateOptions& options) {
  if (options.is_retractable) return MakeRetractableValues(kKeep, signature);
  return MakeForType(signature.arguments[0], [&]<typename T>(T) -> std::unique_ptr<GroupedAccumulator> { return std::make_unique<ExtremeValue<T, kKeep>>(signature); });
}

template <Keep kKeep>
Result<std::unique_ptr<GroupedAccumulator>> MakePosition(const Signature& signature, const AggregateOptions& options) {
  if (options.is_retractable) return MakeRetractableValues(kKeep, signature);
  const DataType& type = signature.arguments[0];
  if (type.IsNested()) {
    FIRN_TRY(std::unique_ptr<CellCodec> codec, CellCodec::Make(type));
    return std::unique_ptr<GroupedAccumulator>(std::make_unique<PositionCell>(signature, std::move(codec), kKeep));
  }
  return MakeForType(type, [&]<typename T>(T) -> std::unique_ptr<GroupedAccumulator> { return std::make_unique<PositionValue<T>>(signature, kKeep); });
}

std::vector<types::Field> KeptState(const Signature& signature, const AggregateOptions& options) {
  if (options.is_retractable) return {{"values", DataType::Array(DataType::Bytes())}, {"counts", DataType::Array(DataType::BigInt())}};
  const DataType& type = signature.arguments[0];
  return {{"value", type.IsNested() ? DataType::Bytes() : type.WithNullable(true)}, {"state", DataType::TinyInt()}};
}

Result<Signature> BindPosition(const CallSite& call) {
  FIRN_TRY(std::vector<DataType> types, CheckArguments(call, {Want::kAny}, 1, "one value"));
  if (types[0].kind() == TypeKind::kNull) return ArgumentError(call, "a value that has a type: CAST(NULL AS INT)");
  types[0] = types[0].WithTimeAttribute(types::TimeAttribute::kNone);
  return Signature{types, types[0].WithNullable(true)};
}

Result<Signature> BindMinMax(const CallSite& call) {
  FIRN_TRY(Signature signature, BindPosition(call));
  if (signature.arguments[0].IsNested()) return ArgumentError(call, "a value that is no ARRAY, MAP or ROW");  // they have no order
  return signature;
}

}  // namespace

Error TooManyRows() { return Error(ErrorCode::kEvaluationError, "a scalar sub-query gave more than one row").Hint("an aggregate or LIMIT 1 makes it one"); }

std::vector<AggregateFunction> ExtremeAggregates() {
  return {{{"MIN"}, "MIN(value)", "The smallest value.", BindMinMax, KeptState, MakeExtreme<Keep::kMin>, false},
          {{"MAX"}, "MAX(value)", "The largest value.", BindMinMax, KeptState, MakeExtreme<Keep::kMax>, false}};
}

std::vector<AggregateFunction> PositionAggregates() {
  return {{{"FIRST_VALUE"}, "FIRST_VALUE(value)", "The first value to arrive that is not NULL.", BindPosition, KeptState, MakePosition<Keep::kFirst>, false},
          {{"LAST_VALUE"}, "LAST_VALUE(value)", "The last value to arrive that is not NULL.", BindPosition, KeptState, MakePosition<Keep::kLast>, false},
          {{"SINGLE_VALUE"}, "SINGLE_VALUE(value)", "The only value; fails if there are several.", BindPosition, KeptState, MakePosition<Keep::kSingle>, false}};
}

}  // namespace firn::expr
