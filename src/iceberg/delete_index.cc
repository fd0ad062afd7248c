// SPDX-License-Identifier: Apache-2.0
#include "iceberg/delete_index.h"

#include <algorithm>

#include "base/assert.h"

namespace firn::iceberg {

namespace {

// The one data file that position deletes are about, if there is only one: said, or told by equal bounds of the path column.
std::string OnlyDataFile(const DataFile& file) {
  if (file.referenced_data_file) return *file.referenced_data_file;
  const std::string* lower = file.lower_bounds.Find(kDeleteFilePathId);
  const std::string* upper = file.upper_bounds.Find(kDeleteFilePathId);
  return lower != nullptr && upper != nullptr && *lower == *upper ? *lower : std::string();
}

// Bounds may be cut: a path within them may be meant, one outside is not.
bool MayName(const DataFile& deletes, const std::string& path) {
  const std::string* lower = deletes.lower_bounds.Find(kDeleteFilePathId);
  const std::string* upper = deletes.upper_bounds.Find(kDeleteFilePathId);
  if (lower != nullptr && path < *lower) return false;
  return upper == nullptr || path <= *upper;
}

}  // namespace

void DeleteIndex::Add(const ManifestEntry& entry) {
  FIRN_ASSERT(entry.status != EntryStatus::kDeleted && entry.file.content != FileContent::kData, "{} deletes nothing", entry.file.file_path);
  auto deletes = std::make_shared<const DeleteFile>(DeleteFile{entry.file, entry.sequence_number.value_or(0)});
  const Scope scope(entry.file.spec_id, EncodePartitionKey(entry.file.partition));
  ++count_;
  if (entry.file.content == FileContent::kEqualityDeletes) {
    const PartitionSpec* spec = metadata_.FindSpec(entry.file.spec_id);
    if (spec != nullptr && spec->IsUnpartitioned()) global_equality_deletes_.push_back(std::move(deletes));
    else equality_deletes_[scope].push_back(std::move(deletes));
    return;
  }
  const std::string path = OnlyDataFile(entry.file);
  // Equal bounds that were cut to a prefix name no file; then the partition's scope holds.
  const bool is_named = entry.file.IsDeletionVector() || entry.file.referenced_data_file.has_value() || path.ends_with(".parquet");
  if (!path.empty() && is_named) by_path_[path].push_back(std::move(deletes));
  else position_deletes_[scope].push_back(std::move(deletes));
}

std::vector<DeleteFilePtr> DeleteIndex::For(const DataFile& file, int64_t sequence_number) const {
  FIRN_ASSERT(sequence_number >= 0 && file.content == FileContent::kData, "{} of the sequence number {}", file.file_path, sequence_number);
  std::vector<DeleteFilePtr> result;
  if (count_ == 0) return result;
  const Scope scope(file.spec_id, EncodePartitionKey(file.partition));
  auto named = by_path_.find(file.file_path);
  if (named != by_path_.end()) {
    for (const DeleteFilePtr& deletes : named->second) {
      if (deletes->file.IsDeletionVector() && deletes->sequence_number >= sequence_number) result.push_back(deletes);
    }
  }
  const bool has_vector = !result.empty();
  auto add_positions = [&](const std::vector<DeleteFilePtr>& candidates) {
    for (const DeleteFilePtr& deletes : candidates) {
      if (!deletes->file.IsDeletionVector() && deletes->sequence_number >= sequence_number && MayName(deletes->file, file.file_path)) result.push_back(deletes);
    }
  };
  if (!has_vector) {
    if (named != by_path_.end()) add_positions(named->second);
    auto scoped = position_deletes_.find(scope);
    if (scoped != position_deletes_.end()) add_positions(scoped->second);
  }
  auto add_equality = [&](const std::vector<DeleteFilePtr>& candidates) {
    for (const DeleteFilePtr& deletes : candidates) {
      if (deletes->sequence_number > sequence_number) result.push_back(deletes);
    }
  };
  auto scoped = equality_deletes_.find(scope);
  if (scoped != equality_deletes_.end()) add_equality(scoped->second);
  add_equality(global_equality_deletes_);
  return result;
}

}  // namespace firn::iceberg
