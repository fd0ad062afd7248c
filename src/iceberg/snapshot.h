// SPDX-License-Identifier: Apache-2.0
// Snapshots and the refs that name them. Plain data.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace firn::iceberg {

inline constexpr std::string_view kMainBranch = "main";

struct Snapshot {
  int64_t snapshot_id = 0;
  std::optional<int64_t> parent_snapshot_id;
  int64_t sequence_number = 0;              // 0 in v1
  int64_t timestamp_ms = 0;
  std::string manifest_list;                // location; v1 may have `manifests` instead, kept in `others`
  std::map<std::string, std::string> summary;  // with "operation"
  std::optional<int32_t> schema_id;
  std::optional<int64_t> first_row_id;      // v3
  std::optional<int64_t> added_rows;        // v3
  std::map<std::string, std::string> others;   // members this version does not know, as JSON texts

  /// "append", "replace", "overwrite", "delete"; empty if the summary has none.
  std::string operation() const {
    auto found = summary.find("operation");
    return found == summary.end() ? std::string() : found->second;
  }
  bool operator==(const Snapshot&) const = default;
};

enum class RefType { kBranch, kTag };

struct SnapshotRef {
  int64_t snapshot_id = 0;
  RefType type = RefType::kBranch;
  std::optional<int32_t> min_snapshots_to_keep;
  std::optional<int64_t> max_snapshot_age_ms;
  std::optional<int64_t> max_ref_age_ms;
  bool operator==(const SnapshotRef&) const = default;
};

}  // namespace firn::iceberg
