// SPDX-License-Identifier: Apache-2.0
#include "log_model.h"

#include <algorithm>

#include "kafka/record_batch.h"
#include "log/meta_map.h"
#include "scenario.h"

namespace firn::sim {

namespace {

using Kind = ModelOperation::Kind;

uint64_t LastOf(log::Store& store) { return std::stoull(store.meta().Get(kLastKey).value_or("0")); }

// Each entry leaves a mark too, in turn on a few keys: it tells whether an entry of the last moments is there, or was refused with nobody left to hear it.
std::string MarkOf(uint64_t number) {
  constexpr uint64_t kMarks = 32;  // more than entries are ever open
  return fmt::format("mark/{}", number % kMarks);
}

// Lookups of a partition, spread over its offsets.
constexpr int64_t kLookups = 6;

// The values of a read's batches from `from` on.
void AddValues(std::string_view bytes, int64_t from, std::vector<std::string>* values) {
  Status status = kafka::ForEachBatch(bytes, [&](const kafka::RecordBatchView& batch) {
    SIM_CHECK(batch.CheckCrc().ok(), "a batch at offset {} with a wrong checksum was read", batch.base_offset());
    std::string scratch;
    kafka::RecordReader reader(&scratch);
    SIM_CHECK(reader.Open(batch).ok(), "a batch at offset {} cannot be read", batch.base_offset());
    kafka::RecordView record;
    while (reader.Next(&record)) {
      if (record.offset >= from) values->emplace_back(record.value);
    }
    return true;
  });
  SIM_CHECK(status.ok(), "{}", status.error().ToString());
}

// What is read at `offset`: at least its record, and no other than what must be there.
void CheckBatches(const log::ReadResult& read, const ModelPartition& partition, log::TopicPartitionId id, int64_t offset) {
  std::vector<std::string> values;
  for (const base::SharedBytes& bytes : read.batches) AddValues(bytes.view(), offset, &values);
  const auto wanted = partition.values.begin() + offset;
  SIM_CHECK(!values.empty() && read.next.value() == offset + static_cast<int64_t>(values.size()), "partition {}: {} records are read from offset {} to {}", id.value(), values.size(),
            offset, read.next.value());
  const auto known = std::min<int64_t>(static_cast<int64_t>(values.size()), partition.values.end() - wanted);
  SIM_CHECK(std::equal(values.begin(), values.begin() + known, wanted), "partition {}: other records than those from offset {} are read", id.value(), offset);
}

}  // namespace

log::Operation OperationOf(const ModelOperation& operation) {
  const log::TopicPartitionId id(operation.partition);
  switch (operation.kind) {
    case Kind::kAppend: {
      kafka::RecordBatchBuilder builder;
      for (const std::string& value : operation.values) builder.Append(operation.timestamp_ms, std::nullopt, value);
      return log::AppendRecords{id, base::SharedBytes::FromString(builder.Build()), static_cast<int32_t>(operation.values.size())};
    }
    case Kind::kPut: return log::Put{operation.key, operation.value};
    case Kind::kDelete: return log::Delete{operation.key};
    case Kind::kCreate: return log::CreatePartition{id, operation.config};
    case Kind::kConfigure: return log::ConfigurePartition{id, operation.config};
    case Kind::kDrop: return log::DropPartition{id};
    case Kind::kLogStart: return log::SetLogStart{id, log::Offset(operation.offset)};
  }
  FIRN_UNREACHABLE("kind of operation");
}

std::vector<int64_t> LogModel::Apply(const ModelEntry& entry, ModelState* state) {
  std::vector<int64_t> offsets;
  for (const ModelOperation& operation : entry.operations) {
    ModelPartition& partition = state->partitions[operation.partition];
    switch (operation.kind) {
      case Kind::kAppend:
        offsets.push_back(static_cast<int64_t>(partition.values.size()));
        partition.values.insert(partition.values.end(), operation.values.begin(), operation.values.end());
        partition.timestamps_ms.insert(partition.timestamps_ms.end(), operation.values.size(), operation.timestamp_ms);
        break;
      case Kind::kPut: state->pairs[operation.key] = operation.value; break;
      case Kind::kDelete: state->pairs.erase(operation.key); break;
      case Kind::kCreate:
      case Kind::kConfigure: partition.config = operation.config; break;
      case Kind::kDrop: state->partitions.erase(operation.partition); break;
      case Kind::kLogStart: partition.log_start = std::max(partition.log_start, operation.offset); break;
    }
  }
  state->partitions.erase(0);  // of operations without a partition
  return offsets;
}

const ModelEntry& LogModel::Add(std::vector<ModelOperation> operations) {
  operations.push_back({.kind = Kind::kPut, .key = kLastKey, .value = std::to_string(++last_number_)});
  operations.push_back({.kind = Kind::kPut, .key = MarkOf(last_number_), .value = std::to_string(last_number_)});
  open_.push_back({.number = last_number_, .operations = std::move(operations)});
  ++pending_count_;
  Apply(open_.back(), &expected_);
  return open_.back();
}

void LogModel::Settle(uint64_t number, const Result<log::Committed>& outcome) {
  auto entry = std::find_if(open_.begin(), open_.end(), [&](const ModelEntry& other) { return other.number == number; });
  SIM_CHECK(entry != open_.end() && entry->is_pending, "entry {} is answered twice", number);
  --pending_count_;
  if (!outcome.ok() && !log::IsRefused(outcome.error())) {
    entry->is_pending = false;
    return;
  }
  SIM_CHECK(entry == open_.begin(), "entry {} is answered before entry {}", number, open_.front().number);
  if (outcome.ok()) {
    std::vector<int64_t> offsets;
    for (log::Offset offset : outcome->first_offsets) offsets.push_back(offset.value());
    SIM_CHECK(offsets == Apply(*entry, &settled_), "entry {} was given the wrong offsets", number);
    acked_number_ = number;
    ++acked_count_;
    open_.pop_front();
    return;
  }
  SIM_CHECK(are_refusals_expected_, "entry {} is refused: {}", number, outcome.error().ToString());
  open_.pop_front();
  expected_ = settled_;
  for (const ModelEntry& other : open_) Apply(other, &expected_);
}

void LogModel::Observe(log::Store& store) {
  seen_number_ = std::max(seen_number_, LastOf(store));
  for (const auto& [id, partition] : expected_.partitions) {
    if (const auto log = store.partition(log::TopicPartitionId(id))) seen_ends_[id] = std::max(seen_ends_[id], log->high_watermark().value());
  }
}

void LogModel::CheckRecovered(log::Store& store) {
  const uint64_t last = LastOf(store);
  SIM_CHECK(last >= acked_number_, "entry {} was acknowledged, the store ends at entry {}", acked_number_, last);
  SIM_CHECK(last >= seen_number_, "entry {} was seen, the store ends at entry {}", seen_number_, last);
  for (; !open_.empty() && open_.front().number <= last; open_.pop_front()) {
    const bool is_there = store.meta().Get(MarkOf(open_.front().number)) == std::to_string(open_.front().number);
    SIM_CHECK(is_there || are_refusals_expected_, "entry {} is not there, entry {} is", open_.front().number, last);
    if (is_there) Apply(open_.front(), &settled_);
  }
  for (const auto& [id, end] : seen_ends_) {
    const auto log = store.partition(log::TopicPartitionId(id));
    SIM_CHECK(log == nullptr || log->high_watermark().value() >= end, "partition {} was seen to end at {}, it ends at {}", id, end, log->high_watermark().value());
  }
  for (auto& [id, partition] : settled_.partitions) {
    const auto log = store.partition(log::TopicPartitionId(id));
    if (is_retention_expected_ && log != nullptr) partition.log_start = std::max(partition.log_start, log->log_start().value());
  }
  CheckState(store, settled_);
  open_.clear();
  expected_ = settled_;
  seen_number_ = acked_number_ = last;
  pending_count_ = 0;
  are_refusals_expected_ = false;
}

void LogModel::CheckState(log::Store& store, const ModelState& state) const {
  std::map<std::string, std::string> pairs;
  size_t partitions = 0;
  for (auto& [key, value] : store.meta().Scan("")) {
    if (key.starts_with(log::kPartitionKeyPrefix)) {
      ++partitions;
    } else {
      pairs[key] = value;
    }
  }
  SIM_CHECK(pairs == state.pairs, "the meta store has {} pairs that are not the {} it must have", pairs.size(), state.pairs.size());
  SIM_CHECK(partitions == state.partitions.size(), "there are {} partitions, {} must be", partitions, state.partitions.size());
  for (const auto& [id, partition] : state.partitions) {
    const auto log = store.partition(log::TopicPartitionId(id));
    SIM_CHECK(log != nullptr, "partition {} is missing", id);
    CheckPartition(*log, partition);
  }
}

void LogModel::CheckPartition(log::PartitionLog& log, const ModelPartition& partition) const {
  const auto end = static_cast<int64_t>(partition.values.size());
  const int64_t start = log.log_start().value();
  SIM_CHECK(log.high_watermark().value() == end, "partition {} ends at {}, it must at {}", log.id().value(), log.high_watermark().value(), end);
  SIM_CHECK(start == partition.log_start || (is_retention_expected_ && start > partition.log_start), "partition {} begins at {}, it must at {}", log.id().value(), start,
            partition.log_start);
  std::vector<std::string> values;
  for (int64_t next = start; next < end;) {
    auto read = log.Read(log::Offset(next), {.max_bytes = 1 + (end * 37 + next * 101) % 3000});
    SIM_CHECK(read.ok(), "partition {} at offset {}: {}", log.id().value(), next, read.error().ToString());
    for (const base::SharedBytes& bytes : read->batches) AddValues(bytes.view(), next, &values);
    SIM_CHECK(read->next.value() > next, "partition {} does not get on at offset {}", log.id().value(), next);
    next = read->next.value();
  }
  SIM_CHECK(std::equal(values.begin(), values.end(), partition.values.begin() + start, partition.values.end()), "partition {} holds other records than it must", log.id().value());
  if (start < end) CheckLookups(log, partition);
}

// Reads and times from anywhere: they begin where an index has them.
void LogModel::CheckLookups(log::PartitionLog& log, const ModelPartition& partition) const {
  const int64_t start = log.log_start().value();
  const auto& times = partition.timestamps_ms;
  const auto end = static_cast<int64_t>(times.size());
  for (int64_t i = 0; i < kLookups; ++i) {
    const int64_t offset = start + (end * 31 + i * 7919) % (end - start);
    auto read = log.Read(log::Offset(offset), {.max_bytes = 1 + (offset * 61) % 4000});
    SIM_CHECK(read.ok(), "partition {} at offset {}: {}", log.id().value(), offset, read.error().ToString());
    CheckBatches(*read, partition, log.id(), offset);
    const int64_t wanted_ms = times[static_cast<size_t>(offset)] + i % 2;
    const auto first = std::find_if(times.begin() + start, times.end(), [&](int64_t ms) { return ms >= wanted_ms; });
    const int64_t wanted = first == times.end() ? -1 : first - times.begin();
    auto found = log.FindTimestamp(wanted_ms);
    SIM_CHECK(found.ok(), "partition {}: time {}: {}", log.id().value(), wanted_ms, found.error().ToString());
    SIM_CHECK(found->offset.value() == wanted, "partition {}: time {} is found at offset {}, not at {}", log.id().value(), wanted_ms, found->offset.value(), wanted);
  }
  const auto largest = std::max_element(times.begin() + start, times.end());
  auto found = log.MaxTimestamp();
  SIM_CHECK(found.ok() && found->timestamp_ms == *largest && found->offset.value() == largest - times.begin(), "partition {}: the largest time is found at offset {}, not at {}",
            log.id().value(), found.ok() ? found->offset.value() : -1, largest - times.begin());
}

void LogModel::CheckRead(log::Store& store, uint32_t partition, int64_t offset, int64_t max_bytes) const {
  const auto log = store.partition(log::TopicPartitionId(partition));
  if (log == nullptr) return;
  auto read = log->Read(log::Offset(offset), {.max_bytes = max_bytes});
  if (!read.ok() && (read.error().code() == ErrorCode::kOffsetOutOfRange || read.error().code() == ErrorCode::kUnknownTopic)) return;
  SIM_CHECK(read.ok(), "partition {} at offset {}: {}", partition, offset, read.error().ToString());
  CheckBatches(*read, settled_.partitions.at(partition), log->id(), offset);
}

}  // namespace firn::sim
