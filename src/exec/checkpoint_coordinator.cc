// SPDX-License-Identifier: Apache-2.0
#include "exec/checkpoint_coordinator.h"

#include <fmt/format.h>

#include "base/assert.h"
#include "io/clock.h"

namespace firn::exec {

namespace {

constexpr int64_t kBeginAgainUs = 1000;  // about as long as another job's entry takes to be durable

}  // namespace

CheckpointCoordinator::CheckpointCoordinator(Options options, const io::Environment& environment, log::Store& store,
                                             Post post)
    : options_(std::move(options)), environment_(environment), store_(store), post_(std::move(post)), files_(environment.files, options_.state_directory) {}

void CheckpointCoordinator::SetLast(CheckpointRecord record) {
  next_id_ = std::max(next_id_, record.id + 1);
  last_ = std::move(record);
  is_settled_ = last_->outside.empty();
}

CheckpointIdentity CheckpointCoordinator::IdentityOf(const JobGraph::SinkPart& sink, int64_t id) const {
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
  if (!pending_ || snapshot.checkpoint_id != pending_->status.id || pending_->is_in_journal) return;  // of an aborted one
  pending_->snapshots.push_back(std::move(snapshot));
  FIRN_ASSERT(pending_->snapshots.size() <= pending_->awaited, "checkpoint {} has {} parts of {} tasks", pending_->status.id,
              pending_->snapshots.size(), pending_->awaited);
  if (pending_->snapshots.size() == pending_->awaited) Complete();
}

void CheckpointCoordinator::Abort(const std::string& reason) {
  if (!pending_ || pending_->is_in_journal) return;
  pending_->status.state = "FAILED";
  pending_->status.failure = reason;
  Remember(pending_->status);
  ++failed_;
  pending_.reset();
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

void CheckpointCoordinator::Complete() {
  if (!TryBegin()) {
    return post_(kBeginAgainUs, [this, id = pending_->status.id] {
      if (pending_ && pending_->status.id == id) Complete();
    });
  }
  auto entry = MakeEntry();
  if (!entry.ok()) return Finish(std::move(entry).error());
  pending_->is_in_journal = true;
  store_.journal().Append(*std::move(entry), [this, post = post_, id = pending_->status.id](Result<log::Committed> committed) {
    Status outcome = committed.ok() ? Ok() : Status(std::move(committed).error());
    post(0, [this, id, outcome = std::move(outcome)] { OnDurable(id, outcome); });
  });
}

// Steps 3 and 4: what the entry holds. All sinks have begun; whatever fails, none is left so.
Result<std::vector<log::Operation>> CheckpointCoordinator::MakeEntry() {
  Pending& pending = *pending_;
  CheckpointRecord& record = pending.record;
  record.id = pending.status.id;
  record.timestamp_ms = pending.status.triggered_ms;
  std::vector<log::Operation> operations = std::move(pending.request.also);
  std::vector<state::LaneSnapshot> states;
  std::vector<std::vector<std::string>> prepared(pending.graph->sinks.size());
  for (size_t i = 0; i < prepared.size(); ++i) prepared[i].resize(static_cast<size_t>(pending.graph->sinks[i].lanes));
  for (TaskSnapshot& snapshot : pending.snapshots) {
    if (!snapshot.source_uid.empty()) record.positions[snapshot.source_uid] = std::move(snapshot.positions);
    for (log::Operation& operation : snapshot.source_operations) operations.push_back(std::move(operation));
    for (state::LaneSnapshot& lane : snapshot.states) states.push_back(std::move(lane));
    if (snapshot.sink >= 0) prepared[static_cast<size_t>(snapshot.sink)][static_cast<size_t>(snapshot.sink_lane)] = std::move(snapshot.prepared);
  }
  auto written = files_.Write(record.id, last_ ? last_->manifest : state::Manifest(), states);
  if (!written.ok()) {
    for (const JobGraph::SinkPart& sink : pending.graph->sinks) sink.committer->Withdraw();
    return std::move(written).error();
  }
  record.manifest = std::move(written->manifest);
  pending.status.state_bytes = written->bytes;
  pending.status.full_state_bytes = record.manifest.TotalBytes();
  FIRN_RETURN_IF_ERROR(PrepareSinks(prepared, &operations));
  if (pending.request.is_last && record.outside.empty()) {
    operations.push_back(log::Delete{CheckpointKey(options_.job_id)});  // nothing will be restored or done again
  } else {
    operations.push_back(log::Put{CheckpointKey(options_.job_id), EncodeCheckpoint(record)});
  }
  return operations;
}

Status CheckpointCoordinator::PrepareSinks(const std::vector<std::vector<std::string>>& prepared, std::vector<log::Operation>* operations) {
  CheckpointRecord& record = pending_->record;
  const auto& sinks = pending_->graph->sinks;
  for (size_t i = 0; i < sinks.size(); ++i) {
    auto effects = sinks[i].committer->Prepare(IdentityOf(sinks[i], record.id), prepared[i], pending_->request.is_last);
    if (!effects.ok()) {
      for (size_t made = 0; made < i; ++made) sinks[made].committer->Abandoned(IdentityOf(sinks[made], record.id));
      for (size_t begun = i + 1; begun < sinks.size(); ++begun) sinks[begun].committer->Withdraw();
      return std::move(effects).error();
    }
    for (log::Operation& operation : effects->in_journal) operations->push_back(std::move(operation));
    if (!effects->outside.empty()) record.outside[sinks[i].node->uid] = std::move(effects->outside);
  }
  return Ok();
}

void CheckpointCoordinator::OnDurable(int64_t id, Status outcome) {
  FIRN_ASSERT(pending_ && pending_->status.id == id, "checkpoint {} came back from the journal and is not awaited", id);
  pending_->is_in_journal = false;
  if (!outcome.ok()) {
    is_outcome_unknown_ = is_outcome_unknown_ || !log::IsRefused(outcome.error());
    for (const JobGraph::SinkPart& sink : pending_->graph->sinks) {
      if (log::IsRefused(outcome.error())) sink.committer->Abandoned(IdentityOf(sink, id));
    }
    return Finish(std::move(outcome));
  }
  last_ = std::move(pending_->record);
  for (const JobGraph::SinkPart& sink : pending_->graph->sinks) sink.committer->Published(IdentityOf(sink, id));
  outcome = CommitOutside(*pending_->graph);
  if (outcome.ok()) outcome = files_.RemoveUnreferenced(last_->manifest);
  Finish(std::move(outcome));
}

Status CheckpointCoordinator::CommitOutside(JobGraph& graph) {
  is_settled_ = false;
  for (JobGraph::SinkPart& sink : graph.sinks) {
    auto found = last_->outside.find(sink.node->uid);
    if (found == last_->outside.end()) continue;
    FIRN_RETURN_IF_ERROR(sink.committer->CommitOutside(IdentityOf(sink, last_->id), found->second));
  }
  is_settled_ = true;
  return Ok();
}

Status CheckpointCoordinator::ResumeOutside(JobGraph& graph) { return last_ ? CommitOutside(graph) : Ok(); }

Status CheckpointCoordinator::RemoveOrphans(JobGraph& graph) {
  if (!is_settled_ || is_outcome_unknown_) return Ok();
  for (JobGraph::SinkPart& sink : graph.sinks) FIRN_RETURN_IF_ERROR(sink.committer->RemoveOrphans(IdentityOf(sink, last_ ? last_->id : 0)));
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
