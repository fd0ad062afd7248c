// SPDX-License-Identifier: Apache-2.0
#include "scenario.h"

namespace firn::sim {

namespace {

// The first entry of a journal file is behind its header: whoever writes there is the flusher and holds no lock, who writes the header does.
constexpr uint64_t kFirstEntryAt = 4096;

bool Contains(const std::string& path, std::string_view part) { return path.find(part) != std::string::npos; }

// Makes the disk forget the syncs that a fault leaves out.
void ApplyFault(Fault fault, io::SimulatedDisk& disk) {
  switch (fault) {
    case Fault::kNoJournalSync: return disk.IgnoreSyncs([](const std::string& path) { return Contains(path, ".journal"); });
    case Fault::kNoSegmentSync: return disk.IgnoreSyncs([](const std::string& path) { return Contains(path, "/partitions/") && path.ends_with(".log"); });
    case Fault::kNoIndexSync: return disk.IgnoreSyncs([](const std::string& path) { return path.ends_with(".index"); });
    case Fault::kNoSnapshotSync: return disk.IgnoreSyncs([](const std::string& path) { return Contains(path, "/meta/"); });
    case Fault::kNoFolderSync: return disk.IgnoreSyncs([](const std::string& path) { return Contains(path, "/partitions") && !path.ends_with(".log") && !path.ends_with(".index"); });
    case Fault::kNone:
    case Fault::kCommitBeforeCheckpoint: return;
  }
}

uint64_t DigestOf(io::SimulatedEnvironment& world) {
  uint64_t digest = static_cast<uint64_t>(world.clock().MonotonicUs());
  for (const std::string& line : world.disk().trace()) {
    for (char c : line) digest = (digest ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  }
  return digest;
}

// Lets tasks of other queues run inside of disk calls, where the caller holds no lock.
void YieldInDiskCalls(io::SimulatedEnvironment& world) {
  world.disk().SetOnChange([&world](const std::string& path, uint64_t offset) {
    if (Contains(path, "/journal") && offset < kFirstEntryAt) return;
    if (Contains(path, "/warehouse") && !path.ends_with(".parquet")) return;  // an object store may be making a folder, under its lock
    world.executor().Yield();
  });
}

}  // namespace

World::World(const SeedOptions& options) : options_(options), world_(options.seed) {
  ApplyFault(options.fault, disk());
  YieldInDiskCalls(world_);
}

void World::Run() {
  try {
    Act();
    if (options_.digest != nullptr) *options_.digest = DigestOf(world_);
  } catch (const Failed&) {
    if (options_.is_verbose) {
      for (const std::string& line : disk().trace()) fmt::print("{}\n", line);
    }
    throw;
  }
}

}  // namespace firn::sim
