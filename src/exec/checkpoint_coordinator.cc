// SPDX-License-Identifier: Apache-2.0
#include "exec/checkpoint_coordinator.h"

#include <fmt/format.h>

#include <utility>

#include "base/assert.h"
#include "exec/sink_operator.h"
#include "io/clock.h"

namespace firn::exec {

namespace {

constexpr int64_t kBeginAgainUs = 1000;  // about as long as another job's entry takes to be durable

Error WhileWriting(const JobGraph::JobSink& sink, Error error) { return exec::WhileWriting(std::get<plan::SinkNode>(sink.node->spec), std::move(error)); }

}  // namespace

CheckpointCoordinator::CheckpointCoordinator(Options options, const io::Environment& environment, log::Store& store,
                                             Post post)
    : options_(std::move(options)), environment_(environment), store_(store), post_(std::move(post)), files_(environment.files, options_.state_directory) {}

void CheckpointCoordinator::SetLast(CheckpointRecord record) {
  FIRN_ASSERT(!pending_ && !last_, "checkpoint {} is set behind another", record.id);
  next_id_ = std::max(next_id_, record.id + 1);
  last_ = std::move(record);
  is_settled_ = last_->outside.empty();
}

CheckpointIdentity CheckpointCoordinator::IdentityOf(const JobGraph::JobSink& sink, int64_t id) const {
  return {options_.job_id, sink.node->uid, id};
}

void CheckpointCoordinator::Start(JobGraph& graph, Request request) {
  FIRN_ASSERT(!pending_, "checkpoint {} is in progress", pending_->status.id);
  pending_.emplace(Pending{.graph = &graph, .request = std::move(request), .awaited = graph.tasks.size()});
  pending_->status = {.id = next_id_++, .state = "IN_PROGRESS", .triggered_ms = environment_.clock.WallTimeMs()};
  pending_->started_us = environment_.clock.MonotonicUs();
  last_started_ms_ = pending_->status.triggered_ms;
  Remember(pending_->status);
  for (auto& task : graph.tasks) task->Trigger(pending_->status.id);
}

void CheckpointCoordinator::Add(TaskSnapshot snapshot) {
  if (!pending_ || snapshot.checkpoint_id != pending_->status.id) return;  // of an aborted one
  FIRN_ASSERT(pending_->phase == Phase::kCollecting, "checkpoint {} has all its {} parts and got another", pending_->status.id, pending_->awaited);
  pending_->snapshots.push_back(std::move(snapshot));
  if (pending_->snapshots.size() == pending_->awaited) FinishParts();
}

void CheckpointCoordinator::Abort(const std::string& reason) {
  if (!pending_ || is_in_journal()) return;
  pending_->status.state = "FAILED";
  pending_->status.failure = reason;
  Remember(pending_->status);
  ++failed_;
  pending_.reset();
}

// Step 2, once.
void CheckpointCoordinator::FinishParts() {
  if (Status gathered = Gather(); !gathered.ok()) return Finish(std::move(gathered));
  pending_->phase = Phase::kAwaitingTurn;
  Commit();
}

// What the entry holds but the sinks' effects. No snapshot is left, whatever fails: a part that was not finished is part of nothing.
Status CheckpointCoordinator::Gather() {
  Pending& pending = *pending_;
  const auto& sinks = pending.graph->sinks;
  pending.record.id = pending.status.id;
  pending.record.timestamp_ms = pending.status.triggered_ms;
  pending.operations = std::move(pending.request.also);
  for (const auto& sink : sinks) pending.prepared.emplace_back(static_cast<size_t>(sink.lanes));
  pending.record.operators = StatefulOperators(*pending.graph);
  std::vector<state::LaneSnapshot> states;
  std::vector<TaskSnapshot> snapshots = std::exchange(pending.snapshots, {});
  for (TaskSnapshot& snapshot : snapshots) {
    FIRN_ASSERT(snapshot.checkpoint_id == pending.record.id, "task {} hands in checkpoint {} for {}", snapshot.task, snapshot.checkpoint_id, pending.record.id);
    if (!snapshot.source_uid.empty()) {
      const bool is_first = pending.record.positions.emplace(snapshot.source_uid, std::move(snapshot.positions)).second;
      FIRN_ASSERT(is_first, "two tasks of the source {} hand in a position", snapshot.source_uid);
    }
    for (log::Operation& operation : snapshot.source_operations) pending.operations.push_back(std::move(operation));
    for (state::LaneSnapshot& lane : snapshot.states) states.push_back(std::move(lane));
    if (!snapshot.prepared) continue;
    FIRN_ASSERT(snapshot.sink >= 0 && static_cast<size_t>(snapshot.sink) < sinks.size() && snapshot.sink_lane < sinks[static_cast<size_t>(snapshot.sink)].lanes,
                "task {} hands in a part of lane {} of sink {} of {}", snapshot.task, snapshot.sink_lane, snapshot.sink, sinks.size());
    auto part = snapshot.prepared->Finish();
    if (!part.ok()) return WhileWriting(sinks[static_cast<size_t>(snapshot.sink)], std::move(part).error());
    pending.prepared[static_cast<size_t>(snapshot.sink)][static_cast<size_t>(snapshot.sink_lane)] = *std::move(part);
    snapshot.prepared.reset();
  }
  return pending.request.is_last ? Ok() : WriteState(states);  // nobody comes back to the state of a job that has ended
}

Status CheckpointCoordinator::WriteState(const std::vector<state::LaneSnapshot>& states) {
  Pending& pending = *pending_;
  FIRN_TRY(state::WrittenState written, files_.Write(pending.record.id, last_ ? last_->manifest : state::Manifest(), states));
  pending.record.manifest = std::move(written.manifest);
  pending.status.state_bytes = written.bytes;
  pending.status.full_state_bytes = pending.record.manifest.TotalBytes();
  return Ok();
}

// Step 3, as soon as it is this job's turn.
void CheckpointCoordinator::Commit() {
  FIRN_ASSERT(pending_->phase == Phase::kAwaitingTurn && pending_->snapshots.empty(), "checkpoint {} is committed before its parts are finished", pending_->status.id);
  if (!TryBegin()) {
    return post_(kBeginAgainUs, [this, id = pending_->status.id] {
      if (pending_ && pending_->status.id == id) Commit();
    });
  }
  auto entry = MakeEntry();
  if (!entry.ok()) return Finish(std::move(entry).error());
  pending_->phase = Phase::kInJournal;
  store_.journal().Append(*std::move(entry), [this, post = post_, id = pending_->status.id](Result<log::Committed> committed) {
    Status outcome = committed.ok() ? Ok() : Status(std::move(committed).error());
    post(0, [this, id, outcome = std::move(outcome)] { OnDurable(id, outcome); });
  });
}

// Whether all sinks may commit. If another job is committing to the place of one of them, none is begun: two jobs that each held what the other waits for
// would wait for ever.
bool CheckpointCoordinator::TryBegin() {
  const auto& sinks = pending_->graph->sinks;
  for (size_t i = 0; i < sinks.size(); ++i) {
    if (sinks[i].committer->TryBegin(IdentityOf(sinks[i], pending_->status.id))) continue;
    for (size_t begun = 0; begun < i; ++begun) sinks[begun].committer->Withdraw();
    return false;
  }
  return true;
}

// All sinks have begun.
Result<std::vector<log::Operation>> CheckpointCoordinator::MakeEntry() {
  Pending& pending = *pending_;
  FIRN_RETURN_IF_ERROR(PrepareSinks());
  if (pending.request.is_last && pending.record.outside.empty()) {
    pending.operations.push_back(log::Delete{CheckpointKey(options_.job_id)});  // nothing will be restored or done again
  } else {
    pending.operations.push_back(log::Put{CheckpointKey(options_.job_id), EncodeCheckpoint(pending.record)});
  }
  return std::move(pending.operations);
}

// Whatever fails, no sink is left begun.
Status CheckpointCoordinator::PrepareSinks() {
  Pending& pending = *pending_;
  CheckpointRecord& record = pending.record;
  const auto& sinks = pending.graph->sinks;
  for (size_t i = 0; i < sinks.size(); ++i) {
    auto effects = sinks[i].committer->Prepare(IdentityOf(sinks[i], record.id), pending.prepared[i], pending.request.is_last);
    if (!effects.ok()) {
      for (size_t made = 0; made < i; ++made) sinks[made].committer->Abandoned(IdentityOf(sinks[made], record.id));
      for (size_t begun = i + 1; begun < sinks.size(); ++begun) sinks[begun].committer->Withdraw();
      return WhileWriting(sinks[i], std::move(effects).error());
    }
    for (log::Operation& operation : effects->in_journal) pending.operations.push_back(std::move(operation));
    if (!effects->outside.empty()) record.outside[sinks[i].node->uid] = std::move(effects->outside);
  }
  return Ok();
}

void CheckpointCoordinator::OnDurable(int64_t id, Status outcome) {
  FIRN_ASSERT(is_in_journal() && pending_->status.id == id, "checkpoint {} came back from the journal and is not awaited", id);
  if (!outcome.ok()) {
    is_outcome_unknown_ = is_outcome_unknown_ || !log::IsRefused(outcome.error());
    for (const JobGraph::JobSink& sink : pending_->graph->sinks) {
      if (log::IsRefused(outcome.error())) sink.committer->Abandoned(IdentityOf(sink, id));
    }
    return Finish(std::move(outcome));
  }
  last_ = std::move(pending_->record);
  has_ended_ = pending_->request.is_last;
  for (const JobGraph::JobSink& sink : pending_->graph->sinks) sink.committer->Published(IdentityOf(sink, id));
  outcome = CommitOutside(*pending_->graph);
  if (outcome.ok()) outcome = files_.RemoveUnreferenced(last_->manifest);
  Finish(std::move(outcome));
}

Status CheckpointCoordinator::CommitOutside(JobGraph& graph) {
  is_settled_ = false;
  for (JobGraph::JobSink& sink : graph.sinks) {
    auto found = last_->outside.find(sink.node->uid);
    if (found == last_->outside.end()) continue;
    Status committed = sink.committer->CommitOutside(IdentityOf(sink, last_->id), found->second);
    if (!committed.ok()) return WhileWriting(sink, std::move(committed).error());
  }
  is_settled_ = true;
  return Ok();
}

Status CheckpointCoordinator::ResumeOutside(JobGraph& graph) { return last_ ? CommitOutside(graph) : Ok(); }

Status CheckpointCoordinator::RemoveOrphans(JobGraph& graph) {
  FIRN_ASSERT(!pending_, "checkpoint {} is in progress, its files are no orphans", pending_->status.id);
  if (!is_settled_ || is_outcome_unknown_) return Ok();
  for (JobGraph::JobSink& sink : graph.sinks) FIRN_RETURN_IF_ERROR(sink.committer->RemoveOrphans(IdentityOf(sink, last_ ? last_->id : 0)));
  return Ok();
}

void CheckpointCoordinator::Finish(Status outcome) {
  Pending finished = std::move(*pending_);
  pending_.reset();
  finished.status.duration_ms = (environment_.clock.MonotonicUs() - finished.started_us) / 1000;
  finished.status.state = outcome.ok() ? "COMPLETED" : "FAILED";
  if (!outcome.ok()) finished.status.failure = outcome.error().ToString();
  ++(outcome.ok() ? completed_ : failed_);
  Remember(finished.status);
  finished.request.done(std::move(outcome));
}

void CheckpointCoordinator::Remember(CheckpointStatus status) {
  if (!history_.empty() && history_.back().id == status.id) {
    history_.back() = std::move(status);
    return;
  }
  history_.push_back(std::move(status));
  if (history_.size() > static_cast<size_t>(options_.history_limit)) history_.erase(history_.begin());
}

}  // namespace firn::exec
