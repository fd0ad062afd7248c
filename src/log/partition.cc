// SPDX-License-Identifier: Apache-2.0
#include "log/partition.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/mutex.h"
#include "kafka/record_batch.h"

namespace firn::log {

namespace {

// Cached slabs go in pieces of about this part of all memory for records.
constexpr int64_t kCachedRunsInMemory = 64;

// Bytes of the batches at the front of `bytes` whose records all lie below `offset`.
size_t SizeBefore(std::string_view bytes, Offset offset) {
  size_t size = 0;
  while (size < bytes.size()) {
    auto batch = kafka::RecordBatchView::Parse(bytes.substr(size));
    FIRN_ASSERT(batch.ok(), "a slab was checked when it was made");
    if (batch->last_offset() >= offset.value()) break;
    size += batch->size();
  }
  return size;
}

// The longest run of whole batches at the front of `bytes` that fits, at least one; `*next` is the offset behind it.
size_t SizeWithin(std::string_view bytes, int64_t max_bytes, Offset* next) {
  size_t size = 0;
  while (size < bytes.size()) {
    auto batch = kafka::RecordBatchView::Parse(bytes.substr(size));
    FIRN_ASSERT(batch.ok(), "a slab was checked when it was made");
    if (size > 0 && static_cast<int64_t>(size + batch->size()) > max_bytes) break;
    size += batch->size();
    *next = Offset(batch->last_offset() + 1);
  }
  return size;
}

// Calls `take` with the largest timestamp of each batch that reaches `from`, and its first offset from there on.
template <typename Take>
Status TakeMaxTimestamps(const base::SharedBytes& batches, Offset from, const Take& take) {
  return kafka::ForEachBatch(batches.view(), [&](const kafka::RecordBatchView& batch) {
    if (batch.last_offset() >= from.value()) take(batch.max_timestamp(), std::max(Offset(batch.base_offset()), from));
    return true;
  });
}

// The age of a segment: records without timestamps count from when they were moved into it.
int64_t NewestMs(const SegmentInfo& segment) { return segment.max_timestamp_ms >= 0 ? segment.max_timestamp_ms : segment.created_ms; }

}  // namespace

Result<Slab> MakeSlab(Offset base, const base::SharedBytes& batches) {
  Slab slab{.base = base, .end = base, .batches = batches};
  Status status = kafka::ForEachBatch(batches.view(), [&](const kafka::RecordBatchView& batch) {
    if (batch.base_offset() != slab.end.value() || batch.last_offset_delta() < 0) return false;
    slab.end = Offset(batch.last_offset() + 1);
    if (batch.max_timestamp() > slab.max_timestamp_ms) {
      slab.max_timestamp_ms = batch.max_timestamp();
      slab.max_timestamp_offset = Offset(batch.base_offset());
    }
    slab.batches = batches.Slice(0, static_cast<size_t>(batch.bytes().data() + batch.size() - batches.data()));
    return true;
  });
  FIRN_RETURN_IF_ERROR(std::move(status));
  if (slab.end == base || slab.batches.size() != batches.size()) {
    return Error(ErrorCode::kCorruption, fmt::format("record batches are not in a row: offset {} is missing", slab.end));
  }
  return slab;
}

Offset Partition::log_start() const {
  base::MutexLock lock(mutex_);
  return log_start_;
}

Offset Partition::high_watermark() const {
  base::MutexLock lock(mutex_);
  return high_watermark_;
}

int64_t Partition::size_bytes() const {
  base::MutexLock lock(mutex_);
  int64_t size = unmoved_bytes_;
  for (const SegmentInfo& segment : segments_) size += segment.size_bytes;
  return size;
}

Status Partition::CheckReadableLocked(Offset from) const {
  if (is_dropped_) return Error(ErrorCode::kUnknownTopic, fmt::format("partition {} was deleted", id_));
  if (from >= log_start_ && from <= high_watermark_) return Ok();
  return Error(ErrorCode::kOffsetOutOfRange, fmt::format("offset {} of partition {} lies outside of {}..{}", from, id_, log_start_, high_watermark_));
}

Result<ReadResult> Partition::Read(Offset from, const ReadOptions& options) const {
  ReadResult result;
  SegmentInfo segment;
  {
    base::MutexLock lock(mutex_);
    FIRN_RETURN_IF_ERROR(CheckReadableLocked(from));
    if (ReadMemoryLocked(from, options.max_bytes, &result)) return result;
    segment = SegmentOfLocked(from);
  }
  auto read = [&]() -> Result<SegmentRead> {
    FIRN_TRY(std::shared_ptr<const SegmentReader> reader, cache_.Get(id_, segment));
    return reader->Read(segment, from, options);
  }();
  if (!read.ok()) {
    base::MutexLock lock(mutex_);
    FIRN_RETURN_IF_ERROR(CheckReadableLocked(from));  // retention or a drop took the file away meanwhile
    cache_.ReportFailure(read.error());
    return std::move(read).error();
  }
  result.batches = std::move(read->batches);
  result.next = read->next;
  result.is_cold = true;
  return result;
}

Result<std::optional<ReadResult>> Partition::ReadMemory(Offset from, const ReadOptions& options) const {
  base::MutexLock lock(mutex_);
  FIRN_RETURN_IF_ERROR(CheckReadableLocked(from));
  ReadResult result;
  if (!ReadMemoryLocked(from, options.max_bytes, &result)) return std::optional<ReadResult>();
  return std::optional(std::move(result));
}

bool Partition::ReadMemoryLocked(Offset from, int64_t max_bytes, ReadResult* result) const {
  result->next = from;
  result->log_start = log_start_;
  result->high_watermark = high_watermark_;
  if (from == high_watermark_) return true;
  if (slabs_.empty() || from < slabs_.front().base) return false;
  ReadSlabsLocked(from, max_bytes, result);
  return true;
}

void Partition::ReadSlabsLocked(Offset from, int64_t max_bytes, ReadResult* result) const {
  FIRN_ASSERT(!slabs_.empty() && from >= slabs_.front().base && from < slabs_.back().end, "partition {}: offset {} is not in memory", id_, from);
  auto slab = std::upper_bound(slabs_.begin(), slabs_.end(), from, [](Offset offset, const Slab& other) { return offset < other.base; });
  --slab;
  const size_t skipped = SizeBefore(slab->batches.view(), from);
  base::SharedBytes bytes = slab->batches.Slice(skipped, slab->batches.size() - skipped);
  int64_t left = max_bytes;
  while (true) {
    if (static_cast<int64_t>(bytes.size()) > left) {
      Offset next = result->next;
      const size_t size = SizeWithin(bytes.view(), left, &next);
      if (static_cast<int64_t>(size) > left && !result->batches.empty()) return;
      result->batches.push_back(bytes.Slice(0, size));
      result->next = next;
      return;
    }
    left -= static_cast<int64_t>(bytes.size());
    result->batches.push_back(std::move(bytes));
    result->next = slab->end;
    if (++slab == slabs_.end()) return;
    bytes = slab->batches;
  }
}

SegmentInfo Partition::SegmentOfLocked(Offset from) const {
  auto segment = std::upper_bound(segments_.begin(), segments_.end(), from, [](Offset offset, const SegmentInfo& other) { return offset < other.base; });
  FIRN_ASSERT(segment != segments_.begin() && from < std::prev(segment)->end, "partition {}: offset {} is in no segment and no slab", id_, from);
  return *std::prev(segment);
}

// What `look_up` finds from the log's start on. Retention, DeleteRecords or a drop may take away what it looks at: then from the new start, as if it had come later. Each
// round begins at a higher offset than the one before, so it ends.
template <typename LookUp>
Result<TimestampOffset> Partition::FromLogStart(const LookUp& look_up) const {
  Offset from = log_start();
  while (true) {
    Result<TimestampOffset> found = look_up(from);
    base::MutexLock lock(mutex_);
    const bool has_moved = log_start_ > from;
    FIRN_ASSERT(has_moved || log_start_ == from, "partition {}: log start {} was {}", id_, log_start_, from);
    if (is_dropped_) return CheckReadableLocked(from).error();
    if (found.ok() && (found->offset < Offset(0) || found->offset >= log_start_)) return found;
    if (!has_moved) {
      FIRN_ASSERT(!found.ok(), "partition {}: offset {} below log start {} was found", id_, found->offset, from);
      cache_.ReportFailure(found.error());
      return found;
    }
    from = log_start_;
  }
}

Result<TimestampOffset> Partition::FindTimestamp(int64_t timestamp_ms) const {
  return FromLogStart([&](Offset from) { return FindTimestampFrom(from, timestamp_ms); });
}

Result<TimestampOffset> Partition::FindTimestampFrom(Offset from, int64_t timestamp_ms) const {
  std::vector<SegmentInfo> segments;
  std::vector<Slab> slabs;
  {
    base::MutexLock lock(mutex_);
    std::copy_if(segments_.begin(), segments_.end(), std::back_inserter(segments),
                 [&](const SegmentInfo& segment) { return segment.end > from && segment.max_timestamp_ms >= timestamp_ms; });
    std::copy_if(slabs_.begin(), slabs_.end(), std::back_inserter(slabs),
                 [&](const Slab& slab) FIRN_REQUIRES(mutex_) { return slab.base >= moved_end_ && slab.max_timestamp_ms >= timestamp_ms; });
  }
  for (const SegmentInfo& segment : segments) {
    FIRN_TRY(std::shared_ptr<const SegmentReader> reader, cache_.Get(id_, segment));
    FIRN_TRY(std::optional<TimestampOffset> found, reader->FindTimestamp(segment, timestamp_ms, from));
    if (found.has_value()) return *found;
  }
  for (const Slab& slab : slabs) {
    std::optional<TimestampOffset> found;
    FIRN_RETURN_IF_ERROR(kafka::ForEachBatch(slab.batches.view(), [&](const kafka::RecordBatchView& batch) {
      found = FindTimestampInBatch(batch.bytes(), timestamp_ms, from);
      return !found.has_value();
    }));
    if (found.has_value()) return *found;
  }
  return TimestampOffset{};
}

Result<TimestampOffset> Partition::MaxTimestamp() const {
  return FromLogStart([&](Offset from) { return MaxTimestampFrom(from); });
}

// Of a segment or slab the largest timestamp is known, unless the log's start has cut it off: the one segment that holds the start is read then.
Result<TimestampOffset> Partition::MaxTimestampFrom(Offset from) const {
  TimestampOffset largest;
  const auto take = [&](int64_t timestamp_ms, Offset offset) {
    if (timestamp_ms > largest.timestamp_ms) largest = {timestamp_ms, offset};
  };
  std::optional<SegmentInfo> cut;
  std::optional<Slab> cut_slab;
  {
    base::MutexLock lock(mutex_);
    for (const SegmentInfo& segment : segments_) {
      if (segment.end <= from) continue;
      if (segment.base < from && segment.max_timestamp_offset < from) cut = segment;
      else take(segment.max_timestamp_ms, segment.max_timestamp_offset);
    }
    for (const Slab& slab : slabs_) {
      if (slab.base < moved_end_ || slab.end <= from) continue;
      if (slab.base < from && slab.max_timestamp_offset < from) cut_slab = slab;
      else take(slab.max_timestamp_ms, slab.max_timestamp_offset);
    }
  }
  const TimestampOffset above = std::exchange(largest, {});
  if (cut.has_value() && cut->max_timestamp_ms >= above.timestamp_ms) {
    FIRN_TRY(std::shared_ptr<const SegmentReader> reader, cache_.Get(id_, *cut));
    for (Offset next = std::max(from, cut->base); next < cut->end;) {
      FIRN_TRY(SegmentRead read, reader->Read(*cut, next, {.max_bytes = cache_.sizes().read_bytes, .is_read_once = true}));
      for (const base::SharedBytes& batches : read.batches) FIRN_RETURN_IF_ERROR(TakeMaxTimestamps(batches, from, take));
      next = read.next;
    }
  }
  if (cut_slab.has_value() && cut_slab->max_timestamp_ms >= above.timestamp_ms) FIRN_RETURN_IF_ERROR(TakeMaxTimestamps(cut_slab->batches, from, take));
  take(above.timestamp_ms, above.offset);
  return largest;
}

uint64_t Partition::Subscribe(Offset offset, std::function<void()> waker) {
  uint64_t id = 0;
  {
    base::MutexLock lock(mutex_);
    id = ++last_subscription_;
    if (!is_dropped_ && high_watermark_ <= offset) {
      subscriptions_.emplace(id, Subscription{offset, std::move(waker)});
      return id;
    }
  }
  waker();
  return id;
}

void Partition::Unsubscribe(uint64_t subscription) {
  base::MutexLock lock(mutex_);
  subscriptions_.erase(subscription);
}

void Partition::Restore(const PartitionState& state, const PartitionSegments& segments) {
  base::MutexLock lock(mutex_);
  config_ = state.config;
  log_start_ = state.log_start;
  segments_ = segments.segments;
  moved_end_ = high_watermark_ = assigned_end_ = segments.moved_end;
  FIRN_ASSERT(slabs_.empty() && subscriptions_.empty(), "partition {} is restored with {} slabs", id_, slabs_.size());
}

void Partition::AddSlab(Slab slab, Wakers* wakers) {
  base::MutexLock lock(mutex_);
  FIRN_ASSERT(slab.base == high_watermark_ && slab.end > slab.base, "partition {}: slab of offsets {} to {} behind {}", id_, slab.base, slab.end, high_watermark_);
  FIRN_ASSERT(slabs_.empty() || slabs_.back().end == slab.base, "partition {}: slab of offset {} behind one that ends at {}", id_, slab.base, slabs_.back().end);
  FIRN_ASSERT(!is_dropped_, "partition {} was dropped and gets offset {}", id_, slab.base);
  high_watermark_ = slab.end;
  unmoved_bytes_ += static_cast<int64_t>(slab.batches.size());
  slabs_.push_back(std::move(slab));
  for (auto next = subscriptions_.begin(); next != subscriptions_.end();) {
    if (next->second.offset >= high_watermark_) {
      ++next;
      continue;
    }
    wakers->push_back(std::move(next->second.waker));
    next = subscriptions_.erase(next);
  }
}

void Partition::SetConfig(const PartitionConfig& config) {
  base::MutexLock lock(mutex_);
  config_ = config;
}

void Partition::SetLogStart(Offset offset) {
  base::MutexLock lock(mutex_);
  log_start_ = std::max(log_start_, offset);
  FIRN_ASSERT(log_start_ <= high_watermark_, "partition {}: log start {} above {}", id_, log_start_, high_watermark_);
}

void Partition::MarkDropped(Wakers* wakers) {
  base::MutexLock lock(mutex_);
  FIRN_ASSERT(!is_dropped_, "partition {} is dropped twice", id_);
  is_dropped_ = true;
  for (auto& [id, subscription] : subscriptions_) wakers->push_back(std::move(subscription.waker));
  subscriptions_.clear();
}

std::vector<Slab> Partition::UnmovedSlabs() const {
  base::MutexLock lock(mutex_);
  auto first = std::lower_bound(slabs_.begin(), slabs_.end(), moved_end_, [](const Slab& slab, Offset offset) { return slab.base < offset; });
  return {first, slabs_.end()};
}

void Partition::CompleteMove(const std::vector<SegmentInfo>& segments, Offset moved_end) {
  std::vector<std::pair<Offset, int64_t>> runs;  // end offset and bytes of what is cached from now on, in pieces that can go one by one
  const int64_t run_bytes = budget_.limit_bytes() / kCachedRunsInMemory;
  int64_t moved_bytes = 0;
  {
    base::MutexLock lock(mutex_);
    FIRN_ASSERT(!segments.empty() && segments.back().end == moved_end, "partition {}: nothing was moved up to {}", id_, moved_end);
    FIRN_ASSERT(moved_end > moved_end_ && moved_end <= high_watermark_, "partition {}: moved from {} to {} of {}", id_, moved_end_, moved_end, high_watermark_);
    while (!segments_.empty() && segments_.back().base >= segments.front().base) segments_.pop_back();
    FIRN_ASSERT(segments_.empty() || segments_.back().end <= segments.front().base, "partition {}: segment {} begins before {}", id_, segments.front().base, segments_.back().end);
    segments_.insert(segments_.end(), segments.begin(), segments.end());
    for (const Slab& slab : slabs_) {
      if (slab.base < moved_end_ || slab.end > moved_end) continue;
      if (runs.empty() || runs.back().second >= run_bytes) runs.emplace_back(slab.end, 0);
      runs.back().first = slab.end;
      runs.back().second += slab.memory_bytes();
      moved_bytes += slab.memory_bytes();
      unmoved_bytes_ -= static_cast<int64_t>(slab.batches.size());
    }
    moved_end_ = moved_end;
    FIRN_ASSERT(unmoved_bytes_ >= 0, "partition {}: {} bytes are unmoved", id_, unmoved_bytes_);
  }
  budget_.RemoveUnmoved(moved_bytes);
  for (const auto& [end, bytes] : runs) budget_.AddCached(shared_from_this(), end, bytes);
}

std::vector<SegmentInfo> Partition::Trim() {
  std::vector<SegmentInfo> removed;
  int64_t unmoved = 0;
  int64_t cached = 0;
  {
    base::MutexLock lock(mutex_);
    const Offset start = is_dropped_ ? high_watermark_ : log_start_;
    while (!slabs_.empty() && slabs_.front().end <= start) {
      const Slab& slab = slabs_.front();
      const bool is_unmoved = slab.base >= moved_end_;
      (is_unmoved ? unmoved : cached) += slab.memory_bytes();
      if (is_unmoved) unmoved_bytes_ -= static_cast<int64_t>(slab.batches.size());
      moved_end_ = std::max(moved_end_, slab.end);
      slabs_.pop_front();
    }
    FIRN_ASSERT(unmoved_bytes_ >= 0 && moved_end_ <= high_watermark_, "partition {}: {} bytes are unmoved behind {} of {}", id_, unmoved_bytes_, moved_end_, high_watermark_);
    auto kept = std::find_if(segments_.begin(), segments_.end(), [&](const SegmentInfo& segment) { return segment.end > start; });
    removed.assign(segments_.begin(), kept);
    segments_.erase(segments_.begin(), kept);
  }
  budget_.RemoveCached(cached);
  budget_.RemoveUnmoved(unmoved);
  return removed;
}

PartitionSegments Partition::segments() const {
  base::MutexLock lock(mutex_);
  return {id_, moved_end_, segments_};
}

PartitionConfig Partition::config() const {
  base::MutexLock lock(mutex_);
  return config_;
}

bool Partition::IsActiveExpiredLocked(int64_t horizon_ms) const {
  if (!segments_.empty() && NewestMs(segments_.back()) >= horizon_ms) return false;
  return std::all_of(slabs_.begin(), slabs_.end(),
                     [&](const Slab& slab) FIRN_REQUIRES(mutex_) { return slab.base < moved_end_ || (slab.max_timestamp_ms >= 0 && slab.max_timestamp_ms < horizon_ms); });
}

// Of the last segment and what comes behind it, which have `size` bytes.
Offset Partition::UnmovedRetentionStartLocked(int64_t size) const {
  if (config_.retention_bytes < 0) return log_start_;
  Offset start = log_start_;
  int64_t segment_bytes = segments_.empty() ? 0 : segments_.back().size_bytes;
  for (const Slab& slab : slabs_) {
    if (slab.base < moved_end_) continue;
    const auto slab_bytes = static_cast<int64_t>(slab.batches.size());
    if (segment_bytes > 0 && segment_bytes + slab_bytes > config_.segment_bytes) {
      if (size - segment_bytes < config_.retention_bytes) break;
      size -= segment_bytes;
      segment_bytes = 0;
      start = slab.base;
    }
    segment_bytes += slab_bytes;
  }
  return start;
}

// As Kafka's: from the oldest segment on, each whose records are all older than retention.ms, or without which retention.bytes are
// still kept. What is not moved yet counts as the segments that it will be; the last one, which is written to, goes by age only.
std::optional<Offset> Partition::RetentionStart(int64_t now_ms) const {
  base::MutexLock lock(mutex_);
  if (is_dropped_ || high_watermark_ == log_start_) return std::nullopt;
  const int64_t horizon_ms = config_.retention_ms < 0 ? INT64_MIN : now_ms - config_.retention_ms;
  int64_t size = unmoved_bytes_;
  for (const SegmentInfo& segment : segments_) size += segment.size_bytes;
  Offset start = log_start_;
  size_t next = 0;
  for (; next + 1 < segments_.size(); ++next) {
    const SegmentInfo& segment = segments_[next];
    const bool is_too_much = config_.retention_bytes >= 0 && size - segment.size_bytes >= config_.retention_bytes;
    if (NewestMs(segment) >= horizon_ms && !is_too_much) break;
    size -= segment.size_bytes;
    start = segment.end;
  }
  if (next + 1 >= segments_.size()) start = IsActiveExpiredLocked(horizon_ms) ? high_watermark_ : std::max(start, UnmovedRetentionStartLocked(size));
  if (start <= log_start_) return std::nullopt;
  FIRN_ASSERT(start <= high_watermark_, "partition {}: retention up to {} of {}", id_, start, high_watermark_);
  return start;
}

void Partition::DropCached(Offset end) {
  int64_t cached = 0;
  std::vector<Slab> dropped;  // freed without the lock
  {
    base::MutexLock lock(mutex_);
    while (!slabs_.empty() && slabs_.front().end <= std::min(end, moved_end_)) {
      cached += slabs_.front().memory_bytes();
      dropped.push_back(std::move(slabs_.front()));
      slabs_.pop_front();
    }
  }
  budget_.RemoveCached(cached);
}

}  // namespace firn::log
