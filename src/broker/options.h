// SPDX-License-Identifier: Apache-2.0
// What the owner of a broker decides. The names in comments are Kafka's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace firn::broker {

struct BrokerOptions {
  int32_t node_id = 1;
  std::string advertised_host;                     // advertised.listeners: where clients are told to connect; empty: where each has connected to
  uint16_t advertised_port = 0;                    // 0: the port that each has connected to
  bool creates_topics = true;                      // auto.create.topics.enable
  int32_t default_partition_count = 1;             // num.partitions
  int32_t partition_count_max = 10'000;            // of one topic
  int32_t session_timeout_ms_min = 6'000;          // group.min.session.timeout.ms
  int32_t session_timeout_ms_max = 1'800'000;      // group.max.session.timeout.ms
  int32_t initial_rebalance_delay_ms = 0;          // group.initial.rebalance.delay.ms
  int32_t group_members_max = 10'000;              // group.max.size
  int32_t groups_max = 100'000;
  int64_t group_bytes_max = 256LL << 20;           // of all groups: what their members have sent and were assigned
  int64_t group_offset_bytes_max = 512LL << 20;    // of all groups: what they have committed, in the meta store
  int32_t offset_metadata_bytes_max = 4'096;       // offset.metadata.max.bytes
  int64_t offset_retention_ms = 7LL * 24 * 3600 * 1000;    // offsets.retention.minutes
  int64_t producer_expiration_ms = 24LL * 3600 * 1000;     // producer.id.expiration.ms
  int64_t retention_check_ms = 10'000;             // log.retention.check.interval.ms
  int64_t expiry_check_ms = 600'000;
  int64_t response_bytes_max = 128LL << 20;        // answers in memory, over all connections (ResponseBudget)
  int64_t parked_fetch_bytes_max = 64LL << 20;     // of Fetch requests that wait for records, over all connections
  size_t blocking_calls_max = 4;                   // at once: cold reads, and what decompresses
};

}  // namespace firn::broker
