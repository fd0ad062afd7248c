// SPDX-License-Identifier: Apache-2.0
// What of an operator's keyed state a snapshot has to write: the entries that changed, so that a checkpoint costs what has happened since the last one; and now
// and then all of a key group, so that what is stored stays in proportion to what is there.
//
// A key group is written whole when its changes are half of it or more, or when what is stored of it (its entries as of the last whole writing and all changes
// since) would come to about twice what it has: because changes have gathered, or because what it had is gone. The limits differ from group to group, so
// that their turns do not come all at once.
//
// An entry is a row of the stored table, under a number that the operator gives it (and may give to another after it is gone). One KeyGroupLedger counts for
// a table; one ChangeSet keeps the changes of each set of numbers (a window has a set of its own for each slice).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/result.h"
#include "state/state_io.h"
#include "types/batch.h"

namespace firn::exec {

/// Thread-compatible.
class KeyGroupLedger {
 public:
  void Add(int group, int64_t count = 1) { groups_[static_cast<size_t>(group)].live += count; }
  void Remove(int group, int64_t count = 1) { groups_[static_cast<size_t>(group)].live -= count; }
  /// A row that the next snapshot would write as a change.
  void Change(int group) { ++groups_[static_cast<size_t>(group)].changes; }
  /// A row that has been read back, whether it still counts or not.
  void Stored(int group) { ++groups_[static_cast<size_t>(group)].stored; }

  /// The changes so far were rows read back, which are stored as they are.
  void ForgetChanges(int group) { groups_[static_cast<size_t>(group)].changes = 0; }

  /// Begins a snapshot: the groups to be written whole. Of the others the changes are written.
  state::KeyGroupSet Settle();

 private:
  struct Counts {
    int64_t live = 0;
    int64_t stored = 0;   // rows in the stored runs, about
    int64_t changes = 0;  // since the last snapshot
  };
  std::array<Counts, state::kKeyGroups> groups_{};
};

/// Thread-compatible. The ledger must outlive the set.
class ChangeSet {
 public:
  explicit ChangeSet(KeyGroupLedger& ledger) : ledger_(ledger) {}
  ChangeSet(const ChangeSet&) = delete;
  ChangeSet& operator=(const ChangeSet&) = delete;

  /// The entry is new or has changed. `group_of()`: its key group, asked for only if it is the first change since the last snapshot.
  template <typename GroupOf>
  void Touch(uint32_t entry, GroupOf&& group_of) {
    Reserve(entry + size_t{1});
    if ((flags_[entry] & kChanged) == 0) Note(entry, group_of());
  }
  /// Touch of each, for rows by the batch: one that has changed before since the last snapshot costs one look at its byte. All are below `capacity`.
  template <typename GroupOf>
  void TouchAll(std::span<const uint32_t> entries, size_t capacity, GroupOf&& group_of) {
    Reserve(capacity);
    const uint8_t* const flags = flags_.data();  // Note moves nothing
    for (uint32_t entry : entries) {
      if ((flags[entry] & kChanged) == 0) [[unlikely]] Note(entry, group_of(entry));
    }
  }
  /// The entry is gone, its number may be used again. Whether it is stored, so that the next snapshot has to say that it is gone.
  bool Remove(uint32_t entry, int group);
  /// The entry is gone, and nobody has to be told: whoever reads what is stored knows it by himself.
  void Forget(uint32_t entry, int group) { Drop(entry, group); }
  /// The entry is as it is stored. Its row is not counted as read back: Stored does that.
  void Restore(uint32_t entry, int group);
  /// Forgets all entries.
  void Clear();

  /// Appends what the snapshot writes, and begins the next one. `replaced`: of Settle; `live`: all entries, asked for only if one of them is.
  void Take(const state::KeyGroupSet& replaced, const std::function<std::vector<uint32_t>()>& live, const std::function<int(uint32_t)>& group_of,
            std::vector<uint32_t>* entries, std::vector<uint8_t>* groups);

  int64_t bytes() const { return static_cast<int64_t>(flags_.capacity() + changed_.capacity() * sizeof(uint32_t)); }

 private:
  static constexpr uint8_t kLive = 1;
  static constexpr uint8_t kChanged = 2;
  static constexpr uint8_t kStored = 4;
  void Reserve(size_t capacity) {
    if (capacity > flags_.size()) flags_.resize(std::max(capacity, 2 * flags_.size()), 0);
  }
  void Note(uint32_t entry, int group);
  bool Drop(uint32_t entry, int group);
  void CompactChanged();

  KeyGroupLedger& ledger_;
  std::vector<uint8_t> flags_;     // by entry
  std::vector<uint32_t> changed_;  // since the last snapshot; may hold numbers that are gone, and one several times
  std::array<uint32_t, state::kKeyGroups> live_{};
};

/// Keys that are stored and are gone: their columns, each with its key group. Thread-compatible.
class GoneKeys {
 public:
  void Add(types::Batch keys, std::span<const uint8_t> groups);
  bool empty() const { return batches_.empty(); }
  int64_t bytes() const { return bytes_; }
  /// All of them as one batch, and forgets them.
  Result<types::Batch> Take(std::vector<uint8_t>* groups);

 private:
  std::vector<types::Batch> batches_;
  std::vector<uint8_t> groups_;
  int64_t bytes_ = 0;
};

/// Of rows that were read back, the last of each entry: those before it are older versions. Ascending row numbers.
std::vector<int64_t> LastRows(std::span<const uint32_t> entries);
/// `rows` with NULL columns for what they lack of `schema`, by name.
Result<types::Batch> PaddedTo(const types::SchemaPtr& schema, const types::Batch& rows);

}  // namespace firn::exec
