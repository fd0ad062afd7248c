// SPDX-License-Identifier: Apache-2.0
// Produce: validates each partition's batch, appends all good ones in one journal entry, answers when it is durable.
//
//   1. each partition: topic known? one batch, whole, checksum right, not too large, time plausible? sequence right?
//      A fault is that partition's answer; the others go on.
//   2. all accepted batches, and the new state of their producers, become one entry: they are durable together.
//   3. the entry is durable: offsets into the answer; duplicates that waited for a batch in flight are told too.
//
// acks=1 waits for the disk as acks=all does. acks=0 has no response; a fault in it closes the connection, which is all Kafka does as well.
#include "kafka/messages/produce.h"

#include <fmt/format.h>

#include <optional>

#include "broker/core_internal.h"
#include "broker/handlers/handlers_internal.h"
#include "kafka/record_batch.h"

namespace firn::broker {

using kafka::KafkaCode;
using kafka::ProduceRequest;
using kafka::ProduceResponse;
using kafka::RecordBatchView;

namespace {

constexpr size_t kRecompressedBytesMax = 64 << 20;  // of one batch in plain, where the topic wants a codec of its own: it is done on the broker's queue

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
  /// A batch that has passed validation; `bytes` replaces the request's where the broker had to make it anew.
  struct Checked {
    RecordBatchView batch;
    base::SharedBytes bytes;
  };

  ProduceResponse::Partition& Slot(size_t topic, size_t partition) { return response_.topics[topic].partitions[partition]; }
  void TakePartition(size_t topic_index, size_t partition_index);
  Result<Checked> Check(const Topic& topic, const std::optional<kafka::Records>& records) const;
  Outcome CheckTimes(const Topic& topic, const RecordBatchView& batch) const;
  Result<Checked> Adapt(const Topic& topic, Checked checked) const;
  void AppendBatch(const log::PartitionLog& log, size_t topic, size_t partition, const Checked& checked);
  void AnswerRepetition(const log::PartitionLog& log, size_t topic, size_t partition, const RecordBatchView& batch,
                        const std::shared_ptr<AcceptedBatch>& repeated);
  void OnCommitted(const Result<log::Committed>& result);
  void FinishOne();

  static void Refuse(ProduceResponse::Partition& slot, KafkaCode code, std::string message);

  Core& core_;
  CallPtr call_;
  ProduceRequest request_;
  ProduceResponse response_;
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
  for (size_t i = 0; i < request_.topics.size(); ++i) {
    response_.topics[i].name = request_.topics[i].name;
    response_.topics[i].partitions.resize(request_.topics[i].partitions.size());
    for (size_t j = 0; j < request_.topics[i].partitions.size(); ++j) TakePartition(i, j);
  }
  if (operations_.empty()) return FinishOne();
  core_.queue.Append(std::move(operations_), [self = shared_from_this()](Result<log::Committed> result) { self->OnCommitted(result); });
  if (request_.acks == 0) FinishOne();
}

void Production::TakePartition(size_t topic_index, size_t partition_index) {
  const auto& wanted = request_.topics[topic_index].partitions[partition_index];
  auto& slot = Slot(topic_index, partition_index);
  slot.index = wanted.index;
  if (request_.acks < -1 || request_.acks > 1) {
    return Refuse(slot, KafkaCode::kInvalidRequiredAcks, fmt::format("acks must be -1, 0 or 1, not {}", request_.acks));
  }
  if (request_.transactional_id.has_value()) {
    return Refuse(slot, KafkaCode::kInvalidTxnState,
                  fmt::format("transactional id '{}': transactions are not supported; an idempotent producer needs no transactional id", *request_.transactional_id));
  }
  Topic* topic = core_.topics.Find(request_.topics[topic_index].name);
  log::PartitionLog* log = topic == nullptr ? nullptr : core_.topics.Partition(*topic, wanted.index);
  if (log == nullptr) return Refuse(slot, KafkaCode::kUnknownTopicOrPartition, "this server does not host this topic-partition");
  slot.log_start_offset = log->log_start().value();
  auto checked = Check(*topic, wanted.records);
  if (!checked.ok()) return Refuse(slot, kafka::KafkaCodeOf(checked.error()), checked.error().message());
  if (Outcome times = CheckTimes(*topic, checked->batch); !times.ok()) return Refuse(slot, times.code, times.message);
  checked = Adapt(*topic, std::move(*checked));
  if (!checked.ok()) return Refuse(slot, kafka::KafkaCodeOf(checked.error()), checked.error().message());
  if (topic->settings.has_log_append_time) slot.log_append_time_ms = checked->batch.max_timestamp();
  AppendBatch(*log, topic_index, partition_index, *checked);
}

Result<Production::Checked> Production::Check(const Topic& topic, const std::optional<kafka::Records>& records) const {
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
  FIRN_RETURN_IF_ERROR(batch.CheckProduced());
  if (batch.is_control() || batch.is_transactional()) {
    return Error(ErrorCode::kInvalidRecordBatch, "control batches and transactional batches are not accepted");
  }
  return Checked{batch, bytes};
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

Result<Production::Checked> Production::Adapt(const Topic& topic, Checked checked) const {
  if (topic.settings.codec.has_value() && checked.batch.codec() != *topic.settings.codec) {
    FIRN_TRY(std::string made, kafka::Recompress(checked.batch, *topic.settings.codec, kRecompressedBytesMax));
    checked.bytes = base::SharedBytes::FromString(std::move(made));
  }
  if (topic.settings.has_log_append_time) {
    // The frame is the request's own memory (Broker::Handle), as is a batch made anew.
    kafka::SetLogAppendTime(core_.queue.wall_time_ms(), const_cast<char*>(checked.bytes.data()), checked.bytes.size());
  }
  FIRN_TRY(checked.batch, RecordBatchView::Parse(checked.bytes.view()));
  return checked;
}

void Production::AppendBatch(const log::PartitionLog& log, size_t topic, size_t partition, const Checked& checked) {
  Appended appended{.topic = topic, .partition = partition, .id = log.id(), .producer_id = checked.batch.producer_id(), .accepted = nullptr};
  std::optional<log::Put> put;
  if (appended.producer_id >= 0) {
    auto verdict = core_.producers.Accept(log, checked.batch, core_.queue.wall_time_ms());
    if (verdict.repeated != nullptr) return AnswerRepetition(log, topic, partition, checked.batch, verdict.repeated);
    if (verdict.code != KafkaCode::kNone) {
      return Refuse(Slot(topic, partition), verdict.code, fmt::format("producer {} epoch {} sequence {} does not follow what partition {} has",
                                                                      checked.batch.producer_id(), checked.batch.producer_epoch(),
                                                                      checked.batch.base_sequence(), Slot(topic, partition).index));
    }
    appended.accepted = verdict.accepted;
    put = std::move(verdict.put);
  }
  operations_.emplace_back(log::AppendRecords{log.id(), checked.bytes, checked.batch.record_count()});
  if (put.has_value()) operations_.emplace_back(std::move(*put));
  appended_.push_back(std::move(appended));
}

void Production::AnswerRepetition(const log::PartitionLog& log, size_t topic, size_t partition, const RecordBatchView& batch,
                                  const std::shared_ptr<AcceptedBatch>& repeated) {
  if (!repeated->is_in_flight) {
    Slot(topic, partition).base_offset = core_.producers.OffsetOf(log, batch, *repeated);
    return;
  }
  if (request_.acks == 0) return;
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
