// SPDX-License-Identifier: Apache-2.0
// What flows on an edge between operators, in order: batches of rows as Arrow columns, watermarks, barriers, activity, end.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <variant>
#include <vector>

#include "base/result.h"
#include "types/data_type.h"

namespace arrow {
class Array;
class RecordBatch;
}  // namespace arrow

namespace firn::types {

/// What a row does to the relation (Flink's RowKind, in its byte order).
enum class RowKind : int8_t { kInsert = 0, kUpdateBefore = 1, kUpdateAfter = 2, kDelete = 3 };

/// "+I", "-U", "+U", "-D".
const char* RowKindText(RowKind kind);

/// Milliseconds of event time, as watermarks count.
inline constexpr int64_t kNoWatermark = std::numeric_limits<int64_t>::min();
inline constexpr int64_t kFinalWatermark = std::numeric_limits<int64_t>::max();

inline constexpr int64_t kPreferredBatchRows = 8192;

using ArrayPtr = std::shared_ptr<arrow::Array>;

/// Rows as columns. A value type that shares immutable arrays; copy it freely, also across threads.
struct Batch {
  SchemaPtr schema;
  std::vector<ArrayPtr> columns;  // one a field, each row_count long
  int64_t row_count = 0;
  ArrayPtr kinds;       // int8 RowKind a row; null: all are inserts
  /// int64 a row: the watermark (milliseconds) that the rows before it have emitted, against which it is or is not late;
  /// null: no watermark has been emitted yet, or the relation has none. Never decreasing.
  ArrayPtr watermarks;

  RowKind kind(int64_t row) const;
  int64_t watermark_before(int64_t row) const;  // kNoWatermark without a column
};

/// Rows [offset, offset + length), sharing the arrays.
Batch SliceBatch(const Batch& batch, int64_t offset, int64_t length);
/// The rows at `indices` (int64 array), in that order.
Result<Batch> TakeRows(const Batch& batch, const ArrayPtr& indices);
/// The rows where `mask` (boolean array) is true; NULL counts as false.
Result<Batch> FilterRows(const Batch& batch, const ArrayPtr& mask);
/// One batch of all rows; the schemas must be equal. kinds and watermarks are kept.
Result<Batch> ConcatenateBatches(const std::vector<Batch>& batches);
std::shared_ptr<arrow::RecordBatch> ToRecordBatch(const Batch& batch);
/// Without kinds and watermarks; the columns must have the schema's Arrow types.
Batch FromRecordBatch(const SchemaPtr& schema, const arrow::RecordBatch& record_batch);
/// Bytes held by the columns' buffers (slices count their share).
int64_t BatchBytes(const Batch& batch);

/// No row with an event time at or below `timestamp_ms` is expected any more.
struct Watermark {
  int64_t timestamp_ms = kNoWatermark;
};
/// Separates what belongs to checkpoint `checkpoint_id` from what comes after.
struct Barrier {
  int64_t checkpoint_id = 0;
};
/// An idle input does not hold back the watermark of an operator with several inputs.
struct Activity {
  bool is_idle = false;
};
/// Nothing follows. A final watermark has been sent before.
struct EndOfStream {};

using StreamElement = std::variant<Batch, Watermark, Barrier, Activity, EndOfStream>;

}  // namespace firn::types
