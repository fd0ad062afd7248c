// SPDX-License-Identifier: Apache-2.0
#include "gateway/metrics.h"

#include <fmt/format.h>

#include <array>

#include "base/assert.h"
#include "io/process.h"

namespace firn::gateway {

namespace {

std::string Escaped(const std::string& text) {
  std::string escaped;
  for (char c : text) {
    if (c == '\n') {
      escaped += "\\n";
      continue;
    }
    if (c == '"' || c == '\\') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

std::string JobLabels(const exec::JobStatus& job) { return fmt::format("job_id=\"{}\",job_name=\"{}\"", Escaped(job.id), Escaped(job.definition.name)); }

void Begin(std::string* out, const char* name, const char* kind, const char* help) { *out += fmt::format("# HELP {0} {2}\n# TYPE {0} {1}\n", name, kind, help); }

bool Runs(const exec::JobStatus& job) {
  return job.state != exec::JobState::kFinished && job.state != exec::JobState::kFailed && job.state != exec::JobState::kCanceled;
}
bool HasTime(int64_t ms) { return ms > 0 && ms != types::kFinalWatermark; }

const exec::CheckpointStatus* LastCompleted(const exec::JobStatus& job) {
  for (auto checkpoint = job.checkpoints.rbegin(); checkpoint != job.checkpoints.rend(); ++checkpoint) {
    if (checkpoint->state == "COMPLETED") return &*checkpoint;
  }
  return nullptr;
}

template <typename Item>
struct Metric {
  const char* name;
  const char* kind;
  const char* help;
  double (*value)(const Item&);
  bool (*is_known)(const Item&) = nullptr;  // null: of every item

  bool IsOf(const Item& item) const { return is_known == nullptr || is_known(item); }
};

const std::vector<Metric<exec::JobStatus>>& JobMetrics() {
  using Job = exec::JobStatus;
  static const std::vector<Metric<Job>> metrics = {
      {"firn_job_restarts_total", "counter", "How often the job was started again after a failure.", [](const Job& job) { return static_cast<double>(job.restarts); }},
      {"firn_job_checkpoints_completed_total", "counter", "Checkpoints that are durable.", [](const Job& job) { return static_cast<double>(job.checkpoints_completed); }},
      {"firn_job_checkpoints_failed_total", "counter", "Checkpoints that failed.", [](const Job& job) { return static_cast<double>(job.checkpoints_failed); }},
      {"firn_job_last_checkpoint_duration_seconds", "gauge", "From the trigger to the commit of the newest checkpoint.",
       [](const Job& job) { return static_cast<double>(LastCompleted(job)->duration_ms) / 1000; }, [](const Job& job) { return LastCompleted(job) != nullptr; }},
      {"firn_job_last_checkpoint_bytes", "gauge", "State in the newest checkpoint.", [](const Job& job) { return static_cast<double>(LastCompleted(job)->full_state_bytes); },
       [](const Job& job) { return LastCompleted(job) != nullptr; }},
      {"firn_job_open_windows", "gauge", "Windows that hold rows and have not closed (as far as they are published).", [](const Job& job) { return static_cast<double>(job.windows.size()); }},
  };
  return metrics;
}

const std::vector<Metric<exec::VertexStatus>>& OperatorMetricsList() {
  using Vertex = exec::VertexStatus;
  static const std::vector<Metric<Vertex>> metrics = {
      {"firn_operator_rows_in_total", "counter", "Rows that came in.", [](const Vertex& vertex) { return static_cast<double>(vertex.rows_in); }},
      {"firn_operator_rows_out_total", "counter", "Rows that went out.", [](const Vertex& vertex) { return static_cast<double>(vertex.rows_out); }},
      {"firn_operator_bytes_in_total", "counter", "Bytes that a source has decoded.", [](const Vertex& vertex) { return static_cast<double>(vertex.bytes_in); }},
      {"firn_operator_late_rows_total", "counter", "Rows dropped because their window had closed.", [](const Vertex& vertex) { return static_cast<double>(vertex.late_rows); }},
      {"firn_operator_null_rowtime_rows_total", "counter", "Rows dropped because their event time was NULL.", [](const Vertex& vertex) { return static_cast<double>(vertex.null_rowtime_rows); }},
      {"firn_operator_state_bytes", "gauge", "Bytes of state in memory.", [](const Vertex& vertex) { return static_cast<double>(vertex.state_bytes); }},
      {"firn_operator_backpressured", "gauge", "1 while a consumer takes no more.", [](const Vertex& vertex) { return vertex.is_backpressured ? 1.0 : 0.0; }},
      {"firn_operator_watermark_seconds", "gauge", "The watermark, in seconds since 1970.", [](const Vertex& vertex) { return static_cast<double>(vertex.watermark_ms) / 1000; },
       [](const Vertex& vertex) { return HasTime(vertex.watermark_ms); }},
  };
  return metrics;
}

const std::vector<Metric<exec::SourcePartitionStatus>>& PartitionMetrics() {
  using Source = exec::SourcePartitionStatus;
  static const std::vector<Metric<Source>> metrics = {
      {"firn_source_offset", "gauge", "The next offset or row to be read.", [](const Source& source) { return static_cast<double>(source.partition.position); }},
      {"firn_source_lag", "gauge", "Offsets between what is read next and the end.",
       [](const Source& source) { return static_cast<double>(source.partition.end_position - source.partition.position); }, [](const Source& source) { return source.partition.end_position >= 0; }},
      {"firn_source_decode_errors_total", "counter", "Records that could not be decoded.", [](const Source& source) { return static_cast<double>(source.partition.decode_errors); }},
      {"firn_source_late_rows_total", "counter", "Rows that came behind the watermark.", [](const Source& source) { return static_cast<double>(source.late_rows); }},
      {"firn_source_idle", "gauge", "1 while the partition holds back no watermark because nothing comes.", [](const Source& source) { return source.is_idle ? 1.0 : 0.0; }},
      {"firn_source_watermark_seconds", "gauge", "The partition's watermark, in seconds since 1970.", [](const Source& source) { return static_cast<double>(source.watermark_ms) / 1000; },
       [](const Source& source) { return HasTime(source.watermark_ms); }},
  };
  return metrics;
}

void AppendJobs(std::string* out, const std::vector<exec::JobStatus>& jobs) {
  std::array<int64_t, 9> counts{};
  for (const exec::JobStatus& job : jobs) {
    FIRN_ASSERT(static_cast<size_t>(job.state) < counts.size(), "job {} is in state {}", job.id, static_cast<int>(job.state));
    ++counts[static_cast<size_t>(job.state)];
  }
  Begin(out, "firn_jobs", "gauge", "Jobs that the node knows, by state.");
  for (size_t i = 0; i < counts.size(); ++i) *out += fmt::format("firn_jobs{{state=\"{}\"}} {}\n", exec::JobStateText(static_cast<exec::JobState>(i)), counts[i]);
}

}  // namespace

std::string ProcessMetricsText() {
  const io::ProcessUsage usage = io::UsageOfProcess();
  std::string out;
  Begin(&out, "process_resident_memory_bytes", "gauge", "Resident memory size in bytes.");
  out += fmt::format("process_resident_memory_bytes {}\n", usage.resident_bytes);
  Begin(&out, "process_cpu_seconds_total", "counter", "Total user and system CPU time spent in seconds.");
  out += fmt::format("process_cpu_seconds_total {:.3f}\n", usage.cpu_seconds);
  Begin(&out, "process_open_fds", "gauge", "Number of open file descriptors.");
  out += fmt::format("process_open_fds {}\n", usage.open_files);
  return out;
}

std::string KafkaMetricsText(const broker::KafkaServerCounts& counts) {
  std::string out;
  auto add = [&out](const char* name, const char* kind, const char* help, int64_t value) {
    Begin(&out, name, kind, help);
    out += fmt::format("{} {}\n", name, value);
  };
  add("firn_kafka_connections", "gauge", "Connections of Kafka clients that are open.", counts.connections_open);
  add("firn_kafka_connections_accepted_total", "counter", "Connections of Kafka clients accepted.", counts.connections_accepted);
  add("firn_kafka_connections_refused_total", "counter", "Connections refused because too many were open.", counts.connections_refused);
  add("firn_kafka_requests_total", "counter", "Requests begun.", counts.requests);
  add("firn_kafka_received_bytes_total", "counter", "Bytes read from Kafka clients.", counts.bytes_in);
  add("firn_kafka_sent_bytes_total", "counter", "Bytes of responses to Kafka clients.", counts.bytes_out);
  add("firn_kafka_protocol_faults_total", "counter", "Connections closed for what they sent: a malformed frame, an unknown API or version.", counts.protocol_faults);
  add("firn_kafka_response_bytes", "gauge", "Answers in memory: gathered, waiting for their turn, or not yet taken by their client.", counts.response_bytes);
  add("firn_kafka_connections_idle_total", "counter", "Connections closed because nothing had come over them for ten minutes.", counts.connections_idle);
  add("firn_kafka_connections_stalled_total", "counter", "Connections closed because they did not take their answers while others waited for the memory.", counts.connections_stalled);
  return out;
}

std::string StorageMetricsText(bool is_ready, int64_t failed_reads) {
  std::string out;
  Begin(&out, "firn_storage_ready", "gauge", "1 while writes are taken, 0 while the disk is full or the journal has stopped (/readyz says why).");
  out += fmt::format("firn_storage_ready {}\n", is_ready ? 1 : 0);
  Begin(&out, "firn_storage_failed_reads_total", "counter", "Reads of records that failed: damaged or missing segment files.");
  return out + fmt::format("firn_storage_failed_reads_total {}\n", failed_reads);
}

std::string HttpMetricsText(const HttpFaults& faults) {
  std::string out;
  Begin(&out, "firn_http_faults_total", "counter", "Requests that were no HTTP, or too large.");
  return out + fmt::format("firn_http_faults_total{{port=\"sql\"}} {}\nfirn_http_faults_total{{port=\"jobs\"}} {}\n", faults.sql, faults.jobs);
}

std::string TopicMetricsText(const broker::Topics& topics) {
  std::string starts, ends;
  Begin(&starts, "firn_topic_start_offset", "gauge", "The first offset that a partition still holds.");
  Begin(&ends, "firn_topic_end_offset", "counter", "The offset that the next record of a partition will have.");
  for (const broker::TopicInfo& topic : topics.List()) {
    for (size_t i = 0; i < topic.partitions.size(); ++i) {
      const auto partition = topics.partition(topic.partitions[i]);
      if (partition == nullptr) continue;  // deleted just now
      const std::string labels = fmt::format("{{topic=\"{}\",partition=\"{}\"}}", Escaped(topic.name), i);
      starts += fmt::format("firn_topic_start_offset{} {}\n", labels, partition->log_start().value());
      ends += fmt::format("firn_topic_end_offset{} {}\n", labels, partition->high_watermark().value());
    }
  }
  return starts + ends;
}

std::string MetricsText(const std::vector<exec::JobStatus>& jobs) {
  std::string out;
  Begin(&out, "firn_build_info", "gauge", "1, labelled with the version.");
  out += "firn_build_info{version=\"0.1.0\"} 1\n";
  AppendJobs(&out, jobs);
  for (const auto& metric : JobMetrics()) {
    Begin(&out, metric.name, metric.kind, metric.help);
    for (const exec::JobStatus& job : jobs) {
      if (Runs(job) && metric.IsOf(job)) out += fmt::format("{}{{{}}} {}\n", metric.name, JobLabels(job), metric.value(job));
    }
  }
  for (const auto& metric : OperatorMetricsList()) {
    Begin(&out, metric.name, metric.kind, metric.help);
    for (const exec::JobStatus& job : jobs) {
      for (const exec::VertexStatus& vertex : job.vertices) {
        if (!Runs(job) || !metric.IsOf(vertex)) continue;
        out += fmt::format("{}{{{},operator_id=\"{}\",operator=\"{}\"}} {}\n", metric.name, JobLabels(job), vertex.node_id, Escaped(vertex.name), metric.value(vertex));
      }
    }
  }
  for (const auto& metric : PartitionMetrics()) {
    Begin(&out, metric.name, metric.kind, metric.help);
    for (const exec::JobStatus& job : jobs) {
      for (const exec::SourcePartitionStatus& source : job.partitions) {
        if (!Runs(job) || !metric.IsOf(source)) continue;
        out += fmt::format("{}{{{},operator_id=\"{}\",table=\"{}\",partition=\"{}\"}} {}\n", metric.name, JobLabels(job), source.node_id, Escaped(source.table),
                           Escaped(source.partition.name), metric.value(source));
      }
    }
  }
  return out;
}

}  // namespace firn::gateway
