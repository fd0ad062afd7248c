// SPDX-License-Identifier: Apache-2.0
// The records that one poll of the Kafka source takes out of record batches, as the format's decoder wants them: views, nothing is copied.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "formats/record_format.h"
#include "kafka/record_batch.h"

namespace firn::connect {

/// Thread-compatible. Used again from poll to poll: Clear lets go of the log's memory and keeps the lists' own, so that they do not grow anew each time.
class KafkaRecords {
 public:
  struct Wanted {
    bool wants_keys = false;
    bool wants_views = false;  // what metadata columns are made of
  };

  KafkaRecords() = default;
  explicit KafkaRecords(const Wanted& wanted) : wanted_(wanted) {}

  /// Appends the records of `batch` with offsets from `begin` on and before `end`, or none and the reason. `slab` is where the batch stands; what was
  /// taken is valid as long as it is held.
  Status Take(const base::SharedBytes& slab, const kafka::RecordBatchView& batch, int64_t begin, int64_t end);
  /// Keeps `slab` until Clear.
  void Hold(base::SharedBytes slab);
  void Clear();

  bool empty() const { return values_.empty(); }
  size_t size() const { return values_.size(); }
  /// Enough for a poll of `max_rows`, by rows or by the bytes that are held.
  bool IsFull(int64_t max_rows) const;
  /// Of record `index`.
  int64_t offset(size_t index) const;

  const std::vector<formats::RawRecord>& values() const { return values_; }
  /// As values(), where keys are wanted; else empty.
  const std::vector<formats::RawRecord>& keys() const { return keys_; }
  /// Of record `index`, where views are wanted.
  const kafka::RecordView& view(size_t index) const { return views_[index]; }
  bool has_append_time(size_t index) const { return has_append_time_[index] != 0; }

 private:
  void CutTo(size_t count);

  Wanted wanted_;
  std::vector<base::SharedBytes> slabs_;
  std::vector<std::unique_ptr<std::string>> scratches_;  // decompressed batches
  std::vector<formats::RawRecord> values_;
  std::vector<formats::RawRecord> keys_;
  std::vector<kafka::RecordView> views_;
  std::vector<char> has_append_time_;
  struct Run {
    size_t index;
    int64_t offset;
  };
  std::vector<Run> runs_;  // records with offsets in a row, by their first one, ascending
  size_t bytes_ = 0;  // of slabs_ and scratches_
};

}  // namespace firn::connect
