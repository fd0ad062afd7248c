// SPDX-License-Identifier: Apache-2.0
// ORDER BY of a stream by its ascending event time: rows wait until the watermark passes them and leave in order. As in Flink a row is late not against the
// watermark but against what has left already: one that is newer than the last row to leave is sorted in.
//
// The watermark is followed row by row (Batch::watermarks), so that the result does not depend on how rows are batched.
#include <map>

#include "base/assert.h"
#include "exec/change_ledger.h"
#include "exec/columns.h"
#include "exec/encoded_changes.h"
#include "exec/group_keys.h"
#include "exec/operator_metrics.h"
#include "exec/operators_internal.h"
#include "exec/sort_key.h"

namespace firn::exec {

namespace {

const types::SchemaPtr& ProgressSchema() {
  static const auto* const schema = new types::SchemaPtr(types::MakeSchema({{"watermark_ms", types::DataType::BigInt()}, {"emitted_ms", types::DataType::BigInt()}}));
  return *schema;
}

class TemporalSortOperator final : public Operator {
 public:
  TemporalSortOperator(const plan::PhysicalNode& node, SortKeyEncoder sort_keys)
      : node_(node), spec_(std::get<plan::SortNode>(node.spec)), sort_keys_(std::move(sort_keys)), codec_(AllTypesOf(*node.schema)), changes_(codec_) {}

  Status Open(const OperatorContext& context) override {
    context_ = &context;
    return Ok();
  }

  Status Process(int, types::Batch batch, Output& output) override {
    TimesMs(batch.columns[static_cast<size_t>(spec_.keys[0].column)], &times_);
    sort_keys_.Encode(batch, &keys_);
    codec_.Encode(batch.columns, batch.row_count, &encoded_);
    FIRN_ASSERT(times_.size() == keys_.size() && static_cast<int64_t>(keys_.size()) == batch.row_count, "{} rows have {} times and {} keys", batch.row_count, times_.size(), keys_.size());
    for (int64_t row = 0; row < batch.row_count; ++row) {
      FIRN_RETURN_IF_ERROR(EmitUpTo(batch.watermark_before(row), output));
      const int64_t time = times_[static_cast<size_t>(row)];
      if (time <= emitted_ms_) {
        context_->metrics->late_rows.fetch_add(1, std::memory_order_relaxed);
      } else {
        Add(keys_[static_cast<size_t>(row)], time, encoded_[row]);
      }
    }
    return Ok();
  }

  Status Advance(types::Watermark watermark, Output& output) override {
    FIRN_RETURN_IF_ERROR(EmitUpTo(watermark.timestamp_ms, output));
    output.EmitWatermark(watermark);
    return Ok();
  }
  Status Finish(Output&) override { return Ok(); }  // the final watermark has let all rows go

  // The rows that came; which of them have left tells the time of the last one to leave. There is one lane, and it owns key group 0.
  Status Snapshot(state::StateWriter& writer) override {
    FIRN_RETURN_IF_ERROR(writer.Write("progress", {ProgressSchema(), {LongArray({watermark_ms_}), LongArray({emitted_ms_})}, 1, nullptr, nullptr}));
    state::KeyedRows written;
    written.replaced = ledger_.Settle();
    std::vector<std::string_view> rows;
    if (written.replaced.any()) {
      for (const auto& [key, row] : waiting_) rows.push_back(row.bytes);
    } else {
      for (const auto& [sequence, row] : unsaved_) rows.push_back(row->second.bytes);
    }
    unsaved_.clear();
    FIRN_ASSERT(rows.size() <= waiting_.size() && emitted_ms_ <= watermark_ms_, "{} of {} rows are stored; rows up to {} have left at watermark {}", rows.size(), waiting_.size(), emitted_ms_, watermark_ms_);
    if (rows.empty() && written.replaced.none()) return Ok();
    written.groups.assign(rows.size(), 0);
    written.rows = {types::MakeSchema(StoredFields(*node_.schema)), {}, static_cast<int64_t>(rows.size()), nullptr, nullptr};
    FIRN_TRY(written.rows.columns, codec_.Decode(rows));
    return writer.WriteKeyed("rows", std::move(written));
  }

  Status Restore(state::StateReader& reader) override {
    FIRN_RETURN_IF_ERROR(reader.Read("progress", ProgressSchema(), [&](const types::Batch& rows) -> Status {
      std::vector<int64_t> watermark, emitted;
      LongsOf(rows.columns[0], &watermark);
      LongsOf(rows.columns[1], &emitted);
      watermark_ms_ = watermark[0];
      emitted_ms_ = emitted[0];
      return Ok();
    }));
    return reader.Read("rows", types::MakeSchema(StoredFields(*node_.schema)), [&](const types::Batch& rows) -> Status {
      TimesMs(rows.columns[static_cast<size_t>(spec_.keys[0].column)], &times_);
      sort_keys_.Encode({node_.schema, rows.columns, rows.row_count, nullptr, nullptr}, &keys_);
      codec_.Encode(rows.columns, rows.row_count, &encoded_);
      for (size_t row = 0; row < times_.size(); ++row) {
        ledger_.Stored(0);
        if (times_[row] > emitted_ms_) Add(keys_[row], times_[row], encoded_[static_cast<int64_t>(row)]);
      }
      unsaved_.clear();
      ledger_.ForgetChanges(0);
      return Ok();
    });
  }

  int64_t state_bytes() const override { return bytes_ + static_cast<int64_t>(unsaved_.size()) * kUnsavedNodeBytes; }

 private:
  struct Row {
    int64_t time_ms;
    std::string bytes;
  };
  using Waiting = std::map<std::string, Row>;
  static constexpr int64_t kNodeBytes = 96;         // of the map and the strings, about
  static constexpr int64_t kUnsavedNodeBytes = 48;

  static int64_t SizeOf(const Waiting::value_type& entry) { return static_cast<int64_t>(entry.first.size() + entry.second.bytes.size()) + kNodeBytes; }

  void Add(const std::string& sort_key, int64_t time, std::string_view row) {
    std::string key = sort_key;
    AppendSequence(++sequence_, &key);
    const auto added = waiting_.emplace(std::move(key), Row{time, std::string(row)}).first;
    bytes_ += SizeOf(*added);
    unsaved_.emplace(sequence_, added);
    ledger_.Add(0);
    ledger_.Change(0);
  }

  Status EmitUpTo(int64_t watermark, Output& output) {
    if (watermark <= watermark_ms_) return Ok();
    watermark_ms_ = watermark;
    while (!waiting_.empty() && waiting_.begin()->second.time_ms <= watermark) {
      const auto first = waiting_.begin();
      bytes_ -= SizeOf(*first);
      emitted_ms_ = first->second.time_ms;
      ledger_.Remove(0);
      unsaved_.erase(ReadSequence(std::string_view(first->first).substr(first->first.size() - kSequenceBytes)));
      changes_.AddOwned(types::RowKind::kInsert, std::move(first->second.bytes));
      waiting_.erase(first);
      if (changes_.size() >= static_cast<size_t>(types::kPreferredBatchRows)) FIRN_RETURN_IF_ERROR(changes_.Emit(node_.schema, output));
    }
    FIRN_ASSERT((!waiting_.empty() || bytes_ == 0) && unsaved_.size() <= waiting_.size(), "{} rows of {} bytes wait, {} of them not stored", waiting_.size(), bytes_,
                unsaved_.size());
    return changes_.Emit(node_.schema, output);
  }

  const plan::PhysicalNode& node_;
  const plan::SortNode& spec_;
  const SortKeyEncoder sort_keys_;
  const RowCodec codec_;
  Waiting waiting_;
  std::map<uint64_t, Waiting::iterator> unsaved_;  // since the last snapshot
  KeyGroupLedger ledger_;                          // key group 0
  uint64_t sequence_ = 0;
  int64_t bytes_ = 0;
  int64_t watermark_ms_ = types::kNoWatermark;
  int64_t emitted_ms_ = types::kNoWatermark;  // the event time of the last row that left
  EncodedChanges changes_;
  const OperatorContext* context_ = nullptr;
  // Of the batch at hand.
  std::vector<int64_t> times_;
  std::vector<std::string> keys_;
  EncodedRows encoded_;
};

}  // namespace

Result<OperatorPtr> MakeTemporalSortOperator(const plan::PhysicalNode& node) {
  FIRN_TRY(SortKeyEncoder sort_keys, SortKeyEncoder::Make(*node.schema, std::get<plan::SortNode>(node.spec).keys));
  return OperatorPtr(std::make_unique<TemporalSortOperator>(node, std::move(sort_keys)));
}

}  // namespace firn::exec
