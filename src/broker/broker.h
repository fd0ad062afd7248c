// SPDX-License-Identifier: Apache-2.0
// The Kafka broker as a state machine without sockets: request frames in, response frames out. It lives on one queue and has no thread, so a
// test, the simulator and a fuzzer drive it directly; kafka_server.h connects it to the network.
//
// Everything that must survive a crash is an entry of the journal, and is answered after that entry is durable, also with acks=1. What waits
// (a fetch for records, a join for members) is parked on what it waits for and on a timer; nothing polls.
//
// Not here yet: transactions, ACLs, SASL, compaction, KIP-848 groups. Their APIs are not advertised; a request for one closes the connection, as Kafka does.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "broker/frame.h"
#include "broker/options.h"
#include "broker/topics.h"
#include "io/environment.h"
#include "io/executor.h"
#include "io/network.h"
#include "log/store.h"

namespace firn::broker {

struct Reply {
  enum class Kind {
    kSend,     // `frame`, in parts, with its size in front
    kNothing,  // a produce with acks=0: the request has no response
    kClose,    // the connection must be closed; `reason` says why
  };
  Kind kind = Kind::kSend;
  std::vector<base::SharedBytes> frame;
  std::string reason;
  int64_t throttle_ms = 0;  // the connection's next request does not start sooner
};

using ReplyCallback = std::function<void(Reply)>;

struct ClientContext {
  std::string host;                      // "127.0.0.1"
  io::Address reached{"127.0.0.1", 9092};  // the broker's address, as this client connected to it
  uint64_t connection = 0;               // whose Produce requests stay in order
  bool has_taken_all = true;             // of the answers to what it has asked for before
};

struct Core;
class ResponseBudget;

/// Lives on `queue`: Handle and the destructor are called there (or when the queue runs nothing any more). topics() is thread-safe.
class Broker {
 public:
  /// Loads topics and groups from the store. `environment`, `store` and `queue` outlive the broker. kCorruption if a value in the meta store cannot be read.
  static Result<std::unique_ptr<Broker>> Open(const io::Environment& environment, log::Store& store, io::TaskQueue& queue,
                                              const BrokerOptions& options = {});
  ~Broker();

  /// Takes one request (a frame without its size). `reply` is called exactly once, now or later, unless the broker is destroyed or the connection forgotten first. The frame's memory must be the
  /// request's own: produced record batches are patched in it and kept.
  void Handle(Frame frame, const ClientContext& client, ReplyCallback reply);
  /// Whether the frame is a Produce: the only kind that may start while an earlier one of its connection is unanswered.
  static bool IsProduce(std::string_view frame);

  /// A client has closed its connection, or was closed: its fetches that wait are dropped without a reply.
  void Forget(uint64_t connection);

  Topics& topics();
  /// Of Produce requests of a connection that have been handed in and wait to be appended.
  int64_t waiting_produce_bytes(uint64_t connection) const;
  /// Who keeps replies counts them here.
  ResponseBudget& responses();
  const BrokerOptions& options() const;

 private:
  explicit Broker(std::unique_ptr<Core> core);
  std::unique_ptr<Core> core_;
};

}  // namespace firn::broker
