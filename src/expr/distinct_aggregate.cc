// SPDX-License-Identifier: Apache-2.0
// DISTINCT over any aggregate: a set of values with their counts a group. The aggregate itself sees each value once, when it first comes, and its
// retraction when the last of them goes.
#include <cstring>
#include <string>
#include <unordered_map>

#include "expr/aggregate_groups_internal.h"
#include "expr/cell_codec_internal.h"
#include "types/batch.h"

namespace firn::expr {

namespace {

using types::ArrayPtr;
using types::DataType;

class DistinctAccumulator final : public GroupedAccumulator {
 public:
  DistinctAccumulator(std::vector<std::unique_ptr<CellCodec>> codecs, std::unique_ptr<GroupedAccumulator> inner, std::vector<DataType> types, bool ignores_nulls)
      : codecs_(std::move(codecs)), inner_(std::move(inner)), types_(std::move(types)), ignores_nulls_(ignores_nulls) {}

  void Resize(int64_t count) override {
    groups_.resize(static_cast<size_t>(count));
    inner_->Resize(count);
  }

  Status Update(std::span<const uint32_t> groups, std::span<const ArrayPtr> arguments, const ArrayPtr& kinds, const ArrayPtr& filter) override {
    arrow::Int64Builder rows;
    arrow::Int8Builder row_kinds;
    std::vector<uint32_t> row_groups;
    arrow::Status status;
    std::string key;
    ForEachRow(groups, kinds, filter, [&](int64_t row, uint32_t group, bool retracts) {
      if (!EncodeKey(arguments, row, &key)) return;
      int64_t& count = groups_[group][key];
      const int64_t before = count;
      count += retracts ? -1 : 1;
      if (before == 0) bytes_ += static_cast<int64_t>(key.size()) + kEntryOverhead;
      const bool changes = retracts ? count == 0 : before == 0;
      if (count == 0) {
        groups_[group].erase(key);
        bytes_ -= static_cast<int64_t>(key.size()) + kEntryOverhead;
      }
      if (!changes || !status.ok()) return;
      row_groups.push_back(group);
      status = rows.Append(row);
      if (status.ok()) status = row_kinds.Append(static_cast<int8_t>(retracts ? types::RowKind::kDelete : types::RowKind::kInsert));
    });
    FIRN_RETURN_IF_ERROR(types::FromArrowStatus(status));
    if (row_groups.empty()) return Ok();
    FIRN_TRY(ArrayPtr indices, types::FromArrowResult(rows.Finish()));
    FIRN_TRY(ArrayPtr changed_kinds, types::FromArrowResult(row_kinds.Finish()));
    types::Batch batch{types::MakeSchema({}), {arguments.begin(), arguments.end()}, arguments[0]->length(), nullptr, nullptr};
    FIRN_TRY(types::Batch taken, types::TakeRows(batch, indices));
    return inner_->Update(row_groups, taken.columns, kinds ? changed_kinds : nullptr, nullptr);
  }

  // Values that both sides have must not reach the inner aggregate twice: the other's new ones are replayed from their cells.
  Status Merge(const GroupedAccumulator& other, std::span<const uint32_t> groups) override {
    const auto& from = static_cast<const DistinctAccumulator&>(other);
    std::vector<uint32_t> row_groups;
    std::vector<std::string> keys;
    for (size_t i = 0; i < groups.size(); ++i) {
      for (const auto& [key, count] : from.groups_[i]) {
        int64_t& mine = groups_[groups[i]][key];
        if (mine == 0) {
          row_groups.push_back(groups[i]);
          keys.push_back(key);
          bytes_ += static_cast<int64_t>(key.size()) + kEntryOverhead;
        }
        mine += count;
      }
    }
    return Replay(row_groups, keys);
  }

  Result<ArrayPtr> Finish(std::span<const uint32_t> groups) const override { return inner_->Finish(groups); }

  Result<std::vector<ArrayPtr>> Save(std::span<const uint32_t> groups) const override {
    auto keys = std::make_shared<arrow::BinaryBuilder>();
    auto counts = std::make_shared<arrow::Int64Builder>();
    arrow::ListBuilder key_lists(arrow::default_memory_pool(), keys);
    arrow::ListBuilder count_lists(arrow::default_memory_pool(), counts);
    for (uint32_t group : groups) {
      FIRN_RETURN_IF_ERROR(types::FromArrowStatus(key_lists.Append()));
      FIRN_RETURN_IF_ERROR(types::FromArrowStatus(count_lists.Append()));
      for (const auto& [key, count] : groups_[group]) {
        FIRN_RETURN_IF_ERROR(types::FromArrowStatus(keys->Append(key)));
        FIRN_RETURN_IF_ERROR(types::FromArrowStatus(counts->Append(count)));
      }
    }
    FIRN_TRY(ArrayPtr key_array, types::FromArrowResult(key_lists.Finish()));
    FIRN_TRY(ArrayPtr count_array, types::FromArrowResult(count_lists.Finish()));
    FIRN_TRY(std::vector<ArrayPtr> state, inner_->Save(groups));
    state.insert(state.begin(), {key_array, count_array});
    return state;
  }

  Status Load(std::span<const uint32_t> groups, std::span<const ArrayPtr> state) override {
    const auto& keys = static_cast<const arrow::ListArray&>(*state[0]);
    const auto& counts = static_cast<const arrow::ListArray&>(*state[1]);
    for (size_t i = 0; i < groups.size(); ++i) {
      const auto row = static_cast<int64_t>(i);
      auto& set = groups_[groups[i]];
      set.clear();
      for (int64_t j = 0; j < keys.value_length(row); ++j) {
        const std::string key(static_cast<const arrow::BinaryArray&>(*keys.values()).GetView(keys.value_offset(row) + j));
        set[key] = static_cast<const arrow::Int64Array&>(*counts.values()).Value(counts.value_offset(row) + j);
        bytes_ += static_cast<int64_t>(key.size()) + kEntryOverhead;
      }
    }
    return inner_->Load(groups, state.subspan(2));
  }

  void Reset(std::span<const uint32_t> groups) override {
    for (uint32_t group : groups) {
      for (const auto& [key, count] : groups_[group]) bytes_ -= static_cast<int64_t>(key.size()) + kEntryOverhead;
      groups_[group].clear();
    }
    inner_->Reset(groups);
  }
  int64_t bytes() const override { return bytes_ + inner_->bytes(); }

 private:
  static constexpr int64_t kEntryOverhead = 64;

  static constexpr uint32_t kNullSize = 0xffffffff;

  // Cells behind their lengths; false if one is NULL and such rows do not count.
  bool EncodeKey(std::span<const ArrayPtr> arguments, int64_t row, std::string* key) const {
    key->clear();
    std::string cell;
    for (size_t i = 0; i < arguments.size(); ++i) {
      const bool is_null = arguments[i]->IsNull(row);
      if (is_null && ignores_nulls_) return false;
      cell.clear();
      if (!is_null) codecs_[i]->Encode(*arguments[i], row, &cell);
      const auto size = is_null ? kNullSize : static_cast<uint32_t>(cell.size());
      key->append(reinterpret_cast<const char*>(&size), sizeof(size));
      key->append(cell);
    }
    return true;
  }

  Status Replay(const std::vector<uint32_t>& row_groups, const std::vector<std::string>& keys) {
    if (keys.empty()) return Ok();
    std::vector<ArrayPtr> arguments;
    std::vector<size_t> offsets(keys.size(), 0);
    for (size_t i = 0; i < codecs_.size(); ++i) {
      FIRN_TRY(ArrayPtr argument, BuildArray(types_[i], [&](arrow::ArrayBuilder* builder) -> Status {
                 for (size_t j = 0; j < keys.size(); ++j) {
                   uint32_t size = 0;
                   std::memcpy(&size, keys[j].data() + offsets[j], sizeof(size));
                   if (size == kNullSize) {
                     FIRN_RETURN_IF_ERROR(types::FromArrowStatus(builder->AppendNull()));
                     offsets[j] += sizeof(size);
                     continue;
                   }
                   FIRN_RETURN_IF_ERROR(codecs_[i]->Decode(std::string_view(keys[j]).substr(offsets[j] + sizeof(size), size), builder));
                   offsets[j] += sizeof(size) + size;
                 }
                 return Ok();
               }));
      arguments.push_back(std::move(argument));
    }
    return inner_->Update(row_groups, arguments, nullptr, nullptr);
  }

  std::vector<std::unique_ptr<CellCodec>> codecs_;
  std::unique_ptr<GroupedAccumulator> inner_;
  const std::vector<DataType> types_;
  const bool ignores_nulls_;
  std::vector<std::unordered_map<std::string, int64_t>> groups_;
  int64_t bytes_ = 0;
};

}  // namespace

Result<std::unique_ptr<GroupedAccumulator>> MakeDistinct(const AggregateCall& call) {
  std::vector<std::unique_ptr<CellCodec>> codecs;
  for (const DataType& type : call.signature.arguments) {
    FIRN_TRY(std::unique_ptr<CellCodec> codec, CellCodec::Make(type));
    codecs.push_back(std::move(codec));
  }
  AggregateOptions options = call.options;
  options.is_distinct = false;
  FIRN_TRY(std::unique_ptr<GroupedAccumulator> inner, call.function->make(call.signature, options));
  return std::unique_ptr<GroupedAccumulator>(std::make_unique<DistinctAccumulator>(std::move(codecs), std::move(inner), call.signature.arguments, call.options.ignore_nulls));
}

std::vector<types::Field> DistinctStateFields(const AggregateCall& call) {
  AggregateOptions options = call.options;
  options.is_distinct = false;
  std::vector<types::Field> fields = call.function->state_fields(call.signature, options);
  fields.insert(fields.begin(), {{"distinct_values", DataType::Array(DataType::Bytes())}, {"distinct_counts", DataType::Array(DataType::BigInt())}});
  return fields;
}

}  // namespace firn::expr
