// SPDX-License-Identifier: Apache-2.0
#include "types/batch.h"

#include <arrow/array.h>
#include <arrow/array/concatenate.h>
#include <arrow/builder.h>
#include <arrow/compute/api_vector.h>
#include <arrow/datum.h>
#include <arrow/record_batch.h>
#include <arrow/util/byte_size.h>

#include "types/arrow_result.h"

namespace firn::types {

const char* RowKindText(RowKind kind) {
  static constexpr const char* kTexts[] = {"+I", "-U", "+U", "-D"};
  return kTexts[static_cast<int>(kind)];
}

RowKind Batch::kind(int64_t row) const {
  return kinds ? static_cast<RowKind>(static_cast<const arrow::Int8Array&>(*kinds).Value(row)) : RowKind::kInsert;
}

int64_t Batch::watermark_before(int64_t row) const {
  return watermarks ? static_cast<const arrow::Int64Array&>(*watermarks).Value(row) : kNoWatermark;
}

Batch SliceBatch(const Batch& batch, int64_t offset, int64_t length) {
  FIRN_ASSERT(offset >= 0 && length >= 0 && offset + length <= batch.row_count, "slice [{}, +{}) of {} rows", offset,
              length, batch.row_count);
  Batch slice{batch.schema, {}, length, nullptr, nullptr};
  slice.columns.reserve(batch.columns.size());
  for (const ArrayPtr& column : batch.columns) slice.columns.push_back(column->Slice(offset, length));
  if (batch.kinds) slice.kinds = batch.kinds->Slice(offset, length);
  if (batch.watermarks) slice.watermarks = batch.watermarks->Slice(offset, length);
  return slice;
}

namespace {

// Applies one function to every column, the kinds and the watermarks.
template <typename Function>
Result<Batch> MapArrays(const Batch& batch, int64_t row_count, Function&& function) {
  Batch result{batch.schema, {}, row_count, nullptr, nullptr};
  result.columns.reserve(batch.columns.size());
  for (const ArrayPtr& column : batch.columns) {
    FIRN_TRY(ArrayPtr mapped, function(column));
    result.columns.push_back(std::move(mapped));
  }
  if (batch.kinds) {
    FIRN_TRY(result.kinds, function(batch.kinds));
  }
  if (batch.watermarks) {
    FIRN_TRY(result.watermarks, function(batch.watermarks));
  }
  return result;
}

}  // namespace

Result<Batch> TakeRows(const Batch& batch, const ArrayPtr& indices) {
  FIRN_ASSERT(indices->type_id() == arrow::Type::INT64, "indices of type {}", indices->type()->ToString());
  const int64_t* first = indices->data()->GetValues<int64_t>(1);
  const int64_t* last = first + indices->length();
  const auto [least, most] = std::minmax_element(first, last);  // of NULL: 0
  FIRN_ASSERT(first == last || (*least >= 0 && *most < std::max<int64_t>(batch.row_count, 1)), "rows {} to {} are taken of {}", *least, *most, batch.row_count);
  return MapArrays(batch, indices->length(), [&](const ArrayPtr& column) -> Result<ArrayPtr> {
    return FromArrowResult(arrow::compute::Take(*column, *indices, arrow::compute::TakeOptions::NoBoundsCheck()));
  });
}

Result<Batch> FilterRows(const Batch& batch, const ArrayPtr& mask) {
  const auto& flags = static_cast<const arrow::BooleanArray&>(*mask);
  const int64_t kept = flags.true_count();
  if (kept == batch.row_count) return batch;
  return MapArrays(batch, kept, [&](const ArrayPtr& column) -> Result<ArrayPtr> {
    FIRN_TRY(arrow::Datum filtered, FromArrowResult(arrow::compute::Filter(column, mask)));
    return filtered.make_array();
  });
}

Result<Batch> ConcatenateBatches(const std::vector<Batch>& batches) {
  FIRN_ASSERT(!batches.empty(), "nothing to concatenate");
  if (batches.size() == 1) return batches[0];
  Batch result{batches[0].schema, {}, 0, nullptr, nullptr};
  bool has_kinds = false;
  bool has_watermarks = false;
  for (const Batch& batch : batches) {
    result.row_count += batch.row_count;
    has_kinds |= batch.kinds != nullptr;
    has_watermarks |= batch.watermarks != nullptr;
  }
  for (size_t i = 0; i < result.schema->size(); ++i) {
    arrow::ArrayVector parts;
    for (const Batch& batch : batches) parts.push_back(batch.columns[i]);
    FIRN_TRY(ArrayPtr joined, FromArrowResult(arrow::Concatenate(parts)));
    result.columns.push_back(std::move(joined));
  }
  if (has_kinds) {
    arrow::Int8Builder builder;
    FIRN_RETURN_IF_ERROR(FromArrowStatus(builder.Reserve(result.row_count)));
    for (const Batch& batch : batches) {
      for (int64_t row = 0; row < batch.row_count; ++row) builder.UnsafeAppend(static_cast<int8_t>(batch.kind(row)));
    }
    FIRN_TRY(result.kinds, FromArrowResult(builder.Finish()));
  }
  if (has_watermarks) {
    arrow::Int64Builder builder;
    FIRN_RETURN_IF_ERROR(FromArrowStatus(builder.Reserve(result.row_count)));
    for (const Batch& batch : batches) {
      for (int64_t row = 0; row < batch.row_count; ++row) builder.UnsafeAppend(batch.watermark_before(row));
    }
    FIRN_TRY(result.watermarks, FromArrowResult(builder.Finish()));
  }
  return result;
}

std::shared_ptr<arrow::RecordBatch> ToRecordBatch(const Batch& batch) {
  return arrow::RecordBatch::Make(batch.schema->ToArrow(), batch.row_count, batch.columns);
}

Batch FromRecordBatch(const SchemaPtr& schema, const arrow::RecordBatch& record_batch) {
  return Batch{schema, record_batch.columns(), record_batch.num_rows(), nullptr, nullptr};
}

int64_t BatchBytes(const Batch& batch) {
  int64_t bytes = 0;
  for (const ArrayPtr& column : batch.columns) {
    // Shared buffers are counted by the slice's share where Arrow can tell, else whole.
    auto referenced = arrow::util::ReferencedBufferSize(*column);
    bytes += referenced.ok() ? *referenced : arrow::util::TotalBufferSize(*column);
  }
  return bytes;
}

}  // namespace firn::types
