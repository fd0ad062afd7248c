// SPDX-License-Identifier: Apache-2.0
// The simulated environment against its own contract: what a crash may take and what it must leave, and that a seed decides everything.
#include "io/simulated_environment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "base/error_render.h"
#include "io/block_writer.h"

namespace firn::io {
namespace {

using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::Eq;

constexpr uint64_t kSeeds = 60;

std::unique_ptr<File> MakeFile(SimulatedDisk& disk, const std::string& path, std::string_view bytes) {
  auto file = disk.Open(path, OpenMode::kCreate);
  EXPECT_TRUE(file.ok() && (*file)->WriteAt(0, bytes).ok());
  return std::move(*file);
}

// The states that a power loss leaves behind over many seeds.
template <typename Prepare, typename Look>
std::set<std::string> Outcomes(const Prepare& prepare, const Look& look) {
  std::set<std::string> outcomes;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SimulatedEnvironment world(seed);
    prepare(world.disk());
    world.Restart(CrashKind::kPowerLoss);
    outcomes.insert(look(world.disk()));
  }
  return outcomes;
}

TEST(SimulatedDisk, WhatIsSyncedStaysAndWhatIsNotMayGo) {
  const std::string old_bytes(1024, 'a');
  const std::string new_bytes(1024, 'b');
  const auto outcomes = Outcomes(
      [&](SimulatedDisk& disk) {
        auto file = MakeFile(disk, "/f", old_bytes);
        EXPECT_TRUE(file->Sync().ok() && disk.SyncDirectory("/").ok());
        EXPECT_TRUE(file->WriteAt(0, new_bytes).ok());
      },
      [](SimulatedDisk& disk) { return *disk.ReadAll("/f"); });
  EXPECT_THAT(outcomes, ElementsAre(old_bytes, old_bytes.substr(512) + new_bytes.substr(512), new_bytes.substr(512) + old_bytes.substr(512), new_bytes));
}

TEST(SimulatedDisk, ADirectWriteThatACrashInterruptsHasWrittenAnyOfItsSectors) {
  std::set<std::string> found;
  for (uint64_t seed = 1; seed <= 20 * kSeeds; ++seed) {
    SimulatedEnvironment world(seed);
    auto file = MakeFile(world.disk(), "/f", std::string(kDirectBlockBytes, 'a'));
    file->PreferDirectWrites();
    BlockWriter writer;
    writer.Begin(*file, 0);
    EXPECT_TRUE(writer.Append(std::string(kDirectBlockBytes, 'b')).ok());
    world.disk().CrashAfter(0);
    EXPECT_FALSE(writer.Finish().ok());
    world.Restart(CrashKind::kKill);
    const std::string bytes = *world.disk().ReadAll("/f");
    EXPECT_EQ(bytes.size(), kDirectBlockBytes);
    std::string sectors;
    for (size_t at = 0; at < bytes.size(); at += 512) {
      EXPECT_EQ(bytes.substr(at, 512), std::string(512, bytes[at])) << "a sector is never torn";
      sectors += bytes[at];
    }
    found.insert(sectors);
  }
  EXPECT_GT(found.size(), 128u) << "of 256";
  EXPECT_TRUE(found.contains("aaaaaaaa") && found.contains("bbbbbbbb"));
}

TEST(SimulatedDisk, ANameIsLostUnlessItsFolderIsSynced) {
  const auto look = [](SimulatedDisk& disk) { return disk.Exists("/f") ? *disk.ReadAll("/f") : "missing"; };
  EXPECT_THAT(Outcomes([](SimulatedDisk& disk) { EXPECT_TRUE(MakeFile(disk, "/f", "x")->Sync().ok()); }, look), ElementsAre("missing", "x"));
  EXPECT_THAT(Outcomes([](SimulatedDisk& disk) { EXPECT_TRUE(MakeFile(disk, "/f", "x")->Sync().ok() && disk.SyncDirectory("/").ok()); }, look), ElementsAre("x"));
}

TEST(SimulatedDisk, WriteAtomicallyIsAllOrNothing) {
  const std::string old_bytes(3000, 'a');
  const std::string new_bytes(2000, 'b');
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    SimulatedEnvironment world(seed);
    ASSERT_TRUE(world.disk().WriteAtomically("/f", old_bytes).ok());
    world.disk().CrashAfter(world.choices().Below(8));
    const bool is_done = world.disk().WriteAtomically("/f", new_bytes).ok();
    world.Restart(seed % 2 == 0 ? CrashKind::kKill : CrashKind::kPowerLoss);
    const std::string found = *world.disk().ReadAll("/f");
    EXPECT_THAT(found, is_done ? AnyOf(Eq(new_bytes), Eq(new_bytes)) : AnyOf(Eq(old_bytes), Eq(new_bytes))) << "seed " << seed;
  }
}

TEST(SimulatedDisk, AKilledProcessLosesNothingButItsHandles) {
  SimulatedEnvironment world(1);
  auto file = MakeFile(world.disk(), "/d.txt", "unsynced");
  auto lock = world.disk().Lock("/LOCK");
  EXPECT_EQ(world.disk().Lock("/LOCK").error().code(), ErrorCode::kDataDirectoryInUse);
  world.disk().Crash();
  EXPECT_FALSE(world.disk().Exists("/d.txt"));
  world.Restart(CrashKind::kKill);
  EXPECT_EQ(*world.disk().ReadAll("/d.txt"), "unsynced");
  EXPECT_FALSE(file->WriteAt(0, "late").ok());
  EXPECT_TRUE(world.disk().Lock("/LOCK").ok());
}

TEST(SimulatedDisk, AFailedSyncIsNotMadeGoodByTheNextOne) {
  const std::string bytes(8 * 512, 'x');
  const auto outcomes = Outcomes(
      [&](SimulatedDisk& disk) {
        auto file = MakeFile(disk, "/f", std::string(bytes.size(), 'o'));
        EXPECT_TRUE(file->Sync().ok() && disk.SyncDirectory("/").ok());
        EXPECT_TRUE(file->WriteAt(0, bytes).ok());
        disk.FailSyncAfter(0);
        EXPECT_FALSE(file->Sync().ok());
        EXPECT_TRUE(file->Sync().ok());
        EXPECT_EQ(*disk.ReadAll("/f"), bytes) << "the page cache has it";
      },
      [&](SimulatedDisk& disk) { return *disk.ReadAll("/f") == bytes ? "whole" : "lost"; });
  EXPECT_TRUE(outcomes.contains("lost"));
}

TEST(SimulatedDisk, FullDisk) {
  SimulatedEnvironment world(1);
  world.disk().SetCapacity(1000);
  auto file = MakeFile(world.disk(), "/f", std::string(900, 'a'));
  EXPECT_EQ(base::RenderError(file->WriteAt(850, std::string(200, 'b')).error()), "error[E1004]: write /f: No space left on device\n   = more: firn explain E1004\n");
  EXPECT_EQ(file->Allocate(2000).error().code(), ErrorCode::kDiskFull);
  EXPECT_EQ(*file->Size(), 900u);
  EXPECT_TRUE(file->WriteAt(800, std::string(100, 'c')).ok());
  ASSERT_TRUE(world.disk().Remove("/f").ok());
  EXPECT_TRUE(MakeFile(world.disk(), "/g", std::string(1000, 'a'))->Sync().ok());
}

TEST(SimulatedDisk, AFileSystemThatCopiesOnWriteNeedsRoomForWhatIsThereAlready) {
  SimulatedEnvironment world(1);
  world.disk().CopyOnWrite();
  auto file = MakeFile(world.disk(), "/f", std::string(900, 'a'));
  world.disk().SetCapacity(1000);
  EXPECT_TRUE(file->WriteAt(0, std::string(100, 'b')).ok());
  EXPECT_EQ(file->WriteAt(0, std::string(101, 'c')).error().code(), ErrorCode::kDiskFull);
  EXPECT_TRUE(file->Clear(50).ok());
  EXPECT_EQ(*file->Size(), 900u);
  EXPECT_EQ(*file->ReadAt(50, 900), std::string(850, '\0'));
}

TEST(SimulatedExecutor, QueuesKeepTheirOrderAndTheSeedPicksAmongThem) {
  const auto run = [](uint64_t seed) {
    SimulatedEnvironment world(seed);
    auto left = world.executor().NewQueue("left").value();
    auto right = world.executor().NewQueue("right").value();
    std::string order;
    for (char c : std::string("abc")) left->Post([&order, c] { order += c; });
    for (char c : std::string("123")) right->Post([&order, c] { order += c; });
    while (world.executor().Step()) {
    }
    return order;
  };
  std::set<std::string> orders;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    orders.insert(run(seed));
    EXPECT_EQ(run(seed), run(seed));
  }
  EXPECT_GT(orders.size(), 10u);
  for (const std::string& order : orders) EXPECT_TRUE(order.find('a') < order.find('c') && order.find('1') < order.find('3')) << order;
}

TEST(SimulatedExecutor, TimersMoveTheClockAndEventsLetOthersRun) {
  SimulatedEnvironment world(7);
  auto waiting = world.executor().NewQueue("waiting").value();
  auto setting = world.executor().NewQueue("setting").value();
  auto event = world.executor().NewEvent();
  const int64_t begin_us = world.clock().MonotonicUs();
  bool has_waited = false;
  waiting->Post([&] {
    setting->PostAfter(1'000'000, [&] { event->Set(); });
    const TimerId cancelled = waiting->PostAfter(10, [] { ADD_FAILURE() << "was cancelled"; });
    waiting->CancelTimer(cancelled);
    event->Wait();
    has_waited = true;
  });
  EXPECT_TRUE(world.executor().StepUntil([&] { return has_waited; }));
  EXPECT_GE(world.clock().MonotonicUs() - begin_us, 1'000'000);
  EXPECT_FALSE(world.executor().Step());
}

}  // namespace
}  // namespace firn::io
