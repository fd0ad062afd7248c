// SPDX-License-Identifier: Apache-2.0
// How a stored job is planned again: from the same text, in the same settings, over the tables and views as they were when it was submitted. A job that runs keeps its
// plan, as in Flink, and a restart of its node is nothing that its query could tell: what has been altered, dropped or made anew meanwhile counts for new jobs.
// Tables of Iceberg catalogs too: their rows are those of now, under the columns of then, which the table's own past knows by their ids.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "exec/engine.h"
#include "gateway/session.h"
#include "plan/catalog_view.h"

namespace firn::gateway {

/// The node's defaults beneath what a session or a stored job has set. Not stored: a job that sets nothing follows its node.
std::map<std::string, std::string> WithDefaults(std::map<std::string, std::string> config, const NodeServices& services);

/// Finds what `view` finds, and notes the definitions that a job planned with it needs to be planned again. `view` must outlive it. Thread-compatible.
class NotingCatalog final : public plan::CatalogView {
 public:
  explicit NotingCatalog(const plan::CatalogView& view) : view_(view) {}
  Result<plan::TableDefinitionPtr> FindTable(const plan::ObjectPath& path) const override;
  Result<plan::TableDefinitionPtr> AsChosen(plan::TableDefinitionPtr table) const override { return view_.AsChosen(std::move(table)); }
  /// By path, as exec::JobDefinition::tables holds them.
  std::vector<std::string> Definitions() const;

 private:
  const plan::CatalogView& view_;
  mutable std::map<plan::ObjectPath, plan::TableDefinitionPtr> noted_;
};

/// `services` must outlive what is returned.
exec::Engine::Replan MakeReplan(NodeServices& services);

}  // namespace firn::gateway
