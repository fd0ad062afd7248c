// SPDX-License-Identifier: Apache-2.0
#include "exec/join_side.h"

#include <arrow/array.h>

#include <algorithm>
#include <numeric>
#include <string>

#include "base/assert.h"
#include "exec/columns.h"
#include "exec/key_group_rows.h"

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
      row_table_(row_encoder_.shape()),
      changed_(state::kKeyGroups, false) {}

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

void JoinSide::Drop(uint32_t entry) {
  MarkChanged(entry);
  const uint32_t group = entries_[entry].group;
  TakeOut(entry);
  if (heads_[group].first == kNoEntry) {
    key_table_.Erase(group);
    std::erase(null_groups_, group);
  }
  row_table_.Erase(entry);
  entries_[entry] = Entry();
}

void JoinSide::DropEmpty(std::span<const uint32_t> entries) {
  for (uint32_t entry : entries) {
    if (entries_[entry].group != kNoGroup && entries_[entry].count == 0) Drop(entry);
  }
}

void JoinSide::DropExpired(int64_t now_ms) {
  for (uint32_t entry : LiveEntries()) {
    if (IsExpired(entry, now_ms)) Drop(entry);
  }
}

void JoinSide::Add(uint32_t entry, int64_t change, int64_t now_ms) {
  Entry& row = entries_[entry];
  row.count = std::max<int64_t>(row.count + change, 0);
  row.written_ms = now_ms;
  MarkChanged(entry);
}

void JoinSide::SetDegree(uint32_t entry, int64_t degree) {
  entries_[entry].degree = std::max<int64_t>(degree, 0);
  MarkChanged(entry);
}

types::SchemaPtr JoinSide::StateSchema() const {
  std::vector<types::Field> fields;
  for (size_t i = 0; i < schema_->size(); ++i) fields.push_back({"c" + std::to_string(i), schema_->field(i).type});
  for (const char* name : {"row_count", "matches", "written_ms"}) fields.push_back({name, types::DataType::BigInt()});
  return types::MakeSchema(std::move(fields));
}

Status JoinSide::Snapshot(state::StateWriter& writer, std::string_view table) {
  std::vector<uint32_t> kept;
  std::vector<int> key_groups;
  std::vector<int64_t> counts, degrees, times;
  for (uint32_t entry : LiveEntries()) {
    const int key_group = key_table_.key_group(entries_[entry].group);
    if (!changed_[static_cast<size_t>(key_group)]) continue;
    kept.push_back(entry);
    key_groups.push_back(key_group);
    counts.push_back(entries_[entry].count);
    degrees.push_back(entries_[entry].degree);
    times.push_back(entries_[entry].written_ms);
  }
  types::Batch rows{StateSchema(), {}, static_cast<int64_t>(kept.size()), nullptr, nullptr};
  FIRN_TRY(rows.columns, Columns(kept));
  for (std::vector<int64_t>* values : {&counts, &degrees, &times}) rows.columns.push_back(LongArray(std::move(*values)));
  FIRN_RETURN_IF_ERROR(WriteByKeyGroup(writer, table, rows, key_groups, changed_));
  changed_.assign(state::kKeyGroups, false);
  return Ok();
}

Status JoinSide::Restore(state::StateReader& reader, std::string_view table) {
  const types::SchemaPtr schema = StateSchema();
  const auto width = static_cast<std::ptrdiff_t>(schema_->size());
  return reader.Read(table, schema, [&](int, const types::Batch& rows) -> Status {
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
    }
    return Ok();
  });
}

int64_t JoinSide::bytes() const {
  return key_table_.bytes() + row_table_.bytes() + static_cast<int64_t>(heads_.capacity() * sizeof(Chain) + entries_.capacity() * sizeof(Entry));
}

}  // namespace firn::exec
