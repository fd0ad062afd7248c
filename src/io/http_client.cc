// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <sys/socket.h>

#include <boost/asio.hpp>
#include <boost/beast.hpp>
#include <optional>

#include "io/http.h"

namespace firn::io {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using asio::ip::tcp;

class BeastClient final : public HttpClient {
 public:
  BeastClient(const Address& server, const HttpClientOptions& options) : server_(server), options_(options) {}

  Result<HttpResponse> Send(const std::string& method, const std::string& target, const std::string& body) override {
    const bool was_open = socket_.has_value();
    auto response = TrySend(method, target, body);
    // A kept connection may have been closed by the server while idle; nothing was processed then, so the request is sent once more.
    if (!response.ok() && was_open && response.error().code() == ErrorCode::kUnavailable) response = TrySend(method, target, body);
    return response;
  }

 private:
  Status Open() {
    if (socket_) return Ok();
    error_code problem;
    tcp::resolver resolver(context_);
    const auto found = resolver.resolve(server_.host, std::to_string(server_.port), problem);
    tcp::socket socket(context_);
    if (!problem) asio::connect(socket, found, problem);
    if (problem) {
      return Error(ErrorCode::kServerUnreachable, fmt::format("no firn node answers at {}: {}", server_.ToString(), problem.message()))
          .Hint("start one with `firn up`, or use --data DIR for an embedded one");
    }
    socket.set_option(tcp::no_delay(true), problem);
    const timeval timeout{options_.timeout_ms / 1000, options_.timeout_ms % 1000 * 1000};
    ::setsockopt(socket.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    ::setsockopt(socket.native_handle(), SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
    socket_.emplace(std::move(socket));
    buffer_.clear();
    return Ok();
  }

  Result<HttpResponse> TrySend(const std::string& method, const std::string& target, const std::string& body) {
    FIRN_RETURN_IF_ERROR(Open());
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
    http::write(*socket_, request, problem);
    http::response_parser<http::string_body> parser;
    parser.body_limit(options_.max_body_bytes);
    if (!problem) http::read(*socket_, buffer_, parser, problem);
    if (problem) {
      socket_.reset();
      if (problem == asio::error::try_again || problem == asio::error::would_block) {
        return Error(ErrorCode::kTimeout, fmt::format("{} did not answer {} {} within {} ms", server_.ToString(), method, target, options_.timeout_ms));
      }
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
