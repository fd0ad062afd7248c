// SPDX-License-Identifier: Apache-2.0
// Drives one operator in tests: rows in, changes out, its state through a checkpoint, to as many lanes as one likes. Rows are lists of small numbers, NULL as
// nullopt: INTs, timestamps as milliseconds, and BOOLEANs.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "exec/operator.h"
#include "exec/operator_metrics.h"
#include "exec/operators_internal.h"
#include "expr/aggregate_function.h"
#include "io/simulated_environment.h"
#include "state/checkpoint_files.h"
#include "state/state_snapshot.h"

namespace firn::exec {

using IntRow = std::vector<std::optional<int32_t>>;

struct Change {
  types::RowKind kind = types::RowKind::kInsert;
  IntRow row;
};

/// A call of an aggregate function over INT columns.
expr::AggregateCall AggregateOfInts(const char* name, std::vector<int> arguments);

/// A relation: how often each row is there.
using Relation = std::map<IntRow, int64_t>;

types::SchemaPtr IntSchema(size_t columns);
types::Batch MakeBatch(const types::SchemaPtr& schema, const std::vector<Change>& changes);
std::vector<Change> ChangesOf(const types::Batch& batch);
/// Applies changes in order; a row that is taken back must be there.
void Apply(const std::vector<Change>& changes, Relation* relation);

/// INTs of three key groups, which lie in different lanes as soon as there are two or three; one of them is that of NULL. So a few keys make key groups of which
/// a checkpoint writes the changes only.
std::vector<int32_t> KeysOfFewGroups(size_t count);

class OperatorRig final : public Output {
 public:
  using Maker = std::function<Result<OperatorPtr>()>;
  /// The node that `maker` uses outlives the rig. `keys`: the columns of each input by which its rows go to lanes; none: there is one lane, always.
  explicit OperatorRig(Maker maker, std::vector<std::vector<int>> keys = {});

  void Process(int input, const types::Batch& batch);
  void SetTime(int64_t now_ms);
  /// From the next restart on.
  void SetTimeZone(std::string time_zone) { time_zone_ = std::move(time_zone); }
  void Timer(int64_t now_ms);
  void Advance(int64_t watermark_ms);
  void EndInput(int input);
  void Finish();
  /// Stores what has changed since the last one, through the files of a real checkpoint. Its rows, whatever they are of.
  int64_t Checkpoint();
  /// A checkpoint, then new operators that start from it, as after a crash.
  void Restart(int parallelism = 1);
  const state::Manifest& manifest() const { return manifest_; }

  /// That of the first lane.
  Operator& op() { return *lanes_[0]->op; }
  /// What came out since the last call.
  std::vector<Change> TakeChanges() { return std::exchange(changes_, {}); }

  void Emit(types::Batch batch) override;
  void EmitWatermark(types::Watermark) override {}

 private:
  struct Lane {
    OperatorContext context;
    OperatorPtr op;
  };
  void Open(int parallelism);

  Maker maker_;
  const std::vector<std::vector<int>> keys_;
  OperatorMetrics metrics_;
  int64_t now_us_ = 0;
  std::string time_zone_ = "UTC";
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::vector<Change> changes_;
  io::SimulatedEnvironment environment_{1};
  state::CheckpointFiles files_{environment_.environment().files, "state"};
  state::Manifest manifest_;
  int64_t checkpoint_ = 0;
};

}  // namespace firn::exec
