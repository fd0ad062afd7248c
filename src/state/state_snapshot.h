// SPDX-License-Identifier: Apache-2.0
// What the operators of a job hand over at one checkpoint, collected in memory: immutable arrays that share the operators' buffers, so
// that taking it costs no more than making the columns. The coordinator writes it to a file later (checkpoint_files.h).
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "state/state_io.h"

namespace firn::state {

struct TableRows {
  std::string table;
  bool is_keyed = false;
  KeyedRows keyed;  // without a key: only `rows`
};

/// Of one lane of one operator.
struct LaneSnapshot {
  std::string operator_uid;
  int lane = 0;
  int parallelism = 1;
  std::vector<TableRows> tables;
};

/// Collects what one lane writes. Thread-compatible.
class SnapshotCollector final : public StateWriter {
 public:
  SnapshotCollector(std::string operator_uid, int lane, int parallelism) : snapshot_{std::move(operator_uid), lane, parallelism, {}} {}

  Status Write(std::string_view table, types::Batch rows) override;
  Status WriteKeyed(std::string_view table, KeyedRows rows) override;

  LaneSnapshot Take() && { return std::move(snapshot_); }

 private:
  LaneSnapshot snapshot_;
};

}  // namespace firn::state
