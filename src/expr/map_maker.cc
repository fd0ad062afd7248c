// SPDX-License-Identifier: Apache-2.0
#include "expr/map_maker_internal.h"

#include <algorithm>

#include "base/assert.h"

namespace firn::expr {

namespace {

constexpr size_t kScannedEntries = 16;  // up to so many are compared one by one: cheaper than an index, and without allocations

/// 0.0 equals -0.0 and every NaN every other, though their bytes differ.
bool HoldsFloats(const types::DataType& type) {
  switch (type.kind()) {
    case types::TypeKind::kFloat:
    case types::TypeKind::kDouble: return true;
    case types::TypeKind::kArray: return HoldsFloats(type.element());
    case types::TypeKind::kMap: return HoldsFloats(type.key()) || HoldsFloats(type.value());
    case types::TypeKind::kRow: return std::any_of(type.fields().begin(), type.fields().end(), [](const types::Field& field) { return HoldsFloats(field.type); });
    default: return false;
  }
}

}  // namespace

Result<MapMaker> MapMaker::Make(const types::DataType& key_type, std::vector<types::ArrayPtr> keys, std::vector<types::ArrayPtr> items) {
  FIRN_ASSERT(!keys.empty() && keys.size() == items.size(), "{} arrays of keys, {} of values", keys.size(), items.size());
  std::unique_ptr<CellCodec> codec;
  if (key_type.kind() != types::TypeKind::kNull && !HoldsFloats(key_type)) {
    FIRN_TRY(codec, CellCodec::Make(key_type));
  }
  FIRN_TRY(ElementPool key_pool, ElementPool::Make(std::move(keys)));
  FIRN_TRY(ElementPool item_pool, ElementPool::Make(std::move(items)));
  return MapMaker(std::move(key_pool), std::move(item_pool), std::move(codec));
}

void MapMaker::Index(size_t place) {
  const int64_t key = entries_[place].key;
  if (keys_.IsNull(key)) return;  // Finish refuses it
  bytes_.clear();
  key_codec_->Encode(keys_.all(), key, &bytes_);
  places_.emplace(bytes_, place);
}

size_t MapMaker::PlaceOf(int64_t key) {
  if (key_codec_ == nullptr || entries_.size() < kScannedEntries) {
    const auto known = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) { return keys_.AreEqual(entry.key, key); });
    return static_cast<size_t>(known - entries_.begin());
  }
  if (keys_.IsNull(key)) return entries_.size();
  if (places_.empty()) {
    for (size_t place = 0; place < entries_.size(); ++place) Index(place);
  }
  bytes_.clear();
  key_codec_->Encode(keys_.all(), key, &bytes_);
  return places_.emplace(bytes_, entries_.size()).first->second;
}

void MapMaker::Add(size_t array, int64_t key_at, int64_t item_at) {
  const int64_t key = keys_.Base(array) + key_at, item = items_.Base(array) + item_at;
  const size_t place = PlaceOf(key);
  if (place < entries_.size()) {
    entries_[place].item = item;
  } else {
    entries_.push_back({key, item});
  }
}

void MapMaker::EndRow() {
  FIRN_ASSERT(places_.size() <= entries_.size(), "{} keys are indexed of {}", places_.size(), entries_.size());
  for (const Entry& entry : entries_) {
    maker_.Add(entry.key);
    taken_items_.push_back(entry.item);
  }
  entries_.clear();
  places_.clear();
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
