// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "broker/core_internal.h"
#include "broker/meta_records.h"
#include "broker/sweeper_internal.h"

namespace firn::broker {

namespace {

constexpr int64_t kEmptyGroupMs = 60'000;  // a group that never committed an offset

using Pairs = GroupCoordinator::StoredPairs;

/// When the newest of these offsets was committed; -1 if there is none.
int64_t NewestCommit(std::span<const Pairs::value_type> stored) {
  int64_t newest = -1;
  for (const auto& [key, value] : stored) {
    if (!PartitionOfOffsetKey(key).has_value()) continue;
    auto offset = DecodeGroupOffset(key, value);
    if (offset.ok()) newest = std::max(newest, offset->commit_time_ms);
  }
  return newest;
}

/// `stored`: all of the group.
bool IsExpired(const Core& core, const std::string& id, std::span<const Pairs::value_type> stored) {
  const Group* group = core.groups.Find(id);
  if (group != nullptr && (!group->members.empty() || !group->pending_members.empty())) return false;
  const int64_t newest_commit_ms = NewestCommit(stored);
  const int64_t used_ms = std::max(newest_commit_ms, group == nullptr ? 0 : group->empty_since_ms);
  return core.queue.wall_time_ms() - used_ms > (newest_commit_ms >= 0 ? core.options.offset_retention_ms : kEmptyGroupMs);
}

/// `all`: what is stored of groups; the pairs of each stand together.
void SweepGroups(Core& core, const Pairs& all) {
  std::vector<std::string> expired;
  std::set<std::string> stored;
  for (size_t begin = 0, end = 0; begin < all.size(); begin = end) {
    const auto id = GroupOfKey(all[begin].first);
    for (end = begin + 1; end < all.size() && GroupOfKey(all[end].first) == id;) ++end;
    if (!id.has_value()) continue;
    stored.insert(*id);
    if (IsExpired(core, *id, std::span(all).subspan(begin, end - begin))) expired.push_back(*id);
  }
  for (const auto& [id, group] : core.groups.all()) {
    if (!stored.contains(id) && IsExpired(core, id, {})) expired.push_back(id);
  }
  if (expired.empty()) return;
  const auto is_still_expired = [&core](const std::string& id, const Pairs& pairs) { return IsExpired(core, id, pairs); };
  core.groups.Delete(expired, is_still_expired, [](const auto&) {});  // what stays for a failure is met again by the next sweep
}

void SweepExpired(Core& core) {
  const Pairs stored = core.store.meta().Scan(kGroupPrefix);
  core.groups.CountOffsets(stored);
  core.topics.ClearLeftovers(stored);
  SweepGroups(core, stored);
  core.producers.TrimCache();
  core.queue.DeleteInParts(core.producers.ForgetExpired(core.queue.wall_time_ms()), [](const Status&) {});
  core.queue.After(core.options.expiry_check_ms, [&core] { SweepExpired(core); });
}

void SweepSegments(Core& core) {
  core.store.ApplyRetention();
  core.queue.After(core.options.retention_check_ms, [&core] { SweepSegments(core); });
}

}  // namespace

void StartSweeping(Core& core) {
  const Pairs stored = core.store.meta().Scan(kGroupPrefix);
  core.groups.CountOffsets(stored);
  core.topics.ClearLeftovers(stored);
  core.queue.After(core.options.retention_check_ms, [&core] { SweepSegments(core); });
  core.queue.After(core.options.expiry_check_ms, [&core] { SweepExpired(core); });
}

}  // namespace firn::broker
