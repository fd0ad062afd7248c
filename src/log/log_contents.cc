// SPDX-License-Identifier: Apache-2.0
#include "log/log_contents.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"
#include "base/endian.h"
#include "base/mutex.h"
#include "kafka/record_batch.h"

namespace firn::log {

namespace {

Error NoPartition(TopicPartitionId id) { return Error(ErrorCode::kUnknownTopic, fmt::format("there is no partition with id {}", id)); }

// Whole batches whose record counts add up.
Status CheckBatches(const AppendRecords& append) {
  int64_t records = 0;
  bool is_sound = !append.batches.empty();
  FIRN_RETURN_IF_ERROR(kafka::ForEachBatch(append.batches.view(), [&](const kafka::RecordBatchView& batch) {
    is_sound = is_sound && batch.last_offset_delta() >= 0;
    records += int64_t{batch.last_offset_delta()} + 1;
    return is_sound;
  }));
  if (is_sound && records == append.record_count) return Ok();
  return Error(ErrorCode::kInvalidRecordBatch,
               fmt::format("batches of {} bytes for partition {} hold {} records, {} were announced", append.batches.size(), append.partition, records, append.record_count));
}

// The partitions that an entry's own operations create and drop, on top of those before it.
class EntryScope {
 public:
  void Set(TopicPartitionId id, bool exists) { changes_.emplace_back(id, exists); }
  std::optional<bool> Find(TopicPartitionId id) const {
    auto found = std::find_if(changes_.rbegin(), changes_.rend(), [&](const auto& change) { return change.first == id; });
    if (found == changes_.rend()) return std::nullopt;
    return found->second;
  }

 private:
  std::vector<std::pair<TopicPartitionId, bool>> changes_;
};

std::optional<TopicPartitionId> PartitionOf(const Operation& operation) {
  return std::visit(
      [](const auto& alternative) -> std::optional<TopicPartitionId> {
        if constexpr (requires { alternative.partition; }) return alternative.partition;
        return std::nullopt;
      },
      operation);
}

Status CheckKey(const std::string& key) {
  if (!key.starts_with(kPartitionKeyPrefix)) return Ok();
  return Error(ErrorCode::kInvalidArgument, fmt::format("key `{}` is the log's own: only its partition operations change it", key));
}

}  // namespace

std::shared_ptr<Partition> LogContents::Find(TopicPartitionId id) const {
  base::ReaderLock lock(mutex_);
  auto found = partitions_.find(id);
  return found == partitions_.end() ? nullptr : found->second;
}

std::vector<std::shared_ptr<Partition>> LogContents::All() const {
  base::ReaderLock lock(mutex_);
  std::vector<std::shared_ptr<Partition>> all;
  all.reserve(partitions_.size());
  for (const auto& [id, partition] : partitions_) all.push_back(partition);
  return all;
}

std::shared_ptr<Partition> LogContents::FindPrepared(TopicPartitionId id) const {
  if (auto changed = changes_.find(id); changed != changes_.end()) return changed->second;
  auto found = partitions_.find(id);
  return found == partitions_.end() ? nullptr : found->second;
}

Status LogContents::Check(const std::vector<Operation>& operations) const {
  EntryScope scope;
  for (const Operation& operation : operations) {
    if (const auto* put = std::get_if<Put>(&operation)) FIRN_RETURN_IF_ERROR(CheckKey(put->key));
    if (const auto* del = std::get_if<Delete>(&operation)) FIRN_RETURN_IF_ERROR(CheckKey(del->key));
    const std::optional<TopicPartitionId> id = PartitionOf(operation);
    if (!id.has_value()) continue;
    const std::shared_ptr<Partition> partition = FindPrepared(*id);
    const bool exists = scope.Find(*id).value_or(partition != nullptr);
    if (std::holds_alternative<CreatePartition>(operation)) {
      if (exists || partition != nullptr) return Error(ErrorCode::kAlreadyExists, fmt::format("partition id {} is in use", *id));
      scope.Set(*id, true);
      continue;
    }
    if (!exists) return NoPartition(*id);
    if (std::holds_alternative<DropPartition>(operation)) scope.Set(*id, false);
    if (const auto* append = std::get_if<AppendRecords>(&operation)) FIRN_RETURN_IF_ERROR(CheckBatches(*append));
    const auto* start = std::get_if<SetLogStart>(&operation);
    const Offset end = partition == nullptr ? Offset(0) : partition->assigned_end();
    if (start != nullptr && (start->offset > end || start->offset < Offset(0))) {
      return Error(ErrorCode::kOffsetOutOfRange, fmt::format("log start {} of partition {} lies outside of 0..{}", start->offset, *id, end));
    }
  }
  return Ok();
}

void LogContents::DropStalePuts(std::vector<Operation>* operations) const {
  std::erase_if(*operations, [this](const Operation& operation) {
    const auto* put = std::get_if<Put>(&operation);
    return put != nullptr && put->about.has_value() && FindPrepared(*put->about) == nullptr;
  });
}

Result<PreparedEntry> LogContents::Prepare(const std::vector<Operation>& operations) {
  FIRN_RETURN_IF_ERROR(Check(operations));
  PreparedEntry prepared;
  for (const Operation& operation : operations) {
    if (const auto* create = std::get_if<CreatePartition>(&operation)) {
      prepared.created.push_back(std::make_shared<Partition>(create->partition, create->config, cache_, budget_));
      changes_[create->partition] = prepared.created.back();
    } else if (const auto* drop = std::get_if<DropPartition>(&operation)) {
      changes_[drop->partition] = nullptr;
    } else if (const auto* append = std::get_if<AppendRecords>(&operation)) {
      prepared.slabs.push_back(AssignOffsets(FindPrepared(append->partition), *append));
      prepared.first_offsets.push_back(prepared.slabs.back().base);
    }
  }
  return prepared;
}

// The only writer of these bytes: see AppendRecords.
Slab LogContents::AssignOffsets(const std::shared_ptr<Partition>& partition, const AppendRecords& append) {
  FIRN_ASSERT(partition != nullptr, "partition {} was checked when the entry was prepared", append.partition);
  Offset next = partition->assigned_end();
  const Offset first = next;
  char* at = const_cast<char*>(append.batches.data());
  char* const end = at + append.batches.size();
  while (at < end) {
    base::StoreBig<int64_t>(at, next.value());
    base::StoreBig<int32_t>(at + kafka::kBatchLengthEnd, 0);  // leader epoch
    next = Offset(next.value() + base::LoadBig<int32_t>(at + 23) + 1);
    at += kafka::RecordBatchView::PeekSize(std::string_view(at, static_cast<size_t>(end - at)));
  }
  FIRN_ASSERT(at == end, "the last batch for partition {} ends {} bytes behind what was appended", append.partition, at - end);
  auto slab = MakeSlab(first, append.batches);
  FIRN_ASSERT(next > first, "partition {} is given no offset", append.partition);
  FIRN_ASSERT(slab.ok() && slab->end == next, "batches for partition {} changed after they were checked", append.partition);
  partition->Assign(next);
  assigned_.push_back(partition);
  return std::move(*slab);
}

void LogContents::Rollback() {
  for (const std::shared_ptr<Partition>& partition : assigned_) partition->ResetAssigned();
  Settle();
}

void LogContents::Settle() {
  assigned_.clear();
  changes_.clear();
}

void LogContents::Apply(uint64_t sequence, const std::vector<Operation>& operations, PreparedEntry* prepared, uint64_t entry_bytes, Effects* effects) {
  base::MutexLock lock(apply_mutex_);
  for (const Operation& operation : operations) ApplyOperation(operation, prepared, effects);
  FIRN_ASSERT(prepared->slabs.empty() && prepared->created.empty(), "entry {} is not used up", sequence);
  meta_.Apply(sequence, operations);
  applied_bytes_ += entry_bytes;
}

void LogContents::ApplyOperation(const Operation& operation, PreparedEntry* prepared, Effects* effects) {
  const std::optional<TopicPartitionId> id = PartitionOf(operation);
  if (!id.has_value()) return;
  if (const auto* create = std::get_if<CreatePartition>(&operation)) {
    base::WriterLock lock(mutex_);
    partitions_[create->partition] = std::move(prepared->created.front());
    prepared->created.pop_front();
    next_partition_id_ = std::max<uint32_t>(next_partition_id_, create->partition.value() + 1);
    return;
  }
  const std::shared_ptr<Partition> partition = Find(*id);
  FIRN_ASSERT(partition != nullptr, "partition {} was checked when the entry was prepared", *id);
  if (std::holds_alternative<AppendRecords>(operation)) {
    partition->AddSlab(std::move(prepared->slabs.front()), &effects->wakers);
    prepared->slabs.pop_front();
  } else if (const auto* configure = std::get_if<ConfigurePartition>(&operation)) {
    partition->SetConfig(configure->config);
  } else if (const auto* start = std::get_if<SetLogStart>(&operation)) {
    partition->SetLogStart(start->offset);
    effects->to_trim.push_back(partition);
  } else if (std::holds_alternative<DropPartition>(operation)) {
    partition->MarkDropped(&effects->wakers);
    effects->to_trim.push_back(partition);
    base::WriterLock lock(mutex_);
    partitions_.erase(*id);
  }
}

Status LogContents::Restore(MetaSnapshot snapshot) {
  next_partition_id_ = snapshot.next_partition_id;
  std::map<TopicPartitionId, const PartitionSegments*> segments;
  for (const PartitionSegments& partition : snapshot.partitions) segments[partition.id] = &partition;
  for (auto next = snapshot.pairs.lower_bound(kPartitionKeyPrefix); next != snapshot.pairs.end() && next->first.starts_with(kPartitionKeyPrefix); ++next) {
    FIRN_TRY(auto decoded, DecodePartitionState(next->first, next->second));
    auto found = segments.find(decoded.first);
    if (found == segments.end()) return Error(ErrorCode::kCorruption, fmt::format("meta snapshot has no segments of partition {}", decoded.first));
    auto partition = std::make_shared<Partition>(decoded.first, decoded.second.config, cache_, budget_);
    partition->Restore(decoded.second, *found->second);
    base::WriterLock lock(mutex_);
    partitions_[decoded.first] = std::move(partition);
  }
  meta_.Restore(snapshot.sequence, std::move(snapshot.pairs));
  return Ok();
}

Result<Slab> LogContents::ReplaySlab(uint64_t sequence, const Partition& partition, Offset base, const base::SharedBytes& batches) {
  FIRN_TRY(Slab slab, MakeSlab(base, batches));
  if (base != partition.high_watermark()) {
    return Error(ErrorCode::kCorruption,
                 fmt::format("journal entry {} continues partition {} at offset {}, which ends at {}", sequence, partition.id(), base, partition.high_watermark()));
  }
  budget_.AddUnmoved(slab.memory_bytes());
  return slab;
}

Status LogContents::Replay(uint64_t sequence, DecodedEntry entry, uint64_t entry_bytes, Effects* effects) {
  base::MutexLock lock(apply_mutex_);
  auto first = entry.first_offsets.begin();
  PreparedEntry prepared;
  for (const Operation& operation : entry.operations) {
    const std::optional<TopicPartitionId> id = PartitionOf(operation);
    if (!id.has_value()) continue;
    const std::shared_ptr<Partition> partition = Find(*id);
    if (const auto* create = std::get_if<CreatePartition>(&operation)) {
      prepared.created.push_back(std::make_shared<Partition>(*id, create->config, cache_, budget_));
    } else if (partition == nullptr) {
      return Error(ErrorCode::kCorruption, fmt::format("journal entry {} is about partition {}, which does not exist", sequence, *id));
    }
    if (const auto* append = std::get_if<AppendRecords>(&operation)) {
      const Offset base = *first++;
      if (base < partition->segments().moved_end) continue;  // in a segment already
      FIRN_TRY(Slab slab, ReplaySlab(sequence, *partition, base, append->batches));
      prepared.slabs.push_back(std::move(slab));
    }
    ApplyOperation(operation, &prepared, effects);
    if (partition != nullptr) partition->ResetAssigned();
  }
  FIRN_ASSERT(first == entry.first_offsets.end() && prepared.slabs.empty() && prepared.created.empty(), "entry {} is not used up", sequence);
  meta_.Apply(sequence, entry.operations);
  applied_bytes_ += entry_bytes;
  return Ok();
}

LogContents::Cut LogContents::TakeCut() const {
  Cut cut;
  base::MutexLock lock(apply_mutex_);
  meta_.View([&](uint64_t sequence, const MetaPairs& pairs) {
    cut.sequence = sequence;
    cut.pair_bytes = EncodeMetaPairs(pairs);
    cut.pair_count = static_cast<uint32_t>(pairs.size());
  });
  cut.applied_bytes = applied_bytes_;
  cut.next_partition_id = next_partition_id_;
  cut.partitions = All();
  return cut;
}

}  // namespace firn::log
