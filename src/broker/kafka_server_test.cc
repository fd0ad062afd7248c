// SPDX-License-Identifier: Apache-2.0
// Frames out of byte streams, order of responses, back-pressure: the server over a network that is only pretended.
#include "broker/kafka_server.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "base/crc32c.h"
#include "broker/broker_test_rig.h"
#include "broker/frame_reader.h"
#include "broker/response_budget.h"
#include "kafka/messages/fetch.h"
#include "kafka/messages/metadata.h"

namespace firn::broker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

void Feed(FrameReader& reader, std::string_view bytes, size_t most, std::vector<std::string>* frames, std::mt19937_64& random) {
  while (!bytes.empty()) {
    auto room = reader.Buffer();
    ASSERT_FALSE(room.empty());
    const size_t size = std::min({room.size(), bytes.size(), 1 + random() % most});
    std::memcpy(room.data(), bytes.data(), size);
    std::vector<Frame> cut;
    ASSERT_TRUE(reader.Take(size, &cut).ok());
    for (const Frame& frame : cut) {
      frames->emplace_back(frame.bytes.view());
      for (int i = 0; i < 5; ++i) {
        const size_t begin = random() % frame.bytes.size(), part = random() % (frame.bytes.size() - begin + 1);
        ASSERT_EQ(frame.sums.Crc32c(frame.bytes.view(), begin, part), base::Crc32c(frame.bytes.view().substr(begin, part))) << part << " bytes at " << begin << " of " << frame.bytes.size();
      }
    }
    bytes.remove_prefix(size);
  }
}

TEST(FrameReader, CutsTheSameFramesHoweverTheBytesCome) {
  std::mt19937_64 random(5);
  for (size_t most : {1, 7, 4'000, 16'384, 1'000'000}) {
    std::string stream;
    std::vector<std::string> sent, cut;
    for (int i = 0; i < 60; ++i) {
      const size_t size = i % 7 == 0 ? 16'300 + random() % 200 : i % 11 == 0 ? random() % 300'000 + 1 : random() % 500 + 1;
      std::string frame(size, '\0');
      for (char& byte : frame) byte = static_cast<char>(random());
      char prefix[4];
      base::StoreBig(prefix, static_cast<int32_t>(size));
      stream.append(prefix, 4).append(frame);
      sent.push_back(std::move(frame));
    }
    FramePool pool;
    FrameReader reader(1 << 20, pool, /*sums_pieces=*/most > 4'000);
    Feed(reader, stream, most, &cut, random);
    EXPECT_EQ(cut, sent) << most;
    EXPECT_EQ(reader.partial_bytes(), 0u);
  }
}

TEST(FrameReader, RefusesImpossibleSizes) {
  for (int32_t size : {-1, 0, 1'001, INT32_MAX}) {
    FramePool pool;
    FrameReader reader(1'000, pool, /*sums_pieces=*/true);
    base::StoreBig(reader.Buffer().data(), size);
    std::vector<Frame> frames;
    EXPECT_FALSE(reader.Take(4, &frames).ok()) << size;
  }
}

class FakeConnection final : public io::Connection {
 public:
  void Send(std::vector<base::SharedBytes> parts) override {
    for (const auto& part : parts) {
      sent.append(part.view());
      if (is_slow) pending += part.size();
    }
  }
  size_t pending_bytes() const override { return pending; }
  void PauseReading() override { is_paused = true; }
  void ResumeReading() override { is_paused = false; }
  void CloseAfterSending() override { is_closed = true; }
  void Close() override { is_closed = true; }
  const io::Address& peer() const override { return peer_; }
  const io::Address& local() const override { return local_; }

  std::string sent;
  size_t pending = 0;
  bool is_paused = false, is_closed = false;
  bool is_slow = false;  // takes nothing by itself

 private:
  io::Address peer_{"127.0.0.1", 5};
  io::Address local_{"192.0.2.1", 19092};
};

class FakeNetwork final : public io::Network {
  class FakeListener final : public io::Listener {
   public:
    const io::Address& address() const override { return address_; }

   private:
    io::Address address_{"127.0.0.1", 9092};
  };

 public:
  explicit FakeNetwork(io::TaskQueue& reactor) : reactor_(reactor) {}
  io::TaskQueue& reactor() override { return reactor_; }
  Result<std::unique_ptr<io::Listener>> Listen(const io::Address&, io::AcceptFunction function) override {
    accept = std::move(function);
    return std::unique_ptr<io::Listener>(new FakeListener());
  }
  void Connect(const io::Address&, io::ConnectFunction) override {}
  io::AcceptFunction accept;

 private:
  io::TaskQueue& reactor_;
};

struct ServerRig {
  explicit ServerRig(const KafkaServerOptions& options = {}, const BrokerOptions& broker_options = {}) : rig(broker_options), network(rig.queue) {
    server = std::move(*KafkaServer::Start(network, *rig.broker, *rig.store, options));
    handler = network.accept(connection);
  }
  ~ServerRig() {
    if (handler != nullptr) handler->OnClosed(Ok());
    server->Stop();
  }
  void Read(std::string_view bytes) {
    while (!bytes.empty()) {
      auto room = handler->ReadBuffer();
      const size_t size = std::min(room.size(), bytes.size());
      std::memcpy(room.data(), bytes.data(), size);
      handler->OnRead(size);
      rig.Run();
      bytes.remove_prefix(size);
    }
  }
  /// Of the frames sent so far.
  std::vector<int32_t> CorrelationIds() const {
    std::vector<int32_t> ids;
    std::string_view rest = connection.sent;
    while (!rest.empty()) {
      ids.push_back(base::LoadBig<int32_t>(rest.data() + 4));
      rest.remove_prefix(4 + static_cast<size_t>(base::LoadBig<int32_t>(rest.data())));
    }
    return ids;
  }

  Rig rig;
  FakeNetwork network;
  FakeConnection connection;
  std::unique_ptr<KafkaServer> server;
  std::unique_ptr<io::ConnectionHandler> handler;
};

template <typename Request>
std::string FrameOf(int version, int32_t id, const Request& request) {
  std::string frame;
  for (const auto& part : kafka::EncodeRequest({.api_version = static_cast<int16_t>(version), .correlation_id = id, .client_id = "c"}, request)) {
    frame.append(part.view());
  }
  return frame;
}

std::string MetadataFrame(int32_t id) {
  kafka::MetadataRequest request;
  request.topics.emplace().emplace_back().name = "trades";
  return FrameOf(9, id, request);
}

std::string ProduceFrame(int32_t id, int16_t acks = -1) { return FrameOf(9, id, ProduceOf("trades", 0, BatchOf({"a"}, 5), acks)); }

std::string FetchFrame(int32_t id) {
  kafka::FetchRequest request;
  request.max_wait_ms = 500;
  request.min_bytes = 1;
  request.topics.emplace_back().name = "trades";
  request.topics[0].partitions.emplace_back().fetch_offset = 0;
  return FrameOf(11, id, request);
}

TEST(KafkaServer, AnswersInTheOrderOfRequests) {
  ServerRig server;
  server.Read(MetadataFrame(1));
  server.rig.store->Hold(true);
  server.Read(ProduceFrame(2) + ProduceFrame(3) + ProduceFrame(4, 0) + MetadataFrame(5) + ProduceFrame(6));
  EXPECT_EQ(server.rig.store->held_count(), 3u);  // produces overlap; the metadata waits for them, and what follows for it
  EXPECT_TRUE(server.connection.is_paused);
  EXPECT_THAT(server.CorrelationIds(), ElementsAre(1));
  server.rig.store->Flush();
  server.rig.queue.Run();
  EXPECT_THAT(server.CorrelationIds(), ElementsAre(1, 2, 3, 5));
  EXPECT_FALSE(server.connection.is_paused);
  server.rig.store->Flush();
  server.rig.queue.Run();
  EXPECT_THAT(server.CorrelationIds(), ElementsAre(1, 2, 3, 5, 6));
}

// What Metadata tells a client, in version 9.
std::string AdvertisedBroker(const FakeConnection& connection) {
  auto response = kafka::DecodeResponse<kafka::MetadataResponse>(base::SharedBytes::FromString(connection.sent.substr(4)), 9, 1);
  EXPECT_TRUE(response.ok());
  return fmt::format("{}:{}", response->brokers.at(0).host, response->brokers.at(0).port);
}

TEST(KafkaServer, TellsClientsTheAddressThatTheyHaveReachedUnlessToldAnother) {
  ServerRig server;
  server.Read(MetadataFrame(1));
  EXPECT_EQ(AdvertisedBroker(server.connection), "192.0.2.1:19092");
  ServerRig named({}, {.advertised_host = "kafka.example"});
  named.Read(MetadataFrame(1));
  EXPECT_EQ(AdvertisedBroker(named.connection), "kafka.example:19092");
  ServerRig mapped({}, {.advertised_host = "kafka.example", .advertised_port = 7});
  mapped.Read(MetadataFrame(1));
  EXPECT_EQ(AdvertisedBroker(mapped.connection), "kafka.example:7");
}

TEST(KafkaServer, ByteByByte) {
  ServerRig server;
  for (char c : MetadataFrame(1) + ProduceFrame(2)) server.Read(std::string_view(&c, 1));
  EXPECT_THAT(server.CorrelationIds(), ElementsAre(1, 2));
}

TEST(KafkaServer, AParkedFetchHoldsBackWhatFollows) {
  ServerRig server;
  server.Read(MetadataFrame(1));
  server.Read(FetchFrame(2) + MetadataFrame(3));
  EXPECT_THAT(server.CorrelationIds(), ElementsAre(1));
  server.rig.queue.AdvanceMs(500);
  EXPECT_THAT(server.CorrelationIds(), ElementsAre(1, 2, 3));
}

TEST(KafkaServer, ClosesAtAFaultAfterAnsweringWhatCameBefore) {
  ServerRig server;
  server.Read(MetadataFrame(1));
  server.rig.store->Hold(true);
  server.Read(ProduceFrame(2) + "GET / HTTP/1.1\r\n");
  EXPECT_FALSE(server.connection.is_closed);
  server.rig.store->Flush();
  server.rig.queue.Run();
  EXPECT_THAT(server.CorrelationIds(), ElementsAre(1, 2));
  EXPECT_TRUE(server.connection.is_closed);
  EXPECT_EQ(server.server->counts().protocol_faults, 1);
}

TEST(KafkaServer, DoesNotReadOnWhileTheLogIsFull) {
  ServerRig server;
  server.Read(MetadataFrame(1));
  server.rig.store->StopAdmitting();
  server.Read(ProduceFrame(2) + ProduceFrame(3));
  EXPECT_TRUE(server.connection.is_paused);
  EXPECT_THAT(server.CorrelationIds(), ElementsAre(1));
  server.rig.store->AdmitAgain();
  server.rig.queue.Run();
  EXPECT_THAT(server.CorrelationIds(), ElementsAre(1, 2, 3));
  EXPECT_FALSE(server.connection.is_paused);
}

TEST(KafkaServer, WhatWaitsIsBoundedOverAllConnections) {
  const std::string frame = ProduceFrame(2);
  ServerRig server({.held_bytes_max = static_cast<int64_t>(frame.size() * 3 / 2)});
  server.Read(MetadataFrame(1));
  server.rig.store->StopAdmitting();
  server.Read(frame);
  EXPECT_FALSE(server.connection.is_closed);
  FakeConnection other;
  auto handler = server.network.accept(other);
  std::memcpy(handler->ReadBuffer().data(), frame.data(), frame.size());
  handler->OnRead(frame.size());
  EXPECT_TRUE(other.is_closed) << "what it sent would be too much";
  EXPECT_EQ(server.server->counts().protocol_faults, 1);
  handler->OnClosed(Ok());
  server.rig.store->AdmitAgain();
  server.rig.queue.Run();
  EXPECT_THAT(server.CorrelationIds(), ElementsAre(1, 2));
}

TEST(KafkaServer, DoesNotStartMoreForAClientThatDoesNotRead) {
  ServerRig server;
  server.Read(MetadataFrame(1));
  server.connection.pending = 100 << 20;
  server.Read(MetadataFrame(2));
  EXPECT_THAT(server.CorrelationIds(), ElementsAre(1));
  EXPECT_TRUE(server.connection.is_paused);
  server.connection.pending = 0;
  server.handler->OnDrained();
  EXPECT_THAT(server.CorrelationIds(), ElementsAre(1, 2));
}

// A client of its own connection.
struct OtherClient {
  explicit OtherClient(ServerRig& server) : rig(server.rig), handler(server.network.accept(connection)) {}
  ~OtherClient() { Close(); }
  void Close() {
    if (handler != nullptr) handler->OnClosed(Ok());
    handler.reset();
  }
  void Send(const std::string& frame) {
    std::memcpy(handler->ReadBuffer().data(), frame.data(), frame.size());
    handler->OnRead(frame.size());
    rig.Run();
  }
  void TakeAll() {
    connection.pending = 0;
    handler->OnDrained();
    rig.Run();
  }
  /// Of the first partition of the answers so far.
  std::vector<size_t> RecordBytes() const {
    std::vector<size_t> sizes;
    for (std::string_view rest = connection.sent; !rest.empty(); rest.remove_prefix(4 + static_cast<size_t>(base::LoadBig<int32_t>(rest.data())))) {
      const int32_t id = base::LoadBig<int32_t>(rest.data() + 4);
      auto frame = std::string(rest.substr(4, static_cast<size_t>(base::LoadBig<int32_t>(rest.data()))));
      auto response = kafka::DecodeResponse<kafka::FetchResponse>(base::SharedBytes::FromString(std::move(frame)), 11, id);
      EXPECT_TRUE(response.ok());
      sizes.push_back(0);
      for (const auto& part : *response->topics.at(0).partitions.at(0).records) sizes.back() += part.size();
    }
    return sizes;
  }

  Rig& rig;
  FakeConnection connection;
  std::unique_ptr<io::ConnectionHandler> handler;
};

constexpr int64_t kTightBytes = 400'000;
constexpr size_t kTestBatchBytes = 10'000;

// Forty batches of 10 kB, and room for forty in all answers.
struct TightServer : ServerRig {
  TightServer() : ServerRig({}, {.response_bytes_max = kTightBytes}) {
    Read(MetadataFrame(1));
    for (int i = 0; i < 40; ++i) Read(FrameOf(9, 2 + i, ProduceOf("trades", 0, BatchOf({std::string(kTestBatchBytes, 'x')}, 5))));
  }
  std::string BigFetch(int32_t id, int32_t max_wait_ms = 500) const {
    kafka::FetchRequest request;
    request.max_wait_ms = max_wait_ms;
    request.min_bytes = 1;
    request.max_bytes = 50 << 20;
    request.topics.emplace_back().name = "trades";
    request.topics[0].partitions.emplace_back().max_bytes = 50 << 20;
    return FrameOf(11, id, request);
  }
};

TEST(KafkaServer, ManySlowClientsShareTheMemoryOfAnswers) {
  TightServer server;
  const auto used = [&] { return server.rig.broker->responses().used_bytes(); };
  std::vector<std::unique_ptr<OtherClient>> clients;
  for (int i = 0; i < 100; ++i) {
    clients.push_back(std::make_unique<OtherClient>(server));
    clients.back()->connection.is_slow = true;
    clients.back()->Send(server.BigFetch(1));
    ASSERT_LE(used(), kTightBytes * 5 / 4 + 2 * static_cast<int64_t>(kTestBatchBytes)) << "client " << i;
  }
  EXPECT_GE(clients[0]->RecordBytes().at(0), 4 * kTestBatchBytes);
  EXPECT_LT(clients[0]->RecordBytes().at(0), 6 * kTestBatchBytes) << "an eighth is for the first";
  EXPECT_THAT(clients[20]->RecordBytes(), ElementsAre(::testing::Lt(2 * kTestBatchBytes))) << "a batch at least, as long as there is room, and some more for those who have none";
  EXPECT_THAT(clients[26]->RecordBytes(), ElementsAre(::testing::Ge(kTestBatchBytes))) << "also above the limit, of the reserve for those who have none";
  EXPECT_THAT(clients[99]->RecordBytes(), IsEmpty()) << "and then none: it waits";

  server.Read(MetadataFrame(7));
  EXPECT_EQ(server.CorrelationIds().back(), 7) << "who asks for little is answered";
  clients[0]->Send(server.BigFetch(2));
  EXPECT_TRUE(clients[0]->connection.is_paused) << "who does not take its answers may not ask for more";

  server.rig.queue.AdvanceMs(500);
  EXPECT_THAT(clients[99]->RecordBytes(), ElementsAre(0)) << "its time is over, and there was no room";

  // All take what they have and ask on: nobody starves.
  for (int round = 0; round < 50; ++round) {
    for (auto& client : clients) client->TakeAll();
  }
  for (auto& client : clients) client->Send(server.BigFetch(3));
  for (int round = 0; round < 50; ++round) {
    for (auto& client : clients) client->TakeAll();
    ASSERT_LE(used(), kTightBytes + 2 * static_cast<int64_t>(kTestBatchBytes));
  }
  for (auto& client : clients) {
    ASSERT_FALSE(client->connection.is_closed);
    EXPECT_GE(client->RecordBytes().back(), kTestBatchBytes);
  }
  EXPECT_EQ(used(), 0);
  clients.clear();
}

TEST(KafkaServer, DisconnectsWhoTakesNothingWhileOthersNeedTheMemory) {
  TightServer server;
  std::vector<std::unique_ptr<OtherClient>> clients;
  for (int i = 0; i < 60; ++i) {
    clients.push_back(std::make_unique<OtherClient>(server));
    clients.back()->connection.is_slow = true;
    clients.back()->Send(server.BigFetch(1, /*max_wait_ms=*/300'000));
  }
  ASSERT_THAT(clients.back()->RecordBytes(), IsEmpty());
  for (int second = 0; second < 120; ++second) {
    clients[0]->connection.pending -= std::min<size_t>(clients[0]->connection.pending, 2'000);  // slow, but it takes
    server.rig.queue.AdvanceMs(1'000);
    for (size_t i = 1; i < clients.size(); ++i) {
      if (clients[i]->connection.is_closed) clients[i]->Close();
    }
    server.rig.Run();
  }
  EXPECT_FALSE(clients[0]->connection.is_closed);
  EXPECT_TRUE(clients[1]->connection.is_closed);
  EXPECT_GE(server.server->counts().connections_stalled, 10);
  EXPECT_THAT(clients.back()->RecordBytes(), ElementsAre(::testing::Ge(kTestBatchBytes))) << "it waited for room, until the second lot of those before it was gone";
  clients.clear();
}

// Answers that are no records can be large too. Nobody, who produces least of all, waits for a client that does not take them.
TEST(KafkaServer, ThoseThatLeaveMostLyingGoWhereNothingCouldStart) {
  TightServer server;
  OtherClient large(server), larger(server), good(server);
  const auto leave = [](OtherClient& client, size_t bytes) {
    client.connection.pending = bytes;
    client.Send(MetadataFrame(1));  // so that it is counted; it is not answered
  };
  large.connection.is_slow = larger.connection.is_slow = true;
  leave(large, kTightBytes - 50'000);
  leave(larger, kTightBytes);
  good.Send(ProduceFrame(1));
  EXPECT_THAT(good.connection.sent, IsEmpty()) << "nothing starts";
  larger.connection.pending = 10'000;  // in time
  server.rig.queue.AdvanceMs(1'100);
  EXPECT_FALSE(large.connection.is_closed || larger.connection.is_closed);
  EXPECT_FALSE(good.connection.sent.empty());

  leave(larger, kTightBytes);
  good.connection.sent.clear();
  good.Send(ProduceFrame(2));
  EXPECT_THAT(good.connection.sent, IsEmpty());
  server.rig.queue.AdvanceMs(1'100);
  EXPECT_TRUE(larger.connection.is_closed);
  EXPECT_FALSE(large.connection.is_closed);
  larger.Close();
  server.rig.Run();
  EXPECT_FALSE(good.connection.sent.empty());
  EXPECT_EQ(server.server->counts().connections_stalled, 1);
}

TEST(KafkaServer, AClientThatIsGoneGivesItsMemoryBack) {
  TightServer server;
  {
    OtherClient client(server);
    client.connection.is_slow = true;
    client.Send(server.BigFetch(1));
    EXPECT_GT(server.rig.broker->responses().used_bytes(), 0);
  }
  EXPECT_EQ(server.rig.broker->responses().used_bytes(), 0);
}

// connections.max.idle.ms: silence is not enough, somebody who waits for an answer is not idle.
TEST(KafkaServer, ClosesWhoIsIdle) {
  ServerRig server({.idle_ms_max = 60'000});
  FakeConnection other;
  auto other_handler = server.network.accept(other);
  server.rig.queue.AdvanceMs(50'000);
  server.Read(MetadataFrame(1));
  server.rig.queue.AdvanceMs(30'000);
  EXPECT_TRUE(other.is_closed);
  EXPECT_FALSE(server.connection.is_closed);
  other_handler->OnClosed(Ok());
  kafka::FetchRequest fetch;
  fetch.max_wait_ms = 200'000;
  fetch.min_bytes = 1;
  fetch.topics.emplace_back().name = "trades";
  fetch.topics[0].partitions.emplace_back().fetch_offset = 0;
  server.rig.queue.AdvanceMs(1'000);  // until the topic is made
  server.Read(FrameOf(11, 2, fetch));
  EXPECT_THAT(server.CorrelationIds(), ElementsAre(1));
  server.rig.queue.AdvanceMs(199'000);
  EXPECT_FALSE(server.connection.is_closed);
  server.rig.queue.AdvanceMs(1'000);
  EXPECT_THAT(server.CorrelationIds(), ElementsAre(1, 2));
  server.rig.queue.AdvanceMs(120'000);
  EXPECT_TRUE(server.connection.is_closed);
  EXPECT_EQ(server.server->counts().connections_idle, 2);
}

TEST(KafkaServer, AFetchIsDroppedWithItsConnection) {
  ServerRig server;
  server.Read(MetadataFrame(1));
  server.Read(FetchFrame(2));
  auto* log = server.rig.store->memory_partition(server.rig.broker->topics().Find("trades")->partitions[0]);
  EXPECT_EQ(log->subscription_count(), 1u);
  server.handler->OnClosed(Ok());
  server.handler.reset();
  EXPECT_EQ(log->subscription_count(), 0u);
}

// The memory of parked fetches is limited: above it a fetch is answered at once, told to slow down, and its connection's next request waits whether or not the client
// keeps to it.
TEST(KafkaServer, FetchesAboveTheirMemoryAreThrottled) {
  ServerRig server({}, {.parked_fetch_bytes_max = 3'000});
  server.Read(MetadataFrame(1));
  FakeConnection other;
  auto other_handler = server.network.accept(other);
  server.Read(FetchFrame(2));  // parks
  EXPECT_THAT(server.CorrelationIds(), ElementsAre(1));
  const std::string fetches = FetchFrame(3) + FetchFrame(4);
  auto room = other_handler->ReadBuffer();
  ASSERT_GE(room.size(), fetches.size());
  std::memcpy(room.data(), fetches.data(), fetches.size());
  other_handler->OnRead(fetches.size());
  server.rig.Run();
  auto response = kafka::DecodeResponse<kafka::FetchResponse>(base::SharedBytes::FromString(other.sent.substr(4)), 11, 3);
  ASSERT_TRUE(response.ok()) << response.error().ToString();
  EXPECT_EQ(response->throttle_time_ms, 500);
  EXPECT_EQ(response->topics.at(0).partitions.at(0).error_code, 0);
  const size_t sent = other.sent.size();
  server.rig.queue.AdvanceMs(499);
  EXPECT_EQ(other.sent.size(), sent);
  server.rig.queue.AdvanceMs(1);  // now the first one has ended, too
  server.rig.queue.AdvanceMs(500);
  EXPECT_GT(other.sent.size(), sent);
  other_handler->OnClosed(Ok());
}

TEST(KafkaServer, ForgetsAConnectionThatIsGone) {
  ServerRig server;
  server.Read(MetadataFrame(1));
  server.rig.store->Hold(true);
  server.Read(ProduceFrame(2) + FetchFrame(3));
  server.handler->OnClosed(Ok());
  server.handler.reset();
  server.rig.store->Flush();
  server.rig.queue.Run();  // the reply finds nobody
  EXPECT_EQ(server.server->counts().connections_open, 0);
  EXPECT_THAT(server.CorrelationIds(), ElementsAre(1));
}

}  // namespace
}  // namespace firn::broker
