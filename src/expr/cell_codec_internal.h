// SPDX-License-Identifier: Apache-2.0
// Single cells as bytes whose order is the order of the values: what aggregates that keep values keep them as.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "types/batch.h"
#include "types/data_type.h"

namespace arrow {
class ArrayBuilder;
}

namespace firn::expr {

/// For one type. Thread-compatible.
class CellCodec {
 public:
  virtual ~CellCodec() = default;
  /// kNotSupported for types without an order of their own (ARRAY, MAP, ROW).
  static Result<std::unique_ptr<CellCodec>> Make(const types::DataType& type);
  /// Appends the bytes of a cell that is not NULL.
  virtual void Encode(const arrow::Array& array, int64_t row, std::string* out) const = 0;
  virtual Status Decode(std::string_view bytes, arrow::ArrayBuilder* builder) const = 0;
};

}  // namespace firn::expr
