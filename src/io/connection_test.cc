// SPDX-License-Identifier: Apache-2.0
// How a connection ends: whoever ends it and whatever is under way, OnClosed comes once, last, and never inside another call of the handler.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <future>
#include <string>

#include "io/real_environment.h"

#include "base/must.h"

namespace firn::io {
namespace {

// What a handler under test has seen. Written on the reactor, read after `ended`.
struct Story {
  std::promise<Status> closed;
  std::promise<void> destroyed;
  int reads = 0;
  bool is_inside = false;
};

// Does `on_read` with what it gets; holds the connection to its promises.
class Scripted : public ConnectionHandler {
 public:
  using Act = std::function<void(Connection&, std::string_view)>;

  Scripted(Connection& connection, Story& story, Act on_read) : connection_(connection), story_(story), on_read_(std::move(on_read)) {}
  ~Scripted() override {
    EXPECT_TRUE(is_closed_) << "destroyed before OnClosed";
    EXPECT_FALSE(story_.is_inside) << "destroyed while one of its calls is on the stack";
    story_.destroyed.set_value();
  }
  std::span<char> ReadBuffer() override {
    EXPECT_FALSE(is_closed_);
    return buffer_;
  }
  void OnRead(size_t size) override {
    EXPECT_FALSE(is_closed_);
    story_.is_inside = true;
    ++story_.reads;
    on_read_(connection_, {buffer_.data(), size});
    guard_ = ~guard_;  // touches the handler after the act: a freed one is found by ASan
    story_.is_inside = false;
  }
  void OnClosed(Status reason) override {
    EXPECT_FALSE(is_closed_) << "OnClosed came twice";
    EXPECT_FALSE(story_.is_inside) << "OnClosed came inside OnRead";
    is_closed_ = true;
    const size_t pending = connection_.pending_bytes();
    connection_.Send({base::SharedBytes::FromString("too late")});  // the connection is still there, and takes nothing more
    EXPECT_EQ(connection_.pending_bytes(), pending);
    story_.closed.set_value(std::move(reason));
  }

 private:
  Connection& connection_;
  Story& story_;
  Act on_read_;
  std::array<char, 4096> buffer_;
  uint64_t guard_ = 0;
  bool is_closed_ = false;
};

// A peer without a reactor: a plain blocking socket, so that a test decides when it reads, closes or resets.
class Peer {
 public:
  explicit Peer(const Address& address) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(address.port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(socket_, reinterpret_cast<sockaddr*>(&to), sizeof(to)), 0);
  }
  ~Peer() { Close(); }
  void Write(std::string_view bytes) { EXPECT_EQ(::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size())); }
  std::string ReadToEnd() {
    std::string all;
    std::array<char, 65536> chunk;
    for (ssize_t got = 0; (got = ::recv(socket_, chunk.data(), chunk.size(), 0)) > 0;) all.append(chunk.data(), static_cast<size_t>(got));
    return all;
  }
  void Close() {
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
  }
  void Reset() {
    const linger at_once{1, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    Close();
  }

 private:
  int socket_;
};

class ConnectionEnds : public ::testing::Test {
 protected:
  // Serves one connection with `act`.
  void Serve(Scripted::Act act) {
    auto listening = network().Listen({"127.0.0.1", 0}, [this, act](Connection& connection) { return std::make_unique<Scripted>(connection, story_, act); });
    ASSERT_TRUE(listening.ok());
    listener_ = std::move(*listening);
  }
  Network& network() { return real_.environment().network; }
  Status WaitForEnd() {
    auto closed = story_.closed.get_future();
    EXPECT_EQ(closed.wait_for(std::chrono::seconds(10)), std::future_status::ready) << "OnClosed never came";
    EXPECT_EQ(story_.destroyed.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready) << "the handler was never destroyed";
    return closed.get();
  }

  Story story_;
  RealEnvironment real_ = Must(RealEnvironment::Make());
  std::unique_ptr<Listener> listener_;
};

TEST_F(ConnectionEnds, CloseInsideOnRead) {
  Serve([](Connection& connection, std::string_view) {
    connection.Close();
    connection.Close();
  });
  Peer peer(listener_->address());
  peer.Write("x");
  EXPECT_TRUE(WaitForEnd().ok());
  EXPECT_EQ(story_.reads, 1);
  EXPECT_EQ(peer.ReadToEnd(), "");
}

TEST_F(ConnectionEnds, CloseInsideOnReadWithAWriteUnderWay) {
  const base::SharedBytes large = base::SharedBytes::FromString(std::string(32 << 20, 'x'));
  Serve([large](Connection& connection, std::string_view) {
    connection.Send({large, large});
    connection.PauseReading();
    connection.Close();
  });
  Peer peer(listener_->address());
  peer.Write("x");
  EXPECT_TRUE(WaitForEnd().ok());
}

TEST_F(ConnectionEnds, CloseWhileReadingIsPaused) {
  Serve([this](Connection& connection, std::string_view) {
    connection.PauseReading();
    network().reactor().PostAfter(30'000, [&connection] { connection.Close(); });
  });
  Peer peer(listener_->address());
  peer.Write("x");
  EXPECT_TRUE(WaitForEnd().ok());
  EXPECT_EQ(peer.ReadToEnd(), "");
}

TEST_F(ConnectionEnds, ThePeerGoesWhileReadingIsPaused) {
  Serve([this](Connection& connection, std::string_view) {
    connection.PauseReading();
    // The peer is gone by then; nobody looks at the socket meanwhile, so the connection must be there to be resumed.
    network().reactor().PostAfter(50'000, [&connection] { connection.ResumeReading(); });
  });
  Peer peer(listener_->address());
  peer.Write("x");
  peer.Close();
  EXPECT_TRUE(WaitForEnd().ok());
  EXPECT_EQ(story_.reads, 1);
}

TEST_F(ConnectionEnds, APeerThatResetsWhileAWriteIsQueuedIsAnError) {
  const base::SharedBytes large = base::SharedBytes::FromString(std::string(32 << 20, 'x'));
  std::promise<void> sent;
  Serve([&](Connection& connection, std::string_view) {
    connection.Send({large, large});
    connection.PauseReading();
    sent.set_value();
  });
  Peer peer(listener_->address());
  peer.Write("x");
  sent.get_future().wait();
  peer.Reset();
  const Status reason = WaitForEnd();
  ASSERT_FALSE(reason.ok());
  EXPECT_EQ(reason.error().code(), ErrorCode::kIoError);
}

TEST_F(ConnectionEnds, CloseAfterSendingSendsAllAndReadsNoMore) {
  const std::string large(8 << 20, 'x');
  Serve([bytes = base::SharedBytes::FromString(std::string(large))](Connection& connection, std::string_view) {
    connection.Send({bytes});
    connection.CloseAfterSending();
    connection.PauseReading();
    connection.ResumeReading();
  });
  Peer peer(listener_->address());
  peer.Write("x");
  EXPECT_EQ(peer.ReadToEnd().size(), large.size());
  EXPECT_TRUE(WaitForEnd().ok());
  EXPECT_EQ(story_.reads, 1);
}

TEST_F(ConnectionEnds, ClosingReadsNothingMore) {
  const base::SharedBytes large = base::SharedBytes::FromString(std::string(32 << 20, 'x'));
  std::promise<void> is_closing;
  Serve([&](Connection& connection, std::string_view) {
    connection.Send({large});
    connection.CloseAfterSending();
    is_closing.set_value();
  });
  Peer peer(listener_->address());
  peer.Write("x");
  is_closing.get_future().wait();
  peer.Write("more");  // arrives while the answer is still being sent
  EXPECT_EQ(peer.ReadToEnd().size(), large.size());
  EXPECT_TRUE(WaitForEnd().ok());
  EXPECT_EQ(story_.reads, 1);
}

TEST_F(ConnectionEnds, CloseInsideOnDrained) {
  class ClosesWhenDrained final : public Scripted {
   public:
    ClosesWhenDrained(Connection& connection, Story& story)
        : Scripted(connection, story, [](Connection& to, std::string_view bytes) { to.Send({base::SharedBytes::FromString(std::string(bytes))}); }),
          connection_(connection) {}
    void OnDrained() override { connection_.Close(); }

   private:
    Connection& connection_;
  };
  auto listening = network().Listen({"127.0.0.1", 0}, [this](Connection& connection) { return std::make_unique<ClosesWhenDrained>(connection, story_); });
  ASSERT_TRUE(listening.ok());
  Peer peer((*listening)->address());
  peer.Write("hello");
  EXPECT_EQ(peer.ReadToEnd(), "hello");
  EXPECT_TRUE(WaitForEnd().ok());
}

}  // namespace
}  // namespace firn::io
