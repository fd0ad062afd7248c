// SPDX-License-Identifier: Apache-2.0
// DISTINCT over any aggregate: a set of values with their counts a group. The aggregate itself sees each value once, when it first comes, and its
// retraction when the last of them goes. What it sees of merged groups comes in the order in which it came to each.
#include <cstring>
#include <string>

#include "expr/aggregate_groups_internal.h"
#include "expr/cell_codec_internal.h"
#include "expr/distinct_values_internal.h"
#include "expr/kernel_internal.h"
#include "types/batch.h"

namespace firn::expr {

namespace {

using types::ArrayPtr;
using types::DataType;

class DistinctAccumulator final : public GroupedAccumulator {
 public:
  DistinctAccumulator(std::vector<std::unique_ptr<CellCodec>> codecs, std::unique_ptr<GroupedAccumulator> inner, std::vector<DataType> types, bool ignores_nulls)
      : codecs_(std::move(codecs)), inner_(std::move(inner)), types_(std::move(types)), ignores_nulls_(ignores_nulls) {
    FIRN_ASSERT(codecs_.size() == types_.size() && !types_.empty(), "DISTINCT of {} values, written in {} ways", types_.size(), codecs_.size());
  }

  void Resize(int64_t count) override {
    values_.Resize(count);
    inner_->Resize(count);
  }

  Status Update(std::span<const uint32_t> groups, std::span<const ArrayPtr> arguments, const ArrayPtr& kinds, const ArrayPtr& filter) override {
    CheckColumns(groups, arguments, types_.size());
    for (size_t i = 0; i < types_.size(); ++i) {
      FIRN_ASSERT(HaveOneForm(*arguments[i]->type(), *types_[i].ToArrow()), "{} are counted as {}", arguments[i]->type()->ToString(), types_[i].ToString());
    }
    arrow::Int64Builder rows;
    Changes changes;
    arrow::Status status;
    std::string key;
    ForEachRow(groups, kinds, filter, [&](int64_t row, uint32_t group, bool retracts) {
      if (!EncodeKey(arguments, row, &key) || !Count(group, key, retracts ? -1 : 1, &changes) || !status.ok()) return;
      status = rows.Append(row);
    });
    FIRN_RETURN_IF_ERROR(types::FromArrowStatus(status));
    if (changes.groups.empty()) return Ok();
    FIRN_TRY(ArrayPtr indices, types::FromArrowResult(rows.Finish()));
    types::Batch batch{types::MakeSchema({}), {arguments.begin(), arguments.end()}, arguments[0]->length(), nullptr, nullptr};
    FIRN_TRY(types::Batch taken, types::TakeRows(batch, indices));
    return Pass(changes, taken.columns, kinds != nullptr);
  }

  // Values that both sides have must not reach the inner aggregate twice: the other's new ones are replayed from their cells.
  Status Merge(const GroupedAccumulator& other, std::span<const uint32_t> groups) override {
    const auto& from = static_cast<const DistinctAccumulator&>(other);
    FIRN_ASSERT(&from != this && from.types_.size() == types_.size(), "{} values are merged into {}", from.types_.size(), types_.size());
    Changes changes;
    std::vector<std::string_view> keys;
    for (size_t i = 0; i < groups.size(); ++i) {
      from.values_.ForEach(static_cast<uint32_t>(i), [&](std::string_view key, int64_t count) {
        if (Count(groups[i], key, count, &changes)) keys.push_back(key);
      });
    }
    if (keys.empty()) return Ok();
    FIRN_TRY(const std::vector<ArrayPtr> arguments, Decoded(keys));
    return Pass(changes, arguments, changes.retracts);
  }

  Result<ArrayPtr> Finish(std::span<const uint32_t> groups) const override { return inner_->Finish(groups); }

  Result<std::vector<ArrayPtr>> Save(std::span<const uint32_t> groups) const override {
    auto keys = std::make_shared<arrow::BinaryBuilder>();
    auto counts = std::make_shared<arrow::Int64Builder>();
    arrow::ListBuilder key_lists(arrow::default_memory_pool(), keys);
    arrow::ListBuilder count_lists(arrow::default_memory_pool(), counts);
    arrow::Status status;
    for (uint32_t group : groups) {
      FIRN_RETURN_IF_ERROR(types::FromArrowStatus(key_lists.Append()));
      FIRN_RETURN_IF_ERROR(types::FromArrowStatus(count_lists.Append()));
      values_.ForEach(group, [&](std::string_view key, int64_t count) {
        if (status.ok()) status = keys->Append(key);
        if (status.ok()) status = counts->Append(count);
      });
    }
    FIRN_RETURN_IF_ERROR(types::FromArrowStatus(status));
    FIRN_TRY(ArrayPtr key_array, types::FromArrowResult(key_lists.Finish()));
    FIRN_TRY(ArrayPtr count_array, types::FromArrowResult(count_lists.Finish()));
    FIRN_TRY(std::vector<ArrayPtr> state, inner_->Save(groups));
    state.insert(state.begin(), {key_array, count_array});
    return state;
  }

  Status Load(std::span<const uint32_t> groups, std::span<const ArrayPtr> state) override {
    FIRN_ASSERT(state.size() > 2, "{} columns of state, without those of the aggregate", state.size());
    CheckState(groups, state.first(2), 2);
    FIRN_ASSERT(state[0]->type_id() == arrow::Type::LIST && state[1]->type_id() == arrow::Type::LIST, "values and counts are stored as {} and {}", state[0]->type()->ToString(),
                state[1]->type()->ToString());
    const auto& keys = static_cast<const arrow::ListArray&>(*state[0]);
    const auto& counts = static_cast<const arrow::ListArray&>(*state[1]);
    const auto& key_cells = static_cast<const arrow::BinaryArray&>(*keys.values());
    const auto& count_cells = static_cast<const arrow::Int64Array&>(*counts.values());
    for (size_t i = 0; i < groups.size(); ++i) {
      const auto row = static_cast<int64_t>(i);
      FIRN_ASSERT(keys.value_length(row) == counts.value_length(row), "{} stored values have {} counts", keys.value_length(row), counts.value_length(row));
      values_.Clear(groups[i]);
      for (int64_t j = 0; j < keys.value_length(row); ++j) {
        const int64_t count = count_cells.Value(counts.value_offset(row) + j);
        if (count != 0) values_.Add(groups[i], key_cells.GetView(keys.value_offset(row) + j), count);
      }
    }
    return inner_->Load(groups, state.subspan(2));
  }

  void Reset(std::span<const uint32_t> groups) override {
    for (uint32_t group : groups) values_.Clear(group);
    inner_->Reset(groups);
  }
  int64_t bytes() const override { return values_.bytes() + inner_->bytes(); }

 private:
  static constexpr uint32_t kNullSize = 0xffffffff;

  // What the inner aggregate has to be told, a row each.
  struct Changes {
    std::vector<uint32_t> groups;
    std::vector<int8_t> kinds;
    bool retracts = false;  // one of them does
  };

  // Whether that makes the value come or go.
  bool Count(uint32_t group, std::string_view key, int64_t change, Changes* changes) {
    const int64_t before = values_.Add(group, key, change);
    const bool was_there = before > 0, is_there = before + change > 0;  // below 0: it was taken back before it came
    if (was_there == is_there) return false;
    changes->groups.push_back(group);
    changes->kinds.push_back(static_cast<int8_t>(is_there ? types::RowKind::kInsert : types::RowKind::kDelete));
    changes->retracts |= was_there;
    return true;
  }

  Status Pass(Changes& changes, const std::vector<ArrayPtr>& arguments, bool with_kinds) {
    FIRN_ASSERT(with_kinds || !changes.retracts, "a value goes where no row is taken back");
    const auto count = static_cast<int64_t>(changes.kinds.size());
    FIRN_ASSERT(changes.groups.size() == changes.kinds.size() && arguments[0]->length() == count, "{} values and {} kinds of {} changes", arguments[0]->length(), count, changes.groups.size());
    ArrayPtr kinds;
    if (with_kinds) kinds = std::make_shared<arrow::Int8Array>(count, arrow::Buffer::FromVector(std::move(changes.kinds)));
    return inner_->Update(changes.groups, arguments, kinds, nullptr);
  }

  // Cells behind their lengths; false if one is NULL and such rows do not count.
  bool EncodeKey(std::span<const ArrayPtr> arguments, int64_t row, std::string* key) const {
    key->clear();
    for (size_t i = 0; i < arguments.size(); ++i) {
      const bool is_null = arguments[i]->IsNull(row);
      if (is_null && ignores_nulls_) return false;
      const size_t at = key->size();
      key->append(reinterpret_cast<const char*>(&kNullSize), sizeof(kNullSize));
      if (is_null) continue;
      codecs_[i]->Encode(*arguments[i], row, key);
      const auto size = static_cast<uint32_t>(key->size() - at - sizeof(uint32_t));
      std::memcpy(key->data() + at, &size, sizeof(size));
    }
    return true;
  }

  Result<std::vector<ArrayPtr>> Decoded(const std::vector<std::string_view>& keys) const {
    std::vector<ArrayPtr> arguments;
    std::vector<size_t> offsets(keys.size(), 0);
    for (size_t i = 0; i < codecs_.size(); ++i) {
      FIRN_TRY(ArrayPtr argument, BuildArray(types_[i], [&](arrow::ArrayBuilder* builder) -> Status {
                 for (size_t j = 0; j < keys.size(); ++j) {
                   uint32_t size = 0;
                   FIRN_ASSERT(offsets[j] + sizeof(size) <= keys[j].size(), "value {} of {} would begin at {} of {} bytes", i, codecs_.size(), offsets[j], keys[j].size());
                   std::memcpy(&size, keys[j].data() + offsets[j], sizeof(size));
                   offsets[j] += sizeof(size);
                   if (size == kNullSize) {
                     FIRN_RETURN_IF_ERROR(types::FromArrowStatus(builder->AppendNull()));
                     continue;
                   }
                   FIRN_RETURN_IF_ERROR(codecs_[i]->Decode(keys[j].substr(offsets[j], size), builder));
                   offsets[j] += size;
                 }
                 return Ok();
               }));
      arguments.push_back(std::move(argument));
    }
    for (size_t j = 0; j < keys.size(); ++j) FIRN_ASSERT(offsets[j] == keys[j].size(), "{} values end at {} of {} bytes", codecs_.size(), offsets[j], keys[j].size());
    return arguments;
  }

  std::vector<std::unique_ptr<CellCodec>> codecs_;
  std::unique_ptr<GroupedAccumulator> inner_;
  const std::vector<DataType> types_;
  const bool ignores_nulls_;
  DistinctValues values_;
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
