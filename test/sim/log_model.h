// SPDX-License-Identifier: Apache-2.0
// What a store must hold: every entry that was given to its journal, with what its caller knows of it. Entries take effect in the order in which
// they were given, whole. After a crash the store says how far it got (the key kLastKey, which every entry puts); it must have got at least as
// far as anybody has seen, and then hold exactly what all entries up to there amount to, but for those that were refused.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "log/store.h"

namespace firn::sim {

inline constexpr const char* kLastKey = "last";

/// A record's value names its entry and place, so that every record is different.
struct ModelPartition {
  log::PartitionConfig config;
  int64_t log_start = 0;
  std::vector<std::string> values;      // by offset, from 0
  std::vector<int64_t> timestamps_ms;   // of each
};

struct ModelState {
  std::map<std::string, std::string> pairs;
  std::map<uint32_t, ModelPartition> partitions;
};

/// Operations in the model's own terms: records are their values.
struct ModelOperation {
  enum class Kind { kAppend, kPut, kDelete, kCreate, kConfigure, kDrop, kLogStart } kind;
  uint32_t partition = 0;
  std::vector<std::string> values;
  int64_t timestamp_ms = 0;
  std::string key, value;
  int64_t offset = 0;
  log::PartitionConfig config;
};

struct ModelEntry {
  uint64_t number = 0;
  std::vector<ModelOperation> operations;
  bool is_pending = true;  // else its outcome is unknown: it may be there after a restart
};

class LogModel {
 public:
  /// As all that was given and not refused leaves it: what new operations are made for.
  const ModelState& expected() const { return expected_; }
  /// A new entry, with a Put of kLastKey added. The reference is good until the next call.
  const ModelEntry& Add(std::vector<ModelOperation> operations);
  /// The entry's callback has run. Callbacks come in the order of the entries.
  void Settle(uint64_t number, const Result<log::Committed>& outcome);
  size_t pending_count() const { return pending_count_; }
  uint64_t acked_count() const { return acked_count_; }
  /// From now on an entry may be refused for what one refused before it would have made.
  void ExpectRefusals() { are_refusals_expected_ = true; }
  /// Log starts may move by themselves.
  void ExpectRetention() { is_retention_expected_ = true; }

  /// What anybody could see in the running store: it may not be taken back.
  void Observe(log::Store& store);
  /// Holds a store that was just opened against the model, and goes on from what it holds.
  void CheckRecovered(log::Store& store);
  /// Reads at an offset that was acknowledged, whatever is under way. It may be gone again by entries that are not answered yet.
  void CheckRead(log::Store& store, uint32_t partition, int64_t offset, int64_t max_bytes) const;
  const ModelState& settled() const { return settled_; }
  /// Holds the whole content of a store in which nothing is under way against the model.
  void CheckContent(log::Store& store) const { CheckState(store, expected_); }

 private:
  void CheckState(log::Store& store, const ModelState& state) const;
  void CheckPartition(log::PartitionLog& log, const ModelPartition& partition) const;
  void CheckLookups(log::PartitionLog& log, const ModelPartition& partition) const;
  static std::vector<int64_t> Apply(const ModelEntry& entry, ModelState* state);

  ModelState settled_;                  // what is known to be there
  std::deque<ModelEntry> open_;         // pending or unknown, in order
  ModelState expected_;                 // settled_ and open_
  uint64_t last_number_ = 0;
  uint64_t acked_number_ = 0;
  uint64_t seen_number_ = 0;            // of kLastKey
  std::map<uint32_t, int64_t> seen_ends_;  // high watermarks, by partition
  size_t pending_count_ = 0;
  uint64_t acked_count_ = 0;
  bool are_refusals_expected_ = false;
  bool is_retention_expected_ = false;
};

/// The operation for the journal.
log::Operation OperationOf(const ModelOperation& operation);

}  // namespace firn::sim
