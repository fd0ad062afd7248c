// SPDX-License-Identifier: Apache-2.0
#include "exec/encoded_changes.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "exec/columns.h"

namespace firn::exec {

Status EncodedChanges::Emit(const types::SchemaPtr& schema, Output& output) {
  if (rows_.empty()) return Ok();
  types::Batch batch{schema, {}, static_cast<int64_t>(rows_.size()), nullptr, nullptr};
  FIRN_ASSERT(kinds_.size() == rows_.size(), "{} rows have {} kinds", rows_.size(), kinds_.size());
  FIRN_TRY(batch.columns, codec_.Decode(rows_));
  FIRN_ASSERT(batch.columns.size() == schema->size(), "rows of {} columns come out with {}", schema->size(), batch.columns.size());
  const bool has_other = std::any_of(kinds_.begin(), kinds_.end(), [](int8_t kind) { return kind != static_cast<int8_t>(types::RowKind::kInsert); });
  if (has_other) batch.kinds = KindArray(std::exchange(kinds_, {}));
  Clear();
  output.Emit(std::move(batch));
  return Ok();
}

}  // namespace firn::exec
