// SPDX-License-Identifier: Apache-2.0
// A segment: a file of whole Kafka record batches, ascending in offset, exactly as consumers get them, and a sparse index beside it.
// Numbers of the index are little-endian. (tools/format_pages makes docs/formats/segment.md of this comment.)
//
//   BASE.log      record batches, one after the other; BASE is the first record's offset in 20 digits. Behind a batch there may be space, fewer than 4096 bytes of 0xff,
//                 which no batch begins with: so that a large one begins where in a block it did in memory, and was written from there without a copy
//   BASE.index    entries of 20 bytes, ascending, about one every 64 KiB of BASE.log, each for the begin of a batch:
//     0   u32 offset of its first record - BASE
//     4   u32 position in BASE.log
//     8   i64 largest timestamp ms of all batches before it in this file, or -1
//     16  u32 CRC-32C of bytes 0..16, then of BASE as i64
//
// How far a segment counts (its end offset, its size) is in the meta snapshot, which is written after the sync of the .log file: bytes behind
// that are leftovers of an interrupted move, and what they held is still in the journal. The index is not synced until the segment
// is full: it can be lost, in whole or in part. A reader drops entries with a wrong checksum and scans where they are
// missing, when somebody first reads there; opening a store touches no segment. So offset and time index are one file, one entry a place.
// Where large batches are moved the index is synced too: after a crash the same batches may be moved with other space between them, and entries of the first
// time, which a second crash could bring back, would not fit.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "io/file_system.h"
#include "log/file_names.h"
#include "log/ids.h"
#include "log/partition_log.h"
#include "log/piece_sizes.h"

namespace firn::log {

inline constexpr size_t kIndexEntryBytes = 20;
/// Positions and offsets inside a segment fit 31 bits, as Kafka's do.
inline constexpr int64_t kSegmentBytesMax = (1LL << 31) - 1;
/// What one read of cold data returns at most, unless a single batch is larger.
inline constexpr int64_t kSegmentReadBytesMax = 16 << 20;

/// What the log knows of a segment without opening it.
struct SegmentInfo {
  Offset base{0};
  Offset end{0};  // behind the last record
  int64_t size_bytes = 0;
  int64_t created_ms = 0;
  int64_t max_timestamp_ms = -1;
  Offset max_timestamp_offset{-1};  // base offset of that batch
  uint32_t index_entries = 0;       // written, if nothing was lost
};

struct IndexEntry {
  uint32_t relative_offset = 0;
  uint32_t position = 0;
  int64_t max_timestamp_before_ms = -1;
  bool operator==(const IndexEntry&) const = default;
};

void AppendIndexEntry(Offset base, const IndexEntry& entry, std::string* out);
/// The entries with the right checksum, ascending, of places below `size_bytes`.
std::vector<IndexEntry> DecodeIndex(Offset base, std::string_view bytes, int64_t size_bytes);

struct SegmentRead {
  std::vector<base::SharedBytes> batches;  // whole ones in a row each
  Offset next{0};
};

/// What space between batches is filled with.
inline constexpr char kSegmentSpace = '\xff';
/// Bytes of space at the front of `bytes`.
size_t SpaceAt(std::string_view bytes);

/// Where in a batch a record with at least this timestamp is: the record for an uncompressed batch, else the batch's first.
/// nullopt if there is none at or above `from`.
std::optional<TimestampOffset> FindTimestampInBatch(std::string_view batch, int64_t timestamp_ms, Offset from);

/// Reads one segment file. Immutable after Open, thread-safe. Keeps the file open, so that it can be read while it is removed.
class SegmentReader {
 public:
  /// Loads the index, and makes again what is missing in it. kNotFound if the file is gone; kCorruption if it is shorter than it must be or
  /// its batches are no batches.
  static Result<std::shared_ptr<const SegmentReader>> Open(io::FileSystem& files, const Layout& layout, TopicPartitionId partition, const SegmentInfo& info,
                                                           const PieceSizes& sizes);

  /// Whole batches from the one that holds `from`, which is below info.end; at least one, else at most `max_bytes`. Checks their checksums. What is
  /// returned holds at most twice its size in memory; the read itself takes ColdReadMemory(max_bytes).
  Result<SegmentRead> Read(const SegmentInfo& info, Offset from, const ReadOptions& options) const;
  /// The first record at or above `from` with a timestamp of at least this.
  Result<std::optional<TimestampOffset>> FindTimestamp(const SegmentInfo& info, int64_t timestamp_ms, Offset from) const;

  int64_t indexed_bytes() const { return indexed_bytes_; }
  size_t memory_bytes() const { return index_.size() * sizeof(IndexEntry); }
  size_t index_entries() const { return index_.size(); }

 private:
  SegmentReader(std::unique_ptr<io::File> file, std::string path, Offset base, const PieceSizes& sizes)
      : file_(std::move(file)), path_(std::move(path)), base_(base), sizes_(sizes) {}

  Status LoadIndex(io::FileSystem& files, const std::string& index_path, const SegmentInfo& info);
  Status ScanGap(const IndexEntry& from, int64_t end, std::vector<IndexEntry>* out) const;
  // The whole batches from `position` on, with the space before each: a chunk cut to them; at least one.
  Result<base::SharedBytes> ReadBatches(int64_t position, int64_t size, int64_t end, bool is_read_once) const;
  // Those of a chunk that stands at `position`; none if all are below `from`.
  Result<SegmentRead> TakeBatches(const base::SharedBytes& chunk, int64_t position, Offset from, int64_t max_bytes) const;
  Error Damaged(int64_t position, std::string_view what) const;

  std::unique_ptr<io::File> file_;
  std::string path_;
  Offset base_;
  PieceSizes sizes_;
  std::vector<IndexEntry> index_;  // begins with the segment's first batch
  int64_t indexed_bytes_ = 0;
};

}  // namespace firn::log
