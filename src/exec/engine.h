// SPDX-License-Identifier: Apache-2.0
// The engine of a node: runs jobs as cooperative tasks on a fixed pool of workers, takes checkpoints, brings jobs back after a restart.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "exec/connector.h"
#include "io/environment.h"
#include "log/store.h"
#include "plan/physical_plan.h"
#include "types/batch.h"

namespace firn::exec {

enum class JobState { kCreated, kRunning, kFailing, kFailed, kCancelling, kCanceled, kFinished, kRestarting, kSuspended };
/// As Flink's REST prints it: "RUNNING".
const char* JobStateText(JobState state);

/// What a job needs to be planned again by a later process. Stored in the meta store under job/.
struct JobDefinition {
  std::string name;                           // 'pipeline.name' or "insert-into_lake.db.agg_1m"
  std::string statement;                      // SQL text of the INSERT or statement set
  std::string catalog;                        // current ones at submission
  std::string database;
  std::map<std::string, std::string> config;  // SET values at submission
  std::vector<std::string> tables;            // definitions of the tables and views that it was planned from, as who plans again reads them
  bool is_durable = true;                     // comes back after a restart; a SELECT does not
  bool is_awaited = false;                    // who submits it is told of its end; not stored: nobody waits any more once it has come back
};

struct VertexStatus {
  int node_id = 0;
  std::string uid;
  std::string name;
  int parallelism = 1;
  int64_t rows_in = 0, rows_out = 0, bytes_in = 0;
  int64_t late_rows = 0;            // dropped as late
  int64_t null_rowtime_rows = 0;    // dropped for a NULL rowtime
  int64_t state_bytes = 0;
  int64_t watermark_ms = types::kNoWatermark;
  double busy_ratio = 0;            // of one worker, since the last look
  bool is_backpressured = false;
};

struct SourcePartitionStatus {
  int node_id = 0;
  std::string table;
  PartitionStatus partition;
  int64_t watermark_ms = types::kNoWatermark;
  bool is_idle = false;
  /// Since the job was submitted: rows whose event time was at or behind the watermark that the rows read before them, of all partitions, had emitted. They
  /// are passed on: a window that is still open takes them. Which rows were dropped as late, VertexStatus::late_rows tells.
  int64_t late_rows = 0;
};

struct OpenWindow {
  int node_id = 0;
  int64_t start_ms = 0, end_ms = 0;
  int64_t keys = 0;
  int64_t watermark_ms = types::kNoWatermark;  // what it waits to pass end_ms - 1
};

struct CheckpointStatus {
  int64_t id = 0;
  std::string state;  // "COMPLETED", "IN_PROGRESS", "FAILED"
  int64_t triggered_ms = 0, duration_ms = 0;
  int64_t state_bytes = 0;          // written by this one
  int64_t full_state_bytes = 0;
  std::string failure;
};

struct RestoredCheckpoint {
  int64_t id = 0;
  int64_t restored_ms = 0;
};

struct JobStatus {
  std::string id;
  JobDefinition definition;
  JobState state = JobState::kCreated;
  int64_t start_ms = 0, end_ms = -1;
  std::optional<Error> failure;
  bool is_kept = false;  // it could not be brought back: what is stored of it stays and the next start tries again, until it is cancelled
  int restarts = 0;
  std::vector<VertexStatus> vertices;
  std::vector<std::pair<int, int>> edges;  // node ids, from -> to
  std::vector<SourcePartitionStatus> partitions;
  std::vector<OpenWindow> windows;
  std::vector<CheckpointStatus> checkpoints;  // newest last, bounded
  int64_t checkpoints_completed = 0, checkpoints_failed = 0;
  std::optional<RestoredCheckpoint> restored;  // what the job last began from, in this process
  int64_t checkpoints_restored = 0;
};

/// The rows of a SELECT, as they come. Thread-safe.
class ResultStream {
 public:
  virtual ~ResultStream() = default;
  struct Chunk {
    std::vector<types::Batch> batches;
    bool is_end = false;
  };
  /// Waits at most `wait_ms` for rows; an empty chunk that is not the end: ask again. The job's failure is returned as the error.
  virtual Result<Chunk> Next(int wait_ms) = 0;
  /// Stops the job.
  virtual void Close() = 0;
};

struct EngineOptions {
  int workers = 0;                         // 0: one a processor
  std::string state_directory;             // checkpoint files
  int64_t state_limit_bytes = 4LL << 30;   // of all jobs together
  /// Takes a job's warnings, a line each without its end; called from any thread. May be empty.
  std::function<void(const std::string&)> warn;
  int64_t result_buffer_bytes = 64 << 20;  // a SELECT's rows not yet fetched; then its job waits
};

/// Thread-safe.
class Engine {
 public:
  static Result<std::unique_ptr<Engine>> Start(const io::Environment& environment, log::Store& store,
                                               ConnectorRegistry& connectors, const EngineOptions& options);
  virtual ~Engine() = default;

  /// Starts an INSERT or statement set; durable when this returns. Returns the job's id.
  virtual Result<std::string> Submit(plan::JobPlan plan, JobDefinition definition) = 0;
  /// The same for callers that must not wait for the disk: `done` runs on a queue of the engine once the job is durable.
  virtual void SubmitThen(plan::JobPlan plan, JobDefinition definition, std::function<void(Result<std::string>)> done) = 0;
  /// Starts a SELECT.
  struct Query {
    std::string job_id;
    std::unique_ptr<ResultStream> results;
  };
  virtual Result<Query> Run(plan::JobPlan plan, JobDefinition definition) = 0;

  /// Plans the stored definition of each durable job that was running and resumes it from its last checkpoint; a job that cannot be planned any
  /// more is kept as failed with the reason. Called once, after the catalogs are there.
  using Replan = std::function<Result<plan::JobPlan>(const JobDefinition&)>;
  virtual Status RecoverJobs(const Replan& replan) = 0;

  /// kJobNotFound; kInvalidArgument for a job that has ended, unless something of it is kept, which a cancelling drops.
  virtual Status Cancel(const std::string& job_id) = 0;
  /// Takes a last checkpoint, then ends the job (STOP JOB). Errors as those of Cancel.
  virtual Status Stop(const std::string& job_id, bool drain) = 0;
  /// Waits until the job has ended or `wait_ms` have passed (-1: for ever); its state then.
  virtual Result<JobState> Wait(const std::string& job_id, int64_t wait_ms) = 0;
  virtual std::vector<JobStatus> Jobs() const = 0;
  virtual Result<JobStatus> Job(const std::string& job_id) const = 0;

  /// Suspends all jobs at a last checkpoint and stops the workers.
  virtual Status Close() = 0;
};

}  // namespace firn::exec
