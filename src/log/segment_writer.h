// SPDX-License-Identifier: Apache-2.0
// Moves slabs of one partition into its segments. Lives on the segment queue, for one move: open the last segment, append, roll to a new one
// when it is full or old, sync. Writes whole blocks past the page cache (io/block_writer.h), the first with what the block holds already: what was just
// produced is read from slabs, and nothing is left to a write-back that would stall the journal's sync. Nothing counts before Finish has succeeded: after a failure the next move writes the same places again.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/block_writer.h"
#include "io/environment.h"
#include "io/file_system.h"
#include "log/file_names.h"
#include "log/partition.h"
#include "log/piece_sizes.h"
#include "log/segment.h"

namespace firn::log {

/// Thread-compatible.
class SegmentWriter {
 public:
  /// `existing`: the partition's segments, of which the last one is written to if there is room. `blocks` is this writer's until Finish.
  SegmentWriter(const io::Environment& environment, const Layout& layout, TopicPartitionId partition, const PartitionConfig& config,
                const std::vector<SegmentInfo>& existing, io::BlockWriter& blocks, const PieceSizes& sizes);

  /// Slabs in order, without gaps among them. They stay as they are until Finish.
  Status Append(const Slab& slab);
  /// Writes and syncs all. kDiskFull: may be tried again with another writer; kIoError: may not.
  Status Finish();

  /// After Finish: the segments that have changed or are new, ascending.
  const std::vector<SegmentInfo>& changed() const { return changed_; }

 private:
  int64_t SegmentLimit() const { return std::min(config_.segment_bytes, kSegmentBytesMax); }
  bool MustRoll(const Slab& slab) const;
  Status OpenLast();
  Status OpenNew(Offset base);
  Status StartWriting(uint64_t size_bytes);
  Status LeaveSpace(const Slab& slab);
  Status CloseSegment(bool is_full);

  const io::Environment environment_;
  const Layout layout_;
  const TopicPartitionId partition_;
  const PartitionConfig config_;
  const PieceSizes sizes_;
  const int64_t now_ms_;
  io::BlockWriter& blocks_;               // to file_
  std::optional<SegmentInfo> last_;       // written to next, not yet opened
  std::vector<SegmentInfo> changed_;      // the last one is open
  std::unique_ptr<io::File> file_;        // of changed_.back()
  bool is_directory_changed_ = false;
  bool is_layout_by_chance_ = false;      // batches of file_ stand where they do because of where they lie in memory
  int64_t last_indexed_ = -1;             // position of the last index entry; -1: none known
  uint32_t index_entries_written_ = 0;
  std::string index_bytes_;               // entries not yet written
};

}  // namespace firn::log
