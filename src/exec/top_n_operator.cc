// SPDX-License-Identifier: Apache-2.0
// ORDER BY ... LIMIT n [OFFSET m] over a stream: the rows at places m to m + n of the order, kept up to date. A row that comes into them throws the last one
// out (-D, then +I); one that is taken back lets the next one in. Equal rows keep their order of arrival.
//
// Rows lie in a map by sort key and arrival. Two marks, at the rows of the first visible place and of the first one behind the visible ones, move by one place
// with each change, so that a change costs a look-up in the map, whatever m and n. Over inserts alone nothing behind the visible rows is kept.
#include <algorithm>
#include <map>

#include "base/assert.h"
#include "exec/change_ledger.h"
#include "exec/columns.h"
#include "exec/encoded_changes.h"
#include "exec/group_keys.h"
#include "exec/operators_internal.h"
#include "exec/sort_key.h"

namespace firn::exec {

namespace {

using types::RowKind;

class TopNOperator final : public StatelessOperator {
 public:
  TopNOperator(const plan::PhysicalNode& node, SortKeyEncoder sort_keys)
      : node_(node),
        spec_(std::get<plan::SortNode>(node.spec)),
        is_insert_only_(node.inputs[0]->changelog.InsertOnly()),
        end_place_(spec_.limit < 0 ? INT64_MAX : spec_.offset + spec_.limit),
        sort_keys_(std::move(sort_keys)),
        codec_(AllTypesOf(*node.schema)),
        first_(rows_.end()),
        behind_(rows_.end()),
        changes_(codec_) {}

  Status Process(int, types::Batch batch, Output& output) override {
    if (spec_.limit == 0) return Ok();
    Apply(batch);
    const auto count = static_cast<int64_t>(rows_.size());
    FIRN_ASSERT((first_ == rows_.end()) == (count <= spec_.offset) && (behind_ == rows_.end()) == (count <= end_place_), "the marks of places {} and {} do not fit {} rows",
                spec_.offset, end_place_, count);
    FIRN_ASSERT((count > 0 || bytes_ == 0) && unsaved_.size() <= rows_.size(), "{} rows of {} bytes, {} of them not stored", count, bytes_, unsaved_.size());
    return changes_.Emit(node_.schema, output);
  }

  // A row under the number of its arrival; a row that was stored and is gone as that number, negative. There is one lane, and it owns key group 0.
  Status Snapshot(state::StateWriter& writer) override {
    state::KeyedRows written;
    written.replaced = ledger_.Settle();
    std::vector<std::string_view> rows;
    std::vector<int64_t> arrivals;
    if (written.replaced.any()) {
      std::vector<std::pair<uint64_t, std::string_view>> by_arrival;
      for (const auto& [key, row] : rows_) by_arrival.emplace_back(SequenceOf(key), row);
      std::sort(by_arrival.begin(), by_arrival.end());
      for (const auto& [sequence, row] : by_arrival) {
        rows.push_back(row);
        arrivals.push_back(static_cast<int64_t>(sequence));
      }
    } else {
      for (uint64_t sequence : gone_) arrivals.push_back(-static_cast<int64_t>(sequence));
      rows.resize(arrivals.size());  // NULLs
      for (const auto& [sequence, row] : unsaved_) {
        rows.push_back(row->second);
        arrivals.push_back(static_cast<int64_t>(sequence));
      }
    }
    gone_.clear();
    unsaved_.clear();
    if (rows.empty() && written.replaced.none()) return Ok();
    written.groups.assign(rows.size(), 0);
    written.rows = {StateSchema(), {}, static_cast<int64_t>(rows.size()), nullptr, nullptr};
    FIRN_TRY(written.rows.columns, codec_.Decode(rows));
    written.rows.columns.push_back(LongArray(std::move(arrivals)));
    return writer.WriteKeyed("rows", std::move(written));
  }

  Status Restore(state::StateReader& reader) override {
    std::map<int64_t, std::string> stored;  // by arrival
    FIRN_RETURN_IF_ERROR(reader.Read("rows", StateSchema(), [&](const types::Batch& rows) -> Status {
      std::vector<int64_t> arrivals;
      LongsOf(rows.columns.back(), &arrivals);
      codec_.Encode(std::span(rows.columns).first(node_.schema->size()), rows.row_count, &encoded_);
      for (size_t row = 0; row < arrivals.size(); ++row) {
        ledger_.Stored(0);
        if (arrivals[row] < 0) {
          stored.erase(-arrivals[row]);
        } else {
          stored[arrivals[row]] = encoded_[static_cast<int64_t>(row)];
        }
      }
      return Ok();
    }));
    std::vector<std::string_view> encoded;
    for (const auto& [arrival, row] : stored) encoded.push_back(row);
    types::Batch rows{node_.schema, {}, static_cast<int64_t>(encoded.size()), nullptr, nullptr};
    FIRN_TRY(rows.columns, codec_.Decode(encoded));
    sort_keys_.Encode(rows, &keys_);
    size_t next = 0;
    for (const auto& [arrival, row] : stored) {
      sequence_ = static_cast<uint64_t>(arrival) - 1;
      Insert(keys_[next++], row);
    }
    changes_.Clear();  // they have been told
    unsaved_.clear();
    gone_.clear();
    ledger_.ForgetChanges(0);
    return Ok();
  }

  int64_t state_bytes() const override { return bytes_ + static_cast<int64_t>(unsaved_.size()) * kUnsavedNodeBytes + static_cast<int64_t>(gone_.capacity() * sizeof(uint64_t)); }

 private:
  using Rows = std::map<std::string, std::string>;
  static constexpr int64_t kNodeBytes = 96;         // of the map and the strings, about
  static constexpr int64_t kUnsavedNodeBytes = 48;

  void Apply(const types::Batch& batch) {
    sort_keys_.Encode(batch, &keys_);
    codec_.Encode(batch.columns, batch.row_count, &encoded_);
    for (int64_t row = 0; row < batch.row_count; ++row) {
      if (IsRetraction(batch.kind(row))) {
        Delete(keys_[static_cast<size_t>(row)], encoded_[row]);
      } else {
        Insert(keys_[static_cast<size_t>(row)], encoded_[row]);
      }
    }
  }

  bool IsBefore(Rows::iterator row, Rows::iterator mark) const { return mark == rows_.end() || row->first < mark->first; }

  void Tell(Rows::iterator leaving, Rows::iterator entering) {
    if (leaving == entering) return;
    if (leaving != rows_.end()) changes_.AddOwned(RowKind::kDelete, leaving->second);
    if (entering != rows_.end()) changes_.AddOwned(RowKind::kInsert, entering->second);
  }

  void Insert(const std::string& sort_key, std::string_view row) {
    // Without retractions a row behind the last visible one can never be seen.
    if (is_insert_only_ && static_cast<int64_t>(rows_.size()) >= end_place_ && sort_key >= SortPart(std::prev(rows_.end())->first)) return;
    std::string key = sort_key;
    AppendSequence(++sequence_, &key);
    const auto added = rows_.emplace(std::move(key), std::string(row)).first;
    bytes_ += SizeOf(added);
    ledger_.Add(0);
    ledger_.Change(0);
    unsaved_.emplace(sequence_, added);
    const auto count = static_cast<int64_t>(rows_.size());

    auto entering = added;
    if (first_ == rows_.end()) {
      if (count <= spec_.offset) return;
      entering = first_ = std::prev(rows_.end());  // the place of the offset is taken for the first time
    } else if (IsBefore(added, first_)) {
      entering = first_ = std::prev(first_);
    }
    if (behind_ == rows_.end()) {
      if (count <= end_place_) return Tell(rows_.end(), entering);
      behind_ = std::prev(rows_.end());
    } else if (IsBefore(added, behind_)) {
      behind_ = std::prev(behind_);
    } else {
      return;
    }
    Tell(behind_, entering);
    if (!is_insert_only_) return;
    Erase(std::exchange(behind_, rows_.end()));
  }

  void Delete(const std::string& sort_key, std::string_view row) {
    const auto gone = Find(sort_key, row);
    if (gone == rows_.end()) return;
    const bool was_visible_or_before = IsBefore(gone, behind_);
    if (gone == behind_) ++behind_;
    if (first_ != rows_.end() && was_visible_or_before) {
      auto leaving = gone;
      if (IsBefore(gone, first_)) leaving = first_;
      if (leaving == first_) ++first_;
      const auto entering = behind_;
      if (behind_ != rows_.end()) ++behind_;
      Tell(leaving, entering);
    }
    Erase(gone);
  }

  void Erase(Rows::iterator row) {
    bytes_ -= SizeOf(row);
    ledger_.Remove(0);
    const uint64_t sequence = SequenceOf(row->first);
    if (unsaved_.erase(sequence) == 0) {
      gone_.push_back(sequence);
      ledger_.Change(0);
    }
    rows_.erase(row);
  }

  // The oldest of the equal rows.
  Rows::iterator Find(const std::string& sort_key, std::string_view row) {
    for (auto found = rows_.lower_bound(sort_key); found != rows_.end() && SortPart(found->first) == sort_key; ++found) {
      if (found->second == row) return found;
    }
    return rows_.end();
  }

  types::SchemaPtr StateSchema() const {
    std::vector<types::Field> fields = StoredFields(*node_.schema);
    for (types::Field& field : fields) field.type = field.type.WithNullable(true);
    fields.push_back({"arrival", types::DataType::BigInt()});
    return types::MakeSchema(std::move(fields));
  }

  static uint64_t SequenceOf(std::string_view key) { return ReadSequence(key.substr(key.size() - kSequenceBytes)); }
  static std::string_view SortPart(std::string_view key) { return key.substr(0, key.size() - kSequenceBytes); }
  static int64_t SizeOf(Rows::iterator row) { return static_cast<int64_t>(row->first.size() + row->second.size()) + kNodeBytes; }

  const plan::PhysicalNode& node_;
  const plan::SortNode& spec_;
  const bool is_insert_only_;
  const int64_t end_place_;  // of the first row that is not visible any more
  const SortKeyEncoder sort_keys_;
  const RowCodec codec_;
  Rows rows_;
  Rows::iterator first_;   // at the place of the offset; end: so many rows are not there
  Rows::iterator behind_;  // at end_place_; end: likewise
  uint64_t sequence_ = 0;
  int64_t bytes_ = 0;
  // Since the last snapshot:
  std::map<uint64_t, Rows::iterator> unsaved_;
  std::vector<uint64_t> gone_;  // of those that it has
  KeyGroupLedger ledger_;       // key group 0
  EncodedChanges changes_;
  // Of the batch at hand.
  std::vector<std::string> keys_;
  EncodedRows encoded_;
};

}  // namespace

Result<OperatorPtr> MakeTopNOperator(const plan::PhysicalNode& node) {
  FIRN_TRY(SortKeyEncoder sort_keys, SortKeyEncoder::Make(*node.schema, std::get<plan::SortNode>(node.spec).keys));
  return OperatorPtr(std::make_unique<TopNOperator>(node, std::move(sort_keys)));
}

}  // namespace firn::exec
