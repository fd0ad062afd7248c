// SPDX-License-Identifier: Apache-2.0
#include "expr/map_maker_internal.h"

#include "base/assert.h"

namespace firn::expr {

Result<MapMaker> MapMaker::Make(const types::DataType& key_type, std::vector<types::ArrayPtr> keys, std::vector<types::ArrayPtr> items, const Limits& limits) {
  FIRN_ASSERT(!keys.empty() && keys.size() == items.size(), "{} arrays of keys, {} of values", keys.size(), items.size());
  FIRN_TRY(ElementPool key_pool, ElementPool::Make(std::move(keys), limits));
  FIRN_TRY(ElementPool item_pool, ElementPool::Make(std::move(items), limits));
  FIRN_TRY(ElementIndex index, ElementIndex::Make(key_type, key_pool));
  return MapMaker(std::move(key_pool), std::move(item_pool), std::move(index), limits);
}

void MapMaker::Add(size_t array, int64_t key_at, int64_t item_at) {
  const int64_t key = keys_.Base(array) + key_at, item = items_.Base(array) + item_at;
  const ElementIndex::Place place = index_.Insert(key);
  if (place.is_new) {
    entries_.push_back({key, item});
  } else {
    entries_[place.at].item = item;
  }
}

void MapMaker::EndRow() {
  FIRN_ASSERT(index_.size() == entries_.size(), "{} keys are indexed of {}", index_.size(), entries_.size());
  for (const Entry& entry : entries_) {
    if (maker_.is_full()) break;
    maker_.Add(entry.key);
    taken_items_.push_back(entry.item);
  }
  entries_.clear();
  index_.Clear();
  maker_.EndRow();
}

void MapMaker::EndNull() {
  FIRN_ASSERT(entries_.empty(), "a NULL map has {} entries", entries_.size());
  maker_.EndNull();
}

Result<Column> MapMaker::Finish(const types::DataType& type) const {
  FIRN_ASSERT(entries_.empty() && taken_items_.size() == maker_.elements().size(), "{} entries of a row that has not ended, {} keys, {} values", entries_.size(),
              maker_.elements().size(), taken_items_.size());
  FIRN_TRY(types::ArrayPtr key_array, keys_.Take(maker_.elements()));
  FIRN_TRY(types::ArrayPtr item_array, items_.Take(taken_items_));
  return maker_.FinishMap(type, key_array, item_array);
}

}  // namespace firn::expr
