// SPDX-License-Identifier: Apache-2.0
#include <arrow/array/concatenate.h>
#include <arrow/compute/api_vector.h>

#include <algorithm>
#include <limits>

#include "base/assert.h"
#include "expr/list_view_internal.h"

namespace firn::expr {

Result<ElementPool> ElementPool::Make(std::vector<types::ArrayPtr> arrays, const Limits& limits) {
  FIRN_ASSERT(!arrays.empty(), "elements of no array");
  ElementPool pool;
  pool.elements_max_ = limits.column_elements;
  int64_t base = 0;
  for (const types::ArrayPtr& array : arrays) {
    FIRN_ASSERT(HaveOneForm(*array->type(), *arrays[0]->type()), "elements of {} beside {}", array->type()->ToString(), arrays[0]->type()->ToString());
    pool.bases_.push_back(base);
    base += array->length();
  }
  if (arrays.size() == 1) {
    pool.all_ = arrays[0];
  } else {
    FIRN_TRY(pool.all_, types::FromArrowResult(arrow::Concatenate(arrays)));
  }
  return pool;
}

bool ElementPool::AreEqual(int64_t left, int64_t right) const {
  return all_->RangeEquals(*all_, left, left + 1, right, arrow::EqualOptions::Defaults().nans_equal(true));
}

Result<std::vector<int64_t>> ElementPool::Ranks() const {
  const arrow::compute::ArraySortOptions options(arrow::compute::SortOrder::Ascending, arrow::compute::NullPlacement::AtStart);
  FIRN_TRY(auto order, types::FromArrowResult(arrow::compute::SortIndices(*all_, options)));
  FIRN_ASSERT(order->length() == all_->length(), "{} places of {} elements", order->length(), all_->length());
  const auto& places = static_cast<const arrow::UInt64Array&>(*order);
  std::vector<int64_t> ranks(static_cast<size_t>(all_->length()));
  for (int64_t i = 0; i < places.length(); ++i) ranks[places.Value(i)] = i;
  return ranks;
}

Result<types::ArrayPtr> ElementPool::Take(const std::vector<int64_t>& indices) const {
  if (static_cast<int64_t>(indices.size()) > elements_max_) return TooManyElements(elements_max_);
  arrow::Int64Builder builder;
  FIRN_RETURN_IF_ERROR(types::FromArrowStatus(builder.Reserve(static_cast<int64_t>(indices.size()))));
  int64_t last = -1;
  for (int64_t index : indices) {
    last = std::max(last, index);
    if (index < 0) {
      builder.UnsafeAppendNull();
    } else {
      builder.UnsafeAppend(index);
    }
  }
  FIRN_ASSERT(last < all_->length(), "element {} is taken of {}", last, all_->length());
  FIRN_TRY(types::ArrayPtr rows, types::FromArrowResult(builder.Finish()));
  return types::FromArrowResult(arrow::compute::Take(*all_, *rows, arrow::compute::TakeOptions::NoBoundsCheck()));
}

Result<types::ArrayPtr> TextElements::Finish() {
  if (count_ > elements_max_) return TooManyElements(elements_max_);
  FIRN_TRY(Column column, maker_.Finish(false));
  FIRN_ASSERT(column.array->length() == count_, "{} texts of {}", column.array->length(), count_);
  return std::move(column.array);
}

Result<Column> ListMaker::Finish(const types::DataType& type, std::shared_ptr<arrow::ArrayData> child) const {
  if (is_full()) return TooManyElements(elements_max_);
  FIRN_ASSERT(offsets_.size() == valid_.size() + 1 && offsets_.back() == static_cast<int32_t>(elements_.size()), "{} offsets of {} rows, the last {} of {} elements", offsets_.size(), valid_.size(),
              offsets_.back(), elements_.size());
  FIRN_ASSERT(child->length == static_cast<int64_t>(elements_.size()) && child->length <= std::numeric_limits<int32_t>::max(), "{} values for {} elements", child->length, elements_.size());
  const bool has_nulls = std::find(valid_.begin(), valid_.end(), 0) != valid_.end();
  auto data = arrow::ArrayData::Make(type.ToArrow(), static_cast<int64_t>(valid_.size()), {has_nulls ? PackBits(valid_) : nullptr, arrow::Buffer::FromVector(offsets_)}, {std::move(child)});
  return Column{arrow::MakeArray(std::move(data)), false};
}

Result<Column> ListMaker::FinishList(const types::DataType& type, const types::ArrayPtr& values) const { return Finish(type, values->data()); }

Result<Column> ListMaker::FinishMap(const types::DataType& type, const types::ArrayPtr& keys, const types::ArrayPtr& items) const {
  FIRN_ASSERT(keys->length() == items->length(), "{} keys, {} values", keys->length(), items->length());
  if (keys->null_count() > 0) return Error(ErrorCode::kEvaluationError, "a key of a MAP is NULL").Hint("leave the row out, or COALESCE(key, ...)");
  const auto arrow_type = type.ToArrow();
  const auto& entry_type = static_cast<const arrow::MapType&>(*arrow_type).value_type();
  return Finish(type, arrow::ArrayData::Make(entry_type, keys->length(), {nullptr}, {keys->data(), items->data()}, 0));
}

}  // namespace firn::expr
