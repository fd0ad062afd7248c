// SPDX-License-Identifier: Apache-2.0
// How the engine makes sources and sinks: one Connector a kind, registered at start by the node (`connect` implements them).
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "exec/sink.h"
#include "exec/source.h"
#include "io/environment.h"
#include "plan/catalog_view.h"
#include "plan/physical_plan.h"

namespace firn::exec {

struct JobIdentity {
  std::string job_id;                        // 32 hexadecimal digits
  std::map<std::string, std::string> config; // the session's settings at submission
  int64_t checkpoint_id = 0;                 // from which this run goes on; what it writes is for a later one. 0: from the beginning
};

/// Thread-safe. A connector that cannot read (write) refuses DescribeSource (DescribeSink) with kNotSupported.
class Connector {
 public:
  virtual ~Connector() = default;
  virtual std::string name() const = 0;
  virtual Result<plan::SourceTraits> DescribeSource(const plan::TableDefinition& table, bool is_batch) const = 0;
  virtual Result<plan::SinkTraits> DescribeSink(const plan::TableDefinition& table, bool is_batch) const = 0;
  virtual Result<std::unique_ptr<Source>> MakeSource(const plan::ScanNode& scan, const JobIdentity& job) = 0;
  /// See plan::ConnectorView.
  virtual Result<std::string> ExplainScan(const plan::ScanNode&) const { return std::string(); }
  virtual Result<Sink> MakeSink(const plan::SinkNode& sink, const types::SchemaPtr& input, int lanes, const JobIdentity& job) = 0;
};

/// The connectors of a node: filled at start, then only read.
class ConnectorRegistry : public plan::ConnectorView {
 public:
  void Register(std::unique_ptr<Connector> connector);
  /// kUnknownConnector with near names.
  Result<Connector*> Find(const std::string& name) const;
  std::vector<std::string> Names() const;

  Result<plan::SourceTraits> DescribeSource(const plan::TableDefinition& table, bool is_batch) const override;
  Result<plan::SinkTraits> DescribeSink(const plan::TableDefinition& table, bool is_batch) const override;
  Result<std::string> ExplainScan(const plan::ScanNode& scan) const override;

 private:
  std::map<std::string, std::unique_ptr<Connector>> connectors_;
};

}  // namespace firn::exec
