// SPDX-License-Identifier: Apache-2.0
// Where the rows of each key lie: an upsert sink's lane finds there what a new row replaces.
#pragma once

#include <cstdint>
#include <limits>
#include <unordered_map>
#include <vector>

#include "base/assert.h"
#include "exec/group_keys.h"
#include "exec/group_table.h"
#include "iceberg/table_writer.h"

namespace firn::connect {

/// Keys are dense group numbers, as in exec/group_table.h. A key has one place; more only where other writers did not look before they wrote, until it is written
/// again. A place may be of a row that is gone: others delete too, and deleting a row twice does no harm. Thread-compatible.
class KeyIndex {
 public:
  struct Place {
    uint32_t file = 0;      // AddFile
    int64_t position = 0;
    bool operator==(const Place&) const = default;
  };
  /// The checkpoint that a file is committed with.
  static constexpr int64_t kInTheTable = 0;
  static constexpr int64_t kNotCutOff = std::numeric_limits<int64_t>::max();

  explicit KeyIndex(std::vector<types::DataType> types) : encoder_(std::move(types)), table_(encoder_.shape()) {}

  void Find(const std::vector<types::ArrayPtr>& keys, int64_t rows, std::vector<uint32_t>* groups);
  bool Has(uint32_t group) const { return files_[group] != kNowhere; }
  /// The only place of a key that has none.
  void Set(uint32_t group, Place place);
  /// One more of a key that may have some.
  void Add(uint32_t group, Place place);
  /// Calls visit(file, position) for each place of the key, which then has none.
  template <typename Visit>
  void Take(uint32_t group, Visit visit) {
    if (!Has(group)) return;
    visit(references_[files_[group]], positions_[group]);
    files_[group] = kNowhere;
    if (others_.empty()) return;
    auto [begin, end] = others_.equal_range(group);
    for (auto at = begin; at != end; ++at) visit(references_[at->second.file], at->second.position);
    others_.erase(begin, end);
  }

  /// A key of a row that was deleted.
  void NoteDeleted(uint32_t group) { deleted_.push_back(group); }
  /// The noted keys, as columns; none if there are none. Those that have no place are forgotten: their numbers will be others'.
  Result<std::vector<types::ArrayPtr>> TakeDeleted();

  uint32_t AddFile(iceberg::FileReference file, int64_t checkpoint_id);
  /// Of a file that was not cut off.
  void SetCheckpoint(uint32_t file, int64_t checkpoint_id) {
    FIRN_ASSERT(file < checkpoints_.size() && checkpoints_[file] == kNotCutOff, "file {} is cut off with checkpoint {}, and was before", file, checkpoint_id);
    checkpoints_[file] = checkpoint_id;
  }

  /// Whether so many keys have got several places that the index should be made anew: Keep, Add for each row of the table, CountCrowd.
  bool IsCrowded() const { return others_.size() > others_max_; }
  void CountCrowd();
  /// Forgets places that are not in files of later checkpoints. Numbers of files are new.
  void Keep(int64_t checkpoint_id);

  size_t capacity() const { return files_.size(); }
  int64_t bytes() const;

 private:
  static constexpr uint32_t kNowhere = 0xffffffff;
  static constexpr size_t kOthersMin = 4096;

  exec::KeyEncoder encoder_;
  exec::GroupTable table_;
  exec::BatchKeys keys_;
  std::vector<uint32_t> files_;      // by group: number in references_
  std::vector<int64_t> positions_;   // by group
  std::unordered_multimap<uint32_t, Place> others_;  // by group: further places
  size_t others_max_ = kOthersMin;
  std::vector<uint32_t> deleted_;    // groups
  std::vector<iceberg::FileReference> references_;
  std::vector<int64_t> checkpoints_;  // parallel
};

}  // namespace firn::connect
