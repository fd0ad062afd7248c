// SPDX-License-Identifier: Apache-2.0
// DeleteRecords: moves the start of partitions forward; -1 means to the end.
#include "kafka/messages/delete_records.h"

#include <algorithm>
#include <memory>

#include "broker/core_internal.h"
#include "broker/handlers/handlers_internal.h"

namespace firn::broker {

using kafka::DeleteRecordsRequest;
using kafka::DeleteRecordsResponse;
using kafka::KafkaCode;

namespace {

/// Fills the answer; true if the start must be moved to `out.low_watermark`.
bool Check(const log::PartitionLog* log, const DeleteRecordsRequest::Partition& wanted, DeleteRecordsResponse::Partition& out) {
  out.index = wanted.index;
  out.low_watermark = -1;
  if (log == nullptr) {
    out.error_code = static_cast<int16_t>(KafkaCode::kUnknownTopicOrPartition);
    return false;
  }
  const int64_t end = log->high_watermark().value();
  const int64_t offset = wanted.offset == -1 ? end : wanted.offset;
  if (offset < 0 || offset > end) {
    out.error_code = static_cast<int16_t>(KafkaCode::kOffsetOutOfRange);
    return false;
  }
  out.low_watermark = std::max(offset, log->log_start().value());
  return offset > log->log_start().value();
}

}  // namespace

void HandleDeleteRecords(Core& core, CallPtr call, DeleteRecordsRequest request) {
  auto response = std::make_shared<DeleteRecordsResponse>();
  std::vector<log::Operation> operations;
  for (const auto& topic : request.topics) {
    auto& answered = response->topics.emplace_back();
    answered.name = topic.name;
    Topic* known = core.topics.Find(topic.name);
    for (const auto& partition : topic.partitions) {
      auto& out = answered.partitions.emplace_back();
      const log::PartitionLog* log = known == nullptr ? nullptr : core.topics.Partition(*known, partition.index);
      if (Check(log, partition, out)) operations.emplace_back(log::SetLogStart{log->id(), log::Offset(out.low_watermark)});
    }
  }
  if (operations.empty()) return call->Respond(*response);
  core.queue.Append(std::move(operations), [call, response](Result<log::Committed> result) {
    for (auto& topic : response->topics) {
      for (auto& partition : topic.partitions) {
        if (result.ok() || partition.error_code != 0) continue;
        partition.error_code = static_cast<int16_t>(kafka::KafkaCodeOf(result.error()));
        partition.low_watermark = -1;
      }
    }
    call->Respond(*response);
  });
}

}  // namespace firn::broker
