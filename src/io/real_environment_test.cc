// SPDX-License-Identifier: Apache-2.0
#include "io/real_environment.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <thread>

#include "base/error_render.h"
#include "base/must.h"
#include "io/blocking_pool.h"

namespace firn::io {
namespace {

using ::testing::ElementsAre;

class FileSystemTest : public ::testing::Test {
 protected:
  FileSystemTest() : directory_(::testing::TempDir() + "firn_io_" + std::to_string(::getpid())) {
    EXPECT_TRUE(files().RemoveAll(directory_).ok());
    EXPECT_TRUE(files().CreateDirectories(directory_ + "/a/b").ok());
  }
  ~FileSystemTest() override { EXPECT_TRUE(files().RemoveAll(directory_).ok()); }
  FileSystem& files() { return real_.environment().files; }
  std::string Path(const std::string& name) const { return JoinPath(directory_, name); }

  RealEnvironment real_ = Must(RealEnvironment::Make());
  std::string directory_;
};

TEST_F(FileSystemTest, WritesPartsAndReadsThemBack) {
  auto file = files().Open(Path("f"), OpenMode::kCreateNew);
  ASSERT_TRUE(file.ok());
  std::vector<std::string> owned(3000, "xy");  // more parts than one system call takes
  std::vector<std::string_view> parts(owned.begin(), owned.end());
  ASSERT_TRUE((*file)->WriteAt(5, parts).ok());
  ASSERT_TRUE((*file)->WriteAt(0, "hello").ok());
  ASSERT_TRUE((*file)->Sync().ok());
  EXPECT_EQ(*(*file)->Size(), 6005u);
  EXPECT_EQ((*file)->ReadAt(3, 6)->substr(0), "loxyxy");
  EXPECT_EQ((*file)->ReadAt(6000, 100)->size(), 5u);
  std::string once(6, ' ');
  EXPECT_EQ(*(*file)->ReadOnceInto(3, std::span(once)), 6u);
  EXPECT_EQ(once, *(*file)->ReadAt(3, 6));
  std::string beyond(100, ' ');
  EXPECT_EQ(*(*file)->ReadOnceInto(6000, std::span(beyond)), 5u) << "where the system has no such read it is as the other";
}

TEST_F(FileSystemTest, WhatIsClearedIsZeroAndKeepsItsSize) {
  auto file = files().Open(Path("f"), OpenMode::kCreateNew);
  ASSERT_TRUE(file.ok());
  std::string bytes(100'000, 'x');
  ASSERT_TRUE((*file)->WriteAt(0, bytes).ok());
  for (size_t from : {size_t{100'000}, size_t{90'001}, size_t{4096}, size_t{1}}) {
    ASSERT_TRUE((*file)->Clear(from).ok());
    bytes.replace(from, std::string::npos, bytes.size() - from, '\0');
    EXPECT_EQ(*files().ReadAll(Path("f")), bytes) << from;
  }
  ASSERT_TRUE((*file)->Allocate(50'000).ok());
  EXPECT_EQ(*files().ReadAll(Path("f")), bytes);
}

TEST_F(FileSystemTest, ErrorsSayWhatAndWhere) {
  auto missing = files().Open(Path("missing"), OpenMode::kRead);
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code(), ErrorCode::kNotFound);
  EXPECT_THAT(missing.error().message(), ::testing::HasSubstr(Path("missing")));
  ASSERT_TRUE(files().WriteAtomically(Path("one"), "1").ok());
  ASSERT_TRUE(files().WriteAtomically(Path("two"), "2").ok());
  EXPECT_EQ(base::RenderError(files().Open(Path("one"), OpenMode::kCreateNew).error()),
            fmt::format("error[E1003]: open {}: File exists\n   = more: firn explain E1003\n", Path("one")));
  EXPECT_EQ(files().RenameIfAbsent(Path("one"), Path("two")).error().code(), ErrorCode::kAlreadyExists);
  EXPECT_EQ(*files().ReadAll(Path("two")), "2");
  EXPECT_TRUE(files().RenameIfAbsent(Path("one"), Path("three")).ok());
  EXPECT_FALSE(files().Exists(Path("one")));
  const std::string long_name(300, 'x');
  EXPECT_EQ(files().Open(Path(long_name), OpenMode::kCreateNew).error().code(), ErrorCode::kInvalidArgument) << "which no try again will change";
  EXPECT_EQ(files().CreateDirectories(Path(long_name)).error().code(), ErrorCode::kInvalidArgument);
}

TEST_F(FileSystemTest, ListsSortedAndLocksOnce) {
  ASSERT_TRUE(files().WriteAtomically(Path("z"), "12345").ok());
  auto entries = files().List(directory_);
  ASSERT_TRUE(entries.ok());
  std::vector<std::string> names;
  for (const FileEntry& entry : *entries) names.push_back(entry.name);
  EXPECT_THAT(names, ElementsAre("a", "z"));
  EXPECT_TRUE((*entries)[0].is_directory);
  EXPECT_EQ((*entries)[1].size_bytes, 5u);
  auto lock = files().Lock(Path("LOCK"));
  ASSERT_TRUE(lock.ok());
  EXPECT_EQ(files().Lock(Path("LOCK")).error().code(), ErrorCode::kDataDirectoryInUse);
  lock->reset();
  EXPECT_TRUE(files().Lock(Path("LOCK")).ok());
}

// Stacks that no address space has room for: the system refuses threads as it does to who has as many as he may have.
class NoThreads {
 public:
  NoThreads() {
    EXPECT_EQ(::pthread_getattr_default_np(&before_), 0);
    pthread_attr_t huge;
    EXPECT_EQ(::pthread_attr_init(&huge) | ::pthread_attr_setstacksize(&huge, size_t{1} << 47) | ::pthread_setattr_default_np(&huge), 0);
  }
  ~NoThreads() { EXPECT_EQ(::pthread_setattr_default_np(&before_), 0); }

 private:
  pthread_attr_t before_;
};

TEST(RealEnvironment, WithoutAThreadForTheNetworkItIsAnError) {
  RealEnvironment other = Must(RealEnvironment::Make());
  const NoThreads none;
  const auto real = RealEnvironment::Make();
  ASSERT_FALSE(real.ok());
  EXPECT_EQ(real.error().code(), ErrorCode::kUnavailable);
  EXPECT_THAT(real.error().message(), ::testing::StartsWith("no thread can be started for the network: "));
  EXPECT_THAT(other.environment().executor.NewQueue("q").error().message(), ::testing::StartsWith("no thread can be started for q: "));
}

TEST(ThreadExecutor, RunsInOrderFiresTimersAndForgetsCancelledOnes) {
  RealEnvironment real = Must(RealEnvironment::Make());
  auto queue = real.environment().executor.NewQueue("test").value();
  std::vector<int> seen;  // touched by the queue only, read after the promise
  std::promise<void> done;
  queue->Post([&] { seen.push_back(1); });
  const TimerId cancelled = queue->PostAfter(5'000, [&] { seen.push_back(99); });
  queue->PostAfter(20'000, [&] {
    EXPECT_TRUE(queue->IsCurrent());
    seen.push_back(3);
    done.set_value();
  });
  queue->PostAfter(10'000, [&] { seen.push_back(2); });
  queue->CancelTimer(cancelled);
  done.get_future().wait();
  EXPECT_THAT(seen, ElementsAre(1, 2, 3));
  EXPECT_FALSE(queue->IsCurrent());
}

// Echoes what it gets.
class Echo final : public ConnectionHandler {
 public:
  explicit Echo(Connection& connection) : connection_(connection), buffer_(64 << 10, '\0') {}
  std::span<char> ReadBuffer() override { return buffer_; }
  void OnRead(size_t size) override { connection_.Send({base::SharedBytes::FromString(buffer_.substr(0, size))}); }
  void OnClosed(Status) override {}

 private:
  Connection& connection_;
  std::string buffer_;
};

class Collect final : public ConnectionHandler {
 public:
  Collect(Connection& connection, size_t wanted, std::promise<std::string>& done) : connection_(connection), wanted_(wanted), done_(done) {}
  std::span<char> ReadBuffer() override { return buffer_; }
  void OnRead(size_t size) override {
    got_.append(buffer_.data(), size);
    if (got_.size() == wanted_) connection_.Close();
  }
  void OnClosed(Status reason) override {
    EXPECT_TRUE(reason.ok());
    done_.set_value(std::move(got_));
  }

 private:
  Connection& connection_;
  size_t wanted_;
  std::promise<std::string>& done_;
  std::string got_;
  std::array<char, 4096> buffer_;
};

TEST_F(FileSystemTest, AFolderIsRemovedWhileSomebodyWritesThere) {
  for (int round = 0; round < 50; ++round) {
    ASSERT_TRUE(files().CreateDirectories(Path("busy/inner")).ok());
    std::promise<void> has_begun;
    std::thread writer([&] {
      for (int i = 0; i < 20; ++i) {
        if (i == 2) has_begun.set_value();
        if (!files().Open(Path("busy/inner/" + std::to_string(i)), OpenMode::kCreateNew).ok() && i > 2) return;  // the folder is gone
      }
    });
    has_begun.get_future().wait();
    const Status removed = files().RemoveAll(Path("busy"));
    writer.join();
    ASSERT_TRUE(removed.ok()) << base::RenderError(removed.error());
    ASSERT_FALSE(files().Exists(Path("busy")));
  }
}

TEST(AsioNetwork, CarriesLargePayloadsBothWays) {
  RealEnvironment real = Must(RealEnvironment::Make());
  Network& network = real.environment().network;
  auto listener = network.Listen({"127.0.0.1", 0}, [](Connection& connection) { return std::make_unique<Echo>(connection); });
  ASSERT_TRUE(listener.ok());
  EXPECT_EQ(network.Listen((*listener)->address(), nullptr).error().code(), ErrorCode::kPortInUse);
  std::string payload(5 << 20, '\0');
  for (size_t i = 0; i < payload.size(); ++i) payload[i] = static_cast<char>(i * 2654435761u >> 13);
  std::promise<std::string> done;
  network.Connect((*listener)->address(), [&](Result<Connection*> connection) -> std::unique_ptr<ConnectionHandler> {
    EXPECT_TRUE(connection.ok());
    (*connection)->Send({base::SharedBytes::FromString(payload.substr(0, 1000)), base::SharedBytes::FromString(payload.substr(1000))});
    return std::make_unique<Collect>(**connection, payload.size(), done);
  });
  EXPECT_EQ(done.get_future().get(), payload);
}

// Pauses at the first byte and goes on from a timer, as a broker does when a request waits; tells when it is destroyed.
class PausesThenEchoes final : public ConnectionHandler {
 public:
  PausesThenEchoes(Connection& connection, TaskQueue& reactor, std::promise<void>& closed) : connection_(connection), reactor_(reactor), closed_(closed) {}
  ~PausesThenEchoes() override { EXPECT_TRUE(is_closed_) << "destroyed before OnClosed"; }
  std::span<char> ReadBuffer() override { return buffer_; }
  void OnRead(size_t size) override {
    connection_.PauseReading();
    reactor_.PostAfter(20'000, [this, size] {
      connection_.Send({base::SharedBytes::FromString(std::string(buffer_.data(), size))});
      connection_.ResumeReading();
    });
  }
  void OnClosed(Status) override {
    is_closed_ = true;
    closed_.set_value();
  }

 private:
  Connection& connection_;
  TaskQueue& reactor_;
  std::promise<void>& closed_;
  bool is_closed_ = false;
  std::array<char, 64> buffer_;
};

TEST(AsioNetwork, APausedConnectionLivesUntilOnClosed) {
  std::promise<void> closed;
  RealEnvironment real = Must(RealEnvironment::Make());
  Network& network = real.environment().network;
  auto listener = network.Listen({"127.0.0.1", 0}, [&](Connection& connection) {
    return std::make_unique<PausesThenEchoes>(connection, network.reactor(), closed);
  });
  ASSERT_TRUE(listener.ok());
  std::promise<std::string> done;
  network.Connect((*listener)->address(), [&](Result<Connection*> connection) -> std::unique_ptr<ConnectionHandler> {
    EXPECT_TRUE(connection.ok());
    (*connection)->Send({base::SharedBytes::FromString("hello")});
    return std::make_unique<Collect>(**connection, 5, done);
  });
  EXPECT_EQ(done.get_future().get(), "hello");
  closed.get_future().wait();
}

TEST(AsioNetwork, NobodyThereIsAnError) {
  RealEnvironment real = Must(RealEnvironment::Make());
  std::promise<ErrorCode> code;
  real.environment().network.Connect({"127.0.0.1", 1}, [&](Result<Connection*> connection) -> std::unique_ptr<ConnectionHandler> {
    code.set_value(connection.error().code());
    return nullptr;
  });
  EXPECT_EQ(code.get_future().get(), ErrorCode::kServerUnreachable);
}

TEST(BlockingPool, RunsAllAndAtMostSoManyAtOnce) {
  RealEnvironment real = Must(RealEnvironment::Make());
  BlockingPool pool(real.environment().executor, "pool", 3);
  std::atomic<int> running = 0, ended = 0, most = 0;
  std::promise<void> all_ended;
  constexpr int kCalls = 1'000;
  for (int i = 0; i < kCalls; ++i) {
    pool.Run([&] {
      const int now = ++running;
      for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
      }
      --running;
      if (++ended == kCalls) all_ended.set_value();
    });
  }
  all_ended.get_future().wait();
  EXPECT_LE(most, 3);
}

TEST(BlockingPool, ForgetsWhatHasNotBegunWhenItEnds) {
  RealEnvironment real = Must(RealEnvironment::Make());
  std::promise<void> begun, may_end;
  auto ended = may_end.get_future().share();
  auto witness = std::make_shared<int>();
  auto pool = std::make_unique<BlockingPool>(real.environment().executor, "pool", 1);
  std::atomic<bool> has_run_second = false;
  pool->Run([&, witness] {
    begun.set_value();
    ended.wait();
  });
  begun.get_future().wait();
  pool->Run([&, witness] { has_run_second = true; });
  EXPECT_EQ(witness.use_count(), 3);
  std::thread destroyer([&] { pool.reset(); });
  may_end.set_value();
  destroyer.join();
  EXPECT_EQ(witness.use_count(), 1);
}

TEST(Address, ParsesNamesAndBothFamilies) {
  EXPECT_EQ(ParseAddress("localhost:9092")->ToString(), "localhost:9092");
  EXPECT_EQ(ParseAddress("[::1]:80")->host, "::1");
  for (const char* bad : {"localhost", ":1", "a:b", "a:70000", ""}) EXPECT_FALSE(ParseAddress(bad).ok()) << bad;
}

}  // namespace
}  // namespace firn::io
