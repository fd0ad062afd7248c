// SPDX-License-Identifier: Apache-2.0
#include "log/segment_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "io/clock.h"
#include "kafka/record_batch.h"

namespace firn::log {

SegmentWriter::SegmentWriter(const io::Environment& environment, const Layout& layout, TopicPartitionId partition, const PartitionConfig& config,
                             const std::vector<SegmentInfo>& existing, io::BlockWriter& blocks, const PieceSizes& sizes)
    : environment_(environment), layout_(layout), partition_(partition), config_(config), sizes_(sizes), now_ms_(environment.clock.WallTimeMs()), blocks_(blocks) {
  if (!existing.empty()) last_ = existing.back();
}

Status SegmentWriter::Append(const Slab& slab) {
  FIRN_ASSERT(slab.end > slab.base, "partition {}: a slab of {}..{}", partition_, slab.base, slab.end);
  if (file_ == nullptr && last_.has_value() && !MustRoll(slab)) {
    FIRN_RETURN_IF_ERROR(OpenLast());
  } else if (file_ == nullptr || MustRoll(slab)) {
    if (file_ != nullptr) FIRN_RETURN_IF_ERROR(CloseSegment(true));
    FIRN_RETURN_IF_ERROR(OpenNew(slab.base));
  }
  SegmentInfo& info = changed_.back();
  FIRN_ASSERT(info.end == slab.base, "partition {}: offset {} is moved behind {}", partition_, slab.base, info.end);
  FIRN_RETURN_IF_ERROR(LeaveSpace(slab));
  const int64_t begin = info.size_bytes;
  Status walk = kafka::ForEachBatch(slab.batches.view(), [&](const kafka::RecordBatchView& batch) {
    if (last_indexed_ < 0 || info.size_bytes - last_indexed_ >= sizes_.index_interval_bytes) {
      AppendIndexEntry(info.base, {static_cast<uint32_t>(batch.base_offset() - info.base.value()), static_cast<uint32_t>(info.size_bytes), info.max_timestamp_ms},
                       &index_bytes_);
      ++info.index_entries;
      last_indexed_ = info.size_bytes;
    }
    info.size_bytes += static_cast<int64_t>(batch.size());
    if (batch.max_timestamp() > info.max_timestamp_ms) {
      info.max_timestamp_ms = batch.max_timestamp();
      info.max_timestamp_offset = Offset(batch.base_offset());
    }
    return true;
  });
  FIRN_RETURN_IF_ERROR(std::move(walk));
  FIRN_ASSERT(info.size_bytes - begin == static_cast<int64_t>(slab.batches.size()), "partition {}: {} of {} bytes are batches", partition_, info.size_bytes - begin, slab.batches.size());
  info.end = slab.end;
  return blocks_.AppendLasting(slab.batches.view());
}

// A segment begins with a batch, and no space makes it larger than it may be.
Status SegmentWriter::LeaveSpace(const Slab& slab) {
  SegmentInfo& info = changed_.back();
  FIRN_ASSERT(blocks_.position() == static_cast<uint64_t>(info.size_bytes), "partition {}: {} bytes are written of {}", partition_, blocks_.position(), info.size_bytes);
  const std::optional<size_t> place = file_->DirectPlaceOf(slab.batches.view());
  if (!place.has_value()) return Ok();
  is_layout_by_chance_ = true;
  if (info.size_bytes == 0) return Ok();
  const uint64_t space = io::SpaceBefore(*place, blocks_.position());
  if (info.size_bytes + static_cast<int64_t>(space + slab.batches.size()) > SegmentLimit()) return Ok();
  info.size_bytes += static_cast<int64_t>(space);
  return blocks_.Append(std::string(space, kSegmentSpace));
}

bool SegmentWriter::MustRoll(const Slab& slab) const {
  FIRN_ASSERT(file_ != nullptr || last_.has_value(), "partition {} has no segment to roll", partition_);
  const SegmentInfo& info = file_ != nullptr ? changed_.back() : *last_;
  if (info.size_bytes == 0) return info.end != slab.base;
  return info.end != slab.base || info.size_bytes + static_cast<int64_t>(slab.batches.size()) > SegmentLimit() ||
         slab.end.value() - info.base.value() > kSegmentBytesMax || now_ms_ - info.created_ms >= config_.segment_ms;
}

Status SegmentWriter::OpenLast() {
  FIRN_ASSERT(last_.has_value() && changed_.empty(), "partition {}: the last segment is opened after {} others", partition_, changed_.size());
  FIRN_TRY(file_, environment_.files.Open(layout_.segment_file(partition_, last_->base), io::OpenMode::kReadWrite));
  changed_.push_back(*last_);
  last_.reset();
  last_indexed_ = -1;
  index_entries_written_ = changed_.back().index_entries;
  return StartWriting(static_cast<uint64_t>(changed_.back().size_bytes));
}

Status SegmentWriter::OpenNew(Offset base) {
  FIRN_ASSERT(changed_.empty() || changed_.back().end <= base, "partition {}: a segment of offset {} behind one that ends at {}", partition_, base, changed_.back().end);
  last_.reset();
  io::FileSystem& files = environment_.files;
  FIRN_RETURN_IF_ERROR(files.CreateDirectories(layout_.partition(partition_)));
  FIRN_TRY(file_, files.Open(layout_.segment_file(partition_, base), io::OpenMode::kTruncate));
  FIRN_TRY(std::unique_ptr<io::File> index, files.Open(layout_.index_file(partition_, base), io::OpenMode::kTruncate));
  changed_.push_back({.base = base, .end = base, .created_ms = now_ms_});
  is_directory_changed_ = true;
  last_indexed_ = -1;
  index_entries_written_ = 0;
  return StartWriting(0);
}

// The block in which the segment ends so far is written again with what follows.
Status SegmentWriter::StartWriting(uint64_t size_bytes) {
  FIRN_ASSERT(file_ != nullptr && index_bytes_.empty(), "partition {}: {} bytes of index of the segment before", partition_, index_bytes_.size());
  file_->PreferDirectWrites();
  const uint64_t block = size_bytes / io::kDirectBlockBytes * io::kDirectBlockBytes;
  FIRN_TRY(std::string head, file_->ReadAt(block, size_bytes - block));
  if (head.size() != size_bytes - block) {
    return Error(ErrorCode::kCorruption, fmt::format("{} ends at byte {}, {} bytes were written and synced", layout_.segment_file(partition_, changed_.back().base),
                                                     block + head.size(), size_bytes));
  }
  blocks_.Begin(*file_, block);
  return blocks_.Append(head);
}

// The index is synced with a full segment only, or if another move of the same slabs would give another one: until then a lost entry costs a scan (segment.h). What a
// move that did not count has left behind the entries that do goes, durably: it would stand where later ones are lost.
Status SegmentWriter::CloseSegment(bool is_full) {
  FIRN_ASSERT(file_ != nullptr && index_bytes_.size() % kIndexEntryBytes == 0, "partition {}: {} bytes of index", partition_, index_bytes_.size());
  FIRN_RETURN_IF_ERROR(blocks_.Finish());
  const SegmentInfo& info = changed_.back();
  FIRN_TRY(uint64_t size, file_->Size());
  FIRN_ASSERT(size >= static_cast<uint64_t>(info.size_bytes), "partition {}: {} bytes were written of {}", partition_, size, info.size_bytes);
  if (size > static_cast<uint64_t>(info.size_bytes)) FIRN_RETURN_IF_ERROR(file_->Truncate(static_cast<uint64_t>(info.size_bytes)));
  FIRN_RETURN_IF_ERROR(file_->Sync());
  file_.reset();
  FIRN_TRY(std::unique_ptr<io::File> index, environment_.files.Open(layout_.index_file(partition_, info.base), io::OpenMode::kCreate));
  const uint64_t end = static_cast<uint64_t>(index_entries_written_) * kIndexEntryBytes;
  FIRN_TRY(const uint64_t found, index->Size());
  const bool has_leftovers = found > end;
  if (has_leftovers) FIRN_RETURN_IF_ERROR(index->Truncate(end));
  FIRN_RETURN_IF_ERROR(index->WriteAt(end, index_bytes_));
  index_bytes_.clear();
  return std::exchange(is_layout_by_chance_, false) || is_full || has_leftovers ? index->Sync() : Ok();
}

Status SegmentWriter::Finish() {
  if (file_ != nullptr) FIRN_RETURN_IF_ERROR(CloseSegment(false));
  if (!is_directory_changed_) return Ok();
  return environment_.files.SyncDirectory(layout_.partition(partition_));
}

}  // namespace firn::log
