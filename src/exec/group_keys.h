// SPDX-License-Identifier: Apache-2.0
// The keys of one batch, encoded once: each operator that groups, joins or distributes rows works on these, never on the columns again.
//
// Three shapes: no key column (all rows are one group), one fixed-width column of at most eight bytes (an integer compare), and bytes: one
// text column as it lies in Arrow's buffer, or several columns as a row of row_codec.h.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "exec/row_codec.h"
#include "types/batch.h"

namespace firn::exec {

enum class KeyShape : uint8_t { kNone, kFixed, kBytes };

/// Keys of a batch's rows. Points into the batch's arrays: use it while they live.
struct BatchKeys {
  KeyShape shape = KeyShape::kNone;
  int64_t count = 0;
  std::vector<uint64_t> hashes;
  std::vector<uint64_t> fixed;           // kFixed
  std::vector<std::string_view> bytes;   // kBytes
  /// Only where the one key column of kFixed, or the one text column of kBytes, has NULLs: 1 for NULL.
  std::vector<uint8_t> single_nulls;
  EncodedRows rows;                      // what `bytes` points to for several columns

  bool IsSingleNull(int64_t row) const { return !single_nulls.empty() && single_nulls[row] != 0; }
};

/// The hash of a NULL in a single key column.
inline constexpr uint64_t kNullKeyHash = 0x9e3779b97f4a7c15ULL;

/// Immutable; thread-safe. Two encoders of the same types give the same hashes: an exchange and the operator behind it agree.
class KeyEncoder {
 public:
  explicit KeyEncoder(std::vector<types::DataType> types);

  KeyShape shape() const { return shape_; }
  const std::vector<types::DataType>& types() const { return codec_.types(); }

  /// `columns`: one a type.
  void Encode(std::span<const types::ArrayPtr> columns, int64_t row_count, BatchKeys* keys) const;
  /// The key columns of stored keys (see GroupTable::Keys).
  Result<std::vector<types::ArrayPtr>> DecodeFixed(std::span<const uint64_t> keys, std::span<const uint8_t> nulls) const;
  /// A key without data is the NULL of a single text column.
  Result<std::vector<types::ArrayPtr>> DecodeBytes(std::span<const std::string_view> keys) const;

 private:
  RowCodec codec_;
  KeyShape shape_;
};

/// The types of `columns` of a schema, in that order.
std::vector<types::DataType> TypesOf(const types::Schema& schema, const std::vector<int>& columns);
std::vector<types::DataType> AllTypesOf(const types::Schema& schema);
/// The arrays of `columns` of a batch, in that order.
std::vector<types::ArrayPtr> ColumnsOf(const types::Batch& batch, const std::vector<int>& columns);

}  // namespace firn::exec
