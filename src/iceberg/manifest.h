// SPDX-License-Identifier: Apache-2.0
// Data files, delete files, the manifests that list them and the manifest list that lists those. Plain data; the Avro is in manifest_avro.h.
// Source: Iceberg specification, "Manifests" and "Snapshots".
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "iceberg/literal.h"

namespace firn::iceberg {

/// Something a column: few entries, looked up often, so a sorted vector.
template <typename T>
class ColumnMap {
 public:
  using Entry = std::pair<int32_t, T>;
  /// nullptr if there is none.
  const T* Find(int32_t id) const {
    auto at = Lower(id);
    return at != entries_.end() && at->first == id ? &at->second : nullptr;
  }
  void Set(int32_t id, T value) {
    auto at = entries_.begin() + (Lower(id) - entries_.cbegin());
    if (at != entries_.end() && at->first == id) at->second = std::move(value);
    else entries_.insert(at, Entry(id, std::move(value)));
  }
  /// In any order; the first of a column counts.
  void Assign(std::vector<Entry> entries) {
    const auto by_column = [](const Entry& a, const Entry& b) { return a.first < b.first; };
    std::stable_sort(entries.begin(), entries.end(), by_column);
    entries.erase(std::unique(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.first == b.first; }), entries.end());
    entries_ = std::move(entries);
  }
  const std::vector<Entry>& entries() const { return entries_; }
  bool empty() const { return entries_.empty(); }
  bool operator==(const ColumnMap&) const = default;

 private:
  typename std::vector<Entry>::const_iterator Lower(int32_t id) const {
    auto first = entries_.cbegin();
    for (auto count = entries_.size(); count > 0;) {
      const auto half = count / 2;
      if ((first + static_cast<std::ptrdiff_t>(half))->first < id) {
        first += static_cast<std::ptrdiff_t>(half) + 1;
        count -= half + 1;
      } else {
        count = half;
      }
    }
    return first;
  }
  std::vector<Entry> entries_;
};

enum class FileContent : uint8_t { kData = 0, kPositionDeletes = 1, kEqualityDeletes = 2 };

struct DataFile {
  FileContent content = FileContent::kData;
  std::string file_path;
  std::string file_format = "PARQUET";       // upper case
  int32_t spec_id = 0;                       // of the manifest that lists it; not stored with the file
  PartitionValues partition;                 // in the order of the spec's fields
  int64_t record_count = 0;
  int64_t file_size_in_bytes = 0;
  ColumnMap<int64_t> column_sizes;
  ColumnMap<int64_t> value_counts;
  ColumnMap<int64_t> null_value_counts;
  ColumnMap<int64_t> nan_value_counts;
  ColumnMap<std::string> lower_bounds;       // EncodeBound; possibly cut short
  ColumnMap<std::string> upper_bounds;
  std::optional<std::string> key_metadata;
  std::vector<int64_t> split_offsets;
  std::vector<int32_t> equality_ids;
  std::optional<int32_t> sort_order_id;
  std::optional<int64_t> first_row_id;                // v3
  std::optional<std::string> referenced_data_file;
  std::optional<int64_t> content_offset;              // v3: a deletion vector in a Puffin file
  std::optional<int64_t> content_size_in_bytes;       // v3

  bool IsDeletionVector() const { return content == FileContent::kPositionDeletes && content_offset.has_value(); }
  bool operator==(const DataFile&) const = default;
};

enum class EntryStatus : uint8_t { kExisting = 0, kAdded = 1, kDeleted = 2 };

struct ManifestEntry {
  EntryStatus status = EntryStatus::kAdded;
  std::optional<int64_t> snapshot_id;            // absent: the manifest's added_snapshot_id
  std::optional<int64_t> sequence_number;        // absent: the manifest's, if added
  std::optional<int64_t> file_sequence_number;   // likewise
  DataFile file;
  bool operator==(const ManifestEntry&) const = default;
};

enum class ManifestContent : uint8_t { kData = 0, kDeletes = 1 };

struct PartitionFieldSummary {
  bool contains_null = false;
  std::optional<bool> contains_nan;
  std::optional<std::string> lower_bound;        // EncodeBound in the partition field's type
  std::optional<std::string> upper_bound;
  bool operator==(const PartitionFieldSummary&) const = default;
};

struct ManifestFile {
  std::string manifest_path;
  int64_t manifest_length = 0;
  int32_t partition_spec_id = 0;
  ManifestContent content = ManifestContent::kData;
  int64_t sequence_number = 0;                   // given when the list is written; kUnassignedSequenceNumber before
  int64_t min_sequence_number = 0;               // likewise
  int64_t added_snapshot_id = 0;
  // Absent counts (v1) are -1: unknown.
  int64_t added_files_count = -1;
  int64_t existing_files_count = -1;
  int64_t deleted_files_count = -1;
  int64_t added_rows_count = -1;
  int64_t existing_rows_count = -1;
  int64_t deleted_rows_count = -1;
  std::vector<PartitionFieldSummary> partitions;
  std::optional<std::string> key_metadata;
  std::optional<int64_t> first_row_id;           // v3

  /// Whether it may list files that are alive.
  bool MayHaveLiveFiles() const { return added_files_count != 0 || existing_files_count != 0; }
  bool operator==(const ManifestFile&) const = default;
};

inline constexpr int64_t kUnassignedSequenceNumber = -1;

}  // namespace firn::iceberg
