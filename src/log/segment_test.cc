// SPDX-License-Identifier: Apache-2.0
// Segments as moves that were interrupted leave them, on a simulated disk.
#include "log/segment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/endian.h"
#include "base/must.h"
#include "io/block_writer.h"
#include "io/simulated_environment.h"
#include "kafka/record_batch.h"
#include "log/partition.h"
#include "log/segment_writer.h"

namespace firn::log {
namespace {

const TopicPartitionId kPartition(1);

class SegmentWorld {
 public:
  explicit SegmentWorld(uint64_t seed) : world_(seed) { Must(world_.disk().CreateDirectories(layout_.partition(kPartition))); }

  /// One batch of a record of `value_bytes` a slab.
  std::vector<Slab> Slabs(size_t count, size_t value_bytes) {
    std::vector<Slab> slabs;
    for (size_t i = 0; i < count; ++i) {
      kafka::RecordBatchBuilder builder;
      builder.Append(1000 + end_, std::nullopt, std::string(value_bytes, 'v'));
      std::string batch = builder.Build();
      base::StoreBig<int64_t>(batch.data(), end_);
      slabs.push_back(Must(MakeSlab(Offset(end_), base::SharedBytes::FromString(std::move(batch)))));
      ++end_;
    }
    return slabs;
  }
  /// A move of these behind what counts.
  std::vector<SegmentInfo> Move(const std::vector<SegmentInfo>& counted, const std::vector<Slab>& slabs) {
    SegmentWriter writer(world_.environment(), layout_, kPartition, {}, counted, blocks_, {});
    for (const Slab& slab : slabs) Must(writer.Append(slab));
    Must(writer.Finish());
    return writer.changed();
  }
  void LosePower() {
    world_.disk().Crash();
    world_.Restart(io::CrashKind::kPowerLoss);
  }
  Result<SegmentRead> Read(const SegmentInfo& info, Offset from) {
    FIRN_TRY(auto reader, SegmentReader::Open(world_.disk(), layout_, kPartition, info, {}));
    return reader->Read(info, from, {});
  }
  io::SimulatedDisk& disk() { return world_.disk(); }
  const Layout& layout() const { return layout_; }

 private:
  io::SimulatedEnvironment world_;
  const Layout layout_{"/data"};
  io::BlockWriter blocks_;
  int64_t end_ = 0;
};

// The same batches stand elsewhere in the next process. Index entries of the move that was interrupted, which are on the disk, must not come to light under the ones of a
// later move, which are not.
TEST(SegmentIndex, WhatAnInterruptedMoveHasLeftDoesNotComeBack) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SegmentWorld world(seed);
    const std::vector<SegmentInfo> first = world.Move({}, world.Slabs(1, 100));
    const std::vector<Slab> large = world.Slabs(1, 5000);
    const std::vector<Slab> small = world.Slabs(600, 500);
    std::vector<Slab> all = large;
    all.insert(all.end(), small.begin(), small.end());
    world.Move(first, all);
    world.LosePower();  // before it counted
    const std::vector<SegmentInfo> second = world.Move(first, large);
    const std::vector<SegmentInfo> third = world.Move(second, small);
    ASSERT_GE(third[0].index_entries, 4u);
    world.LosePower();
    for (int64_t offset = 0; offset < 602; offset += 43) {
      const auto read = world.Read(third[0], Offset(offset));
      ASSERT_TRUE(read.ok()) << "seed " << seed << ": " << read.error().ToString();
    }
  }
}

// Large batches stand further apart than index entries may, so that what is between two of them is looked through; the space at its end is shorter than a batch's header at times.
TEST(SegmentReader, ShortSpaceBetweenLargeBatchesIsPassedOver) {
  SegmentWorld world(1);
  std::vector<Slab> slabs;
  for (size_t i = 0; i < 400; ++i) slabs.push_back(world.Slabs(1, (256 << 10) + 37 * i)[0]);
  size_t batch_bytes = 0;
  for (const Slab& slab : slabs) batch_bytes += slab.batches.size();
  for (const SegmentInfo& info : world.Move({}, slabs)) {
    const auto reader = SegmentReader::Open(world.disk(), world.layout(), kPartition, info, {});
    ASSERT_TRUE(reader.ok()) << reader.error().ToString();
    for (Offset next = info.base; next < info.end;) {
      const auto read = (*reader)->Read(info, next, {});
      ASSERT_TRUE(read.ok()) << read.error().ToString();
      for (const base::SharedBytes& batches : read->batches) batch_bytes -= batches.size();
      next = read->next;
    }
  }
  EXPECT_EQ(batch_bytes, 0u);
}

TEST(SegmentReader, AFileThatIsCutWhileItIsOpenIsAnError) {
  SegmentWorld world(1);
  const std::vector<SegmentInfo> moved = world.Move({}, world.Slabs(1, 3 << 20));  // more than one read
  auto reader = SegmentReader::Open(world.disk(), world.layout(), kPartition, moved[0], {});
  ASSERT_TRUE(reader.ok());
  EXPECT_EQ((*reader)->Read(moved[0], Offset(0), {})->next, Offset(1));
  const std::unique_ptr<io::File> file = Must(world.disk().Open(world.layout().segment_file(kPartition, Offset(0)), io::OpenMode::kReadWrite));
  for (uint64_t size : {2 << 20, 1 << 10, 70, 0}) {
    ASSERT_TRUE(file->Truncate(size).ok());
    const auto read = (*reader)->Read(moved[0], Offset(0), {});
    ASSERT_FALSE(read.ok()) << size;
    EXPECT_EQ(read.error().code(), ErrorCode::kCorruption);
  }
}

}  // namespace
}  // namespace firn::log
