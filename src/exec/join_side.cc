// SPDX-License-Identifier: Apache-2.0
#include "exec/join_side.h"

#include <arrow/array.h>

#include <algorithm>
#include <numeric>
#include <string>

#include "base/assert.h"
#include "exec/columns.h"

namespace firn::exec {

namespace {

std::vector<int> AllColumnsOf(const types::Schema& schema) {
  std::vector<int> columns(schema.size());
  std::iota(columns.begin(), columns.end(), 0);
  return columns;
}

}  // namespace

std::vector<uint8_t> RowsWithNull(const types::Batch& batch, const std::vector<int>& columns) {
  std::vector<uint8_t> with_null;
  for (int at : columns) {
    const arrow::Array& column = *batch.columns[static_cast<size_t>(at)];
    if (column.null_count() == 0) continue;
    with_null.resize(static_cast<size_t>(batch.row_count), 0);
    for (int64_t row = 0; row < batch.row_count; ++row) with_null[static_cast<size_t>(row)] |= column.IsNull(row) ? 1 : 0;
  }
  return with_null;
}

JoinSide::JoinSide(types::SchemaPtr schema, std::vector<int> keys, int64_t ttl_ms)
    : schema_(std::move(schema)),
      keys_(std::move(keys)),
      ttl_ms_(ttl_ms),
      key_encoder_(TypesOf(*schema_, keys_)),
      row_encoder_(TypesOf(*schema_, AllColumnsOf(*schema_))),
      key_table_(key_encoder_.shape()),
      row_table_(row_encoder_.shape()) {}

void JoinSide::EncodeKeys(const types::Batch& batch, BatchKeys* keys) const {
  key_encoder_.Encode(ColumnsOf(batch, keys_), batch.row_count, keys);
}

void JoinSide::FindOrInsert(const types::Batch& batch, const BatchKeys& keys, std::vector<uint32_t>* entries) {
  key_table_.FindOrInsert(keys, &groups_);
  heads_.resize(key_table_.capacity());
  row_encoder_.Encode(batch.columns, batch.row_count, &row_keys_);
  row_table_.FindOrInsert(row_keys_, entries);
  entries_.resize(row_table_.capacity());
  const std::vector<uint8_t> with_null = RowsWithNull(batch, keys_);
  FIRN_ASSERT(groups_.size() == entries->size(), "{} keys of {} rows", groups_.size(), entries->size());
  for (size_t row = 0; row < entries->size(); ++row) {
    if (entries_[(*entries)[row]].group == kNoGroup) Link((*entries)[row], groups_[row], !with_null.empty() && with_null[row]);
  }
}

void JoinSide::Link(uint32_t entry, uint32_t group, bool has_null_key) {
  Chain& chain = heads_[group];
  if (has_null_key && chain.first == kNoEntry) null_groups_.push_back(group);
  entries_[entry].group = group;
  entries_[entry].previous = chain.last;
  (chain.last == kNoEntry ? chain.first : entries_[chain.last].next) = entry;
  chain.last = entry;
}

void JoinSide::TakeOut(uint32_t entry) {
  const Entry& gone = entries_[entry];
  Chain& chain = heads_[gone.group];
  (gone.previous == kNoEntry ? chain.first : entries_[gone.previous].next) = gone.next;
  (gone.next == kNoEntry ? chain.last : entries_[gone.next].previous) = gone.previous;
}

void JoinSide::MoveToEnd(uint32_t entry) {
  if (entries_[entry].next == kNoEntry) return;
  TakeOut(entry);
  Chain& chain = heads_[entries_[entry].group];
  entries_[entry].next = kNoEntry;
  entries_[entry].previous = chain.last;
  entries_[chain.last].next = entry;
  chain.last = entry;
}

uint32_t JoinSide::LastOf(uint32_t group) const {
  uint32_t entry = heads_[group].last;
  while (entry != kNoEntry && entries_[entry].count == 0) entry = entries_[entry].previous;
  return entry;
}

Status JoinSide::Drop(std::span<const uint32_t> entries) {
  std::vector<uint32_t> stored;
  std::vector<uint8_t> key_groups;
  for (uint32_t entry : entries) {
    const int key_group = KeyGroupOf(entry);
    if (!changes_.Remove(entry, key_group)) continue;
    stored.push_back(entry);
    key_groups.push_back(static_cast<uint8_t>(key_group));
  }
  if (!stored.empty()) {
    types::Batch rows{schema_, {}, static_cast<int64_t>(stored.size()), nullptr, nullptr};
    FIRN_TRY(rows.columns, Columns(stored));
    gone_.Add(std::move(rows), key_groups);
  }
  for (uint32_t entry : entries) Unlink(entry);
  return Ok();
}

void JoinSide::Forget(std::span<const uint32_t> entries) {
  for (uint32_t entry : entries) {
    changes_.Forget(entry, KeyGroupOf(entry));
    Unlink(entry);
  }
}

void JoinSide::Unlink(uint32_t entry) {
  const uint32_t group = entries_[entry].group;
  FIRN_ASSERT(group != kNoGroup, "row {} is dropped and is not there", entry);
  TakeOut(entry);
  if (heads_[group].first == kNoEntry) {
    key_table_.Erase(group);
    std::erase(null_groups_, group);
  }
  row_table_.Erase(entry);
  entries_[entry] = Entry();
}

std::vector<uint32_t> JoinSide::EmptyOf(std::span<const uint32_t> entries) const {
  std::vector<uint32_t> empty;
  for (uint32_t entry : entries) {
    if (entries_[entry].group != kNoGroup && entries_[entry].count == 0) empty.push_back(entry);
  }
  std::sort(empty.begin(), empty.end());
  empty.erase(std::unique(empty.begin(), empty.end()), empty.end());
  return empty;
}

Status JoinSide::DropEmpty(std::span<const uint32_t> entries) {
  const std::vector<uint32_t> empty = EmptyOf(entries);
  return empty.empty() ? Ok() : Drop(empty);
}

Status JoinSide::DropExpired(int64_t now_ms) {
  std::vector<uint32_t> expired = LiveEntries();
  std::erase_if(expired, [&](uint32_t entry) { return !IsExpired(entry, now_ms); });
  return Drop(expired);
}

void JoinSide::Add(uint32_t entry, int64_t change, int64_t now_ms) {
  Entry& row = entries_[entry];
  FIRN_ASSERT(row.group != kNoGroup, "row {} is counted and is in no chain", entry);
  if (IsExpired(entry, now_ms)) row.count = 0;  // forgotten, only not swept away yet
  row.count = std::max<int64_t>(row.count + change, 0);
  row.written_ms = now_ms;
  MarkChanged(entry);
}

void JoinSide::SetDegree(uint32_t entry, int64_t degree, int64_t now_ms) {
  Entry& row = entries_[entry];
  FIRN_ASSERT(row.group != kNoGroup, "matches of row {} are counted and it is in no chain", entry);
  row.degree = std::max<int64_t>(degree, 0);
  row.written_ms = now_ms;
  MarkChanged(entry);
}

types::SchemaPtr JoinSide::StateSchema() const {
  std::vector<types::Field> fields = StoredFields(*schema_);
  for (const char* name : {"row_count", "matches", "written_ms"}) fields.push_back({name, types::DataType::BigInt()});
  return types::MakeSchema(std::move(fields));
}

// The rows that were stored and are gone, as rows of the state; rows that have come again stand among the changes.
Result<types::Batch> JoinSide::TakeGone(const state::KeyGroupSet& replaced, std::vector<uint8_t>* key_groups) {
  if (gone_.empty()) return types::Batch{StateSchema(), {}, 0, nullptr, nullptr};
  std::vector<uint8_t> all_key_groups;
  FIRN_TRY(types::Batch gone, gone_.Take(&all_key_groups));
  row_encoder_.Encode(gone.columns, gone.row_count, &row_keys_);
  std::vector<uint32_t> entries;
  row_table_.Find(row_keys_, &entries);
  std::vector<int64_t> kept;
  for (size_t i = 0; i < entries.size(); ++i) {
    if (entries[i] != kNoEntry || replaced.test(all_key_groups[i])) continue;
    kept.push_back(static_cast<int64_t>(i));
    key_groups->push_back(all_key_groups[i]);
  }
  const types::ArrayPtr zeros = LongArray(std::vector<int64_t>(kept.size(), 0));
  FIRN_TRY(gone, types::TakeRows(gone, LongArray(std::move(kept))));
  types::Batch rows{StateSchema(), gone.columns, gone.row_count, nullptr, nullptr};
  rows.columns.insert(rows.columns.end(), 3, zeros);
  return rows;
}

Status JoinSide::Snapshot(state::StateWriter& writer, std::string_view table) {
  state::KeyedRows written;
  written.replaced = ledger_.Settle();
  FIRN_TRY(const types::Batch gone, TakeGone(written.replaced, &written.groups));
  FIRN_ASSERT(heads_.size() >= key_table_.capacity() && entries_.size() == row_table_.capacity(), "{} chains of {} keys, {} entries of {} rows", heads_.size(),
              key_table_.capacity(), entries_.size(), row_table_.capacity());
  std::vector<uint32_t> kept;
  changes_.Take(written.replaced, [&] { return LiveEntries(); }, [&](uint32_t entry) { return KeyGroupOf(entry); }, &kept, &written.groups);
  std::vector<int64_t> counts, degrees, times;
  for (uint32_t entry : kept) {
    counts.push_back(entries_[entry].count);
    degrees.push_back(entries_[entry].degree);
    times.push_back(entries_[entry].written_ms);
  }
  written.rows = {StateSchema(), {}, static_cast<int64_t>(kept.size()), nullptr, nullptr};
  FIRN_TRY(written.rows.columns, Columns(kept));
  for (std::vector<int64_t>* values : {&counts, &degrees, &times}) written.rows.columns.push_back(LongArray(std::move(*values)));
  if (gone.row_count > 0) {
    FIRN_TRY(written.rows, types::ConcatenateBatches({gone, written.rows}));
  }
  if (written.rows.row_count == 0 && written.replaced.none()) return Ok();
  return writer.WriteKeyed(table, std::move(written));
}

// Of a row that stands there several times the last version counts.
Status JoinSide::Restore(state::StateReader& reader, std::string_view table) {
  const types::SchemaPtr schema = StateSchema();
  const auto width = static_cast<std::ptrdiff_t>(schema_->size());
  return reader.Read(table, schema, [&](const types::Batch& rows) -> Status {
    const types::Batch batch{schema_, {rows.columns.begin(), rows.columns.begin() + width}, rows.row_count, nullptr, nullptr};
    std::vector<int64_t> counts, degrees, times;
    LongsOf(rows.columns[schema_->size()], &counts);
    LongsOf(rows.columns[schema_->size() + 1], &degrees);
    LongsOf(rows.columns[schema_->size() + 2], &times);
    BatchKeys keys;
    EncodeKeys(batch, &keys);
    std::vector<uint32_t> entries;
    FindOrInsert(batch, keys, &entries);
    for (size_t row = 0; row < entries.size(); ++row) {
      Entry& entry = entries_[entries[row]];
      entry.count = counts[row];
      entry.degree = degrees[row];
      entry.written_ms = times[row];
      ledger_.Stored(KeyGroupOf(entries[row]));
      changes_.Restore(entries[row], KeyGroupOf(entries[row]));
    }
    Forget(EmptyOf(entries));
    return Ok();
  });
}

int64_t JoinSide::bytes() const {
  return key_table_.bytes() + row_table_.bytes() + changes_.bytes() + gone_.bytes() + static_cast<int64_t>(heads_.capacity() * sizeof(Chain) + entries_.capacity() * sizeof(Entry));
}

}  // namespace firn::exec
