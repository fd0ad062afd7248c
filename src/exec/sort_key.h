// SPDX-License-Identifier: Apache-2.0
// The ORDER BY columns of a row as bytes whose order (that of memcmp) is the order of the rows: what operators keep sorted state by.
//
//   key    := for each column: 0 or 2 for NULL (before or after values), else 1 and the value
//   value  := integers, dates, times, timestamps, intervals, DECIMAL: big-endian, sign bit flipped | BOOLEAN: 0, 1
//           | FLOAT, DOUBLE: their bits, ordered; NaN is one value and last, -0.0 is 0.0
//           | text, bytes: each 0 byte followed by 255, closed by two 0 bytes
// A descending column has the bytes of its value inverted.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "plan/physical_plan.h"
#include "types/batch.h"

namespace firn::exec {

/// Immutable; thread-safe.
class SortKeyEncoder {
 public:
  /// kNotSupported for a column whose type has no order.
  static Result<SortKeyEncoder> Make(const types::Schema& schema, std::vector<plan::SortKey> keys);

  /// One key a row of `batch`; the strings keep their memory.
  void Encode(const types::Batch& batch, std::vector<std::string>* keys) const;

 private:
  SortKeyEncoder(std::vector<plan::SortKey> keys, std::vector<types::DataType> types) : keys_(std::move(keys)), types_(std::move(types)) {}

  std::vector<plan::SortKey> keys_;
  std::vector<types::DataType> types_;  // of each key
};

/// Appends a number that orders what is otherwise equal by arrival.
void AppendSequence(uint64_t sequence, std::string* key);
/// Of the last kSequenceBytes bytes of a key.
uint64_t ReadSequence(std::string_view bytes);
inline constexpr size_t kSequenceBytes = 8;

}  // namespace firn::exec
