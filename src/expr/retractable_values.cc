// SPDX-License-Identifier: Apache-2.0
// MIN, MAX, FIRST_VALUE, LAST_VALUE and SINGLE_VALUE over input that may be taken back: all values of a group.
#include <algorithm>
#include <map>

#include "expr/arrival_list_internal.h"
#include "expr/cell_codec_internal.h"
#include "expr/kernel_internal.h"
#include "expr/value_aggregates_internal.h"

namespace firn::expr {

namespace {

using types::ArrayPtr;
using types::DataType;

// MIN and MAX: the different values of each group, in their order, with their counts.
class CountedValues final : public GroupedAccumulator {
 public:
  CountedValues(const Signature& signature, std::unique_ptr<CellCodec> codec, bool is_min) : type_(signature.arguments[0]), codec_(std::move(codec)), is_min_(is_min) {}
  void Resize(int64_t count) override { groups_.resize(static_cast<size_t>(count)); }
  Status Update(std::span<const uint32_t> groups, std::span<const ArrayPtr> arguments, const ArrayPtr& kinds, const ArrayPtr& filter) override {
    CheckColumns(groups, arguments, type_);
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
    FIRN_ASSERT(state[0]->type_id() == arrow::Type::LIST && state[1]->type_id() == arrow::Type::LIST, "values and counts are stored as {} and {}", state[0]->type()->ToString(),
                state[1]->type()->ToString());
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
  const std::string* Outermost(const Values& values) const {
    const auto is_there = [](const auto& entry) { return entry.second > 0; };
    if (is_min_) {
      const auto found = std::find_if(values.begin(), values.end(), is_there);
      return found == values.end() ? nullptr : &found->first;
    }
    const auto found = std::find_if(values.rbegin(), values.rend(), is_there);
    return found == values.rend() ? nullptr : &found->first;
  }

  const DataType type_;
  const std::unique_ptr<CellCodec> codec_;
  const bool is_min_;
  std::vector<Values> groups_;
  int64_t bytes_ = 0;
};

// FIRST_VALUE, LAST_VALUE and SINGLE_VALUE: all values of each group by arrival.
class ArrivedValues final : public ArrivalAccumulator {
 public:
  ArrivedValues(const Signature& signature, std::unique_ptr<CellCodec> codec, Keep keep) : type_(signature.arguments[0]), codec_(std::move(codec)), keep_(keep), keeps_nulls_(KeepsNulls(keep)) {}
  Status Update(std::span<const uint32_t> groups, std::span<const ArrayPtr> arguments, const ArrayPtr& kinds, const ArrayPtr& filter) override {
    CheckColumns(groups, arguments, type_);
    std::string cell;
    ForEachRow(groups, kinds, filter, [&](int64_t row, uint32_t group, bool retracts) {
      const bool is_null = arguments[0]->IsNull(row);
      if (is_null && !keeps_nulls_) return;
      cell.clear();
      if (keeps_nulls_) cell.push_back(is_null ? kNullMark : kValueMark);
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
        if (keep_ == Keep::kSingle && values.size() > 1) return TooManyRows();
        const bool is_null = values.empty() || (keeps_nulls_ && values.front()[0] == kNullMark);
        if (is_null) {
          FIRN_RETURN_IF_ERROR(types::FromArrowStatus(builder->AppendNull()));
          continue;
        }
        const std::string_view cell = keep_ == Keep::kLast ? values.back() : values.front();
        FIRN_RETURN_IF_ERROR(codec_->Decode(cell.substr(keeps_nulls_ ? 1 : 0), builder));
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
  const Keep keep_;
  const bool keeps_nulls_;
};

}  // namespace

Result<std::unique_ptr<GroupedAccumulator>> MakeRetractableValues(Keep keep, const Signature& signature) {
  FIRN_TRY(std::unique_ptr<CellCodec> codec, CellCodec::Make(signature.arguments[0]));
  std::unique_ptr<GroupedAccumulator> made;
  if (keep == Keep::kMin || keep == Keep::kMax) made = std::make_unique<CountedValues>(signature, std::move(codec), keep == Keep::kMin);
  else made = std::make_unique<ArrivedValues>(signature, std::move(codec), keep);
  return made;
}

}  // namespace firn::expr
