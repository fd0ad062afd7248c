// SPDX-License-Identifier: Apache-2.0
// Connects the broker to the network: bytes of connections to request frames, replies to bytes.
//
// Order: responses leave in the order of their requests. A request starts when the one before it is answered, as in Kafka; only Produce requests overlap,
// so that one connection can fill a group commit. Back-pressure, each by not reading on: a connection with a request that cannot start yet, with
// unsent responses above kUnsentBytesMax or above its share of ResponseBudget, or with a Produce while the log takes no more bytes. A malformed frame, an unknown API or version closes the connection,
// as Kafka does; the frames before it are answered first.
#pragma once

#include <cstdint>
#include <memory>

#include "base/result.h"
#include "broker/broker.h"
#include "io/network.h"
#include "log/store.h"

namespace firn::broker {

struct KafkaServerOptions {
  io::Address address{"127.0.0.1", 9092};
  size_t connections_max = 10'000;
  int64_t held_bytes_max = 1 << 30;  // received and not started, of all connections; who goes above it is closed
  int64_t idle_ms_max = 600'000;     // connections.max.idle.ms: who asks for nothing for so long, and waits for nothing, is closed
  int64_t stalled_ms_max = 30'000;   // who takes nothing of its responses for so long is closed, if more than half of ResponseBudget is used all the time; sooner, if it is used up
};

/// Since the start, but for what is said to be now.
struct KafkaServerCounts {
  int64_t connections_accepted = 0;
  int64_t connections_refused = 0;   // over connections_max
  int64_t connections_open = 0;
  int64_t requests = 0;
  int64_t bytes_in = 0;
  int64_t bytes_out = 0;
  int64_t protocol_faults = 0;       // connections closed for what they sent
  int64_t connections_idle = 0;      // closed for their silence
  int64_t connections_stalled = 0;   // closed for what they did not take
  int64_t response_bytes = 0;        // of ResponseBudget, now
};

class KafkaServer {
 public:
  /// Listens and serves. `broker` lives on the network's reactor; it and `store` outlive the server. kPortInUse if another process has the port. Thread-safe.
  static Result<std::unique_ptr<KafkaServer>> Start(io::Network& network, Broker& broker, log::Store& store, const KafkaServerOptions& options);
  virtual ~KafkaServer() = default;
  /// With the port that was given.
  virtual const io::Address& address() const = 0;
  /// Thread-safe.
  virtual KafkaServerCounts counts() const = 0;
  /// Stops listening and closes all connections. On the reactor, before the broker is destroyed.
  virtual void Stop() = 0;
};

}  // namespace firn::broker
