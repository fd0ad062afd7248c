// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/assert.h"
#include "connect/kafka_records_internal.h"

namespace firn::connect {

namespace {

constexpr size_t kBytesMax = 32 << 20;  // of one poll, decompressed; one batch may be more

formats::RawRecord RawOf(std::string_view bytes, bool is_present, const char* readable_end) {
  return {bytes, !is_present, bytes.data() + bytes.size() + formats::kRecordPadding <= readable_end};
}

}  // namespace

Status KafkaRecords::Take(const base::SharedBytes& slab, const kafka::RecordBatchView& batch, int64_t begin, int64_t end) {
  FIRN_ASSERT(begin < end, "records from {} to {}", begin, end);
  const size_t before = values_.size();
  auto scratch = std::make_unique<std::string>();
  kafka::RecordReader reader(scratch.get());
  FIRN_RETURN_IF_ERROR(reader.Open(batch));
  const bool is_plain = batch.codec() == kafka::Codec::kNone;
  const char* readable_end = is_plain ? slab.data() + slab.size() : scratch->data() + scratch->size();
  kafka::RecordView view;
  while (reader.Next(&view)) {
    if (view.offset < begin || view.offset >= end) continue;
    if (runs_.empty() || view.offset != runs_.back().offset + static_cast<int64_t>(values_.size() - runs_.back().index)) runs_.push_back({values_.size(), view.offset});
    values_.push_back(RawOf(view.value, view.has_value, readable_end));
    if (wanted_.wants_keys) keys_.push_back(RawOf(view.key, view.has_key, readable_end));
    if (!wanted_.wants_views) continue;
    views_.push_back(view);
    has_append_time_.push_back(batch.has_log_append_time() ? 1 : 0);
  }
  if (Status whole = reader.status(); !whole.ok()) {
    CutTo(before);
    return whole;
  }
  FIRN_ASSERT(!wanted_.wants_keys || keys_.size() == values_.size(), "{} keys of {} values", keys_.size(), values_.size());
  FIRN_ASSERT(!wanted_.wants_views || views_.size() == values_.size(), "{} views of {} values", views_.size(), values_.size());
  if (is_plain) return Ok();
  bytes_ += scratch->size();
  scratches_.push_back(std::move(scratch));
  return Ok();
}

void KafkaRecords::Hold(base::SharedBytes slab) {
  bytes_ += slab.size();
  slabs_.push_back(std::move(slab));
}

void KafkaRecords::Clear() {
  CutTo(0);
  slabs_.clear();
  scratches_.clear();
  bytes_ = 0;
}

bool KafkaRecords::IsFull(int64_t max_rows) const { return static_cast<int64_t>(values_.size()) >= max_rows || bytes_ >= kBytesMax; }

int64_t KafkaRecords::offset(size_t index) const {
  FIRN_ASSERT(index < values_.size() && !runs_.empty(), "record {} of {}, {} runs", index, values_.size(), runs_.size());
  const auto behind = std::upper_bound(runs_.begin(), runs_.end(), index, [](size_t wanted, const Run& run) { return wanted < run.index; });
  const Run& run = *std::prev(behind);
  return run.offset + static_cast<int64_t>(index - run.index);
}

void KafkaRecords::CutTo(size_t count) {
  values_.resize(count);
  std::erase_if(runs_, [&](const Run& run) { return run.index >= count; });
  keys_.resize(std::min(count, keys_.size()));
  views_.resize(std::min(count, views_.size()));
  has_append_time_.resize(views_.size());
}

}  // namespace firn::connect
