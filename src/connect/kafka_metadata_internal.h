// SPDX-License-Identifier: Apache-2.0
// The metadata columns of a Kafka table: topic, partition, offset, timestamp and so on, of the records that a poll took.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "connect/kafka_records_internal.h"
#include "types/batch.h"

namespace firn::connect {

struct TopicPartitionName {
  const std::string& topic;
  int32_t partition;
};

/// The column of metadata key `key`, which the planner knows, with one value a row: row i is record `rows[i]`.
Result<types::ArrayPtr> BuildMetadataColumn(const std::string& key, const TopicPartitionName& from, const KafkaRecords& records, const std::vector<int32_t>& rows);

}  // namespace firn::connect
