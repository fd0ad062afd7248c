// SPDX-License-Identifier: Apache-2.0
#include "log/checkpointer.h"

#include <tuple>

#include "base/assert.h"
#include "io/file_system.h"
#include "log/meta_snapshot.h"
#include "log/segment_writer.h"

namespace firn::log {

Status Checkpointer::Run() {
  const LogContents::Cut cut = contents_.TakeCut();
  if (cut.sequence == snapshot_sequence_) return Ok();
  FIRN_ASSERT(snapshot_sequence_ == UINT64_MAX || cut.sequence > snapshot_sequence_, "a snapshot of entry {} is to follow that of {}", cut.sequence, snapshot_sequence_);
  for (const std::shared_ptr<Partition>& partition : cut.partitions) FIRN_RETURN_IF_ERROR(Move(*partition));
  const uint64_t first_needed = journal_files_.FirstNeeded(cut.sequence);
  FIRN_RETURN_IF_ERROR(WriteSnapshot(cut, first_needed));
  const uint64_t previous = snapshot_sequence_;
  snapshot_sequence_ = cut.sequence;
  checkpoint_bytes_ = cut.applied_bytes;
  if (previous != UINT64_MAX) std::ignore = environment_.files.Remove(layout_.snapshot_file(previous));  // else the next start does it
  journal_files_.Recycle(first_needed);
  return Ok();
}

Status Checkpointer::Move(Partition& partition) {
  const std::vector<Slab> slabs = partition.UnmovedSlabs();
  if (slabs.empty()) return Ok();
  SegmentWriter writer(environment_, layout_, partition.id(), partition.config(), partition.segments().segments, blocks_, contents_.pieces());
  for (const Slab& slab : slabs) FIRN_RETURN_IF_ERROR(writer.Append(slab));
  FIRN_RETURN_IF_ERROR(writer.Finish());
  FIRN_ASSERT(!writer.changed().empty() && writer.changed().back().end == slabs.back().end, "partition {}: what was moved does not end at {}", partition.id(), slabs.back().end);
  partition.CompleteMove(writer.changed(), slabs.back().end);
  return Ok();
}

Status Checkpointer::WriteSnapshot(const LogContents::Cut& cut, uint64_t first_needed) {
  MetaSnapshot snapshot{.store_id = store_id_, .sequence = cut.sequence, .journal_file = first_needed, .next_partition_id = cut.next_partition_id, .pairs = {}, .partitions = {}};
  snapshot.partitions.reserve(cut.partitions.size());
  for (const std::shared_ptr<Partition>& partition : cut.partitions) snapshot.partitions.push_back(partition->segments());
  return environment_.files.WriteAtomically(layout_.snapshot_file(cut.sequence), EncodeMetaSnapshot(snapshot, cut.pair_bytes, cut.pair_count));
}

void Checkpointer::Trim(const std::vector<std::shared_ptr<Partition>>& partitions) {
  io::FileSystem& files = environment_.files;
  for (const std::shared_ptr<Partition>& partition : partitions) {
    for (const SegmentInfo& segment : partition->Trim()) {
      contents_.cache().Remove(partition->id(), segment.base);
      std::ignore = files.Remove(layout_.segment_file(partition->id(), segment.base));
      std::ignore = files.Remove(layout_.index_file(partition->id(), segment.base));
    }
    if (contents_.Find(partition->id()) == nullptr) std::ignore = files.RemoveAll(layout_.partition(partition->id()));
  }
}

}  // namespace firn::log
