// SPDX-License-Identifier: Apache-2.0
// Columns of any type out of single values: for the few rows of metadata tables.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "iceberg/literal.h"
#include "types/batch.h"

namespace firn::iceberg {

/// NULL, a literal, or the members of an ARRAY, ROW, or MAP (whose entries are cells of two members).
struct Cell {
  Literal literal;
  std::vector<Cell> members;
  bool is_nested = false;

  Cell() = default;
  Cell(Literal value) : literal(std::move(value)) {}                                       // NOLINT: implicit by design
  Cell(int64_t value) : literal(value) {}                                                  // NOLINT
  Cell(int32_t value) : literal(value) {}                                                  // NOLINT
  Cell(bool value) : literal(value) {}                                                     // NOLINT
  Cell(std::string value) : literal(std::move(value)) {}                                   // NOLINT
  Cell(const char*) = delete;
  template <typename T>
  Cell(const std::optional<T>& value) { if (value) literal = Literal(*value); }            // NOLINT
  static Cell Nested(std::vector<Cell> members) {
    Cell cell;
    cell.members = std::move(members);
    cell.is_nested = true;
    return cell;
  }
  bool is_null() const { return !is_nested && literal.is_null(); }
};

/// Rows of cells as a batch; every cell must fit its column's type.
Result<types::Batch> BuildBatch(const types::SchemaPtr& schema, const std::vector<std::vector<Cell>>& rows);

}  // namespace firn::iceberg
