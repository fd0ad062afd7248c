// SPDX-License-Identifier: Apache-2.0
#include "expr/aggregate_function.h"

#include <map>
#include <memory>
#include <string>

#include "base/assert.h"
#include "expr/aggregate_groups_internal.h"
#include "expr/kernel_internal.h"

namespace firn::expr {

namespace {

const std::vector<std::unique_ptr<AggregateFunction>>& Storage() {
  static const auto* const functions = [] {
    auto* all = new std::vector<std::unique_ptr<AggregateFunction>>();
    for (auto* group : {&NumericAggregates, &StatisticAggregates, &ExtremeAggregates, &PositionAggregates, &ListAggregates}) {
      for (AggregateFunction& function : (*group)()) all->push_back(std::make_unique<AggregateFunction>(std::move(function)));
    }
    return all;
  }();
  return *functions;
}

}  // namespace

const std::vector<const AggregateFunction*>& AllAggregates() {
  static const auto* const all = [] {
    auto* pointers = new std::vector<const AggregateFunction*>();
    for (const auto& function : Storage()) pointers->push_back(function.get());
    return pointers;
  }();
  return *all;
}

const AggregateFunction* FindAggregate(std::string_view name) {
  std::string upper(name);
  for (char& c : upper) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  for (const auto& function : Storage()) {
    for (std::string_view known : function->names) {
      if (known == upper) return function.get();
    }
  }
  return nullptr;
}

std::vector<types::Field> StateFields(const AggregateCall& call) {
  if (call.options.is_distinct) return DistinctStateFields(call);
  return call.function->state_fields(call.signature, call.options);
}

Result<std::unique_ptr<GroupedAccumulator>> MakeAccumulator(const AggregateCall& call) {
  FIRN_ASSERT(call.function != nullptr && (call.arguments.empty() || call.arguments.size() == call.signature.arguments.size()), "{} of {} columns is bound to {} types",
              call.function == nullptr ? "no aggregate" : call.function->names[0], call.arguments.size(), call.signature.arguments.size());
  if (call.options.is_distinct) return MakeDistinct(call);
  return call.function->make(call.signature, call.options);
}

void CheckRows(int64_t rows, const types::ArrayPtr& kinds, const types::ArrayPtr& filter) {
  FIRN_ASSERT((!kinds || (kinds->length() == rows && kinds->type_id() == arrow::Type::INT8)) && (!filter || (filter->length() == rows && filter->type_id() == arrow::Type::BOOL)),
              "{} rows have {} kinds and {} marks of a filter", rows, kinds ? kinds->length() : -1, filter ? filter->length() : -1);
}

void CheckColumns(std::span<const uint32_t> groups, std::span<const types::ArrayPtr> arguments, size_t columns) {
  FIRN_ASSERT(arguments.size() == columns, "{} arguments where there are {}", arguments.size(), columns);
  for (const types::ArrayPtr& column : arguments) FIRN_ASSERT(column->length() == static_cast<int64_t>(groups.size()), "{} values for {} rows", column->length(), groups.size());
}

void CheckColumns(std::span<const uint32_t> groups, std::span<const types::ArrayPtr> arguments, const types::DataType& type) {
  CheckColumns(groups, arguments, 1);
  FIRN_ASSERT(HaveOneForm(*arguments[0]->type(), *type.ToArrow()), "values of {} are taken for {}", arguments[0]->type()->ToString(), type.ToString());
}

void CheckState(std::span<const uint32_t> groups, std::span<const types::ArrayPtr> state, size_t columns) {
  FIRN_ASSERT(state.size() == columns, "{} columns of state where there are {}", state.size(), columns);
  for (const types::ArrayPtr& column : state) FIRN_ASSERT(column->length() == static_cast<int64_t>(groups.size()), "{} rows of state for {} groups", column->length(), groups.size());
}

}  // namespace firn::expr
