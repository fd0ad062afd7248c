// SPDX-License-Identifier: Apache-2.0
#include "iceberg/table_metadata.h"

#include <fmt/format.h>

#include <charconv>

#include "formats/iso_time.h"

namespace firn::iceberg {

const Schema& TableMetadata::schema() const {
  const Schema* found = FindSchema(current_schema_id);
  FIRN_ASSERT(found != nullptr, "no schema {}", current_schema_id);
  return *found;
}

const PartitionSpec& TableMetadata::spec() const {
  const PartitionSpec* found = FindSpec(default_spec_id);
  FIRN_ASSERT(found != nullptr, "no partition spec {}", default_spec_id);
  return *found;
}

const Schema* TableMetadata::FindSchema(int32_t id) const {
  for (const Schema& candidate : schemas) {
    if (candidate.schema_id == id) return &candidate;
  }
  return nullptr;
}

const PartitionSpec* TableMetadata::FindSpec(int32_t id) const {
  for (const PartitionSpec& candidate : partition_specs) {
    if (candidate.spec_id == id) return &candidate;
  }
  return nullptr;
}

const Snapshot* TableMetadata::FindSnapshot(int64_t id) const {
  // The newest are asked for most.
  for (auto at = snapshots.rbegin(); at != snapshots.rend(); ++at) {
    if (at->snapshot_id == id) return &*at;
  }
  return nullptr;
}

const Snapshot* TableMetadata::current_snapshot() const {
  return current_snapshot_id ? FindSnapshot(*current_snapshot_id) : nullptr;
}

const Snapshot* TableMetadata::FindRef(const std::string& name) const {
  auto found = refs.find(name);
  if (found != refs.end()) return FindSnapshot(found->second.snapshot_id);
  return name == kMainBranch ? current_snapshot() : nullptr;
}

const Schema& TableMetadata::SchemaOf(const Snapshot& snapshot) const {
  const Schema* found = snapshot.schema_id ? FindSchema(*snapshot.schema_id) : nullptr;
  return found != nullptr ? *found : schema();
}

const Schema& TableMetadata::SchemaForSpec(const PartitionSpec& wanted) const {
  auto has_sources = [&](const Schema& candidate) {
    for (const PartitionField& field : wanted.fields) {
      if (candidate.FindById(field.source_id()) == nullptr) return false;
    }
    return true;
  };
  if (has_sources(schema())) return schema();
  for (auto at = schemas.rbegin(); at != schemas.rend(); ++at) {
    if (has_sources(*at)) return *at;
  }
  return schema();
}

std::string TableMetadata::Property(const std::string& key, const std::string& otherwise) const {
  auto found = properties.find(key);
  return found == properties.end() ? otherwise : found->second;
}

Result<int64_t> TableMetadata::IntegerProperty(const std::string& key, int64_t otherwise) const {
  auto found = properties.find(key);
  if (found == properties.end()) return otherwise;
  const std::string& text = found->second;
  int64_t value = 0;
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size()) {
    return Error(ErrorCode::kInvalidOption, fmt::format("the table property '{}' is '{}', not a whole number", key, text));
  }
  return value;
}

namespace {

std::string TimeText(int64_t ms) {
  const int64_t seconds = ms / 1000 - (ms % 1000 < 0 ? 1 : 0);
  std::string text;
  formats::AppendIsoTimestamp(&text, seconds, static_cast<int32_t>(ms - seconds * 1000) * 1'000'000, formats::TimestampStyle::kSql, false);
  return text + " UTC";
}

}  // namespace

Result<const Snapshot*> SnapshotAsOf(const TableMetadata& metadata, int64_t timestamp_ms) {
  const SnapshotLogEntry* last = nullptr;
  for (const SnapshotLogEntry& entry : metadata.snapshot_log) {
    if (entry.timestamp_ms <= timestamp_ms) last = &entry;
  }
  if (last == nullptr) {
    Error error(ErrorCode::kSnapshotNotFound, fmt::format("the table had no snapshot at {}", TimeText(timestamp_ms)));
    if (metadata.snapshot_log.empty()) return error;
    return std::move(error).Hint(fmt::format("its history begins at {}", TimeText(metadata.snapshot_log.front().timestamp_ms)));
  }
  const Snapshot* snapshot = metadata.FindSnapshot(last->snapshot_id);
  if (snapshot == nullptr) {
    return Error(ErrorCode::kSnapshotNotFound,
                 fmt::format("snapshot {}, current at {}, has been expired", last->snapshot_id, TimeText(timestamp_ms)));
  }
  return snapshot;
}

std::vector<const Snapshot*> AncestorsOf(const TableMetadata& metadata, const Snapshot* snapshot) {
  // By id: a long history must not make this quadratic. A cycle in broken metadata ends at the count.
  std::map<int64_t, const Snapshot*> by_id;
  for (const Snapshot& candidate : metadata.snapshots) by_id[candidate.snapshot_id] = &candidate;
  std::vector<const Snapshot*> ancestors;
  while (snapshot != nullptr && ancestors.size() < metadata.snapshots.size()) {
    ancestors.push_back(snapshot);
    auto parent = snapshot->parent_snapshot_id ? by_id.find(*snapshot->parent_snapshot_id) : by_id.end();
    snapshot = parent == by_id.end() ? nullptr : parent->second;
  }
  return ancestors;
}

}  // namespace firn::iceberg
