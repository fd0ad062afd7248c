// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "connect/key_index_internal.h"

namespace firn::connect {

void KeyIndex::Find(const std::vector<types::ArrayPtr>& keys, int64_t rows, std::vector<uint32_t>* groups) {
  encoder_.Encode(keys, rows, &keys_);
  table_.FindOrInsert(keys_, groups);
  FIRN_ASSERT(static_cast<int64_t>(groups->size()) == rows, "{} groups of {} rows", groups->size(), rows);
  files_.resize(table_.capacity(), kNowhere);
  positions_.resize(table_.capacity(), 0);
}

void KeyIndex::Set(uint32_t group, Place place) {
  FIRN_ASSERT(!Has(group) && place.file < references_.size(), "group {} has a place, or file {} is none of {}", group, place.file, references_.size());
  files_[group] = place.file;
  positions_[group] = place.position;
}

void KeyIndex::Add(uint32_t group, Place place) {
  FIRN_ASSERT(place.file < references_.size() && place.position >= 0, "row {} of file {} of {}", place.position, place.file, references_.size());
  if (Has(group)) others_.emplace(group, place);
  else Set(group, place);
}

Result<std::vector<types::ArrayPtr>> KeyIndex::TakeDeleted() {
  std::vector<uint32_t> groups = std::exchange(deleted_, {});
  if (groups.empty()) return std::vector<types::ArrayPtr>();
  std::sort(groups.begin(), groups.end());
  groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
  FIRN_TRY(std::vector<types::ArrayPtr> columns, table_.Keys(encoder_, groups));
  for (const types::ArrayPtr& column : columns) FIRN_ASSERT(column->length() == static_cast<int64_t>(groups.size()), "{} values of {} deleted keys", column->length(), groups.size());
  for (uint32_t group : groups) {
    if (!Has(group)) table_.Erase(group);
  }
  return columns;
}

uint32_t KeyIndex::AddFile(iceberg::FileReference file, int64_t checkpoint_id) {
  FIRN_ASSERT(references_.size() < kNowhere && checkpoints_.size() == references_.size(), "{} files, {} of them with a checkpoint", references_.size(), checkpoints_.size());
  FIRN_ASSERT(!file.path.empty(), "a file without a path");
  references_.push_back(std::move(file));
  checkpoints_.push_back(checkpoint_id);
  return static_cast<uint32_t>(references_.size() - 1);
}

// Twice what the table itself has of them: rows of a table whose key is none do not have it made anew again and again.
void KeyIndex::CountCrowd() { others_max_ = std::max({kOthersMin, 2 * others_.size(), capacity() / 8}); }

void KeyIndex::Keep(int64_t checkpoint_id) {
  FIRN_ASSERT(deleted_.empty(), "{} keys were deleted in a part that is not cut off", deleted_.size());
  std::vector<uint32_t> numbers(references_.size(), kNowhere);
  std::vector<iceberg::FileReference> references;
  std::vector<int64_t> checkpoints;
  for (size_t file = 0; file < references_.size(); ++file) {
    if (checkpoints_[file] <= checkpoint_id) continue;
    numbers[file] = static_cast<uint32_t>(references.size());
    references.push_back(std::move(references_[file]));
    checkpoints.push_back(checkpoints_[file]);
  }
  references_ = std::move(references);
  checkpoints_ = std::move(checkpoints);
  for (uint32_t& file : files_) {
    FIRN_ASSERT(file == kNowhere || file < numbers.size(), "a key lies in file {} of {}", file, numbers.size());
    file = file == kNowhere ? kNowhere : numbers[file];
  }
  others_.clear();  // none of them is the lane's own
}

int64_t KeyIndex::bytes() const {
  constexpr size_t kNodeBytes = sizeof(Place) + 4 * sizeof(void*);
  return table_.bytes() + static_cast<int64_t>(files_.capacity() * sizeof(uint32_t) + positions_.capacity() * sizeof(int64_t) + others_.size() * kNodeBytes + deleted_.capacity() * sizeof(uint32_t));
}

}  // namespace firn::connect
