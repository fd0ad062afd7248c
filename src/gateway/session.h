// SPDX-License-Identifier: Apache-2.0
// A SQL session: settings, the current catalog and database, temporary tables; and the execution of statements in it.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "broker/topics.h"
#include "catalog/catalogs.h"
#include "exec/connector.h"
#include "exec/engine.h"
#include "gateway/statement_result.h"
#include "io/clock.h"
#include "plan/planner.h"
#include "sql/ast.h"

namespace firn::gateway {

/// What all sessions of a node share. Everything referred to must outlive them.
struct NodeServices {
  catalog::Catalogs& catalogs;
  exec::ConnectorRegistry& connectors;
  exec::Engine& engine;
  io::Clock& clock;
  const broker::Topics* topics = nullptr;  // so that one without a table can be told of; null: not
  int parallelism = 1;  // of jobs whose session sets none; another one after a restart counts for them too
};

/// Temporary tables in front of the node's catalogs. Thread-compatible.
class SessionCatalog final : public plan::CatalogView {
 public:
  explicit SessionCatalog(const NodeServices& services) : catalogs_(services.catalogs), topics_(services.topics) {}
  Result<plan::TableDefinitionPtr> FindTable(const plan::ObjectPath& path) const override;
  Result<plan::TableDefinitionPtr> AsChosen(plan::TableDefinitionPtr table) const override;
  std::map<plan::ObjectPath, plan::TableDefinitionPtr>& temporary() { return temporary_; }
  const std::map<plan::ObjectPath, plan::TableDefinitionPtr>& temporary() const { return temporary_; }

 private:
  const catalog::Catalogs& catalogs_;
  const broker::Topics* const topics_;  // may be null
  std::map<plan::ObjectPath, plan::TableDefinitionPtr> temporary_;
};

/// What a session remembers from statement to statement. Thread-compatible.
struct SessionState {
  std::map<std::string, std::string> config;
  std::map<std::string, std::string> opened_with;  // the 'firn.' settings among the properties: RESET goes back to them, of Flink's it leaves none
  std::string catalog;
  std::string database;
  SessionCatalog view;
  bool in_statement_set = false;
  std::vector<std::string> set_texts;  // the INSERTs of BEGIN STATEMENT SET
};

/// One statement at a time: Execute takes turns. Thread-safe.
class Session {
 public:
  Session(NodeServices& services, std::map<std::string, std::string> properties);

  /// Runs one statement; a SELECT's rows come through the result's stream. Errors carry spans into `text`.
  /// `settings` count for this statement only, above the session's; SET and RESET change the session's.
  Result<StatementResult> Execute(const std::string& text, const std::map<std::string, std::string>& settings = {});
  /// Runs a statement that is about the session or the catalogs; one with rows or a job of its own is refused, as there is nobody to read them.
  Status Configure(const std::string& text);
  /// What may stand at byte `position` of a statement that is being typed (statement_completion.h).
  std::vector<std::string> Complete(const std::string& text, size_t position) const;
  std::map<std::string, std::string> properties() const;
  std::string time_zone() const;

 private:
  NodeServices& services_;
  mutable base::Mutex mutex_;
  SessionState state_ FIRN_GUARDED_BY(mutex_);
};

}  // namespace firn::gateway
