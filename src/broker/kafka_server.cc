// SPDX-License-Identifier: Apache-2.0
#include "broker/kafka_server.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <functional>
#include <optional>
#include <unordered_set>
#include <vector>

#include "base/assert.h"
#include "broker/frame_reader.h"
#include "broker/response_budget.h"
#include "kafka/frame.h"

namespace firn::broker {

namespace {

constexpr int64_t kUnsentBytesMax = 16 << 20;       // of one connection; then no further request of it starts
constexpr int kStallChecks = 3;                     // in stalled_ms_max
constexpr int kIdleChecks = 10;                     // in idle_ms_max
constexpr int64_t kStallBytes = 16 << 10;           // who takes less from check to check takes nothing
constexpr int64_t kCrowdMicros = 1'000'000;         // for those to take something because of whom nothing starts
constexpr int64_t kUnexaminedBytesMax = 4 << 20;    // of one connection's Produce requests that have started; then no further one starts
constexpr int64_t kTrimMicros = 1'000'000;          // between two FramePool::Trim
constexpr size_t kOverlappingProducesMax = 256;     // of one connection

class ClientConnection;

/// What the connections share. Lives on the reactor; only the counts are read elsewhere.
struct Shared {
  Broker* broker = nullptr;  // null once stopped
  log::Store& store;
  io::TaskQueue& reactor;
  size_t connections_max = 0;
  FramePool frames{};
  uint64_t last_connection = 0;
  std::unordered_set<std::shared_ptr<ClientConnection>> connections;
  int64_t held_bytes_max = 0;
  int64_t held_bytes = 0;  // received and not handed to the log: parts of frames, and whole ones that wait
  int64_t stalled_ms_max = 0;
  bool is_watching_stalls = false;
  bool is_watching_crowd = false;
  int64_t idle_checks = 0;  // so far
  const std::shared_ptr<const std::atomic<int64_t>> response_bytes;  // of the broker's ResponseBudget

  std::atomic<int64_t> accepted = 0, refused = 0, open = 0, requests = 0, bytes_in = 0, bytes_out = 0, faults = 0, stalled = 0, idle = 0;
};

void WatchStalls(const std::shared_ptr<Shared>& shared);
void WatchCrowd(const std::shared_ptr<Shared>& shared);

/// One client. Alive until the network has closed it and no reply is on its way.
class ClientConnection : public std::enable_shared_from_this<ClientConnection> {
 public:
  ClientConnection(std::shared_ptr<Shared> shared, io::Connection& connection)
      : shared_(std::move(shared)), connection_(&connection), client_{.host = connection.peer().host, .reached = connection.local(), .connection = ++shared_->last_connection}, reader_(kafka::kFrameBytesMax, shared_->frames, /*sums_pieces=*/true), active_at_(shared_->idle_checks) {}

  std::span<char> ReadBuffer() { return reader_.Buffer(); }
  void OnRead(size_t size);
  void OnDrained() {
    NoteActivity();
    Pump();
  }
  /// Closes the connection if it has taken nothing between kStallChecks of these in a row.
  void CheckStall();
  /// From here on LyingBytes counts.
  void NoteLying() { lying_end_ = given_bytes_; }
  /// Of what was given to the connection before NoteLying: what is not taken yet.
  int64_t LyingBytes();
  void CloseStalled();
  /// Closes the connection if nothing has come or gone, and nothing is under way, since kIdleChecks of these.
  void CheckIdle();
  void ForgetStalls() { stalled_checks_ = 0; }
  void OnClosed();
  void Close() {
    if (connection_ != nullptr) connection_->Close();
  }

 private:
  void NoteActivity() { active_at_ = shared_->idle_checks; }

  struct Slot {
    bool is_produce = false;
    std::optional<Reply> reply;
    int64_t size_bytes = 0;  // of the reply
  };

  bool MayStart(std::string_view frame);
  bool LogAdmits();
  bool ResponsesAdmit();
  void Start(Frame frame);
  void Pump();
  void OnReply(uint64_t number, Reply reply);
  void SendReady();
  void Mute(int64_t ms);
  void End(bool is_fault);
  void CountHeld();
  void CountUnsent();
  void DropWaiting() {
    waiting_.clear();
    waiting_bytes_ = 0;
    CountHeld();
  }

  std::shared_ptr<Shared> shared_;
  io::Connection* connection_;           // null once closed
  ClientContext client_;
  FrameReader reader_;
  std::deque<Frame> waiting_;              // whole frames that may not start yet
  std::deque<Slot> slots_;                 // started requests, oldest first
  uint64_t first_slot_ = 0;                // number of slots_.front()
  size_t produces_ = 0;                    // of slots_
  bool is_ending_ = false;                 // nothing more is started; closes when the started ones are answered
  bool is_pumping_ = false;
  bool waits_for_log_ = false;
  bool is_paused_ = false;
  int64_t waiting_bytes_ = 0;  // of waiting_
  int64_t held_bytes_ = 0;     // of shared_->held_bytes
  int64_t ready_bytes_ = 0;    // of replies in slots_
  int64_t unsent_bytes_ = 0;   // of the broker's ResponseBudget
  int64_t given_bytes_ = 0;    // to the connection, ever
  int64_t taken_bytes_ = 0;    // of these, by the kernel, when it was last looked
  int64_t lying_end_ = 0;      // of these, when NoteLying was called
  int stalled_checks_ = 0;
  bool is_muted_ = false;      // nothing starts until its throttle time is over
  int64_t active_at_ = 0;      // of shared_->idle_checks
  std::optional<ResponseBudget::WaitId> room_wait_;
};

void ClientConnection::OnRead(size_t size) {
  if (is_ending_) return;
  NoteActivity();
  shared_->bytes_in += static_cast<int64_t>(size);
  std::vector<Frame> frames;
  const Status taken = reader_.Take(size, &frames);
  for (Frame& frame : frames) {
    waiting_bytes_ += static_cast<int64_t>(frame.bytes.size());
    waiting_.push_back(std::move(frame));
  }
  Pump();
  if (!taken.ok() || shared_->held_bytes > shared_->held_bytes_max) End(/*is_fault=*/true);
}

void ClientConnection::CountHeld() {
  int64_t held = connection_ == nullptr ? 0 : static_cast<int64_t>(reader_.partial_bytes()) + waiting_bytes_;
  if (connection_ != nullptr && shared_->broker != nullptr) held += shared_->broker->waiting_produce_bytes(client_.connection);
  shared_->held_bytes += held - held_bytes_;
  FIRN_ASSERT(held >= 0 && shared_->held_bytes >= held, "{} bytes are held, {} of them by one connection", shared_->held_bytes, held);
  held_bytes_ = held;
}

void ClientConnection::CountUnsent() {
  if (shared_->broker == nullptr) return;
  ResponseBudget& responses = shared_->broker->responses();
  const int64_t unsent = ready_bytes_ + (connection_ == nullptr ? 0 : static_cast<int64_t>(connection_->pending_bytes()));
  if (unsent > unsent_bytes_) responses.Add(unsent - unsent_bytes_);
  if (unsent < unsent_bytes_) responses.Remove(unsent_bytes_ - unsent);
  unsent_bytes_ = unsent;
  if (responses.IsHalfUsed()) WatchStalls(shared_);
}

void ClientConnection::CheckStall() {
  if (connection_ == nullptr) return;
  CountUnsent();
  const auto pending = static_cast<int64_t>(connection_->pending_bytes());
  const int64_t taken = given_bytes_ - pending;
  stalled_checks_ = pending > 0 && taken - taken_bytes_ < kStallBytes ? stalled_checks_ + 1 : 0;
  taken_bytes_ = taken;
  if (stalled_checks_ > kStallChecks) CloseStalled();
}

int64_t ClientConnection::LyingBytes() {
  if (connection_ == nullptr) return 0;
  CountUnsent();
  const int64_t taken = given_bytes_ - static_cast<int64_t>(connection_->pending_bytes());
  return std::max<int64_t>(lying_end_ - taken, 0);
}

void ClientConnection::CloseStalled() {
  FIRN_ASSERT(connection_ != nullptr && connection_->pending_bytes() > 0, "a connection that has taken all is closed for what it does not take");
  ++shared_->stalled;
  connection_->Close();
}

void ClientConnection::CheckIdle() {
  if (connection_ == nullptr || is_ending_ || !slots_.empty() || !waiting_.empty() || connection_->pending_bytes() > 0) return;
  if (shared_->idle_checks - active_at_ <= kIdleChecks) return;
  ++shared_->idle;
  is_ending_ = true;
  connection_->Close();
}

void ClientConnection::OnClosed() {
  FIRN_ASSERT(connection_ != nullptr, "a connection is closed twice");
  connection_ = nullptr;
  is_ending_ = true;
  DropWaiting();
  ready_bytes_ = 0;
  CountUnsent();
  if (room_wait_.has_value() && shared_->broker != nullptr) shared_->broker->responses().Cancel(*room_wait_);
  if (shared_->broker != nullptr) shared_->broker->Forget(client_.connection);
  --shared_->open;
  shared_->connections.erase(shared_from_this());
}

bool ClientConnection::LogAdmits() {
  if (waits_for_log_) return false;
  // The log calls back from a thread of its own.
  const bool admits = shared_->store.AdmitBytes([reactor = &shared_->reactor, self = weak_from_this()] {
    reactor->Post([self] {
      auto connection = self.lock();
      if (connection == nullptr) return;
      connection->waits_for_log_ = false;
      connection->Pump();
    });
  });
  waits_for_log_ = !admits;
  return admits;
}

/// Whether there is room for one more response. A client that has taken all of its own need not care about the others' as long as they leave any.
bool ClientConnection::ResponsesAdmit() {
  ResponseBudget& responses = shared_->broker->responses();
  const auto pending = static_cast<int64_t>(connection_->pending_bytes());
  if (pending > 0 && pending > std::min(kUnsentBytesMax, responses.Share(unsent_bytes_))) return false;  // OnDrained comes
  if (responses.HasRoomForOthers()) return true;
  if (!room_wait_.has_value()) {
    WatchCrowd(shared_);
    room_wait_ = responses.WaitForRoomForOthers([self = weak_from_this()] {
      auto connection = self.lock();
      if (connection == nullptr) return;
      connection->room_wait_.reset();
      connection->Pump();
    });
  }
  return false;
}

bool ClientConnection::MayStart(std::string_view frame) {
  if (is_muted_) return false;
  if (!ResponsesAdmit()) return false;
  const bool is_produce = Broker::IsProduce(frame);
  const bool others_overlap = slots_.empty() || (is_produce && produces_ == slots_.size() && produces_ < kOverlappingProducesMax);
  if (is_produce && shared_->broker->waiting_produce_bytes(client_.connection) > kUnexaminedBytesMax) return false;  // a reply comes
  return others_overlap && (!is_produce || LogAdmits());
}

void ClientConnection::Start(Frame frame) {
  FIRN_ASSERT(connection_ != nullptr && !is_ending_ && !is_muted_, "a request of a connection that has ended is started");
  const uint64_t number = first_slot_ + slots_.size();
  slots_.push_back({.is_produce = Broker::IsProduce(frame.bytes.view()), .reply = std::nullopt});
  produces_ += slots_.back().is_produce ? 1 : 0;
  client_.has_taken_all = unsent_bytes_ == 0;
  ++shared_->requests;
  shared_->broker->Handle(std::move(frame), client_, [self = weak_from_this(), number](Reply reply) {
    if (auto connection = self.lock()) connection->OnReply(number, std::move(reply));
  });
}

/// Starts what may start, and reads on only if nothing waits.
void ClientConnection::Pump() {
  if (is_pumping_ || is_ending_ || connection_ == nullptr || shared_->broker == nullptr) return;
  CountUnsent();
  is_pumping_ = true;
  while (!waiting_.empty() && !is_ending_ && MayStart(waiting_.front().bytes.view())) {
    Frame frame = std::move(waiting_.front());
    waiting_.pop_front();
    waiting_bytes_ -= static_cast<int64_t>(frame.bytes.size());
    FIRN_ASSERT(waiting_bytes_ >= 0 && (waiting_bytes_ > 0 || waiting_.empty()), "{} frames of {} bytes wait", waiting_.size(), waiting_bytes_);
    Start(std::move(frame));
  }
  is_pumping_ = false;
  CountHeld();
  if (is_ending_ || is_paused_ == !waiting_.empty()) return;
  is_paused_ = !is_paused_;
  if (is_paused_) connection_->PauseReading();
  else connection_->ResumeReading();
}

void ClientConnection::OnReply(uint64_t number, Reply reply) {
  FIRN_ASSERT(number >= first_slot_ && number < first_slot_ + slots_.size(), "reply {} of {}+{}", number, first_slot_, slots_.size());
  Slot& slot = slots_[number - first_slot_];
  for (const auto& part : reply.frame) slot.size_bytes += static_cast<int64_t>(part.size());
  if (connection_ != nullptr) ready_bytes_ += slot.size_bytes;
  slot.reply = std::move(reply);
  SendReady();
  CountUnsent();
  CountHeld();
  if (waiting_.empty() || is_pumping_) return;
  // Not from here: the broker is in the middle of something.
  shared_->reactor.Post([self = weak_from_this()] {
    if (auto connection = self.lock()) connection->Pump();
  });
}

void ClientConnection::SendReady() {
  while (!slots_.empty() && slots_.front().reply.has_value() && connection_ != nullptr) {
    Slot slot = std::move(slots_.front());
    slots_.pop_front();
    ++first_slot_;
    produces_ -= slot.is_produce ? 1 : 0;
    ready_bytes_ -= slot.size_bytes;
    FIRN_ASSERT(ready_bytes_ >= 0 && produces_ <= slots_.size(), "{} bytes are ready in {} slots, {} of Produce", ready_bytes_, slots_.size(), produces_);
    if (slot.reply->kind == Reply::Kind::kNothing) continue;
    if (slot.reply->kind == Reply::Kind::kClose) {
      ++shared_->faults;
      is_ending_ = true;
      DropWaiting();
      return connection_->CloseAfterSending();
    }
    shared_->bytes_out += slot.size_bytes;
    given_bytes_ += slot.size_bytes;
    if (slot.reply->throttle_ms > 0) Mute(slot.reply->throttle_ms);
    connection_->Send(std::move(slot.reply->frame));
  }
  if (is_ending_ && slots_.empty() && connection_ != nullptr) connection_->CloseAfterSending();
}

/// As Kafka does with who is told to slow down: its next requests wait, whether or not it keeps to what it is told (KIP-219).
void ClientConnection::Mute(int64_t ms) {
  if (is_muted_) return;
  is_muted_ = true;
  shared_->reactor.PostAfter(ms * 1000, [self = weak_from_this()] {
    auto connection = self.lock();
    if (connection == nullptr) return;
    connection->is_muted_ = false;
    connection->Pump();
  });
}

/// What was started is still answered.
void ClientConnection::End(bool is_fault) {
  if (is_fault) ++shared_->faults;
  is_ending_ = true;
  DropWaiting();
  if (connection_ == nullptr) return;
  connection_->PauseReading();
  SendReady();
}

/// Looks at all connections from time to time while answers lie about.
void WatchStalls(const std::shared_ptr<Shared>& watched) {
  if (watched->is_watching_stalls) return;
  watched->is_watching_stalls = true;
  watched->reactor.PostAfter(watched->stalled_ms_max * 1000 / kStallChecks, [weak = std::weak_ptr(watched)] {
    auto shared = weak.lock();
    if (shared == nullptr || shared->broker == nullptr) return;
    shared->is_watching_stalls = false;
    const auto connections = shared->connections;  // closing one may take it out
    for (const auto& connection : connections) connection->CheckStall();  // in any order: each looks at itself
    if (shared->broker->responses().IsHalfUsed()) return WatchStalls(shared);
    for (const auto& connection : shared->connections) connection->ForgetStalls();  // in any order, too
  });
}

/// While nothing starts because of what lies about: after a while clients go that have left most of it lying, as many as it takes. They have lost nothing, and ask again.
void WatchCrowd(const std::shared_ptr<Shared>& watched) {
  if (watched->is_watching_crowd) return;
  watched->is_watching_crowd = true;
  for (const auto& connection : watched->connections) connection->NoteLying();  // in any order: each notes its own
  watched->reactor.PostAfter(kCrowdMicros, [weak = std::weak_ptr(watched)] {
    auto shared = weak.lock();
    if (shared == nullptr || shared->broker == nullptr) return;
    shared->is_watching_crowd = false;
    std::vector<std::pair<int64_t, std::shared_ptr<ClientConnection>>> lying;
    for (const auto& connection : shared->connections) {  // in any order: of equal ones it does not matter which
      if (const int64_t bytes = connection->LyingBytes(); bytes > 0) lying.emplace_back(bytes, connection);
    }
    std::sort(lying.begin(), lying.end(), std::greater<>());
    int64_t excess = shared->broker->responses().ExcessBytes();
    if (excess <= 0) return;
    for (auto worst = lying.begin(); worst != lying.end() && excess > 0; ++worst) {
      excess -= worst->first;
      worst->second->CloseStalled();
    }
    WatchCrowd(shared);
  });
}

/// Looks at all connections, kIdleChecks times in idle_ms_max.
void WatchIdle(const std::shared_ptr<Shared>& watched, int64_t idle_ms_max) {
  watched->reactor.PostAfter(std::max<int64_t>(idle_ms_max * 1000 / kIdleChecks, 1), [weak = std::weak_ptr(watched), idle_ms_max] {
    auto shared = weak.lock();
    if (shared == nullptr || shared->broker == nullptr) return;
    ++shared->idle_checks;
    const auto connections = shared->connections;  // closing one may take it out
    for (const auto& connection : connections) connection->CheckIdle();  // in any order: each looks at itself
    WatchIdle(shared, idle_ms_max);
  });
}

/// Gives memory back that frames no longer need.
void TrimFrames(const std::shared_ptr<Shared>& trimmed) {
  trimmed->reactor.PostAfter(kTrimMicros, [weak = std::weak_ptr(trimmed)] {
    auto shared = weak.lock();
    if (shared == nullptr || shared->broker == nullptr) return;
    shared->frames.Trim();
    TrimFrames(shared);
  });
}

/// The network's handle on a connection.
class Handler final : public io::ConnectionHandler {
 public:
  explicit Handler(std::shared_ptr<ClientConnection> client) : client_(std::move(client)) {}
  std::span<char> ReadBuffer() override { return client_->ReadBuffer(); }
  void OnRead(size_t size) override { client_->OnRead(size); }
  void OnDrained() override { client_->OnDrained(); }
  void OnClosed(Status) override { client_->OnClosed(); }

 private:
  std::shared_ptr<ClientConnection> client_;
};

class Server final : public KafkaServer {
 public:
  Server(Broker& broker, log::Store& store, io::TaskQueue& reactor, const KafkaServerOptions& options)
      : shared_(new Shared{.broker = &broker, .store = store, .reactor = reactor, .connections_max = options.connections_max, .connections = {}, .held_bytes_max = options.held_bytes_max, .stalled_ms_max = options.stalled_ms_max, .response_bytes = broker.responses().shared_used_bytes()}), idle_ms_max_(options.idle_ms_max) {}

  Status Listen(io::Network& network, const io::Address& address) {
    auto accept = [shared = shared_](io::Connection& connection) -> std::unique_ptr<io::ConnectionHandler> {
      if (shared->broker == nullptr || shared->connections.size() >= shared->connections_max) {
        ++shared->refused;
        return nullptr;
      }
      auto client = std::make_shared<ClientConnection>(shared, connection);
      shared->connections.insert(client);
      ++shared->accepted;
      ++shared->open;
      return std::make_unique<Handler>(std::move(client));
    };
    FIRN_TRY(listener_, network.Listen(address, std::move(accept)));
    network.reactor().Post([shared = shared_] { TrimFrames(shared); });
    if (idle_ms_max_ > 0) network.reactor().Post([shared = shared_, idle_ms_max = idle_ms_max_] { WatchIdle(shared, idle_ms_max); });
    return Ok();
  }

  const io::Address& address() const override { return listener_->address(); }

  KafkaServerCounts counts() const override {
    return {.connections_accepted = shared_->accepted,
            .connections_refused = shared_->refused,
            .connections_open = shared_->open,
            .requests = shared_->requests,
            .bytes_in = shared_->bytes_in,
            .bytes_out = shared_->bytes_out,
            .protocol_faults = shared_->faults,
            .connections_idle = shared_->idle,
            .connections_stalled = shared_->stalled,
            .response_bytes = *shared_->response_bytes};
  }

  void Stop() override {
    listener_.reset();
    shared_->broker = nullptr;
    const auto connections = shared_->connections;  // closing one takes it out
    for (const auto& connection : connections) connection->Close();  // in any order: nobody waits for another
  }

 private:
  std::shared_ptr<Shared> shared_;
  const int64_t idle_ms_max_;
  std::unique_ptr<io::Listener> listener_;
};

}  // namespace

Result<std::unique_ptr<KafkaServer>> KafkaServer::Start(io::Network& network, Broker& broker, log::Store& store, const KafkaServerOptions& options) {
  auto server = std::make_unique<Server>(broker, store, network.reactor(), options);
  FIRN_RETURN_IF_ERROR(server->Listen(network, options.address));
  return std::unique_ptr<KafkaServer>(std::move(server));
}

}  // namespace firn::broker
