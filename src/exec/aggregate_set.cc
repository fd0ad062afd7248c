// SPDX-License-Identifier: Apache-2.0
#include "exec/aggregate_set.h"

#include <arrow/array.h>
#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"

namespace firn::exec {

AggregateShape AggregateShape::Make(const types::Schema& input, std::vector<int> keys, std::vector<expr::AggregateCall> calls) {
  AggregateShape shape;
  shape.encoder = std::make_unique<KeyEncoder>(TypesOf(input, keys));
  shape.keys = std::move(keys);
  shape.calls = std::move(calls);
  return shape;
}

std::vector<types::Field> AggregateShape::StateFields() const {
  std::vector<types::Field> fields;
  for (size_t i = 0; i < keys.size(); ++i) fields.push_back({fmt::format("k{}", i), encoder->types()[i].WithNullable(true)});
  for (size_t i = 0; i < calls.size(); ++i) {
    for (const types::Field& field : expr::StateFields(calls[i])) fields.push_back({fmt::format("a{}_{}", i, field.name), field.type});
  }
  return fields;
}

types::SchemaPtr AggregateShape::KeySchema() const {
  std::vector<types::Field> fields = StateFields();
  fields.erase(fields.begin() + static_cast<std::ptrdiff_t>(keys.size()), fields.end());
  return types::MakeSchema(std::move(fields));
}

Result<std::unique_ptr<AggregateSet>> AggregateSet::Make(const AggregateShape& shape) {
  auto set = std::unique_ptr<AggregateSet>(new AggregateSet(shape));
  for (const expr::AggregateCall& call : shape.calls) {
    FIRN_TRY(auto accumulator, expr::MakeAccumulator(call));
    set->accumulators_.push_back(std::move(accumulator));
  }
  return set;
}

void AggregateSet::Grow() {
  for (auto& accumulator : accumulators_) accumulator->Resize(table_.capacity());
}

void AggregateSet::FindOrInsert(const types::Batch& batch, std::vector<uint32_t>* groups) {
  FindOrInsert(ColumnsOf(batch, shape_.keys), batch.row_count, groups);
}

void AggregateSet::FindOrInsert(std::span<const types::ArrayPtr> keys, int64_t row_count, std::vector<uint32_t>* groups) {
  shape_.encoder->Encode(keys, row_count, &keys_);
  table_.FindOrInsert(keys_, groups);
  Grow();
}

void AggregateSet::Find(std::span<const types::ArrayPtr> keys, int64_t row_count, std::vector<uint32_t>* groups) {
  shape_.encoder->Encode(keys, row_count, &keys_);
  table_.Find(keys_, groups);
}

Status AggregateSet::Update(const types::Batch& batch, std::span<const uint32_t> groups) {
  FIRN_ASSERT(static_cast<int64_t>(groups.size()) == batch.row_count, "{} groups of {} rows", groups.size(), batch.row_count);
  const auto last = std::max_element(groups.begin(), groups.end());
  FIRN_ASSERT(last == groups.end() || *last < table_.capacity(), "a row is of group {} of {}", *last, table_.capacity());
  for (size_t i = 0; i < accumulators_.size(); ++i) {
    const expr::AggregateCall& call = shape_.calls[i];
    const std::vector<types::ArrayPtr> arguments = ColumnsOf(batch, call.arguments);
    for (const types::ArrayPtr& argument : arguments) FIRN_ASSERT(argument->length() == batch.row_count, "{} rows have {} arguments of {}", batch.row_count, argument->length(), call.name);
    const types::ArrayPtr filter = call.filter < 0 ? nullptr : batch.columns[static_cast<size_t>(call.filter)];
    FIRN_RETURN_IF_ERROR(accumulators_[i]->Update(groups, arguments, batch.kinds, filter));
  }
  return Ok();
}

Status AggregateSet::MergeFrom(const AggregateSet& other) {
  const std::vector<uint32_t> others = other.table_.LiveGroups();
  FIRN_ASSERT(others.size() == other.table_.capacity(), "a set with erased groups is merged");
  std::vector<uint32_t> mine;
  table_.FindOrInsertFrom(other.table_, others, &mine);
  Grow();
  for (size_t i = 0; i < accumulators_.size(); ++i) FIRN_RETURN_IF_ERROR(accumulators_[i]->Merge(*other.accumulators_[i], mine));
  return Ok();
}

Result<std::vector<types::ArrayPtr>> AggregateSet::Rows(std::span<const uint32_t> groups) const {
  FIRN_TRY(std::vector<types::ArrayPtr> columns, table_.Keys(*shape_.encoder, groups));
  FIRN_TRY(std::vector<types::ArrayPtr> results, Results(groups));
  columns.insert(columns.end(), results.begin(), results.end());
  return columns;
}

Result<std::vector<types::ArrayPtr>> AggregateSet::Results(std::span<const uint32_t> groups) const {
  std::vector<types::ArrayPtr> columns;
  for (const auto& accumulator : accumulators_) {
    FIRN_TRY(types::ArrayPtr column, accumulator->Finish(groups));
    FIRN_ASSERT(column->length() == static_cast<int64_t>(groups.size()), "an aggregate has {} results of {} groups", column->length(), groups.size());
    columns.push_back(std::move(column));
  }
  return columns;
}

Result<std::vector<types::ArrayPtr>> AggregateSet::Save(std::span<const uint32_t> groups) const {
  FIRN_TRY(std::vector<types::ArrayPtr> columns, table_.Keys(*shape_.encoder, groups));
  for (const auto& accumulator : accumulators_) {
    FIRN_TRY(std::vector<types::ArrayPtr> state, accumulator->Save(groups));
    columns.insert(columns.end(), state.begin(), state.end());
  }
  return columns;
}

Status AggregateSet::Load(std::span<const types::ArrayPtr> columns, int64_t row_count, std::vector<uint32_t>* groups) {
  const size_t key_count = shape_.keys.size();
  FindOrInsert(columns.first(key_count), row_count, groups);
  size_t next = key_count;
  for (size_t i = 0; i < accumulators_.size(); ++i) {
    const size_t fields = expr::StateFields(shape_.calls[i]).size();
    accumulators_[i]->Reset(*groups);  // of an older version
    FIRN_RETURN_IF_ERROR(accumulators_[i]->Load(*groups, columns.subspan(next, fields)));
    next += fields;
  }
  FIRN_ASSERT(next == columns.size(), "{} of {} stored columns were read", next, columns.size());
  return Ok();
}

void AggregateSet::Erase(uint32_t group) {
  const uint32_t groups[] = {group};
  for (auto& accumulator : accumulators_) accumulator->Reset(groups);
  table_.Erase(group);
}

int64_t AggregateSet::bytes() const {
  int64_t bytes = table_.bytes();
  for (const auto& accumulator : accumulators_) bytes += accumulator->bytes();
  return bytes;
}

}  // namespace firn::exec
