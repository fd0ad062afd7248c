// SPDX-License-Identifier: Apache-2.0
// Single cells as bytes, equal for equal values: what aggregates that keep values keep them as. But for nested types their order is that of the values.
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
  /// kNotSupported for NULL, which has no values.
  static Result<std::unique_ptr<CellCodec>> Make(const types::DataType& type);
  /// Appends the bytes of a cell that is not NULL.
  virtual void Encode(const arrow::Array& array, int64_t row, std::string* out) const = 0;
  virtual Status Decode(std::string_view bytes, arrow::ArrayBuilder* builder) const = 0;

 private:
  static Result<std::unique_ptr<CellCodec>> MakeNested(const types::DataType& type);
};

}  // namespace firn::expr
