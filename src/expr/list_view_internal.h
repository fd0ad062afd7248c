// SPDX-License-Identifier: Apache-2.0
// Arrays and maps in kernels: views of their offsets, and results made by naming elements of what is there already (one Take, no builder a type).
#pragma once

#include <arrow/array.h>

#include <vector>

#include "expr/kernel_internal.h"

namespace firn::expr {

/// An ARRAY argument. Elements are numbered in values().
class ListView {
 public:
  explicit ListView(const Column& column) : array_(static_cast<const arrow::ListArray&>(*column.array)), step_(column.is_constant ? 0 : 1) { CheckView(column, column.array->type_id() == arrow::Type::LIST); }
  bool IsValid(int64_t row) const { return !array_.IsNull(row * step_); }
  int64_t begin(int64_t row) const { return array_.value_offset(row * step_); }
  int64_t end(int64_t row) const { return array_.value_offset(row * step_ + 1); }
  const types::ArrayPtr& values() const { return array_.values(); }

 private:
  const arrow::ListArray& array_;
  int64_t step_;
};

/// A MAP argument.
class MapView {
 public:
  explicit MapView(const Column& column) : array_(static_cast<const arrow::MapArray&>(*column.array)), step_(column.is_constant ? 0 : 1) {
    CheckView(column, column.array->type_id() == arrow::Type::MAP);
    const auto& entries = static_cast<const arrow::StructArray&>(*array_.values());  // Arrow's own keys() and items() forget that these may begin in the middle
    keys_ = entries.field(0);
    items_ = entries.field(1);
  }
  bool IsValid(int64_t row) const { return !array_.IsNull(row * step_); }
  int64_t begin(int64_t row) const { return array_.value_offset(row * step_); }
  int64_t end(int64_t row) const { return array_.value_offset(row * step_ + 1); }
  const types::ArrayPtr& keys() const { return keys_; }
  const types::ArrayPtr& items() const { return items_; }

 private:
  const arrow::MapArray& array_;
  types::ArrayPtr keys_, items_;
  int64_t step_;
};

/// The elements of several arrays of one type under one numbering: those of array i begin at Base(i).
class ElementPool {
 public:
  static Result<ElementPool> Make(std::vector<types::ArrayPtr> arrays, const Limits& limits);
  int64_t Base(size_t array) const {
    FIRN_ASSERT(array < bases_.size(), "array {} of {}", array, bases_.size());
    return bases_[array];
  }
  const arrow::Array& all() const { return *all_; }
  bool IsNull(int64_t element) const { return all_->IsNull(element); }
  /// NULL equals NULL, NaN equals NaN.
  bool AreEqual(int64_t left, int64_t right) const;
  /// The place of each element in ascending order, NULLs first; equal ones in order of their numbers.
  Result<std::vector<int64_t>> Ranks() const;
  /// The elements at `indices`; -1 gives NULL. kLimitExceeded: there are more than a column may have.
  Result<types::ArrayPtr> Take(const std::vector<int64_t>& indices) const;

 private:
  types::ArrayPtr all_;
  std::vector<int64_t> bases_;
  int64_t elements_max_ = 0;
};

/// Texts that are the elements of lists, within the limits of a column.
class TextElements {
 public:
  explicit TextElements(const Limits& limits) : maker_(type_, 0, limits), elements_max_(limits.column_elements) {}
  TextElements(const TextElements&) = delete;
  void Append(std::string_view text) {
    if (is_full()) return;
    maker_.Set(count_++, text);
  }
  void AppendNull() {
    if (is_full()) return;
    maker_.SetNull(count_++);
  }
  bool is_full() const { return count_ > elements_max_ || maker_.is_full(); }
  int64_t count() const { return count_; }
  /// kLimitExceeded: there were too many.
  Result<types::ArrayPtr> Finish();

 private:
  const types::DataType type_ = types::DataType::String();
  ColumnMaker<std::string> maker_;
  const int64_t elements_max_;
  int64_t count_ = 0;
};

/// Rows of lists, built one after the other from element numbers.
class ListMaker {
 public:
  explicit ListMaker(const Limits& limits) : elements_max_(limits.column_elements) {}
  void Add(int64_t element) {
    if (is_full()) return;
    elements_.push_back(element);
  }
  /// Whether there are as many elements as a column may have: what comes now is not kept, and Finish... fails.
  bool is_full() const { return static_cast<int64_t>(elements_.size()) > elements_max_; }
  void EndRow() { Close(true); }
  void EndNull() { Close(false); }
  const std::vector<int64_t>& elements() const { return elements_; }
  /// An ARRAY of `type` with these values (one an element added), or a MAP with keys and items. A NULL among the keys is an error: in memory a map has none.
  Result<Column> FinishList(const types::DataType& type, const types::ArrayPtr& values) const;
  Result<Column> FinishMap(const types::DataType& type, const types::ArrayPtr& keys, const types::ArrayPtr& items) const;

 private:
  void Close(bool is_valid) {
    offsets_.push_back(static_cast<int32_t>(elements_.size()));
    valid_.push_back(is_valid ? 1 : 0);
  }
  Result<Column> Finish(const types::DataType& type, std::shared_ptr<arrow::ArrayData> child) const;

  int64_t elements_max_;
  std::vector<int64_t> elements_;
  std::vector<int32_t> offsets_{0};
  std::vector<uint8_t> valid_;
};

}  // namespace firn::expr
