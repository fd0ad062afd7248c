// SPDX-License-Identifier: Apache-2.0
// A thread a connection, blocking calls, at most kMaxConnections of them: front doors for people and tools, not a data path.
#include <fmt/format.h>
#include <pthread.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio.hpp>
#include <boost/beast.hpp>
#include <list>
#include <thread>

#include "base/assert.h"
#include "base/mutex.h"
#include "io/http.h"

namespace firn::io {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using asio::ip::tcp;

constexpr size_t kMaxConnections = 256;
constexpr size_t kDrainBytesMax = 64 << 20;  // of a refused request that a client is still sending
constexpr int kDrainMs = 1000;               // without a byte

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// A stray % stays as it is.
std::string DecodeUrlPart(std::string_view text, bool plus_is_space) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && HexValue(text[i + 1]) >= 0 && HexValue(text[i + 2]) >= 0) {
      decoded.push_back(static_cast<char>(HexValue(text[i + 1]) * 16 + HexValue(text[i + 2])));
      i += 2;
    } else {
      decoded.push_back(plus_is_space && text[i] == '+' ? ' ' : text[i]);
    }
  }
  return decoded;
}

HttpRequest MakeRequest(http::request<http::string_body>& message) {
  HttpRequest request;
  request.method = std::string(message.method_string());
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
    if (problem) return Error(ErrorCode::kIoError, fmt::format("listening on {}: {}", options_.address.ToString(), problem.message()));
    address_ = {options_.address.host, acceptor_.local_endpoint().port()};
    accept_thread_ = std::thread([this] { AcceptLoop(); });
    return Ok();
  }

  const Address& address() const override { return address_; }

  void Stop(int grace_ms) override {
    base::MutexLock lock(mutex_);
    if (is_stopping_) return;
    is_stopping_ = true;
    ::shutdown(acceptor_.native_handle(), SHUT_RDWR);  // wakes the accept; closing alone would not
    // Idle connections end at once; those inside a handler get the grace.
    for (tcp::socket* socket : sockets_) ::shutdown(socket->native_handle(), SHUT_RD);
    const auto is_empty = [this]() FIRN_REQUIRES(mutex_) { return sockets_.empty(); };
    changed_.WaitFor(lock, std::chrono::milliseconds(grace_ms), is_empty);
    for (tcp::socket* socket : sockets_) ::shutdown(socket->native_handle(), SHUT_RDWR);
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
      acceptor_.accept(socket, problem);
      base::MutexLock lock(mutex_);
      if (is_stopping_) return;
      if (problem || sockets_.size() >= kMaxConnections) continue;  // the peer sees a closed connection and tries again
      auto owned = std::make_unique<tcp::socket>(std::move(socket));
      sockets_.push_back(owned.get());
      std::thread([this, owned = std::move(owned)]() mutable {
        pthread_setname_np(pthread_self(), "http");
        Serve(*owned);
        base::MutexLock inner(mutex_);
        sockets_.remove(owned.get());
        owned.reset();
        changed_.NotifyAll();
      }).detach();
    }
  }

  void Serve(tcp::socket& socket) {
    error_code problem;
    socket.set_option(tcp::no_delay(true), problem);
    const timeval timeout{options_.idle_timeout_ms / 1000, options_.idle_timeout_ms % 1000 * 1000};
    ::setsockopt(socket.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    beast::flat_buffer buffer;
    while (true) {
      http::request_parser<http::string_body> parser;
      parser.body_limit(options_.max_body_bytes);
      parser.header_limit(static_cast<uint32_t>(options_.max_header_bytes));
      http::read(socket, buffer, parser, problem);
      if (problem == http::error::end_of_stream || (problem && problem.category() != http::make_error_code(http::error::end_of_stream).category())) return;
      if (problem) return Refuse(socket, problem);
      auto message = parser.release();
      const bool keep = message.keep_alive();
      const unsigned version = message.version();
      const HttpResponse response = handler_(MakeRequest(message));
      if (!Reply(socket, response, version, keep) || !keep) return;
    }
  }

  // Counts a request that cannot be read and says what is wrong with it; the rest of it is thrown away.
  void Refuse(tcp::socket& socket, const error_code& problem) {
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
    if (Reply(socket, {status, "application/json", {}, fmt::format("{{\"errors\":[\"{}\"]}}", text)}, 11, false)) Drain(socket);
  }

  // Closing with unread bytes would take the answer back before the client has read it.
  static void Drain(tcp::socket& socket) {
    error_code problem;
    socket.shutdown(tcp::socket::shutdown_send, problem);
    const timeval timeout{kDrainMs / 1000, kDrainMs % 1000 * 1000};
    ::setsockopt(socket.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    std::array<char, 64 << 10> unread;
    for (size_t drained = 0; !problem && drained < kDrainBytesMax;) drained += socket.read_some(asio::buffer(unread), problem);
  }

  static bool Reply(tcp::socket& socket, const HttpResponse& response, unsigned version, bool keep) {
    http::response<http::string_body> message(static_cast<http::status>(response.status), version);
    message.set(http::field::server, "firn");
    message.set(http::field::content_type, response.content_type);
    for (const auto& [name, value] : response.headers) message.set(name, value);
    message.keep_alive(keep);
    message.body() = response.body;
    message.prepare_payload();
    error_code problem;
    http::write(socket, message, problem);
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
  std::list<tcp::socket*> sockets_ FIRN_GUARDED_BY(mutex_);
  bool is_stopping_ FIRN_GUARDED_BY(mutex_) = false;
};

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::Start(const HttpServerOptions& options, HttpHandler handler) {
  auto server = std::make_unique<BeastServer>(options, std::move(handler));
  FIRN_RETURN_IF_ERROR(server->Listen());
  return std::unique_ptr<HttpServer>(std::move(server));
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
