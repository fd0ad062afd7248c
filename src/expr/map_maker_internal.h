// SPDX-License-Identifier: Apache-2.0
// Maps as results of kernels: entries named by their place in arrays that are there already, of equal keys one.
#pragma once

#include <memory>
#include <vector>

#include "expr/element_index_internal.h"
#include "expr/list_view_internal.h"

namespace firn::expr {

/// Makes maps, a row at a time, in time linear in their entries. Of equal keys the last one counts, at the place of the first. Thread-compatible.
class MapMaker {
 public:
  /// Entries come out of keys[i] and items[i]; as many of the one as of the other, at least one.
  static Result<MapMaker> Make(const types::DataType& key_type, std::vector<types::ArrayPtr> keys, std::vector<types::ArrayPtr> items, const Limits& limits);
  /// An entry out of the arrays of that number.
  void Add(size_t array, int64_t key_at, int64_t item_at);
  void EndRow();
  /// As of ListMaker.
  bool is_full() const { return maker_.is_full(); }
  /// A row that is NULL. No entry may have been added to it.
  void EndNull();
  /// kEvaluationError if a key is NULL; kLimitExceeded if there are too many entries.
  Result<Column> Finish(const types::DataType& type) const;

 private:
  struct Entry {
    int64_t key;  // both elements of their pools
    int64_t item;
  };

  MapMaker(ElementPool keys, ElementPool items, ElementIndex index, const Limits& limits) : keys_(std::move(keys)), items_(std::move(items)), index_(std::move(index)), maker_(limits) {}

  ElementPool keys_, items_;
  ElementIndex index_;            // of the keys of the row that is being made
  ListMaker maker_;
  std::vector<int64_t> taken_items_;
  std::vector<Entry> entries_;    // of the row that is being made, as in the index
};

}  // namespace firn::expr
