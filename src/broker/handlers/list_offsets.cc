// SPDX-License-Identifier: Apache-2.0
// ListOffsets: the end, the start, the largest timestamp, or the first record at or after a time. What is looked up by time reads files and decompresses a batch, so it
// happens beside the broker's queue: one partition of a request after the other, each a call of its own, so that a long request does not hold up others.
#include "kafka/messages/list_offsets.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "broker/core_internal.h"
#include "broker/handlers/handlers_internal.h"
#include "kafka/record_batch.h"

namespace firn::broker {

using kafka::KafkaCode;
using kafka::ListOffsetsRequest;
using kafka::ListOffsetsResponse;

namespace {

constexpr int64_t kLatest = -1;
constexpr int64_t kEarliest = -2;
constexpr int64_t kMaxTimestamp = -3;
constexpr int kFirstVersionWithMaxTimestamp = 7;

constexpr size_t kLookupPlainBytesMax = 32 << 20;  // of the one batch that is decompressed; in a larger one the batch is all that is told

/// The log is exact to the batch; the record is found by reading that batch, from the log's start on if that lies inside. `found` as it is if the batch cannot be read.
log::TimestampOffset Refine(const log::PartitionLog& log, log::TimestampOffset found, int64_t wanted_ms) {
  if (found.offset.value() < 0) return found;
  found.offset = std::max(found.offset, log.log_start());
  auto read = log.Read(found.offset, {.max_bytes = 1});
  if (!read.ok() || read->batches.empty()) return found;
  auto batch = kafka::RecordBatchView::Parse(read->batches.front().view());
  std::string scratch;
  kafka::RecordReader reader(&scratch);
  if (!batch.ok() || !reader.Open(*batch, kLookupPlainBytesMax).ok()) return found;
  kafka::RecordView record;
  while (reader.Next(&record)) {
    if (record.offset >= found.offset.value() && record.timestamp_ms >= wanted_ms) return {record.timestamp_ms, log::Offset(record.offset)};
  }
  return found;
}

/// Of a time. Blocks.
Result<log::TimestampOffset> LookUp(const log::PartitionLog& log, int64_t timestamp) {
  if (timestamp == kMaxTimestamp) {
    FIRN_TRY(log::TimestampOffset found, log.MaxTimestamp());
    return Refine(log, found, found.timestamp_ms);
  }
  FIRN_TRY(log::TimestampOffset found, log.FindTimestamp(timestamp));
  return Refine(log, found, timestamp);
}

/// A request that looks up by time, until it is answered.
struct Lookups {
  struct One {
    std::shared_ptr<log::PartitionLog> log;
    int64_t timestamp = 0;
    size_t topic = 0, partition = 0;  // in the response
  };
  CallPtr call;
  ListOffsetsResponse response;
  std::vector<One> wanted;
  size_t next = 0;
};

void Answer(const Result<log::TimestampOffset>& found, ListOffsetsResponse::Partition& out) {
  if (!found.ok()) {
    out.error_code = static_cast<int16_t>(kafka::KafkaCodeOf(found.error()));
    return;
  }
  out.timestamp = found->timestamp_ms;
  out.offset = found->offset.value();
  if (out.offset >= 0) out.leader_epoch = 0;
}

/// Answers at once, unless it must be looked up.
std::shared_ptr<log::PartitionLog> AnswerOrLookUp(Core& core, int version, const std::string& topic_name, const ListOffsetsRequest::Partition& wanted,
                                                  ListOffsetsResponse::Partition& out) {
  out.index = wanted.index;
  auto fail = [&](KafkaCode code) {
    out.error_code = static_cast<int16_t>(code);
    return nullptr;
  };
  Topic* topic = core.topics.Find(topic_name);
  if (topic == nullptr || core.topics.Partition(*topic, wanted.index) == nullptr) return fail(KafkaCode::kUnknownTopicOrPartition);
  if (wanted.current_leader_epoch > 0) return fail(KafkaCode::kUnknownLeaderEpoch);
  const int64_t lowest = version >= kFirstVersionWithMaxTimestamp ? kMaxTimestamp : kEarliest;
  if (wanted.timestamp < lowest) return fail(KafkaCode::kUnsupportedVersion);
  const std::shared_ptr<log::PartitionLog>& log = topic->logs[static_cast<size_t>(wanted.index)];
  if (wanted.timestamp != kLatest && wanted.timestamp != kEarliest) return log;
  Answer(log::TimestampOffset{-1, wanted.timestamp == kLatest ? log->high_watermark() : log->log_start()}, out);
  return nullptr;
}

void LookUpNext(Core& core, const std::shared_ptr<Lookups>& lookups) {
  if (lookups->next == lookups->wanted.size()) return lookups->call->Respond(lookups->response);
  const Lookups::One& one = lookups->wanted[lookups->next];
  core.calls.Run([log = one.log, timestamp = one.timestamp] { return LookUp(*log, timestamp); },
                 [&core, lookups](const Result<log::TimestampOffset>& found) {
                   const Lookups::One& done = lookups->wanted[lookups->next++];
                   Answer(found, lookups->response.topics[done.topic].partitions[done.partition]);
                   LookUpNext(core, lookups);
                 });
}

}  // namespace

void HandleListOffsets(Core& core, CallPtr call, ListOffsetsRequest request) {
  auto lookups = std::make_shared<Lookups>();
  ListOffsetsResponse& response = lookups->response;
  for (const auto& topic : request.topics) {
    auto& answered = response.topics.emplace_back();
    answered.name = topic.name;
    for (const auto& partition : topic.partitions) {
      auto log = AnswerOrLookUp(core, call->version(), topic.name, partition, answered.partitions.emplace_back());
      if (log != nullptr) lookups->wanted.push_back({std::move(log), partition.timestamp, response.topics.size() - 1, answered.partitions.size() - 1});
    }
  }
  lookups->call = std::move(call);
  LookUpNext(core, lookups);
}

}  // namespace firn::broker
