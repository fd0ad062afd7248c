// SPDX-License-Identifier: Apache-2.0
#include "iceberg/table_version.h"

namespace firn::iceberg {

namespace {

bool IsOf(const Snapshot& snapshot, const std::map<std::string, std::string>& writer) {
  for (const char* key : {"firn.job-id", "firn.sink-uid"}) {
    auto wanted = writer.find(key);
    auto found = snapshot.summary.find(key);
    if (wanted == writer.end() || found == snapshot.summary.end() || found->second != wanted->second) return false;
  }
  return true;
}

}  // namespace

TableVersion VersionOf(const TableMetadata& metadata, const std::string& branch) {
  const Snapshot* head = metadata.FindRef(branch);
  return {head == nullptr ? std::nullopt : std::optional<int64_t>(head->snapshot_id), metadata.last_sequence_number};
}

ChangesOfOthers ChangesSince(const TableMetadata& metadata, const Snapshot* head, const TableVersion& since, const std::map<std::string, std::string>& writer) {
  ChangesOfOthers changes{.files = {.after_sequence_number = since.sequence_number}};
  size_t steps = 0;
  const Snapshot* snapshot = head;
  while (snapshot != nullptr && snapshot->snapshot_id != since.snapshot_id && steps++ < metadata.snapshots.size()) {
    if (IsOf(*snapshot, writer)) changes.files.without_snapshots.insert(snapshot->snapshot_id);
    else changes.is_empty = false;
    const std::optional<int64_t> parent = snapshot->parent_snapshot_id;
    if (!parent && !since.snapshot_id) return changes;  // back at the empty table
    snapshot = parent ? metadata.FindSnapshot(*parent) : nullptr;
  }
  const bool has_arrived = snapshot != nullptr ? snapshot->snapshot_id == since.snapshot_id : head == nullptr && !since.snapshot_id;
  if (has_arrived) return changes;
  return {.is_known = false, .is_empty = false};  // the writer's own files too: rows that it has deleted may be back
}

}  // namespace firn::iceberg
