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

/// What holds of a batch: a kind and a mark of the filter for each row, where there are kinds and a filter.
void CheckRows(int64_t rows, const types::ArrayPtr& kinds, const types::ArrayPtr& filter);

/// Calls `visit(row, group, is_retraction)` for the rows that pass the filter.
template <typename Visit>
void ForEachRow(std::span<const uint32_t> groups, const types::ArrayPtr& kinds, const types::ArrayPtr& filter, const Visit& visit) {
  const auto* mask = filter ? static_cast<const arrow::BooleanArray*>(filter.get()) : nullptr;
  const auto* kind = kinds ? static_cast<const arrow::Int8Array*>(kinds.get()) : nullptr;
  const auto rows = static_cast<int64_t>(groups.size());
  CheckRows(rows, kinds, filter);
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

/// What holds of the rows of an update: a value of each of `columns` arguments for each row.
void CheckColumns(std::span<const uint32_t> groups, std::span<const types::ArrayPtr> arguments, size_t columns);
/// Of one argument, of that type.
void CheckColumns(std::span<const uint32_t> groups, std::span<const types::ArrayPtr> arguments, const types::DataType& type);

/// What holds of a state that is read back: a column for each of its fields, a row for each group.
void CheckState(std::span<const uint32_t> groups, std::span<const types::ArrayPtr> state, size_t columns);

/// An array of the type from a builder filled by `fill(builder)`.
template <typename Fill>
Result<types::ArrayPtr> BuildArray(const types::DataType& type, const Fill& fill) {
  std::unique_ptr<arrow::ArrayBuilder> builder;
  FIRN_RETURN_IF_ERROR(types::FromArrowStatus(arrow::MakeBuilder(arrow::default_memory_pool(), type.ToArrow(), &builder)));
  FIRN_RETURN_IF_ERROR(fill(builder.get()));
  return types::FromArrowResult(builder->Finish());
}

}  // namespace firn::expr
