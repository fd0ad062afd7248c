// SPDX-License-Identifier: Apache-2.0
// What sinks without state and without a commit share (print, blackhole), and how a connector refuses the side that it does not have.
#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

#include "exec/sink.h"
#include "plan/catalog_view.h"

namespace firn::connect {

class StatelessSinkLane : public exec::SinkLane {
 public:
  Result<std::unique_ptr<exec::SinkPart>> Prepare(int64_t) override { return std::unique_ptr<exec::SinkPart>(); }
  Status Snapshot(state::StateWriter&) override { return Ok(); }
  Status Restore(state::StateReader&) override { return Ok(); }
  int64_t state_bytes() const override { return 0; }
};

class NothingToCommit final : public exec::SinkCommitter {
 public:
  Result<exec::PreparedEffects> Prepare(const exec::CheckpointIdentity&, const std::vector<std::string>&, bool) override {
    return exec::PreparedEffects{};
  }
  void Published(const exec::CheckpointIdentity&) override {}
  void Abandoned(const exec::CheckpointIdentity&) override {}
  Status CommitOutside(const exec::CheckpointIdentity&, const std::string&) override { return Ok(); }
};

inline Error RefuseSource(const plan::TableDefinition& table) {
  return Error(ErrorCode::kNotSupported, fmt::format("{} cannot be read: the {} connector is a sink only", table.path.ToString(), table.connector));
}

inline Error RefuseSink(const plan::TableDefinition& table) {
  return Error(ErrorCode::kNotSupported, fmt::format("{} cannot be written: the {} connector is a source only", table.path.ToString(), table.connector));
}

}  // namespace firn::connect
