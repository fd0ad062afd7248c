// SPDX-License-Identifier: Apache-2.0
// Rows as byte strings: what join states and multi-column keys are kept as. Equal rows have equal bytes (NaN has one form; 0.0 and -0.0 stay
// apart, as in Flink's groups), so that bytes can be hashed and compared without knowing the types.
//
//   row    := null bitmap (one bit a column, lowest first), then the value of each column that is not NULL
//   value  := fixed-width types: their Arrow width, little-endian (BOOLEAN one byte) | text, bytes: varint length, bytes
//           | ARRAY, MAP: varint count, then items (map: key, value) | ROW: its fields; inside these each value has a byte before it: 0 NULL, 1 not
//
// Columns are encoded and decoded one after the other, not row by row.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "types/batch.h"
#include "types/data_type.h"

namespace firn::exec {

/// Byte strings one behind the other. Reused from batch to batch.
class EncodedRows {
 public:
  int64_t count() const { return static_cast<int64_t>(offsets_.size()) - 1; }
  std::string_view operator[](int64_t row) const {
    return {bytes_.data() + offsets_[row], offsets_[row + 1] - offsets_[row]};
  }

 private:
  friend class RowCodec;
  std::vector<char> bytes_;
  std::vector<size_t> offsets_{0};
};

/// Immutable; thread-safe.
class RowCodec {
 public:
  explicit RowCodec(std::vector<types::DataType> types) : types_(std::move(types)) {}

  const std::vector<types::DataType>& types() const { return types_; }

  /// `columns`: one a type, each `row_count` long.
  void Encode(std::span<const types::ArrayPtr> columns, int64_t row_count, EncodedRows* rows) const;
  /// One array a type. A row without data (data() is null) gives NULL in every column. The bytes must come from Encode.
  Result<std::vector<types::ArrayPtr>> Decode(std::span<const std::string_view> rows) const;

 private:
  size_t bitmap_bytes() const { return (types_.size() + 7) / 8; }

  const std::vector<types::DataType> types_;
};

/// The columns of `schema` as those of a stored table: c0, c1, ..., so that no name of the query's meets one of the operator's.
std::vector<types::Field> StoredFields(const types::Schema& schema);

/// The bytes of a fixed-width type in memory, 0 for all others and for BOOLEAN (a bit).
int FixedWidth(const types::DataType& type);

}  // namespace firn::exec
