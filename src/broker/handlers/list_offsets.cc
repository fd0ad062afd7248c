// SPDX-License-Identifier: Apache-2.0
// ListOffsets: the end, the start, the largest timestamp, or the first record at or after a time.
#include "kafka/messages/list_offsets.h"

#include <algorithm>

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

/// The log is exact to the batch; the record is found by reading that batch. `found` as it is if the batch cannot be read.
log::TimestampOffset Refine(const log::PartitionLog& log, log::TimestampOffset found, int64_t wanted_ms) {
  if (found.offset.value() < 0) return found;
  auto read = log.Read(found.offset, {.max_bytes = 1});
  if (!read.ok() || read->batches.empty()) return found;
  auto batch = kafka::RecordBatchView::Parse(read->batches.front().view());
  std::string scratch;
  kafka::RecordReader reader(&scratch);
  if (!batch.ok() || !reader.Open(*batch).ok()) return found;
  kafka::RecordView record;
  while (reader.Next(&record)) {
    if (record.timestamp_ms >= wanted_ms) return {record.timestamp_ms, log::Offset(record.offset)};
  }
  return found;
}

Result<log::TimestampOffset> Find(const log::PartitionLog& log, int64_t timestamp) {
  if (timestamp == kLatest) return log::TimestampOffset{-1, log.high_watermark()};
  if (timestamp == kEarliest) return log::TimestampOffset{-1, log.log_start()};
  if (timestamp == kMaxTimestamp) {
    FIRN_TRY(log::TimestampOffset found, log.MaxTimestamp());
    return Refine(log, found, found.timestamp_ms);
  }
  FIRN_TRY(log::TimestampOffset found, log.FindTimestamp(timestamp));
  return Refine(log, found, timestamp);
}

void Answer(Core& core, int version, const std::string& topic_name, const ListOffsetsRequest::Partition& wanted,
            ListOffsetsResponse::Partition& out) {
  out.index = wanted.index;
  auto fail = [&](KafkaCode code) { out.error_code = static_cast<int16_t>(code); };
  Topic* topic = core.topics.Find(topic_name);
  log::PartitionLog* log = topic == nullptr ? nullptr : core.topics.Partition(*topic, wanted.index);
  if (log == nullptr) return fail(KafkaCode::kUnknownTopicOrPartition);
  if (wanted.current_leader_epoch > 0) return fail(KafkaCode::kUnknownLeaderEpoch);
  const int64_t lowest = version >= kFirstVersionWithMaxTimestamp ? kMaxTimestamp : kEarliest;
  if (wanted.timestamp < lowest) return fail(KafkaCode::kUnsupportedVersion);
  auto found = Find(*log, wanted.timestamp);
  if (!found.ok()) return fail(kafka::KafkaCodeOf(found.error()));
  out.timestamp = found->timestamp_ms;
  out.offset = found->offset.value();
  if (out.offset >= 0) out.leader_epoch = 0;
}

}  // namespace

void HandleListOffsets(Core& core, CallPtr call, ListOffsetsRequest request) {
  ListOffsetsResponse response;
  for (const auto& topic : request.topics) {
    auto& answered = response.topics.emplace_back();
    answered.name = topic.name;
    for (const auto& partition : topic.partitions) Answer(core, call->version(), topic.name, partition, answered.partitions.emplace_back());
  }
  call->Respond(response);
}

}  // namespace firn::broker
