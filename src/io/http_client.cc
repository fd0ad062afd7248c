// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio.hpp>
#include <boost/beast.hpp>
#include <cerrno>
#include <chrono>
#include <optional>

#include "base/assert.h"
#include "io/http.h"
#include "io/process.h"
#include "io/system_refusal.h"

namespace firn::io {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using asio::ip::tcp;

using SteadyClock = std::chrono::steady_clock;

// Waits for a socket on behalf of one call: until its time is over, or a little longer than until somebody wants the process to stop.
class CallWait {
 public:
  explicit CallWait(int timeout_ms) : deadline_(SteadyClock::now() + std::chrono::milliseconds(timeout_ms)) {}

  // timed_out, or operation_aborted for a stop signal.
  error_code For(tcp::socket& socket, short events) {
    pollfd watched{socket.native_handle(), events, 0};
    while (true) {
      const int ready = ::poll(&watched, 1, static_cast<int>(kStopLookMs));
      if (ready > 0) return {};
      if (ready < 0 && errno != EINTR) return error_code(errno, boost::system::system_category());
      if (!is_stopping_ && IsStopSignalPending()) {
        is_stopping_ = true;
        deadline_ = std::min(deadline_, SteadyClock::now() + std::chrono::milliseconds(kStopGraceMs));
      }
      if (SteadyClock::now() >= deadline_) return is_stopping_ ? asio::error::operation_aborted : asio::error::timed_out;
    }
  }

 private:
  SteadyClock::time_point deadline_;
  bool is_stopping_ = false;
};

// The socket as Beast reads from and writes to it.
class WaitingStream {
 public:
  WaitingStream(tcp::socket& socket, CallWait& wait) : socket_(socket), wait_(wait) {}

  template <typename Buffers>
  size_t read_some(const Buffers& buffers, error_code& problem) {
    problem = wait_.For(socket_, POLLIN);
    return problem ? 0 : socket_.read_some(buffers, problem);
  }
  template <typename Buffers>
  size_t write_some(const Buffers& buffers, error_code& problem) {
    problem = wait_.For(socket_, POLLOUT);
    return problem ? 0 : socket_.write_some(buffers, problem);
  }
  // Beast asks for the throwing forms too, and calls neither.
  template <typename Buffers>
  size_t read_some(const Buffers&) {
    FIRN_UNREACHABLE("an HTTP call reads with an error code");
  }
  template <typename Buffers>
  size_t write_some(const Buffers&) {
    FIRN_UNREACHABLE("an HTTP call writes with an error code");
  }

 private:
  tcp::socket& socket_;
  CallWait& wait_;
};

class BeastClient final : public HttpClient {
 public:
  BeastClient(const Address& server, const HttpClientOptions& options) : server_(server), options_(options) {}

  Result<HttpResponse> Send(const std::string& method, const std::string& target, const std::string& body) override {
    if (socket_ && IsClosedByServer()) socket_.reset();  // while it was idle
    const bool was_open = socket_.has_value();
    bool was_sent = false;
    auto response = TrySend(method, target, body, &was_sent);
    // The server may close a kept connection just as it is used. What it has not got whole it has not done, and GET may be done twice; a POST may have been.
    const bool is_lost = !response.ok() && was_open && response.error().code() == ErrorCode::kUnavailable;
    if (is_lost && (!was_sent || method == "GET")) response = TrySend(method, target, body, &was_sent);
    return response;
  }

 private:
  // Or it has said something that nobody asked for: then it is no use either.
  bool IsClosedByServer() {
    char byte = 0;
    const ssize_t count = ::recv(socket_->native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return count >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
  }

  Error Interrupted(const std::string& what, const error_code& problem) const {
    if (problem == asio::error::operation_aborted) return Error(ErrorCode::kCancelled, fmt::format("told to stop while {} did not answer {}", server_.ToString(), what));
    return Error(ErrorCode::kTimeout, fmt::format("{} did not answer {} within {} ms", server_.ToString(), what, options_.timeout_ms));
  }
  static bool IsInterruption(const error_code& problem) { return problem == asio::error::operation_aborted || problem == asio::error::timed_out; }

  // To the first of the endpoints that takes the connection.
  static error_code ConnectTo(const tcp::resolver::results_type& endpoints, CallWait& wait, tcp::socket* socket) {
    error_code problem = asio::error::host_not_found;
    for (const auto& entry : endpoints) {
      socket->close(problem);
      socket->open(entry.endpoint().protocol(), problem);
      if (!problem) socket->non_blocking(true, problem);
      if (!problem) socket->connect(entry.endpoint(), problem);
      if (problem == asio::error::in_progress || problem == asio::error::would_block) {
        problem = wait.For(*socket, POLLOUT);
        if (problem) return problem;
        int code = 0;
        socklen_t size = sizeof(code);
        ::getsockopt(socket->native_handle(), SOL_SOCKET, SO_ERROR, &code, &size);
        problem = error_code(code, boost::system::system_category());
      }
      if (!problem) return problem;
    }
    return problem;
  }

  Status Open(CallWait& wait) {
    if (socket_) return Ok();
    try {
      return Connect(wait);
    } catch (const boost::system::system_error& refused) {  // the descriptors of Asio's context
      return NoDescriptorError("to connect to " + server_.ToString(), refused.code());
    }
  }

  Status Connect(CallWait& wait) {
    error_code problem;
    tcp::resolver resolver(context_);
    const auto found = resolver.resolve(server_.host, std::to_string(server_.port), problem);
    tcp::socket socket(context_);
    if (!problem) problem = ConnectTo(found, wait, &socket);
    if (problem == asio::error::operation_aborted) return Interrupted("a connection", problem);
    if (problem) {
      Error unreachable(ErrorCode::kServerUnreachable, fmt::format("no firn node answers at {}: {}", server_.ToString(), problem.message()));
      return HintAtFileLimit(std::move(unreachable).Hint("start one with `firn up`, or use --data DIR for an embedded one"), problem.value());
    }
    socket.set_option(tcp::no_delay(true), problem);
    socket_.emplace(std::move(socket));
    buffer_.clear();
    return Ok();
  }

  // `was_sent`: the whole request was handed on.
  Result<HttpResponse> TrySend(const std::string& method, const std::string& target, const std::string& body, bool* was_sent) {
    *was_sent = false;
    CallWait wait(options_.timeout_ms);
    FIRN_RETURN_IF_ERROR(Open(wait));
    http::request<http::string_body> request;
    request.method_string(method);
    request.target(target);
    request.version(11);
    request.set(http::field::host, server_.ToString());
    request.set(http::field::content_type, "application/json");
    request.keep_alive(true);
    request.body() = body;
    request.prepare_payload();
    error_code problem;
    WaitingStream stream(*socket_, wait);
    http::write(stream, request, problem);
    *was_sent = !problem;
    http::response_parser<http::string_body> parser;
    parser.body_limit(options_.max_body_bytes);
    if (!problem) http::read(stream, buffer_, parser, problem);
    if (problem) {
      socket_.reset();
      if (IsInterruption(problem)) return Interrupted(method + " " + target, problem);
      return Error(ErrorCode::kUnavailable, fmt::format("{} {} at {}: {}", method, target, server_.ToString(), problem.message()));
    }
    auto message = parser.release();
    HttpResponse response;
    response.status = static_cast<int>(message.result_int());
    response.content_type = std::string(message[http::field::content_type]);
    for (const auto& field : message) response.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
    response.body = std::move(message.body());
    if (!message.keep_alive()) socket_.reset();
    return response;
  }

  Address server_;
  HttpClientOptions options_;
  asio::io_context context_;
  std::optional<tcp::socket> socket_;
  beast::flat_buffer buffer_;
};

}  // namespace

std::unique_ptr<HttpClient> HttpClient::Create(const Address& server, const HttpClientOptions& options) {
  return std::make_unique<BeastClient>(server, options);
}

}  // namespace firn::io
