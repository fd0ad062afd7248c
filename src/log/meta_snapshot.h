// SPDX-License-Identifier: Apache-2.0
// The bytes of a meta snapshot, DIR/meta/SEQUENCE.snapshot: the checkpoint that recovery starts from. It says: everything up to journal entry
// SEQUENCE is in this map and in these segments; replay the journal from there. Encoding only; all numbers are little-endian.
// (tools/format_pages makes docs/formats/meta-snapshot.md of this comment.)
//
//   0    "firnmeta"          8 bytes
//   8    u32 version (1)
//   12   u32 CRC-32C of all bytes from 16 to the end
//   16   store id            16 bytes
//   32   u64 sequence        of the last journal entry in it
//   40   u64 journal file    the first one needed for the replay
//   48   u32 next partition id
//   52   u32 number of pairs, u32 number of partitions
//   60   pairs, ascending by key:  u32 key size, u32 value size, key, value
//        partitions, ascending by id:  u32 id, i64 moved end, u32 number of segments, then a segment each:
//          i64 base offset, i64 end offset, i64 size in bytes, i64 created ms, i64 largest timestamp ms, i64 offset of its batch, u32 index entries
//
// It is written beside its place, synced and renamed, so it is never half there. A segment file may be longer than its size here (the
// bytes behind are in the journal too), never shorter.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "log/ids.h"
#include "log/meta_map.h"
#include "log/segment.h"

namespace firn::log {

struct PartitionSegments {
  TopicPartitionId id;
  Offset moved_end{0};  // records below are in segments (or deleted); the journal has the others
  std::vector<SegmentInfo> segments;
};

struct MetaSnapshot {
  std::string store_id;
  uint64_t sequence = 0;
  uint64_t journal_file = 0;
  uint32_t next_partition_id = 0;
  MetaPairs pairs;
  std::vector<PartitionSegments> partitions;
};

/// The pairs alone, as they stand in a snapshot: made while the map is locked, so it should be one pass.
std::string EncodeMetaPairs(const MetaPairs& pairs);
/// `snapshot.pairs` is not looked at: `pair_bytes` (of EncodeMetaPairs) and `pair_count` stand for it.
std::string EncodeMetaSnapshot(const MetaSnapshot& snapshot, std::string_view pair_bytes, uint32_t pair_count);
/// kCorruption names what is wrong; the caller adds the path.
Result<MetaSnapshot> DecodeMetaSnapshot(std::string_view bytes);

}  // namespace firn::log
