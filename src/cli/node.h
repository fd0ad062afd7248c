// SPDX-License-Identifier: Apache-2.0
// A node: everything wired together, started and stopped in order.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "io/environment.h"
#include "io/network.h"

namespace firn::exec {
class Engine;
}

namespace firn::cli {

struct NodeOptions {
  std::string data = "./lake";
  std::string host = "127.0.0.1";
  io::Address advertised;      // where Kafka clients are told to connect; without a host or a port: where each has connected to
  uint16_t kafka_port = 9092;  // 0: a free one, like the next
  uint16_t sql_port = 8083;
  uint16_t jobs_port = 8081;
  int64_t state_limit_bytes = 4LL << 30;  // of all jobs together
  int parallelism = 1;         // of jobs that do not say theirs
  bool is_embedded = false;    // for one command: no node.json
};

class Node {
 public:
  /// Ready when it returns. kDataDirectoryInUse, kPortInUse, kCorruption.
  static Result<std::unique_ptr<Node>> Start(const io::Environment& environment, const NodeOptions& options);
  virtual ~Node() = default;
  virtual const io::Address& kafka() const = 0;
  virtual const io::Address& sql() const = 0;
  virtual const io::Address& jobs() const = 0;
  /// For what a command in the same process shows of its jobs. Until Stop.
  virtual const exec::Engine& engine() const = 0;
  /// Jobs are suspended at a last checkpoint; the log is closed.
  virtual Status Stop() = 0;
};

}  // namespace firn::cli
