// SPDX-License-Identifier: Apache-2.0
// The contract of sinks: exactly once, by one journal entry. Each lane writes rows and, at a barrier, cuts off what it has written since the last one; the
// coordinator finishes that while the lane writes on. The sink's committer makes of all lanes' results the effects of the checkpoint: operations inside the one
// journal entry, and effects outside that are carried out after it, idempotently.
//
//   lane 0 --Write--> files --Prepare(7)--> part --Finish--> bytes --+
//   lane 1 --Write--> files --Prepare(7)--> part --Finish--> bytes --+> committer.Prepare(7, ...) -> {in_journal, outside}
//        coordinator: journal entry {positions, state files, in_journal of all sinks, outside of all sinks}
//        durable -> committer.Published(7) -> committer.CommitOutside(7, outside) -> next checkpoint may publish
//   after a crash: CommitOutside is called again with the stored bytes; it looks before it acts. Then RemoveOrphans.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "log/journal.h"
#include "plan/physical_plan.h"
#include "state/state_io.h"
#include "types/batch.h"

namespace firn::exec {

struct CheckpointIdentity {
  std::string job_id;         // 32 hexadecimal digits
  std::string sink_uid;       // the plan node's uid
  int64_t checkpoint_id = 0;  // ascending from 1
};

/// What one lane has written for one checkpoint. Made in the lane's task, then lives with the coordinator, which drops it before the sink goes. Destroyed without
/// Finish, or after it has failed: what it has written is not part of any checkpoint.
class SinkPart {
 public:
  virtual ~SinkPart() = default;
  /// Called once, while the lane goes on with the next checkpoint's rows. Describes the part as bytes. All its files are durable on return. May block.
  virtual Result<std::string> Finish() = 0;
};

/// A part that has nothing left to do.
class FinishedPart final : public SinkPart {
 public:
  explicit FinishedPart(std::string bytes) : bytes_(std::move(bytes)) {}
  Result<std::string> Finish() override { return std::move(bytes_); }

 private:
  std::string bytes_;
};

/// One lane. Lives in one task; may block on local disk.
class SinkLane {
 public:
  virtual ~SinkLane() = default;
  virtual Status Write(const types::Batch& batch) = 0;
  /// Cuts off what was written since the last call; null: nothing was. The barrier waits for it: what takes time belongs into the part's Finish.
  virtual Result<std::unique_ptr<SinkPart>> Prepare(int64_t checkpoint_id) = 0;
  /// State besides what Prepare hands over (an upsert sink's key index).
  virtual Status Snapshot(state::StateWriter& writer) = 0;
  virtual Status Restore(state::StateReader& reader) = 0;
  virtual int64_t state_bytes() const = 0;
};

struct PreparedEffects {
  std::vector<log::Operation> in_journal;
  std::string outside;   // for CommitOutside; empty: nothing to do there
};

/// One a sink and job; lives with the coordinator, on its queue; may block on files, not for another job: that one's queue may be on the same thread.
class SinkCommitter {
 public:
  virtual ~SinkCommitter() = default;
  /// Asked before Prepare, when the parts of all lanes are finished: whether this job may commit now. False: another is committing to the same place; ask again
  /// later. True: Prepare or Withdraw follows.
  virtual bool TryBegin(const CheckpointIdentity&) { return true; }
  virtual void Withdraw() {}
  /// `lanes`: what the lanes' parts gave; empty: nothing was written. May write files (manifests, a new metadata file). `is_last`: the job has ended with this
  /// checkpoint.
  virtual Result<PreparedEffects> Prepare(const CheckpointIdentity& identity, const std::vector<std::string>& lanes,
                                          bool is_last) = 0;
  /// The entry with in_journal is durable.
  virtual void Published(const CheckpointIdentity& identity) = 0;
  /// The entry is known not to be in the journal: what Prepare made may be removed. Not called if its outcome is unknown.
  virtual void Abandoned(const CheckpointIdentity& identity) = 0;
  /// Idempotent: looks for the commit of this identity before it makes it. kCommitConflict is rebased inside; an error stops the job for restart.
  virtual Status CommitOutside(const CheckpointIdentity& identity, const std::string& outside) = 0;
  /// Removes what earlier runs of the job have left: files of checkpoints that have come to nothing. No lane has written yet or will write again, no part
  /// of theirs is left, and all that checkpoint `last` (0: none) owes is done. For sinks that make no files there is nothing to do. An error costs space and nothing else.
  virtual Status RemoveOrphans(const CheckpointIdentity& /*last*/) { return Ok(); }
};

struct Sink {
  std::vector<std::unique_ptr<SinkLane>> lanes;
  std::unique_ptr<SinkCommitter> committer;
};

}  // namespace firn::exec
