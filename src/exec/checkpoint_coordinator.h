// SPDX-License-Identifier: Apache-2.0
// Takes the checkpoints of one job, one at a time. Each arrow is one turn of the job's queue: no two of them run at the same time, none waits for a task,
// for another job or for the journal.
//
//   idle --Start--> kCollecting --last Add--> kAwaitingTurn --all sinks have begun--> kInJournal --durable, done outside--> idle
//                        |                      |  ^    |                                 |
//                        |                      +--+ other jobs commit there: again later |
//                        +-- Abort, a failure --+-------+                                 +-- refused, unknown, not done outside: failed
//                                   v
//                                 idle: as if it had not been
//
// 1. Start asks every task; sources put a barrier into their streams. Each task hands in its share (Add): state that has changed, source positions, and of
//    its sink's lane a part: what was cut off at the barrier, not finished yet. The tasks go on.
// 2. With all shares there, in one turn: the parts are finished (footers, fsync), the state goes into a file. Nothing of it is done again while the
//    turn is awaited, and no sink is held for it: a turn is as short as can be.
// 3. All sinks begin or none does. Then, in the same turn: the committers make effects of what the parts gave, and ONE journal entry holds positions, manifest,
//    and every effect inside this node. It is durable or it is not: that is the commit. Abort has no effect from here on.
// 4. Effects outside are carried out, idempotently; the bytes to do them again are in the entry. State files that the new manifest no longer names are
//    removed. Then the next checkpoint may start.
//
// A failure before 4 leaves the last checkpoint as it was; the job restarts from it. A failure in 4 restarts the job too, which then carries out the effects
// again before anything else (ResumeOutside); after the last checkpoint of a job nothing else is left to do (has_ended).
//
// Between runs, idle and with no task alive, nobody holds or finishes a part: only then RemoveOrphans may tell by names which files nobody will ask for.
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
  bool is_in_journal() const { return pending_ && pending_->phase == Phase::kInJournal; }
  int64_t started_ms() const { return pending_ ? pending_->status.triggered_ms : last_started_ms_; }

  /// The last complete checkpoint; null: none.
  const CheckpointRecord* last() const { return last_ ? &*last_ : nullptr; }
  void SetLast(CheckpointRecord record);
  /// This process took the job's last checkpoint and it is in the journal: nothing may run any more, only what it owes outside may be missing.
  bool has_ended() const { return has_ended_; }
  state::CheckpointFiles& files() { return files_; }
  /// The last checkpoint is durable and not all that it owes outside is known to be done: whoever drops it drops rows.
  bool owes_outside() const { return !is_settled_; }
  /// Carries out what the last checkpoint still owes outside.
  Status ResumeOutside(JobGraph& graph);
  /// Removes files that no checkpoint of the job names, nor what its checkpoints have committed; does nothing while it is unknown what those are. None is in
  /// progress, and no task of the graph has begun, or all are gone.
  Status RemoveOrphans(JobGraph& graph);
  /// The job has ended for good: nothing will be restored.
  Status RemoveFiles() { return files_.RemoveAll(); }

  const std::vector<CheckpointStatus>& history() const { return history_; }
  int64_t completed_count() const { return completed_; }
  int64_t failed_count() const { return failed_; }

 private:
  enum class Phase { kCollecting, kAwaitingTurn, kInJournal };
  struct Pending {
    JobGraph* graph;
    Request request;
    CheckpointStatus status;
    size_t awaited = 0;
    Phase phase = Phase::kCollecting;
    std::vector<TaskSnapshot> snapshots;             // while collecting
    std::vector<std::vector<std::string>> prepared;  // then: what the parts gave, by sink and lane
    std::vector<log::Operation> operations;          // of the entry
    CheckpointRecord record;
    int64_t started_us = 0;
  };

  void FinishParts();
  Status Gather();
  Status WriteState(const std::vector<state::LaneSnapshot>& states);
  void Commit();
  bool TryBegin();
  Result<std::vector<log::Operation>> MakeEntry();
  Status PrepareSinks();
  void OnDurable(int64_t id, Status outcome);
  void Finish(Status outcome);
  void Remember(CheckpointStatus status);
  CheckpointIdentity IdentityOf(const JobGraph::JobSink& sink, int64_t id) const;
  Status CommitOutside(JobGraph& graph);

  const Options options_;
  const io::Environment environment_;
  log::Store& store_;
  const Post post_;
  state::CheckpointFiles files_;
  std::optional<CheckpointRecord> last_;
  bool is_settled_ = true;                        // all that the last checkpoint owes outside is done
  bool has_ended_ = false;
  bool is_outcome_unknown_ = false;               // an entry may be in the journal or not: the next process will know
  int64_t next_id_ = 1;
  int64_t last_started_ms_ = 0;
  std::optional<Pending> pending_;
  std::vector<CheckpointStatus> history_;
  int64_t completed_ = 0;
  int64_t failed_ = 0;
};

}  // namespace firn::exec
