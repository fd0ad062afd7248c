// SPDX-License-Identifier: Apache-2.0
#include "exec/change_ledger.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "base/assert.h"
#include "exec/columns.h"

namespace firn::exec {

namespace {

constexpr size_t kChangedFloor = 1024;  // below it the list of changes is not worth compacting

}  // namespace

state::KeyGroupSet KeyGroupLedger::Settle() {
  state::KeyGroupSet replaced;
  for (size_t group = 0; group < groups_.size(); ++group) {
    Counts& counts = groups_[group];
    FIRN_ASSERT(counts.live >= 0 && counts.changes >= 0, "key group {} has {} entries and {} changes", group, counts.live, counts.changes);
    const int64_t stored_max = counts.live + counts.live / 2 + counts.live * static_cast<int64_t>(group) / state::kKeyGroups;
    const bool is_half_new = counts.changes > 0 && counts.changes * 2 >= counts.live;
    if (is_half_new || counts.stored + counts.changes > stored_max) {
      replaced.set(group);
      counts.stored = counts.live;
    } else {
      counts.stored += counts.changes;
    }
    counts.changes = 0;
    FIRN_ASSERT(counts.stored >= 0, "key group {} has {} stored rows", group, counts.stored);
  }
  return replaced;
}

void ChangeSet::Note(uint32_t entry, int group) {
  if ((flags_[entry] & kLive) == 0) {
    ledger_.Add(group);
    ++live_[static_cast<size_t>(group)];
  }
  flags_[entry] |= kLive | kChanged;
  if (changed_.size() >= kChangedFloor && changed_.size() > 2 * flags_.size()) CompactChanged();
  changed_.push_back(entry);
  ledger_.Change(group);
}

// Where entries come and go, most of the list are numbers that are gone.
void ChangeSet::CompactChanged() {
  changed_.clear();
  for (size_t entry = 0; entry < flags_.size(); ++entry) {
    if ((flags_[entry] & kChanged) != 0) changed_.push_back(static_cast<uint32_t>(entry));
  }
}

bool ChangeSet::Remove(uint32_t entry, int group) {
  const bool is_stored = Drop(entry, group);
  if (is_stored) ledger_.Change(group);
  return is_stored;
}

bool ChangeSet::Drop(uint32_t entry, int group) {
  if (entry >= flags_.size() || (flags_[entry] & kLive) == 0) return false;
  const bool is_stored = (flags_[entry] & kStored) != 0;
  flags_[entry] = 0;
  ledger_.Remove(group);
  --live_[static_cast<size_t>(group)];
  return is_stored;
}

void ChangeSet::Restore(uint32_t entry, int group) {
  Reserve(entry + size_t{1});
  if ((flags_[entry] & kLive) == 0) {
    ledger_.Add(group);
    ++live_[static_cast<size_t>(group)];
  }
  flags_[entry] |= kLive | kStored;
}

void ChangeSet::Clear() {
  for (size_t group = 0; group < live_.size(); ++group) ledger_.Remove(static_cast<int>(group), live_[group]);
  live_.fill(0);
  flags_.clear();
  changed_.clear();
}

void ChangeSet::Take(const state::KeyGroupSet& replaced, const std::function<std::vector<uint32_t>()>& live, const std::function<int(uint32_t)>& group_of,
                     std::vector<uint32_t>* entries, std::vector<uint8_t>* groups) {
  const auto add = [&](uint32_t entry, int group) {
    entries->push_back(entry);
    groups->push_back(static_cast<uint8_t>(group));
    flags_[entry] |= kStored;
  };
  for (uint32_t entry : changed_) {
    if ((flags_[entry] & kChanged) == 0) continue;  // gone, or here twice
    flags_[entry] = static_cast<uint8_t>(flags_[entry] & ~kChanged);
    const int group = group_of(entry);
    if (!replaced.test(static_cast<size_t>(group))) add(entry, group);
  }
  changed_.clear();
  FIRN_ASSERT(entries->size() <= flags_.size(), "{} of {} entries have changed", entries->size(), flags_.size());
  if (replaced.none()) return;
  for (uint32_t entry : live()) {
    const int group = group_of(entry);
    if (replaced.test(static_cast<size_t>(group))) add(entry, group);
  }
}

void GoneKeys::Add(types::Batch keys, std::span<const uint8_t> groups) {
  FIRN_ASSERT(keys.row_count == static_cast<int64_t>(groups.size()), "{} keys have {} key groups", keys.row_count, groups.size());
  if (keys.row_count == 0) return;
  bytes_ += types::BatchBytes(keys) + keys.row_count;
  batches_.push_back(std::move(keys));
  groups_.insert(groups_.end(), groups.begin(), groups.end());
}

Result<types::Batch> GoneKeys::Take(std::vector<uint8_t>* groups) {
  FIRN_ASSERT(!batches_.empty() && groups->empty(), "no key is gone, or {} key groups are there already", groups->size());
  *groups = std::exchange(groups_, {});
  bytes_ = 0;
  return types::ConcatenateBatches(std::exchange(batches_, {}));
}

std::vector<int64_t> LastRows(std::span<const uint32_t> entries) {
  std::unordered_map<uint32_t, size_t> last;
  last.reserve(entries.size());
  for (size_t row = 0; row < entries.size(); ++row) last[entries[row]] = row;
  std::vector<int64_t> rows;
  rows.reserve(last.size());
  for (size_t row = 0; row < entries.size(); ++row) {
    if (last[entries[row]] == row) rows.push_back(static_cast<int64_t>(row));
  }
  return rows;
}

Result<types::Batch> PaddedTo(const types::SchemaPtr& schema, const types::Batch& rows) {
  types::Batch padded{schema, {}, rows.row_count, nullptr, nullptr};
  for (const types::Field& field : schema->fields()) {
    types::ArrayPtr column;
    for (size_t i = 0; i < rows.schema->size() && !column; ++i) {
      if (rows.schema->field(i).name == field.name) column = rows.columns[i];
    }
    if (!column) {
      FIRN_TRY(column, NullColumn(field.type, rows.row_count));
    }
    padded.columns.push_back(std::move(column));
  }
  return padded;
}

}  // namespace firn::exec
