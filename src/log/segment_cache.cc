// SPDX-License-Identifier: Apache-2.0
#include "log/segment_cache.h"

#include "base/assert.h"
#include "base/mutex.h"

namespace firn::log {

namespace {

// A segment that is still written to has grown beyond its index by so much: load it again instead of scanning on and on.
constexpr int64_t kReloadIntervals = 64;
constexpr size_t kReportsMax = 100;

}  // namespace

Result<std::shared_ptr<const SegmentReader>> SegmentCache::Get(TopicPartitionId partition, const SegmentInfo& info) {
  const Key key(partition, info.base);
  {
    base::MutexLock lock(mutex_);
    auto place = places_.find(key);
    if (place != places_.end() && info.size_bytes - place->second->reader->indexed_bytes() < kReloadIntervals * sizes_.index_interval_bytes) {
      entries_.splice(entries_.begin(), entries_, place->second);
      return place->second->reader;
    }
  }
  FIRN_TRY(std::shared_ptr<const SegmentReader> reader, SegmentReader::Open(files_, layout_, partition, info, sizes_));
  base::MutexLock lock(mutex_);
  if (auto place = places_.find(key); place != places_.end()) EraseLocked(place);
  entries_.push_front({key, reader});
  places_[key] = entries_.begin();
  memory_bytes_ += reader->memory_bytes();
  while (entries_.size() > 1 && (entries_.size() > kOpenSegmentsMax || memory_bytes_ > kSegmentIndexBytesMax)) {
    EraseLocked(places_.find(entries_.back().key));
  }
  return reader;
}

void SegmentCache::Remove(TopicPartitionId partition, Offset base) {
  base::MutexLock lock(mutex_);
  if (auto place = places_.find(Key(partition, base)); place != places_.end()) EraseLocked(place);
}

void SegmentCache::ReportFailure(const Error& error) {
  ++failures_;
  const std::string text = error.ToString();
  base::MutexLock lock(mutex_);
  if (warn_ && reported_.size() < kReportsMax && reported_.insert(text).second) warn_(text);
}

void SegmentCache::EraseLocked(std::map<Key, std::list<Entry>::iterator>::iterator place) {
  FIRN_ASSERT(place != places_.end() && places_.size() == entries_.size(), "{} segments are open, {} are known", entries_.size(), places_.size());
  FIRN_ASSERT(memory_bytes_ >= place->second->reader->memory_bytes(), "{} bytes of indexes, {} of one", memory_bytes_, place->second->reader->memory_bytes());
  memory_bytes_ -= place->second->reader->memory_bytes();
  entries_.erase(place->second);
  places_.erase(place);
}

}  // namespace firn::log
