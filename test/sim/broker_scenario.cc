// SPDX-License-Identifier: Apache-2.0
// The broker core, driven with request frames: idempotent producers that send again what was not answered, as clients do; a consumer that commits offsets;
// a group of one member; a topic that is made and deleted again and again; readers that fetch what was answered, from memory and from files, and look offsets up by time. However processes die: every batch is in the log
// once, in order, at the offset that was answered; a committed offset and a membership that were answered are still there; a topic that was just made has no offsets of an earlier one of its name, also
// not from the checkpoint of a job that had read that one.
#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <string>

#include "broker/broker.h"
#include "io/network.h"
#include "kafka/error_code.h"
#include "kafka/frame.h"
#include "kafka/messages/create_topics.h"
#include "kafka/messages/delete_topics.h"
#include "kafka/messages/fetch.h"
#include "kafka/messages/heartbeat.h"
#include "kafka/messages/init_producer_id.h"
#include "kafka/messages/join_group.h"
#include "kafka/messages/list_offsets.h"
#include "kafka/messages/metadata.h"
#include "kafka/messages/offset_commit.h"
#include "kafka/messages/offset_fetch.h"
#include "kafka/messages/produce.h"
#include "kafka/messages/sync_group.h"
#include "kafka/record_batch.h"
#include "log/store.h"
#include "scenario.h"

namespace firn::sim {

namespace {

using kafka::KafkaCode;

const log::StoreOptions kTiny{.journal_file_bytes = 64 << 10, .journal_limit_bytes = 256 << 10, .memory_limit_bytes = 128 << 10, .max_entry_bytes = 256 << 10};
constexpr uint64_t kLivesMax = 4;
constexpr uint64_t kRoundsPerLifeMax = 30;
constexpr size_t kInFlightMax = 5;  // as Kafka's producers
constexpr int64_t kPatienceUs = 60'000'000;
constexpr const char* kTopic = "t";
constexpr const char* kSideTopic = "side";
constexpr const char* kGroup = "g";

struct SentBatch {
  int32_t sequence = 0;
  int32_t records = 0;
  std::optional<int64_t> offset;  // as answered
  bool is_sent = false;           // by the process that lives
};

// Writes to one partition of its own.
struct Producer {
  int32_t partition = 0;
  int64_t id = -1;
  int16_t epoch = -1;
  int32_t next_sequence = 0;
  std::deque<SentBatch> batches;  // all, by sequence
};

class BrokerWorld final : public World {
 public:
  explicit BrokerWorld(const SeedOptions& options) : World(options) {
    for (int32_t i = 0; i < 2; ++i) producers_.push_back({.partition = i});
    if (OneIn(2)) topic_configs_["compression.type"] = "lz4";  // then batches in other codecs are made anew beside the broker's queue
  }

  void Act() override {
    for (uint64_t lives = 1 + Choose(kLivesMax); lives > 0; --lives) Live();
    StartBroker();
    for (Producer& producer : producers_) SendUnanswered(producer, kInFlightMax);
    const auto all_answered = [&] {
      for (Producer& producer : producers_) SendUnanswered(producer, kInFlightMax);
      return std::all_of(producers_.begin(), producers_.end(), [](const Producer& producer) { return UnansweredOf(producer) == 0; });
    };
    Await("the answer to a batch that was sent again", all_answered);
    CheckLogs();
    ReadAllCold();
    broker_.reset();
    store_.reset();
  }

 private:
  bool is_stopping() { return is_dead() || disk().has_failed_sync(); }

  void Live() {
    if (OneIn(4)) disk().CrashAfter(Choose(60));
    StartBroker();
    if (OneIn(2)) disk().CrashAfter(Choose(300));
    if (OneIn(5)) disk().FailSyncAfter(Choose(60));
    for (uint64_t rounds = Choose(kRoundsPerLifeMax); rounds > 0 && !is_dead(); --rounds) {
      Producer& producer = producers_[Choose(producers_.size())];
      if (producer.id < 0) InitProducer(producer);
      if (producer.id >= 0 && UnansweredOf(producer) < kInFlightMax) AddBatch(producer);
      SendUnanswered(producer, kInFlightMax);
      if (OneIn(4)) CommitOffset();
      if (OneIn(6)) JoinAndSync();
      if (OneIn(5)) UseSideTopic();
      if (OneIn(3)) CommitCheckpoint();
      for (uint64_t reads = Choose(4); reads > 0; --reads) SendFetch(producer, Choose(static_cast<uint64_t>(AnsweredEnd(producer)) + 1));
      if (OneIn(3)) SendLookup(producer);
      world_.executor().StepFor(static_cast<int64_t>(Choose(3'000)));
    }
    EndProcess();
  }

  void EndProcess() {
    if (failed_.has_value()) throw *failed_;
    if (!is_dead()) disk().Crash();
    broker_.reset();
    store_.reset();
    for (Producer& producer : producers_) {
      for (SentBatch& batch : producer.batches) batch.is_sent = false;
    }
    Restart();
  }

  void StartBroker() {
    for (int tries = 0;; ++tries) {
      SIM_CHECK(tries < 20, "the broker does not start after {} tries", tries);
      const Status status = TryStart();
      if (status.ok() && !is_dead()) break;
      SIM_CHECK(is_stopping(), "the broker does not start: {}", status.ok() ? "" : status.error().ToString());
      EndProcess();
    }
    CheckOffset();
    CheckMembership();
  }

  Status TryStart() {
    FIRN_TRY(store_, log::Store::Open(world_.environment(), "/data", kTiny));
    FIRN_TRY(broker_, broker::Broker::Open(world_.environment(), *store_, reactor()));
    if (broker_->topics().Find(kTopic).ok()) return Ok();
    bool is_made = false;
    reactor().Post([&] { broker_->topics().Create(kTopic, {.partition_count = 2, .configs = topic_configs_}, [&is_made](const Result<broker::TopicInfo>& made) { is_made = made.ok(); }); });
    world_.executor().StepFor(kPatienceUs);
    return is_made ? Ok() : Status(Error(ErrorCode::kUnavailable, "the topic cannot be made"));
  }

  io::TaskQueue& reactor() { return world_.environment().network.reactor(); }

  template <typename Condition>
  void Await(const char* what, const Condition& condition) {
    const int64_t deadline_us = world_.clock().MonotonicUs() + kPatienceUs;
    while (!is_stopping() && !condition()) {
      if (failed_.has_value()) throw *failed_;
      SIM_CHECK(world_.executor().Step() && world_.clock().MonotonicUs() < deadline_us, "{} does not come", what);
    }
  }

  // The request goes out; `take` gets the response if the process lives to give it. A failure in it is thrown at the end of the process.
  template <typename Response, typename Request>
  void Send(int version, const Request& request, std::function<void(const Response&)> take) {
    std::string frame;
    const kafka::RequestHeader header{.api_version = static_cast<int16_t>(version), .correlation_id = 7, .client_id = "sim"};
    for (const auto& part : kafka::EncodeRequest(header, request)) frame.append(part.view());
    reactor().Post([this, version, take = std::move(take), body = frame.substr(kafka::kFrameSizeBytes)] {
      if (broker_ == nullptr) return;  // ended in order, with this still on its way
      broker_->Handle({base::SharedBytes::FromString(body)}, {.host = "127.0.0.1"}, [this, version, take](broker::Reply reply) {
        if (is_dead()) return;
        try {
          SIM_CHECK(reply.kind == broker::Reply::Kind::kSend, "the connection is closed: {}", reply.reason);
          std::string answer;
          for (const auto& part : reply.frame) answer.append(part.view());
          auto response = kafka::DecodeResponse<Response>(base::SharedBytes::FromString(answer.substr(kafka::kFrameSizeBytes)), version, 7);
          SIM_CHECK(response.ok(), "{}", response.error().ToString());
          take(*response);
        } catch (const Failed& failed) {
          if (!failed_.has_value()) failed_ = failed;
        }
      });
    });
  }

  // Sends and waits; nullopt if the process does not live to answer.
  template <typename Response, typename Request>
  std::optional<Response> Call(int version, const Request& request) {
    auto answer = std::make_shared<std::optional<Response>>();
    Send<Response>(version, request, [answer](const Response& response) { *answer = response; });
    Await("an answer", [&] { return answer->has_value(); });
    return *answer;
  }

  // --- producers ---

  void InitProducer(Producer& producer) {
    const auto response = Call<kafka::InitProducerIdResponse>(4, kafka::InitProducerIdRequest{});
    if (!response.has_value() || response->error_code != 0) return;
    for (const Producer& other : producers_) SIM_CHECK(other.id != response->producer_id, "producer id {} is given twice", other.id);
    producer.id = response->producer_id;
    producer.epoch = response->producer_epoch;
  }

  static size_t UnansweredOf(const Producer& producer) {
    return static_cast<size_t>(std::count_if(producer.batches.begin(), producer.batches.end(), [](const SentBatch& batch) { return !batch.offset.has_value(); }));
  }

  void AddBatch(Producer& producer) {
    const auto records = static_cast<int32_t>(1 + Choose(5));
    producer.batches.push_back({.sequence = producer.next_sequence, .records = records});
    producer.next_sequence += records;
  }

  // In order of sequence. One sent again although it was sent: sometimes a client does not get the answer.
  void SendUnanswered(Producer& producer, size_t limit) {
    for (size_t i = 0; i < producer.batches.size() && limit > 0; ++i) {
      SentBatch& batch = producer.batches[i];
      if (batch.offset.has_value() || (batch.is_sent && !OneIn(50))) continue;
      batch.is_sent = true;
      --limit;
      SendBatch(producer, i);
    }
  }

  void SendBatch(Producer& producer, size_t index) {
    const SentBatch& batch = producer.batches[index];
    const auto codec = static_cast<kafka::Codec>(Choose(5));
    kafka::RecordBatchBuilder builder({.codec = codec, .producer_id = producer.id, .producer_epoch = producer.epoch, .base_sequence = batch.sequence});
    for (int32_t i = 0; i < batch.records; ++i) builder.Append(world_.clock().WallTimeMs(), std::nullopt, std::to_string(batch.sequence + i));
    kafka::ProduceRequest request;
    request.acks = -1;
    request.timeout_ms = 30'000;
    auto& topic = request.topics.emplace_back();
    topic.name = kTopic;
    auto& partition = topic.partitions.emplace_back();
    partition.index = producer.partition;
    partition.records = kafka::Records{base::SharedBytes::FromString(builder.Build())};
    Send<kafka::ProduceResponse>(9, request, [this, &producer, index](const kafka::ProduceResponse& response) {
      const auto& answer = response.topics.at(0).partitions.at(0);
      SentBatch& answered = producer.batches[index];
      if (answer.error_code != 0) {
        SIM_CHECK(is_stopping(), "batch {} of partition {} is refused with code {}", answered.sequence, producer.partition, answer.error_code);
        return;
      }
      SIM_CHECK(!answered.offset.has_value() || *answered.offset == answer.base_offset, "batch {} is answered with offset {} and with {}", answered.sequence, *answered.offset,
                answer.base_offset);
      SIM_CHECK(answer.base_offset == answered.sequence, "batch {} is answered with offset {}, it is alone in its partition", answered.sequence, answer.base_offset);
      answered.offset = answer.base_offset;
    });
  }

  // Each record's value is its sequence, and so must its offset be.
  void CheckLogs() {
    if (is_stopping()) return;
    auto topic = broker_->topics().Find(kTopic);
    SIM_CHECK(topic.ok(), "the topic is gone");
    for (const Producer& producer : producers_) {
      const auto log = broker_->topics().partition(topic->partitions.at(static_cast<size_t>(producer.partition)));
      SIM_CHECK(log->high_watermark().value() == producer.next_sequence, "partition {} holds {} records, {} were produced", producer.partition, log->high_watermark().value(),
                producer.next_sequence);
      for (log::Offset next(0); next < log->high_watermark();) {
        auto read = log->Read(next, {});
        SIM_CHECK(read.ok(), "{}", read.error().ToString());
        for (const base::SharedBytes& bytes : read->batches) CheckValues(bytes.view());
        next = read->next;
      }
    }
  }

  static void CheckValues(std::string_view bytes) {
    Status status = kafka::ForEachBatch(bytes, [](const kafka::RecordBatchView& batch) {
      std::string scratch;
      kafka::RecordReader reader(&scratch);
      SIM_CHECK(reader.Open(batch).ok(), "a batch cannot be read");
      kafka::RecordView record;
      while (reader.Next(&record)) SIM_CHECK(record.value == std::to_string(record.offset), "record {} stands at offset {}", record.value, record.offset);
      return true;
    });
    SIM_CHECK(status.ok(), "{}", status.error().ToString());
  }

  // --- readers ---

  // Behind the last record that was answered for: what a reader may rely on.
  static int64_t AnsweredEnd(const Producer& producer) {
    int64_t end = 0;
    for (const SentBatch& batch : producer.batches) {
      if (batch.offset.has_value()) end = std::max(end, *batch.offset + batch.records);
    }
    return end;
  }

  void SendFetch(const Producer& producer, uint64_t from, std::function<void(int64_t)> take = [](int64_t) {}) {
    const int64_t answered_end = AnsweredEnd(producer);
    kafka::FetchRequest request;
    request.max_wait_ms = static_cast<int32_t>(Choose(100));
    request.min_bytes = 1;
    request.max_bytes = 1 << 20;
    auto& topic = request.topics.emplace_back();
    topic.name = kTopic;
    auto& partition = topic.partitions.emplace_back();
    partition.index = producer.partition;
    partition.fetch_offset = static_cast<int64_t>(from);
    partition.max_bytes = static_cast<int32_t>(1 + Choose(2'000));
    Send<kafka::FetchResponse>(12, request, [this, &producer, answered_end, from = partition.fetch_offset, take = std::move(take)](const kafka::FetchResponse& response) {
      const auto& answer = response.topics.at(0).partitions.at(0);
      SIM_CHECK(answer.error_code == 0 || is_stopping(), "a fetch of partition {} from {} fails with code {}", producer.partition, from, answer.error_code);
      if (answer.error_code != 0) return;
      SIM_CHECK(answer.high_watermark >= answered_end, "partition {} ends at {}, {} was answered", producer.partition, answer.high_watermark, answered_end);
      int64_t next = from;
      for (const base::SharedBytes& bytes : *answer.records) next = CheckFetched(bytes.view(), next);
      SIM_CHECK(next > from || from >= answered_end, "a fetch of partition {} from {} has no records, {} was answered", producer.partition, from, answered_end);
      take(next);
    });
  }

  // Batches that begin at `next` or hold it; returns what is behind them.
  static int64_t CheckFetched(std::string_view bytes, int64_t next) {
    CheckValues(bytes);
    Status status = kafka::ForEachBatch(bytes, [&](const kafka::RecordBatchView& batch) {
      SIM_CHECK(batch.base_offset() <= next && batch.last_offset() >= next, "offset {} is wanted, a batch of {}..{} comes", next, batch.base_offset(), batch.last_offset());
      next = batch.last_offset() + 1;
      return true;
    });
    SIM_CHECK(status.ok(), "{}", status.error().ToString());
    return next;
  }

  void SendLookup(const Producer& producer) {
    kafka::ListOffsetsRequest request;
    auto& topic = request.topics.emplace_back();
    topic.name = kTopic;
    for (int64_t timestamp : {int64_t{0}, world_.clock().WallTimeMs() - static_cast<int64_t>(Choose(1'000)), int64_t{-3}}) {
      auto& partition = topic.partitions.emplace_back();
      partition.index = producer.partition;
      partition.timestamp = timestamp;
    }
    Send<kafka::ListOffsetsResponse>(7, request, [this, &producer, has_records = AnsweredEnd(producer) > 0](const kafka::ListOffsetsResponse& response) {
      for (const auto& answer : response.topics.at(0).partitions) {
        SIM_CHECK(answer.error_code == 0 || is_stopping(), "a lookup in partition {} fails with code {}", producer.partition, answer.error_code);
        SIM_CHECK(answer.offset < producer.next_sequence, "a lookup finds offset {} of {}", answer.offset, producer.next_sequence);
      }
      const auto& first = response.topics.at(0).partitions.at(0);
      SIM_CHECK(!has_records || first.error_code != 0 || first.offset == 0, "the first record of all time is {}", first.offset);
    });
  }

  // After an orderly end all is in segment files: readers get everything from there, at the same time.
  void ReadAllCold() {
    if (is_stopping()) return;
    broker_.reset();
    const Status closed = store_->Close();
    store_.reset();
    SIM_CHECK(closed.ok(), "{}", closed.error().ToString());
    const Status started = TryStart();
    SIM_CHECK(started.ok(), "{}", started.error().ToString());
    size_t ended = 0;
    for (const Producer& producer : producers_) {
      if (producer.next_sequence > 0) {
        const auto log = broker_->topics().partition(broker_->topics().Find(kTopic)->partitions.at(static_cast<size_t>(producer.partition)));
        auto read = log->ReadMemory(log::Offset(0), {});
        SIM_CHECK(read.ok() && !read->has_value(), "partition {} is in memory", producer.partition);
      }
      ReadOn(producer, 0, &ended);
    }
    Await("the end of all partitions", [&] { return ended == producers_.size(); });
  }

  void ReadOn(const Producer& producer, int64_t from, size_t* ended) {
    if (from == producer.next_sequence) {
      ++*ended;
      return;
    }
    SendFetch(producer, static_cast<uint64_t>(from), [this, &producer, ended](int64_t next) { ReadOn(producer, next, ended); });
  }

  // --- offsets and membership ---

  void CommitOffset() {
    const int64_t offset = ++sent_offset_;
    kafka::OffsetCommitRequest request;
    request.group_id = "reader";
    request.generation_id = -1;
    auto& topic = request.topics.emplace_back();
    topic.name = kTopic;
    topic.partitions.push_back({0, offset, -1, ""});
    Send<kafka::OffsetCommitResponse>(8, request, [this, offset](const kafka::OffsetCommitResponse& response) {
      const int16_t code = response.topics.at(0).partitions.at(0).error_code;
      SIM_CHECK(code == 0 || is_stopping(), "an offset is refused with code {}", code);
      if (code == 0) committed_offset_ = std::max(committed_offset_, offset);
    });
  }

  // A topic that comes and goes, with offsets on their way when it is deleted. However far a deletion has come when the process dies: who makes the topic makes a new one.
  void UseSideTopic() {
    kafka::CreateTopicsRequest creation;
    auto& wanted = creation.topics.emplace_back();
    wanted.name = kSideTopic;
    wanted.num_partitions = 1;
    wanted.replication_factor = 1;
    const auto created = Call<kafka::CreateTopicsResponse>(7, creation);
    if (!created.has_value()) return;
    const int16_t code = created->topics.at(0).error_code;
    const bool is_there = code == 0 || code == static_cast<int16_t>(KafkaCode::kTopicAlreadyExists);
    SIM_CHECK(is_there || is_stopping(), "a topic is refused with code {}", code);
    if (code == 0) CheckSideTopicIsNew();
    BeginCheckpoint();
    kafka::OffsetCommitRequest commit;
    commit.group_id = "side";
    commit.generation_id = -1;
    auto& topic = commit.topics.emplace_back();
    topic.name = kSideTopic;
    topic.partitions.push_back({0, 1, -1, ""});
    Send<kafka::OffsetCommitResponse>(8, commit, [](const kafka::OffsetCommitResponse&) {});
    if (OneIn(3)) return;
    kafka::DeleteTopicsRequest deletion;
    deletion.topics.push_back({kSideTopic, {}});
    Send<kafka::DeleteTopicsResponse>(6, deletion, [this](const kafka::DeleteTopicsResponse& response) {
      const int16_t deleted = response.responses.at(0).error_code;
      SIM_CHECK(deleted == 0 || deleted == static_cast<int16_t>(KafkaCode::kUnknownTopicOrPartition) || is_stopping(), "a deletion is refused with code {}", deleted);
    });
  }

  // A job has read the side topic: what its checkpoint puts into the journal, whatever has become of the topic by then.
  void BeginCheckpoint() {
    const auto side = broker_->topics().Find(kSideTopic);
    if (side.ok()) checkpoint_ = broker_->topics().CommitOffset({.group = "side", .topic = kSideTopic, .id = side->partitions.at(0), .offset = 2});
  }

  void CommitCheckpoint() {
    if (!checkpoint_.has_value()) return;
    std::vector<log::Operation> entry;
    entry.push_back(*std::exchange(checkpoint_, std::nullopt));
    store_->journal().Append(std::move(entry), [](const Result<log::Committed>&) {});
  }

  void CheckSideTopicIsNew() {
    kafka::OffsetFetchRequest request;
    request.group_id = "side";
    request.topics.emplace().push_back({kSideTopic, {0}});
    const auto response = Call<kafka::OffsetFetchResponse>(5, request);
    if (!response.has_value()) return;
    const int64_t offset = response->topics.at(0).partitions.at(0).committed_offset;
    SIM_CHECK(offset == -1, "offset {} is committed in a topic that was just made", offset);
  }

  void CheckOffset() {
    kafka::OffsetFetchRequest request;
    request.group_id = "reader";
    request.topics.emplace().push_back({kTopic, {0}});
    const auto response = Call<kafka::OffsetFetchResponse>(5, request);
    if (!response.has_value()) return;
    const int64_t offset = response->topics.at(0).partitions.at(0).committed_offset;
    SIM_CHECK(offset >= committed_offset_ && offset <= sent_offset_, "offset {} is committed, {} was answered and {} sent", offset, committed_offset_, sent_offset_);
  }

  // The only member joins (again) and gives itself an assignment: its generation is answered for once that is durable.
  void JoinAndSync() {
    kafka::JoinGroupRequest join;
    join.group_id = kGroup;
    join.session_timeout_ms = 300'000;
    join.rebalance_timeout_ms = 10'000;
    join.member_id = member_id_;
    join.protocol_type = "consumer";
    join.protocols.push_back({"range", base::SharedBytes::FromString(std::to_string(++subscription_))});
    generation_ = -1;  // until it is answered again
    auto joined = Call<kafka::JoinGroupResponse>(7, join);
    if (joined.has_value() && joined->error_code == static_cast<int16_t>(KafkaCode::kMemberIdRequired)) {
      join.member_id = joined->member_id;
      joined = Call<kafka::JoinGroupResponse>(7, join);
    }
    if (!joined.has_value() || joined->error_code != 0) return;
    member_id_ = joined->member_id;
    kafka::SyncGroupRequest sync;
    sync.group_id = kGroup;
    sync.generation_id = joined->generation_id;
    sync.member_id = member_id_;
    sync.assignments.push_back({member_id_, base::SharedBytes::FromString("all")});
    const auto synced = Call<kafka::SyncGroupResponse>(5, sync);
    if (synced.has_value() && synced->error_code == 0) generation_ = joined->generation_id;
  }

  void CheckMembership() {
    if (generation_ < 0) {
      member_id_.clear();  // nobody knows whether the last change of the group is durable: as a new member
      return;
    }
    kafka::HeartbeatRequest heartbeat;
    heartbeat.group_id = kGroup;
    heartbeat.generation_id = generation_;
    heartbeat.member_id = member_id_;
    const auto response = Call<kafka::HeartbeatResponse>(4, heartbeat);
    SIM_CHECK(!response.has_value() || response->error_code == 0, "the member of generation {} is refused with code {} after a restart", generation_, response->error_code);
  }

  std::unique_ptr<log::Store> store_;
  std::unique_ptr<broker::Broker> broker_;
  std::vector<Producer> producers_;
  std::map<std::string, std::string> topic_configs_;
  std::optional<log::Operation> checkpoint_;  // on its way
  int64_t sent_offset_ = 0;
  int64_t committed_offset_ = -1;
  std::string member_id_;
  int32_t generation_ = -1;  // of the last answered SyncGroup
  int subscription_ = 0;
  std::optional<Failed> failed_;
};

}  // namespace

void RunBrokerSeed(const SeedOptions& options) { BrokerWorld(options).Run(); }

}  // namespace firn::sim
