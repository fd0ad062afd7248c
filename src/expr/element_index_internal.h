// SPDX-License-Identifier: Apache-2.0
// Which elements of arrays equal each other, found in time linear in their number.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "expr/cell_codec_internal.h"
#include "expr/list_view_internal.h"

namespace firn::expr {

/// Distinct elements of a pool, in the order in which they came. NULL equals NULL, NaN equals NaN, 0.0 equals -0.0. Thread-compatible.
class ElementIndex {
 public:
  /// `type`: of the elements. The pool outlives the index and is not moved.
  static Result<ElementIndex> Make(const types::DataType& type, const ElementPool& pool);
  struct Place {
    size_t at;    // among the distinct elements
    bool is_new;  // it was not there before
  };
  Place Insert(int64_t element);
  bool Contains(int64_t element);
  size_t size() const { return elements_.size(); }
  void Clear();
  /// How many elements were compared one by one: a few of the first, however many came.
  int64_t compared() const { return compared_; }

 private:
  ElementIndex(types::ArrayPtr encoded, std::unique_ptr<CellCodec> codec) : encoded_(std::move(encoded)), codec_(std::move(codec)) {}
  bool IsScanned() const;
  size_t Scan(int64_t element);
  void Encode(int64_t element);

  types::ArrayPtr encoded_;            // the pool's elements, of which equal ones have equal bytes
  std::unique_ptr<CellCodec> codec_;   // nullptr: of a type without values
  std::vector<int64_t> elements_;
  std::unordered_map<std::string, size_t> places_;  // by bytes: of all elements once there are many, else empty
  std::string bytes_;
  int64_t compared_ = 0;
};

}  // namespace firn::expr
