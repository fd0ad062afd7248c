// SPDX-License-Identifier: Apache-2.0
// Produce: validates each partition's batch, appends all good ones in one journal entry, answers when it is durable.
//
//   1. each partition: topic known? one batch, whole, checksum right, not too large, time plausible? A fault is that partition's answer; the others go on.
//   2. are its records readable? What takes long to tell (batch_examination.h) is told beside the queue, and this connection's later requests wait for it
//      (ProduceLanes); so do batches that the topic wants in a codec of its own.
//   3. sequence right? All accepted batches, and the new state of their producers, become one entry: they are durable together.
//   4. the entry is durable: offsets into the answer; duplicates that waited for a batch in flight are told too.
//
// acks=1 waits for the disk as acks=all does. acks=0 has no response; a fault in it closes the connection, which is all Kafka does as well.
#include "kafka/messages/produce.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <vector>

#include "base/assert.h"
#include "broker/batch_examination.h"
#include "broker/core_internal.h"
#include "broker/handlers/handlers_internal.h"
#include "kafka/record_batch.h"

namespace firn::broker {

using kafka::KafkaCode;
using kafka::ProduceRequest;
using kafka::ProduceResponse;
using kafka::RecordBatchView;

namespace {

constexpr int kFirstVersionTakingZstd = 7;  // KIP-110

/// One Produce request until it is answered.
class Production : public std::enable_shared_from_this<Production> {
 public:
  Production(Core& core, CallPtr call, ProduceRequest request) : core_(core), call_(std::move(call)), request_(std::move(request)) {}

  void Start();

 private:
  struct Appended {
    size_t topic = 0, partition = 0;  // in the response
    log::TopicPartitionId id;
    int64_t producer_id = -1;
    std::shared_ptr<AcceptedBatch> accepted;  // null without idempotence
  };
  /// A batch with a sound header.
  struct Batch {
    size_t topic = 0, partition = 0;    // in the request and the response
    base::SharedBytes bytes;            // as produced; as it is to be stored once it is examined
    std::optional<kafka::Codec> codec;  // to be compressed with anew
    std::optional<Status> examined;
  };

  ProduceResponse::Partition& Slot(size_t topic, size_t partition) { return response_.topics[topic].partitions[partition]; }
  void TakePartition(size_t topic_index, size_t partition_index);
  Result<RecordBatchView> CheckHeader(const Topic& topic, const std::optional<kafka::Records>& records) const;
  Outcome CheckTimes(const Topic& topic, const RecordBatchView& batch) const;
  void Examine(BlockingCalls& calls, size_t max_plain_bytes, std::function<void()> done);
  void Append();
  void AppendBatch(const Topic& topic, const std::shared_ptr<log::PartitionLog>& log, const Batch& batch);
  void LetGoOfFrame();
  void AnswerRepetition(const std::shared_ptr<log::PartitionLog>& log, size_t topic, size_t partition, const RecordBatchView& batch,
                        const std::shared_ptr<AcceptedBatch>& repeated);
  void OnCommitted(const Result<log::Committed>& result);
  void FinishOne();

  bool IsExamined() const {
    return std::all_of(batches_.begin(), batches_.end(), [](const Batch& batch) { return batch.examined.has_value(); });
  }

  static void Refuse(ProduceResponse::Partition& slot, KafkaCode code, std::string message);
  static void Refuse(ProduceResponse::Partition& slot, const Error& error) { Refuse(slot, kafka::KafkaCodeOf(error), error.message()); }

  Core& core_;
  CallPtr call_;
  ProduceRequest request_;
  ProduceResponse response_;
  std::vector<Batch> batches_;
  std::vector<Appended> appended_;
  std::vector<log::Operation> operations_;
  int outstanding_ = 1;  // the entry, and repetitions of batches in flight
};

void Production::Refuse(ProduceResponse::Partition& slot, KafkaCode code, std::string message) {
  slot.error_code = static_cast<int16_t>(code);
  slot.base_offset = -1;
  slot.error_message = std::move(message);
}

void Production::Start() {
  response_.topics.resize(request_.topics.size());
  int64_t bytes = 0;
  for (size_t i = 0; i < request_.topics.size(); ++i) {
    response_.topics[i].name = request_.topics[i].name;
    response_.topics[i].partitions.resize(request_.topics[i].partitions.size());
    for (size_t j = 0; j < request_.topics[i].partitions.size(); ++j) {
      Slot(i, j).index = request_.topics[i].partitions[j].index;
      TakePartition(i, j);
    }
  }
  for (const Batch& batch : batches_) bytes += static_cast<int64_t>(batch.bytes.size());
  const uint64_t connection = call_->connection();
  if (IsExamined() && core_.produce_lanes.IsEmpty(connection)) return Append();
  const ProduceLanes::Ticket ticket = core_.produce_lanes.Enter(connection, bytes, [self = shared_from_this()] { self->Append(); });
  if (IsExamined()) return core_.produce_lanes.SetReady(connection, ticket);
  auto set_ready = [self = shared_from_this(), connection, ticket] { self->core_.produce_lanes.SetReady(connection, ticket); };
  Examine(core_.calls, kPlainBytes, [self = shared_from_this(), set_ready] {
    if (self->IsExamined()) return set_ready();
    self->Examine(self->core_.large_calls, kProducedPlainBytesMax, set_ready);
  });
}

/// Examines what is not yet, beside the queue. What is larger than `max_plain_bytes` stays so, unless that is the limit of all.
void Production::Examine(BlockingCalls& calls, size_t max_plain_bytes, std::function<void()> done) {
  std::vector<Batch> left;
  for (const Batch& batch : batches_) {
    if (!batch.examined.has_value()) left.push_back(batch);
  }
  auto examine = [left = std::move(left), max_plain_bytes] {
    std::vector<Result<base::SharedBytes>> examined;
    for (const Batch& batch : left) examined.push_back(broker::Examine(batch.bytes, batch.codec, max_plain_bytes));
    return examined;
  };
  calls.Run(std::move(examine), [self = shared_from_this(), max_plain_bytes, done = std::move(done)](std::vector<Result<base::SharedBytes>> examined) {
    auto next = examined.begin();
    for (Batch& batch : self->batches_) {
      if (batch.examined.has_value()) continue;
      FIRN_ASSERT(next != examined.end(), "{} batches were examined, there are more", examined.size());
      Result<base::SharedBytes> result = std::move(*next++);
      const bool is_large = !result.ok() && result.error().code() == ErrorCode::kLimitExceeded && max_plain_bytes < kProducedPlainBytesMax;
      if (is_large) continue;
      batch.examined = result.ok() ? Ok() : Status(std::move(result).error());
      if (batch.examined->ok()) batch.bytes = std::move(*result);
    }
    done();
  });
}

/// Of requests of a connection, in order.
void Production::Append() {
  for (const Batch& batch : batches_) {
    FIRN_ASSERT(batch.examined.has_value(), "a batch is appended that nobody has examined");
    auto& slot = Slot(batch.topic, batch.partition);
    Topic* topic = core_.topics.Find(request_.topics[batch.topic].name);
    const log::PartitionLog* log = topic == nullptr ? nullptr : core_.topics.Partition(*topic, slot.index);
    if (log == nullptr) {
      Refuse(slot, KafkaCode::kUnknownTopicOrPartition, "the topic was deleted meanwhile");
    } else if (!batch.examined->ok()) {
      Refuse(slot, batch.examined->error());
    } else {
      AppendBatch(*topic, topic->logs[static_cast<size_t>(slot.index)], batch);
    }
  }
  batches_.clear();
  if (operations_.empty()) return FinishOne();
  LetGoOfFrame();
  core_.queue.Append(std::move(operations_), [self = shared_from_this()](Result<log::Committed> result) { self->OnCommitted(result); });
  if (request_.acks == 0) FinishOne();
}

void Production::TakePartition(size_t topic_index, size_t partition_index) {
  const auto& wanted = request_.topics[topic_index].partitions[partition_index];
  auto& slot = Slot(topic_index, partition_index);
  if (request_.acks < -1 || request_.acks > 1) {
    return Refuse(slot, KafkaCode::kInvalidRequiredAcks, fmt::format("acks must be -1, 0 or 1, not {}", request_.acks));
  }
  if (request_.transactional_id.has_value()) {
    return Refuse(slot, KafkaCode::kInvalidTxnState,
                  fmt::format("transactional id '{}': transactions are not supported; an idempotent producer needs no transactional id", *request_.transactional_id));
  }
  Topic* topic = core_.topics.Find(request_.topics[topic_index].name);
  const log::PartitionLog* log = topic == nullptr ? nullptr : core_.topics.Partition(*topic, wanted.index);
  if (log == nullptr) return Refuse(slot, KafkaCode::kUnknownTopicOrPartition, "this server does not host this topic-partition");
  slot.log_start_offset = log->log_start().value();
  auto batch = CheckHeader(*topic, wanted.records);
  if (!batch.ok()) return Refuse(slot, batch.error());
  if (batch->codec() == kafka::Codec::kZstd && call_->version() < kFirstVersionTakingZstd) {
    return Refuse(slot, KafkaCode::kUnsupportedCompressionType, fmt::format("zstd comes with version {} of Produce, and this is version {}", kFirstVersionTakingZstd, call_->version()));
  }
  if (Outcome times = CheckTimes(*topic, *batch); !times.ok()) return Refuse(slot, times.code, times.message);
  Batch taken{.topic = topic_index, .partition = partition_index, .bytes = wanted.records->front()};
  if (topic->settings.codec.has_value() && batch->codec() != *topic->settings.codec) taken.codec = topic->settings.codec;
  if (!taken.codec.has_value()) taken.examined = ExamineQuickly(*batch, &core_.scratch);
  batches_.push_back(std::move(taken));
}

Result<RecordBatchView> Production::CheckHeader(const Topic& topic, const std::optional<kafka::Records>& records) const {
  if (!records.has_value() || records->empty() || records->front().empty()) {
    return Error(ErrorCode::kInvalidRecordBatch, "a produce request must carry a record batch for each partition");
  }
  const base::SharedBytes& bytes = records->front();
  if (static_cast<int64_t>(bytes.size()) > topic.settings.max_message_bytes) {
    return Error(ErrorCode::kLimitExceeded, fmt::format("record batch has {} bytes; topic {} takes at most {} (max.message.bytes)", bytes.size(),
                                                        topic.info.name, topic.settings.max_message_bytes));
  }
  FIRN_TRY(RecordBatchView batch, RecordBatchView::Parse(bytes.view()));
  if (batch.size() != bytes.size()) {
    return Error(ErrorCode::kInvalidRecordBatch, "a produce request must carry exactly one record batch for each partition");
  }
  FIRN_RETURN_IF_ERROR(batch.CheckProduced(call_->Crc32c(bytes.view().substr(kafka::kBatchCrcBegin))));
  if (batch.is_control() || batch.is_transactional()) {
    return Error(ErrorCode::kInvalidRecordBatch, "control batches and transactional batches are not accepted");
  }
  return batch;
}

Outcome Production::CheckTimes(const Topic& topic, const RecordBatchView& batch) const {
  if (topic.settings.has_log_append_time) return {};
  const int64_t now_ms = core_.queue.wall_time_ms();
  if (batch.max_timestamp() > now_ms && batch.max_timestamp() - now_ms > topic.settings.timestamp_after_max_ms) {
    return {KafkaCode::kInvalidTimestamp, fmt::format("timestamp {} is more than {} ms ahead of the broker's {} (message.timestamp.after.max.ms)",
                                                      batch.max_timestamp(), topic.settings.timestamp_after_max_ms, now_ms)};
  }
  // The first record's time stands for all: finding the smallest would mean to read every record.
  if (batch.base_timestamp() >= 0 && now_ms - batch.base_timestamp() > topic.settings.timestamp_before_max_ms) {
    return {KafkaCode::kInvalidTimestamp, fmt::format("timestamp {} is more than {} ms behind the broker's {} (message.timestamp.before.max.ms)",
                                                      batch.base_timestamp(), topic.settings.timestamp_before_max_ms, now_ms)};
  }
  return {};
}

void Production::AppendBatch(const Topic& topic, const std::shared_ptr<log::PartitionLog>& log, const Batch& taken) {
  auto& slot = Slot(taken.topic, taken.partition);
  if (topic.settings.has_log_append_time) {
    // The frame is the request's own memory (Broker::Handle), as is a batch made anew.
    kafka::SetLogAppendTime(core_.queue.wall_time_ms(), const_cast<char*>(taken.bytes.data()), taken.bytes.size());
  }
  auto parsed = RecordBatchView::Parse(taken.bytes.view());
  FIRN_ASSERT(parsed.ok(), "{}", parsed.error().ToString());  // CheckHeader has seen it
  FIRN_ASSERT(parsed->size() == taken.bytes.size(), "a batch of {} bytes in {}", parsed->size(), taken.bytes.size());
  const RecordBatchView& batch = *parsed;
  if (topic.settings.has_log_append_time) slot.log_append_time_ms = batch.max_timestamp();
  Appended appended{.topic = taken.topic, .partition = taken.partition, .id = log->id(), .producer_id = batch.producer_id(), .accepted = nullptr};
  std::optional<log::Put> put;
  if (appended.producer_id >= 0) {
    auto verdict = core_.producers.Accept(*log, batch, core_.queue.wall_time_ms());
    if (verdict.repeated != nullptr) return AnswerRepetition(log, taken.topic, taken.partition, batch, verdict.repeated);
    if (verdict.code != KafkaCode::kNone) {
      return Refuse(slot, verdict.code, fmt::format("producer {} epoch {} sequence {} does not follow what partition {} has", batch.producer_id(),
                                                    batch.producer_epoch(), batch.base_sequence(), slot.index));
    }
    appended.accepted = verdict.accepted;
    put = std::move(verdict.put);
  }
  operations_.emplace_back(log::AppendRecords{log->id(), taken.bytes, batch.record_count()});
  if (put.has_value()) operations_.emplace_back(std::move(*put));
  FIRN_ASSERT((appended.producer_id < 0) == (appended.accepted == nullptr), "a batch of producer {} has no state", appended.producer_id);
  appended_.push_back(std::move(appended));
}

// Until they are in the segments, batches hold the whole frame that they came in, and are counted by their own sizes: where most of the frame is something else
// (batches that were refused, fields that nobody knows) they are copied.
void Production::LetGoOfFrame() {
  constexpr size_t kSmallFrameBytes = 64 << 10;
  constexpr size_t kShareMin = 4;
  size_t kept = 0;
  for (const log::Operation& operation : operations_) {
    if (const auto* append = std::get_if<log::AppendRecords>(&operation)) kept += append->batches.size();
  }
  if (call_->frame_bytes() <= kSmallFrameBytes || kept * kShareMin > call_->frame_bytes()) return;
  for (log::Operation& operation : operations_) {
    if (auto* append = std::get_if<log::AppendRecords>(&operation)) append->batches = base::SharedBytes::FromString(std::string(append->batches.view()));
  }
}

void Production::AnswerRepetition(const std::shared_ptr<log::PartitionLog>& log, size_t topic, size_t partition, const RecordBatchView& batch,
                                  const std::shared_ptr<AcceptedBatch>& repeated) {
  if (request_.acks == 0) return;  // nobody is told
  if (!repeated->is_in_flight && repeated->batch.offset >= 0) {
    Slot(topic, partition).base_offset = repeated->batch.offset;
    return;
  }
  if (!repeated->is_in_flight) {
    ++outstanding_;
    const ProducerTable::Sought sought{batch.producer_id(), batch.producer_epoch(), batch.base_sequence(), repeated->batch.search_from};
    core_.calls.Run([log, sought] { return ProducerTable::FindBatch(*log, sought); }, [self = shared_from_this(), topic, partition, repeated](int64_t offset) {
      repeated->batch.offset = self->Slot(topic, partition).base_offset = offset;
      self->FinishOne();
    });
    return;
  }
  ++outstanding_;
  repeated->waiting.push_back([self = shared_from_this(), topic, partition](KafkaCode code, int64_t offset) {
    auto& slot = self->Slot(topic, partition);
    if (code == KafkaCode::kNone) slot.base_offset = offset;
    else Refuse(slot, code, "the batch that this one repeats could not be stored");
    self->FinishOne();
  });
}

void Production::OnCommitted(const Result<log::Committed>& result) {
  if (result.ok()) FIRN_ASSERT(result->first_offsets.size() == appended_.size(), "{} offsets", result->first_offsets.size());
  for (size_t i = 0; i < appended_.size(); ++i) {
    const Appended& appended = appended_[i];
    auto& slot = Slot(appended.topic, appended.partition);
    const KafkaCode code = result.ok() ? KafkaCode::kNone : kafka::KafkaCodeOf(result.error());
    const int64_t offset = result.ok() ? result->first_offsets[i].value() : -1;
    slot.base_offset = offset;
    if (!result.ok()) Refuse(slot, code, result.error().message());
    if (appended.accepted != nullptr) core_.producers.Finish(appended.id, appended.producer_id, *appended.accepted, code, offset);
  }
  if (request_.acks != 0) FinishOne();
}

void Production::FinishOne() {
  FIRN_ASSERT(outstanding_ > 0, "a produce request is answered twice");
  if (--outstanding_ > 0) return;
  if (request_.acks != 0) return call_->Respond(response_);
  for (const auto& topic : response_.topics) {
    for (const auto& partition : topic.partitions) {
      if (partition.error_code != 0) return call_->Close(fmt::format("produce with acks=0 failed: {}", partition.error_message.value_or("")));
    }
  }
  call_->RespondNothing();
}

}  // namespace

void HandleProduce(Core& core, CallPtr call, ProduceRequest request) {
  std::make_shared<Production>(core, std::move(call), std::move(request))->Start();
}

}  // namespace firn::broker
