// SPDX-License-Identifier: Apache-2.0
#include "cli/kafka_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <deque>

#include "base/assert.h"
#include "base/mutex.h"
#include "broker/frame_reader.h"
#include "io/process.h"
#include "kafka/messages/api_versions.h"

namespace firn::cli {

namespace {

constexpr std::chrono::seconds kConnectWait{10};
constexpr std::chrono::seconds kAnswerWait{60};  // a fetch or a produce of a slow disk is within it

// Whether it is met in time, also when somebody wants the process to stop: then the broker has a little longer, no more.
template <typename Predicate>
bool WaitFor(base::ConditionVariable& changed, base::MutexLock& lock, std::chrono::milliseconds time, const Predicate& is_met) {
  bool is_stopping = false;
  while (time.count() > 0) {
    const auto turn = std::min(time, std::chrono::milliseconds(io::kStopLookMs));
    if (changed.WaitFor(lock, turn, is_met)) return true;
    time -= turn;
    if (!is_stopping && io::IsStopSignalPending()) {
      is_stopping = true;
      time = std::min(time, std::chrono::milliseconds(io::kStopGraceMs));
    }
  }
  return false;
}

Error NotInTime(std::string what, std::chrono::seconds time) {
  if (io::IsStopSignalPending()) return Error(ErrorCode::kCancelled, "told to stop while " + what);
  return Error(ErrorCode::kTimeout, fmt::format("{} within {} s", what, time.count()));
}

}  // namespace

// What the reactor leaves for the thread that waits.
struct KafkaLink::Mailbox {
  base::Mutex mutex;
  base::ConditionVariable changed;
  io::Connection* connection = nullptr;        // lives on the reactor, like what it points to
  bool is_connected FIRN_GUARDED_BY(mutex) = false;
  std::optional<std::string> closed FIRN_GUARDED_BY(mutex);  // why
  std::deque<base::SharedBytes> frames FIRN_GUARDED_BY(mutex);

  void Close(std::string reason) {
    base::MutexLock lock(mutex);
    if (!closed) closed = std::move(reason);
    changed.NotifyAll();
  }
};

class KafkaLink::Handler final : public io::ConnectionHandler {
 public:
  Handler(io::Connection& connection, std::shared_ptr<Mailbox> mailbox) : connection_(connection), mailbox_(std::move(mailbox)), reader_(kafka::kFrameBytesMax, frames_, /*sums_pieces=*/false) {}

  std::span<char> ReadBuffer() override { return reader_.Buffer(); }
  void OnRead(size_t size) override {
    std::vector<broker::Frame> frames;
    const Status status = reader_.Take(size, &frames);
    if (!status.ok()) {
      mailbox_->Close(status.error().message());
      return connection_.Close();
    }
    base::MutexLock lock(mailbox_->mutex);
    for (broker::Frame& frame : frames) mailbox_->frames.push_back(std::move(frame.bytes));
    mailbox_->changed.NotifyAll();
  }
  void OnClosed(Status reason) override {
    mailbox_->connection = nullptr;
    mailbox_->Close(reason.ok() ? "the broker closed the connection" : reason.error().message());
  }

 private:
  io::Connection& connection_;
  const std::shared_ptr<Mailbox> mailbox_;
  broker::FramePool frames_{};
  broker::FrameReader reader_;
};

KafkaLink::KafkaLink(io::Network& network, io::Address address, std::shared_ptr<Mailbox> mailbox)
    : network_(network), address_(std::move(address)), mailbox_(std::move(mailbox)) {}

KafkaLink::~KafkaLink() {
  network_.reactor().Post([mailbox = mailbox_] {
    if (mailbox->connection != nullptr) mailbox->connection->Close();
  });
}

Result<std::unique_ptr<KafkaLink>> KafkaLink::Connect(io::Network& network, const io::Address& address) {
  auto mailbox = std::make_shared<Mailbox>();
  network.Connect(address, [mailbox](Result<io::Connection*> connection) -> std::unique_ptr<io::ConnectionHandler> {
    if (!connection.ok()) {
      mailbox->Close(connection.error().message());
      return nullptr;
    }
    mailbox->connection = *connection;
    base::MutexLock lock(mailbox->mutex);
    mailbox->is_connected = true;
    mailbox->changed.NotifyAll();
    return std::make_unique<Handler>(**connection, mailbox);
  });
  base::MutexLock lock(mailbox->mutex);
  const bool is_in_time = WaitFor(mailbox->changed, lock, kConnectWait, [&]() FIRN_REQUIRES(mailbox->mutex) { return mailbox->is_connected || mailbox->closed; });
  if (!is_in_time && io::IsStopSignalPending()) return NotInTime(fmt::format("there was no connection to {}", address.ToString()), kConnectWait);
  if (!is_in_time || mailbox->closed) {
    return Error(ErrorCode::kServerUnreachable, fmt::format("no Kafka broker answers: {}", mailbox->closed.value_or(address.ToString() + ": no connection within 10 s")))
        .Hint("start a node with `firn up`, or name a broker with --bootstrap-server HOST:PORT");
  }
  lock.Unlock();
  std::unique_ptr<KafkaLink> link(new KafkaLink(network, address, mailbox));
  if (Status status = link->LearnVersions(); !status.ok()) {
    Error error = std::move(status).error();
    if (!error.hint().empty()) return error;
    return std::move(error).Hint("is that a broker's port? `firn up` prints its own, DIR/node.json has them");
  }
  return link;
}

Status KafkaLink::LearnVersions() {
  max_versions_[static_cast<int16_t>(kafka::ApiKey::kApiVersions)] = 0;  // which every broker answers
  FIRN_TRY(const kafka::ApiVersionsResponse answer, Call<kafka::ApiVersionsResponse>(kafka::ApiVersionsRequest{}));
  FIRN_RETURN_IF_ERROR(CheckKafkaCode(answer.error_code, "asking for API versions"));
  for (const auto& api : answer.api_keys) max_versions_[api.api_key] = api.max_version;
  return Ok();
}

Result<int16_t> KafkaLink::VersionOf(kafka::ApiKey key) const {
  const kafka::ApiInfo* info = kafka::FindApi(static_cast<int16_t>(key));
  FIRN_ASSERT(info != nullptr, "API {} has no messages", static_cast<int>(key));
  auto found = max_versions_.find(static_cast<int16_t>(key));
  const int16_t version = found == max_versions_.end() ? int16_t{-1} : std::min(found->second, info->max_version);
  if (version < info->min_version) {
    return Error(ErrorCode::kUnsupportedVersion, fmt::format("the broker at {} does not serve {} in a version from {} on", address_.ToString(), info->name, info->min_version));
  }
  return version;
}

Result<base::SharedBytes> KafkaLink::RoundTrip(std::vector<base::SharedBytes> parts) {
  FIRN_ASSERT(!parts.empty(), "a request of nothing");
  network_.reactor().Post([mailbox = mailbox_, parts = std::move(parts)]() mutable {
    if (mailbox->connection != nullptr) mailbox->connection->Send(std::move(parts));
  });
  base::MutexLock lock(mailbox_->mutex);
  const bool is_in_time = WaitFor(mailbox_->changed, lock, kAnswerWait, [&]() FIRN_REQUIRES(mailbox_->mutex) { return !mailbox_->frames.empty() || mailbox_->closed; });
  if (!is_in_time) return NotInTime(fmt::format("the broker at {} did not answer", address_.ToString()), kAnswerWait);
  if (mailbox_->frames.empty()) return Error(ErrorCode::kServerUnreachable, fmt::format("the connection to the broker at {} ended: {}", address_.ToString(), *mailbox_->closed));
  base::SharedBytes frame = std::move(mailbox_->frames.front());
  mailbox_->frames.pop_front();
  return frame;
}

Result<std::unique_ptr<KafkaClient>> KafkaClient::Connect(const io::Environment& environment, const std::string& bootstrap_server) {
  for (size_t begin = 0;;) {
    const size_t end = std::min(bootstrap_server.find(',', begin), bootstrap_server.size());
    FIRN_TRY(const io::Address address, io::ParseAddress(bootstrap_server.substr(begin, end - begin)));
    auto link = KafkaLink::Connect(environment.network, address);
    if (link.ok()) return std::unique_ptr<KafkaClient>(new KafkaClient(environment.network, std::move(link).value()));
    if (end == bootstrap_server.size() || link.error().code() != ErrorCode::kServerUnreachable) return std::move(link).error();
    begin = end + 1;
  }
}

Result<KafkaLink*> KafkaClient::Broker(int32_t node_id) {
  auto found = links_.find(node_id);
  if (found != links_.end()) return found->second.get();
  auto address = addresses_.find(node_id);
  if (address == addresses_.end()) return Error(ErrorCode::kUnavailable, fmt::format("broker {} is not in the cluster's metadata", node_id)).Hint("a partition without a leader: try again");
  if (address->second.ToString() == bootstrap_->address().ToString()) return bootstrap_.get();
  FIRN_TRY(auto link, KafkaLink::Connect(network_, address->second));
  return (links_[node_id] = std::move(link)).get();
}

Result<kafka::MetadataResponse> KafkaClient::Metadata(const std::optional<std::vector<std::string>>& topics) {
  kafka::MetadataRequest request;
  request.allow_auto_topic_creation = false;
  if (topics) {
    request.topics.emplace();
    for (const std::string& name : *topics) request.topics->push_back({.name = name});
  }
  FIRN_TRY(kafka::MetadataResponse answer, bootstrap_->Call<kafka::MetadataResponse>(request));
  for (const auto& broker : answer.brokers) addresses_[broker.node_id] = {broker.host, static_cast<uint16_t>(broker.port)};
  return answer;
}

Result<kafka::MetadataResponse::Topic> KafkaClient::Topic(const std::string& name) {
  FIRN_TRY(kafka::MetadataResponse answer, Metadata(std::vector<std::string>{name}));
  if (answer.topics.size() != 1) return Error(ErrorCode::kMalformedRequest, fmt::format("the broker described {} topics and was asked for one", answer.topics.size()));
  if (answer.topics[0].error_code != static_cast<int16_t>(kafka::KafkaCode::kUnknownTopicOrPartition)) {
    FIRN_RETURN_IF_ERROR(CheckKafkaCode(answer.topics[0].error_code, "topic " + name));
    return std::move(answer.topics[0]);
  }
  std::vector<std::string> names;
  FIRN_TRY(const kafka::MetadataResponse all, Metadata(std::nullopt));
  for (const auto& topic : all.topics) names.push_back(topic.name.value_or(""));
  return Error(ErrorCode::kUnknownTopic, fmt::format("there is no topic '{}'", name)).Candidates(base::NearNames(name, names)).Hint("firn topic list shows all; firn topic create makes one");
}

namespace {

ErrorCode ErrorCodeOf(kafka::KafkaCode code) {
  switch (code) {
    case kafka::KafkaCode::kUnknownTopicOrPartition: return ErrorCode::kUnknownTopic;
    case kafka::KafkaCode::kTopicAlreadyExists: return ErrorCode::kObjectExists;
    case kafka::KafkaCode::kOffsetOutOfRange: return ErrorCode::kOffsetOutOfRange;
    case kafka::KafkaCode::kCorruptMessage: return ErrorCode::kCorruption;
    case kafka::KafkaCode::kGroupIdNotFound: return ErrorCode::kGroupNotFound;
    case kafka::KafkaCode::kNonEmptyGroup: return ErrorCode::kGroupNotEmpty;
    case kafka::KafkaCode::kMessageTooLarge: return ErrorCode::kLimitExceeded;
    case kafka::KafkaCode::kKafkaStorageError:
    case kafka::KafkaCode::kUnknownServerError: return ErrorCode::kIoError;
    case kafka::KafkaCode::kRequestTimedOut: return ErrorCode::kTimeout;
    case kafka::KafkaCode::kCoordinatorNotAvailable:
    case kafka::KafkaCode::kNotLeaderOrFollower: return ErrorCode::kUnavailable;
    default: return ErrorCode::kInvalidArgument;
  }
}

// The next step, where there is one.
const char* HintOf(kafka::KafkaCode code) {
  switch (code) {
    case kafka::KafkaCode::kTopicAlreadyExists: return "--if-not-exists takes it as it is; firn topic delete removes it";
    case kafka::KafkaCode::kMessageTooLarge: return "smaller records, or a topic with a larger max.message.bytes: firn topic create --config max.message.bytes=N";
    case kafka::KafkaCode::kNonEmptyGroup: return "firn group describe shows who reads; the members must leave first";
    default: return "";
  }
}

}  // namespace

Status CheckKafkaCode(int16_t code, const std::string& what, const std::optional<std::string>& message) {
  const auto kafka_code = static_cast<kafka::KafkaCode>(code);
  if (kafka_code == kafka::KafkaCode::kNone) return Ok();
  std::string text = fmt::format("{}: {} ({})", what, kafka::KafkaCodeName(kafka_code), code);
  if (message && !message->empty()) text += ": " + *message;
  return std::move(Error(ErrorCodeOf(kafka_code), text).Hint(HintOf(kafka_code)));
}

}  // namespace firn::cli
