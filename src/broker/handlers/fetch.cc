// SPDX-License-Identifier: Apache-2.0
// Fetch: whole batches from where each partition is wanted, as slices of the log's memory. With fewer than min_bytes it is parked on the partitions'
// high watermarks and on a timer; records, a deleted topic or the end of max_wait_ms wake it. There are no fetch sessions: session id 0 tells clients so (KIP-227).
//
// How much is returned (KIP-74): at most max_bytes over all and each partition's max_bytes, in the order asked for; but the first batch found is returned
// even if it is larger, so that a consumer always gets on.
#include "kafka/messages/fetch.h"

#include <algorithm>

#include "broker/core_internal.h"
#include "broker/handlers/handlers_internal.h"
#include "kafka/record_batch.h"

namespace firn::broker {

using kafka::FetchRequest;
using kafka::FetchResponse;
using kafka::KafkaCode;

namespace {

constexpr int kFirstVersionWithZstd = 10;
constexpr int64_t kResponseBytesMax = 64 << 20;  // of records, whatever the client asks for

}  // namespace

/// One Fetch request until it is answered.
class FetchOperation : public std::enable_shared_from_this<FetchOperation> {
 public:
  FetchOperation(Core& core, CallPtr call, FetchRequest request) : core_(core), call_(std::move(call)), request_(std::move(request)) {}
  ~FetchOperation() { Unsubscribe(); }

  void Start();

 private:
  struct Subscription {
    std::shared_ptr<log::PartitionLog> log;
    uint64_t id = 0;
  };

  bool RefusesSession();
  void Collect();
  void CollectPartition(const std::string& topic, const FetchRequest::Partition& wanted, FetchResponse::Partition& slot);
  void ReadInto(const log::PartitionLog& log, const FetchRequest::Partition& wanted, FetchResponse::Partition& slot);
  bool MustAnswer() const { return has_error_ || collected_bytes_ >= std::max(request_.min_bytes, 1) || request_.topics.empty(); }
  void Park();
  void OnWake();
  void OnTimeout();
  void Answer();
  void Unsubscribe();

  Core& core_;
  CallPtr call_;
  FetchRequest request_;
  FetchResponse response_;
  int64_t collected_bytes_ = 0;
  bool has_error_ = false;
  bool is_answered_ = false;
  bool has_timer_ = false;
  io::TimerId timer_ = 0;
  std::vector<std::pair<std::shared_ptr<log::PartitionLog>, log::Offset>> ends_;  // partitions that gave nothing to answer for, with their ends
  std::vector<Subscription> subscriptions_;
};

void FetchOperation::Start() {
  if (RefusesSession()) return;
  Collect();
  if (MustAnswer() || request_.max_wait_ms <= 0) return Answer();
  timer_ = core_.queue.After(request_.max_wait_ms, [self = weak_from_this()] {
    if (auto fetch = self.lock()) fetch->OnTimeout();
  });
  has_timer_ = true;
  core_.parked_fetches.Add(shared_from_this());
  Park();
}

bool FetchOperation::RefusesSession() {
  if (request_.session_id == 0 && request_.session_epoch <= 0) return false;
  FetchResponse refusal;
  refusal.error_code = static_cast<int16_t>(request_.session_id != 0 ? KafkaCode::kFetchSessionIdNotFound : KafkaCode::kInvalidFetchSessionEpoch);
  call_->Respond(refusal);
  return true;
}

void FetchOperation::Collect() {
  response_ = {};
  ends_.clear();
  collected_bytes_ = 0;
  has_error_ = false;
  for (const auto& topic : request_.topics) {
    auto& answered = response_.topics.emplace_back();
    answered.name = topic.name;
    for (const auto& partition : topic.partitions) CollectPartition(topic.name, partition, answered.partitions.emplace_back());
  }
}

void FetchOperation::CollectPartition(const std::string& topic_name, const FetchRequest::Partition& wanted, FetchResponse::Partition& slot) {
  slot.index = wanted.index;
  slot.high_watermark = -1;
  slot.records.emplace();
  Topic* topic = core_.topics.Find(topic_name);
  const log::PartitionLog* log = topic == nullptr ? nullptr : core_.topics.Partition(*topic, wanted.index);
  KafkaCode code = KafkaCode::kNone;
  if (log == nullptr) {
    code = KafkaCode::kUnknownTopicOrPartition;
  } else if (wanted.current_leader_epoch > 0) {
    code = KafkaCode::kUnknownLeaderEpoch;  // this broker leads in epoch 0 for ever
  }
  if (code != KafkaCode::kNone) {
    slot.error_code = static_cast<int16_t>(code);
    has_error_ = true;
    return;
  }
  ReadInto(*log, wanted, slot);
  if (slot.error_code == 0) ends_.emplace_back(topic->logs[static_cast<size_t>(wanted.index)], log::Offset(slot.high_watermark));
}

void FetchOperation::ReadInto(const log::PartitionLog& log, const FetchRequest::Partition& wanted, FetchResponse::Partition& slot) {
  const int64_t limit = std::min<int64_t>(std::max(request_.max_bytes, 0), kResponseBytesMax) - collected_bytes_;
  const int64_t wanted_bytes = std::min<int64_t>(limit, std::max(wanted.max_bytes, 0));
  auto fail = [&](KafkaCode code) {
    slot.error_code = static_cast<int16_t>(code);
    slot.records.emplace();
    has_error_ = true;
  };
  slot.high_watermark = log.high_watermark().value();
  slot.last_stable_offset = slot.high_watermark;
  slot.log_start_offset = log.log_start().value();
  if (wanted.fetch_offset < 0 || wanted.fetch_offset > slot.high_watermark) return fail(KafkaCode::kOffsetOutOfRange);
  if (wanted_bytes <= 0 && collected_bytes_ > 0) return;
  auto read = log.Read(log::Offset(wanted.fetch_offset), {.max_bytes = std::max<int64_t>(wanted_bytes, 1)});
  if (!read.ok()) return fail(kafka::KafkaCodeOf(read.error()));
  slot.high_watermark = slot.last_stable_offset = read->high_watermark.value();
  slot.log_start_offset = read->log_start.value();
  int64_t size = 0;
  for (const auto& slice : read->batches) size += static_cast<int64_t>(slice.size());
  if (size > wanted_bytes && collected_bytes_ > 0) return;  // only the first batch of all may be too large
  if (call_->version() < kFirstVersionWithZstd) {
    bool has_zstd = false;
    for (const auto& slice : read->batches) {
      (void)kafka::ForEachBatch(slice.view(), [&](const kafka::RecordBatchView& batch) {
        has_zstd |= batch.codec() == kafka::Codec::kZstd;
        return !has_zstd;
      }).ok();
    }
    if (has_zstd) return fail(KafkaCode::kUnsupportedCompressionType);
  }
  collected_bytes_ += size;
  slot.records = std::move(read->batches);
}

void FetchOperation::Park() {
  for (const auto& [log, end] : ends_) {
    auto wake = core_.queue.Waker([self = weak_from_this()] {
      if (auto fetch = self.lock()) fetch->OnWake();
    });
    const uint64_t id = log->Subscribe(end, std::move(wake));
    subscriptions_.push_back({log, id});
  }
}

void FetchOperation::OnWake() {
  if (is_answered_ || subscriptions_.empty()) return;  // several partitions may wake it at once
  Unsubscribe();
  Collect();
  if (MustAnswer()) return Answer();
  Park();
}

void FetchOperation::OnTimeout() {
  has_timer_ = false;
  if (is_answered_) return;
  Collect();
  Answer();
}

void FetchOperation::Answer() {
  is_answered_ = true;
  Unsubscribe();
  if (has_timer_) core_.queue.Cancel(timer_);
  has_timer_ = false;
  call_->Respond(response_);
  core_.parked_fetches.Remove(shared_from_this());
}

void FetchOperation::Unsubscribe() {
  for (const auto& subscription : subscriptions_) subscription.log->Unsubscribe(subscription.id);
  subscriptions_.clear();
}

void HandleFetch(Core& core, CallPtr call, FetchRequest request) {
  std::make_shared<FetchOperation>(core, std::move(call), std::move(request))->Start();
}

}  // namespace firn::broker
