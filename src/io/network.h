// SPDX-License-Identifier: Apache-2.0
// Byte streams. All callbacks of all connections run as tasks of one queue, the reactor; connections live there too.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "io/executor.h"

namespace firn::io {

struct Address {
  std::string host;   // a name or a number
  uint16_t port = 0;  // 0 when listening: a free one
  std::string ToString() const;  // "127.0.0.1:9092", "[::1]:9092"
};

/// "HOST:PORT" or "[V6]:PORT"; kInvalidArgument names the text and what is wrong with it.
Result<Address> ParseAddress(const std::string& text);

/// One side of a stream. Lives on the reactor.
class Connection {
 public:
  virtual ~Connection() = default;
  /// Queues the parts behind all sent before; they are written with gathering and not copied.
  virtual void Send(std::vector<base::SharedBytes> parts) = 0;
  /// Bytes queued and not yet taken by the kernel: the owner stops producing when they grow.
  virtual size_t pending_bytes() const = 0;
  /// Stops and resumes reading: the way to push back on a peer.
  virtual void PauseReading() = 0;
  virtual void ResumeReading() = 0;
  /// Reads no more, sends what is queued, then closes; a peer that does not take it within seconds is cut off. OnClosed follows.
  virtual void CloseAfterSending() = 0;
  virtual void Close() = 0;
  virtual const Address& peer() const = 0;
  /// Where the peer has reached this side: the address it connected to, even if the listener is one of all addresses.
  virtual const Address& local() const = 0;
};

/// The owner's side of a connection. Called on the reactor only.
class ConnectionHandler {
 public:
  virtual ~ConnectionHandler() = default;
  /// Where the next bytes are to be read to: not empty, valid until the next OnRead. Lets a frame be read into its final
  /// place without a copy.
  virtual std::span<char> ReadBuffer() = 0;
  /// `size` bytes (>= 1) were read to the start of the last ReadBuffer.
  virtual void OnRead(size_t size) = 0;
  /// All that was queued has been taken by the kernel.
  virtual void OnDrained() {}
  /// Called once, last, never inside another call of the handler; the connection and then the handler are destroyed after it. `reason` is Ok for an
  /// orderly end. Only when the network itself is destroyed do handlers go without it.
  virtual void OnClosed(Status reason) = 0;
};

class Listener {
 public:
  virtual ~Listener() = default;  // stops listening; accepted connections go on
  virtual const Address& address() const = 0;  // with the port that was given
};

/// Makes the handler of an accepted connection. `connection` outlives the handler's OnClosed call.
using AcceptFunction = std::function<std::unique_ptr<ConnectionHandler>(Connection& connection)>;
using ConnectFunction = std::function<std::unique_ptr<ConnectionHandler>(Result<Connection*> connection)>;

/// Listen and Connect are thread-safe.
class Network {
 public:
  virtual ~Network() = default;
  virtual TaskQueue& reactor() = 0;
  /// kPortInUse if another process has the port.
  virtual Result<std::unique_ptr<Listener>> Listen(const Address& address, AcceptFunction accept) = 0;
  /// Calls `connected` on the reactor with the connection or the failure.
  virtual void Connect(const Address& address, ConnectFunction connected) = 0;
};

}  // namespace firn::io
