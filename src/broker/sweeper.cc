// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>
#include <string>

#include "broker/core_internal.h"
#include "broker/meta_records.h"
#include "broker/sweeper_internal.h"

namespace firn::broker {

namespace {

constexpr size_t kDeletesPerEntry = 10'000;
constexpr int64_t kEmptyGroupMs = 60'000;  // a group that never committed an offset

/// When the group's newest offset was committed; -1 if there is none.
int64_t NewestCommit(const Core& core, const std::string& group, std::vector<log::Operation>* deletes) {
  int64_t newest = -1;
  for (const auto& [key, value] : core.store.meta().Scan(GroupKeyPrefix(group))) {
    deletes->emplace_back(log::Delete{key});
    if (!PartitionOfOffsetKey(key).has_value()) continue;
    auto offset = DecodeGroupOffset(key, value);
    if (offset.ok()) newest = std::max(newest, offset->commit_time_ms);
  }
  return newest;
}

bool IsExpired(const Core& core, const Group* group, int64_t newest_commit_ms) {
  const int64_t now_ms = core.queue.wall_time_ms();
  if (group != nullptr && (!group->members.empty() || !group->pending_members.empty())) return false;
  const int64_t used_ms = std::max(newest_commit_ms, group == nullptr ? 0 : group->empty_since_ms);
  return now_ms - used_ms > (newest_commit_ms >= 0 ? core.options.offset_retention_ms : kEmptyGroupMs);
}

/// Appends the Deletes; what they delete stays until the next sweep if that fails.
void DeleteKeys(Core& core, std::vector<log::Operation> deletes) {
  if (!deletes.empty()) core.queue.Append(std::move(deletes), [](Result<log::Committed>) {});
}

void SweepGroups(Core& core) {
  std::set<std::string> ids;
  for (const auto& [key, value] : core.store.meta().Scan(kGroupPrefix)) {
    if (auto id = GroupOfKey(key)) ids.insert(*id);
  }
  for (const auto& [id, group] : core.groups.all()) ids.insert(id);
  std::vector<log::Operation> deletes;
  for (const std::string& id : ids) {
    std::vector<log::Operation> keys;
    const int64_t newest = NewestCommit(core, id, &keys);
    if (!IsExpired(core, core.groups.Find(id), newest)) continue;
    if (core.groups.Forget(id) != kafka::KafkaCode::kNone) continue;
    std::move(keys.begin(), keys.end(), std::back_inserter(deletes));
    if (deletes.size() >= kDeletesPerEntry) break;
  }
  DeleteKeys(core, std::move(deletes));
}

void SweepExpired(Core& core) {
  SweepGroups(core);
  core.producers.TrimCache();
  DeleteKeys(core, core.producers.ExpiredStates(core.queue.wall_time_ms(), kDeletesPerEntry));
  core.queue.After(core.options.expiry_check_ms, [&core] { SweepExpired(core); });
}

void SweepSegments(Core& core) {
  core.store.ApplyRetention();
  core.queue.After(core.options.retention_check_ms, [&core] { SweepSegments(core); });
}

}  // namespace

void StartSweeping(Core& core) {
  core.queue.After(core.options.retention_check_ms, [&core] { SweepSegments(core); });
  core.queue.After(core.options.expiry_check_ms, [&core] { SweepExpired(core); });
}

}  // namespace firn::broker
