// SPDX-License-Identifier: Apache-2.0
// What a join remembers of one input: its rows, each distinct one once with a count, chained by join key.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "exec/change_ledger.h"
#include "exec/group_keys.h"
#include "exec/group_table.h"
#include "state/state_io.h"
#include "types/batch.h"

namespace firn::exec {

inline constexpr uint32_t kNoEntry = kNoGroup;

/// 1 for rows with a NULL in one of `columns`; empty: there is none.
std::vector<uint8_t> RowsWithNull(const types::Batch& batch, const std::vector<int>& columns);

/// Thread-compatible. An entry is a distinct row; its number is used again once the row is gone.
class JoinSide {
 public:
  /// `keys`: columns of `schema` that the join compares. `ttl_ms`: how long a row is remembered after it was last written; 0: for ever.
  JoinSide(types::SchemaPtr schema, std::vector<int> keys, int64_t ttl_ms);

  void EncodeKeys(const types::Batch& batch, BatchKeys* keys) const;
  /// groups[i]: the chain of rows whose key is that of row i; kNoGroup: none. `keys` may come from the other side: the types are the same.
  void FindGroups(const BatchKeys& keys, std::vector<uint32_t>* groups) const { key_table_.Find(keys, groups); }
  /// The rows of a chain, the oldest first.
  uint32_t First(uint32_t group) const { return heads_[group].first; }
  uint32_t Next(uint32_t entry) const { return entries_[entry].next; }
  uint32_t GroupOf(uint32_t entry) const { return entries_[entry].group; }
  /// The row of a chain that came last, of those that are there; kNoEntry: none is.
  uint32_t LastOf(uint32_t group) const;
  /// Makes a row the last of its chain.
  void MoveToEnd(uint32_t entry);
  int64_t written_ms(uint32_t entry) const { return entries_[entry].written_ms; }
  /// The chains whose key has a NULL: NOT IN has to look at them for every row.
  const std::vector<uint32_t>& null_groups() const { return null_groups_; }
  /// All rows, for a key that may equal any.
  std::vector<uint32_t> LiveEntries() const { return row_table_.LiveGroups(); }
  uint32_t size() const { return row_table_.size(); }

  /// entries[i]: where row i is kept. New ones have count 0: the caller counts them, then calls DropEmpty.
  void FindOrInsert(const types::Batch& batch, const BatchKeys& keys, std::vector<uint32_t>* entries);
  Status DropEmpty(std::span<const uint32_t> entries);
  /// Forgets rows last written before `now_ms` less the time to live.
  Status DropExpired(int64_t now_ms);

  /// Drops rows, each once, whatever their count, of which whoever restores the state knows by himself that they are gone.
  void Forget(std::span<const uint32_t> entries);

  /// How often the row is there; a retraction of a row that is not (its time to live was over) changes nothing.
  int64_t count(uint32_t entry) const { return entries_[entry].count; }
  void Add(uint32_t entry, int64_t change, int64_t now_ms);
  /// Rows of the other side that match it: what an outer, semi or anti join has to know. Setting it is a write, which renews the row's time.
  int64_t degree(uint32_t entry) const { return entries_[entry].degree; }
  void SetDegree(uint32_t entry, int64_t degree, int64_t now_ms);
  bool IsExpired(uint32_t entry, int64_t now_ms) const { return ttl_ms_ > 0 && entries_[entry].written_ms + ttl_ms_ <= now_ms; }
  int64_t ttl_ms() const { return ttl_ms_; }

  const types::SchemaPtr& schema() const { return schema_; }
  const std::vector<int>& keys() const { return keys_; }
  /// The rows' columns.
  Result<std::vector<types::ArrayPtr>> Columns(std::span<const uint32_t> entries) const { return row_table_.Keys(row_encoder_, entries); }

  /// State as `table`: the input's columns, then count (0: the row is gone), degree and time of the last write.
  Status Snapshot(state::StateWriter& writer, std::string_view table);
  Status Restore(state::StateReader& reader, std::string_view table);
  int64_t bytes() const;

 private:
  struct Entry {
    int64_t count = 0;
    int64_t degree = 0;
    int64_t written_ms = 0;
    uint32_t group = kNoGroup;
    uint32_t next = kNoEntry;
    uint32_t previous = kNoEntry;
  };
  struct Chain {
    uint32_t first = kNoEntry;
    uint32_t last = kNoEntry;
  };
  void Link(uint32_t entry, uint32_t group, bool has_null_key);
  // Takes it out of its chain, which may be empty then.
  void TakeOut(uint32_t entry);
  // Of `entries`, in which one may stand several times, those whose row is not there any more, each once.
  std::vector<uint32_t> EmptyOf(std::span<const uint32_t> entries) const;
  // Each row once.
  Status Drop(std::span<const uint32_t> entries);
  void Unlink(uint32_t entry);
  Result<types::Batch> TakeGone(const state::KeyGroupSet& replaced, std::vector<uint8_t>* key_groups);
  types::SchemaPtr StateSchema() const;
  int KeyGroupOf(uint32_t entry) const { return key_table_.key_group(entries_[entry].group); }
  void MarkChanged(uint32_t entry) { changes_.Touch(entry, [&] { return KeyGroupOf(entry); }); }

  const types::SchemaPtr schema_;
  const std::vector<int> keys_;
  const int64_t ttl_ms_;
  const KeyEncoder key_encoder_;
  const KeyEncoder row_encoder_;
  GroupTable key_table_;
  GroupTable row_table_;            // its group numbers are the entries
  std::vector<Chain> heads_;        // by group of key_table_
  std::vector<uint32_t> null_groups_;
  std::vector<Entry> entries_;
  KeyGroupLedger ledger_;
  ChangeSet changes_{ledger_};
  GoneKeys gone_;                   // rows
  BatchKeys row_keys_;              // of the batch at hand
  std::vector<uint32_t> groups_;    // of the batch at hand
};

}  // namespace firn::exec
