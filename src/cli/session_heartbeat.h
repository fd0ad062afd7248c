// SPDX-License-Identifier: Apache-2.0
// Keeps a session of the SQL gateway while its user reads, or is at lunch: the server forgets those that nobody uses for ten minutes, with their settings and
// temporary tables. As often as Flink's client does it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "io/executor.h"
#include "io/network.h"

namespace firn::cli {

inline constexpr int64_t kHeartbeatMs = 60'000;

/// Beats from construction to destruction, on a queue of its own; a beat that fails changes nothing.
class SessionHeartbeat {
 public:
  /// `session`: its handle, asked for at each beat on the queue, since a client may have opened another one.
  SessionHeartbeat(io::Executor& executor, io::Address server, std::function<std::string()> session, int64_t interval_ms = kHeartbeatMs);

 private:
  void Schedule();

  const io::Address server_;
  const std::function<std::string()> session_;
  const int64_t interval_ms_;
  std::unique_ptr<io::TaskQueue> queue_;  // destroyed first: no beat after it; none if the system has no thread for it
};

}  // namespace firn::cli
