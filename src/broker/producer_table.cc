// SPDX-License-Identifier: Apache-2.0
#include "broker/producer_table.h"

#include <algorithm>
#include <limits>

#include "base/assert.h"
#include "base/hash.h"

namespace firn::broker {

using kafka::KafkaCode;
using kafka::RecordBatchView;

namespace {

constexpr size_t kBatchesKept = 5;
constexpr size_t kCachedStatesMax = 100'000;
constexpr int64_t kSearchBytesMax = 256 << 20;  // more than can be in flight

/// Sequences go from 0 to INT32_MAX and around.
int32_t SequencePlus(int32_t sequence, int32_t count) {
  return static_cast<int32_t>((static_cast<int64_t>(sequence) + count) & std::numeric_limits<int32_t>::max());
}

int32_t LastSequence(const RecordBatchView& batch) { return SequencePlus(batch.base_sequence(), batch.last_offset_delta()); }

}  // namespace

size_t ProducerTable::KeyHash::operator()(const Key& key) const {
  return base::CombineHashes(key.partition.value(), static_cast<uint64_t>(key.producer_id));
}

ProducerTable::State* ProducerTable::Load(const Key& key) {
  auto [found, is_new] = states_.try_emplace(key);
  State& state = found->second;
  if (!is_new) return &state;
  const std::string meta_key = ProducerStateKey(key.partition, key.producer_id);
  const auto value = store_.meta().Get(meta_key);
  if (!value.has_value()) return &state;
  auto record = DecodeProducer(meta_key, *value);
  FIRN_ASSERT(record.ok(), "{}", record.error().ToString());  // Broker::Open has read it, or this table wrote it
  state.epoch = record->epoch;
  state.last_time_ms = record->last_time_ms;
  for (const ProducerBatch& batch : record->batches) {
    state.batches.push_back(std::make_shared<AcceptedBatch>(AcceptedBatch{.batch = batch, .is_in_flight = false}));
  }
  return &state;
}

KafkaCode ProducerTable::CheckSequence(const State& state, const RecordBatchView& batch) {
  if (state.batches.empty()) return KafkaCode::kNone;  // an unknown producer may start anywhere
  if (batch.producer_epoch() < state.epoch) return KafkaCode::kInvalidProducerEpoch;
  const int32_t expected = batch.producer_epoch() > state.epoch ? 0 : SequencePlus(state.batches.back()->batch.last_sequence, 1);
  return batch.base_sequence() == expected ? KafkaCode::kNone : KafkaCode::kOutOfOrderSequenceNumber;
}

ProducerTable::Verdict ProducerTable::Accept(const log::PartitionLog& log, const RecordBatchView& batch, int64_t now_ms) {
  if (batch.producer_epoch() < 0 || batch.base_sequence() < 0) return {.code = KafkaCode::kInvalidRecord};
  State& state = *Load({log.id(), batch.producer_id()});
  if (state.has_failed) return {.code = KafkaCode::kKafkaStorageError};
  if (batch.producer_epoch() == state.epoch) {
    for (const auto& known : state.batches) {
      const bool is_same = known->batch.first_sequence == batch.base_sequence() && known->batch.last_sequence == LastSequence(batch);
      if (is_same) return {.repeated = known};
    }
  }
  if (KafkaCode code = CheckSequence(state, batch); code != KafkaCode::kNone) return {.code = code};
  if (batch.producer_epoch() != state.epoch) state.batches.clear();
  state.epoch = batch.producer_epoch();
  state.last_time_ms = now_ms;
  auto accepted = std::make_shared<AcceptedBatch>();
  accepted->batch = {.first_sequence = batch.base_sequence(), .last_sequence = LastSequence(batch), .search_from = log.high_watermark().value()};
  FIRN_ASSERT(accepted->batch.first_sequence >= 0 && accepted->batch.last_sequence >= 0, "sequences {}..{}", accepted->batch.first_sequence, accepted->batch.last_sequence);
  state.batches.push_back(accepted);
  if (state.batches.size() > kBatchesKept) state.batches.pop_front();
  ++state.in_flight;
  FIRN_ASSERT(state.batches.size() <= kBatchesKept && state.in_flight > 0, "{} batches of producer {}, {} in flight", state.batches.size(), batch.producer_id(), state.in_flight);
  return {.accepted = accepted, .put = log::Put{ProducerStateKey(log.id(), batch.producer_id()), Encode(state)}};
}

void ProducerTable::Finish(log::TopicPartitionId partition, int64_t producer_id, AcceptedBatch& batch, KafkaCode code, int64_t offset) {
  const Key key{partition, producer_id};
  auto found = states_.find(key);
  FIRN_ASSERT(found != states_.end() && found->second.in_flight > 0, "producer {} in partition {}", producer_id, partition);
  State& state = found->second;
  FIRN_ASSERT(batch.is_in_flight, "a batch of producer {} in partition {} is finished twice", producer_id, partition);
  FIRN_ASSERT(code != KafkaCode::kNone || offset >= 0, "a batch of producer {} in partition {} was written at {}", producer_id, partition, offset);
  batch.is_in_flight = false;
  batch.batch.offset = offset;
  --state.in_flight;
  if (code != KafkaCode::kNone) state.has_failed = true;
  if (state.has_failed && state.in_flight == 0) states_.erase(found);
  for (const auto& waiting : std::exchange(batch.waiting, {})) waiting(code, offset);
}

int64_t ProducerTable::FindBatch(const log::PartitionLog& log, const Sought& sought) {
  FIRN_ASSERT(sought.producer_id >= 0 && sought.first_sequence >= 0 && sought.search_from >= 0, "sequence {} of producer {} from {} on", sought.first_sequence, sought.producer_id,
              sought.search_from);
  log::Offset at(std::max(sought.search_from, log.log_start().value()));
  int64_t found = -1;
  for (int64_t searched_bytes = 0; found < 0 && searched_bytes < kSearchBytesMax;) {
    auto read = log.Read(at, {});
    if (!read.ok() || read->batches.empty()) break;
    FIRN_ASSERT(read->next > at, "a read from {} ends at {}", at, read->next);
    for (const auto& slice : read->batches) {
      searched_bytes += static_cast<int64_t>(slice.size());
      const Status walked = kafka::ForEachBatch(slice.view(), [&](const RecordBatchView& stored) {
        const bool is_it = stored.producer_id() == sought.producer_id && stored.producer_epoch() == sought.epoch && stored.base_sequence() == sought.first_sequence;
        if (is_it) found = stored.base_offset();
        return !is_it;
      });
      if (!walked.ok() || found >= 0) return found;
    }
    at = read->next;
  }
  return found;
}

std::string ProducerTable::Encode(const State& state) {
  ProducerRecord record{.epoch = state.epoch, .last_time_ms = state.last_time_ms, .batches = {}};
  for (const auto& known : state.batches) record.batches.push_back(known->batch);
  return EncodeProducer(record);
}

void ProducerTable::TrimCache() {
  if (states_.size() <= kCachedStatesMax) return;
  std::erase_if(states_, [](const auto& entry) { return entry.second.in_flight == 0; });
}

std::vector<std::string> ProducerTable::ForgetExpired(int64_t now_ms, PairSlice stored) {
  std::vector<std::string> keys;
  for (auto& [key, value] : stored) {
    const auto parsed = ProducerOfStateKey(key);
    auto record = DecodeProducer(key, value);
    const bool is_recent = record.ok() && record->last_time_ms >= now_ms - options_.producer_expiration_ms;
    if (is_recent && (!parsed.has_value() || store_.partition(parsed->partition) != nullptr)) continue;
    if (parsed.has_value()) {
      auto cached = states_.find(Key{parsed->partition, parsed->producer_id});
      if (cached != states_.end() && cached->second.in_flight > 0) continue;
      if (cached != states_.end()) states_.erase(cached);
    }
    keys.push_back(std::move(key));
  }
  return keys;
}

Result<ProducerTable::IdBlock> ProducerTable::NextIdBlock(int64_t size) {
  if (next_id_ < 0) {
    next_id_ = 0;
    if (const auto value = store_.meta().Get(kNextProducerIdKey); value.has_value()) {
      FIRN_TRY(next_id_, DecodeNumber(kNextProducerIdKey, *value));
    }
  }
  FIRN_ASSERT(size > 0 && next_id_ >= 0, "{} ids from {} on", size, next_id_);
  IdBlock block{.first = next_id_, .put = {std::string(kNextProducerIdKey), EncodeNumber(next_id_ + size)}};
  next_id_ += size;
  return block;
}

}  // namespace firn::broker
