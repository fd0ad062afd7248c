// SPDX-License-Identifier: Apache-2.0
// What one seed is: a world that lives through some processes, and a verdict.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/simulated_environment.h"

namespace firn::sim {

/// A mistake that is put into the program or below it, to see that the harness finds it.
enum class Fault {
  kNone,
  kNoJournalSync,           // the journal's files are never synced
  kNoSegmentSync,           // nor those of segments
  kNoIndexSync,             // nor their indexes
  kNoSnapshotSync,          // nor meta snapshots
  kNoFolderSync,            // nor the folders of partitions
  kCommitBeforeCheckpoint,  // a job's table moves on in an entry of its own, before that of the checkpoint
};

struct SeedOptions {
  uint64_t seed = 0;
  Fault fault = Fault::kNone;
  uint64_t* digest = nullptr;  // set at the end, if not null: of all that happened on the disk and when
  bool is_verbose = false;   // prints the disk's trace when the seed fails
};

/// What is wrong; the first thing found ends the seed.
struct Failed {
  std::string what;
};

template <typename... Args>
[[noreturn]] void Fail(fmt::format_string<Args...> format, Args&&... args) {
  throw Failed{fmt::format(format, std::forward<Args>(args)...)};
}
#define SIM_CHECK(condition, ...) \
  do {                            \
    if (!(condition)) ::firn::sim::Fail(__VA_ARGS__); \
  } while (false)

/// The life of one seed: what a scenario does, with choices that the seed makes, on a machine that dies when it says so.
class World {
 public:
  explicit World(const SeedOptions& options);
  virtual ~World() = default;
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  /// Acts, then sets the digest. Throws Failed, after the trace where it is asked for.
  void Run();

 protected:
  virtual void Act() = 0;

  uint64_t Choose(uint64_t bound) { return world_.choices().Below(bound); }
  bool OneIn(uint64_t count) { return world_.choices().OneIn(count); }
  io::SimulatedDisk& disk() { return world_.disk(); }
  bool is_dead() { return disk().is_crashed(); }
  /// The process is gone, by a signal or with the machine's power.
  void Restart() { world_.Restart(OneIn(3) ? io::CrashKind::kKill : io::CrashKind::kPowerLoss); }

  const SeedOptions options_;
  io::SimulatedEnvironment world_;
};

/// Throw Failed.
void RunLogSeed(const SeedOptions& options);
void RunBrokerSeed(const SeedOptions& options);
void RunJobSeed(const SeedOptions& options);

}  // namespace firn::sim
