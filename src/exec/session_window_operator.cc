// SPDX-License-Identifier: Apache-2.0
// SESSION windows: rows of a key whose times are at most a gap apart. A row opens a session of one gap's length; sessions of a key that meet become one. The
// watermark closes a session when it passes its end; a row that could only join a closed one opens another, or is late if that had closed too.
//
// A session is a group of the accumulators. Rows are gathered with their session's number and added in runs; a run ends where sessions merge or close.
#include <algorithm>
#include <map>
#include <set>

#include "base/assert.h"
#include "exec/aggregate_set.h"
#include "exec/change_ledger.h"
#include "exec/operator_metrics.h"
#include "exec/operators_internal.h"
#include "exec/window_clock.h"

namespace firn::exec {

namespace {

struct Session {
  uint32_t key = kNoGroup;  // of the key table; kNoGroup: the number is free
  int64_t start_ms = 0;     // instants
  int64_t end_ms = 0;
  int64_t opened = 0;       // the order in which sessions were opened: the earlier one's values came first
};

class SessionWindowOperator final : public Operator {
 public:
  explicit SessionWindowOperator(const plan::PhysicalNode& node)
      : node_(node),
        spec_(std::get<plan::WindowAggregateNode>(node.spec)),
        shape_(AggregateShape::Make(*node.inputs[0]->schema, spec_.keys, spec_.aggregates)),
        key_table_(shape_.encoder->shape()),
        changes_(ledger_) {}

  Status Make() {
    for (const expr::AggregateCall& call : shape_.calls) {
      FIRN_TRY(auto accumulator, expr::MakeAccumulator(call));
      accumulators_.push_back(std::move(accumulator));
    }
    return Ok();
  }

  Status Open(const OperatorContext& context) override {
    context_ = &context;
    return clock_.Open(spec_.window, context);
  }

  Status Process(int, types::Batch batch, Output& output) override {
    FIRN_RETURN_IF_ERROR(clock_.DropRowsWithoutTime(&batch));
    if (batch.row_count == 0) return Ok();
    clock_.TimesOf(batch, &times_);
    if (spec_.window.is_proctime) FIRN_RETURN_IF_ERROR(CloseUpTo(clock_.now_ms() - 1, output));
    shape_.encoder->Encode(ColumnsOf(batch, shape_.keys), batch.row_count, &keys_);
    key_table_.FindOrInsert(keys_, &key_of_row_);
    by_key_.resize(key_table_.capacity());
    FIRN_ASSERT(times_.size() == key_of_row_.size() && run_rows_.empty(), "{} rows have {} times; {} rows of the batch before wait", key_of_row_.size(), times_.size(), run_rows_.size());
    for (int64_t row = 0; row < batch.row_count; ++row) {
      const int64_t watermark = spec_.window.is_proctime ? types::kNoWatermark : std::max(batch.watermark_before(row), watermark_ms_);
      if (IsDue(watermark)) {
        FIRN_RETURN_IF_ERROR(Absorb(batch));
        FIRN_RETURN_IF_ERROR(CloseUpTo(watermark, output));
      }
      FIRN_TRY(const uint32_t session, SessionOf(batch, row, watermark));
      if (session == kNoGroup) {
        context_->metrics->late_rows.fetch_add(1, std::memory_order_relaxed);
        continue;
      }
      run_rows_.push_back(row);
      run_sessions_.push_back(session);
    }
    FIRN_RETURN_IF_ERROR(Absorb(batch));
    // Not before: rows of the batch go by the number. Among them may be sessions that opened and closed, or that were not opened for a late row.
    touched_keys_.insert(touched_keys_.end(), key_of_row_.begin(), key_of_row_.end());
    return DropEmptyKeys();
  }

  Status Advance(types::Watermark watermark, Output& output) override {
    if (!spec_.window.is_proctime) {
      FIRN_RETURN_IF_ERROR(CloseUpTo(watermark.timestamp_ms, output));
      FIRN_RETURN_IF_ERROR(DropEmptyKeys());
      watermark_ms_ = std::max(watermark_ms_, watermark.timestamp_ms);
    }
    output.EmitWatermark(watermark);
    return Ok();
  }
  Status OnTimer(int64_t now_ms, Output& output) override {
    if (!spec_.window.is_proctime) return Ok();
    FIRN_RETURN_IF_ERROR(CloseUpTo(now_ms - 1, output));
    return DropEmptyKeys();
  }
  int64_t NextTimerMs() const override { return spec_.window.is_proctime && !open_.empty() ? open_.begin()->first : std::numeric_limits<int64_t>::max(); }
  Status Finish(Output&) override { return Ok(); }  // the final watermark has closed all; sessions by processing time that have not closed are not told

  // A key's sessions are written together, under a number that ascends: those of the highest count, the others are older versions. A key without sessions is
  // written as one of no length.
  Status Snapshot(state::StateWriter& writer) override {
    if (is_batch()) return Ok();  // it begins anew, nothing is restored
    FIRN_ASSERT(open_.size() + free_.size() == sessions_.size(), "{} sessions are open, {} numbers free of {}", open_.size(), free_.size(), sessions_.size());
    FIRN_ASSERT(touched_keys_.empty(), "keys that may have no session any more are among those to be stored");
    FIRN_RETURN_IF_ERROR(SaveWatermark(writer, watermark_ms_));
    state::KeyedRows written;
    written.replaced = ledger_.Settle();
    ++version_;
    FIRN_TRY(const types::Batch gone, TakeGone(written.replaced, &written.groups));
    std::vector<uint32_t> changed;
    std::vector<uint8_t> key_groups;
    changes_.Take(written.replaced, [&] { return key_table_.LiveGroups(); }, [&](uint32_t key) { return key_table_.key_group(key); }, &changed, &key_groups);
    std::vector<uint32_t> kept, keys;
    std::vector<int64_t> starts, ends;
    for (size_t i = 0; i < changed.size(); ++i) {
      for (uint32_t session : by_key_[changed[i]]) {
        kept.push_back(session);
        keys.push_back(changed[i]);
        starts.push_back(sessions_[session].start_ms);
        ends.push_back(sessions_[session].end_ms);
        written.groups.push_back(key_groups[i]);
      }
    }
    types::Batch rows{StateSchema(), {}, static_cast<int64_t>(kept.size()), nullptr, nullptr};
    FIRN_TRY(rows.columns, key_table_.Keys(*shape_.encoder, keys));
    for (const auto& accumulator : accumulators_) {
      FIRN_TRY(auto columns, accumulator->Save(kept));
      rows.columns.insert(rows.columns.end(), columns.begin(), columns.end());
    }
    const types::ArrayPtr versions = LongArray(std::vector<int64_t>(kept.size(), version_));
    rows.columns.insert(rows.columns.begin(), {LongArray(std::move(starts)), LongArray(std::move(ends)), versions});
    if (gone.row_count > 0) {
      FIRN_TRY(rows, types::ConcatenateBatches({gone, rows}));
    }
    written.rows = std::move(rows);
    if (written.rows.row_count == 0 && written.replaced.none()) return Ok();
    return writer.WriteKeyed("sessions", std::move(written));
  }

  Status Restore(state::StateReader& reader) override {
    FIRN_RETURN_IF_ERROR(LoadWatermark(reader, &watermark_ms_));
    FIRN_RETURN_IF_ERROR(reader.Read("sessions", StateSchema(), [&](const types::Batch& rows) { return Load(rows); }));
    for (uint32_t key : key_table_.LiveGroups()) {
      if (!by_key_[key].empty()) continue;
      changes_.Forget(key, key_table_.key_group(key));  // it is gone in what is stored, too
      key_table_.Erase(key);
    }
    return Ok();
  }

  int64_t state_bytes() const override {
    int64_t bytes = key_table_.bytes() + changes_.bytes() + gone_.bytes() + static_cast<int64_t>(sessions_.capacity() * sizeof(Session) + open_.size() * 64 + by_key_.capacity() * sizeof(by_key_[0]));
    for (const auto& accumulator : accumulators_) bytes += accumulator->bytes();
    return bytes;
  }

  std::vector<PendingWindow> Windows(int limit) const override {
    std::vector<PendingWindow> windows;
    for (const auto& [end, session] : open_) {
      if (static_cast<int>(windows.size()) == limit) break;
      windows.push_back({clock_.LocalOf(sessions_[session].start_ms), clock_.LocalOf(end), 1});
    }
    return windows;
  }

 private:
  static constexpr size_t kFixedColumns = 3;  // of the state, before the key

  types::SchemaPtr StateSchema() const {
    std::vector<types::Field> fields = shape_.StateFields();
    fields.insert(fields.begin(), {{"session_start", types::DataType::BigInt()}, {"session_end", types::DataType::BigInt()}, {"version", types::DataType::BigInt()}});
    return types::MakeSchema(std::move(fields));
  }

  // Rows of sessions, in which a key may stand in several versions.
  Status Load(const types::Batch& rows) {
    std::vector<int64_t> starts, ends, versions;
    LongsOf(rows.columns[0], &starts);
    LongsOf(rows.columns[1], &ends);
    LongsOf(rows.columns[2], &versions);
    shape_.encoder->Encode(std::span<const types::ArrayPtr>(rows.columns).subspan(kFixedColumns, shape_.keys.size()), rows.row_count, &keys_);
    std::vector<uint32_t> keys;
    key_table_.FindOrInsert(keys_, &keys);
    by_key_.resize(key_table_.capacity());
    std::map<uint32_t, int64_t> newest;
    for (size_t i = 0; i < keys.size(); ++i) {
      auto [known, is_new] = newest.try_emplace(keys[i], versions[i]);
      known->second = std::max(known->second, versions[i]);
      version_ = std::max(version_, versions[i]);
    }
    for (const auto& [key, version] : newest) {
      while (!by_key_[key].empty()) Close(by_key_[key].back());
      ledger_.Stored(key_table_.key_group(key));
      changes_.Restore(key, key_table_.key_group(key));
    }
    std::vector<uint32_t> opened;
    std::vector<int64_t> taken;
    for (size_t i = 0; i < keys.size(); ++i) {
      if (versions[i] != newest[keys[i]] || starts[i] == ends[i]) continue;
      taken.push_back(static_cast<int64_t>(i));
      opened.push_back(OpenSession(keys[i], starts[i], ends[i]));
    }
    FIRN_TRY(const types::Batch kept, types::TakeRows(rows, LongArray(std::move(taken))));
    size_t column = kFixedColumns + shape_.keys.size();
    for (size_t i = 0; i < accumulators_.size(); ++i) {
      const size_t width = expr::StateFields(shape_.calls[i]).size();
      FIRN_RETURN_IF_ERROR(accumulators_[i]->Load(opened, std::span(kept.columns).subspan(column, width)));
      column += width;
    }
    return Ok();
  }

  // The keys that were stored and have no session any more, as rows of the state.
  Result<types::Batch> TakeGone(const state::KeyGroupSet& replaced, std::vector<uint8_t>* key_groups) {
    if (gone_.empty()) return types::Batch{StateSchema(), {}, 0, nullptr, nullptr};
    std::vector<uint8_t> all_key_groups;
    FIRN_TRY(types::Batch gone, gone_.Take(&all_key_groups));
    BatchKeys encoded;
    shape_.encoder->Encode(gone.columns, gone.row_count, &encoded);
    std::vector<uint32_t> keys;
    key_table_.Find(encoded, &keys);
    std::vector<int64_t> kept;
    for (size_t i = 0; i < keys.size(); ++i) {
      if (keys[i] != kNoGroup || replaced.test(all_key_groups[i])) continue;
      kept.push_back(static_cast<int64_t>(i));
      key_groups->push_back(all_key_groups[i]);
    }
    const types::ArrayPtr zeros = LongArray(std::vector<int64_t>(kept.size(), 0));
    const types::ArrayPtr versions = LongArray(std::vector<int64_t>(kept.size(), version_));
    FIRN_TRY(gone, types::TakeRows(gone, LongArray(std::move(kept))));
    FIRN_TRY(types::Batch rows, PaddedTo(StateSchema(), gone));
    rows.columns[0] = rows.columns[1] = zeros;
    rows.columns[2] = versions;
    return rows;
  }

  bool IsDue(int64_t watermark) const { return !open_.empty() && open_.begin()->first - 1 <= watermark; }

  // The session that a row belongs to, opened or grown as needed; kNoGroup: the row is late.
  Result<uint32_t> SessionOf(const types::Batch& batch, int64_t row, int64_t watermark) {
    const uint32_t key = key_of_row_[static_cast<size_t>(row)];
    int64_t start = times_[static_cast<size_t>(row)];
    int64_t end = start + spec_.window.size_ms;
    met_.clear();
    for (uint32_t session : by_key_[key]) {
      if (sessions_[session].start_ms <= end && start <= sessions_[session].end_ms) met_.push_back(session);
    }
    if (met_.empty()) {
      if (end - 1 <= watermark) return kNoGroup;
      MarkChanged(key);
      return OpenSession(key, start, end);
    }
    std::sort(met_.begin(), met_.end(), [&](uint32_t left, uint32_t right) { return sessions_[left].opened < sessions_[right].opened; });
    for (uint32_t session : met_) {
      start = std::min(start, sessions_[session].start_ms);
      end = std::max(end, sessions_[session].end_ms);
    }
    if (met_.size() > 1) {
      FIRN_RETURN_IF_ERROR(Absorb(batch));
      for (size_t i = 1; i < met_.size(); ++i) FIRN_RETURN_IF_ERROR(MergeInto(met_[0], met_[i]));
    }
    Session& grown = sessions_[met_[0]];
    if (end != grown.end_ms) {
      auto place = open_.extract({grown.end_ms, met_[0]});
      place.value().first = end;
      open_.insert(std::move(place));
    }
    grown.start_ms = start;
    grown.end_ms = end;
    MarkChanged(key);
    return met_[0];
  }

  uint32_t OpenSession(uint32_t key, int64_t start, int64_t end) {
    uint32_t session = static_cast<uint32_t>(sessions_.size());
    if (free_.empty()) {
      sessions_.emplace_back();
      for (auto& accumulator : accumulators_) accumulator->Resize(static_cast<int64_t>(sessions_.size()));
    } else {
      session = free_.back();
      free_.pop_back();
    }
    sessions_[session] = {key, start, end, opened_++};
    by_key_[key].push_back(session);
    open_.insert({end, session});
    return session;
  }

  Status MergeInto(uint32_t session, uint32_t other) {
    FIRN_ASSERT(session != other && sessions_[session].key == sessions_[other].key && run_rows_.empty(), "sessions {} and {} become one", session, other);
    const std::vector<uint32_t> from = {other}, into = {session}, first = {0};
    for (size_t i = 0; i < accumulators_.size(); ++i) {
      FIRN_TRY(auto moved, expr::MakeAccumulator(shape_.calls[i]));
      FIRN_TRY(auto state, accumulators_[i]->Save(from));
      moved->Resize(1);
      FIRN_RETURN_IF_ERROR(moved->Load(first, state));
      FIRN_RETURN_IF_ERROR(accumulators_[i]->Merge(*moved, into));
    }
    Close(other);
    return Ok();
  }

  void Close(uint32_t session) {
    const Session closed = sessions_[session];
    FIRN_ASSERT(closed.key != kNoGroup, "session {} is closed twice", session);
    open_.erase({closed.end_ms, session});
    std::erase(by_key_[closed.key], session);
    const std::vector<uint32_t> only = {session};
    for (auto& accumulator : accumulators_) accumulator->Reset(only);
    sessions_[session].key = kNoGroup;
    free_.push_back(session);
  }

  // Of the keys touched since the last call, those without sessions.
  Status DropEmptyKeys() {
    std::vector<uint32_t> stored, empty = std::exchange(touched_keys_, {});
    std::erase_if(empty, [&](uint32_t key) { return !by_key_[key].empty(); });
    std::sort(empty.begin(), empty.end());
    empty.erase(std::unique(empty.begin(), empty.end()), empty.end());
    std::vector<uint8_t> key_groups;
    for (uint32_t key : empty) {
      const int key_group = key_table_.key_group(key);
      if (!changes_.Remove(key, key_group)) continue;
      stored.push_back(key);
      key_groups.push_back(static_cast<uint8_t>(key_group));
    }
    if (!stored.empty()) {
      types::Batch gone{shape_.KeySchema(), {}, static_cast<int64_t>(stored.size()), nullptr, nullptr};
      FIRN_TRY(gone.columns, key_table_.Keys(*shape_.encoder, stored));
      gone_.Add(std::move(gone), key_groups);
    }
    for (uint32_t key : empty) key_table_.Erase(key);
    return Ok();
  }
  bool is_batch() const { return context_->evaluation.is_batch; }
  void MarkChanged(uint32_t key) {
    if (!is_batch()) changes_.Touch(key, [&] { return key_table_.key_group(key); });
  }

  // Adds the gathered rows to their sessions.
  Status Absorb(const types::Batch& batch) {
    FIRN_ASSERT(run_rows_.size() == run_sessions_.size(), "{} rows have {} sessions", run_rows_.size(), run_sessions_.size());
    if (run_rows_.empty()) return Ok();
    types::Batch part = batch;
    if (static_cast<int64_t>(run_rows_.size()) < batch.row_count) {
      FIRN_TRY(part, types::TakeRows(batch, LongArray(std::move(run_rows_))));
    }
    for (size_t i = 0; i < accumulators_.size(); ++i) {
      const expr::AggregateCall& call = shape_.calls[i];
      const types::ArrayPtr filter = call.filter < 0 ? nullptr : part.columns[static_cast<size_t>(call.filter)];
      FIRN_RETURN_IF_ERROR(accumulators_[i]->Update(run_sessions_, ColumnsOf(part, call.arguments), part.kinds, filter));
    }
    run_rows_.clear();
    run_sessions_.clear();
    return Ok();
  }

  Status CloseUpTo(int64_t watermark, Output& output) {
    std::vector<uint32_t> due, keys;
    for (auto next = open_.begin(); next != open_.end() && next->first - 1 <= watermark; ++next) {
      due.push_back(next->second);
      keys.push_back(sessions_[next->second].key);
    }
    if (due.empty()) return Ok();
    types::Batch rows{node_.schema, {}, static_cast<int64_t>(due.size()), nullptr, nullptr};
    FIRN_TRY(rows.columns, key_table_.Keys(*shape_.encoder, keys));
    for (const auto& accumulator : accumulators_) {
      FIRN_TRY(types::ArrayPtr result, accumulator->Finish(due));
      rows.columns.push_back(std::move(result));
    }
    for (plan::WindowProperty property : spec_.properties) {
      std::vector<int64_t> values;
      for (uint32_t session : due) values.push_back(PropertyMs(property, clock_.LocalOf(sessions_[session].start_ms), clock_.LocalOf(sessions_[session].end_ms), clock_));
      rows.columns.push_back(TimestampArray(node_.schema->field(rows.columns.size()).type, values));
    }
    for (size_t i = 0; i < due.size(); ++i) {
      MarkChanged(keys[i]);
      Close(due[i]);
    }
    touched_keys_.insert(touched_keys_.end(), keys.begin(), keys.end());
    FIRN_ASSERT(rows.columns.size() == node_.schema->size() && !IsDue(watermark), "{} columns of {}; sessions that are over at {} are still open", rows.columns.size(), node_.schema->size(), watermark);
    output.Emit(std::move(rows));
    return Ok();
  }

  const plan::PhysicalNode& node_;
  const plan::WindowAggregateNode& spec_;
  const AggregateShape shape_;
  GroupTable key_table_;
  std::vector<std::vector<uint32_t>> by_key_;              // open sessions
  std::vector<Session> sessions_;                          // by number, which is their group in the accumulators
  std::vector<uint32_t> free_;
  std::set<std::pair<int64_t, uint32_t>> open_;            // by end
  std::vector<std::unique_ptr<expr::GroupedAccumulator>> accumulators_;
  KeyGroupLedger ledger_;                                  // counts keys, like the next two
  ChangeSet changes_;
  GoneKeys gone_;
  int64_t version_ = 0;                                    // of the last snapshot
  int64_t opened_ = 0;
  int64_t watermark_ms_ = types::kNoWatermark;
  const OperatorContext* context_ = nullptr;
  WindowClock clock_;
  // Of the batch at hand.
  std::vector<int64_t> times_;
  BatchKeys keys_;
  std::vector<uint32_t> key_of_row_;
  std::vector<uint32_t> touched_keys_;  // they may have no session any more
  std::vector<uint32_t> met_;  // open sessions that the row at hand touches
  std::vector<int64_t> run_rows_;
  std::vector<uint32_t> run_sessions_;
};

}  // namespace

Result<OperatorPtr> MakeSessionWindowOperator(const plan::PhysicalNode& node) {
  auto made = std::make_unique<SessionWindowOperator>(node);
  FIRN_RETURN_IF_ERROR(made->Make());
  return OperatorPtr(std::move(made));
}

}  // namespace firn::exec
