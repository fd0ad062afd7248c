// SPDX-License-Identifier: Apache-2.0
#include "log/segment.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"
#include "base/crc32c.h"
#include "base/endian.h"
#include "kafka/record_batch.h"

namespace firn::log {

namespace {

using base::LoadLittle;
using base::StoreLittle;

// Between two index entries there is an interval and at most one batch; more than this is looked at for lost entries.
constexpr int64_t kIndexGapIntervals = 4;

// One read on behalf of who wants `max_bytes` from some place behind an index entry.
int64_t ColdReadBytes(const PieceSizes& sizes, int64_t max_bytes) {
  return std::max(sizes.read_bytes, std::clamp<int64_t>(max_bytes, 1, kSegmentReadBytesMax) + sizes.index_interval_bytes);
}

uint32_t IndexEntryCrc(Offset base, const char* entry) {
  char base_bytes[8];
  StoreLittle(base_bytes, base.value());
  return base::Crc32c(std::string_view(base_bytes, 8), base::Crc32c(std::string_view(entry, 16)));
}

}  // namespace

size_t SpaceAt(std::string_view bytes) { return std::min(bytes.find_first_not_of(kSegmentSpace), bytes.size()); }

void AppendIndexEntry(Offset base, const IndexEntry& entry, std::string* out) {
  char bytes[kIndexEntryBytes];
  StoreLittle(bytes, entry.relative_offset);
  StoreLittle(bytes + 4, entry.position);
  StoreLittle(bytes + 8, entry.max_timestamp_before_ms);
  StoreLittle(bytes + 16, IndexEntryCrc(base, bytes));
  out->append(bytes, kIndexEntryBytes);
}

std::vector<IndexEntry> DecodeIndex(Offset base, std::string_view bytes, int64_t size_bytes) {
  std::vector<IndexEntry> entries;
  entries.reserve(bytes.size() / kIndexEntryBytes + 1);
  for (; bytes.size() >= kIndexEntryBytes; bytes.remove_prefix(kIndexEntryBytes)) {
    if (LoadLittle<uint32_t>(bytes.data() + 16) != IndexEntryCrc(base, bytes.data())) continue;
    const IndexEntry entry{LoadLittle<uint32_t>(bytes.data()), LoadLittle<uint32_t>(bytes.data() + 4), LoadLittle<int64_t>(bytes.data() + 8)};
    if (entry.position >= size_bytes) break;
    const bool is_ascending = entries.empty() || (entry.position > entries.back().position && entry.relative_offset > entries.back().relative_offset);
    if (is_ascending) entries.push_back(entry);
  }
  return entries;
}

std::optional<TimestampOffset> FindTimestampInBatch(std::string_view bytes, int64_t timestamp_ms, Offset from) {
  auto batch = kafka::RecordBatchView::Parse(bytes);
  if (!batch.ok() || batch->max_timestamp() < timestamp_ms || batch->last_offset() < from.value()) return std::nullopt;
  const bool is_base_enough = !batch->has_log_append_time() && batch->base_timestamp() >= timestamp_ms;
  const TimestampOffset whole{is_base_enough ? batch->base_timestamp() : batch->max_timestamp(),
                              Offset(std::max(batch->base_offset(), from.value()))};
  if (batch->codec() != kafka::Codec::kNone || batch->has_log_append_time()) return whole;
  std::string scratch;
  kafka::RecordReader reader(&scratch);
  if (!reader.Open(*batch).ok()) return whole;
  kafka::RecordView record;
  while (reader.Next(&record)) {
    if (record.timestamp_ms >= timestamp_ms && record.offset >= from.value()) return TimestampOffset{record.timestamp_ms, Offset(record.offset)};
  }
  return reader.status().ok() ? std::nullopt : std::optional(whole);
}

Result<std::shared_ptr<const SegmentReader>> SegmentReader::Open(io::FileSystem& files, const Layout& layout, TopicPartitionId partition,
                                                                 const SegmentInfo& info, const PieceSizes& sizes) {
  FIRN_ASSERT(sizes.read_bytes >= kReadBytesMin && sizes.index_interval_bytes > 0, "reads of {} bytes, an index entry every {}", sizes.read_bytes, sizes.index_interval_bytes);
  const std::string path = layout.segment_file(partition, info.base);
  FIRN_TRY(std::unique_ptr<io::File> file, files.Open(path, io::OpenMode::kRead));
  FIRN_TRY(uint64_t size, file->Size());
  auto reader = std::shared_ptr<SegmentReader>(new SegmentReader(std::move(file), path, info.base, sizes));
  if (static_cast<int64_t>(size) < info.size_bytes) {
    return reader->Damaged(static_cast<int64_t>(size), fmt::format("the file ends there, {} bytes are missing", info.size_bytes - static_cast<int64_t>(size)));
  }
  FIRN_RETURN_IF_ERROR(reader->LoadIndex(files, layout.index_file(partition, info.base), info));
  return std::shared_ptr<const SegmentReader>(std::move(reader));
}

Status SegmentReader::LoadIndex(io::FileSystem& files, const std::string& index_path, const SegmentInfo& info) {
  indexed_bytes_ = info.size_bytes;
  std::string bytes;
  if (auto index_file = files.Open(index_path, io::OpenMode::kRead); index_file.ok()) {
    FIRN_TRY(bytes, (*index_file)->ReadAt(0, static_cast<size_t>(info.index_entries) * kIndexEntryBytes));
  }
  std::vector<IndexEntry> entries = DecodeIndex(base_, bytes, info.size_bytes);
  if (entries.empty() || entries.front().position != 0) entries.insert(entries.begin(), IndexEntry{});
  for (size_t i = 0; i < entries.size(); ++i) {
    index_.push_back(entries[i]);
    const int64_t end = i + 1 < entries.size() ? entries[i + 1].position : info.size_bytes;
    if (end - entries[i].position > kIndexGapIntervals * sizes_.index_interval_bytes) FIRN_RETURN_IF_ERROR(ScanGap(entries[i], end, &index_));
  }
  FIRN_ASSERT(index_.front().position == 0 && std::is_sorted(index_.begin(), index_.end(), [](const auto& a, const auto& b) { return a.position < b.position; }),
              "the index of {} is out of order", path_);
  return Ok();
}

Status SegmentReader::ScanGap(const IndexEntry& from, int64_t end, std::vector<IndexEntry>* out) const {
  int64_t position = from.position;
  int64_t last_indexed = from.position;
  int64_t max_timestamp_ms = from.max_timestamp_before_ms;
  std::string chunk;
  int64_t chunk_begin = position;
  while (position < end) {
    const auto at = static_cast<size_t>(position - chunk_begin);
    if (at >= chunk.size() || chunk.size() - at < kafka::kBatchHeaderBytes) {
      FIRN_TRY(chunk, file_->ReadAt(static_cast<uint64_t>(position), static_cast<size_t>(std::min(sizes_.read_bytes, end - position))));
      chunk_begin = position;
      const bool is_space = SpaceAt(chunk) == chunk.size();  // in front of the next entry's batch, and perhaps shorter than a header
      if (is_space && !chunk.empty()) position += static_cast<int64_t>(chunk.size());
      else if (chunk.size() < kafka::kBatchHeaderBytes) return Damaged(position, "a batch is cut off");
      continue;
    }
    const std::string_view header = std::string_view(chunk).substr(at);
    if (const size_t space = SpaceAt(header); space > 0) {
      position += static_cast<int64_t>(space);
      continue;
    }
    const size_t size = kafka::RecordBatchView::PeekSize(header);
    const int64_t offset = base::LoadBig<int64_t>(header.data());
    if (size < kafka::kBatchHeaderBytes || static_cast<int64_t>(size) > end - position || offset < base_.value()) return Damaged(position, "no batch begins there");
    if (position - last_indexed >= sizes_.index_interval_bytes) {
      out->push_back({static_cast<uint32_t>(offset - base_.value()), static_cast<uint32_t>(position), max_timestamp_ms});
      last_indexed = position;
    }
    max_timestamp_ms = std::max(max_timestamp_ms, base::LoadBig<int64_t>(header.data() + 35));
    position += static_cast<int64_t>(size);
  }
  return Ok();
}

Result<base::SharedBytes> SegmentReader::ReadBatches(int64_t position, int64_t size, int64_t end, bool is_read_once) const {
  FIRN_ASSERT(position >= 0 && position < end && size > 0, "{} bytes at {} of {}", size, position, end);
  const auto bytes = static_cast<size_t>(std::min(size, end - position));
  auto block = std::make_shared_for_overwrite<char[]>(bytes);
  const std::span out(block.get(), bytes);
  FIRN_TRY(const size_t read, is_read_once ? file_->ReadOnceInto(static_cast<uint64_t>(position), out) : file_->ReadInto(static_cast<uint64_t>(position), out));
  const std::string_view chunk(block.get(), read);
  size_t whole = 0;
  for (size_t place = SpaceAt(chunk); place < chunk.size(); place = whole + SpaceAt(chunk.substr(whole))) {
    const std::string_view rest = chunk.substr(place);
    const size_t batch_size = kafka::RecordBatchView::PeekSize(rest);
    const int64_t at = position + static_cast<int64_t>(place);
    if (batch_size == 0 || batch_size > rest.size()) {
      if (whole > 0) break;
      if (batch_size == 0 && rest.size() >= kafka::kBatchLengthEnd) return Damaged(at, "no batch begins there");
      if (batch_size > static_cast<size_t>(end - at)) return Damaged(at, fmt::format("a batch of {} bytes does not end before {}", batch_size, end));
      if (batch_size == 0) return Damaged(at, "a batch is cut off");
      if (read < bytes) return Damaged(position + static_cast<int64_t>(read), "the file ends there");  // since it was opened: there is no more to be had
      return ReadBatches(position, static_cast<int64_t>(place + batch_size), end, is_read_once);  // a single batch larger than the chunk: once more, whole
    }
    whole = place + batch_size;
  }
  if (whole == 0) return Damaged(position, "the file ends there");
  return base::SharedBytes(std::move(block), chunk.substr(0, whole));
}

int64_t ColdReadMemory(int64_t max_bytes) { return ColdReadBytes({}, max_bytes); }

Result<SegmentRead> SegmentReader::Read(const SegmentInfo& info, Offset from, const ReadOptions& options) const {
  FIRN_ASSERT(info.base == base_ && from >= base_ && from < info.end, "offset {} is looked for in the segment of {}", from, base_);
  const int64_t read_bytes = ColdReadBytes(sizes_, options.max_bytes);
  const int64_t max_bytes = std::clamp<int64_t>(options.max_bytes, 1, kSegmentReadBytesMax);
  auto after = std::upper_bound(index_.begin(), index_.end(), from.value() - base_.value(),
                                [](int64_t relative, const IndexEntry& entry) { return relative < static_cast<int64_t>(entry.relative_offset); });
  int64_t position = after == index_.begin() ? 0 : std::prev(after)->position;
  while (position < info.size_bytes) {
    FIRN_TRY(const base::SharedBytes chunk, ReadBatches(position, read_bytes, info.size_bytes, options.is_read_once));
    FIRN_TRY(SegmentRead read, TakeBatches(chunk, position, from, max_bytes));
    if (!read.batches.empty()) return read;
    position += static_cast<int64_t>(chunk.size());
  }
  return Damaged(info.size_bytes, fmt::format("offset {} is not in it", from.value()));
}

Result<SegmentRead> SegmentReader::TakeBatches(const base::SharedBytes& chunk, int64_t position, Offset from, int64_t max_bytes) const {
  SegmentRead read{.batches = {}, .next = from};
  size_t run_begin = 0;  // of batches that are taken, up to `end`, and stand in no slice yet
  size_t end = 0;
  size_t taken = 0;
  const auto end_run = [&] {
    if (end > run_begin) read.batches.push_back(chunk.Slice(run_begin, end - run_begin));
  };
  while (end < chunk.size()) {
    if (const size_t space = SpaceAt(chunk.view().substr(end)); space > 0) {
      end_run();
      run_begin = end += space;
      continue;
    }
    auto batch = kafka::RecordBatchView::Parse(chunk.view().substr(end));
    const int64_t at = position + static_cast<int64_t>(end);
    if (batch.ok() && taken == 0 && batch->last_offset() < from.value()) {
      run_begin = end += batch->size();
      continue;
    }
    if (batch.ok() && taken > 0 && (taken + batch->size() > static_cast<size_t>(max_bytes) || batch->base_offset() < read.next.value())) break;
    // What stands before a damaged batch is given; who asks for that one gets the error.
    Status sound = batch.ok() ? batch->CheckCrc() : Status(std::move(batch).error());
    if (!sound.ok() && taken > 0) break;
    if (!sound.ok()) return Damaged(at, sound.error().message());
    if (taken == 0 && batch->base_offset() > from.value()) return Damaged(at, fmt::format("offset {} is missing, {} follows", from.value(), batch->base_offset()));
    end += batch->size();
    taken += batch->size();
    read.next = Offset(batch->last_offset() + 1);
  }
  end_run();
  FIRN_ASSERT(read.batches.empty() == (taken == 0) && (taken == 0) == (read.next == from), "{} bytes from offset {} to {}", taken, from, read.next);
  // The chunk does not stay for the sake of a small part.
  if (taken < chunk.size() / 2) {
    for (base::SharedBytes& batches : read.batches) batches = base::SharedBytes::FromString(std::string(batches.view()));
  }
  return read;
}

Result<std::optional<TimestampOffset>> SegmentReader::FindTimestamp(const SegmentInfo& info, int64_t timestamp_ms, Offset from) const {
  // The first place before which a batch has the timestamp: it is in front of that place and not in front of the place before.
  auto after = std::partition_point(index_.begin(), index_.end(), [&](const IndexEntry& entry) { return entry.max_timestamp_before_ms < timestamp_ms; });
  int64_t position = after == index_.begin() ? 0 : std::prev(after)->position;
  while (position < info.size_bytes) {
    FIRN_TRY(const base::SharedBytes chunk, ReadBatches(position, sizes_.read_bytes, info.size_bytes, false));
    for (std::string_view rest = chunk.view(); !rest.empty();) {
      rest.remove_prefix(SpaceAt(rest));
      auto batch = kafka::RecordBatchView::Parse(rest);
      if (!batch.ok()) return Damaged(position + static_cast<int64_t>(chunk.size() - rest.size()), batch.error().message());
      if (auto found = FindTimestampInBatch(batch->bytes(), timestamp_ms, from)) return found;
      rest.remove_prefix(batch->size());
    }
    position += static_cast<int64_t>(chunk.size());
  }
  return std::optional<TimestampOffset>();
}

Error SegmentReader::Damaged(int64_t position, std::string_view what) const {
  return Error(ErrorCode::kCorruption, fmt::format("segment {} at byte {}: {}", path_, position, what))
      .Hint("restore the file from a backup, or delete the partition's records up to a later offset (kafka-delete-records)");
}

}  // namespace firn::log
