// SPDX-License-Identifier: Apache-2.0
#include "connect/print.h"

#include <fmt/format.h>

#include "connect/options.h"
#include "connect/stateless_sink_internal.h"
#include "types/value_text.h"

namespace firn::connect {

namespace {

const std::vector<OptionRule>& PrintOptions() {
  static const std::vector<OptionRule>* const rules = new std::vector<OptionRule>{
      {"print-identifier", OptionKind::kText, false, {}, "what each line begins with"},
      {"standard-error", OptionKind::kBoolean, false, {}, "accepted; lines go to standard output"},
      {"sink.parallelism", OptionKind::kInteger, false, {}, "accepted"},
  };
  return *rules;
}

class PrintLane final : public StatelessSinkLane {
 public:
  PrintLane(std::function<void(std::string_view)> write, std::string prefix, std::string time_zone)
      : write_(std::move(write)), prefix_(prefix.empty() ? "" : prefix + "> "), time_zone_(std::move(time_zone)) {}

  Status Write(const types::Batch& batch) override {
    std::string lines;
    for (int64_t row = 0; row < batch.row_count; ++row) {
      lines += fmt::format("{}{}[", prefix_, types::RowKindText(batch.kind(row)));
      for (size_t i = 0; i < batch.columns.size(); ++i) {
        FIRN_TRY(std::string cell, types::FormatCell(*batch.columns[i], row, batch.schema->field(i).type, time_zone_));
        lines += (i > 0 ? ", " : "") + cell;
      }
      lines += "]\n";
    }
    write_(lines);
    return Ok();
  }

 private:
  const std::function<void(std::string_view)> write_;
  const std::string prefix_;
  const std::string time_zone_;
};

class PrintConnector final : public exec::Connector {
 public:
  explicit PrintConnector(std::function<void(std::string_view)> write) : write_(std::move(write)) {}
  std::string name() const override { return "print"; }
  Result<plan::SourceTraits> DescribeSource(const plan::TableDefinition& table, bool) const override { return RefuseSource(table); }
  Result<plan::SinkTraits> DescribeSink(const plan::TableDefinition& table, bool) const override {
    FIRN_RETURN_IF_ERROR(CheckOptions(table, PrintOptions()));
    plan::SinkTraits traits;
    traits.accepts = plan::kRetract;
    traits.runs_in_one_lane = true;
    return traits;
  }
  Result<std::unique_ptr<exec::Source>> MakeSource(const plan::ScanNode& scan, const exec::JobIdentity&) override { return RefuseSource(*scan.table); }
  Result<exec::Sink> MakeSink(const plan::SinkNode& node, const types::SchemaPtr&, int lanes, const exec::JobIdentity& job) override {
    auto zone = job.config.find("table.local-time-zone");
    exec::Sink sink;
    for (int i = 0; i < lanes; ++i) {
      sink.lanes.push_back(std::make_unique<PrintLane>(write_, node.table->Option("print-identifier"), zone == job.config.end() ? "UTC" : zone->second));
    }
    sink.committer = std::make_unique<NothingToCommit>();
    return sink;
  }

 private:
  const std::function<void(std::string_view)> write_;
};

}  // namespace

std::unique_ptr<exec::Connector> MakePrintConnector(std::function<void(std::string_view)> write) { return std::make_unique<PrintConnector>(std::move(write)); }

}  // namespace firn::connect
