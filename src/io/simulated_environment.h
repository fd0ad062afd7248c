// SPDX-License-Identifier: Apache-2.0
// An environment in which everything that happens follows from a seed: clock, randomness, disk and the order of tasks. One thread drives it.
//
//   SimulatedEnvironment world(seed);
//   world.disk().CrashAfter(17);
//   ... start a program on world.environment(), then world.executor().StepUntil(...) ...
//   destroy the program, world.Restart(CrashKind::kPowerLoss), start it again
#pragma once

#include <cstdint>
#include <memory>

#include "io/environment.h"
#include "io/simulated_disk.h"
#include "io/simulated_executor.h"
#include "io/simulated_random.h"

namespace firn::io {

/// Owns the parts; environment() refers to them and must not outlive it.
class SimulatedEnvironment {
 public:
  explicit SimulatedEnvironment(uint64_t seed);
  ~SimulatedEnvironment();

  Environment environment() { return {clock_, random_, *disk_, *network_, *executor_}; }
  SimulatedClock& clock() { return clock_; }
  SimulatedDisk& disk() { return *disk_; }
  SimulatedExecutor& executor() { return *executor_; }
  /// For what the simulation itself decides: apart from the program's, so that both stay the same when the other draws more.
  SimulatedRandom& choices() { return choices_; }

  /// A new process on the same disk. All queues of the old one must be gone.
  void Restart(CrashKind kind);

 private:
  uint64_t seed_;
  SimulatedClock clock_;
  SimulatedRandom choices_;
  SimulatedRandom random_;
  std::unique_ptr<SimulatedDisk> disk_;
  std::unique_ptr<SimulatedExecutor> executor_;
  std::unique_ptr<Network> network_;
};

}  // namespace firn::io
