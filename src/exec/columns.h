// SPDX-License-Identifier: Apache-2.0
// Small arrays that operators make: row kinds, watermarks, indices; and event times as milliseconds.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "types/batch.h"

namespace firn::exec {

/// An int64 array; takes the vector, no copy.
types::ArrayPtr LongArray(std::vector<int64_t> values);
/// Appends the values of an int64 array without NULLs.
void LongsOf(const types::ArrayPtr& array, std::vector<int64_t>* out);
/// An int8 array of RowKinds; takes the vector.
types::ArrayPtr KindArray(std::vector<int8_t> kinds);
/// An array of `count` times the same kind; null (all inserts) for kInsert.
types::ArrayPtr ConstantKinds(types::RowKind kind, int64_t count);
/// A TIMESTAMP or TIMESTAMP_LTZ array of milliseconds, of `type`. Takes nothing but the values.
types::ArrayPtr TimestampArray(const types::DataType& type, const std::vector<int64_t>& values_ms);
/// Event times of a timestamp array in milliseconds, rounded down. Rows that are NULL hold anything.
void TimesMs(const types::ArrayPtr& times, std::vector<int64_t>* out);
/// A boolean array: true where `array` is not NULL.
Result<types::ArrayPtr> NotNullMask(const types::ArrayPtr& array);
/// The int64 indices i where keep[i] != 0.
types::ArrayPtr IndicesWhere(const std::vector<uint8_t>& keep);
/// An int64 array of the row numbers; rows below zero are NULL (a padded side of an outer join).
types::ArrayPtr IndexArray(const std::vector<int64_t>& rows);
/// A column of `count` NULLs.
Result<types::ArrayPtr> NullColumn(const types::DataType& type, int64_t count);

/// -1 for rows that retract (-U, -D), +1 for those that add.
inline bool IsRetraction(types::RowKind kind) { return kind == types::RowKind::kUpdateBefore || kind == types::RowKind::kDelete; }

}  // namespace firn::exec
