// SPDX-License-Identifier: Apache-2.0
// MIN, MAX, FIRST_VALUE, LAST_VALUE, SINGLE_VALUE: one kept value a group where input only comes, all values where it may be taken back.
#include <algorithm>
#include <map>

#include "expr/aggregate_groups_internal.h"
#include "expr/arrival_list_internal.h"
#include "expr/cell_codec_internal.h"
#include "expr/kernel_internal.h"

namespace firn::expr {

namespace {

using types::ArrayPtr;
using types::DataType;
using types::TypeKind;

enum class Keep { kMin, kMax, kFirst, kLast, kSingle };
// SINGLE_VALUE counts rows, so for it NULL is a value too.
template <Keep kKeep>
constexpr bool kKeepsNulls = kKeep == Keep::kSingle;

Error TooManyRows() { return Error(ErrorCode::kEvaluationError, "a scalar sub-query gave more than one row").Hint("an aggregate or LIMIT 1 makes it one"); }

// --- input that only comes ---

// Whether `value` takes the place of `kept`. As in Flink nothing is smaller or larger than a NaN: one that came first is kept by MIN and MAX, and no other.
template <Keep kKeep, typename T>
bool Replaces(const T& value, const T& kept) {
  if constexpr (kKeep == Keep::kMin) return value < kept;
  if constexpr (kKeep == Keep::kMax) return kept < value;
  return kKeep == Keep::kLast;
}

template <typename T, Keep kKeep>
class KeptValue final : public GroupedAccumulator {
 public:
  explicit KeptValue(const Signature& signature) : type_(signature.arguments[0]) {}
  void Resize(int64_t count) override {
    values_.resize(static_cast<size_t>(count));
    states_.resize(static_cast<size_t>(count), 0);
  }
  Status Update(std::span<const uint32_t> groups, std::span<const ArrayPtr> arguments, const ArrayPtr& kinds, const ArrayPtr& filter) override {
    const Column column{arguments[0], false};
    const ViewOf<View> values(column);
    const bool has_nulls = values.has_nulls();
    bool is_crowded = false;
    ForEachRow(groups, kinds, filter, [&](int64_t row, uint32_t group, bool) {
      const bool is_null = has_nulls && !values.IsValid(row);
      if (is_null && !kKeepsNulls<kKeep>) return;
      if constexpr (kKeep == Keep::kSingle) is_crowded |= states_[group] != 0;
      if (is_null) return Offer(group, T{}, kNull);
      Offer(group, values[row], kValue);
    });
    if (is_crowded) return TooManyRows();
    return Ok();
  }
  Status Merge(const GroupedAccumulator& other, std::span<const uint32_t> groups) override {
    const auto& from = static_cast<const KeptValue&>(other);
    FIRN_ASSERT(groups.size() <= from.states_.size() && from.values_.size() == from.states_.size(), "{} groups of {} values and {} states are merged", groups.size(), from.values_.size(), from.states_.size());
    for (size_t i = 0; i < groups.size(); ++i) {
      if (from.states_[i] != kEmpty) Offer(groups[i], View(from.values_[i]), from.states_[i]);
    }
    return Ok();
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

 private:
  using View = std::conditional_t<std::is_same_v<T, std::string>, std::string_view, T>;
  static constexpr uint8_t kEmpty = 0;
  static constexpr uint8_t kValue = 1;
  static constexpr uint8_t kNull = 2;  // the kept value is NULL (kKeepsNulls)

  void Offer(uint32_t group, const View& value, uint8_t state) {
    if (states_[group] != kEmpty && !Replaces<kKeep, View>(value, View(values_[group]))) return;
    Set(group, value);
    states_[group] = state;
  }
  void Set(uint32_t group, const View& value) {
    if constexpr (std::is_same_v<T, std::string>) {
      text_bytes_ += static_cast<int64_t>(value.size()) - static_cast<int64_t>(values_[group].size());
      values_[group].assign(value);
    } else {
      values_[group] = value;
    }
  }

  const DataType type_;
  std::conditional_t<std::is_same_v<T, bool>, std::vector<uint8_t>, std::vector<T>> values_;
  std::vector<uint8_t> states_;
  int64_t text_bytes_ = 0;
};

// An ARRAY, MAP or ROW a group, as the bytes of its cell.
template <Keep kKeep>
class KeptCell final : public GroupedAccumulator {
 public:
  KeptCell(const Signature& signature, std::unique_ptr<CellCodec> codec)
      : type_(signature.arguments[0]), codec_(std::move(codec)), cells_(Signature{{DataType::Bytes()}, DataType::Bytes()}) {}
  void Resize(int64_t count) override { cells_.Resize(count); }
  Status Update(std::span<const uint32_t> groups, std::span<const ArrayPtr> arguments, const ArrayPtr& kinds, const ArrayPtr& filter) override {
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
  Status Merge(const GroupedAccumulator& other, std::span<const uint32_t> groups) override { return cells_.Merge(static_cast<const KeptCell&>(other).cells_, groups); }
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
  KeptValue<std::string, kKeep> cells_;
};

// --- input that may be taken back ---

// MIN and MAX: the different values of each group, in their order, with their counts.
template <Keep kKeep>
class CountedValues final : public GroupedAccumulator {
 public:
  CountedValues(const Signature& signature, std::unique_ptr<CellCodec> codec) : type_(signature.arguments[0]), codec_(std::move(codec)) {}
  void Resize(int64_t count) override { groups_.resize(static_cast<size_t>(count)); }
  Status Update(std::span<const uint32_t> groups, std::span<const ArrayPtr> arguments, const ArrayPtr& kinds, const ArrayPtr& filter) override {
    std::string cell;
    ForEachRow(groups, kinds, filter, [&](int64_t row, uint32_t group, bool retracts) {
      if (arguments[0]->IsNull(row)) return;
      cell.clear();
      codec_->Encode(*arguments[0], row, &cell);
      Add(group, cell, retracts ? -1 : 1);
    });
    return Ok();
  }
  Status Merge(const GroupedAccumulator& other, std::span<const uint32_t> groups) override {
    const auto& from = static_cast<const CountedValues&>(other);
    FIRN_ASSERT(groups.size() <= from.groups_.size() && &from != this, "{} groups of {} are merged", groups.size(), from.groups_.size());
    for (size_t i = 0; i < groups.size(); ++i) {
      for (const auto& [cell, count] : from.groups_[i]) Add(groups[i], cell, count);
    }
    return Ok();
  }
  Result<ArrayPtr> Finish(std::span<const uint32_t> groups) const override {
    return BuildArray(type_, [&](arrow::ArrayBuilder* builder) -> Status {
      for (uint32_t group : groups) {
        const std::string* cell = Outermost(groups_[group]);
        FIRN_RETURN_IF_ERROR(cell == nullptr ? types::FromArrowStatus(builder->AppendNull()) : codec_->Decode(*cell, builder));
      }
      return Ok();
    });
  }
  Result<std::vector<ArrayPtr>> Save(std::span<const uint32_t> groups) const override {
    auto cells = std::make_shared<arrow::BinaryBuilder>();
    auto counts = std::make_shared<arrow::Int64Builder>();
    arrow::ListBuilder cell_lists(arrow::default_memory_pool(), cells);
    arrow::ListBuilder count_lists(arrow::default_memory_pool(), counts);
    for (uint32_t group : groups) {
      FIRN_RETURN_IF_ERROR(types::FromArrowStatus(cell_lists.Append()));
      FIRN_RETURN_IF_ERROR(types::FromArrowStatus(count_lists.Append()));
      for (const auto& [cell, count] : groups_[group]) {
        FIRN_RETURN_IF_ERROR(types::FromArrowStatus(cells->Append(cell)));
        FIRN_RETURN_IF_ERROR(types::FromArrowStatus(counts->Append(count)));
      }
    }
    FIRN_TRY(ArrayPtr cell_array, types::FromArrowResult(cell_lists.Finish()));
    FIRN_TRY(ArrayPtr count_array, types::FromArrowResult(count_lists.Finish()));
    return std::vector<ArrayPtr>{std::move(cell_array), std::move(count_array)};
  }
  Status Load(std::span<const uint32_t> groups, std::span<const ArrayPtr> state) override {
    CheckState(groups, state, 2);
    const auto& cells = static_cast<const arrow::ListArray&>(*state[0]);
    const auto& counts = static_cast<const arrow::ListArray&>(*state[1]);
    Reset(groups);
    for (size_t i = 0; i < groups.size(); ++i) {
      const auto row = static_cast<int64_t>(i);
      FIRN_ASSERT(cells.value_length(row) == counts.value_length(row), "{} stored values have {} counts", cells.value_length(row), counts.value_length(row));
      for (int64_t j = 0; j < cells.value_length(row); ++j) {
        const std::string_view cell = static_cast<const arrow::BinaryArray&>(*cells.values()).GetView(cells.value_offset(row) + j);
        Add(groups[i], std::string(cell), static_cast<const arrow::Int64Array&>(*counts.values()).Value(counts.value_offset(row) + j));
      }
    }
    return Ok();
  }
  void Reset(std::span<const uint32_t> groups) override {
    for (uint32_t group : groups) {
      for (const auto& [cell, count] : groups_[group]) bytes_ -= static_cast<int64_t>(cell.size()) + kCellOverhead;
      groups_[group].clear();
    }
    FIRN_ASSERT(bytes_ >= 0, "values of {} bytes", bytes_);
  }
  int64_t bytes() const override { return bytes_; }

 private:
  static constexpr int64_t kCellOverhead = 80;  // of a node and its string
  using Values = std::map<std::string, int64_t>;

  void Add(uint32_t group, const std::string& cell, int64_t change) {
    const auto [entry, is_new] = groups_[group].try_emplace(cell, 0);
    if (is_new) bytes_ += static_cast<int64_t>(cell.size()) + kCellOverhead;
    entry->second += change;
    if (entry->second != 0) return;
    groups_[group].erase(entry);
    bytes_ -= static_cast<int64_t>(cell.size()) + kCellOverhead;
  }
  // Values that were taken back before they came (their count is negative) are not there.
  static const std::string* Outermost(const Values& values) {
    const auto is_there = [](const auto& entry) { return entry.second > 0; };
    if constexpr (kKeep == Keep::kMin) {
      const auto found = std::find_if(values.begin(), values.end(), is_there);
      return found == values.end() ? nullptr : &found->first;
    } else {
      const auto found = std::find_if(values.rbegin(), values.rend(), is_there);
      return found == values.rend() ? nullptr : &found->first;
    }
  }

  const DataType type_;
  const std::unique_ptr<CellCodec> codec_;
  std::vector<Values> groups_;
  int64_t bytes_ = 0;
};

// FIRST_VALUE, LAST_VALUE and SINGLE_VALUE: all values of each group by arrival.
template <Keep kKeep>
class ArrivedValues final : public ArrivalAccumulator {
 public:
  ArrivedValues(const Signature& signature, std::unique_ptr<CellCodec> codec) : type_(signature.arguments[0]), codec_(std::move(codec)) {}
  Status Update(std::span<const uint32_t> groups, std::span<const ArrayPtr> arguments, const ArrayPtr& kinds, const ArrayPtr& filter) override {
    std::string cell;
    ForEachRow(groups, kinds, filter, [&](int64_t row, uint32_t group, bool retracts) {
      const bool is_null = arguments[0]->IsNull(row);
      if (is_null && !kKeepsNulls<kKeep>) return;
      cell.clear();
      if constexpr (kKeepsNulls<kKeep>) cell.push_back(is_null ? kNullMark : kValueMark);
      if (!is_null) codec_->Encode(*arguments[0], row, &cell);
      Change(group, cell, retracts);
    });
    return Ok();
  }
  Result<ArrayPtr> Finish(std::span<const uint32_t> groups) const override {
    return BuildArray(type_, [&](arrow::ArrayBuilder* builder) -> Status {
      for (uint32_t group : groups) {
        const ArrivalList& values = ListOf(group);
        // Looked at here and not in Update: a row too many may be taken back by a later change of the same batch.
        if (kKeep == Keep::kSingle && values.size() > 1) return TooManyRows();
        const bool is_null = values.empty() || (kKeepsNulls<kKeep> && values.front()[0] == kNullMark);
        if (is_null) {
          FIRN_RETURN_IF_ERROR(types::FromArrowStatus(builder->AppendNull()));
          continue;
        }
        const std::string_view cell = kKeep == Keep::kLast ? values.back() : values.front();
        FIRN_RETURN_IF_ERROR(codec_->Decode(cell.substr(kKeepsNulls<kKeep> ? 1 : 0), builder));
      }
      return Ok();
    });
  }
  // With counts, as states of MIN and MAX have them: each value is written as often as it is there.
  Result<std::vector<ArrayPtr>> Save(std::span<const uint32_t> groups) const override {
    FIRN_TRY(ArrayPtr values, SaveValues(groups));
    const auto& lists = static_cast<const arrow::ListArray&>(*values);
    arrow::Int64Builder ones;
    FIRN_RETURN_IF_ERROR(types::FromArrowStatus(ones.AppendValues(std::vector<int64_t>(static_cast<size_t>(lists.values()->length()), 1))));
    FIRN_TRY(ArrayPtr counts, types::FromArrowResult(ones.Finish()));
    FIRN_TRY(ArrayPtr count_lists, types::FromArrowResult(arrow::ListArray::FromArrays(*lists.offsets(), *counts)));
    return std::vector<ArrayPtr>{std::move(values), std::move(count_lists)};
  }
  Status Load(std::span<const uint32_t> groups, std::span<const ArrayPtr> state) override {
    CheckState(groups, state, 2);
    LoadValues(groups, state[0]);
    return Ok();
  }

 private:
  static constexpr char kNullMark = 0;  // in front of a value's bytes
  static constexpr char kValueMark = 1;

  const DataType type_;
  const std::unique_ptr<CellCodec> codec_;
};

template <Keep kKeep>
Result<std::unique_ptr<GroupedAccumulator>> MakeKept(const Signature& signature, const AggregateOptions& options) {
  const DataType& type = signature.arguments[0];
  std::unique_ptr<GroupedAccumulator> made;
  if (options.is_retractable) {
    FIRN_TRY(std::unique_ptr<CellCodec> codec, CellCodec::Make(type));
    if constexpr (kKeep == Keep::kMin || kKeep == Keep::kMax) made = std::make_unique<CountedValues<kKeep>>(signature, std::move(codec));
    else made = std::make_unique<ArrivedValues<kKeep>>(signature, std::move(codec));
    return made;
  }
  if (type.IsNested()) {
    FIRN_TRY(std::unique_ptr<CellCodec> codec, CellCodec::Make(type));
    made = std::make_unique<KeptCell<kKeep>>(signature, std::move(codec));
    return made;
  }
  switch (type.kind()) {
    case TypeKind::kTinyInt: made = std::make_unique<KeptValue<int8_t, kKeep>>(signature); break;
    case TypeKind::kSmallInt: made = std::make_unique<KeptValue<int16_t, kKeep>>(signature); break;
    case TypeKind::kInt:
    case TypeKind::kDate:
    case TypeKind::kTime:
    case TypeKind::kIntervalYearMonth: made = std::make_unique<KeptValue<int32_t, kKeep>>(signature); break;
    case TypeKind::kBigInt:
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampLtz:
    case TypeKind::kIntervalDayTime: made = std::make_unique<KeptValue<int64_t, kKeep>>(signature); break;
    case TypeKind::kFloat: made = std::make_unique<KeptValue<float, kKeep>>(signature); break;
    case TypeKind::kDouble: made = std::make_unique<KeptValue<double, kKeep>>(signature); break;
    case TypeKind::kBoolean: made = std::make_unique<KeptValue<bool, kKeep>>(signature); break;
    case TypeKind::kDecimal: made = std::make_unique<KeptValue<arrow::Decimal128, kKeep>>(signature); break;
    case TypeKind::kChar:
    case TypeKind::kVarchar:
    case TypeKind::kBinary:
    case TypeKind::kVarbinary: made = std::make_unique<KeptValue<std::string, kKeep>>(signature); break;
    default: FIRN_UNREACHABLE("BindMinMax let {} through", type.ToString());
  }
  return made;
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

std::vector<AggregateFunction> ExtremeAggregates() {
  return {{{"MIN"}, "MIN(value)", "The smallest value.", BindMinMax, KeptState, MakeKept<Keep::kMin>, false},
          {{"MAX"}, "MAX(value)", "The largest value.", BindMinMax, KeptState, MakeKept<Keep::kMax>, false}};
}

std::vector<AggregateFunction> PositionAggregates() {
  return {{{"FIRST_VALUE"}, "FIRST_VALUE(value)", "The first value to arrive that is not NULL.", BindPosition, KeptState, MakeKept<Keep::kFirst>, false},
          {{"LAST_VALUE"}, "LAST_VALUE(value)", "The last value to arrive that is not NULL.", BindPosition, KeptState, MakeKept<Keep::kLast>, false},
          {{"SINGLE_VALUE"}, "SINGLE_VALUE(value)", "The only value; fails if there are several.", BindPosition, KeptState, MakeKept<Keep::kSingle>, false}};
}

}  // namespace firn::expr
