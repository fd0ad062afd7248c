// SPDX-License-Identifier: Apache-2.0
// Maps as results of kernels: entries named by their place in arrays that are there already, of equal keys one.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "expr/cell_codec_internal.h"
#include "expr/list_view_internal.h"

namespace firn::expr {

/// Makes maps, a row at a time, in time linear in their entries. Of equal keys the last one counts, at the place of the first. Thread-compatible.
class MapMaker {
 public:
  /// Entries come out of keys[i] and items[i]; as many of the one as of the other, at least one.
  static Result<MapMaker> Make(const types::DataType& key_type, std::vector<types::ArrayPtr> keys, std::vector<types::ArrayPtr> items);
  /// An entry out of the arrays of that number.
  void Add(size_t array, int64_t key_at, int64_t item_at);
  void EndRow();
  /// A row that is NULL. No entry may have been added to it.
  void EndNull();
  /// kEvaluationError if a key is NULL.
  Result<Column> Finish(const types::DataType& type) const;

 private:
  struct Entry {
    int64_t key;  // both elements of their pools
    int64_t item;
  };

  MapMaker(ElementPool keys, ElementPool items, std::unique_ptr<CellCodec> key_codec) : keys_(std::move(keys)), items_(std::move(items)), key_codec_(std::move(key_codec)) {}
  /// The place of the entry with that key, or entries_.size(), where it then has to be put.
  size_t PlaceOf(int64_t key);
  void Index(size_t place);

  ElementPool keys_, items_;
  std::unique_ptr<CellCodec> key_codec_;  // nullptr: bytes do not tell whether keys are equal, they are compared one by one
  ListMaker maker_;
  std::vector<int64_t> taken_items_;
  std::vector<Entry> entries_;                      // of the row that is being made
  std::unordered_map<std::string, size_t> places_;  // by the bytes of the key: of all entries of a row that has many, else empty
  std::string bytes_;
};

}  // namespace firn::expr
