// SPDX-License-Identifier: Apache-2.0
#include "connect/blackhole.h"

#include "connect/options.h"
#include "connect/stateless_sink_internal.h"

namespace firn::connect {

namespace {

class BlackholeLane final : public StatelessSinkLane {
 public:
  Status Write(const types::Batch&) override { return Ok(); }
};

class BlackholeConnector final : public exec::Connector {
 public:
  std::string name() const override { return "blackhole"; }
  Result<plan::SourceTraits> DescribeSource(const plan::TableDefinition& table, bool) const override { return RefuseSource(table); }
  Result<plan::SinkTraits> DescribeSink(const plan::TableDefinition& table, bool) const override {
    FIRN_RETURN_IF_ERROR(CheckOptions(table, {}));
    return plan::SinkTraits{.accepts = plan::kRetract, .supports_overwrite = true};
  }
  Result<std::unique_ptr<exec::Source>> MakeSource(const plan::ScanNode& scan, const exec::JobIdentity&) override {
    return RefuseSource(*scan.table);
  }
  Result<exec::Sink> MakeSink(const plan::SinkNode&, const types::SchemaPtr&, int lanes, const exec::JobIdentity&) override {
    exec::Sink sink;
    for (int i = 0; i < lanes; ++i) sink.lanes.push_back(std::make_unique<BlackholeLane>());
    sink.committer = std::make_unique<NothingToCommit>();
    return sink;
  }
};

}  // namespace

std::unique_ptr<exec::Connector> MakeBlackholeConnector() { return std::make_unique<BlackholeConnector>(); }

}  // namespace firn::connect
