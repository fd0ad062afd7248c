// SPDX-License-Identifier: Apache-2.0
// ORDER BY over bounded input: gathers all rows, sorts their numbers by column, hands out the part that OFFSET and LIMIT leave.
#include <arrow/array.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/compute/api_vector.h>
#include <arrow/compute/ordering.h>
#include <arrow/table.h>

#include <bit>
#include <cmath>
#include <limits>

#include "base/assert.h"
#include "exec/columns.h"
#include "exec/operators_internal.h"
#include "types/arrow_result.h"

namespace firn::exec {

namespace {

/// Numbers in the order of `values`: NaN, which Arrow puts beside NULL, is the largest, and -0.0 is 0.0.
template <typename Values>
Result<types::ArrayPtr> OrderedNumbers(const arrow::Array& array) {
  const auto& values = static_cast<const Values&>(array);
  arrow::Int64Builder builder;
  FIRN_RETURN_IF_ERROR(types::FromArrowStatus(builder.Reserve(values.length())));
  for (int64_t row = 0; row < values.length(); ++row) {
    if (values.IsNull(row)) {
      builder.UnsafeAppendNull();
      continue;
    }
    const double value = values.Value(row);
    const auto bits = std::bit_cast<int64_t>(value == 0 ? 0.0 : value);
    builder.UnsafeAppend(std::isnan(value) ? std::numeric_limits<int64_t>::max() : bits < 0 ? bits ^ std::numeric_limits<int64_t>::max() : bits);
  }
  return types::FromArrowResult(builder.Finish());
}

Result<types::ArrayPtr> SortedBy(const types::ArrayPtr& values) {
  if (values->type_id() == arrow::Type::DOUBLE) return OrderedNumbers<arrow::DoubleArray>(*values);
  if (values->type_id() == arrow::Type::FLOAT) return OrderedNumbers<arrow::FloatArray>(*values);
  return values;
}

class SortOperator final : public StatelessOperator {
 public:
  explicit SortOperator(const plan::PhysicalNode& node) : node_(node), spec_(std::get<plan::SortNode>(node.spec)) {}

  Status Process(int, types::Batch batch, Output&) override {
    batch.watermarks = nullptr;
    bytes_ += types::BatchBytes(batch);
    batches_.push_back(std::move(batch));
    return Ok();
  }

  Status Finish(Output& output) override {
    if (batches_.empty()) return Ok();
    FIRN_TRY(types::Batch all, types::ConcatenateBatches(batches_));
    batches_.clear();
    bytes_ = 0;
    // From the last key to the first, each time stably: NULLs are placed for each key by itself, which one call does not offer.
    std::vector<int64_t> order;
    for (int64_t row = 0; row < all.row_count; ++row) order.push_back(row);
    for (auto key = spec_.keys.rbegin(); key != spec_.keys.rend(); ++key) FIRN_RETURN_IF_ERROR(SortBy(all, *key, &order));
    const auto count = static_cast<int64_t>(order.size());
    const int64_t begin = std::min(spec_.offset, count);
    const int64_t end = spec_.limit < 0 ? count : std::min(count, begin + spec_.limit);
    FIRN_ASSERT(begin >= 0 && begin <= end && end <= all.row_count, "rows {} to {} of {}", begin, end, all.row_count);
    FIRN_TRY(types::Batch sorted, types::TakeRows(all, LongArray({order.begin() + begin, order.begin() + end})));
    sorted.schema = node_.schema;
    if (sorted.row_count > 0) output.Emit(std::move(sorted));
    return Ok();
  }

  int64_t state_bytes() const override { return bytes_; }

 private:
  static Status SortBy(const types::Batch& all, const plan::SortKey& key, std::vector<int64_t>* order) {
    FIRN_TRY(types::Batch arranged, types::TakeRows({all.schema, {all.columns[static_cast<size_t>(key.column)]}, all.row_count, nullptr, nullptr}, LongArray(*order)));
    const arrow::compute::ArraySortOptions options(key.descending ? arrow::compute::SortOrder::Descending : arrow::compute::SortOrder::Ascending,
                                                   key.nulls_first ? arrow::compute::NullPlacement::AtStart : arrow::compute::NullPlacement::AtEnd);
    FIRN_TRY(const types::ArrayPtr values, SortedBy(arranged.columns[0]));
    FIRN_TRY(auto indices, types::FromArrowResult(arrow::compute::SortIndices(*values, options)));
    const auto& places = static_cast<const arrow::UInt64Array&>(*indices);
    FIRN_ASSERT(places.length() == static_cast<int64_t>(order->size()), "{} rows are sorted to {}", order->size(), places.length());
    std::vector<int64_t> next(order->size());
    for (size_t i = 0; i < next.size(); ++i) next[i] = (*order)[static_cast<size_t>(places.Value(static_cast<int64_t>(i)))];
    *order = std::move(next);
    return Ok();
  }

  const plan::PhysicalNode& node_;
  const plan::SortNode& spec_;
  std::vector<types::Batch> batches_;
  int64_t bytes_ = 0;
};

}  // namespace

Result<OperatorPtr> MakeSortOperator(const plan::PhysicalNode& node) { return OperatorPtr(std::make_unique<SortOperator>(node)); }

}  // namespace firn::exec
