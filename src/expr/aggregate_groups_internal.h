// SPDX-License-Identifier: Apache-2.0
// The files that aggregate functions live in, and what their accumulators share.
#pragma once

#include <arrow/array.h>
#include <arrow/builder.h>

#include <memory>
#include <vector>

#include "base/assert.h"
#include "expr/aggregate_function.h"
#include "types/arrow_result.h"

namespace firn::expr {

std::vector<AggregateFunction> NumericAggregates();      // COUNT, SUM, AVG
std::vector<AggregateFunction> ExtremeAggregates();      // MIN, MAX
std::vector<AggregateFunction> PositionAggregates();     // FIRST_VALUE, LAST_VALUE, SINGLE_VALUE
std::vector<AggregateFunction> StatisticAggregates();    // VAR_POP, STDDEV_SAMP, ...
std::vector<AggregateFunction> ListAggregates();         // LISTAGG, ARRAY_AGG

/// Counts each different value once over any other aggregate.
Result<std::unique_ptr<GroupedAccumulator>> MakeDistinct(const AggregateCall& call);
std::vector<types::Field> DistinctStateFields(const AggregateCall& call);

/// Calls `visit(row, group, is_retraction)` for the rows that pass the filter.
template <typename Visit>
void ForEachRow(std::span<const uint32_t> groups, const types::ArrayPtr& kinds, const types::ArrayPtr& filter, const Visit& visit) {
  const auto* mask = filter ? static_cast<const arrow::BooleanArray*>(filter.get()) : nullptr;
  const auto* kind = kinds ? static_cast<const arrow::Int8Array*>(kinds.get()) : nullptr;
  const auto rows = static_cast<int64_t>(groups.size());
  FIRN_ASSERT((!kinds || (kinds->length() == rows && kinds->type_id() == arrow::Type::INT8)) && (!filter || (filter->length() == rows && filter->type_id() == arrow::Type::BOOL)),
              "{} rows have {} kinds and {} marks of a filter", rows, kinds ? kinds->length() : -1, filter ? filter->length() : -1);
  if (mask == nullptr && kind == nullptr) {
    for (int64_t row = 0; row < rows; ++row) visit(row, groups[static_cast<size_t>(row)], false);
    return;
  }
  for (int64_t row = 0; row < rows; ++row) {
    if (mask != nullptr && (mask->IsNull(row) || !mask->Value(row))) continue;
    const auto row_kind = kind == nullptr ? types::RowKind::kInsert : static_cast<types::RowKind>(kind->Value(row));
    visit(row, groups[static_cast<size_t>(row)], row_kind == types::RowKind::kDelete || row_kind == types::RowKind::kUpdateBefore);
  }
}

/// What holds of a state that is read back: a column for each of its fields, a row for each group.
inline void CheckState(std::span<const uint32_t> groups, std::span<const types::ArrayPtr> state, size_t columns) {
  FIRN_ASSERT(state.size() == columns, "{} columns of state where there are {}", state.size(), columns);
  for (const types::ArrayPtr& column : state) FIRN_ASSERT(column->length() == static_cast<int64_t>(groups.size()), "{} rows of state for {} groups", column->length(), groups.size());
}

/// An array of the type from a builder filled by `fill(builder)`.
template <typename Fill>
Result<types::ArrayPtr> BuildArray(const types::DataType& type, const Fill& fill) {
  std::unique_ptr<arrow::ArrayBuilder> builder;
  FIRN_RETURN_IF_ERROR(types::FromArrowStatus(arrow::MakeBuilder(arrow::default_memory_pool(), type.ToArrow(), &builder)));
  FIRN_RETURN_IF_ERROR(fill(builder.get()));
  return types::FromArrowResult(builder->Finish());
}

}  // namespace firn::expr
