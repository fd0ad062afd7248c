// SPDX-License-Identifier: Apache-2.0
// Fetch: whole batches from where each partition is wanted, as slices of the log's memory. With fewer than min_bytes it is parked on the partitions'
// high watermarks and on a timer; records, a deleted topic or the end of max_wait_ms wake it. There are no fetch sessions: session id 0 tells clients so (KIP-227).
//
// How much is returned (KIP-74): at most max_bytes over all and each partition's max_bytes, in the order asked for; but the first batch found is returned
// even if it is larger, so that a consumer always gets on. And at most what ResponseBudget gives: above its limit a fetch waits for room, and has no records if none
// comes in its time; a client that has taken all it was given has one batch meanwhile.
//
// What parked fetches take in memory has a limit over all connections. Above it a fetch that would wait is answered at once with what there is, and throttled for the time that
// it would have waited, at most a second.
//
// One partition after the other is gathered. Where records are in segment files only, the fetch is put aside until a thread that may block has read them; nothing else
// waits for that. A fetch that has read files is answered with what it has, even below min_bytes: it would only read them again.
#include "kafka/messages/fetch.h"

#include <algorithm>
#include <optional>

#include "base/assert.h"
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
constexpr int32_t kThrottleMsMax = 1'000;        // of a fetch that may not wait here: Kafka's quota window
constexpr int64_t kRoomWaitMsMin = 500;          // for room in memory, also if the client would not wait for records: it must not ask again at once

/// In memory while it waits: the request, its answer, subscriptions. A subscription has two closures and a place in the partition's list.
int64_t MemoryOf(const FetchRequest& request) {
  constexpr size_t kSubscriptionBytes = 256;
  size_t bytes = 1'024;
  for (const auto& topic : request.topics) {
    bytes += 2 * (sizeof(topic) + topic.name.size()) + topic.partitions.size() * (sizeof(FetchRequest::Partition) + sizeof(FetchResponse::Partition) + kSubscriptionBytes);
  }
  return static_cast<int64_t>(bytes);
}

bool HasZstd(const kafka::Records& records) {
  bool has_zstd = false;
  for (const auto& slice : records) {
    (void)kafka::ForEachBatch(slice.view(), [&](const kafka::RecordBatchView& batch) {
      has_zstd |= batch.codec() == kafka::Codec::kZstd;
      return !has_zstd;
    }).ok();
  }
  return has_zstd;
}

}  // namespace

/// One Fetch request until it is answered. ParkedFetches keeps it while it waits for something.
class FetchOperation : public std::enable_shared_from_this<FetchOperation> {
 public:
  FetchOperation(Core& core, CallPtr call, FetchRequest request) : core_(core), call_(std::move(call)), request_(std::move(request)), memory_bytes_(MemoryOf(request_)) {}
  ~FetchOperation() {
    Unsubscribe();
    StopTimer();
    if (room_wait_.has_value()) core_.responses.Cancel(*room_wait_);
    core_.responses.Remove(held_bytes_);
  }

  void Start();

 private:
  struct Subscription {
    std::shared_ptr<log::PartitionLog> log;
    uint64_t id = 0;
  };
  enum class Progress { kNext, kWaits };

  bool RefusesSession();
  void Begin();
  void Collect();
  Progress CollectPartition(const std::string& topic, const FetchRequest::Partition& wanted, FetchResponse::Partition& slot);
  Progress Read(const std::shared_ptr<log::PartitionLog>& log, const FetchRequest::Partition& wanted, FetchResponse::Partition& slot);
  void ReadCold(const std::shared_ptr<log::PartitionLog>& log, log::Offset from, int64_t max_bytes);
  void OnColdRead(const std::shared_ptr<log::PartitionLog>& log, int64_t wanted_bytes, Result<log::ReadResult> read);
  void Take(const std::shared_ptr<log::PartitionLog>& log, int64_t wanted_bytes, Result<log::ReadResult> read, FetchResponse::Partition& slot);
  void OnCollected();
  bool MustAnswer() const { return has_error_ || has_read_files_ || collected_bytes_ >= request_.min_bytes || request_.topics.empty(); }
  void Park();
  void OnWake();
  void WaitForRoom();
  void OnRoom();
  void StartTimer();
  void StopTimer();
  void OnTimeout();
  void Answer(int32_t throttle_ms = 0);
  void Unsubscribe();
  void Hold(int64_t bytes);
  void Fail(FetchResponse::Partition& slot, KafkaCode code);

  FetchResponse::Partition& slot() {
    FIRN_ASSERT(next_topic_ < response_.topics.size() && next_partition_ < response_.topics[next_topic_].partitions.size(), "there is no partition {} of topic {}", next_partition_, next_topic_);
    return response_.topics[next_topic_].partitions[next_partition_];
  }

  Core& core_;
  CallPtr call_;
  FetchRequest request_;
  const int64_t memory_bytes_;
  FetchResponse response_;
  size_t next_topic_ = 0, next_partition_ = 0;  // to be gathered
  int64_t collected_bytes_ = 0;
  int64_t held_bytes_ = 0;  // of core_.responses
  int64_t deadline_us_ = 0;
  bool has_error_ = false;
  bool has_read_files_ = false;
  bool is_parked_ = false;      // for records, once or again
  bool reads_nothing_ = false;  // its time is over, and there was no room
  bool has_timer_ = false;
  io::TimerId timer_ = 0;
  std::optional<ResponseBudget::WaitId> room_wait_;
  std::vector<std::pair<std::shared_ptr<log::PartitionLog>, log::Offset>> ends_;  // partitions that gave nothing to answer for, with their ends
  std::vector<Subscription> subscriptions_;
};

void FetchOperation::Start() {
  if (RefusesSession()) return;
  deadline_us_ = core_.queue.monotonic_us() + int64_t{std::max(request_.max_wait_ms, 0)} * 1000;
  Begin();
}

bool FetchOperation::RefusesSession() {
  if (request_.session_epoch <= 0) return false;  // it asks for all that it names: with a session's id to end that one, here or in the broker that was here before
  FetchResponse refusal;
  refusal.error_code = static_cast<int16_t>(KafkaCode::kFetchSessionIdNotFound);
  call_->Respond(refusal);
  return true;
}

void FetchOperation::Begin() {
  FIRN_ASSERT(subscriptions_.empty() && !room_wait_.has_value(), "a fetch that waits is begun again");
  response_ = {};
  for (const auto& topic : request_.topics) {
    auto& answered = response_.topics.emplace_back();
    answered.name = topic.name;
    answered.partitions.resize(topic.partitions.size());
  }
  next_topic_ = next_partition_ = 0;
  ends_.clear();
  collected_bytes_ = 0;
  has_error_ = false;
  Hold(0);
  Collect();
}

/// Goes on with the next partition, until one must be waited for.
void FetchOperation::Collect() {
  for (; next_topic_ < request_.topics.size(); ++next_topic_, next_partition_ = 0) {
    const auto& topic = request_.topics[next_topic_];
    for (; next_partition_ < topic.partitions.size(); ++next_partition_) {
      if (CollectPartition(topic.name, topic.partitions[next_partition_], slot()) == Progress::kWaits) return;
    }
  }
  OnCollected();
}

FetchOperation::Progress FetchOperation::CollectPartition(const std::string& topic_name, const FetchRequest::Partition& wanted, FetchResponse::Partition& slot) {
  slot.index = wanted.index;
  slot.high_watermark = -1;
  slot.records.emplace();
  Topic* topic = core_.topics.Find(topic_name);
  if (topic == nullptr || core_.topics.Partition(*topic, wanted.index) == nullptr) return Fail(slot, KafkaCode::kUnknownTopicOrPartition), Progress::kNext;
  // This broker leads in epoch 0 for ever.
  if (wanted.current_leader_epoch > 0) return Fail(slot, KafkaCode::kUnknownLeaderEpoch), Progress::kNext;
  return Read(topic->logs[static_cast<size_t>(wanted.index)], wanted, slot);
}

FetchOperation::Progress FetchOperation::Read(const std::shared_ptr<log::PartitionLog>& log, const FetchRequest::Partition& wanted, FetchResponse::Partition& slot) {
  slot.high_watermark = slot.last_stable_offset = log->high_watermark().value();
  slot.log_start_offset = log->log_start().value();
  if (wanted.fetch_offset < 0 || wanted.fetch_offset > slot.high_watermark) return Fail(slot, KafkaCode::kOffsetOutOfRange), Progress::kNext;
  const log::Offset from(wanted.fetch_offset);
  const bool may_have_one = call_->has_taken_all() && collected_bytes_ == 0 && core_.responses.HasRoomForOne();
  const bool has_room = (core_.responses.HasRoom() || may_have_one) && !reads_nothing_;
  if (!has_room && collected_bytes_ == 0 && !reads_nothing_ && wanted.fetch_offset < slot.high_watermark) return WaitForRoom(), Progress::kWaits;
  const int64_t limit = std::min({int64_t{std::max(request_.max_bytes, 0)}, kResponseBytesMax, core_.responses.Share(held_bytes_)}) - collected_bytes_;
  const int64_t wanted_bytes = std::min<int64_t>(limit, std::max(wanted.max_bytes, 0));
  if (!has_room || (wanted_bytes <= 0 && collected_bytes_ > 0)) {
    ends_.emplace_back(log, log::Offset(slot.high_watermark));
    return Progress::kNext;
  }
  const log::ReadOptions options{.max_bytes = std::max<int64_t>(wanted_bytes, 1)};
  auto read = log->ReadMemory(from, options);
  if (read.ok() && !read->has_value()) return ReadCold(log, from, wanted_bytes), Progress::kWaits;
  Take(log, wanted_bytes, read.ok() ? Result<log::ReadResult>(std::move(**read)) : Result<log::ReadResult>(std::move(read).error()), slot);
  return Progress::kNext;
}

void FetchOperation::ReadCold(const std::shared_ptr<log::PartitionLog>& log, log::Offset from, int64_t wanted_bytes) {
  const log::ReadOptions options{.max_bytes = std::max<int64_t>(wanted_bytes, 1)};
  has_read_files_ = true;
  StopTimer();
  Hold(collected_bytes_ + log::ColdReadMemory(options.max_bytes));
  core_.parked_fetches.Add(call_->connection(), shared_from_this(), memory_bytes_);
  core_.calls.Run([log, from, options] { return log->Read(from, options); },
                  [self = weak_from_this(), log, wanted_bytes](Result<log::ReadResult> read) {
                    if (auto fetch = self.lock()) fetch->OnColdRead(log, wanted_bytes, std::move(read));
                  });
}

void FetchOperation::OnColdRead(const std::shared_ptr<log::PartitionLog>& log, int64_t wanted_bytes, Result<log::ReadResult> read) {
  Take(log, wanted_bytes, std::move(read), slot());
  Hold(collected_bytes_);
  ++next_partition_;
  Collect();
}

void FetchOperation::Take(const std::shared_ptr<log::PartitionLog>& log, int64_t wanted_bytes, Result<log::ReadResult> read, FetchResponse::Partition& slot) {
  if (!read.ok()) return Fail(slot, kafka::KafkaCodeOf(read.error()));
  slot.high_watermark = slot.last_stable_offset = read->high_watermark.value();
  slot.log_start_offset = read->log_start.value();
  ends_.emplace_back(log, read->high_watermark);
  int64_t size = 0;
  for (const auto& slice : read->batches) size += static_cast<int64_t>(slice.size());
  if (size > wanted_bytes && collected_bytes_ > 0) return;  // only the first batch of all may be too large
  if (call_->version() < kFirstVersionWithZstd && HasZstd(read->batches)) return Fail(slot, KafkaCode::kUnsupportedCompressionType);
  collected_bytes_ += size;
  Hold(collected_bytes_);
  slot.records = std::move(read->batches);
}

void FetchOperation::Fail(FetchResponse::Partition& slot, KafkaCode code) {
  slot.error_code = static_cast<int16_t>(code);
  has_error_ = true;
}

/// Counts so many bytes as the node's memory, until it counts others or ends.
void FetchOperation::Hold(int64_t bytes) {
  FIRN_ASSERT(bytes >= 0);
  if (bytes > held_bytes_) core_.responses.Add(bytes - held_bytes_);
  if (bytes < held_bytes_) core_.responses.Remove(held_bytes_ - bytes);
  held_bytes_ = bytes;
}

void FetchOperation::OnCollected() {
  FIRN_ASSERT(next_topic_ == request_.topics.size() && !room_wait_.has_value() && held_bytes_ >= collected_bytes_, "{} of {} topics, {} bytes of {}", next_topic_, request_.topics.size(),
              held_bytes_, collected_bytes_);
  if (MustAnswer() || reads_nothing_ || core_.queue.monotonic_us() >= deadline_us_) return Answer();
  if (!is_parked_ && !core_.parked_fetches.HasRoom(memory_bytes_)) {
    const int64_t left_ms = (deadline_us_ - core_.queue.monotonic_us() + 999) / 1000;
    return Answer(static_cast<int32_t>(std::min<int64_t>(left_ms, kThrottleMsMax)));
  }
  is_parked_ = true;
  core_.parked_fetches.Add(call_->connection(), shared_from_this(), memory_bytes_);
  StartTimer();
  Park();
}

/// At its deadline, or after a moment if that is over.
void FetchOperation::StartTimer() {
  if (has_timer_) return;
  const int64_t left_ms = (deadline_us_ - core_.queue.monotonic_us() + 999) / 1000;
  timer_ = core_.queue.After(room_wait_.has_value() ? std::max(left_ms, kRoomWaitMsMin) : left_ms, [self = weak_from_this()] {
    if (auto fetch = self.lock()) fetch->OnTimeout();
  });
  has_timer_ = true;
}

void FetchOperation::StopTimer() {
  if (has_timer_) core_.queue.Cancel(timer_);
  has_timer_ = false;
}

void FetchOperation::WaitForRoom() {
  FIRN_ASSERT(!room_wait_.has_value() && collected_bytes_ == 0, "a fetch waits for room twice");
  core_.parked_fetches.Add(call_->connection(), shared_from_this(), memory_bytes_);
  room_wait_ = core_.responses.WaitForRoom([self = weak_from_this()] {
    if (auto fetch = self.lock()) fetch->OnRoom();
  });
  StopTimer();
  StartTimer();
}

void FetchOperation::OnRoom() {
  room_wait_.reset();
  StopTimer();
  Begin();
}

void FetchOperation::Park() {
  FIRN_ASSERT(has_timer_ && subscriptions_.empty(), "a fetch with {} subscriptions is parked", subscriptions_.size());
  for (const auto& [log, end] : ends_) {
    auto wake = core_.queue.Waker([self = weak_from_this()] {
      if (auto fetch = self.lock()) fetch->OnWake();
    });
    const uint64_t id = log->Subscribe(end, std::move(wake));
    subscriptions_.push_back({log, id});
  }
}

void FetchOperation::OnWake() {
  if (subscriptions_.empty()) return;  // several partitions may wake it at once
  Unsubscribe();
  Begin();
}

void FetchOperation::OnTimeout() {
  has_timer_ = false;
  if (room_wait_.has_value()) {
    core_.responses.Cancel(*room_wait_);
    room_wait_.reset();
    reads_nothing_ = true;
    return Collect();
  }
  // Parked: what is there now, be it too little.
  Unsubscribe();
  Begin();
}

void FetchOperation::Answer(int32_t throttle_ms) {
  Unsubscribe();
  StopTimer();
  const auto self = shared_from_this();
  core_.parked_fetches.Remove(call_->connection(), *self);
  if (throttle_ms > 0) call_->RespondThrottled(std::move(response_), throttle_ms);
  else call_->Respond(response_);
  Hold(0);  // from here on its connection counts them
}

void FetchOperation::Unsubscribe() {
  for (const auto& subscription : subscriptions_) subscription.log->Unsubscribe(subscription.id);
  subscriptions_.clear();
}

void HandleFetch(Core& core, CallPtr call, FetchRequest request) {
  std::make_shared<FetchOperation>(core, std::move(call), std::move(request))->Start();
}

}  // namespace firn::broker
