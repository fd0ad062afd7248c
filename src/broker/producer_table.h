// SPDX-License-Identifier: Apache-2.0
// Idempotent producers: which batches of each producer a partition has taken, so that a batch sent again is answered with its first offset
// and neither a gap nor a repetition gets into the log (KIP-98).
//
// Of each (partition, producer) the last five batches are known, as a Java producer has at most five in flight. The state is one value in the meta
// store, put there by the same journal entry as the batch itself (docs/formats/meta-keys.md): it survives a crash exactly as far as the
// batches do, and starting costs nothing. In memory is only a cache of it, plus what is in flight.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "broker/meta_records.h"
#include "broker/meta_walk.h"
#include "broker/options.h"
#include "kafka/error_code.h"
#include "kafka/record_batch.h"
#include "log/store.h"

namespace firn::broker {

/// One batch that was accepted: in flight until its offset is known or it has failed.
struct AcceptedBatch {
  ProducerBatch batch;
  bool is_in_flight = true;
  /// Duplicates that came while it was in flight: told the offset, or the code of the failure.
  std::vector<std::function<void(kafka::KafkaCode, int64_t offset)>> waiting;
};

/// Lives on the broker's queue.
class ProducerTable {
 public:
  ProducerTable(log::Store& store, const BrokerOptions& options) : store_(store), options_(options) {}

  struct Verdict {
    kafka::KafkaCode code = kafka::KafkaCode::kNone;
    /// Accepted: the batch and the Put for the entry that appends it.
    std::shared_ptr<AcceptedBatch> accepted;
    std::optional<log::Put> put;
    /// Duplicate: what it repeats.
    std::shared_ptr<AcceptedBatch> repeated;
  };
  /// Judges a batch with a producer id. An accepted one must be given to Finish once its entry is durable or has failed.
  Verdict Accept(const log::PartitionLog& log, const kafka::RecordBatchView& batch, int64_t now_ms);
  void Finish(log::TopicPartitionId partition, int64_t producer_id, AcceptedBatch& batch, kafka::KafkaCode code, int64_t offset);
  /// A batch that was taken and whose offset was not known when the state was written.
  struct Sought {
    int64_t producer_id = -1;
    int16_t epoch = -1;
    int32_t first_sequence = -1;
    int64_t search_from = 0;
  };
  /// Its offset; -1 if it is gone from the log. Reads the log, so it blocks: beside the queue. Thread-safe.
  static int64_t FindBatch(const log::PartitionLog& log, const Sought& sought);

  /// Drops cached states when there are too many; they are read again when needed.
  void TrimCache();
  /// Of the states in `stored`, as the meta store has them at this moment: forgets producers that have been silent for producer_expiration_ms, and all of partitions that are gone. Returns the keys of their states, which are the caller's to
  /// delete before anything else is appended. One with a batch in flight is not silent, whatever the meta store still says.
  std::vector<std::string> ForgetExpired(int64_t now_ms, PairSlice stored);

  struct IdBlock {
    int64_t first = 0;
    log::Put put;  // must be durable before an id of the block is given out
  };
  /// The next block of producer ids.
  Result<IdBlock> NextIdBlock(int64_t size);

 private:
  struct Key {
    log::TopicPartitionId partition;
    int64_t producer_id = 0;
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    size_t operator()(const Key& key) const;
  };
  struct State {
    int16_t epoch = -1;
    int64_t last_time_ms = 0;
    int in_flight = 0;
    bool has_failed = false;   // a batch in flight failed: refuse what follows it, read the state again once all have ended
    std::deque<std::shared_ptr<AcceptedBatch>> batches;
  };
  State* Load(const Key& key);
  static kafka::KafkaCode CheckSequence(const State& state, const kafka::RecordBatchView& batch);
  static std::string Encode(const State& state);

  log::Store& store_;
  const BrokerOptions& options_;
  std::unordered_map<Key, State, KeyHash> states_;
  int64_t next_id_ = -1;  // -1: not read yet
};

}  // namespace firn::broker
