// SPDX-License-Identifier: Apache-2.0
// The environment of production: this machine's clock, files, threads, sockets and randomness.
#pragma once

#include <memory>

#include "base/result.h"
#include "io/clock.h"
#include "io/environment.h"
#include "io/executor.h"
#include "io/file_system.h"
#include "io/network.h"
#include "io/random.h"

namespace firn::io {

/// Owns the parts; environment() refers to them and must not outlive it.
class RealEnvironment {
 public:
  /// kUnavailable if the system has no thread for the network.
  static Result<RealEnvironment> Make();
  RealEnvironment(RealEnvironment&&) noexcept;
  ~RealEnvironment();
  Environment environment() { return {*clock_, *random_, *files_, *network_, *executor_}; }

 private:
  explicit RealEnvironment(std::unique_ptr<Network> network);

  std::unique_ptr<Clock> clock_;
  std::unique_ptr<Random> random_;
  std::unique_ptr<FileSystem> files_;
  std::unique_ptr<Executor> executor_;
  std::unique_ptr<Network> network_;
};

}  // namespace firn::io
