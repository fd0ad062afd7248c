// SPDX-License-Identifier: Apache-2.0
// Metrics in Prometheus' text format, version 0.0.4. Counters are of this process's life or, where a job's checkpoint holds them, of the job's.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "broker/kafka_server.h"
#include "broker/topics.h"
#include "exec/engine.h"

namespace firn::gateway {

inline constexpr const char* kMetricsContentType = "text/plain; version=0.0.4; charset=utf-8";

/// Requests of each HTTP port that were no HTTP, or too large.
struct HttpFaults {
  int64_t sql = 0;
  int64_t jobs = 0;
};

/// Memory, processor time and files of this process, under the names that every Prometheus client library gives them.
std::string ProcessMetricsText();
/// Connections, requests, bytes and faults of the Kafka port.
std::string KafkaMetricsText(const broker::KafkaServerCounts& counts);
/// Whether the storage takes writes, and reads of it that failed.
std::string StorageMetricsText(bool is_ready, int64_t failed_reads);
std::string HttpMetricsText(const HttpFaults& faults);
/// Both ends of each partition: the rate of the end is what producers write.
std::string TopicMetricsText(const broker::Topics& topics);
/// Each metric with HELP and TYPE, each sample labelled with the job's id and name.
std::string MetricsText(const std::vector<exec::JobStatus>& jobs);

}  // namespace firn::gateway
