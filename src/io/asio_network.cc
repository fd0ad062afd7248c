// SPDX-License-Identifier: Apache-2.0
#include "io/asio_network.h"

#include <fmt/format.h>
#include <netinet/tcp.h>
#include <pthread.h>

#include <boost/asio.hpp>
#include <array>
#include <charconv>
#include <deque>
#include <map>
#include <system_error>
#include <thread>
#include <unordered_set>

#include "base/assert.h"
#include "base/mutex.h"
#include "io/system_refusal.h"

namespace firn::io {

namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using asio::ip::tcp;

constexpr size_t kMaxGatheredParts = 64;  // a write takes at most this many parts at once
constexpr std::chrono::seconds kCloseGrace{10};             // for a peer to take what it was still to get
constexpr std::chrono::seconds kLinger{1};                  // for a peer that has got all to close its side
constexpr std::chrono::milliseconds kAcceptRetry{50};       // after a failed accept: the process is out of descriptors, and the peer waits in the backlog

// A peer that is gone without a word (its machine lost power, a firewall forgot it) is found within about four minutes, also while nothing is to be sent to it.
constexpr int kKeepAliveIdleSeconds = 120;
constexpr int kKeepAliveIntervalSeconds = 30;
constexpr int kKeepAliveProbes = 4;

template <int kName>
using TcpOption = asio::detail::socket_option::integer<IPPROTO_TCP, kName>;

// What the system refuses it does without.
void SetOptions(tcp::socket& socket) {
  error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  socket.set_option(asio::socket_base::keep_alive(true), ignored);
  socket.set_option(TcpOption<TCP_KEEPIDLE>(kKeepAliveIdleSeconds), ignored);
  socket.set_option(TcpOption<TCP_KEEPINTVL>(kKeepAliveIntervalSeconds), ignored);
  socket.set_option(TcpOption<TCP_KEEPCNT>(kKeepAliveProbes), ignored);
}

Error NetworkError(const std::string& what, const error_code& problem) {
  return HintAtFileLimit(Error(ErrorCode::kIoError, fmt::format("{}: {}", what, problem.message())), problem.value());
}

Address AddressOf(const tcp::endpoint& endpoint) { return {endpoint.address().to_string(), endpoint.port()}; }

// Of a connected socket; one that the peer has reset already gives "0.0.0.0:0", and its first read says so.
Address PeerOf(const tcp::socket& socket) {
  error_code ignored;
  return AddressOf(socket.remote_endpoint(ignored));
}
Address LocalOf(const tcp::socket& socket) {
  error_code ignored;
  return AddressOf(socket.local_endpoint(ignored));
}

// The reactor's thread and its tasks.
class Reactor final : public TaskQueue {
 public:
  /// Throws boost::system::system_error where the process may open no more files: the context opens its own with its first timer, which is therefore made here.
  Reactor() : work_(asio::make_work_guard(context_)) { asio::steady_timer first(context_); }
  ~Reactor() override { Stop(); }

  /// Once, before the first task.
  Status Start() {
    FIRN_ASSERT(!thread_.joinable(), "the reactor runs already");
    try {
      thread_ = std::thread([this] {
        pthread_setname_np(pthread_self(), "reactor");
        context_.run();
      });
    } catch (const std::system_error& refused) {
      return NoThreadError("for the network", refused.code());
    }
    return Ok();
  }

  void Stop() {
    work_.reset();
    context_.stop();
    if (thread_.joinable()) thread_.join();
  }

  void Post(Task task) override { asio::post(context_, std::move(task)); }

  TimerId PostAfter(int64_t delay_us, Task task) override {
    auto timer = std::make_shared<asio::steady_timer>(context_);
    TimerId id = 0;
    {
      base::MutexLock lock(mutex_);
      id = ++last_timer_;
      timers_.emplace(id, timer);
    }
    timer->expires_after(std::chrono::microseconds(delay_us));
    // Armed on the reactor, so that cancelling and firing happen on one thread.
    asio::post(context_, [this, id, timer, task = std::move(task)]() mutable {
      if (!IsKnown(id)) return;
      timer->async_wait([this, id, timer, task = std::move(task)](const error_code& problem) {
        if (!problem && Forget(id)) task();
      });
    });
    return id;
  }

  void CancelTimer(TimerId id) override {
    std::shared_ptr<asio::steady_timer> timer;
    {
      base::MutexLock lock(mutex_);
      auto found = timers_.find(id);
      if (found == timers_.end()) return;
      timer = std::move(found->second);
      timers_.erase(found);
    }
    asio::post(context_, [timer] { timer->cancel(); });
  }

  bool IsCurrent() const override { return std::this_thread::get_id() == thread_.get_id(); }
  asio::io_context& context() { return context_; }

 private:
  bool IsKnown(TimerId id) {
    base::MutexLock lock(mutex_);
    return timers_.contains(id);
  }
  bool Forget(TimerId id) {
    base::MutexLock lock(mutex_);
    return timers_.erase(id) > 0;
  }

  asio::io_context context_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  base::Mutex mutex_;
  std::map<TimerId, std::shared_ptr<asio::steady_timer>> timers_ FIRN_GUARDED_BY(mutex_);
  TimerId last_timer_ FIRN_GUARDED_BY(mutex_) = 0;
  std::thread thread_;
};

class TcpConnection;

// The connections whose handlers wait for OnClosed. A paused connection has no operation under way that would keep it alive, so this set does. Used
// on the reactor only, and by the network's destructor after the reactor has stopped.
using LiveConnections = std::unordered_set<std::shared_ptr<TcpConnection>>;

// Lives from Start until its handler's OnClosed has returned, which is posted once, when none of the handler's calls is on the stack. Operations under way
// hold it too; after Fail their completions touch nothing but the connection itself. All of it happens on the reactor, so a posted task is never inside a call.
class TcpConnection final : public Connection, public std::enable_shared_from_this<TcpConnection> {
 public:
  TcpConnection(tcp::socket socket, LiveConnections& live)
      : socket_(std::move(socket)), close_timer_(socket_.get_executor()), peer_(PeerOf(socket_)), local_(LocalOf(socket_)), live_(live) {}

  void Start(std::unique_ptr<ConnectionHandler> handler) {
    FIRN_ASSERT(handler_ == nullptr && !is_reading_ && !is_closed_, "the connection of {} is started twice", peer_.ToString());
    handler_ = std::move(handler);
    if (handler_ == nullptr) {
      is_closed_ = true;
      return CloseSocket();
    }
    live_.insert(shared_from_this());
    Read();
  }

  void Send(std::vector<base::SharedBytes> parts) override {
    FIRN_ASSERT(IsOnReactor(), "bytes for {} are sent from another thread", peer_.ToString());
    if (is_closed_) return;
    for (base::SharedBytes& part : parts) {
      if (part.empty()) continue;
      pending_bytes_ += part.size();
      queue_.push_back(std::move(part));
    }
    Write();
  }
  size_t pending_bytes() const override { return pending_bytes_; }
  void PauseReading() override { is_paused_ = true; }
  void ResumeReading() override {
    FIRN_ASSERT(IsOnReactor(), "reading from {} is resumed by another thread", peer_.ToString());
    if (!is_paused_) return;
    is_paused_ = false;
    Read();
  }
  void CloseAfterSending() override {
    if (is_closing_ || is_closed_) return;
    is_closing_ = true;
    CloseWithin(kCloseGrace);
    Discard();
    if (queue_.empty() && !is_writing_) EndWriting();
  }
  void Close() override { Fail(Ok()); }
  const Address& peer() const override { return peer_; }
  const Address& local() const override { return local_; }

 private:
  bool IsOnReactor() {
    const auto executor = socket_.get_executor();
    const auto* reactor = executor.target<asio::io_context::executor_type>();
    return reactor != nullptr && reactor->running_in_this_thread();
  }

  void Read() {
    if (is_reading_ || is_paused_ || is_closed_ || is_closing_) return;
    is_reading_ = true;
    std::span<char> buffer = handler_->ReadBuffer();
    FIRN_ASSERT(!buffer.empty(), "a connection handler gave no room to read to");
    socket_.async_read_some(asio::buffer(buffer.data(), buffer.size()), [self = shared_from_this()](const error_code& problem, size_t size) {
      self->is_reading_ = false;
      if (self->is_closed_) return;
      if (self->is_closing_) return self->OnDiscarded(problem);
      if (problem) return self->Fail(problem == asio::error::eof ? Ok() : Status(NetworkError("reading from " + self->peer_.ToString(), problem)));
      FIRN_ASSERT(size > 0, "nothing was read from {}", self->peer_.ToString());
      self->handler_->OnRead(size);
      self->Read();
    });
  }

  void Write() {
    if (is_writing_ || is_closed_ || queue_.empty()) return;
    is_writing_ = true;
    std::vector<asio::const_buffer> buffers;
    for (const base::SharedBytes& part : queue_) {
      if (buffers.size() == kMaxGatheredParts) break;
      buffers.emplace_back(part.data(), part.size());
    }
    // What the kernel takes at once, not all: so that its owner sees how fast the peer reads, and memory goes as soon as it can.
    socket_.async_write_some(buffers, [self = shared_from_this()](const error_code& problem, size_t size) {
      self->is_writing_ = false;
      if (self->is_closed_) return;
      if (problem) return self->Fail(NetworkError("writing to " + self->peer_.ToString(), problem));
      self->OnWritten(size);
      if (!self->queue_.empty()) return self->Write();
      if (self->is_closing_) return self->EndWriting();
      self->handler_->OnDrained();
    });
  }

  void OnWritten(size_t size) {
    FIRN_ASSERT(size <= pending_bytes_, "{} bytes were written of {}", size, pending_bytes_);
    pending_bytes_ -= size;
    auto part = queue_.begin();
    for (; part != queue_.end() && part->size() <= size; ++part) size -= part->size();
    queue_.erase(queue_.begin(), part);
    if (size > 0) queue_.front() = queue_.front().Slice(size, queue_.front().size() - size);
    FIRN_ASSERT(queue_.empty() == (pending_bytes_ == 0), "{} bytes are pending in {} parts", pending_bytes_, queue_.size());
  }

  // Closing a socket with unread bytes resets it, and a reset may take from the peer what was sent last. So while closing the peer's bytes are read and dropped
  // until it has seen the end and ends too, or its time is over.
  void Discard() {
    if (is_reading_ || is_closed_) return;
    is_reading_ = true;
    socket_.async_read_some(asio::buffer(discarded_), [self = shared_from_this()](const error_code& problem, size_t) {
      self->is_reading_ = false;
      if (!self->is_closed_) self->OnDiscarded(problem);
    });
  }
  void OnDiscarded(const error_code& problem) {
    if (!problem) return Discard();
    has_peer_ended_ = true;
    if (has_ended_writing_) Fail(Ok());
  }
  void EndWriting() {
    if (has_peer_ended_) return Fail(Ok());
    has_ended_writing_ = true;
    error_code ignored;  // then the peer is gone, and the read under way says so
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
    CloseWithin(kLinger);
  }
  void CloseWithin(std::chrono::milliseconds grace) {
    close_timer_.expires_after(grace);
    close_timer_.async_wait([weak = weak_from_this()](const error_code& problem) {
      auto self = weak.lock();
      if (self == nullptr || problem) return;
      if (self->has_ended_writing_) return self->Fail(Ok());
      self->Fail(Error(ErrorCode::kTimeout, fmt::format("{} did not take its last {} bytes", self->peer_.ToString(), self->pending_bytes_)));
    });
  }

  void Fail(Status reason) {
    if (is_closed_) return;
    is_closed_ = true;
    CloseSocket();
    asio::post(socket_.get_executor(), [self = shared_from_this(), reason = std::move(reason)]() mutable {
      if (self->handler_) self->handler_->OnClosed(std::move(reason));
      self->handler_.reset();
      self->live_.erase(self);
    });
  }

  void CloseSocket() {
    close_timer_.cancel();
    error_code ignored;  // closing is all that can be done with a socket that fails to close
    socket_.shutdown(tcp::socket::shutdown_both, ignored);
    socket_.close(ignored);
  }

  tcp::socket socket_;
  asio::steady_timer close_timer_;
  const Address peer_;
  const Address local_;
  LiveConnections& live_;
  std::unique_ptr<ConnectionHandler> handler_;
  std::deque<base::SharedBytes> queue_;
  size_t pending_bytes_ = 0;
  bool is_reading_ = false;
  bool is_writing_ = false;
  bool is_paused_ = false;
  bool is_closing_ = false;
  bool is_closed_ = false;
  bool has_ended_writing_ = false;
  bool has_peer_ended_ = false;
  std::array<char, 512> discarded_;
};

void StartConnection(tcp::socket socket, LiveConnections& live, const AcceptFunction& accept) {
  SetOptions(socket);
  auto connection = std::make_shared<TcpConnection>(std::move(socket), live);
  connection->Start(accept(*connection));
}

// The sockets that listen for one address; shared with pending accepts.
struct ListenState {
  std::vector<tcp::acceptor> acceptors;
  AcceptFunction accept;
  LiveConnections& live;
};

void AcceptNext(const std::shared_ptr<ListenState>& state, size_t index) {
  state->acceptors[index].async_accept([state, index](const error_code& problem, tcp::socket socket) {
    if (problem == asio::error::operation_aborted || !state->acceptors[index].is_open()) return;
    if (!problem) {
      StartConnection(std::move(socket), state->live, state->accept);
      return AcceptNext(state, index);
    }
    // At once would be a busy loop: without a free descriptor the connection stays in the backlog and every accept fails.
    auto timer = std::make_shared<asio::steady_timer>(state->acceptors[index].get_executor(), kAcceptRetry);
    timer->async_wait([state, index, timer](const error_code&) {
      if (state->acceptors[index].is_open()) AcceptNext(state, index);
    });
  });
}

class TcpListener final : public Listener {
 public:
  TcpListener(Reactor& reactor, std::shared_ptr<ListenState> state, Address address)
      : reactor_(reactor), state_(std::move(state)), address_(std::move(address)) {}
  ~TcpListener() override {
    reactor_.Post([state = state_] {
      for (tcp::acceptor& acceptor : state->acceptors) {
        error_code ignored;
        acceptor.close(ignored);
      }
    });
  }
  const Address& address() const override { return address_; }

 private:
  Reactor& reactor_;
  std::shared_ptr<ListenState> state_;
  Address address_;
};

class AsioNetwork final : public Network {
 public:
  ~AsioNetwork() override { reactor_.Stop(); }
  Status Start() { return reactor_.Start(); }
  TaskQueue& reactor() override { return reactor_; }

  Result<std::unique_ptr<Listener>> Listen(const Address& address, AcceptFunction accept) override {
    // "localhost" is ::1 first on many machines, so both families listen on one port.
    std::vector<std::string> hosts = address.host == "localhost" ? std::vector<std::string>{"127.0.0.1", "::1"} : std::vector{address.host};
    auto state = std::make_shared<ListenState>(ListenState{{}, std::move(accept), live_});
    uint16_t port = address.port;
    for (const std::string& host : hosts) {
      error_code problem;
      const auto ip = asio::ip::make_address(host, problem);
      if (problem) return Error(ErrorCode::kInvalidArgument, fmt::format("'{}' is no address to listen on", host));
      auto opened = OpenAcceptor(tcp::endpoint(ip, port));
      if (!opened.ok() && !state->acceptors.empty()) continue;  // a machine without IPv6
      if (!opened.ok()) return std::move(opened).error();
      port = opened->local_endpoint().port();
      state->acceptors.push_back(std::move(opened).value());
    }
    reactor_.Post([state] {
      for (size_t i = 0; i < state->acceptors.size(); ++i) AcceptNext(state, i);
    });
    return std::unique_ptr<Listener>(std::make_unique<TcpListener>(reactor_, state, Address{address.host, port}));
  }

  void Connect(const Address& address, ConnectFunction connected) override {
    auto resolver = std::make_shared<tcp::resolver>(reactor_.context());
    auto socket = std::make_shared<tcp::socket>(reactor_.context());
    resolver->async_resolve(address.host, std::to_string(address.port), [=, this](const error_code& problem, const tcp::resolver::results_type& found) {
      if (problem) {
        connected(NetworkError("resolving " + address.host, problem));
        return;
      }
      asio::async_connect(*socket, found, [=, this](const error_code& failure, const tcp::endpoint&) {
        if (failure) {
          connected(Error(ErrorCode::kServerUnreachable, fmt::format("{}: {}", address.ToString(), failure.message())));
          return;
        }
        SetOptions(*socket);
        auto connection = std::make_shared<TcpConnection>(std::move(*socket), live_);
        connection->Start(connected(connection.get()));
      });
      (void)resolver;  // alive until it has answered
    });
  }

 private:
  Result<tcp::acceptor> OpenAcceptor(const tcp::endpoint& endpoint) {
    tcp::acceptor acceptor(reactor_.context());
    error_code problem;
    acceptor.open(endpoint.protocol(), problem);
    if (!problem) acceptor.set_option(tcp::acceptor::reuse_address(true), problem);
    if (!problem && endpoint.protocol() == tcp::v6()) acceptor.set_option(asio::ip::v6_only(true), problem);
    if (!problem) acceptor.bind(endpoint, problem);
    if (!problem) acceptor.listen(asio::socket_base::max_listen_connections, problem);
    if (!problem) return acceptor;
    const std::string place = AddressOf(endpoint).ToString();
    if (problem == asio::error::address_in_use) {
      return Error(ErrorCode::kPortInUse, fmt::format("{} is in use by another process", place)).Hint("choose another port, or 0 for a free one");
    }
    return NetworkError("listening on " + place, problem);
  }

  Reactor reactor_;
  LiveConnections live_;  // destroyed before the reactor's context, which the sockets need
};

}  // namespace

std::string Address::ToString() const {
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port) : fmt::format("[{}]:{}", host, port);
}

Result<Address> ParseAddress(const std::string& text) {
  const size_t colon = text.rfind(':');
  Address address;
  if (colon != std::string::npos) {
    address.host = text.substr(0, colon);
    if (address.host.size() > 2 && address.host.front() == '[' && address.host.back() == ']') address.host = address.host.substr(1, address.host.size() - 2);
    const char* begin = text.data() + colon + 1;
    const char* end = text.data() + text.size();
    auto [stop, status] = std::from_chars(begin, end, address.port);
    if (status == std::errc() && stop == end && !address.host.empty()) return address;
  }
  return Error(ErrorCode::kInvalidArgument, fmt::format("'{}' is no address", text)).Hint("write HOST:PORT, for example 127.0.0.1:9092");
}

Result<std::unique_ptr<Network>> MakeAsioNetwork() {
  try {
    auto network = std::make_unique<AsioNetwork>();
    FIRN_RETURN_IF_ERROR(network->Start());
    return std::unique_ptr<Network>(std::move(network));
  } catch (const boost::system::system_error& refused) {
    return NoDescriptorError("for the network", refused.code());
  }
}

}  // namespace firn::io
