// SPDX-License-Identifier: Apache-2.0
// Takes the checkpoints of one job, one at a time.
//
// 1. Start asks every task; sources put a barrier into their streams.
// 2. Each task hands in its part (Add): state of changed key groups, source positions, what its sink lane has written.
// 3. With all parts there: the state goes into a file; the sinks' committers turn the lanes' results into effects.
// 4. ONE journal entry holds positions, manifest, and every effect inside this node. It is durable or it is not: that is the commit.
// 5. Effects outside are carried out, idempotently; the bytes to do them again are in the entry. Then the next checkpoint may start.
// 6. State files that the new manifest no longer names are removed.
//
// A failure before 4 leaves the last checkpoint as it was; the job restarts from it. A failure in 5 restarts the job too, which then
// carries out the effects again before anything else (ResumeOutside).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "exec/job_graph.h"
#include "exec/job_record.h"
#include "io/executor.h"
#include "log/store.h"

namespace firn::exec {

/// Lives on the job's queue; all calls come from there. Blocks on local disk and in CommitOutside.
class CheckpointCoordinator {
 public:
  struct Options {
    std::string job_id;
    std::string state_directory;  // of this job
    int history_limit = 16;
  };
  /// Queues work on the job's queue, after `delay_us` if that is not 0; also called on the journal's queue, and maybe after the coordinator is gone.
  using Post = std::function<void(int64_t delay_us, io::Task task)>;
  CheckpointCoordinator(Options options, const io::Environment& environment, log::Store& store, Post post);

  struct Request {
    bool is_last = false;                        // the job ends with it
    std::vector<log::Operation> also;            // into the same entry: the job's new state
    std::function<void(Status)> done;            // once, on the queue: complete with all its effects, or why not
  };
  /// None is in progress.
  void Start(JobGraph& graph, Request request);
  void Add(TaskSnapshot snapshot);
  /// Forgets an unfinished checkpoint, unless its entry is on the way to the journal: then its outcome must be awaited. `done` is not called.
  void Abort(const std::string& reason);

  bool is_in_progress() const { return pending_.has_value(); }
  /// Its entry has been given to the journal and has not come back.
  bool is_in_journal() const { return pending_ && pending_->is_in_journal; }
  int64_t started_ms() const { return pending_ ? pending_->status.triggered_ms : last_started_ms_; }

  /// The last complete checkpoint; null: none.
  const CheckpointRecord* last() const { return last_ ? &*last_ : nullptr; }
  void SetLast(CheckpointRecord record);
  state::CheckpointFiles& files() { return files_; }
  /// Carries out what the last checkpoint still owes outside.
  Status ResumeOutside(JobGraph& graph);
  /// Removes files that no checkpoint of the job names, nor what its checkpoints have committed; does nothing while it is unknown what those are. No task of
  /// the graph has begun, or all are gone.
  Status RemoveOrphans(JobGraph& graph);
  /// The job has ended for good: nothing will be restored.
  Status RemoveFiles() { return files_.RemoveAll(); }

  const std::vector<CheckpointStatus>& history() const { return history_; }
  int64_t completed_count() const { return completed_; }
  int64_t failed_count() const { return failed_; }

 private:
  struct Pending {
    JobGraph* graph;
    Request request;
    CheckpointStatus status;
    size_t awaited = 0;
    std::vector<TaskSnapshot> snapshots;
    CheckpointRecord record;
    bool is_in_journal = false;
    int64_t started_us = 0;
  };

  void Complete();
  bool TryBegin();
  Result<std::vector<log::Operation>> MakeEntry();
  Status PrepareSinks(const std::vector<std::vector<std::string>>& prepared, std::vector<log::Operation>* operations);
  void OnDurable(int64_t id, Status outcome);
  void Finish(Status outcome);
  void Remember(CheckpointStatus status);
  CheckpointIdentity IdentityOf(const JobGraph::SinkPart& sink, int64_t id) const;
  Status CommitOutside(JobGraph& graph);

  const Options options_;
  const io::Environment environment_;
  log::Store& store_;
  const Post post_;
  state::CheckpointFiles files_;
  std::optional<CheckpointRecord> last_;
  bool is_settled_ = true;                        // all that the last checkpoint owes outside is done
  bool is_outcome_unknown_ = false;               // an entry may be in the journal or not: the next process will know
  int64_t next_id_ = 1;
  int64_t last_started_ms_ = 0;
  std::optional<Pending> pending_;
  std::vector<CheckpointStatus> history_;
  int64_t completed_ = 0;
  int64_t failed_ = 0;
};

}  // namespace firn::exec
