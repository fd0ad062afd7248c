// SPDX-License-Identifier: Apache-2.0
// A thread a connection, blocking calls, a limited number of them: front doors for people and tools, not a data path. Who is slow or silent costs a
// thread, so every wait for a client ends, and a new client gets the place of the one that has kept the server waiting longest.
#include <fmt/format.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio.hpp>
#include <boost/beast.hpp>
#include <cerrno>
#include <chrono>
#include <limits>
#include <list>
#include <system_error>
#include <thread>

#include "base/ascii.h"
#include "base/assert.h"
#include "base/mutex.h"
#include "io/http.h"
#include "io/system_refusal.h"

namespace firn::io {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using asio::ip::tcp;

using SteadyTime = std::chrono::steady_clock::time_point;

constexpr size_t kDrainBytesMax = 64 << 20;  // of a refused request that a client is still sending
constexpr int kDrainMs = 1000;               // without a byte
constexpr int kNoRoomWaitMs = 50;            // where the system has no more sockets or threads, unless a connection ends sooner

// A stray % stays as it is.
std::string DecodeUrlPart(std::string_view text, bool plus_is_space) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && base::HexDigit(text[i + 1]) >= 0 && base::HexDigit(text[i + 2]) >= 0) {
      decoded.push_back(static_cast<char>(base::HexDigit(text[i + 1]) * 16 + base::HexDigit(text[i + 2])));
      i += 2;
    } else {
      decoded.push_back(plus_is_space && text[i] == '+' ? ' ' : text[i]);
    }
  }
  return decoded;
}

HttpRequest MakeRequest(http::request<http::string_body>& message) {
  HttpRequest request;
  request.method = message.method() == http::verb::head ? "GET" : std::string(message.method_string());  // the answer's body is left out
  std::string_view target(message.target().data(), message.target().size());
  const size_t question = target.find('?');
  request.path = DecodeUrlPart(target.substr(0, question), false);
  std::string_view query = question == std::string_view::npos ? std::string_view() : target.substr(question + 1);
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    const size_t equals = pair.find('=');
    if (pair.empty()) continue;
    request.query[DecodeUrlPart(pair.substr(0, equals), true)] =
        equals == std::string_view::npos ? std::string() : DecodeUrlPart(pair.substr(equals + 1), true);
  }
  for (const auto& field : message) {
    std::string name(field.name_string());
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    request.headers[name] = std::string(field.value());
  }
  request.body = std::move(message.body());
  return request;
}

SteadyTime After(int ms) { return std::chrono::steady_clock::now() + std::chrono::milliseconds(ms); }

// A socket whose reads and writes end with `timed_out`. (Asio's own blocking calls wait without end: they poll again after SO_RCVTIMEO.)
class TimedStream {
 public:
  /// No read or write may wait longer than `stall_ms`, nor a read beyond the deadline.
  TimedStream(tcp::socket& socket, int stall_ms) : socket_(socket), stall_ms_(stall_ms) {}
  void set_deadline(SteadyTime deadline) { deadline_ = deadline; }

  /// Waits up to the deadline alone.
  void WaitReadable(error_code& problem) { Wait(POLLIN, deadline_, problem); }
  template <typename Buffers>
  size_t read_some(const Buffers& buffers, error_code& problem) {
    return Retried([&] { return socket_.read_some(buffers, problem); }, POLLIN, deadline_, problem);
  }
  template <typename Buffers>
  size_t write_some(const Buffers& buffers, error_code& problem) {
    return Retried([&] { return socket_.write_some(buffers, problem); }, POLLOUT, SteadyTime::max(), problem);
  }
  // What Beast asks a stream to have besides; it calls those above.
  template <typename Buffers>
  size_t read_some(const Buffers& buffers) {
    error_code problem;
    const size_t count = read_some(buffers, problem);
    if (problem) throw boost::system::system_error(problem);
    return count;
  }
  template <typename Buffers>
  size_t write_some(const Buffers& buffers) {
    error_code problem;
    const size_t count = write_some(buffers, problem);
    if (problem) throw boost::system::system_error(problem);
    return count;
  }

 private:
  // Calls `transfer` again as soon as the socket is ready, each time within the stall's time and all before `deadline`.
  template <typename Transfer>
  size_t Retried(const Transfer& transfer, short events, SteadyTime deadline, error_code& problem) {
    while (true) {
      const size_t count = transfer();
      if (problem != asio::error::would_block) return count;
      Wait(events, std::min(deadline, After(stall_ms_)), problem);
      if (problem) return 0;
    }
  }

  void Wait(short events, SteadyTime until, error_code& problem) {
    while (true) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
      pollfd polled{socket_.native_handle(), events, 0};
      const int ready = ::poll(&polled, 1, static_cast<int>(std::clamp<int64_t>(left, 0, std::numeric_limits<int>::max())));
      if (ready < 0 && errno == EINTR) continue;
      problem = ready > 0 ? error_code() : ready == 0 ? error_code(asio::error::timed_out) : error_code(errno, boost::system::system_category());
      return;
    }
  }

  tcp::socket& socket_;
  const int stall_ms_;
  SteadyTime deadline_ = SteadyTime::max();
};

struct AnswerForm {
  unsigned version = 11;
  bool keep_alive = false;
  bool is_head = false;
};

struct Connection {
  explicit Connection(tcp::socket accepted) : socket(std::move(accepted)) {}
  tcp::socket socket;
  bool is_waiting = true;  // for the client; these three under the server's lock
  bool is_leaving = false;
  SteadyTime since = std::chrono::steady_clock::now();
};

class BeastServer final : public HttpServer {
 public:
  BeastServer(const HttpServerOptions& options, HttpHandler handler) : options_(options), handler_(std::move(handler)), acceptor_(context_) {}
  ~BeastServer() override { Stop(0); }

  Status Listen() {
    error_code problem;
    const auto ip = asio::ip::make_address(options_.address.host == "localhost" ? "127.0.0.1" : options_.address.host, problem);
    if (problem) return Error(ErrorCode::kInvalidArgument, fmt::format("'{}' is no address to listen on", options_.address.host));
    const tcp::endpoint endpoint(ip, options_.address.port);
    acceptor_.open(endpoint.protocol(), problem);
    if (!problem) acceptor_.set_option(tcp::acceptor::reuse_address(true), problem);
    if (!problem) acceptor_.bind(endpoint, problem);
    if (!problem) acceptor_.listen(asio::socket_base::max_listen_connections, problem);
    if (problem == asio::error::address_in_use) {
      return Error(ErrorCode::kPortInUse, fmt::format("{} is in use by another process", options_.address.ToString()))
          .Hint("choose another port, or 0 for a free one");
    }
    if (problem) return HintAtFileLimit(Error(ErrorCode::kIoError, fmt::format("listening on {}: {}", options_.address.ToString(), problem.message())), problem.value());
    address_ = {options_.address.host, acceptor_.local_endpoint().port()};
    try {
      accept_thread_ = std::thread([this] { AcceptLoop(); });
    } catch (const std::system_error& refused) {
      return NoThreadError("to listen on " + address_.ToString(), refused.code());
    }
    return Ok();
  }

  const Address& address() const override { return address_; }

  void Stop(int grace_ms) override {
    base::MutexLock lock(mutex_);
    if (is_stopping_) return;
    is_stopping_ = true;
    ::shutdown(acceptor_.native_handle(), SHUT_RDWR);  // wakes the accept; closing alone would not
    changed_.NotifyAll();
    // Idle connections end at once; those inside a handler get the grace.
    for (Connection* connection : connections_) ::shutdown(connection->socket.native_handle(), SHUT_RD);
    const auto is_empty = [this]() FIRN_REQUIRES(mutex_) { return connections_.empty(); };
    changed_.WaitFor(lock, std::chrono::milliseconds(grace_ms), is_empty);
    for (Connection* connection : connections_) ::shutdown(connection->socket.native_handle(), SHUT_RDWR);
    changed_.Wait(lock, is_empty);
    lock.Unlock();
    if (accept_thread_.joinable()) accept_thread_.join();
    error_code ignored;
    acceptor_.close(ignored);
  }

 private:
  void AcceptLoop() {
    pthread_setname_np(pthread_self(), "http-accept");
    while (true) {
      tcp::socket socket(context_);
      error_code problem;
      acceptor_.wait(tcp::acceptor::wait_read, problem);  // without descriptors accept fails at once, also where nobody comes
      if (!problem) acceptor_.accept(socket, problem);
      base::MutexLock lock(mutex_);
      if (is_stopping_) return;
      if (!problem) {
        if (!MakeRoom() || Begin(std::make_unique<Connection>(std::move(socket)))) continue;  // without room the peer sees a closed connection and tries again
      } else if (!IsExhausted(problem)) {
        continue;  // that client's fault
      }
      // The next try would fail at once again. Who is idle gives way, and its end wakes this thread.
      (void)DropOldest();
      changed_.WaitFor(lock, std::chrono::milliseconds(kNoRoomWaitMs), [this]() FIRN_REQUIRES(mutex_) { return is_stopping_; });
    }
  }

  static bool IsExhausted(const error_code& problem) {
    return problem == boost::system::errc::too_many_files_open || problem == boost::system::errc::too_many_files_open_in_system || problem == boost::system::errc::no_buffer_space ||
           problem == boost::system::errc::not_enough_memory;
  }

  // False if the system has no thread for it; it is closed then.
  bool Begin(std::unique_ptr<Connection> owned) FIRN_REQUIRES(mutex_) {
    Connection* const connection = owned.get();
    FIRN_ASSERT(connections_.size() < 2 * options_.max_connections, "{} connections", connections_.size());
    connections_.push_back(connection);
    try {
      std::thread([this, owned = std::move(owned)]() mutable {
        pthread_setname_np(pthread_self(), "http");
        Serve(*owned);
        base::MutexLock inner(mutex_);
        connections_.remove(owned.get());
        owned.reset();
        changed_.NotifyAll();
      }).detach();
      return true;
    } catch (const std::system_error&) {
      connections_.remove(connection);
      return false;
    }
  }

  // Whether one more connection can be served, if need be in place of the one that has waited longest for its client.
  bool MakeRoom() FIRN_REQUIRES(mutex_) {
    const auto staying = static_cast<size_t>(std::count_if(connections_.begin(), connections_.end(), [](const Connection* connection) { return !connection->is_leaving; }));
    if (staying < options_.max_connections) return connections_.size() < 2 * options_.max_connections;
    return DropOldest();
  }

  bool DropOldest() FIRN_REQUIRES(mutex_) {
    Connection* oldest = nullptr;
    for (Connection* connection : connections_) {
      if (!connection->is_leaving && connection->is_waiting && (oldest == nullptr || connection->since < oldest->since)) oldest = connection;
    }
    if (oldest == nullptr) return false;
    oldest->is_leaving = true;
    ::shutdown(oldest->socket.native_handle(), SHUT_RDWR);
    return true;
  }

  void SetWaiting(Connection& connection, bool is_waiting) {
    base::MutexLock lock(mutex_);
    connection.is_waiting = is_waiting;
    connection.since = std::chrono::steady_clock::now();
  }

  // A whole request, each part of it within its time.
  void Read(TimedStream& stream, beast::flat_buffer& buffer, http::request_parser<http::string_body>& parser, error_code& problem) const {
    parser.body_limit(options_.max_body_bytes);
    parser.header_limit(static_cast<uint32_t>(options_.max_header_bytes));
    if (buffer.size() == 0) {
      stream.set_deadline(After(options_.idle_timeout_ms));
      stream.WaitReadable(problem);
      if (problem) return;
    }
    stream.set_deadline(After(options_.header_timeout_ms));
    http::read_header(stream, buffer, parser, problem);
    if (problem) return;
    stream.set_deadline(SteadyTime::max());
    if (beast::iequals(parser.get()[http::field::expect], "100-continue")) {  // curl waits a second for it before a body of some size
      http::response<http::empty_body> go(http::status::continue_, 11);
      http::write(stream, go, problem);
      if (problem) return;
    }
    http::read(stream, buffer, parser, problem);
  }

  void Serve(Connection& connection) {
    tcp::socket& socket = connection.socket;
    error_code problem;
    socket.set_option(tcp::no_delay(true), problem);
    socket.non_blocking(true, problem);
    TimedStream stream(socket, options_.stall_timeout_ms);
    beast::flat_buffer buffer;
    while (true) {
      http::request_parser<http::string_body> parser;
      Read(stream, buffer, parser, problem);
      SetWaiting(connection, false);
      if (problem == http::error::end_of_stream || (problem && problem.category() != http::make_error_code(http::error::end_of_stream).category())) return;
      if (problem) return Refuse(socket, stream, problem);
      auto message = parser.release();
      const bool keep = message.keep_alive();
      const AnswerForm form{message.version(), keep, message.method() == http::verb::head};
      const HttpResponse response = handler_(MakeRequest(message));
      SetWaiting(connection, true);  // for it to take the answer and to ask again
      if (!Reply(stream, response, form) || !keep) return;
    }
  }

  // Counts a request that cannot be read and says what is wrong with it; the rest of it is thrown away.
  void Refuse(tcp::socket& socket, TimedStream& stream, const error_code& problem) {
    if (options_.faults != nullptr) ++*options_.faults;
    int status = 400;
    std::string text = "the request is not HTTP as this server reads it: " + problem.message();
    if (problem == http::error::header_limit) {
      status = 431;
      text = fmt::format("the request's line and headers are larger than {} bytes", options_.max_header_bytes);
    } else if (problem == http::error::body_limit) {
      status = 413;
      text = fmt::format("the request's body is larger than {} bytes", options_.max_body_bytes);
    }
    if (Reply(stream, {status, "application/json", {}, fmt::format("{{\"errors\":[\"{}\"]}}", text)}, {})) Drain(socket, stream);
  }

  // Closing with unread bytes would take the answer back before the client has read it.
  static void Drain(tcp::socket& socket, TimedStream& stream) {
    error_code problem;
    socket.shutdown(tcp::socket::shutdown_send, problem);
    std::array<char, 64 << 10> unread;
    for (size_t drained = 0; !problem && drained < kDrainBytesMax;) {
      stream.set_deadline(After(kDrainMs));
      drained += stream.read_some(asio::buffer(unread), problem);
    }
  }

  static bool Reply(TimedStream& stream, const HttpResponse& response, const AnswerForm& form) {
    FIRN_ASSERT(response.status >= 200 && response.status < 600, "status {}", response.status);
    http::response<http::string_body> message(static_cast<http::status>(response.status), form.version);
    message.set(http::field::server, "firn");
    message.set(http::field::content_type, response.content_type);
    for (const auto& [name, value] : response.headers) message.set(name, value);
    message.keep_alive(form.keep_alive);
    if (form.is_head) {
      message.content_length(response.body.size());
    } else {
      message.body() = response.body;
      message.prepare_payload();
    }
    error_code problem;
    http::write(stream, message, problem);
    return !problem;
  }

  HttpServerOptions options_;
  HttpHandler handler_;
  asio::io_context context_;
  tcp::acceptor acceptor_;
  Address address_;
  std::thread accept_thread_;
  base::Mutex mutex_;
  base::ConditionVariable changed_;
  std::list<Connection*> connections_ FIRN_GUARDED_BY(mutex_);
  bool is_stopping_ FIRN_GUARDED_BY(mutex_) = false;
};

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::Start(const HttpServerOptions& options, HttpHandler handler) {
  try {
    auto server = std::make_unique<BeastServer>(options, std::move(handler));
    FIRN_RETURN_IF_ERROR(server->Listen());
    return std::unique_ptr<HttpServer>(std::move(server));
  } catch (const boost::system::system_error& refused) {  // the descriptors of Asio's context
    return NoDescriptorError("to listen on " + options.address.ToString(), refused.code());
  }
}

std::string EncodeUrlPart(const std::string& text) {
  std::string encoded;
  for (char c : text) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '~';
    encoded += is_plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
  }
  return encoded;
}

}  // namespace firn::io
