// SPDX-License-Identifier: Apache-2.0
#include "exec/columns.h"

#include <arrow/array.h>
#include <arrow/array/util.h>
#include <arrow/buffer.h>
#include <arrow/builder.h>
#include <arrow/compute/api_scalar.h>
#include <arrow/type.h>

#include "base/assert.h"
#include "types/arrow_result.h"

namespace firn::exec {

using types::ArrayPtr;

ArrayPtr LongArray(std::vector<int64_t> values) {
  const auto count = static_cast<int64_t>(values.size());
  return std::make_shared<arrow::Int64Array>(count, arrow::Buffer::FromVector(std::move(values)));
}

void LongsOf(const types::ArrayPtr& array, std::vector<int64_t>* out) {
  FIRN_ASSERT(array->type_id() == arrow::Type::INT64, "integers of type {}", array->type()->ToString());
  const auto& longs = static_cast<const arrow::Int64Array&>(*array);
  out->insert(out->end(), longs.raw_values(), longs.raw_values() + longs.length());
}

ArrayPtr KindArray(std::vector<int8_t> kinds) {
  const auto count = static_cast<int64_t>(kinds.size());
  return std::make_shared<arrow::Int8Array>(count, arrow::Buffer::FromVector(std::move(kinds)));
}

ArrayPtr ConstantKinds(types::RowKind kind, int64_t count) {
  if (kind == types::RowKind::kInsert) return nullptr;
  return KindArray(std::vector<int8_t>(static_cast<size_t>(count), static_cast<int8_t>(kind)));
}

ArrayPtr TimestampArray(const types::DataType& type, const std::vector<int64_t>& values_ms) {
  const auto arrow_type = type.ToArrow();
  const int64_t factor = static_cast<const arrow::TimestampType&>(*arrow_type).unit() == arrow::TimeUnit::NANO ? 1'000'000 : 1'000;
  std::vector<int64_t> scaled(values_ms.size());
  for (size_t i = 0; i < values_ms.size(); ++i) scaled[i] = values_ms[i] * factor;
  const auto count = static_cast<int64_t>(scaled.size());
  return std::make_shared<arrow::TimestampArray>(arrow_type, count, arrow::Buffer::FromVector(std::move(scaled)));
}

void TimesMs(const ArrayPtr& times, std::vector<int64_t>* out) {
  const auto& type = static_cast<const arrow::TimestampType&>(*times->type());
  FIRN_ASSERT(type.id() == arrow::Type::TIMESTAMP, "event time of type {}", type.ToString());
  const int64_t* values = times->data()->GetValues<int64_t>(1);
  const auto count = static_cast<size_t>(times->length());
  out->resize(count);
  const auto scale = [&](int64_t divisor) {
    for (size_t i = 0; i < count; ++i) {
      const int64_t quotient = values[i] / divisor;
      (*out)[i] = quotient - (values[i] % divisor < 0 ? 1 : 0);
    }
  };
  switch (type.unit()) {
    case arrow::TimeUnit::MICRO: return scale(1'000);
    case arrow::TimeUnit::NANO: return scale(1'000'000);
    case arrow::TimeUnit::MILLI: return scale(1);
    default: FIRN_UNREACHABLE("event time of type {}", type.ToString());
  }
}

Result<ArrayPtr> NotNullMask(const ArrayPtr& array) {
  FIRN_TRY(arrow::Datum mask, types::FromArrowResult(arrow::compute::IsValid(array)));
  return mask.make_array();
}

ArrayPtr IndicesWhere(const std::vector<uint8_t>& keep) {
  std::vector<int64_t> rows;
  for (size_t i = 0; i < keep.size(); ++i) {
    if (keep[i]) rows.push_back(static_cast<int64_t>(i));
  }
  return LongArray(std::move(rows));
}

ArrayPtr IndexArray(const std::vector<int64_t>& rows) {
  arrow::Int64Builder builder;
  FIRN_ASSERT(builder.Reserve(static_cast<int64_t>(rows.size())).ok(), "no memory for {} indices", rows.size());
  for (int64_t row : rows) {
    if (row < 0) {
      builder.UnsafeAppendNull();
    } else {
      builder.UnsafeAppend(row);
    }
  }
  return builder.Finish().ValueOrDie();
}

Result<ArrayPtr> NullColumn(const types::DataType& type, int64_t count) {
  return types::FromArrowResult(arrow::MakeArrayOfNull(type.ToArrow(), count));
}

}  // namespace firn::exec
