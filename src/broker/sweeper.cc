// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/core_internal.h"
#include "broker/meta_records.h"
#include "broker/meta_walk.h"
#include "broker/sweeper_internal.h"

namespace firn::broker {

namespace {

constexpr int64_t kEmptyGroupMs = 60'000;  // a group that never committed an offset

/// When an offset was committed; -1 for a pair that is none.
int64_t CommitTimeOf(std::string_view key, std::string_view value) {
  if (!PartitionOfOffsetKey(key).has_value()) return -1;
  const auto offset = DecodeGroupOffset(key, value);
  return offset.ok() ? offset->commit_time_ms : -1;
}

/// `newest_commit_ms`: of all its offsets; -1 if it has none.
bool IsExpired(const Core& core, const std::string& id, int64_t newest_commit_ms) {
  const Group* group = core.groups.Find(id);
  if (group != nullptr && (!group->members.empty() || !group->pending_members.empty())) return false;
  const int64_t used_ms = std::max(newest_commit_ms, group == nullptr ? 0 : group->empty_since_ms);
  return core.queue.wall_time_ms() - used_ms > (newest_commit_ms >= 0 ? core.options.offset_retention_ms : kEmptyGroupMs);
}

/// Looks once at all groups: counts their offsets, finds those of topics that are gone, deletes groups that nobody uses any more. In slices; what is found is looked at again
/// when it is deleted.
class GroupSweep : public std::enable_shared_from_this<GroupSweep> {
 public:
  GroupSweep(Core& core, std::function<void()> done) : core_(core), done_(std::move(done)) {}

  void Start() {
    core_.groups.BeginCount();
    core_.topics.BeginLeftovers();
    const auto take = [self = shared_from_this()](const PairSlice& slice) {
      for (const auto& [key, value] : slice) self->See(key, value);
    };
    WalkMeta(core_.queue, core_.store.meta(), {std::string(kGroupPrefix)}, take, [self = shared_from_this()] { self->EndStored(); });
  }

 private:
  // The pairs of a group stand together.
  void See(const std::string& key, const std::string& value) {
    core_.groups.CountStored(key, value);
    if (core_.topics.NoteLeftover(key)) leftovers_.push_back(key);
    auto id = GroupOfKey(key);
    FIRN_ASSERT(id.has_value(), "key `{}` is of no group", key);  // Broker::Open has read it
    if (id != group_) {
      EndGroup();
      group_ = std::move(id);
    }
    newest_commit_ms_ = std::max(newest_commit_ms_, CommitTimeOf(key, value));
  }

  void EndGroup() {
    if (group_.has_value() && IsExpired(core_, *group_, newest_commit_ms_)) expired_.push_back(*group_);
    group_.reset();
    newest_commit_ms_ = -1;
  }

  void EndStored() {
    EndGroup();
    core_.groups.EndCount();
    core_.topics.ClearLeftovers(leftovers_);
    LookAtOthers({});
  }

  // Groups of which nothing is stored.
  void LookAtOthers(const std::string& behind) {
    const auto& all = core_.groups.all();
    auto next = all.upper_bound(behind);
    for (size_t seen = 0; next != all.end() && seen < kSlicePairsMax; ++next, ++seen) {
      if (IsExpired(core_, next->first, -1) && !core_.groups.IsStored(next->first)) expired_.push_back(next->first);
    }
    if (next == all.end()) return DeleteSome();
    core_.queue.Post([self = shared_from_this(), last = std::prev(next)->first] { self->LookAtOthers(last); });
  }

  void DeleteSome() {
    if (expired_.empty()) return done_();
    const size_t rest = expired_.size() - std::min(expired_.size(), kSlicePairsMax);
    const std::vector<std::string> some(expired_.begin() + static_cast<std::ptrdiff_t>(rest), expired_.end());
    expired_.resize(rest);
    const auto is_still_expired = [&core = core_](const std::string& id, const GroupCoordinator::StoredPairs& pairs) {
      int64_t newest = -1;
      for (const auto& [key, value] : pairs) newest = std::max(newest, CommitTimeOf(key, value));
      return IsExpired(core, id, newest);
    };
    // What stays for a failure is met again by the next sweep.
    core_.groups.Delete(some, is_still_expired, [self = shared_from_this()](const auto&) { self->core_.queue.Post([self] { self->DeleteSome(); }); });
  }

  Core& core_;
  const std::function<void()> done_;
  std::vector<std::string> leftovers_;
  std::vector<std::string> expired_;
  std::optional<std::string> group_;  // whose pairs are being seen
  int64_t newest_commit_ms_ = -1;     // of that group
};

void SweepExpired(Core& core);

void SweepProducers(Core& core) {
  core.producers.TrimCache();
  const auto take = [&core](PairSlice slice) {
    core.queue.DeleteInParts(core.producers.ForgetExpired(core.queue.wall_time_ms(), std::move(slice)), [](const Status&) {});
  };
  WalkMeta(core.queue, core.store.meta(), {std::string(kProducerStatePrefix)}, take,
           [&core] { core.queue.After(core.options.expiry_check_ms, [&core] { SweepExpired(core); }); });
}

void SweepExpired(Core& core) {
  std::make_shared<GroupSweep>(core, [&core] { SweepProducers(core); })->Start();
}

void SweepSegments(Core& core) {
  core.store.ApplyRetention();
  core.queue.After(core.options.retention_check_ms, [&core] { SweepSegments(core); });
}

}  // namespace

void StartSweeping(Core& core) {
  std::vector<std::string> leftovers;
  core.groups.BeginCount();
  core.topics.BeginLeftovers();
  core.store.meta().Visit(kGroupPrefix, {}, [&](std::string_view key, std::string_view value) {
    core.groups.CountStored(key, value);
    if (core.topics.NoteLeftover(key)) leftovers.emplace_back(key);
    return true;
  });
  core.groups.EndCount();
  core.topics.ClearLeftovers(leftovers);
  core.queue.After(core.options.retention_check_ms, [&core] { SweepSegments(core); });
  core.queue.After(core.options.expiry_check_ms, [&core] { SweepExpired(core); });
}

}  // namespace firn::broker
