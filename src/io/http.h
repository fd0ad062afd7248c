// SPDX-License-Identifier: Apache-2.0
// HTTP/1.1, as far as firn's front doors and its own command line need it. Bodies are whole strings under a limit.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/network.h"

namespace firn::io {

struct HttpRequest {
  std::string method;                        // "GET"
  std::string path;                          // decoded, without the query: "/v1/sessions"
  std::map<std::string, std::string> query;  // decoded
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

struct HttpServerOptions {
  Address address;
  size_t max_body_bytes = 16 << 20;
  size_t max_header_bytes = 64 << 10;
  size_t max_connections = 256;   // where they are used up, the one that has waited longest for its client gives way to a new one
  int idle_timeout_ms = 60'000;   // between two requests
  int header_timeout_ms = 10'000;  // from a request's first byte to the end of its headers
  int stall_timeout_ms = 10'000;  // without a byte of a body, or without taking one of an answer
  std::atomic<int64_t>* faults = nullptr;  // counts what came and is no HTTP, or too large; outlives the server
};

using HttpHandler = std::function<HttpResponse(const HttpRequest&)>;

/// Accepts on its own thread and calls the handler on a thread of each connection, several at once; handlers may block. The destructor stops it.
class HttpServer {
 public:
  virtual ~HttpServer() = default;
  /// kPortInUse if another process has the port.
  static Result<std::unique_ptr<HttpServer>> Start(const HttpServerOptions& options, HttpHandler handler);
  virtual const Address& address() const = 0;
  /// Refuses new requests, waits for running handlers at most `grace_ms`.
  virtual void Stop(int grace_ms) = 0;
};

struct HttpClientOptions {
  int timeout_ms = 30'000;  // of a call; a held stop signal (process.h) ends it sooner, with kCancelled
  size_t max_body_bytes = 256 << 20;
};

/// A client of one server; keeps its connection. Thread-compatible. Blocks.
class HttpClient {
 public:
  virtual ~HttpClient() = default;
  static std::unique_ptr<HttpClient> Create(const Address& server, const HttpClientOptions& options = {});
  /// `target` is encoded path and query. kServerUnreachable if nobody listens; any HTTP status is a success here.
  virtual Result<HttpResponse> Send(const std::string& method, const std::string& target, const std::string& body = {}) = 0;
};

/// Percent-encodes all but unreserved characters (RFC 3986).
std::string EncodeUrlPart(const std::string& text);

}  // namespace firn::io
