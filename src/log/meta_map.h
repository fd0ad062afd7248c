// SPDX-License-Identifier: Apache-2.0
// The meta store's map. The log keeps its own partitions in it, under "partition/" and the id in ten digits, so that a snapshot of the
// map holds everything but the records.
#pragma once

#include <map>
#include <span>

#include "base/mutex.h"
#include "log/journal.h"
#include "log/meta_store.h"

namespace firn::log {

inline constexpr std::string_view kPartitionKeyPrefix = "partition/";

/// A partition's value in the map: its config (32 bytes as in the journal), then i64 log start.
struct PartitionState {
  PartitionConfig config;
  Offset log_start{0};
};
std::string PartitionKey(TopicPartitionId id);
std::string EncodePartitionState(const PartitionState& state);
/// kCorruption if key or value have another form.
Result<std::pair<TopicPartitionId, PartitionState>> DecodePartitionState(std::string_view key, std::string_view value);

using MetaPairs = std::map<std::string, std::string, std::less<>>;

/// Thread-safe; one writer.
class MetaMap final : public MetaStore {
 public:
  std::optional<std::string> Get(std::string_view key) const override;
  std::vector<std::pair<std::string, std::string>> Scan(std::string_view prefix) const override;
  void Visit(std::string_view prefix, std::string_view from, const Visitor& visit) const override;

  /// Applies one entry as a whole. Operations on records are skipped.
  void Apply(uint64_t sequence, std::span<const Operation> operations);
  /// What a snapshot held.
  void Restore(uint64_t sequence, MetaPairs pairs);
  /// Calls `visit(sequence, pairs)` with nothing changing meanwhile.
  template <typename Visit>
  void View(const Visit& visit) const {
    base::ReaderLock lock(mutex_);
    visit(sequence_, pairs_);
  }

 private:
  void ApplyOperation(const Operation& operation) FIRN_REQUIRES(mutex_);
  // Changes a partition's value, if there is one.
  template <typename Change>
  void ChangePartition(TopicPartitionId id, const Change& change) FIRN_REQUIRES(mutex_);

  mutable base::SharedMutex mutex_;
  uint64_t sequence_ FIRN_GUARDED_BY(mutex_) = 0;  // of the last entry applied
  MetaPairs pairs_ FIRN_GUARDED_BY(mutex_);
};

}  // namespace firn::log
