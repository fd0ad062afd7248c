// SPDX-License-Identifier: Apache-2.0
#include "iceberg/table_update.h"

#include <fmt/format.h>

#include <algorithm>

namespace firn::iceberg {

namespace {

Error Failed(const std::string& what) { return Error(ErrorCode::kCommitConflict, "Requirement failed: " + what); }
Error BadUpdate(const std::string& what) { return Error(ErrorCode::kInvalidMetadata, "the table cannot be changed: " + what); }

struct RequirementCheck {
  const TableMetadata* base;

  Status operator()(const AssertCreate&) const {
    if (base != nullptr) return Failed("table already exists");
    return Ok();
  }
  Status operator()(const AssertTableUuid& wanted) const {
    if (base == nullptr) return Failed("table does not exist");
    if (base->table_uuid != wanted.uuid) return Failed(fmt::format("UUID does not match: expected {} != {}", base->table_uuid, wanted.uuid));
    return Ok();
  }
  Status operator()(const AssertRefSnapshotId& wanted) const {
    if (base == nullptr) return Failed("table does not exist");
    auto found = base->refs.find(wanted.ref);
    if (found == base->refs.end()) {
      if (!wanted.snapshot_id) return Ok();
      return Failed(fmt::format("branch or tag {} is missing, expected {}", wanted.ref, *wanted.snapshot_id));
    }
    if (!wanted.snapshot_id) return Failed(fmt::format("{} {} was created concurrently", Kind(found->second), wanted.ref));
    if (found->second.snapshot_id == *wanted.snapshot_id) return Ok();
    return Failed(fmt::format("{} {} has changed: expected id {} != {}", Kind(found->second), wanted.ref, *wanted.snapshot_id,
                              found->second.snapshot_id));
  }
  Status operator()(const AssertLastAssignedFieldId& wanted) const { return Same(&TableMetadata::last_column_id, wanted.id, "last assigned field id"); }
  Status operator()(const AssertCurrentSchemaId& wanted) const { return Same(&TableMetadata::current_schema_id, wanted.id, "current schema"); }
  Status operator()(const AssertLastAssignedPartitionId& wanted) const {
    return Same(&TableMetadata::last_partition_id, wanted.id, "last assigned partition id");
  }
  Status operator()(const AssertDefaultSpecId& wanted) const { return Same(&TableMetadata::default_spec_id, wanted.id, "default partition spec"); }
  Status operator()(const AssertDefaultSortOrderId& wanted) const { return Same(&TableMetadata::default_sort_order_id, wanted.id, "default sort order"); }

  Status Same(int32_t TableMetadata::*member, int32_t expected, const char* what) const {
    if (base == nullptr) return Failed("table does not exist");
    if (base->*member == expected) return Ok();
    return Failed(fmt::format("{} changed: expected id {} != {}", what, expected, base->*member));
  }
  static const char* Kind(const SnapshotRef& ref) { return ref.type == RefType::kTag ? "tag" : "branch"; }
};

// Applies updates to one copy of the metadata. Remembers what was added last, for kLastAdded.
class Updater {
 public:
  Updater(TableMetadata metadata, int64_t now_ms) : metadata_(std::move(metadata)), now_ms_(std::max(now_ms, metadata_.last_updated_ms)) {
    metadata_.last_updated_ms = now_ms_;
  }

  TableMetadata Take() {
    const TableMetadata& made = metadata_;
    FIRN_ASSERT(made.FindSchema(made.current_schema_id) != nullptr && made.FindSpec(made.default_spec_id) != nullptr, "no schema {} or no spec {}", made.current_schema_id, made.default_spec_id);
    FIRN_ASSERT(made.current_snapshot_id.has_value() == made.refs.contains(std::string(kMainBranch)), "the current snapshot and main are not the same");
    for (const auto& [name, ref] : made.refs) {
      FIRN_ASSERT(made.FindSnapshot(ref.snapshot_id) != nullptr, "`{}` names the snapshot {}, which is gone", name, ref.snapshot_id);
      FIRN_ASSERT(name != kMainBranch || ref.snapshot_id == *made.current_snapshot_id, "main names the snapshot {}, the current one is {}", ref.snapshot_id, *made.current_snapshot_id);
    }
    FIRN_ASSERT(made.last_column_id >= made.schema().HighestFieldId(), "column id {} was given, the last one is {}", made.schema().HighestFieldId(), made.last_column_id);
    return std::move(metadata_);
  }

  Status operator()(const AssignUuid& update) {
    if (!metadata_.table_uuid.empty() && metadata_.table_uuid != update.uuid) return BadUpdate("it has another UUID already");
    metadata_.table_uuid = update.uuid;
    return Ok();
  }

  Status operator()(const UpgradeFormatVersion& update) {
    if (update.format_version < metadata_.format_version) {
      return BadUpdate(fmt::format("format version {} cannot become {}", metadata_.format_version, update.format_version));
    }
    if (update.format_version > kMaxWriteFormatVersion) {
      return Error(ErrorCode::kNotSupported, fmt::format("writing format version {}", update.format_version)).Hint("Use '1' or '2'.");
    }
    metadata_.format_version = update.format_version;
    return Ok();
  }

  Status operator()(const AddSchema& update) {
    FIRN_RETURN_IF_ERROR(ValidateSchema(update.schema));
    int32_t next_id = 0;
    for (const Schema& known : metadata_.schemas) {
      next_id = std::max(next_id, known.schema_id + 1);
      if (!known.SameFields(update.schema)) continue;
      last_schema_ = known.schema_id;
      return Ok();
    }
    Schema schema = update.schema;
    schema.schema_id = next_id;
    last_schema_ = next_id;
    metadata_.last_column_id = std::max(metadata_.last_column_id, schema.HighestFieldId());
    metadata_.schemas.push_back(std::move(schema));
    return Ok();
  }

  Status operator()(const SetCurrentSchema& update) {
    FIRN_TRY(int32_t id, Chosen(update.schema_id, last_schema_, "schema"));
    if (metadata_.FindSchema(id) == nullptr) return BadUpdate(fmt::format("it has no schema {}", id));
    metadata_.current_schema_id = id;
    return Ok();
  }

  Status operator()(const AddPartitionSpec& update) {
    FIRN_TRY(Type type, PartitionType(update.spec, metadata_.schema()));
    (void)type;
    int32_t next_id = 0;
    for (const PartitionSpec& known : metadata_.partition_specs) {
      next_id = std::max(next_id, known.spec_id + 1);
      if (known.fields != update.spec.fields) continue;
      last_spec_ = known.spec_id;
      return Ok();
    }
    PartitionSpec spec = update.spec;
    spec.spec_id = next_id;
    last_spec_ = next_id;
    for (const PartitionField& field : spec.fields) metadata_.last_partition_id = std::max(metadata_.last_partition_id, field.field_id);
    metadata_.partition_specs.push_back(std::move(spec));
    return Ok();
  }

  Status operator()(const SetDefaultSpec& update) {
    FIRN_TRY(int32_t id, Chosen(update.spec_id, last_spec_, "partition spec"));
    if (metadata_.FindSpec(id) == nullptr) return BadUpdate(fmt::format("it has no partition spec {}", id));
    metadata_.default_spec_id = id;
    return Ok();
  }

  Status operator()(const AddSortOrder& update) {
    int32_t next_id = 1;
    for (const SortOrder& known : metadata_.sort_orders) {
      next_id = std::max(next_id, known.order_id + 1);
      if (known.fields != update.order.fields) continue;
      last_order_ = known.order_id;
      return Ok();
    }
    SortOrder order = update.order;
    order.order_id = order.fields.empty() ? 0 : next_id;
    last_order_ = order.order_id;
    metadata_.sort_orders.push_back(std::move(order));
    return Ok();
  }

  Status operator()(const SetDefaultSortOrder& update) {
    FIRN_TRY(int32_t id, Chosen(update.order_id, last_order_, "sort order"));
    metadata_.default_sort_order_id = id;
    return Ok();
  }

  Status operator()(const AddSnapshot& update) {
    const Snapshot& snapshot = update.snapshot;
    if (metadata_.FindSnapshot(snapshot.snapshot_id) != nullptr) return BadUpdate(fmt::format("snapshot {} exists already", snapshot.snapshot_id));
    if (metadata_.format_version > 1 && snapshot.sequence_number <= metadata_.last_sequence_number && snapshot.parent_snapshot_id) {
      return BadUpdate(fmt::format("the sequence number {} is not behind {}", snapshot.sequence_number, metadata_.last_sequence_number));
    }
    FIRN_ASSERT(!snapshot.manifest_list.empty() && snapshot.sequence_number >= 0, "snapshot {} of the sequence number {} lists nothing", snapshot.snapshot_id, snapshot.sequence_number);
    metadata_.last_sequence_number = std::max(metadata_.last_sequence_number, snapshot.sequence_number);
    metadata_.last_updated_ms = std::max(metadata_.last_updated_ms, snapshot.timestamp_ms);
    metadata_.snapshots.push_back(snapshot);
    return Ok();
  }

  Status operator()(const SetSnapshotRef& update) {
    const Snapshot* snapshot = metadata_.FindSnapshot(update.value.snapshot_id);
    if (snapshot == nullptr) return BadUpdate(fmt::format("ref {} names the unknown snapshot {}", update.ref, update.value.snapshot_id));
    metadata_.refs[update.ref] = update.value;
    if (update.ref != kMainBranch) return Ok();
    if (update.value.type != RefType::kBranch) return BadUpdate("main must be a branch");
    metadata_.current_snapshot_id = update.value.snapshot_id;
    // The time at which it became current: of a new snapshot its own.
    const bool is_new = metadata_.snapshots.back().snapshot_id == snapshot->snapshot_id;
    metadata_.snapshot_log.push_back({is_new ? snapshot->timestamp_ms : now_ms_, snapshot->snapshot_id});
    return Ok();
  }

  Status operator()(const RemoveSnapshots& update) {
    auto is_removed = [&](int64_t id) { return std::find(update.snapshot_ids.begin(), update.snapshot_ids.end(), id) != update.snapshot_ids.end(); };
    for (const auto& [name, ref] : metadata_.refs) {
      if (is_removed(ref.snapshot_id)) return BadUpdate(fmt::format("snapshot {} is named by {}", ref.snapshot_id, name));
    }
    std::erase_if(metadata_.snapshots, [&](const Snapshot& snapshot) { return is_removed(snapshot.snapshot_id); });
    // A gap makes what was before it unsure: the log begins anew behind it (specification, "snapshot-log").
    for (size_t i = metadata_.snapshot_log.size(); i > 0; --i) {
      if (!is_removed(metadata_.snapshot_log[i - 1].snapshot_id)) continue;
      metadata_.snapshot_log.erase(metadata_.snapshot_log.begin(), metadata_.snapshot_log.begin() + static_cast<std::ptrdiff_t>(i));
      break;
    }
    return Ok();
  }

  Status operator()(const RemoveSnapshotRef& update) {
    if (update.ref == kMainBranch) metadata_.current_snapshot_id.reset();
    metadata_.refs.erase(update.ref);
    return Ok();
  }

  Status operator()(const SetLocation& update) {
    metadata_.location = update.location;
    return Ok();
  }

  Status operator()(const SetProperties& update) {
    for (const auto& [key, value] : update.properties) metadata_.properties[key] = value;
    return Ok();
  }

  Status operator()(const RemoveProperties& update) {
    for (const std::string& key : update.keys) metadata_.properties.erase(key);
    return Ok();
  }

 private:
  static Result<int32_t> Chosen(int32_t id, std::optional<int32_t> last, const char* what) {
    if (id != kLastAdded) return id;
    if (!last) return BadUpdate(fmt::format("no {} was added before", what));
    return *last;
  }

  TableMetadata metadata_;
  const int64_t now_ms_;
  std::optional<int32_t> last_schema_;
  std::optional<int32_t> last_spec_;
  std::optional<int32_t> last_order_;
};

}  // namespace

Status CheckRequirements(const TableMetadata* base, const std::vector<TableRequirement>& requirements) {
  for (const TableRequirement& requirement : requirements) FIRN_RETURN_IF_ERROR(std::visit(RequirementCheck{base}, requirement));
  return Ok();
}

Result<TableMetadata> ApplyUpdates(const TableMetadata& base, const std::vector<TableUpdate>& updates, int64_t now_ms) {
  Updater updater(base, now_ms);
  for (const TableUpdate& update : updates) FIRN_RETURN_IF_ERROR(std::visit(updater, update));
  return updater.Take();
}

}  // namespace firn::iceberg
