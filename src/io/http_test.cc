// SPDX-License-Identifier: Apache-2.0
#include "io/http.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <future>
#include <thread>

#include "base/error_render.h"
#include "io/process.h"

namespace firn::io {
namespace {

TEST(Http, RoundTripKeepsConnectionAndDecodes) {
  std::atomic<int64_t> faults = 0;
  auto server = HttpServer::Start({.address = {"127.0.0.1", 0}, .max_body_bytes = 1000, .faults = &faults}, [](const HttpRequest& request) {
    return HttpResponse{.status = request.body == "bad" ? 404 : 200, .body = request.method + " " + request.path + " " + request.query.at("q") + " " + request.body};
  });
  ASSERT_TRUE(server.ok());
  auto client = HttpClient::Create((*server)->address());
  for (int i = 0; i < 3; ++i) {
    auto response = client->Send("POST", "/a%20b?q=x%26y+z", "body");
    ASSERT_TRUE(response.ok()) << response.error().ToString();
    EXPECT_EQ(response->status, 200);
    EXPECT_EQ(response->body, "POST /a b x&y z body");
  }
  EXPECT_EQ(client->Send("DELETE", "/?q=", "bad")->status, 404);
  auto large = client->Send("POST", "/?q=", std::string(2000, 'x'));
  ASSERT_TRUE(large.ok()) << large.error().ToString();
  EXPECT_EQ(large->status, 413);
  EXPECT_EQ(faults, 1);
  EXPECT_EQ(client->Send("GET", "/" + std::string(100'000, 'x'))->status, 431);
  EXPECT_EQ(faults, 2);
  EXPECT_EQ(client->Send("GET", "/?q=1")->status, 200);
  const Address address = (*server)->address();
  EXPECT_EQ(HttpServer::Start({.address = address}, nullptr).error().code(), ErrorCode::kPortInUse);
  (*server)->Stop(100);
  EXPECT_EQ(HttpClient::Create(address)->Send("GET", "/").error().code(), ErrorCode::kServerUnreachable);
}

// A terminal that is resized, a child that ends: where somebody handles the signal, poll ends early.
TEST(Http, ASignalIsNoAnswer) {
  struct sigaction noted {};
  struct sigaction before {};
  noted.sa_handler = [](int) {};
  ASSERT_EQ(::sigaction(SIGUSR1, &noted, &before), 0);
  std::promise<void> asked, released;
  auto server = HttpServer::Start({.address = {"127.0.0.1", 0}}, [&](const HttpRequest&) {
    asked.set_value();
    released.get_future().wait();
    return HttpResponse{};
  });
  ASSERT_TRUE(server.ok());
  std::promise<pthread_t> started;
  auto answer = std::async(std::launch::async, [&] {
    started.set_value(::pthread_self());
    auto response = HttpClient::Create((*server)->address())->Send("GET", "/");
    return response.ok() ? std::to_string(response->status) : response.error().ToString();
  });
  const pthread_t caller = started.get_future().get();
  asked.get_future().wait();
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(::pthread_kill(caller, SIGUSR1), 0);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  released.set_value();
  EXPECT_EQ(answer.get(), "200");
  EXPECT_EQ(::sigaction(SIGUSR1, &before, nullptr), 0);
}

// Never answers before it is told to.
class SilentServer {
 public:
  SilentServer() {
    server_ = *HttpServer::Start({.address = {"127.0.0.1", 0}}, [this](const HttpRequest&) {
      released_.get_future().wait();
      return HttpResponse{};
    });
  }
  ~SilentServer() { released_.set_value(); }
  const Address& address() const { return server_->address(); }

 private:
  std::promise<void> released_;
  std::unique_ptr<HttpServer> server_;
};

TEST(Http, ACallThatIsNotAnsweredEnds) {
  SilentServer server;
  EXPECT_EQ(base::RenderError(HttpClient::Create(server.address(), {.timeout_ms = 20})->Send("GET", "/").error()),
            fmt::format("error[E1008]: {} did not answer GET / within 20 ms\n   = more: firn explain E1008\n", server.address().ToString()));
}

TEST(Http, AStopSignalEndsACallThatIsNotAnswered) {
  SilentServer server;
  HoldStopSignals();
  ASSERT_EQ(std::raise(SIGTERM), 0);
  const auto answer = HttpClient::Create(server.address())->Send("GET", "/path");
  EXPECT_TRUE(TakeStopSignal());
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(base::RenderError(answer.error()), fmt::format("error[E1007]: told to stop while {} did not answer GET /path\n   = more: firn explain E1007\n", server.address().ToString()));
}

// Answers the first request of each connection, and closes when it has the second.
class ForgetfulServer {
 public:
  ForgetfulServer() : listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    EXPECT_EQ(::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(::listen(listener_, 4), 0);
    EXPECT_EQ(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Serve(); });
  }
  ~ForgetfulServer() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  Address address() const { return {"127.0.0.1", port_}; }
  int requests() const { return requests_; }

 private:
  void Serve() {
    for (int socket = ::accept(listener_, nullptr, nullptr); socket >= 0; socket = ::accept(listener_, nullptr, nullptr)) {
      for (int request = 0; request < 2; ++request) {
        std::array<char, 4096> part;
        if (::recv(socket, part.data(), part.size(), 0) <= 0) break;
        ++requests_;
        constexpr std::string_view kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        if (request == 0) (void)::send(socket, kAnswer.data(), kAnswer.size(), MSG_NOSIGNAL);
      }
      ::close(socket);
    }
  }

  const int listener_;
  uint16_t port_ = 0;
  std::atomic<int> requests_ = 0;
  std::thread thread_;
};

// An INSERT that is sent again may be made twice.
TEST(Http, WhatMayHaveBeenDoneIsNotSentAgain) {
  for (const std::string method : {"POST", "GET"}) {
    ForgetfulServer server;
    auto client = HttpClient::Create(server.address());
    ASSERT_TRUE(client->Send(method, "/").ok());
    EXPECT_EQ(client->Send(method, "/").ok(), method == "GET");
    EXPECT_EQ(server.requests(), method == "GET" ? 3 : 2);
    client.reset();
  }
}

// A client that sends only what it is told to.
class RawClient {
 public:
  RawClient() : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {}
  explicit RawClient(const Address& server) : RawClient() { Connect(server); }
  void Connect(const Address& server) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(server.port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  }
  ~RawClient() { ::close(socket_); }
  void Send(std::string_view text) { EXPECT_EQ(::send(socket_, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size())); }
  // What comes before the server closes the connection; it must.
  std::string ReadAll() {
    std::string all;
    std::array<char, 4096> part;
    for (ssize_t count = 1; count > 0; all.append(part.data(), static_cast<size_t>(std::max<ssize_t>(count, 0)))) count = ::recv(socket_, part.data(), part.size(), 0);
    return all;
  }
  std::string ReadSome() {
    std::array<char, 4096> part;
    return std::string(part.data(), static_cast<size_t>(std::max<ssize_t>(::recv(socket_, part.data(), part.size(), 0), 0)));
  }

 private:
  const int socket_;
};

HttpResponse Hello(const HttpRequest&) { return HttpResponse{.body = "hello"}; }

TEST(Http, SilentAndSlowClientsAreLeft) {
  auto server = HttpServer::Start({.address = {"127.0.0.1", 0}, .idle_timeout_ms = 30, .header_timeout_ms = 40, .stall_timeout_ms = 50}, Hello);
  ASSERT_TRUE(server.ok());
  for (const char* sent : {"", "GET / HTTP/1.1\r\nA: ", "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nab"}) {
    RawClient client((*server)->address());
    client.Send(sent);
    EXPECT_EQ(client.ReadAll(), "") << sent;
  }
  RawClient refused((*server)->address());
  refused.Send("no HTTP\r\n\r\n");  // and never closes
  EXPECT_THAT(refused.ReadAll(), testing::StartsWith("HTTP/1.1 400 "));
  RawClient kept((*server)->address());
  kept.Send("GET / HTTP/1.1\r\n\r\n");
  EXPECT_THAT(kept.ReadAll(), testing::EndsWith("hello"));  // answered, then left for its silence
}

TEST(Http, ANewClientGetsThePlaceOfTheOneThatWasSilentLongest) {
  auto server = HttpServer::Start({.address = {"127.0.0.1", 0}, .max_connections = 2}, Hello);
  ASSERT_TRUE(server.ok());
  RawClient first((*server)->address()), second((*server)->address());
  first.Send("GET / HTTP/1.1\r\n\r\n");
  EXPECT_THAT(first.ReadSome(), testing::EndsWith("hello"));
  second.Send("GET / HTTP/1.1\r\n\r\n");
  EXPECT_THAT(second.ReadSome(), testing::EndsWith("hello"));
  RawClient third((*server)->address());
  third.Send("GET / HTTP/1.1\r\n\r\n");
  EXPECT_THAT(third.ReadSome(), testing::EndsWith("hello"));
  EXPECT_EQ(first.ReadAll(), "");  // gone
  second.Send("GET / HTTP/1.1\r\n\r\n");
  EXPECT_THAT(second.ReadSome(), testing::EndsWith("hello"));
}

TEST(Http, RequestsInOneGoAreAnsweredInTurnAndHeadWithoutABody) {
  auto server = HttpServer::Start({.address = {"127.0.0.1", 0}}, [](const HttpRequest& request) { return HttpResponse{.body = request.method + request.path}; });
  ASSERT_TRUE(server.ok());
  RawClient client((*server)->address());
  client.Send("HEAD /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\nBREW /c HTTP/1.1\r\nConnection: close\r\n\r\n");
  const std::string answers = client.ReadAll();
  EXPECT_THAT(answers, testing::ContainsRegex("^HTTP/1.1 200 OK\r\n(.+\r\n)*Content-Length: 5\r\n\r\nHTTP/1.1 200 OK\r\n(.+\r\n)*Content-Length: 5\r\n\r\nGET/bHTTP/1.1 200"));
  EXPECT_THAT(answers, testing::EndsWith("\r\n\r\nBREW/c"));
}

TEST(Http, WhoAsksBeforeABodyIsToldToGoOn) {
  auto server = HttpServer::Start({.address = {"127.0.0.1", 0}, .max_body_bytes = 10}, [](const HttpRequest& request) { return HttpResponse{.body = request.body}; });
  ASSERT_TRUE(server.ok());
  RawClient client((*server)->address());
  client.Send("POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
  EXPECT_THAT(client.ReadSome(), testing::StartsWith("HTTP/1.1 100 Continue\r\n"));
  client.Send("hello");
  EXPECT_THAT(client.ReadSome(), testing::EndsWith("hello"));
  RawClient refused((*server)->address());
  refused.Send("POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 500\r\n\r\n");
  EXPECT_THAT(refused.ReadAll(), testing::StartsWith("HTTP/1.1 413 "));
}

// Lets the process open no more files while it lives.
class NoMoreFiles {
 public:
  NoMoreFiles() {
    EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &before_), 0);
    const int next = ::dup(0);
    EXPECT_GE(next, 0);
    ::close(next);
    rlimit limit = before_;
    limit.rlim_cur = static_cast<rlim_t>(next);
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  }
  ~NoMoreFiles() { EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &before_), 0); }

 private:
  rlimit before_{};
};

TEST(Http, WithoutFileDescriptorsTheIdleGiveWay) {
  auto server = HttpServer::Start({.address = {"127.0.0.1", 0}}, Hello);
  ASSERT_TRUE(server.ok());
  RawClient idle((*server)->address());
  idle.Send("GET / HTTP/1.1\r\n\r\n");
  EXPECT_THAT(idle.ReadSome(), testing::EndsWith("hello"));
  RawClient late;
  const NoMoreFiles none;
  late.Connect((*server)->address());
  late.Send("GET / HTTP/1.1\r\n\r\n");
  EXPECT_THAT(late.ReadSome(), testing::EndsWith("hello"));
  EXPECT_EQ(idle.ReadAll(), "");  // gone
}

TEST(Http, EncodesWhatIsReserved) { EXPECT_EQ(EncodeUrlPart("a/b c~"), "a%2Fb%20c~"); }

}  // namespace
}  // namespace firn::io
